"""Transitions: the matrix against an obvious double integral, sums, limits, degenerate inputs."""

from __future__ import annotations

from itertools import pairwise

import mpmath
import numpy as np
import pytest
from scipy import integrate, stats

from kezhi.models import transitions
from kezhi.models.beta_prime import density

EDGES = transitions.DOCUMENT_EDGES
P, Q, K = 8.57, 1.53, 3224.15
A, B = 1.84, 2.67
EXTREMES = [
    (1e9, 1.5, 1e-5),
    (8.0, 1e9, 1e9 / 8 * 5e4),
    (1e9, 1e6, 1e6 / 1e9 * 5e4),
    (0.3, 0.4, 100.0),
    (1.0, 2.0, 1e-12),
    (3.0, 60.0, 1e12),
    (2000.0, 3000.0, 5e4),
]


def slow_matrix(p, q, k, edges):
    """The double integral as it is printed: density times density, one cell after the other."""

    def joint(m2, m1):
        return transitions.next_amount_density(p, q, k, m1, m2) * density(p, q, k, m1)

    rows = []
    for a1, b1 in pairwise(edges):
        share = integrate.quad(lambda m: density(p, q, k, m), a1, b1, epsabs=0)[0]
        cells = [integrate.dblquad(joint, a1, b1, a2, b2, epsabs=0, epsrel=1e-7)[0] for a2, b2 in pairwise(edges)]
        rows.append(np.array(cells) / share)
    return np.array(rows)


# --- agreement


@pytest.mark.parametrize(("p", "q", "k"), [(8.57, 1.53, 30.0), (1.4, 3.3, 50.0)])
def test_matrix_is_the_double_integral(p, q, k):
    edges = [2.0, 20.0, 60.0, 300.0]
    found = transitions.amount_transition_matrix(p, q, k, edges)
    assert found == pytest.approx(slow_matrix(p, q, k, edges), rel=1e-6)


def test_the_published_density_is_a_beta_prime():
    """g(m2 | m1) as printed, with 30 digits."""
    mpmath.mp.dps = 30
    p, q, k, m1, m2 = (mpmath.mpf(v) for v in (P, Q, K, 12_000, 30_000))
    top = mpmath.gamma(2 * p + q) * m2 ** (p - 1) * (k + m1) ** (p + q)
    exact = top / (mpmath.gamma(p) * mpmath.gamma(p + q) * (m2 + m1 + k) ** (2 * p + q))
    assert float(transitions.next_amount_density(P, Q, K, 12_000, 30_000)) == pytest.approx(float(exact), rel=1e-12)


def test_expected_amount_with_thirty_digits():
    mpmath.mp.dps = 30

    def p_of(m):
        return m ** (P - 1) / (K + m) ** (P + Q)

    for low, found in zip(EDGES[2:5], transitions.expected_next_amount(P, Q, K, EDGES, 499_999.0)[2:5], strict=True):
        points = mpmath.linspace(low, 499_999, 8)
        exact = mpmath.quad(lambda m: m * p_of(m), points) / mpmath.quad(p_of, points)
        assert found == pytest.approx(float(exact), rel=1e-11)


def test_next_frequency_against_plain_sums():
    means, _ = transitions.expected_next_frequency(A, B, 2, 9)
    law = stats.nbinom(B, A / (A + 1))
    for f1 in range(1, 10):
        f = np.arange(max(f1, 2), 10)
        assert means[f1 - 1] == pytest.approx((f * law.pmf(f)).sum() / law.pmf(f).sum(), rel=1e-12)


def test_frequency_probability_against_plain_sums():
    table = transitions.frequency_probability(A, B, 1, 6, 4)
    some = transitions.p_any_purchase(A, B, 1, 6, 4)
    f = np.arange(2, 7)
    for r in range(5):
        w = stats.nbinom(B, A / (A + 1)).pmf(f) * ((A + 1) / (A + 1 + r)) ** (B + f)
        w /= w.sum()
        t = A + 1 + r
        for j in range(1, 7):
            expected = sum(
                weight * stats.nbinom(B + one, t / (t + 1)).pmf(np.arange(j, 7)).sum()
                for weight, one in zip(w, f, strict=True)
            )
            assert table[j - 1, r] == pytest.approx(expected, rel=1e-10)
        none = (w * (t / (t + 1)) ** (B + f)).sum()
        assert some[r] == pytest.approx(1 - none, rel=1e-10)


