"""From the text of a column to values: one look at the whole column decides how its cells are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from kezhi.engine import Engine
from kezhi.language import KezhiError, Text
from kezhi.sources import amounts, days
from kezhi.sources.amounts import Number
from kezhi.sources.blanks import NOTHING, filled, is_missing
from kezhi.sources.checks import Cell
from kezhi.sources.mapping import DATE_ORDER
from kezhi.sources.recognise import PRODUCT_OF, Recognised
from kezhi.sources.tables import Field, Table

if TYPE_CHECKING:
    import ibis.expr.types as ir

_YES = ("yes", "y", "true", "t", "1", "是", "有", "同意", "对")
_NO = ("no", "n", "false", "f", "0", "否", "无", "不同意", "不")


@dataclass(frozen=True)
class Style:
    """How the cells of one text column are written."""

    plain: bool = False  # the engine's own cast reads every cell; ids and words need no tidying
    decimal_comma: bool = False
    order: days.DayOrder = "mdy"


def read_cells(
    engine: Engine, found: Recognised, table: Table, mapping: Mapping[str, str], today: date
) -> dict[str, Cell]:
    """Every field found, as expressions over `found.rows`: its text and its value."""
    order = mapping.get(DATE_ORDER)
    styles = _styles(engine, found, table, order)
    return {
        field.name: _cell(field, found, styles, today)
        for field in table.fields
        if field.name in found.sources
    }


def _styles(engine: Engine, found: Recognised, table: Table, order: str | None) -> dict[str, Style]:
    """The style of every text column in use: one pass, and one more for days and numbers that are not plain."""
    wanted = {
        column: field.kind
        for field in table.fields
        for column in _columns(found, field.name)
        if found.rows[column].type().is_string()
    }
    plain = _plain_columns(engine, found.rows, wanted)
    asked = {c: kind for c, kind in wanted.items() if c not in plain and kind in ("day", "money", "number")}
    evidence = _evidence(engine, found.rows, asked)
    styles = {
        column: _style(column, kind, evidence, order, found.day_order) for column, kind in asked.items()
    }
    return styles | {column: Style(plain=True) for column in plain}


def _columns(found: Recognised, field: str) -> list[str]:
    """The columns behind a field: one, or two where it is a product."""
    source = found.sources.get(field)
    if source is None:
        return []
    if source.startswith(PRODUCT_OF):
        return [source.removeprefix(PRODUCT_OF), found.sources["quantity"]]
    return [source]


def _plain_columns(engine: Engine, rows: ir.Table, wanted: Mapping[str, str]) -> set[str]:
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


def _evidence(engine: Engine, rows: ir.Table, wanted: Mapping[str, str]) -> dict[str, int]:
    """Counts, by column and sign, that decide the order of days and the decimal sign."""
    if not wanted:
        return {}
    ask: dict[str, ir.IntegerScalar] = {}
    for column, kind in wanted.items():
        text = filled(rows[column])
        signs = days.order_evidence(text) if kind == "day" else amounts.style_evidence(text)
        ask |= {f"{column}:{sign}": count for sign, count in signs.items()}
    return {name: count or 0 for name, count in engine.row(rows.aggregate(**ask)).items()}


def _style(
    column: str, kind: str, evidence: Mapping[str, int], order: str | None, usual: days.DayOrder | None
) -> Style:
    """What the user says, else what the column proves, else the habit of a known system, else refuse."""
    if kind != "day":
        return Style(decimal_comma=evidence[f"{column}:comma"] > evidence[f"{column}:point"])
    if order:
        return Style(order="dmy" if order == "dmy" else "mdy")
    dmy, mdy, unclear = (evidence[f"{column}:{sign}"] for sign in ("dmy", "mdy", "open"))
    if dmy and mdy:
        raise _mixed_order(column, dmy, mdy)
    if unclear and not dmy and not mdy:
        if usual is None:
            raise _unclear_order(column)
        return Style(order=usual)
    return Style(order="dmy" if dmy else "mdy")


def _mixed_order(column: str, dmy: int, mdy: int) -> KezhiError:
    return KezhiError(
        Text(
            "Column {column} has {dmy} dates that must be day first and {mdy} that must be month first; mend the file, "
            "or choose with --map date_order=dmy or --map date_order=mdy and the others go to quarantine.",
            "列 {column} 中有 {dmy} 个日期只能是日在前,{mdy} 个只能是月在前;请修正文件,"
            "或用 --map date_order=dmy 或 --map date_order=mdy 选定,其余进入隔离区。",
        ).fill(column=column, dmy=dmy, mdy=mdy)
    )


def _unclear_order(column: str) -> KezhiError:
    return KezhiError(
        Text(
            "Column {column} has dates such as 03/04/2025 and no row shows whether the day or the month comes first; "
            "say so with --map date_order=dmy (3 April) or --map date_order=mdy (March 4).",
            "列 {column} 的日期形如 03/04/2025,无法判断日和月的先后;"
            "请用 --map date_order=dmy(4 月 3 日)或 --map date_order=mdy(3 月 4 日)说明。",
        ).fill(column=column)
    )


def _cell(field: Field, found: Recognised, styles: Mapping[str, Style], today: date) -> Cell:
    import ibis

    columns = _columns(found, field.name)
    column = found.rows[columns[0]]
    style = styles.get(columns[0], Style())
    text = filled(column, plain=style.plain)
    missing = is_missing(column, text)
    if len(columns) == 2:
        other = found.rows[columns[1]]
        missing = missing | is_missing(other, filled(other))
        number = _times(found, columns, styles)
    elif field.kind == "money":
        number = _money(column, text, style)
    else:
        number = Number(_value(field, column, text, style), ibis.literal(False))
    marked = (
        field.kind == "money" and len(columns) == 1 and bool(column.type().is_string()) and not style.plain
    )
    return Cell(field, missing, text, number.value, number.too_large, today, marked)


def _times(found: Recognised, columns: list[str], styles: Mapping[str, Style]) -> Number:
    """Quantity x price, rounded to 4 decimals; the product of two doubles is first freed of their last digits."""
    price, quantity = (found.rows[column] for column in columns)
    price_style, style = (styles.get(column, Style()) for column in columns)
    each = _money(price, filled(price, plain=price_style.plain), price_style).value
    pieces = _number(quantity, filled(quantity, plain=style.plain), style)
    return amounts.money_of_number((each.cast("float64") * pieces).round(6))


def _money(column: ir.Column, text: ir.StringValue, style: Style) -> Number:
    if column.type().is_numeric():
        return amounts.money_of_number(column)
    if not column.type().is_string():
        return amounts.read_money(text, decimal_comma=False)
    if style.plain:
        return amounts.read_plain_money(text)
    return amounts.read_money(text, decimal_comma=style.decimal_comma)


def _number(column: ir.Column, text: ir.StringValue, style: Style) -> ir.FloatingValue:
    if column.type().is_numeric():
        return column.cast("float64")
    if style.plain:
        return text.try_cast("float64")
    return amounts.read_number(text, decimal_comma=style.decimal_comma).value


def _value(field: Field, column: ir.Column, text: ir.StringValue, style: Style) -> ir.Value:
    if field.kind == "id":
        return _id(column, text, plain=style.plain)
    if field.kind == "day":
        return _day(column, text, style)
    if field.kind == "number":
        return _number(column, text, style)
    if field.kind == "flag":
        return _flag(column, text)
    if field.kind == "period":
        return _period(text)
    return amounts.currency_code(text) if field.name == "currency" else text


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


def _day(column: ir.Column, text: ir.StringValue, style: Style) -> ir.DateValue:
    kind = column.type()
    if kind.is_date():
        return column
    if kind.is_timestamp():  # with a time zone: the day in UTC, whatever machine reads it
        return column.cast("timestamp").cast("date")
    if kind.is_numeric():
        return days.day_of_number(column)
    return days.read_plain_day(text) if style.plain else days.read_day(text, style.order)


def _flag(column: ir.Column, text: ir.StringValue) -> ir.BooleanValue:
    import ibis

    if column.type().is_boolean():
        return column
    word = text.lower()
    return ibis.cases((word.isin(_YES), True), (word.isin(_NO), False), else_=ibis.null("boolean"))


def _period(text: ir.StringValue) -> ir.DateValue:
    """The first day of 2025, 2025Q1, 2025-03, 2025年第1季度, 2025年3月."""
    import ibis

    clean = days.tidy(text).upper()
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
