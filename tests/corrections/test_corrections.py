"""Corrections of a forecast: what they do to every figure, at once and in the next run, and taken back."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import kezhi
from corrections.conftest import NORTH, NOW
from kezhi import correcting
from kezhi.corrections import Amendment, Log
from kezhi.engine import open_engine
from kezhi.language import KezhiError
from kezhi.workspace import Workspace

Rows = dict[tuple[str, int], dict[str, Any]]
WHY = {"why": "new price list", "by": "Ann", "now": NOW}


def forecast(run: Path) -> Rows:
    return {(row["customer_id"], row["step"]): row for row in pq.read_table(run / "forecast.parquet").to_pylist()}


def table(run: Path, name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(run / f"{name}.parquet").to_pylist()
    return rows


def firm(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "models.json").read_text(encoding="utf-8"))["company"]
    return found


def newest(place: Path) -> Path:
    return Workspace(place).run(None)


def near(a: Any, b: Any) -> bool:
    """Equal, or equal but for the last digits of floats."""
    if isinstance(a, dict) and isinstance(b, dict):
        return set(a) == set(b) and all(near(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(near(x, y) for x, y in zip(a, b, strict=True))
    return a == pytest.approx(b, rel=1e-12, abs=1e-9) if isinstance(a, float) and isinstance(b, float) else a == b


SEVERAL: list[dict[str, Any]] = [
    {"figure": "margin", "change": "+2pt", "where": "region = 'North'", "period": "2026-01"},
    {"figure": "amount", "change": "+10%", "everyone": True, "period": "2026-02..2026-03"},
    {"figure": "amount", "change": "=300", "customer": ["C001", "C002"], "period": "2026-02"},
    {"figure": "expense", "change": "+5", "where": "owner in ('o1', 'o2')"},
    {"figure": "margin", "change": "30%", "where": "flag = 'cost_missing' or last_margin < 0"},
    {"figure": "expense", "change": "-50%", "customer": "C001"},
    {"figure": "margin", "change": "*0.5", "customer": "C007"},
    {"figure": "amount", "change": "-1000", "customer": "C005", "period": "2026-03"},
]


def made(place: Path, several: list[dict[str, Any]] = SEVERAL) -> None:
    """Several corrections, written down but not yet shown."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(correcting, "refresh", lambda _: Amendment(()))
        for one in several:
            kezhi.correct(place, **{**one, **WHY})


# --- R19: 120 rows, and back --------------------------------------------------------------------------------


@pytest.mark.usefixtures("quick")
def test_r19_two_points_of_margin_on_120_rows_are_120_audit_rows_and_undo_restores(place: Path) -> None:
    before = newest(place)
    outcome = kezhi.correct(place, "margin", "+2pt", where="region = 'North'", **WHY)
    assert (outcome.customers, outcome.periods) == (NORTH, 120)
    shown = newest(place)
    audit = table(shown, "corrections")
    assert len(audit) == 120
    assert {row["figure"] for row in audit} == {"margin"}
    assert {row["corrections"] for row in audit} == {"1"}
    old, new = forecast(before), forecast(shown)
    for row in audit:
        step = next(key for key, one in new.items() if key[0] == row["customer_id"] and one["period"] == row["period"])
        assert row["computed"] == old[step]["margin"] == new[step]["margin_computed"]
        assert row["corrected"] == new[step]["margin"] == pytest.approx(min(old[step]["margin"] + 0.02, 1.0))
    assert outcome.effect == sum(new[key]["value"] - old[key]["value"] for key in old) > 0
    undone = kezhi.undo_correction(place, 1, why="mistake", by="Bo", now=NOW)
    assert undone.effect == -outcome.effect
    assert newest(place) == before
    assert not (place / "corrected").exists()
    assert [(one.correction.who, one.state) for one in kezhi.corrections_of(place)] == [("Ann", "undone")]


