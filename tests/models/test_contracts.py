"""Contracts, shifted beta-geometric and beta-discrete-Weibull: slow sums, published figures, limits, recovery."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
from scipy import optimize, special

from kezhi.models.beta_discrete_weibull import BetaDiscreteWeibull, BetaDiscreteWeibullFit
from kezhi.models.discrete_histories import ContractHistories
from kezhi.models.shifted_beta_geometric import (
    Occasions,
    ShiftedBetaGeometric,
    ShiftedBetaGeometricFit,
    digamma_gap,
    log_beta_ratio,
)

HIGH_END = [1000, 869, 743, 653, 593, 551, 517, 491]  # Fader and Hardie (2007), survivors by year
REGULAR = [1000, 631, 468, 382, 326, 289, 262, 241]
SEEN = ContractHistories([0, 3, 2, 0, 7, 3], [0, 0, 1, 1, 0, 0])
GEOMETRIC = ShiftedBetaGeometricFit.with_parameters(alpha=0.668, beta=3.806)
WEIBULL = BetaDiscreteWeibullFit.with_parameters(alpha=0.259, beta=1.722, c=1.584)
EITHER = pytest.mark.parametrize("fit", [GEOMETRIC, WEIBULL], ids=["sbg", "bdw"])


def slow_survival(fit, t):
    c = mp.mpf(fit.parameters.get("c", 1))
    return mp.beta(fit.alpha, fit.beta + mp.mpf(t) ** c) / mp.beta(fit.alpha, fit.beta)


def slow_log_likelihood(values, curve):
    """Straight from the definition, with scipy's own functions."""
    alpha, beta, c = values
    t = np.arange(len(curve))
    survival = np.exp(special.betaln(alpha, beta + t**c) - special.betaln(alpha, beta))
    return -np.diff(curve) @ np.log(-np.diff(survival)) + curve[-1] * np.log(survival[-1])


# --- published figures


@pytest.mark.parametrize(
    ("curve", "alpha", "beta", "log_likelihood"),
    [(HIGH_END, 0.668, 3.806, -1611.2), (REGULAR, 0.704, 1.182, -1680.3)],
)
def test_fader_and_hardie_2007(curve, alpha, beta, log_likelihood):
    fit = ShiftedBetaGeometric().fit(ContractHistories.from_survivors(curve))
    assert (round(fit.alpha, 3), round(fit.beta, 3), round(fit.log_likelihood, 1)) == (alpha, beta, log_likelihood)
    assert slow_log_likelihood((fit.alpha, fit.beta, 1), curve) == pytest.approx(fit.log_likelihood, rel=1e-12)
    assert fit.fallback is None
    assert fit.trusted


def test_high_end_with_a_clock_of_its_own():
    """Fader et al. (2018): alpha 0.259, beta 1.722, c 1.584 are of the first four renewals, 1000 to 593 customers."""
    fit = BetaDiscreteWeibull().fit(ContractHistories.from_survivors(HIGH_END[:5]))
    assert [round(value, 3) for value in fit.parameters.values()] == pytest.approx([0.259, 1.722, 1.584], abs=1.01e-3)


@pytest.mark.parametrize("curve", [HIGH_END, HIGH_END[:6], HIGH_END[:5], REGULAR, REGULAR[:5]])
def test_the_optimum_is_one(curve):
    """No slope there, and a slow optimiser without slopes, from elsewhere, climbs no higher."""
    evidence = Occasions.of(ContractHistories.from_survivors(curve))
    fit = BetaDiscreteWeibull().fit(ContractHistories.from_survivors(curve))
    logs = np.log(list(fit.parameters.values()))
    value, slope = evidence.slopes(logs)
    assert np.abs(slope).max() < 1e-5
    assert value == pytest.approx(slow_log_likelihood(np.exp(logs), curve), rel=1e-12)
    options = {"maxiter": 5_000, "maxfev": 5_000, "xatol": 1e-9, "fatol": 1e-10}
    other = optimize.minimize(
        lambda at: -slow_log_likelihood(np.exp(at), curve), np.log([0.5, 2, 1]), method="Nelder-Mead", options=options
    )
    assert -other.fun == pytest.approx(value, abs=1e-7)
    assert np.exp(other.x) == pytest.approx(np.exp(logs), rel=1e-3)


# --- agreement


