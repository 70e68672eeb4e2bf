"""Potential against realised (R24): earlier forecasts beside what came."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kezhi.ledger import open_ledger
from kezhi.worth import Work
from kezhi.worth.realised import measured, realised
from ledger.books import book, line

MONEY = pa.decimal128(28, 4)
AS_OF = date(2025, 6, 30)


def orders() -> list[dict[str, Any]]:
    """A few customers over half a year, with costs and a return told a month later."""
    chance = random.Random(4)
    rows = [
        {"customer_id": f"C{number:02}", "date": date(2025, 1, 3) + timedelta(days=chance.randrange(178)),
         "amount": float(chance.randrange(20, 200)), "cost": 10.0, "order_id": f"O{number}-{n}"}
        for number in range(30) for n in range(chance.randrange(2, 9))
    ]  # fmt: skip
    rows.append({"customer_id": "C00", "date": date(2025, 4, 10), "amount": 500.0, "cost": 10.0, "order_id": "late"})
    rows.append({"customer_id": "C00", "date": date(2025, 5, 20), "amount": -300.0, "cost": None, "order_id": "late"})
    return rows


def run_folder(folder: Path, as_of: date, steps: list[tuple[str, date, int, float]], **manifest: Any) -> Path:
    """A run as far as it is compared: (customer, period, step, value) with an interval of 80 around each value."""
    folder.mkdir(parents=True)
    told = {"run": folder.name, "as_of": as_of.isoformat(), "period": "month", "fiscal_start": 1,
            "cost_known": True, "expense_known": False, "subtract_cost": True, "subtract_expense": True}  # fmt: skip
    people = sorted({customer for customer, *_ in steps})
    told["totals"] = {"customers": len(people)}
    (folder / "manifest.json").write_text(json.dumps(told | manifest), encoding="utf-8")
    months = sorted({(period, step) for _, period, step, _ in steps})
    sums = [(month, sum(value for _, period, _, value in steps if period == month)) for month, _ in months]
    company = [{"period": str(month), "value": f"{value:.4f}", "value_lower": value - 100.0,
                "value_upper": value + 100.0} for month, value in sums]  # fmt: skip
    (folder / "models.json").write_text(json.dumps({"company": {"forecast": company}}), encoding="utf-8")
    table = {
        "customer_id": [customer for customer, *_ in steps],
        "period": pa.array([period for _, period, *_ in steps], pa.date32()),
        "step": pa.array([step for *_, step, _ in steps], pa.int32()),
        **{name: pa.array([Decimal(f"{value:.4f}") for *_, value in steps], MONEY) for name in ("amount", "value")},
        "value_lower": [value - 40.0 for *_, value in steps],
        "value_upper": [value + 40.0 for *_, value in steps],
    }
    pq.write_table(pa.table(table), folder / "forecast.parquet")
    worth = [sum(value for customer, *_, value in steps if customer == one) for one in people]
    values = pa.array([Decimal(f"{value:.4f}") for value in worth], MONEY)
    pq.write_table(pa.table({"customer_id": people, "forecast_value": values}), folder / "customers.parquet")
    return folder


@pytest.fixture(scope="module")
def work(worked: Callable[..., Work]) -> Work:
    return worked(orders(), as_of=AS_OF)


def known(work: Work, rows: list[dict[str, Any]], as_of: date) -> Work:
    """The same company with other orders and another last day; its own forecast is not looked at here."""
    lines = [line(row["customer_id"], row["date"], row["amount"], row.get("order_id"), row.get("cost")) for row in rows]
    given = book(work.engine, lines)
    ledger = open_ledger(work.engine, given, work.calendar, as_of)
    return replace(work, book=given.known(as_of), ledger=ledger, forecasted=replace(work.forecasted, ledger=ledger))


def compared(work: Work, tmp_path: Path, *earlier: Path) -> dict[str, Any]:
    """The facts found with these earlier runs."""
    forecasted = replace(work.forecasted, folder=tmp_path)
    found = measured(replace(work, forecasted=forecasted, earlier=earlier))
    assert found is not None
    return found.facts


def test_r24_of_100_forecast_60_came(work: Work, tmp_path: Path) -> None:
    days = [date(2025, 1, 5), date(2025, 4, 9)]
    rows = [
        {"customer_id": "A", "date": days[0], "amount": 30.0},
        {"customer_id": "A", "date": days[1], "amount": 60.0},
    ]
    one = known(work, rows, date(2025, 4, 30))
    step = [("A", date(2025, 4, 1), 1, 100.0)]
    facts = compared(one, tmp_path, run_folder(tmp_path / "a", date(2025, 3, 31), step))
    assert (facts["forecast"], facts["actual"], facts["realised"]) == (100, 60, 0.6)
    assert facts["inside"] == 1.0
    assert realised(100, 60) == 0.6
    assert realised(0, 60) is None


def test_r24_agrees_with_adding_up_by_hand(work: Work, tmp_path: Path) -> None:
    chance = random.Random(9)
    people = [f"C{number:02}" for number in range(25)] + ["gone"]
    periods = [date(2025, 4, 1), date(2025, 5, 1), date(2025, 6, 1), date(2025, 7, 1)]
    steps = [
        (one, period, step, round(chance.uniform(-5, 150), 2)) for one in people
        for step, period in enumerate(periods, 1)
    ]  # fmt: skip
    facts = compared(work, tmp_path, run_folder(tmp_path / "a", date(2025, 3, 31), steps))
    actual = _actual()
    over = [row for row in steps if row[1] < periods[-1]]
    assert facts["forecast"] == sum(Decimal(f"{value:.4f}") for *_, value in over)
    assert facts["actual"] == sum(actual.get((one, period), Decimal(0)) for one, period, *_ in over)
    inside = [abs(actual.get((one, period), Decimal(0)) - Decimal(f"{v:.2f}")) <= 40 for one, period, _, v in over]
    assert facts["inside"] == pytest.approx(sum(inside) / len(over))
    april = facts["forecasts"][0]
    everybody = sum(value for (_, period), value in actual.items() if period == periods[0])
    assert april["newcomers"] == everybody - april["actual"]
    rows = pq.read_table(tmp_path / "realised.parquet").to_pylist()
    assert sum(row["forecast"] for row in rows) == facts["forecast"]
    best = max(people, key=lambda one: sum(value for who, *_, value in steps if who == one))
    top = [row for row in rows if row["tier"] == "vip"]
    assert [row["actual"] for row in top] == [actual.get((best, period), Decimal(0)) for period in periods[:3]]


def _actual() -> dict[tuple[str, date], Decimal]:
    """Gross profit by customer and month; the return belongs to April, when its order was."""
    found: dict[tuple[str, date], Decimal] = {}
    for row in orders():
        day = date(2025, 4, 10) if row["order_id"] == "late" else row["date"]
        key = (row["customer_id"], day.replace(day=1))
        found[key] = found.get(key, Decimal(0)) + Decimal(str(row["amount"])) - Decimal(str(row["cost"] or 0))
    return found


def test_a_forecast_that_leaves_the_winning_of_customers_out_is_held_against_what_came_without_it(
    work: Work, tmp_path: Path
) -> None:
    """Like beside like: an older run forecast everything that is spent, and is held against all of it."""
    spent = [(date(2025, 4, 9), 7, "A", "service"), (date(2025, 4, 9), 20, None, "acquisition")]
    table = {
        "customer_id": [who for *_, who, _ in spent],
        "date": [day for day, *_ in spent],
        "amount": pa.array([Decimal(amount) for _, amount, *_ in spent], pa.decimal128(18, 4)),
        "kind": [kind for *_, kind in spent],
    }
    lines = [line("A", date(2025, 1, 5), 30.0), line("A", date(2025, 4, 9), 60.0)]
    given = replace(book(work.engine, lines), expenses=work.engine.table(pa.table(table)))
    ledger = open_ledger(work.engine, given, work.calendar, date(2025, 4, 30))
    one = replace(work, book=given, ledger=ledger, forecasted=replace(work.forecasted, ledger=ledger))
    step = [("A", date(2025, 4, 1), 1, 60.0)]
    old = run_folder(tmp_path / "old", date(2025, 3, 31), step, expense_known=True)
    new = run_folder(tmp_path / "new", date(2025, 3, 31), step, expense_known=True)
    for folder, names in ((old, ["expense"]), (new, ["expense", "acquisition_expense"])):
        pq.write_table(pa.table({name: pa.array([], MONEY) for name in names}), folder / "periods.parquet")
    everything, recurring = (compared(one, tmp_path, folder) for folder in (old, new))
    assert (everything["actual"], recurring["actual"]) == (60 - 27, 60 - 7)
    assert [facts["forecasts"][0]["newcomers"] for facts in (everything, recurring)] == [0, -20]


def test_late_bookings_count(work: Work, tmp_path: Path) -> None:
    """The return told in May takes from April's result, once it is known."""
    step = [("C00", date(2025, 4, 1), 1, 100.0)]
    run = run_folder(tmp_path / "a", date(2025, 3, 31), step)
    before = compared(known(work, orders(), date(2025, 4, 30)), tmp_path, run)
    after = compared(known(work, orders(), date(2025, 5, 31)), tmp_path, run)
    assert after["actual"] == before["actual"] - 300


