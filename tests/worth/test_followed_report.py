"""The curve, the grid and the channels as a reader sees them, in both languages; and from Python."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from openpyxl import load_workbook

import kezhi
from kezhi.engine import Engine
from kezhi.language import KezhiError, Language
from kezhi.reports.sections import Canvas
from kezhi.reports.workbook import Book
from kezhi.reports.worth import channels, curve, standing
from kezhi.worth import channels as channels_of
from kezhi.worth import curve as curve_of
from kezhi.worth import standing as standing_of
from worth.small_company import AS_OF, Company

PAGES = {"curve": (curve_of, curve), "standing": (standing_of, standing), "channels": (channels_of, channels)}
REPORT = SimpleNamespace(currency="CNY", period="month", fiscal_start=1, horizon=3)
in_both = pytest.mark.parametrize("language", ["en", "zh"])


@pytest.fixture(scope="module")
def shown(followed: tuple[Company, Any], engine: Engine) -> dict[str, Any]:
    """What the report reads of the small company's files."""
    work = followed[1]
    names = {"customer_id": "customer_id", "name": "customer_id"}
    people = work.engine.fetch(work.ledger.people)
    pq.write_table(pa.table({k: people[v] for k, v in names.items()}), work.folder / "customers.parquet")
    manifest = {"period": "month", "fiscal_start": 1, "as_of": AS_OF.isoformat()}
    (work.folder / "manifest.json").write_text(json.dumps(manifest))
    found = {}
    for name, (measuring, page) in PAGES.items():
        facts = json.loads(json.dumps(measuring.measured(work).facts, default=str))  # type: ignore[attr-defined]
        found[name] = page.build(engine, work.folder, facts)  # type: ignore[attr-defined]
    return found


@in_both
@pytest.mark.parametrize("name", PAGES)
def test_a_section_says_it_in_one_language(shown: dict[str, Any], name: str, language: Language) -> None:
    canvas = Canvas(language)
    html = PAGES[name][1].section(shown[name], REPORT, canvas)  # type: ignore[attr-defined]
    assert list(canvas.places) == [name]
    text = re.sub(r"<[^>]*>", " ", html)
    assert not re.search(r"[{}]|nan|None|inf\b", text)
    chinese = bool(re.search("[\u4e00-\u9fff]", text))
    assert chinese == (language == "zh")


def test_the_grid_and_the_channels_show_their_totals(shown: dict[str, Any], followed: tuple[Company, Any]) -> None:
    customers = followed[1].ledger.people.count()
    count = followed[1].engine.row(customers.name("n").as_table())["n"]
    grid = standing.section(shown["standing"], REPORT, Canvas("en"))
    assert re.search(rf'<tr class="total"><th scope="row">All customers</th><td class="n">{count}</td>', grid)
    lines = channels.section(shown["channels"], REPORT, Canvas("en"))
    assert lines.count(f'<th scope="row">All customers</th><td class="n">{count}</td>') == 2
    assert "Referral (referral)" in lines


def test_figures_hold_the_curve(shown: dict[str, Any]) -> None:
    found = shown["curve"]
    lines = curve.cumulative.plain(found, "en").data
    company = lines[-1]
    assert company["x"][0] == -1
    assert company["y"][0] == -found.company["acquisition_per_customer"]
    assert company["y"][-1] == pytest.approx(found.company["value_per_customer"])
    sales, cost = curve.sales_and_cost.plain(found, "zh").data
    assert len(sales["y"]) == len(cost["y"]) == found.company["ages"]


def test_a_company_that_has_not_finished_a_period_shows_no_curve(engine: Engine, tmp_path: Path) -> None:
    assert curve.build(engine, tmp_path, {"acquisition_known": False, "groups": [{"ages": 0}]}) is None


@in_both
def test_the_workbook_has_their_sheets(
    shown: dict[str, Any], followed: tuple[Company, Any], engine: Engine, tmp_path: Path, language: Language
) -> None:
    book = Book(tmp_path / "book.xlsx", tmp_path, language)
    for name, (_, page) in PAGES.items():
        page.sheets(shown[name], book, engine, followed[1].folder, REPORT)  # type: ignore[attr-defined]
    book.close()
    made = load_workbook(tmp_path / "book.xlsx")
    sheets = {"en": ["Value curve", "Cohorts", "Now and later", "Channels and roles"],
              "zh": ["价值曲线", "同期客户群", "当前与潜力", "来源与角色"]}  # fmt: skip
    assert made.sheetnames == sheets[language]
    blocks = [row[0].value for row in made[sheets[language][1]].iter_rows() if "\u00b7" in str(row[0].value)]
    assert len(blocks) == 5 * 4 - 2
    listed = [row[0].value for row in made[sheets[language][2]].iter_rows(min_row=3)]
    assert len(listed) == sum(cell.customers for cell in shown["standing"].cells)


# --- from Python ------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("shown")
def test_a_cohort_table_from_a_run_s_folder(followed: tuple[Company, Any]) -> None:
    folder = followed[1].folder
    table = kezhi.cohort_table(folder, "active", "share", by="year")
    assert table.column_names[:3] == ["cohort", "customers", "age_0"]
    assert table["cohort"].to_pylist()[0] == date(2022, 1, 1)
    sums = kezhi.cohort_table(SimpleNamespace(folder=folder), "amount", "sum")
    rows = pq.read_table(folder / "cohorts.parquet").to_pylist()
    complete = sum((row["amount"] for row in rows if row["complete"]), Decimal(0))
    ages = [value for name in sums.column_names[2:] for value in sums[name].to_pylist() if value is not None]
    assert sum(ages) == pytest.approx(float(complete))


@pytest.mark.usefixtures("shown")
@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (lambda folder: kezhi.cohort_table(folder, "profit"), "gross_profit"),
        (lambda folder: kezhi.cohort_table(folder, by="week"), "by period or by year"),
        (lambda folder: kezhi.cohort_table(folder / "elsewhere"), "Make a run first"),
        (lambda folder: kezhi.customer_curve(folder / "elsewhere", "C01"), "Make a run first"),
    ],
)
def test_what_cannot_be_answered_is_said(
    followed: tuple[Company, Any], asked: Callable[[Path], Any], said: str
) -> None:
    with pytest.raises(KezhiError, match=said):
        asked(followed[1].folder)
