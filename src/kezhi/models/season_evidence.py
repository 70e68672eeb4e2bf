"""What a season is learned from: repeat purchases against what was expected of the customers won until each day.

The regression is quasi-Poisson with a logarithmic link; what it needs of a company are weeks (divided where an event
begins or ends), so that a history of any size is a table of some hundred rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import numpy.typing as npt
from scipy import interpolate, special

from kezhi.models.clock import YEAR_DAYS, Clock, Event, day_number, day_numbers, waves
from kezhi.models.histories import FloatArray, IntArray, PurchaseHistories
from kezhi.models.purchases import PurchaseFit

PAIRS = 6  # twelve numbers for the year, as many as it has months; what is not needed is shrunk away
YEARS = 10  # a season is learned from the last ten years; what a company was before is another company
_MONTHS_TWICE = 9  # calendar months that must have been seen in two different years; all twelve at least once
_OLDEST = 60 * 366  # days; who became a customer earlier counts from there
_GRID = 1025
_STEPS = 200
_LOOSE = 0.01  # precision of what is not to be shrunk (a standard deviation of 10): never singular, never felt


@dataclass(frozen=True, eq=False)
class Record:
    """Repeat purchases and new customers on every day from the second day of the company's history on."""

    days: IntArray  # every day from the first customer's to as_of
    bought: FloatArray  # repeat purchases on each
    won: FloatArray  # new customers on each

    @classmethod
    def of(cls, seen: PurchaseHistories, repeat_days: npt.ArrayLike, repeats: npt.ArrayLike, as_of: date) -> Record:
        last = day_number(as_of)
        when, counts = day_numbers(repeat_days), np.asarray(repeats, dtype=np.float64)
        if when.shape != counts.shape or when.ndim != 1:
            raise ValueError("repeat_days and repeats must be equally long")
        if not bool(np.all(np.isfinite(counts) & (counts >= 0))):
            raise ValueError("repeats must be finite and not negative")
        tenure = np.rint(seen.observed_periods).astype(np.int64)
        longest = int(min(tenure.max(initial=0), _OLDEST))
        days = np.arange(last - longest, last + 1)
        past = (when >= days[0]) & (when <= last)
        return cls(
            days,
            np.bincount(when[past] - days[0], counts[past], len(days)).astype(np.float64),
            np.bincount(longest - np.minimum(tenure, longest), seen.customers, len(days)).astype(np.float64),
        )

    @property
    def purchases(self) -> float:
        return float(self.bought.sum())

    @property
    def grows(self) -> bool:
        """Whether customers came along the way: of a single intake nobody can tell a trend from leaving.

        At least half of them after the first quarter of the history.
        """
        arrived = np.cumsum(self.won)
        return bool(arrived[len(self.days) // 4] <= arrived[-1] / 2)

    def covers_the_year(self) -> bool:
        """Whether every calendar month was seen whole, and three in four of them in two different years.

        A month counts where the company already had repeat purchases to lose: from the first of them on.
        """
        begin = int(np.argmax(self.bought > 0))
        seen = self.days[begin:]
        months = np.unique(seen.astype("datetime64[D]").astype("datetime64[M]"))
        whole = (months.astype("datetime64[D]").astype(np.int64) >= seen[0] - 7) & (
            (months + 1).astype("datetime64[D]").astype(np.int64) - 1 <= seen[-1] + 7
        )
        times = np.bincount(months[whole].astype(np.int64) % 12, minlength=12)
        return bool(np.all(times >= 1) and np.sum(times >= 2) >= _MONTHS_TWICE)

    def telling(self, base: FloatArray) -> npt.NDArray[np.bool_]:
        """The days that a season can be learned from: recent enough, and with purchases to be expected."""
        return np.asarray((base > 0) & (self.days[-1] - self.days < YEARS * YEAR_DAYS))

    def expected(self, fit: PurchaseFit, clock: Clock) -> FloatArray:
        """Repeat purchases that the model expects on each day if that day had weight 1."""
        weights = clock.weights(self.days)
        time = np.cumsum(weights) / clock.period_days
        grid = np.linspace(0.0, float(time[-1] - time[0]) or 1.0, _GRID)
        curve = interpolate.CubicSpline(grid, fit.expected_purchases_new_customer(grid))
        total = np.zeros(len(self.days))
        for i in np.flatnonzero(self.won):
            total[i + 1 :] += self.won[i] * np.diff(curve(time[i:] - time[i]))
        return np.asarray(np.maximum(total, 0.0) / weights)


@dataclass(frozen=True, eq=False)
class Plan:
    """What to measure: the yearly waves or not, and which events."""

    season: bool
    events: tuple[Event, ...]

    def columns(self, days: IntArray) -> FloatArray:
        """One column for each coefficient, one row a day."""
        parts = [waves(days, PAIRS)] if self.season else [np.zeros((len(days), 0))]
        return np.column_stack([*parts, *(event.covers(days) for event in self.events)])

    @property
    def groups(self) -> IntArray:
        """Which columns share a prior variance: the two of a wave, the one of an event."""
        pairs = PAIRS if self.season else 0
        return np.concatenate([np.repeat(np.arange(pairs), 2), pairs + np.arange(len(self.events))]).astype(np.int64)


@dataclass(frozen=True, eq=False)
class Cells:
    """What is regressed: weeks, divided where an event begins or ends, in the order of time."""

    bought: FloatArray
    base: FloatArray  # expected if every day had weight 1
    allowed: FloatArray  # level, line and bend over the history: allowed for, so that no season is made of them
    columns: FloatArray
    groups: IntArray
    year: IntArray  # counted back from the end; less than half a year at the beginning goes with the year after it
    week: IntArray

    @classmethod
    def of(cls, record: Record, base: FloatArray, plan: Plan) -> Cells:
        """The days gathered into weeks back from the last day; weekdays are evened out before.

        Windows are weeks or longer, so the weekday is not part of the clock, but an event of a Friday must not be
        credited with what Fridays always sell.
        """
        use = record.telling(base)
        days, bought = record.days[use], record.bought[use]
        columns = plan.columns(days)
        held = columns[:, len(columns[0]) - len(plan.events) :]
        ordinary = held.sum(axis=1) == 0
        expected = base[use] * _weekday_factors(days, bought, base[use], ordinary)[(days + 3) % 7]
        ago = record.days[-1] - days
        pattern = np.unique(held, axis=0, return_inverse=True)[1].ravel() if plan.events else np.zeros_like(days)
        cell = np.unique(-(ago // 7) * (len(days) + 1) + pattern, return_inverse=True)[1]
        total: FloatArray = np.bincount(cell, expected).astype(np.float64)

        def mean(values: FloatArray) -> FloatArray:
            return np.asarray(np.bincount(cell, values * expected) / total)

        years_ago = mean(ago / YEAR_DAYS)
        year = years_ago.astype(np.int64)
        if np.sum(ago / YEAR_DAYS >= year.max()) < YEAR_DAYS / 2:
            year = np.minimum(year, max(int(year.max()) - 1, 0))
        line = years_ago.mean() - years_ago
        bend = line**2 - (line**2).mean()
        return cls(
            bought=np.bincount(cell, bought).astype(np.float64),
            base=total,
            allowed=np.column_stack([np.ones(len(total)), line, bend / max(float(np.abs(bend).max()), 1.0)]),
            columns=np.array([mean(column) for column in columns.T]).reshape(-1, len(total)).T,
            groups=plan.groups,
            year=year,
            week=np.rint(mean(ago // 7)).astype(np.int64),
        )

    def those(self, which: npt.NDArray[np.bool_]) -> Cells:
        """Some of the cells."""
        rows = (self.bought, self.base, self.allowed, self.columns)
        bought, base, allowed, columns = (values[which] for values in rows)
        return Cells(bought, base, allowed, columns, self.groups, self.year[which], self.week[which])


def _weekday_factors(
    days: IntArray, bought: FloatArray, base: FloatArray, ordinary: npt.NDArray[np.bool_]
) -> FloatArray:
    """How much each weekday sells against the average one, on days without an event; 1 where there are no such days."""
    weekday = (days + 3) % 7
    actual = np.bincount(weekday[ordinary], bought[ordinary], 7)
    expected = np.bincount(weekday[ordinary], base[ordinary], 7)
    expected *= actual.sum() / max(float(expected.sum()), 1e-300)
    factors = (actual + 1) / (expected + 1)  # one purchase is laid to each: no weekday sells nothing at all
    return np.asarray(factors / factors.mean())


@dataclass(frozen=True, eq=False)
class Regression:
    """Log-effects with their covariance, and the coefficients of what is only allowed for (`_nuisance`)."""

    effects: FloatArray
    covariance: FloatArray
    allowed: FloatArray
    allowed_errors: FloatArray
    dispersion: float
    deviance: float

    @property
    def drift(self) -> float:
        """The line through the whole history, in logarithms a year."""
        return float(self.allowed[1])


def regress(cells: Cells, *, shrink: bool = True) -> Regression:
    """Quasi-Poisson regression of purchases on base x exp(columns).

    Every group of columns has its own prior variance, found with the effects by MacKay's rule: what is felt of the
    data in a group (trace of the hat matrix) is what its squares are divided by. Without `shrink` they are not shrunk.
    """
    bought, base, groups = cells.bought, cells.base, cells.groups
    free = cells.allowed.shape[1]
    X = np.column_stack([cells.allowed, cells.columns])
    variance: FloatArray = np.ones(int(groups.max(initial=-1)) + 1)
    beta: FloatArray = np.zeros(X.shape[1])
    beta[0] = np.log(max(float(bought.sum()), 0.5) / base.sum())
    covariance: FloatArray = np.zeros((len(beta), len(beta)))
    dispersion = 1.0
    for _ in range(_STEPS):
        prior = 1 / variance[groups] if shrink else np.full(len(groups), _LOOSE)
        precision = np.concatenate([np.full(free, _LOOSE), prior])
        mean = base * np.exp(np.clip(X @ beta, -30, 30))
        curvature = (X * mean[:, None]).T @ X / dispersion
        slope = X.T @ (bought - mean) / dispersion - precision * beta
        covariance = np.asarray(np.linalg.inv(curvature + np.diag(precision)))
        step = covariance @ slope
        beta = beta + step / max(1.0, float(np.abs(step).max()))
        known = np.clip(1 - np.diag(covariance) * precision, 1e-12, 1.0)
        dispersion = _dispersion(cells, mean, float(known.sum()))
        squares, felt = (np.bincount(groups, part[free:], len(variance)) for part in (beta**2, known))
        before, variance = variance, np.clip(squares / np.maximum(felt, 1e-12), 1e-8, 10.0)
        if np.abs(step).max() < 1e-7 and np.all(np.abs(np.log(variance / before)) < 1e-3):
            break
    mean = base * np.exp(np.clip(X @ beta, -30, 30))
    some = bought > 0
    deviance = 2 * float((bought[some] * np.log(bought[some] / mean[some])).sum() - bought.sum() + mean.sum())
    errors = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    return Regression(beta[free:], covariance[free:, free:], beta[:free], errors[:free], dispersion, deviance)


def _dispersion(cells: Cells, mean: FloatArray, used: float) -> float:
    """Variance over mean of the counts in weeks and in four weeks, the larger, at least 1.

    Four weeks show what weeks do not: that busy weeks come together. `used` is the number of coefficients estimated.
    """
    return max(1.0, *(_pearson(cells, mean, weeks, used) for weeks in (1, 4)))


def _pearson(cells: Cells, mean: FloatArray, weeks: int, used: float) -> float:
    block = cells.week // weeks
    actual, expected = np.bincount(block, cells.bought), np.bincount(block, mean)
    there = expected > 0
    left = float(there.sum()) - used
    return float(((actual - expected)[there] ** 2 / expected[there]).sum() / left) if left >= 1 else 1.0


def chance(cells: Cells, without: Cells) -> float:
    """The probability that chance alone would make the year look as uneven (F test, all waves together)."""
    full, bare = regress(cells, shrink=False), regress(without, shrink=False)
    freedom = 2 * PAIRS
    left = max(float(np.ptp(cells.week) / 4 - freedom - 3), 1.0)
    statistic = max(bare.deviance - full.deviance, 0.0) / freedom / full.dispersion
    return float(special.fdtrc(freedom, left, statistic))


def in_other_years(cells: Cells) -> float:
    """Log-likelihood of the weeks of each year, given its total, with effects learned from the other years.

    The level of a year is not the season's to know. Line and bend come from all years together, because a single year
    cannot tell them from a season.
    """
    over_years = cells.allowed[:, 1:] @ regress(cells).allowed[1:]
    level = replace(cells, base=cells.base * np.exp(over_years), allowed=cells.allowed[:, :1])
    total = 0.0
    for one in np.unique(cells.year):
        held, others = level.those(level.year == one), level.those(level.year != one)
        if held.bought.sum() > 0 and others.bought.sum() > 0:
            share = held.base * np.exp(held.columns @ regress(others).effects)
            total += float((held.bought * np.log(share / share.sum())).sum())
    return total