def test_nothing_after_as_of_is_used(work: Work, tmp_path: Path) -> None:
    day = date(2025, 5, 15)
    steps = [("C01", period, step, 50.0) for step, period in enumerate([date(2025, 4, 1), date(2025, 5, 1)], 1)]
    runs = [run_folder(tmp_path / "a", date(2025, 3, 31), steps), run_folder(tmp_path / "b", AS_OF, steps)]
    early = [row for row in orders() if row["date"] <= day]
    whole, cut = (compared(known(work, rows, day), tmp_path, *runs) for rows in (orders(), early))
    assert whole == cut
    assert whole["left_out"] == {"too_new": 1}
    assert len(whole["forecasts"]) == 1, "May is not over"


def test_which_runs_count(work: Work, tmp_path: Path) -> None:
    march, step = date(2025, 3, 31), [("C01", date(2025, 4, 1), 1, 100.0)]
    runs = [
        run_folder(tmp_path / "1", march, [("C01", date(2025, 4, 1), 1, 999.0)]),
        run_folder(tmp_path / "2", march, step),
        run_folder(tmp_path / "3", march, step, period="quarter"),
        run_folder(tmp_path / "4", march, step, cost_known=False),
        run_folder(tmp_path / "5", date(2025, 2, 28), step),
    ]
    facts = compared(work, tmp_path, *runs)
    assert facts["runs"] == 2
    assert facts["forecast"] == 200, "of two made as of the same day, the newest counts"
    assert facts["left_out"] == {"other_periods": 1, "other_value": 1, "replaced": 1}


