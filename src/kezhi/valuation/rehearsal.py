"""Forecasts made again at past days, with what was known then, and what came of them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np

from kezhi.ledger import Calendar
from kezhi.models import MODELS, PurchaseHistories
from kezhi.models.clock import Clock, Event
from kezhi.models.fitting import one_thread
from kezhi.models.purchases import PurchaseFit
from kezhi.models.season import SeasonEstimate, estimate_clock
from kezhi.valuation.days import Known, PurchaseDays
from kezhi.valuation.forecaster import Forecaster, fit_amounts, fit_purchases, on_clock
from kezhi.valuation.lessons import Learned, Lesson, learn, lesson

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_ORIGINS = 4
_CLOCK_MODEL = "mbg_nbd"


@dataclass(frozen=True, eq=False)
class Moment:
    """Everything learned from what was known at one split."""

    known: Known
    fits: dict[str, PurchaseFit]
    season: SeasonEstimate
    learned: Learned
    forecaster: Forecaster
    seconds: dict[str, float]

    def named(self, name: str) -> Forecaster:
        """The blend (`auto`) or one of the models alone."""
        return self.forecaster if name == "auto" else self.forecaster.of_model(self.fits[name])


def origins_by_period(calendar: Calendar, first: date, present: int, horizon: int) -> list[tuple[date, date]]:
    """Splits `horizon` periods apart, oldest first, with the end of the window that follows each.

    At least two complete periods, and half a horizon, lie before each of them.
    """
    begin = calendar.number(first)
    found = []
    for back in range(1, MOST_ORIGINS + 1):
        split = present - back * horizon
        if split - begin < max(2, horizon / 2):
            break
        found.append((calendar.end(split), calendar.end(split + horizon)))
    return found[::-1]


def origins_by_day(first: date, end: date, length: int) -> list[tuple[date, date]]:
    """The same for a window of days: as long as the one to be forecast, at most a third of the history."""
    history = (end - first).days
    step = min(length, history // 3)
    found = []
    for back in range(1, MOST_ORIGINS + 1):
        split = end - timedelta(days=back * step)
        if step < 1 or (split - first).days < max(step, history // 4):
            break
        found.append((split, split + timedelta(days=step)))
    return found[::-1]


def candidates(names: tuple[str, ...], splits: Sequence[tuple[date, date]], horizon_days: int) -> tuple[str, ...]:
    """The models worth weighing for a horizon: without `nbd` where lessons are much shorter than what is to come.

    Over a short window those who leave are hardly missed, so a model in which nobody leaves looks as good as any; over
    a long one it is far off. A lesson shorter than half the horizon says nothing about that, and the others fall back
    to `nbd` by themselves where nobody leaves.
    """
    longest = max(((until - split).days for split, until in splits), default=0)
    leaving = tuple(name for name in names if name != "nbd")
    return names if 2 * longest >= horizon_days or not leaving else leaving


@dataclass(frozen=True, eq=False)
class Rehearsal:
    """The forecast made again at one past day for the time up to `until`; its lesson, if anything is to be learned."""

    now: Moment
    until: date
    lesson: Lesson | None


def rehearse(
    days: PurchaseDays, splits: Sequence[tuple[date, date]], names: tuple[str, ...], events: tuple[Event, ...] = ()
) -> list[Rehearsal]:
    """The forecast made at each split, oldest first, with nothing but what was known then; and its lesson.

    A single model has nothing to learn: it forecasts as it stands.
    """
    made: list[Rehearsal] = []
    for split, until in splits:
        now = moment(days, days.known(split), names, lessons_of(made), events)
        if not now.known.repeat_purchases.sum():
            continue
        taught = lesson(days, now.known, now.forecaster, now.fits, until, now.season.enough) if len(names) > 1 else None
        made.append(Rehearsal(now, until, taught))
    return made


def lessons_of(made: Sequence[Rehearsal]) -> list[Lesson]:
    """The lessons there are."""
    return [one.lesson for one in made if one.lesson is not None]


def moment(
    days: PurchaseDays,
    known: Known,
    names: tuple[str, ...],
    lessons: Sequence[Lesson],
    events: tuple[Event, ...] = (),
    alone: tuple[str, ...] = (),
) -> Moment:
    """Clock, models and amounts learned from what was known at a split, put together by earlier lessons.

    `names` are blended; those `alone` are fitted as well, to be asked one by one.
    """
    season = season_of(days, known, events)
    table, _ = known.histories
    histories = on_clock(season.clock, table, known.split)
    fits: dict[str, PurchaseFit] = {}
    seconds: dict[str, float] = {}
    for name in dict.fromkeys((*names, *alone)):
        begun = time.perf_counter()
        fits |= fit_purchases((name,), histories)
        seconds[name] = time.perf_counter() - begun
    blended = names or tuple(fits)
    learned = learn(lessons, blended)
    forecaster = Forecaster(learned.blend(fits), fit_amounts(known.amounts), season.clock, learned.card, learned.level)
    return Moment(known, fits, season, learned, balanced(forecaster, known), seconds)


def balanced(forecaster: Forecaster, known: Known) -> Forecaster:
    """The forecaster with its level set so that the scorecard moves purchases between customers, not their total."""
    if forecaster.card.neutral:
        return forecaster
    table, index = known.histories
    plain = forecaster.purchases.expected_purchases(on_clock(forecaster.clock, table, known.split), 1.0)[index]
    moved = float((plain * replace(forecaster, level=1.0).factor(known)).sum())
    return replace(forecaster, level=forecaster.level * float(plain.sum()) / moved) if moved > 0 else forecaster


def season_of(days: PurchaseDays, known: Known, events: tuple[Event, ...] = ()) -> SeasonEstimate:
    """The company's clock as far as it can be known from purchases up to the split."""
    table, _ = known.histories
    numbers, counts = repeat_days(days, known)
    histories = PurchaseHistories(
        table["repeat_purchases"], table["recency_days"], table["tenure_days"], table["customers"]
    )
    maker = MODELS[_CLOCK_MODEL].maker()
    unit = days.calendar.mean_days
    # a trend found by chance would be carried into the future; the level learns from past misses instead
    with one_thread():
        return estimate_clock(histories, numbers, counts, known.split, unit, maker, events, trend=False)


def repeat_days(days: PurchaseDays, known: Known) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Calendar days up to the split with repeat purchases, and how many."""
    numbers, counts = np.unique(days.repeats(known, known.split), return_counts=True)
    return numbers.astype(np.int64), counts.astype(np.float64)


def plain_clock(known: Known) -> Clock:
    """The plain calendar."""
    return Clock.uniform(known.split, known.calendar.mean_days)
