"""From a filter's tree to an expression of the table engine."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any

from kezhi.filters.tree import (
    Compare,
    Computed,
    Empty,
    Filter,
    Joined,
    Named,
    Not,
    Number,
    OneOf,
    Term,
    Value,
    named_in,
    said,
)
from kezhi.language import KezhiError, Text

if TYPE_CHECKING:
    import ibis.expr.types as ir

_UNKNOWN = Text(
    "The filter asks for {name} (character {at}), and there is no such field{nearest}{known}",
    "筛选条件第 {at} 个字符处的字段 {name} 不存在{nearest}{known}",
)
_UNKNOWN_BEHIND = Text(
    "The filter compares with {name} (character {at}), and there is no such field{nearest} A text stands in quotes: "
    "'{name}'.{known}",
    "筛选条件第 {at} 个字符处要与字段 {name} 比较，但没有这个字段{nearest}文字请加引号：'{name}'。{known}",
)
MOST_FIELDS = 40  # are named where none is near
_NEAREST = Text("; did you mean {name}?", "；您是否指 {name}？")
_KINDS = {
    "text": Text("a text in quotes", "带引号的文字"),
    "number": Text("a number", "数字"),
    "date": Text("a date such as 2026-12-31", "形如 2026-12-31 的日期"),
    "flag": Text("true or false", "true 或 false"),
    "list": Text("a code in quotes", "带引号的代码"),
}
_HOLDS = {
    "text": Text("text", "文字"),
    "number": Text("numbers", "数字"),
    "date": Text("days", "日期"),
    "flag": Text("true or false", "是或否"),
    "list": Text("a list of codes", "代码列表"),
}
_MISMATCH = Text(
    "The filter compares {name} (character {at}) with {value}; it wants {kind}.",
    "筛选条件第 {at} 个字符处的 {name} 不能与 {value} 比较，应为{kind}。",
)
_NO_SIGN = Text(
    "The filter cannot ask whether {name} (character {at}) {sign} something: it holds {kind}.",
    "筛选条件第 {at} 个字符处的 {name} 不能用 {sign}：它的内容是{kind}。",
)
_NO_NUMBER = Text(
    "The filter reckons with {name} (character {at}), which holds {kind}; only numbers can be reckoned with.",
    "筛选条件第 {at} 个字符处的 {name} 参与了计算，但它的内容是{kind}；只有数字可以计算。",
)
_UNLIKE = Text(
    "The filter compares {name} (character {at}) with {other}: one holds {kind}, the other {behind}.",
    "筛选条件第 {at} 个字符处的 {name} 不能与 {other} 比较：前者的内容是{kind}，后者是{behind}。",
)


@dataclass(frozen=True)
class Vocabulary:
    """How people call what a table holds.

    codes: for a column of codes that kezhi gives, what people call each code, in small letters, and the code; such
    columns are compared without regard to capital letters. fields: other names of columns, in small letters.
    """

    codes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)


PLAIN = Vocabulary()


def condition(filtered: Filter, rows: ir.Table, words: Vocabulary = PLAIN) -> Any:
    """The filter as an expression that is true or false, never empty, for each row of a table.

    Raises KezhiError where a field is unknown or is compared with something of another kind.
    """
    match filtered:
        case Not(part):
            return ~condition(part, rows, words)
        case Joined(word, parts):
            return _joined(word, [condition(one, rows, words) for one in parts])
        case Computed(left, "!=", right, at):
            return ~_computed(Computed(left, "=", right, at), rows, words)
        case Computed():
            return _computed(filtered, rows, words)
    return _of_field(filtered, _Asked(rows, words, filtered.field, filtered.at))


def _of_field(test: Compare | OneOf | Empty, asked: _Asked) -> Any:
    match test:
        case Empty():
            return _is_empty(asked.column)
        case OneOf(_, values):
            return _any_of(asked, values)
        case Compare(name, "!=", value, at):
            return ~_compared(Compare(name, "=", value, at), asked)
    return _compared(test, asked)


def _joined(word: str, found: list[Any]) -> Any:
    """All of them, or any; halved again and again, for a long row of them would be too deep for the engine."""
    while len(found) > 1:
        pairs = [found[i : i + 2] for i in range(0, len(found), 2)]
        found = [one[0] if len(one) == 1 else one[0] & one[1] if word == "and" else one[0] | one[1] for one in pairs]
    return found[0]


def known_field(name: str, columns: Iterable[str], words: Vocabulary = PLAIN) -> str | None:
    """The column that is meant by a name: itself, the same in other letters, a list's in the singular, its title."""
    found = {column.lower(): column for column in columns}
    asked = name.lower()
    return found.get(asked) or found.get(f"{asked}s") or found.get(words.fields.get(asked, asked).lower())