@pytest.mark.parametrize("z", [1e-12, 0.3, 5, 9.9, 1e4, 1e9, 1e50])
@pytest.mark.parametrize("s", [1e-9, 1, 3.3, 1e3, 1e9, 1e60])
def test_beta_ratios_and_digamma_gaps_keep_their_digits(z, s):
    with mp.workdps(250):
        gap = float(mp.digamma(mp.mpf(z) + s) - mp.digamma(z))
        for a in (1e-9, 0.2, 7, 1e6, 1e9):
            Z, A, S = map(mp.mpf, (z, a, s))
            ratio = mp.loggamma(Z) - mp.loggamma(Z + A) - mp.loggamma(Z + S) + mp.loggamma(Z + A + S)
            assert log_beta_ratio(z, a, s) == pytest.approx(float(ratio), rel=2e-12)
    assert digamma_gap(z, s) == pytest.approx(gap, rel=1e-13)


@EITHER
def test_survival_and_retention(fit):
    t = np.arange(1, 30)
    slow = np.array([float(slow_survival(fit, k)) for k in range(30)])
    assert fit.survival(np.arange(30)) == pytest.approx(slow, rel=1e-12)
    assert fit.retention_rate(t) == pytest.approx(slow[1:] / slow[:-1], rel=1e-12)
    assert fit.p_churn(t) == pytest.approx(-np.diff(slow), rel=1e-9)
    assert fit.survival(3).shape == ()


def test_retention_as_printed():
    """r_t = (beta + t - 1) / (alpha + beta + t - 1), the paper's closed form."""
    t = np.arange(1, 200)
    assert GEOMETRIC.retention_rate(t) == pytest.approx((3.806 + t - 1) / (0.668 + 3.806 + t - 1), rel=1e-13)


@EITHER
def test_the_chance_of_staying_and_the_renewals_to_come(fit):
    alive, renewals = fit.p_alive(SEEN, 4), fit.expected_renewals(SEEN, 4)
    for i, (k, lost) in enumerate(zip(SEEN.renewals, SEEN.lost, strict=True)):
        stays = [float(slow_survival(fit, k + j) / slow_survival(fit, k)) * (1 - lost) for j in range(1, 5)]
        assert alive[i] == pytest.approx(stays[3], rel=1e-12)
        assert renewals[i] == pytest.approx(sum(stays), rel=1e-12)
    assert fit.p_alive(SEEN).tolist() == [1, 1, 0, 0, 1, 1]
    assert fit.expected_renewals(SEEN, 0).tolist() == [0] * 6
    each = np.array([0, 1, 2, 3, 4, 5])
    mixed = [float(fit.expected_renewals(SEEN, p)[i]) for i, p in enumerate(each)]
    assert fit.expected_renewals(SEEN, each) == pytest.approx(mixed, rel=1e-13)
    slow = sum(float(slow_survival(fit, t)) for t in range(1, 9))
    assert fit.expected_renewals_new_customer(8) == pytest.approx(slow, rel=1e-12)
    assert fit.expected_renewals_new_customer([[0, 8]]).shape == (1, 2)


@pytest.mark.parametrize("discount", [1e-6, 1e-3, 0.015, 0.1, 3.0])
def test_discounted_lifetimes_of_sbg_are_the_papers_2f1(discount):
    with mp.workdps(30):
        _compare_with_2f1(discount)


def _compare_with_2f1(discount):
    a, b = mp.mpf("0.668"), mp.mpf("3.806")
    v = 1 / (1 + mp.mpf(discount))
    new = float(mp.hyp2f1(1, b, a + b, v))
    assert GEOMETRIC.discounted_expected_lifetime(discount) == pytest.approx(new, rel=1e-11)
    each = GEOMETRIC.discounted_expected_lifetime(discount, SEEN)
    for i, (k, lost) in enumerate(zip(SEEN.renewals, SEEN.lost, strict=True)):
        n = int(k) + 1  # periods paid for
        slow = (b + n - 1) / (a + b + n - 1) * mp.hyp2f1(1, b + n, a + b + n, v) if not lost else 0
        assert each[i] == pytest.approx(float(slow), rel=1e-11)


