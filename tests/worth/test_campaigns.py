"""A13 by campaign: what each cost, whom it won, what they brought, and what was sold in its name."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pyarrow.parquet as pq
import pytest

from kezhi.worth import channels, lifetime
from kezhi.worth.beginnings import MOST, OTHERS
from kezhi.worth.channels import UNASSIGNED

Worked = Callable[..., Any]
DAY = date(2025, 3, 3)
ORDERS = [
    {"customer_id": "A", "date": DAY, "amount": 300, "order_id": "1", "campaign": "spring"},
    {"customer_id": "A", "date": DAY, "amount": 50, "order_id": "1", "campaign": "Spring "},
    {"customer_id": "A", "date": DAY + timedelta(9), "amount": -20, "order_id": "1", "campaign": "spring"},
    {"customer_id": "B", "date": DAY, "amount": 200, "order_id": "2", "campaign": "spring"},
    {"customer_id": "C", "date": DAY, "amount": 100, "order_id": "3", "campaign": None},
]
PEOPLE = [
    {"customer_id": "A", "campaign": "Spring"},
    {"customer_id": "B", "campaign": "fair"},
    {"customer_id": "C", "campaign": None},
]
SPENT = [
    {"date": DAY, "amount": 80, "kind": "marketing", "campaign": "spring", "customer_id": None},
    {"date": DAY, "amount": 5, "kind": "acquisition", "campaign": "spring", "customer_id": "A"},
    {"date": DAY, "amount": 7, "kind": "acquisition", "campaign": None, "customer_id": "A"},
    {"date": DAY, "amount": 11, "kind": "acquisition", "campaign": None, "customer_id": "C"},
    {"date": DAY, "amount": 13, "kind": "acquisition", "campaign": None, "customer_id": None},
    {"date": DAY, "amount": 40, "kind": "marketing", "campaign": "radio", "customer_id": None},
    {"date": DAY, "amount": 99, "kind": "service", "campaign": None, "customer_id": "B"},
]


def rows_of(work: Any) -> dict[str, dict[str, Any]]:
    rows = pq.read_table(work.folder / "channels.parquet").to_pylist()
    return {row["name"]: row for row in rows if row["field"] == "campaign" and row["began"] is None}


def test_a13_cost_customers_and_roi_by_campaign(worked: Worked) -> None:
    """The row's example by campaign: ROI = value / cost."""
    work = worked(ORDERS, customers=PEOPLE, expenses=SPENT)
    work.found["lifetime"] = lifetime.measured(work)
    found = channels.measured(work)
    assert found is not None
    rows = rows_of(work)
    # spring: all that names it, and what winning its customer cost besides
    assert {name: row["acquisition"] for name, row in rows.items()} == {
        "Spring": 80 + 5 + 7, "fair": 0, "": 11, "radio": 40, UNASSIGNED: 13,
    }  # fmt: skip
    assert sum(row["acquisition"] for row in rows.values()) == sum(row["amount"] for row in SPENT[:6])
    assert {name: row["customers"] for name, row in rows.items() if row["customers"]} == {"Spring": 1, "fair": 1, "": 1}
    assert rows["Spring"]["cost_per_customer"] == 92
    assert rows["Spring"]["roi"] == pytest.approx(float(rows["Spring"]["value"]) / 92)
    lives = {row["customer_id"]: row for row in work.engine.fetch(work.with_found("lifetime_value")).to_pylist()}
    spring, *others = found.facts["campaigns"]
    assert spring.pop("lifetime_value") == pytest.approx(Decimal(lives["A"]["lifetime_value"]), abs=Decimal("0.0001"))
    assert spring == {
        "campaign": "Spring", "spent": 85, "orders": 2, "buyers": 2, "amount": 530, "customers": 1,
    }  # fmt: skip
    assert [(one["campaign"], one["spent"], one["customers"], one["amount"]) for one in others] == [
        ("radio", 40, 0, 0), ("fair", 0, 1, 0),
    ]  # fmt: skip


def test_lines_add_up_to_the_company(worked: Worked) -> None:
    chance = random.Random(3)
    names = ["spring", "autumn", None, "fair"]
    people = [{"customer_id": f"C{n}", "campaign": chance.choice(names), "source": "x"} for n in range(30)]
    orders = [
        {"customer_id": f"C{chance.randrange(30)}", "date": DAY + timedelta(chance.randrange(200)),
         "amount": Decimal(chance.randrange(-2000, 9000)) / 100}
        for _ in range(150)
    ]  # fmt: skip
    work = worked(orders, customers=people)
    channels.measured(work)
    total = work.engine.row(work.figures.aggregate(value=work.figures.value.sum(), number=work.figures.count()))
    rows = rows_of(work).values()
    assert (sum(row["value"] for row in rows), sum(row["customers"] for row in rows)) == tuple(total.values())
    said = {row["customer_id"]: row["campaign"] or "" for row in people}
    for row in rows:
        own = [order["amount"] for order in orders if said[order["customer_id"]] == row["name"]]
        assert row["amount"] == sum(own)


def test_orders_alone_may_name_campaigns(worked: Worked) -> None:
    work = worked(ORDERS)
    found = channels.measured(work)
    assert found is not None
    assert [(one["campaign"], one["buyers"], one["customers"]) for one in found.facts["campaigns"]] == [
        ("Spring", 2, 0)
    ]
    assert pq.read_table(work.folder / "channels.parquet").num_rows == 0


def test_without_campaigns_nothing_is_said_of_them(worked: Worked) -> None:
    plain = [{name: value for name, value in row.items() if name != "campaign"} for row in ORDERS]
    found = channels.measured(worked(plain, customers=[{"customer_id": "A", "source": "fair"}]))
    assert found is not None
    assert set(found.facts) == {"acquisition_known", "opportunities"}


def test_campaigns_beyond_the_largest_are_put_together(worked: Worked) -> None:
    people = [{"customer_id": f"C{n}", "campaign": f"c{n // 2 if n < 40 else n}"} for n in range(43)]
    orders = [{"customer_id": row["customer_id"], "date": DAY, "amount": 5} for row in people]
    spent = [{"date": DAY, "amount": 2, "kind": "marketing", "campaign": name} for name in ("c0", "c41")]
    work = worked(orders, customers=people, expenses=spent)
    channels.measured(work)
    rows = rows_of(work)
    assert len(rows) == MOST + 1
    assert (rows["c0"]["acquisition"], rows[OTHERS]["acquisition"], rows[OTHERS]["customers"]) == (2, 2, 3)
