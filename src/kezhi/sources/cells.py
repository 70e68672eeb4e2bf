"""From the text of a column to values: one look at the whole column decides how its cells are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from kezhi.engine import Engine
from kezhi.language import KezhiError, Text
from kezhi.sources import amounts, days
from kezhi.sources.amounts import Number, Written
from kezhi.sources.blanks import NOTHING, filled, is_missing
from kezhi.sources.checks import Cell
from kezhi.sources.mapping import DATE_ORDER
from kezhi.sources.recognise import PRODUCT_OF, Recognised
from kezhi.sources.tables import Field, Kind, Table

if TYPE_CHECKING:
    import ibis.expr.types as ir

_TEXT, _TIDY = "__text_of_", "__tidy_"  # beside a column: its text without blanks, and the text made tidy
_YES = ("yes", "y", "true", "t", "1", "是", "有", "同意", "对")
_NO = ("no", "n", "false", "f", "0", "否", "无", "不同意", "不")


@dataclass(frozen=True)
class Style:
    """How the cells of one text column are written."""

    kind: Kind = "text"
    plain: bool = False  # the engine's own cast reads every cell; ids and words need no tidying
    decimal_comma: bool = False
    order: days.DayOrder = "mdy"


def read_cells(
    engine: Engine, found: Recognised, table: Table, mapping: Mapping[str, str], today: date
) -> tuple[ir.Table, dict[str, Cell]]:
    """The rows with what had to be worked out beside them, and every field found as expressions over them."""
    wanted = {
        column: field.kind
        for field in table.fields
        for column in _columns(found, field.name)
        if found.rows[column].type().is_string()
    }
    plain = _plain_columns(engine, found.rows, wanted)
    odd = {column: kind for column, kind in wanted.items() if column not in plain}
    rows = _tidied(engine, found.rows, odd)
    evidence = _evidence(engine, rows, odd)
    order = mapping.get(DATE_ORDER)
    styles = {column: Style(kind, plain=True) for column, kind in wanted.items() if column in plain}
    styles |= {column: _style(column, kind, evidence, order, found.day_order) for column, kind in odd.items()}
    found = replace(found, rows=_split(rows, styles))
    fields = [field for field in table.fields if field.name in found.sources]
    return found.rows, {field.name: _cell(field, found, styles, today) for field in fields}


def is_tidied(rows: ir.Table) -> bool:
    """Was some text column taken apart? Then the result is worth keeping."""
    return any(column.startswith(_TEXT) for column in rows.columns)


def _tidied(engine: Engine, rows: ir.Table, odd: Mapping[str, Kind]) -> ir.Table:
    """The rows with the filled and the tidy text of odd columns beside them; kept, for it costs much."""
    if not odd:
        return rows
    rows = rows.mutate(**{_TEXT + column: filled(rows[column]) for column in odd})
    tidy = {"day": days.tidy, "period": days.tidy, "money": amounts.tidy, "number": amounts.tidy}
    tidied = {_TIDY + column: tidy[kind](rows[_TEXT + column]) for column, kind in odd.items() if kind in tidy}
    return engine.store(rows.mutate(**tidied) if tidied else rows)


def _split(rows: ir.Table, styles: Mapping[str, Style]) -> ir.Table:
    """Take the numbers apart that are not plain."""
    numbers = {
        column: Written(_TIDY + column, style.decimal_comma, percent=style.kind == "number")
        for column, style in styles.items()
        if style.kind in ("money", "number") and not style.plain
    }
    return amounts.split_numbers(rows, numbers) if numbers else rows


def _columns(found: Recognised, field: str) -> list[str]:
    """The columns behind a field: one, or two where it is a product."""
    source = found.sources.get(field)
    if source is None:
        return []
    if source.startswith(PRODUCT_OF):
        return [source.removeprefix(PRODUCT_OF), found.sources["quantity"]]
    return [source]


def _plain_columns(engine: Engine, rows: ir.Table, wanted: Mapping[str, Kind]) -> set[str]:
    """Columns of which every filled cell is written in the simplest way; one pass over the text."""
    if not wanted:
        return set()
    odd = {column: _is_odd(rows[column], kind).fill_null(False).any() for column, kind in wanted.items()}
    found = engine.row(rows.aggregate(**odd))
    return {column for column in wanted if not found[column]}


def _is_odd(text: ir.StringValue, kind: str) -> ir.BooleanValue:
    """Does a cell need more than the engine's own cast? Comparisons are far cheaper here than patterns."""
    if kind == "day":
        return ~text.re_search(days.ISO)
    if kind in ("money", "number"):
        return ~text.re_search(amounts.PLAIN)
    starts = (text < "0") | ((text >= "<") & (text < ">")) | ((text >= "\u3000") & (text < "\u3001"))
    ends = text.endswith(" ") | text.endswith("\t") | text.endswith("\u3000") | text.endswith(".0")
    return starts | ends | text.isin(NOTHING)


