"""The margin and expense rules of the published method, against its examples and against enumeration."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from kezhi.engine import Engine
from kezhi.ledger import Calendar, open_ledger
from kezhi.models import NBDFit, PurchaseHistories
from kezhi.valuation.forecast import expected_expense
from kezhi.valuation.margins import margin_factors, margin_slopes
from ledger.books import book, line


def test_the_margin_follows_the_companys_slope(engine: Engine) -> None:
    """R16: company margins 0.30, 0.32, 0.34 and r = 2 give a slope of 0.02 and a factor of 1.02."""
    rows = [
        line("a", date(2024, month, 1), 100, None, cost)
        for month, cost in ((1, 70), (2, 68), (3, 66))
    ]
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
            "amount": pa.array([Decimal(100_000)], pa.decimal128(18, 4)),
            "expense": pa.array([Decimal(5_000)], pa.decimal128(18, 4)),
            "expense_floor": [800.0],
            "next": [amount],
        }
    )
    rows = engine.table(past)
    (row,) = engine.fetch(rows.select(expense=expected_expense(rows.next, rows))).to_pylist()
    assert row["expense"] == pytest.approx(expected)


def test_a_customer_without_purchases_has_no_expected_expense(engine: Engine) -> None:
    past: dict[str, Any] = {
        "amount": pa.array([Decimal(0)], pa.decimal128(18, 4)),
        "expense": pa.array([Decimal(50)], pa.decimal128(18, 4)),
        "expense_floor": [50.0],
    }
    rows = engine.table(pa.table(past))
    (row,) = engine.fetch(rows.select(expense=expected_expense(0.0 * rows.expense_floor, rows))).to_pylist()
    assert row["expense"] == 0
