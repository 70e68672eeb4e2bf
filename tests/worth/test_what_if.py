"""What if customers stayed longer, margins were higher, less were spent (A09)."""

from __future__ import annotations

import json
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import kezhi
from kezhi.cli import main
from kezhi.engine import Engine
from kezhi.language import KezhiError
from kezhi.worth.what_if import WhatIf

MONEY = pa.decimal128(28, 4)
HORIZON = 3
CLOCK = (1.1, 0.8, 1.3)
LEVERS = {"retention": 0.05, "margin": 0.02, "expense": -0.1, "amount": 0.03}


def money(value: float) -> Decimal:
    return Decimal(f"{value:.4f}")


def steps(count: int = 40) -> list[dict[str, Any]]:
    """The forecast of some customers: each buys less from period to period, beside the season of the clock."""
    chance, rows = random.Random(3), []
    for number in range(count):
        rate, keep, spent = chance.uniform(0.05, 2.0), chance.uniform(0.3, 1.0), chance.uniform(5, 80)
        margin, share = chance.uniform(-0.1, 0.9), chance.uniform(0.0, 0.3)
        for step in range(1, HORIZON + 1):
            purchases = rate * CLOCK[step - 1] * keep ** (step - 1)
            amount, cost = money(purchases * spent), money(purchases * spent * (1 - margin))
            expense = money(purchases * spent * share)
            rows.append({"customer_id": f"C{number:02}", "step": step, "expected_purchases": purchases,
                         "amount": amount, "cost": cost, "expense": expense,
                         "value": amount - cost - expense})  # fmt: skip
    return rows


def write(folder: Path, rows: list[dict[str, Any]], horizon: int = HORIZON, clock: bool = True) -> Path:
    """A run folder as far as it is calculated through."""
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps({"horizon": horizon, "currency": "CNY"}), encoding="utf-8")
    if clock:
        (folder / "worth.json").write_text(json.dumps({"risk": {"clock": CLOCK[:horizon]}}), encoding="utf-8")
    rows = [row for row in rows if row["step"] <= horizon]
    fields = [(name, MONEY) for name in ("amount", "cost", "expense", "value")]
    schema = pa.schema(
        [("customer_id", pa.string()), ("step", pa.int32()), ("expected_purchases", pa.float64()), *fields]
    )
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), folder / "forecast.parquet")
    people = sorted({row["customer_id"] for row in rows})
    worth = [sum(row["value"] for row in rows if row["customer_id"] == one) for one in people]
    customers = pa.table(
        {
            "customer_id": pa.array(people, pa.string()),
            "forecast_value": pa.array(worth, MONEY),
            "p_alive": pa.array([0.81] * len(people), pa.float64()),
            "idle_periods": pa.array([1] * len(people), pa.int64()),
        }
    )  # fmt: skip
    pq.write_table(customers, folder / "customers.parquet")
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("run") / "run", steps())


def by_hand(
    rows: list[dict[str, Any]], periods: int, retention: float, margin: float, expense: float, amount: float
) -> float:
    """The formula of the module, one customer after the other."""
    total = 0.0
    for one in sorted({row["customer_id"] for row in rows}):
        mine = [row for row in rows if row["customer_id"] == one]
        first, last = mine[0], mine[-1]
        keep = (last["expected_purchases"] / CLOCK[-1] / (first["expected_purchases"] / CLOCK[0])) ** (
            1 / (HORIZON - 1)
        )
        keep = min(max(keep, 0.01), 1.0)
        moved = min(max(keep + retention, 0.0), 1.0)
        for k in range(1, periods + 1):
            row = mine[k - 1] if k <= HORIZON else last
            scale = 1.0 if k <= HORIZON else keep ** (k - HORIZON) / CLOCK[-1]
            factor = (moved / keep) ** (k - 0.5) * scale
            bought, paid, spent = (float(row[name]) for name in ("amount", "cost", "expense"))
            paid = max(paid - margin * bought, 0.0)
            total += factor * ((bought - paid) * (1 + amount) - spent * (1 + expense))
    return total


def ask(engine: Engine, run: Path, **levers: Any) -> WhatIf:
    found = kezhi.what_if(run, engine=engine, **levers)
    assert isinstance(found, WhatIf)
    return found


def test_a09_no_change_has_no_effect_at_all(engine: Engine, run: Path) -> None:
    for periods in (1, 3, 12):
        found = ask(engine, run, periods=periods)
        assert found.company.effect == 0
        assert all(one.effect == 0 for one in found.tiers)
    whole = ask(engine, run)
    assert whole.company.base == sum(row["value"] for row in steps())
    assert sum(one.base for one in whole.tiers) == whole.company.base
    assert whole.reference is None
    assert "nothing changes" in whole.sentence.en


