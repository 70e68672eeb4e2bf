"""The whole `kezhi run` against the engine's bare group-by on the same file, in one sitting.

    python benches/whole_run.py [--customers 10000 100000 1000000] [--runs 3] [--json FILE]

bare: DuckDB alone groups the log by customer and day, then by customer, and writes Parquet; its time leaves out
starting Python. kezhi: the whole command as a user calls it (start of the process, reading and checking, accounts,
fit, backtest, forecast of three months with intervals, all files, report and workbook). Medians of the runs.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
BARE = """
import sys, time, duckdb
source, target = sys.argv[1:]
connection = duckdb.connect()
begun = time.perf_counter()
connection.sql(f'''
    copy (
      select customer_id, count(*) as purchases, min(day) as first_day, max(day) as last_day, sum(amount) as amount
      from (select customer_id, date::date as day, sum(amount) as amount from '{source}' group by all)
      group by customer_id
    ) to '{target}' (format parquet)
''')
print(time.perf_counter() - begun)
"""


def measured(command: list[str]) -> tuple[float, float, str]:
    """Seconds, peak memory in GiB and output of a command, as the operating system accounts for it."""
    begun = time.perf_counter()
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(command, stdout=output)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        told = output.read()
    if process.returncode:
        raise SystemExit(f"{command} ended with {process.returncode}")
    scale = 1024**3 if platform.system() == "Darwin" else 1024**2
    return seconds, usage.ru_maxrss / scale, told


def bench(customers: int, runs: int, folder: Path) -> dict[str, Any]:
    """One size: the log is made once, then bare and whole take turns."""
    log = folder / f"orders-{customers}.parquet"
    simulate = [sys.executable, str(HERE / "simulate.py"), "--customers", str(customers), "--out", str(log)]
    subprocess.run(simulate, check=True, stdout=subprocess.DEVNULL)
    run = [sys.executable, "-m", "kezhi", "run", str(log), "--out", str(folder / "out"), "--json"]
    bare, whole, memory, stages = [], [], [], {}
    for _ in range(runs):
        told = measured([sys.executable, "-c", BARE, str(log), str(folder / "bare.parquet")])[2]
        bare.append(float(told))
        seconds, peak, told = measured(run)
        whole.append(seconds)
        memory.append(peak)
        stages = json.loads(told)["manifest"]["seconds"]
    ratio = statistics.median(w / b for w, b in zip(whole, bare, strict=True))
    return {
        "customers": customers,
        "bare_seconds": statistics.median(bare),
        "run_seconds": statistics.median(whole),
        "ratio": ratio,
        "peak_gib": max(memory),
        "stages": stages,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--customers", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    rows = []
    print(f"{platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}")
    print(f"{'customers':>12} {'bare s':>8} {'run s':>8} {'ratio':>7} {'GiB':>6}  stages")
    with tempfile.TemporaryDirectory() as folder:
        for customers in given.customers:
            row = bench(customers, given.runs, Path(folder))
            rows.append(row)
            stages = ", ".join(f"{name} {seconds:.1f}" for name, seconds in row["stages"].items())
            print(
                f"{row['customers']:>12,} {row['bare_seconds']:>8.2f} {row['run_seconds']:>8.1f} "
                f"{row['ratio']:>7.1f} {row['peak_gib']:>6.2f}  {stages}",
                flush=True,
            )
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
