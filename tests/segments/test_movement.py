"""Movement between two dates: within the log, and against an earlier run."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kezhi.engine import Engine
from kezhi.reports.sections import Canvas
from kezhi.reports.worth import movement as shown
from kezhi.segments.movement import NOT_YET, SILENT, matrix, measured, move_of
from kezhi.valuation import conclude
from kezhi.worth import Found, Work
from worth.small_company import AS_OF, Company, lives, month

MONEY = pa.decimal128(28, 4)
TIERS = ("vip", "large", "ordinary", "small")
Given = dict[str, Any]


def written(work: Work) -> Work:
    """The same with its customers.parquet and a manifest, as a finished run has them."""
    if not (work.folder / "customers.parquet").exists():
        conclude(work.forecasted, ())
    manifest = {"as_of": str(work.as_of), "settings": json.loads(work.settings.model_dump_json())}
    (work.folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return work


def found_of(work: Work) -> Found:
    found = measured(work)
    assert found is not None
    return found


def of(found: Found, source: str, by: str = "tier") -> Given:
    return next(one for one in found.facts["matrices"] if (one["source"], one["by"]) == (source, by))


def counts(found: Given) -> dict[tuple[str, str], int]:
    return {(cell["before"], cell["after"]): cell["customers"] for cell in found["cells"]}


def pyramid(values: dict[str, Decimal]) -> dict[str, str]:
    """The slow way: sort, and count off 1, 5 and 20 of 100; nobody with nothing above the lowest."""
    order = sorted(values, key=lambda name: (-values[name], name))
    tiers = {}
    for place, name in enumerate(order):
        until = next(i for i, most in enumerate((1, 5, 20, 100)) if place * 100 < most * len(order))
        tiers[name] = TIERS[until] if values[name] > 0 else "small"
    return tiers


@pytest.fixture(scope="module")
def moved(followed: tuple[Company, Work]) -> Found:
    return found_of(written(followed[1]))


# --- within the log ---------------------------------------------------------------------------------------


def test_the_log_s_matrix_agrees_with_plain_python(followed: tuple[Company, Work], moved: Found) -> None:
    company, _ = followed
    present = month(AS_OF) - 1  # June is cut short
    people = {name: life for name, life in lives(company).items() if life.bought}
    firsts = {name: month(life.bought[0]) for name, life in people.items()}
    states: list[dict[str, str]] = []
    for last in (present - 12, present):
        year = range(last - 11, last + 1)
        tiers = pyramid({name: life.value(year) for name, life in people.items() if any(map(life.purchases.get, year))})
        states.append({name: tiers.get(name, SILENT if firsts[name] <= last else NOT_YET) for name in people})
    there = [name for name in people if firsts[name] <= present]
    expected = Counter((states[0][name], states[1][name]) for name in there)
    log = of(moved, "log")
    assert counts(log) == expected
    for cell in log["cells"]:
        mine = [name for name in there if (states[0][name], states[1][name]) == (cell["before"], cell["after"])]
        for name, last in (("value_before", present - 12), ("value", present)):
            assert cell[name] == sum((people[one].value(range(last - 11, last + 1)) for one in mine), Decimal(0))
    assert (log["from"], log["until"], log["periods"]) == (date(2024, 5, 31), date(2025, 5, 31), 12)


def test_t04_row_sums_are_the_tier_counts_at_the_first_date(moved: Found) -> None:
    """T04: the migration matrix's row sums are the tier counts at the first date, its columns' those at the second."""
    for one in moved.facts["matrices"]:
        for side, end in (("rows", "before"), ("columns", "after")):
            sums: Counter[str] = Counter()
            for cell in one["cells"]:
                sums[cell[end]] += cell["customers"]
            assert {row["state"]: row["customers"] for row in one[side]} == sums
            assert sum(sums.values()) == one["customers"]
        assert sum(cell["share_of_all"] for cell in one["cells"]) == pytest.approx(1)
        for row in one["rows"]:
            shares = [cell["share_of_before"] for cell in one["cells"] if cell["before"] == row["state"]]
            assert sum(shares) == pytest.approx(1)


def test_the_file_has_whoever_moved_and_adds_up(followed: tuple[Company, Work], moved: Found) -> None:
    rows = pq.read_table(followed[1].folder / "movement.parquet").to_pylist()
    cells = {pair: n for pair, n in counts(of(moved, "log")).items() if pair[0] not in (pair[1], NOT_YET)}
    assert Counter((row["before"], row["after"]) for row in rows) == cells
    assert [row["change"] for row in rows] == sorted(row["change"] for row in rows)
    for row in rows:
        assert row["change"] == row["value"] - row["value_before"]
        assert row["direction"] == move_of(row["before"], row["after"])


def test_neither_the_order_of_rows_nor_what_came_later_changes_anything(
    worked: Callable[..., Work], followed: tuple[Company, Work], moved: Found
) -> None:
    company, work = followed
    later = [{**company.orders[0], "date": AS_OF + timedelta(days=days), "amount": Decimal(9999)} for days in (1, 40)]
    again = written(worked([*later, *reversed(company.orders)], as_of=AS_OF, **company.tables))
    assert json.dumps(found_of(again).facts, default=str) == json.dumps(moved.facts, default=str)
    files = [(one.folder / "movement.parquet").read_bytes() for one in (work, again)]
    assert files[0] == files[1]


def test_a_short_history_is_cut_in_half_and_one_period_is_no_history(worked: Callable[..., Work]) -> None:
    orders = [
        {"customer_id": f"C{n}", "date": date(2025, m, 9), "amount": Decimal(10 * n + m)}
        for n in range(1, 6)
        for m in (1, 2, 3, 4, 5)
        if (n + m) % 3
    ]
    log = of(found_of(worked(orders, as_of=date(2025, 5, 31))), "log")
    assert (log["periods"], log["from"]) == (2, date(2025, 3, 31))
    few = [row for row in orders if row["date"].month == 5]
    assert measured(worked(few, as_of=date(2025, 5, 31))) is None


def test_directions() -> None:
    moves = {("vip", "large"): "down", ("small", "vip"): "up", (SILENT, "small"): "up", ("small", SILENT): "down",
             (NOT_YET, "vip"): "new", ("vip", "gone"): "gone", ("large", "large"): "same"}  # fmt: skip
    assert {pair: move_of(*pair) for pair in moves} == moves
    assert move_of("champions", "lost", ranked=False) == "other"


def test_groups_without_an_order_are_sorted_by_their_size() -> None:
    cells = [{"before": None, "after": "lost", "customers": 1}, {"before": "new", "after": "lost", "customers": 3}]
    found = matrix(cells, ranked=False)
    assert [row["state"] for row in found["rows"]] == ["new", "none"]
    assert found["moves"][0]["customers"] == 4


# --- against an earlier run -------------------------------------------------------------------------------


def earlier_run(folder: Path, rows: list[Given], *, as_of: str = "2024-12-31", **settings: Any) -> Path:
    """What an earlier run left: its customers with their tier."""
    folder.mkdir()
    manifest = {"as_of": as_of, "settings": settings}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    names = list(rows[0])
    kinds = {"forecast_value": MONEY}
    columns = {name: pa.array([row[name] for row in rows], kinds.get(name)) for name in names}
    pq.write_table(pa.table(columns), folder / "customers.parquet")
    return folder


THEN = [
    {"customer_id": "C01", "tier": "vip", "forecast_value": Decimal(500), "rfm_segment": "champions"},
    {"customer_id": "C02", "tier": "large", "forecast_value": Decimal(90), "rfm_segment": None},
    {"customer_id": "left", "tier": "small", "forecast_value": Decimal(1), "rfm_segment": "lost"},
]


@pytest.fixture
def then(followed: tuple[Company, Work], tmp_path: Path) -> Callable[..., Work]:
    """The followed company after an earlier run with these customers."""

    def make(rows: list[Given] = THEN, **more: Any) -> Work:
        work = written(followed[1])
        return replace(work, earlier=(earlier_run(tmp_path / "2025-01-01T000000Z", rows, **more),), found={})

    return make


def test_the_recorded_tiers_are_the_rows(then: Callable[..., Work]) -> None:
    work = then()
    found = of(found_of(work), "runs")
    people = set(work.engine.fetch(work.written.select("customer_id"))["customer_id"].to_pylist())
    rows = {row["state"]: row["customers"] for row in found["rows"]}
    assert rows == {"vip": 1, "large": 1, "small": 1, NOT_YET: len(people) - 2}
    assert counts(found)["small", "gone"] == 1
    assert (found["run"], found["from"], found["until"]) == ("2025-01-01T000000Z", date(2024, 12, 31), AS_OF)
    gone = next(cell for cell in found["cells"] if cell["after"] == "gone")
    assert (gone["value"], gone["forecast_before"], gone["forecast_value"]) == (None, Decimal(1), None)


def test_value_at_stake_is_that_of_the_twelve_months_up_to_each_day(
    then: Callable[..., Work], followed: tuple[Company, Work]
) -> None:
    work = then()
    people = lives(followed[0])
    cells = of(found_of(work), "runs")["cells"]
    top = next(cell for cell in cells if cell["before"] == "vip")  # only C01 was VIP
    for name, last in (("value_before", month(date(2024, 12, 31))), ("value", month(AS_OF) - 1)):
        year = range(last - 11, last + 1)
        assert top[name] == people["C01"].value(year)
        everybody = sum((life.value(year) for life in people.values()), Decimal(0))
        assert sum(cell[name] for cell in cells if cell[name] is not None) == everybody


def test_settings_that_differ_are_named_and_older_runs_are_put_into_tiers_anew(then: Callable[..., Work]) -> None:
    rows = [{name: row[name] for name in ("customer_id", "forecast_value")} for row in THEN]
    found = of(found_of(then(rows, horizon=6, period="month")), "runs")
    assert found["differs"] == ["horizon"]
    assert not found["recorded"]
    assert {row["state"]: row["customers"] for row in found["rows"] if row["state"] != NOT_YET} == {
        "vip": 1,
        "small": 2,
    }


def test_rfm_classes_are_compared_where_both_runs_have_them(then: Callable[..., Work], engine: Engine) -> None:
    work = then()
    assert [one["by"] for one in found_of(work).facts["matrices"]] == ["tier", "tier"]
    now = work.written.mutate(rfm_segment=ibis.literal("loyal"))
    work.__dict__["written"] = engine.store(now)
    classes = of(found_of(work), "runs", "rfm_segment")
    assert counts(classes)["champions", "loyal"] == 1
    assert counts(classes)["none", "loyal"] == 1


def test_a_damaged_earlier_run_is_a_warning(then: Callable[..., Work]) -> None:
    work = then()
    (work.earlier[0] / "customers.parquet").write_bytes(b"nothing")
    found = found_of(work)
    assert [code for code, _ in found.warnings] == ["movement_unreadable"]
    assert [one["source"] for one in found.facts["matrices"]] == ["log"]


def test_a_run_of_the_same_day_is_no_earlier_one(then: Callable[..., Work]) -> None:
    found = found_of(then(as_of=str(AS_OF)))
    assert found.facts["left_out"] == [{"source": "runs", "reason": "no_run"}]


# --- the report -------------------------------------------------------------------------------------------


class Told:
    """What sections ask of a report."""

    currency, period, fiscal_start, worth = "CNY", "month", 1, {"curve": None}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_section_shows_definition_matrix_and_who_fell(
    then: Callable[..., Work], engine: Engine, language: Any
) -> None:
    work = then()
    facts = json.loads(json.dumps(found_of(work).facts, default=str))
    found = shown.build(engine, work.folder, facts)
    assert found is not None
    canvas = Canvas(language)
    page = shown.section(found, Told(), canvas)
    assert set(canvas.figures) == {"figure-movement-runs", "figure-movement-log"}
    assert "C01" in page
    assert {"en": "No longer VIP", "zh": "不再是“VIP"}[language] in page
    assert "2025-01-01T000000Z" in page
    for figure in canvas.figures.values():
        (flow,) = figure["data"]
        assert len(flow["node"]["x"]) == len(flow["node"]["label"])
        assert all(0 < y < 1 for y in flow["node"]["y"])


def test_the_figure_is_one_that_plotly_knows(then: Callable[..., Work], engine: Engine) -> None:
    work = then()
    found = shown.build(engine, work.folder, json.loads(json.dumps(found_of(work).facts, default=str)))
    assert found is not None
    assert shown.flows(found, found.matrices[0], "en").data[0].type == "sankey"


def test_nothing_compared_is_no_section(engine: Engine, tmp_path: Path) -> None:
    assert shown.build(engine, tmp_path, {}) is None
