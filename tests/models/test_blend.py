"""Mixtures of models: their answers are mixtures, and stacking finds the weights that were used."""

from __future__ import annotations

import numpy as np
import pytest

from kezhi.models import NBDFit, ParetoNBDFit, PurchaseHistories
from kezhi.models.blend import Blend, stacking_weights

STAY = NBDFit.with_parameters(a=8.0, b=0.8)
LEAVE = ParetoNBDFit.with_parameters(r=0.9, alpha=6.0, s=0.7, beta=10.0)
SEEN = PurchaseHistories([0, 2, 9], [0, 3.0, 18.0], [20.0, 20.0, 20.0])


def test_one_model_is_itself() -> None:
    blend = Blend.of(LEAVE)
    assert blend.leading is LEAVE
    assert blend.expected_purchases(SEEN, 5).tolist() == LEAVE.expected_purchases(SEEN, 5).tolist()


def test_answers_are_weighted_means() -> None:
    blend = Blend((STAY, LEAVE), (0.25, 0.75))
    for question in ("expected_purchases", "p_no_purchase"):
        parts = [getattr(fit, question)(SEEN, 5.0) for fit in (STAY, LEAVE)]
        assert getattr(blend, question)(SEEN, 5.0) == pytest.approx(0.25 * parts[0] + 0.75 * parts[1])
    law = blend.purchase_distribution(SEEN, 5.0)
    assert law.sum(axis=1) == pytest.approx(np.ones(3))
    mean, product, none = blend.window_moments(SEEN, 5.0)
    n = np.arange(law.shape[1])
    assert law @ n == pytest.approx(mean, rel=1e-6)
    assert law @ (n * (n - 1)) == pytest.approx(product, rel=1e-5)
    assert law[:, 0] == pytest.approx(none)
    assert blend.expected_purchases_new_customer(3.0) > 0


def test_weights_must_add_up() -> None:
    with pytest.raises(ValueError, match="add up to 1"):
        Blend((STAY, LEAVE), (0.5, 0.6))
    with pytest.raises(ValueError, match="equally many"):
        Blend((STAY,), (0.5, 0.5))


def test_stacking_recovers_the_shares_of_a_mixture() -> None:
    rng = np.random.default_rng(4)
    laws = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]])
    share = 0.3
    drawn = np.where(rng.random(40_000) < share, rng.choice(3, 40_000, p=laws[0]), rng.choice(3, 40_000, p=laws[1]))
    assert stacking_weights(laws[:, drawn].T)[0] == pytest.approx(share, abs=0.02)
    rows, counts = np.unique(drawn, return_counts=True)
    assert stacking_weights(laws[:, rows].T, counts) == pytest.approx(stacking_weights(laws[:, drawn].T), abs=1e-6)


def test_stacking_on_nothing_is_equal() -> None:
    assert stacking_weights(np.zeros((0, 2))).tolist() == [0.5, 0.5]
    assert stacking_weights(np.zeros((5, 2))).tolist() == [0.5, 0.5]


def test_stacking_leaves_nothing_to_be_gained() -> None:
    rng = np.random.default_rng(9)
    for models in (2, 3, 5):
        table, customers = rng.random((200, models)) ** 4, rng.integers(0, 4, 200)
        table[:, -1] = table[:, 0]  # two that say the same
        weights = stacking_weights(table, customers)
        assert weights.sum() == pytest.approx(1)
        gain = (customers / (table @ weights)) @ table / customers.sum()  # 1 where used, less elsewhere
        assert gain.max() < 1 + 1e-9
        assert gain[weights > 1e-9] == pytest.approx(1, abs=1e-9)
        assert stacking_weights(table, customers, near=np.eye(models)[0]) @ gain == pytest.approx(1, abs=1e-9)
