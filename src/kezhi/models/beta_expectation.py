"""Averages over a probability that is Beta(a, b), of functions that may change anywhere between 0 and 1.

With p = 1 / (1 + e^-v) the density in v is bell-shaped and everything averaged here is smooth, so equal steps in v
(the trapezoidal rule) converge geometrically, whatever the shapes: a tiny a (almost nobody leaves), a huge b (a
million purchases), both huge (all alike). Source: Trefethen and Weideman (2014), "The exponentially convergent
trapezoidal rule".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from scipy import special

from kezhi.models.fitting import LIMIT
from kezhi.models.gamma_functions import log_rising
from kezhi.models.histories import FloatArray

_DROP = 34.0  # where the density has fallen by e^-34 it is left out
_LOWEST, _HIGHEST = -75.0, 40.0  # v beyond these: p (or 1 - p) is 0 for every purpose
_STEP = 0.3  # of v, at most; narrow densities are stepped through in 0.6 of their standard deviation
_CELLS = 1_000_000  # values held at a time
_ZERO = 1e-100  # stands for p = 0 where p (or its square) divides


@dataclass(frozen=True, eq=False)
class BetaRule:
    """Nodes p, their complements y = 1 - p (exact also near p = 1) and weights; one row per distribution."""

    p: FloatArray
    y: FloatArray
    weight: FloatArray


Answer = Callable[..., Any]


def average(function: Answer, a: float, b: FloatArray, *columns: FloatArray) -> FloatArray:
    """E[function(p, y, *columns)] for p = 1 - y ~ Beta(a, b), one entry per b; a = 0 means p = 0.

    `function` gets p and y of shape (rows, nodes) and each column as (rows, 1); it may answer with leading axes.
    """
    parts: list[FloatArray] = []
    position = 0
    while position < len(b) or not parts:
        rule_rows = slice(position, position + _rows_at_a_time(a))
        different, index = np.unique(b[rule_rows], return_inverse=True)
        rule = _kept_rule(a, different.tobytes())
        p, y, weight = (table[index] for table in (rule.p, rule.y, rule.weight))
        values = function(p, y, *(column[rule_rows, None] for column in columns))
        parts.append((values * weight).sum(axis=-1))
        position = rule_rows.stop
    return np.asarray(np.concatenate(parts, axis=-1))


@lru_cache(maxsize=8)
def _kept_rule(a: float, b: bytes) -> BetaRule:
    """`beta_rule`, kept: several questions, about several windows, are asked of the same customers."""
    return beta_rule(a, np.frombuffer(b))


def _rows_at_a_time(a: float) -> int:
    return _CELLS if a == 0 else _CELLS // 200


def beta_rule(a: float, b: FloatArray) -> BetaRule:
    """The nodes and weights for Beta(a, b), a row for each b above 0; shapes are capped at 1e12.

    Where a (or b) is so small that the density reaches below any p that matters, what lies there is put on p = 0
    (p = 1): both the total and the mean stay exact.
    """
    if a == 0 or not len(b):
        one = np.ones((len(b), 1))
        return BetaRule(_ZERO * one, one, one)
    first, other = min(a, 1e3 * LIMIT), np.minimum(b, 1e3 * LIMIT)
    low, high = _edge(first, other, -1.0), _edge(first, other, 1.0)
    width = np.sqrt(special.polygamma(1, first) + special.polygamma(1, other))
    count = int(np.ceil(((high - low) / np.minimum(_STEP, 0.6 * width)).max())) + 1
    v = low[:, None] + (high - low)[:, None] * np.linspace(0, 1, count)
    step = (high - low) / (count - 1)
    density = np.exp(_log_density(v, first, other[:, None]))
    cut = (low == _LOWEST) | (high == _HIGHEST)
    total = np.where(cut, _peak_over_total(first, other) / step, density.sum(axis=1))
    return _with_ends(v, density / total[:, None], first / (first + other), cut)


def _with_ends(v: FloatArray, weight: FloatArray, mean: FloatArray, cut: Any) -> BetaRule:
    p, y = special.expit(v), special.expit(-v)
    at_zero = np.where(cut, 1 - mean - (weight * y).sum(axis=1), 0.0)
    at_one = np.where(cut, mean - (weight * p).sum(axis=1), 0.0)
    none, all_ = np.full((len(v), 1), _ZERO), np.ones((len(v), 1))
    return BetaRule(
        np.hstack([none, p, all_]), np.hstack([all_, y, none]), np.hstack([at_zero[:, None], weight, at_one[:, None]])
    )


def _log_density(v: FloatArray, a: float, b: FloatArray) -> FloatArray:
    """Log of p^a (1 - p)^b over its highest value, exact also where both shapes are huge."""
    mode = np.log(a) - np.log(b)
    away, share = v - mode, a / (a + b)
    near = np.log1p(share * np.expm1(np.clip(away, -1, 1)))
    far = np.logaddexp(np.log(b / (a + b)), np.log(share) + away)
    return np.asarray(a * away - (a + b) * np.where(np.abs(away) < 1, near, far))


def _peak_over_total(a: float, b: FloatArray) -> FloatArray:
    """Beta(a, b) function over the highest value of p^a (1 - p)^b."""
    small, large = np.minimum(a, b), np.maximum(a, b)
    total = special.gammaln(small) - log_rising(large, small)
    peak = a * np.log(a / (a + b)) + b * np.log(b / (a + b))
    return np.asarray(np.exp(total - peak))


def _edge(a: float, b: FloatArray, side: float) -> FloatArray:
    """How far to go to one side of the mode: bisection, the log-density being concave."""
    mode = np.log(a) - np.log(b)
    near, far = mode, np.where(side > 0, np.maximum(_HIGHEST, mode + 1), np.minimum(_LOWEST, mode - 1))
    for _ in range(40):
        middle = (near + far) / 2
        inside = _log_density(middle, a, b) > -_DROP
        near, far = np.where(inside, middle, near), np.where(inside, far, middle)
    return np.asarray(np.clip(far, _LOWEST, _HIGHEST))
