"""Forecast and what came, what is at stake, what customers get: their parts of the page and of the workbook."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kezhi import reports
from kezhi.engine import Engine
from kezhi.language import Language
from kezhi.reports.page import render
from kezhi.reports.worth import risk
from kezhi.worth.near_loss import STEPS

MONEY = pa.decimal128(28, 4)
SUMS = {"customers": 50, "forecast": "100.0", "actual": "60.0", "realised": 0.6, "inside": 0.75}
REALISED = {
    "runs": 1, "left_out": {}, **SUMS, "company_forecasts": 1, "company_inside": 0,
    "tiers": [{"tier": "vip", **SUMS}], "steps": [{"step": 1, **SUMS}],
    "forecasts": [{"run": "old", "as_of": "2011-10-31", "period": "2011-11-01", "step": 1, **SUMS, "lower": 80.0,
                   "upper": 120.0, "inside_interval": False, "newcomers": "7.0"}],
}  # fmt: skip
STAKE = {"customers": 60, "value_at_risk": "9000.0", "expected_loss": "700.0"}
RISK = {
    "horizon": 3, "churn_after": 4, **STAKE, "tiers": [{"tier": "vip", **STAKE}],
    "states": [{"state": "active", **STAKE}, {"state": "churned", **STAKE, "expected_loss": "100.0"}],
    "life_cycle": [{"period": "2011-11-01", "started": 3, "active": 20, "churned": 2}],
    "near_loss": {"customers": 1, "past": 1, "ahead": 0, "negative": 1, "value": "-30.0", "forecast_value": "1.0",
                  "drivers": [{"driver": "expense", "customers": 1, "effect": "-12.0"}]},
    "clock": [1.0, 1.0, 1.0],
}  # fmt: skip
DELIVERED = {"parts": {"product": 4.0, "money": 2.0}, "value": 4.0, "cost": 2.0, "difference": 2.0, "ratio": 2.0,
             "en": "Customers get 4 for 2.", "zh": "客户得到 4，付出 2。"}  # fmt: skip
FOR_CUSTOMERS = {
    "answers": 40, "customers": 10, "unknown": 0,
    "dimensions": [{"dimension": "<b>产品价值</b>", "kind": "product", "customers": 10, "mean": 4.0,
                    "tiers": [{"tier": "vip", "customers": 1, "mean": 5.0}]}],
    "delivered": DELIVERED, "tiers": [{"tier": "vip", "mean": 4.0, "delivered": DELIVERED},
                                      {"tier": "small", "mean": 3.0, "delivered": None}],
    "periods": [{"period": "2011-11-01", "answers": 40, "mean": 3.5, "delivered": None}],
    "market": {"quality": 1.12, "price": 1.05, "value": 1.067, "en": "A value of 1.067.", "zh": "价值为 1.067。",
               "dimensions": [{"dimension": "quality", "weight": 1.0, "ours": 6, "theirs": 5, "ratio": 1.2}],
               "offers": [{"company": "us", "quality": 1.12, "price": 1.05, "value": 1.067},
                          {"company": "Acme", "quality": 0.9, "price": None, "value": None}]},
}  # fmt: skip


@pytest.fixture
def run(make_run: Callable[..., Path], tmp_path: Path) -> Path:
    """A run folder that knows all three."""
    folder = tmp_path / "run"
    shutil.copytree(make_run(), folder)
    facts = {"realised": REALISED, "risk": RISK, "for_customers": FOR_CUSTOMERS}
    (folder / "worth.json").write_text(json.dumps(facts), encoding="utf-8")
    one = Decimal("10.0000")
    risk = {"customer_id": "C00001", "tier": "vip", "p_alive": 0.5, "value_at_risk": one, "expected_loss": one,
            "state": "quiet", "life_start": date(2011, 1, 1), "life_end": date(2011, 11, 1),
            "life_periods": 11}  # fmt: skip
    near: dict[str, Any] = {
        "customer_id": "C00002", "near_past": True, "near_ahead": False, "state": "active",
        **dict.fromkeys(("amount", "cost", "expense", "forecast_value", "before", "after"), one), "value": -3 * one,
        "basis": "typical", "frequency_effect": one, "amount_effect": one, "cost_effect": one,
        "expense_effect": -2 * one, "driver": "expense", "proposal_en": STEPS["expense"].en,
        "proposal_zh": STEPS["expense"].zh,
    }  # fmt: skip
    old = {"run": "old", "made_as_of": date(2011, 10, 31), "period": date(2011, 11, 1), "step": 1, "tier": "vip",
           "customers": 50, "forecast": 10 * one, "actual": 6 * one, "forecast_amount": one, "actual_amount": one,
           "inside": 30}  # fmt: skip
    for name, row in {"risk": risk, "near_loss": near, "realised": old}.items():
        schema = [(key, MONEY) for key, value in row.items() if isinstance(value, Decimal)]
        table = pa.Table.from_pylist([row])
        for key, kind in schema:
            table = table.set_column(table.column_names.index(key), key, table[key].cast(kind))
        pq.write_table(table, folder / f"{name}.parquet")
    return folder


@pytest.mark.parametrize(
    ("language", "sentences"),
    [
        ("en", ("Of every 100 of gross profit that earlier runs forecast, 60 came", "inside its 80% interval in 0 of 1",
                "If all customers left today", STEPS["expense"].en, "says nothing of what they are worth to us",
                "A value of 1.067.")),
        ("zh", ("以前的运行每预测 100 的毛利，实现了 60", "如果客户今天全部离开", STEPS["expense"].zh,
                "而不是客户对我们的价值", "客户得到 4，付出 2。")),
    ],
)  # fmt: skip
def test_each_notion_has_its_part_of_the_page(
    run: Path, engine: Engine, language: Language, sentences: tuple[str, ...]
) -> None:
    page = render(reports.build(engine, run), language)
    for sentence in sentences:
        assert sentence in page
    for name in ("realised", "risk", "for-customers"):
        assert f'<section id="{name}"' in page
    assert "<b>产品价值" not in page
    assert '"figure-value-map"' in page


def test_the_workbook_has_their_sheets(run: Path, engine: Engine, tmp_path: Path) -> None:
    for language, names in (
        ("en", ("Realised", "What is at stake", "Near loss", "What customers get")),
        ("zh", ("预测与实际", "客户流失会失去什么", "临近亏损", "客户得到的价值")),
    ):
        report = reports.build(engine, run)
        path = tmp_path / f"{language}.xlsx"
        reports.write_excel(engine, run, report, path, language)  # type: ignore[arg-type]
        book = openpyxl.load_workbook(path)
        assert set(names) <= set(book.sheetnames)
        cells = [cell.value for row in book[names[0]].iter_rows() for cell in row]
        assert 60 in cells
        assert STEPS["expense"].to(language) in [cell.value for row in book[names[2]].iter_rows() for cell in row]  # type: ignore[arg-type]


def test_what_a_run_does_not_know_has_no_part(make_run: Callable[..., Path], engine: Engine) -> None:
    page = render(reports.build(engine, make_run()), "en")
    assert "What is at stake" not in page


@pytest.mark.parametrize(("loss", "en", "zh"), [("0.0", "so there is no expected loss", "没有预计损失"),
                                                ("700.0", "costs another", "预计另损失")])  # fmt: skip
def test_where_nobody_is_doubted_the_sentence_says_so(engine: Engine, run: Path, loss: str, en: str, zh: str) -> None:
    facts = RISK | {"expected_loss": loss, "states": []}
    found = risk.build(engine, run, facts)
    assert found is not None
    said = risk.sentence(found, reports.build(engine, run))
    assert en in said.en
    assert zh in said.zh
