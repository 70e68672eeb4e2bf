"""Pareto/NBD: its integrals against exact ones, every answer against slow integration, limits, invariance, recovery."""

from __future__ import annotations

import json

import mpmath as mp
import numpy as np
import pytest
from scipy import integrate, stats

from kezhi.models import NBD, NBDFit, PurchaseHistories
from kezhi.models.covariates import ParetoNBDCovariatesFit
from kezhi.models.pareto_integrals import tails
from kezhi.models.pareto_likelihood import Evidence
from kezhi.models.pareto_nbd import ParetoNBD, ParetoNBDFit

CDNOW = {"r": 0.5533, "alpha": 10.577, "s": 0.6063, "beta": 11.671}
FIT = ParetoNBDFit.with_parameters(**CDNOW)
OTHERS = (
    FIT,
    ParetoNBDFit.with_parameters(r=3.0, alpha=4.0, s=1.0, beta=9.0),
    ParetoNBDFit.with_parameters(r=0.2, alpha=60.0, s=2.0, beta=3.0),
    ParetoNBDFit.with_parameters(r=20.0, alpha=5.0, s=0.01, beta=0.1),
)
SEEN = PurchaseHistories([0, 0, 1, 2, 7, 29], [0, 0, 3.0, 30.4, 38.2, 37.0], [0, 38.86, 30.0, 39.0, 38.9, 39.0])


def exact_tail(t, alpha, beta, p, q):
    """The integral by a hypergeometric function, in forty digits."""
    with mp.workdps(40):
        t, alpha, beta, p, q = map(mp.mpf, (t, alpha, beta, p, q))
        A, B = alpha + t, beta + t
        small, large, power = (A, B, q) if A <= B else (B, A, p)
        log = mp.log(small / (p + q - 1) * mp.hyp2f1(power, 1, p + q, 1 - small / large))
        return float(log - p * mp.log(1 + t / alpha) - q * mp.log(1 + t / beta))


def tail(t, alpha, beta, p, q, total=None, moments=0):
    columns = np.broadcast_arrays(*map(np.atleast_1d, (t, alpha, beta, p, q, p + q - 1 if total is None else total)))
    return tails(*(np.array(column, dtype=float) for column in columns), moments)


def exact_log_likelihood(seen, r, alpha, s, beta):
    """The textbook's form, a difference of two hypergeometric functions (Fader and Hardie 2005)."""
    total = 0.0
    with mp.workdps(40):
        r, alpha, s, beta = map(mp.mpf, (r, alpha, s, beta))
        for row in zip(seen.repeat_purchases, seen.last_purchase_at, seen.observed_periods, strict=True):
            x, t_x, T = map(mp.mpf, row)
            n, power, scale = (r + s + x, s + 1, alpha) if alpha >= beta else (r + s + x, r + x, beta)
            gone = [mp.hyp2f1(n, power, n + 1, abs(alpha - beta) / (scale + t)) / (scale + t) ** n for t in (t_x, T)]
            there = (alpha + T) ** -(r + x) * (beta + T) ** -s
            each = alpha**r * beta**s * (there + s / n * (gone[0] - gone[1]))
            total += float(mp.log(each) + mp.loggamma(r + x) - mp.loggamma(r))
    return total


# --- the integral


@pytest.mark.parametrize("t", [0.0, 3.0, 38.86])
@pytest.mark.parametrize("x", [0, 1, 5, 29, 800, 1_000_000])
@pytest.mark.parametrize(("alpha", "beta"), [(10.577, 11.671), (11.671, 10.577), (7.0, 7.0), (1e-3, 50.0), (1e6, 2.0)])
def test_the_integral_at_usual_parameters(t, x, alpha, beta):
    for p, q in ((0.5533 + x, 1.6063), (1.5533 + x, 0.6063)):
        exact = exact_tail(t, alpha, beta, p, q)
        assert tail(t, alpha, beta, p, q).log[0] == pytest.approx(exact, rel=1e-11, abs=1e-11)


