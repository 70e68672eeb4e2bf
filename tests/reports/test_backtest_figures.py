"""Figures of backtests: what is drawn is what was given, in both languages; odd data give a sentence, never NaN."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from figure_checks import check_sentence, check_whole
from kezhi.language import Language
from kezhi.reports import backtest_figures as figures

LANGUAGES: tuple[Language, ...] = ("en", "zh")
WEEKS = [date(1997, 9, 1) + timedelta(7 * week) for week in range(8)]
ACTUAL = [5, 6, 4, 7, 5, 3, 4, 2]
EXPECTED = {"pareto_nbd": [5.0, 5, 5, 5, 4, 4, 3, 3], "nbd": [5.0, 5, 5, 5, 6, 6, 6, 6]}
DECILES = [(0.1, 0.12, 50), (0.4, 0.35, 50), (2.0, 2.5, 48)]
SCORES = {
    "nbd": [{"rmse": 1.9, "mae": 0.9, "bias": 0.4}, {"rmse": 2.1, "mae": 1.1, "bias": 0.2}],
    "pareto_nbd": [{"rmse": 1.6, "mae": 0.8, "bias": -0.1}, {"rmse": 1.4, "mae": 0.8, "bias": None}],
    "mean": [{"rmse": 3.0, "mae": math.nan, "bias": 0.0}, {}],
}
PLAIN: dict[str, Callable[[Language], Any]] = {
    "tracking": lambda language: figures.tracking(WEEKS, ACTUAL, EXPECTED, WEEKS[3], language),
    "tracking_numbers": lambda language: figures.tracking(range(8), ACTUAL, EXPECTED, 3, language, unit="month"),
    "cumulative": lambda language: figures.tracking(WEEKS, ACTUAL, EXPECTED, WEEKS[3], language, cumulative=True),
    "conditional": lambda language: figures.conditional_expectation(
        [0, 1, "2+"], [0.2, 0.7, None], {"bg_nbd": [0.3, 0.6, 1.4]}, [80, 20, 0], language
    ),
    "gain": lambda language: figures.gain({"auto": [(0.5, 0.9), (1.0, 1.0)]}, language, perfect=[(0.2, 1.0), (1, 1)]),
    "calibration": lambda language: figures.calibration({"auto": DECILES, "nbd": DECILES}, language),
    "pit": lambda language: figures.pit([12, 9, 10, 9, 10], language),
    "comparison": lambda language: figures.backtest_comparison(SCORES, language, chosen="pareto_nbd"),
}
EMPTY: dict[str, Callable[[Language], Any]] = {
    "tracking": lambda language: figures.tracking([], [], {}, WEEKS[0], language),
    "conditional": lambda language: figures.conditional_expectation([], [], {}, [], language),
    "gain": lambda language: figures.gain({"nbd": []}, language),
    "calibration": lambda language: figures.calibration({"nbd": [(math.nan, 1, 2)]}, language),
    "pit": lambda language: figures.pit([0, 0], language),
    "comparison": lambda language: figures.backtest_comparison({"nbd": [{"rmse": None}]}, language),
}


@pytest.mark.parametrize("make", PLAIN.values(), ids=PLAIN)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_figure_is_whole_in_both_languages(make: Callable[[Language], Any], language: Language) -> None:
    check_whole(make(language), language)


@pytest.mark.parametrize("make", EMPTY.values(), ids=EMPTY)
@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_to_show_is_said(make: Callable[[Language], Any], language: Language) -> None:
    check_sentence(make(language), language)


def test_tracking_marks_where_the_forecast_begins() -> None:
    figure = figures.tracking(WEEKS, ACTUAL, EXPECTED, WEEKS[3], "en")
    seen, first, second = figure.data
    assert list(seen.y) == ACTUAL
    assert [first.name, second.name] == ["Pareto/NBD", "NBD"]
    assert first.line.dash != second.line.dash  # told apart in black and white too
    shade, line = figure.layout.shapes
    assert (shade.x0, shade.x1) == (WEEKS[3].isoformat(), WEEKS[-1].isoformat())
    assert (line.x0, line.x1) == (WEEKS[3].isoformat(),) * 2
    assert "forecast from here" in figure.layout.annotations[0].text
    chinese = figures.tracking(WEEKS, ACTUAL, EXPECTED, WEEKS[3], "zh")
    assert "由此开始预测" in chinese.layout.annotations[0].text
    assert "每周复购次数" in chinese.layout.title.text


def test_tracking_adds_up_and_leaves_out_what_is_missing() -> None:
    figure = figures.tracking(range(4), [1, 2, None, None], {"nbd": [1, 1, 1, 1]}, 1, "en", cumulative=True)
    assert list(figure.data[0].y) == [1, 3, None, None]
    assert list(figure.data[1].y) == [1, 2, 3, 4]


def test_tracking_takes_numpy_days_and_texts() -> None:
    as_days = figures.tracking(np.array(WEEKS, dtype="datetime64[D]"), ACTUAL, EXPECTED, WEEKS[3], "en")
    as_texts = figures.tracking([day.isoformat() for day in WEEKS], ACTUAL, EXPECTED, "1997-09-22", "en")
    assert as_days.to_json() == as_texts.to_json()


def test_tracking_without_a_holdout_has_no_shade() -> None:
    assert len(figures.tracking(WEEKS, ACTUAL, EXPECTED, WEEKS[-1], "en").layout.shapes) == 1


def test_conditional_expectation_says_how_many_customers() -> None:
    figure = PLAIN["conditional"]("en")
    seen, model = figure.data
    assert list(seen.x) == ["0", "1", "2+"]
    assert list(seen.y) == [0.2, 0.7, None]
    assert list(model.y) == [0.3, 0.6, 1.4]
    assert "80" in figure.layout.xaxis.ticktext[0]


def test_gain_has_the_diagonal_and_the_perfect_curve() -> None:
    model, diagonal, perfect = PLAIN["gain"]("en").data
    assert list(model.x) == [0, 50, 100]
    assert list(model.y) == [0, 90, 100]
    assert list(diagonal.y) == [0, 100]
    assert list(perfect.x) == [0, 20, 100]


def test_gain_takes_tables_of_scores() -> None:
    table = {"customers": [0, 0.5, 1], "predicted_order": [0, 0.8, 1], "own_order": [0, 0.9, 1]}
    model, _, perfect = figures.gain({"nbd": table}, "en").data
    assert list(model.y) == [0, 80, 100]
    assert list(perfect.y) == [0, 90, 100]


def test_calibration_dots_lie_at_forecast_and_actual_with_their_counts() -> None:
    line, dots = figures.calibration({"nbd": DECILES}, "en").data
    assert list(line.x) == list(line.y)
    assert np.square(dots.x) == pytest.approx([0.1, 0.4, 2.0])
    assert np.square(dots.y) == pytest.approx([0.12, 0.35, 2.5])
    assert [row[2] for row in dots.customdata] == [50, 50, 48]
    table = {"group": [1], "customers": [9], "predicted": [4.0], "actual": [1.0]}
    figure = figures.calibration({"nbd": table}, "zh")
    assert (figure.data[1].x[0], figure.data[1].y[0]) == (2.0, 1.0)
    assert "9 位客户" in figure.layout.title.text.replace("<br>", "")


def test_pit_is_in_shares_with_what_chance_allows() -> None:
    bars, band = figures.pit([30, 20, 20, 30], "en").data
    assert list(bars.y) == [30, 20, 20, 30]
    assert min(band.y) == pytest.approx(25 - 1.2816 * math.sqrt(0.25 * 0.75 / 100) * 100)
    wide = figures.pit([1.2, 0.8, 0.8, 1.2], "en", customers=100).data[1]
    assert list(wide.y) == pytest.approx(list(band.y))


def test_comparison_ranks_the_models_and_shows_every_split() -> None:
    figure = PLAIN["comparison"]("en")
    assert list(figure.layout.yaxis.categoryarray)[::-1] == ["Pareto/NBD", "NBD", "common mean"]
    large = {(trace.y[0], trace.xaxis): trace for trace in figure.data if trace.marker.size == 11}
    assert large["Pareto/NBD", "x"].x[0] == pytest.approx(1.5)
    assert large["NBD", "x3"].x[0] == pytest.approx(0.3)
    assert ("common mean", "x2") not in large  # unknown, so not drawn
    assert large["common mean", "x"].marker.symbol == "circle-open"
    small = [trace for trace in figure.data if trace.marker.size == 5 and trace.y[0] == "NBD" and trace.xaxis == "x"]
    assert list(small[0].x) == [1.9, 2.1]


def test_a_model_may_have_any_name() -> None:
    figure = figures.gain({"<b>ours</b> %{x}": [(1.0, 1.0)]}, "zh")
    assert figure.data[0].name == "&lt;b&gt;ours&lt;/b&gt; % {x}"


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: figures.tracking(WEEKS, [1], {}, WEEKS[0], "en"), "actual"),
        (lambda: figures.tracking(WEEKS, ACTUAL, {"nbd": [1]}, WEEKS[0], "en"), "nbd"),
        (lambda: figures.tracking(WEEKS, ACTUAL, {}, 3, "en"), "split"),
        (lambda: figures.tracking([math.nan], [1], {}, 3, "en"), "when"),
        (lambda: figures.conditional_expectation([0], [1], {"nbd": [1, 2]}, [1], "en"), "nbd"),
        (lambda: figures.gain({"nbd": [(1, 2, 3)]}, "en"), "nbd"),
        (lambda: figures.calibration({"nbd": {"predicted": [1]}}, "en"), "columns"),
    ],
)
def test_misuse_is_named(call: Callable[[], Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        call()