class _Asked:
    """A column that is asked for, with what it is compared with made fitting."""

    def __init__(self, rows: ir.Table, words: Vocabulary, name: str, at: int) -> None:
        self.name, self.at = name, at
        column, self.column = _column(rows, words, name, at)
        self.kind = _kind(self.column)
        self.codes = words.codes.get(column)
        if self.codes is not None and self.kind == "text":
            self.column = self.column.lower()

    def constant(self, value: Value) -> Any:
        """A value as a constant of the column's kind."""
        import ibis

        given = {bool: "flag", str: "text", float: "number", int: "number", date: "date"}[type(value)]
        if given != ("text" if self.kind == "list" else self.kind):
            raise _said(_MISMATCH, name=self.name, at=self.at + 1, value=said(value), kind=_KINDS[self.kind])
        if self.kind == "number":
            return ibis.literal(float(value), type="float64")  # type: ignore[arg-type]
        if self.codes is not None and isinstance(value, str):
            plain = value.strip().lower()
            return ibis.literal(self.codes.get(plain, plain))
        return ibis.literal(value)


def _column(rows: ir.Table, words: Vocabulary, name: str, at: int, unknown: Text = _UNKNOWN) -> tuple[str, Any]:
    """The column's name, and the column with numbers as floats and days without hours."""
    found = known_field(name, rows.columns, words)
    if found is not None:
        plural = found.lower() == f"{name.lower()}s"
        if not plural or rows[found].type().is_array():
            return found, _clean(rows[found])
    near = difflib.get_close_matches(name.lower()[:40], rows.columns, 1)
    nearest = _NEAREST.fill(name=near[0]) if near else Text(".", "。")
    shown = rows.columns[:MOST_FIELDS]
    more = " …" if len(rows.columns) > MOST_FIELDS else ""
    known = (
        Text(f" Fields: {', '.join(shown)}{more}.", f"可用字段：{'、'.join(shown)}{more}。")
        if not near
        else Text("", "")
    )
    raise _said(unknown, name=name[:40], at=at + 1, nearest=nearest, known=known)


def _said(pattern: Text, **blanks: object) -> KezhiError:
    """An error whose blanks are in both languages."""
    made = {
        language: {
            name: getattr(value, language) if isinstance(value, Text) else value for name, value in blanks.items()
        }
        for language in ("en", "zh")
    }
    return KezhiError(Text(pattern.en.format(**made["en"]), pattern.zh.format(**made["zh"])))


def _clean(column: Any) -> Any:
    """Numbers as floats without NaN, days without hours."""
    import ibis

    kind = column.type()
    if kind.is_floating():
        return ibis.ifelse(column.isnan(), ibis.null(kind), column).cast("float64")
    if kind.is_numeric() and not kind.is_boolean():
        return column.cast("float64")
    return column.date() if kind.is_timestamp() else column


def _kind(column: Any) -> str:
    kind = column.type()
    if kind.is_array():
        return "list"
    if kind.is_boolean():
        return "flag"
    return "number" if kind.is_numeric() else "date" if kind.is_date() else "text"


