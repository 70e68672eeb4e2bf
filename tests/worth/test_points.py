"""Points: terms, rules, score sheets and rankings (inventory V03, V04, V05, V06, V08, V14, T06, T07)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pyarrow.parquet as pq

from kezhi.worth.points import measured

DAY = date(2025, 3, 31)


def order(customer: str, amount: float, day: date = DAY) -> dict[str, Any]:
    return {"customer_id": customer, "date": day, "amount": amount}


def suggestion(customer: str, grade: str | None, day: date = DAY) -> dict[str, Any]:
    return {"customer_id": customer, "date": day, "grade": grade, "text": "softer handle"}


def table(work: Any, name: str) -> list[dict[str, Any]]:
    return pq.read_table(work.folder / f"{name}.parquet").to_pylist()


def points(work: Any) -> dict[str, float]:
    return {row["customer_id"]: float(row["points"]) for row in table(work, "rankings")}


def test_v03_the_mission_s_customer_has_65_points(worked: Any) -> None:
    work = worked(
        [order("A", 1_000_000), order("B", 10)],
        opportunities=[{"opportunity_id": "O1", "customer_id": "A", "amount": 500_000, "stage": "quoted"}],
        suggestions=[suggestion("A", "high") for _ in range(5)],
    )
    found = measured(work)
    print(found)
    assert points(work)["A"] == 65
    print(table(work,"points"),table(work,"rankings"))
