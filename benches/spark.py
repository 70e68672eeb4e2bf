"""The same whole run on DuckDB and on Spark within this machine, taking turns, and whether both say the same.

    python benches/spark.py [--customers 10000 100000] [--master 'local[2]'] [--model pareto_nbd] [--out FILE]

Needs the extra `spark` and Java. The time of Spark holds the start of its virtual machine; memory is that of Python and
Java together. On one machine Spark can only be slower: this shows by how much, and that the figures are the same
(same.py; the benchmark ends with what differs). What Spark is for begins where one machine does not suffice.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

from measuring import (
    Measured,
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
)
from pages import printed, spark_table
from same import refuse_differences

SIZES = (10_000, 100_000)


def bench(customers: int, master: str, model: str, runs: int, folder: Path) -> Row:
    """One size: DuckDB and Spark take turns."""
    log = order_log(customers, folder)
    engines = {"duckdb": [], "spark": ["--engine", "spark", "--spark-master", master]}
    done: dict[str, list[Measured]] = {name: [] for name in engines}
    for _ in range(runs):
        for name, options in engines.items():
            shutil.rmtree(folder / name, ignore_errors=True)
            run = ["run", str(log), "--out", str(folder / name), "--model", model]
            done[name].append(measured(kezhi_command(*run, *options)))
    refuse_differences(folder / "duckdb", folder / "spark", "The run on Spark is not the run on DuckDB")
    row: Row = {"customers": customers, "orders": orders_in(log), "model": model, "master": master, "runs": runs}
    for name, mine in done.items():
        row[f"{name}_seconds"] = median(one.seconds for one in mine)
        row[f"{name}_peak_gib"] = round(max(one.peak_gib for one in mine), 3)
    seconds = {name: [one.seconds for one in mine] for name, mine in done.items()}
    return row | {"ratio": ratio(seconds["spark"], seconds["duckdb"]), "same_figures": True}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--customers", type=int, nargs="+", default=SIZES)
    parser.add_argument("--master", default="local[2]")
    parser.add_argument("--model", default="pareto_nbd", help="a model of purchases, or auto")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--out", type=Path, help="put the results into this JSON file")
    given = parser.parse_args()
    known = facts()
    print(describe(known), flush=True)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for customers in given.customers:
            row = bench(customers, given.master, given.model, given.runs, Path(folder)) | known
            keep(given.out, [row])
            rows.append(row)
    print(printed(spark_table(rows, "en")))


if __name__ == "__main__":
    main()