@pytest.mark.parametrize("c", [0.4, 1.0, 1.584, 2.5])
@pytest.mark.parametrize("discount", [0.002, 0.2])
def test_discounted_lifetimes_of_bdw_against_the_plain_sum(c, discount):
    fit = BetaDiscreteWeibullFit.with_parameters(alpha=0.259, beta=1.722, c=c)
    t = np.arange(30_000.0)
    worth = np.exp(special.betaln(0.259, 1.722 + t**c) - special.betaln(0.259, 1.722) - t * np.log1p(discount))
    assert fit.discounted_expected_lifetime(discount) == pytest.approx(worth.sum(), rel=1e-10)
    after = fit.discounted_expected_lifetime(discount, ContractHistories([2], [0]))[0]
    assert after == pytest.approx(worth[3:].sum() / worth[2] * (1 + discount), rel=1e-10)


@EITHER
def test_lifetimes_agree_with_each_other(fit):
    new = ContractHistories([0], [0])
    assert fit.discounted_expected_lifetime(0.1) == pytest.approx(
        1 + fit.discounted_expected_lifetime(0.1, new)[0] / 1.1, rel=1e-14
    )
    for discount in (1e-300, 1e-9, 1e300):
        assert np.all(np.isfinite(fit.discounted_expected_lifetime(discount, SEEN)))


@EITHER
def test_likelihood_and_its_slope(fit):
    each = []
    for k, lost in zip(SEEN.renewals, SEEN.lost, strict=True):
        stays = slow_survival(fit, k)
        each.append(mp.log(stays - slow_survival(fit, k + 1) if lost else stays))
    assert fit.log_likelihood_of(SEEN) == pytest.approx(float(sum(each)), rel=1e-12)
    evidence = Occasions.of(ContractHistories([0, 3, 2, 0, 7, 3, 2000], [0, 0, 1, 1, 0, 1, 1], [5, 2, 9, 40, 1, 3, 1]))
    logs = np.log([fit.alpha, fit.beta, fit.parameters.get("c", 1.0)])
    _, slope = evidence.slopes(logs)
    for i, step in enumerate(np.eye(3) * 1e-5):
        up, down = evidence.slopes(logs + step)[0], evidence.slopes(logs - step)[0]
        assert slope[i] == pytest.approx((up - down) / 2e-5, rel=1e-6)


@EITHER
def test_simulated_contracts_follow_the_curve(fit):
    seen = fit.simulate(np.random.default_rng(5), np.full(20_000, 6))
    assert np.all((seen.lost == 1) == (seen.renewals < 6))
    for t in range(1, 7):
        share = float(fit.survival(t))
        assert abs((seen.renewals >= t).mean() - share) < 4 * np.sqrt(share * (1 - share) / 20_000)


# --- evidence


def test_a_retention_curve_as_contracts():
    seen = ContractHistories.from_survivors([1000, 869, 743])
    assert seen.renewals.tolist() == [0, 1, 2]
    assert seen.lost.tolist() == [1, 1, 0]
    assert seen.customers.tolist() == [131, 126, 743]
    assert len(ContractHistories.from_survivors([])) == 0
    assert ContractHistories.from_survivors([5]).customers.tolist() == [5]


@pytest.mark.parametrize("model", [ShiftedBetaGeometric, BetaDiscreteWeibull])
def test_weights_and_row_order(model):
    rng = np.random.default_rng(1)
    seen = WEIBULL.simulate(rng, rng.integers(0, 9, 2_000))
    order = rng.permutation(2_000)
    cells, customers = np.unique(np.stack([seen.renewals, seen.lost]), axis=1, return_counts=True)
    fit = model().fit(seen)
    assert model().fit(ContractHistories(seen.renewals[order], seen.lost[order])).to_json() == fit.to_json()
    assert model().fit(ContractHistories(*cells, customers)).to_json() == fit.to_json()
    assert model().fit({"renewals": seen.renewals, "lost": seen.lost}).to_json() == fit.to_json()
    assert type(fit).from_json(fit.to_json()).to_json() == fit.to_json()
    assert fit.log_likelihood_of(seen) == pytest.approx(fit.log_likelihood, rel=1e-12)


# --- recovery


