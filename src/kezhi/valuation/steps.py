"""What a purchase model expects of each distinct history, step by step: numbers to be joined to customers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from kezhi.models import AmountPanel
from kezhi.valuation.arrays import from_numpy, to_numpy
from kezhi.valuation.fits import Fits, column
from kezhi.valuation.forecaster import Window
from kezhi.valuation.intervals import WindowSpread, log_gamma_cumulants, window_spread
from kezhi.valuation.margins import margin_factors, margin_slopes

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from kezhi.ledger import Ledger

HISTORY = ("repeat_purchases", "recency_days", "tenure_days")
NO_HISTORY = -1  # stands for everyone who never bought


@dataclass(frozen=True)
class StepWindow:
    """One step of the forecast: its number, its period's first day, and the days it reaches from and to."""

    step: int
    period: date
    after: date
    until: date


def step_windows(ledger: Ledger, horizon: int) -> list[StepWindow]:
    """Steps 1..horizon, and step 0 for what is left of the current period where `as_of` cuts it short."""
    calendar, as_of = ledger.calendar, ledger.as_of
    found = []
    for step in range(0 if calendar.rest(as_of) > 0 else 1, horizon + 1):
        number = ledger.next_period - 1 + step
        after = as_of if step == 0 else calendar.end(number - 1)
        found.append(StepWindow(step, calendar.start(number), after, calendar.end(number)))
    return found


def purchase_steps(ledger: Ledger, fits: Fits, horizon: int) -> tuple[pa.Table, pa.Table]:
    """What the models expect of each distinct history: by step, and over steps 1..horizon.

    By step: history (its number), step, period (its first day), p_purchase, expected_purchases, margin_factor, and the
    spread of the step's amount. NO_HISTORY has rows too: nothing is expected. Over the horizon: HISTORY, the history's
    number, p_alive and the spread of the total amount.
    """
    windows = step_windows(ledger, horizon)
    spans: dict[Any, Window] = {one.step: fits.window(one.after, one.until) for one in windows}
    spans["all"] = fits.window(ledger.calendar.end(ledger.next_period - 1), windows[-1].until)
    moments, amount_shape = fits.moments(spans), fits.amounts.parameters["p"]
    margins = _margins(ledger, fits, horizon)
    never = spread_columns("", window_spread(np.zeros(1), np.zeros(1), np.zeros(1), np.ones(1), amount_shape))
    nothing = {"p_purchase": [0.0], "expected_purchases": [0.0], "margin_factor": [1.0]}
    parts = []
    for one in windows:
        mean, product, none = moments[one.step]
        square = product + mean
        spread = window_spread(mean, square, square, none, amount_shape)
        expected = {"p_purchase": 1.0 - none, "expected_purchases": mean, "margin_factor": margins[one.step]}
        parts.append(_labels(np.arange(len(mean)), one) | expected | spread_columns("", spread))
        parts.append(_labels(np.array([NO_HISTORY]), one) | nothing | never)
    future = [moments[one.step] for one in windows if one.step > 0]
    steps_square = np.sum([product + mean for mean, product, _ in future], axis=0)
    mean, product, none = moments["all"]
    total = window_spread(mean, steps_square, np.maximum(product + mean, steps_square), none, amount_shape)
    known = {
        **{name: to_numpy(fits.histories[name]) for name in HISTORY},
        "history": np.arange(len(mean)),
        "p_alive": fits.forecaster.purchases.p_alive(fits.on_clock),
    }
    return stacked(parts), stacked([known | spread_columns("total_", total)])


def _margins(ledger: Ledger, fits: Fits, horizon: int) -> dict[int, NDArray[np.float64]]:
    """The margin of each history and step as a multiple of the last one; step 0 goes on as the idle time stands."""
    idle = column(fits.histories, "idle_periods").astype(np.int64)
    slopes = margin_slopes(ledger, int(idle.max(initial=0)))
    if not slopes.any():  # as where no costs are known: nothing drifts
        return dict.fromkeys(range(horizon + 1), np.ones(len(idle)))
    states = fits.forecaster.purchases.purchases_by_state(fits.on_clock, horizon)
    factors = margin_factors(states, idle, slopes)
    current = {0: np.maximum(1.0 + slopes[idle] * idle / 2.0, 0.0)}
    return current | {step: factors[:, step - 1] for step in range(1, horizon + 1)}


def _labels(numbers: NDArray[np.int64], one: StepWindow) -> dict[str, Any]:
    return {"history": numbers, "step": np.full(len(numbers), one.step), "period": _days(one.period, len(numbers))}


def _days(day: date, times: int) -> NDArray[np.datetime64]:
    return np.full(times, np.datetime64(day, "D"))


def amount_coefficients(fits: Fits, largest: int, typical: float) -> pa.Table:
    """The conditional mean amount as a straight line in the sum of mean amounts, by number of active periods.

    Columns: amount_periods (0..largest), amount_base, amount_slope with E[m] = base + slope x sum, and
    the cumulants of ln(1 / nu) apart from the scale (k + sum), and amount_offset k.
    """
    periods = np.arange(largest + 1, dtype=np.float64)
    low, high = (_expected_amount(fits, periods, total) for total in (typical, 2.0 * typical))
    slope = (high - low) / typical
    p, q, k = (fits.amounts.parameters[name] for name in ("p", "q", "k"))
    return stacked(
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


def spread_columns(prefix: str, spread: WindowSpread) -> dict[str, NDArray[np.float64]]:
    """Cumulants, quantiles and, as factors 0 or 1, whether a quantile is above zero; no nulls, see amount_quantile."""
    return {
        **{f"{prefix}cumulant_{order}": row for order, row in enumerate(spread.cumulants, 1)},
        f"{prefix}z_lower": np.nan_to_num(spread.z_lower),
        f"{prefix}z_upper": np.nan_to_num(spread.z_upper),
        f"{prefix}some_lower": np.isfinite(spread.z_lower).astype(np.float64),
        f"{prefix}some_upper": np.isfinite(spread.z_upper).astype(np.float64),
    }


def stacked(parts: list[dict[str, Any]]) -> pa.Table:
    """Tables of equal columns on top of one another."""
    import pyarrow as pa

    types = {"history": pa.int32(), "step": pa.int32(), "period": pa.date32(), "amount_periods": pa.int64()}
    return pa.concat_tables(
        pa.table({name: from_numpy(values, types.get(name)) for name, values in part.items()}) for part in parts
    )