@pytest.mark.parametrize(
    ("p", "q"),
    [
        (1e-6, 1.5),
        (1e-6, 1 + 1e-6),
        (0.5, 1e5),
        (1e5, 1e5),
        (1.5, 1e-6),
        (1e5 + 1, 1e-6),
        (0.3, 60.0),
        (70.0, 0.2),
        (16, 2),
    ],
)
@pytest.mark.parametrize(("alpha", "beta"), [(1.0, 1.2), (1e-6, 1.0), (1.0, 1e6), (1e6, 1e-6), (1e5, 3.0), (2.0, 1e9)])
def test_the_integral_at_extreme_parameters(p, q, alpha, beta):
    if p + q <= 1:
        return
    with mp.workdps(40):
        total = float(mp.mpf(p) + mp.mpf(q) - 1)
    for t in (0.0, 1.0):
        exact = exact_tail(t, alpha, beta, p, q)
        assert tail(t, alpha, beta, p, q, total).log[0] == pytest.approx(exact, rel=1e-11, abs=1e-11)


def test_shapes_that_stand_for_infinity():
    """(1 + y/1e9)^-(2 1e9) is e^(-2 y) to nine digits."""
    t = 1.3
    for p, q, alpha, beta in ((1.5, 2e9, 4.0, 1e9), (2e9, 1.5, 1e9, 4.0)):
        with mp.workdps(30):
            exact = mp.log(mp.quad(lambda y: (1 + y / 4) ** mp.mpf(-1.5) * mp.exp(-2 * y), [t, 3, 10, 50]))
        assert tail(t, alpha, beta, p, q).log[0] == pytest.approx(float(exact), rel=1e-7)


@pytest.mark.parametrize(("alpha", "beta"), [(2.0, 3.0), (3.0, 2.0), (1e-2, 1e2), (5.0, 5.0)])
@pytest.mark.parametrize(("p", "q"), [(0.6, 1.6), (4.6, 0.6), (40.0, 1.2), (1.5, 90.0)])
def test_means_are_slopes(alpha, beta, p, q):
    found = tail(0.7, alpha, beta, p, q, moments=2)
    step = 1e-6
    by_p, by_q = (
        (exact_tail(0.7, alpha, beta, p + dp, q + dq) - exact_tail(0.7, alpha, beta, p - dp, q - dq)) / (2 * step)
        for dp, dq in ((step, 0), (0, step))
    )
    up, down = (exact_tail(0.7, alpha * np.exp(sign * step), beta, p, q) for sign in (1, -1))
    assert found.mean[0, 0] == pytest.approx(-by_p, rel=1e-8, abs=1e-8)
    assert found.mean[0, 2] == pytest.approx(-by_q, rel=1e-8, abs=1e-8)
    assert p * found.mean[0, 1] == pytest.approx((up - down) / (2 * step), rel=1e-7, abs=1e-8)
    assert np.all(np.linalg.eigvalsh(found.covariance[0]) > -1e-12)


# --- the likelihood


@pytest.mark.parametrize(
    "parameters", [CDNOW, {**CDNOW, "alpha": 11.671, "beta": 10.577}, {**CDNOW, "r": 5.0, "s": 3.0}]
)
def test_log_likelihood_is_the_textbooks(parameters):
    fit = ParetoNBDFit.with_parameters(**parameters)
    assert fit.log_likelihood_of(SEEN) == pytest.approx(exact_log_likelihood(SEEN, **parameters), rel=1e-12)


def test_log_likelihood_where_other_forms_underflow():
    seen = PurchaseHistories([800, 1_000_000], [38.0, 38.8], [39.0, 39.0])
    assert FIT.log_likelihood_of(seen) == pytest.approx(exact_log_likelihood(seen, **CDNOW), rel=1e-12)


def evidence_of(seen, covariates=()):
    known = seen.covariates if len(covariates) else np.zeros((len(seen), 0))
    return Evidence.of(seen, known, known)


