"""A clock on which every day counts as much as it is busy, so that models of steady purchases know the season.

Purchases run on calendar-weighted time: day d lasts w(d) >= 0 instead of 1, and W(d) adds up the weights. A model
fitted on differences of W stays in closed form, because a Poisson process with rate lambda w(d) is a steady one on
the clock W (time change; Cox and Isham, Point Processes, 1980, section 4.2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from kezhi.models.histories import FloatArray, IntArray, PurchaseHistories

GRID_DAYS = 0.25  # clock times of histories are rounded to this part of a mean day: it keeps distinct times few
YEAR_DAYS = 365.2425
_REACH = 60 * 366  # days around the anchor on which the clock knows its season; beyond it every day counts 1
_HALVING_YEARS = 1.0  # a trend goes on into the future, but its slope halves every year
_MOST = 5.0  # no day counts more than e^5, or less than e^-10, ordinary ones
_LEAST = -10.0


@dataclass(frozen=True)
class Event:
    """Days that are unlike the rest of the year, with the logarithm of how busy they are against ordinary days.

    `windows` are the first and last days of every time it happened or will happen. What is not in the list does not
    happen, so the future ones belong into it too. `error` is the standard error of `effect`.
    """

    name: str
    windows: tuple[tuple[date, date], ...]
    effect: float = 0.0
    error: float = 0.0

    def __post_init__(self) -> None:
        if any(last < first for first, last in self.windows):
            raise ValueError(f"windows of {self.name} must not end before they begin")
        if not (np.isfinite(self.effect) and np.isfinite(self.error)):
            raise ValueError(f"effect and error of {self.name} must be finite")

    def covers(self, days: IntArray) -> FloatArray:
        """1 on the days of the event (numbers as of `day_numbers`), 0 elsewhere."""
        inside = np.zeros(len(days))
        for first, last in self.windows:
            inside[(days >= day_number(first)) & (days <= day_number(last))] = 1.0
        return inside


@dataclass(frozen=True)
class Clock:
    """How much each day counts: a yearly season, named events, and a trend that fades after the anchor.

    `season` holds cosine and sine coefficients of the first, second, ... yearly wave in the logarithm of the weight,
    `month_errors` the standard errors of the logarithm of the twelve month factors, `trend` the logarithmic growth a
    year between `trend_from` and the anchor. Weights are scaled so that the four years up to the anchor have mean 1
    (without trend). `period_days` is the length of a period in mean days.
    """

    anchor: date
    period_days: float = 1.0
    season: tuple[tuple[float, float], ...] = ()
    month_errors: tuple[float, ...] = ()
    events: tuple[Event, ...] = ()
    trend: float = 0.0
    trend_error: float = 0.0
    trend_from: date | None = None

    def __post_init__(self) -> None:
        if not (np.isfinite(self.period_days) and self.period_days > 0):
            raise ValueError("period_days must be finite and above 0")
        if not np.all(np.isfinite([value for pair in self.season for value in pair] + [self.trend])):
            raise ValueError("season and trend must be finite")

    @classmethod
    def uniform(cls, anchor: date = date(2000, 1, 1), period_days: float = 1.0) -> Clock:
        """The plain calendar: every day counts the same."""
        return cls(anchor, period_days)

    @property
    def plain(self) -> bool:
        """Whether every day counts the same."""
        quiet = not any(event.effect and event.windows for event in self.events)
        return quiet and not self.trend and not any(value for pair in self.season for value in pair)

    def weights(self, days: npt.ArrayLike) -> FloatArray:
        """How much each day counts, 1 for an average one; days as dates, datetime64 or days since 1970-01-01."""
        numbers = day_numbers(days)
        weights = self._raw(numbers.ravel()) / self._scale
        far = np.abs(numbers.ravel() - day_number(self.anchor)) > _REACH
        return np.where(far, 1.0, weights).reshape(numbers.shape)

    def elapsed(self, start: npt.ArrayLike, end: npt.ArrayLike) -> FloatArray:
        """Clock periods from the end of day `start` to the end of day `end`; broadcasts, negative if end is earlier."""
        return np.asarray((self._total(day_numbers(end)) - self._total(day_numbers(start))) / self.period_days)

    def histories(self, in_days: Any, as_of: date) -> PurchaseHistories:
        """The same histories on this clock, in periods.

        `in_days` are histories in whole days that end with the day `as_of` (T is the tenure, t_x the days between
        first and last purchase). Times are rounded to `GRID_DAYS` of a mean day; a plain clock changes only the unit.
        """
        seen = PurchaseHistories.of(in_days)
        first = day_number(as_of) - np.rint(seen.observed_periods).astype(np.int64)
        from_first = self._total(first)
        last = self._total(first + np.rint(seen.last_purchase_at).astype(np.int64)) - from_first
        tenure = self._total(np.asarray(day_number(as_of))) - from_first
        if not self.plain:
            last, tenure = _on_grid(last), _on_grid(tenure)
        # nobody can have come back in no time: a tenure rounded to nothing is one step of the grid
        tenure = np.where((seen.observed_periods > 0) & (tenure <= 0), GRID_DAYS, tenure)
        last = np.where(seen.repeat_purchases > 0, last, 0.0)
        unit = self.period_days
        return PurchaseHistories(seen.repeat_purchases, last / unit, tenure / unit, seen.customers)

    def months(self) -> FloatArray:
        """How busy each calendar month is by the season alone: twelve factors, 1 for the average day of the year."""
        days = np.arange("2001-01-01", "2002-01-01", dtype="datetime64[D]")
        wave = np.exp(self._season(day_numbers(days)))
        month = days.astype("datetime64[M]").astype(np.int64) % 12
        return np.asarray(np.bincount(month, wave) / np.bincount(month) / wave.mean())

    def describe(self) -> dict[str, Any]:
        """Facts for a report: every month's factor, every event's, the trend a year, each with its standard error."""
        factors, logs = self.months(), np.array(self.month_errors or (0.0,) * 12)
        months = [
            {"month": i + 1, "factor": float(f), "error": float(f * e)}
            for i, (f, e) in enumerate(zip(factors, logs, strict=True))
        ]
        return {
            "plain": self.plain,
            "months": months,
            "strongest": int(np.argmax(factors)) + 1,
            "weakest": int(np.argmin(factors)) + 1,
            "events": [
                {"name": e.name, "factor": float(np.exp(e.effect)), "error": float(np.exp(e.effect) * e.error)}
                for e in self.events
            ],
            "trend": float(np.expm1(self.trend)),
            "trend_error": float(np.exp(self.trend) * self.trend_error),
        }

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain dicts, lists, strings and numbers; dates as ISO text."""
        data = asdict(self)
        data["anchor"] = self.anchor.isoformat()
        data["trend_from"] = self.trend_from.isoformat() if self.trend_from else None
        data["season"] = [list(pair) for pair in self.season]
        data["month_errors"] = list(self.month_errors)
        data["events"] = [
            asdict(event) | {"windows": [[first.isoformat(), last.isoformat()] for first, last in event.windows]}
            for event in self.events
        ]
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Clock:
        """A clock back from `to_dict`."""
        since = data.get("trend_from")
        return cls(
            anchor=date.fromisoformat(data["anchor"]),
            period_days=float(data["period_days"]),
            season=tuple((float(c), float(s)) for c, s in data.get("season", ())),
            month_errors=tuple(map(float, data.get("month_errors", ()))),
            events=tuple(_event(one) for one in data.get("events", ())),
            trend=float(data.get("trend", 0.0)),
            trend_error=float(data.get("trend_error", 0.0)),
            trend_from=date.fromisoformat(since) if since else None,
        )

    def _season(self, days: IntArray) -> FloatArray:
        if not self.season:
            return np.zeros(len(days))
        return np.asarray(waves(days, len(self.season)) @ np.array(self.season).ravel())

    def _drift(self, days: IntArray) -> FloatArray:
        """The trend: 0 at the anchor, straight back to where it was first seen, fading forwards."""
        if not self.trend:
            return np.zeros(len(days))
        anchor = day_number(self.anchor)
        begin = day_number(self.trend_from) if self.trend_from else anchor - _REACH
        years = (np.maximum(days, begin) - anchor) / YEAR_DAYS
        fading = -np.expm1(-np.log(2) * np.maximum(years, 0) / _HALVING_YEARS) * _HALVING_YEARS / np.log(2)
        return np.asarray(self.trend * np.where(years > 0, fading, years))

    def _raw(self, days: IntArray, *, drift: bool = True) -> FloatArray:
        logs = self._season(days)
        for event in self.events:
            logs = logs + event.effect * event.covers(days)
        if drift:
            logs = logs + self._drift(days)
        return np.exp(np.clip(logs, _LEAST, _MOST))

    @cached_property
    def _scale(self) -> float:
        if self.plain:
            return 1.0
        last = day_number(self.anchor)
        return float(self._raw(np.arange(last - 1460, last + 1), drift=False).mean())

    @cached_property
    def _table(self) -> FloatArray:
        """W at the end of each day from the anchor - _REACH to the anchor + _REACH."""
        anchor = day_number(self.anchor)
        return np.cumsum(self._raw(np.arange(anchor - _REACH, anchor + _REACH + 1)) / self._scale)

    def _total(self, days: IntArray) -> FloatArray:
        if self.plain:
            return days.astype(np.float64)
        since = days - (day_number(self.anchor) - _REACH)
        near = np.clip(since, 0, 2 * _REACH)
        return np.asarray(self._table[near] + (since - near))


