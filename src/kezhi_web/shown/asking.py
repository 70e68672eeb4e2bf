"""Filters as people write them, and saved segments by name, as SQL over a run's customers."""

from __future__ import annotations

import threading
from functools import lru_cache
from pathlib import Path
from typing import Any

from kezhi.language import KezhiError
from kezhi_web.shown.run import Shown, workspace

writing = threading.Lock()  # the library that writes the SQL is not made for several threads


def filtered(run: Shown, query: str) -> str:
    """The SQL of a filter or of a saved segment's name: a selection from the relation `people`, all its columns.

    Raises KezhiError with the place of a mistake.
    """
    segments = tuple(workspace().settings().segments.items())
    with writing:
        return _written(run.folder, run.stamp, query, segments)


def fields_in(run: Shown, query: str) -> frozenset[str]:
    """The fields that a filter or a saved segment asks for, by their own names however they were written."""
    return _fields_in(run.folder, run.stamp, query, tuple(workspace().settings().segments.items()))


@lru_cache(maxsize=256)
def _fields_in(folder: Path, stamp: int, query: str, segments: tuple[tuple[str, str], ...]) -> frozenset[str]:  # noqa: ARG001
    from kezhi.filters import fields_of, known_field, parse
    from kezhi.segments.vocabulary import settings_of, vocabulary
    from kezhi.settings.segments import ALL, same

    if same(query) in ALL:
        return frozenset()
    rule = {same(name): rule for name, rule in segments}.get(same(query), query)
    with writing:
        people, customers = _unbound(folder)
        words = vocabulary(customers, settings_of(folder))
        return frozenset(known_field(name, people.columns, words) or name for name in fields_of(parse(rule)))


@lru_cache(maxsize=256)
def _written(folder: Path, stamp: int, query: str, segments: tuple[tuple[str, str], ...]) -> str:  # noqa: ARG001
    import ibis

    from kezhi.filters import condition, parse
    from kezhi.segmenting import no_such
    from kezhi.segments.vocabulary import settings_of, vocabulary
    from kezhi.settings.segments import ALL, same

    if same(query) in ALL:
        return 'select * from "people"'
    names = {same(name): rule for name, rule in segments}
    people, customers = _unbound(folder)
    words = vocabulary(customers, settings_of(folder))
    try:
        rule = parse(names.get(same(query), query))
        chosen = people.filter(condition(rule, people, words))
    except KezhiError:
        if query.replace(" ", "").isalnum():
            raise no_such(query, dict(segments)) from None
        raise
    return str(ibis.to_sql(chosen, dialect="duckdb"))


def _unbound(folder: Path) -> tuple[Any, Any]:
    """`people` and customers.parquet as tables without rows: names and types are enough to write SQL."""
    import ibis
    import pyarrow.parquet as pq

    known = _schema(pq.read_schema(folder / "customers.parquet"))
    return ibis.table(schema_of(folder), name="people"), ibis.table(known, name="customers")


def schema_of(folder: Path) -> dict[str, Any]:
    """The columns of `Rows.people` with their types: those of customers.parquet, then what the book says beside it."""
    import pyarrow.parquet as pq

    known = _schema(pq.read_schema(folder / "customers.parquet"))
    told = folder / "attributes.parquet"
    more = _schema(pq.read_schema(told)) if told.exists() else {}
    return known | {name: kind for name, kind in more.items() if name not in known}


def _schema(found: Any) -> dict[str, Any]:
    from ibis import Schema

    return dict(Schema.from_pyarrow(found.remove_metadata()).items())