@pytest.mark.parametrize(
    "point", [(-0.6, -1.6, -0.5, -1.5), (1.0, 0.3, 0.2, 0.9), (3.0, 2.0, -6.0, 0.1), (-2.0, 1.0, 2.0, 4.0)]
)
@pytest.mark.parametrize("known", [(), (0.3, -0.2, -0.4, 0.6)])
def test_slope_and_curvature_are_those_of_the_value(point, known):
    seen = simulated_with_covariates(np.random.default_rng(3), 200) if known else SEEN
    evidence = evidence_of(seen, known)
    at = np.array([*point, *known])
    _, slope, curvature = evidence.objective(at)
    assert evidence.slopes(at)[1] == pytest.approx(slope, rel=1e-12)
    for i, step in enumerate(np.eye(len(at)) * 1e-4):
        up, down = evidence.objective(at + step), evidence.objective(at - step)
        far_up, far_down = evidence.objective(at + 2 * step), evidence.objective(at - 2 * step)
        by_value = (8 * (up[0] - down[0]) - (far_up[0] - far_down[0])) / 12e-4
        by_slope = (8 * (up[1] - down[1]) - (far_up[1] - far_down[1])) / 12e-4
        scale = np.abs(curvature).max()
        assert slope[i] == pytest.approx(by_value, abs=1e-9 * scale)
        assert curvature[i] == pytest.approx(by_slope, abs=1e-9 * scale)


def test_rounded_times_keep_customers_and_purchases():
    evidence = evidence_of(FIT.simulate(np.random.default_rng(1), np.linspace(1, 40, 3000)))
    rough = evidence.rough
    assert len(rough.last.x) + len(rough.end.x) < 0.3 * (len(evidence.last.x) + len(evidence.end.x))
    assert rough.customers == evidence.customers
    assert rough.purchases == pytest.approx(evidence.purchases)
    assert evidence_of(SEEN).rough.weight.sum() == 6


# --- answers, against integrals over the remaining active time


def over_life(fit, i, function, start, end, seen=SEEN):
    """The mean of function(active time in the window) of a customer active now, by brute force."""
    s, scale = (values[i] for values in fit.dropout_posterior(seen))
    gone = 1 - (1 + start / scale) ** -s
    stays = (1 + end / scale) ** -s
    between = integrate.quad(
        lambda t: s / scale * (1 + t / scale) ** (-s - 1) * function(t - start), start, end, epsabs=1e-14, epsrel=1e-12
    )[0]
    return gone * function(0.0) + stays * function(end - start) + between


@pytest.mark.parametrize("fit", OTHERS)
@pytest.mark.parametrize(("start", "end"), [(0.0, 39.0), (5.0, 8.5), (0.0, 1e-3), (100.0, 900.0)])
def test_windows_are_integrals_over_the_remaining_life(fit, start, end):
    shape, rate = fit.posterior(SEEN)
    active = fit.activity(SEEN)
    mean, product, none = (question(start, end) for question in (active.expected, active.product, active.none))
    for i, (p, a) in enumerate(zip(shape, rate, strict=True)):
        assert mean[i] == pytest.approx(over_life(fit, i, lambda t, p=p, a=a: p / a * t, start, end), rel=1e-9)
        squared = over_life(fit, i, lambda t, p=p, a=a: p * (p + 1) * (t / a) ** 2, start, end)
        assert product[i] == pytest.approx(squared, rel=1e-9)
        assert none[i] == pytest.approx(over_life(fit, i, lambda t, p=p, a=a: (1 + t / a) ** -p, start, end), rel=1e-9)


@pytest.mark.parametrize("fit", OTHERS)
def test_distribution_is_an_integral_over_the_remaining_life(fit):
    shape, rate = fit.posterior(SEEN)
    table = fit.activity(SEEN).distribution(12.0, 60)
    for i, (p, a) in enumerate(zip(shape, rate, strict=True)):
        for n in (0, 1, 3, 17, 60):
            exact = over_life(fit, i, lambda t, p=p, a=a, n=n: stats.nbinom(p, a / (a + t)).pmf(n), 0.0, 12.0)
            assert table[i, n] == pytest.approx(exact, rel=1e-8, abs=1e-11)


