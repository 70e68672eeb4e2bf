"""From `make demo` on a bare checkout to the overview of a manager who has signed in, and the same the second time.

    python benches/web_start.py [--out FILE.json]

Copies what git knows of this checkout to a folder of its own, so that environment, company and analysis are made anew;
the package index's cache is that of this machine. Processor seconds are those of all processes together: they tell
more than the clock where others work on the same machine.
"""

from __future__ import annotations

import argparse
import http.cookiejar
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from measuring import facts, keep

ROOT = Path(__file__).resolve().parents[1]
PATIENCE = 600.0


def main() -> None:
    """Print, and keep, the seconds of both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    known = facts()
    with TemporaryDirectory(prefix="kezhi-start-") as made:
        checkout = _checkout(Path(made) / "kezhi")
        found = {"first": _started(checkout), "second": _started(checkout)}
    for name, spent in found.items():
        print(f"{name:7} {spent['seconds']:6.1f} s, of which {spent['overview_seconds']:.2f} s for the overview; "
              f"{spent['processor_seconds']:.1f} s of the processor")  # fmt: skip
    keep(given.out, [known | {"command": "make demo", "time": name} | spent for name, spent in found.items()])


def _checkout(place: Path) -> Path:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    for name in filter(None, listed.decode().split("\0")):
        if (ROOT / name).is_file():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, place / name)
    return place


def _started(checkout: Path) -> dict[str, float]:
    """Seconds until the overview is there."""
    environment = {key: value for key, value in os.environ.items() if key not in ("VIRTUAL_ENV", "MAKEFLAGS")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # a user's machine keeps what it has compiled
    used, begun, log = _processor(), time.perf_counter(), checkout / "demo.log"
    with log.open("w") as out:
        command = ["make", "demo", f"PYTHON={getattr(sys, '_base_executable', sys.executable)}"]
        process = subprocess.Popen(command, cwd=checkout, stdout=out, stderr=subprocess.STDOUT, env=environment,
                                   start_new_session=True)  # fmt: skip
    try:
        address = _address(log, process)
        before = time.perf_counter()
        _overview(address)
        now = time.perf_counter()
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(60)
    return {"seconds": round(now - begun, 1), "overview_seconds": round(now - before, 2),
            "processor_seconds": round(_processor() - used, 1)}  # fmt: skip


def _address(log: Path, process: subprocess.Popen[Any]) -> str:
    end = time.perf_counter() + PATIENCE
    while time.perf_counter() < end and process.poll() is None:
        found = re.search(r"http://127\.0\.0\.1:\d+", log.read_text())
        if found:
            return found[0]
        time.sleep(0.05)
    raise SystemExit(f"make demo did not serve:\n{log.read_text()[-3000:]}")


def _overview(address: str) -> None:
    """Sign in as a demo account and see the first page."""
    jar = http.cookiejar.CookieJar()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    browser.open(f"{address}/login").read()
    token = next(cookie.value for cookie in jar if "csrf" in cookie.name)
    form = {"username": "administrator", "password": "kezhi-demo", "csrfmiddlewaretoken": token}
    asked = urllib.request.Request(f"{address}/login", urllib.parse.urlencode(form).encode(), {"Referer": address})
    page = browser.open(asked).read().decode()
    assert "/login" not in page[:5000] or "leads" in page, "not signed in"
    assert 'class="leads' in page or "<h1>" in page, "no overview"


def _processor() -> float:
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


if __name__ == "__main__":
    main()
