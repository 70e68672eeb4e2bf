"""Whether two run folders hold the same figures.

    python benches/same.py RUN OTHER_RUN

Rows are matched by customer (and period or step), money and counts must be equal, other numbers may differ by a share
of 1e-9. Of models.json everything but days and names of runs and seconds is compared likewise. Ends with 1 and a list
of what differs.
"""

from __future__ import annotations

import argparse
import itertools
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
FLOATS = {"DOUBLE", "FLOAT"}
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
        columns, kinds = _opened(connection, "ours", ours)
        others, other_kinds = _opened(connection, "theirs", theirs)
        if columns != others:
            yield f"{ours.name} has other columns"
            return
        matched = " and ".join(f"ours.{key} is not distinct from theirs.{key}" for key in keys)
        counts = [
            f'count(*) filter (where {_differ(column, exact=FLOATS.isdisjoint((one, other)))}) as "{column}"'
            for column, one, other in zip(columns, kinds, other_kinds, strict=True)
        ]
        statement = f"select count(*) - count(ours.{keys[0]}), count(*) - count(theirs.{keys[0]}), {', '.join(counts)}"
        found = connection.execute(f"{statement} from ours full join theirs on {matched}").fetchall()[0]
    for what, rows in zip(("rows missing in one", "rows missing in the other", *columns), found, strict=True):
        if rows:
            yield f"{ours.name}, {what}: {rows:,} rows differ"


def _opened(connection: duckdb.DuckDBPyConnection, name: str, path: Path) -> tuple[list[str], list[str]]:
    """Give a file, or a folder of files as Spark writes it, a name in the engine; its columns and their types."""
    table = connection.read_parquet(str(path / "*.parquet" if path.is_dir() else path))
    connection.register(name, table)
    return list(table.columns), [str(kind) for kind in table.types]


def _differ(column: str, *, exact: bool) -> str:
    one, other = f'ours."{column}"', f'theirs."{column}"'
    differ = f"{one} is distinct from {other}"
    if exact:
        return differ
    near = f"abs({one} - {other}) <= {NEAR} * greatest(abs({one}), abs({other}))"
    return f"{differ} and not coalesce({near}, false)"


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


def refuse_differences(ours: Path, theirs: Path, sentence: str) -> None:
    """SystemExit with a sentence and what differs, unless both folders hold the same figures."""
    found = list(itertools.islice(differences(ours, theirs), SHOWN))
    if found:
        raise SystemExit("\n".join([f"{sentence}:", *found]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("run", type=Path)
    parser.add_argument("other", type=Path)
    given = parser.parse_args()
    refuse_differences(given.run, given.other, f"{given.run} and {given.other} differ")
    print("the same")


if __name__ == "__main__":
    main()
