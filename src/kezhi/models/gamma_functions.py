"""Ratios of gamma functions that keep their digits where a plain difference of logarithms loses them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import special

from kezhi.models.histories import FloatArray

_LARGE = 1e5


def log_rising(base: npt.ArrayLike, steps: npt.ArrayLike) -> FloatArray:
    """ln Gamma(base + steps) - ln Gamma(base), accurate also for a very large base; broadcasts.

    0 for no steps.     A base of 0 gives minus infinity for any step above 0 (a count that cannot happen).
    """
    b, x = np.broadcast_arrays(np.asarray(base, dtype=np.float64), np.asarray(steps, dtype=np.float64))
    small = b < _LARGE
    result = np.zeros(b.shape)
    result[small] = special.gammaln(b[small] + x[small]) - special.gammaln(np.where(b > 0, b, 1.0)[small])
    big, far = b[~small], x[~small]
    # Stirling's series of both; the differences are taken before anything large is added
    stirling = (big + far - 0.5) * np.log1p(far / big) + far * np.log(big) - far
    result[~small] = stirling + (1 / (big + far) - 1 / big) / 12
    result[(b == 0) & (x > 0)] = -np.inf
    result[x == 0] = 0.0
    return result


def log_factorial(n: npt.ArrayLike) -> FloatArray:
    """ln n!"""
    return np.asarray(special.gammaln(np.asarray(n, dtype=np.float64) + 1))


def gamma_shape(gap: float, largest: float) -> float:
    """The shape c whose ln c - digamma(c) is the gap between the log of the mean and the mean of the logs.

    Source: Minka (2002), "Estimating a gamma distribution"; at most `largest`.
    """
    if gap <= np.log(largest) - special.digamma(largest):
        return largest
    shape = (3 - gap + np.sqrt((gap - 3) ** 2 + 24 * gap)) / (12 * gap)
    for _ in range(20):
        step = (np.log(shape) - special.digamma(shape) - gap) / (1 / shape - special.polygamma(1, shape))
        shape = max(shape - step, shape / 10)
    return float(min(shape, largest))
