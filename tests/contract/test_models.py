"""Contract: every model answers every question of its kind, in the right shape and with sane numbers."""

from __future__ import annotations

import json
import math
from functools import cache

import numpy as np
import pytest

from kezhi import models
from kezhi.models import MODELS, AmountPanel, ParetoNBDFit, PurchaseHistories, RepeatAmounts

PURCHASE_MODELS = [name for name, model in MODELS.items() if model.kind == "purchases"]
AMOUNT_MODELS = [name for name, model in MODELS.items() if model.kind == "amounts"]
FITTED = PURCHASE_MODELS + AMOUNT_MODELS

ORDINARY = {
    # some of them leave, some come back at regular times: no model has a parameter at its limit
    PurchaseHistories: ParetoNBDFit.with_parameters(r=0.9, alpha=4.0, s=0.8, beta=9.0).simulate(
        np.random.default_rng(7), np.linspace(12.0, 40.0, 400)
    ),
    AmountPanel: AmountPanel([1, 2, 5, 0, 3] * 40, [3.0, 70.0, 44.0, 0, 90.0] * 40, None, 1160.0),
    RepeatAmounts: RepeatAmounts([1, 2, 5, 0, 3] * 40, [3.0, 35.0, 9.0, 0, 30.0] * 40),
}
ODD = {
    PurchaseHistories: [
        PurchaseHistories([], [], []),
        PurchaseHistories([0], [0], [0]),
        PurchaseHistories([0, 0], [0, 0], [5, 1]),
        PurchaseHistories([1], [1], [1]),
        PurchaseHistories([2, 2], [1, 1], [3, 3]),
        PurchaseHistories([0, 1_000_000], [0, 5], [5, 5]),
        PurchaseHistories([0, 1], [0, 1e-9], [1e9, 1e-9]),
    ],
    AmountPanel: [
        AmountPanel([], [], None, 0.0),
        AmountPanel([0], [0], None, 0.0),
        AmountPanel.from_periods([1], [7.0]),
        AmountPanel.from_periods([1, 2], [7.0, 7.0]),
        AmountPanel.from_periods([1, 2], [7.0, 9.0]),
        AmountPanel.from_periods([1, 1, 2], [7.0, 9.0, 1e12]),
        AmountPanel.from_periods([1, 1, 2], [0.01, 1e9, 0.01]),
        AmountPanel.from_periods([1, 1, 2, 2], [5.0, 5.0, 9.0, 9.0]),
    ],
    RepeatAmounts: [
        RepeatAmounts([], []),
        RepeatAmounts([0, 0], [0, 0]),
        RepeatAmounts([3], [7.0]),
        RepeatAmounts([1, 2], [7.0, 7.0]),
        RepeatAmounts([1, 2], [0.01, 1e12]),
        RepeatAmounts([1, 1], [1.0, 2.0]),
    ],
}


def cases(names):
    """Every model with an ordinary and every odd set of customers that it takes."""
    return [
        pytest.param(name, data, id=f"{name}-{number}")
        for name in names
        for number, data in enumerate([ORDINARY[MODELS[name].evidence], *ODD[MODELS[name].evidence]])
    ]


@cache
def _fitted(name, number):
    evidence = MODELS[name].evidence
    return MODELS[name].maker().fit([ORDINARY[evidence], *ODD[evidence]][number])


def fitted(name, data):
    """The fit of one of the sets of customers above, made once."""
    evidence = MODELS[name].evidence
    return _fitted(name, next(i for i, one in enumerate([ORDINARY[evidence], *ODD[evidence]]) if one is data))


def sane(values, shape):
    values = np.asarray(values)
    return values.shape == shape and bool(np.all(np.isfinite(values) & (values >= 0)))


# --- the list itself


