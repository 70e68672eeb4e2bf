"""The whole `kezhi run` against the engine's bare group-by on the same file, taking turns.

    python benches/whole_run.py [--customers 10000 100000 1000000] [--model pareto_nbd] [--runs 3] [--out FILE]
    python benches/whole_run.py --customers 42000000 --runs 1 --memory-limit 8GiB --folder /big/disk [--out FILE]

bare: DuckDB alone groups the log by customer and day, then by customer, and writes Parquet (bare.py); its time leaves
out starting Python. whole run: the command as a user calls it (start of the process, reading and checking, accounts,
fit, test on the past, forecast of three months with intervals, all files, report and workbook). Medians of the runs;
the ratio is that of two runs which followed each other. Memory is that of all processes together (measuring.py).

Without --memory-limit and --threads each has its own defaults: DuckDB takes up to 80 % of the machine's memory, a run
what the settings say. With them both get the same; a run then goes through `kezhi.analyse`, since the command takes its
limits from a workspace. 42 million customers have 100 million orders. Logs are made once per --folder (simulate.py:
2 to 5 s and 13 MB for a million customers, one chunk of a million in memory at a time).
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

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
    warm_up,
)
from pages import printed, runs_table, stages_table

SIZES = (10_000, 100_000, 1_000_000)
WITH_LIMITS = """
import json, sys
import kezhi
log, out, settings = sys.argv[1:]
kezhi.analyse(log, out=out, **json.loads(settings))
"""


def whole(log: Path, out: Path, model: str, limits: Row) -> Measured:
    """One whole run, from the start of its process."""
    shutil.rmtree(out, ignore_errors=True)
    if limits:
        settings = json.dumps({"model": model} | limits)
        return measured([sys.executable, "-c", WITH_LIMITS, str(log), str(out), settings])
    return measured(kezhi_command("run", str(log), "--out", str(out), "--model", model))


def bare(log: Path, folder: Path, limits: Row) -> tuple[float, float]:
    """Seconds of the bare statement, and GiB of its process."""
    command = [sys.executable, str(HERE / "bare.py"), str(log), str(folder / "bare.parquet"), "--spill", str(folder)]
    command += [part for name, value in limits.items() for part in (f"--{name.replace('_', '-')}", str(value))]
    done = measured(command)
    return float(done.output), done.peak_gib


def bench(customers: int, model: str, runs: int, place: Room, limits: Row) -> Row:
    """One size: the log is made once, then bare and whole take turns."""
    log, out = order_log(customers, place.logs), place.scratch / "run"
    floors, wholes, manifests = [], [], []
    for _ in range(runs):
        floors.append(bare(log, place.scratch, limits))
        wholes.append(whole(log, out, model, limits))
        manifests.append(json.loads((out / "manifest.json").read_text(encoding="utf-8")))
    seconds = [one.seconds for one in wholes]
    return {
        "customers": customers,
        "orders": orders_in(log),
        "model": model,
        **limits,
        "runs": runs,
        "bare_seconds": median(one for one, _ in floors),
        "run_seconds": median(seconds),
        "ratio": ratio(seconds, [one for one, _ in floors]),
        "bare_peak_gib": round(max(peak for _, peak in floors), 3),
        "run_peak_gib": round(max(one.peak_gib for one in wholes), 3),
        "stages": stages(manifests, seconds),
        "all_bare_seconds": [round(one, 3) for one, _ in floors],
        "all_run_seconds": [round(one, 3) for one in seconds],
    }


def stages(manifests: Sequence[Row], seconds: Sequence[float]) -> Row:
    """Seconds of each stage as the manifest tells them; what comes before and after them is `process`."""
    told = [manifest["seconds"] for manifest in manifests]
    found = {name: median(one.get(name, 0.0) for one in told) for name in told[-1]}
    return {"process": median(all_ - sum(one.values()) for all_, one in zip(seconds, told, strict=True)), **found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--customers", type=int, nargs="+", default=SIZES)
    parser.add_argument("--model", default="pareto_nbd", help="a model of purchases, or auto")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--memory-limit", help="for both engines, such as 8GiB")
    parser.add_argument("--threads", type=int, help="for both engines")
    parser.add_argument("--folder", type=Path, help="with room for everything; keeps the logs; default temporary")
    parser.add_argument("--out", type=Path, help="put the results into this JSON file")
    given = parser.parse_args()
    limits: dict[str, Any] = {"memory_limit": given.memory_limit, "threads": given.threads}
    limits = {name: value for name, value in limits.items() if value is not None}
    known = facts()
    print(describe(known), flush=True)
    with room(given.folder) as place:
        warm_up(place.scratch, "--model", given.model)
        rows = []
        for customers in given.customers:
            row = bench(customers, given.model, given.runs, place, limits) | known
            keep(given.out, [row])
            rows.append(row)
            print(f"{customers:,} customers: {row['run_seconds']:.1f} s, {row['ratio']:.1f} times bare", flush=True)
    print(printed(runs_table(rows, "en"), stages_table(rows, "en")))


if __name__ == "__main__":
    main()
