"""How good a forecast was: what happened against what was said, one number or one small table each.

All functions take one entry per row; `weights` says how many customers a row stands for (1 each by default). None of
them depends on the order of the rows: customers with equal predictions share what is said of them. Measures that
compare with what happened are None where nothing happened at all.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kezhi.models.histories import FloatArray, IntArray

SMALLEST_EXPECTATION = 1e-9  # under the Poisson deviance nothing is called impossible

Table = dict[str, FloatArray]


# --- level and distance


def bias(actual: npt.ArrayLike, predicted: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> float | None:
    """By what share the total was forecast too high (0.1: 10 % too high) or too low; None if nothing happened."""
    y, f, w = _rows(actual, predicted, weights)
    total = float(w @ y)
    return float(w @ f) / total - 1 if total > 0 else None


def rmse(actual: npt.ArrayLike, predicted: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> float:
    """The root of the mean squared error: the measure under which expectations are the right answer."""
    y, f, w = _rows(actual, predicted, weights)
    return float(np.sqrt(w @ (y - f) ** 2 / w.sum()))


def mae(actual: npt.ArrayLike, predicted: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> float:
    """The mean absolute error: the measure under which medians are the right answer."""
    y, f, w = _rows(actual, predicted, weights)
    return float(w @ np.abs(y - f) / w.sum())


def poisson_deviance(actual: npt.ArrayLike, predicted: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> float:
    """The mean Poisson deviance of expected counts, 2 [y ln(y / m) - (y - m)]; 0 is perfect.

    Expectations below 1e-9 count as 1e-9, so that one surprise does not make the whole score infinite.
    """
    y, f, w = _rows(actual, predicted, weights)
    m = np.maximum(f, SMALLEST_EXPECTATION)
    logs = np.log(np.where(y > 0, y, m) / m)
    return float(2 * (w @ (y * logs - (y - m))) / w.sum())


# --- order


def normalised_gini(
    actual: npt.ArrayLike, predicted: npt.ArrayLike, weights: npt.ArrayLike | None = None
) -> float | None:
    """How well the forecast ranks the customers: 1 is the true order, 0 is chance, below 0 is worse than chance.

    The Gini coefficient of the actual amounts in the order of the predictions over that in their own order. None where
    all amounts are equal, so that there is no order to find.
    """
    y, f, w = _rows(actual, predicted, weights)
    own = _gini(_concentration(y, y, w))
    return _gini(_concentration(y, f, w)) / own if own > 1e-12 else None


def captured_share(
    actual: npt.ArrayLike,
    predicted: npt.ArrayLike,
    share: float = 0.2,
    weights: npt.ArrayLike | None = None,
) -> float | None:
    """Of what the best customers (the top 20 %, or another share) brought, how much the predicted best ones brought.

    The share is rounded up to whole customers. None if nothing happened.
    """
    if not 0 < share <= 1:
        raise ValueError("share must be above 0 and at most 1")
    y, f, w = _rows(actual, predicted, weights)
    top = np.ceil(share * w.sum() - 1e-9) / w.sum()
    best = _concentration(y, y, w).at(top)
    return float(_concentration(y, f, w).at(top) / best) if best > 0 else None


def spearman(actual: npt.ArrayLike, predicted: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> float | None:
    """The correlation of the ranks of forecast and outcome (ties get their average rank); None where all are tied."""
    y, f, w = _rows(actual, predicted, weights)
    first, second = _ranks(y, w), _ranks(f, w)
    first, second = first - w @ first / w.sum(), second - w @ second / w.sum()
    spread = float((w @ first**2) * (w @ second**2))
    return float(w @ (first * second)) / float(np.sqrt(spread)) if spread > 0 else None


def gain_curve(
    actual: npt.ArrayLike, predicted: npt.ArrayLike, points: int = 100, weights: npt.ArrayLike | None = None
) -> Table:
    """What share of the outcome the first so many customers hold: in the order of the forecast, and in their own.

    Columns customers (0 to 1 in `points` steps), predicted_order, own_order. Zeros where nothing happened.
    """
    if points < 1:
        raise ValueError("points must be at least 1")
    y, f, w = _rows(actual, predicted, weights)
    shares = np.linspace(0, 1, points + 1)
    total = float(w @ y) or 1.0
    return {
        "customers": shares,
        "predicted_order": _concentration(y, f, w).at(shares) / total,
        "own_order": _concentration(y, y, w).at(shares) / total,
    }


# --- intervals


def interval_coverage(
    actual: npt.ArrayLike, lower: npt.ArrayLike, upper: npt.ArrayLike, weights: npt.ArrayLike | None = None
) -> float:
    """The share of customers whose outcome lies within the interval given, ends included.

    Counts are whole numbers, so intervals of counts hold more than they promise; `calibrated_coverage` does not.
    """
    y, low, w = _rows(actual, lower, weights)
    _, high, _ = _rows(actual, upper, weights)
    return float(w @ ((y >= low) & (y <= high)) / w.sum())


def calibrated_coverage(
    cdf_below: npt.ArrayLike,
    cdf_at: npt.ArrayLike,
    lower: float = 0.1,
    upper: float = 0.9,
    weights: npt.ArrayLike | None = None,
) -> float:
    """How often outcomes fell into the middle of what was forecast; a correct model gives upper - lower (80 %) exactly.

    `cdf_below` and `cdf_at` are P(N < y) and P(N <= y) at each customer's outcome y. Each customer counts with the
    share of the stretch between them that lies in [lower, upper], so that customers who buy nothing do no harm.
    Source: Czado, Gneiting, Held (2009), "Predictive model assessment for count data", equation (2).
    """
    if not 0 <= lower < upper <= 1:
        raise ValueError("lower must be below upper, both between 0 and 1")
    below, at, w = _probabilities(cdf_below, cdf_at, weights)
    return float(w @ (_reached(below, at, upper) - _reached(below, at, lower)) / w.sum())


def pit_histogram(
    cdf_below: npt.ArrayLike, cdf_at: npt.ArrayLike, bins: int = 10, weights: npt.ArrayLike | None = None
) -> Table:
    """Where outcomes fell within their forecast distributions: flat at 1 if right, a hump if forecasts are too unsure.

    Columns lower and upper (the bin) and density (1 everywhere for a correct model). A U shape means that forecasts
    are too sure of themselves. Source: as in `calibrated_coverage`, the non-randomised PIT histogram.
    """
    if bins < 1:
        raise ValueError("bins must be at least 1")
    below, at, w = _probabilities(cdf_below, cdf_at, weights)
    edges = np.linspace(0, 1, bins + 1)
    reached = np.array([w @ _reached(below, at, edge) / w.sum() for edge in edges])
    reached[0], reached[-1] = 0.0, 1.0
    return {"lower": edges[:-1], "upper": edges[1:], "density": np.diff(reached) * bins}


# --- calibration


def calibration_by_decile(
    actual: npt.ArrayLike, predicted: npt.ArrayLike, groups: int = 10, weights: npt.ArrayLike | None = None
) -> Table:
    """Forecast and outcome per customer in ten equally large groups, those with the highest forecast first.

    Columns group (1 the highest), customers, predicted, actual (means per customer).
    """
    if groups < 1:
        raise ValueError("groups must be at least 1")
    y, f, w = _rows(actual, predicted, weights)
    edges = np.linspace(0, 1, groups + 1)
    size = float(w.sum()) / groups
    return {
        "group": np.arange(groups) + 1.0,
        "customers": np.repeat(size, groups),
        "predicted": np.diff(_concentration(f, f, w).at(edges)) / size,
        "actual": np.diff(_concentration(y, f, w).at(edges)) / size,
    }


def calibration_by_frequency(
    actual: npt.ArrayLike,
    predicted: npt.ArrayLike,
    x: npt.ArrayLike,
    most: int = 7,
    weights: npt.ArrayLike | None = None,
) -> Table:
    """Forecast and outcome per customer by the number of repeat purchases before: the conditional expectation plot.

    Columns x (0, 1, ... `most`; the last one stands for `most` or more), customers, predicted, actual (means); numbers
    of purchases that nobody had are left out.
    """
    if most < 0:
        raise ValueError("most must not be negative")
    y, f, w = _rows(actual, predicted, weights)
    _, before, _ = _rows(actual, x, weights)
    group = np.minimum(before, most).astype(np.int64)
    customers, said, done = (_sums(group, column, most + 1) for column in (w, w * f, w * y))
    seen = customers > 0
    return {
        "x": np.flatnonzero(seen).astype(np.float64),
        "customers": customers[seen],
        "predicted": said[seen] / customers[seen],
        "actual": done[seen] / customers[seen],
    }


# --- shared steps


class _Concentration(NamedTuple):
    """What the first so many customers hold together: straight lines between steps of equal predictions."""

    customers: FloatArray
    held: FloatArray

    def at(self, share: npt.ArrayLike) -> FloatArray:
        return np.asarray(np.interp(np.asarray(share) * self.customers[-1], self.customers, self.held))


def _concentration(values: FloatArray, order: FloatArray, w: FloatArray) -> _Concentration:
    _, group = np.unique(-order, return_inverse=True)
    steps = [_sums(group, column) for column in (w, w * values)]
    return _Concentration(*(np.concatenate([[0.0], np.cumsum(step)]) for step in steps))


def _gini(curve: _Concentration) -> float:
    """Twice the area between the curve and the diagonal; 0 where nothing is held."""
    if curve.held[-1] <= 0:
        return 0.0
    doubled = np.diff(curve.customers) @ (curve.held[1:] + curve.held[:-1])
    return float(doubled / (curve.held[-1] * curve.customers[-1]) - 1)


def _ranks(values: FloatArray, w: FloatArray) -> FloatArray:
    _, group = np.unique(values, return_inverse=True)
    size = _sums(group, w)
    return np.asarray((np.cumsum(size) - size / 2)[group])


def _sums(group: IntArray, values: FloatArray, groups: int = 0) -> FloatArray:
    return np.asarray(np.bincount(group, weights=values, minlength=groups), dtype=np.float64)


def _reached(below: FloatArray, at: FloatArray, edge: float) -> FloatArray:
    """The share of each stretch [below, at] that lies under the edge; a stretch of no length is under it or not."""
    length = at - below
    inside = np.clip((edge - below) / np.where(length > 0, length, 1.0), 0.0, 1.0)
    return np.where(length > 0, inside, at <= edge)


def _rows(
    actual: npt.ArrayLike, predicted: npt.ArrayLike, weights: npt.ArrayLike | None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The rows that stand for somebody, as arrays; ValueError where they cannot be compared."""
    y, f = _finite("actual", actual), _finite("predicted", predicted)
    w = np.ones(len(y)) if weights is None else _finite("weights", weights)
    if not len(y) == len(f) == len(w):
        raise ValueError("actual, predicted and weights must be equally long")
    if np.any(w < 0):
        raise ValueError("weights must not be negative")
    used = w > 0
    if not np.any(used):
        raise ValueError("actual must have at least one customer to score")
    return y[used], f[used], w[used]


def _probabilities(
    below: npt.ArrayLike, at: npt.ArrayLike, weights: npt.ArrayLike | None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    low, high, w = _rows(below, at, weights)
    if np.any((low < -1e-9) | (high > 1 + 1e-9) | (low > high + 1e-9)):
        raise ValueError("cdf_below and cdf_at must be probabilities, the first at most the second")
    return np.clip(low, 0, 1), np.clip(np.maximum(high, low), 0, 1), w


def _finite(name: str, values: npt.ArrayLike) -> FloatArray:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not bool(np.all(np.isfinite(array))):
        raise ValueError(f"{name} must be a one-dimensional array of finite numbers")
    return array
