"""Names beside the rows of a run's lists: those of the customers' table, or none where the run had no such table."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kezhi.engine import Engine
from kezhi.reports.names import with_names


@pytest.mark.parametrize(
    ("manifest", "known"),
    [({"rows": {"orders": {}, "customers": {}}}, True), ({"rows": {"orders": {}}}, False), ({}, True), (None, True)],
)
def test_names_are_looked_for_where_there_may_be_any(
    manifest: dict[str, object] | None, known: bool, engine: Engine, tmp_path: Path
) -> None:
    names = pa.table({"customer_id": ["a", "b"], "name": ["Anna", None]})
    pq.write_table(names, tmp_path / "customers.parquet")
    if manifest is not None:
        (tmp_path / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    rows = engine.table(pa.table({"customer_id": ["b", "a", "z"], "n": [1, 2, 3]}))
    found = engine.fetch(with_names(engine, tmp_path, rows).order_by("n"))
    assert found.column_names == ["customer_id", "n", "name"]
    assert found.column("customer_id").to_pylist() == ["b", "a", "z"]
    assert found.column("name").to_pylist() == ([None, "Anna", None] if known else [None] * 3)
