"""The mechanics of an Excel workbook: formats, rows in order, text that can never become a formula."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kezhi.engine import Engine
from kezhi.language import Language, Text
from kezhi.reports.columns import Column
from kezhi.reports.flags import flag
from kezhi.reports.sheet_rows import NUMBER, Insert, insert, middle_rows

if TYPE_CHECKING:
    import ibis.expr.types as ir

_NUMBERS = (int, float, Decimal)
_LONGEST = 32_000  # Excel refuses cells of more than 32 767 characters
_FORMATS = {
    "day": "yyyy-mm-dd",
    "count": "#,##0",
    "money": "#,##0.00",
    "share": "0.0%",
    "number": "#,##0.00",
    "factor": "0.000000",
}
_FONTS = {"en": "Calibri", "zh": "Microsoft YaHei"}


LISTED = 1_000  # every cell is written by Python


class Book:
    """A workbook that is written once, from top to bottom, in constant memory."""

    def __init__(self, path: Path, scratch: Path, language: Language, listed: int = LISTED) -> None:
        """`listed`: the most rows of a sheet that is not about all customers."""
        import xlsxwriter

        self.language: Language = language
        self.listed = listed
        self.path = path
        self.inserts: list[Insert] = []
        self.file = xlsxwriter.Workbook(
            str(path),
            {
                "constant_memory": True,
                "tmpdir": str(scratch),
                "strings_to_formulas": False,
                "strings_to_urls": False,
                "strings_to_numbers": False,
            },
        )
        self._made: dict[tuple[str, bool], Any] = {}
        self.wrapped = self._format(text_wrap=True, valign="top")
        self.title = self._format(bold=True, font_size=16)
        self.heading = self._format(bold=True, font_size=12)
        self.head = self._format(bold=True, bottom=1, text_wrap=True, valign="bottom", bg_color="#EEF2F5")

    def _format(self, **properties: Any) -> Any:
        return self.file.add_format({"font_name": _FONTS[self.language], "font_size": 10, **properties})

    def style(self, kind: str, *, bold: bool = False) -> Any:
        """The number format of a kind of column."""
        if (kind, bold) not in self._made:
            number = {"num_format": _FORMATS[kind]} if kind in _FORMATS else {}
            self._made[kind, bold] = self._format(bold=bold, **number)
        return self._made[kind, bold]

    def say(self, text: Text, **values: object) -> str:
        """A sentence in the workbook's language."""
        return (text.fill(**values) if values else text).to(self.language)

    def sheet(self, name: Text, widths: Sequence[int]) -> Sheet:
        """A new sheet with these column widths."""
        from kezhi.reports.quick_cells import QuickSheet

        return Sheet(self, self.file.add_worksheet(name.to(self.language), QuickSheet), widths)

    def describe(self, title: str, created: str) -> None:
        """Title and date of the file: the run's date, so that equal runs give equal files."""
        self.file.set_properties({"title": title, "created": _moment(created), "comments": "kezhi"})

    def close(self) -> None:
        """Finish the file, then put in the many rows."""
        self.file.close()
        insert(self.path, self.inserts)


class Sheet:
    """One sheet; every call writes the next row."""

    def __init__(self, book: Book, sheet: Any, widths: Sequence[int]) -> None:
        self.book, self.sheet, self.next = book, sheet, 0
        for column, width in enumerate(widths):
            sheet.set_column(column, column, width)
        sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
        sheet.hide_gridlines(2)

    def skip(self) -> None:
        """Leave a row empty."""
        self.next += 1

    def line(self, text: str, style: Any = None) -> None:
        """A row with one text."""
        self.put(0, text, style)
        self.next += 1

    def cut(self, shown: int, file: str) -> None:
        """A sentence where only the first rows of a table are listed, which one of the run's files holds whole."""
        if shown >= self.book.listed:
            said = Text(
                "The first {n} rows; {file} in the run folder has all.", "前 {n} 行；完整数据见运行文件夹中的 {file}。"
            )
            self.line(self.book.say(said, n=f"{shown:,}", file=file))

    def row(self, values: Iterable[object], kinds: Iterable[str], *, bold: bool = False) -> None:
        """A row of values, each in the format of its kind."""
        self.cells(list(values), [self.book.style(kind, bold=bold) for kind in kinds])

    def cells(self, values: Sequence[Any], styles: Sequence[Any], *, blank: bool = False) -> None:
        """A row of values, each in its style; with `blank` empty cells have theirs too."""
        if not self.sheet.write_plain_row(self.next, values, styles, blank=blank):
            for column, (value, style) in enumerate(zip(values, styles, strict=True)):
                self.put(column, value, style, blank=blank)
        self.next += 1

    def heads(self, titles: Iterable[str]) -> None:
        """A row of column titles."""
        for column, title in enumerate(titles):
            self.put(column, title, self.book.head)
        self.next += 1

    def put(self, column: int, value: Any, style: Any = None, *, blank: bool = False) -> None:
        """One cell; text stays text whatever it begins with, what is not a number stays empty.

        With `blank` an empty cell has its style too.
        """
        if type(value) is str and value:  # most cells are text or numbers
            self.sheet.write_string(self.next, column, value[:_LONGEST], style)
            return
        number = isinstance(value, _NUMBERS)
        if value is None or value == "" or (number and not math.isfinite(value)):
            if blank:
                self.sheet.write_blank(self.next, column, None, style)
        elif number:
            self.sheet.write_number(self.next, column, float(value), style)
        elif isinstance(value, date):
            self.sheet.write_datetime(self.next, column, value, style)
        else:
            self.sheet.write_string(self.next, column, str(value)[:_LONGEST], style)

    def subtotal(self, column: int, last: int, value: float) -> None:
        """A sum of what the filter leaves visible below the heads, two rows further down."""
        letter = _letter(column)
        formula = f"=SUBTOTAL(109,{letter}{self.next + 3}:{letter}{max(last, self.next + 3)})"
        kind = self.book.style("money" if value != int(value) else "count", bold=True)
        self.sheet.write_formula(self.next, column, formula, kind, value)


