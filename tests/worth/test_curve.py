"""V11, W03, W04 and the cohort tables: value from the acquisition on, against plain Python."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kezhi.engine import Engine
from kezhi.language import KezhiError
from kezhi.ledger import Calendar
from kezhi.worth.cohorts import triangle
from kezhi.worth.curve import curve_of, measured
from kezhi.worth.phases import payback, phases
from worth.small_company import AS_OF, Company, Life, lives, month

# Customer A of the worked example with what A's recommendations brought, and what A cost, year by year.
SALES = (800, 1_550, 2_250, 3_550, 5_900)
COSTS = (850, 100, 100, 100, 100)
PRESENT = month(AS_OF) - 1  # June is not over


def case() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Orders and expenses of customer A over five years."""
    days = [date(2021 + year, 5, 3) for year in range(5)]
    orders = [{"customer_id": "A", "date": day, "amount": amount} for day, amount in zip(days, SALES, strict=True)]
    kinds = ["acquisition", *["service"] * 4]
    expenses = [
        {"customer_id": "A", "date": day, "amount": amount, "kind": kind}
        for day, amount, kind in zip(days, COSTS, kinds, strict=True)
    ]
    return orders, expenses


def curve(work: Any, dimension: str = "company", segment: str = "") -> list[dict[str, Any]]:
    rows = pq.read_table(work.folder / "curve.parquet").to_pylist()
    return [row for row in rows if (row["dimension"], row["segment"]) == (dimension, segment)]


@pytest.mark.parametrize("booked", [True, False])
def test_v11_customer_a_starts_below_zero_and_rises(worked: Callable[..., Any], *, booked: bool) -> None:
    """The row's example, acquisition cost in either table; sales (W03) and costs (W04) are in the same rows."""
    orders, expenses = case()
    people = [{"customer_id": "A", "acquisition_cost": 850, "acquired_on": date(2021, 1, 9)}]
    spent = expenses if booked else expenses[1:]
    work = worked(orders, expenses=spent, customers=people, period="year", as_of=date(2025, 12, 31))
    company = measured(work).facts["groups"][0]
    rows = curve(work)
    assert [row["cumulative_per_customer"] for row in rows] == [-50, 1_400, 3_550, 7_000, 12_800]
    assert [row["amount"] for row in rows] == list(SALES)
    assert [row["expense"] + row["unbooked"] for row in rows] == list(COSTS)
    assert [row["phase"] for row in rows] == ["acquire", "rise", "rise", "rise", "peak"]
    assert company["acquisition_per_customer"] == 850
    assert (company["payback"], company["paid_back"], company["ages"]) == (1, 1.0, 5)


# --- agreement --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def found(followed: tuple[Company, Any]) -> dict[str, Any]:
    """The facts of the small company's curve; its files are in the work's folder."""
    return measured(followed[1]).facts


def at(life: Life, age: int) -> range:
    """The months that count at one age: what was booked before the beginning counts at 0."""
    return range(life.begin + age if age else 0, life.begin + age + 1)


def added(life: Life, name: str, months: range) -> Decimal:
    parts: dict[int, Decimal] = getattr(life, name)
    return sum((amount for number, amount in parts.items() if number in months), Decimal(0))


@pytest.mark.usefixtures("found")
def test_cohorts_are_what_following_every_customer_gives(followed: tuple[Company, Any]) -> None:
    company, work = followed
    everybody = lives(company)
    rows = pq.read_table(work.folder / "cohorts.parquet").to_pylist()
    begins = {life.begin for life in everybody.values()}
    assert len(rows) == sum(month(AS_OF) - begin + 1 for begin in begins)
    for row in rows:
        same = [life for life in everybody.values() if life.begin == month(row["cohort"])]
        age = row["age"]
        assert row["customers"] == len(same)
        assert row["complete"] == (month(row["period"]) <= PRESENT)
        assert row["active"] == sum(life.purchases.get(life.begin + age, 0) > 0 for life in same)
        assert row["purchases"] == sum(life.purchases.get(life.begin + age, 0) for life in same)
        for name in ("amount", "cost", "expense"):
            assert row[name] == sum((added(life, name, at(life, age)) for life in same), Decimal(0))
        assert row["value"] == row["amount"] - row["cost"] - row["expense"]
    for name in ("acquisition", "unbooked"):
        assert sum(row[name] for row in rows) == sum(getattr(life, name) for life in everybody.values())
    assert sum(row["value"] for row in rows) == sum(life.value() for life in everybody.values())


