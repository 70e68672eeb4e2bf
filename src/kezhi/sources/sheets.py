"""Excel workbooks, read cell by cell into text; a sheet has at most a million rows and fits in memory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from kezhi.engine import Engine
from kezhi.language import KezhiError, Text
from kezhi.sources.files import Inspection
from kezhi.sources.headers import Header, find_header
from kezhi.sources.pieces import FILE, ROW, Piece, headings, refuse_no_rows, refuse_too_wide
from kezhi.sources.report import InputFile, Remark
from kezhi.sources.tables import Table

Cells = list[list[object]]

_LOOKED_AT = 250  # lines of a sheet in which its headings are looked for
OTHER_SHEETS = Text(
    "{name}: only the sheet “{sheet}” was read. These sheets have the same kind of headings and were not read: "
    "{others}. Save each as a file of its own, and take all of them in.",
    "{name}：只读入了工作表“{sheet}”。以下工作表也有同类列名，未读入：{others}。请把它们各存为一个文件，一并导入。",
)


def open_sheet(engine: Engine, inspection: Inspection, table: Table) -> Piece:
    """The first sheet of a workbook that has a usable header, as a table of text columns."""
    import pyarrow as pa

    name = inspection.path.name
    sheet, cells, header, others = _choose_sheet(inspection, table)
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
    text = OTHER_SHEETS.fill(name=name, sheet=sheet, others=", ".join(others))
    remarks = (Remark("other_sheets", text),) if others else ()
    return Piece(engine.table(pa.table(data)), (file,), lazy=False, remarks=remarks)


def _choose_sheet(inspection: Inspection, table: Table) -> tuple[str, Cells, Header, list[str]]:
    """The first sheet with a heading we know, and which others are like it; else the first that has anything."""
    from python_calamine import CalamineError, CalamineWorkbook

    fallback: tuple[str, Cells, Header] | None = None
    try:
        workbook = CalamineWorkbook.from_path(str(inspection.path))
        names = workbook.sheet_names
        for place, sheet in enumerate(names):
            cells = workbook.get_sheet_by_name(sheet).to_python(skip_empty_area=False)
            header = find_header(_as_text(cells), table)
            if header and header.known:
                later = (
                    (name, workbook.get_sheet_by_name(name).to_python(False, _LOOKED_AT)) for name in names[place + 1 :]
                )
                return sheet, cells, header, [name for name, rows in later if _like(rows, table, header)]
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
    return *fallback, []


def _like(cells: Cells, table: Table, chosen: Header) -> bool:
    """Has a sheet at least as many headings that we know, and rows below: another month of the same, say?"""
    header = find_header(_as_text(cells), table)
    return header is not None and header.known >= chosen.known and header.width > 0


def _as_text(cells: Cells) -> Sequence[Sequence[object]]:
    return [[cell_text(cell) for cell in row] for row in cells[:_LOOKED_AT]]


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