@pytest.mark.parametrize("fit", OTHERS)
def test_distribution_agrees_with_the_moments(fit):
    table = fit.purchase_distribution(SEEN, 20.0, most=1500)
    n = np.arange(1501)
    mean, product, none = fit.window_moments(SEEN, 20.0)
    assert table.sum(axis=1) == pytest.approx(1, rel=1e-9)
    assert table @ n == pytest.approx(mean, rel=1e-8)
    assert table @ (n * (n - 1)) == pytest.approx(product, rel=1e-7)
    assert table[:, 0] == pytest.approx(none, rel=1e-10)


def test_expected_purchases_of_a_new_customer():
    """Schmittlein, Morrison, Colombo (1987), equation 17."""
    r, alpha, s, beta = CDNOW.values()
    t = np.array([0.0, 1.0, 52.0])
    exact = r * beta / (alpha * (s - 1)) * (1 - (beta / (beta + t)) ** (s - 1))
    assert FIT.expected_purchases_new_customer(t) == pytest.approx(exact, rel=1e-13)


def test_p_alive_is_the_posterior():
    r, alpha, s, beta = CDNOW.values()
    alive = FIT.p_alive(SEEN)
    for i, (x, t_x, T) in enumerate(
        zip(SEEN.repeat_purchases, SEEN.last_purchase_at, SEEN.observed_periods, strict=True)
    ):
        gone = integrate.quad(
            lambda y, x=x, T=T: (
                ((alpha + T) / (alpha + y)) ** (r + x) * ((beta + T) / (beta + y)) ** s * s / (beta + y)
            ),
            t_x,
            T,
            epsrel=1e-13,
        )[0]
        assert alive[i] == pytest.approx(1 / (1 + gone), rel=1e-10)
    assert alive[0] == pytest.approx(1, rel=1e-14)
    long_silent = PurchaseHistories([800, 800], [10.0, 39.0], [39.0, 39.0])
    assert FIT.p_alive(long_silent) == pytest.approx([0, 1], abs=1e-12)


def test_simulated_purchases_have_the_expected_mean_and_variance():
    rng = np.random.default_rng(5)
    many = PurchaseHistories(*(np.tile(column, 6_000) for column in columns_of(SEEN)))
    drawn = FIT.simulate_purchases(rng, many, 20).reshape(6_000, len(SEEN))
    error = drawn.std(axis=0) / np.sqrt(len(drawn))
    assert np.all(np.abs(drawn.mean(axis=0) - FIT.expected_purchases(SEEN, 20)) < 4 * error)
    assert drawn.var(axis=0) == pytest.approx(FIT.purchase_variance(SEEN, 20), rel=0.2)


def test_new_customers_buy_as_expected():
    seen = FIT.simulate(np.random.default_rng(6), np.full(100_000, 39.0))
    x = seen.repeat_purchases
    assert x.mean() == pytest.approx(FIT.expected_purchases_new_customer(39.0), abs=4 * x.std() / 316)
    shares = FIT.p_purchases_new_customer(np.arange(4), 39.0)
    assert np.bincount(x.astype(int), minlength=4)[:4] / len(x) == pytest.approx(shares, abs=0.006)


# --- limits


def test_without_dropout_it_is_the_nbd():
    steady = NBDFit.with_parameters(a=4.0, b=0.7)
    for s in (0.0, 1e-13):
        fit = ParetoNBDFit.with_parameters(r=0.7, alpha=4.0, s=s, beta=1.0)
        assert fit.p_alive(SEEN) == pytest.approx(np.ones(6), rel=1e-10)
        assert fit.expected_purchases(SEEN, 5, 2) == pytest.approx(steady.expected_purchases(SEEN, 5, 2), rel=1e-10)
        assert fit.purchase_variance(SEEN, 5) == pytest.approx(steady.purchase_variance(SEEN, 5), rel=1e-10)
        assert fit.purchase_distribution(SEEN, 5, 9) == pytest.approx(
            steady.purchase_distribution(SEEN, 5, 9), rel=1e-9
        )
        assert fit.log_likelihood_of(SEEN) == pytest.approx(steady.log_likelihood_of(SEEN), rel=1e-11)
        assert len(fit.simulate(np.random.default_rng(0), [3.0, 4.0])) == 2


