"""The web application over a large company: the time of every page, its size, the memory, and many readers at once.

    python benches/web.py [--customers 1000000] [--rounds 9] [--readers 50] [--seconds 60] [--folder DIR] [--out FILE]

A company of simulated orders (web_company.py), served as `kezhi serve --web` serves it. Pages are asked one after the
other, over HTTP, by an administrator; what is timed is from the request to the last byte of the page. Then so many
readers ask for pages at once, with a second of reading between two pages, while `kezhi run` works on the same company.
"""

from __future__ import annotations

import argparse
import http.client
import os
import random
import re
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from measuring import Row, _memory_of, describe, facts, keep, kezhi_command, room
from pages import printed, web_pages_table
from web_company import make

LIMIT_MS, LIMIT_MB, LIMIT_PAGE_MB = 300, 400, 2
READING = 1.0  # seconds between two pages of one reader
SORTS = ("forecast_value", "value", "purchases", "last_purchase", "customer_id")


@dataclass(frozen=True)
class Site:
    """A served company: where, and as whom to ask."""

    port: int
    cookie: str
    process: int

    def get(self, path: str) -> tuple[int, bytes, float]:
        """Status, page, and seconds to its last byte; 0 where nobody answered."""
        begun = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("GET", path, headers={"Cookie": self.cookie, "Accept-Language": "en"})
            answer = connection.getresponse()
            return answer.status, answer.read(), time.perf_counter() - begun
        except (OSError, http.client.HTTPException):
            return 0, b"", time.perf_counter() - begun
        finally:
            connection.close()