# --- agreement ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def both(company: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """A workspace with SEVERAL in it; what its run showed at once, and a fresh run."""
    from kezhi import analysis

    place = Path(shutil.copytree(company, tmp_path_factory.mktemp("both") / "company"))
    made(place)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(correcting, "write_report", lambda *_: None)
        patched.setattr(analysis, "write_report", lambda *_: None)
        correcting.refresh(Workspace(place))
        at_once = newest(place)
        fresh = kezhi.analyse(workspace=place, now=NOW.replace(hour=1)).folder
    return place, at_once, fresh


def test_the_newest_run_shows_at_once_what_a_fresh_run_gives(both: tuple[Path, Path, Path]) -> None:
    _, at_once, fresh = both
    assert fresh.parent.name == "runs"
    assert near(table(at_once, "forecast"), table(fresh, "forecast"))
    assert near(table(at_once, "customers"), table(fresh, "customers"))
    assert near(table(at_once, "corrections"), table(fresh, "corrections"))
    assert near(firm(at_once), firm(fresh))
    for name in ("worth.json", "manifest.json"):
        one, other = (json.loads((run / name).read_text(encoding="utf-8")) for run in (at_once, fresh))
        keys = ("corrections",) if name == "worth.json" else ("warnings", "totals")
        assert near([one[key] for key in keys], [other[key] for key in keys])


@pytest.mark.usefixtures("quick")
def test_a_run_made_with_corrections_shows_the_computed_figures_when_all_are_undone(
    company: Path, both: tuple[Path, Path, Path]
) -> None:
    place, _, fresh = both
    before = Workspace(company).run(None)
    assert firm(fresh)["total"] != firm(before)["total"]
    kezhi.undo_correction(place, range(1, 10), why="all wrong", by="Bo", now=NOW)
    shown = newest(place)
    assert shown != fresh
    assert near(table(shown, "forecast"), table(before, "forecast"))
    assert near(table(shown, "customers"), table(before, "customers"))
    assert near(firm(shown), firm(before))
    assert not (shown / "corrections.parquet").exists()


def by_hand(computed: Rows, terms: dict[str, tuple[float, float]], people: dict[str, dict[str, Any]]) -> Rows:
    """What SEVERAL does, slowly and obviously."""

    def cents(value: float) -> Decimal:
        return Decimal(repr(value)).quantize(Decimal("0.0001"), ROUND_HALF_UP)

    def rule(amount: float, rate: float, floor: float) -> float:
        return amount * rate if amount * rate > floor or amount < floor else floor

    found: Rows = {}
    for (name, step), row in computed.items():
        rate, floor = terms[name]
        north, owner = people[name]["region"] == "North", people[name]["owner"]
        amount, margin = float(row["amount"]), row["margin"]
        if step >= 2:
            amount = amount * 1.1
        if name in ("C001", "C002") and step == 2:
            amount = 300.0
        if name == "C005" and step == 3:
            amount = max(amount - 1000, 0.0)
        if north and step == 1:
            margin += 0.02
        if people[name]["repair"]:
            margin = 0.3
        if name == "C007":
            margin *= 0.5
        margin = min(margin, 1.0)
        money = cents(amount) if step >= 2 else row["amount"]
        spent = float(money)
        cost = cents(spent * (1 - margin)) if step >= 2 or margin != row["margin"] else row["cost"]
        due = rule(spent, rate, floor) if step >= 2 else float(row["expense"])
        expense = due + (5.0 if owner in ("o1", "o2") else 0.0)
        expense = expense * 0.5 if name == "C001" else expense
        ends = []
        for end in (row["amount_lower"], row["amount_upper"]):
            moved = end * spent / float(row["amount"]) if row["amount"] else spent
            ends.append(moved * margin - max(rule(moved, rate, floor) + expense - due, 0.0))
        found[name, step] = {
            "amount": float(money), "margin": margin, "cost": float(cost), "expense": expense,
            "value": float(money) - float(cost) - expense, "value_lower": min(ends), "value_upper": max(ends),
        }  # fmt: skip
    return found


