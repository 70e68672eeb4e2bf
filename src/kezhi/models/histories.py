"""What the models learn from: equal-length arrays, one row per distinct customer history.

Customers with the same numbers are interchangeable, so every record carries `customers`, how many customers
share the row. The purchase that made someone a customer starts the clock and is not evidence on the rate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_NAMES: dict[str, tuple[str, ...]] = {
    "repeat_purchases": ("repeat_purchases", "frequency"),
    "last_purchase_at": ("last_purchase_at", "recency"),
    "observed_periods": ("observed_periods", "T"),
    "active_periods": ("active_periods",),
    "mean_amount_sum": ("mean_amount_sum",),
    "mean_amount": ("mean_amount", "monetary_value"),
    "customers": ("customers",),
}


_TABLE = 16  # entries per row of a table of codes that costs less than sorting


@dataclass(frozen=True, eq=False)
class PurchaseHistories:
    """When customers came back: purchases after the first, the last one's time, how long each was watched.

    `last_purchase_at` (t_x) and `observed_periods` (T) are in periods since the first purchase, fractions
    allowed; t_x is 0 for who never came back. Any unit of time will do if it is the same one everywhere.
    `covariates` are what else is known of each row's customers, shape (rows, names), for models that use it.
    Raises ValueError naming the argument. Source: Fader, Hardie, Lee (2005), section 3.
    """

    repeat_purchases: FloatArray
    last_purchase_at: FloatArray
    observed_periods: FloatArray
    customers: FloatArray
    covariates: FloatArray
    covariate_names: tuple[str, ...]

    def __init__(
        self,
        repeat_purchases: npt.ArrayLike,
        last_purchase_at: npt.ArrayLike,
        observed_periods: npt.ArrayLike,
        customers: npt.ArrayLike | None = None,
        covariates: npt.ArrayLike | None = None,
        covariate_names: Sequence[str] = (),
    ) -> None:
        _freeze(
            self,
            repeat_purchases=repeat_purchases,
            last_purchase_at=last_purchase_at,
            observed_periods=observed_periods,
            customers=customers,
        )
        x, t_x, T = self.repeat_purchases, self.last_purchase_at, self.observed_periods
        _require(bool(np.all(x == np.floor(x))), "repeat_purchases must be whole numbers")
        _require(bool(np.all(t_x <= T)), "last_purchase_at must not be later than observed_periods")
        _require(not np.any((x == 0) & (t_x > 0)), "last_purchase_at must be 0 where repeat_purchases is 0")
        _require(
            not np.any((x > 0) & (T == 0)),
            "observed_periods must be above 0 where repeat_purchases is above 0: "
            "a purchase in the same instant as the first one belongs to the first one",
        )
        object.__setattr__(self, "covariate_names", tuple(covariate_names))
        object.__setattr__(self, "covariates", _covariates(covariates, (len(x), len(self.covariate_names))))

    def __len__(self) -> int:
        return len(self.customers)

    @cached_property
    def pairs(self) -> tuple[IntArray, IntArray]:
        """The first row of each distinct pair of x and T, and the pair each row has."""
        return distinct(self.repeat_purchases, self.observed_periods)

    def one_of_each(self, rows: IntArray) -> PurchaseHistories:
        """Some rows, one customer each; the same object for the rows of `pairs`, so that it can be recognised."""
        if rows is self.pairs[0]:
            return self._of_pairs
        return PurchaseHistories(self.repeat_purchases[rows], self.last_purchase_at[rows], self.observed_periods[rows])

    @cached_property
    def _of_pairs(self) -> PurchaseHistories:
        rows = self.pairs[0]
        return PurchaseHistories(self.repeat_purchases[rows], self.last_purchase_at[rows], self.observed_periods[rows])

    @cached_property
    def last_pairs(self) -> tuple[IntArray, IntArray]:
        """The same of x and t_x."""
        return distinct(self.repeat_purchases, self.last_purchase_at)

    def remembered(self, asker: object, answer: Callable[[PurchaseHistories], FloatArray]) -> FloatArray:
        """What `answer` says of these histories; the last asker's is kept, and not to be changed."""
        known: tuple[object, FloatArray] | None = self.__dict__.get("_remembered")
        if known is None or known[0] is not asker:
            known = (asker, answer(self))
            object.__setattr__(self, "_remembered", known)
        return known[1]

    @classmethod
    def of(cls, table: Any, covariates: Sequence[str] = ()) -> PurchaseHistories:
        """The same from anything indexable by column name: pandas, polars, Arrow, a dict of lists.

        Columns repeat_purchases, last_purchase_at, observed_periods (or frequency, recency, T), if there is one
        customers, and those named in `covariates` (numbers).
        """
        if isinstance(table, cls):
            missing = [name for name in covariates if name not in table.covariate_names]
            _require(not missing, f"histories must carry the covariates {', '.join(missing)}")
            return table
        x, t_x = _column(table, "repeat_purchases"), _column(table, "last_purchase_at")
        T, customers = _column(table, "observed_periods"), _optional(table, "customers")
        missing = [name for name in covariates if name not in _columns_of(table)]
        _require(not missing, f"table has no column {', '.join(missing)}; it has {', '.join(_columns_of(table))}")
        known = np.stack([_any_numbers(name, table[name]) for name in covariates], axis=1) if covariates else None
        return cls(x, t_x, T, customers, known, covariates)