@contextmanager
def served(place: Path) -> Iterator[Site]:
    """The pages of a workspace on a free port."""
    environment = os.environ | {"KEZHI_WORKSPACE": str(place)}
    program = [sys.executable, "-m", "kezhi_web"]
    subprocess.run([*program, "migrate", "--verbosity", "0"], env=environment, check=True)
    for command in ("prepare", "prepare_list"):  # what the worker does after each run
        subprocess.run([*program, command, _newest(place)], env=environment, check=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = kezhi_command("serve", "--web", "--workspace", str(place), "--port", str(port))
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        site = Site(port, _cookie(place), process.pid)
        for _ in range(300):
            if site.get("/login")[0]:
                break
            time.sleep(0.1)
        yield site
    finally:
        process.terminate()
        process.wait(20)


def _newest(place: Path) -> str:
    from kezhi.workspace import Workspace

    run = Workspace(place).latest_run()
    assert run is not None, "the company has no run"
    return run.name


_SIGN_IN = """
import django; django.setup()
from django.contrib.auth import get_user_model, HASH_SESSION_KEY, BACKEND_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from kezhi_web.people.models import Person
user, made = get_user_model().objects.get_or_create(username="benchmark")
Person.objects.filter(user=user).update(role="administrator")
session = SessionStore()
session[SESSION_KEY], session[BACKEND_SESSION_KEY] = str(user.pk), "django.contrib.auth.backends.ModelBackend"
session[HASH_SESSION_KEY] = user.get_session_auth_hash()
session.create()
print(session.session_key)
"""


def _cookie(place: Path) -> str:
    environment = os.environ | {"KEZHI_WORKSPACE": str(place), "DJANGO_SETTINGS_MODULE": "kezhi_web.settings"}
    made = subprocess.run([sys.executable, "-c", _SIGN_IN], env=environment, capture_output=True, text=True, check=True)
    return f"sessionid={made.stdout.strip()}"


def pages(site: Site) -> dict[str, str]:
    """Every page of the menu, the list asked in several ways, and a customer; by a name for the table."""
    _, start, _ = site.get("/")
    menu = re.findall(rb'<nav id="places".*?</nav>', start, re.DOTALL)[0]
    found = {path.decode(): path.decode() for path in re.findall(rb'<a href="(/[^"]*)"', menu)}
    _, listed, _ = site.get("/customers")
    customers = [path.decode() for path in re.findall(rb'href="(/customers/[^"?#]+)', listed)]
    found |= {f"customers by {name}": f"/customers?sort={name}" for name in SORTS}
    found["customers, filtered"] = "/customers?filter=" + quote("idle_periods >= 2 and value > 100")
    found["customers, searched"] = "/customers?search=" + quote("0012")
    following = re.findall(rb'rel="next"[^>]*href="([^"]+)"|href="([^"]+)"[^>]*rel="next"', listed)
    if following:
        path = (following[0][0] or following[0][1]).decode().replace("&amp;", "&")
        found["customers, the next page"] = path if path.startswith("/") else f"/customers{path}"
    if customers:
        found["one customer"] = customers[0]
    return found


def one_by_one(site: Site, asked: dict[str, str], rounds: int) -> list[Row]:
    """Every page so many times, in turns; the first visit apart."""
    rows: dict[str, Row] = {}
    times: dict[str, list[float]] = {name: [] for name in asked}
    for turn in range(rounds + 1):
        for name, path in asked.items():
            status, body, seconds = site.get(path)
            if turn == 0:
                rows[name] = {
                    "page": name,
                    "status": status,
                    "first_ms": round(seconds * 1000),
                    "kb": len(body) // 1024,
                }
            else:
                times[name].append(seconds)
    for name, row in rows.items():
        row["median_ms"] = round(statistics.median(times[name]) * 1000)
        row["slowest_ms"] = round(max(times[name]) * 1000)
    return list(rows.values())


def at_once(site: Site, asked: dict[str, str], readers: int, seconds: float, place: Path) -> Row:
    """So many readers for so long, while a run of the same company is at work."""
    statuses: Counter[int] = Counter()
    times: list[float] = []
    lock, end = threading.Lock(), time.monotonic() + seconds
    paths = list(asked.values())

    def read(seed: int) -> None:
        chance = random.Random(seed)
        time.sleep(chance.random() * READING)
        while time.monotonic() < end:
            status, _, took = site.get(chance.choice(paths))
            with lock:
                statuses[status] += 1
                times.append(took)
            time.sleep(READING)

    run = subprocess.Popen(
        kezhi_command("run", "--workspace", str(place), "--model", "pareto_nbd"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        threads = [threading.Thread(target=read, args=(number,)) for number in range(readers)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        still = run.poll() is None
    finally:
        run.terminate()
        run.wait()
    return {
        "readers": readers,
        "seconds": seconds,
        "pages": sum(statuses.values()),
        "errors": sum(count for status, count in statuses.items() if status not in (200, 302)),
        "statuses": {str(status): count for status, count in statuses.items()},
        "median_ms": round(statistics.median(times) * 1000),
        "p95_ms": round(sorted(times)[int(len(times) * 0.95)] * 1000),
        "run_lasted": still,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--readers", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--folder", type=Path, help="keeps the company; default temporary")
    parser.add_argument("--out", type=Path, help="put the results into this JSON file")
    given = parser.parse_args()
    known = facts()
    print(describe(known), flush=True)
    with room(given.folder) as place:
        company = make(given.customers, place.logs / f"company-{given.customers}")
        with served(company) as site:
            asked = pages(site)
            rows = one_by_one(site, asked, given.rounds)
            alone = _memory_of(site.process)[1] // 1024
            many = at_once(site, asked, given.readers, given.seconds, company) if given.readers else {}
            most = _memory_of(site.process)[1] // 1024
    print(printed(web_pages_table(rows, "en")))
    print(f"memory of the web process: {alone} MiB after one reader, {most} MiB at most; readers at once: {many}")
    slow = [row["page"] for row in rows if row["median_ms"] > LIMIT_MS]
    large = [row["page"] for row in rows if row["kb"] > LIMIT_PAGE_MB * 1024]
    print(
        f"over {LIMIT_MS} ms: {slow or 'none'}; over {LIMIT_PAGE_MB} MB: {large or 'none'}; memory limit {LIMIT_MB} MB"
    )
    told = {"pages": rows, "alone_mib": alone, "memory_mib": most, "at_once": many}
    keep(given.out, [known | {"customers": given.customers} | told])


if __name__ == "__main__":
    main()
