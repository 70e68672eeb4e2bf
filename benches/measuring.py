"""What all benchmarks share: a command timed with the memory of all its processes, the machine, results kept as JSON.

Memory is what the command and every process it started held at once, looked at fifty times a second and added up, so
that pages which two of them share count twice; and it is never less than the most that one of them ever held. Both are
read from /proc; where there is none (macOS), only the most that a single process held is known.

A results file is {"rows": [...]}. Every row carries the day, the machine and the versions it was measured with, and
takes the place of an earlier row that answers the same question (the same values of the names in `KEYS`).
"""

from __future__ import annotations

import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

Row = dict[str, Any]

HERE = Path(__file__).parent
PROC = Path("/proc")
LOOK_EVERY = 0.02  # seconds
SEED = 20251122
KEYS = ("customers", "model", "peer", "job", "command", "time", "memory_limit", "threads")
PACKAGES = {
    "kezhi": "kezhi",
    "DuckDB": "duckdb",
    "Ibis": "ibis-framework",
    "numpy": "numpy",
    "scipy": "scipy",
    "PyArrow": "pyarrow",
}


@dataclass(frozen=True)
class Measured:
    """A command that has ended: wall seconds, GiB that all its processes held at most, what it printed."""

    seconds: float
    peak_gib: float
    output: str


# --- running commands


def measured(command: Sequence[str], *, folder: Path | None = None, accepted: Sequence[int] = (0,)) -> Measured:
    """Run a command (in `folder`) to its end; SystemExit with what it complained of when it fails."""
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as complaints:
        begun = time.perf_counter()
        process = subprocess.Popen(command, stdout=output, stderr=complaints, env=_environment(), cwd=folder)
        memory = _Memory(process.pid)
        try:
            process.wait()
            seconds = time.perf_counter() - begun
        finally:
            if process.poll() is None:
                process.terminate()
            peak = memory.peak()
        output.seek(0)
        complaints.seek(0)
        if process.returncode not in accepted:
            told = complaints.read().strip().splitlines()[-20:]
            raise SystemExit("\n".join([f"ended with {process.returncode}: {' '.join(command)}", *told]))
        return Measured(seconds, peak / 1024**2, output.read())


def _environment() -> dict[str, str]:
    """Ours, with compiled Python files kept from one process to the next, as they are for everybody else."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


class _Memory:
    """Looks at the processes of a command until it is asked for the most they held (KiB)."""

    def __init__(self, root: int) -> None:
        self._root, self._most, self._done = root, 0, threading.Event()
        self._watch = threading.Thread(target=self._look, daemon=True)
        if PROC.is_dir():
            self._watch.start()

    def peak(self) -> int:
        """The most so far; ends the watch."""
        self._done.set()
        if not PROC.is_dir():  # macOS counts in bytes
            return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
        self._watch.join()
        return self._most

    def _look(self) -> None:
        while not self._done.wait(LOOK_EVERY):
            held = [_memory_of(process) for process in _family(self._root)]
            self._most = max([self._most, sum(now for now, _ in held), *(ever for _, ever in held)])


def _family(root: int) -> Iterable[int]:
    """A process and all that descend from it."""
    waiting = [root]
    while waiting:
        process = waiting.pop()
        yield process
        try:
            for thread in (PROC / str(process) / "task").iterdir():
                waiting += map(int, (thread / "children").read_text().split())
        except OSError:  # it has ended meanwhile
            continue


def _memory_of(process: int) -> tuple[int, int]:
    """KiB that a process holds now, and that it held at most."""
    try:
        status = (PROC / str(process) / "status").read_text()
    except OSError:
        return 0, 0
    found = dict(line.split(":", 1) for line in status.splitlines() if line.startswith(("VmRSS", "VmHWM")))
    now, ever = (int(found.get(name, "0 kB").split()[0]) for name in ("VmRSS", "VmHWM"))
    return now, ever


def kezhi_command(*arguments: str) -> list[str]:
    """`kezhi` of this Python, as a user calls it."""
    script = Path(sys.executable).with_name("kezhi")
    return [str(script), *arguments] if script.exists() else [sys.executable, "-m", "kezhi", *arguments]


@dataclass(frozen=True)
class Room:
    """Where the files of a benchmark lie: logs that may be used again, and what is thrown away at the end."""

    logs: Path
    scratch: Path


@contextmanager
def room(folder: Path | None) -> Iterator[Room]:
    """Room in a folder, which keeps the logs; without one everything is temporary."""
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        yield Room(folder or Path(scratch), Path(scratch))


def warm_up(folder: Path, *options: str) -> None:
    """One run of a very small log that is not counted: compiled Python files and disk caches are there afterwards."""
    log = order_log(300, folder)
    measured(kezhi_command("run", str(log), "--out", str(folder / "warm"), *options))


def order_log(customers: int, folder: Path) -> Path:
    """The simulated log of so many customers, made if the folder does not have it yet."""
    log = folder / f"orders-{customers}.parquet"
    if not log.exists():
        partial = log.with_suffix(".partial")
        simulate = [sys.executable, str(HERE / "simulate.py"), "--customers", str(customers), "--seed", str(SEED)]
        measured([*simulate, "--out", str(partial)])
        partial.replace(log)
    return log


def orders_in(log: Path) -> int:
    """How many order lines a Parquet file holds."""
    from pyarrow import parquet

    return int(parquet.read_metadata(log).num_rows)


def median(values: Iterable[float]) -> float:
    """To a thousandth, which is more than any clock here is good for."""
    return round(statistics.median(values), 3)


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """How many times as long ours took, the median over runs that followed each other."""
    return median(a / b for a, b in zip(ours, theirs, strict=True))


# --- the machine, and what is kept


def facts() -> Row:
    """The day, the machine and the versions of what is measured."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": {
            "processor": _processor(),
            "processors": os.cpu_count(),
            "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3, 1),
            "system": f"{platform.system()} {platform.machine()}",
            "python": platform.python_version(),
            "load_before": round(os.getloadavg()[0], 1),
        },
        "versions": {name: found for name, package in PACKAGES.items() if (found := _version(package))},
    }


def _processor() -> str:
    try:
        lines = (PROC / "cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown"
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def describe(known: Row) -> str:
    """The machine in one line."""
    machine = known["machine"]
    parts = [
        f"{machine['system']}, {machine['processors']} processors ({machine['processor']})",
        f"{machine['memory_gib']} GiB",
        f"Python {machine['python']}",
        *(f"{name} {number}" for name, number in known["versions"].items()),
        f"load before the first run {machine['load_before']}",
    ]
    return ", ".join(parts)


def keep(path: Path | None, rows: Iterable[Row]) -> None:
    """Put rows into a results file, each in the place of the earlier one of its kind."""
    if path is None:
        return
    known = {_key(row): row for row in kept(path)} | {_key(row): row for row in rows}
    ordered = sorted(known.values(), key=lambda row: (row.get("customers", 0), *map(str, _key(row))))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"rows": ordered}, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def kept(path: Path) -> list[Row]:
    """The rows of a results file; none where there is no file."""
    rows: list[Row] = json.loads(path.read_text(encoding="utf-8"))["rows"] if path.exists() else []
    return rows


def _key(row: Row) -> tuple[Any, ...]:
    return tuple(row.get(name) for name in KEYS)


# --- printing


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table with columns of equal width."""
    lines = [header, *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    text = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    ]
    return "\n".join([text[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *text[1:]])
