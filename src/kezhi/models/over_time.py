"""Answers that change smoothly with the time observed: asked at some times, and read off between them.

Given the number of purchases, what an active customer will do is an analytic function of the time T he has been
watched; the nearest singularity lies at minus the scale of the rates. In ln(scale + T) a polynomial through some forty
Chebyshev points therefore has all digits (Trefethen, Approximation Theory and Approximation Practice, 2013, chapters
5 and 8), where a company has a thousand different T. Where the last coefficients have not died out, every T is asked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

import numpy as np
from scipy import fft

from kezhi.models.histories import FloatArray, IntArray, PurchaseHistories

_POINTS = 40  # a power of 2 would gain nothing
_FEW = 1_000  # rows; so few are asked one by one
_LAST, _DIED_OUT = 4, 1e-12  # the last coefficients, and below what they count as nothing

Answer = Callable[[PurchaseHistories], FloatArray]


@dataclass(frozen=True, eq=False)
class OverTime:
    """Rows sorted by x and T, told apart into those read off and those asked one by one.

    `nodes` are the histories asked instead of the former: `_POINTS` for each of their x. `matrix` (rows, points) turns
    what is found at a row's points into its answer.
    """

    rows: PurchaseHistories
    read: IntArray
    group: IntArray  # of each row read: which x
    nodes: PurchaseHistories
    matrix: FloatArray
    asked: IntArray

    @classmethod
    def of(cls, rows: PurchaseHistories, scale: float) -> Self | None:
        """None where there are so few rows that nothing would be saved."""
        if len(rows) < _FEW:
            return None
        x, T = rows.repeat_purchases, rows.observed_periods
        there = T > 0
        values, which, times = np.unique(x, return_inverse=True, return_counts=True)
        many = times > 1.5 * _POINTS
        read = np.flatnonzero(many[which] & there)
        if len(read) < _FEW:
            return None
        group = (np.cumsum(many) - 1)[which[read]]
        u = np.log(scale + T[read])
        begins = np.flatnonzero(np.diff(group, prepend=-1))
        low, high = u[begins], u[np.append(begins[1:], len(u)) - 1]
        place = np.cos(np.pi * np.arange(_POINTS) / (_POINTS - 1))
        at = (low + high)[:, None] / 2 + (high - low)[:, None] / 2 * place
        when = np.clip(np.exp(at) - scale, T[read][begins][:, None], None)
        here = (u - (low + high)[group] / 2) / ((high - low)[group] / 2)
        nodes = PurchaseHistories(np.repeat(values[many], _POINTS), np.zeros(when.size), when.ravel())
        asked = np.flatnonzero(~(many[which] & there))
        return cls(rows, read, group, nodes, _barycentric(here, place), asked)

    def answers(self, answer: Answer, positive: bool) -> FloatArray:
        """The answer for every row; of what is positive the logarithm is read off, so that small ones are as exact."""
        found = np.empty(len(self.rows))
        values = answer(self.nodes).reshape(-1, _POINTS)
        usable = np.asarray((values > 0).all(axis=1) | (not positive))
        table = np.log(np.where(usable[:, None], values, 1.0)) if positive else values
        last = np.abs(fft.dct(table, type=1, axis=1)[:, -_LAST:]).max(axis=1) / (_POINTS - 1)
        usable &= last < _DIED_OUT * (1.0 if positive else np.abs(table).max(axis=1, initial=1.0))
        between = np.einsum("ij,ij->i", self.matrix, table[self.group])
        found[self.read] = np.exp(between) if positive else between
        rest = np.concatenate([self.asked, self.read[~usable[self.group]]])
        if len(rest):
            found[rest] = answer(_some(self.rows, rest))
        return found


@lru_cache(maxsize=4)
def over_time(rows: PurchaseHistories, scale: float) -> OverTime | None:
    """The same, kept: several questions are asked of the same histories in turn."""
    return OverTime.of(rows, scale)


def _some(seen: PurchaseHistories, rows: IntArray) -> PurchaseHistories:
    return PurchaseHistories(seen.repeat_purchases[rows], seen.last_purchase_at[rows], seen.observed_periods[rows])


def _barycentric(here: FloatArray, place: FloatArray) -> FloatArray:
    """Weights of the values at some Chebyshev points for the polynomial's value in between; a row for each place."""
    weight = (-1.0) ** np.arange(len(place))
    weight[[0, -1]] /= 2
    away = here[:, None] - place
    hit = np.abs(away) < 1e-14
    on_one = hit.any(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        matrix = weight / away
        matrix /= matrix.sum(axis=1, keepdims=True)
    matrix[on_one] = hit[on_one]
    return matrix
