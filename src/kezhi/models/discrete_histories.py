"""What the models of discrete time learn from: chances to buy that come one by one, and contracts that are renewed.

Here time is counted, not measured: the third yearly appeal, the fifth monthly payment. Customers with the same
numbers share a row; `customers` says how many they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from kezhi.models.histories import FloatArray, _column, _freeze, _numbers, _optional, _require

LONGEST = 100_000  # periods or opportunities; the models take them one by one

_NAMES: dict[str, tuple[str, ...]] = {
    "repeat_purchases": ("repeat_purchases", "frequency"),
    "last_purchase_at": ("last_purchase_at", "recency"),
    "opportunities": ("opportunities", "n_periods", "periods", "n"),
    "renewals": ("renewals",),
    "lost": ("lost",),
    "customers": ("customers",),
}


@dataclass(frozen=True, eq=False)
class OpportunityHistories:
    """Which of their chances to buy customers used: how many, the last one used, and how many there were.

    `last_purchase_at` (t_x) is the number of the last opportunity used, counted from 1, and 0 for who used none;
    `opportunities` (n) leaves out the purchase that made someone a customer, which was no repeat purchase. All whole
    numbers, at most 100 000. Raises ValueError naming the argument. Source: Fader, Hardie, Shang (2010).
    """

    repeat_purchases: FloatArray
    last_purchase_at: FloatArray
    opportunities: FloatArray
    customers: FloatArray

    def __init__(
        self,
        repeat_purchases: npt.ArrayLike,
        last_purchase_at: npt.ArrayLike,
        opportunities: npt.ArrayLike,
        customers: npt.ArrayLike | None = None,
    ) -> None:
        _freeze(
            self,
            repeat_purchases=repeat_purchases,
            last_purchase_at=last_purchase_at,
            opportunities=opportunities,
            customers=customers,
        )
        x, t_x, n = self.repeat_purchases, self.last_purchase_at, self.opportunities
        counted("repeat_purchases", x)
        counted("last_purchase_at", t_x)
        counted("opportunities", n)
        _require(bool(np.all(t_x <= n)), "last_purchase_at must not be above opportunities")
        _require(
            bool(np.all(x <= t_x)),
            "repeat_purchases must not be above last_purchase_at: an opportunity is used once or not at all",
        )
        _require(not np.any((x == 0) & (t_x > 0)), "last_purchase_at must be 0 where repeat_purchases is 0")

    def __len__(self) -> int:
        return len(self.customers)

    @classmethod
    def of(cls, table: Any) -> OpportunityHistories:
        """The same from anything indexable by column name: pandas, polars, Arrow, a dict of lists.

        Columns repeat_purchases, last_purchase_at, opportunities (or frequency, recency, and n_periods, periods or n)
        and, if there is one, customers.
        """
        if isinstance(table, cls):
            return table
        x, t_x = _column(table, "repeat_purchases", _NAMES), _column(table, "last_purchase_at", _NAMES)
        return cls(x, t_x, _column(table, "opportunities", _NAMES), _optional(table, "customers", _NAMES))


@dataclass(frozen=True, eq=False)
class ContractHistories:
    """How often customers renewed, and whether they have left since.

    `renewals` is how many periods beyond the first a customer paid for; `lost` is 1 for who then left at the next
    renewal and 0 for who is still there. Whole numbers, renewals at most 100 000. Raises ValueError naming the
    argument. Source: Fader and Hardie (2007).
    """

    renewals: FloatArray
    lost: FloatArray
    customers: FloatArray

    def __init__(self, renewals: npt.ArrayLike, lost: npt.ArrayLike, customers: npt.ArrayLike | None = None) -> None:
        _freeze(self, renewals=renewals, lost=lost, customers=customers)
        counted("renewals", self.renewals)
        _require(bool(np.all((self.lost == 0) | (self.lost == 1))), "lost must be 0 or 1")

    def __len__(self) -> int:
        return len(self.customers)

    @classmethod
    def of(cls, table: Any) -> ContractHistories:
        """The same from any table with the columns renewals and lost and, if there is one, customers."""
        if isinstance(table, cls):
            return table
        return cls(
            _column(table, "renewals", _NAMES), _column(table, "lost", _NAMES), _optional(table, "customers", _NAMES)
        )

    @classmethod
    def from_survivors(cls, survivors: npt.ArrayLike) -> ContractHistories:
        """From a retention curve: how many of one cohort there were at first, after one period, after two, ...

        [1000, 869, 743] says that 131 left at the first renewal, 126 at the second, and 743 are still there.
        """
        left = _numbers("survivors", survivors)
        _require(len(left) <= LONGEST, f"survivors must have at most {LONGEST} entries")
        _require(bool(np.all(np.diff(left) <= 0)), "survivors must not grow: nobody joins a cohort later")
        if len(left) == 0:
            return cls([], [])
        last = len(left) - 1
        return cls(np.append(np.arange(last), last), np.append(np.ones(last), 0), np.append(-np.diff(left), left[-1]))


def counted(name: str, values: npt.ArrayLike) -> FloatArray:
    """The values as an array; ValueError naming them unless all are whole numbers from 0 to 100 000."""
    array = np.asarray(values, dtype=np.float64)
    _require(bool(np.all(np.isfinite(array) & (array >= 0))), f"{name} must be finite and not negative")
    _require(bool(np.all(array == np.floor(array))), f"{name} must be whole numbers")
    _require(bool(np.all(array <= LONGEST)), f"{name} must be at most {LONGEST}: count in longer periods")
    return array
