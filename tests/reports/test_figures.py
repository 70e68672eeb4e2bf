"""Figures: what is drawn is what the report says, and drawing never fails for want of data."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kezhi.engine import Engine
from kezhi.language import Language
from kezhi.reports import build, figures
from kezhi.reports.customer_value import SharePoint
from kezhi.reports.plot import Drawn
from kezhi.reports.season_figure import SeasonMark, season

Make = Callable[..., Path]
OF_A_REPORT = (
    figures.history_and_forecast,
    figures.concentration,
    figures.frequency,
    figures.amounts,
    figures.value_bands,
)


@pytest.mark.parametrize("figure", OF_A_REPORT, ids=lambda f: f.__name__)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_draws_with_much_and_with_little(
    engine: Engine, make_run: Make, figure: Callable[..., object], language: Language
) -> None:
    figure(build(engine, make_run()), language)
    bare = build(engine, make_run(customers=1, bare=True, currency=None))
    figure(dataclasses.replace(bare, history=(), forecast=(), concentration=(), bands=()), language)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_the_page_draws_is_what_plotly_would_draw(engine: Engine, make_run: Make, language: Language) -> None:
    """The page is given plain data: plotly accepts every word of it, and adds nothing."""
    report = build(engine, make_run())
    found = report.models.transitions
    assert found is not None
    months = np.linspace(0.5, 1.6, 12)
    marks = [SeasonMark("double_eleven", 316, 1.8), SeasonMark("spring", 40)]
    drawn: list[tuple[Drawn[...], tuple[Any, ...], dict[str, Any]]] = [
        *((figure, (report, language), {}) for figure in OF_A_REPORT),
        (figures.amount_transitions, (found, language), {"observed": True}),
        (figures.frequency_transitions, (found, language), {}),
        (season, (months, language), {"lower": months / 1.2, "upper": months * 1.2, "marks": marks}),
        (season, ([], language), {}),
    ]
    for figure, given, more in drawn:
        assert json.loads(figure(*given, **more).to_json()) == json.loads(
            json.dumps(figure.plain(*given, **more).as_dict())
        )


def test_history_and_forecast_show_every_period_and_the_interval(engine: Engine, make_run: Make) -> None:
    report = build(engine, make_run())
    past, unfinished, coming = figures.history_and_forecast(report, "en").data
    assert len(past.y) == 12
    assert len(unfinished.y) == 1
    assert list(coming.y) == [float(row.account.value) for row in report.forecast]
    assert coming.y[0] + coming.error_y.array[0] == pytest.approx(report.forecast[0].upper)
    assert coming.y[0] - coming.error_y.arrayminus[0] == pytest.approx(report.forecast[0].lower)


def test_concentration_may_rise_above_the_whole(engine: Engine, make_run: Make) -> None:
    report = build(engine, make_run())
    losers = (SharePoint(0.5, 1.4), SharePoint(1.0, 1.0))
    curve = figures.concentration(dataclasses.replace(report, concentration=losers), "en").data[0]
    assert list(curve.y) == [0.0, 140.0, 100.0]


def test_heat_map_keeps_empty_rows_empty(engine: Engine, make_run: Make) -> None:
    found = build(engine, make_run()).models.transitions
    assert found is not None
    observed = figures.amount_transitions(found, "zh", observed=True).data[0]
    assert list(observed.z[3]) == [None] * 4
    assert figures.amount_transitions(found, "en").data[0].z[0][0] == pytest.approx(55.0)
    assert len(figures.frequency_transitions(found, "en").data[0].z) == 3


@pytest.mark.parametrize(
    ("edges", "count", "labels"),
    [
        ((0.01, 1000.0, 10000.0), 2, ["0.01–1,000", "1,000–10,000"]),
        ((0.0, 10.0), 2, ["0–10", "≥ 10"]),
        ((), 1, []),
    ],
)
def test_bin_labels(edges: tuple[float, ...], count: int, labels: list[str]) -> None:
    assert figures.bin_labels(edges, count) == labels
