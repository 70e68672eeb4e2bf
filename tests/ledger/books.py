"""Books made from plain Python rows, for tests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa

from kezhi.engine import Engine
from kezhi.ledger import Book

MONEY = pa.decimal128(18, 4)
ORDERS = pa.schema(
    [
        ("customer_id", pa.string()),
        ("date", pa.date32()),
        ("amount", MONEY),
        ("order_id", pa.string()),
        ("cost", MONEY),
    ]
)
EXPENSES = pa.schema([("customer_id", pa.string()), ("date", pa.date32()), ("amount", MONEY)])


def line(
    customer: str, day: date, amount: float | str, order: str | None = None, cost: float | str | None = None
) -> dict[str, Any]:
    """One order line."""
    return {
        "customer_id": customer,
        "date": day,
        "amount": Decimal(str(amount)),
        "order_id": order,
        "cost": None if cost is None else Decimal(str(cost)),
    }


def expense(day: date, amount: float | str, customer: str | None = None) -> dict[str, Any]:
    """One expense; without a customer it is shared out."""
    return {"customer_id": customer, "date": day, "amount": Decimal(str(amount))}


def book(
    engine: Engine,
    lines: Sequence[dict[str, Any]],
    expenses: Sequence[dict[str, Any]] = (),
    *,
    columns: Sequence[str] = ("customer_id", "date", "amount", "order_id", "cost"),
) -> Book:
    """A book of these rows."""
    orders = pa.Table.from_pylist(list(lines), schema=ORDERS).select(list(columns))
    spent = pa.Table.from_pylist(list(expenses), schema=EXPENSES)
    return Book(engine.table(orders), expenses=engine.table(spent) if expenses else None)
