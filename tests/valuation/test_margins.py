"""The margin and expense rules of the published method, against its examples and against enumeration."""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from kezhi.engine import Engine
from kezhi.ledger import Calendar, open_ledger
from kezhi.models import NBDFit, PurchaseHistories
from kezhi.valuation.forecast import expected_expense
from kezhi.valuation.margins import margin_factors, margin_slopes
from ledger.books import book, expense, line

DAY = date(2024, 1, 5)


def test_the_margin_follows_the_companys_slope(engine: Engine) -> None:
    """R16: company margins 0.30, 0.32, 0.34 and r = 2 give a slope of 0.02 and a factor of 1.02."""
    rows = [line("a", date(2024, month, 1), 100, None, cost) for month, cost in ((1, 70), (2, 68), (3, 66))]
    ledger = open_ledger(engine, book(engine, rows), Calendar(), date(2024, 3, 31))
    slopes = margin_slopes(ledger, 2)
    assert slopes == pytest.approx([0.0, 0.02, 0.02])
    stays_away = np.ones((1, 1, 1))
    assert margin_factors(stays_away, np.array([2]), slopes) == pytest.approx(np.array([[1.02]]))
    assert margin_factors(stays_away, np.array([0]), slopes) == pytest.approx(np.array([[1.0]]))


def test_margins_of_later_steps_are_expected_over_the_moves() -> None:
    """Agreement: the recursion against adding up every path of buying and staying away."""
    fit = NBDFit(parameters={"a": 1.84, "b": 2.67})
    history = PurchaseHistories([2.0], [3.0], [5.0])
    slopes, idle, horizon = np.array([0.0, 0.02, 0.03]), 2, 4
    found = margin_factors(fit.purchases_by_state(history, horizon), np.array([idle]), slopes)[0]
    shape, rate = 2.67 + 2, 1.84 + 5
    rng = np.random.default_rng(1)
    lam = rng.gamma(shape, 1 / rate, 400_000)
    factor = np.ones(len(lam))
    away = np.full(len(lam), idle)
    bought_before = np.zeros(len(lam), dtype=bool)
    for step in range(horizon):
        purchases = rng.poisson(lam)
        now = np.where(bought_before, factor, 1 + slopes[idle] * away / 2)
        assert found[step] == pytest.approx((now * purchases).sum() / purchases.sum(), rel=2e-3)
        # a purchase takes the margin expected of that step; that is what the rule carries on
        factor = np.where(purchases > 0, found[step], factor)
        bought_before |= purchases > 0
        away += 1


@pytest.mark.parametrize(("amount", "expected"), [(29_622.97, 1_481.1485), (10_000, 800), (600, 30)])
def test_the_expense_rule_has_three_branches(engine: Engine, amount: float, expected: float) -> None:
    """R17: rate 0.05, smallest expense 800."""
    past = pa.table(
        {
            "expense_rate": [0.05],
            "expense_floor": [800.0],
            "next": [amount],
        }
    )
    rows = engine.table(past)
    (row,) = engine.fetch(rows.select(expense=expected_expense(rows.next, rows))).to_pylist()
    assert row["expense"] == pytest.approx(expected)


def test_rate_and_floor_come_from_the_customers_past(engine: Engine) -> None:
    """R17: rate = expenses / purchases, floor = the smallest positive expense of a period."""
    rows = [line("a", date(2024, 1, 5), 60_000), line("a", date(2024, 3, 5), 40_000), line("b", DAY, -5)]
    spent = [expense(date(2024, 1, 7), 4_200, "a"), expense(date(2024, 2, 7), 800, "a"), expense(DAY, 5, "b")]
    ledger = open_ledger(engine, book(engine, rows, spent), Calendar(), date(2024, 3, 31))
    found = {row["customer_id"]: row for row in engine.fetch(ledger.statistics).to_pylist()}
    assert (found["a"]["expense_rate"], found["a"]["expense_floor"]) == (pytest.approx(0.05), 800.0)
    assert found["b"]["expense_rate"] == 0
