"""Cells written fast are the cells that the library writes (agreement)."""

from __future__ import annotations

import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from kezhi.reports.quick_cells import QuickSheet, letters

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


def test_columns_are_named_as_in_a_sheet() -> None:
    assert [letters(n) for n in (0, 25, 26, 51, 52, 701, 702)] == ["A", "Z", "AA", "AZ", "BA", "ZZ", "AAA"]