def test_only_so_many_runs_are_looked_up(work: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    step = [("C01", date(2025, 4, 1), 1, 100.0)]
    runs = [run_folder(tmp_path / str(day), date(2025, 3, day), step) for day in (10, 20, 30)]
    monkeypatch.setattr("kezhi.worth.realised.MOST_RUNS", 2)
    facts = compared(work, tmp_path, *runs)
    assert (facts["runs"], facts["left_out"]) == (2, {"too_old": 1})
    assert facts["forecasts"][0]["run"] == "20"


def test_a_broken_run_is_said_and_left_out(work: Work, tmp_path: Path) -> None:
    step = [("C01", date(2025, 4, 1), 1, 100.0)]
    good = run_folder(tmp_path / "a", date(2025, 3, 31), step)
    broken = run_folder(tmp_path / "b", date(2025, 3, 30), step)
    (broken / "forecast.parquet").write_bytes(b"PAR1")
    empty = run_folder(tmp_path / "c", date(2025, 3, 29), step)
    (empty / "models.json").write_text("{", encoding="utf-8")
    found = measured(replace(work, forecasted=replace(work.forecasted, folder=tmp_path), earlier=(good, broken, empty)))
    assert found is not None
    assert found.facts["runs"] == 1
    ((code, text),) = found.warnings
    assert code == "earlier_unreadable"
    assert text.en.startswith("2 earlier runs")


def test_without_earlier_runs_there_is_nothing(work: Work, tmp_path: Path) -> None:
    assert measured(work) is None
    new = run_folder(tmp_path / "a", AS_OF, [("C01", date(2025, 7, 1), 1, 100.0)])
    assert measured(replace(work, earlier=(new,))) is None
