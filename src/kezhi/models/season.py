"""Learning a company's clock from its own purchases: season, events and trend, each only as far as it is proven.

A purchase model on the present clock says how many repeat purchases to expect on each day, from the customers won
until then. What was bought, over what was expected on a day of weight 1, is regressed on yearly waves and events
(quasi-Poisson, logarithmic); the model is fitted again on the new clock, and so on until nothing moves. At the truth
the expectation is right on every day, so the truth is where this stops.

Noise is kept out in three ways. Every wave and every event has a prior variance of its own, estimated with it, so
that what is no larger than its error vanishes (automatic relevance determination; MacKay 1992, Tipping 2001). The
variance of the counts is measured on weeks and months, not assumed. And the season as a whole must pass a test and
forecast years that were left out. A trend is judged by the likelihood of the customers' own histories.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from kezhi.models.clock import YEAR_DAYS, Clock, Event, day_number, day_numbers, waves
from kezhi.models.fitting import Diagnosis
from kezhi.models.histories import FloatArray, PurchaseHistories
from kezhi.models.nbd import NBDFit
from kezhi.models.purchases import PurchaseFit
from kezhi.models.season_evidence import PAIRS, YEARS, Cells, Plan, Record, Regression, chance, in_other_years, regress

_ROUNDS = 4
_SETTLED = 0.005  # in the logarithm of the weights: half a percent of a day
_LEVEL = 0.05  # the season as a whole is believed at this level of its test ...
_CLEAR = 3.0  # ... and a trend from so many standard errors on
_FEW_PURCHASES = 100  # with fewer only a season of more than +-35 % could be told from chance


class PurchaseModel(Protocol):
    """Anything that can be fitted on purchase histories."""

    def fit(self, histories: Any) -> PurchaseFit:
        """The model's fit."""


@dataclass(frozen=True, eq=False)
class SeasonEstimate:
    """A clock learned from the company's history, and what it rests on.

    `enough` says whether the history is long enough to know a season, `found` whether there is one. `fit` is the
    purchase model on that clock (None where none was needed). `tables` has "weeks" (first day, actual, expected by the
    plain calendar, expected on the clock), "months" and "events"; `numbers` plain facts: dispersion, probability of
    the season's test, gain in years left out (log-likelihood), rounds, and log_weights, which added to the
    log-likelihood of `fit` makes it comparable with that of a fit on the plain calendar (change of variables).
    """

    clock: Clock
    enough: bool
    found: bool
    reasons: tuple[Diagnosis, ...]
    fit: PurchaseFit | None = None
    tables: dict[str, dict[str, list[Any]]] = field(default_factory=dict)
    numbers: dict[str, float] = field(default_factory=dict)

    @property
    def reason(self) -> Diagnosis:
        """The remark on the season itself."""
        return self.reasons[0]


def estimate_clock(
    histories_days: Any,
    repeat_days: npt.ArrayLike,
    repeats: npt.ArrayLike,
    as_of: date,
    period_days: float,
    model: PurchaseModel,
    events: Iterable[Event] = (),
    *,
    season: bool = True,
    trend: bool = True,
) -> SeasonEstimate:
    """How busy the days of the year are, from all customers' repeat purchases up to a day.

    `histories_days` are `PurchaseHistories` in whole days that end with `as_of`; `repeat_days` the calendar days with
    repeat purchases and `repeats` how many (days after `as_of` are not looked at); `period_days` the mean length of the
    period that the clock is to count in; `model` fits histories; `events` are dated days to be measured, past and
    future. `season` and `trend` can be switched off; with the NBD model, in which nobody leaves, no trend is read.
    ValueError where arrays do not fit together.
    """
    seen = PurchaseHistories.of(histories_days)
    record = Record.of(seen, repeat_days, repeats, as_of)
    plain = Clock.uniform(as_of, period_days)
    if record.purchases < _FEW_PURCHASES:
        return SeasonEstimate(plain, False, False, (TOO_FEW.fill(purchases=f"{record.purchases:g}"),))
    company = _Company(seen, record, model, plain, *_seen_twice(record, events))
    enough = record.covers_the_year()
    if not enough and not company.known:  # nothing could be learned: no model needs to be fitted
        return SeasonEstimate(plain, False, False, _reasons(company, plain, enough))
    start = company.on(plain)
    if not record.telling(start.base).any():
        return SeasonEstimate(plain, False, False, (NOTHING_EXPECTED,))
    plan, numbers = _believed(record, start.base, Plan(season and enough, company.known))
    state = company.settle(plan, start, _NO_TREND)
    if trend and enough and record.grows and not isinstance(start.fit, NBDFit):  # it takes leaving for a trend
        slope = company.trend(state)
        numbers["trend_errors"] = abs(slope.size) / slope.error if slope.error else 0.0
        if numbers["trend_errors"] > _CLEAR:
            state = company.settle(plan, state, slope)
    return SeasonEstimate(
        state.clock,
        enough,
        plan.season,
        _reasons(company, state.clock, enough),
        state.fit,
        _tables(record, start.base, state),
        numbers | company.numbers(state),
    )