@pytest.mark.parametrize(
    ("model", "values"),
    [
        (ShiftedBetaGeometric, {"alpha": 0.668, "beta": 3.806}),
        (ShiftedBetaGeometric, {"alpha": 2.0, "beta": 9.0}),
        (BetaDiscreteWeibull, {"alpha": 0.259, "beta": 1.722, "c": 1.584}),
        (BetaDiscreteWeibull, {"alpha": 3.0, "beta": 9.0, "c": 0.7}),
    ],
)
def test_fitting_finds_the_truth(model, values):
    kind = {ShiftedBetaGeometric: ShiftedBetaGeometricFit, BetaDiscreteWeibull: BetaDiscreteWeibullFit}[model]
    truth = kind.with_parameters(**values)
    rng = np.random.default_rng(20_000)
    seen = truth.simulate(rng, rng.integers(0, 25, 20_000))
    fit = model().fit(seen)
    assert fit.fallback is None
    assert fit.trusted
    for name, value in values.items():
        assert abs(fit.parameters[name] - value) < 3 * fit.standard_errors[name]
    total = truth.expected_renewals(seen, 12).sum()
    assert fit.expected_renewals(seen, 12).sum() == pytest.approx(total, rel=0.02)


def test_standard_errors_are_the_spread_of_estimates():
    rng = np.random.default_rng(4)
    fits = [ShiftedBetaGeometric().fit(GEOMETRIC.simulate(rng, np.full(2_000, 7))) for _ in range(20)]
    spread = np.std([np.log(fit.beta) for fit in fits])
    claimed = np.mean([fit.standard_errors["beta"] / fit.beta for fit in fits])
    assert claimed == pytest.approx(spread, rel=0.35)


# --- limits


def test_a_clock_of_power_one_is_the_shifted_beta_geometric_model():
    same = BetaDiscreteWeibullFit.with_parameters(alpha=0.668, beta=3.806, c=1.0)
    t = np.arange(50)
    assert same.survival(t) == pytest.approx(GEOMETRIC.survival(t), rel=1e-14)
    assert same.expected_renewals(SEEN, 9) == pytest.approx(GEOMETRIC.expected_renewals(SEEN, 9), rel=1e-14)
    assert same.discounted_expected_lifetime(0.01) == pytest.approx(
        float(GEOMETRIC.discounted_expected_lifetime(0.01)), rel=1e-13
    )
    assert same.log_likelihood_of(SEEN) == pytest.approx(GEOMETRIC.log_likelihood_of(SEEN), rel=1e-14)


def test_alike_customers_leave_geometrically():
    curve = 1e5 * 0.8 ** np.arange(8)
    fit = ShiftedBetaGeometric().fit(ContractHistories.from_survivors(curve))
    assert fit.fallback == "geometric"
    assert fit.survival(20) == pytest.approx(0.8**20, rel=1e-6)
    assert fit.discounted_expected_lifetime(0.1) == pytest.approx(1 / (1 - 0.8 / 1.1), rel=1e-6)


def test_alike_customers_on_a_clock_leave_as_a_discrete_weibull():
    curve = 1e5 * np.exp(-0.1 * np.arange(8) ** 1.7)
    fit = BetaDiscreteWeibull().fit(ContractHistories.from_survivors(curve))
    assert fit.fallback == "discrete_weibull"
    assert fit.c == pytest.approx(1.7, rel=1e-6)
    assert fit.survival([1, 5, 9]) == pytest.approx(np.exp(-0.1 * np.array([1, 5, 9]) ** 1.7), rel=1e-6)


ODD = {
    "empty": (ContractHistories([], []), "no_customers"),
    "without weight": (ContractHistories([3], [1], [0]), "no_customers"),
    "all new": (ContractHistories([0, 0], [0, 0]), "no_time"),
    "nobody left": (ContractHistories.from_survivors([100, 100, 100]), "nobody_left"),
    "one, still there": (ContractHistories([3], [0]), "nobody_left"),
    "all left at once": (ContractHistories.from_survivors([100, 0]), "everybody_left"),
    "one, left": (ContractHistories([5], [1]), "geometric"),
    "one renewal date": (ContractHistories.from_survivors([1000, 700]), "geometric"),
    "now or never": (ContractHistories.from_survivors([1000, 600, 600, 600]), "now_or_never"),
    "fixed term": (ContractHistories.from_survivors([1000, 1000, 1000, 0]), "geometric"),
    "two dates": (ContractHistories.from_survivors([1000, 500, 400]), None),
    "long ago": (ContractHistories([0, 100_000, 7], [0, 0, 1], [5, 1, 1]), None),
    "nearly a term": (ContractHistories.from_survivors([1e6, 999_000, 998_000, 10_000, 5_000, 4_900]), "geometric"),
    "millions": (ContractHistories.from_survivors([1e9, 5e8, 499_999_999, 499_999_000]), None),
}


