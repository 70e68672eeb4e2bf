"""The likelihood of Pareto/NBD with its slope and curvature, on distinct histories.

One customer's likelihood is r (r + 1) ... (r + x - 1) / alpha^x times a sum of two positive terms, where the usual form
(Schmittlein, Morrison, Colombo 1987; Fader and Hardie 2005) subtracts two hypergeometric functions:

    s/beta    Integral_{t_x}^inf (1 + y/alpha)^-(r+x)   (1 + y/beta)^-(s+1) dy      dropping out comes before the next
  + (r+x)/alpha Integral_T^inf   (1 + y/alpha)^-(r+x+1) (1 + y/beta)^-s     dy      purchase, or the next one after T

The first depends on (x, t_x) alone, the second on (x, T) alone, so the integrals are needed on some thousands of pairs
however many customers there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from kezhi.models.fitting import Evaluation
from kezhi.models.histories import FloatArray, IntArray, PurchaseHistories, distinct
from kezhi.models.pareto_integrals import Tails, tails

_PLENTY = 600  # distinct pairs; with more of them the search begins on rounded times
_ROUGH = 20  # steps that the longest observed time is divided into for that


@dataclass(frozen=True, eq=False)
class Scales:
    """r and s of everybody, alpha and beta of each group of customers with the same covariates."""

    r: float
    alpha: FloatArray
    s: float
    beta: FloatArray


@dataclass(frozen=True, eq=False)
class Pairs:
    """Distinct combinations of a group, a number of repeat purchases and a time."""

    group: IntArray
    x: FloatArray
    t: FloatArray

    def since_last(self, scales: Scales) -> tuple[FloatArray, ...]:
        """What `tails` must know of the integral from the last purchase on."""
        return self._integral(scales, 0.0, 1.0)

    def since_end(self, scales: Scales) -> tuple[FloatArray, ...]:
        """What `tails` must know of the integral from the end of observation on."""
        return self._integral(scales, 1.0, 0.0)

    def _integral(self, scales: Scales, more_bought: float, more_gone: float) -> tuple[FloatArray, ...]:
        alpha, beta, p = scales.alpha[self.group], scales.beta[self.group], scales.r + self.x
        return self.t, alpha, beta, p + more_bought, np.full(len(p), scales.s + more_gone), p + scales.s


@dataclass(frozen=True, eq=False)
class Evidence:
    """What the likelihood needs: distinct histories, their two pairs, and sums; time in units of the mean T.

    `purchase_covariates` and `lifetime_covariates` have one row per group. A point of the likelihood is
    (ln r, ln alpha, ln s, ln beta, purchase coefficients, lifetime coefficients).
    """

    weight: FloatArray  # customers per distinct history
    at_last: IntArray  # which pair (x, t_x)
    at_end: IntArray  # which pair (x, T)
    last: Pairs
    end: Pairs
    more_than: FloatArray  # customers with more than j = 0, 1, 2, ... purchases
    purchases: FloatArray  # per group
    purchase_covariates: FloatArray
    lifetime_covariates: FloatArray
    unit: float  # the mean T

    @classmethod
    def of(cls, seen: PurchaseHistories, purchase_covariates: FloatArray, lifetime_covariates: FloatArray) -> Evidence:
        """From histories with a row of covariates for each."""
        used = seen.customers > 0
        columns = [*purchase_covariates[used].T, *lifetime_covariates[used].T]
        x, t_x, T = seen.repeat_purchases[used], seen.last_purchase_at[used], seen.observed_periods[used]
        first, group = distinct_rows(columns, len(x))
        customers = seen.customers[used]
        if np.any(customers != np.floor(customers)):  # so that the order of the rows changes no digit of a sum
            order = np.lexsort((customers, T, t_x, x, group))
            group, customers = group[order], customers[order]
            x, t_x, T = x[order], t_x[order], T[order]
        times, at = np.unique(T, return_inverse=True)
        unit = float((_sums(at, customers) * times).sum() / customers.sum()) or 1.0
        rows = (group, x, t_x / unit, T / unit, customers)
        return cls._of_rows(*rows, purchase_covariates[used][first], lifetime_covariates[used][first], unit)

    @classmethod
    def _of_rows(
        cls,
        group: IntArray,
        x: FloatArray,
        t_x: FloatArray,
        T: FloatArray,
        customers: FloatArray,
        purchase_covariates: FloatArray,
        lifetime_covariates: FloatArray,
        unit: float,
    ) -> Evidence:
        first, row = distinct_rows([group, x, t_x, T], len(x))
        weight = _sums(row, customers)
        group, x, t_x, T = group[first], x[first], t_x[first], T[first]
        lasts, at_last = distinct_rows([group, x, t_x], len(x))
        ends, at_end = distinct_rows([group, x, T], len(x))
        at_x = _sums(x.astype(np.int64), weight)
        return cls(
            weight=weight,
            at_last=at_last,
            at_end=at_end,
            last=Pairs(group[lasts], x[lasts], t_x[lasts]),
            end=Pairs(group[ends], x[ends], T[ends]),
            more_than=np.cumsum(at_x[::-1])[::-1][1:],
            purchases=_sums(group, weight * x, len(purchase_covariates)),
            purchase_covariates=purchase_covariates,
            lifetime_covariates=lifetime_covariates,
            unit=unit,
        )

    @cached_property
    def rough(self) -> Evidence:
        """The same with rounded times, on so few pairs that a long search costs little; itself if it is small."""
        if len(self.last.x) + len(self.end.x) <= _PLENTY * len(self.purchases):
            return self
        longest = float(self.end.t.max())

        def rounded(t: FloatArray) -> FloatArray:
            """To the middle of steps that are shorter for shorter times; nothing that was above 0 becomes 0."""
            return np.where(t > 0, longest * ((np.floor(_ROUGH * np.sqrt(t / longest)) + 0.5) / _ROUGH) ** 2, 0.0)

        return self._of_rows(
            self.last.group[self.at_last],
            self.last.x[self.at_last],
            rounded(self.last.t[self.at_last]),
            rounded(self.end.t[self.at_end]),
            self.weight,
            self.purchase_covariates,
            self.lifetime_covariates,
            self.unit,
        )

    @property
    def customers(self) -> float:
        return float(self.weight.sum())

    @property
    def log_unit(self) -> float:
        """What to take from a log-likelihood here for the one in the caller's periods."""
        return float(self.purchases.sum() * np.log(self.unit))

    def scales(self, point: FloatArray) -> Scales:
        """The parameters of each group at a point."""
        purchase, lifetime = np.split(point[4:], [self.purchase_covariates.shape[1]])
        r, alpha, s, beta = np.exp(point[:4])
        by_purchase = np.exp(-self.purchase_covariates @ purchase)
        return Scales(float(r), alpha * by_purchase, float(s), beta * np.exp(-self.lifetime_covariates @ lifetime))

    def value(self, scales: Scales) -> float:
        """The log-likelihood, time in units of the mean T."""
        return self._value(scales, *self._tails(scales))[0]

    def slopes(self, point: FloatArray) -> tuple[float, FloatArray]:
        """Log-likelihood and slope."""
        value, slope, _ = self._evaluate(point, 1)
        return value, slope

    def objective(self, point: FloatArray) -> Evaluation:
        """Log-likelihood, slope and curvature."""
        return self._evaluate(point, 2)

    def _tails(self, scales: Scales, moments: int = 0) -> tuple[Tails, Tails]:
        """The integrals from the last purchases on, and those from the ends of observation on: found together."""
        rows = zip(self.last.since_last(scales), self.end.since_end(scales), strict=True)
        t, alpha, beta, p, q, total = (np.concatenate(both) for both in rows)
        found, many = tails(t, alpha, beta, p, q, total, moments), len(self.last.x)
        return found.part(slice(many)), found.part(slice(many, None))

    def _value(self, scales: Scales, last: Tails, end: Tails) -> tuple[float, FloatArray]:
        """The log-likelihood, and how much of each history's likelihood is the first integral's."""
        with np.errstate(divide="ignore"):
            left = (np.log(scales.s / scales.beta)[self.last.group] + last.log)[self.at_last]
            stays = np.log((scales.r + self.end.x) / scales.alpha[self.end.group]) + end.log
            steps = np.log(scales.r + np.arange(len(self.more_than)))
        each = np.logaddexp(left, stays[self.at_end])
        known = (self.more_than * steps).sum() - (self.purchases * np.log(scales.alpha)).sum()
        return float((self.weight * each).sum() + known), np.exp(left - each)

    def _evaluate(self, point: FloatArray, moments: int) -> Evaluation:
        scales = self.scales(point)
        last, end = self._tails(scales, moments)
        value, share = self._value(scales, last, end)
        r, s, x = scales.r, scales.s, self.end.x
        by_last = _slopes(last, r, r + self.last.x, s, s + 1) + np.array([0.0, 0.0, 1.0, -1.0])
        by_end = _slopes(end, r, r + x + 1, s, s)
        by_end[:, 0] += r / (r + x)
        by_end[:, 1] -= 1.0
        leaving = _sums(self.at_last, self.weight * share, len(self.last.x))
        staying = _sums(self.at_end, self.weight * (1 - share), len(x))
        slope = self._by_group(self.last.group, leaving, by_last) + self._by_group(self.end.group, staying, by_end)
        slope[:, 1] -= self.purchases
        step = r + np.arange(len(self.more_than))
        design = self._design
        total = np.einsum("gi,gip->p", slope, design)
        total[0] += (self.more_than * r / step).sum()
        if moments < 2:
            return value, total, np.zeros((0, 0))
        bend_end = _curvatures(end, r, r + x + 1, s, s)
        bend_end[:, 0, 0] += r * x / (r + x) ** 2
        bend = self._by_group(self.last.group, leaving, _curvatures(last, r, r + self.last.x, s, s + 1))
        bend += self._by_group(self.end.group, staying, bend_end)
        apart = by_last[self.at_last] - by_end[self.at_end]
        bend += self._products(apart, self.weight * share * (1 - share))
        curvature = np.einsum("gip,gij,gjq->pq", design, bend, design)
        curvature[0, 0] += (self.more_than * r * (step - r) / step**2).sum()
        return value, total, curvature

    @cached_property
    def _design(self) -> FloatArray:
        """How (ln r, ln alpha, ln s, ln beta) of each group move with the point: shape (groups, 4, parameters)."""
        purchase, lifetime = self.purchase_covariates, self.lifetime_covariates
        design = np.zeros((len(self.purchases), 4, 4 + purchase.shape[1] + lifetime.shape[1]))
        design[:, range(4), range(4)] = 1.0
        design[:, 1, 4 : 4 + purchase.shape[1]] = -purchase
        design[:, 3, 4 + purchase.shape[1] :] = -lifetime
        return design

    def _products(self, apart: FloatArray, weight: FloatArray) -> FloatArray:
        """Weighted sums, per group, of the products of each history's numbers with one another."""
        if len(self.purchases) == 1:
            return np.asarray(((apart * weight[:, None]).T @ apart)[None])
        return self._by_group(self.last.group[self.at_last], weight, apart[:, :, None] * apart[:, None, :])

    def _by_group(self, group: IntArray, weight: FloatArray, values: FloatArray) -> FloatArray:
        """Weighted sums of the rows of some values, per group."""
        flat, groups = values.reshape(len(values), -1), len(self.purchases)
        sums = [_sums(group, weight * column, groups) if groups > 1 else [weight @ column] for column in flat.T]
        return np.stack(sums, axis=1).reshape(-1, *values.shape[1:])


