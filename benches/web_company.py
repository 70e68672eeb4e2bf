"""A workspace of any size for the web application: simulated orders, customers with names and owners, two runs.

python benches/web_company.py --customers 1000000 --folder WORKSPACE
"""

from __future__ import annotations

import argparse
import shutil
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from simulate import make_log

EARLIER = date(2025, 6, 30)
REGIONS = ("North", "South", "East", "West", "华北", "华东", "华南")
ROLES = ("consumer", "wholesaler", "distributor", "agent")


def make_customers(ids: pa.ChunkedArray, path: Path) -> None:
    """A customers table: one in five is looked after by one of forty owners."""
    rng, n = np.random.default_rng(7), len(ids)
    looked_after = rng.random(n) < 0.2
    owners = np.array([f"Owner {number:02d}" for number in range(40)])[rng.integers(0, 40, n)]
    table = pa.table(
        {
            "customer_id": ids,
            "name": [f"Customer {number:07d} 公司" for number in range(n)],
            "phone": [f"138{number:08d}" for number in range(n)],
            "region": np.array(REGIONS)[rng.integers(0, len(REGIONS), n)],
            "role": np.array(ROLES)[rng.integers(0, len(ROLES), n)],
            "owner": pa.array(owners, mask=~looked_after),
            "consent": rng.random(n) < 0.8,
        }
    )
    parquet.write_table(table, path, compression="zstd")


def make(customers: int, place: Path) -> Path:
    """The workspace, if it is not there yet."""
    if (place / "runs" / "latest").exists():
        return place
    from kezhi.analysis import analyse
    from kezhi.engine import open_engine
    from kezhi.intake import import_table
    from kezhi.workspace import Workspace

    files = place.with_name(f"{place.name}-files")
    files.mkdir(parents=True, exist_ok=True)
    try:
        make_log(customers, 1, files / "orders.parquet")
        ids = parquet.read_table(files / "orders.parquet", columns=["customer_id"])["customer_id"].unique()
        make_customers(ids, files / "customers.parquet")
        with open_engine(scratch=files) as engine:
            for table in ("orders", "customers"):
                given = [str(files / f"{table}.parquet")]
                import_table(engine, Workspace(place), table, given, None, datetime.now(UTC).date())
    finally:
        shutil.rmtree(files, ignore_errors=True)
    for day in (EARLIER, None):
        analyse(workspace=place, as_of=day, model="pareto_nbd")
    return place


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, required=True)
    given = parser.parse_args()
    print(make(given.customers, given.folder))


if __name__ == "__main__":
    main()
