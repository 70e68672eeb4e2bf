"""How long one waits for `kezhi` to start, against merely importing numpy and DuckDB.

    python benches/start.py [--runs 7] [--customers 10000] [--out FILE]

Every command is a process of its own, called once beforehand (compiled Python files are there, the disk has been read),
then all take turns. Medians; ratios are those of runs that followed each other.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from measuring import Row, describe, facts, keep, kezhi_command, measured, median, order_log, ratio
from pages import printed, start_table

FLOOR = "python -c 'import numpy, duckdb'"


def commands(customers: int, folder: Path) -> dict[str, list[str]]:
    """What is timed, by the name it is printed under."""
    run = kezhi_command("run", str(order_log(customers, folder)), "--out", str(folder / "run"))
    return {
        FLOOR: [sys.executable, "-c", "import numpy, duckdb"],
        "kezhi --help": kezhi_command("--help"),
        "kezhi models": kezhi_command("models"),
        "kezhi run --model pareto_nbd": [*run, "--model", "pareto_nbd"],
        "kezhi run": run,
    }


def bench(runs: int, customers: int, folder: Path) -> list[Row]:
    """One row per command."""
    asked = commands(customers, folder)
    for command in asked.values():
        measured(command)
    seconds: dict[str, list[float]] = {name: [] for name in asked}
    memory: dict[str, float] = dict.fromkeys(asked, 0.0)
    for _ in range(runs):
        for name, command in asked.items():
            done = measured(command)
            seconds[name].append(done.seconds)
            memory[name] = max(memory[name], done.peak_gib)
    return [
        {
            "command": name,
            "customers": customers if " run" in name else 0,
            "runs": runs,
            "seconds": median(seconds[name]),
            "least_seconds": round(min(seconds[name]), 3),
            "ratio": ratio(seconds[name], seconds[FLOOR]),
            "peak_gib": round(memory[name], 3),
        }
        for name in asked
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--customers", type=int, default=10_000, help="of the runs")
    parser.add_argument("--out", type=Path, help="put the results into this JSON file")
    given = parser.parse_args()
    known = facts()
    print(describe(known), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        rows = [row | known for row in bench(given.runs, given.customers, Path(folder))]
    keep(given.out, rows)
    print(printed(start_table(rows, "en")))


if __name__ == "__main__":
    main()