def test_registry_names():
    purchases = ["nbd", "pareto_nbd", "bg_nbd", "mbg_nbd", "bg_cnbd_k", "mbg_cnbd_k"]
    discrete = ["bg_bb", "shifted_beta_geometric", "beta_discrete_weibull"]
    assert list(MODELS) == [*purchases, *discrete, "gamma_gamma", "gamma_gamma_fader_hardie", "transition"]
    for name, model in MODELS.items():
        assert name == model.name
        for text in (model.summary, model.assumes, model.when):
            assert text.en.endswith(".")
            assert text.zh.endswith("。")


@pytest.mark.parametrize("name", FITTED)
def test_a_model_names_itself(name):
    assert MODELS[name].fit.model == name
    assert fitted(name, ORDINARY[MODELS[name].evidence]).model == name


# --- fits


@pytest.mark.parametrize(("name", "data"), cases(FITTED))
def test_a_fit_is_complete(name, data):
    fit = fitted(name, data)
    names = MODELS[name].fit.names
    assert tuple(fit.parameters) == tuple(fit.standard_errors) == names
    assert sane(list(fit.parameters.values()), (len(names),))
    assert sane(list(fit.standard_errors.values()), (len(names),))
    assert fit.covariance.shape == (len(names), len(names))
    assert np.all(np.isfinite(fit.covariance))
    assert np.sqrt(np.diag(fit.covariance)) == pytest.approx(list(fit.standard_errors.values()), rel=1e-9)
    assert math.isfinite(fit.log_likelihood)
    assert fit.customers <= data.customers.sum()
    assert all(math.isfinite(fact) for fact in fit.observed.values())
    assert len(fit.diagnosis) >= 1
    for remark in fit.diagnosis:
        assert remark.severity in ("ok", "note", "warning")
        assert remark.en.endswith(".")
        assert remark.zh.endswith("。")
        assert "{" not in remark.en + remark.zh


@pytest.mark.parametrize(("name", "data"), cases(FITTED))
def test_a_fit_survives_json(name, data):
    fit = fitted(name, data)
    for back in (
        models.load(fit.to_json()),
        models.load(json.loads(fit.to_json())),
        type(fit).from_json(fit.to_json()),
    ):
        assert type(back) is type(fit)
        assert back.to_json() == fit.to_json()


@pytest.mark.parametrize("name", FITTED)
def test_the_likelihood_of_the_fitted_data(name):
    data = ORDINARY[MODELS[name].evidence]
    fit = fitted(name, data)
    assert fit.log_likelihood_of(data) == pytest.approx(fit.log_likelihood, rel=1e-9)
    assert not fit.fallback or name in AMOUNT_MODELS
    for other in set(fit.parameters) - {"k"}:
        moved = {**fit.parameters, other: fit.parameters[other] * 1.02}
        assert type(fit).with_parameters(**moved).log_likelihood_of(data) < fit.log_likelihood


# --- purchases


@pytest.mark.parametrize(("name", "data"), cases(PURCHASE_MODELS))
def test_every_question_about_purchases(name, data):
    fit, n = fitted(name, data), len(data)
    for periods in (0, 0.5, 12, 1e4):
        assert sane(fit.expected_purchases(data, periods), (n,))
        assert sane(fit.p_purchases(3, data, periods), (n,))
        assert sane(fit.p_no_purchase(data, periods), (n,))
        assert sane(fit.expected_purchases_new_customer(periods), ())
    assert sane(fit.p_alive(data), (n,))
    assert np.all(fit.p_alive(data) <= 1)
    assert math.isfinite(fit.log_likelihood_of(data))
    assert sane(fit.purchases_by_state(data, 3), (n, 3, 3))
    assert fit.purchases_by_state(data, 0).shape == (n, 0, 0)
    drawn = fit.simulate(np.random.default_rng(0), np.array([0.0, 4.0]))
    assert (len(drawn), drawn.repeat_purchases[0]) == (2, 0)