def test_a09_raising_retention_raises_profit(engine: Engine, run: Path) -> None:
    effects = [ask(engine, run, retention=points).company.effect for points in (-0.1, -0.05, 0.05, 0.1, 0.2)]
    assert effects == sorted(effects)
    assert effects[1] < 0 < effects[2]
    longer = ask(engine, run, retention=0.05, periods=12)
    assert (longer.company.share or 0) > (ask(engine, run, retention=0.05).company.share or 0)
    assert longer.reference is not None
    assert "25 to 85%" in longer.reference.en


@pytest.mark.parametrize("periods", [2, 7])
@pytest.mark.parametrize("levers", [LEVERS, {"retention": 0.2}, {"margin": 0.5}, {"retention": -0.4, "expense": 1.0}])
def test_it_agrees_with_the_formula_by_hand(engine: Engine, run: Path, levers: dict[str, float], periods: int) -> None:
    rows, none = steps(), dict.fromkeys(LEVERS, 0.0)
    found = ask(engine, run, periods=periods, **levers).company
    assert float(found.base) == pytest.approx(by_hand(rows, periods, **none), abs=0.05)
    assert float(found.changed) == pytest.approx(by_hand(rows, periods, **(none | levers)), abs=0.05)
    for name, effect in found.alone.items():
        alone = by_hand(rows, periods, **(none | {name: levers[name]}))
        assert float(effect) == pytest.approx(alone - by_hand(rows, periods, **none), abs=0.1)


def test_margin_and_expense_move_what_they_say(engine: Engine, run: Path) -> None:
    bought = sum(row["amount"] for row in steps())
    spent = sum(row["expense"] for row in steps())
    assert float(ask(engine, run, margin=0.02).company.effect) == pytest.approx(0.02 * float(bought), abs=0.02)
    assert float(ask(engine, run, expense=-0.1).company.effect) == pytest.approx(0.1 * float(spent), abs=0.02)


def test_of_one_period_keeping_is_what_p_alive_implies(engine: Engine, tmp_path: Path) -> None:
    """P(alive) 0.81 after one empty period: 0.9 a period."""
    found = ask(engine, write(tmp_path / "run", steps(), horizon=1))
    assert found.keep == pytest.approx(0.9)


def test_nobody_stays_if_nobody_is_kept(engine: Engine, run: Path) -> None:
    assert ask(engine, run, retention=-1.0, periods=12).company.changed == 0


def test_the_order_of_rows_makes_no_difference(engine: Engine, run: Path, tmp_path: Path) -> None:
    rows = steps()
    random.Random(8).shuffle(rows)
    other = ask(engine, write(tmp_path / "run", rows), periods=9, **LEVERS)
    assert other == ask(engine, run, periods=9, **LEVERS)


def test_a_run_without_the_clock_or_without_anybody(engine: Engine, tmp_path: Path) -> None:
    plain = ask(engine, write(tmp_path / "plain", steps(), clock=False), **LEVERS)
    assert plain.company.effect > 0
    empty = ask(engine, write(tmp_path / "empty", []), **LEVERS)
    assert (empty.company.customers, empty.company.effect, empty.keep) == (0, 0, None)


def test_what_cannot_be_is_refused_in_one_sentence(run: Path, tmp_path: Path) -> None:
    for levers, word in (
        ({"retention": 5.0}, "retention"),
        ({"expense": -1.5}, "expense"),
        ({"periods": 0}, "periods"),
    ):
        with pytest.raises(KezhiError, match=word):
            kezhi.what_if(run, **levers)
    with pytest.raises(KezhiError, match="not a finished run"):
        kezhi.what_if(tmp_path)


def test_the_command_prints_what_the_library_finds(
    run: Path, engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["what-if", "--run", str(run), "--retention", "5", "--expense", "-10", "--json"])
    assert ended.value.code == 0
    told = json.loads(capsys.readouterr().out)
    found = ask(engine, run, retention=0.05, expense=-0.1)
    assert told["company"]["effect"] == str(found.company.effect)
    assert set(told["sentence"]) == {"en", "zh"}
    with pytest.raises(SystemExit) as refused:
        main(["what-if", "--run", str(run), "--retention", "500"])
    assert refused.value.code == 2
    with pytest.raises(SystemExit):
        main(["what-if", "--run", str(run), "--retention", "5", "--margin", "1", "--lang", "zh"])
    assert "单独作用" in capsys.readouterr().out
