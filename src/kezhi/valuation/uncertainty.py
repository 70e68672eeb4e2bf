"""Parameters are estimates: a few sets of likely ones, over which a forecast is averaged."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kezhi.models.blend import Blend
from kezhi.models.purchases import PurchaseFit

_MOST_ROUNDS = 24
_WIDEST = 1.0  # a parameter is not moved by more than a factor e to either side


def likely_fits(blend: Blend, spread: bool) -> list[Blend]:
    """Blends whose equally weighted average has the mean and covariance of the estimated log-parameters.

    Two points along each axis of the covariance (spherical cubature of the third degree; Julier and Uhlmann 1997):
    averages of smooth functions over the sampling error of the parameters, without random draws. With `spread` false,
    or where nothing is uncertain, the blend itself.
    """
    if not spread:
        return [blend]
    pairs = [_pairs(fit) for fit in blend.fits]
    if not any(pairs):
        return [blend]
    # as many rounds as every model's points go into without a rest
    rounds = math.lcm(*(len(points) for points in pairs if points))
    rounds = rounds if rounds <= _MOST_ROUNDS else max(map(len, pairs))
    fits = [
        [points[i % len(points)] if points else fit for i in range(rounds)]
        for points, fit in zip(pairs, blend.fits, strict=True)
    ]
    return [Blend(tuple(chosen), blend.weights) for chosen in zip(*fits, strict=True)]


def _pairs(fit: PurchaseFit) -> list[PurchaseFit]:
    """The fit with its parameters moved along each axis of their uncertainty, to either side."""
    values = np.array(list(fit.parameters.values()))
    free = [i for i, value in enumerate(values) if value > 0 and fit.covariance.shape == (len(values),) * 2]
    if fit.fallback or not free:
        return []
    logs = fit.covariance[np.ix_(free, free)] / np.outer(values[free], values[free])
    variances, axes = np.linalg.eigh((logs + logs.T) / 2)
    kept = variances > 1e-14
    found: list[PurchaseFit] = []
    for variance, axis in zip(variances[kept], axes.T[kept], strict=True):
        step = axis * np.sqrt(kept.sum() * variance)
        step *= min(1.0, _WIDEST / float(np.abs(step).max()))
        found += [_moved(fit, free, values, sign * step) for sign in (1.0, -1.0)]
    return found


def _moved(fit: PurchaseFit, free: list[int], values: Any, step: Any) -> PurchaseFit:
    moved = values.copy()
    moved[free] = values[free] * np.exp(step)
    return type(fit).with_parameters(**dict(zip(fit.parameters, map(float, moved), strict=True)))