class _Trend(NamedTuple):
    size: float  # of the logarithm, a year
    error: float


_NO_TREND = _Trend(0.0, 0.0)


@dataclass(frozen=True, eq=False)
class _State:
    """A clock, the model fitted on it, and what that expects of each day at weight 1."""

    clock: Clock
    fit: PurchaseFit
    base: FloatArray
    dispersion: float = 1.0
    drift: float = 0.0
    rounds: int = 0


@dataclass(frozen=True, eq=False)
class _Company:
    """What stays the same while the clock is sought."""

    seen: PurchaseHistories  # in days
    record: Record
    model: PurchaseModel
    plain: Clock
    known: tuple[Event, ...]  # events that happened at least twice
    unknown: tuple[Event, ...]

    def on(self, clock: Clock) -> _State:
        """The model fitted on a clock."""
        fit = self.model.fit(clock.histories(self.seen, clock.anchor))
        return _State(clock, fit, self.record.expected(fit, clock))

    def settle(self, plan: Plan, start: _State, trend: _Trend) -> _State:
        """Measure, set the clock, fit again, until the weights stay."""
        state = start
        found = regress(Cells.of(self.record, state.base, plan))
        rounds = 0
        while (plan.season or plan.events or trend.size) and rounds < _ROUNDS:
            before, following = state.clock, self.on(self._clock(found, plan, trend))
            if not self.record.telling(following.base).any():
                break  # on this clock nothing is expected any more: keep the one before
            state, rounds = following, rounds + 1
            found = regress(Cells.of(self.record, state.base, plan))
            moved = np.log(state.clock.weights(self.record.days) / before.weights(self.record.days))
            if float(np.abs(moved).max()) < _SETTLED:
                break
        return replace(state, dispersion=found.dispersion, drift=found.drift, rounds=start.rounds + rounds)

    def trend(self, state: _State) -> _Trend:
        """The growth a year that makes the customers' own histories most likely, and its standard error.

        The weeks alone would be too sure of it: they do not know that a week's purchases are made by the same customers
        as the next one's. A parabola through the likelihoods without it, with what the weeks say, and half of that.
        Shrunk by how sure it is.
        """
        guess = state.drift
        if abs(guess) < 1e-3:
            return _NO_TREND
        none, half, full = (self._likelihood(state, part * guess) for part in (0.0, 0.5, 1.0))
        bend = 4 * (none - 2 * half + full) / guess**2
        if not bend < 0:
            return _NO_TREND
        size, error = guess / 2 - (full - none) / guess / bend, float(1 / np.sqrt(-bend))
        return _Trend(size * max(1 - (error / size) ** 2, 0.0) if size else 0.0, error)

    def _likelihood(self, state: _State, trend: float) -> float:
        clock = self._with_trend(state.clock, _Trend(trend, 0.0))
        return self.model.fit(clock.histories(self.seen, clock.anchor)).log_likelihood + self.log_weights(clock)

    def log_weights(self, clock: Clock) -> float:
        """What a log-likelihood on the clock lacks against one on the calendar (change of variables)."""
        share = float((self.seen.repeat_purchases * self.seen.customers).sum()) / self.record.purchases
        return share * float((self.record.bought * np.log(clock.weights(self.record.days))).sum())

    def numbers(self, state: _State) -> dict[str, float]:
        """Plain facts."""
        return {
            "repeat_purchases": self.record.purchases,
            "days": float(len(self.record.days)),
            "dispersion": state.dispersion,
            "rounds": float(state.rounds),
            "log_weights": self.log_weights(state.clock),
        }

    def _clock(self, found: Regression, plan: Plan, trend: _Trend) -> Clock:
        pairs = 2 * PAIRS if plan.season else 0
        waves_of, errors = found.effects[:pairs], np.sqrt(np.maximum(np.diag(found.covariance), 0.0))
        measured = [
            replace(event, effect=float(effect), error=float(error))
            for event, effect, error in zip(plan.events, found.effects[pairs:], errors[pairs:], strict=True)
        ]
        clock = replace(
            self.plain,
            season=tuple((float(c), float(s)) for c, s in waves_of.reshape(-1, 2)),
            month_errors=_month_errors(waves_of, found.covariance[:pairs, :pairs]) if plan.season else (),
            events=(*measured, *(replace(event, effect=0.0, error=0.0) for event in self.unknown)),
        )
        return self._with_trend(clock, trend)

    def _with_trend(self, clock: Clock, trend: _Trend) -> Clock:
        if not trend.size:
            return clock
        seen = min(len(self.record.days) - 1, round(YEARS * YEAR_DAYS))
        since = date.fromordinal(clock.anchor.toordinal() - seen)
        return replace(clock, trend=trend.size, trend_error=trend.error, trend_from=since)


