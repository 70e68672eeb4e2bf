"""Corrections by spreadsheet: a sheet of coming periods to edit, and what was edited in it or in a run's workbook."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kezhi.corrections.change import parse_change
from kezhi.corrections.record import FIGURES, Change
from kezhi.language import KezhiError, Language, Text

if TYPE_CHECKING:
    import pyarrow as pa

MOST_ROWS = 100_000
NAMES = {
    "customer_id": ("customer_id", "customer id", "客户编号"),
    "name": ("name", "客户名称"),
    "period": ("period", "期"),
    "amount": ("amount", "purchase amount", "购买金额"),
    "margin": ("margin", "毛利率"),
    "expense": ("expense", "relationship expense", "关系营销费用"),
    "value": ("value", "客户价值"),
}
TITLES = {
    "customer_id": Text("Customer id", "客户编号"),
    "name": Text("Name", "客户名称"),
    "period": Text("Period", "期"),
    "amount": Text("Purchase amount", "购买金额"),
    "margin": Text("Margin", "毛利率"),
    "expense": Text("Relationship expense", "关系营销费用"),
    "value": Text("Value", "客户价值"),
}
_HOW = Text(
    'Change the yellow figures, save, and run: kezhi correct --from this-file.xlsx --why "..." --workspace {place}',
    '请修改黄色数字，保存后执行：kezhi correct --from 本文件.xlsx --why "……" --workspace {place}',
)
_HOW_ON_PAGE = Text(
    "Change the yellow figures, save, and upload the file on the page Corrections.",
    "请修改黄色数字，保存后在“修正”页面上传。",
)
_UNREADABLE = Text(
    "{path} is no workbook that can be read; save it as .xlsx.", "{path} 不是可读取的工作簿；请另存为 .xlsx。"
)
_NO_SHEET = Text(
    "{path} has no sheet with the columns customer id, period and one of purchase amount, margin, relationship "
    "expense; take one from the page Corrections or make it with: kezhi correct --template FILE.xlsx",
    "{path} 中没有含“客户编号”“期”以及“购买金额”“毛利率”“关系营销费用”之一的工作表；"
    "可从“修正”页面下载，或用 kezhi correct --template 文件.xlsx 生成。",
)
_CELL = Text(
    "Row {row} of the sheet “{sheet}”, column “{column}”: {reason}", "工作表“{sheet}”第 {row} 行“{column}”列：{reason}"
)
_NUMBER = Text("{given} is no number.", "{given} 不是数字。")
_PERIOD = Text("{given} is no day.", "{given} 不是日期。")
_STALE = Text(
    "The sheet “{sheet}” shows other values than the newest run ({rows} rows, the first in row {row}): it was made "
    "before. Take the figures anew, on the page Corrections or with: kezhi correct --template FILE.xlsx",
    "工作表“{sheet}”中的客户价值与最新运行不一致（{rows} 行，首先是第 {row} 行），是更早生成的；"
    "请在“修正”页面重新下载，或用 kezhi correct --template 文件.xlsx 重新生成。",
)


@dataclass(frozen=True)
class Row:
    """One row of an edited sheet: its number there, whom and when, and the cells by figure."""

    number: int
    customer: str
    period: date
    cells: Mapping[str, object]


@dataclass(frozen=True)
class Edited:
    """A sheet as it was read."""

    sheet: str
    titles: Mapping[str, str]
    rows: tuple[Row, ...]

    def wrong(self, row: int, figure: str, reason: Text) -> KezhiError:
        """The sentence that names a cell."""
        column = self.titles[figure]
        return KezhiError(
            Text(
                _CELL.en.format(row=row, sheet=self.sheet, column=column, reason=reason.en),
                _CELL.zh.format(row=row, sheet=self.sheet, column=column, reason=reason.zh),
            )
        )


def write_template(path: Path, rows: pa.Table, place: Path | None, language: Language) -> None:
    """A sheet with a row per customer and coming period, to be edited; `rows` have the columns of NAMES.

    place: the workspace that the command which reads it needs; None where a page will read it.
    """
    import xlsxwriter

    book = xlsxwriter.Workbook(str(path), {"constant_memory": True, "strings_to_formulas": False})
    sheet = book.add_worksheet(Text("Corrections", "修正").to(language))
    formats = {
        "period": "yyyy-mm-dd",
        "amount": "#,##0.00",
        "margin": "0.0%",
        "expense": "#,##0.00",
        "value": "#,##0.00",
    }
    styles = {
        name: book.add_format(
            ({"num_format": formats[name]} if name in formats else {})
            | ({"bg_color": "#FFF7CC"} if name in FIGURES else {})
        )
        for name in NAMES
    }
    bold = book.add_format({"bold": True, "bottom": 1})
    said = _HOW_ON_PAGE.to(language) if place is None else _HOW.to(language).format(place=place)
    sheet.write_string(0, 0, said)
    for column, (name, title) in enumerate(TITLES.items()):
        sheet.set_column(column, column, 22 if name in ("customer_id", "name") else 18)
        sheet.write_string(2, column, title.to(language), bold)
    sheet.freeze_panes(3, 1)
    for number, row in enumerate(rows.to_pylist(), start=3):
        for column, name in enumerate(NAMES):
            _put(sheet, number, column, row[name], styles[name])
    sheet.autofilter(2, 0, 2 + max(rows.num_rows, 1), len(NAMES) - 1)
    book.close()


def _put(sheet: Any, row: int, column: int, value: Any, style: Any) -> None:
    if value is None:
        sheet.write_blank(row, column, None, style)
    elif isinstance(value, date):
        sheet.write_datetime(row, column, value, style)
    elif isinstance(value, str):
        sheet.write_string(row, column, value, style)
    else:
        sheet.write_number(row, column, float(value), style)


def read_sheet(path: Path) -> Edited:
    """The first sheet that has customers, periods and a figure; of a template, or of a run's workbook."""
    from python_calamine import CalamineError, CalamineWorkbook

    if not path.exists():
        raise KezhiError(Text(f"There is no file {path}.", f"文件 {path} 不存在。"))
    try:
        book = CalamineWorkbook.from_path(str(path))
        for sheet in book.sheet_names:
            cells = book.get_sheet_by_name(sheet).to_python(skip_empty_area=False)
            for head, line in enumerate(cells[:20]):
                titles = _columns(line)
                if {"customer_id", "period"} <= set(titles) and set(FIGURES) & set(titles):
                    return _edited(sheet, titles, line, cells, head)
    except (CalamineError, OSError, ValueError):
        raise KezhiError(_UNREADABLE.fill(path=path)) from None
    raise KezhiError(_NO_SHEET.fill(path=path))