def test_every_figure_is_what_a_plain_reading_gives(place: Path) -> None:
    made(place)
    at = correcting.newest(place)
    with open_engine() as engine:
        computed = at.computed(engine)
        terms = {row["customer_id"]: (row["expense_rate"], row["expense_floor"])
                 for row in engine.fetch(computed.terms).to_pylist()}  # fmt: skip
        amendment = Amendment(Log(at.place).holding())
        applied = amendment(computed)
        assert applied is not None
        rows = engine.fetch(applied.forecast).to_pylist()
        customers = {row["customer_id"]: row for row in engine.fetch(computed.customers).to_pylist()}
        people = {row["customer_id"]: row | {"repair": _repair(customers[row["customer_id"]])}
                  for row in engine.fetch(computed.people).to_pylist()}  # fmt: skip
    assert {row["customer_id"] for row in people.values() if row["repair"]} >= {"C007", "C008"}
    expected = by_hand(forecast(at.run), terms, people)
    assert len(rows) == len(expected) == 180
    for row in rows:
        for name, value in expected[row["customer_id"], row["step"]].items():
            # a margin of money is rounded to four digits, at half a digit either way
            assert float(row[name]) == pytest.approx(value, rel=1e-9, abs=2.1e-4), (row["customer_id"], name)
        assert row["value"] == row["amount"] - row["cost"] - row["expense"]
    assert amendment.facts is not None
    assert amendment.facts["corrected"]["value"] == sum(row["value"] for row in rows)
    # single customers' corrections of one author, time and reason share an effect
    effects = {(one["value_before"], one["value_after"]) for one in amendment.facts["applied"]}
    assert len(effects) == 6
    assert sum(after - before for before, after in effects) == amendment.facts["effect"]


def test_a_run_of_an_older_version_is_corrected_by_the_rule_that_it_was_made_with(place: Path) -> None:
    """It does not say what was spent on winning customers, and projected all that was spent on them."""
    path = newest(place) / "periods.parquet"
    periods = pq.read_table(path)
    pq.write_table(periods.drop_columns(["acquisition_expense"]), path)
    with open_engine() as engine:
        terms = {
            row["customer_id"]: row for row in engine.fetch(correcting.newest(place).computed(engine).terms).to_pylist()
        }
    rows = periods.to_pylist()
    for row in table(newest(place), "customers"):
        spent = [one["expense"] for one in rows if one["customer_id"] == row["customer_id"]]
        found = terms[row["customer_id"]]
        assert found["expense_rate"] == pytest.approx(float(sum(spent)) / float(row["amount"]))
        assert found["expense_floor"] == float(min((one for one in spent if one > 0), default=Decimal(0)))


def _repair(row: dict[str, Any]) -> bool:
    return "cost_missing" in row["flags"] or (row["last_margin"] is not None and row["last_margin"] < 0)


def test_r20_the_anomaly_list_is_corrected_by_its_flag(place: Path) -> None:
    tried = kezhi.correct(place, "margin", "25%", where="flag = 'cost_missing'", dry=True, **WHY)
    assert tried.dry
    assert (tried.customers, tried.periods) == (1, 3)
    assert tried.effect < 0  # the margin of 100 % had been too good
    assert not (place / "corrections.csv").exists()
    negative = kezhi.correct(place, "margin", "25%", where="flag = 'negative_margin'", dry=True, **WHY)
    assert (negative.customers, negative.effect > 0) == (1, True)