@pytest.mark.parametrize(
    ("dimension", "segment"),
    [("company", ""), ("cohort", "2024-01-01"), ("source", "fair"), ("source", ""), ("role", "agent")],
)
def test_curves_are_what_following_every_customer_gives(
    followed: tuple[Company, Any], found: dict[str, Any], dimension: str, segment: str
) -> None:
    company, work = followed
    group = [
        life
        for life in lives(company).values()
        if {
            "company": True,
            "cohort": life.begin // 12 == 2024,
            "source": (life.said["source"] or "") == segment,
            "role": life.said["role"] == segment,
        }[dimension]
    ]
    rows = curve(work, dimension, segment)
    running = 0.0
    for row in rows:
        age = row["age"]
        reached = [life for life in group if life.begin + age <= PRESENT]
        value = sum((life.value(at(life, age)) for life in reached), Decimal(0))
        # in this company what winning customers cost arises when they begin, or earlier
        value -= sum((life.unbooked for life in reached), Decimal(0)) if age == 0 else 0
        running += float(value) / len(reached)
        assert row["customers"] == len(reached)
        assert row["value_per_customer"] == pytest.approx(float(value) / len(reached))
        assert row["cumulative_per_customer"] == pytest.approx(running)
    assert rows[-1]["age"] == max(PRESENT - life.begin for life in group if life.begin <= PRESENT)
    facts = next(one for one in found["groups"] if (one["dimension"], one["segment"]) == (dimension, segment))
    assert facts["customers"] == len(group)
    assert facts["paid_back"] == pytest.approx(sum(life.value() >= life.unbooked for life in group) / len(group))
    spent = sum((life.acquisition for life in group), Decimal(0))
    assert facts["acquisition_per_customer"] == pytest.approx(float(spent) / len(group))


# --- limits -----------------------------------------------------------------------------------------------


def test_orders_alone_give_a_curve_without_a_cost(worked: Callable[..., Any]) -> None:
    orders = [{"customer_id": "A", "date": date(2025, month, 9), "amount": 10} for month in (1, 2, 3)]
    facts = measured(worked(orders, as_of=date(2025, 3, 31))).facts
    assert facts["acquisition_known"] is False
    assert {one["payback"] for one in facts["groups"]} == {None}
    assert [one["dimension"] for one in facts["groups"]] == ["company", "cohort"]


def test_before_the_first_period_is_over_there_is_no_curve(worked: Callable[..., Any]) -> None:
    work = worked([{"customer_id": "A", "date": date(2025, 1, 9), "amount": 10}], as_of=date(2025, 1, 9))
    facts = measured(work).facts
    assert facts["groups"][0]["ages"] == 0
    assert curve(work) == []
    only = pq.read_table(work.folder / "cohorts.parquet").to_pylist()
    assert [(row["age"], row["complete"], row["amount"]) for row in only] == [(0, False, 10)]


def test_neither_the_order_of_rows_nor_what_comes_later_changes_anything(
    followed: tuple[Company, Any], worked: Callable[..., Any]
) -> None:
    company, work = followed
    measured(work)
    chance = random.Random(1)
    later = date(2025, 7, 1)
    more = {
        "customers": [*company.customers, {"customer_id": "new", "acquired_on": later, "source": "fair"}],
        "expenses": [*company.expenses, {**company.expenses[0], "date": later}],
    }
    orders = [*company.orders, {**company.orders[0], "date": later, "customer_id": "new"}]
    tables = {"orders": orders, **company.tables, **more}
    shuffled = {name: chance.sample(rows, len(rows)) for name, rows in tables.items()}
    again = worked(shuffled.pop("orders"), as_of=AS_OF, **shuffled)
    measured(again)
    for name in ("cohorts", "curve"):
        assert pq.read_table(work.folder / f"{name}.parquet").equals(pq.read_table(again.folder / f"{name}.parquet"))


def test_a_company_that_subtracts_no_expense_subtracts_none_here(worked: Callable[..., Any]) -> None:
    orders, expenses = case()
    people = [{"customer_id": "A", "acquisition_cost": 850}]
    work = worked(
        orders, expenses=expenses, customers=people, period="year", as_of=date(2025, 12, 31), subtract_expense=False
    )
    assert measured(work).facts["acquisition_known"] is False
    assert curve(work)[-1]["cumulative_per_customer"] == sum(SALES)


# --- cohort tables ----------------------------------------------------------------------------------------


def cohort(first: date, customers: int, *ages: tuple[int, int, int], complete: int = 9) -> list[dict[str, Any]]:
    """Rows of cohorts.parquet: active customers, purchases and amount by age."""
    zero = {"cost": 0, "expense": 0, "acquisition": 0, "unbooked": 0, "value": 0}
    return [
        {
            **zero,
            "cohort": first,
            "age": age,
            "complete": age < complete,
            "customers": customers,
            "active": active,
            "purchases": purchases,
            "amount": Decimal(amount),
        }
        for age, (active, purchases, amount) in enumerate(ages)
    ]


