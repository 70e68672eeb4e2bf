"""Agreement and invariance: the engine's accounts against the slow reference."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import hypothesis.strategies as st
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings

from kezhi.engine import Engine
from kezhi.ledger import Book, Calendar, open_ledger, published_periods
from kezhi.ledger.statistics import Ledger
from ledger import reference
from ledger.books import book, expense, line

DAY = date(2024, 1, 1)
customers = st.sampled_from(["a", "b", "c", "丁"])
days = st.integers(0, 500).map(lambda n: DAY + timedelta(days=n))
amounts = st.integers(-30_000, 90_000).map(lambda n: str(Decimal(n) / 100))
lines = st.builds(
    line,
    customers,
    days,
    amounts,
    st.sampled_from([None, "1", "2", "3"]),
    st.one_of(st.none(), st.integers(1, 5_000).map(lambda n: str(Decimal(n) / 100))),
)
expenses = st.builds(
    expense,
    days,
    st.integers(1, 99_999).map(lambda n: str(Decimal(n) / 100)),
    st.one_of(st.none(), customers),
)
calendars = st.builds(Calendar, st.sampled_from(["month", "quarter", "year"]), st.integers(1, 12))


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(lines, min_size=1, max_size=25), st.lists(expenses, max_size=6), calendars, st.integers(0, 520))
@example([line("a", DAY, 10), line("b", DAY, 10), line("c", DAY, 10)], [expense(DAY, "0.01")], Calendar(), 0)
@example([line("a", DAY + timedelta(40), 5)], [expense(DAY, 7)], Calendar(), 100)
def test_accounts_equal_the_reference(
    engine: Engine, rows: list[dict[str, Any]], spent: list[dict[str, Any]], calendar: Calendar, until: int
) -> None:
    as_of = DAY + timedelta(days=until)
    expected = reference.accounts(rows, spent, calendar.number, as_of)
    ledger = open_ledger(engine, book(engine, rows, spent), calendar, as_of)
    found = {
        (row["customer_id"], row["number"]): row for row in engine.fetch(ledger.named(ledger.accounts)).to_pylist()
    }
    assert set(found) == set(expected)
    for key, account in expected.items():
        row = found[key]
        assert (row["purchases"], row["amount"]) == (account.purchases, account.amount), key
        assert (row["cost"], row["expense"]) == (account.cost, account.expense), key


def published(engine: Engine, ledger: Ledger) -> list[dict[str, Any]]:
    """The rows of periods.parquet."""
    rows = published_periods(ledger.named(ledger.accounts), ledger.calendar, cost_known=True)
    return engine.fetch(rows).to_pylist()


@pytest.fixture
def small() -> list[dict[str, Any]]:
    return [
        line("a", DAY, 100, "1", 60),
        line("a", DAY + timedelta(3), -40, "1", -20),
        line("a", DAY + timedelta(45), 70, "2", 30),
        line("b", DAY + timedelta(10), 50, "3", 0),
        line("b", DAY + timedelta(11), -80, None, None),
    ]


def test_a_return_reduces_the_day_of_the_order_it_names(engine: Engine, small: list[dict[str, Any]]) -> None:
    ledger = open_ledger(engine, book(engine, small), Calendar(), DAY + timedelta(60))
    first = engine.fetch(ledger.named(ledger.accounts).filter(lambda t: t.customer_id == "a")).to_pylist()
    january = min(first, key=lambda row: row["number"])
    assert (january["purchases"], january["amount"], january["cost"]) == (1, Decimal(60), Decimal(40))


def test_a_return_without_an_order_is_no_purchase_and_is_not_dropped(
    engine: Engine, small: list[dict[str, Any]]
) -> None:
    ledger = open_ledger(engine, book(engine, small), Calendar(), DAY + timedelta(60))
    (row,) = engine.fetch(ledger.named(ledger.accounts).filter(lambda t: t.customer_id == "b")).to_pylist()
    assert (row["purchases"], row["amount"]) == (1, Decimal(-30))


def test_an_order_cancelled_on_its_own_day_is_no_purchase(engine: Engine) -> None:
    rows = [line("a", DAY, 100, "1"), line("a", DAY + timedelta(9), -100, "1")]
    ledger = open_ledger(engine, book(engine, rows), Calendar(), DAY + timedelta(60))
    (row,) = engine.fetch(ledger.statistics).to_pylist()
    assert (row["purchases"], row["amount"], row["first_purchase"]) == (0, 0, None)


def test_customers_add_up_to_periods_and_to_the_company(engine: Engine, small: list[dict[str, Any]]) -> None:
    spent = [expense(DAY, "10.01"), expense(DAY + timedelta(33), 5, "b")]
    ledger = open_ledger(engine, book(engine, small, spent), Calendar("quarter"), DAY + timedelta(60))
    people = engine.fetch(ledger.statistics).to_pylist()
    periods = engine.fetch(
        published_periods(ledger.named(ledger.accounts), ledger.calendar, cost_known=True)
    ).to_pylist()
    for name in ("amount", "cost", "expense", "purchases"):
        by_customer = sum(row[name] for row in people)
        assert by_customer == sum(row[name] for row in periods) == sum(row[name] for row in ledger.company)
    assert sum(row["expense"] for row in people) == Decimal("15.01")


@pytest.mark.parametrize("grain", ["month", "quarter", "year"])
def test_every_grain_gives_the_same_total(engine: Engine, small: list[dict[str, Any]], grain: Any) -> None:
    """V02: twelve months = four quarters = the year."""
    ledger = open_ledger(engine, book(engine, small), Calendar(grain), DAY + timedelta(300))
    assert sum(row["amount"] for row in ledger.company) == 100


def test_value_is_purchases_less_cost_less_expense(engine: Engine) -> None:
    """V01: 100 000 - 62 000 - 5 000 = 33 000."""
    rows = [line("a", DAY, 100_000, None, 62_000)]
    ledger = open_ledger(engine, book(engine, rows, [expense(DAY, 5_000, "a")]), Calendar("year"), date(2024, 12, 31))
    (row,) = engine.fetch(
        published_periods(ledger.named(ledger.accounts), ledger.calendar, cost_known=True)
    ).to_pylist()
    assert (row["value"], row["margin"], row["period"]) == (33_000, pytest.approx(0.38), date(2024, 1, 1))


def test_the_state_of_a_customer(engine: Engine) -> None:
    """R01: purchases of 100, 100, 400 in the first quarter, none in the next two: r = 2, f = 3, m = 200."""
    rows = [line("a", DAY, 100), line("a", DAY + timedelta(30), 100), line("a", DAY + timedelta(60), 400)]
    ledger = open_ledger(engine, book(engine, rows), Calendar("quarter"), date(2024, 9, 30))
    (row,) = engine.fetch(ledger.statistics).to_pylist()
    assert (row["idle_periods"], row["last_frequency"], row["last_mean_amount"]) == (2, 3, 200.0)


def test_a_purchase_in_the_unfinished_period_ends_idleness(engine: Engine) -> None:
    """R10: a deal sets r to 0; an unfinished period without one does not count as idle yet."""
    rows = [line("a", date(2024, 1, 5), 10), line("b", date(2024, 1, 5), 10), line("b", date(2024, 4, 2), 10)]
    ledger = open_ledger(engine, book(engine, rows), Calendar(), date(2024, 4, 10))
    idle = {row["customer_id"]: row["idle_periods"] for row in engine.fetch(ledger.statistics).to_pylist()}
    assert idle == {"a": 2, "b": 0}
    assert ledger.calendar.start(ledger.next_period) == date(2024, 5, 1)


def test_the_cost_of_a_line_is_money(engine: Engine) -> None:
    """1.5 pieces at 0.3333 cost 0.49995: rounded line by line, not when the day is added up."""
    money = pa.decimal128(18, 4)
    orders = pa.table(
        {
            "customer_id": ["a", "a"],
            "date": pa.array([DAY, DAY], pa.date32()),
            "amount": pa.array([Decimal(1), Decimal(1)], money),
            "product_id": ["p", "p"],
            "quantity": [1.5, 1.5],
        }
    )
    products = pa.table({"product_id": ["p"], "unit_cost": pa.array([Decimal("0.3333")], money)})
    made = Book(engine.table(orders), products=engine.table(products))
    (row,) = engine.fetch(open_ledger(engine, made, Calendar(), DAY).statistics).to_pylist()
    assert row["cost"] == Decimal("1.0000")


def test_product_and_company_margins_stand_in_for_a_missing_line_cost(engine: Engine) -> None:
    orders = pa.table(
        {
            "customer_id": ["a", "a", "a"],
            "date": pa.array([DAY, DAY, DAY], pa.date32()),
            "amount": pa.array([Decimal(100)] * 3, pa.decimal128(18, 4)),
            "product_id": ["p", "p", "q"],
            "quantity": [2.0, 2.0, 1.0],
            "cost": pa.array([Decimal(7), None, None], pa.decimal128(18, 4)),
        }
    )
    products = pa.table({"product_id": ["p"], "unit_cost": pa.array([Decimal("12.5")], pa.decimal128(18, 4))})
    margins = pa.table({"period": pa.array([DAY], pa.date32()), "margin": [0.4]})
    made = Book(engine.table(orders), products=engine.table(products), margins=engine.table(margins))
    ledger = open_ledger(engine, made, Calendar(), DAY)
    (row,) = engine.fetch(ledger.statistics).to_pylist()
    assert (row["cost"], row["uncosted"]) == (Decimal(7 + 25 + 60), 0)


def test_a_large_shared_expense_is_divided_to_the_last_unit(engine: Engine) -> None:
    rows = [line(name, DAY, amount) for name, amount in (("a", 1), ("b", 3), ("c", 7))]
    pot = Decimal("9876543210123.4567")
    ledger = open_ledger(engine, book(engine, rows, [expense(DAY, str(pot))]), Calendar(), DAY)
    found = {row["customer_id"]: row["expense"] for row in engine.fetch(ledger.statistics).to_pylist()}
    assert sum(found.values()) == pot
    assert float(found["c"]) == pytest.approx(float(pot) * 7 / 11)
