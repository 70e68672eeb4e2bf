"""Small order logs with a seed, for tests of the whole chain."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa


def order_log(customers: int = 120, seed: int = 7, days: int = 400, *, cost: bool = True) -> pa.Table:
    """Purchases with order numbers and a few returns; amounts in cents; about four orders a customer."""
    rng = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    for number in range(customers):
        first = int(rng.integers(0, days - 60))
        rate, level = rng.gamma(1.2, 1 / 90), rng.gamma(3, 40)
        dates = {
            first,
            *(first + 1 + rng.integers(0, days - first - 1, rng.poisson(rate * (days - first)))).tolist(),
        }
        for day in sorted(dates):
            amount = Decimal(int(100 * level * rng.gamma(5, 0.2)) + 1) / 100
            rows.append(_line(number, day, amount, len(rows)))
            if rng.random() < 0.05:
                rows.append(_line(number, day + 3, -amount / 2, len(rows) - 1))
    columns = ["customer_id", "date", "amount", "order_id", *(["cost"] if cost else [])]
    return pa.Table.from_pylist(rows).select(columns)


def _line(number: int, day: int, amount: Decimal, order: int) -> dict[str, Any]:
    return {
        "customer_id": f"C{number:04d}",
        "date": date(2024, 1, 1) + timedelta(days=day),
        "amount": amount.quantize(Decimal("0.0001")),
        "order_id": str(order),
        "cost": (amount * Decimal("0.6")).quantize(Decimal("0.0001")),
    }


def expense_log(seed: int = 3) -> pa.Table:
    """Shared marketing every month, and selling expenses of single customers."""
    rng = np.random.default_rng(seed)
    shared = [
        {
            "date": date(2024, month, 15),
            "amount": Decimal(int(rng.integers(10_000, 90_000))) / 100,
            "customer_id": None,
        }
        for month in range(1, 13)
    ]
    own = [
        {
            "date": date(2024, 1, 1) + timedelta(days=int(rng.integers(0, 390))),
            "amount": Decimal(int(rng.integers(100, 5_000))) / 100,
            "customer_id": f"C{int(rng.integers(0, 120)):04d}",
        }
        for _ in range(60)
    ]
    schema = pa.schema([("date", pa.date32()), ("amount", pa.decimal128(18, 4)), ("customer_id", pa.string())])
    rows = [row | {"amount": row["amount"].quantize(Decimal("0.0001"))} for row in shared + own]
    return pa.Table.from_pylist(rows, schema=schema)
