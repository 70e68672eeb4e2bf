"""The published rule rolled forward: against a walk over every path of moves, and at its limits."""

from __future__ import annotations

import numpy as np
import pytest

from kezhi.models import GammaGammaFit, NBDFit, TransitionRule, published_forecast, transitions

FREQUENCY = NBDFit.with_parameters(a=1.84, b=2.67)
AMOUNT = GammaGammaFit.with_parameters(p=8.57, q=1.53, k=3224.15)
RULE = TransitionRule(FREQUENCY, AMOUNT, transitions.DOCUMENT_EDGES, 499_999.0, 1, 3, 6)
COLUMNS = ("amount", "frequency", "p_frequency", "expected_amount", "p_amount", "p_purchase")


def walk(step, f, r, m):
    """The six figures of one future step from one state, by following both moves at each step."""
    f2, m2 = int(RULE.expected_frequency()[f - 1]), float(RULE.expected_amount()[m])
    idle = TransitionRule(FREQUENCY, AMOUNT, RULE.edges, RULE.largest_amount, 1, 3, r)
    p_any = float(idle.p_any_purchase()[r])
    if step == 1:
        p_f2, p_m2 = float(idle.frequency_probability()[f - 1, r]), float(RULE.amount_probability()[m])
        return np.array([f2 * m2 * p_f2 * p_m2, f2, p_f2, m2, p_m2, p_any])
    bought = walk(step - 1, f2, 0, int(transitions.segment_of(RULE.edges, m2)))
    return p_any * bought + (1 - p_any) * walk(step - 1, f, r + 1, m)


@pytest.mark.parametrize("state", [(1, 0, 2), (3, 0, 3), (1, 6, 0), (2, 3, 6)])
def test_rolling_forward_is_a_walk_over_all_moves(state):
    f, r, m = state
    found = RULE.forecast(4).of(f, r, m)
    for step in range(1, 5):
        figures = [getattr(found, column)[step - 1] for column in COLUMNS]
        assert figures == pytest.approx(walk(step, f, r, m).tolist(), rel=1e-12)


def test_each_step_stands_alone():
    short, long = RULE.forecast(2), RULE.forecast(5)
    for column in COLUMNS:
        assert np.array_equal(getattr(short, column), getattr(long, column)[:2])


def test_function_and_rule_agree():
    direct = published_forecast(FREQUENCY, AMOUNT, transitions.DOCUMENT_EDGES, 499_999.0, 1, 3, 6, 3)
    assert direct.amount.shape == (3, 3, 7, 7)
    assert np.array_equal(direct.amount, RULE.forecast(3).amount)


def test_states_beyond_the_table_use_its_end():
    table = RULE.forecast(2)
    far = table.of([9, 0], [99, 0], [99, 0])
    near = table.of([3, 1], [6, 0], [6, 0])
    assert np.array_equal(far.amount, near.amount)
    assert far.amount.shape == (2, 2)


def test_many_frequencies_and_long_idleness():
    found = published_forecast(FREQUENCY, AMOUNT, transitions.DOCUMENT_EDGES, 499_999.0, 1, 300, 100, 3)
    assert found.amount.shape == (3, 300, 101, 7)
    for column in COLUMNS:
        values = getattr(found, column)
        assert np.all(np.isfinite(values) & (values >= 0))


@pytest.mark.parametrize(
    ("frequency", "amount"),
    [
        (NBDFit.with_parameters(a=1e9, b=1e9), AMOUNT),
        (NBDFit.with_parameters(a=1.0, b=0.0), AMOUNT),
        (FREQUENCY, GammaGammaFit.with_parameters(p=1e9, q=2.0, k=1e-5)),
        (FREQUENCY, GammaGammaFit.with_parameters(p=3.0, q=1e9, k=1e12)),
        (FREQUENCY, GammaGammaFit.with_parameters(p=0.5, q=0.4, k=10.0)),
    ],
)
def test_limiting_laws_stay_finite(frequency, amount):
    found = published_forecast(frequency, amount, [5.0, 100.0], 90.0, 1, 1, 0, 3)
    for column in COLUMNS:
        values = getattr(found, column)
        assert values.shape == (3, 1, 1, 1)
        assert np.all(np.isfinite(values) & (values >= 0))


def test_impossible_settings():
    settings = (FREQUENCY, AMOUNT, transitions.DOCUMENT_EDGES)
    for bad, sentence in [
        ((1.0, 1, 3, -1), "longest_idle"),
        ((1.0, 0, 3, 1), "smallest_frequency"),
        ((1.0, 4, 3, 1), "smallest_frequency"),
        ((0.0, 1, 3, 1), "largest_amount"),
    ]:
        with pytest.raises(ValueError, match=sentence):
            TransitionRule(*settings, *bad)
    with pytest.raises(ValueError, match="horizon"):
        RULE.forecast(0)
