"""The peers' job, side by side: from a Parquet log to one row per customer with P(alive), purchases and lifetime value.

    python benches/peers_job.py --peers [PYTHON] [--customers 100000 1000000] [--jobs NAME ...] [--runs 3] [--out FILE]

What each does, and that it is each library's own quickest way, is written in jobs.py. `kezhi run BG/NBD` and
`kezhi run Pareto/NBD` are whole runs (checks, accounts, test on the past, intervals, report) as `kezhi run --model`
makes them; the other jobs are like for like. Each is a process of its own, its start and imports included; all take
turns. Before anything counts, each is called once with a small log, so that compiled code (Python's, PyTensor's) is
there, as it is for who does this daily. A job that fails is shown with its reason.

--peers takes the Python that has the extra `peers` (without a path: this one). Without --peers only ours are timed.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import peers as others
from measuring import (
    HERE,
    Measured,
    Room,
    Row,
    describe,
    facts,
    keep,
    kezhi_command,
    measured,
    median,
    order_log,
    orders_in,
    ratio,
    room,
)
from pages import peers_table, printed

RUNS = {"kezhi run BG/NBD": "bg_nbd", "kezhi run Pareto/NBD": "pareto_nbd"}
OURS = ("kezhi BG/NBD", "kezhi Pareto/NBD", *RUNS)
PEERS = ("lifetimes BG/NBD", "PyMC-Marketing BG/NBD", "PyMC-Marketing Pareto/NBD")
SIZES = (100_000, 1_000_000)
SMALL = 1_000
VERSIONS = """
import json, platform
from importlib.metadata import version
names = {"lifetimes": "lifetimes", "PyMC-Marketing": "pymc-marketing", "PyMC": "pymc", "pandas": "pandas"}
print(json.dumps({"Python of the peers": platform.python_version()} | {n: version(p) for n, p in names.items()}))
"""


@dataclass(frozen=True)
class Call:
    """One job as a command over a log."""

    name: str
    python: str

    def timed(self, log: Path, folder: Path) -> Measured:
        """Run it once."""
        if self.name in RUNS:
            out = folder / "run"
            shutil.rmtree(out, ignore_errors=True)
            return measured(kezhi_command("run", str(log), "--out", str(out), "--model", RUNS[self.name]))
        return measured([self.python, str(HERE / "jobs.py"), self.name, str(log), str(folder / "job.parquet")])

    def told(self, done: Measured) -> Row:
        """What the job says of itself: seconds by step, totals, parameters."""
        told: Row = {} if self.name in RUNS else json.loads(done.output.strip().splitlines()[-1])
        return told


def bench(customers: int, calls: Sequence[Call], runs: int, place: Room) -> list[Row]:
    """One row per job; all of them over the same log."""
    log = order_log(customers, place.logs)
    done: dict[str, list[Measured]] = {call.name: [] for call in calls}
    failed: dict[str, str] = {}
    for _ in range(runs):
        for call in calls:
            if call.name in failed:
                continue
            try:
                done[call.name].append(call.timed(log, place.scratch))
            except SystemExit as reason:
                failed[call.name] = str(reason).strip().splitlines()[-1]
    known = {"customers": customers, "orders": orders_in(log), "runs": runs}
    return [
        known | {"job": call.name} | ({"failed": failed[call.name]} if call.name in failed else row_of(call, done))
        for call in calls
    ]


def row_of(call: Call, done: dict[str, list[Measured]]) -> Row:
    """The figures of one job, and how many times as long as ours with the same model it took."""
    mine = done[call.name]
    seconds = [one.seconds for one in mine]
    row: Row = {"seconds": median(seconds), "peak_gib": round(max(one.peak_gib for one in mine), 3)}
    model = call.name.rsplit(" ", 1)[1]
    for name, key in ((f"kezhi {model}", "times_library"), (f"kezhi run {model}", "times_run")):
        theirs = done.get(name, [])
        if call.name in PEERS and len(theirs) == len(mine):
            row[key] = ratio(seconds, [one.seconds for one in theirs])
    return row | {"all_seconds": [round(one, 3) for one in seconds]} | call.told(mine[-1])


def versions_of(python: str) -> Row:
    """The versions of the peers; SystemExit where they are not installed."""
    asked = subprocess.run([python, "-c", VERSIONS], capture_output=True, text=True, check=False)
    if asked.returncode:
        raise SystemExit(f"{python} has not got the peers: pip install 'kezhi[peers]' with Python 3.12 or newer.")
    found: Row = json.loads(asked.stdout)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    others.add_option(parser)
    parser.add_argument("--customers", type=int, nargs="+", default=SIZES)
    parser.add_argument("--jobs", nargs="+", choices=[*OURS, *PEERS], help="default: all that can be made")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="with room for everything; keeps the logs; default temporary")
    parser.add_argument("--out", type=Path, help="put the results into this JSON file")
    given = parser.parse_args()
    names = given.jobs or [*OURS, *(PEERS if given.peers else ())]
    if not given.peers and set(names) & set(PEERS):
        raise SystemExit("Say with --peers which Python has the peers.")
    calls = [Call(name, given.peers if name in PEERS else sys.executable) for name in names]
    known = facts()
    if given.peers:
        known["versions"] |= versions_of(given.peers)
    print(describe(known), flush=True)
    rows = []
    with room(given.folder) as place:
        for call in calls:
            call.timed(order_log(SMALL, place.scratch), place.scratch)
        for customers in given.customers:
            found = [row | known for row in bench(customers, calls, given.runs, place)]
            keep(given.out, found)
            rows += found
    print(printed(peers_table(rows, "en")))


if __name__ == "__main__":
    main()
