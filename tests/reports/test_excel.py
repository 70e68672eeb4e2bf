"""The workbook, read again by another library: totals, numbers as numbers, text as text."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kezhi.engine import Engine
from kezhi.language import Language
from kezhi.reports import build, excel, write_excel
from kezhi.reports.columns import CUSTOMERS
from kezhi.reports.flags import flag

Make = Callable[..., Path]
CONDITIONS: list[dict[str, Any]] = [
    {},
    {"old": True},
    {"cost": False, "backtest": False},
    {"customers": 1, "bare": True, "currency": None},
    {"method": "transition", "hostile": True, "currency": "CNY"},
]
SHEETS = {
    "en": ["Summary", "Customers", "Periods", "Forecast", "Models", "Rejected rows", "Glossary"],
    "zh": ["摘要", "客户", "各期", "预测", "模型", "隔离的行", "名词解释"],
}


_read: dict[tuple[Any, ...], Any] = {}


def workbook(engine: Engine, run: Path, folder: Path, language: Language = "en", *, values: bool = True) -> Any:
    """The workbook of a run, read by another library; made once for each run and language."""
    key = (run, language, values)
    if key not in _read:
        path = folder / "report.xlsx"
        write_excel(engine, run, build(engine, run), path, language)
        _read[key] = openpyxl.load_workbook(path, data_only=values)
    return _read[key]


def column(sheet: Any, title: str) -> tuple[int, list[Any]]:
    """The column under a title, and its number; heads stand in row 4."""
    heads = [cell.value for cell in sheet[4]]
    number = heads.index(title) + 1
    return number, [row[0].value for row in sheet.iter_rows(min_row=5, min_col=number, max_col=number)]


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("condition", CONDITIONS, ids=str)
def test_every_condition_opens(
    engine: Engine, make_run: Make, tmp_path: Path, condition: dict[str, Any], language: Language
) -> None:
    book = workbook(engine, make_run(**condition), tmp_path, language)
    assert book.sheetnames == SHEETS[language]


@pytest.mark.parametrize("sheet", ["Customers", "Periods"])
@pytest.mark.parametrize("title", ["Purchase amount", "Product cost", "Relationship expense", "Value"])
def test_totals_equal_the_manifest(engine: Engine, make_run: Make, tmp_path: Path, sheet: str, title: str) -> None:
    run = make_run()
    totals = build(engine, run).totals
    expected = {
        "Purchase amount": totals.amount,
        "Product cost": totals.cost,
        "Relationship expense": totals.expense,
        "Value": totals.value,
    }[title]
    found = workbook(engine, run, tmp_path)[sheet]
    number, values = column(found, "Value so far" if (sheet, title) == ("Customers", "Value") else title)
    assert sum(values) == pytest.approx(float(expected), abs=1e-6)
    assert found.cell(2, number).value == pytest.approx(float(expected), abs=1e-9)
    assert found.cell(3, number).value == pytest.approx(float(expected), abs=1e-9)


def test_forecast_adds_up(engine: Engine, make_run: Make, tmp_path: Path) -> None:
    run = make_run()
    report = build(engine, run)
    sheet = workbook(engine, run, tmp_path)["Forecast"]
    number, values = column(sheet, "Value")
    assert len(values) == 60 * 3
    assert sum(values) == pytest.approx(float(report.outlook.account.value), abs=1e-6)
    assert sheet.cell(2, number).value == pytest.approx(float(report.outlook.account.value), abs=1e-9)
    _, ids = column(sheet, "Customer id")
    assert ids[0] == ids[2] == report.top[0].customer_id


def test_sums_follow_the_filter_and_cover_every_row(engine: Engine, make_run: Make, tmp_path: Path) -> None:
    sheet = workbook(engine, make_run(), tmp_path, values=False)["Customers"]
    number, values = column(sheet, "Value so far")
    letter = openpyxl.utils.get_column_letter(number)
    assert sheet.cell(3, number).value == f"=SUBTOTAL(109,{letter}5:{letter}{4 + len(values)})"
    assert sheet.freeze_panes == "B5"
    assert sheet.auto_filter.ref.startswith("A4:")
    assert sheet.auto_filter.ref.endswith(str(4 + len(values)))


def test_numbers_are_numbers_with_formats(engine: Engine, make_run: Make, tmp_path: Path) -> None:
    sheet = workbook(engine, make_run(), tmp_path)["Customers"]
    formats = {
        "Value so far": "#,##0.00",
        "Purchases": "#,##0",
        "Margin": "0.0%",
        "Last purchase": "yyyy-mm-dd",
    }
    for title, expected in formats.items():
        number, values = column(sheet, title)
        assert sheet.cell(5, number).number_format == expected
        assert not isinstance(values[0], str)


def test_no_name_becomes_a_formula(engine: Engine, make_run: Make, tmp_path: Path) -> None:
    run = make_run(method="transition", hostile=True, currency="CNY")
    book = workbook(engine, run, tmp_path, values=False)
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    formulas = [cell.value for cell in cells if cell.data_type == "f"]
    assert all(value.startswith("=SUBTOTAL(109,") for value in formulas)
    texts = {cell.value for cell in cells if cell.data_type == "s"}
    assert {"=cmd()|' /C calc'!A0", "+1+1", "@SUM(A1)", "=HYPERLINK(1)"} <= texts


def test_factors_of_the_transition_method_are_kept(engine: Engine, make_run: Make, tmp_path: Path) -> None:
    run = make_run(method="transition", hostile=True, currency="CNY")
    heads = [cell.value for cell in workbook(engine, run, tmp_path)["Forecast"][4]]
    assert {"Next frequency", "P(frequency)", "Next mean amount", "P(amount)"} <= set(heads)
    plain = [cell.value for cell in workbook(engine, make_run(), tmp_path)["Forecast"][4]]
    assert "P(frequency)" not in plain


def test_a_long_table_is_cut_and_says_so(engine: Engine, make_run: Make, tmp_path: Path) -> None:
    run = make_run()
    report = build(engine, run)
    write_excel(engine, run, report, tmp_path / "cut.xlsx", "en", most_customers=10)
    sheet = openpyxl.load_workbook(tmp_path / "cut.xlsx", data_only=True)["Customers"]
    number, values = column(sheet, "Value so far")
    assert len(values) == 10
    assert "The 10 customers" in sheet["A1"].value
    assert "customers.parquet" in sheet["A1"].value
    assert sheet.cell(2, number).value == pytest.approx(float(report.totals.value))
    assert sheet.cell(3, number).value == pytest.approx(sum(values))


def test_rejected_rows_are_listed_without_contact_data(engine: Engine, make_run: Make, tmp_path: Path) -> None:
    sheet = workbook(engine, make_run(), tmp_path)["Rejected rows"]
    rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert sum(row[3] == "No customer id" and row[1] == "orders.csv" for row in rows) == 40
    assert ["Total", None, 135_080, None, None, None] in rows
    assert excel._seen({"column": "手机", "seen": "13800000000"}) == "•••"
    assert excel._seen({"column": "note", "seen": "write a@b.cn now"}) == "write ••• now"


def test_equal_runs_give_equal_files(engine: Engine, make_run: Make, tmp_path: Path) -> None:
    run = make_run()
    report = build(engine, run)
    paths = [tmp_path / name for name in ("one.xlsx", "two.xlsx")]
    for path in paths:
        write_excel(engine, run, report, path, "zh")
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.xlsx", "two.xlsx"]


def test_every_cell_of_the_long_sheet_is_the_parquet_file(engine: Engine, make_run: Make, tmp_path: Path) -> None:
    """First and last row are written one way, those between another: all must read the same."""
    run = make_run(method="transition", hostile=True, currency="CNY")
    rows = pq.read_table(run / "customers.parquet").to_pylist()
    sheet = workbook(engine, run, tmp_path)["Customers"]
    for wanted in CUSTOMERS:
        _, found = column(sheet, wanted.title.en)
        assert len(found) == len(rows)
        for cell, row in zip(found, rows, strict=True):
            assert cell == _as_read(row[wanted.field], wanted.kind)


def _as_read(value: Any, kind: str) -> Any:
    if kind == "flags":
        return "; ".join(flag(code).title.en for code in value) or None
    if kind == "day":
        return datetime.combine(value, time())
    return pytest.approx(float(value)) if isinstance(value, Decimal | float) else value


@pytest.mark.parametrize("customers", [1, 2, 3])
def test_few_rows(engine: Engine, make_run: Make, tmp_path: Path, customers: int) -> None:
    run = make_run(customers=customers, bare=True, currency=None)
    _, values = column(workbook(engine, run, tmp_path)["Customers"], "Customer id")
    assert sorted(values) == [f"C{number:05d}" for number in range(customers)]


def test_a_name_with_control_characters_stays_readable(engine: Engine, make_run: Make, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(make_run(), run)
    table = pq.read_table(run / "customers.parquet")
    names = pa.array([f"a\x00b\x0b<&>{n}]]>" for n in range(table.num_rows)])
    pq.write_table(table.set_column(table.column_names.index("name"), "name", names), run / "customers.parquet")
    _, values = column(workbook(engine, run, tmp_path)["Customers"], "Name")
    assert values[1:3] == ["ab<&>1]]>", "ab<&>2]]>"]
