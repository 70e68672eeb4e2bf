"""BG/CNBD-k and MBG/CNBD-k: answers against slow sums and integrals, k = 1, the choice of k, invariance, recovery."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, special, stats

from kezhi.models import PurchaseHistories
from kezhi.models.beta_evidence import Evidence
from kezhi.models.bg_cnbd_k import BGCNBDk, BGCNBDkFit, MBGCNBDk, MBGCNBDkFit
from kezhi.models.bg_nbd import BGNBD, MBGNBD, BGNBDFit, MBGNBDFit
from kezhi.models.staged_activity import StagedActivity

FITS = [BGCNBDkFit, MBGCNBDkFit]
KINDS = [(BGCNBDk, BGCNBDkFit), (MBGCNBDk, MBGCNBDkFit)]
PAIRS = [(BGCNBDkFit, BGNBDFit), (MBGCNBDkFit, MBGNBDFit)]
GIVEN = {"r": 1.7, "alpha": 4.0, "a": 0.9, "b": 2.3}
SEEN = PurchaseHistories([0, 1, 7, 0, 2], [0, 2.5, 11, 0, 3.0], [3.0, 4.5, 12, 0, 30.0])


def chances(kind, x):
    return x + (kind is MBGCNBDkFit)


def over_rates(function, fit):
    """Average of function(rate) over the prior."""
    law = stats.gamma(fit.r, scale=1 / fit.alpha)
    parts = [(0, 0.5), (0.5, 2), (2, 8), (8, np.inf)]
    return sum(
        integrate.quad(lambda g: function(g) * law.pdf(g), *part, epsabs=1e-15, epsrel=1e-11)[0] for part in parts
    )


def over_leaving(fit, left, stayed):
    """Average of p^left (1 - p)^stayed over the prior."""
    return np.exp(special.betaln(fit.a + left, fit.b + stayed) - special.betaln(fit.a, fit.b))


def silence(k, rate, periods):
    """P(no purchase in so many periods after one)."""
    return special.gammaincc(k, k * rate * periods)


# --- agreement


@pytest.mark.parametrize("kind", FITS)
@pytest.mark.parametrize("k", [1, 2, 5])
def test_likelihood_and_activity_are_integrals_over_both_heterogeneities(kind, k):
    fit = kind.with_parameters(k=k, **GIVEN)
    logs, alive = [], []
    rows = PurchaseHistories([0, 1, 4], [0, 2.5, 6.0], [3.0, 4.5, 12.0])
    for x, t, T in zip(rows.repeat_purchases, rows.last_purchase_at, rows.observed_periods, strict=True):
        m = chances(kind, x)

        def came(g, x=x, t=t):
            """Density of t given x purchases, over that of a Poisson process's t given its times."""
            if x == 0:
                return 1.0
            poisson = (x - 1) * np.log(t) - special.gammaln(x)
            return np.exp(stats.gamma(k * x, scale=1 / (k * g)).logpdf(t) - poisson)

        here = over_rates(lambda g, came=came, w=T - t: came(g) * silence(k, g, w), fit) * over_leaving(fit, 0, m)
        gone = over_rates(came, fit) * over_leaving(fit, 1, m - 1) if m else 0.0
        logs.append(np.log(here + gone))
        alive.append(here / (here + gone))
    assert fit.log_likelihood_of(rows) == pytest.approx(sum(logs), rel=1e-8)
    assert fit.p_alive(rows) == pytest.approx(alive, rel=1e-8)


