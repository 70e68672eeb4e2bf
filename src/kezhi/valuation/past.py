"""Looking back: the forecast made again at past days, what it teaches, and the year's season."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from kezhi.engine import Engine
from kezhi.language import Text
from kezhi.ledger import Ledger
from kezhi.models.clock import Clock, Event
from kezhi.models.nbd import NO_CUSTOMERS
from kezhi.models.season import SeasonEstimate
from kezhi.valuation.backtest import (
    ENOUGH,
    LEAST_BACK,
    NOBODY_CAME_BACK,
    TOO_SHORT,
    Backtest,
    forecasts_of,
    summary,
)
from kezhi.valuation.days import PurchaseDays
from kezhi.valuation.lessons import Learned, learn
from kezhi.valuation.memory import Memory
from kezhi.valuation.rehearsal import candidates, lessons_of, origins_by_period, rehearse, season_of


@dataclass(frozen=True, eq=False)
class Past:
    """What the company's own history says of the methods: tests, lessons, and the year's season."""

    tested: Backtest | Text
    learned: Learned
    season: SeasonEstimate
    one_in: int


def look_back(
    engine: Engine,
    ledger: Ledger,
    horizon: int,
    names: tuple[str, ...],
    edges: tuple[float, ...] | None,
    events: tuple[Event, ...],
    memory: Memory | None = None,
) -> Past:
    """Make the forecast again at past days, on at most ENOUGH customers, and learn from what came.

    Where `memory` has the answer to the very same question (the days told by the end of the last complete period, and
    what was asked of them), it is not made again.
    """
    many = engine.row(ledger.statistics.aggregate(n=(ledger.statistics.purchases > 0).sum()))["n"] or 0
    one_in = max(-(-many // ENOUGH), 1)
    begin = ledger.company[0]["number"]
    periods = min(horizon, ledger.present - begin - 1)
    days = PurchaseDays.of(engine, ledger.part(one_in).days, ledger.calendar, ledger.as_of)
    if not len(days.keys) or not (days.amount > 0).any():
        nothing = SeasonEstimate(Clock.uniform(ledger.as_of, ledger.calendar.mean_days), False, False, (NO_CUSTOMERS,))
        return Past(TOO_SHORT.fill(periods=0), learn([], names), nothing, one_in)
    known = days.known(ledger.as_of)
    season = season_of(days, known, events)
    if periods < 1:
        reason = TOO_SHORT.fill(periods=max(ledger.present - begin + 1, 0))
        return Past(reason, learn([], names), season, one_in)
    splits = origins_by_period(ledger.calendar, days.first, ledger.present, periods)
    ahead = ledger.calendar.end(ledger.next_period - 1 + horizon) - ledger.as_of
    names = candidates(names, splits, ahead.days)
    then = days.told_until(ledger.calendar.end(ledger.present))
    found = (memory or Memory()).answer(_rehearsed, then, splits, names, edges, events, one_in)
    if found is None:
        split = splits[-1][0] if splits else ledger.calendar.end(ledger.present - periods)
        return Past(NOBODY_CAME_BACK.fill(split=split), learn([], names), season, one_in)
    return Past(*found, season, one_in)


def _rehearsed(
    days: PurchaseDays,
    splits: Sequence[tuple[date, date]],
    names: tuple[str, ...],
    edges: tuple[float, ...] | None,
    events: tuple[Event, ...],
    one_in: int,
) -> tuple[Backtest, Learned] | None:
    """The forecasts made at the splits, and what they teach; None where too few had come back by the newest."""
    made = rehearse(days, splits, names, events)
    if not made or (made[-1].now.known.repeat_purchases > 0).sum() < LEAST_BACK:
        return None
    found = [forecasts_of(days, one, edges, names) for one in made]
    return summary(found, days.calendar, one_in), learn(lessons_of(made), names)
