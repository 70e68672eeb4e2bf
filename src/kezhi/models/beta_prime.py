"""The distribution of an average purchase: beta-prime with shapes p and q and scale k.

If an amount is Gamma(shape p, rate nu) and nu is Gamma(shape q, rate k), the amount itself has the density
k^q m^(p-1) Gamma(p+q) / [Gamma(p) Gamma(q) (k+m)^(p+q)] (assumptions 5 and 6 of the published method).
All functions broadcast over their arguments.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import special

from kezhi.models.gamma_functions import log_rising
from kezhi.models.histories import FloatArray

_NEAR_ONE = 1.01  # q at or below this: the closed form of the truncated mean loses digits or does not exist


def log_density(p: npt.ArrayLike, q: npt.ArrayLike, k: npt.ArrayLike, amount: npt.ArrayLike) -> FloatArray:
    """ln of the density at an amount above 0."""
    p, q, k, m = _floats(p, q, k, amount)
    if bool(np.any(m <= 0)):
        raise ValueError("amount must be above 0")
    # p and q change places under m -> k^2 / m; the smaller one is taken as the number of steps to keep digits
    small, large = np.minimum(p, q), np.maximum(p, q)
    log_beta = special.gammaln(small) - log_rising(large, small)
    return np.asarray(-log_beta - p * np.log1p(k / m) - q * np.log1p(m / k) - np.log(m))


def density(p: npt.ArrayLike, q: npt.ArrayLike, k: npt.ArrayLike, amount: npt.ArrayLike) -> FloatArray:
    """The density at an amount above 0, per unit of money."""
    return np.exp(log_density(p, q, k, amount))


def mode(p: float, q: float, k: float) -> float:
    """The most frequent amount, (p - 1) k / (q + 1); 0 where small amounts are ever more frequent."""
    return max(p - 1, 0.0) * k / (q + 1)


def below(p: npt.ArrayLike, q: npt.ArrayLike, k: npt.ArrayLike, amount: npt.ArrayLike) -> FloatArray:
    """The probability of an amount up to this one; infinity is allowed."""
    p, q, k, m = _floats(p, q, k, amount)
    return np.asarray(special.betainc(p, q, _share(k, m)))


def above(p: npt.ArrayLike, q: npt.ArrayLike, k: npt.ArrayLike, amount: npt.ArrayLike) -> FloatArray:
    """The probability of an amount beyond this one, accurate also where it is tiny."""
    p, q, k, m = _floats(p, q, k, amount)
    return np.asarray(special.betainc(q, p, k / (k + m)))


def between(
    p: npt.ArrayLike, q: npt.ArrayLike, k: npt.ArrayLike, low: npt.ArrayLike, high: npt.ArrayLike
) -> FloatArray:
    """The probability of an amount between two others, from whichever tail loses fewer digits."""
    from_below = below(p, q, k, high) - below(p, q, k, low)
    from_above = above(p, q, k, low) - above(p, q, k, high)
    upper_half = below(p, q, k, low) > 0.5
    return np.maximum(np.where(upper_half, from_above, from_below), 0.0)


def truncated_mean(
    p: npt.ArrayLike, q: npt.ArrayLike, k: npt.ArrayLike, low: npt.ArrayLike, high: npt.ArrayLike
) -> FloatArray:
    """The mean of the amounts between two others (the upper one finite): finite for every p and q.

    Where the range is so improbable that its probability vanishes, the end nearer the bulk is given.
    """
    p, q, k, low, high = np.broadcast_arrays(*_floats(p, q, k, low, high))
    result = _nearer_end(p, q, k, low, high)
    mass = between(p, q, k, low, high)
    closed = (q > _NEAR_ONE) & (mass > 1e-280)
    pc, qc, kc, lc, hc = (v[closed] for v in (p, q, k, low, high))
    result[closed] = pc * kc / (qc - 1) * between(pc + 1, qc - 1, kc, lc, hc) / mass[closed]
    for i in np.argwhere((q <= _NEAR_ONE) & (high > low)):
        at = tuple(i)
        result[at] = _mean_by_quadrature(*(float(v[at]) for v in (p, q, k, low, high)))
    return np.clip(result, low, np.maximum(low, high))


def _floats(*values: npt.ArrayLike) -> tuple[FloatArray, ...]:
    return tuple(np.asarray(value, dtype=np.float64) for value in values)


def _share(k: FloatArray, m: FloatArray) -> FloatArray:
    """m / (k + m), 1 for an infinite amount."""
    finite = np.where(np.isinf(m), 0.0, m)
    return np.where(np.isinf(m), 1.0, finite / (k + finite))


def _nearer_end(p: FloatArray, q: FloatArray, k: FloatArray, low: FloatArray, high: FloatArray) -> FloatArray:
    return np.where(below(p, q, k, low) > 0.5, low, np.maximum(low, high))


_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(400)


def _mean_by_quadrature(p: float, q: float, k: float, low: float, high: float) -> float:
    """Gauss-Legendre in the logarithm of the amount; below e^-80 of the top nothing is left to add."""
    bottom = max(low, high * np.exp(-80.0 / min(p, 1.0) if p < 1 else -80.0))
    logs = 0.5 * (np.log(high) - np.log(bottom)) * (_NODES + 1) + np.log(bottom)
    m = np.exp(logs)
    mass = log_density(p, q, k, m) + logs
    weights = _WEIGHTS * np.exp(mass - mass.max())
    return float((weights * m).sum() / weights.sum())