def day_numbers(days: npt.ArrayLike) -> IntArray:
    """Days since 1970-01-01 of dates, ISO texts, datetime64, or such numbers; ValueError where a day is missing."""
    array = np.asarray(days)
    if array.dtype.kind in "iu":
        return array.astype(np.int64)
    try:
        stamps = array.astype("datetime64[D]")
    except (TypeError, ValueError) as error:
        raise ValueError("days must be dates, datetime64 or whole numbers of days since 1970-01-01") from error
    if bool(np.isnat(stamps).any()) or array.dtype.kind == "f":
        raise ValueError("days must be dates, datetime64 or whole numbers of days since 1970-01-01, none missing")
    return np.asarray(stamps.astype(np.int64))


def waves(days: IntArray, pairs: int) -> FloatArray:
    """Cosine and sine of the first, second, ... wave of the year on each day, shape (days, 2 pairs)."""
    stamps = days.astype("datetime64[D]")
    new_year = stamps.astype("datetime64[Y]")
    length = ((new_year + 1).astype("datetime64[D]") - new_year.astype("datetime64[D]")).astype(np.float64)
    part = ((stamps - new_year.astype("datetime64[D]")).astype(np.float64) + 0.5) / length
    angle = 2 * np.pi * np.outer(part, np.arange(1, pairs + 1))
    return np.stack([np.cos(angle), np.sin(angle)], axis=2).reshape(len(days), 2 * pairs)


