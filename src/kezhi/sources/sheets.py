"""Excel workbooks, read cell by cell into text; a sheet has at most a million rows and fits in memory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from kezhi.engine import Engine
from kezhi.language import KezhiError, Text
from kezhi.sources.files import Inspection
from kezhi.sources.headers import Header, find_header
from kezhi.sources.pieces import FILE, ROW, Piece, headings, refuse_no_rows, refuse_too_wide
from kezhi.sources.report import InputFile
from kezhi.sources.tables import Table

Cells = list[list[object]]


def open_sheet(engine: Engine, inspection: Inspection, table: Table) -> Piece:
    """The first sheet of a workbook that has a usable header, as a table of text columns."""
    import pyarrow as pa

    name = inspection.path.name
    sheet, cells, header = _choose_sheet(inspection, table)
    width = max(len(header.cells), header.width)
    refuse_too_wide(name, width)
    columns = headings(header.cells, width)
    rows = [
        (number, [cell_text(cell) for cell in row])
        for number, row in enumerate(cells[header.lines :], start=header.lines + 1)
    ]
    rows = [(number, row) for number, row in rows if any(row)]
    if not rows:
        raise refuse_no_rows(name)
    data = {
        column: pa.array([row[place] if place < len(row) else None for _, row in rows], pa.string())
        for place, column in enumerate(columns)
    }
    data[FILE] = pa.array([name] * len(rows), pa.string())
    data[ROW] = pa.array([number for number, _ in rows], pa.int64())
    file = InputFile(
        name=name, sha256=inspection.sha256, bytes=inspection.bytes, rows=len(rows),
        format=inspection.format, layout=sheet,
    )  # fmt: skip
    return Piece(engine.table(pa.table(data)), (file,), lazy=False)


def _choose_sheet(inspection: Inspection, table: Table) -> tuple[str, Cells, Header]:
    """The first sheet with a heading we know; else the first that has anything."""
    from python_calamine import CalamineError, CalamineWorkbook

    fallback: tuple[str, Cells, Header] | None = None
    try:
        workbook = CalamineWorkbook.from_path(str(inspection.path))
        for sheet in workbook.sheet_names:
            cells = workbook.get_sheet_by_name(sheet).to_python(skip_empty_area=False)
            header = find_header(_as_text(cells), table)
            if header and header.known:
                return sheet, cells, header
            if header and fallback is None:
                fallback = sheet, cells, header
    except (CalamineError, OSError, ValueError):
        raise KezhiError(
            Text(
                "{name} cannot be opened as an Excel workbook; it may be damaged or locked with a password.",
                "{name} 无法作为 Excel 工作簿打开；文件可能已损坏或设有密码。",
            ).fill(name=inspection.path.name)
        ) from None
    if fallback is None:
        raise refuse_no_rows(inspection.path.name)
    return fallback


def _as_text(cells: Cells) -> Sequence[Sequence[object]]:
    return [[cell_text(cell) for cell in row] for row in cells[:250]]


def cell_text(cell: object) -> str | None:
    """A cell as a person would type it: no `.0` behind whole numbers, days in ISO form, nothing for empty."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ") if cell.time() != time() else cell.date().isoformat()
    if isinstance(cell, date | time | timedelta):
        return str(cell)
    text = str(cell).strip() if cell is not None else ""
    return text or None