def _is_empty(column: Any) -> Any:
    nothing = column.isnull()
    if _kind(column) == "list":
        return nothing | (column.length() == 0).fill_null(False)
    if _kind(column) == "text":
        return nothing | (column.cast("string").strip() == "").fill_null(False)
    return nothing


def _any_of(asked: _Asked, values: tuple[Value, ...]) -> Any:
    wanted = [asked.constant(value) for value in values]
    if asked.kind == "list":
        return _joined("or", [asked.column.contains(one) for one in wanted]).fill_null(False)
    return asked.column.isin(wanted).fill_null(False)


_ORDER: dict[str, Callable[[Any, Any], Any]] = {
    "=": lambda left, right: left == right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}
_ALLOWED = {
    "list": ("=", "has"),
    "flag": ("=",),
    "text": ("=", "contains", "starts", "<", "<=", ">", ">="),
}


def _compared(test: Compare, asked: _Asked) -> Any:
    sign, column = test.sign, asked.column
    if sign not in _ALLOWED.get(asked.kind, tuple(_ORDER)):
        shown = "starts with" if sign == "starts" else sign
        raise _said(_NO_SIGN, name=test.field, at=test.at + 1, sign=shown, kind=_HOLDS[asked.kind])
    value = asked.constant(test.value)
    if sign == "starts":
        return column.startswith(value).fill_null(False)
    if sign in ("contains", "has") or asked.kind == "list":
        return column.contains(value).fill_null(False)
    return _ORDER[sign](column, value).fill_null(False)


# --- calculations -----------------------------------------------------------------------------------------


def _computed(test: Computed, rows: ir.Table, words: Vocabulary) -> Any:
    """A calculation, or a field, against another; two fields may also be texts or days."""
    if isinstance(test.left, Named) and isinstance(test.right, Named):
        return _field_by_field(test, test.left, test.right, rows, words)
    get = partial(_figure, rows=rows, words=words, behind=frozenset(named_in(test.right)))
    left, right = _finite(get(test.left)), _finite(get(test.right))
    return _ORDER[test.sign](left, right).fill_null(False)


def _finite(found: Any) -> Any:
    """Asked once, at the end: an engine writes out every mention of a calculation."""
    import ibis

    return ibis.ifelse(found.isnan() | found.isinf(), ibis.null("float64"), found)


def _field_by_field(test: Computed, first: Named, second: Named, rows: ir.Table, words: Vocabulary) -> Any:
    left = _column(rows, words, first.field, first.at)[1]
    right = _column(rows, words, second.field, second.at, _UNKNOWN_BEHIND)[1]
    kind, behind = _kind(left), _kind(right)
    if kind != behind:
        raise _said(
            _UNLIKE, name=first.field, at=first.at + 1, other=second.field, kind=_HOLDS[kind], behind=_HOLDS[behind]
        )
    if kind == "list" or (kind == "flag" and test.sign != "="):
        raise _said(_NO_SIGN, name=first.field, at=first.at + 1, sign=test.sign, kind=_HOLDS[kind])
    return _ORDER[test.sign](left, right).fill_null(False)


def _figure(term: Term, rows: ir.Table, words: Vocabulary, behind: frozenset[Named]) -> Any:
    """A term as a float; empty where a field is, and where it divides by 0."""
    import ibis

    if isinstance(term, Number):
        return ibis.literal(term.value, type="float64")
    if isinstance(term, Named):
        column = _column(rows, words, term.field, term.at, _UNKNOWN_BEHIND if term in behind else _UNKNOWN)[1]
        if _kind(column) != "number":
            raise _said(_NO_NUMBER, name=term.field, at=term.at + 1, kind=_HOLDS[_kind(column)])
        return column
    left, right = (_figure(side, rows, words, behind) for side in (term.left, term.right))
    if term.sign == "/":
        return left / right.nullif(0.0)
    return left * right if term.sign == "*" else left + right if term.sign == "+" else left - right
