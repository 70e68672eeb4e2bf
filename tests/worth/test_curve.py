"""V11, W03, W04 and the cohort tables: value from the acquisition on, against plain Python."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from kezhi.worth.curve import measured

# Customer A of the worked example with what A's recommendations brought, and what A cost, year by year.
SALES = (800, 1_550, 2_250, 3_550, 5_900)
COSTS = (850, 100, 100, 100, 100)


def case() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Orders and expenses of customer A over five years."""
    orders = [
        {"customer_id": "A", "date": date(2021 + year, 5, 3), "amount": amount} for year, amount in enumerate(SALES)
    ]
    expenses = [
        {
            "customer_id": "A",
            "date": date(2021 + year, 5, 3),
            "amount": amount,
            "kind": "service" if year else "acquisition",
        }
        for year, amount in enumerate(COSTS)
    ]
    return orders, expenses


def curve(work: Any, dimension: str = "company", segment: str = "") -> list[dict[str, Any]]:
    import pyarrow.parquet as pq

    rows = pq.read_table(work.folder / "curve.parquet").to_pylist()
    return [row for row in rows if (row["dimension"], row["segment"]) == (dimension, segment)]


def test_v11_customer_a_starts_below_zero_and_rises(worked: Callable[..., Any]) -> None:
    """The row's example; the sales of W03 and the costs of W04 are in the same rows."""
    orders, expenses = case()
    work = worked(orders, expenses=expenses, period="year", as_of=date(2025, 12, 31))
    facts = measured(work).facts
    rows = curve(work)
    assert [row["cumulative_per_customer"] for row in rows] == [-50, 1_400, 3_550, 7_000, 12_800]
    assert [row["amount"] for row in rows] == list(SALES)
    assert [row["expense"] for row in rows] == list(COSTS)
    assert [row["phase"] for row in rows] == ["acquire", "rise", "rise", "rise", "peak"]
    print(facts)
