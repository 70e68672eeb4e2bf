"""Two runs beside each other: `kezhi compare` and `kezhi.compare`."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import kezhi
from kezhi.cli import main
from kezhi.comparing import Compared, compare
from kezhi.engine import Engine
from kezhi.language import KezhiError

MONEY = pa.decimal128(28, 4)
Given = dict[str, Any]
USUAL = {"churn_after": 4, "language": "en", "lifetime": {"periods": None, "discount_rate": 0.0}}


def customer(name: str, purchases: int, value: int, forecast: int, **more: Any) -> Given:
    """A row of customers.parquet: amounts are twice the value, the rest of it cost."""
    money = {"amount": 2 * value, "cost": value, "expense": 0, "value": value, "forecast_amount": 2 * forecast,
             "forecast_value": forecast}  # fmt: skip
    return {"customer_id": name, "name": f"<{name}>", "purchases": purchases, **(money | more)}


@pytest.fixture
def workspace(tmp_path: Path) -> Callable[..., Path]:
    """`workspace(first=[rows], second=[rows])`: a workspace with these runs; words of the manifest beside them."""

    def make(**runs: Any) -> Path:
        for name, given in runs.items():
            rows, said = given if isinstance(given, tuple) else (given, {})
            folder = tmp_path / "acme" / "runs" / name
            folder.mkdir(parents=True)
            kinds = {key: MONEY for key in rows[0] if isinstance(rows[0][key], int) and key != "purchases"}
            table = pa.table({key: pa.array([row[key] for row in rows], kinds.get(key)) for key in rows[0]})
            pq.write_table(table, folder / "customers.parquet")
            totals = {key: str(sum(row[key] for row in rows)) for key in ("amount", "cost", "expense", "value")}
            manifest = {
                "kezhi": "1.0", "run": name, "created": "2026-01-01T00:00:00+00:00", "as_of": "2025-06-30",
                "period": "month", "horizon": 3, "currency": "CNY", "settings": USUAL,
                "totals": {"customers": len(rows), "purchases": sum(row["purchases"] for row in rows), **totals},
            } | said  # fmt: skip
            ahead = said.get("ahead", ["2025-07-01", "2025-08-01"])
            company = {"forecast": [{"period": day, "value": "50.5"} for day in ahead]}
            (folder / "models.json").write_text(json.dumps({"company": company}), encoding="utf-8")
            (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
        return tmp_path / "acme"

    return make


FIRST = [customer("A", 3, 300, 90, tier="vip"), customer("B", 2, 200, 40, tier="small"),
         customer("C", 5, 50, 10, tier="small"), customer("D", 1, 20, 5, tier="small")]  # fmt: skip
SECOND = [customer("A", 3, 300, 60, tier="large"), customer("B", 4, 450, 70, tier="vip"),
          customer("C", 5, 30, 10, tier="small", amount=60, cost=30), customer("E", 1, 8, 2, tier="small")]  # fmt: skip
LATER = {"as_of": "2025-09-30", "kezhi": "2.0", "ahead": ["2025-08-01", "2025-10-01"],
         "settings": USUAL | {"churn_after": 6, "language": "zh", "needs": {"new": 1}}}  # fmt: skip


@pytest.fixture
def found(workspace: Callable[..., Path], engine: Engine) -> Compared:
    return compare("first", "second", workspace=workspace(first=FIRST, second=(SECOND, LATER)), engine=engine)


def test_totals_and_forecast_stand_beside_each_other(found: Compared) -> None:
    totals = {one.name: (one.before, one.after, one.change) for one in found.totals}
    assert totals["customers"] == (4, 4, 0)
    assert totals["value"] == (570, 788, 218)
    assert totals["forecast_value"] == (145, 142, -3)
    (share,) = [one.share for one in found.totals if one.name == "purchases"]
    assert share == pytest.approx(2 / 11)
    assert [(one.name, one.before) for one in found.forecast] == [("2025-08-01", Decimal("50.5"))]


def test_only_settings_that_both_know_and_that_matter_are_listed(found: Compared) -> None:
    assert [(one.name, one.before, one.after) for one in found.settings] == [("churn_after", 4, 6)]


def test_t04_tiers_of_both_runs_as_a_matrix(found: Compared) -> None:
    """T04: the rows of the matrix add up to the tiers of the first run; who is in one run only is counted apart."""
    tiers = found.groups["tier"]
    assert {row["state"]: row["customers"] for row in tiers["rows"]} == {"vip": 1, "small": 3, "not_yet": 1}
    cells = {(cell["before"], cell["after"]): cell["customers"] for cell in tiers["cells"]}
    assert cells == {("vip", "large"): 1, ("small", "vip"): 1, ("small", "small"): 1, ("small", "gone"): 1,
                     ("not_yet", "small"): 1}  # fmt: skip
    assert (found.new["customers"], found.gone["customers"]) == (1, 1)
    assert (found.new["value"], found.gone["forecast_value"]) == (8, 5)


def test_the_largest_changes_come_first_with_their_reason(found: Compared) -> None:
    values = [(one.customer_id, one.change, one.codes) for one in found.value_changes]
    assert values == [
        ("B", 250, ("orders", "settings", "version")),
        ("C", -20, ("amount_down", "cost", "settings", "version")),
        ("D", -20, ("gone",)),
        ("E", 8, ("new",)),
    ]
    forecasts = {one.customer_id: one.codes for one in found.forecast_changes}
    assert forecasts["A"] == ("silent", "settings", "version")
    assert "C" not in forecasts
    assert found.value_changes[0].reasons[0].to("zh") == "购买次数 +2"


def test_only_so_many_are_listed(workspace: Callable[..., Path], engine: Engine) -> None:
    place = workspace(first=FIRST, second=(SECOND, LATER))
    assert len(compare("first", workspace=place, after="second", top=2, engine=engine).value_changes) == 2
    with pytest.raises(KezhiError, match="at least 1"):
        compare("first", "second", workspace=place, top=0)


def test_a_correction_is_a_reason(workspace: Callable[..., Path], engine: Engine) -> None:
    corrected = [
        row | {"forecast_value_computed": row["forecast_value"] + (row["customer_id"] == "A")} for row in FIRST
    ]
    second = [{**row, "forecast_value": 1 if row["customer_id"] == "A" else row["forecast_value"]} for row in corrected]
    place = workspace(first=FIRST, second=second)
    (change,) = compare("first", "second", workspace=place, engine=engine).forecast_changes
    assert change.codes == ("corrected",)


def test_the_same_run_twice_differs_in_nothing(workspace: Callable[..., Path], engine: Engine) -> None:
    place = workspace(only=FIRST)
    found = compare("only", place / "runs" / "only", workspace=place, engine=engine)
    assert found.notes[0].en.startswith("Both are the same run")
    assert found.value_changes == found.forecast_changes == found.settings == ()
    assert all(not one.change for one in found.totals)


def test_what_cannot_be_compared_is_said(workspace: Callable[..., Path], engine: Engine) -> None:
    older = [{name: value for name, value in row.items() if name != "tier"} for row in FIRST]
    said = {"period": "quarter", "currency": "EUR", "as_of": "2025-03-31", "horizon": 1}
    found = compare("new", "old", workspace=workspace(new=SECOND, old=(older, said)), engine=engine)
    notes = " ".join(note.en for note in found.notes)
    for part in ("earlier day", "month and quarter", "CNY and EUR", "has tier"):
        assert part in notes
    assert found.forecast == ()
    assert found.groups == {}
    horizon = compare("new", "far", workspace=workspace(far=(FIRST, {"horizon": 6})), engine=engine)
    assert "3 and 6 periods" in horizon.notes[0].en


def test_what_is_no_run_is_refused_with_the_names_there_are(workspace: Callable[..., Path], engine: Engine) -> None:
    place = workspace(first=FIRST)
    with pytest.raises(KezhiError, match=r"Its runs: first"):
        compare("first", "nowhere", workspace=place, engine=engine)
    with pytest.raises(KezhiError, match="no run"):
        compare("..", "first", workspace=place, engine=engine)
    (place / "runs" / "first" / "customers.parquet").write_bytes(b"nothing")
    with pytest.raises(KezhiError, match=r"customers\.parquet is missing or damaged"):
        compare("first", "latest", workspace=place, engine=engine)


def test_the_command_prints_tables_in_both_languages_and_json(
    workspace: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    place = workspace(first=FIRST, second=(SECOND, LATER))
    asked = ["compare", "first", "second", "--workspace", str(place)]
    printed = {}
    for more in (["--lang", "en"], ["--lang", "zh"], ["--json", "--lang", "en"]):
        with pytest.raises(SystemExit) as ended:
            main([*asked, *more])
        assert not ended.value.code
        printed[more[-1] if more[0] == "--lang" else "json"] = capsys.readouterr().out
    assert "Settings that differ" in printed["en"]
    assert "purchases +2" in printed["en"]
    assert "不同的设置" in printed["zh"]
    assert "购买次数 +2" in printed["zh"]
    told = json.loads(printed["json"])
    assert told["before"]["run"] == "first"
    assert told["value_changes"][0]["change"] == "250.0000"


def test_it_is_part_of_the_library() -> None:
    assert kezhi.compare is compare