def _believed(record: Record, base: FloatArray, plan: Plan) -> tuple[Plan, dict[str, float]]:
    """Whether the season is believed, decided once, on the plain calendar; then only its size is refined."""
    if not plan.season:
        return plan, {}
    cells, without = Cells.of(record, base, plan), Cells.of(record, base, replace(plan, season=False))
    probability, gain = chance(cells, without), in_other_years(cells) - in_other_years(without)
    numbers = {"probability": probability, "gain": gain}
    return replace(plan, season=probability < _LEVEL and gain > 0), numbers


def _seen_twice(record: Record, events: Iterable[Event]) -> tuple[tuple[Event, ...], tuple[Event, ...]]:
    """The events that happened at least twice while there were repeat purchases to be had, and the others."""
    begin = int(np.argmax(record.bought > 0))
    seen = record.days[begin:]
    known: list[Event] = []
    unknown: list[Event] = []
    for event in events:
        inside = [day_number(first) >= seen[0] and day_number(last) <= seen[-1] for first, last in event.windows]
        (known if sum(inside) >= 2 else unknown).append(event)
    return tuple(known), tuple(unknown)


def _month_errors(effects: FloatArray, covariance: FloatArray) -> tuple[float, ...]:
    """Standard errors of the logarithm of the month factors, from the covariance of the waves (delta method)."""
    days = day_numbers(np.arange("2001-01-01", "2002-01-01", dtype="datetime64[D]"))
    month = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12
    wave = waves(days, PAIRS)
    busy = np.exp(wave @ effects)
    of_month = np.eye(12)[month].T * busy
    slope = of_month @ wave / of_month.sum(axis=1)[:, None] - busy @ wave / busy.sum()
    variance = np.einsum("ij,jk,ik->i", slope, covariance, slope)
    return tuple(map(float, np.sqrt(np.maximum(variance, 0.0))))


def _tables(record: Record, by_calendar: FloatArray, state: _State) -> dict[str, dict[str, list[Any]]]:
    week = (len(record.days) - 1 - np.arange(len(record.days))) // 7  # whole weeks back from as_of
    order = np.unique(week)[::-1]
    first = record.days[[int(np.argmax(week == one)) for one in order]]

    def weekly(values: FloatArray) -> list[float]:
        return [float(value) for value in np.bincount(week, values)[order]]

    facts = state.clock.describe()
    return {
        "weeks": {
            "first_day": [str(day) for day in first.astype("datetime64[D]")],
            "actual": weekly(record.bought),
            "expected_plain": weekly(by_calendar),
            "expected": weekly(state.base * state.clock.weights(record.days)),
        },
        "months": {name: [row[name] for row in facts["months"]] for name in ("month", "factor", "error")},
        "events": {name: [row[name] for row in facts["events"]] for name in ("name", "factor", "error")},
    }


