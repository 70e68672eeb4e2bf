"""kezhi serve, really started once: pages, worker, a worker that is killed, and the end."""

from __future__ import annotations

import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from kezhi.language import KezhiError, Text
from kezhi_web import serving

PATIENCE = 60.0  # seconds; the machine may be busy


def _until(true: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.1)


def _get(address: str) -> tuple[int, str]:
    with urllib.request.urlopen(address, timeout=PATIENCE) as answer:
        return answer.status, answer.read().decode()


def _sql(place: Path, statement: str, *values: object) -> list[tuple[object, ...]]:
    database = sqlite3.connect(place / "web" / "kezhi.sqlite3", timeout=20, isolation_level=None)
    try:
        return database.execute(statement, values).fetchall()
    finally:
        database.close()


@pytest.mark.skipif(os.name != "posix", reason="ends processes as POSIX does")
def test_it_serves_works_and_stops(tmp_path: Path) -> None:
    """The first account's code is printed, the worker does a job, dies, is back, and all end with the server."""
    place, log = tmp_path / "acme", tmp_path / "log"
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("KEZHI_", "DATABASE_"))}
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "kezhi", "serve", "--workspace", str(place), "--port", "0", "--lang", "en"],
            stdout=out,
            stderr=subprocess.STDOUT,
            env=environment,
        )
    try:
        _until(lambda: "first" in log.read_text() or process.poll() is not None, "the address")
        said = log.read_text()
        found = re.search(r"http://127\.0\.0\.1:\d+/", said)
        assert found, said
        assert re.search(r"code: (\w{4}-){3}\w{4}", said)
        assert _get(f"{found[0]}healthz") == (200, "ok\n")
        status, page = _get(f"{found[0]}login")
        assert status == 200
        assert "<form" in page
        worker = _worker(process.pid)
        assert worker, f"no worker was started: {log.read_text()}"
        _ask(place)
        _until(lambda: _sql(place, "select state from runs_job")[0][0] == "failed", "the job")
        os.kill(worker, signal.SIGKILL)
        _until(lambda: _worker(process.pid) not in (0, worker), "another worker")
        assert "started again" in log.read_text()
        process.terminate()
        assert process.wait(PATIENCE) == 0, log.read_text()
        assert _worker(process.pid) == 0
        assert "Traceback" not in log.read_text()
    finally:
        process.kill()
        process.wait()


def _worker(parent: int) -> int:
    """The process that works for this server; 0 where there is none."""
    command = ["ps", "-A", "-ww", "-o", "pid=", "-o", "ppid=", "-o", "args="]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for line in listed.splitlines():
        number, above, *called = line.split(None, 2)
        if int(above) == parent and called and "lifeline kezhi_web work" in called[0]:
            return int(number)
    return 0


def _ask(place: Path) -> None:
    """A job that the queue does not know of, as if the server had been killed right after it was asked for.

    Asked for now: a job of long ago is forgotten once it has failed, perhaps before anybody looks.
    """
    _sql(
        place,
        "insert into runs_job (kind, asked, by, state, share, told, result, cancel, tries, asked_at) "
        "values ('from_tomorrow', '{}', '', 'waiting', 0, '{}', '{}', 0, 0, datetime('now'))",
    )


def test_a_port_in_use_is_told_with_another() -> None:
    """One sentence, before anything is started."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        with pytest.raises(KezhiError) as raised:
            serving.free(serving.Place(Path(), port=port))
    assert f"--port {port + 1}" in raised.value.text.en


def test_without_a_port_the_first_free_one_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """For the demo, which is to open whatever else runs on the machine."""
    taken = {8000, 8001}

    def check(host: str, port: int) -> None:
        if port in taken:
            raise KezhiError(Text("taken", "占用"))

    monkeypatch.setattr(serving, "_check", check)
    assert serving.free(serving.Place(Path(), port=None)) == 8002


def test_an_address_of_another_machine_is_told() -> None:
    """And how to listen on all of this one's."""
    with pytest.raises(KezhiError) as raised:
        serving.free(serving.Place(Path(), host="192.0.2.1", port=0))
    assert "0.0.0.0" in raised.value.text.en


def test_a_browser_on_this_machine_gets_an_address_it_can_open() -> None:
    """Listening everywhere is no address."""
    assert serving.Place(Path(), host="0.0.0.0").address(80) == "http://127.0.0.1:80/"
    assert serving.Place(Path(), host="::1").address(8000) == "http://[::1]:8000/"
