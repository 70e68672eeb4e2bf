"""Looking back in arrays gives the figures that the engine gives."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from kezhi.engine import open_engine
from kezhi.ledger import Book, Calendar, days_by_id, open_ledger
from kezhi.valuation.days import Known, PurchaseDays
from logs import order_log


@pytest.fixture(scope="module")
def both() -> tuple[PurchaseDays, Known, dict[str, np.ndarray]]:
    split = date(2024, 9, 17)
    with open_engine() as engine:
        log = order_log()
        book = Book(engine.table(log))
        ledger = open_ledger(engine, book, Calendar("month", 4), split)
        days = PurchaseDays.of(engine, days_by_id(book, Calendar("month", 4)), Calendar("month", 4), date(2025, 2, 3))
        people = engine.fetch(ledger.statistics.filter(ledger.statistics.purchases > 0).order_by("customer_id"))
    return days, days.known(split), {name: np.asarray(people[name].to_pylist()) for name in people.column_names}


@pytest.mark.parametrize("name", ["repeat_purchases", "recency_days", "tenure_days"])
def test_histories_are_those_of_the_ledger(both: tuple, name: str) -> None:
    days, known, people = both
    assert days.keys.take(known.customers).to_pylist() == people["customer_id"].tolist()
    assert getattr(known, name).tolist() == people[name].tolist()


def test_amounts_and_states_are_those_of_the_ledger(both: tuple) -> None:
    _, known, people = both
    frequency, idle, mean = known.state()
    assert frequency.tolist() == people["last_frequency"].tolist()
    assert idle.tolist() == people["idle_periods"].tolist()
    assert mean == pytest.approx(people["last_mean_amount"].astype(float), rel=1e-9)
    assert known.amounts.active_periods.tolist() == people["amount_periods"].tolist()
    assert known.amounts.mean_amount_sum == pytest.approx(people["mean_amount_sum"].astype(float), rel=1e-7)


def test_distinct_histories_hold_everybody(both: tuple) -> None:
    _, known, _ = both
    table, index = known.histories
    assert table["customers"].sum() == len(known) == len(index)
    assert table["tenure_days"][index].tolist() == known.tenure_days.tolist()


def test_what_came_is_what_the_log_says(both: tuple) -> None:
    days, known, _ = both
    until = date(2024, 12, 31)
    purchases, amount = days.came(known, until)
    before, spent_before = days.between(known, date(2000, 1, 1), known.split)
    later = days.known(until)
    both_days = np.isin(later.customers, known.customers)
    assert (before + purchases).tolist() == (later.repeat_purchases[both_days] + 1).tolist()
    assert np.all(np.isfinite(amount + spent_before))
