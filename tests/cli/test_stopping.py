"""Commands that are stopped: they end soon, say so, and leave everything as it was."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kezhi import workspace
from kezhi.workspace import PARTIAL, finished_folder, partial_of

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
SOON = 5.0  # seconds, for a slow machine; it is a fraction of a second
LONG = 120.0


@pytest.fixture(scope="module")
def orders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some hundred thousand order lines, so that a stage lasts long enough to be met."""
    rng = np.random.default_rng(5)
    lines = 200_000
    path = tmp_path_factory.mktemp("log") / "orders.parquet"
    columns = {
        "customer_id": [f"C{number}" for number in rng.integers(0, 80_000, lines)],
        "date": np.datetime64("2023-01-01") + rng.integers(0, 730, lines).astype("timedelta64[D]"),
        "amount": np.round(rng.gamma(2.0, 20.0, lines), 2) + 0.01,
    }
    pq.write_table(pa.table(columns), path)
    return path


class Command:
    """A command in a process of its own, whose news are heard."""

    def __init__(self, folder: Path, *arguments: object) -> None:
        self.scratch = folder / "scratch"
        self.scratch.mkdir()
        call = [sys.executable, "-c", "from kezhi.cli import main; main()", *map(str, arguments), "--json"]
        self.process = subprocess.Popen(
            call,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"TMPDIR": str(self.scratch)},
        )
        self.heard: list[dict[str, Any]] = []
        self._news = threading.Condition()
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _listen(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as lines:
            for line in lines:
                with self._news:
                    self.heard.append(json.loads(line))
                    self._news.notify_all()

    def wait_for(self, stage: str) -> None:
        """Until the stage has begun."""
        with self._news:
            assert self._news.wait_for(lambda: any(one["stage"] == stage for one in self.heard), LONG)

    def stop(self, number: signal.Signals) -> int:
        """Send a signal; the exit code, which must come soon."""
        sent = time.monotonic()
        self.process.send_signal(number)
        try:
            code = self.process.wait(LONG)
        finally:
            self.process.kill()
            self._thread.join()
        assert time.monotonic() - sent < SOON
        return code


@pytest.mark.parametrize(
    ("command", "stage", "after", "number"),
    [
        ("run", "read", 0.0, signal.SIGINT),
        ("import", "import", 0.1, signal.SIGINT),
        ("book", "value", 0.5, signal.SIGTERM),
    ],
)
def test_a_stopped_command_leaves_everything_as_it_was(
    command: str, stage: str, after: float, number: signal.Signals, orders: Path, tmp_path: Path
) -> None:
    place = tmp_path / "place"
    place.mkdir()
    arguments = {
        "run": ("run", orders, "--out", place / "result", "--model", "auto"),
        "import": ("import", "orders", orders, "--workspace", place),
        "book": ("run", orders, "--workspace", place, "--model", "auto"),
    }[command]
    started = Command(tmp_path, *arguments)
    started.wait_for(stage)
    time.sleep(after)
    assert started.stop(number) == 128 + number
    assert [one["event"] for one in started.heard].count("cancelled") == 1
    assert started.heard[-1]["event"] == "cancelled"
    assert started.heard[-1]["text"]["zh"]
    assert not list(place.iterdir())
    assert not list(started.scratch.iterdir())


def test_a_killed_run_is_swept_by_the_next_in_that_place(tmp_path: Path) -> None:
    """Of a process that is gone; what a living one writes beside it, even under a longer name, stays."""
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    mine = partial_of(tmp_path / "out-2")
    theirs = tmp_path / partial_of(tmp_path / "out").name.replace(f"-{os.getpid()}-", f"-{int(dead.stdout)}-")
    for left in (mine, theirs):
        left.mkdir()
    with finished_folder(tmp_path / "out") as folder:
        (folder / "manifest.json").write_text("{}", encoding="utf-8")
        assert not theirs.exists()
    assert mine.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([mine.name, "out"])


def test_an_earlier_result_comes_back_when_its_replacement_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with finished_folder(tmp_path / "out") as folder:
        (folder / "manifest.json").write_text("first", encoding="utf-8")
    moved: list[Path] = []
    move = Path.replace

    def stopped_at_the_second(path: Path, target: Path) -> Path:
        moved.append(path)
        if len(moved) == 2:
            raise KeyboardInterrupt
        return move(path, target)

    monkeypatch.setattr(workspace.Path, "replace", stopped_at_the_second)
    with pytest.raises(KeyboardInterrupt), finished_folder(tmp_path / "out") as folder:
        (folder / "manifest.json").write_text("second", encoding="utf-8")
    assert (tmp_path / "out" / "manifest.json").read_text(encoding="utf-8") == "first"
    assert not list(tmp_path.glob(f"{PARTIAL}*"))