def _reasons(company: _Company, clock: Clock, enough: bool) -> tuple[Diagnosis, ...]:
    facts = clock.describe()
    if clock.season:
        factors = clock.months()
        more, less = f"{100 * (factors.max() - 1):.0f}", f"{100 * (1 - factors.min()):.0f}"
        strong, weak = facts["strongest"], facts["weakest"]
        first = _in_each(
            FOUND,
            {"month": _MONTHS[strong - 1], "more": more, "weak": _MONTHS[weak - 1], "less": less},
            {"month": strong, "more": more, "weak": weak, "less": less},
        )
    elif not enough:
        first = TOO_SHORT.fill(months=f"{len(company.record.days) / YEAR_DAYS * 12:.0f}")
    else:
        first = NO_SEASON
    remarks = [first]
    if company.unknown:
        names = [event.name for event in company.unknown]
        remarks.append(_in_each(SEEN_ONCE, {"names": ", ".join(names)}, {"names": "、".join(names)}))
    if clock.trend:
        remarks.append(TREND.fill(percent=f"{100 * facts['trend']:+.0f}"))
    return tuple(remarks)


def _in_each(remark: Diagnosis, en: dict[str, Any], zh: dict[str, Any]) -> Diagnosis:
    """The remark with the blanks of each language filled in that language."""
    return replace(remark, en=remark.en.format(**en), zh=remark.zh.format(**zh))


_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip

FOUND = Diagnosis(
    "season_found",
    "ok",
    "Purchases follow a yearly season: {month} is {more} % busier than the average day of the year, {weak} {less} % "
    "quieter; forecasts allow for it.",
    "购买有明显的年度季节性：{month} 月比全年平均高 {more}%,{weak} 月低 {less}%；预测已考虑这一点。",
)
NO_SEASON = Diagnosis(
    "no_season",
    "ok",
    "The history is long enough to show a yearly season, and there is none beyond chance; every day counts the same.",
    "历史长度足以看出年度季节性，但没有发现超出偶然波动的季节；每一天同等对待。",
)
TOO_SHORT = Diagnosis(
    "season_too_short",
    "warning",
    "The history of {months} months is too short to know the season: every month of the year must have been seen, and "
    "nine of the twelve in two different years. Forecasts for busy or quiet months will be off by as much as those "
    "months differ from the ones seen.",
    "历史只有 {months} 个月，不足以了解季节性：一年中每个月都要见过，且其中九个月要在两个不同年份见过。"
    "旺季或淡季的预测误差会与这些月份同已见月份的差别一样大。",
)
TOO_FEW = Diagnosis(
    "season_too_few",
    "note",
    "There are {purchases} repeat purchases, too few to tell a season from chance; every day counts the same.",
    "只有 {purchases} 次复购，无法把季节性与偶然波动区分开；每一天同等对待。",
)
NOTHING_EXPECTED = Diagnosis(
    "season_nothing_expected",
    "note",
    "The purchase model expects no repeat purchases, so there is nothing to measure a season against.",
    "购买模型预计没有复购，因此无从衡量季节性。",
)
SEEN_ONCE = Diagnosis(
    "event_not_seen_twice",
    "note",
    "Not yet seen twice, so its effect is taken as none: {names}.",
    "尚未出现两次，暂按没有影响处理：{names}。",
)
TREND = Diagnosis(
    "trend",
    "note",
    "Beyond what customers joining and leaving explain, purchases change by {percent} % a year; the forecast lets this "
    "fade, by half every year.",
    "除客户加入和流失之外，购买量每年变化 {percent}%；预测让这一变化逐年减半。",
)
