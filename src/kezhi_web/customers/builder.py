"""A filter as rows of field, comparison and value, for those who would rather choose than write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from kezhi.filters import Compare, Empty, Filter, Joined, Not, OneOf, known_field, parse, write
from kezhi.filters.tree import Value
from kezhi.language import KezhiError, Text
from kezhi_web.customers.fields import Field, Fields
from kezhi_web.typed import number_of

SIGNS: Mapping[str, Text] = {
    "=": Text("is", "等于"),
    "!=": Text("is not", "不等于"),
    "<": Text("less than", "小于"),
    "<=": Text("at most", "不大于"),
    ">": Text("more than", "大于"),
    ">=": Text("at least", "不小于"),
    "in": Text("is one of", "属于"),
    "contains": Text("contains", "包含"),
    "starts": Text("begins with", "开头为"),
    "has": Text("has", "含有"),
    "lacks": Text("has not", "不含"),
    "empty": Text("is empty", "为空"),
    "filled": Text("is not empty", "不为空"),
}
DAYS: Mapping[str, Text] = {
    "<": Text("before", "早于"),
    "<=": Text("on or before", "不晚于"),
    ">": Text("after", "晚于"),
    ">=": Text("on or after", "不早于"),
}
FOR_KIND: Mapping[str, tuple[str, ...]] = {
    "number": (">=", ">", "<=", "<", "=", "!=", "empty", "filled"),
    "date": (">=", ">", "<=", "<", "=", "empty", "filled"),
    "text": ("=", "!=", "in", "contains", "starts", "empty", "filled"),
    "flag": ("=", "!=", "empty", "filled"),
    "list": ("has", "lacks", "empty", "filled"),
}
WITHOUT_VALUE = ("empty", "filled")
TRUE, FALSE = ("yes", "true", "1", "是", "真"), ("no", "false", "0", "否", "假")
WANTED = {
    "number": Text("write a number, such as 1200 or 50%", "请填写数字，例如 1200 或 50%"),
    "date": Text("write a day, such as 2026-12-31", "请填写日期，例如 2026-12-31"),
    "flag": Text("write yes or no", "请填写“是”或“否”"),
    "text": Text("write a text", "请填写文字"),
    "list": Text("write a flag's code", "请填写标记代码"),
}
WRONG = Text("{field}: {wanted}.", "{field}：{wanted}。")
NO_SIGN = Text("this comparison does not fit it", "不能使用这种比较方式")


@dataclass(frozen=True)
class Row:
    """A condition as chosen: a field's name, a sign of SIGNS, a value as typed."""

    field: str
    sign: str
    value: str = ""


def rows_in(fields: Sequence[str], signs: Sequence[str], values: Sequence[str]) -> list[Row]:
    """The rows of a form; those without a field are none."""
    filled = (*values, *[""] * len(fields)), (*signs, *["="] * len(fields))
    return [
        Row(one, sign, value.strip()) for one, sign, value in zip(fields, filled[1], filled[0], strict=False) if one
    ]


def written(rows: Sequence[Row], fields: Fields) -> str:
    """The filter that rows say, all of them together; empty without rows. Raises KezhiError for what is no value."""
    parts = tuple(_part(row, fields) for row in rows if row.field in fields)
    if not parts:
        return ""
    return write(parts[0] if len(parts) == 1 else Joined("and", parts))


def _part(row: Row, fields: Fields) -> Filter:
    known = fields[row.field]
    if row.sign not in FOR_KIND[known.asked_as]:
        raise _wrong(known, NO_SIGN)
    if row.sign in WITHOUT_VALUE:
        return Empty(known.name) if row.sign == "empty" else Not(Empty(known.name))
    if row.sign == "in":
        several = [one.strip() for one in row.value.replace("，", ",").replace("、", ",").split(",")]
        return OneOf(known.name, tuple(_value(one, known) for one in several if one) or (_value("", known),))
    value = _value(row.value, known)
    if row.sign == "lacks":
        return Not(Compare(known.name, "has", value))
    return Compare(known.name, row.sign, value)


def _value(text: str, known: Field) -> Value:
    kind = known.asked_as
    try:
        if kind == "number":
            number = number_of(text)
            if number is None:
                raise _wrong(known, WANTED[kind])
            return float(number / 100 if text.strip().endswith(("%", "％")) else number)
        if kind == "date":
            return date.fromisoformat(text)
        if kind == "flag":
            return {**dict.fromkeys(TRUE, True), **dict.fromkeys(FALSE, False)}[text.lower()]
    except (ValueError, KeyError):
        raise _wrong(known, WANTED[kind]) from None
    if not text:
        raise _wrong(known, WANTED[kind])
    return text


def _wrong(known: Field, wanted: Text) -> KezhiError:
    return KezhiError(
        Text(
            WRONG.en.format(field=known.title.en, wanted=wanted.en),
            WRONG.zh.format(field=known.title.zh, wanted=wanted.zh),
        )
    )


# --- from a text back to rows ------------------------------------------------------------------------------


def rows_of(text: str, fields: Fields) -> list[Row] | None:
    """The rows that say what a filter says; None where rows cannot say it, or it cannot be read."""
    if not text:
        return []
    try:
        found = parse(text)
    except KezhiError:
        return None
    rows = [_row(one, fields) for one in _flat(found)]
    return None if None in rows else [row for row in rows if row is not None]


def _flat(found: Filter) -> list[Filter]:
    if isinstance(found, Joined) and found.word == "and":
        return [one for part in found.parts for one in _flat(part)]
    return [found]


def _row(found: Filter, fields: Fields) -> Row | None:
    denied = isinstance(found, Not)
    part = found.part if isinstance(found, Not) else found
    name = known_field(part.field, fields.by_name, fields.words) if isinstance(part, Compare | OneOf | Empty) else None
    if name is None:
        return None
    match part:
        case Empty():
            return Row(name, "filled" if denied else "empty")
        case Compare(_, "has", value) if denied:
            return Row(name, "lacks", _typed(value))
        case Compare(_, sign, value) if not denied and sign in FOR_KIND[fields[name].asked_as]:
            return Row(name, sign, _typed(value))
        case OneOf(_, values) if not denied and "in" in FOR_KIND[fields[name].asked_as]:
            typed = [_typed(one) for one in values]
            return None if any(mark in one for one in typed for mark in ",，、") else Row(name, "in", ", ".join(typed))
    return None


def _typed(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)


def signs_for(kind: str) -> list[tuple[str, Text]]:
    """The comparisons that fit a kind of field, with their words; all of them for an unknown kind."""
    codes = FOR_KIND.get(kind, tuple(SIGNS))
    return [(code, DAYS.get(code, SIGNS[code]) if kind == "date" else SIGNS[code]) for code in codes]