def test_shapes_at_the_limit_are_a_poisson_process_until_an_exponential_time():
    fit = ParetoNBDFit.with_parameters(r=1e9, alpha=1e9 / 0.4, s=1e9, beta=1e9 / 0.05)
    lasts = (1 - np.exp(-0.05 * 7)) / 0.05
    assert fit.activity(SEEN).expected(0.0, 7.0) == pytest.approx(0.4 * lasts, rel=1e-6)
    assert fit.activity(SEEN).none(0.0, 7.0) == pytest.approx((0.05 + 0.4 * np.exp(-0.45 * 7)) / 0.45, rel=1e-6)
    x, t_x, T = SEEN.repeat_purchases, SEEN.last_purchase_at, SEEN.observed_periods
    each = x * np.log(0.4) + np.log((0.05 * np.exp(-0.45 * t_x) + 0.4 * np.exp(-0.45 * T)) / 0.45)
    assert fit.log_likelihood_of(SEEN) == pytest.approx(each.sum(), rel=1e-6)
    assert fit.purchase_distribution(SEEN, 7.0).sum(axis=1) == pytest.approx(1, rel=1e-8)


def test_a_steady_stream_falls_back_to_the_nbd():
    seen = NBDFit.with_parameters(a=5.0, b=2.0).simulate(np.random.default_rng(2), np.linspace(2, 30, 2000))
    fit, steady = ParetoNBD().fit(seen), NBD().fit(seen)
    assert fit.fallback == "nbd"
    assert (fit.s, fit.r, fit.alpha) == (0, steady.b, steady.a)
    assert fit.standard_errors["r"] == pytest.approx(steady.standard_errors["b"])
    assert fit.log_likelihood == steady.log_likelihood
    assert "no_dropout" in [remark.code for remark in fit.diagnosis]


def test_alike_purchase_rates_are_held_at_the_limit():
    true = ParetoNBDFit.with_parameters(r=1e9, alpha=2e9, s=0.8, beta=10.0)
    fit = ParetoNBD().fit(true.simulate(np.random.default_rng(4), np.full(3000, 30.0)))
    if fit.fallback is not None:
        assert fit.fallback == "same_rate"
        assert fit.standard_errors["r"] == 0
    assert fit.r / fit.alpha == pytest.approx(0.5, rel=0.05)
    assert fit.s == pytest.approx(0.8, rel=0.3)


def test_alike_lifetimes_are_held_at_the_limit():
    true = ParetoNBDFit.with_parameters(r=1.5, alpha=2.0, s=1e9, beta=1e10)
    seen = true.simulate(np.random.default_rng(1), np.full(3000, 30.0))
    fit = ParetoNBD().fit(seen)
    if fit.fallback is not None:
        assert fit.fallback == "same_lifetime"
    assert fit.s / fit.beta == pytest.approx(0.1, rel=0.1)
    assert fit.log_likelihood_of(seen) == pytest.approx(fit.log_likelihood, rel=1e-9)


@pytest.mark.parametrize(
    ("seen", "fallback"),
    [
        (PurchaseHistories([], [], []), "no_customers"),
        (PurchaseHistories([0, 0], [0, 0], [0, 0]), "no_time"),
        (PurchaseHistories([0, 0], [0, 0], [5, 1]), "no_repeat"),
    ],
)
def test_nothing_to_learn_from(seen, fallback):
    for fit in (ParetoNBD().fit(seen), fit_known(carrying(seen, np.zeros((len(seen), 2))))):
        assert fit.fallback == fallback
        assert not fit.trusted
        assert fit.p_alive(carrying(seen, np.zeros((len(seen), 2)))).tolist() == [1] * len(seen)
        assert fit.expected_purchases_new_customer(3) == 0


