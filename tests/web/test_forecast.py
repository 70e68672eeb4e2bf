"""The forecast's page: forecasts made again beside what came, and each tab."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from casting import Cast
from kezhi.workspace import write_json
from kezhi_web.forecast.calibrated import calibrated
from kezhi_web.forecast.tracked import tracked
from kezhi_web.shown.run import Shown, named


def test_forecasts_made_again_are_those_of_the_run(shown_home: Path) -> None:
    """Every past day, its forecast by the method in use, what came; and the same in the figure."""
    run = named(None)
    found = tracked(run)
    origins = run.models["backtest"]["origins"]
    assert found is not None
    assert len(found.past) == len(origins)
    for one, told in zip(found.past, origins, strict=True):
        assert one.split.isoformat() == told["split"]
        assert one.came == pytest.approx(float(told["amount"]))
        assert one.forecast == told["forecast"][run.models["method"]]
        assert one.error == pytest.approx(one.forecast / one.came - 1)
    came, forecast, *_ = found.figure.data
    assert came["y"] == [one.came for one in found.past]
    assert forecast["y"] == [one.forecast for one in found.past]


def test_where_nothing_was_tested_nothing_is_drawn(tmp_path: Path) -> None:
    """A short history has no past days; a period without purchases has no relative error."""
    write_json(tmp_path / "models.json", {"method": "auto", "backtest": None})
    assert tracked(Shown("short", tmp_path, 0)) is None
    origin = {"split": "2025-01-31", "until": "2025-02-28", "amount": 0.0, "forecast": {"auto": 5.0}}
    write_json(tmp_path / "models.json", {"method": "auto", "backtest": {"origins": [origin]}})
    found = tracked(Shown("still", tmp_path, 1))
    assert found is not None
    assert (found.past[0].error, found.past[0].naive, len(found.figure.data)) == (None, None, 2)


def test_the_table_stands_beside_the_figure(shown_home: Path, cast: Cast) -> None:
    """In both languages, the figure with its numbers."""
    client = cast["viewer"]
    for lang, title in (("en", "Tracking"), ("zh-hans", "追踪")):
        client.cookies["django_language"] = lang
        text = client.get("/forecast?tab=trust").content.decode()
        assert title in text
        assert text.index('id="figure-tracked"') < text.index("<details>")
        assert 'data-place="figure-tracked"' in text


def test_calibration_against_a_count_by_hand(shown_home: Path) -> None:
    """Sort, cut in ten, average, in plain Python; the whole is what the run says came of that forecast."""
    run = named(None)
    told = run.worth["realised"]["forecasts"]
    found = calibrated(run)
    assert found is not None
    before = told[-1]["run"]
    assert {one["run"] for one in told} == {before}
    periods = {one["period"] for one in told}
    forecast: dict[str, float] = {}
    for row in pq.read_table(named(before).folder / "forecast.parquet").to_pylist():
        if row["period"].isoformat() in periods:
            forecast[row["customer_id"]] = forecast.get(row["customer_id"], 0.0) + float(row["value"])
    came: dict[str, float] = {}
    for row in pq.read_table(run.folder / "periods.parquet").to_pylist():
        if row["period"].isoformat() in periods:
            came[row["customer_id"]] = came.get(row["customer_id"], 0.0) + float(row["value"])
    order = sorted(forecast, key=lambda one: (round(forecast[one], 4), one))
    start = 0
    for group in found.groups:
        ids = order[start : start + group.customers]
        start += group.customers
        assert group.forecast == pytest.approx(sum(forecast[one] for one in ids) / len(ids), abs=1e-6)
        assert group.came == pytest.approx(sum(came.get(one, 0.0) for one in ids) / len(ids), abs=1e-6)
    assert start == len(order)
    whole = sum(group.came * group.customers for group in found.groups)
    assert whole == pytest.approx(sum(float(one["actual"]) for one in told))


def test_calibration_follows_the_page(shown_home: Path, cast: Cast) -> None:
    """Asked for by the page itself, or by its link; nobody's who may not see the company."""
    assert 'hx-get="/forecast/calibration?"' in cast["viewer"].get("/forecast?tab=trust").content.decode()
    part = cast["viewer"].get("/forecast/calibration", headers={"hx-request": "true"}).content.decode()
    assert 'data-place="figure-calibration"' in part
    assert "<html" not in part
    assert "<html" in cast["viewer"].get("/forecast/calibration").content.decode()
    assert cast["sales"].get("/forecast/calibration").status_code == 403


@pytest.mark.parametrize("tab", ["models", "risk", "lifetime", "needs", "for-customers", "basis"])
def test_every_tab_answers(shown_home: Path, cast: Cast, tab: str) -> None:
    """With its question at the top, and either its figures or what to do to have them."""
    page = cast["viewer"].get(f"/forecast?tab={tab}")
    assert page.status_code == 200
    assert "<section" in page.content.decode() or "empty" in page.content.decode()