def fill_sheet(
    sheet: Sheet,
    columns: Sequence[Column],
    rows: Iterable[Mapping[str, Any]],
    *,
    count: int,
    label: Text,
    totals: Mapping[str, Any],
    shown: Mapping[str, Any],
) -> None:
    """Totals of all, a sum of what is shown, frozen heads with a filter, then `count` rows."""
    book = sheet.book
    known = [totals.get(column.field) if column.total else None for column in columns]
    sheet.row([book.say(label), *known[1:]], [column.kind for column in columns], bold=True)
    _shown(sheet, columns, shown, count)
    first = sheet.next
    sheet.heads([column.title.to(book.language) for column in columns])
    sheet.sheet.freeze_panes(sheet.next, 1)
    sheet.sheet.autofilter(first, 0, first + max(count, 1), len(columns) - 1)
    sheet.sheet.repeat_rows(first)
    write_rows(sheet, columns, rows)


def write_rows(sheet: Sheet, columns: Sequence[Column], rows: Iterable[Mapping[str, Any]]) -> None:
    """Rows one by one, every cell in its column's format even where it is empty."""
    readers = [_reader(column, sheet.book.language) for column in columns]
    styles = [sheet.book.style(column.kind) for column in columns]
    for row in rows:
        sheet.cells([read(row) for read in readers], styles, blank=True)


def fill_long_sheet(
    engine: Engine, sheet: Sheet, columns: Sequence[Column], numbered: ir.Table, *, count: int, **more: Any
) -> None:
    """As `fill_sheet`, for the `count` rows of a table: the first and last here, those between afterwards.

    The column `NUMBER` of the table numbers its rows from 1.
    """
    ends = numbered.filter(numbered[NUMBER].isin([1, count])).order_by(NUMBER)
    rows = engine.fetch(ends.select(*(column.field for column in columns))).to_pylist()
    fill_sheet(sheet, columns, rows[:1], count=count, **more)
    if len(rows) < 2:
        return
    after = sheet.next  # the first row's number, as the file counts
    position = len(sheet.book.file.worksheets())
    between = middle_rows(engine, numbered, columns, count, after, sheet.book.language)
    sheet.book.inserts.append(Insert(position, after, between))
    sheet.next += count - 2
    write_rows(sheet, columns, rows[1:])


def _shown(sheet: Sheet, columns: Sequence[Column], shown: Mapping[str, Any], count: int) -> None:
    visible = Text("Visible below (follows the filter)", "下方可见行合计（随筛选变化）")
    sheet.put(0, sheet.book.say(visible), sheet.book.style("text", bold=True))
    for number, column in enumerate(columns):
        if column.total and shown.get(column.field) is not None:
            sheet.subtotal(number, sheet.next + 2 + count, float(shown[column.field]))
    sheet.next += 1


def _reader(column: Column, language: Language) -> Callable[[Mapping[str, Any]], Any]:
    field = column.field
    if column.kind != "flags":
        return lambda row: row.get(field)

    def titles(row: Mapping[str, Any]) -> str:
        found = row.get(field)
        if isinstance(found, str):
            return found
        return "; ".join(flag(code).title.to(language) for code in found or ())

    return titles


def _letter(column: int) -> str:
    tens, ones = divmod(column, 26)
    return (chr(64 + tens) if tens else "") + chr(65 + ones)


def _moment(created: str) -> datetime:
    try:
        moment = datetime.fromisoformat(created)
    except ValueError:
        return datetime(2000, 1, 1)  # noqa: DTZ001 - the file format has no time zone
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
