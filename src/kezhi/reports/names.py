"""Customers' names for lists that a run's other tables are cut down to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from kezhi.engine import Engine

if TYPE_CHECKING:
    import ibis.expr.types as ir


def with_names(engine: Engine, run: Path, rows: ir.Table) -> ir.Table:
    """Rows (with customer_id) with `name`, null where it is not known; in no order, so order them afterwards."""
    import ibis

    if not _knows_names(run):  # then nobody is looked for among all customers
        return rows.mutate(name=ibis.null("string"))
    names = engine.read_parquet(run / "customers.parquet").select(known_id="customer_id", name="name")
    return rows.left_join(names, rows.customer_id == names.known_id).drop("known_id")


def _knows_names(run: Path) -> bool:
    """Was there a table of customers? Where the run does not say so, there may have been one."""
    try:
        rows = json.loads((run / "manifest.json").read_text(encoding="utf-8"))["rows"]
    except (OSError, ValueError, KeyError):
        return True
    return "customers" in rows