def known_events(*names: str) -> tuple[Event, ...]:
    """Well-known selling days of 2000-2035, to be measured on a company's own sales; all of them without names.

    Names: spring_festival_run_up (28 to 2 days before New Year's Day of the lunar calendar), spring_festival (its eve
    and the first six days), 618_run_up (1 to 17 June), 618, double_eleven_run_up (1 to 10 November), double_eleven,
    black_friday (to the Monday after), christmas (1 to 24 December), christmas_week (25 to 31 December).
    """
    unknown = [name for name in names if name not in _KNOWN]
    if unknown:
        raise ValueError(f"names must be of {', '.join(_KNOWN)}, not {', '.join(unknown)}")
    return tuple(Event(name, _KNOWN[name]) for name in (names or _KNOWN))


# Month and day of the lunar New Year from 2000 on; compared with the `lunardate` package for all of these years.
_LUNAR_NEW_YEAR = (
    (2, 5), (1, 24), (2, 12), (2, 1), (1, 22), (2, 9), (1, 29), (2, 18), (2, 7), (1, 26), (2, 14), (2, 3),
    (1, 23), (2, 10), (1, 31), (2, 19), (2, 8), (1, 28), (2, 16), (2, 5), (1, 25), (2, 12), (2, 1), (1, 22),
    (2, 10), (1, 29), (2, 17), (2, 6), (1, 26), (2, 13), (2, 3), (1, 23), (2, 11), (1, 31), (2, 19), (2, 8),
)  # fmt: skip
SPRING_FESTIVALS = tuple(date(2000 + i, month, day) for i, (month, day) in enumerate(_LUNAR_NEW_YEAR))


def _moving(before: int, after: int) -> tuple[tuple[date, date], ...]:
    return tuple((_date(day_number(day) + before), _date(day_number(day) + after)) for day in SPRING_FESTIVALS)


def _yearly(first: tuple[int, int], last: tuple[int, int]) -> tuple[tuple[date, date], ...]:
    return tuple((date(year, *first), date(year, *last)) for year in range(2000, 2036))


def _black_fridays() -> tuple[tuple[date, date], ...]:
    """The day after the fourth Thursday of November, and three days more."""
    fridays = [date(year, 11, 23 + (3 - date(year, 11, 1).weekday()) % 7) for year in range(2000, 2036)]
    return tuple((friday, _date(day_number(friday) + 3)) for friday in fridays)


def _event(data: Mapping[str, Any]) -> Event:
    windows = tuple((date.fromisoformat(first), date.fromisoformat(last)) for first, last in data["windows"])
    return Event(data["name"], windows, float(data.get("effect", 0.0)), float(data.get("error", 0.0)))


def _on_grid(days: FloatArray) -> FloatArray:
    return np.asarray(np.rint(days / GRID_DAYS) * GRID_DAYS)


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return day.toordinal() - _EPOCH


def _date(number: int) -> date:
    return date.fromordinal(number + _EPOCH)


_EPOCH = date(1970, 1, 1).toordinal()
_KNOWN: dict[str, tuple[tuple[date, date], ...]] = {
    "spring_festival_run_up": _moving(-28, -2),
    "spring_festival": _moving(-1, 6),
    "618_run_up": _yearly((6, 1), (6, 17)),
    "618": _yearly((6, 18), (6, 18)),
    "double_eleven_run_up": _yearly((11, 1), (11, 10)),
    "double_eleven": _yearly((11, 11), (11, 11)),
    "black_friday": _black_fridays(),
    "christmas": _yearly((12, 1), (12, 24)),
    "christmas_week": _yearly((12, 25), (12, 31)),
}
