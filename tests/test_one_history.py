"""V10: how one customer stood at each run, their open alerts and segments; older runs may lack any of it."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import kezhi
from kezhi.cli.app import main
from kezhi.engine import Engine
from kezhi.one_history import standings

MONEY = pa.decimal128(28, 4)


def a_run(
    folder: Path, day: date, values: dict[str, int], settings: dict[str, Any] | None = None, **columns: Any
) -> Path:
    """A run folder with a few customers; `columns` are more columns of customers.parquet."""
    folder.mkdir(parents=True)
    manifest = {"as_of": day.isoformat(), "settings": settings or {}}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    table = {"customer_id": list(values), "forecast_value": pa.array([Decimal(v) for v in values.values()], MONEY)}
    pq.write_table(pa.table(table | columns), folder / "customers.parquet")
    return folder


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    """An old version's run, two of one day, one that knows nobody, and the newest."""
    place = tmp_path / "runs"
    names = {"tiers": {"names": {"vip": "Top"}}}
    first, second, third = {"A": 5, "B": 9, "C": 1}, {"A": 7, "B": 7}, {"A": 20, "B": 3, "C": 4, "D": 20}
    return [
        a_run(place / "1", date(2024, 12, 31), first),
        a_run(place / "2", date(2025, 3, 31), first, tier=["small"] * 3),
        a_run(place / "3", date(2025, 3, 31), second, names, tier=["vip", "large"], p_alive=[0.9, 0.5],
              rfm_segment=["loyal", None]),
        a_run(place / "4", date(2025, 4, 30), {"B": 1}),
        a_run(place / "5", date(2025, 6, 30), third, tier=["large", "small", "small", "vip"]),
    ]  # fmt: skip


def test_v10_a_customer_s_standing_is_that_of_each_run(engine: Engine, runs: list[Path]) -> None:
    found = standings(engine, runs, "A", date(2025, 6, 30))
    assert [(one.as_of, one.run, one.tier, one.rank, one.customers) for one in found] == [
        (date(2024, 12, 31), "1", None, 2, 3),
        (date(2025, 3, 31), "3", "vip", 1, 2),  # the newer run of that day; equals share a place
        (date(2025, 6, 30), "5", "large", 1, 4),
    ]
    assert [one.forecast_value for one in found] == [5, 7, 20]
    assert [one.p_alive for one in found] == [None, 0.9, None]
    named = found[1]
    assert named.tier_name is not None
    assert (named.tier_name.en, named.rfm_segment) == ("Top", "loyal")
    assert named.rfm_name is not None


def test_nothing_later_than_the_run_that_is_shown(engine: Engine, runs: list[Path]) -> None:
    assert [one.run for one in standings(engine, runs, "A", date(2025, 4, 1))] == ["1", "3"]


def test_what_cannot_be_read_is_left_out(engine: Engine, runs: list[Path]) -> None:
    (runs[0] / "manifest.json").write_text("{", encoding="utf-8")
    (runs[4] / "customers.parquet").unlink()
    assert [one.run for one in standings(engine, runs, "A", date(2025, 6, 30))] == ["3"]
    assert standings(engine, runs, "nobody", date(2025, 6, 30)) == ()
    assert standings(engine, [], "A", date(2025, 6, 30)) == ()


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("Standing at each run", "Top", "Order overdue", "mine")),
        ("zh", ("历次运行中的位置", "Top", "订单逾期未至", "mine")),
    ],
)
def test_v10_the_command_shows_standing_alerts_and_segments(
    runs: list[Path], capsys: pytest.CaptureFixture[str], language: str, words: tuple[str, ...]
) -> None:
    alerts = {
        "customer_id": ["A", "A", "B"], "cause": ["order_overdue", "maybe_gone", "order_overdue"],
        "state": ["open", "closed", "open"], "opened_on": [date(2025, 5, 1)] * 3, "rank": [1, None, 2],
        "measure": [90.0] * 3, "before": [12.0] * 3, "threshold": [40.0] * 3, "silence": [90] * 3,
        "p_alive": [0.2] * 3,
    }  # fmt: skip
    pq.write_table(pa.table(alerts), runs[4] / "alerts.parquet")
    pq.write_table(pa.table({"segment": ["mine", "theirs"], "customer_id": ["A", "B"]}), runs[4] / "segments.parquet")
    place = runs[0].parent.parent
    seen = kezhi.customer("A", place)
    assert [row["cause"] for row in seen.alerts] == ["order_overdue"]
    assert seen.segments == ("mine",)
    with pytest.raises(SystemExit) as ended:
        main(["customer", "A", "--workspace", str(place), "--lang", language])
    assert not ended.value.code
    shown = capsys.readouterr().out
    assert all(word in shown for word in words), shown
    assert "theirs" not in shown


def test_a_value_of_four_decimals_does_not_stand_behind_itself(engine: Engine, tmp_path: Path) -> None:
    """Equals share a place, also where their values differ from others in the fourth decimal only."""
    run = a_run(tmp_path / "1", date(2025, 6, 30), {"A": "5.0008", "B": "5.0009", "C": "5.0008"})  # type: ignore[dict-item]
    ranks = [standings(engine, [run], one, date(2025, 6, 30))[0].rank for one in "ABC"]
    assert ranks == [2, 1, 2]
