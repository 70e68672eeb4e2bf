"""What a purchase model expects of each distinct history, step by step: numbers to be joined to customers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from kezhi.models import AmountPanel
from kezhi.valuation.fits import Fits, column, in_periods
from kezhi.valuation.intervals import WindowSpread, log_gamma_cumulants, window_spread
from kezhi.valuation.margins import margin_factors, margin_slopes

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from kezhi.ledger import Ledger

HISTORY = ("repeat_purchases", "recency_days", "tenure_days")
NO_HISTORY = -1  # stands for everyone who never bought


@dataclass(frozen=True)
class _Pairs:
    """The posterior rate by distinct (x, T): it is all that spreads depend on, and there are far fewer of them.

    `index` leads from a distinct history to its pair.
    """

    shape: NDArray[np.float64]
    rate: NDArray[np.float64]
    index: NDArray[np.int64]

    @classmethod
    def of(cls, fits: Fits, period_days: float) -> _Pairs:
        table = fits.histories
        x, days = (table[name].to_numpy().astype(np.int64) for name in ("repeat_purchases", "tenure_days"))
        _, first, index = np.unique(x * (days.max(initial=0) + 1) + days, return_index=True, return_inverse=True)
        shape, rate = fits.purchases.posterior(in_periods(table.take(first), period_days))
        return cls(shape, rate, index)

    def spread(self, prefix: str, amount_shape: float, periods: float, steps: int) -> dict[str, NDArray[np.float64]]:
        """Columns of `window_spread` by history."""
        columns = _spread_columns(prefix, window_spread(self.shape, self.rate, amount_shape, periods, steps))
        return {name: values[self.index] for name, values in columns.items()}


def purchase_steps(ledger: Ledger, fits: Fits, horizon: int) -> pa.Table:
    """One row per distinct history and step (0: what is left of the current period, if `as_of` cuts it short).

    Columns: history (its number), step, period (its first day), p_purchase, expected_purchases, margin_factor,
    and the spread of the step's amount. NO_HISTORY has rows too: nothing is expected.
    """
    days, amount_shape = ledger.calendar.mean_days, fits.amounts.parameters["p"]
    histories, pairs = in_periods(fits.histories, days), _Pairs.of(fits, days)
    idle = column(fits.histories, "idle_periods").astype(np.int64)
    slopes = margin_slopes(ledger, int(idle.max(initial=0)))
    factors = margin_factors(fits.purchases.purchases_by_state(histories, horizon), idle, slopes)
    rest = ledger.calendar.rest(ledger.as_of)
    current = {0: np.maximum(1.0 + slopes[idle] * idle / 2.0, 0.0)} if rest > 0 else {}
    margins = current | {step: factors[:, step - 1] for step in range(1, horizon + 1)}
    lengths = {step: rest if step == 0 else 1.0 for step in margins}
    spreads = {length: pairs.spread("", amount_shape, length, 1) for length in set(lengths.values())}
    never = _spread_columns("", window_spread(np.zeros(1), np.ones(1), amount_shape, 1.0, 1))
    parts = []
    for step, length in lengths.items():
        start = ledger.calendar.start(ledger.next_period - 1 + step)
        expected = {
            "p_purchase": 1.0 - fits.purchases.p_no_purchase(histories, length),
            "expected_purchases": fits.purchases.expected_purchases(histories, length),
            "margin_factor": margins[step],
        }
        nothing = {"p_purchase": [0.0], "expected_purchases": [0.0], "margin_factor": [1.0]}
        parts.append(_labels(np.arange(len(idle)), step, start) | expected | spreads[length])
        parts.append(_labels(np.array([NO_HISTORY]), step, start) | nothing | never)
    return _stack(parts)


def _labels(numbers: NDArray[np.int64], step: int, start: date) -> dict[str, Any]:
    return {"history": numbers, "step": np.full(len(numbers), step), "period": [start] * len(numbers)}


def horizon_spread(ledger: Ledger, fits: Fits, horizon: int) -> pa.Table:
    """One row per distinct history: HISTORY, its number, p_alive, and the spread of the whole horizon."""
    days = ledger.calendar.mean_days
    histories, pairs = in_periods(fits.histories, days), _Pairs.of(fits, days)
    known = {
        **{name: fits.histories[name].to_numpy() for name in HISTORY},
        "history": np.arange(len(pairs.index)),
        "p_alive": fits.purchases.p_alive(histories),
    }
    return _stack([known | pairs.spread("total_", fits.amounts.parameters["p"], 1.0, horizon)])


def amount_coefficients(fits: Fits, largest: int, typical: float) -> pa.Table:
    """The conditional mean amount as a straight line in the sum of mean amounts, by number of active periods.

    Columns: amount_periods (0..largest), amount_base, amount_slope with E[m] = base + slope x sum, and
    the cumulants of ln(1 / nu) apart from the scale (k + sum), and amount_offset k.
    """
    periods = np.arange(largest + 1, dtype=np.float64)
    low, high = (_expected_amount(fits, periods, total) for total in (typical, 2.0 * typical))
    slope = (high - low) / typical
    p, q, k = (fits.amounts.parameters[name] for name in ("p", "q", "k"))
    return _stack(
        [
            {
                "amount_periods": periods.astype(np.int64),
                "amount_base": low - slope * typical,
                "amount_slope": slope,
                "amount_offset": np.full(len(periods), k),
                **{
                    # those of -ln nu: odd ones change their sign
                    f"amount_cumulant_{order}": row * (-1) ** order
                    for order, row in enumerate(log_gamma_cumulants(p * periods + q), 1)
                },
            }
        ]
    )


def _expected_amount(fits: Fits, periods: NDArray[np.float64], total: float) -> NDArray[np.float64]:
    sums = np.where(periods > 0, total, 0.0)
    expected: NDArray[np.float64] = fits.amounts.expected_amount(AmountPanel(periods, sums))
    return expected


def _spread_columns(prefix: str, spread: WindowSpread) -> dict[str, NDArray[np.float64]]:
    """Cumulants, quantiles and, as factors 0 or 1, whether a quantile is above zero; no nulls, see amount_quantile."""
    return {
        **{f"{prefix}cumulant_{order}": row for order, row in enumerate(spread.cumulants, 1)},
        f"{prefix}z_lower": np.nan_to_num(spread.z_lower),
        f"{prefix}z_upper": np.nan_to_num(spread.z_upper),
        f"{prefix}some_lower": np.isfinite(spread.z_lower).astype(np.float64),
        f"{prefix}some_upper": np.isfinite(spread.z_upper).astype(np.float64),
    }


def _stack(parts: list[dict[str, Any]]) -> pa.Table:
    """Tables of equal columns on top of one another."""
    import pyarrow as pa

    types = {"history": pa.int32(), "step": pa.int32(), "period": pa.date32(), "amount_periods": pa.int64()}
    return pa.concat_tables(
        pa.table({name: pa.array(values, type=types.get(name)) for name, values in part.items()}) for part in parts
    )
