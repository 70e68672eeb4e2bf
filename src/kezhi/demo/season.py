"""The days of the company and how busy each of them is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from kezhi.demo.plan import LAST_DAY

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

SPRING_FESTIVALS = (
    date(2016, 2, 8),
    date(2017, 1, 28),
    date(2018, 2, 16),
    date(2019, 2, 5),
    date(2020, 1, 25),
    date(2021, 2, 12),
    date(2022, 2, 1),
    date(2023, 1, 22),
    date(2024, 2, 10),
    date(2025, 1, 29),
)


def as_ints(values: NDArray[np.generic]) -> Ints:
    """The values as whole numbers."""
    return values.astype(np.int64)


def as_floats(values: NDArray[np.generic]) -> Floats:
    """The values as double floats."""
    return values.astype(np.float64)


MOST_YEARS = len(SPRING_FESTIVALS) - 1


@dataclass(frozen=True)
class Window:
    """The observed days, counted from 0, their months, and each day's share of an ordinary month.

    `weight[d]` is the exposure of day d in months: the shares of one month add up to 1, with a season to
    the month's season factor. `cumulative[d]` is the exposure of all days before d.
    """

    first_day: date
    month: Ints
    month_start: Ints
    weight: Floats
    cumulative: Floats

    @property
    def days(self) -> int:
        """Number of days."""
        return len(self.month)

    @property
    def months(self) -> int:
        """Number of months, all of them whole."""
        return len(self.month_start) - 1

    def dates(self, days: Ints) -> NDArray[np.datetime64]:
        """Calendar dates of day numbers."""
        return np.datetime64(self.first_day, "D") + days.astype("timedelta64[D]")

    def factors(self) -> Floats:
        """Each month's exposure, 1 on average."""
        return np.diff(self.cumulative[self.month_start])


def make_window(years: int, *, season: bool) -> Window:
    """The `years` years up to the company's last day."""
    first_day = date(LAST_DAY.year - years, 10, 1)
    days = np.arange(np.datetime64(first_day, "D"), np.datetime64(LAST_DAY + timedelta(1), "D"))
    months = days.astype("datetime64[M]").astype(np.int64)
    month = months - months[0]
    month_start = np.append(np.flatnonzero(np.diff(month, prepend=-1)), len(days)).astype(np.int64)
    weight = 1.0 / np.diff(month_start)[month]
    if season:
        weight = weight * _busy(days)
        weight *= (month[-1] + 1) / weight.sum()
    return Window(first_day, month, month_start, weight, np.concatenate([[0.0], np.cumsum(weight)]))


def _busy(days: NDArray[np.datetime64]) -> Floats:
    """How busy a day is against an ordinary one: gifts before Spring Festival, 11.11, 6.18, a summer dip."""
    of_year = days - days.astype("datetime64[Y]").astype("datetime64[D]")
    day_of_year = of_year.astype(np.int64) + 1
    month_of_year = days.astype("datetime64[M]").astype(np.int64) % 12 + 1
    log_busy = np.where(np.isin(month_of_year, (7, 8)), -0.3, 0.0)
    log_busy += 0.45 * ((month_of_year == 6) & (day_of_year <= 170))
    log_busy += 0.7 * ((day_of_year >= 305) & (day_of_year <= 316))
    log_busy += 0.8 * np.isin(day_of_year, (315, 316)) * (month_of_year == 11)
    log_busy += 0.25 * (month_of_year == 9)
    for festival in SPRING_FESTIVALS:
        since = (days - np.datetime64(festival, "D")).astype(np.int64)
        log_busy += 0.8 * ((since >= -26) & (since <= -4)) - 0.8 * ((since >= -1) & (since <= 7))
    busy: Floats = np.exp(log_busy)
    return busy
