"""A nightly run: what is new is imported into a workspace that has run before, against everything from the beginning.

    python benches/nightly.py [--customers 100000 1000000] [--share 0.01] [--model pareto_nbd] [--runs 3] [--out FILE]

The log is cut by its days, so that at least the newest --share of the order lines comes in the night; the rest has been
imported and run before (`first_seconds`). Then these take turns, each the two commands as a user types them,
`kezhi import orders` and `kezhi run --workspace`, starts of their processes included:

full: the whole log into an empty workspace, and a run. nightly: the new lines into a copy of the prepared workspace,
and a run. The two run folders must hold the same figures (same.py), or the benchmark ends with what differs.
"""

from __future__ import annotations

import argparse
import shutil
from dataclasses import dataclass
from pathlib import Path

import duckdb

from bare import quoted
from measuring import (
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
    ratio,
    room,
    warm_up,
)
from pages import nightly_table, printed
from same import refuse_differences

SIZES = (100_000, 1_000_000)


@dataclass(frozen=True)
class Cut:
    """A log in two files: what was there before the night, what came in it."""

    known: Path
    new: Path
    orders: int
    share: float


def cut(log: Path, share: float, folder: Path) -> Cut:
    """Cut a log by its days: the fewest last days that together hold this share of the lines."""
    known, new = (folder / f"{log.stem}-{name}.parquet" for name in ("known", "new"))
    source = f"read_parquet('{quoted(str(log))}')"
    with duckdb.connect() as connection:
        day = connection.execute(f"""
            select max(date)::date
            from (select date, sum(count(*)) over (order by date desc) - count(*) as later from {source} group by date)
            where later >= {share} * (select count(*) from {source})
        """).fetchall()[0][0]
        for path, side in ((known, "<="), (new, ">")):
            lines = f"select * from {source} where date {side} date '{day}' order by date"
            connection.execute(f"copy ({lines}) to '{quoted(str(path))}' (format parquet, compression zstd)")
        rows = [int(connection.read_parquet(str(path)).count("*").fetchall()[0][0]) for path in (known, new)]
    return Cut(known, new, sum(rows), rows[1] / sum(rows))


def imported(workspace: Path, log: Path) -> Measured:
    """The time of `kezhi import orders`."""
    return measured(kezhi_command("import", "orders", str(log), "--workspace", str(workspace)))


def run(workspace: Path, model: str) -> Measured:
    """The time of `kezhi run` over the workspace's book."""
    return measured(kezhi_command("run", "--workspace", str(workspace), "--model", model))


def latest(workspace: Path) -> Path:
    """The folder of the newest run."""
    return workspace / "runs" / (workspace / "runs" / "latest").read_text(encoding="utf-8").strip()


def bench(customers: int, share: float, model: str, runs: int, place: Room) -> Row:
    """One size: cut, prepare, then full and nightly take turns."""
    log = order_log(customers, place.logs)
    parts = cut(log, share, place.scratch)
    prepared, full, nightly = (place.scratch / name for name in ("prepared", "full", "nightly"))
    shutil.rmtree(prepared, ignore_errors=True)
    first = [imported(prepared, parts.known), run(prepared, model)]
    done: dict[str, list[list[Measured]]] = {"full": [], "nightly": []}
    for _ in range(runs):
        shutil.rmtree(full, ignore_errors=True)
        shutil.rmtree(nightly, ignore_errors=True)
        shutil.copytree(prepared, nightly)
        done["full"].append([imported(full, log), run(full, model)])
        done["nightly"].append([imported(nightly, parts.new), run(nightly, model)])
    refuse_differences(latest(full), latest(nightly), "The nightly run is not the full run")
    totals = {name: [sum(part.seconds for part in pair) for pair in pairs] for name, pairs in done.items()}
    row: Row = {"customers": customers, "orders": parts.orders, "share": round(parts.share, 5), "model": model}
    row |= {"runs": runs, "first_seconds": round(sum(part.seconds for part in first), 3)}
    for name, pairs in done.items():
        row[f"{name}_seconds"] = median(totals[name])
        for command, part in enumerate(("import", "run")):
            row[f"{name}_{part}_seconds"] = median(pair[command].seconds for pair in pairs)
        row[f"{name}_peak_gib"] = round(max(part.peak_gib for pair in pairs for part in pair), 3)
    return row | {"nightly_of_full": ratio(totals["nightly"], totals["full"]), "same_figures": True}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--customers", type=int, nargs="+", default=SIZES)
    parser.add_argument("--share", type=float, default=0.01, help="share of the order lines that are new")
    parser.add_argument("--model", default="pareto_nbd", help="a model of purchases, or auto")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="with room for everything; keeps the logs; default temporary")
    parser.add_argument("--out", type=Path, help="put the results into this JSON file")
    given = parser.parse_args()
    known = facts()
    print(describe(known), flush=True)
    rows = []
    with room(given.folder) as place:
        warm_up(place.scratch, "--model", given.model)
        for customers in given.customers:
            row = bench(customers, given.share, given.model, given.runs, place) | known
            keep(given.out, [row])
            rows.append(row)
    print(printed(nightly_table(rows, "en")))


if __name__ == "__main__":
    main()
