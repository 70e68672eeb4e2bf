"""The interval's closed form against simulation."""

from __future__ import annotations

import numpy as np
import pytest

from kezhi.valuation.intervals import cornish_fisher, log_gamma_cumulants, window_spread

DRAWS = 200_000


@pytest.mark.parametrize("shape", [0.4, 3.0, 40.0])
@pytest.mark.parametrize("steps", [1, 3, 12])
@pytest.mark.parametrize(("p", "c"), [(1.2, 3.0), (8.57, 20.0), (4.0, 90.0)])
def test_the_interval_covers_four_in_five(shape: float, steps: int, p: float, c: float) -> None:
    """An 80 % interval holds 80 % of simulated amounts, within a few points, where the mass at zero leaves room."""
    rng = np.random.default_rng([int(shape * 10), steps, int(p * 100)])
    rate, scale = 4.0, 500.0
    lam = rng.gamma(shape, 1 / rate, DRAWS)
    nu = rng.gamma(c, 1 / scale, DRAWS)
    total = np.zeros(DRAWS)
    for _ in range(steps):
        total += rng.poisson(lam) * rng.gamma(p, 1.0, DRAWS) / nu
    mean, second = steps * shape / rate, shape * (shape + 1) / rate**2
    spread = window_spread(
        *(np.array([value]) for value in (mean, mean + steps * second, mean + steps**2 * second)),
        np.array([(rate / (rate + steps)) ** shape]),
        p,
    )
    signs = np.array([[-1.0], [1.0], [-1.0], [1.0]])
    cumulants = spread.cumulants + signs * log_gamma_cumulants(np.array([c]))
    cumulants[0] += np.log(scale)
    upper = np.exp(cornish_fisher(spread.z_upper, *cumulants))[0]
    assert np.isnan(upper) == ((total == 0).mean() > 0.9)
    if np.isnan(upper):
        return
    assert (total <= upper).mean() == pytest.approx(0.9, abs=0.02)
    if np.isnan(spread.z_lower[0]):
        assert (total == 0).mean() > 0.09
    else:
        lower = np.exp(cornish_fisher(spread.z_lower, *cumulants))[0]
        assert (total <= lower).mean() == pytest.approx(0.1, abs=0.03)


def test_nobody_who_never_buys_gets_an_interval() -> None:
    spread = window_spread(np.zeros(1), np.zeros(1), np.zeros(1), np.ones(1), 2.0)
    assert np.isnan(spread.z_lower).all()
    assert np.isnan(spread.z_upper).all()
