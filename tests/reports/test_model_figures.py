"""Figures of models: what is drawn is what was given, in both languages; odd data give a sentence, never NaN."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import special

from figure_checks import check_sentence, check_whole, said_in
from kezhi.language import Language, Text
from kezhi.models import beta_prime
from kezhi.models.gamma_gamma import GammaGammaFaderHardieFit, GammaGammaFit
from kezhi.models.histories import PurchaseHistories
from kezhi.models.nbd import NBDFit
from kezhi.reports import framing
from kezhi.reports import model_figures as figures

NBD = NBDFit.with_parameters(a=4.4, b=0.25)
SPEND = GammaGammaFaderHardieFit.with_parameters(p=6.25, q=3.74, gamma=15.44)
PANEL = GammaGammaFit.with_parameters(p=8.57, q=1.53, k=3224.15)
LANGUAGES: tuple[Language, ...] = ("en", "zh")
DRAWS = {"r": np.linspace(0.2, 0.3, 500), "alpha": np.geomspace(3, 6, 500), "s": np.full(500, 0.6)}
MARKS = [figures.SeasonMark(Text("Singles' Day", "双十一"), 315, 3.2), figures.SeasonMark("618", 170)]


class Leaving(NBDFit):
    """A model in which customers leave: BG/NBD's P(alive) with made-up parameters."""

    model = "leaving"

    def p_alive(self, histories: Any) -> Any:
        seen = PurchaseHistories.of(histories)
        x, silent = seen.repeat_purchases, np.log((4.4 + seen.observed_periods) / (4.4 + seen.last_purchase_at))
        against = np.log(0.8 / (1.4 + np.maximum(x, 1))) + (0.25 + x) * silent
        return np.where(x > 0, special.expit(-against), 1.0)


LEAVING = Leaving.with_parameters(a=4.4, b=0.25)
PLAIN: dict[str, Callable[[Language], Any]] = {
    "frequency": lambda language: figures.frequency_histogram([9, 3, 1], [8.8, 3.1, 1.2], language),
    "alive": lambda language: figures.p_alive_matrix(LEAVING, 10, 39, language, unit="week"),
    "expected": lambda language: figures.expected_purchases_matrix(LEAVING, 10, 39, 13, language, unit="week"),
    "spend": lambda language: figures.spend_density(SPEND, [0, 20, 40, 80], [5, 9, 3], language, currency="CNY"),
    "spend_panel": lambda language: figures.spend_density(PANEL, [0, 5e3, 1e4, 5e4], [5, 9, 3, 2], language),
    "season": lambda language: figures.season(
        np.arange(1.0, 13), language, lower=np.arange(12), upper=np.arange(2, 14), marks=MARKS
    ),
    "posterior": lambda language: figures.posterior(DRAWS, language, estimates={"r": 0.25}),
}
EMPTY: dict[str, Callable[[Language], Any]] = {
    "frequency": lambda language: figures.frequency_histogram([], [], language),
    "alive": lambda language: figures.p_alive_matrix(NBD, 5, 0, language),
    "expected": lambda language: figures.expected_purchases_matrix(NBD, 5, 0, 10, language),
    "spend": lambda language: figures.spend_density(SPEND, [], [], language),
    "spend_zero": lambda language: figures.spend_density(SPEND, [0, 1], [0], language),
    "season": lambda language: figures.season([], language),
    "season_missing": lambda language: figures.season([math.nan] * 12, language),
    "posterior": lambda language: figures.posterior({}, language),
    "posterior_missing": lambda language: figures.posterior({"r": [math.nan, math.inf]}, language),
}


def test_scale_steps_are_perceived_as_equal() -> None:
    lab = np.array([_lab(color) for _, color in framing.SCALE])
    steps = np.linalg.norm(np.diff(lab, axis=0), axis=1)
    assert steps.max() / steps.min() < 1.1
    assert np.all(np.diff(lab[:, 0]) < -6)  # also in order when printed grey


def _lab(color: str) -> list[float]:
    """CIELAB of a colour of the screen (D65)."""
    red_green_blue = np.array([int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    linear = np.where(red_green_blue <= 0.04045, red_green_blue / 12.92, ((red_green_blue + 0.055) / 1.055) ** 2.4)
    matrix = np.array([[0.4125, 0.3576, 0.1804], [0.2127, 0.7152, 0.0722], [0.0193, 0.1192, 0.9503]])
    f = np.cbrt(matrix @ linear / [0.9505, 1, 1.0888])
    return [116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])]


@pytest.mark.parametrize("make", PLAIN.values(), ids=PLAIN)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_figure_is_whole_in_both_languages(make: Callable[[Language], Any], language: Language) -> None:
    check_whole(make(language), language)