def test_random_histories_never_break():
    rng = np.random.default_rng(7)
    for _ in range(25):
        n, unit = int(rng.choice([1, 2, 5, 30])), 10.0 ** rng.uniform(-6, 9)
        T = rng.random(n) * unit
        x = rng.poisson(rng.gamma(10.0 ** rng.uniform(-2, 1), 1, n) * 10.0 ** rng.uniform(-2, 3))
        t_x = np.where(x > 0, T * rng.random(n) ** (10.0 ** rng.uniform(-4, 2)), 0)
        seen = PurchaseHistories(x, t_x, T, rng.integers(0, 3, n))
        fit = ParetoNBD().fit(seen)
        assert np.isfinite(fit.log_likelihood)
        assert fit.log_likelihood_of(seen) == pytest.approx(fit.log_likelihood, rel=1e-9, abs=1e-9)
        answers = [fit.p_alive(seen), *fit.window_moments(seen, unit, unit), *fit.purchase_distribution(seen, unit, 9)]
        answers += [fit.covariance.ravel(), np.array(list(fit.standard_errors.values()))]
        assert all(np.all(np.isfinite(answer)) for answer in answers)


# --- invariance


@pytest.fixture(scope="module")
def usual():
    rng = np.random.default_rng(11)
    return FIT.simulate(rng, np.round(rng.random(4000) * 30 + 9, 1))


def test_row_order_and_weights_change_no_digit(usual):
    fit = ParetoNBD().fit(usual)
    order = np.random.default_rng(0).permutation(len(usual))
    columns = (usual.repeat_purchases, usual.last_purchase_at, usual.observed_periods)
    shuffled = PurchaseHistories(*(column[order] for column in columns))
    assert ParetoNBD().fit(shuffled).to_json() == fit.to_json()
    doubled = PurchaseHistories(*columns, np.full(len(usual), 2.0))
    written_twice = PurchaseHistories(*(np.repeat(column, 2) for column in columns))
    assert ParetoNBD().fit(doubled).to_json() == ParetoNBD().fit(written_twice).to_json()


@pytest.mark.parametrize("unit", [7.0, 1 / 52.18, 1e9])
def test_unit_of_time(usual, unit):
    other = PurchaseHistories(
        usual.repeat_purchases, usual.last_purchase_at * unit, usual.observed_periods * unit, usual.customers
    )
    one, two = ParetoNBD().fit(usual), ParetoNBD().fit(other)
    assert [two.r, two.alpha / unit, two.s, two.beta / unit] == pytest.approx(
        [one.r, one.alpha, one.s, one.beta], rel=1e-6
    )
    assert two.standard_errors["beta"] / unit == pytest.approx(one.standard_errors["beta"], rel=1e-5)
    assert two.expected_purchases(other, 3 * unit) == pytest.approx(one.expected_purchases(usual, 3), rel=1e-6)
    shift = usual.repeat_purchases.sum() * np.log(unit)
    assert two.log_likelihood == pytest.approx(one.log_likelihood - shift, rel=1e-9)


# --- recovery


@pytest.mark.parametrize(
    "true", [CDNOW, {"r": 2.0, "alpha": 5.0, "s": 1.5, "beta": 30.0}, {"r": 0.8, "alpha": 20.0, "s": 0.3, "beta": 3.0}]
)
def test_fitting_finds_the_truth(true):
    rng = np.random.default_rng(3)
    seen = ParetoNBDFit.with_parameters(**true).simulate(rng, rng.random(20_000) * 40 + 20)
    fit = ParetoNBD().fit(seen)
    assert fit.fallback is None
    for name, value in true.items():
        assert abs(fit.parameters[name] - value) < 3 * fit.standard_errors[name]
    truth = ParetoNBDFit.with_parameters(**true).expected_purchases(seen, 39).sum()
    assert fit.expected_purchases(seen, 39).sum() == pytest.approx(truth, rel=0.02)
    assert fit.log_likelihood >= ParetoNBDFit.with_parameters(**true).log_likelihood_of(seen)


