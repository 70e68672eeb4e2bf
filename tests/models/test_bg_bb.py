"""BG/BB: closed forms against a slow sum over dropout times, limits, invariance, recovery."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest

from kezhi.models.bg_bb import BGBB, BGBBFit
from kezhi.models.discrete_histories import OpportunityHistories
from kezhi.models.opportunity_evidence import OpportunityEvidence

TRUTH = {"alpha": 1.2, "beta": 0.75, "gamma": 0.66, "delta": 2.8}
FIT = BGBBFit.with_parameters(**TRUTH)
SEEN = OpportunityHistories([0, 1, 2, 6, 3, 0], [0, 1, 5, 6, 4, 0], [6, 6, 6, 6, 9, 0])
EXTREMES = [(1.2, 0.75, 0.66, 2.8), (0.01, 3.0, 1.0, 0.2), (4e8, 6e8, 0.3, 0.7), (2.0, 3.0, 3e8, 7e8), (2, 1, 0, 1)]


def slow_history(fit, x, t_x, n, alive_through):
    """P(this history, active at least through opportunity `alive_through` or, without it, whatever happened)."""
    a, b, c, d = (mp.mpf(value) for value in fit.parameters.values())

    def used(x, missed):
        return mp.rf(a, x) * mp.rf(b, missed) / mp.rf(a + b, x + missed)

    def active_at_exactly(k):
        if c == 0:
            return mp.mpf(0)
        return c * mp.rf(d, k) / mp.rf(c + d, k + 1)

    if alive_through is not None:
        return used(x, n - x) * mp.rf(d, alive_through) / mp.rf(c + d, alive_through)
    gone = sum(used(x, k - x) * active_at_exactly(k) for k in range(t_x, n))
    return gone + slow_history(fit, x, t_x, n, n)


def slow_counts(fit, x, t_x, n, begin, length):
    """P(N = 0, 1, ..., length) in the window, over the opportunity before which the customer drops out."""
    a, b, c, d = (mp.mpf(value) for value in fit.parameters.values())
    alive = slow_history(fit, x, t_x, n, n) / slow_history(fit, x, t_x, n, None)
    counts = [1 - alive] + [mp.mpf(0)] * length

    def stays(k):
        return mp.rf(d + n, k) / mp.rf(c + d + n, k)

    for k in range(begin + length + 1):
        chance = alive * (stays(k) - (stays(k + 1) if k < begin + length else 0))
        within = max(k - begin, 0)
        for j in range(within + 1):
            of = mp.rf(a + x, j) * mp.rf(b + n - x, within - j) / mp.rf(a + b + n, within)
            counts[j] += chance * mp.binomial(within, j) * of
    return counts


def rows(seen):
    columns = (seen.repeat_purchases, seen.last_purchase_at, seen.opportunities)
    return [tuple(map(int, row)) for row in zip(*columns, strict=True)]


# --- agreement


@pytest.mark.parametrize("values", EXTREMES)
def test_likelihood_and_p_alive_against_the_sum_over_dropout_times(values):
    fit = BGBBFit.with_parameters(**dict(zip(FIT.names, values, strict=True)))
    with mp.workdps(50):
        chances = [slow_history(fit, *row, None) for row in rows(SEEN)]
        assert fit.log_likelihood_of(SEEN) == pytest.approx(float(sum(mp.log(one) for one in chances)), rel=1e-11)
        for ahead in (0, 1, 4):
            slow = [
                float(slow_history(fit, x, t, n, n + ahead) / one)
                for (x, t, n), one in zip(rows(SEEN), chances, strict=True)
            ]
            assert fit.p_alive(SEEN, ahead) == pytest.approx(slow, rel=1e-11)
    assert fit.p_alive(SEEN) == pytest.approx(fit.p_alive(SEEN, 1))


@pytest.mark.parametrize("values", EXTREMES)
@pytest.mark.parametrize(("begin", "length"), [(0, 5), (3, 4), (2, 0)])
def test_windows_against_the_sum_over_dropout_times(values, begin, length):
    fit = BGBBFit.with_parameters(**dict(zip(FIT.names, values, strict=True)))
    with mp.workdps(50):
        slow = np.array([[float(p) for p in slow_counts(fit, *row, begin, length)] for row in rows(SEEN)])
    n = np.arange(length + 1)
    mean, pairs, none = fit.window_moments(SEEN, length, begin)
    assert mean == pytest.approx(slow @ n, rel=1e-10)
    assert pairs == pytest.approx(slow @ (n * (n - 1)), rel=1e-10)
    assert none == pytest.approx(slow[:, 0], rel=1e-10)
    assert fit.expected_purchases(SEEN, length, begin) == pytest.approx(mean, rel=1e-14)
    assert fit.purchase_variance(SEEN, length, begin) == pytest.approx(slow @ n**2 - (slow @ n) ** 2, rel=1e-8)
    if begin == 0:
        table = fit.purchase_distribution(SEEN, length)
        assert table == pytest.approx(slow, rel=1e-10, abs=1e-300)
        assert fit.p_purchases(n[:, None], SEEN, length) == pytest.approx(slow.T, rel=1e-10, abs=1e-300)
        assert fit.p_no_purchase(SEEN, length) == pytest.approx(slow[:, 0], rel=1e-10)


def test_the_closed_forms_of_the_paper():
    """Conditional expectation and DERT as Fader, Hardie and Shang print them, with gamma functions and 2F1."""
    a, b, c, d = (mp.mpf(value) for value in TRUTH.values())
    expected, discounted = FIT.expected_purchases(SEEN, 7), FIT.discounted_expected_purchases(SEEN, 0.1)
    for i, (x, t_x, n) in enumerate(rows(SEEN)):
        front = mp.beta(a + x + 1, b + n - x) / mp.beta(a, b) / slow_history(FIT, x, t_x, n, None)
        steps = [mp.gamma(1 + d + k) / mp.gamma(c + d + k) for k in (n, n + 7)]
        closed = front * d / (c - 1) * mp.gamma(c + d) / mp.gamma(1 + d) * (steps[0] - steps[1])
        assert expected[i] == pytest.approx(float(closed), rel=1e-11)
        tail = mp.hyp2f1(1, d + n + 1, c + d + n + 1, 1 / mp.mpf("1.1"))
        dert = front * mp.beta(c, d + n + 1) / mp.beta(c, d) / mp.mpf("1.1") * tail
        assert discounted[i] == pytest.approx(float(dert), rel=1e-11)


def test_windows_may_differ_from_customer_to_customer():
    length, begin = np.array([0, 3, 5, 1, 7, 2]), np.array([2, 0, 1, 4, 0, 3])
    mixed = FIT.window_moments(SEEN, length, begin)
    table = FIT.purchase_distribution(SEEN, length)
    assert table.shape == (6, 8)
    for i in range(6):
        alone = FIT.window_moments(SEEN, int(length[i]), int(begin[i]))
        for one, other in zip(mixed, alone, strict=True):
            assert one[i] == pytest.approx(other[i], rel=1e-13)
        assert table[i, : length[i] + 1] == pytest.approx(FIT.purchase_distribution(SEEN, length[i])[i], rel=1e-12)
        assert np.all(table[i, length[i] + 1 :] == 0)


def test_new_customers():
    new = OpportunityHistories([0], [0], [0])
    assert FIT.expected_purchases_new_customer(6) == pytest.approx(FIT.expected_purchases(new, 6)[0], rel=1e-14)
    assert FIT.expected_purchases_new_customer([[0, 2], [6, 9]]).shape == (2, 2)
    chances = FIT.p_purchases_new_customer(np.arange(8), 6)
    assert chances[:7].sum() == pytest.approx(1, rel=1e-13)
    assert chances[7] == 0
    assert chances[:7] @ np.arange(7) == pytest.approx(FIT.expected_purchases_new_customer(6), rel=1e-12)
    assert FIT.p_purchases_new_customer(1.5, 6) == 0


def test_histories_of_one_length_have_all_the_probability():
    cells = [(0, 0)] + [(x, t) for t in range(1, 6) for x in range(1, t + 1)]
    ways = [float(mp.binomial(t - 1, x - 1)) if t else 1.0 for x, t in cells]
    each = [FIT.log_likelihood_of(OpportunityHistories([x], [t], [5])) for x, t in cells]
    assert np.exp(each) @ ways == pytest.approx(1, rel=1e-13)


@pytest.mark.parametrize("values", [(1.2, 0.7, 0.6, 2.8), (30, 0.02, 5, 0.1), (3e8, 5e8, 2, 9), (1.2, 0.7, 1e-9, 1)])
def test_slopes_are_those_of_the_value(values):
    evidence = OpportunityEvidence.of(FIT.simulate(np.random.default_rng(3), np.arange(1, 300) % 9))
    values = np.array(values, dtype=float)
    value, slope = evidence.slopes(values)
    for i, step in enumerate(np.eye(4) * 1e-5):
        up, down = evidence.slopes(values * np.exp(step))[0], evidence.slopes(values * np.exp(-step))[0]
        assert slope[i] == pytest.approx((up - down) / 2e-5, rel=1e-6, abs=1e-6 * abs(value))


def test_many_tables_say_the_same_as_one(monkeypatch):
    seen = FIT.simulate(np.random.default_rng(4), np.arange(500) % 12)
    values = np.array(list(TRUTH.values()))
    value, slope = OpportunityEvidence.of(seen).slopes(values)
    alive, table = FIT.p_alive(seen), FIT.purchase_distribution(seen, 6)
    monkeypatch.setattr("kezhi.models.opportunity_evidence._CELLS", 20)
    monkeypatch.setattr("kezhi.models.bg_bb._CELLS", 20)
    evidence = OpportunityEvidence.of(seen)
    assert len(evidence.tables) > 10
    assert evidence.slopes(values)[0] == pytest.approx(value, rel=1e-13)
    assert evidence.slopes(values)[1] == pytest.approx(slope, rel=1e-11)
    assert FIT.p_alive(seen) == pytest.approx(alive, rel=1e-13)
    assert FIT.purchase_distribution(seen, 6) == pytest.approx(table, rel=1e-13)


def test_simulated_purchases_have_the_expected_mean():
    columns = (SEEN.repeat_purchases, SEEN.last_purchase_at, SEEN.opportunities)
    many = OpportunityHistories(*(np.tile(column, 4_000) for column in columns))
    drawn = FIT.simulate_purchases(np.random.default_rng(5), many, 4).reshape(4_000, 6)
    error = drawn.std(axis=0) / np.sqrt(len(drawn))
    assert np.all(np.abs(drawn.mean(axis=0) - FIT.expected_purchases(SEEN, 4)) < 4 * error)


def test_simulated_histories_have_the_probabilities_of_the_model():
    seen = FIT.simulate(np.random.default_rng(6), np.full(20_000, 3))
    cells, counts = np.unique(np.stack([seen.repeat_purchases, seen.last_purchase_at]), axis=1, return_counts=True)
    for (x, t), count in zip(cells.T, counts, strict=True):
        ways = float(mp.binomial(t - 1, x - 1)) if t else 1.0
        share = ways * np.exp(FIT.log_likelihood_of(OpportunityHistories([x], [t], [3])))
        assert abs(count - 20_000 * share) < 4 * np.sqrt(20_000 * share)


# --- invariance


def test_weights_and_row_order():
    rng = np.random.default_rng(8)
    once = FIT.simulate(rng, np.tile([3, 5, 8], 400))
    order = rng.permutation(1200)
    columns = [once.repeat_purchases, once.last_purchase_at, once.opportunities]
    shuffled = OpportunityHistories(*(column[order] for column in columns))
    cells, customers = np.unique(np.stack(columns), axis=1, return_counts=True)
    grouped = OpportunityHistories(*cells, customers)
    fit = BGBB().fit(once)
    assert BGBB().fit(shuffled).to_json() == fit.to_json()
    assert BGBB().fit(grouped).to_json() == fit.to_json()
    assert fit.log_likelihood_of(grouped) == pytest.approx(fit.log_likelihood, rel=1e-12)


def test_names_of_columns():
    table = {"frequency": [0, 2], "recency": [0, 3], "periods": [6, 6], "customers": [5, 4]}
    seen = OpportunityHistories.of(table)
    assert seen.opportunities.tolist() == [6, 6]
    assert seen.customers.tolist() == [5, 4]
    assert OpportunityHistories.of(seen) is seen


def test_a_fit_survives_json():
    fit = BGBB().fit(FIT.simulate(np.random.default_rng(1), np.full(300, 6)))
    assert BGBBFit.from_json(fit.to_json()).to_json() == fit.to_json()


# --- recovery


@pytest.mark.parametrize(
    ("values", "within"),
    # the last: rare buyers, 1.0 purchases each; the parameters' standard errors alone make 3.3 % of the total
    [(tuple(TRUTH.values()), 0.02), ((3.0, 2.0, 1.5, 12.0), 0.02), ((0.6, 3.0, 1.5, 9.0), 0.1)],
)
def test_fitting_finds_the_truth(values, within):
    rng = np.random.default_rng(20_000)
    truth = BGBBFit.with_parameters(**dict(zip(FIT.names, values, strict=True)))
    seen = truth.simulate(rng, rng.integers(1, 13, 20_000))
    fit = BGBB().fit(seen)
    assert fit.fallback is None
    assert fit.trusted
    for name, value in truth.parameters.items():
        assert abs(fit.parameters[name] - value) < 3 * fit.standard_errors[name]
    total = truth.expected_purchases(seen, 10).sum()
    assert fit.expected_purchases(seen, 10).sum() == pytest.approx(total, rel=within)


# --- limits


def test_without_dropout_it_is_the_beta_binomial():
    truth = BGBBFit.with_parameters(alpha=1.5, beta=2.5, gamma=0, delta=1)
    seen = OpportunityHistories([0, 1, 3, 5], [0, 3, 8, 8], [8, 8, 8, 8])
    assert truth.p_alive(seen).tolist() == [1, 1, 1, 1]
    assert truth.expected_purchases(seen, 4) == pytest.approx((1.5 + seen.repeat_purchases) / 12 * 4, rel=1e-13)
    near = BGBBFit.with_parameters(alpha=1.5, beta=2.5, gamma=1e-12, delta=1)
    assert near.log_likelihood_of(seen) == pytest.approx(truth.log_likelihood_of(seen), rel=1e-9)


def test_alike_customers_are_coins_until_they_drop_out():
    p, theta = 0.3, 0.2
    fit = BGBBFit.with_parameters(alpha=0.3e9, beta=0.7e9, gamma=0.2e9, delta=0.8e9)
    stays = (1 - theta) ** np.arange(1, 6)
    assert fit.expected_purchases_new_customer(5) == pytest.approx(p * stays.sum(), rel=1e-8)
    assert fit.expected_purchases(SEEN, 2)[3] == pytest.approx(p * stays[:2].sum(), rel=1e-7)


@pytest.mark.parametrize(
    ("values", "fallback"),
    [
        ((4e8, 6e8, 0.66, 2.8), "alike_buying"),
        ((1.2, 0.75, 2e8, 8e8), "alike_leaving"),
        ((1.2, 0.75, 0, 1), "beta_binomial"),
        ((4e8, 6e8, 0, 1), "binomial"),
        ((4e8, 6e8, 1e8, 9e8), "alike_buying+alike_leaving"),
        ((1.0, 0.0, 1.0, 4.0), "always_buying"),
    ],
)
def test_a_limit_in_truth_is_at_most_a_limit_in_the_fit(values, fallback):
    truth = BGBBFit.with_parameters(**dict(zip(FIT.names, values, strict=True)))
    cells = [(0, 0)] + [(x, t) for t in range(1, 7) for x in range(1, t + 1)]
    ways = [float(mp.binomial(t - 1, x - 1)) if t else 1.0 for x, t in cells]
    each = [truth.log_likelihood_of(OpportunityHistories([x], [t], [6])) for x, t in cells]
    x, t = np.array(cells).T
    seen = OpportunityHistories(x, t, np.full(len(x), 6), 1e4 * np.exp(each) * ways)  # data exactly as expected
    fit = BGBB().fit(seen)
    assert fit.fallback == fallback
    assert fit.log_likelihood == pytest.approx(truth.log_likelihood_of(seen), abs=2e-4)
    assert fit.log_likelihood_of(seen) == pytest.approx(fit.log_likelihood, rel=1e-9)
    assert fit.expected_purchases(seen, 5) == pytest.approx(truth.expected_purchases(seen, 5), rel=1e-2, abs=1e-6)


ODD = {
    "no_customers": ([], [], []),
    "no_time": ([0], [0], [0]),
    "no_repeat": ([0, 0], [0, 0], [5, 1]),
    "all_used": ([5, 2], [5, 2], [5, 2]),
    "binomial": ([0, 1], [0, 1], [1, 1], [70, 30]),
    "alike_leaving": ([0, 1, 1, 2], [0, 1, 2, 2], [2] * 4, [50, 20, 10, 20]),
    "beta_binomial": ([0, 1, 1, 2], [0, 1, 2, 2], [2] * 4, [50, 5, 30, 20]),
    "always_buying+alike_leaving": ([2], [2], [5]),
    "always_buying+split_leaving": ([0, 6], [0, 6], [6, 6], [500, 300]),
    None: ([0, 1, 6, 3], [0, 1, 6, 4], [6] * 4, [1e7, 1e6, 1e6, 1e6]),
}


@pytest.mark.parametrize("fallback", list(ODD))
def test_odd_data_have_finite_answers_and_a_reason(fallback):
    seen = OpportunityHistories(*ODD[fallback])
    fit = BGBB().fit(seen)
    assert fit.fallback == fallback
    assert len(fit.diagnosis) >= 1
    for remark in fit.diagnosis:
        assert remark.en.endswith(".")
        assert remark.zh.endswith("。")
    assert np.all(np.isfinite(fit.covariance))
    assert np.isfinite(fit.log_likelihood)
    assert fit.log_likelihood_of(seen) == pytest.approx(fit.log_likelihood, rel=1e-9)
    rng = np.random.default_rng(0)
    for asked in (seen, OpportunityHistories([0, 1, 3, 2], [0, 5, 3, 9], [9] * 4)):
        answers = [fit.p_alive(asked), fit.p_no_purchase(asked, 300), fit.p_purchases(3, asked, 5)]
        answers += list(fit.window_moments(asked, 100_000, 3)) if len(asked) < 3 else []
        answers += [fit.discounted_expected_purchases(asked, d) for d in (1e-9, 0.1, 1e9)]
        answers += [fit.simulate_purchases(rng, asked, 4), fit.expected_purchases(asked, 0)]
        for answer in answers:
            assert answer.shape == (len(asked),)
            assert np.all(np.isfinite(answer) & (answer >= 0))
        assert np.all(fit.p_alive(asked) <= 1)
        assert fit.purchase_distribution(asked, 7).sum(axis=1) == pytest.approx(1, rel=1e-12)
    assert fit.simulate(rng, [0, 5, 100]).opportunities.tolist() == [0, 5, 100]


# --- misuse


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        (([1], [1], [0.5]), "opportunities must be whole"),
        (([1.5], [2], [3]), "repeat_purchases must be whole"),
        (([1], [4], [3]), "last_purchase_at must not be above opportunities"),
        (([3], [2], [3]), "repeat_purchases must not be above last_purchase_at"),
        (([0], [2], [3]), "last_purchase_at must be 0"),
        (([0], [0], [1e9]), "opportunities must be at most"),
        (([0], [0], [np.nan]), "opportunities must be finite"),
        (([0, 1], [0], [1]), "equally long"),
    ],
)
def test_impossible_histories(columns, sentence):
    with pytest.raises(ValueError, match=sentence):
        OpportunityHistories(*columns)


def test_misuse_is_named():
    with pytest.raises(ValueError, match="opportunities must be whole"):
        FIT.expected_purchases(SEEN, 1.5)
    with pytest.raises(ValueError, match="start must be finite and not negative"):
        FIT.expected_purchases(SEEN, 1, -1)
    with pytest.raises(ValueError, match="opportunities must be one number or one per history"):
        FIT.expected_purchases(SEEN, [1, 2])
    with pytest.raises(ValueError, match="discount must be finite and above 0"):
        FIT.discounted_expected_purchases(SEEN, 0)
    with pytest.raises(ValueError, match="gamma and delta"):
        BGBBFit.with_parameters(alpha=1, beta=1, gamma=0, delta=0)
    with pytest.raises(ValueError, match="table has no column opportunities"):
        BGBB().fit({"frequency": [1], "recency": [1]})
