"""Tables as downloads: CSV that Excel opens rightly in both languages, or a workbook; no cell can be a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from tempfile import TemporaryFile
from typing import Any

from django.http import FileResponse

from kezhi.reports.lists import harmless

KINDS = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def answer(name: str, kind: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> FileResponse:
    """A download of this name; the rows may hold what people wrote."""
    return _answer(name, kind, header, ([_guarded(cell) for cell in row] for row in rows))


def answer_as_is(name: str, kind: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> FileResponse:
    """A download of rows that are ours, such as examples: a negative amount stays one."""
    return _answer(name, kind, header, rows)


def _guarded(cell: Any) -> Any:
    return harmless(cell) if isinstance(cell, str) else cell


def _answer(name: str, kind: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> FileResponse:
    file = TemporaryFile()  # noqa: SIM115  the response closes it
    (_workbook if kind == "xlsx" else _text)(file, header, rows)
    file.seek(0)
    return FileResponse(file, as_attachment=True, filename=f"{name}.{kind}", content_type=KINDS[kind])


def _text(file: Any, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="", write_through=True)
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows(rows)
    text.detach()


def _workbook(file: Any, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    import xlsxwriter

    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    book = xlsxwriter.Workbook(file, options)
    sheet = book.add_worksheet()
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, len(header) - 1, 18)
    sheet.write_row(0, 0, header, book.add_format({"bold": True, "bottom": 1}))
    for number, row in enumerate(rows, 1):
        sheet.write_row(number, 0, ["" if cell is None else cell for cell in row])
    book.close()