def test_shares_add_up():
    assert transitions.frequency_shares(A, B, 200).sum() == pytest.approx(1, rel=1e-12)
    assert transitions.frequency_shares(A, B, 3, periods=2) == pytest.approx(
        stats.nbinom(B, A / (A + 2)).pmf(np.arange(4)), rel=1e-12
    )
    shares = transitions.amount_shares(P, Q, K, EDGES)
    exact = [integrate.quad(lambda m: density(P, Q, K, m), a, b, epsabs=0)[0] for a, b in pairwise(EDGES)]
    assert shares == pytest.approx(exact, rel=1e-8)
    assert transitions.amount_shares(P, Q, K, [1e-9, 1e15]).sum() == pytest.approx(1, rel=1e-9)


# --- limits and invariance


def test_open_rows_add_up_to_one():
    rows = transitions.amount_transition_matrix(P, Q, K, EDGES, open_last=True).sum(axis=1)
    assert rows == pytest.approx(1, abs=1e-14)
    closed = transitions.amount_transition_matrix(P, Q, K, EDGES).sum(axis=1)
    assert np.all(closed < 1)


def test_one_segment_is_certainty():
    assert transitions.amount_transition_matrix(P, Q, K, [1.0, 2.0], open_last=True) == pytest.approx(np.ones((1, 1)))
    assert transitions.p_expected_amount(P, Q, K, [1e-6, 1e12], 1e11) == pytest.approx([1], abs=1e-10)


def test_unit_of_money():
    one = transitions.amount_transition_matrix(P, Q, K, EDGES)
    cents = transitions.amount_transition_matrix(P, Q, K * 100, np.array(EDGES) * 100)
    assert cents == pytest.approx(one, rel=1e-9)
    assert transitions.expected_next_amount(P, Q, K * 100, np.array(EDGES) * 100, 49_999_900.0) == pytest.approx(
        100 * transitions.expected_next_amount(P, Q, K, EDGES, 499_999.0), rel=1e-12
    )


def test_largest_frequency_of_one():
    means, rounded = transitions.expected_next_frequency(A, B, 1, 1)
    assert (means.tolist(), rounded.tolist()) == ([1], [1])
    assert transitions.trust_interval(A, B, 1, 1) == (1, 1)
    assert transitions.frequency_probability(A, B, 1, 1, 2).shape == (1, 3)


def test_trust_interval_of_a_whole_mean():
    assert transitions.trust_interval(0.5, 1.5, 1, 9) == (3, 9)
    assert transitions.trust_interval(1.0, 0.1 + 0.2, 1, 9) == (1, 9)
    assert transitions.trust_interval(1.0, 50.0, 1, 9) == (9, 9)
    assert transitions.trust_interval(1.0, 2.0, 4, 9) == (4, 9)


def test_idle_periods_only_lower_the_chances():
    assert np.all(np.diff(transitions.frequency_probability(A, B, 1, 40, 200), axis=1) <= 0)
    some = transitions.p_any_purchase(A, B, 1, 40, 100_000)
    assert np.all(np.diff(some) < 0)
    assert some[-1] < 1e-3


@pytest.mark.parametrize(("a", "b"), [(1e9 / 1.3, 1e9), (1.0, 0.0), (1e9 / 50, 1e9), (1e-3, 5.0), (1e6, 1e-6)])
def test_extreme_frequencies_stay_finite(a, b):
    means, rounded = transitions.expected_next_frequency(a, b, 1, 300)
    assert np.all((means >= np.arange(1, 301) - 1e-9) & (means <= 300) & (rounded >= 1) & (rounded <= 300))
    for table in (
        transitions.frequency_probability(a, b, 1, 300, 3),
        transitions.p_any_purchase(a, b, 1, 300, 3),
    ):
        assert np.all((table >= 0) & (table <= 1 + 1e-12))


def test_poisson_limit_forgets_idle_periods():
    lam = 1.3
    table = transitions.frequency_probability(1e9 / lam, 1e9, 1, 12, 30)
    tail = stats.poisson(lam).sf(np.arange(12)) - stats.poisson(lam).sf(12)
    assert table == pytest.approx(np.repeat(tail[:, None], 31, axis=1), rel=1e-6)


