"""The purchases of many customers as arrays, for looking back: what was known at a split, and what then came.

Forecasts are tested on a bounded part of the customers, at several past days and for several models. Arrays answer
that in milliseconds, where a table engine would be asked dozens of questions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from kezhi.engine import Engine
from kezhi.ledger import Calendar
from kezhi.models import AmountPanel
from kezhi.models.histories import distinct
from kezhi.valuation.arrays import to_numpy

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa
    from numpy.typing import NDArray

EPOCH = date(1970, 1, 1)
_VIEWS = 8  # days whose view is kept, because the next question is often asked of the same day


@dataclass(frozen=True, eq=False)
class PurchaseDays:
    """Customer-days sorted by customer and day: position of the customer in `keys`, days since 1970, net amount.

    `told` is the day on which it became known: a return is booked on the day of its sale, but nobody knew of it then.
    """

    keys: pa.Array
    customer: NDArray[np.int64]
    day: NDArray[np.int64]
    told: NDArray[np.int64]
    amount: NDArray[np.float64]
    calendar: Calendar

    @classmethod
    def of(cls, engine: Engine, days: ir.Table, calendar: Calendar, until: date) -> PurchaseDays:
        """All days (a ledger's, or with ids for keys) told up to `until`."""
        told = days.filter(days.told <= until)
        known = told.select(
            "customer",
            day=told.day.epoch_seconds() // 86_400,
            told=told.told.epoch_seconds() // 86_400,
            amount=told.amount.cast("float64"),
        )
        table = engine.fetch(known.order_by("customer", "day", "told"))
        coded = table["customer"].combine_chunks().dictionary_encode()
        day, told = (to_numpy(table[name]).astype(np.int64) for name in ("day", "told"))
        return cls(
            coded.dictionary,
            to_numpy(coded.indices).astype(np.int64),
            day,
            told,
            to_numpy(table["amount"]),
            calendar,
        )

    def told_until(self, until: date) -> PurchaseDays:
        """Nothing but what had been told by the end of a day."""
        seen = self.told <= as_number(until)
        return replace(self, **{name: getattr(self, name)[seen] for name in ("customer", "day", "told", "amount")})

    @cached_property
    def first(self) -> date:
        """The first day with a purchase."""
        return as_date(int(self.day[self.amount > 0].min()))

    def told_by(self, until: date) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """Customer, day and net amount of every customer-day as it was known at the end of a day."""
        if until not in self._views:
            if len(self._views) >= _VIEWS:
                del self._views[next(iter(self._views))]
            seen = self.told <= as_number(until)
            customer, day, amount = self.customer[seen], self.day[seen], self.amount[seen]
            starts = _starts(customer, day)
            if len(starts) < len(amount):
                customer, day, amount = customer[starts], day[starts], np.add.reduceat(amount, starts)
            self._views[until] = customer, day, amount
        return self._views[until]

    @cached_property
    def _views(self) -> dict[date, tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]]:
        return {}

    def repeats(self, known: Known, until: date) -> NDArray[np.int64]:
        """The day of every repeat purchase of the known customers up to and including `until`, as known then."""
        customer, day, amount = self.told_by(until)
        bought = (amount > 0) & np.isin(customer, known.customers)
        first = np.full(len(self.keys), np.iinfo(np.int64).max)
        first[known.customers] = as_number(known.split) - known.tenure_days
        days: NDArray[np.int64] = day[bought]
        return days[days > first[customer[bought]]]

    def known(self, split: date) -> Known:
        """What was known of every buyer at the end of a day."""
        return Known(self, split)

    def came(self, known: Known, until: date) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Purchases and net amount of the known customers after the split, up to and including `until`."""
        return self.between(known, known.split, until)

    def between(self, known: Known, after: date, until: date) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Purchases and net amount of the known customers after one day, up to and including another."""
        customer, day, amount = self.told_by(until)
        inside = day > as_number(after)
        customer, amount = customer[inside], amount[inside]
        purchases = np.bincount(customer, amount > 0, minlength=len(self.keys))
        spend = np.bincount(customer, amount, minlength=len(self.keys))
        return purchases[known.customers].astype(np.float64), spend[known.customers].astype(np.float64)