@pytest.mark.parametrize("make", EMPTY.values(), ids=EMPTY)
@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_to_show_is_said(make: Callable[[Language], Any], language: Language) -> None:
    check_sentence(make(language), language)


def test_histogram_shows_both_and_puts_the_many_together() -> None:
    seen, model = figures.frequency_histogram([100, 20, 5], [99.5, 20.5, 4.0, 1.0], "en").data
    assert list(seen.y) == [100, 20, 5, 0]
    assert list(model.y) == [99.5, 20.5, 4, 1]
    seen, model = figures.frequency_histogram([1] * 40, [2] * 15, "zh").data
    assert list(seen.x)[-2:] == ["9", "≥10"]
    assert seen.y[-1] == 30
    assert model.y[-1] == 10


def test_p_alive_is_the_fits_own_and_impossible_cells_are_blank() -> None:
    heat = figures.p_alive_matrix(LEAVING, 6, 39, "en", unit="week").data[0]
    assert heat.z[20][3] == pytest.approx(100 * LEAVING.p_alive(PurchaseHistories([3], [20], [39]))[0])
    assert heat.z[0][0] == pytest.approx(100)
    assert [row[0] for row in heat.z[1:]] == [None] * 39
    assert list(heat.z[0][1:]) == [None] * 6
    assert list(heat.y) == list(range(40))
    assert (heat.zmin, heat.zmax) == (0, 100)


def test_one_purchase_a_period_blanks_what_cannot_be() -> None:
    class Whole(Leaving):
        model = "bg_bb"

    heat = figures.p_alive_matrix(Whole.with_parameters(a=1.0, b=1.0), 6, 10.0, "en", unit="year").data[0]
    assert heat.z[3][4] is None
    assert heat.z[4][4] is not None


def test_expected_purchases_are_the_fits_own() -> None:
    figure = figures.expected_purchases_matrix(NBD, 4, 30, 13, "zh", unit="month")
    history = PurchaseHistories([4], [30], [30])
    assert figure.data[0].z[-1][-1] == pytest.approx(NBD.expected_purchases(history, 13)[0])
    assert "未来 13 个月" in figure.layout.title.text
    assert "（月）" in figure.layout.yaxis.title.text
    assert "13 months" in figures.expected_purchases_matrix(NBD, 4, 30, 13, "en", unit="month").layout.title.text


@pytest.mark.parametrize(("largest", "observed"), [(0, 5), (3, 0.25), (10**6, 1e9), (1, 60.5)])
def test_matrices_of_any_size(largest: int, observed: float) -> None:
    for figure in (
        figures.p_alive_matrix(LEAVING, largest, observed, "en"),
        figures.expected_purchases_matrix(LEAVING, largest, observed, 0, "zh"),
    ):
        check_whole(figure, "zh" if "未来" in figure.layout.title.text else "en")
        assert len(figure.data[0].z) <= 62
        assert len(figure.data[0].x) <= 61


def test_a_model_without_dropout_has_no_lines_of_equal_chance() -> None:
    (heat,) = figures.p_alive_matrix(NBD, 5, 39, "en").data
    assert {cell for row in heat.z for cell in row if cell is not None} == {100.0}


def test_spend_bars_and_line_are_shares() -> None:
    figure = figures.spend_density(SPEND, [0, 20, 40, 60], [50, 30, 20], "en")
    bars, line = figure.data
    assert list(bars.y) == pytest.approx([50, 30, 20])
    within = beta_prime.between(SPEND.p, SPEND.q, SPEND.scale, 0.0, 60.0)
    assert np.mean(line.y) * 3 == pytest.approx(100 * float(within))


def test_spend_of_means_over_more_purchases_is_steadier() -> None:
    one, many = (
        figures.spend_density(SPEND, [0, 20, 40, 60], [5, 3, 2], "en", purchases=purchases).data[1]
        for purchases in ({1: 10}, {9: 10})
    )
    assert many.y[0] < one.y[0]
    assert max(many.y) > max(one.y)


def test_spend_names_what_it_leaves_out() -> None:
    bins = ([0, 100, 200], [6, 3, 1])
    assert "10.0% lie above 200" in figures.spend_density(PANEL, *bins, "en").layout.title.text
    assert "10.0% 高于 200" in figures.spend_density(PANEL, *bins, "zh").layout.title.text.replace("<br>", "")
    uneven = figures.spend_density(PANEL, [0, 100, 1000], [5, 5], "zh")
    assert "（每 500）" in uneven.layout.yaxis.title.text


