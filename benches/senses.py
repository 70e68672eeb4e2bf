"""What the other senses of worth and the groups cost: runs without, with the first, and with both, taking turns.

    python benches/senses.py [--customers 100000 1000000] [--data orders everything] [--runs 3] [--out FILE]

orders: nothing but customer, day and amount (simulate.py). everything: the demo company, with products, costs,
expenses, referrals, opportunities, suggestions, contacts, surveys and receivables, thirteen order lines per customer,
imported into a workspace beforehand. Whole processes are timed; the setting `senses` says what is measured. Groups
are what the rooms `segments` and `actions` find: tiers, RFM classes, movement, alerts and the like. Whatever belongs
to the forecast itself (the lifetime value's columns) is in all three.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path

from measuring import Measured, Room, Row, describe, facts, keep, measured, median, order_log, ratio, room, warm_up
from pages import printed, senses_table

SIZES = (100_000, 1_000_000)
DATA = ("orders", "everything")
WAYS = ("without", "worth", "all")
ANALYSE = """
import json, sys
import kezhi
kezhi.analyse(**json.loads(sys.argv[1]))
"""


def workspace_with_everything(customers: int, folder: Path) -> Path:
    """The demo company's tables in a workspace."""
    from kezhi.demo import make_company
    from kezhi.engine import open_engine
    from kezhi.intake import BOOK_TABLES, import_table
    from kezhi.workspace import Workspace

    place = folder / f"everything-{customers}"
    if not place.exists():
        files = make_company(folder / "files", customers=customers, dirt=False).files
        with open_engine(scratch=folder) as engine:
            for table in (name for name in BOOK_TABLES if name in files):
                import_table(engine, Workspace(place), table, [str(files[table])], None, datetime.now(UTC).date())
        shutil.rmtree(folder / "files")
    return place


def senses(way: str) -> list[str] | None:
    """What a run of this way measures; None is everything."""
    from kezhi.topics import AFTERWARDS, TOPICS

    worth = [one.name for one in (*TOPICS, *AFTERWARDS) if one.measured.__module__.startswith("kezhi.worth")]
    return {"without": [], "worth": worth, "all": None}[way]


def run(data: str, source: Path, out: Path, model: str, way: str) -> Measured:
    """One whole run, from the start of its process."""
    given: Row = {"orders": str(source)} if data == "orders" else {"workspace": str(source)}
    settings = given | {"out": str(out), "model": model, "senses": senses(way)}
    shutil.rmtree(out, ignore_errors=True)
    return measured([sys.executable, "-c", ANALYSE, json.dumps(settings)])


def bench(data: str, customers: int, model: str, runs: int, place: Room) -> Row:
    """One size of one kind of data, in the three ways, in turns."""
    if data == "everything":
        from kezhi.demo.company import MOST_CUSTOMERS

        customers = min(customers, MOST_CUSTOMERS)
    source = (order_log if data == "orders" else workspace_with_everything)(customers, place.logs)
    out = place.scratch / "run"
    found: dict[str, list[Measured]] = {way: [] for way in WAYS}
    for _ in range(runs):
        for way in WAYS:
            found[way].append(run(data, source, out, model, way))
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    seconds = {way: [one.seconds for one in several] for way, several in found.items()}
    return {
        "data": data,
        "customers": customers,
        "orders": manifest["rows"]["orders"]["accepted"],
        "model": model,
        "runs": runs,
        **{f"{way}_seconds": median(seconds[way]) for way in WAYS},
        "worth_ratio": ratio(seconds["worth"], seconds["without"]),
        "groups_ratio": ratio(seconds["all"], seconds["worth"]),
        **{f"{way}_peak_gib": round(max(one.peak_gib for one in found[way]), 3) for way in WAYS},
        "stages": manifest["seconds"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--customers", type=int, nargs="+", default=SIZES)
    parser.add_argument("--data", nargs="+", choices=DATA, default=DATA)
    parser.add_argument("--model", default="pareto_nbd", help="a model of purchases, or auto")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="with room for everything; keeps the logs; default temporary")
    parser.add_argument("--out", type=Path, help="put the results into this JSON file")
    given = parser.parse_args()
    known = facts()
    print(describe(known), flush=True)
    with room(given.folder) as place:
        warm_up(place.scratch, "--model", given.model)
        rows = []
        for data in given.data:
            for customers in given.customers:
                rows.append(bench(data, customers, given.model, given.runs, place) | known)
                keep(given.out, rows[-1:])
    print(printed(senses_table(rows, "en")))


if __name__ == "__main__":
    main()
