"""Input: whatever the histories, every purchase model answers with finite, sensible numbers and says what it did."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kezhi.models import MODELS, PurchaseHistories
from kezhi.models.blend import Blend

MODELS_OF_PURCHASES = [name for name, model in MODELS.items() if model.kind == "purchases"]


@st.composite
def histories(draw: st.DrawFn) -> PurchaseHistories:
    """A few customers, in any unit of time, some of them many times over."""
    rows = draw(st.integers(1, 6))
    unit = draw(st.sampled_from([1e-3, 1.0, 365.0, 1e6]))
    x = np.array(draw(st.lists(st.sampled_from([0, 0, 1, 2, 3, 9, 60]), min_size=rows, max_size=rows)))
    T = np.array(draw(st.lists(st.floats(0.01, 10.0), min_size=rows, max_size=rows)))
    share = np.array(draw(st.lists(st.floats(0.0, 1.0), min_size=rows, max_size=rows)))
    weight = np.array(draw(st.lists(st.sampled_from([1, 1, 7, 10_000]), min_size=rows, max_size=rows)))
    return PurchaseHistories(x, np.where(x > 0, share * T, 0.0) * unit, T * unit, weight)


QUIET = {"deadline": None, "derandomize": True, "suppress_health_check": list(HealthCheck)}


@pytest.mark.parametrize("name", [name for name in MODELS_OF_PURCHASES if "cnbd" not in name])
@settings(max_examples=15, **QUIET)
@given(seen=histories())
def test_every_answer_is_a_number(name: str, seen: PurchaseHistories) -> None:
    check(name, seen)


@pytest.mark.parametrize("name", [name for name in MODELS_OF_PURCHASES if "cnbd" in name])
@settings(max_examples=3, **QUIET)  # the number of stages is searched for: a few seconds each on degenerate data
@given(seen=histories())
def test_every_answer_of_regular_buyers_is_a_number(name: str, seen: PurchaseHistories) -> None:
    check(name, seen)


def check(name: str, seen: PurchaseHistories) -> None:
    fit = MODELS[name].maker().fit(seen)
    window = float(seen.observed_periods.max())
    assert all(np.isfinite(list(fit.parameters.values())))
    assert fit.diagnosis
    assert not any("ABNORMAL" in remark.en or "CONVERGENCE" in remark.en for remark in fit.diagnosis)
    for model in (fit, Blend.of(fit)):
        mean, product, none = model.window_moments(seen, window)
        law = model.purchase_distribution(seen, window)
        alive = model.p_alive(seen)
        for answer in (mean, product, none, law, alive):
            assert np.all(np.isfinite(answer))
            assert np.all(answer >= 0)
        assert np.all(none <= 1 + 1e-9)
        assert np.all(alive <= 1 + 1e-9)
        assert law.sum(axis=1) == pytest.approx(np.ones(len(seen)), abs=1e-6)
