"""BG/NBD and MBG/NBD: answers against slow sums and integrals, limits, invariance, recovery."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from scipy import special, stats

from kezhi.models import NBD, NBDFit, PurchaseHistories
from kezhi.models.beta_evidence import Evidence, Search, _search
from kezhi.models.beta_expectation import average, beta_rule
from kezhi.models.bg_nbd import BGNBD, MBGNBD, BGNBDFit, MBGNBDFit

KINDS = [(BGNBD, BGNBDFit), (MBGNBD, MBGNBDFit)]
FITS = [BGNBDFit, MBGNBDFit]
GIVEN = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}
SEEN = PurchaseHistories([0, 1, 7, 0, 2], [0, 2.5, 11, 0, 3.0], [3.0, 4.5, 12, 0, 30.0])


def chances(kind, x):
    return x + (kind is MBGNBDFit)


def over_both(function, fit):
    """Average of function(rate, p) over the priors, by Gauss's rules for both."""
    rate, of_rate = special.roots_genlaguerre(60, fit.r - 1)
    y, of_y = special.roots_jacobi(60, fit.a - 1, fit.b - 1)
    values = function(rate[:, None] / fit.alpha, (1 - y) / 2)
    return of_rate @ values @ of_y / of_rate.sum() / of_y.sum()


def future(fit, x, T, kind, start, end, most=4_000):
    """E[N], E[N (N - 1)], P(N = 0) and P(N = n) of who is active, summed over counts before and in the window."""
    shape, rate, b = fit.r + x, fit.alpha + T, fit.b + chances(kind, x)
    n = np.arange(most)
    stay = np.exp(special.betaln(fit.a, b + n) - special.betaln(fit.a, b))
    before = stats.nbinom.pmf(n, shape, rate / (rate + start)) if start else (n == 0) * 1.0
    table = np.zeros(1_000)
    for m in np.flatnonzero(before * stay > 1e-14)[:200]:
        inside = stats.nbinom.pmf(n, shape + m, (rate + start) / (rate + end))
        at_least = np.cumsum(inside[::-1])[::-1]
        on = np.exp(special.betaln(fit.a, b + m + n) - special.betaln(fit.a, b + m))
        reach = np.concatenate([[1.0], at_least[1:] * on[:-1]])  # P(N >= i) of who is active after m purchases
        table += before[m] * stay[m] * (reach[:-1] - reach[1:])[:1_000]
    table[0] += 1 - (before * stay).sum()
    count = np.arange(1_000)
    return (table * count).sum(), (table * count * (count - 1)).sum(), table[0], table


# --- agreement


@pytest.mark.parametrize("kind", FITS)
def test_likelihood_and_activity_are_integrals_over_both_heterogeneities(kind):
    fit = kind.with_parameters(r=1.7, alpha=4.0, a=1.4, b=2.3)
    rows = PurchaseHistories([0, 1, 4], [0, 2.5, 6.0], [3.0, 4.5, 12.0])
    logs, alive = [], []
    for x, t, T in zip(rows.repeat_purchases, rows.last_purchase_at, rows.observed_periods, strict=True):
        m = chances(kind, x)
        here = over_both(lambda g, p, m=m, x=x, T=T: g**x * (1 - p) ** m * np.exp(-g * T), fit)
        gone = over_both(lambda g, p, m=m, x=x, t=t: g**x * p * (1 - p) ** (m - 1) * np.exp(-g * t), fit) if m else 0
        logs.append(np.log(here + gone))
        alive.append(here / (here + gone))
    assert fit.log_likelihood_of(rows) == pytest.approx(sum(logs), rel=1e-7)
    assert fit.p_alive(rows) == pytest.approx(alive, rel=1e-6)


@pytest.mark.parametrize("kind", FITS)
@pytest.mark.parametrize(("start", "end"), [(0.0, 2.0), (1.5, 4.0), (0.0, 9.0)])
def test_windows_are_sums_over_counts(kind, start, end):
    fit = kind.with_parameters(r=1.7, alpha=4.0, a=0.6, b=2.3)
    active = fit.activity(SEEN)
    slow = [
        future(fit, x, T, kind, start, end) for x, T in zip(SEEN.repeat_purchases, SEEN.observed_periods, strict=True)
    ]
    assert active.expected(start, end) == pytest.approx([each[0] for each in slow], rel=1e-9)
    assert active.product(start, end) == pytest.approx([each[1] for each in slow], rel=1e-8)
    assert active.none(start, end) == pytest.approx([each[2] for each in slow], rel=1e-9)
    if start == 0:
        table = np.array([each[3] for each in slow])
        assert active.distribution(end, 30) == pytest.approx(table[:, :31], rel=1e-8, abs=1e-13)