def _columns(line: Sequence[object]) -> dict[str, int]:
    """Where each known column stands, in a row of headings."""
    said = [str(cell).strip().lower() for cell in line]
    return {name: said.index(word) for name, words in NAMES.items() for word in words if word in said}


def _edited(sheet: str, titles: dict[str, int], head: Sequence[object], cells: list[Any], line: int) -> Edited:
    found = Edited(sheet, {name: str(head[place]) for name, place in titles.items()}, ())
    rows = []
    for number, row in enumerate(cells[line + 1 :], start=line + 2):
        customer = _id(row[titles["customer_id"]])
        if not customer or row[titles["period"]] in ("", None):
            continue
        period = _day(row[titles["period"]])
        if period is None:
            raise found.wrong(number, "period", _PERIOD.fill(given=repr(row[titles["period"]])))
        rows.append(Row(number, customer, period, {name: row[place] for name, place in titles.items()}))
    return Edited(found.sheet, found.titles, tuple(rows))


def _id(cell: object) -> str:
    """A customer's id; spreadsheets make numbers of those that look like one."""
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell or "").strip()


def _day(cell: object) -> date | None:
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    found = re.fullmatch(r"(\d{4})[-/](\d{1,2})(?:[-/](\d{1,2}))?", str(cell).strip())
    try:
        return date(int(found[1]), int(found[2]), int(found[3] or 1)) if found else None
    except ValueError:
        return None


Shown = Mapping[tuple[str, date], Mapping[str, Any]]


def differences(edited: Edited, shown: Shown) -> tuple[list[tuple[Row, Change]], list[Row]]:
    """What was edited against what the newest run shows, and the rows it does not know.

    Raises KezhiError for a cell that is no number or out of bounds, and for a sheet made from another run.
    """
    known = [row for row in edited.rows if (row.customer, row.period) in shown]
    unknown = [row for row in edited.rows if (row.customer, row.period) not in shown]
    stale = [row for row in known if _other_value(row, shown[row.customer, row.period])]
    if stale:
        raise KezhiError(_STALE.fill(sheet=edited.sheet, rows=len(stale), row=stale[0].number))
    return [
        (row, change) for row in known for change in _changes(edited, row, shown[row.customer, row.period])
    ], unknown


def _other_value(row: Row, shown: Mapping[str, Any]) -> bool:
    cell = row.cells.get("value")
    return isinstance(cell, int | float) and abs(float(cell) - float(shown["value"])) > 0.005


def _changes(edited: Edited, row: Row, shown: Mapping[str, Any]) -> Iterator[Change]:
    for figure in FIGURES:
        cell = row.cells.get(figure)
        if cell in (None, ""):
            continue
        try:
            change = _change(figure, cell, float(shown[figure]))
        except KezhiError as error:
            raise edited.wrong(row.number, figure, error.text) from None
        if change is not None:
            yield change


def _change(figure: str, cell: object, shown: float) -> Change | None:
    """The change a cell asks for: a number sets the figure, a text such as +2pt is read as one."""
    if isinstance(cell, str):
        if not any(letter.isdigit() for letter in cell):
            raise KezhiError(_NUMBER.fill(given=repr(cell[:40])))
        return parse_change(figure, cell)
    if isinstance(cell, bool) or not isinstance(cell, int | float):
        raise KezhiError(_NUMBER.fill(given=repr(str(cell)[:40])))
    close = 1e-9 if figure == "margin" else 5e-5
    if abs(float(cell) - shown) <= close:
        return None
    if figure == "margin":
        return parse_change(figure, f"={Decimal(str(round(float(cell) * 100, 6))):f}%")
    return parse_change(figure, f"={Decimal(str(round(float(cell), 4))):f}")