def _sums(index: IntArray, weights: FloatArray, length: int = 0) -> FloatArray:
    """The sum of the weights at each index."""
    return np.asarray(np.bincount(index, weights=weights, minlength=length), dtype=np.float64)


def _slopes(tail: Tails, r: float, p: FloatArray, s: float, q: float) -> FloatArray:
    """Slopes of an integral's logarithm by ln r, ln alpha, ln s, ln beta: shape (pairs, 4)."""
    return np.stack([-r * tail.mean[:, 0], p * tail.mean[:, 1], -s * tail.mean[:, 2], q * tail.mean[:, 3]], axis=1)


def _curvatures(tail: Tails, r: float, p: FloatArray, s: float, q: float) -> FloatArray:
    """Second slopes, shape (pairs, 4, 4): covariances of the first ones, and their own slopes' means."""
    mean, covariance, even = tail.mean, tail.covariance, np.ones(len(p))
    by = np.stack([-r * even, p, -s * even, q * even], axis=1)
    bend = by[:, :, None] * by[:, None, :] * covariance
    for shape, power, k in ((r, p, 0), (s, q, 2)):
        bend[:, k, k] -= shape * mean[:, k]
        bend[:, k, k + 1] += shape * mean[:, k + 1]
        bend[:, k + 1, k] += shape * mean[:, k + 1]
        bend[:, k + 1, k + 1] -= power * (mean[:, k + 1] - mean[:, k + 1] ** 2 - covariance[:, k + 1, k + 1])
    return bend


def distinct_rows(columns: Sequence[npt.NDArray[Any]], rows: int) -> tuple[IntArray, IntArray]:
    """The first row of each distinct combination of some columns, in sorted order, and which one each row has."""
    if not columns or not rows:
        return np.zeros(min(rows, 1), dtype=np.int64), np.zeros(rows, dtype=np.int64)
    return distinct(*columns)