@pytest.mark.parametrize(
    ("r", "alpha", "a", "b", "x", "T", "t"),
    [
        (0.243, 4.414, 0.793, 2.426, 2, 38.86, 39),
        (0.243, 4.414, 0.793, 2.426, 0, 5.0, 520),
        (2.0, 4.0, 1e-4, 3.0, 5, 30.0, 50),
        (2.0, 4.0, 1e-4, 1e-3, 0, 30.0, 50),
        (0.5, 4.0, 30.0, 40.0, 3, 30.0, 50),
        (0.5, 4.0, 0.8, 2.0, 100_000, 500.0, 20.0),
        (3e4, 1e4, 2e5, 3e5, 4, 10.0, 8.0),
    ],
)
def test_expected_purchases_are_the_published_hypergeometric_form(r, alpha, a, b, x, T, t):
    fit = BGNBDFit.with_parameters(r=r, alpha=alpha, a=a, b=b)
    with mpmath.workdps(40):
        z = mpmath.mpf(t) / (alpha + T + t)
        fade = ((alpha + T) / mpmath.mpf(alpha + T + t)) ** (r + x)
        power = mpmath.hyp2f1(r + x, b + x, a + b + x - 1, z) if x < 1e4 else _tail_series(r + x, b + x, a, z)
        published = (a + b + x - 1) / mpmath.mpf(a - 1) * (1 - fade * power)
    active = fit.activity(PurchaseHistories([x], [T if x else 0], [T]))
    assert active.expected(0, t)[0] == pytest.approx(float(published), rel=2e-9)


def _tail_series(shape, b, a, z):
    """2F1(shape, b; a + b - 1; z) by its terms, for shapes where mpmath gives up."""
    term, total, n = mpmath.mpf(1), mpmath.mpf(0), 0
    while n < 100 or term > total * mpmath.mpf(10) ** -30:
        total += term
        term *= (shape + n) * (b + n) / (a + b - 1 + n) * z / (n + 1)
        n += 1
    return total


@pytest.mark.parametrize(("a", "b"), [(0.8, 2.4), (1e-3, 5.0), (3.0, 1e-3), (1e-9, 1e-9), (50.0, 1e6), (1e9, 2e9)])
def test_beta_rules_keep_moments(a, b):
    rule = beta_rule(a, np.array([b]))
    first = a / (a + b)
    second = first * (a + 1) / (a + b + 1)
    assert rule.weight.sum() == pytest.approx(1, rel=1e-12)
    assert (rule.weight * rule.p).sum() == pytest.approx(first, rel=1e-11)
    assert (rule.weight * rule.p**2).sum() == pytest.approx(second, rel=1e-9)
    assert average(lambda p, y: y * y, a, np.array([b]))[0] == pytest.approx(1 - 2 * first + second, rel=1e-9)


@pytest.mark.parametrize("kind", FITS)
def test_counts_add_up_and_agree_with_the_moments(kind):
    fit = kind.with_parameters(**GIVEN)
    table = fit.purchase_distribution(SEEN, 30.0, 4_000)
    n = np.arange(table.shape[1])
    mean, product, none = fit.window_moments(SEEN, 30.0)
    assert table.sum(axis=1) == pytest.approx(1, rel=1e-9)
    assert (table * n).sum(axis=1) == pytest.approx(mean, rel=1e-9)
    assert (table * n * (n - 1)).sum(axis=1) == pytest.approx(product, rel=1e-7)
    assert table[:, 0] == pytest.approx(none, rel=1e-11)


@pytest.mark.parametrize("kind", FITS)
def test_windows_of_different_customers_and_steps_add_up(kind):
    fit = kind.with_parameters(**GIVEN)
    ends = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    each = [fit.expected_purchases(SEEN, end)[i] for i, end in enumerate(ends)]
    assert fit.expected_purchases(SEEN, ends) == pytest.approx(each, rel=1e-12)
    parts = fit.expected_purchases(SEEN, 4.0) + fit.expected_purchases(SEEN, 3.0, 4.0)
    assert parts == pytest.approx(fit.expected_purchases(SEEN, 7.0), rel=1e-12)


