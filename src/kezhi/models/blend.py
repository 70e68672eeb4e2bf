"""Several purchase models as one: a mixture of their predictive distributions, weighted by what each foresaw.

Weights are those that would have given the purchases that then came the highest probability. Source: Yao, Vehtari,
Simpson, Gelman (2018), "Using stacking to average Bayesian predictive distributions", equation (4).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from kezhi.models.histories import FloatArray, PurchaseHistories
from kezhi.models.purchases import PurchaseFit

_ROUNDS = 100
_SETTLED = 1e-15  # mean log-probability per customer


@dataclass(frozen=True, eq=False)
class Blend:
    """Purchase models with weights that add up to 1; answers the questions of `PurchaseFit` about a window.

    Every answer is the weighted mean of the models' answers, which for probabilities is the mixture itself.
    """

    fits: tuple[PurchaseFit, ...]
    weights: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.fits or len(self.fits) != len(self.weights):
            raise ValueError("fits and weights must be equally many, and at least one")
        if min(self.weights) < 0 or abs(sum(self.weights) - 1) > 1e-9:
            raise ValueError("weights must not be negative and must add up to 1")

    @classmethod
    def of(cls, *fits: PurchaseFit) -> Blend:
        """The models with equal weights; one model alone is itself."""
        return cls(fits, (1 / len(fits),) * len(fits))

    @property
    def leading(self) -> PurchaseFit:
        """The model with the largest weight (the first of several)."""
        return self.fits[int(np.argmax(self.weights))]

    def p_alive(self, histories: Any) -> FloatArray:
        """The probability that a customer is still active at the end of observation."""
        return self._mean("p_alive", histories)

    def expected_purchases(self, histories: Any, periods: npt.ArrayLike, start: npt.ArrayLike = 0.0) -> FloatArray:
        """How many purchases to expect from each customer in a window."""
        return self._mean("expected_purchases", histories, periods, start)

    def discounted_expected_purchases(
        self, histories: Any, discount: float, periods: float | None = None
    ) -> FloatArray:
        """How many purchases are still to come from each customer, in today's worth."""
        return self._mean("discounted_expected_purchases", histories, discount, periods)

    def expected_purchases_new_customer(self, periods: npt.ArrayLike) -> FloatArray:
        """How many repeat purchases to expect from someone who has just become a customer."""
        parts = zip(self.weights, self.fits, strict=True)
        return np.asarray(sum(weight * fit.expected_purchases_new_customer(periods) for weight, fit in parts))

    def p_no_purchase(self, histories: Any, periods: npt.ArrayLike, start: npt.ArrayLike = 0.0) -> FloatArray:
        """The probability of no purchase at all in a window, per customer."""
        return self._mean("p_no_purchase", histories, periods, start)

    def window_moments(
        self, histories: Any, periods: npt.ArrayLike, start: npt.ArrayLike = 0.0
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """E[N], E[N (N - 1)] and P(N = 0) of each customer's purchases in a window."""
        return self.moments_of(histories, [(start, periods)])[0]

    def moments_of(
        self, histories: Any, windows: Sequence[tuple[npt.ArrayLike, npt.ArrayLike]]
    ) -> list[tuple[FloatArray, FloatArray, FloatArray]]:
        """The same for several windows, each given by its start and its length."""
        return [(mean, product, none) for mean, product, none in self._mean("moments_of", histories, windows)]

    def purchases_by_state(self, histories: Any, horizon: int) -> FloatArray:
        """Expected purchases of each step by the step of the last purchase before it; see `PurchaseFit`."""
        return self._mean("purchases_by_state", histories, horizon)

    def purchase_distribution(self, histories: Any, periods: npt.ArrayLike, most: int | None = None) -> FloatArray:
        """P(n purchases in the next periods) for n = 0..most, shape (customers, most + 1)."""
        tables = [fit.purchase_distribution(histories, periods, most) for fit in self.fits]
        mixed = np.zeros((len(tables[0]), max(table.shape[1] for table in tables)))
        for weight, table in zip(self.weights, tables, strict=True):
            mixed[:, : table.shape[1]] += weight * table
        return mixed

    def _mean(self, question: str, histories: Any, *arguments: Any) -> FloatArray:
        seen = PurchaseHistories.of(histories)
        used = [(weight, fit) for weight, fit in zip(self.weights, self.fits, strict=True) if weight > 0]
        answers = [weight * np.asarray(getattr(fit, question)(seen, *arguments)) for weight, fit in used]
        return np.asarray(sum(answers[1:], answers[0]))


def stacking_weights(
    probabilities: npt.ArrayLike, customers: npt.ArrayLike | None = None, near: npt.ArrayLike | None = None
) -> FloatArray:
    """The weights under which a mixture would have given what came the highest probability.

    probabilities: what each model (column) had given the purchases each customer (row) then made. `customers` says
    how many share a row; `near` are weights to begin with. The mean logarithm of the mixture is concave in the
    weights: Newton's method on the simplex, a quadratic programme of as many unknowns as there are models at a time.
    """
    table = np.asarray(probabilities, dtype=np.float64)
    if table.ndim != 2 or not table.shape[1]:
        raise ValueError("probabilities must be a table with one column per model")
    count = np.ones(len(table)) if customers is None else np.asarray(customers, dtype=np.float64)
    highest = table.max(axis=1)
    known = (highest > 0) & (count > 0)
    weights = np.full(table.shape[1], 1 / table.shape[1])
    if not known.any() or len(weights) == 1:
        return weights
    if not known.all():
        table, count, highest = table[known], count[known], highest[known]
    table, count = table / highest[:, None], count / count.sum()
    if near is not None:  # no weight is 0 at the beginning: what came may have been impossible for all others
        weights = 0.99 * np.asarray(near, dtype=np.float64) + 0.01 * weights
    return _sharpened(table, count, weights)


def _sharpened(table: FloatArray, count: FloatArray, weights: FloatArray) -> FloatArray:
    """Uphill from some weights, all above 0, until nothing is to be gained."""
    weighted = table * count[:, None]
    mixed = table @ weights
    value = float(count @ np.log(mixed))
    for _ in range(_ROUNDS):
        slope = weighted.T @ (1 / mixed)
        bend = (weighted / mixed[:, None] ** 2).T @ table
        target = _highest_on_simplex(slope + bend @ weights, bend, weights)
        promised = float(slope @ (target - weights))
        for halving in range(30):
            moved = weights + (target - weights) * 0.5**halving
            there = np.maximum(table @ moved, 1e-300)
            reached = float(count @ np.log(there))
            if reached >= value:
                break
        else:
            break
        weights, mixed, value = moved, there, reached
        if promised < _SETTLED:
            break
    return weights


def _highest_on_simplex(linear: FloatArray, bend: FloatArray, start: FloatArray) -> FloatArray:
    """The w >= 0 with sum 1 that maximises linear . w - w . bend . w / 2: a primal active set method."""
    w, free = start.copy(), start > 0
    # models that foresee the same leave the curvature singular; a touch of the identity then decides
    bend = bend + 1e-13 * float(np.trace(bend)) * np.eye(len(w))
    for _ in range(10 * len(w)):
        k = int(free.sum())
        system = np.ones((k + 1, k + 1))
        system[:k, :k], system[k, k] = bend[np.ix_(free, free)], 0.0
        *inside, price = np.linalg.solve(system, np.append(linear[free], 1.0))
        goal = np.zeros(len(w))
        goal[free] = inside
        falling = goal < -1e-15
        if falling.any():
            share = np.where(falling, w / np.where(falling, w - goal, 1.0), np.inf)
            first = int(np.argmin(share))
            w = w + float(share[first]) * (goal - w)
            w[first], free[first] = 0.0, False
            continue
        w = np.maximum(goal, 0.0)
        gain = np.where(free, -np.inf, linear - bend @ w - price)
        if gain.max() <= 1e-12 * (1 + abs(float(price))):
            break
        free[int(np.argmax(gain))] = True
    return np.asarray(w / w.sum())
