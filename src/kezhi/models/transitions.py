"""How a customer's state moves from one period to the next: amounts, purchase counts, idle periods.

The published method's sections 4 and 5. The state is (idle periods r, frequency f of the last active period,
segment of its average amount m). Amounts: p, q, k of the Gamma-Gamma panel; frequencies: a, b of the negative
binomial with one period as the unit of time.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy import special

from kezhi.models import beta_prime
from kezhi.models.gamma_functions import log_factorial, log_rising
from kezhi.models.histories import FloatArray, IntArray
from kezhi.models.nbd import log_negative_binomial

_SMALLEST_SHAPE = 1e-12  # stands for b = 0: given a purchase, the count is then a logarithmic series
_NEGLIGIBLE = -60.0  # a logarithm of probability that changes no digit

DOCUMENT_EDGES = (0.01, 1_000.0, 10_000.0, 100_000.0, 200_000.0, 300_000.0, 400_000.0, 500_000.0)


# --- average amount


def segment_edges(amounts: npt.ArrayLike, segments: int = 7, customers: npt.ArrayLike | None = None) -> FloatArray:
    """Edges that put about equally many amounts into each segment, at round numbers (two digits), rising.

    All amounts lie in [first, last); equal quantiles are merged, so there may be fewer segments than asked
    for.
    """
    m = np.asarray(amounts, dtype=np.float64)
    if segments < 1:
        raise ValueError("segments must be at least 1")
    if not m.size or not bool(np.all(np.isfinite(m) & (m > 0))):
        raise ValueError("amounts must be above 0, and there must be at least one")
    order = np.argsort(m)
    weights = np.ones(m.size) if customers is None else np.asarray(customers, dtype=np.float64)[order]
    reached = np.cumsum(weights) / weights.sum()
    at = np.searchsorted(reached, np.arange(1, segments) / segments - 1e-12)
    low, high = float(m.min()), float(m.max())
    inner = _two_digits(m[order][np.minimum(at, m.size - 1)], np.round)
    first, last = float(_two_digits(low, np.floor)), float(_two_digits(high * (1 + 1e-9), np.ceil))
    inner = np.unique(inner[(inner > low) & (inner <= high)])
    return np.concatenate([[first], inner[(inner > first) & (inner < last)], [last]])


def check_edges(edges: npt.ArrayLike) -> FloatArray:
    """The edges as an array; ValueError unless there are two or more, the first above 0, strictly rising."""
    checked = np.asarray(edges, dtype=np.float64)
    if checked.ndim != 1 or checked.size < 2:
        raise ValueError("edges must be a list of at least two amounts")
    if not bool(np.all(np.isfinite(checked))) or checked[0] <= 0 or not bool(np.all(np.diff(checked) > 0)):
        raise ValueError("edges must be finite, strictly rising, and the first above 0")
    return checked


def segment_of(edges: npt.ArrayLike, amounts: npt.ArrayLike) -> IntArray:
    """The segment [edge, next edge) each amount lies in, from 0; the outer ones take what lies beyond."""
    inner = check_edges(edges)[1:-1]
    return np.searchsorted(inner, np.asarray(amounts, dtype=np.float64), side="right").astype(np.int64)


def expected_next_amount(p: float, q: float, k: float, edges: npt.ArrayLike, largest: float) -> FloatArray:
    """The next average amount of a customer now in each segment: the mean from its lower edge to the largest.

    Section 4, m2(a1). A segment that begins at or above `largest` gives its lower edge.
    """
    lower = check_edges(edges)[:-1]
    if not largest > 0:
        raise ValueError("largest must be above 0")
    return beta_prime.truncated_mean(p, q, k, lower, np.maximum(lower, largest))


def next_amount_density(p: float, q: float, k: float, now: npt.ArrayLike, following: npt.ArrayLike) -> FloatArray:
    """The density of the next average amount given the present one: beta-prime(p, p + q), scale k + m1."""
    return beta_prime.density(p, p + q, k + np.asarray(now, dtype=np.float64), following)


def amount_transition_matrix(
    p: float, q: float, k: float, edges: npt.ArrayLike, *, open_last: bool = False
) -> FloatArray:
    """The probability of going from an amount segment (row) to another (column) by the next active period.

    Section 4, F. Rows add up to less than 1 by what falls outside the edges; with `open_last` the first
    segment begins at 0, the last one has no end, and every row adds up to 1.
    """
    bounds = check_edges(edges).copy()
    if open_last:
        bounds[0], bounds[-1] = 0.0, np.inf
    rows = [_row(p, q, k, float(low), float(high), bounds) for low, high in pairwise(bounds)]
    return np.array(rows)


def p_expected_amount(p: float, q: float, k: float, edges: npt.ArrayLike, largest: float) -> FloatArray:
    """For each segment now, the probability that the next amount lies where its expectation does."""
    lands_in = segment_of(edges, expected_next_amount(p, q, k, edges, largest))
    return amount_transition_matrix(p, q, k, edges)[np.arange(len(lands_in)), lands_in]


def amount_shares(p: float, q: float, k: float, edges: npt.ArrayLike) -> FloatArray:
    """The share of amounts the fitted density expects in each segment (none for what lies outside)."""
    bounds = check_edges(edges)
    return beta_prime.between(p, q, k, bounds[:-1], bounds[1:])


def _row(p: float, q: float, k: float, low: float, high: float, bounds: FloatArray) -> FloatArray:
    """One row of the matrix: the inner integral in closed form, the outer one over the probability of m1."""
    now, weights = _amounts_within(p, q, k, low, high)
    inner = beta_prime.between(p, p + q, k + now[:, None], bounds[:-1], bounds[1:])
    return np.asarray(np.minimum((weights[:, None] * inner).sum(axis=0), 1.0))


def _amounts_within(p: float, q: float, k: float, low: float, high: float) -> tuple[FloatArray, FloatArray]:
    """Amounts between two others and weights, so that weighted sums are conditional means.

    The integral runs over the probability below (or, in the upper half, above) the amount, where the
    density is flat; nodes crowd at both ends (tanh-sinh), where that substitution bends. A range with no
    probability left is represented by its end nearer the bulk.
    """
    upper = bool(beta_prime.below(p, q, k, low) > 0.5)
    tail = beta_prime.above if upper else beta_prime.below
    ends = sorted((float(tail(p, q, k, low)), float(tail(p, q, k, high))))
    if ends[1] - ends[0] < 1e-290:
        return np.array([low if upper else min(high, 1e300)]), np.ones(1)
    probability = ends[0] * (1 - _AT) + ends[1] * _AT
    share = special.betainccinv(p, q, probability) if upper else special.betaincinv(p, q, probability)
    # the complement is inverted too: 1 - share would have no digits left where the share is nearly 1
    rest = special.betaincinv(q, p, probability) if upper else special.betainccinv(q, p, probability)
    amounts = k * np.minimum(share / np.maximum(rest, 1e-250), 1e250)
    if not bool(np.all(np.isfinite(amounts))):
        return np.array([low if upper else min(high, 1e300)]), np.ones(1)
    return np.clip(amounts, low, min(high, 1e300)), _AT_WEIGHT


def _tanh_sinh(nodes: int = 161, reach: float = 3.2) -> tuple[FloatArray, FloatArray]:
    """Nodes in (0, 1) and weights adding up to 1; Takahasi and Mori (1974)."""
    t = np.linspace(-reach, reach, nodes)
    at = special.expit(np.pi * np.sinh(t))
    weights = np.cosh(t) / np.cosh(np.pi / 2 * np.sinh(t)) ** 2
    return at, weights / weights.sum()


def _two_digits(values: npt.ArrayLike, rounding: Callable[[FloatArray], FloatArray]) -> FloatArray:
    amounts = np.asarray(values, dtype=np.float64)
    unit = 10.0 ** (np.floor(np.log10(amounts)) - 1)
    return np.asarray(rounding(np.round(amounts / unit, 9)) * unit)


_AT, _AT_WEIGHT = _tanh_sinh()


# --- frequency


def expected_next_frequency(a: float, b: float, smallest: int, largest: int) -> tuple[FloatArray, IntArray]:
    """The next frequency of a customer with f1 purchases now, f1 = 1..largest: the mean over [f1, largest].

    Section 5. Returns the means and the nearest whole numbers (halves up). An f1 below `smallest` counts as
    `smallest`.
    """
    _check_range(smallest, largest)
    f = np.arange(1, largest + 1)
    log_p = log_negative_binomial(f, max(b, _SMALLEST_SHAPE), a)
    at_least = np.logaddexp.accumulate(log_p[::-1])[::-1]
    beyond = np.append(np.exp(at_least[1:] - at_least[:-1]), 0.0)  # P(more than f | at least f)
    means = np.empty(largest)
    means[-1] = largest
    for i in range(largest - 2, -1, -1):
        means[i] = f[i] + beyond[i] * (means[i + 1] - f[i])
    means[: smallest - 1] = means[smallest - 1]
    return means, np.minimum(np.floor(means + 0.5), largest).astype(np.int64)


def trust_interval(a: float, b: float, smallest: int, largest: int) -> tuple[int, int]:
    """The frequencies believed of an active customer: [ceil(b/a), largest]."""
    _check_range(smallest, largest)
    lowest = int(np.ceil(min(b / a, float(largest)) - 1e-12))
    return max(smallest, lowest), largest


def frequency_probability(a: float, b: float, smallest: int, largest: int, longest_idle: int) -> FloatArray:
    """The probability of j to `largest` purchases in the next period, after r idle periods.

    Section 5, summed from j up. Array [j - 1, r] for j = 1..largest, r = 0..longest_idle; the row of the
    expected next frequency is what the published table prints.
    """
    f, log_weight = _believed(a, b, smallest, largest, longest_idle)
    j = np.arange(1, largest + 1)
    table = np.empty((largest, longest_idle + 1))
    rising = log_rising((b + f)[:, None], j) - log_factorial(j)
    for r in range(longest_idle + 1):
        t = a + 1 + r
        log_p = rising - (b + f)[:, None] * np.log1p(1 / t) - j * np.log1p(t)
        table[:, r] = np.exp(log_p + log_weight[:, r][:, None]).sum(axis=0)
    return np.asarray(np.minimum(table[::-1].cumsum(axis=0)[::-1], 1.0))


def p_any_purchase(a: float, b: float, smallest: int, largest: int, longest_idle: int) -> FloatArray:
    """The probability of at least one purchase in the next period, after r = 0..longest_idle idle periods."""
    f, log_weight = _believed(a, b, smallest, largest, longest_idle)
    t = a + 1 + np.arange(longest_idle + 1)
    some = -np.expm1(-(b + f)[:, None] * np.log1p(1 / t))
    return np.asarray(np.minimum((np.exp(log_weight) * some).sum(axis=0), 1.0))


def frequency_shares(a: float, b: float, largest: int, periods: float = 1.0) -> FloatArray:
    """The share of customers the model expects with 0, 1, ..., largest purchases in so many periods."""
    if largest < 0:
        raise ValueError("largest must not be negative")
    return np.exp(log_negative_binomial(np.arange(largest + 1), b, a, periods))


def _believed(a: float, b: float, smallest: int, largest: int, longest_idle: int) -> tuple[FloatArray, FloatArray]:
    """The frequencies of the trust interval and ln w_f(r): how likely each is after r idle periods."""
    if longest_idle < 0:
        raise ValueError("longest_idle must not be negative")
    low, high = trust_interval(a, b, smallest, largest)
    f = np.arange(low, high + 1, dtype=np.float64)
    r = np.arange(longest_idle + 1)
    before = log_negative_binomial(f, max(b, _SMALLEST_SHAPE), a)
    log_weight = before[:, None] - (b + f)[:, None] * np.log1p(r / (a + 1))
    log_weight -= special.logsumexp(log_weight, axis=0)
    matter = log_weight.max(axis=1) > _NEGLIGIBLE  # keeps several hundred frequencies affordable
    return f[matter], np.asarray(log_weight[matter])


def _check_range(smallest: int, largest: int) -> None:
    if not 1 <= smallest <= largest:
        raise ValueError("smallest must be at least 1 and not above largest")
