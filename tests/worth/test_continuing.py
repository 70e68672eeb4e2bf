"""The continuing-value calculator (V17, V22, W05)."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import kezhi
from kezhi.cli.app import main
from kezhi.language import KezhiError
from kezhi.worth.continuing import continuing_value, continuing_value_of


def test_v17_w05_nine_order_lines_of_661_11_less_1250_plus_8100_are_12800() -> None:
    found = kezhi.continuing_value(9, 5950 / 9, acquisition_cost=1250, referral_income=8100)
    assert round(found.mean_amount, 2) == 661.11
    assert round(found.value, 2) == 12_800
    assert (found.acquisition_cost, found.referral_income, found.discount_factor) == (1250, 8100, 1)
    assert found.sentence.en == (
        "9 purchases × 661.11 + 8,100.00 from referred customers − 1,250.00 to acquire = 12,800.00."
    )
    assert found.sentence.zh == "9 次购买 × 661.11 + 推荐客户净收入 8,100.00 − 获取成本 1,250.00 = 12,800.00。"


def test_v22_the_narrow_view_is_revenue_and_the_wide_one_profit_with_referrals() -> None:
    found = continuing_value(9, 5950 / 9, acquisition_cost=1250, referral_income=8100)
    assert round(found.own_amount, 2) == 5950
    assert round(found.value, 2) == 12_800


def test_a_discount_rate_is_off_unless_given() -> None:
    year_by_year = [100 * 1.1 ** -((day + 0.5) / 1000) / 1000 for day in range(3000)]
    found = continuing_value(30, 10, discount_rate=0.1, years=3)
    assert found.value == pytest.approx(sum(year_by_year), rel=1e-6)
    assert continuing_value(30, 10, years=3).value == 300
    assert continuing_value(30, 10, discount_rate=0.0).value == 300
    assert "10.0% a year" in found.sentence.en


def test_margin_and_other_costs_count_where_they_are_given() -> None:
    found = continuing_value(10, 100, 50, margin=0.4, other_cost=100)
    assert found.own_income == 400
    assert found.value == 250
    assert continuing_value(0, 0).value == 0


@pytest.mark.parametrize("wrong", [{"purchases": -1}, {"mean_amount": float("nan")}, {"discount_rate": 0.1}])
def test_wrong_terms_are_one_sentence(wrong: dict[str, float]) -> None:
    with pytest.raises(KezhiError) as caught:
        continuing_value(**({"purchases": 1, "mean_amount": 1} | wrong))
    assert caught.value.text.zh.endswith("。")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run folder as far as the calculator reads it: customer A of the five-year case."""
    row = {
        "customer_id": "A", "purchases": 9, "residual_purchases": 0.0, "mean_amount": 5950 / 9, "margin": None,
        "expense": Decimal(1250), "acquisition_cost": Decimal(850), "lifetime_value": Decimal(4700),
        "referred_value": Decimal(8100),
    }  # fmt: skip
    kinds = {"cost_to_market": 0, "cost_to_sell": 0, "cost_to_serve": 0, "cost_to_keep": 400, "other_cost": 0}
    parts = {"customer_id": "A", **{name: Decimal(value) for name, value in kinds.items()}}
    folder = tmp_path / "run"
    folder.mkdir()
    pq.write_table(pa.Table.from_pylist([row]), folder / "customers.parquet")
    pq.write_table(pa.Table.from_pylist([parts]), folder / "lifetime.parquet")
    (folder / "manifest.json").write_text("{}")
    return folder


def test_terms_are_read_from_a_run_and_those_typed_in_go_first(run: Path) -> None:
    found = continuing_value_of(run, "A")
    assert (found.acquisition_cost, found.other_cost, found.referral_income) == (850, 400, 8100)
    assert round(found.value, 2) == 12_800
    assert round(continuing_value_of(run, "A", {"referral_income": 0, "years": None}).value, 2) == 4700
    with pytest.raises(KezhiError, match="no customer B"):
        continuing_value_of(run, "B")


def test_the_command_shows_every_term(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    ended(lambda: main(["lifetime", "--customer", "A", "--run", str(run), "--json", "--lang", "en"]), 0)
    said = json.loads(capsys.readouterr().out)
    assert round(said["value"], 2) == 12_800
    assert {"purchases", "mean_amount", "acquisition_cost", "referral_income", "own_amount", "en", "zh"} <= set(said)
    typed = ["--purchases", "10", "--mean-amount", "100", "--margin", "40", "--acquisition-cost", "50", "--lang", "zh"]
    ended(lambda: main(["lifetime", *typed]), 0)
    out = capsys.readouterr().out
    assert "350.00" in out
    assert "获取成本" in out
    ended(lambda: main(["lifetime", "--lang", "en"]), 2)
    assert "--mean-amount" in capsys.readouterr().err


def ended(command: Callable[[], None], code: int) -> None:
    """The command ends with this code."""
    with pytest.raises(SystemExit) as end:
        command()
    assert (end.value.code or 0) == code
