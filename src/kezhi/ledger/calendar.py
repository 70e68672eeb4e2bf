"""Months, quarters and years as the company counts them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from kezhi.language import KezhiError, Text

if TYPE_CHECKING:
    import ibis.expr.types as ir
    from numpy.typing import NDArray

Period = Literal["month", "quarter", "year"]
MONTHS: dict[str, int] = {"month": 1, "quarter": 3, "year": 12}
MEAN_MONTH_DAYS = 365.2425 / 12  # the Gregorian mean, so that twelve months are one year


@dataclass(frozen=True)
class Calendar:
    """A period length and the month in which the company's year begins.

    Periods are numbered by consecutive integers, so that idle periods and forecasts are plain arithmetic.
    """

    period: Period = "month"
    fiscal_start: int = 1

    def __post_init__(self) -> None:
        if self.period not in get_args(Period):
            raise KezhiError(
                Text(
                    f"The period must be month, quarter or year, not {self.period!r}.",
                    f"期必须是 month（月）、quarter（季）或 year（年），不能是 {self.period!r}。",
                )
            )
        if not 1 <= self.fiscal_start <= 12:
            raise KezhiError(
                Text(
                    f"The fiscal year must start in a month from 1 to 12, not {self.fiscal_start}.",
                    f"财年起始月必须是 1 到 12,不能是 {self.fiscal_start}。",
                )
            )

    @property
    def months(self) -> int:
        """Months in one period."""
        return MONTHS[self.period]

    @property
    def mean_days(self) -> float:
        """Mean length of a period in days; turns an exposure in days into one in periods."""
        return self.months * MEAN_MONTH_DAYS

    def number(self, day: date) -> int:
        """The number of the period that holds a day."""
        return (day.year * 12 + day.month - self.fiscal_start) // self.months

    def start(self, number: int) -> date:
        """The first day of a period."""
        month = number * self.months + self.fiscal_start - 1
        return date(month // 12, month % 12 + 1, 1)

    def end(self, number: int) -> date:
        """The last day of a period."""
        return self.start(number + 1) - timedelta(days=1)

    def last_complete(self, as_of: date) -> int:
        """The number of the last period that `as_of` does not cut short."""
        number = self.number(as_of)
        return number if self.end(number) == as_of else number - 1

    def rest(self, as_of: date) -> float:
        """What is left of the period that holds `as_of`, in periods."""
        return (self.end(self.number(as_of)) - as_of).days / self.mean_days

    def numbers(self, day: ir.DateColumn) -> ir.IntegerColumn:
        """`number` for a column of days."""
        months: Any = day.year() * 12 + day.month() - self.fiscal_start
        return (months // self.months).cast("int32")

    def numbers_of(self, days: NDArray[np.int64]) -> NDArray[np.int64]:
        """`number` for an array of days since 1970."""
        months = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) + 1970 * 12 + 1
        numbers: NDArray[np.int64] = (months - self.fiscal_start) // self.months
        return numbers

    def starts(self, number: ir.IntegerColumn) -> ir.DateColumn:
        """`start` for a column of period numbers."""
        import ibis

        month: Any = number * self.months + (self.fiscal_start - 1)
        return ibis.date((month // 12).cast("int32"), (month % 12 + 1).cast("int32"), 1)
