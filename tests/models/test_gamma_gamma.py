"""The amount models: closed forms against integrals, limits, invariance, recovery."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from scipy import integrate, stats

from kezhi.models import (
    AmountPanel,
    GammaGamma,
    GammaGammaFaderHardie,
    GammaGammaFaderHardieFit,
    GammaGammaFit,
    RepeatAmounts,
    beta_prime,
)
from kezhi.models.amount_evidence import AmountEvidence
from kezhi.models.gamma_functions import gamma_shape, log_rising

FIT = GammaGammaFit.with_parameters(p=8.57, q=1.53, k=3224.15)
REPEATS = GammaGammaFaderHardieFit.with_parameters(p=6.25, q=3.74, gamma=15.44)


def panel_of(seed=0, customers=2000, fit=FIT):
    rng = np.random.default_rng(seed)
    return fit.simulate(rng, rng.geometric(0.4, customers))


def repeats_of(seed=0, customers=2000, fit=REPEATS):
    rng = np.random.default_rng(seed)
    return fit.simulate(rng, rng.geometric(0.3, customers))


# --- agreement


def test_panel_likelihood_is_the_integrated_product():
    """One customer, three amounts: product of Gamma(p, nu) densities integrated over nu ~ Gamma(q, k)."""
    p, q, k = 2.3, 1.7, 40.0
    amounts = np.array([30.0, 55.0, 20.0])

    def integrand(nu):
        return np.prod(stats.gamma(p, scale=1 / nu).pdf(amounts)) * stats.gamma(q, scale=1 / k).pdf(nu)

    area = integrate.quad(integrand, 0, 3, epsabs=0, epsrel=1e-11, limit=200)[0]
    fit = GammaGammaFit.with_parameters(p=p, q=q, k=k)
    assert fit.log_likelihood_of(AmountPanel.from_periods([1, 1, 1], amounts)) == pytest.approx(np.log(area), rel=1e-10)


def test_fader_hardie_likelihood_is_the_integrated_density():
    p, q, gamma = 2.3, 1.7, 40.0

    def integrand(nu):
        return stats.gamma(p * 4, scale=1 / (4 * nu)).pdf(33.0) * stats.gamma(q, scale=1 / gamma).pdf(nu)

    area = integrate.quad(integrand, 0, 3, epsabs=0, epsrel=1e-11, limit=200)[0]
    fit = GammaGammaFaderHardieFit.with_parameters(p=p, q=q, gamma=gamma)
    assert fit.log_likelihood_of(RepeatAmounts([4], [33.0])) == pytest.approx(np.log(area), rel=1e-10)


def test_expected_amount_is_the_posterior_mean():
    panel = AmountPanel([0, 1, 5], [0, 900.0, 60_000.0])
    shape, scale = FIT.posterior(panel)
    assert shape == pytest.approx([1.53, 8.57 + 1.53, 5 * 8.57 + 1.53], rel=1e-14)
    assert scale == pytest.approx([3224.15, 4124.15, 63_224.15], rel=1e-14)
    for c, s, found in zip(shape, scale, FIT.expected_amount(panel), strict=True):
        law = stats.gamma(c, scale=1 / s)
        mean = integrate.quad(lambda u, law=law: FIT.p / law.ppf(u), 0, 1, epsrel=1e-10, limit=500)[0]
        assert found == pytest.approx(mean, rel=1e-4)
        assert found == pytest.approx(FIT.p * s / (c - 1), rel=1e-14)


def test_the_two_forms_predict_alike():
    """With the same parameters and S = x zbar, both forms know the same about nu."""
    other = GammaGammaFaderHardieFit.with_parameters(p=FIT.p, q=FIT.q, gamma=FIT.k)
    x, mean = np.array([0, 1, 4]), np.array([0, 50.0, 9000.0])
    assert other.expected_amount(RepeatAmounts(x, mean)) == pytest.approx(
        FIT.expected_amount(AmountPanel(x, x * mean)), rel=1e-14
    )


@pytest.mark.parametrize("form", ["panel", "fader_hardie"])
def test_slope_and_curvature_are_those_of_the_value(form):
    panel = form == "panel"
    evidence = AmountEvidence.of_panel(panel_of()) if panel else AmountEvidence.of_repeat_amounts(repeats_of())
    at = np.array([0.9, 0.3, -0.4])
    _, slope, curvature = evidence.objective(at)
    for i, step in enumerate(np.eye(3) * 1e-5):
        up, down = evidence.objective(at + step), evidence.objective(at - step)
        assert slope[i] == pytest.approx((up[0] - down[0]) / 2e-5, rel=1e-6)
        assert curvature[i] == pytest.approx((up[1] - down[1]) / 2e-5, rel=1e-5)


def test_weights_are_rows_written_once():
    h, S, w = np.array([1, 2, 4, 3]), np.array([3.0, 9.0, 20.0, 8.0]), np.array([30, 20, 10, 25])
    logs = float((w * h * np.log(S / h)).sum()) - 20
    long = AmountPanel(np.repeat(h, w), np.repeat(S, w), None, logs)
    assert GammaGamma().fit(AmountPanel(h, S, w, logs)).parameters == pytest.approx(
        GammaGamma().fit(long).parameters, rel=1e-9
    )
    short = RepeatAmounts(h, S / h, w)
    assert GammaGammaFaderHardie().fit(short).parameters == pytest.approx(
        GammaGammaFaderHardie().fit(RepeatAmounts(np.repeat(h, w), np.repeat(S / h, w))).parameters, rel=1e-9
    )


def test_thin_sample_start_leads_to_the_same_fit():
    """Above 40 000 rows the search starts from a sample; the end must not show it."""
    panel = panel_of(seed=3, customers=41_000)
    evidence = AmountEvidence.of_panel(panel)
    fit = GammaGamma().fit(panel)
    _, slope, _ = evidence.objective(np.log([fit.p, fit.q, fit.k / evidence.unit]))
    assert np.abs(slope).max() < 1e-4 * len(panel) ** 0.5
    assert [remark.code for remark in fit.diagnosis] == ["fitted"]


def test_density_against_mpmath():
    mpmath.mp.dps = 30
    for p, q, k, m in [(8.57, 1.53, 3224.15, 9646.96), (0.4, 0.6, 2.0, 1e-3), (250.0, 3000.0, 1e5, 9e3)]:
        P, Q, K, M = (mpmath.mpf(v) for v in (p, q, k, m))
        exact = K**Q * M ** (P - 1) * mpmath.gamma(P + Q) / (mpmath.gamma(P) * mpmath.gamma(Q) * (K + M) ** (P + Q))
        assert float(beta_prime.density(p, q, k, m)) == pytest.approx(float(exact), rel=1e-11)


@pytest.mark.parametrize("q", [0.3, 1.0, 1.005, 1.02, 4.0])
@pytest.mark.parametrize(("low", "high"), [(0.0, 90.0), (5.0, 4000.0), (900.0, 1000.0)])
def test_truncated_mean_against_an_integral(q, low, high):
    p, k = 2.2, 30.0
    top = integrate.quad(lambda m: m * beta_prime.density(p, q, k, m), low or 1e-12, high, epsabs=0, limit=200)[0]
    bottom = integrate.quad(lambda m: beta_prime.density(p, q, k, m), low or 1e-12, high, epsabs=0, limit=200)[0]
    assert float(beta_prime.truncated_mean(p, q, k, low, high)) == pytest.approx(top / bottom, rel=1e-8)


def test_log_rising_against_mpmath():
    mpmath.mp.dps = 40
    for base, steps in [(0.3, 4), (12.5, 0), (9e4, 30), (2e5, 30), (1e9, 700), (1e9, 2.5)]:
        exact = mpmath.loggamma(mpmath.mpf(base) + steps) - mpmath.loggamma(mpmath.mpf(base))
        assert float(log_rising(base, steps)) == pytest.approx(float(exact), rel=1e-9)
    assert log_rising(0.0, [0, 2]).tolist() == [0, -np.inf]


def test_gamma_shape_solves_its_equation():
    for shape in (0.05, 1.0, 30.0, 5e4):
        gap = float(mpmath.log(shape) - mpmath.digamma(shape))
        assert gamma_shape(gap, 1e6) == pytest.approx(shape, rel=1e-6)
    assert gamma_shape(0.0, 1e6) == 1e6


# --- invariance


@pytest.mark.parametrize("unit", [100.0, 1e9, 1e-6])
def test_unit_of_money(unit):
    panel, repeats = panel_of(), repeats_of()
    logs = panel.log_mean_amount_sum + panel.active_periods.sum() * np.log(unit)
    other = AmountPanel(panel.active_periods, panel.mean_amount_sum * unit, None, logs)
    one, two = GammaGamma().fit(panel), GammaGamma().fit(other)
    assert [two.p, two.q, two.k / unit] == pytest.approx([one.p, one.q, one.k], rel=1e-6)
    assert two.log_likelihood == pytest.approx(one.log_likelihood - panel.active_periods.sum() * np.log(unit), rel=1e-9)
    assert two.log_likelihood_of(other) == pytest.approx(two.log_likelihood, rel=1e-12)
    three = GammaGammaFaderHardie().fit(repeats)
    four = GammaGammaFaderHardie().fit(RepeatAmounts(repeats.repeat_purchases, repeats.mean_amount * unit))
    assert [four.p, four.q, four.gamma / unit] == pytest.approx([three.p, three.q, three.gamma], rel=1e-6)
    assert four.standard_errors["gamma"] / unit == pytest.approx(three.standard_errors["gamma"], rel=1e-5)
    assert four.log_likelihood == pytest.approx(three.log_likelihood - 2000 * np.log(unit), rel=1e-9)


def test_row_order_changes_no_digit():
    panel, repeats = panel_of(), repeats_of()
    order = np.random.default_rng(6).permutation(2000)
    other = AmountPanel(panel.active_periods[order], panel.mean_amount_sum[order], None, panel.log_mean_amount_sum)
    assert GammaGamma().fit(other).to_json() == GammaGamma().fit(panel).to_json()
    shuffled = RepeatAmounts(repeats.repeat_purchases[order], repeats.mean_amount[order])
    assert GammaGammaFaderHardie().fit(shuffled).to_json() == GammaGammaFaderHardie().fit(repeats).to_json()


def test_customers_without_amounts_teach_nothing():
    panel = panel_of()
    h, S = np.append(panel.active_periods, [0, 0]), np.append(panel.mean_amount_sum, [0, 0])
    with_idle = GammaGamma().fit(AmountPanel(h, S, None, panel.log_mean_amount_sum))
    assert with_idle.to_json() == GammaGamma().fit(panel).to_json()


# --- recovery


@pytest.mark.parametrize(("p", "q", "k"), [(8.57, 1.53, 3224.15), (1.2, 4.0, 300.0), (40.0, 0.8, 5.0)])
def test_fitting_the_panel_finds_the_truth(p, q, k):
    fit = GammaGamma().fit(panel_of(12, 20_000, GammaGammaFit.with_parameters(p=p, q=q, k=k)))
    assert fit.fallback is None
    for name, true in {"p": p, "q": q, "k": k}.items():
        assert abs(fit.parameters[name] - true) < 3 * fit.standard_errors[name]
        assert fit.standard_errors[name] < 0.1 * true


def test_fitting_the_averages_finds_the_truth():
    fit = GammaGammaFaderHardie().fit(repeats_of(2, 20_000))
    for name, true in REPEATS.parameters.items():
        assert abs(fit.parameters[name] - true) < 3 * fit.standard_errors[name]


# --- limits


def codes(fit):
    return [remark.code for remark in fit.diagnosis]


def test_equal_amounts_are_kept():
    panel = AmountPanel.from_periods([1, 1, 2, 3], [20.0] * 4)
    fit = GammaGamma().fit(panel)
    assert fit.fallback == "constant"
    assert fit.expected_amount(panel) == pytest.approx(20, rel=1e-6)
    assert fit.expected_amount_new_customer() == pytest.approx(20, rel=1e-5)
    repeats = GammaGammaFaderHardie().fit(RepeatAmounts([1, 2], [20.0, 20.0]))
    assert repeats.fallback == "constant"
    assert repeats.expected_amount(RepeatAmounts([3], [20.0])) == pytest.approx(20, rel=1e-6)


def test_steady_customers_keep_their_own_mean():
    rng = np.random.default_rng(0)
    own = stats.invgamma(3, scale=100).rvs(3000, random_state=rng)
    h = rng.integers(1, 5, 3000)
    panel = AmountPanel(h, h * own, None, float((h * np.log(own)).sum()))
    fit = GammaGamma().fit(panel)
    assert fit.fallback == "constant"
    assert fit.expected_amount(panel) == pytest.approx(own, rel=1e-5)
    assert fit.q == pytest.approx(3, rel=0.1)
    assert fit.expected_amount_new_customer() == pytest.approx(50, rel=0.1)


def test_alike_customers_get_the_common_mean():
    m = stats.gamma(4, scale=5).ppf((np.arange(600) + 0.5) / 600)
    customer = np.arange(600) % 200  # every customer gets a low, a middle and a high amount
    panel = AmountPanel.from_periods(customer, m)
    fit = GammaGamma().fit(panel)
    assert fit.fallback == "alike"
    assert fit.p == pytest.approx(stats.gamma.fit(m, floc=0)[0], rel=1e-4)
    assert fit.expected_amount(panel) == pytest.approx(m.mean(), rel=1e-6)
    expected = stats.gamma(fit.p, scale=m.mean() / fit.p).logpdf(m).sum()
    assert fit.log_likelihood == pytest.approx(expected, rel=1e-9)
    assert fit.log_likelihood_of(panel) == pytest.approx(expected, rel=1e-6)


def test_alike_customers_in_the_other_form():
    z = stats.gamma(4, scale=5).ppf((np.arange(300) + 0.5) / 300)
    x = np.repeat([1, 2, 3], 100)
    mean = np.concatenate([stats.gamma(4 * n, scale=5 / n).ppf((np.arange(100) + 0.5) / 100) for n in (1, 2, 3)])
    fit = GammaGammaFaderHardie().fit(RepeatAmounts(x, mean))
    assert fit.fallback == "alike"
    assert fit.expected_amount(RepeatAmounts(x, z)) == pytest.approx((x * mean).sum() / x.sum(), rel=1e-6)


def test_one_amount_each_cannot_be_told_apart():
    panel = AmountPanel.from_periods(np.arange(300), np.random.default_rng(0).lognormal(3, 1, 300))
    fit = GammaGamma().fit(panel)
    assert fit.fallback == "alike"
    assert codes(fit) == ["not_separable"]
    assert not fit.trusted
    assert fit.expected_amount(panel) == pytest.approx(panel.mean_amount_sum.mean(), rel=1e-5)


def test_one_customer():
    panel = AmountPanel.from_periods([1, 1, 1], [10.0, 30.0, 20.0])
    fit = GammaGamma().fit(panel)
    assert fit.expected_amount(panel) == pytest.approx([20], rel=1e-6)
    assert "few_customers" in codes(fit)


def test_one_purchase_in_all():
    fit = GammaGamma().fit(AmountPanel.from_periods([1], [10.0]))
    assert fit.expected_amount(AmountPanel([1], [10.0])) == pytest.approx([10], rel=1e-6)


def test_two_customers():
    panel = AmountPanel.from_periods([1, 1, 2, 2], [10.0, 11.0, 500.0, 600.0])
    fit = GammaGamma().fit(panel)
    assert fit.expected_amount(panel) == pytest.approx([10.5, 550], rel=0.2)


@pytest.mark.parametrize(
    "fit",
    [GammaGamma().fit(AmountPanel([], [], None, 0.0)), GammaGammaFaderHardie().fit(RepeatAmounts([0], [0]))],
)
def test_nothing_to_learn_from(fit):
    assert fit.fallback == "no_amounts"
    assert not fit.trusted
    assert fit.expected_amount_new_customer() == pytest.approx(0, abs=1e-9)


def test_infinite_mean_is_cut_at_the_largest_seen():
    heavy = GammaGammaFit.with_parameters(p=8.0, q=0.7, k=10.0)
    panel = panel_of(5, 3000, heavy)
    fit = GammaGamma().fit(panel)
    assert "heavy_tail" in codes(fit)
    largest = fit.observed["largest_mean_amount"]
    assert largest == pytest.approx((panel.mean_amount_sum / panel.active_periods).max())
    new = fit.expected_amount_new_customer()
    assert 0 < new < largest
    assert new == pytest.approx(fit.expected_amount_new_customer(largest), rel=1e-9)
    assert new < fit.expected_amount_new_customer(10 * largest)
    assert np.all(
        fit.expected_amount(panel)
        == fit.p * (fit.k + panel.mean_amount_sum) / (fit.p * panel.active_periods + fit.q - 1)
    )


def test_a_very_heavy_tail_stays_finite():
    wild = GammaGammaFit.with_parameters(p=0.3, q=0.4, k=10.0)
    panel = AmountPanel([0, 1, 9], [0, 5.0, 80.0])
    assert np.all(np.isfinite(wild.expected_amount(panel)))
    fit = GammaGamma().fit(panel_of(5, 3000, wild))
    assert "very_heavy_tail" in codes(fit)
    assert np.all(np.isfinite(fit.expected_amount(panel_of(5, 3000, wild))))


def test_much_history_outweighs_everybody_else():
    assert FIT.expected_amount(AmountPanel([100_000], [100_000 * 77.0])) == pytest.approx([77], rel=1e-3)
    assert FIT.expected_amount(AmountPanel([0], [0.0])) == pytest.approx(FIT.expected_amount_new_customer())
