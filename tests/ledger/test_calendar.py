"""The calendar in plain Python and in the engine."""

from __future__ import annotations

from datetime import date, timedelta

import pyarrow as pa
import pytest

from kezhi.engine import Engine
from kezhi.language import KezhiError
from kezhi.ledger import Calendar

SOME_DAYS = [date(1999, 12, 31) + timedelta(days=17 * step) for step in range(900)]


@pytest.mark.parametrize("period", ["month", "quarter", "year"])
@pytest.mark.parametrize("fiscal_start", [1, 4, 12])
def test_the_engine_counts_periods_as_python_does(engine: Engine, period: str, fiscal_start: int) -> None:
    calendar = Calendar(period, fiscal_start)  # type: ignore[arg-type]
    days = engine.table(pa.table({"day": pa.array(SOME_DAYS, pa.date32())}))
    rows = engine.fetch(
        days.mutate(number=calendar.numbers(days.day)).mutate(start=lambda t: calendar.starts(t.number))
    ).to_pylist()
    for row in rows:
        assert row["number"] == calendar.number(row["day"])
        assert row["start"] == calendar.start(row["number"])
        assert calendar.start(row["number"]) <= row["day"] <= calendar.end(row["number"])


def test_a_fiscal_year_from_april_holds_the_next_march() -> None:
    calendar = Calendar("year", 4)
    assert calendar.start(calendar.number(date(2025, 3, 31))) == date(2024, 4, 1)
    assert calendar.start(calendar.number(date(2025, 4, 1))) == date(2025, 4, 1)


def test_the_last_complete_period_and_what_is_left() -> None:
    calendar = Calendar("month")
    june, cut = date(2025, 6, 30), date(2025, 6, 15)
    assert calendar.last_complete(june) == calendar.number(june)
    assert calendar.last_complete(cut) == calendar.number(cut) - 1
    assert calendar.rest(june) == 0
    assert calendar.rest(cut) == pytest.approx(15 / calendar.mean_days)


@pytest.mark.parametrize(("period", "fiscal_start"), [("week", 1), ("month", 0), ("month", 13)])
def test_a_wrong_calendar_is_refused(period: str, fiscal_start: int) -> None:
    with pytest.raises(KezhiError, match="must"):
        Calendar(period, fiscal_start)  # type: ignore[arg-type]
