"""All that a rule may ask of a customer: the columns of customers.parquet, and what the book's customers table says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from kezhi.engine import Engine

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from kezhi.worth import Work

FILE = "attributes.parquet"
PRIVATE = {"name", "phone", "email"}  # a name is in customers.parquet already; how to reach a person stays in the book


def write_attributes(work: Work) -> None:
    """attributes.parquet of the run: what the book says of the ledger's customers; no file where it says nothing."""
    told = attributes(work.book.customers)
    if told is not None:
        people = work.ledger.people
        known = people.inner_join(told, "customer_id").select(*told.columns)
        work.engine.write_parquet(known.order_by("customer_id"), work.folder / FILE)


def attributes(people: ir.Table | None) -> ir.Table | None:
    """One row per customer of the book: customer_id and all columns but the private ones; None where there are none."""
    if people is None:
        return None
    names = [name for name in people.columns if name not in {"customer_id", *PRIVATE}]
    if not names:
        return None
    # a customer is there once, unless files were given by hand
    return people.group_by("customer_id").aggregate(**{name: _one(people[name]) for name in names})


def fields(engine: Engine, folder: Path) -> ir.Table:
    """One row per customer of a run folder with every field that may be asked for; not computed before it is asked.

    Where customers.parquet and the book use the same name, customers.parquet's counts.
    """
    known = engine.read_parquet(folder / "customers.parquet")
    if not (folder / FILE).exists():
        return known
    told = engine.read_parquet(folder / FILE)
    more = [name for name in told.columns if name not in known.columns]
    joined = known.left_join(told.select("customer_id", *more), "customer_id", rname="{name}_of_book")
    return joined.select(*known.columns, *more)


def _one(column: Any) -> Any:
    return column.cast("int8").max().cast("bool") if column.type().is_boolean() else column.max()
