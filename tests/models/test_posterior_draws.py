"""Posterior draws: against a grid integral, against the normal approximation, and what they say of themselves."""

from __future__ import annotations

import json

import numpy as np
import pytest

from kezhi.models import NBD, GammaGammaFaderHardie, GammaGammaFaderHardieFit, NBDFit, PurchaseHistories
from kezhi.models.bg_nbd import BGNBD, BGNBDFit
from kezhi.models.posterior_draws import _from_chains, _Peak, effective_sample_size, posterior_draws, split_r_hat

TRUTH = NBDFit.with_parameters(a=12.0, b=0.4)


def crowd(truth, customers, seed=20_000):
    rng = np.random.default_rng(seed)
    return truth.simulate(rng, rng.integers(100, 273, customers) / 7)


def codes(draws):
    return [remark.code for remark in draws.diagnosis]


def by_grid(fit, seen):
    """Mean and standard deviation of ln a and ln b by brute force."""
    wide = [min(9 * fit.standard_errors[name] / fit.parameters[name], np.log(1000)) for name in ("a", "b")]
    steps = np.linspace(-1, 1, 81)
    span = [np.log(fit.parameters[name]) + reach * steps for name, reach in zip(("a", "b"), wide, strict=True)]
    height = np.array(
        [[NBDFit.with_parameters(a=np.exp(u), b=np.exp(v)).log_likelihood_of(seen) for v in span[1]] for u in span[0]]
    )
    height += -2 * np.log1p(span[1] ** 2 / 12)
    chance = np.exp(height - height.max())
    chance /= chance.sum()
    result = []
    for axis, logs in zip((1, 0), span, strict=True):
        weight = chance.sum(axis=axis)
        mean = (weight * logs).sum()
        result.append((mean, np.sqrt((weight * (logs - mean) ** 2).sum())))
    return result


# --- agreement


@pytest.mark.parametrize(
    "truth",
    [TRUTH, BGNBDFit.with_parameters(r=0.243, alpha=4.414, a=0.793, b=2.426)],
    ids=lambda truth: truth.model,
)
def test_with_many_customers_draws_are_as_the_standard_errors_say(truth):
    seen = crowd(truth, 20_000)
    fit = {"nbd": NBD, "bg_nbd": BGNBD}[truth.model]().fit(seen)
    draws = posterior_draws(fit, seen)
    assert codes(draws) == ["posterior_settled"]
    assert draws.method.startswith("polynomial")
    assert draws.evaluations < 250
    logs = np.log(draws.values.reshape(4000, -1))
    error = np.array(list(fit.standard_errors.values())) / np.array(list(fit.parameters.values()))
    assert logs.std(axis=0) == pytest.approx(error, rel=0.08)
    assert np.all(np.abs(logs.mean(axis=0) - np.log(list(fit.parameters.values()))) < 0.2 * error)
    correlation = fit.covariance / np.outer(*[list(fit.standard_errors.values())] * 2)
    assert np.corrcoef(logs.T) == pytest.approx(correlation, abs=0.08)


@pytest.mark.parametrize("customers", [6, 30, 200])
def test_with_few_customers_draws_agree_with_a_grid(customers):
    seen = crowd(TRUTH, customers, 4)
    fit = NBD().fit(seen)
    draws = posterior_draws(fit, seen, seed=1)
    assert draws.trusted
    for logs, (mean, spread) in zip(np.log(draws.values.reshape(4000, 2)).T, by_grid(fit, seen), strict=True):
        assert logs.mean() == pytest.approx(mean, abs=0.12 * spread)
        assert logs.std() == pytest.approx(spread, rel=0.12)


def test_the_exact_sampler_agrees_with_a_grid():
    seen = crowd(TRUTH, 30, 4)
    fit = NBD().fit(seen)
    peak = _Peak.of(fit, seen)
    kept = _from_chains(peak, np.random.default_rng(2), 700, 3)
    moves = peak.moves(kept.at)
    for i, (mean, spread) in enumerate(by_grid(fit, seen)):
        logs = moves[:, :, i] + np.log(fit.parameters[fit.names[i]])
        assert split_r_hat(logs) < 1.05
        assert logs.mean() == pytest.approx(mean, abs=0.15 * spread)
        assert logs.std() == pytest.approx(spread, rel=0.15)


def test_the_likelihood_told_is_that_of_the_draw():
    seen = crowd(TRUTH, 500)
    fit = NBD().fit(seen)
    draws = posterior_draws(fit, seen, draws=50, chains=2)
    for one in draws.thinned(5, seed=3):
        assert one.log_likelihood == pytest.approx(one.log_likelihood_of(seen), abs=0.3)


def test_amounts():
    rng = np.random.default_rng(5)
    seen = GammaGammaFaderHardieFit.with_parameters(p=6.25, q=3.74, gamma=15.44).simulate(rng, rng.poisson(2, 5000))
    fit = GammaGammaFaderHardie().fit(seen)
    draws = posterior_draws(fit, seen, draws=500)
    assert codes(draws) == ["posterior_settled"]
    spread = np.log(draws.values.reshape(2000, 3)).std(axis=0)
    assert spread == pytest.approx([fit.standard_errors[name] / fit.parameters[name] for name in fit.names], rel=0.1)


