"""Cells written fast are the cells that the library writes (agreement)."""

from __future__ import annotations

import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from kezhi.language import Text
from kezhi.reports.quick_cells import QuickSheet, letters
from kezhi.reports.workbook import Book

VALUES = (
    *(
        "plain",
        "客户 7",
        " blank before",
        "blank behind ",
        "a & b",
        "<r>x</r>",
        'say "x"',
        "_x0041_",
        "two\nlines",
        "\t",
    ),
    *("bell\x07", "=1+1", "-", "x", "\ufffe", "a\u3000", "\u3000a", "é", "&", "_x", "\x1f"),
    *(0, -1, 1.5, 1 / 3, 1e300, -0.0, 12345678901234567890, 0.1 + 0.2),
)


def _sheet_xml(path: Path, kind: Any) -> bytes:
    book = xlsxwriter.Workbook(str(path), {"constant_memory": True, "strings_to_formulas": False})
    sheet = book.add_worksheet("one", kind)
    styles = (None, book.add_format({"bold": True}), book.add_format({"num_format": "0.0%"}))
    for row, value in enumerate(VALUES):
        for column, style in enumerate(styles):
            if isinstance(value, str):
                sheet.write_string(row, column, value, style)
            else:
                sheet.write_number(row, column, value, style)
        sheet.write_blank(row, 30, None, styles[1])
        sheet.write_datetime(row, 800, datetime(2025, 3, 1), styles[2])  # noqa: DTZ001  the format has no time zone
        sheet.write_formula(row, 801, "=A1", styles[1], 3)
    book.set_properties({"created": datetime(2025, 1, 1, tzinfo=UTC)})
    book.close()
    with zipfile.ZipFile(path) as file:
        return file.read("xl/worksheets/sheet1.xml")


@pytest.mark.filterwarnings("ignore")
def test_every_cell_is_written_as_the_library_writes_it(tmp_path: Path) -> None:
    usual, quick = (_sheet_xml(tmp_path / f"{name}.xlsx", kind) for name, kind in (("a", None), ("b", QuickSheet)))
    assert quick == usual
    assert quick.count(b"<c r=") == len(VALUES) * 6


ROWS: tuple[tuple[Any, ...], ...] = (
    ("plain", 1, None, Decimal("1.50"), date(2025, 3, 1)),
    (None, None, "", float("nan"), "客户"),
    ("a & b", 1.5, True, 12345678901234567890, "x"),  # not plain: the library's
    (None, None, None, None, None),
    ("=1+1", 0.1 + 0.2, datetime(2025, 3, 1), -0.0, "x" * 40_000),  # noqa: DTZ001
    ("after", 2, 3.0, 4, None),
)


class _Usual(QuickSheet):
    def write_plain_row(self, *_: Any, **__: Any) -> bool:
        return False


def _rows_xml(path: Path, kind: Any, *, blank: bool, monkeypatch: pytest.MonkeyPatch) -> bytes:
    monkeypatch.setattr("kezhi.reports.quick_cells.QuickSheet", kind)
    book = Book(path, path.parent, "en")
    sheet = book.sheet(Text("One", "一"), [10] * 5)
    sheet.line("above", book.title)
    styles = [book.style(kind) for kind in ("text", "count", "money", "number", "day")]
    for style in styles:
        style._get_xf_index()  # styles are numbered as they are first asked for
    for row in ROWS:
        sheet.cells(row, styles, blank=blank)
    sheet.skip()
    sheet.line("below")
    book.describe("one", "2025-01-01T00:00:00+00:00")
    book.close()
    with zipfile.ZipFile(path) as file:
        return file.read("xl/worksheets/sheet1.xml")


@pytest.mark.parametrize("blank", [True, False])
def test_rows_in_one_go_are_the_rows_of_single_cells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, blank: bool
) -> None:
    usual = _rows_xml(tmp_path / "a.xlsx", _Usual, blank=blank, monkeypatch=monkeypatch)
    assert _rows_xml(tmp_path / "b.xlsx", QuickSheet, blank=blank, monkeypatch=monkeypatch) == usual
    assert usual.count(b"<row ") == len(ROWS) + 2 - (not blank)


def test_columns_are_named_as_in_a_sheet() -> None:
    assert [letters(n) for n in (0, 25, 26, 51, 52, 701, 702)] == ["A", "Z", "AA", "AZ", "BA", "ZZ", "AAA"]