@dataclass(frozen=True, eq=False)
class AmountPanel:
    """What customers spend per purchase, period by period, condensed to what the likelihood needs.

    `active_periods` (h) counts the periods with a purchase, the first one included; `mean_amount_sum` (S)
    adds up the average purchase of each of them; `log_mean_amount_sum` is the sum over all customers and
    active periods of the logarithm of that average (needed for fitting only). Rows with h = 0 and S = 0 are
    welcome.
    """

    active_periods: FloatArray
    mean_amount_sum: FloatArray
    customers: FloatArray
    log_mean_amount_sum: float | None

    def __init__(
        self,
        active_periods: npt.ArrayLike,
        mean_amount_sum: npt.ArrayLike,
        customers: npt.ArrayLike | None = None,
        log_mean_amount_sum: float | None = None,
    ) -> None:
        _freeze(self, active_periods=active_periods, mean_amount_sum=mean_amount_sum, customers=customers)
        object.__setattr__(self, "log_mean_amount_sum", log_mean_amount_sum)
        h, S = self.active_periods, self.mean_amount_sum
        _require(bool(np.all(h == np.floor(h))), "active_periods must be whole numbers")
        _require(
            bool(np.all((h > 0) == (S > 0))),
            "mean_amount_sum must be above 0 exactly where active_periods is",
        )
        if log_mean_amount_sum is not None:
            _require(bool(np.isfinite(log_mean_amount_sum)), "log_mean_amount_sum must be a finite number")
            _require(
                self.spread >= -1e-9 * max(1.0, float((self.customers * h).sum())),
                "log_mean_amount_sum is larger than mean_amount_sum allows: both must cover the same rows",
            )

    def __len__(self) -> int:
        return len(self.customers)

    @property
    def known_log_sum(self) -> float:
        """`log_mean_amount_sum`, which fitting needs; ValueError where it was not given."""
        if self.log_mean_amount_sum is None:
            raise ValueError("log_mean_amount_sum is needed to fit: the sum of ln(mean amount) over all active periods")
        return self.log_mean_amount_sum

    @property
    def spread(self) -> float:
        """How unequal each customer's own amounts are: 0 when everybody always spends the same.

        Sum of h ln(S/h) minus the sum of the logarithms (Jensen's gap).
        """
        seen = self.active_periods > 0
        h, S, w = self.active_periods[seen], self.mean_amount_sum[seen], self.customers[seen]
        return float((w * h * np.log(S / h)).sum()) - self.known_log_sum

    @classmethod
    def of(cls, table: Any, log_mean_amount_sum: float | None = None) -> AmountPanel:
        """The same from any table with the columns active_periods, mean_amount_sum, and perhaps customers."""
        if isinstance(table, cls):
            return table
        h, S = _column(table, "active_periods"), _column(table, "mean_amount_sum")
        return cls(h, S, _optional(table, "customers"), log_mean_amount_sum)

    @classmethod
    def from_periods(cls, customer: npt.ArrayLike, mean_amount: npt.ArrayLike) -> AmountPanel:
        """The panel from one row per customer and active period; customers come out in sorted order."""
        m = _numbers("mean_amount", mean_amount)
        _require(bool(np.all(m > 0)), "mean_amount must be above 0")
        _, index = np.unique(np.asarray(customer), return_inverse=True)
        _require(len(index) == len(m), "customer and mean_amount must be equally long")
        return cls(np.bincount(index), np.bincount(index, weights=m), None, float(np.log(m).sum()))