TWO = [
    *cohort(date(2024, 1, 1), 10, (10, 12, 100), (4, 5, 50), (2, 2, 25)),
    *cohort(date(2024, 2, 1), 20, (20, 20, 400), (5, 9, 100), (1, 1, 7), complete=2),
]


def test_any_measure_can_be_shown_in_any_way() -> None:
    january = {
        ("active", "share"): (1.0, 0.4, 0.2),
        ("purchases", "sum"): (12, 5, 2),
        ("amount", "per_customer"): (10, 5, 2.5),
        ("amount", "cumulative"): (10, 15, 17.5),
        ("amount", "share"): (1, 0.5, 0.25),
    }
    for (measure, show), values in january.items():
        shown = triangle(TWO, measure, show)  # type: ignore[arg-type]
        assert shown.values[0] == pytest.approx(values)
        assert shown.values[1][2] is None  # not over yet: no figure rather than a fall
    assert triangle(TWO).customers == (10, 20)


def test_a_year_of_cohorts_is_of_those_who_have_come_that_far() -> None:
    shown = triangle(TWO, "active", "share", years=Calendar("year"))
    assert shown.cohorts == (date(2024, 1, 1),)
    # of 30, at the last age only the 10 of January are there: less than half
    assert shown.values[0] == (1.0, 0.3, None)
    more = [*TWO, *cohort(date(2024, 3, 1), 30, (30, 30, 30), (3, 3, 3), complete=1)]
    partly = triangle(more, "active", "share", years=Calendar("year"))
    assert partly.values[0][1] == pytest.approx(9 / 30)
    assert partly.partly[0] == (False, True, False)


def test_an_unknown_measure_is_answered_with_those_there_are() -> None:
    with pytest.raises(KezhiError, match="gross_profit"):
        triangle(TWO, "profit")  # type: ignore[arg-type]


# --- phases -----------------------------------------------------------------------------------------------


def named(values: list[float]) -> list[tuple[str, int, int]]:
    return [(one.phase, one.first, one.last) for one in phases(values)]


def test_phases() -> None:
    curve = [-300.0, 60, 80, 120, 160, 200, 200, 200, 150, 100, 50]
    assert named(curve) == [("acquire", 0, 3), ("rise", 4, 4), ("peak", 5, 7), ("decline", 8, 10)]
    assert payback(curve) == 4
    assert named([5.0, 5, 5, 5]) == [("peak", 0, 3)]
    assert named([-10.0, 1, 1]) == [("acquire", 0, 2)]
    assert payback([-10.0, 1, 1]) is None
    assert named([5.0, 6]) == []
    assert named([0.0, 0, 0, 0]) == []


def test_one_odd_period_is_no_peak() -> None:
    slope = [float(age) for age in range(30, 0, -1)]
    noisy = list(slope)
    noisy[20] = 30.0
    assert named(noisy)[0] == named(slope)[0] == ("peak", 0, 3)


# --- one customer -----------------------------------------------------------------------------------------


def test_one_customer_s_curve_from_the_files_of_a_run(engine: Engine, tmp_path: Path) -> None:
    past = [(date(2025, 2, 1), 30, 10, 5), (date(2025, 4, 1), 20, 8, 0)]
    columns = {
        "customer_id": ["A", "A"],
        "period": [day for day, *_ in past],
        **{name: [Decimal(row[place]) for row in past] for place, name in enumerate(("amount", "cost", "expense"), 1)},
    }
    pq.write_table(pa.table(columns), tmp_path / "periods.parquet")
    (tmp_path / "manifest.json").write_text(json.dumps({"period": "month", "fiscal_start": 1, "as_of": "2025-05-03"}))
    assert [row["cumulative"] for row in curve_of(engine, tmp_path, "A")] == [15, 15, 27, 27]
    standing = {"customer_id": ["A"], "began": [date(2025, 1, 1)], "unbooked_acquisition": [Decimal(50)]}
    pq.write_table(pa.table(standing), tmp_path / "standing.parquet")
    rows = curve_of(engine, tmp_path, "A")
    assert [(row["age"], row["value"], row["cumulative"]) for row in rows] == [
        (0, -50, -50), (1, 15, -35), (2, 0, -35), (3, 12, -23), (4, 0, -23),
    ]  # fmt: skip
    assert curve_of(engine, tmp_path, "nobody") == []
