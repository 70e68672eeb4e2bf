"""Scores of forecasts: definitions by hand, invariance, and what a correct model must get."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from kezhi.models import scores

RNG = np.random.default_rng(1)
ACTUAL = RNG.poisson(RNG.gamma(0.4, 2, 301)).astype(float)
PREDICTED = np.round(RNG.gamma(0.5, 1, 301) + 0.3 * ACTUAL, 1)
PAIRED = (
    scores.bias,
    scores.rmse,
    scores.mae,
    scores.poisson_deviance,
    scores.normalised_gini,
    scores.captured_share,
    scores.spearman,
)


# --- definitions


def test_by_hand():
    actual, predicted = [0, 0, 1, 3], [0.5, 0.0, 2.0, 2.0]
    assert scores.bias(actual, predicted) == pytest.approx(4.5 / 4 - 1)
    assert scores.rmse(actual, predicted) == pytest.approx(np.sqrt((0.25 + 1 + 1) / 4))
    assert scores.mae(actual, predicted) == pytest.approx(2.5 / 4)
    by_hand = [0.5, 0, np.log(1 / 2) + 1, 3 * np.log(3 / 2) - 1]
    assert scores.poisson_deviance(actual, predicted) == pytest.approx(2 * sum(by_hand) / 4, abs=1e-8)
    assert scores.captured_share(actual, predicted, 0.25) == pytest.approx(2 / 3)  # the two tied hold 2 each on average
    assert scores.captured_share(actual, predicted, 0.5) == 1
    assert scores.interval_coverage(actual, [0, 1, 0, 0], [0, 2, 1, 2]) == 0.5


def test_gini_is_the_usual_sum():
    order = np.argsort(-PREDICTED + 1e-9 * np.arange(301), kind="stable")
    untied = np.empty(301)
    untied[order] = -np.arange(301.0)

    def usual(ranked):
        return (np.cumsum(ranked).sum() / ranked.sum() - 151) / 301

    expected = usual(ACTUAL[order]) / usual(np.sort(ACTUAL)[::-1])
    assert scores.normalised_gini(ACTUAL, untied) == pytest.approx(expected, rel=1e-12)


def test_spearman_is_the_usual_one():
    assert scores.spearman(ACTUAL, PREDICTED) == pytest.approx(stats.spearmanr(ACTUAL, PREDICTED).statistic, rel=1e-12)


def test_a_perfect_forecast():
    assert scores.bias(ACTUAL, ACTUAL) == 0
    assert scores.rmse(ACTUAL, ACTUAL) == scores.mae(ACTUAL, ACTUAL) == 0
    assert scores.poisson_deviance(ACTUAL, ACTUAL) == pytest.approx(0, abs=1e-8)
    assert scores.normalised_gini(ACTUAL, ACTUAL) == scores.captured_share(ACTUAL, ACTUAL) == 1
    assert scores.spearman(ACTUAL, ACTUAL) == pytest.approx(1)
    assert scores.normalised_gini(ACTUAL, -ACTUAL) == pytest.approx(-1)
    assert scores.normalised_gini(ACTUAL, np.ones(301)) == pytest.approx(0, abs=1e-12)


# --- invariance


@pytest.mark.parametrize("score", PAIRED)
def test_the_order_of_rows_does_not_matter(score):
    order = RNG.permutation(301)
    assert score(ACTUAL[order], PREDICTED[order]) == pytest.approx(score(ACTUAL, PREDICTED), rel=1e-12)


@pytest.mark.parametrize("score", PAIRED)
def test_weights_are_rows_written_several_times(score):
    weights = RNG.integers(0, 4, 301)
    written = score(np.repeat(ACTUAL, weights), np.repeat(PREDICTED, weights))
    assert score(ACTUAL, PREDICTED, weights=weights) == pytest.approx(written, rel=1e-12)


def test_weights_in_tables():
    weights = RNG.integers(1, 4, 301)
    rows = [np.repeat(column, weights) for column in (ACTUAL, PREDICTED)]
    for table in (scores.gain_curve, scores.calibration_by_decile):
        once, written = table(ACTUAL, PREDICTED, weights=weights), table(*rows)
        for name, column in once.items():
            assert column == pytest.approx(written[name], rel=1e-10), name


# --- tables


def test_gain_curve():
    gain = scores.gain_curve(ACTUAL, PREDICTED, points=10)
    assert list(gain) == ["customers", "predicted_order", "own_order"]
    for column in gain.values():
        assert (column[0], column[-1], len(column)) == (0, pytest.approx(1), 11)
        assert np.all(np.diff(column) >= 0)
    assert np.all(gain["own_order"] >= gain["predicted_order"] - 1e-12)
    assert np.all(scores.gain_curve(np.zeros(3), [1, 2, 3], 4)["own_order"] == 0)


def test_deciles_add_up():
    table = scores.calibration_by_decile(ACTUAL, PREDICTED)
    assert table["group"].tolist() == list(range(1, 11))
    assert (table["customers"] * table["actual"]).sum() == pytest.approx(ACTUAL.sum())
    assert (table["customers"] * table["predicted"]).sum() == pytest.approx(PREDICTED.sum())
    assert np.all(np.diff(table["predicted"]) <= 0)
    split = scores.calibration_by_decile([4, 0, 0, 0], [1, 1, 1, 1], groups=2)
    assert split["actual"].tolist() == [1, 1]


def test_calibration_by_frequency():
    table = scores.calibration_by_frequency([1, 3, 2, 9], [0.5, 1, 2, 8], [0, 0, 2, 30], most=3)
    assert table["x"].tolist() == [0, 2, 3]
    assert table["customers"].tolist() == [2, 1, 1]
    assert table["actual"].tolist() == [2, 2, 9]
    assert table["predicted"].tolist() == [0.75, 2, 8]


# --- distributions


def test_a_correct_model_covers_what_it_promises():
    """Most customers buy nothing, and still the middle 80 % are 80 %: exactly, when averaged over the outcomes."""
    law = stats.nbinom(0.2, 0.3)
    y = np.arange(400)
    below, at, chance = law.cdf(y - 1), law.cdf(y), law.pmf(y)
    assert chance[0] > 0.75
    assert scores.calibrated_coverage(below, at, weights=chance) == pytest.approx(0.8, abs=1e-9)
    assert scores.calibrated_coverage(below, at, 0.05, 0.5, weights=chance) == pytest.approx(0.45, abs=1e-9)
    assert scores.pit_histogram(below, at, weights=chance)["density"] == pytest.approx(np.ones(10), abs=1e-9)


def test_forecasts_that_are_too_sure_of_themselves():
    y = np.random.default_rng(3).poisson(9, 4000)
    sure = stats.norm(9, 1)
    assert scores.calibrated_coverage(sure.cdf(y - 0.5), sure.cdf(y + 0.5)) < 0.5
    density = scores.pit_histogram(sure.cdf(y - 0.5), sure.cdf(y + 0.5), bins=5)["density"]
    assert density[0] > 1.5
    assert density[4] > 1.5
    assert density.mean() == pytest.approx(1)


def test_coverage_of_continuous_outcomes():
    reached = np.array([0.05, 0.1, 0.5, 0.95])
    assert scores.calibrated_coverage(reached, reached) == 0.25 * 1  # the edge itself belongs to what is below
    assert scores.pit_histogram(reached, reached, 2)["density"].tolist() == [1.5, 0.5]
    assert scores.pit_histogram([0.0, 1.0], [0.0, 1.0], 2)["density"].tolist() == [1, 1]


# --- limits and misuse


def test_where_nothing_happened():
    nothing, said = np.zeros(5), np.arange(5.0)
    assert scores.bias(nothing, said) is None
    assert scores.captured_share(nothing, said) is None
    assert scores.normalised_gini(nothing, said) is None
    assert scores.normalised_gini(np.ones(5), said) is None
    assert scores.spearman(nothing, said) is None
    assert scores.rmse(nothing, nothing) == scores.mae(nothing, nothing) == 0
    assert scores.poisson_deviance(nothing, nothing) == pytest.approx(0, abs=1e-8)
    assert np.isfinite(scores.poisson_deviance([5], [0]))


def test_misuse_is_named():
    with pytest.raises(ValueError, match="equally long"):
        scores.rmse([1, 2], [1])
    with pytest.raises(ValueError, match="predicted must be"):
        scores.rmse([1], [np.nan])
    with pytest.raises(ValueError, match="at least one customer"):
        scores.rmse([], [])
    with pytest.raises(ValueError, match="weights"):
        scores.rmse([1], [1], [-1])
    with pytest.raises(ValueError, match="share"):
        scores.captured_share([1], [1], 0)
    with pytest.raises(ValueError, match="probabilities"):
        scores.calibrated_coverage([0.5], [0.4])
    with pytest.raises(ValueError, match="lower"):
        scores.calibrated_coverage([0.5], [0.6], 0.9, 0.1)
    for wrong in (
        lambda: scores.gain_curve([1], [1], 0),
        lambda: scores.calibration_by_decile([1], [1], 0),
        lambda: scores.calibration_by_frequency([1], [1], [1], -1),
        lambda: scores.pit_histogram([0.1], [0.2], 0),
    ):
        with pytest.raises(ValueError, match=r"points|groups|most|bins"):
            wrong()