@dataclass(frozen=True, eq=False)
class RepeatAmounts:
    """What customers spend on a repeat purchase: how many there were (x) and their average (zbar).

    Rows without a repeat purchase (x = 0) are welcome and teach nothing; elsewhere the average must be
    above 0.
    """

    repeat_purchases: FloatArray
    mean_amount: FloatArray
    customers: FloatArray

    def __init__(
        self,
        repeat_purchases: npt.ArrayLike,
        mean_amount: npt.ArrayLike,
        customers: npt.ArrayLike | None = None,
    ) -> None:
        _freeze(self, repeat_purchases=repeat_purchases, mean_amount=mean_amount, customers=customers)
        x, z = self.repeat_purchases, self.mean_amount
        _require(bool(np.all(x == np.floor(x))), "repeat_purchases must be whole numbers")
        _require(not np.any((x > 0) & (z <= 0)), "mean_amount must be above 0 where repeat_purchases is above 0")

    def __len__(self) -> int:
        return len(self.customers)

    @classmethod
    def of(cls, table: Any) -> RepeatAmounts:
        """The same from any table: repeat_purchases and mean_amount (or frequency and monetary_value)."""
        if isinstance(table, cls):
            return table
        x, z = _column(table, "repeat_purchases"), _column(table, "mean_amount")
        return cls(x, z, _optional(table, "customers"))


def _freeze(record: object, *, customers: npt.ArrayLike | None, **columns: npt.ArrayLike) -> None:
    """Check that the columns are finite, non-negative and equally long, and store read-only views of them."""
    arrays = {name: _numbers(name, values) for name, values in columns.items()}
    lengths = {len(values) for values in arrays.values()}
    arrays["customers"] = np.ones(min(lengths)) if customers is None else _numbers("customers", customers)
    lengths.add(len(arrays["customers"]))
    _require(len(lengths) == 1, f"{', '.join(arrays)} must be equally long, not {sorted(lengths)}")
    for name, values in arrays.items():
        view = values.view()
        view.flags.writeable = False
        object.__setattr__(record, name, view)


def _numbers(name: str, values: npt.ArrayLike) -> FloatArray:
    array = _any_numbers(name, values)
    _require(array.ndim == 1, f"{name} must be a one-dimensional array")
    _require(bool(np.all(array >= 0)), f"{name} must not be negative")
    return array


def _covariates(values: npt.ArrayLike | None, shape: tuple[int, int]) -> FloatArray:
    """A read-only array of that shape; ValueError unless it is one and finite."""
    array: FloatArray = np.zeros(shape) if values is None and not shape[1] else _any_numbers("covariates", values)
    _require(array.shape == shape, "covariates must have one row per history and one column per name")
    view = array.view()
    view.flags.writeable = False
    return view


def _any_numbers(name: str, values: Any) -> FloatArray:
    try:
        array: FloatArray = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be numbers without gaps") from error
    _require(bool(np.all(np.isfinite(array))), f"{name} must be finite: it has missing or infinite values")
    return array


def _require(holds: bool, sentence: str) -> None:
    if not holds:
        raise ValueError(sentence)


def _columns_of(table: Any) -> Sequence[str]:
    for holder in ("column_names", "columns", "keys"):
        names = getattr(table, holder, None)
        if names is not None:
            return [str(name) for name in (names() if callable(names) else names)]
    dtype_names: Sequence[str] | None = getattr(getattr(table, "dtype", None), "names", None)
    if dtype_names is None:
        raise ValueError("table must have named columns (pandas, polars, Arrow, or a dict of lists)")
    return dtype_names


def _optional(table: Any, name: str, names: Mapping[str, tuple[str, ...]] = _NAMES) -> npt.ArrayLike | None:
    present = _columns_of(table)
    found = [known for known in names[name] if known in present]
    column: npt.ArrayLike | None = table[found[0]] if found else None
    return column


def _column(table: Any, name: str, names: Mapping[str, tuple[str, ...]] = _NAMES) -> npt.ArrayLike:
    values = _optional(table, name, names)
    if values is None:
        raise ValueError(f"table has no column {' or '.join(names[name])}; it has {', '.join(_columns_of(table))}")
    return values


def distinct(*columns: npt.NDArray[Any]) -> tuple[IntArray, IntArray]:
    """The first row of each distinct combination of some columns, in sorted order, and the one each row has."""
    rows = len(columns[0])
    codes, many = np.zeros(rows, dtype=np.int64), min(rows, 1)
    for column in columns:
        values = np.unique(column)
        codes, many = _numbered(codes * len(values) + np.searchsorted(values, column), many * len(values))
    first = np.empty(many, dtype=np.int64)
    first[codes[::-1]] = np.arange(rows)[::-1]  # the earliest row is written last
    return first, codes


def _numbered(codes: IntArray, many: int) -> tuple[IntArray, int]:
    """Codes below `many` numbered 0, 1, 2, ... without gaps, in their order, and how many different ones there are."""
    if many > _TABLE * len(codes):
        values, found = np.unique(codes, return_inverse=True)
        return found.astype(np.int64), len(values)
    there = np.zeros(many, dtype=bool)
    there[codes] = True
    values, numbers = np.flatnonzero(there), np.empty(many, dtype=np.int64)
    numbers[values] = np.arange(len(values))
    return numbers[codes], len(values)
