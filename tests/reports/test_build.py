"""Agreement, snapshot and input: the report's data are the run's data."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from kezhi.engine import Engine
from kezhi.language import KezhiError
from kezhi.reports import build
from kezhi.reports.customer_value import Account, ValueReport

Make = Callable[..., Path]
SNAPSHOT = Path(__file__).parent / "snapshot" / "report.json"
CONDITIONS: list[dict[str, Any]] = [
    {},
    {"old": True},
    {"cost": False, "backtest": False},
    {"cost": False, "expense": False, "unfinished": False},
    {"customers": 1, "bare": True, "currency": None},
    {"method": "transition", "hostile": True, "currency": "CNY"},
]


@pytest.mark.parametrize("condition", CONDITIONS, ids=str)
def test_customers_periods_and_company_agree(engine: Engine, make_run: Make, condition: dict[str, Any]) -> None:
    run = make_run(**condition)
    report = build(engine, run)
    manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))["totals"]
    summed = sum((past.account for past in report.history), Account())
    assert summed == report.totals
    assert str(report.totals.value) == manifest["value"]
    assert report.totals.value == report.totals.amount - report.totals.cost - report.totals.expense
    assert sum((row.account for row in report.forecast), Account()) == report.outlook.account
    assert sum(band.customers for band in report.bands) == report.customers == manifest["customers"]
    assert sum((band.value for band in report.bands), Decimal(0)) == report.outlook.account.value
    assert sum(past.purchases for past in report.history) == report.purchases


def test_top_customers_are_the_first_of_the_file_with_their_periods(engine: Engine, make_run: Make) -> None:
    run = make_run()
    report = build(engine, run)
    rows = pq.read_table(run / "customers.parquet").to_pylist()
    assert [row.customer_id for row in report.top] == [row["customer_id"] for row in rows[:50]]
    assert all(sum(row.steps) == row.forecast for row in report.top)
    assert [row.value for row in report.top] == [row["value"] for row in rows[:50]]


def test_flags_are_counted_over_all_customers(engine: Engine, make_run: Make) -> None:
    run = make_run()
    rows = pq.read_table(run / "customers.parquet").to_pylist()
    counted = dict(build(engine, run).flags)
    assert counted
    for code, count in counted.items():
        assert count == sum(code in row["flags"] for row in rows)


def test_the_unfinished_period_stands_apart(engine: Engine, make_run: Make) -> None:
    report = build(engine, make_run())
    assert report.unfinished is not None
    assert report.unfinished not in report.complete
    assert report.recent is not None
    assert report.recent == sum((past.account for past in report.history[-4:-1]), Account())
    whole = build(engine, make_run(unfinished=False, cost=False, expense=False))
    assert whole.unfinished is None
    assert whole.current is None


def test_snapshot(engine: Engine, make_run: Make) -> None:
    """Changed on purpose? Delete the file, run once, review the difference."""
    report = build(engine, make_run(customers=4, scale=3.0))
    found = json.dumps(_plain(report), ensure_ascii=False, indent=1, default=str) + "\n"
    if not SNAPSHOT.exists():
        SNAPSHOT.parent.mkdir(exist_ok=True)
        SNAPSHOT.write_text(found, encoding="utf-8")
        pytest.fail("the snapshot was missing and has been written; review it")
    assert found == SNAPSHOT.read_text(encoding="utf-8")


def _plain(report: ValueReport) -> dict[str, Any]:
    found = dataclasses.asdict(report)
    for bulky in ("concentration", "inputs", "versions", "seconds"):
        found.pop(bulky)
    return found


@pytest.mark.parametrize("name", ["manifest.json", "models.json", "customers.parquet", "forecast.parquet"])
def test_an_incomplete_run_is_named(engine: Engine, make_run: Make, tmp_path: Path, name: str) -> None:
    for source in make_run(customers=1, bare=True, currency=None).iterdir():
        if source.is_file() and source.name != name:
            (tmp_path / source.name).write_bytes(source.read_bytes())
    with pytest.raises(KezhiError) as caught:
        build(engine, tmp_path)
    assert name in caught.value.text.en
    assert name in caught.value.text.zh


@pytest.mark.parametrize("content", ["", "[]", "{broken", "\x00"])
def test_a_damaged_manifest_is_named(engine: Engine, tmp_path: Path, content: str) -> None:
    (tmp_path / "manifest.json").write_text(content, encoding="utf-8")
    with pytest.raises(KezhiError, match=r"manifest\.json"):
        build(engine, tmp_path)


def test_optional_parts_may_be_missing(engine: Engine, make_run: Make, tmp_path: Path) -> None:
    for source in make_run(customers=1, bare=True, currency=None).iterdir():
        (tmp_path / source.name).write_bytes(source.read_bytes())
    (tmp_path / "models.json").write_text('{"method": "nbd"}', encoding="utf-8")
    report = build(engine, tmp_path)
    assert report.history == report.forecast == report.concentration == ()
    assert report.models.backtest is None