@pytest.mark.parametrize("parameters", [(1e9, 3.0, 1e-7), (4.0, 1e9, 1e9 / 4), (1e9, 1e9, 30.0), (0.2, 0.3, 1e-12)])
def test_spend_of_limiting_fits(parameters: tuple[float, float, float]) -> None:
    p, q, k = parameters
    fit = GammaGammaFit.with_parameters(p=p, q=q, k=k)
    check_whole(figures.spend_density(fit, [0, 10, 20, 50], [3, 2, 1], "en"), "en")


@pytest.mark.parametrize("parts", [4, 12, 52, 53, 365, 366])
@pytest.mark.parametrize("language", LANGUAGES)
def test_season_is_relative_to_an_average_time(parts: int, language: Language) -> None:
    figure = figures.season(np.linspace(2, 6, parts), language)
    (line,) = figure.data
    assert np.mean(line.y) == pytest.approx(100)
    assert line.x[0] > 0
    assert line.x[-1] < 366
    check_whole(figure, language)


def test_season_draws_the_band_and_names_the_events() -> None:
    weights = np.array([0.5, 1.5] * 6)
    figure = figures.season(weights, "zh", lower=weights - 0.2, upper=weights + 0.2, marks=MARKS)
    band, line = figure.data
    assert list(line.y) == pytest.approx([50, 150] * 6)
    assert min(band.y) == pytest.approx(30)
    assert max(band.y) == pytest.approx(170)
    assert {one.text for one in figure.layout.annotations} == {"双十一 ×3.2", "618"}
    assert "Singles' Day ×3.2" in said_in(figures.season(weights, "en", marks=MARKS))


def test_names_of_near_events_stand_on_rows_of_their_own() -> None:
    marks = [figures.SeasonMark(name, day) for name, day in (("first", 312), ("second", 316), ("third", 330))]
    heights = [one.y for one in figures.season(np.ones(12), "en", marks=marks).layout.annotations]
    assert len(set(heights)) == 3


def test_a_flat_season_is_said_to_be_flat() -> None:
    assert "no season" in figures.season(np.ones(12), "en").layout.title.text
    assert "看不出季节规律" in figures.season(np.ones(52), "zh").layout.title.text


def test_posterior_shows_each_parameter_with_its_interval() -> None:
    figure = figures.posterior(DRAWS, "en", estimates={"r": 0.26})
    assert [trace.name for trace in figure.data] == ["r", "alpha", "s"]
    assert figure.layout.annotations[0].text == "<b>r</b> 0.26 (0.21–0.29)"
    assert "（0.21–0.29）" in figures.posterior(DRAWS, "zh").layout.annotations[0].text
    middle = [color == figures.ACCENT for color in figure.data[0].marker.color]
    assert 0.7 < np.mean(middle) < 0.9
    assert list(figure.data[2].y) == [500]  # all draws alike: one bar


def test_names_cannot_become_markup_or_blanks() -> None:
    mark = figures.SeasonMark('<a href="x">sale</a> %{y}', 100)
    text = figures.season(np.ones(12), "en", marks=[mark]).layout.annotations[0].text
    assert text == '&lt;a href="x"&gt;sale&lt;/a&gt; % {y}'


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: figures.p_alive_matrix(NBD, -1, 10, "en"), "largest_frequency"),
        (lambda: figures.p_alive_matrix(NBD, 2, math.inf, "en"), "observed_periods"),
        (lambda: figures.p_alive_matrix(NBD, 2, 10, "en", unit="fortnight"), "unit"),
        (lambda: figures.spend_density(SPEND, [0, 10, 5], [1, 1], "en"), "edges"),
        (lambda: figures.spend_density(SPEND, [0, 10], [1, 1, 1], "en"), "counts"),
        (lambda: figures.season(np.ones(7), "en"), "weights"),
        (lambda: figures.season(np.ones(12), "en", lower=[1], upper=[1]), "lower"),
        (lambda: figures.season(np.ones(12), "en", marks=[figures.SeasonMark("x", 400)]), "marks"),
        (lambda: figures.frequency_histogram(["many"], [1], "en"), "observed"),
    ],
)
def test_misuse_is_named(call: Callable[[], Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        call()


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("a few short words", 6, ["a few", "short", "words"]),
        ("客户数，首次购买", 4, ["客户数，", "首次购买"]),
        ("客户数首次，购买", 5, ["客户数首次，", "购买"]),
        ("未来 13 周", 10, ["未来 13 周"]),
        ("", 5, [""]),
    ],
)
def test_titles_are_broken_where_a_reader_would(text: str, width: float, lines: list[str]) -> None:
    assert framing.wrapped(text, width) == lines
