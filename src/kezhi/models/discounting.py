"""Purchases of the future in today's worth: the sooner, the more.

A purchase t periods away counts (1 + d)^-t, d the discount per period. With M(t) the purchases expected by time t and
delta = ln(1 + d), integration by parts gives for the time until P

    sum of discounted purchases = (1 + d)^-P M(P) + Integral_0^P delta e^(-delta t) M(t) dt,

which needs no purchase rate, only expectations that every model answers. M changes with the logarithm of time, so the
integral is taken by Gauss and Legendre's rule between times that grow by a constant factor: ten digits with some 150
times, whatever the model (tests compare with closed forms and with sums).
"""

from __future__ import annotations

import numpy as np

from kezhi.models.histories import FloatArray

_NODES, _GROWTH = 8, 2.5  # per stretch; how much longer each stretch's end is than its start
_SHORTEST = 1e-7  # of the whole time: the first stretch, in which nothing changes
_FAR = 40.0  # where a purchase is worth e^-40 of one now, the future ends


def force(discount: float) -> float:
    """ln(1 + discount); ValueError unless the discount is finite and not negative."""
    if not (np.isfinite(discount) and discount >= 0):
        raise ValueError("discount must be finite and not negative")
    return float(np.log1p(discount))


def times_and_weights(discount: float, periods: float | None) -> tuple[FloatArray, FloatArray]:
    """Times and weights with which expected purchases by these times add up to the discounted ones; see above.

    Without `periods` to the end of time, which needs a discount above 0.
    """
    rate = _checked(discount, periods)
    end = _FAR / rate if periods is None else min(periods, _FAR / rate if rate else np.inf)
    if rate == 0 or end == 0:
        return np.array([end]), np.ones(1)
    times, widths = stretches(0.0, end)
    weights = widths * rate * np.exp(-rate * times)
    return np.append(times, end), np.append(weights, np.exp(-rate * end))


def stretches(start: float, end: float, nodes: int = _NODES) -> tuple[FloatArray, FloatArray]:
    """Nodes and weights of an integral over functions of the logarithm of time, from start to end."""
    first = start if start > 0 else end * _SHORTEST
    count = max(int(np.ceil(np.log(end / first) / np.log(_GROWTH))), 1)
    edges = np.geomspace(first, end, count + 1)
    edges = edges if start > 0 else np.append(0.0, edges)
    node, weight = np.polynomial.legendre.leggauss(nodes)
    half = np.diff(edges)[:, None] / 2
    return (edges[:-1, None] + half * (node + 1)).ravel(), (half * weight).ravel()


def annuity(discount: float, periods: float | None) -> float:
    """Integral_0^periods (1 + discount)^-t dt: how many periods of today's worth so many periods are."""
    rate = _checked(discount, periods)
    if periods is None:
        return 1 / rate
    return float(-np.expm1(-rate * periods) / rate) if rate else periods


def _checked(discount: float, periods: float | None) -> float:
    rate = force(discount)
    if periods is None and rate == 0:
        raise ValueError("without a discount, say for how many periods: an endless sum need not be finite")
    if periods is not None and not (np.isfinite(periods) and periods >= 0):
        raise ValueError("periods must be finite and not negative")
    return rate
