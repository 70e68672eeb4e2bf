"""What the past taught, on the page and in the workbook: the numbers of models.json in words, for new and old runs."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from kezhi.engine import Engine
from kezhi.language import Language, Text
from kezhi.reports import build, figures, lessons, sentences, write_excel
from kezhi.reports.build_models import _middle, build_models
from kezhi.reports.customer_value import KindFactor, Learned, PastForecast, ValueReport
from kezhi.reports.page import render
from kezhi.reports.sections import Canvas

Make = Callable[..., Path]


def page(report: ValueReport, language: Language = "en") -> str:
    """The words of a page, without its scripts, styles and markup."""
    body = re.sub(r"<(script|style)>.*?</\1>", "", render(report, language), flags=re.DOTALL)
    return " ".join(re.sub("<[^>]+>", " ", body).split())


def changed(report: ValueReport, **learned: Any) -> ValueReport:
    """The report with other lessons, and the method if one is named."""
    found = report.models.learned
    assert found is not None
    method = learned.pop("method", report.models.method)
    models = dataclasses.replace(report.models, learned=dataclasses.replace(found, **learned), method=method)
    return dataclasses.replace(report, models=models)


def test_past_forecasts_are_listed_with_their_errors(engine: Engine, make_run: Make) -> None:
    text = page(build(engine, make_run()))
    assert "2011-02-28 2011-05-31 1,000,000 1,100,000 +10.0%" in text
    assert "2011-05-31 2011-08-31 1,200,000 1,140,000 −5.0%" in text
    assert "The error of the total was 7.8% on average; of repeating the last periods, 21.7%." in text


def test_what_was_learned_is_said(engine: Engine, make_run: Make) -> None:
    text = page(build(engine, make_run()))
    assert "weighted mean of the models: MBG/CNBD-k 63%, Pareto/NBD 38%." in text
    assert "after 3 past days" in text
    assert (
        "0.92, 0.95, 0.94 times as many purchases came as were foreseen. So the forecast is multiplied by 0.94." in text
    )
    assert "lowered the deviance per customer from 0.501 to 0.487" in text
    assert "Purchases after the first Factor 0 ×0.90 1 ×1.00 2–3 ×1.05 ≥ 4 ×1.22" in text
    assert "below 50% ×1.28 50%–100% ×1.00 100% ×0.78" in text
    assert "below 91.2% ×1.00 91.2%–91.4% ×1.01 91.4% and more ×0.99" in text
    assert "below 121 ×0.95" in text
    assert "Weight 38%." in text
    assert "Not in the blend; the transition rule rests on it." in text


def test_what_has_no_part_in_the_forecast_does_not_trouble_the_manager(engine: Engine, make_run: Make) -> None:
    rule = "Only the rule rests on it."
    assert rule not in [text.en for text in sentences.remarks(build(engine, make_run()))]
    used = build(engine, make_run(method="transition", hostile=True, currency="CNY"))
    assert rule in [text.en for text in sentences.remarks(used)]
    assert "The transition rule is used in this run" in page(used)


@pytest.mark.parametrize(
    ("learned", "said"),
    [
        ({"card": "no_better", "before": 0.50001, "after": 0.50002, "factors": {}}, "0.50001 without, 0.50002 with"),
        ({"card": "untested", "factors": {}}, "that takes two past days"),
        ({"level": 1.0}, "so it is left as it is"),
        ({"origins": 0, "came": (), "card": "", "factors": {}}, "The history is too short to weigh them."),
        ({"origins": 1}, "after one past day"),
        ({"before": None, "after": None}, "from – to –"),
    ],
)
def test_other_lessons(engine: Engine, make_run: Make, learned: dict[str, Any], said: str) -> None:
    assert said in page(changed(build(engine, make_run()), **learned))


def test_a_model_asked_for_by_name_learned_nothing(engine: Engine, make_run: Make) -> None:
    report = changed(build(engine, make_run()), method="pareto_nbd")
    assert lessons.sentences_of(report) == []
    assert "What the past taught" not in page(report)


def test_the_season_is_drawn_where_it_was_found(engine: Engine, make_run: Make) -> None:
    report = build(engine, make_run())
    found = report.models.season
    assert found is not None
    assert [event.day for event in found.events] == [316, 255, None]
    canvas = Canvas("zh")
    written = lessons.yearly_season(report, canvas)
    assert list(canvas.figures) == ["figure-season"]
    labels = [note["text"] for note in canvas.figures["figure-season"]["layout"]["annotations"]]
    assert labels == ["店庆 ×1.2", "双十一 ×2.4"]
    assert written is not None
    assert "&lt;b&gt;sale&lt;/b&gt;" in written
    assert "<b>sale" not in written
    assert "Oct is the busiest month, Jul the quietest" in page(report)
    assert "10月最旺，7月最淡" in page(report, "zh")


def test_without_a_season_it_is_said_in_words(engine: Engine, make_run: Make) -> None:
    report = build(engine, make_run(season=False))
    canvas = Canvas("en")
    written = lessons.yearly_season(report, canvas)
    assert written is not None
    assert "too short to know the season" in written
    assert canvas.figures == {}
    assert "busy and quiet months are not foreseen" in page(report)


def test_old_runs_have_nothing_of_it(engine: Engine, make_run: Make) -> None:
    report = build(engine, make_run(old=True))
    assert report.models.learned is None
    assert report.models.season is None
    assert report.models.weight("nbd") is None
    text = page(report)
    for title in (lessons.PAST, lessons.TAUGHT, Text("Deviance per", ""), Text("Bought by its best 20%", "")):
        assert title.en not in text
    assert "season is allowed for" not in text
    assert "Predicted number" in text


@pytest.mark.parametrize(
    "content", [{"learned": {}, "season": {}}, {"learned": {"weights": {}}, "season": {"months": []}}]
)
def test_thin_content_is_read(content: dict[str, Any]) -> None:
    found = build_models({"method": "auto", **content, "backtest": {"origins": [{}], "methods": []}}, {})
    assert found.backtest is not None
    assert found.backtest.origins[0].error("auto") is None
    assert found.season is None or not found.season.found


def test_errors_and_factors_come_from_the_file(engine: Engine, make_run: Make) -> None:
    run = make_run()
    written = json.loads((run / "models.json").read_text(encoding="utf-8"))["learned"]
    found = build(engine, run).models.learned
    assert isinstance(found, Learned)
    assert found.came == tuple(math.exp(error) for error in written["log_errors"])
    assert found.factors["silence"] == (
        KindFactor(None, 0.5, math.exp(0.25)),
        KindFactor(0.5, 1.0, 1.0),
        KindFactor(1.0, None, math.exp(-0.25)),
    )


def test_how_far_off_leaves_out_what_is_not_known() -> None:
    nothing = PastForecast(None, None, 0, 0.0, {"auto": 3.0})
    assert lessons.how_far_off([nothing], "auto").en == "Each was made with nothing but what was known on its day."
    one = PastForecast(None, None, 1, 2.0, {"auto": 3.0})
    assert lessons.how_far_off([nothing, one], "auto").zh.endswith("总额误差平均 50.0%。")


def test_an_event_lies_in_the_middle_of_the_last_time_it_began() -> None:
    twice = [(date(2010, 3, 1), date(2010, 3, 1)), (date(2012, 2, 1), date(2012, 2, 3))]
    assert _middle(twice, date(2011, 1, 1)) == 61
    assert _middle(twice, date(2012, 12, 31)) == 33
    assert _middle(twice, date(2000, 1, 1)) == 61


def test_intervals_are_even_on_a_logarithmic_scale() -> None:
    lower, upper = lessons.interval(1.5, 0.15)
    assert lower * upper == pytest.approx(1.5**2)
    assert upper == pytest.approx(1.5 * math.exp(0.1281551566))
    assert lessons.interval(0.0, 0.1) == (0.0, 0.0)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_workbook_holds_the_same(engine: Engine, make_run: Make, tmp_path: Path, language: Language) -> None:
    run = make_run()
    write_excel(engine, run, build(engine, run), tmp_path / "report.xlsx", language)
    sheet = openpyxl.load_workbook(tmp_path / "report.xlsx")[Text("Models", "模型").to(language)]
    rows = [[cell for cell in row if cell is not None] for row in sheet.iter_rows(values_only=True)]
    past = next(row for row in rows if 1_140_000 in row)
    assert past[2:] == [1_200_000, 1_140_000, pytest.approx(-0.05)]
    assert ["Pareto/NBD" if language == "en" else "Pareto/NBD 模型", 0.375] in rows
    assert ["2–3", pytest.approx(math.exp(0.05))] in rows
    october = next(row for row in rows if row[:1] == [Text("Oct", "10月").to(language)])
    assert october[1] == 1.48
    assert any(row[:1] == [Text("11.11", "双十一").to(language)] for row in rows)


def test_a_figure_is_as_tall_as_it_asks_to_be(engine: Engine, make_run: Make) -> None:
    figure = figures.value_bands.plain(build(engine, make_run()), "en")
    canvas = Canvas("en")
    words = Text("Customers.", "客户。")
    assert "style" not in canvas.place("one", figure, words)
    figure.update_layout(height=444)
    assert 'style="height: 444px"' in canvas.place("two", figure, words)


_TEXTS = [value for value in vars(lessons).values() if isinstance(value, Text)]
_TEXTS += [*lessons.FEATURES.values(), *lessons.PAST_HEADS, *lessons.MONTH_HEADS, *lessons._CARDS.values()]


@pytest.mark.parametrize("text", _TEXTS, ids=lambda text: text.en[:40])
def test_every_text_is_in_both_languages(text: Text) -> None:
    assert re.search("[A-Za-z]", text.en)
    assert re.search("[\u4e00-\u9fff]", text.zh)
    assert not re.search("[,;:!?]", text.zh)
    assert set(re.findall(r"\{\w+\}", text.en)) == set(re.findall(r"\{\w+\}", text.zh))