@pytest.mark.parametrize(("name", "data"), cases(PURCHASE_MODELS))
def test_zero_horizon_gives_zero(name, data):
    fit = fitted(name, data)
    assert fit.expected_purchases(data, 0).tolist() == [0] * len(data)
    assert fit.expected_purchases_new_customer(0) == 0
    assert fit.p_purchases(0, data, 0).tolist() == [1] * len(data)
    assert fit.p_purchases(2, data, 0).tolist() == [0] * len(data)


@pytest.mark.parametrize("name", PURCHASE_MODELS)
def test_steps_add_up_to_the_horizon(name):
    data = ORDINARY[PurchaseHistories]
    fit = fitted(name, data)
    steps = fit.purchases_by_state(data, 4).sum(axis=(1, 2))
    assert steps == pytest.approx(fit.expected_purchases(data, 4), rel=1e-8)


@pytest.mark.parametrize(("name", "data"), cases(PURCHASE_MODELS))
def test_moments_and_distribution_agree(name, data):
    fit = fitted(name, data)
    law = fit.purchase_distribution(data, 2.0)
    assert sane(law, law.shape)
    assert law.sum(axis=1) == pytest.approx(np.ones(len(data)), rel=1e-9)
    mean, product, none = fit.window_moments(data, 2.0)
    assert sane(mean, (len(data),))
    assert sane(product, (len(data),))
    assert none == pytest.approx(law[:, 0], abs=1e-9)
    n = np.arange(law.shape[1])
    few = law[:, -1] < 1e-9  # elsewhere a heavy tail is cut, and put on the last count
    assert (law @ n)[few] == pytest.approx(mean[few], rel=1e-5, abs=1e-6)
    assert (law @ (n * (n - 1)))[few] == pytest.approx(product[few], rel=1e-3, abs=1e-5)


# --- amounts


@pytest.mark.parametrize(("name", "data"), cases(AMOUNT_MODELS))
def test_every_question_about_amounts(name, data):
    fit, n = fitted(name, data), len(data)
    assert sane(fit.expected_amount(data), (n,))
    assert sane(fit.expected_amount(data, largest=50.0), (n,))
    assert np.all(fit.expected_amount(data, largest=50.0) <= 50)
    assert sane(fit.expected_amount_new_customer(), ())
    assert sane(fit.expected_amount_new_customer(50.0), ())
    assert sane(fit.mode, ())
    assert sane(fit.density_at_mode, ())
    assert sane(fit.density([0.5, 7.0, 1e6]), (3,))
    shape, scale = fit.posterior(data)
    assert sane(shape, (n,))
    assert sane(scale, (n,))
    assert math.isfinite(fit.log_likelihood_of(data))
    assert len(fit.simulate(np.random.default_rng(0), np.array([0, 1, 5]))) == 3


@pytest.mark.parametrize("name", AMOUNT_MODELS)
def test_more_spent_means_more_expected(name):
    evidence = MODELS[name].evidence
    fit = fitted(name, ORDINARY[evidence])
    more = fit.expected_amount(evidence([3, 3, 3], [10.0, 20.0, 40.0]))
    assert np.all(np.diff(more) > 0)


# --- misuse


@pytest.mark.parametrize("name", FITTED)
def test_misuse_is_named(name):
    kind = MODELS[name].fit
    with pytest.raises(ValueError, match="needs the parameters"):
        kind.with_parameters(wrong=1.0)
    for bad in (math.nan, -1.0, math.inf):
        with pytest.raises(ValueError, match="parameters of"):
            kind.with_parameters(**dict.fromkeys(kind.names, bad))
    with pytest.raises(ValueError, match="not a fit of"):
        kind.from_json({"model": "another", "parameters": {}})
    with pytest.raises(ValueError, match="table"):
        MODELS[name].maker().fit({"nothing": [1]})


@pytest.mark.parametrize("source", ["{", "[1]", "3", {"model": "unheard_of"}, {"model": "transition"}, {}])
def test_load_refuses_what_is_no_fit(source):
    with pytest.raises(ValueError, match="source"):
        models.load(source)