def _evidence(engine: Engine, rows: ir.Table, odd: Mapping[str, Kind]) -> dict[str, int]:
    """Counts, by column and sign, that decide the order of days and the decimal sign."""
    ask: dict[str, ir.IntegerScalar] = {}
    for column, kind in odd.items():
        signs: dict[str, ir.IntegerScalar] = {}
        if kind == "day":
            signs = days.order_evidence(rows[_TIDY + column])
        elif kind in ("money", "number"):
            signs = amounts.style_evidence(rows[_TIDY + column])
        ask |= {f"{column}:{sign}": count for sign, count in signs.items()}
    return {name: count or 0 for name, count in engine.row(rows.aggregate(**ask)).items()} if ask else {}


def _style(
    column: str, kind: Kind, evidence: Mapping[str, int], order: str | None, usual: days.DayOrder | None
) -> Style:
    """What the user says, else what the column proves, else the habit of a known system, else refuse."""
    if kind in ("money", "number"):
        return Style(kind, decimal_comma=evidence[f"{column}:comma"] > evidence[f"{column}:point"])
    if kind != "day":
        return Style(kind)
    if order:
        return Style(kind, order="dmy" if order == "dmy" else "mdy")
    dmy, mdy, unclear = (evidence[f"{column}:{sign}"] for sign in ("dmy", "mdy", "open"))
    if dmy and mdy:
        raise _mixed_order(column, dmy, mdy)
    if unclear and not dmy and not mdy:
        if usual is None:
            raise _unclear_order(column)
        return Style(kind, order=usual)
    return Style(kind, order="dmy" if dmy else "mdy")


def _mixed_order(column: str, dmy: int, mdy: int) -> KezhiError:
    return KezhiError(
        Text(
            "Column {column} has {dmy} dates that must be day first and {mdy} that must be month first; "
            "mend the file, or choose with --map date_order=dmy or --map date_order=mdy "
            "and the others go to quarantine.",
            "列 {column} 中有 {dmy} 个日期只能是日在前，{mdy} 个只能是月在前；请修正文件，"
            "或用 --map date_order=dmy 或 --map date_order=mdy 选定，其余进入隔离区。",
        ).fill(column=column, dmy=dmy, mdy=mdy)
    )


def _unclear_order(column: str) -> KezhiError:
    return KezhiError(
        Text(
            "Column {column} has dates such as 03/04/2025 and no row shows whether the day or the month "
            "comes first; say so with --map date_order=dmy (3 April) or --map date_order=mdy (March 4).",
            "列 {column} 的日期形如 03/04/2025,无法判断日和月的先后；"
            "请用 --map date_order=dmy(4 月 3 日)或 --map date_order=mdy(3 月 4 日)说明。",
        ).fill(column=column)
    )


def _cell(field: Field, found: Recognised, styles: Mapping[str, Style], today: date) -> Cell:
    import ibis

    columns = [_Column(found.rows, name, styles.get(name)) for name in _columns(found, field.name)]
    first, missing = columns[0], columns[0].missing
    if len(columns) == 2:
        missing = missing | columns[1].missing
        # the product of two doubles is first freed of its last digits
        number = amounts.money_of_number((first.number() * columns[1].number()).round(6))
    elif field.kind == "money":
        number = first.money()
    else:
        number = Number(_value(field, first), ibis.literal(False))
    marked = field.kind == "money" and len(columns) == 1 and first.taken_apart
    return Cell(field, missing, first.text, number.value, number.too_large, today, marked)