def future(activity, row, start, end, most=1_500):
    """E[N], E[N (N - 1)] and P(N = n) of who is active, summed over phases and stages before and in the window."""
    k, shape, rate, b = activity.k, activity.shape[row], activity.rate[row], activity.b[row]
    n = np.arange(most)
    table = np.zeros(most)
    for j, phase in enumerate(activity.phases[row]):
        before = stats.nbinom.pmf(n, shape + j, rate / (rate + start)) if start else (n == 0) * 1.0
        for stages in np.flatnonzero(before > 1e-13):
            bought, there = (j + stages) // k, (j + stages) % k
            stay = np.exp(special.betaln(activity.a, b + bought) - special.betaln(activity.a, b))
            inside = stats.nbinom.pmf(n, shape + j + stages, (rate + start) / (rate + end))
            counts = np.bincount((there + n) // k, weights=inside, minlength=most)
            at_least = np.cumsum(counts[::-1])[::-1]
            on = np.exp(special.betaln(activity.a, b + bought + n) - special.betaln(activity.a, b + bought))
            reach = np.concatenate([[1.0], at_least[1:most] * on[: most - 1], [0.0]])
            weight = phase * before[stages]
            table += weight * stay * (reach[:-1] - reach[1:])
            table[0] += weight * (1 - stay)
    return (table * n).sum(), (table * n * (n - 1)).sum(), table


@pytest.mark.parametrize("kind", FITS)
@pytest.mark.parametrize(("k", "start", "end"), [(2, 0, 3), (2, 1, 3), (3, 1.5, 3), (4, 0.5, 2.5), (7, 0.5, 2)])
def test_windows_are_sums_over_stages(kind, k, start, end):
    active = kind.with_parameters(k=k, r=1.7, alpha=4.0, a=0.6, b=2.3).activity(SEEN)
    mean, product, none = active.expected(start, end), active.product(start, end), active.none(start, end)
    table = active.distribution(end, 20)
    for row in (0, 1, 3, 4):
        slow = future(active, row, start, end)
        assert mean[row] == pytest.approx(slow[0], rel=1e-9)
        assert product[row] == pytest.approx(slow[1], rel=1e-8)
        assert none[row] == pytest.approx(slow[2][0], rel=1e-9)
        if start == 0:
            assert table[row] == pytest.approx(slow[2][:21], abs=1e-12)


@pytest.mark.parametrize("a", [0.0, 1e-9, 1e-3, 20.0])
def test_windows_hold_for_every_readiness_to_leave(a):
    active = MBGCNBDkFit.with_parameters(k=3, r=1.7, alpha=4.0, a=a or 1e-300, b=2.3).activity(SEEN)
    exact = MBGCNBDkFit.with_parameters(k=3, r=1.7, alpha=4.0, a=a, b=2.3).activity(SEEN)
    slow = future(active, 4, 1.5, 30.0)
    assert exact.expected(1.5, 30.0)[4] == pytest.approx(slow[0], rel=1e-8)
    assert exact.product(1.5, 30.0)[4] == pytest.approx(slow[1], rel=1e-7)
    assert exact.none(1.5, 30.0)[4] == pytest.approx(slow[2][0], rel=1e-9)


def test_a_small_b_costs_a_few_digits():
    """BG with b below 1 and a customer without a repeat purchase: sums over roots cancel where p is next to 1."""
    active = BGCNBDkFit.with_parameters(k=4, r=1.7, alpha=4.0, a=0.6, b=0.2).activity(SEEN)
    slow = future(active, 0, 0.5, 2.5)
    assert active.expected(0.5, 2.5)[0] == pytest.approx(slow[0], rel=1e-6)
    assert active.none(0.5, 2.5)[0] == pytest.approx(slow[2][0], rel=1e-6)


@pytest.mark.parametrize(("kind", "plain"), PAIRS)
def test_one_stage_is_the_plain_model(kind, plain):
    one, other = kind.with_parameters(k=1, **GIVEN), plain.with_parameters(**GIVEN)
    assert one.log_likelihood_of(SEEN) == other.log_likelihood_of(SEEN)
    assert one.p_alive(SEEN).tolist() == other.p_alive(SEEN).tolist()
    assert one.purchases_by_state(SEEN, 3).tolist() == other.purchases_by_state(SEEN, 3).tolist()
    shape, rate = one.posterior(SEEN)
    staged = StagedActivity(1, shape, rate, np.ones((len(SEEN), 1)), one.a, one.b + one._chances(SEEN))
    for question in ("expected", "product", "none"):
        mine, plainly = getattr(staged, question)(1.0, 5.0), getattr(other.activity(SEEN), question)(1.0, 5.0)
        assert mine == pytest.approx(plainly, rel=1e-11)
    assert staged.distribution(5.0, 9) == pytest.approx(other.activity(SEEN).distribution(5.0, 9), rel=1e-11)


@pytest.mark.parametrize("k", [2, 3, 12])
def test_counts_add_up_and_agree_with_the_moments(k):
    fit = MBGCNBDkFit.with_parameters(k=k, **GIVEN)
    table = fit.purchase_distribution(SEEN, 9.0, 600)
    n = np.arange(table.shape[1])
    mean, product, none = fit.window_moments(SEEN, 9.0)
    assert table.sum(axis=1) == pytest.approx(1, rel=1e-9)
    assert (table * n).sum(axis=1) == pytest.approx(mean, rel=1e-8)
    assert (table * n * (n - 1)).sum(axis=1) == pytest.approx(product, rel=1e-7)
    assert table[:, 0] == pytest.approx(none, rel=1e-9)


def test_the_longer_the_silence_the_nearer_the_next_purchase_of_the_regular():
    fit = BGCNBDkFit.with_parameters(k=6, **GIVEN)
    waited = fit.activity(PurchaseHistories([5, 5], [5.0, 5.9], [6.0, 6.0])).expected(0, 0.5)
    assert waited[0] > 1.5 * waited[1]


@pytest.mark.parametrize("kind", FITS)
def test_posterior_has_the_mean_and_variance_of_the_mixture(kind):
    fit = kind.with_parameters(k=3, **GIVEN)
    shape, rate = fit.posterior(SEEN)
    for i, (x, t, T) in enumerate(
        zip(SEEN.repeat_purchases, SEEN.last_purchase_at, SEEN.observed_periods, strict=True)
    ):

        def weigh(g, power, x=x, t=t, T=T):
            return g ** (3 * x + power) * np.exp(-3 * g * t) * silence(3, g, T - t)

        total, once, twice = (over_rates(lambda g, n=n, weigh=weigh: weigh(g, n), fit) for n in (0, 1, 2))
        mean, square = once / total, twice / total
        assert shape[i] / rate[i] == pytest.approx(mean, rel=1e-7)
        assert shape[i] / rate[i] ** 2 == pytest.approx(square - mean**2, rel=1e-6)


@pytest.mark.parametrize("kind", FITS)
@pytest.mark.parametrize("k", [2, 4])
def test_slope_and_curvature_are_those_of_the_value(kind, k):
    rng = np.random.default_rng(3)
    seen = kind.with_parameters(k=k, **GIVEN).simulate(rng, rng.uniform(0, 30, 300))
    evidence = Evidence.of(seen, float(seen.observed_periods.mean()), kind.may_leave_at_once)
    at = np.array([0.3, -0.4, -0.6, 0.8])
    value, slope, curvature = evidence.objective(k, at)
    assert evidence.slopes(k, at)[1] == pytest.approx(slope, rel=1e-13)
    for i, step in enumerate(np.eye(4) * 1e-5):
        up, down = evidence.objective(k, at + step), evidence.objective(k, at - step)
        assert slope[i] == pytest.approx((up[0] - down[0]) / 2e-5, rel=1e-6)
        assert curvature[i] == pytest.approx((up[1] - down[1]) / 2e-5, rel=1e-6, abs=1e-6)
    r, alpha, a, b = np.exp(at)
    fit = kind.with_parameters(k=k, r=r, alpha=alpha * evidence.unit, a=a, b=b)
    constant = evidence.regularity(k, None) - seen.repeat_purchases.sum() * np.log(evidence.unit)
    assert fit.log_likelihood_of(seen) == pytest.approx(value + constant, rel=1e-11)


@pytest.mark.parametrize("kind", FITS)
def test_drawn_purchases_have_the_expected_mean(kind):
    fit, rng = kind.with_parameters(k=3, **GIVEN), np.random.default_rng(5)
    drawn = np.array([fit.simulate_purchases(rng, SEEN, 6) for _ in range(4_000)])
    error = drawn.std(axis=0) / np.sqrt(len(drawn)) + 1e-4
    assert np.all(np.abs(drawn.mean(axis=0) - fit.expected_purchases(SEEN, 6)) < 4 * error)


def play(kind, fit, rng, T):
    """One customer, purchase by purchase: count, last time, sum of the logs of the times between."""
    rate, leaving = rng.gamma(fit.r, 1 / fit.alpha), rng.beta(fit.a, fit.b)
    x, now, logs = 0, 0.0, 0.0
    gone = kind.may_leave_at_once and rng.random() < leaving
    while not gone:
        waited = rng.gamma(fit.k, 1 / (fit.k * rate))
        if now + waited > T:
            break
        x, now, logs = x + 1, now + waited, logs + np.log(waited)
        gone = rng.random() < leaving
    return x, now, logs


@pytest.mark.parametrize("kind", FITS)
def test_simulated_histories_are_those_of_customers_played_purchase_by_purchase(kind):
    fit, rng = kind.with_parameters(k=3, **GIVEN), np.random.default_rng(9)
    quick = fit.simulate(rng, np.full(4_000, 8.0))
    played = np.array([play(kind, fit, rng, 8.0)[:2] for _ in range(4_000)])
    for mine, slow in zip((quick.repeat_purchases, quick.last_purchase_at), played.T, strict=True):
        error = np.sqrt((mine.var() + slow.var()) / 4_000)
        assert abs(mine.mean() - slow.mean()) < 4 * error
        assert (mine == 0).mean() == pytest.approx((slow == 0).mean(), abs=0.05)


# --- the choice of k


@pytest.mark.parametrize(("maker", "kind"), KINDS)
@pytest.mark.parametrize("k", [1, 3])
def test_k_is_found_with_and_without_the_times_between(maker, kind, k):
    rng = np.random.default_rng(7)
    truth = kind.with_parameters(k=k, **GIVEN)
    played = np.array([play(kind, truth, rng, 12.0) for _ in range(1_500)])
    seen = PurchaseHistories(played[:, 0], played[:, 1], np.full(1_500, 12.0))
    logs = float(played[:, 2].sum())
    full, some, given = maker(log_interval_sum=logs).fit(seen), maker().fit(seen), maker(k=k).fit(seen)
    assert full.k == some.k == k
    for fit in (full, some):
        assert fit.standard_errors["k"] == 0
        assert fit.parameters == pytest.approx(given.parameters, rel=1e-5)
    assert some.log_likelihood == pytest.approx(some.log_likelihood_of(seen), rel=1e-11)
    for other in (k - 1, k + 1):
        if other:
            assert maker(k=other, log_interval_sum=logs).fit(seen).log_likelihood < full.log_likelihood
            assert maker(k=other).fit(seen).log_likelihood < some.log_likelihood


def test_the_density_of_all_purchase_times():
    """With the times between, the likelihood is that of every purchase, as BTYDplus reports it."""
    fit = MBGCNBDk(k=2, log_interval_sum=float(np.log([1.0, 1.5, 2.0]).sum())).fit(
        PurchaseHistories([2, 1, 0], [2.5, 2.0, 0], [6.0, 5.0, 4.0])
    )
    rows = [([1.0, 1.5], 2.5, 6.0), ([2.0], 2.0, 5.0), ([], 0.0, 4.0)]
    r, alpha, a, b = (fit.parameters[name] for name in ("r", "alpha", "a", "b"))
    assert r > 1e8 or a > 0
    total = 0.0
    for between, t, T in rows:
        x, s = len(between), r + 2 * len(between)
        here = np.exp(special.betaln(a, b + x + 1) - special.betaln(a, b)) if a else 1.0
        gone = np.exp(special.betaln(a + 1, b + x) - special.betaln(a, b)) if a else 0.0
        A = alpha / 2
        common = special.gammaln(s) - special.gammaln(r) - 2 * x * np.log(A)
        stages = [np.exp(-s * np.log1p(T / A)), s * (T - t) / A * np.exp(-(s + 1) * np.log1p(T / A))]
        left = np.exp(-s * np.log1p(t / A))
        total += common + np.log(here * sum(stages) + gone * left) + np.log(between).sum()
    assert fit.log_likelihood == pytest.approx(total, rel=1e-5)


@pytest.mark.parametrize(("maker", "plain"), [(BGCNBDk, BGNBD), (MBGCNBDk, MBGNBD)])
def test_one_stage_fits_as_the_plain_model(maker, plain):
    seen = BGNBDFit.with_parameters(**GIVEN).simulate(np.random.default_rng(4), np.full(600, 20.0))
    one, other = maker(k=1).fit(seen), plain().fit(seen)
    assert one.k == 1
    assert one.log_likelihood == other.log_likelihood
    assert [one.parameters[name] for name in other.parameters] == list(other.parameters.values())
    assert one.covariance[1:, 1:].tolist() == other.covariance.tolist()


# --- invariance, recovery, limits


@pytest.mark.parametrize("unit", [7.0, 1 / 365.25])
def test_unit_of_time(unit):
    rng = np.random.default_rng(2)
    seen = MBGCNBDkFit.with_parameters(k=2, **GIVEN).simulate(rng, rng.uniform(5, 40, 1_500))
    other = PurchaseHistories(seen.repeat_purchases, seen.last_purchase_at * unit, seen.observed_periods * unit)
    one, two = MBGCNBDk().fit(seen), MBGCNBDk().fit(other)
    assert (one.k, two.k) == (2, 2)
    assert two.alpha / unit == pytest.approx(one.alpha, rel=1e-6)
    assert [two.r, two.a, two.b] == pytest.approx([one.r, one.a, one.b], rel=1e-6)
    moved = one.log_likelihood - seen.repeat_purchases.sum() * np.log(unit)
    assert two.log_likelihood == pytest.approx(moved, rel=1e-9)
    assert two.expected_purchases(other, 3 * unit) == pytest.approx(one.expected_purchases(seen, 3), rel=1e-6)


def test_row_order_and_splitting_rows_change_no_digit():
    rng = np.random.default_rng(1)
    seen = BGCNBDkFit.with_parameters(k=2, **GIVEN).simulate(rng, rng.integers(1, 30, 800) * 1.0)
    rows = (seen.repeat_purchases, seen.last_purchase_at, seen.observed_periods)
    order = rng.permutation(800)
    assert BGCNBDk().fit(PurchaseHistories(*(row[order] for row in rows))).to_json() == BGCNBDk().fit(seen).to_json()
    twice = PurchaseHistories(*(np.tile(row, 2) for row in rows))
    doubled = PurchaseHistories(*rows, np.full(800, 2.0))
    assert BGCNBDk().fit(twice).to_json() == BGCNBDk().fit(doubled).to_json()


@pytest.mark.parametrize(("maker", "kind"), KINDS)
def test_fitting_finds_the_truth(maker, kind):
    rng = np.random.default_rng(20_000)
    truth = kind.with_parameters(k=3, r=0.85, alpha=4.35, a=0.79, b=2.42)
    seen = truth.simulate(rng, rng.integers(24, 60, 20_000) * 1.0)
    fit = maker().fit(seen)
    assert fit.k == 3
    assert fit.fallback is None
    assert [remark.code for remark in fit.diagnosis] == ["fitted"]
    for name in ("r", "alpha", "a", "b"):
        value = truth.parameters[name]
        assert abs(fit.parameters[name] - value) < 3 * fit.standard_errors[name]
        assert fit.standard_errors[name] < 0.2 * value
    total, true = fit.expected_purchases(seen, 26).sum(), truth.expected_purchases(seen, 26).sum()
    assert total == pytest.approx(true, rel=0.02)


def test_regular_buyers_who_never_leave():
    truth = BGCNBDkFit.with_parameters(k=3, r=2.0, alpha=4.0, a=0, b=1)
    seen = truth.simulate(np.random.default_rng(8), np.full(2_000, 20.0))
    fit = MBGCNBDk().fit(seen)
    assert fit.k == 3
    assert fit.fallback == "cnbd_k" or fit.a / fit.b < 0.01
    assert abs(fit.r - 2) < 3 * fit.standard_errors["r"]
    mean, _, none = truth.window_moments(seen, 4.0)
    renewal = truth.purchase_distribution(seen, 4.0)
    assert (renewal * np.arange(renewal.shape[1])).sum(axis=1) == pytest.approx(mean, rel=1e-6)
    assert renewal[:, 0] == pytest.approx(none, rel=1e-9)


def test_wide_tables_of_many_customers_are_filled_piece_by_piece(monkeypatch):
    fit = MBGCNBDkFit.with_parameters(k=2, **GIVEN)
    whole = [fit.purchase_distribution(SEEN, 3, 9), *fit.window_moments(SEEN, 3, 2)]
    monkeypatch.setattr("kezhi.models.staged_activity._CELLS", 40)
    monkeypatch.setattr("kezhi.models.beta_expectation._CELLS", 400)
    pieces = [fit.purchase_distribution(SEEN, 3, 9), *fit.window_moments(SEEN, 3, 2)]
    for one, other in zip(whole, pieces, strict=True):
        assert other == pytest.approx(one, rel=1e-11)


def test_misuse_is_named():
    with pytest.raises(ValueError, match="k must be a whole number"):
        BGCNBDk(k=0)
    with pytest.raises(ValueError, match="k must be a whole number"):
        BGCNBDkFit.with_parameters(k=1.5, **GIVEN)
    with pytest.raises(ValueError, match="log_interval_sum must be a finite number"):
        MBGCNBDk(log_interval_sum=float("nan"))
    with pytest.raises(ValueError, match="log_interval_sum is larger than the histories allow"):
        MBGCNBDk(log_interval_sum=1.0).fit(PurchaseHistories([2], [2.0], [3.0]))