@pytest.mark.parametrize(("p", "q", "k"), EXTREMES)
def test_extreme_amounts_stay_finite(p, q, k):
    matrix = transitions.amount_transition_matrix(p, q, k, EDGES, open_last=True)
    assert matrix.sum(axis=1) == pytest.approx(1, abs=1e-9)
    assert np.all(matrix >= 0)
    means = transitions.expected_next_amount(p, q, k, EDGES, 499_999.0)
    assert np.all((means >= EDGES[:-1]) & (means <= 499_999))
    chances = transitions.p_expected_amount(p, q, k, EDGES, 499_999.0)
    assert np.all((chances >= 0) & (chances <= 1))


def test_alike_customers_forget_their_last_amount():
    """q, k to infinity: every row is the common gamma distribution."""
    matrix = transitions.amount_transition_matrix(8.0, 1e9, 1e9 / 8 * 5e4, EDGES)
    common = np.diff(stats.gamma(8, scale=5e4 / 8).cdf(EDGES))
    assert matrix == pytest.approx(np.tile(common, (7, 1)), abs=1e-6)


def test_steady_customers_stay_in_their_segment():
    matrix = transitions.amount_transition_matrix(1e9, 1.5, 1e-5, [1e3, 1e4, 1e5])
    assert matrix == pytest.approx(np.eye(2), abs=1e-3)


def test_largest_below_a_segment():
    means = transitions.expected_next_amount(P, Q, K, EDGES, 250_000.0)
    assert means[4:].tolist() == [pytest.approx(227_000, rel=0.05), 300_000, 400_000]


# --- input


@pytest.mark.parametrize("edges", [[1.0], [0.0, 1.0], [1.0, 1.0], [2.0, 1.0], [1.0, np.inf], 5.0])
def test_impossible_edges(edges):
    with pytest.raises(ValueError, match="edges must be"):
        transitions.amount_transition_matrix(P, Q, K, edges)


def test_impossible_ranges():
    with pytest.raises(ValueError, match="smallest"):
        transitions.expected_next_frequency(A, B, 3, 2)
    with pytest.raises(ValueError, match="longest_idle"):
        transitions.frequency_probability(A, B, 1, 3, -1)
    with pytest.raises(ValueError, match="largest must be above 0"):
        transitions.expected_next_amount(P, Q, K, EDGES, 0.0)
    with pytest.raises(ValueError, match="largest must not"):
        transitions.frequency_shares(A, B, -1)


# --- segments


def test_segment_of_puts_edges_above():
    assert transitions.segment_of(EDGES, [0.001, 0.01, 999.99, 1000, 499_999, 9e9]).tolist() == [
        0,
        0,
        0,
        1,
        6,
        6,
    ]


def test_default_edges_split_evenly_at_round_numbers():
    amounts = np.random.default_rng(0).lognormal(4, 1, 5000)
    edges = transitions.segment_edges(amounts)
    assert len(edges) == 8
    assert edges[0] <= amounts.min()
    assert edges[-1] > amounts.max()
    counts = np.bincount(transitions.segment_of(edges, amounts), minlength=7) / 5000
    assert counts == pytest.approx(1 / 7, abs=0.03)
    assert all(float(f"{edge:.2g}") == pytest.approx(edge, rel=1e-12) for edge in edges)
    assert transitions.segment_edges(amounts * 100) == pytest.approx(edges * 100, rel=1e-12)


@pytest.mark.parametrize("amounts", [[5.0], [5.0] * 9, [100.0, 100, 3], [0.01, 499_999], [1e-9, 1e15], [99.9, 100]])
def test_default_edges_of_few_amounts(amounts):
    edges = transitions.check_edges(transitions.segment_edges(amounts))
    assert edges[0] <= min(amounts)
    assert edges[-1] > max(amounts)


def test_default_edges_count_customers():
    assert transitions.segment_edges([1, 2, 3, 50], 2, customers=[1, 1, 1, 97]).tolist() == [1, 50, 51]
    with pytest.raises(ValueError, match="amounts must be above 0"):
        transitions.segment_edges([])
    with pytest.raises(ValueError, match="segments must be"):
        transitions.segment_edges([1.0], 0)