def test_a_new_customer_is_active_under_bg_and_with_a_chance_under_mbg():
    new = PurchaseHistories([0], [0], [0])
    assert BGNBDFit.with_parameters(**GIVEN).p_alive(new).tolist() == [1]
    assert MBGNBDFit.with_parameters(**GIVEN).p_alive(new) == pytest.approx([2.426 / (0.793 + 2.426)], rel=1e-14)


@pytest.mark.parametrize("kind", FITS)
def test_slope_and_curvature_are_those_of_the_value(kind):
    rng = np.random.default_rng(3)
    seen = kind.with_parameters(r=0.8, alpha=5, a=0.8, b=2.5).simulate(rng, rng.uniform(0, 30, 300))
    evidence = Evidence.of(seen, float(seen.observed_periods.mean()), kind.may_leave_at_once)
    at = np.array([0.3, -0.4, -0.6, 0.8])
    _, slope, curvature = evidence.objective(1, at)
    assert evidence.slopes(1, at)[1] == pytest.approx(slope, rel=1e-13)
    for i, step in enumerate(np.eye(4) * 1e-5):
        up, down = evidence.objective(1, at + step), evidence.objective(1, at - step)
        assert slope[i] == pytest.approx((up[0] - down[0]) / 2e-5, rel=1e-6)
        assert curvature[i] == pytest.approx((up[1] - down[1]) / 2e-5, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("kind", FITS)
def test_drawn_purchases_have_the_expected_moments(kind):
    fit, rng = kind.with_parameters(**GIVEN), np.random.default_rng(5)
    drawn = np.array([fit.simulate_purchases(rng, SEEN, 20) for _ in range(4_000)])
    error = drawn.std(axis=0) / np.sqrt(len(drawn)) + 1e-4
    assert np.all(np.abs(drawn.mean(axis=0) - fit.expected_purchases(SEEN, 20)) < 4 * error)
    silent = fit.p_no_purchase(SEEN, 20)
    assert (drawn == 0).mean(axis=0) == pytest.approx(silent, abs=4 * 0.5 / np.sqrt(len(drawn)))


@pytest.mark.parametrize("kind", FITS)
def test_simulated_histories_are_those_of_customers_played_purchase_by_purchase(kind):
    fit, rng = kind.with_parameters(r=1.5, alpha=3.0, a=0.9, b=1.8), np.random.default_rng(9)
    quick = fit.simulate(rng, np.full(4_000, 8.0))
    played = np.array([play(kind, fit, rng, 8.0) for _ in range(4_000)])
    for mine, slow in zip((quick.repeat_purchases, quick.last_purchase_at), played.T, strict=True):
        error = np.sqrt((mine.var() + slow.var()) / 4_000)
        assert abs(mine.mean() - slow.mean()) < 4 * error
        assert (mine == 0).mean() == pytest.approx((slow == 0).mean(), abs=0.05)


def play(kind, fit, rng, T, k=1):
    rate, leaving = rng.gamma(fit.r, 1 / fit.alpha), rng.beta(fit.a, fit.b)
    x, now = 0, 0.0
    gone = kind.may_leave_at_once and rng.random() < leaving
    while not gone:
        waited = rng.gamma(k, 1 / (k * rate))
        if now + waited > T:
            break
        x, now = x + 1, now + waited
        gone = rng.random() < leaving
    return x, now


# --- invariance


@pytest.mark.parametrize(("maker", "kind"), KINDS)
def test_row_order_and_splitting_rows_change_no_digit(maker, kind):
    rng = np.random.default_rng(1)
    seen = kind.with_parameters(**GIVEN).simulate(rng, rng.integers(1, 30, 1_500) * 1.0)
    order = rng.permutation(1_500)
    rows = (seen.repeat_purchases, seen.last_purchase_at, seen.observed_periods)
    shuffled = PurchaseHistories(*(row[order] for row in rows))
    twice = PurchaseHistories(*(np.tile(row, 2) for row in rows))
    doubled = PurchaseHistories(*rows, np.full(1_500, 2.0))
    assert maker().fit(shuffled).to_json() == maker().fit(seen).to_json()
    assert maker().fit(twice).to_json() == maker().fit(doubled).to_json()


@pytest.mark.parametrize(("maker", "kind"), KINDS)
@pytest.mark.parametrize("unit", [7.0, 1 / 365.25])
def test_unit_of_time(maker, kind, unit):
    rng = np.random.default_rng(2)
    seen = kind.with_parameters(**GIVEN).simulate(rng, rng.uniform(1, 60, 1_500))
    other = PurchaseHistories(seen.repeat_purchases, seen.last_purchase_at * unit, seen.observed_periods * unit)
    one, two = maker().fit(seen), maker().fit(other)
    assert two.alpha / unit == pytest.approx(one.alpha, rel=1e-6)
    for name in ("r", "a", "b"):
        assert two.parameters[name] == pytest.approx(one.parameters[name], rel=1e-6)
        assert two.standard_errors[name] == pytest.approx(one.standard_errors[name], rel=1e-5)
    moved = one.log_likelihood - seen.repeat_purchases.sum() * np.log(unit)
    assert two.log_likelihood == pytest.approx(moved, rel=1e-9)
    assert two.expected_purchases(other, 3 * unit) == pytest.approx(one.expected_purchases(seen, 3), rel=1e-6)


@pytest.mark.parametrize(("maker", "kind"), KINDS)
def test_many_histories_are_fitted_as_few_are(maker, kind):
    """The first search is on a part of them; the answer must be that of the search on all."""
    rng = np.random.default_rng(6)
    seen = kind.with_parameters(r=1.2, alpha=5, a=0.8, b=2.0).simulate(rng, rng.uniform(1, 40, 60_000))
    search = Search.of(seen, kind.may_leave_at_once)
    assert len(search.evidence) > 40_000
    whole = _search(search.evidence, 1, search._starts()[:2], {})
    assert maker().fit(seen).r == pytest.approx(whole.parameters[0], rel=1e-7)


# --- recovery


@pytest.mark.parametrize(("maker", "kind"), KINDS)
@pytest.mark.parametrize(("r", "alpha", "a", "b"), [(0.243, 4.414, 0.793, 2.426), (1.9, 20.0, 0.6, 1.6)])
def test_fitting_finds_the_truth(maker, kind, r, alpha, a, b):
    rng = np.random.default_rng(20_000)
    truth = kind.with_parameters(r=r, alpha=alpha, a=a, b=b)
    seen = truth.simulate(rng, rng.uniform(40, 104, 20_000))
    fit = maker().fit(seen)
    assert fit.fallback is None
    assert [remark.code for remark in fit.diagnosis] == ["fitted"]
    for name, value in truth.parameters.items():
        assert abs(fit.parameters[name] - value) < 3 * fit.standard_errors[name]
        assert fit.standard_errors[name] < 0.25 * value
    assert fit.log_likelihood_of(seen) == pytest.approx(fit.log_likelihood, rel=1e-11)
    total, true = fit.expected_purchases(seen, 52).sum(), truth.expected_purchases(seen, 52).sum()
    assert total == pytest.approx(true, rel=0.02)


# --- limits


@pytest.mark.parametrize("kind", FITS)
def test_without_leaving_every_answer_is_that_of_nbd(kind):
    fit, nbd = kind.with_parameters(r=0.8, alpha=3, a=0, b=1), NBDFit.with_parameters(a=3, b=0.8)
    near = kind.with_parameters(r=0.8, alpha=3, a=1e-12, b=1)
    for one, rel in ((fit, 1e-12), (near, 1e-7)):
        assert one.p_alive(SEEN) == pytest.approx(1, rel=rel)
        assert one.log_likelihood_of(SEEN) == pytest.approx(nbd.log_likelihood_of(SEEN), rel=rel)
        for mine, other in zip(one.window_moments(SEEN, 3, 2), nbd.window_moments(SEEN, 3, 2), strict=True):
            assert mine == pytest.approx(other, rel=rel)
        assert one.purchase_distribution(SEEN, 3, 9) == pytest.approx(nbd.purchase_distribution(SEEN, 3, 9), rel=rel)
        assert one.purchases_by_state(SEEN, 3) == pytest.approx(nbd.purchases_by_state(SEEN, 3), rel=rel)
    rng = np.random.default_rng(0)
    assert fit.simulate(rng, np.full(3, 9.0)).observed_periods.tolist() == [9, 9, 9]


@pytest.mark.parametrize(("maker", "kind"), KINDS)
@pytest.mark.parametrize("x", [[1, 2, 3, 4, 5], [1, 1, 2, 10, 30]])
def test_nobody_leaving_falls_back_to_nbd_openly(maker, kind, x):
    seen = PurchaseHistories(x * 8, [9.9] * 40, [10.0] * 40)  # all have just been here
    fit, nbd = maker().fit(seen), NBD().fit(seen)
    assert fit.fallback == ("poisson" if nbd.fallback else "nbd")
    assert "nobody_leaves" in [remark.code for remark in fit.diagnosis]
    assert (fit.a, fit.b, fit.r, fit.alpha) == (0, 1, nbd.b, nbd.a)
    assert fit.standard_errors["a"] == 0
    assert fit.log_likelihood == pytest.approx(nbd.log_likelihood, rel=1e-12)
    assert fit.expected_purchases(seen, 5) == pytest.approx(nbd.expected_purchases(seen, 5), rel=1e-12)


@pytest.mark.parametrize(("maker", "kind"), KINDS)
def test_alike_customers_are_said_to_be_alike(maker, kind):
    """Those who differ less than chance would make them: one rate; all leave alike: one chance."""
    seen = PurchaseHistories([2] * 60 + [3] * 60, [1.0] * 60 + [1.4] * 60, [6.0] * 120)
    fit = maker().fit(seen)
    assert fit.fallback == "one_rate_one_dropout"
    assert {"poisson", "one_dropout"} <= {remark.code for remark in fit.diagnosis}
    assert np.all(np.isfinite(list(fit.standard_errors.values())))
    mean, _, none = fit.window_moments(seen, 10)
    assert np.all((mean > 0) & (none < 1))
    rate, p = fit.r / fit.alpha, fit.a / (fit.a + fit.b)
    assert fit.activity(seen).expected(0, 10) == pytest.approx(-np.expm1(-rate * p * 10) / p, rel=1e-6)


def test_two_kinds_of_customers():
    """Half never come back, half come all the time until the end."""
    seen = PurchaseHistories([0] * 50 + [19, 20, 21, 20, 20] * 10, [0] * 50 + [9.9] * 50, [10.0] * 100)
    fit = MBGNBD().fit(seen)
    assert fit.fallback is not None
    assert fit.fallback.endswith("two_kinds")
    assert fit.p_alive(seen)[[0, -1]] == pytest.approx([0, 1], abs=1e-6)
    assert fit.p_alive(PurchaseHistories([0], [0], [0])) == pytest.approx([0.5], rel=0.01)


@pytest.mark.parametrize("maker", [BGNBD, MBGNBD])
@pytest.mark.parametrize(
    ("seen", "fallback"),
    [
        (PurchaseHistories([], [], []), "no_customers"),
        (PurchaseHistories([0], [0], [3], [0]), "no_customers"),
        (PurchaseHistories([0, 0], [0, 0], [0, 0]), "no_time"),
        (PurchaseHistories([0, 0], [0, 0], [5, 1]), "no_repeat"),
    ],
)
def test_nothing_to_learn_from(maker, seen, fallback):
    fit = maker().fit(seen)
    assert fit.fallback == fallback
    assert not fit.trusted
    assert fit.expected_purchases(seen, 3).tolist() == [0] * len(seen)
    assert fit.p_purchases(0, seen, 3).tolist() == [1] * len(seen)
    assert fit.simulate(np.random.default_rng(0), np.array([4.0])).repeat_purchases.tolist() == [0]


def test_a_million_purchases():
    fit = BGNBDFit.with_parameters(**GIVEN)
    heavy = PurchaseHistories([1e6, 1e6], [5.0, 4.0], [5.0, 5.0])
    assert fit.p_alive(heavy) == pytest.approx([1, 0], abs=1e-5)
    assert fit.expected_purchases(heavy, 1e-5)[0] == pytest.approx(1e6 / 9.414 * 1e-5, rel=1e-5)
    for each in fit.window_moments(heavy, 1e4, 7.0):
        assert np.all(np.isfinite(each))


@pytest.mark.parametrize("name", ["alpha", "b"])
def test_impossible_parameters(name):
    with pytest.raises(ValueError, match=f"parameter {name} must be above 0"):
        BGNBDFit.with_parameters(**{**GIVEN, name: 0.0})
