"""V28, D10, D11, A13: sources and roles, what they cost to win and bring; against plain Python."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow.parquet as pq
import pytest

from kezhi.worth.beginnings import MOST
from kezhi.worth.channels import measured
from worth.small_company import AS_OF, Company, Life, lives


def rows_of(work: Any, field: str, year: date | None = None) -> dict[str, dict[str, Any]]:
    rows = pq.read_table(work.folder / "channels.parquet").to_pylist()
    return {row["name"]: row for row in rows if row["field"] == field and row["began"] == year}


@pytest.fixture(scope="module")
def facts(followed: tuple[Company, Any]) -> dict[str, Any]:
    """The facts of the small company."""
    found = measured(followed[1])
    assert found is not None
    return found.facts


# --- the rows' examples -----------------------------------------------------------------------------------


def test_d10_a13_cost_per_acquired_customer_and_what_one_of_money_brought(worked: Callable[..., Any]) -> None:
    """The rows' examples: cost per acquired customer by channel; ROI = value / cost per channel."""
    orders = [{"customer_id": name, "date": date(2025, 3, 3), "amount": 300} for name in ("A", "B", "C")]
    customers = [
        {"customer_id": "A", "source": "fair", "acquisition_cost": 50},
        {"customer_id": "B", "source": "fair", "acquisition_cost": 150},
        {"customer_id": "C", "source": "referral", "acquisition_cost": 10},
    ]
    work = worked(orders, customers=customers)
    measured(work)
    rows = rows_of(work, "source")
    assert rows["fair"]["cost_per_customer"] == 100
    assert rows["fair"]["value"] == 600 - 200  # what is left after winning them
    assert rows["fair"]["roi"] == 2.0
    assert (rows["referral"]["cost_per_customer"], rows["referral"]["roi"]) == (10, 29.0)
    assert rows_of(work, "source", date(2025, 1, 1)).keys() == rows.keys()


@pytest.mark.parametrize("field", ["source", "role"])
@pytest.mark.usefixtures("facts")
def test_v28_lines_add_up_to_the_company(followed: tuple[Company, Any], field: str) -> None:
    """The row's example: value by role adds up to the total; so does everything else, over the years as well."""
    company, work = followed
    everybody = lives(company)
    total = work.engine.row(work.customers.aggregate(forecast=work.customers.forecast_value.sum()))
    rows = rows_of(work, field)
    assert sum(row["customers"] for row in rows.values()) == len(everybody)
    assert sum(row["value"] for row in rows.values()) == sum(one.value() - one.unbooked for one in everybody.values())
    assert sum(row["acquisition"] for row in rows.values()) == sum(one.acquisition for one in everybody.values())
    assert sum(row["forecast_value"] for row in rows.values()) == total["forecast"]
    for name, row in rows.items():
        years = [rows_of(work, field, date(year, 1, 1)).get(name) for year in range(2022, 2026)]
        for figure in ("customers", "buyers", "acquisition", "amount", "value", "forecast_value"):
            assert sum(one[figure] for one in years if one) == row[figure]


@pytest.mark.parametrize("field", ["source", "role"])
@pytest.mark.usefixtures("facts")
def test_every_line_is_what_following_every_customer_gives(followed: tuple[Company, Any], field: str) -> None:
    company, work = followed
    groups: dict[str, list[Life]] = {}
    for life in lives(company).values():
        groups.setdefault(life.said[field] or "", []).append(life)
    rows = rows_of(work, field)
    assert rows.keys() == groups.keys()
    for name, group in groups.items():
        row = rows[name]
        cost = sum((life.acquisition for life in group), Decimal(0))
        assert (row["customers"], row["acquisition"]) == (len(group), cost)
        assert row["buyers"] == sum(bool(life.purchases) for life in group)
        assert row["amount"] == sum((sum(life.amount.values(), Decimal(0)) for life in group), Decimal(0))
        assert row["value"] == sum((life.value() - life.unbooked for life in group), Decimal(0))
        assert row["roi"] == pytest.approx(float(row["value"] / cost))
        assert row["cost_per_customer"] == pytest.approx(float(cost) / len(group))


