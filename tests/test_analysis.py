"""The whole chain: sums, invariance, truncation, reproducibility, thin answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import kezhi
from kezhi.analysis import Run
from kezhi.language import KezhiError
from logs import expense_log, order_log

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
FILES = ("customers", "periods", "forecast", "current_period")


def analyse(out: Path, orders: Any, **settings: Any) -> Run:
    return kezhi.analyse(orders, out=out, now=NOW, **settings)


def plain(out: Path, orders: Any, **settings: Any) -> Run:
    """A run without the senses of worth, which take most of the time of a small one, where none is looked at."""
    return analyse(out, orders, senses=(), **settings)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("analysis") / "run"
    return analyse(folder, order_log(), expenses=expense_log())


def total(table: pa.Table, column: str) -> Decimal:
    return sum((value for value in table[column].to_pylist()), Decimal(0))


@pytest.mark.parametrize("name", ["amount", "cost", "expense", "value"])
def test_customers_periods_and_company_agree_to_the_cent(run: Run, name: str) -> None:
    history = sum(Decimal(row[name]) for row in run.models["company"]["history"])
    assert total(run.customers, name) == total(run.periods, name) == history == Decimal(run.manifest["totals"][name])


@pytest.mark.parametrize("name", ["amount", "cost", "expense", "value"])
def test_forecasts_of_customers_steps_and_company_agree_to_the_cent(run: Run, name: str) -> None:
    """V15: what is said of each customer adds up to what is said of the company."""
    company = run.models["company"]
    assert total(run.customers, f"forecast_{name}") == total(run.forecast, name)
    assert total(run.forecast, name) == Decimal(company["total"][name])
    assert total(run.forecast, name) == sum(Decimal(row[name]) for row in company["forecast"])


def test_value_is_what_its_parts_say(run: Run) -> None:
    for table, prefix in (
        (run.customers, ""),
        (run.customers, "forecast_"),
        (run.forecast, ""),
        (run.periods, ""),
    ):
        amount, cost, expense, value = (table[prefix + name] for name in ("amount", "cost", "expense", "value"))
        assert pc.all(pc.equal(pc.subtract(pc.subtract(amount, cost), expense), value)).as_py()


def test_every_forecast_is_finite_and_every_amount_not_negative(run: Run) -> None:
    for name in ("p_purchase", "expected_purchases", "mean_amount", "margin", "value_lower", "value_upper"):
        assert np.isfinite(run.forecast[name].to_numpy()).all(), name
    assert min(run.forecast["amount"].to_pylist()) >= 0
    assert (run.forecast["value_lower"].to_numpy() <= run.forecast["value_upper"].to_numpy()).all()


def test_steps_are_one_to_horizon_for_every_customer(run: Run) -> None:
    """R21: three forecast periods for everyone, beginning after the period that `as_of` is in."""
    steps = run.forecast.group_by("step").aggregate([("customer_id", "count_distinct"), ("period", "min")])
    found = sorted(zip(*(steps[name].to_pylist() for name in steps.column_names), strict=True))
    count = run.customers.num_rows
    assert found == [(1, count, date(2025, 3, 1)), (2, count, date(2025, 4, 1)), (3, count, date(2025, 5, 1))]
    assert run.manifest["as_of"] < "2025-02-28"
    current = pq.read_table(run.folder / "current_period.parquet")
    assert set(current["period"].to_pylist()) == {date(2025, 2, 1)}


def test_the_forecast_is_the_posterior_mean(tmp_path: Path) -> None:
    """Agreement: purchases and amounts of a customer from the printed parameters, by hand."""
    run = plain(tmp_path / "run", order_log(), model="nbd")
    fits = run.models["models"]
    assert run.manifest["as_of"] < "2025-02-28"
    march = 31 / (365.2425 / 12)  # the first step is March 2025: 31 days in mean months
    nbd, gamma = fits["nbd"]["parameters"], fits["gamma_gamma"]["parameters"]
    active: dict[str, list[float]] = {}
    for row in run.periods.to_pylist():
        if row["purchases"] > 0 and row["amount"] > 0:
            active.setdefault(row["customer_id"], []).append(row["mean_amount"])
    first_step = {row["customer_id"]: row for row in run.forecast.filter(pc.equal(run.forecast["step"], 1)).to_pylist()}
    for customer in run.customers.slice(0, 40).to_pylist():
        observed = customer["tenure_days"] / (365.2425 / 12)
        rate = (nbd["b"] + customer["purchases"] - 1) / (nbd["a"] + observed)
        means = active[customer["customer_id"]]
        mean = gamma["p"] * (gamma["k"] + sum(means)) / (gamma["p"] * len(means) + gamma["q"] - 1)
        step = first_step[customer["customer_id"]]
        assert step["period"] == date(2025, 3, 1)
        assert step["expected_purchases"] == pytest.approx(rate * march, rel=1e-9)
        assert float(step["amount"]) == pytest.approx(rate * march * mean, rel=1e-6, abs=1e-4)


def parquet_bytes(folder: Path) -> dict[str, bytes]:
    return {name: (folder / f"{name}.parquet").read_bytes() for name in FILES}


def test_the_same_input_gives_the_same_bytes_in_any_row_order(run: Run, tmp_path: Path) -> None:
    log = order_log()
    shuffled = log.take(np.random.default_rng(5).permutation(log.num_rows))
    again = analyse(tmp_path / "again", shuffled, expenses=expense_log())
    assert parquet_bytes(again.folder) == parquet_bytes(run.folder)


@pytest.mark.parametrize(("model", "made"), [("nbd", analyse), ("transition", plain)], ids=["nbd", "transition"])
def test_what_comes_after_as_of_changes_nothing(tmp_path: Path, model: str, made: Callable[..., Run]) -> None:
    log, spent, as_of = order_log(), expense_log(), date(2024, 10, 20)
    cut = log.filter(pc.less_equal(log["date"], as_of))
    cut_spent = spent.filter(pc.less_equal(spent["date"], as_of))
    whole = made(tmp_path / "whole", log, expenses=spent, as_of=as_of, model=model)
    part = made(tmp_path / "part", cut, expenses=cut_spent, as_of=as_of, model=model)
    assert parquet_bytes(whole.folder) == parquet_bytes(part.folder)
    assert whole.manifest["rows"]["orders"]["after_as_of"] == log.num_rows - cut.num_rows > 0


def test_leaving_cost_and_expense_out_leaves_purchases(tmp_path: Path) -> None:
    """R18: with both switches off, value is purchases, in history and forecast, and the manifest says so."""
    off = {"subtract_cost": False, "subtract_expense": False}
    bare = analyse(tmp_path / "bare", order_log(), expenses=expense_log(), model="nbd", **off)
    for prefix in ("", "forecast_"):
        assert bare.customers[f"{prefix}value"] == bare.customers[f"{prefix}amount"]
    assert (bare.manifest["subtract_cost"], bare.manifest["subtract_expense"]) == (False, False)


def test_the_transition_rule_keeps_its_four_factors(tmp_path: Path) -> None:
    """R11: next purchases = frequency x mean amount x their probabilities, exactly so in the first step."""
    made = plain(tmp_path / "rule", order_log(), model="transition")
    first = made.forecast.filter(pc.equal(made.forecast["step"], 1)).to_pylist()
    assert {row["method"] for row in first} == {"transition"}
    for row in first:
        product = row["frequency"] * row["p_frequency"] * row["expected_amount"] * row["p_amount"]
        assert float(row["amount"]) == pytest.approx(product, abs=1e-4)


def test_faults_in_the_data_are_flagged(tmp_path: Path) -> None:
    """R20: a cost of 0 is a margin of 100 %; a sale below cost is a negative margin."""
    rows = {
        "customer_id": ["a", "a", "b", "b", "c", "c"],
        "date": [date(2024, 1, 5), date(2024, 3, 5)] * 3,
        "amount": [100.0] * 6,
        "cost": [60.0, 0.0, 60.0, 130.0, 60.0, 60.0],
    }
    made = plain(tmp_path / "flags", pa.table(rows), model="nbd")
    flags = {row["customer_id"]: row["flags"] for row in made.customers.to_pylist()}
    assert flags == {"a": ["cost_missing"], "b": ["negative_margin"], "c": []}


def thin(out: Path, rows: list[tuple[str, date, float]], **settings: Any) -> Run:
    columns = dict(zip(("customer_id", "date", "amount"), map(list, zip(*rows, strict=True)), strict=True))
    return analyse(out, pa.table(columns), **settings)


@pytest.mark.parametrize("model", ["auto", "transition"])
@pytest.mark.parametrize(
    "rows",
    [
        [("a", date(2024, 1, 5), 10.0)],
        [("a", date(2024, 1, 5), 10.0), ("a", date(2024, 6, 5), 20.0)],
        [(name, date(2024, 1, 5), 10.0) for name in "abc"],
        [(name, date(2024, 1 + month, 5), 10.0) for name in "abc" for month in range(9)],
        [("a", date(2024, 1, 5), -10.0), ("b", date(2024, 2, 5), -5.0)],
        [("a", date(2024, 1, 5), 0.0), ("b", date(2024, 2, 5), 5.0)],
        [("a", date(2024, 1, 5), 10.0), ("a", date(2024, 1, 20), -30.0), ("b", date(2024, 3, 5), 5.0)],
    ],
    ids=[
        "one row",
        "one customer",
        "one day",
        "all alike",
        "all returns",
        "zero",
        "more returned than bought",
    ],
)
def test_a_thin_log_gets_a_thin_but_true_answer(tmp_path: Path, rows: list[Any], model: str) -> None:
    made = thin(tmp_path / "thin", rows, model=model, senses=None if model == "auto" else ())
    assert total(made.customers, "amount") == sum(Decimal(str(row[2])) for row in rows)
    for name in ("p_purchase", "expected_purchases", "mean_amount", "value_lower", "value_upper"):
        assert np.isfinite(made.forecast[name].to_numpy()).all(), name
    assert min(made.forecast["amount"].to_pylist()) >= 0
    assert (made.folder / "report.html").stat().st_size > 0
    assert made.manifest["warnings"]


def test_settings_from_the_file_yield_to_what_is_given(tmp_path: Path) -> None:
    (tmp_path / "kezhi.toml").write_text('period = "quarter"\nhorizon = 2\n', encoding="utf-8")
    made = kezhi.analyse(order_log(20), workspace=tmp_path, horizon=1, model="nbd", now=NOW, senses=())
    assert (made.manifest["period"], made.manifest["horizon"]) == ("quarter", 1)
    assert json.loads((made.folder / "manifest.json").read_text(encoding="utf-8")) == made.manifest
    assert (tmp_path / "runs" / "latest").read_text(encoding="utf-8").strip() == made.folder.name


def test_as_of_before_the_first_order_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KezhiError, match="later --as-of"):
        analyse(tmp_path / "none", order_log(5), as_of=date(2020, 1, 1))
    assert not list(tmp_path.iterdir())


def test_another_folders_content_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(KezhiError, match="not an earlier result"):
        analyse(tmp_path, order_log(5))
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_a_result_is_replaced_whole(tmp_path: Path) -> None:
    first, second = (plain(tmp_path / "r", order_log(size), model="nbd") for size in (10, 12))
    assert first.folder == second.folder
    assert second.customers.num_rows == 12
    assert [path.name for path in tmp_path.iterdir()] == ["r"]


def test_statistics_are_those_of_the_literature() -> None:
    log = pa.table(
        {
            "customer_id": ["a", "a", "a", "b"],
            "date": [date(2024, 1, 1), date(2024, 1, 15), date(2024, 2, 12), date(2024, 1, 8)],
            "amount": [10.0, 20.0, 40.0, 5.0],
        }
    )
    table = kezhi.statistics(log, split="2024-01-29").to_pylist()
    assert table == [
        {
            "customer_id": "a",
            "first_purchase": date(2024, 1, 1),
            "repeat_purchases": 1,
            "last_purchase_at": 2.0,
            "observed_periods": 4.0,
            "mean_amount": 20.0,
        },
        {
            "customer_id": "b",
            "first_purchase": date(2024, 1, 8),
            "repeat_purchases": 0,
            "last_purchase_at": 0.0,
            "observed_periods": 3.0,
            "mean_amount": 0.0,
        },
    ]


@pytest.mark.parametrize("cost", [True, False])
def test_the_files_have_the_promised_types(run: Run, tmp_path: Path, cost: bool) -> None:
    """Money is decimal(28, 4) in every file, shares and expectations are doubles, whatever is known."""
    made = run if cost else analyse(tmp_path / "types", order_log(30, cost=False), model="nbd")
    for name in FILES:
        for field in pq.read_schema(made.folder / f"{name}.parquet"):
            if pa.types.is_decimal(field.type):
                assert field.type == pa.decimal128(28, 4), (name, field.name)
    for name in ("p_purchase", "expected_purchases", "mean_amount", "margin", "value_lower", "value_upper"):
        assert made.forecast.schema.field(name).type == pa.float64(), name
    assert made.customers.schema.field("margin").type == pa.float64()
    assert made.customers.schema.field("value").type == pa.decimal128(28, 4)


def test_a_negative_margin_follows_the_trend_as_a_positive_one_does() -> None:
    """Where the company's margin rises, a loss becomes smaller and never turns into a larger one."""
    lines = [
        {"customer_id": f"c{n}", "date": date(2024, month, 2 + n), "amount": 100.0, "cost": 80.0 - 4 * month}
        for n in range(6)
        for month in range(1, 11)
    ]
    lines += [{"customer_id": name, "date": date(2024, 6, 20), "amount": 100.0, "cost": cost}
              for name, cost in (("gain", 60.0), ("loss", 140.0))]  # fmt: skip
    orders = {name: [line[name] for line in lines] for name in lines[0]}
    run = kezhi.analyse(pa.table(orders), as_of="2024-10-31", model="nbd", senses=[])
    margins: dict[str, list[float]] = {"gain": [], "loss": []}
    for row in run.forecast.to_pylist():
        if row["customer_id"] in margins:
            margins[row["customer_id"]].append(row["margin"])
    assert all(margin > 0.4 for margin in margins["gain"])
    assert all(-0.4 < margin <= 0.0 for margin in margins["loss"])
    changes = [(gain - 0.4, loss + 0.4) for gain, loss in zip(margins["gain"], margins["loss"], strict=True)]
    assert all(gain == pytest.approx(loss) for gain, loss in changes)