class _Column:
    """One column of the file and the ways to read it; columns with their own types are taken as they are."""

    def __init__(self, rows: ir.Table, name: str, style: Style | None) -> None:
        self.rows, self.name, self.style = rows, name, style or Style()
        self.raw = rows[name]
        self.type = self.raw.type()
        self.taken_apart = bool(self.type.is_string()) and not self.style.plain
        self.text = rows[_TEXT + name] if self.taken_apart else filled(self.raw, plain=True)
        self.missing = is_missing(self.raw, self.text)

    def money(self) -> Number:
        """As an amount."""
        if self.type.is_numeric():
            return amounts.money_of_number(self.raw)
        if self.taken_apart and self.style.kind in ("money", "number"):
            return amounts.money_of(self.rows, self.name)
        return amounts.read_plain_money(self.text)

    def number(self) -> ir.FloatingValue:
        """As a number that is not money."""
        if self.type.is_numeric():
            return self.raw.cast("float64")
        if self.taken_apart and self.style.kind in ("money", "number"):
            return amounts.number_of(self.rows, self.name)
        return self.text.try_cast("float64")

    def day(self) -> ir.DateValue:
        """As a day; of a moment with a time zone the day in UTC, whatever machine reads it."""
        if self.type.is_date():
            return self.raw
        if self.type.is_timestamp():
            return self.raw.cast("timestamp").cast("date")
        if self.type.is_numeric():
            return days.day_of_number(self.raw)
        if self.taken_apart:
            return days.read_day(self.rows[_TIDY + self.name], self.style.order)
        return days.read_plain_day(self.text)


def _value(field: Field, column: _Column) -> ir.Value:
    if field.kind == "id":
        return _id(column.raw, column.text, plain=not column.taken_apart)
    if field.kind == "day":
        return column.day()
    if field.kind == "number":
        return column.number()
    if field.kind == "flag":
        return _flag(column.raw, column.text)
    if field.kind == "period":
        return column.raw.cast("date") if column.type.is_temporal() else _period(column)
    return amounts.currency_code(column.text) if field.name == "currency" else column.text


def _id(column: ir.Column, text: ir.StringValue, *, plain: bool) -> ir.StringValue:
    """An id as text: whole numbers without `.0`, without the wrappers of Excel exports (`="001"`, `'001`)."""
    if column.type().is_string():
        if plain:
            return text
        bare = text.re_replace(r"^=?[\"'\s]+|[\"'\s]+$", "")
        return bare.re_replace(r"^(\d+)\.0$", r"\1")
    if column.type().is_floating():
        whole = column.cast("float64") == column.cast("float64").floor()
        return whole.ifelse(column.try_cast("int64").cast("string"), text)
    return text


def _flag(column: ir.Column, text: ir.StringValue) -> ir.BooleanValue:
    import ibis

    if column.type().is_boolean():
        return column
    word = text.lower()
    return ibis.cases((word.isin(_YES), True), (word.isin(_NO), False), else_=ibis.null("boolean"))


def _period(column: _Column) -> ir.DateValue:
    """The first day of 2025, 2025Q1, 2025-03, 2025年第1季度, 2025年3月."""
    import ibis

    clean = (column.rows[_TIDY + column.name] if column.taken_apart else column.text).upper()
    quarter = r"^(\d{4})[-年 ]*(?:Q|第)([1-4])(?:季度|季)?$"
    month = r"^(\d{4})[-/.年]?(\d{1,2})(?:月|[-/.月]\d{1,2}.*)?$"
    number = (clean.re_extract(quarter, 2).try_cast("int64") * 3 - 2).cast("string")
    day = ibis.cases(
        (clean.re_search(quarter), clean.left(4) + "-" + number.lpad(2, "0") + "-01"),
        (clean.re_search(month), clean.left(4) + "-" + clean.re_extract(month, 2).lpad(2, "0") + "-01"),
        (clean.re_search(r"^\d{4}年?$"), clean.left(4) + "-01-01"),
        else_=ibis.null("string"),
    )
    return day.try_cast("date")
