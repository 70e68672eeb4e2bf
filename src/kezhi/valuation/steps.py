"""What a purchase model expects of each distinct history, step by step: numbers to be joined to customers."""

from __future__ import annotations

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


def purchase_steps(ledger: Ledger, fits: Fits, horizon: int) -> pa.Table:
    """One row per distinct history and step (0: what is left of the current period, if `as_of` cuts it short).

    Columns: history (its number), step, period (its first day), p_purchase, expected_purchases, margin_factor,
    and the spread of the step's amount. NO_HISTORY has rows too: nothing is expected.
    """
    histories = in_periods(fits.histories, ledger.calendar.mean_days)
    idle = column(fits.histories, "idle_periods").astype(np.int64)
    slopes = margin_slopes(ledger, int(idle.max(initial=0)))
    factors = margin_factors(fits.purchases.purchases_by_state(histories, horizon), idle, slopes)
    shape, rate = fits.purchases.posterior(histories)
    windows = [(step, 1.0, factors[:, step - 1]) for step in range(1, horizon + 1)]
    rest = ledger.calendar.rest(ledger.as_of)
    if rest > 0:
        windows.insert(0, (0, rest, np.maximum(1.0 + slopes[idle] * idle / 2.0, 0.0)))
    amount_shape = fits.amounts.parameters["p"]
    starts = {step: ledger.calendar.start(ledger.next_period - 1 + step) for step, _, _ in windows}
    never = window_spread(np.zeros(1), np.ones(1), amount_shape, 1.0, 1)
    nobody = [
        {"history": [NO_HISTORY], "step": [step], "period": [starts[step]], "p_purchase": [0.0]}
        | {"expected_purchases": [0.0], "margin_factor": [1.0]}
        | _spread_columns("", never)
        for step, _, _ in windows
    ]
    return _stack(
        [
            {
                "history": np.arange(len(idle), dtype=np.int32),
                "step": np.full(len(idle), step, dtype=np.int32),
                "period": [starts[step]] * len(idle),
                "p_purchase": -np.expm1(-shape * np.log1p(length / rate)),
                "expected_purchases": fits.purchases.expected_purchases(histories, length),
                "margin_factor": factor,
            }
            | _spread_columns("", window_spread(shape, rate, amount_shape, length, 1))
            for step, length, factor in windows
        ]
        + nobody
    )


def horizon_spread(ledger: Ledger, fits: Fits, horizon: int) -> pa.Table:
    """One row per distinct history: HISTORY, its number, p_alive, and the spread of the whole horizon."""
    histories = in_periods(fits.histories, ledger.calendar.mean_days)
    shape, rate = fits.purchases.posterior(histories)
    spread = window_spread(shape, rate, fits.amounts.parameters["p"], 1.0, horizon)
    return _stack(
        [
            _key(fits.histories)
            | {
                "history": np.arange(len(shape), dtype=np.int32),
                "p_alive": fits.purchases.p_alive(histories),
            }
            | _spread_columns("total_", spread)
        ]
    )


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


def _key(histories: pa.Table) -> dict[str, Any]:
    return {name: histories[name].to_numpy() for name in HISTORY}


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
        pa.table({name: pa.array(values, type=types.get(name)) for name, values in part.items()})
        for part in parts
    )
