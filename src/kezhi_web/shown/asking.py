"""Filters as people write them, and saved segments by name, as SQL over a run's customers."""

from __future__ import annotations

import threading
from functools import lru_cache
from pathlib import Path
from typing import Any

from kezhi.language import KezhiError
from kezhi_web.shown.run import Shown, workspace

_lock = threading.Lock()  # the library that writes the SQL is not made for several threads


def filtered(run: Shown, query: str) -> str:
    """The SQL of a filter or of a saved segment's name: a selection from the relation `people`, all its columns.

    Raises KezhiError with the place of a mistake.
    """
    segments = tuple(workspace().settings().segments.items())
    with _lock:
        return _written(run.folder, run.stamp, query, segments)


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
    told = folder / "attributes.parquet"
    more = _schema(pq.read_schema(told)) if told.exists() else {}
    every = known | {name: kind for name, kind in more.items() if name not in known}
    return ibis.table(every, name="people"), ibis.table(known, name="customers")


def _schema(found: Any) -> dict[str, Any]:
    from ibis import Schema

    return dict(Schema.from_pyarrow(found.remove_metadata()).items())