def test_d11_conversion_by_source(followed: tuple[Company, Any], facts: dict[str, Any]) -> None:
    """The row's example: conversion per method."""
    company, _ = followed
    source = {row["customer_id"]: row["source"] or "" for row in company.customers}
    known = [row for row in company.opportunities if row["opened_on"] <= AS_OF]
    for found in facts["opportunities"]:
        own = [row for row in known if source[row["customer_id"]] == found["source"]]
        won = [row for row in own if row["stage"] == "won"]
        lost = [row for row in own if row["stage"] == "lost"]
        assert (found["opened"], found["won"], found["lost"]) == (len(own), len(won), len(lost))
        assert found["won_amount"] == sum(row["amount"] for row in won)
        assert found["conversion"] == pytest.approx(len(won) / (len(won) + len(lost)))
    assert sum(found["opened"] for found in facts["opportunities"]) == len(known)


# --- money spent on a channel, and other cases ------------------------------------------------------------

ORDERS = [{"customer_id": name, "date": date(2025, 3, 3), "amount": 300} for name in ("A", "B")]
PEOPLE = [{"customer_id": "A", "source": "Fair "}, {"customer_id": "B", "source": "search"}]
SPENT = [
    {"date": date(2025, 3, 2), "amount": 80, "kind": "acquisition", "channel": "fair"},
    {"date": date(2025, 3, 2), "amount": 6, "kind": "获客", "channel": "radio"},
    {"date": date(2025, 3, 2), "amount": 1000, "kind": "service", "channel": "fair"},
    {"date": date(2025, 3, 2), "amount": 20, "kind": "acquisition", "channel": None, "customer_id": "B"},
]
CHANCES = [
    {"opportunity_id": str(n), "customer_id": "A", "amount": 5, "probability": chance}
    for n, chance in enumerate([1, 0, 0.5, 1])
]


@pytest.fixture(scope="module")
def pair(worked: Callable[..., Any]) -> tuple[Any, dict[str, Any]]:
    """Two customers, money spent on channels, opportunities without a stage; and the facts."""
    work = worked(ORDERS, customers=PEOPLE, expenses=SPENT, opportunities=CHANCES)
    found = measured(work)
    assert found is not None
    return work, found.facts


def test_an_expense_on_a_channel_is_the_channel_s(pair: tuple[Any, dict[str, Any]]) -> None:
    rows = rows_of(pair[0], "source")
    assert {name: row["acquisition"] for name, row in rows.items()} == {"Fair": 80, "search": 20, "-": 6}
    assert (rows["-"]["customers"], rows["-"]["cost_per_customer"]) == (0, None)
    assert sum(row["value"] for row in rows.values()) == 600 - 1106


def test_where_no_stage_is_given_certainty_decides(pair: tuple[Any, dict[str, Any]]) -> None:
    (only,) = pair[1]["opportunities"]
    assert (only["source"], only["opened"], only["won"], only["lost"]) == ("Fair", 4, 2, 1)


def test_without_sources_and_roles_there_is_nothing_to_say(worked: Callable[..., Any]) -> None:
    assert measured(worked(ORDERS, customers=[{"customer_id": "A", "region": "N"}])) is None


def test_many_sources_are_put_together(worked: Callable[..., Any]) -> None:
    names = [f"C{number:02d}" for number in range(MOST + 5)]
    orders = [{"customer_id": name, "date": date(2025, 3, 3), "amount": 10} for name in [*names, "big", "nobody"]]
    people = [{"customer_id": name, "source": f"way {name}"} for name in names]
    people.append({"customer_id": "big", "source": f"way {names[-1]}"})
    work = worked(orders, customers=people)
    measured(work)
    rows = rows_of(work, "source")
    assert len(rows) == MOST + 2
    assert (rows[f"way {names[-1]}"]["customers"], rows["*"]["customers"], rows[""]["customers"]) == (2, 5, 1)
