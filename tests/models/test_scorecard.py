"""Factors by kind of customer: found where they are, absent where they are not."""

from __future__ import annotations

import numpy as np
import pytest

from kezhi.models.scorecard import Scorecard, band_edges, learn_scorecard


def simulated(
    effect: float, customers: int = 20_000, seed: int = 5
) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    features = {"amount": rng.lognormal(3, 1, customers), "noise": rng.random(customers)}
    expected = rng.gamma(1.0, 1.0, customers)
    factor = np.exp(effect * (features["amount"] > np.median(features["amount"])))
    return features, expected, rng.poisson(rng.gamma(2.0, 0.5, customers) * expected * factor).astype(float)


def test_a_true_difference_is_recovered() -> None:
    features, expected, came = simulated(0.5)
    card = learn_scorecard(features, expected, came)
    order = np.quantile(features["amount"], [0.1, 0.9])
    low, high = card.part("amount", order)
    assert np.log(high / low) == pytest.approx(0.5, abs=0.08)
    assert np.ptp(np.log(card.part("noise", np.linspace(0, 1, 9)))) < 0.1


def test_without_a_difference_every_factor_is_near_one() -> None:
    card = learn_scorecard(*simulated(0.0))
    assert np.abs(np.log(card.factor(simulated(0.0)[0]))).max() < 0.1


def test_the_unit_of_a_feature_does_not_matter() -> None:
    features, expected, came = simulated(0.5, 4_000)
    card = learn_scorecard(features, expected, came)
    scaled = learn_scorecard(features | {"amount": features["amount"] * 1e7}, expected, came)
    assert scaled.effects["amount"] == pytest.approx(card.effects["amount"], abs=1e-9)


@pytest.mark.parametrize("came", [np.zeros(50), np.ones(5)])
def test_too_little_to_learn_from(came: np.ndarray) -> None:
    card = learn_scorecard({"x": np.arange(len(came))}, np.ones(len(came)), came)
    assert card.neutral
    assert card.factor({"x": [1.0]}).tolist() == [1.0]


def test_bands_hold_about_equally_many() -> None:
    edges = band_edges(np.arange(800.0))
    assert len(edges) == 7
    assert band_edges(np.ones(10)) == ()
    assert band_edges(np.zeros(0)) == ()


def test_plain_lists_come_back() -> None:
    card = Scorecard({"x": (1.0,)}, {"x": (0.1, -0.2)})
    assert card.to_dict() == {"x": {"edges": [1.0], "effects": [0.1, -0.2]}}
    assert card.factor({"x": [0.0, 1.0]}) == pytest.approx(np.exp([0.1, -0.2]))