class Known:
    """What was known at a split of everyone who had bought by then; arrays with one entry per such customer.

    The same figures as `ledger.customer_statistics`, by the same definitions (a test compares them).
    """

    def __init__(self, days: PurchaseDays, split: date) -> None:
        self.split, self.calendar = split, days.calendar
        customer, day, amount = days.told_by(split)
        bought = amount > 0
        starts = _starts(customer[bought])
        self.customers = customer[bought][starts]
        purchases = np.diff(np.append(starts, bought.sum()))
        first, last = day[bought][starts], day[bought][starts + purchases - 1]
        self.repeat_purchases, self.recency_days = purchases - 1, last - first
        self.tenure_days = as_number(split) - first
        self._periods = _Periods.of(customer, day, amount, days.calendar)
        self._many = len(days.keys)

    def __len__(self) -> int:
        return len(self.customers)

    @cached_property
    def histories(self) -> tuple[dict[str, NDArray[np.int64]], NDArray[np.int64]]:
        """Distinct purchase histories in days with their customers, and which of them each customer has."""
        columns = {name: getattr(self, name) for name in ("repeat_purchases", "recency_days", "tenure_days")}
        first, index = distinct(*columns.values())
        table = {name: values[first] for name, values in columns.items()}
        return table | {"customers": np.bincount(index, minlength=len(first))}, index

    @cached_property
    def amounts(self) -> AmountPanel:
        """Active periods with a positive amount and the sum of their mean purchases, one row per customer."""
        at = self._periods
        periods = np.bincount(at.customer[at.priced], minlength=self._many)[self.customers]
        sums = np.bincount(at.customer[at.priced], at.mean[at.priced], minlength=self._many)[self.customers]
        mine = np.zeros(self._many, dtype=bool)
        mine[self.customers] = True
        logs = np.log(at.mean[at.priced & mine[at.customer]])
        return AmountPanel(periods, sums, None, float(logs.sum()))

    @cached_property
    def mean_amount(self) -> NDArray[np.float64]:
        """The mean of each customer's mean purchases by active period; 0 where no amount is known."""
        panel = self.amounts
        return np.asarray(panel.mean_amount_sum / np.maximum(panel.active_periods, 1.0))

    def state(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """Purchases of the last active period, complete idle periods since, mean amount of the last priced one."""
        at = self._periods
        frequency, number, mean = np.zeros(self._many), np.zeros(self._many), np.zeros(self._many)
        active = at.purchases > 0  # later rows of a customer overwrite earlier ones
        frequency[at.customer[active]], number[at.customer[active]] = at.purchases[active], at.number[active]
        mean[at.customer[at.priced]] = at.mean[at.priced]
        idle = np.maximum(self.calendar.last_complete(self.split) - number[self.customers], 0)
        return frequency[self.customers].astype(np.int64), idle.astype(np.int64), mean[self.customers]

    def extremes(self) -> tuple[int, int, NDArray[np.float64]]:
        """Smallest and largest number of purchases of any active period, and the mean amounts of all priced ones."""
        at = self._periods
        active = at.purchases[at.purchases > 0]
        return int(active.min()), int(active.max()), at.mean[at.priced]


@dataclass(frozen=True, eq=False)
class _Periods:
    """Customer x period sums, sorted by both."""

    customer: NDArray[np.int64]
    number: NDArray[np.int64]
    purchases: NDArray[np.float64]
    mean: NDArray[np.float64]
    priced: NDArray[np.bool_]

    @classmethod
    def of(cls, customer: Any, day: Any, amount: Any, calendar: Calendar) -> _Periods:
        number = calendar.numbers_of(day)
        starts = _starts(customer, number)
        if not len(starts):
            nothing = np.zeros(0)
            return cls(nothing.astype(np.int64), nothing.astype(np.int64), nothing, nothing, nothing.astype(bool))
        purchases = np.add.reduceat((amount > 0).astype(np.float64), starts)
        total = np.add.reduceat(amount, starts)
        priced = (purchases > 0) & (total > 0)
        mean = np.divide(total, purchases, out=np.zeros_like(total), where=priced)
        return cls(customer[starts], number[starts], purchases, mean, priced)


def as_number(day: date) -> int:
    """Days since 1970."""
    return (day - EPOCH).days


def as_date(number: int) -> date:
    """The day so many days after 1970."""
    return date.fromordinal(EPOCH.toordinal() + number)


def _starts(*keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where a new combination of sorted keys begins."""
    if not len(keys[0]):
        return np.zeros(0, dtype=np.int64)
    changed = np.zeros(len(keys[0]), dtype=bool)
    changed[0] = True
    for key in keys:
        changed[1:] |= key[1:] != key[:-1]
    return np.flatnonzero(changed)
