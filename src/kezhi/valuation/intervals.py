"""How far a customer's amount may fall or rise: quantiles of purchases x amounts, without simulation.

Over a window of H periods a customer spends A = sum f_t m_t. Given at least one purchase, ln A is taken as
normal: its mean and variance come from the exact moments of sum f_t g_t, with g_t ~ Gamma(p, 1), and from
those of -ln nu, nu ~ Gamma(c, k + S). The chance of no purchase at all is kept exactly, as a mass at zero.
Tests compare the quantiles with simulation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri

if TYPE_CHECKING:
    from numpy.typing import NDArray

LOWER, UPPER = 0.1, 0.9  # an 80 % interval


@dataclass(frozen=True)
class WindowSpread:
    """The purchase side of the amount spent in a window, one entry per history.

    z_lower and z_upper are standard normal quantiles given a purchase; NaN where the quantile is zero.
    """

    log_mean: NDArray[np.float64]
    log_variance: NDArray[np.float64]
    z_lower: NDArray[np.float64]
    z_upper: NDArray[np.float64]


def window_spread(
    shape: NDArray[np.float64], rate: NDArray[np.float64], amount_shape: float, periods: float, steps: int
) -> WindowSpread:
    """Spread of sum f_t g_t over `steps` periods of length `periods`, lambda ~ Gamma(shape, rate)."""
    mean_rate = shape / rate
    second = mean_rate * (shape + 1.0) / rate
    mean = steps * periods * mean_rate * amount_shape
    square = (
        steps * (second * periods**2 + mean_rate * periods) * amount_shape * (amount_shape + 1.0)
        + steps * (steps - 1) * second * periods**2 * amount_shape**2
    )
    nothing = np.exp(-shape * np.log1p(steps * periods / rate))
    something = np.maximum(-np.expm1(-shape * np.log1p(steps * periods / rate)), 1e-300)
    mean_given = np.maximum(mean / something, 1e-300)
    variance = np.log(np.maximum(square / something / mean_given**2, 1.0))
    return WindowSpread(
        np.log(mean_given) - variance / 2.0,
        variance,
        _given_something(LOWER, nothing, something),
        _given_something(UPPER, nothing, something),
    )


def _given_something(
    level: float, nothing: NDArray[np.float64], something: NDArray[np.float64]
) -> NDArray[np.float64]:
    above = (level - nothing) / something
    return np.where(above > 0, ndtri(np.clip(above, 1e-300, 1.0 - 1e-16)), np.nan)