@pytest.mark.parametrize("case", list(ODD))
@pytest.mark.parametrize("model", [ShiftedBetaGeometric, BetaDiscreteWeibull])
def test_odd_data_have_finite_answers_and_a_reason(model, case):
    seen, fallback = ODD[case]
    fit = model().fit(seen)
    if model is ShiftedBetaGeometric or fallback not in (None, "geometric"):
        assert fit.fallback == fallback
    for remark in fit.diagnosis:
        assert remark.en.endswith(".")
        assert remark.zh.endswith("。")
    assert len(fit.diagnosis) >= 1
    assert tuple(fit.standard_errors) == fit.names
    assert np.all(np.isfinite(fit.covariance))
    assert fit.log_likelihood_of(seen) == pytest.approx(fit.log_likelihood, rel=1e-9)
    asked = ContractHistories([0, 1, 40, 2], [0, 0, 0, 1])
    answers = [fit.p_alive(asked, 3), fit.expected_renewals(asked, 100_000), fit.survival([0, 1, 5, 9])]
    answers += [fit.discounted_expected_lifetime(d, asked) for d in (1e-9, 0.1, 1e9)]
    answers += [fit.retention_rate([1, 2, 5, 9]), fit.p_churn([1, 2, 5, 9])]
    for answer in answers:
        assert answer.shape == (4,)
        assert np.all(np.isfinite(answer) & (answer >= 0))
    drawn = fit.simulate(np.random.default_rng(0), [0, 4, 100_000])
    assert (drawn.renewals[0], drawn.lost[0]) == (0, 0)


def test_too_few_dates_for_a_clock():
    fit = BetaDiscreteWeibull().fit(ContractHistories.from_survivors([1000, 500, 400]))
    simple = ShiftedBetaGeometric().fit(ContractHistories.from_survivors([1000, 500, 400]))
    assert fit.fallback == "shifted_beta_geometric"
    assert fit.parameters == {**simple.parameters, "c": 1.0}
    assert fit.standard_errors["c"] == 0


def test_losses_on_one_date_hold_the_clock():
    fit = BetaDiscreteWeibull().fit(ContractHistories.from_survivors([1e6, 999_000, 998_000, 10_000, 5_000, 4_900]))
    assert fit.c <= 50
    assert fit.survival([2, 3]) == pytest.approx([0.998, 0.01], abs=0.08)


# --- misuse


def test_misuse_is_named():
    with pytest.raises(ValueError, match="lost must be 0 or 1"):
        ContractHistories([1], [0.5])
    with pytest.raises(ValueError, match="renewals must be whole"):
        ContractHistories([1.5], [0])
    with pytest.raises(ValueError, match="renewals must be at most"):
        ContractHistories([1e9], [0])
    with pytest.raises(ValueError, match="survivors must not grow"):
        ContractHistories.from_survivors([10, 11])
    with pytest.raises(ValueError, match="survivors must not be negative"):
        ContractHistories.from_survivors([10, -1])
    with pytest.raises(ValueError, match="table has no column lost"):
        ShiftedBetaGeometric().fit({"renewals": [1]})
    with pytest.raises(ValueError, match="t must be at least 1"):
        GEOMETRIC.retention_rate(0)
    with pytest.raises(ValueError, match="periods must be whole"):
        GEOMETRIC.expected_renewals(SEEN, 0.5)
    with pytest.raises(ValueError, match="periods must be one number or one per history"):
        GEOMETRIC.p_alive(SEEN, [1, 2])
    for bad in (0, -0.1, np.nan, np.inf):
        with pytest.raises(ValueError, match="discount must be finite and above 0"):
            GEOMETRIC.discounted_expected_lifetime(bad)
    with pytest.raises(ValueError, match="must not both be 0"):
        ShiftedBetaGeometricFit.with_parameters(alpha=0, beta=0)
    with pytest.raises(ValueError, match="c must be at most 50"):
        BetaDiscreteWeibullFit.with_parameters(alpha=1, beta=1, c=51)