def test_customers_totals_and_company_follow(place: Path) -> None:
    kezhi.correct(place, "amount", "+10%", everyone=True, **WHY)
    run = newest(place)
    rows, people, whole = forecast(run).values(), table(run, "customers"), firm(run)
    for name in ("amount", "cost", "expense", "value"):
        total = sum(row[name] for row in rows)
        assert total == sum(one[f"forecast_{name}"] for one in people) == Decimal(whole["total"][name])
        assert total == sum(Decimal(step[name]) for step in whole["forecast"])
        assert sum(one[f"forecast_{name}_computed"] for one in people) == Decimal(whole["computed"]["total"][name])
    assert [one["forecast_value"] for one in people] == sorted((one["forecast_value"] for one in people), reverse=True)
    assert whole["total"]["value_upper"] > whole["computed"]["total"]["value_upper"]
    text = (run / "report.html").read_text(encoding="utf-8")
    assert "new price list" in text
    assert "Ann" in text


# --- time ---------------------------------------------------------------------------------------------------


def test_a_correction_stays_with_its_period_and_what_is_not_known_any_more_is_a_warning(
    place: Path, again: Callable[..., Path]
) -> None:
    made(place, [{"figure": "margin", "change": "30%", "everyone": True, "period": "2026-01"},
                 {"figure": "expense", "change": "=1", "customer": "C003", "period": "2026-04..2026-04"},
                 {"figure": "margin", "change": "+1pt", "where": "owner = 'o1'"},
                 {"figure": "margin", "change": "+1pt", "where": "customer_id = 'C001'"},
                 {"figure": "margin", "change": "+1pt", "customer": "C002"}])  # fmt: skip
    assert [one.state for one in kezhi.corrections_of(place)] == ["holding", "later", *["holding"] * 3]
    log = (place / "corrections.csv").read_text(encoding="utf-8-sig")
    log = log.replace("owner = 'o1'", "boss = 'o1'").replace("'C001'", "'gone'").replace("C002", "gone")
    (place / "corrections.csv").write_text(log, encoding="utf-8-sig")
    run = again(place, as_of="2025-11-30", horizon=5)  # December to April
    found = {(key[1], row["corrections"]) for key, row in forecast(run).items() if row["corrections"]}
    assert found == {(2, "1"), (5, "2")}
    warnings = json.loads((run / "manifest.json").read_text(encoding="utf-8"))["warnings"]
    codes = {one["code"]: one["en"] for one in warnings if one["code"].startswith("correction_")}
    assert set(codes) == {"correction_unreadable", "correction_nobody", "correction_unknown_customer"}
    assert codes["correction_unreadable"].startswith(
        "Correction 3 changes nothing in this run. The filter asks for boss"
    )
    log = log.replace("2026-01-31", "2025-11-30").replace("2026-01-01", "2025-11-01")
    (place / "corrections.csv").write_text(log, encoding="utf-8-sig")
    assert [one.state for one in kezhi.corrections_of(place)][:2] == ["over", "holding"]


def test_later_corrections_win_and_follow_one_another(place: Path) -> None:
    made(place, [{"figure": "expense", "change": "+7", "customer": "C003"},
                 {"figure": "expense", "change": "=40", "where": "customer_id = 'C003'"},
                 {"figure": "expense", "change": "+2", "customer": "C003"},
                 {"figure": "expense", "change": "*0.5", "everyone": True}])  # fmt: skip
    with open_engine() as engine:
        applied = Amendment(Log(Workspace(place)).holding())(correcting.newest(place).computed(engine))
        assert applied is not None
        rows = engine.fetch(applied.forecast.filter(applied.forecast.customer_id == "C003")).to_pylist()
    assert {float(row["expense"]) for row in rows} == {21.0}
    assert {row["corrections"] for row in rows} == {"2 3 4"}


