"""Referrals (V16, W01-W04, W07, W10): the five-year case cell by cell, and what a company's figures add up to."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kezhi import analysis
from kezhi.analysis import Run
from kezhi.cli.app import main
from kezhi.engine import Engine
from kezhi.reports import page
from kezhi.worth import Work, referrals

YEARS = [date(year, 1, 1) for year in range(2021, 2026)]


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The run that `kezhi demo --sample referrals` makes: files, book, ledger, forecast, senses of worth, report."""
    folder = tmp_path_factory.mktemp("case") / "company"
    with pytest.MonkeyPatch.context() as quick:  # one model, two senses: the others are tested elsewhere
        quick.setattr(analysis, "analyse", partial(analysis.analyse, model="nbd", senses=("referrals", "line_kinds")))
        assert made("demo", "--no-serve", "--sample", "referrals", "--out", folder, "--lang", "en") == 0
    return Run(next(path for path in (folder / "runs").iterdir() if path.is_dir()))


def made(*arguments: object) -> int:
    try:
        main([str(argument) for argument in arguments])
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def years(case: Run, customer: str | None) -> list[dict[str, Any]]:
    rows = [row for row in case.table("referral_periods").to_pylist() if row["customer_id"] == customer]
    assert [row["period"] for row in rows] == YEARS
    return rows


@pytest.mark.parametrize("branch", [None, "A"])
def test_w01_the_five_years_cell_by_cell(case: Run, branch: str | None) -> None:
    rows = years(case, branch)
    assert [row["own_amount"] for row in rows] == [800, 500 + 250, 500 + 200, 250 + 250, 3000 + 200]
    assert [row["referred_amount"] for row in rows] == [0, 800, 750 + 800, 700 + 750 + 800 + 800, 500 + 700 + 750 + 750]
    assert [row["amount"] for row in rows] == [800, 1550, 2250, 3550, 5900]
    assert [row["cost"] + row["expense"] for row in rows] == [850, 100, 100, 100, 100]
    assert [row["value"] for row in rows] == [-50, 1450, 2150, 3450, 5800]
    assert [row["cumulative_value"] for row in rows] == [-50, 1400, 3550, 7000, 12800]


def test_w02_direct_and_referred_sales(case: Run) -> None:
    rows = years(case, "A")
    assert sum(row["own_amount"] for row in rows[1:]) == 5150
    assert sum(row["referred_amount"] for row in rows) == 8100


def test_w03_w04_the_curves_of_sales_and_cost_are_in_the_report(case: Run) -> None:
    from kezhi.reports.worth.referrals import curves

    report = case.report
    plot = curves.plain(report.worth["referrals"], report, "en").as_dict()
    sales, cost = plot["data"]
    assert sales["x"] == cost["x"] == ["2021", "2022", "2023", "2024", "2025"]
    assert sales["y"] == [800, 1550, 2250, 3550, 5900]
    assert cost["y"] == [850, 100, 100, 100, 100]


def test_w07_four_referred_customers_brought_57_7_percent_of_sales(case: Run) -> None:
    facts = case.worth["referrals"]
    assert (facts["customers"], facts["referred"], facts["referrers"], facts["trees"]) == (5, 4, 1, 1)
    assert facts["k_factor"] == 0.8
    assert [float(facts[name]) for name in ("referred_amount", "amount")] == [8100, 14050]
    assert round(facts["referred_amount_share"], 3) == 0.577
    assert [(row["generation"], row["customers"], row["per_customer"]) for row in facts["generations"]] == [
        (0, 1, 4.0),
        (1, 4, 0.0),
    ]
    assert [Decimal(row["amount"]) for row in facts["generations"]] == [5950, 8100]
    assert facts["rate"]["lower"] < facts["rate"]["per_period"] < facts["rate"]["upper"]


def test_v16_direct_and_indirect_apart_and_nothing_twice_in_totals(case: Run) -> None:
    [a] = [row for row in case.table("referrals").to_pylist() if row["customer_id"] == "A"]
    assert (a["amount"], a["first_amount"], a["all_amount"], a["credited_amount"]) == (5950, 8100, 8100, 8100)
    assert (a["value"], a["credited_value"]) == (5950 - 1250, 8100)
    customers = case.customers.to_pylist()
    wide = {row["customer_id"]: row["wide_value"] for row in customers}
    assert wide["A"] == 12800
    # own values add up to the company's; what is credited does not enter it
    assert sum(row["value"] for row in customers) == Decimal(case.manifest["totals"]["value"]) == 12800
    assert sum(row["referred_value"] for row in customers) == 8100


