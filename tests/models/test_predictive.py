"""Quantiles of purchases and spending: against long sums, simulation, and each other."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats

from kezhi.models import GammaGammaFaderHardieFit, NBDFit, PurchaseHistories
from kezhi.models.bg_nbd import BGNBDFit
from kezhi.models.pareto_nbd import ParetoNBDFit
from kezhi.models.predictive import (
    purchase_cdf,
    purchase_quantiles,
    reference_scale,
    spend_cdf,
    spend_quantiles,
)

LEVELS = (0.05, 0.1, 0.5, 0.9, 0.99)
NBD = NBDFit.with_parameters(a=1.84, b=2.67)
PARETO = ParetoNBDFit.with_parameters(r=0.553, alpha=10.578, s=0.606, beta=11.669)
BG = BGNBDFit.with_parameters(r=0.243, alpha=4.414, a=0.793, b=2.426)
MODELS = pytest.mark.parametrize("fit", [NBD, PARETO, BG], ids=lambda fit: fit.model)
AMOUNTS = GammaGammaFaderHardieFit.with_parameters(p=6.25, q=3.74, gamma=15.44)
STEADY = GammaGammaFaderHardieFit.with_parameters(p=60.0, q=5.0, gamma=1.0)
SKEWED = GammaGammaFaderHardieFit.with_parameters(p=0.4, q=0.6, gamma=1.0)
SEEN = PurchaseHistories(
    [0, 0, 1, 2, 2, 7, 30, 45], [0, 0, 2.5, 3, 29, 11, 35, 38.0], [3.0, 38, 38, 38, 30, 12, 36, 38.5]
)
NOBODY = PurchaseHistories([], [], [])


def spending_up_to(fit, amounts, seen, periods, values):
    """The distribution by its definition: a long sum over the purchases."""
    table = fit.purchase_distribution(seen, periods, 1500)
    n = np.arange(1, 1501)
    x = seen.repeat_purchases
    sums = [
        special.betainc(amounts.p * n, amounts.q + amounts.p * before, value / (1 + value))
        for before, value in zip(x, values, strict=True)
    ]
    return table[:, 0] + (table[:, 1:] * np.array(sums)).sum(axis=1)


def five_of(alone):
    columns = (alone.repeat_purchases, alone.last_purchase_at, alone.observed_periods)
    return PurchaseHistories(*(np.repeat(column, 5) for column in columns))


# --- purchases


@MODELS
def test_quantiles_are_the_smallest_counts_that_reach_the_level(fit):
    found = purchase_quantiles(fit, SEEN, 39, LEVELS)
    reached = np.cumsum(fit.purchase_distribution(SEEN, 39, 2000), axis=1)
    for row, quantiles in enumerate(found):
        for level, n in zip(LEVELS, quantiles, strict=True):
            assert reached[row, n] >= level - 1e-9
            assert n == 0 or reached[row, n - 1] < level + 1e-9


@MODELS
def test_cdf_is_the_sum_of_chances(fit):
    counts = np.array([0, 1, 0, 3, 12, 40, 300, 5.0])
    below, at = purchase_cdf(fit, SEEN, 39, counts)
    reached = np.cumsum(fit.purchase_distribution(SEEN, 39, 2000), axis=1)
    rows, whole = np.arange(8), counts.astype(int)
    assert at == pytest.approx(reached[rows, whole], abs=1e-12)
    assert below == pytest.approx(np.where(whole > 0, reached[rows, whole - 1], 0), abs=1e-12)


@MODELS
def test_rows_that_share_a_table_get_what_they_get_alone(fit):
    crowd = fit.simulate(np.random.default_rng(3), np.repeat([5.0, 20.0, 38.0], 60))
    together = purchase_quantiles(fit, crowd, 10, LEVELS), spend_quantiles(fit, AMOUNTS, crowd, 10, LEVELS)
    for row in (0, 70, 150):
        alone = PurchaseHistories(
            crowd.repeat_purchases[[row]], crowd.last_purchase_at[[row]], crowd.observed_periods[[row]]
        )
        assert purchase_quantiles(fit, alone, 10, LEVELS)[0].tolist() == together[0][row].tolist()
        exact = spending_up_to(fit, AMOUNTS, five_of(alone), 10, together[1][row])
        sought = np.maximum(LEVELS, fit.p_no_purchase(alone, 10))
        assert exact == pytest.approx(sought, abs=0.002)


def test_periods_may_differ_between_rows():
    periods = np.array([1, 39, 0, 5, 39, 2, 0, 10.0])
    found = purchase_quantiles(PARETO, SEEN, periods)
    for row, length in enumerate(periods):
        assert found[row].tolist() == purchase_quantiles(PARETO, SEEN, length)[row].tolist()


def test_heavy_buyers():
    heavy = PurchaseHistories([1000, 900], [10, 9.0], [10, 10])
    shape, rate = NBD.posterior(heavy)
    exact = stats.nbinom(shape[:, None], (rate / (rate + 11))[:, None]).ppf(np.array([LEVELS]))
    assert purchase_quantiles(NBD, heavy, 11, LEVELS).tolist() == exact.tolist()
    enormous = stats.nbinom(shape[:, None], (rate / (rate + 1e4))[:, None])
    found = purchase_quantiles(NBD, heavy, 1e4, LEVELS)
    assert found == pytest.approx(enormous.ppf(np.array([LEVELS])), rel=1e-4)
    below, at = purchase_cdf(NBD, heavy, 1e4, found[:, 2])
    assert at == pytest.approx([0.5, 0.5], abs=1e-3)
    assert np.all(below < at)
    spent = spend_quantiles(NBD, AMOUNTS, heavy, 1e4, (0.5,))
    assert spent[:, 0] == pytest.approx(found[:, 2] / heavy.repeat_purchases, rel=0.01)


# --- spending


@MODELS
@pytest.mark.parametrize("amounts", [AMOUNTS, STEADY, SKEWED], ids=["usual", "steady", "skewed"])
def test_spending_meets_its_level(fit, amounts):
    found = spend_quantiles(fit, amounts, SEEN, 39, LEVELS)
    nothing = fit.p_no_purchase(SEEN, 39)
    for level, values in zip(LEVELS, found.T, strict=True):
        exact = spending_up_to(fit, amounts, SEEN, 39, values)
        assert exact == pytest.approx(np.maximum(level, nothing), abs=0.002)
        assert np.all((values == 0) == (nothing >= level))


@MODELS
@pytest.mark.parametrize("amounts", [AMOUNTS, STEADY, SKEWED], ids=["usual", "steady", "skewed"])
def test_spending_up_to_a_value(fit, amounts):
    for values in (np.zeros(8), np.geomspace(0.001, 100, 8), np.full(8, 0.7), np.full(8, 1e300)):
        below, at = spend_cdf(fit, amounts, SEEN, 39, values)
        assert at == pytest.approx(spending_up_to(fit, amounts, SEEN, 39, values), abs=0.002)
        assert below.tolist() == np.where(values > 0, at, 0).tolist()


def test_spending_against_simulation():
    rng = np.random.default_rng(7)
    seen = PurchaseHistories([2], [20], [30])
    n = PARETO.simulate_purchases(rng, PurchaseHistories(*np.repeat([[2.0], [20.0], [30.0]], 20_000, axis=1)), 39)
    rate = rng.gamma(AMOUNTS.q + AMOUNTS.p * 2, size=len(n))
    spent = np.where(n > 0, rng.gamma(np.maximum(AMOUNTS.p * n, 1e-9)) / rate, 0)
    for level, value in zip(
        (0.8, 0.9, 0.95), spend_quantiles(PARETO, AMOUNTS, seen, 39, (0.8, 0.9, 0.95))[0], strict=True
    ):
        assert np.mean(spent <= value) == pytest.approx(level, abs=4 * np.sqrt(level * (1 - level) / len(n)))


def test_limits_of_the_amount_model():
    """Constant amounts are a staircase n / x (met to 1 %); customers who do not differ in amount have their mean."""
    constant = GammaGammaFaderHardieFit.with_parameters(p=1e9, q=2.0, gamma=1e-9)
    counts = purchase_quantiles(NBD, SEEN, 10, LEVELS)
    x = SEEN.repeat_purchases[:, None]
    steps = spend_quantiles(NBD, constant, SEEN, 10, LEVELS)
    assert (steps * x)[2:] == pytest.approx(counts[2:], rel=0.02)
    alike = GammaGammaFaderHardieFit.with_parameters(p=5.0, q=1e9, gamma=1e9 / 5 * 40)
    money = spend_quantiles(NBD, alike, SEEN, 10, LEVELS) * alike.scale  # S is nothing beside it
    for level, values in zip(LEVELS, money.T, strict=True):
        table, n = NBD.purchase_distribution(SEEN, 10, 800), np.arange(1, 801)
        exact = table[:, 0] + (table[:, 1:] * stats.gamma(5 * n, scale=8).cdf(values[:, None])).sum(axis=1)
        assert exact == pytest.approx(np.maximum(level, table[:, 0]), abs=0.002)


# --- several fits


def test_a_mixture_of_parameters():
    fits = [PARETO, NBDFit.with_parameters(a=12.0, b=0.4), BG]
    counts = np.array([0, 1, 0, 3, 2, 4, 20, 15.0])
    below, at = purchase_cdf(fits, SEEN, 39, counts)
    each = [purchase_cdf(fit, SEEN, 39, counts) for fit in fits]
    assert below == pytest.approx(np.mean([one[0] for one in each], axis=0), abs=1e-12)
    assert at == pytest.approx(np.mean([one[1] for one in each], axis=0), abs=1e-12)
    quantiles = purchase_quantiles(fits, SEEN, 39, (0.5, 0.9))
    for level, found in zip((0.5, 0.9), quantiles.T, strict=True):
        below, at = purchase_cdf(fits, SEEN, 39, found)
        assert np.all((below < level) & (at >= level - 1e-12))


def test_a_mixture_of_spending():
    fits, amounts = [PARETO, BG], [AMOUNTS, STEADY]
    assert reference_scale(AMOUNTS) == 15.44
    assert reference_scale(amounts) == pytest.approx((15.44 + 1) / 2)
    same_scale = [AMOUNTS, GammaGammaFaderHardieFit.with_parameters(p=8.0, q=4.5, gamma=15.44)]
    found = spend_quantiles(fits, same_scale, SEEN, 39, (0.5, 0.9))
    for level, values in zip((0.5, 0.9), found.T, strict=True):
        each = [spending_up_to(fit, one, SEEN, 39, values) for fit, one in zip(fits, same_scale, strict=True)]
        nothing = np.mean([fit.p_no_purchase(SEEN, 39) for fit in fits], axis=0)
        assert np.mean(each, axis=0) == pytest.approx(np.maximum(level, nothing), abs=0.003)
    new = PurchaseHistories([0], [0], [0])  # S = 0: the draws' own scale is all there is
    value = spend_quantiles(PARETO, amounts, new, 39, (0.9,))[0] * reference_scale(amounts)
    each = [spending_up_to(PARETO, one, new, 39, value / one.scale) for one in amounts]
    assert np.mean(each) == pytest.approx(0.9, abs=0.003)


def test_the_same_fit_several_times_changes_nothing():
    once = spend_quantiles(BG, AMOUNTS, SEEN, 39)
    assert spend_quantiles([BG] * 4, [AMOUNTS] * 2, SEEN, 39) == pytest.approx(once, rel=1e-9)
    assert purchase_quantiles([BG] * 3, SEEN, 39).tolist() == purchase_quantiles(BG, SEEN, 39).tolist()


# --- limits and misuse


@MODELS
def test_odd_data(fit):
    for seen in (
        NOBODY,
        PurchaseHistories([0], [0], [0]),
        PurchaseHistories([0, 1_000_000], [0, 5], [5, 5]),
        PurchaseHistories([0, 1], [0, 1e-9], [1e9, 1e-9]),
    ):
        for periods in (0, 0.5, 1e4):
            counts = purchase_quantiles(fit, seen, periods)
            spent = spend_quantiles(fit, AMOUNTS, seen, periods)
            assert counts.shape == spent.shape == (len(seen), 3)
            assert np.all(counts >= 0)
            assert np.all(np.isfinite(spent) & (spent >= 0))
            assert np.all(np.diff(counts, axis=1) >= 0)
            assert np.all(np.diff(spent, axis=1) >= 0)
            if periods == 0:
                assert not counts.any()
                assert not spent.any()
            for low, high in (
                purchase_cdf(fit, seen, periods, np.full(len(seen), 3)),
                spend_cdf(fit, AMOUNTS, seen, periods, np.ones(len(seen))),
            ):
                assert np.all((low >= 0) & (low <= high) & (high <= 1 + 1e-12))


def test_no_purchase_expected():
    silent = NBDFit.with_parameters(a=1.0, b=0.0)
    new = PurchaseHistories([0], [0], [4])
    assert purchase_quantiles(silent, new, 39).tolist() == [[0, 0, 0]]
    assert spend_quantiles(silent, AMOUNTS, new, 39).tolist() == [[0, 0, 0]]
    assert spend_cdf(silent, AMOUNTS, new, 39, [2.0])[1].tolist() == [1]


def test_misuse_is_named():
    for wrong, name in (
        (lambda: purchase_quantiles(NBD, SEEN, 39, (0.0,)), "levels"),
        (lambda: purchase_quantiles(NBD, SEEN, -1), "periods"),
        (lambda: purchase_quantiles(NBD, SEEN, [1.0, 2.0]), "periods"),
        (lambda: purchase_quantiles([], SEEN, 1), "fit"),
        (lambda: purchase_cdf(NBD, SEEN, 39, 0.5), "counts"),
        (lambda: spend_quantiles(NBD, [], SEEN, 39), "amount_fit"),
        (lambda: spend_cdf(NBD, AMOUNTS, SEEN, 39, [-1.0]), "values"),
    ):
        with pytest.raises(ValueError, match=name):
            wrong()
