"""What every customer will do in a window of days: expectations, medians and 80 % intervals of purchases and spend."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from kezhi.models import PurchaseHistories
from kezhi.models.blend import Blend
from kezhi.models.histories import distinct
from kezhi.valuation.days import Known
from kezhi.valuation.forecaster import Forecaster, Window, on_clock
from kezhi.valuation.intervals import cornish_fisher, log_gamma_cumulants, window_spread, z_given_something
from kezhi.valuation.lessons import rows_of
from kezhi.valuation.uncertainty import likely_fits

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEVELS = (0.1, 0.5, 0.9)
_FEW = 1_000  # customers up to which the parameters' own error is averaged over
_CELLS = 4_000_000  # numbers in a table of probabilities at a time
_GRID = 0.02  # factors are rounded to this in the logarithm, so that customers with equal histories stay few


@dataclass(frozen=True, eq=False)
class Prediction:
    """One entry per customer: count and spend are expectations; quantiles have the columns 10 %, 50 %, 90 %.

    p_nothing: the probability of no purchase; cdf_below, cdf_at: of fewer purchases than came, and of at most as many;
    log_probability: of what came. They are what calibration is judged by.
    """

    count: NDArray[np.float64]
    count_quantiles: NDArray[np.int64]
    spend: NDArray[np.float64]
    spend_quantiles: NDArray[np.float64]
    p_alive: NDArray[np.float64]
    p_nothing: NDArray[np.float64]
    cdf_below: NDArray[np.float64]
    cdf_at: NDArray[np.float64]
    log_probability: NDArray[np.float64]


def predict(forecaster: Forecaster, known: Known, until: date, came: NDArray[np.float64]) -> Prediction:
    """The prediction for the window from the split to the end of `until`; `came` is only looked up in it."""
    table, index = known.histories
    count = forecaster.expected_purchases(known, until)
    quantiles, nothing, below, at = _count_law(forecaster, known, until, came)
    with np.errstate(divide="ignore"):
        log_probability = np.log(np.maximum(at - below, 1e-12))
    return Prediction(
        count,
        quantiles,
        count * forecaster.expected_amount(known),
        _spend_quantiles(forecaster, known, until),
        forecaster.purchases.p_alive(on_clock(forecaster.clock, table, known.split))[index],
        nothing,
        below,
        at,
        log_probability,
    )


def _count_law(
    forecaster: Forecaster, known: Known, until: date, came: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Quantiles of every customer's purchases, P(none), and the distribution function just below and at what came.

    A factor on the expected purchases is time that runs faster: the window is so much longer for that customer.
    """
    table, index = known.histories
    length = Window.of(forecaster.clock, known.split, known.split, until).length
    factor = np.exp(np.round(np.log(forecaster.factor(known)) / _GRID) * _GRID)
    first, row = distinct(index.astype(np.float64), factor)
    histories = rows_of(on_clock(forecaster.clock, table, known.split), index[first])
    periods = length * factor[first]
    blends = likely_fits(forecaster.purchases, len(known) < _FEW)
    quantiles = np.zeros((len(known), len(LEVELS)), dtype=np.int64)
    nothing, below, at = np.zeros(len(known)), np.zeros(len(known)), np.zeros(len(known))
    place, block_of = np.zeros(len(first), dtype=np.int64), np.zeros(len(first), dtype=np.int64)
    blocks = list(_blocks(forecaster.purchases.expected_purchases(histories, periods)))
    for number, block in enumerate(blocks):
        place[block], block_of[block] = np.arange(len(block)), number
    members = np.argsort(block_of[row], kind="stable")
    begin = np.searchsorted(block_of[row][members], np.arange(len(blocks) + 1))
    for number, block in enumerate(blocks):
        reached = _reached(blends, rows_of(histories, block), periods[block])
        mine = members[begin[number] : begin[number + 1]]
        here, n = place[row[mine]], came[mine].astype(np.int64)
        last = reached.shape[1] - 1
        lowest = np.column_stack([(reached < level - 1e-9).sum(axis=1) for level in LEVELS])
        quantiles[mine] = np.minimum(lowest, last)[here]
        nothing[mine] = reached[here, 0]
        at[mine] = reached[here, np.minimum(n, last)]
        below[mine] = np.where(n > 0, reached[here, np.clip(n - 1, 0, last)], 0.0)
    return quantiles, nothing, below, np.minimum(at, 1.0)


def _reached(blends: list[Blend], histories: PurchaseHistories, periods: NDArray[np.float64]) -> NDArray[np.float64]:
    """The distribution function of the purchases of each row, averaged over the likely parameters."""
    parts = [blend.purchase_distribution(histories, periods) for blend in blends]
    law = np.zeros((len(periods), max(part.shape[1] for part in parts)))
    for part in parts:
        law[:, : part.shape[1]] += part / len(parts)
    return np.cumsum(law, axis=1)


def _blocks(expected: NDArray[np.float64]) -> Iterator[NDArray[np.int64]]:
    """Rows with similar expectations together, so that no table is much wider than its rows need."""
    order = np.argsort(expected, kind="stable")
    start = 0
    while start < len(order):
        width = 40 + 8 * float(expected[order[min(start + 500, len(order) - 1)]])
        size = max(int(_CELLS / width), 1)
        yield order[start : start + min(size, 2_000)]
        start += min(size, 2_000)


def _spend_quantiles(forecaster: Forecaster, known: Known, until: date) -> NDArray[np.float64]:
    """Quantiles of every customer's spend, by the same closed form as in a run's forecast (see `intervals`)."""
    table, index = known.histories
    histories = on_clock(forecaster.clock, table, known.split)
    length = Window.of(forecaster.clock, known.split, known.split, until).length
    months = max(round((until - known.split).days / known.calendar.mean_days), 1)
    blends = likely_fits(forecaster.purchases, len(known) < _FEW)
    total = _mean_moments([blend.window_moments(histories, length) for blend in blends])
    factor, panel = forecaster.factor(known), known.amounts
    mean, product, none = (part[index] for part in total)
    mean, product, none = mean * factor, product * factor**2, np.clip(none, 0, 1) ** factor
    parameters = forecaster.amounts.parameters
    spread = window_spread(
        mean,
        product / months + mean,  # purchases spread evenly over the periods of the window
        product + mean,
        none,
        parameters["p"],
    )
    signs = np.array([[-1.0], [1.0], [-1.0], [1.0]])
    shapes = parameters["p"] * panel.active_periods + parameters["q"]
    values, at = np.unique(shapes, return_inverse=True)
    cumulants = spread.cumulants + signs * log_gamma_cumulants(values)[:, at]
    cumulants[0] += np.log(parameters["k"] + panel.mean_amount_sum)
    ends = []
    for level in LEVELS:
        z = z_given_something(level, none)
        some = np.isfinite(z)
        ends.append(np.where(some, np.exp(cornish_fisher(np.nan_to_num(z), *cumulants)), 0.0))
    return np.column_stack(ends)


def _mean_moments(each: list[tuple[NDArray[np.float64], ...]]) -> list[NDArray[np.float64]]:
    return [np.asarray(np.mean(part, axis=0)) for part in zip(*each, strict=True)]