def test_the_report_shows_the_case_cell_by_cell_in_both_languages(case: Run) -> None:
    for language, title, total in (("en", "Referrals", "Total"), ("zh", "客户推荐", "合计")):
        html = page.render(case.report, language)  # type: ignore[arg-type]
        text = html[html.index(f"<h2>{title}</h2>") :]
        body = text[text.index("<tbody>") : text.index("</tbody>")]
        cells = [part.split("<")[0] for part in body.replace('<span class="strong">', "").split(">") if part]
        told = [cell for cell in cells if cell.strip()]
        row = len(("label", "own", "sent", "sales", "cost", "profit", "added up"))
        table = [told[n : n + row] for n in range(0, len(told), row)]
        assert [line[1:] for line in table] == [
            ["800", "0", "800", "850", "−50", "−50"],
            ["750", "800", "1,550", "100", "1,450", "1,400"],
            ["700", "1,550", "2,250", "100", "2,150", "3,550"],
            ["500", "3,050", "3,550", "100", "3,450", "7,000"],
            ["3,200", "2,700", "5,900", "100", "5,800", "12,800"],
            ["5,950", "8,100", "14,050", "1,250", "12,800", "12,800"],
        ]
        assert table[-1][0] == total


def test_the_workbook_has_the_case(case: Run) -> None:
    book = openpyxl.load_workbook(case.folder / "report.xlsx")
    senders = [[cell.value for cell in row] for row in book["Referrals"].iter_rows()]
    assert ["A", "Design studio A", None, 0, 4, 4, 4700, 8100] in [row[:8] for row in senders]
    periods = [[cell.value for cell in row] for row in book["Referrals by period"].iter_rows()]
    added = [row[-1] for row in periods if row[0] == "all"]
    assert added == [-50, 1400, 3550, 7000, 12800]


# --- any company


def line(customer: str, day: date, amount: int) -> dict[str, Any]:
    return {"customer_id": customer, "date": day, "amount": float(amount)}


@pytest.fixture(scope="module")
def insurer(worked: Callable[..., Work]) -> tuple[Work, Any]:
    """Sixty who buy for 500 to 2 000; one who bought for 300, and through whom twelve came who bought for 400 each."""
    orders = [line(f"B{n:02d}", date(2024, 1 + n % 11, 1 + n % 27), 500 + 25 * n) for n in range(60)]
    orders += [line("little", date(2024, 1, 3), 300)]
    orders += [line(f"R{n:02d}", date(2024, 1 + n, 5), 400) for n in range(12)]
    customers = [
        {"customer_id": f"R{n:02d}", "referrer_id": "little" if n < 10 else f"R{n - 1:02d}"} for n in range(12)
    ]
    wrong = [("B00", "B01"), ("B01", "B00"), ("B02", "B02"), ("B03", "nobody")]
    customers += [{"customer_id": one, "referrer_id": to} for one, to in wrong]
    customers += [{"customer_id": "little", "referrer_id": None}]
    work = worked(orders, customers=customers, as_of=date(2024, 12, 31))
    return work, referrals.measured(work)


def test_w10_who_spends_little_and_sends_many_ranks_at_the_top(insurer: tuple[Work, Any], engine: Engine) -> None:
    _, found = insurer
    rows = engine.fetch(found.columns.table).to_pylist()
    best = max(rows, key=lambda row: row["wide_value"])
    assert best["customer_id"] == "little"
    assert best["referrals"] == 10
    assert best["referred_value"] == 12 * 400
    assert best["wide_value"] == 300 + 12 * 400
    own = {row["customer_id"]: row["wide_value"] - row["referred_value"] for row in rows}
    assert sorted(own, key=lambda one: (-own[one], one)).index("little") == len(own) - 1  # last by own value alone


def test_wrong_links_are_told_in_one_sentence_each_and_listed(insurer: tuple[Work, Any]) -> None:
    work, found = insurer
    assert [code for code, _ in found.warnings] == ["referral_self", "referral_unknown", "referral_cycle"]
    assert found.facts["problems"] == {"self": 1, "unknown": 1, "cycle": 2, "late": 0, "several": 0}
    listed = pq.read_table(work.folder / "referral_problems.parquet").to_pylist()
    assert {(row["customer_id"], row["problem"]) for row in listed} == {
        ("B00", "cycle"),
        ("B01", "cycle"),
        ("B02", "self"),
        ("B03", "unknown"),
    }
    assert all(ord(letter) > 127 for _, text in found.warnings for letter in text.zh[-1])