# --- invariance


def test_the_same_seed_gives_the_same_draws_whatever_the_rows():
    seen = crowd(TRUTH, 400)
    order = np.random.default_rng(0).permutation(400)
    shuffled = PurchaseHistories(
        seen.repeat_purchases[order], seen.last_purchase_at[order], seen.observed_periods[order]
    )
    fit = NBD().fit(seen)
    once = posterior_draws(fit, seen, draws=100, seed=7)
    assert posterior_draws(fit, seen, draws=100, seed=7).to_json() == once.to_json()
    assert posterior_draws(fit, shuffled, draws=100, seed=7).to_json() == once.to_json()
    assert posterior_draws(fit, seen, draws=100, seed=8).to_json() != once.to_json()


def test_unit_of_time():
    seen = crowd(TRUTH, 2000)
    days = PurchaseHistories(seen.repeat_purchases, seen.last_purchase_at * 7, seen.observed_periods * 7)
    one, two = (posterior_draws(NBD().fit(data), data, draws=200) for data in (seen, days))
    means = [np.log(draws.values).mean(axis=(0, 1)) for draws in (one, two)]
    assert means[1] - means[0] == pytest.approx([np.log(7), 0], abs=0.01)


# --- limits


def test_a_parameter_at_its_limit_stays_there():
    seen = PurchaseHistories([2] * 40, [1.0] * 40, [2.0] * 40)
    fit = NBD().fit(seen)
    assert fit.fallback == "poisson"
    draws = posterior_draws(fit, seen, draws=200)
    assert "posterior_held" in codes(draws)
    assert np.all(draws.values[:, :, 1] == fit.b)
    assert draws.r_hat["b"] == 1
    rates = draws.values[:, :, 1] / draws.values[:, :, 0]
    assert rates.mean() == pytest.approx(1, rel=0.05)  # Gamma(80, 80) given a flat prior on its logarithm
    assert rates.std() == pytest.approx(1 / np.sqrt(80), rel=0.15)


def test_nothing_to_draw():
    nobody = PurchaseHistories([], [], [])
    fit = NBD().fit(nobody)
    draws = posterior_draws(fit, nobody, draws=10, chains=2)
    assert draws.values.shape == (2, 10, 2)
    assert np.all(draws.values == [fit.a, fit.b])
    assert codes(draws) == ["posterior_held"]
    json.loads(draws.to_json())


def test_too_few_draws_are_said_to_be_too_few():
    seen = crowd(TRUTH, 8, 1)
    draws = posterior_draws(NBD().fit(seen), seen, draws=4, chains=1, seed=3)
    assert np.all(np.isfinite(draws.values))
    assert np.all(np.isfinite([*draws.r_hat.values(), *draws.effective_sample_size.values()]))


# --- results


def test_what_comes_out():
    seen = crowd(TRUTH, 300)
    fit = NBD().fit(seen)
    draws = posterior_draws(fit, seen, draws=60, chains=3)
    assert draws.values.shape == (3, 60, 2)
    assert draws.log_likelihood.shape == (3, 60)
    assert {name: column.shape for name, column in draws.to_dict().items()} == {"a": (3, 60), "b": (3, 60)}
    assert np.all(draws.values > 0)
    plain = json.loads(draws.to_json())
    assert plain["posterior"]["b"] == draws.values[:, :, 1].tolist()
    assert plain["names"] == ["a", "b"]
    for remark in draws.diagnosis:
        assert remark.en.endswith(".")
        assert remark.zh.endswith("。")
    few = draws.thinned(25)
    assert len(few) == 25
    assert len({one.b for one in few}) > 20
    assert all(type(one) is NBDFit and one.observed == fit.observed for one in few)
    assert len(draws.thinned(1000)) == 1000


def test_diagnostics():
    rng = np.random.default_rng(1)
    apart = rng.normal(size=(4, 1000))
    assert split_r_hat(apart) == pytest.approx(1, abs=0.01)
    assert effective_sample_size(apart) == pytest.approx(4000, rel=0.15)
    assert split_r_hat(apart + np.arange(4)[:, None]) > 1.5
    assert effective_sample_size(apart + np.arange(4)[:, None]) < 20
    chain = np.zeros((4, 5000))
    for step in range(1, 5000):
        chain[:, step] = 0.8 * chain[:, step - 1] + rng.normal(size=4)
    assert effective_sample_size(chain) == pytest.approx(20_000 * (1 - 0.8) / (1 + 0.8), rel=0.25)
    assert split_r_hat(np.ones((2, 50))) == 1
    assert effective_sample_size(np.ones((2, 50))) == 100


def test_misuse_is_named():
    seen = crowd(TRUTH, 50)
    with pytest.raises(ValueError, match="fit must have been fitted"):
        posterior_draws(TRUTH, seen)
    fit = NBD().fit(seen)
    with pytest.raises(ValueError, match="draws"):
        posterior_draws(fit, seen, draws=1)
    with pytest.raises(ValueError, match="count"):
        posterior_draws(fit, seen, draws=10).thinned(0)
    with pytest.raises(ValueError, match="table"):
        posterior_draws(fit, {"nothing": [1]})