def test_the_fit_is_the_highest_point(usual):
    fit = ParetoNBD().fit(usual)
    assert fit.log_likelihood_of(usual) == pytest.approx(fit.log_likelihood, rel=1e-12)
    for name, value in fit.parameters.items():
        for factor in (0.98, 1.02):
            moved = ParetoNBDFit.with_parameters(**{**fit.parameters, name: value * factor})
            assert moved.log_likelihood_of(usual) < fit.log_likelihood


# --- covariates


NAMES = ("gender", "channel")
KNOWN = ParetoNBDCovariatesFit.with_parameters(
    r=1.8,
    alpha=90.0,
    s=0.6,
    beta=50.0,
    **{"purchase.gender": 0.3, "purchase.channel": 0.6, "lifetime.gender": -0.6, "lifetime.channel": 0.8},
)


def carrying(seen, covariates):
    columns = (seen.repeat_purchases, seen.last_purchase_at, seen.observed_periods, seen.customers)
    return PurchaseHistories(*columns, covariates, NAMES)


def simulated_with_covariates(rng, rows):
    return KNOWN.simulate(rng, np.full(rows, 104.0), rng.integers(0, 2, (rows, 2)))


def fit_known(seen):
    return ParetoNBD(purchase_covariates=NAMES, lifetime_covariates=NAMES).fit(seen)


def test_covariates_move_the_scales():
    told = carrying(SEEN, np.tile([1.0, 0.0], (6, 1)))
    plain = ParetoNBDFit.with_parameters(r=1.8, alpha=90 * np.exp(-0.3), s=0.6, beta=50 * np.exp(0.6))
    assert KNOWN.p_alive(told) == pytest.approx(plain.p_alive(SEEN), rel=1e-13)
    assert KNOWN.expected_purchases(told, 52) == pytest.approx(plain.expected_purchases(SEEN, 52), rel=1e-13)
    assert KNOWN.purchase_distribution(told, 52, 5) == pytest.approx(plain.purchase_distribution(SEEN, 52, 5), rel=1e-9)
    assert KNOWN.log_likelihood_of(told) == pytest.approx(plain.log_likelihood_of(SEEN), rel=1e-13)
    new = KNOWN.expected_purchases_new_customer(52, {"gender": 1})
    assert new == pytest.approx(plain.expected_purchases_new_customer(52), rel=1e-13)
    chance = KNOWN.p_purchases_new_customer([0, 2.5], 52, {"gender": 1})
    assert chance == pytest.approx([float(plain.p_purchases_new_customer(0, 52)), 0], rel=1e-9)


def test_different_customers_are_told_apart():
    mixed = carrying(SEEN, np.array([[0, 0], [1, 0], [0, 1], [1, 1], [0, 0], [1, 0]]))
    together = KNOWN.expected_purchases(mixed, 52)
    for i in range(6):
        alone = carrying(PurchaseHistories(*([v[i]] for v in columns_of(SEEN))), mixed.covariates[i : i + 1])
        assert together[i] == pytest.approx(KNOWN.expected_purchases(alone, 52)[0], rel=1e-12)


def columns_of(seen):
    return seen.repeat_purchases, seen.last_purchase_at, seen.observed_periods


def test_fitting_finds_the_coefficients():
    seen = simulated_with_covariates(np.random.default_rng(20_000), 20_000)
    fit = fit_known(seen)
    assert fit.fallback is None
    for name, value in KNOWN.parameters.items():
        assert abs(fit.parameters[name] - value) < 3 * fit.standard_errors[name]
    assert fit.expected_purchases(seen, 104).sum() == pytest.approx(KNOWN.expected_purchases(seen, 104).sum(), rel=0.02)


def test_covariates_only_on_one_process():
    seen = simulated_with_covariates(np.random.default_rng(1), 3000)
    fit = ParetoNBD(purchase_covariates=("gender",)).fit(seen)
    assert tuple(fit.parameters) == ("r", "alpha", "s", "beta", "purchase.gender")
    assert fit.log_likelihood > ParetoNBD().fit(seen).log_likelihood
    assert fit.log_likelihood == pytest.approx(fit.log_likelihood_of(seen), rel=1e-12)