def test_periods_agree_with_a_plain_addition(insurer: tuple[Work, Any], engine: Engine) -> None:
    work, found = insurer
    members = {row["customer_id"]: row for row in pq.read_table(work.folder / "referrals.parquet").to_pylist()}
    accounts = engine.fetch(work.ledger.named(work.ledger.accounts)).to_pylist()
    for branch in (None, "little", "R09"):
        own: dict[date, Decimal] = defaultdict(Decimal)
        sent: dict[date, Decimal] = defaultdict(Decimal)
        for row in accounts:
            one = row["customer_id"]
            path = [one]
            while path[-1] is not None and path[-1] in members:
                path.append(members[path[-1]]["referrer_id"])
            inside = one in members if branch is None else branch in path
            first = members[one]["generation"] == 0 if branch is None and inside else one == branch
            if inside:
                (own if first else sent)[work.calendar.start(row["number"])] += row["amount"]
        told = [row for row in pq.read_table(work.folder / "referral_periods.parquet").to_pylist()
                if row["customer_id"] == branch]  # fmt: skip
        assert {row["period"] for row in told} == {*own, *sent}
        for row in told:
            assert (row["own_amount"], row["referred_amount"]) == (own[row["period"]], sent[row["period"]])
    assert [branch["customer_id"] for branch in found.facts["branches"]] == ["little", "R09", "R10"]
    assert [row["customers"] for row in found.facts["branches"][0]["generations"]] == [1, 10, 1, 1]
    json.dumps(found.facts, default=str, allow_nan=False)


def elsewhere(work: Work, folder: Path) -> Work:
    """The same company, writing into another folder."""
    return replace(work, forecasted=replace(work.forecasted, folder=folder))


def test_the_forecast_counts_where_the_settings_say_so(
    insurer: tuple[Work, Any], engine: Engine, tmp_path: Path
) -> None:
    work, found = insurer
    counted = replace(
        elsewhere(work, tmp_path), settings=work.settings.changed(referrals={"forecast": True, "credit": "first"})
    )
    more = referrals.measured(counted)
    assert more is not None
    assert more.columns is not None
    ahead = {row["customer_id"]: row["forecast_value"] for row in engine.fetch(
        work.customers.select("customer_id", "forecast_value")).to_pylist()}  # fmt: skip
    sent = sum(ahead[f"R{n:02d}"] for n in range(10))
    wide, little = (next(row for row in engine.fetch(one.columns.table).to_pylist() if row["customer_id"] == "little")
                    for one in (more, found))  # fmt: skip
    assert little["wide_value"] == 300 + 12 * 400
    assert wide["wide_value"] == 300 + 10 * 400 + ahead["little"] + sent
    by_id = {row["customer_id"]: row for row in engine.fetch(referrals.referred_value(counted)).to_pylist()}
    assert by_id["little"]["referred_forecast_value"] == sent


def test_where_every_link_is_wrong_nobody_was_sent(insurer: tuple[Work, Any], engine: Engine, tmp_path: Path) -> None:
    work = elsewhere(insurer[0], tmp_path)
    people = engine.table(pa.table({"customer_id": ["B00", "B01"], "referrer_id": ["B00", "nobody"]}))
    found = referrals.measured(replace(work, book=replace(work.book, customers=people)))
    assert found is not None
    assert found.columns is not None
    assert (found.facts["referred"], found.facts["k_factor"], found.facts["branches"]) == (0, 0.0, [])
    assert found.facts["rate"]["per_period"] == found.facts["rate"]["lower"] == 0 < found.facts["rate"]["upper"]
    rows = engine.fetch(found.columns.table).to_pylist()
    assert len(rows) == 73
    assert all(row["referrals"] == row["referred_value"] == 0 for row in rows)


@pytest.mark.parametrize("columns", [(), ("customer_id",), ("customer_id", "referrer_id")])
def test_a_company_without_referrers_is_left_alone(
    insurer: tuple[Work, Any], engine: Engine, tmp_path: Path, columns: tuple[str, ...]
) -> None:
    cells = {"customer_id": ["B00", "B01"], "referrer_id": pa.array([None, None], pa.string())}
    people = engine.table(pa.table({name: cells[name] for name in columns})) if columns else None
    work = replace(elsewhere(insurer[0], tmp_path), book=replace(insurer[0].book, customers=people))
    assert referrals.measured(work) is None
    assert referrals.referred_value(work) is None
    assert not list(tmp_path.iterdir())