# --- what cannot be applied any more ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("figure", "change", "more", "said"),
    [
        ("margin", "500%", {}, "A margin of 500% cannot be"),
        ("margin", "30", {}, "write 30% or 0.3"),
        ("margin", "nan", {}, "is no change of margin"),
        ("margin", "+2%", {}, "write +2pt for percentage points, or *1.02"),
        ("margin", "+150pt", {}, "at most 100 points"),
        ("expense", "=-5", {}, "below 0"),
        ("amount", "30%", {}, "of what?"),
        ("amount", "1e9", {}, "is no change"),
        ("amount", "9999999999999", {}, "at most"),
        ("amount", "*200", {}, "0 to 100"),
        ("profit", "3", {}, "margin, expense or amount"),
        ("margin", "30%", {"period": "2025-12"}, "the first period that can be corrected is the one of 2026-01-01"),
        ("margin", "30%", {"period": "next"}, "is no period"),
        ("margin", "30%", {"period": "2026-03..2026-01"}, "ends before it begins"),
        ("margin", "30%", {"customer": "C0055"}, "There is no customer C0055"),
        ("margin", "30%", {"where": "reggion = 'x'"}, "did you mean region?"),
        ("margin", "30%", {"where": "region = 'West'"}, "chooses no customer"),
        ("margin", "30%", {"where": "region ="}, "a value is expected"),
        ("margin", "30%", {"customer": "C001", "where": "region = 'North'"}, "just one of"),
        ("margin", "30%", {"everyone": True, "why": " "}, "Say why"),
    ],
)
def test_what_cannot_be_meant_is_one_sentence_and_nothing_is_written(
    company: Path, figure: str, change: str, more: dict[str, Any], said: str
) -> None:
    whom = {} if {"customer", "where", "everyone"} & set(more) else {"everyone": True}
    with pytest.raises(KezhiError) as caught:
        kezhi.correct(company, figure, change, **{**WHY, **whom, **more})
    assert said in caught.value.text.en
    assert "\n" not in caught.value.text.en
    assert any("一" <= letter <= "鿿" for letter in caught.value.text.zh)
    assert not (company / "corrections.csv").exists()


def test_a_workspace_without_a_run_says_so(tmp_path: Path) -> None:
    with pytest.raises(KezhiError, match="kezhi run --workspace"):
        kezhi.correct(tmp_path, "margin", "30%", everyone=True, **WHY)


@pytest.mark.usefixtures("quick")
def test_a_correction_made_during_a_run_is_shown_in_it(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from kezhi import analysis

    def meanwhile(*_: object) -> None:
        kezhi.correct(place, "expense", "=9", customer="C003", **WHY)

    monkeypatch.setattr(analysis, "write_report", meanwhile)
    run = kezhi.analyse(workspace=place, now=NOW.replace(hour=5))
    shown = newest(place)
    assert shown.name == run.folder.name
    assert {float(row["expense"]) for (name, _), row in forecast(shown).items() if name == "C003"} == {9.0}


def test_a_correction_that_cannot_be_shown_is_not_written(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(correcting, "write_report", full)
    with pytest.raises(OSError, match="No space left"):
        kezhi.correct(place, "margin", "+2pt", everyone=True, **WHY)
    assert not (place / "corrections.csv").exists()
    assert newest(place).parent.name == "runs"
    assert not (place / "corrected").exists()


def test_orders_without_costs_can_be_corrected(place: Path) -> None:
    made(place, [{"figure": "margin", "change": "40%", "everyone": True}])
    with open_engine() as engine:
        full = correcting.newest(place).computed(engine)
        forecasts = full.forecast.drop("amount_lower", "amount_upper").mutate(margin=full.forecast.margin * 0 + 1)
        customers = full.customers.drop("forecast_amount_lower", "forecast_amount_upper")
        applied = Amendment(Log(Workspace(place)).holding())(replace(full, forecast=forecasts, customers=customers))
        assert applied is not None
        rows = engine.fetch(applied.forecast).to_pylist()
        people = engine.fetch(applied.customers(customers)).to_pylist()
    free = [row for row in (*rows, *people) if int(row["customer_id"][1:]) % 2 == 0]  # no expense
    assert len(free) == 120
    for row in free:
        prefix = "" if "step" in row else "forecast_"
        for end in ("value_lower", "value_upper"):
            assert row[prefix + end] == pytest.approx(0.4 * row[f"{prefix}{end}_computed"], rel=1e-6, abs=1e-3)
