"""The purchase model: closed forms against integrals, limits, invariance, recovery."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from kezhi.models import NBD, NBDFit, PurchaseHistories
from kezhi.models.nbd import _Evidence

FIT = NBDFit.with_parameters(a=1.84, b=2.67)
SEEN = PurchaseHistories([0, 1, 7, 0], [0, 2.5, 11, 0], [3.0, 4.5, 12, 0])


def over_rates(function, shape, rate):
    law = stats.gamma(shape, scale=1 / rate)
    return integrate.quad(lambda lam: function(lam) * law.pdf(lam), 0, np.inf, epsabs=1e-14, epsrel=1e-12)[0]


# --- agreement


def test_posterior_is_prior_times_likelihood():
    expected = FIT.expected_purchases(SEEN, 1)
    for i, (x, T) in enumerate(zip(SEEN.repeat_purchases, SEEN.observed_periods, strict=True)):
        seen = over_rates(lambda lam, x=x, T=T: lam**x * np.exp(-lam * T), FIT.b, FIT.a)
        mean = over_rates(lambda lam, x=x, T=T: lam ** (x + 1) * np.exp(-lam * T), FIT.b, FIT.a) / seen
        assert expected[i] == pytest.approx(mean, rel=1e-8)
        assert expected[i] == pytest.approx((2.67 + x) / (1.84 + T), rel=1e-14)


def test_expectations_are_integrals_over_the_rate():
    shape, rate = FIT.posterior(SEEN)
    expected, silent = FIT.expected_purchases(SEEN, 2.5), FIT.p_no_purchase(SEEN, 2.5)
    two = FIT.p_purchases(2, SEEN, 2.5)
    for i, (s, t) in enumerate(zip(shape, rate, strict=True)):
        assert expected[i] == pytest.approx(over_rates(lambda lam: lam * 2.5, s, t), rel=1e-9)
        assert silent[i] == pytest.approx(over_rates(lambda lam: np.exp(-2.5 * lam), s, t), rel=1e-9)
        assert two[i] == pytest.approx(over_rates(lambda lam: stats.poisson.pmf(2, lam * 2.5), s, t), rel=1e-9)


def test_log_likelihood_is_the_integrated_density():
    each = [
        np.log(over_rates(lambda lam, x=x, T=T: lam**x * np.exp(-lam * T), FIT.b, FIT.a))
        for x, T in zip(SEEN.repeat_purchases, SEEN.observed_periods, strict=True)
    ]
    assert FIT.log_likelihood_of(SEEN) == pytest.approx(sum(each), rel=1e-9)


def test_probabilities_of_counts_add_up():
    n = np.arange(400)[:, None]
    chances = FIT.p_purchases(n, SEEN, 3)
    assert chances.shape == (400, 4)
    assert chances.sum(axis=0) == pytest.approx(1, rel=1e-12)
    assert (n * chances).sum(axis=0) == pytest.approx(FIT.expected_purchases(SEEN, 3), rel=1e-10)
    assert chances[0] == pytest.approx(FIT.p_no_purchase(SEEN, 3), rel=1e-13)


def test_purchases_by_state_against_integrals():
    shape, rate = FIT.posterior(SEEN)
    states = FIT.purchases_by_state(SEEN, 4)
    assert states.shape == (4, 4, 4)
    for i, (s, t) in enumerate(zip(shape, rate, strict=True)):
        for h in range(4):
            none = over_rates(lambda lam, h=h: lam * np.exp(-lam * h), s, t)
            assert states[i, h, 0] == pytest.approx(none, rel=1e-9)
            for k in range(1, h + 1):
                in_step_k = over_rates(lambda lam, j=h - k: lam * -np.expm1(-lam) * np.exp(-lam * j), s, t)
                assert states[i, h, k] == pytest.approx(in_step_k, rel=1e-9)
    assert np.all(np.triu(states[0], 1) == 0)
    assert states.sum(axis=2) == pytest.approx(np.repeat(FIT.expected_purchases(SEEN, 1)[:, None], 4, 1), rel=1e-13)


def test_simulated_purchases_have_the_expected_mean():
    rng = np.random.default_rng(5)
    drawn = np.array([FIT.simulate_purchases(rng, SEEN, 2) for _ in range(4_000)])
    error = drawn.std(axis=0) / np.sqrt(len(drawn))
    assert np.all(np.abs(drawn.mean(axis=0) - FIT.expected_purchases(SEEN, 2)) < 4 * error)


def test_slope_and_curvature_are_those_of_the_value():
    evidence = _Evidence.of(FIT.simulate(np.random.default_rng(3), np.linspace(0, 9, 300)))
    at = np.array([0.4, -0.7])
    _, slope, curvature = evidence.objective(at)
    for i, step in enumerate(np.eye(2) * 1e-5):
        up, down = evidence.objective(at + step), evidence.objective(at - step)
        assert slope[i] == pytest.approx((up[0] - down[0]) / 2e-5, rel=1e-7)
        assert curvature[i] == pytest.approx((up[1] - down[1]) / 2e-5, rel=1e-6)


def test_weights_are_rows_written_once():
    once = FIT.simulate(np.random.default_rng(8), np.tile([3.0, 5.0, 8.0], 400))
    rows = np.stack([once.repeat_purchases, once.observed_periods])
    distinct, customers = np.unique(rows, axis=1, return_counts=True)
    grouped = PurchaseHistories(distinct[0], np.zeros(len(customers)), distinct[1], customers)
    assert len(grouped) < 100
    one, other = NBD().fit(once), NBD().fit(grouped)
    assert other.to_dict() == one.to_dict()
    assert other.log_likelihood_of(grouped) == pytest.approx(one.log_likelihood_of(once), rel=1e-12)


# --- invariance


def test_row_order_changes_no_digit():
    rng = np.random.default_rng(1)
    seen = FIT.simulate(rng, rng.random(3000) * 9)
    order = rng.permutation(3000)
    shuffled = PurchaseHistories(
        seen.repeat_purchases[order], seen.last_purchase_at[order], seen.observed_periods[order]
    )
    assert NBD().fit(shuffled).to_json() == NBD().fit(seen).to_json()


@pytest.mark.parametrize("unit", [7.0, 1 / 365.25, 1e9])
def test_unit_of_time(unit):
    seen = FIT.simulate(np.random.default_rng(2), np.linspace(0.1, 9, 2000))
    other = PurchaseHistories(seen.repeat_purchases, seen.last_purchase_at * unit, seen.observed_periods * unit)
    one, two = NBD().fit(seen), NBD().fit(other)
    assert two.a / unit == pytest.approx(one.a, rel=1e-6)
    assert two.b == pytest.approx(one.b, rel=1e-6)
    assert two.standard_errors["a"] / unit == pytest.approx(one.standard_errors["a"], rel=1e-5)
    assert two.log_likelihood == pytest.approx(
        one.log_likelihood - seen.repeat_purchases.sum() * np.log(unit), rel=1e-9
    )
    assert two.expected_purchases(other, 3 * unit) == pytest.approx(one.expected_purchases(seen, 3), rel=1e-6)


# --- recovery


@pytest.mark.parametrize(("a", "b"), [(1.84, 2.67), (12.07, 0.385), (0.5, 20.0)])
def test_fitting_finds_the_truth(a, b):
    rng = np.random.default_rng(20_000)
    seen = NBDFit.with_parameters(a=a, b=b).simulate(rng, rng.random(20_000) * 12)
    fit = NBD().fit(seen)
    assert fit.fallback is None
    assert [remark.code for remark in fit.diagnosis] == ["fitted"]
    assert abs(fit.a - a) < 3 * fit.standard_errors["a"]
    assert abs(fit.b - b) < 3 * fit.standard_errors["b"]
    assert fit.standard_errors["b"] < 0.1 * b


def test_standard_errors_are_the_spread_of_estimates():
    rng = np.random.default_rng(4)
    fits = [NBD().fit(FIT.simulate(rng, np.full(400, 6.0))) for _ in range(60)]
    spread = np.std([np.log(fit.b) for fit in fits])
    claimed = np.mean([fit.standard_errors["b"] / fit.b for fit in fits])
    assert claimed == pytest.approx(spread, rel=0.3)


# --- limits


def test_alike_customers_become_poisson():
    x = stats.poisson(4).ppf((np.arange(500) + 0.5) / 500)
    seen = PurchaseHistories(x, np.where(x > 0, 1, 0), np.full(500, 2.0))
    fit = NBD().fit(seen)
    assert fit.fallback == "poisson"
    assert fit.expected_purchases(seen, 3) == pytest.approx(x.mean() / 2 * 3, rel=1e-6)
    assert fit.p_purchases(2, seen, 1) == pytest.approx(stats.poisson(x.mean() / 2).pmf(2), rel=1e-6)
    rate = fit.b / fit.a
    assert fit.standard_errors["a"] / fit.a == pytest.approx(1 / np.sqrt(x.sum()), rel=1e-9)
    likelihood = (x * np.log(rate) - rate * 2).sum()
    assert fit.log_likelihood == pytest.approx(likelihood, rel=1e-9)
    assert fit.log_likelihood_of(seen) == pytest.approx(likelihood, rel=1e-6)


def test_nearly_alike_customers_stay_regular():
    rng = np.random.default_rng(11)
    fit = NBD().fit(NBDFit.with_parameters(a=100, b=150).simulate(rng, np.full(20_000, 40.0)))
    assert fit.fallback is None
    assert fit.b == pytest.approx(150, rel=0.2)


def test_one_customer():
    fit = NBD().fit(PurchaseHistories([3], [2], [4]))
    assert fit.fallback == "poisson"
    assert fit.expected_purchases(PurchaseHistories([3], [2], [4]), 2) == pytest.approx([1.5], rel=1e-6)
    assert "few_customers" in [remark.code for remark in fit.diagnosis]


@pytest.mark.parametrize(
    ("seen", "fallback"),
    [
        (PurchaseHistories([], [], []), "no_customers"),
        (PurchaseHistories([0], [0], [3], [0]), "no_customers"),
        (PurchaseHistories([0, 0], [0, 0], [0, 0]), "no_time"),
        (PurchaseHistories([0, 0], [0, 0], [5, 1]), "no_repeat"),
    ],
)
def test_nothing_to_learn_from(seen, fallback):
    fit = NBD().fit(seen)
    assert fit.fallback == fallback
    assert not fit.trusted
    assert fit.expected_purchases(seen, 3).tolist() == [0] * len(seen)
    assert fit.p_purchases(0, seen, 3).tolist() == [1] * len(seen)
    assert fit.p_purchases(1, seen, 3).tolist() == [0] * len(seen)
    assert fit.expected_purchases_new_customer(1) == 0
    assert fit.simulate(np.random.default_rng(0), np.array([4.0])).repeat_purchases.tolist() == [0]


def test_an_enormous_shape_keeps_its_digits():
    close = NBDFit.with_parameters(a=1e9 / 0.7, b=1e9)
    states = close.purchases_by_state(SEEN, 3)
    poisson = 0.7 * np.exp(-0.7 * 2) * -np.expm1(-0.7) / np.exp(-0.7)
    assert states[0, 2, 0] == pytest.approx(0.7 * np.exp(-1.4), rel=1e-6)
    assert states[0, 2, 1] == pytest.approx(poisson, rel=1e-6)


def test_a_heavy_buyer_among_many_idle_ones():
    seen = PurchaseHistories([0] * 999 + [500], [0] * 999 + [9], [10] * 1000)
    fit = NBD().fit(seen)
    assert fit.fallback is None
    assert np.all(np.isfinite(fit.expected_purchases(seen, 1)))
    assert fit.expected_purchases(seen, 10)[-1] == pytest.approx(500, rel=0.1)


@pytest.mark.parametrize("periods", [-1, np.nan, np.inf])
def test_impossible_periods(periods):
    with pytest.raises(ValueError, match="periods must be finite and not negative"):
        FIT.expected_purchases(SEEN, periods)
    with pytest.raises(ValueError, match="horizon"):
        FIT.purchases_by_state(SEEN, -1)
