"""What was spent on winning a customer is spent once: it counts so far, and is not projected."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from kezhi.engine import Engine
from kezhi.ledger import Book, Calendar, open_ledger, published_periods
from kezhi.ledger.statistics import Ledger
from kezhi.valuation.forecast import expected_expense
from ledger import reference
from ledger.books import EXPENSES, book, expense, line

DAY = date(2024, 1, 5)
END = date(2024, 6, 30)
KINDED = EXPENSES.append(pa.field("kind", pa.string()))


def kinds(engine: Engine, orders: Sequence[dict[str, Any]], spent: Sequence[tuple[Any, ...]]) -> Book:
    """A book whose expenses (day, amount, customer, kind) say what they were for."""
    rows = [expense(*row[:3]) | {"kind": row[3]} for row in spent]
    return Book(book(engine, orders).orders, expenses=engine.table(pa.Table.from_pylist(rows, schema=KINDED)))


def terms(ledger: Ledger) -> dict[str, tuple[float, float]]:
    """By customer the rate and the floor of the expense that is projected."""
    rows = ledger.engine.fetch(ledger.statistics).to_pylist()
    return {row["customer_id"]: (row["expense_rate"], row["expense_floor"]) for row in rows}


def test_a_new_customer_is_not_won_again(engine: Engine) -> None:
    """1 664 of 2 006 won the customer: forecast is what the other 342 come to, not 1 985."""
    orders = [line("new", DAY, 1_000), line("new", date(2024, 3, 2), 1_005)]
    spent = [(DAY, 1_664, "new", "acquisition"), (DAY, 142, "new", "service"), (date(2024, 3, 9), 200, "new", None)]
    ledger = open_ledger(engine, kinds(engine, orders, spent), Calendar(), date(2024, 3, 31))
    assert terms(ledger) == {"new": (pytest.approx(342 / 2_005), 142.0)}
    rows = ledger.statistics.mutate(next=ledger.statistics.amount.cast("float64") * 0.0 + 1_984.0)
    (row,) = engine.fetch(rows.select("expense", due=expected_expense(rows.next, rows))).to_pylist()
    assert row["expense"] == 2_006  # so far everything counts
    assert row["due"] == pytest.approx(1_984 * 342 / 2_005)
    (month,) = [one for one in engine.fetch(_periods(ledger)).to_pylist() if one["period"] == date(2024, 1, 1)]
    assert (month["expense"], month["acquisition_expense"], month["value"]) == (1_806, 1_664, 1_000 - 1_806)


def _periods(ledger: Ledger) -> Any:
    return published_periods(ledger.named(ledger.accounts), ledger.calendar, cost_known=False)


@pytest.mark.parametrize(
    ("spent", "expected"),
    [
        ([(DAY, 90, "a", "Acquisition "), (DAY, -90, "a", "获客")], (0.0, 0.0)),  # taken back again: nothing is left
        ([(DAY, 90, "a", "拉新"), (date(2024, 3, 5), -40, "a", "拉新"), (date(2024, 3, 5), 10, "a", "sales")],
         (0.1, 10.0)),  # a refund of acquisition does not eat what recurs
        ([(DAY, 90, "a", "acquisition"), (DAY, -8, "a", "service")], (0.0, 0.0)),  # below nothing is nothing
        ([(DAY, 90, None, "acquisition"), (DAY, 6, None, "marketing")], (0.06, 6.0)),  # shared ones as well
        ([(DAY, 90, "a", "acquisition")], (0.0, 0.0)),
        ([(DAY, 30, "a", "acquisitions team dinner"), (DAY, 20, "a", None)], (0.5, 50.0)),  # another kind recurs
        ([(date(2024, 7, 1), 90, "a", "acquisition"), (DAY, 20, "a", "service")], (0.2, 20.0)),  # not known by then
    ],
)  # fmt: skip
def test_only_what_recurs_makes_the_rate_and_the_floor(
    engine: Engine, spent: list[tuple[Any, ...]], expected: tuple[float, float]
) -> None:
    ledger = open_ledger(engine, kinds(engine, [line("a", DAY, 100)], spent), Calendar(), END)
    assert terms(ledger) == {"a": (pytest.approx(expected[0]), expected[1])}


def test_without_acquisition_the_published_rule_stays_to_the_last_digit(engine: Engine) -> None:
    dice = random.Random(3)
    orders, spent = _company(dice)
    spent = [(*row[:3], "service") for row in spent]
    told = open_ledger(engine, kinds(engine, orders, spent), Calendar(), END)
    plain = open_ledger(engine, book(engine, orders, [expense(*row[:3]) for row in spent]), Calendar(), END)
    assert terms(told) == terms(plain)
    assert "acquisition_expense" in told.accounts.columns


def _company(dice: random.Random) -> tuple[list[dict[str, Any]], list[tuple[Any, ...]]]:
    names = ["a", "b", "c", "丁", "e"]
    orders = [
        line(
            dice.choice(names), DAY + timedelta(dice.randrange(160)), str(Decimal(dice.randrange(-2_000, 90_000)) / 100)
        )
        for _ in range(60)
    ]
    spent = [
        (DAY + timedelta(dice.randrange(160)), str(Decimal(dice.randrange(-900, 20_000)) / 100),
         dice.choice([*names, None]), dice.choice(["acquisition", "获取", "service", "营销", None]))
        for _ in range(40)
    ]  # fmt: skip
    return orders, spent


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("period", ["month", "quarter"])
def test_rate_floor_and_periods_agree_with_adding_up_by_hand(engine: Engine, seed: int, period: Any) -> None:
    orders, spent = _company(random.Random(seed))
    calendar = Calendar(period)
    ledger = open_ledger(engine, kinds(engine, orders, spent), calendar, END)
    everything = reference.accounts(orders, [expense(*row[:3]) for row in spent], calendar.number, END)
    won = [expense(*row[:3]) for row in spent if row[3] in ("acquisition", "获取")]
    once = reference.accounts(orders, won, calendar.number, END)
    recurs = {key: account.expense - once[key].expense for key, account in everything.items()}
    amounts: dict[str, Decimal] = {}
    for (name, _), account in everything.items():
        amounts[name] = amounts.get(name, Decimal(0)) + account.amount
    found = terms(ledger)
    for name, amount in amounts.items():
        mine = [part for (who, _), part in recurs.items() if who == name]
        rate = max(float(sum(mine)), 0.0) / float(amount) if amount > 0 else 0.0
        floor = float(min((part for part in mine if part > 0), default=Decimal(0)))
        assert found[name] == (pytest.approx(rate, rel=1e-12), floor)
    for row in ledger.engine.fetch(ledger.named(ledger.accounts)).to_pylist():
        key = row["customer_id"], row["number"]
        assert (row["expense"], row["acquisition_expense"]) == (everything[key].expense, once[key].expense)
