"""Whether two run folders hold the same figures.

    python benches/same.py RUN OTHER_RUN

Rows are matched by customer (and period or step), money and counts must be equal, other numbers may differ by a share
of 1e-9. Of models.json everything but days and names of runs and seconds is compared likewise. Ends with 1 and a list
of what differs.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb

KEYS = {
    "customers": ("customer_id",),
    "periods": ("customer_id", "period"),
    "forecast": ("customer_id", "step"),
    "current_period": ("customer_id",),
}
NEAR = 1e-9
OF_THE_RUN = {"seconds", "run", "created", "folder"}
SHOWN = 20


def differences(ours: Path, theirs: Path) -> Iterator[str]:
    """One sentence per file and column that is not the same."""
    for name, keys in KEYS.items():
        yield from _in_tables(ours / f"{name}.parquet", theirs / f"{name}.parquet", keys)
    one, other = (json.loads((folder / "models.json").read_text(encoding="utf-8")) for folder in (ours, theirs))
    for place in _in_values(one, other, "models.json"):
        yield f"{place} differs"


def _in_tables(ours: Path, theirs: Path, keys: tuple[str, ...]) -> Iterator[str]:
    if not (ours.exists() and theirs.exists()):
        if ours.exists() != theirs.exists():
            yield f"{ours.name} is in one folder only"
        return
    with duckdb.connect() as connection:
        first, second = connection.read_parquet(str(ours)), connection.read_parquet(str(theirs))
        connection.register("ours", first)
        connection.register("theirs", second)
        columns = first.columns
        if (columns, first.types) != (second.columns, second.types):
            yield f"{ours.name} has other columns"
            return
        matched = " and ".join(f"ours.{key} is not distinct from theirs.{key}" for key in keys)
        counts = [
            f'count(*) filter (where {_differ(column, str(kind))}) as "{column}"'
            for column, kind in zip(columns, first.types, strict=True)
        ]
        statement = f"select count(*) - count(ours.{keys[0]}), count(*) - count(theirs.{keys[0]}), {', '.join(counts)}"
        found = connection.execute(f"{statement} from ours full join theirs on {matched}").fetchall()[0]
    for what, rows in zip(("rows missing in one", "rows missing in the other", *columns), found, strict=True):
        if rows:
            yield f"{ours.name}, {what}: {rows:,} rows differ"


def _differ(column: str, kind: str) -> str:
    one, other = f'ours."{column}"', f'theirs."{column}"'
    differ = f"{one} is distinct from {other}"
    if kind in ("DOUBLE", "FLOAT"):
        near = f"abs({one} - {other}) <= {NEAR} * greatest(abs({one}), abs({other}))"
        return f"{differ} and not coalesce({near}, false)"
    return differ


def _in_values(one: Any, other: Any, place: str) -> Iterator[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        for name in [*one, *(name for name in other if name not in one)]:
            if name not in OF_THE_RUN:
                yield from _in_values(one.get(name), other.get(name), f"{place} {name}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for number, (left, right) in enumerate(zip(one, other, strict=True)):
            yield from _in_values(left, right, f"{place}[{number}]")
    elif isinstance(one, float) and isinstance(other, float):
        if not math.isclose(one, other, rel_tol=NEAR, abs_tol=1e-12):
            yield f"{place} ({one}, {other})"
    elif one != other:
        yield place


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("run", type=Path)
    parser.add_argument("other", type=Path)
    given = parser.parse_args()
    found = list(differences(given.run, given.other))
    print(*found[:SHOWN], sep="\n") if found else print("the same")
    raise SystemExit(1 if found else 0)


if __name__ == "__main__":
    main()
