"""Purchases of the future in today's worth: closed forms, sums, limits, for every model of repeat purchases (V17)."""

from __future__ import annotations

import itertools
from typing import Any

import mpmath as mp
import numpy as np
import pytest

from kezhi.models import MODELS, PurchaseHistories
from kezhi.models.blend import Blend
from kezhi.models.discounting import annuity, stretches, times_and_weights

SEEN = PurchaseHistories([7, 7, 0, 1, 40], [35.0, 70.0, 0.0, 3.0, 77.0], [77.86, 77.86, 38.86, 5.0, 77.86])
FITS: dict[str, Any] = {
    "pareto_nbd": {"r": 0.5629966, "alpha": 12.5590370, "s": 0.4081095, "beta": 10.5148048},
    "bg_nbd": {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426},
    "mbg_nbd": {"r": 0.525, "alpha": 6.183, "a": 0.891, "b": 1.614},
    "bg_cnbd_k": {"k": 2, "r": 0.3, "alpha": 6.0, "a": 0.6, "b": 2.0},
    "mbg_cnbd_k": {"k": 3, "r": 0.3, "alpha": 6.0, "a": 0.6, "b": 2.0},
    "nbd": {"a": 18.5, "b": 0.385},
}


def fit(name: str) -> Any:
    return type(MODELS[name].maker().fit(PurchaseHistories([], [], []))).with_parameters(**FITS[name])


def pareto_dert(x: float, t_x: float, T: float, force: float) -> tuple[Any, Any]:
    """P(alive) and DERT as printed: Fader, Hardie, Lee (2005), "RFM and CLV", equation (2), with Tricomi's U."""
    with mp.workdps(30):
        r, alpha, s, beta = (mp.mpf(FITS["pareto_nbd"][name]) for name in ("r", "alpha", "s", "beta"))
        there = (alpha + T) ** -(r + x) * (beta + T) ** -s
        gone = s * mp.quad(lambda y: (alpha + y) ** -(r + x) * (beta + y) ** -(s + 1), [t_x, T])
        alive = there / (there + gone)
        z = force * (beta + T)
        return alive, alive * (r + x) / (alpha + T) * force ** (s - 1) * (beta + T) ** s * mp.hyperu(s, s, z)


@pytest.mark.parametrize("force", [0.0027, 0.15, 1e-5])
def test_pareto_nbd_equals_the_published_closed_form(force: float) -> None:
    """The example of "RFM and CLV": 7 purchases, the last in week 35 of 77.86, 15 % a year as 0.0027 a week."""
    found = fit("pareto_nbd").discounted_expected_purchases(SEEN, float(np.expm1(force)))
    rows = zip(SEEN.repeat_purchases, SEEN.last_purchase_at, SEEN.observed_periods, found, strict=True)
    for x, t_x, T, each in rows:
        _, expected = pareto_dert(x, t_x, T, force)
        assert each == pytest.approx(float(expected), rel=1e-9)


@pytest.mark.parametrize("name", FITS)
def test_every_model_equals_a_fine_sum(name: str) -> None:
    model, ends = fit(name), np.linspace(0.0, 30.0, 161)
    expected = np.array([model.expected_purchases(SEEN, float(t)) for t in ends])
    middle = (ends[1:] + ends[:-1]) / 2
    slow = (np.diff(expected, axis=0) * (1.01**-middle)[:, None]).sum(axis=0)
    np.testing.assert_allclose(model.discounted_expected_purchases(SEEN, 0.01, 30.0), slow, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", FITS)
def test_limits(name: str) -> None:
    model = fit(name)
    endless = model.discounted_expected_purchases(SEEN, 0.05)
    np.testing.assert_allclose(model.discounted_expected_purchases(SEEN, 0.05, 2_000.0), endless, rtol=1e-9)
    plain = model.expected_purchases(SEEN, 12.0)
    np.testing.assert_allclose(model.discounted_expected_purchases(SEEN, 0.0, 12.0), plain, rtol=1e-12)
    np.testing.assert_allclose(model.discounted_expected_purchases(SEEN, 1e-9, 12.0), plain, rtol=1e-6)
    assert not model.discounted_expected_purchases(SEEN, 0.1, 0.0).any()
    assert len(model.discounted_expected_purchases(PurchaseHistories([], [], []), 0.1)) == 0
    falling = [model.discounted_expected_purchases(SEEN, d, 52.0) for d in (0.0, 0.05, 1.0)]
    assert all((a > b).all() for a, b in itertools.pairwise(falling))
    for wrong in ((0.0, None), (-0.1, 3.0), (np.nan, 3.0), (0.1, -1.0)):
        with pytest.raises(ValueError, match=r"discount|periods"):
            model.discounted_expected_purchases(SEEN, *wrong)


def test_without_dropout_it_is_the_rate_over_the_force() -> None:
    steady, nobody_leaves = fit("nbd"), {"r": 0.385, "alpha": 18.5, "s": 0.0, "beta": 1.0}
    found = steady.discounted_expected_purchases(SEEN, 0.1)
    np.testing.assert_allclose(found, steady.expected_purchases(SEEN, 1.0) / np.log(1.1), rtol=1e-12)
    pareto = type(fit("pareto_nbd")).with_parameters(**nobody_leaves)
    np.testing.assert_allclose(pareto.discounted_expected_purchases(SEEN, 0.1), found, rtol=1e-9)


def test_a_blend_is_the_weighted_mean() -> None:
    parts = (fit("pareto_nbd"), fit("nbd"))
    mixed = Blend(parts, (0.25, 0.75)).discounted_expected_purchases(SEEN, 0.01, 36.0)
    one, other = (part.discounted_expected_purchases(SEEN, 0.01, 36.0) for part in parts)
    np.testing.assert_allclose(mixed, 0.25 * one + 0.75 * other, rtol=1e-13)


def test_discounting_by_hand() -> None:
    assert annuity(0.1, 3.0) == pytest.approx((1 - 1.1**-3) / np.log(1.1))
    assert annuity(0.0, 3.0) == 3.0
    times, weights = times_and_weights(0.02, 10.0)  # of purchases at a steady rate of one: the annuity
    assert weights @ times == pytest.approx(annuity(0.02, 10.0), rel=1e-10)
    nodes, widths = stretches(3.0, 200.0)
    assert widths @ (1 / nodes) == pytest.approx(np.log(200 / 3), rel=1e-9)