def test_covariates_without_dropout():
    rng = np.random.default_rng(0)
    known = rng.integers(0, 2, (800, 2)).astype(float)
    still = ParetoNBDCovariatesFit.with_parameters(**{**KNOWN.parameters, "s": 0.0, "alpha": 9.0})
    seen = still.simulate(rng, np.floor(rng.random(800) * 30 + 22), known)
    fit = fit_known(seen)
    assert fit.fallback == "nbd"
    assert (fit.s, fit.parameters["lifetime.gender"], fit.standard_errors["lifetime.gender"]) == (0, 0, 0)
    assert fit.parameters["purchase.channel"] == pytest.approx(0.6, abs=0.2)
    assert fit.log_likelihood == pytest.approx(fit.log_likelihood_of(seen), rel=1e-10)
    assert fit.p_alive(seen).tolist() == [1] * 800


def test_a_fit_with_covariates_survives_json():
    told = carrying(SEEN, np.ones((6, 2)))
    for back in (
        ParetoNBDFit.from_json(KNOWN.to_json()),
        ParetoNBDCovariatesFit.from_json(json.loads(KNOWN.to_json())),
    ):
        assert type(back) is ParetoNBDCovariatesFit
        assert back.to_json() == KNOWN.to_json()
        assert back.p_alive(told).tolist() == KNOWN.p_alive(told).tolist()
    assert type(ParetoNBDFit.from_json(FIT.to_json())) is ParetoNBDFit


def test_a_table_may_carry_covariates():
    table = {
        "frequency": [0, 3, 1],
        "recency": [0, 40.0, 5.0],
        "T": [50.0, 50.0, 50.0],
        "gender": [0, 1, 1],
        "channel": [-1, 0, 1],
    }
    seen = PurchaseHistories.of(table, covariates=NAMES)
    assert seen.covariates.tolist() == [[0, -1], [1, 0], [1, 1]]
    assert KNOWN.p_alive(table).tolist() == KNOWN.p_alive(seen).tolist()
    assert PurchaseHistories.of(table).covariates.shape == (3, 0)


# --- misuse


def test_misuse_is_named():
    told = carrying(SEEN, np.ones((6, 2)))
    with pytest.raises(ValueError, match="purchase_covariates must differ"):
        fit_known(told)
    with pytest.raises(ValueError, match="histories must carry the covariates gender, channel"):
        KNOWN.p_alive(SEEN)
    with pytest.raises(ValueError, match="table has no column age"):
        PurchaseHistories.of({"frequency": [0], "recency": [0], "T": [1]}, covariates=("age",))
    with pytest.raises(ValueError, match="gender must be finite"):
        PurchaseHistories.of({"frequency": [0], "recency": [0], "T": [1], "gender": [np.nan]}, covariates=("gender",))
    with pytest.raises(ValueError, match="one row per history"):
        PurchaseHistories([0], [0], [1], None, [[1.0]], NAMES)
    with pytest.raises(ValueError, match="not age"):
        KNOWN.expected_purchases_new_customer(3, {"age": 1})
    with pytest.raises(ValueError, match="must be a sequence of names"):
        ParetoNBD(purchase_covariates="gender").fit(told)
    with pytest.raises(ValueError, match="must be a sequence of different names"):
        ParetoNBD(lifetime_covariates=("gender", "gender")).fit(told)
    with pytest.raises(ValueError, match="above 0"):
        ParetoNBDFit.with_parameters(r=1, alpha=0, s=1, beta=1)
    with pytest.raises(ValueError, match="needs the parameters"):
        ParetoNBDCovariatesFit.with_parameters(r=1, alpha=1, s=1, beta=1, age=2)
    with pytest.raises(ValueError, match="must be finite"):
        ParetoNBDCovariatesFit.with_parameters(**{**KNOWN.parameters, "purchase.gender": np.inf})
