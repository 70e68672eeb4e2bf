"""A small language that chooses rows of a table: `region = 'North' and idle_periods >= 2`.

    test  = field (= != < <= > >=) value | field [not] in (value, ...) | field is [not] empty
          | field [not] contains 'text' | field [not] starts with 'text' | field [not] has 'text'
    whole = test | not whole | whole and whole | whole or whole | (whole)

A value is 'text', a number (also 5%), a date such as 2026-12-31, true or false. `and` binds closer than `or`. An empty
cell passes no test but `is empty` and whatever begins with `not` or is `!=`. A list of codes, as `flags`, is asked by
`has` or `=`, and may be named in the singular. What was read is data (`Filter`), turned into an expression of the
table engine: nothing that a user writes is ever run as a program or as SQL.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from dataclasses import field as made_field
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

from kezhi.language import KezhiError, Text

if TYPE_CHECKING:
    import ibis.expr.types as ir

Value = str | float | date | bool
LONGEST, DEEPEST = 10_000, 50


@dataclass(frozen=True)
class Compare:
    """A field against a value; the sign is one of = != < <= > >= contains starts has."""

    field: str
    sign: str
    value: Value
    at: int = made_field(default=0, compare=False)


@dataclass(frozen=True)
class OneOf:
    """A field that is one of several values."""

    field: str
    values: tuple[Value, ...]
    at: int = made_field(default=0, compare=False)


@dataclass(frozen=True)
class Empty:
    """A field with nothing in it: no value, a text without letters, a list without codes."""

    field: str
    at: int = made_field(default=0, compare=False)


@dataclass(frozen=True)
class Not:
    """What a filter does not choose."""

    part: Filter


@dataclass(frozen=True)
class Joined:
    """Several filters of which all ("and") or any ("or") must choose a row."""

    word: str
    parts: tuple[Filter, ...]


Filter = Compare | OneOf | Empty | Not | Joined


# --- reading ----------------------------------------------------------------------------------------------


class _Token(NamedTuple):
    kind: str  # word, name, text, number, date, sign, end
    said: str
    at: int
    value: Any = None


_TOKENS = re.compile(
    r"""\s*(?:
      (?P<date>\d{4}-\d{2}-\d{2}(?![\w.]))
    | (?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?%?(?!\w))
    | (?P<text>'(?:[^']|'')*'|"(?:[^"]|"")*"|“[^”]*”|‘[^’]*’)
    | (?P<quoted>`[^`]+`)
    | (?P<word>[^\W\d]\w*)
    | (?P<sign><=|>=|!=|<>|==|[=<>(),（），≤≥≠＝＜＞])
    )""",
    re.VERBOSE,
)
_SIGNS = {"==": "=", "<>": "!=", "≠": "!=", "≤": "<=", "≥": ">=", "＝": "=", "＜": "<", "＞": ">"} | {
    "（": "(",
    "）": ")",
    "，": ",",
}
_WORDS = ("and", "or", "not", "in", "is", "empty", "contains", "starts", "with", "has", "true", "false")
_CHINESE = {"且": "and", "或": "or", "非": "not", "包含": "contains", "真": "true", "假": "false"}

_WRONG = Text(
    "The filter cannot be read at character {at} ({near}): {reason}.",
    "筛选条件第 {at} 个字符处（{near}）无法识别：{reason}。",
)
_LETTER = Text("this sign has no meaning here", "此处不能使用这个符号")
_QUOTE = Text("a quotation mark is not closed", "引号没有闭合")
_FIELD = Text("the name of a field is expected", "此处应为字段名")
_TEST = Text(
    "after a field comes =, !=, <, <=, >, >=, in (...), is empty, contains, starts with or has",
    "字段之后应为 =、!=、<、<=、>、>=、in (...)、is empty、contains、starts with 或 has",
)
_VALUE = Text(
    "a value is expected: 'text' in quotes, a number, a date such as 2026-12-31, true or false",
    "此处应为值：带引号的文字、数字、形如 2026-12-31 的日期、true 或 false",
)
_TEXT = Text("a text in quotes is expected", "此处应为带引号的文字")
_EXPECTED = Text("{what} is expected", "此处应为 {what}")
_MORE = Text("the filter should end here, or go on with and, or", "条件应在此结束，或以 and、or 继续")
_DEEP = Text("more than {most} brackets within one another", "括号嵌套超过 {most} 层")
_BAD_DATE = Text("there is no such day", "没有这一天")
_BAD_NUMBER = Text("this number is too large", "数字过大")


def _wrong(token: _Token, reason: Text) -> KezhiError:
    near = token.said if token.said else Text("the end", "末尾")
    en, zh = (near.en, near.zh) if isinstance(near, Text) else (near[:20], near[:20])
    return KezhiError(
        Text(
            _WRONG.en.format(at=token.at + 1, near=en, reason=reason.en),
            _WRONG.zh.format(at=token.at + 1, near=zh, reason=reason.zh),
        )
    )


def parse(text: str) -> Filter:
    """What a filter says; raises KezhiError with one sentence that names the place of a mistake."""
    if len(text) > LONGEST:
        raise KezhiError(
            Text(f"A filter has at most {LONGEST} characters.", f"筛选条件最多 {LONGEST} 个字符。"),
        )
    if not text.strip():
        raise KezhiError(
            Text(
                "The filter is empty; write one such as: region = 'North' and idle_periods >= 2",
                "筛选条件为空；请写成例如：region = 'North' and idle_periods >= 2",
            )
        )
    reader = _Reader(list(_tokens(text)))
    found = reader.whole()
    if reader.token.kind != "end":
        raise _wrong(reader.token, _MORE)
    return found


def _tokens(text: str) -> Iterator[_Token]:
    place = 0
    while place < len(text.rstrip()):
        match = _TOKENS.match(text, place)
        if match is None or match.lastgroup is None:
            at = place + len(text[place:]) - len(text[place:].lstrip())
            reason = _QUOTE if text[at] in "'\"“‘`" else _LETTER
            raise _wrong(_Token("sign", text[at], at), reason)
        yield _token(match.lastgroup, match.group(match.lastgroup), match.start(match.lastgroup))
        place = match.end()
    yield _Token("end", "", len(text.rstrip()))


def _token(kind: str, said: str, at: int) -> _Token:
    if kind == "sign":
        return _Token("sign", _SIGNS.get(said, said), at)
    if kind == "word":
        word = _CHINESE.get(said, said.lower())
        return _Token("word", word, at, said) if word in _WORDS else _Token("name", said, at, said)
    if kind == "quoted":
        return _Token("name", said, at, said[1:-1])
    token = _Token(kind, said, at)
    return token._replace(value=_value(token))


def _value(token: _Token) -> Value:
    said = token.said
    if token.kind == "text":
        mark = said[0]
        return said[1:-1].replace(mark * 2, mark) if mark in "'\"" else said[1:-1]
    if token.kind == "date":
        try:
            return date.fromisoformat(said)
        except ValueError:
            raise _wrong(token, _BAD_DATE) from None
    number = float(said.rstrip("%")) / (100 if said.endswith("%") else 1)
    if not math.isfinite(number):
        raise _wrong(token, _BAD_NUMBER)
    return number


class _Reader:
    """Reads tokens from left to right, one function per rule of the grammar."""

    def __init__(self, tokens: list[_Token]) -> None:
        self.tokens, self.place, self.depth = tokens, 0, 0

    @property
    def token(self) -> _Token:
        return self.tokens[self.place]

    def take(self) -> _Token:
        token = self.token
        self.place += token.kind != "end"
        return token

    def passes(self, *said: str) -> bool:
        """Step over a word or sign if it stands here."""
        found = self.token.kind in ("word", "sign") and self.token.said in said
        self.place += found
        return found

    def needs(self, said: str) -> None:
        if not self.passes(said):
            raise _wrong(self.token, _EXPECTED.fill(what=said))

    def whole(self) -> Filter:
        self.depth += 1
        if self.depth > DEEPEST:
            raise _wrong(self.token, _DEEP.fill(most=DEEPEST))
        parts = [self.all()]
        while self.passes("or"):
            parts.append(self.all())
        self.depth -= 1
        return parts[0] if len(parts) == 1 else Joined("or", tuple(parts))

    def all(self) -> Filter:
        parts = [self.one()]
        while self.passes("and"):
            parts.append(self.one())
        return parts[0] if len(parts) == 1 else Joined("and", tuple(parts))

    def one(self) -> Filter:
        denied = 0
        while self.passes("not"):
            denied += 1
            if denied > DEEPEST:
                raise _wrong(self.token, _DEEP.fill(most=DEEPEST))
        if self.passes("("):
            found = self.whole()
            self.needs(")")
        else:
            found = self.test()
        for _ in range(denied):
            found = Not(found)
        return found

    def test(self) -> Filter:
        # a field may bear the name of a word of this language, and must then stand in backticks
        name = self.take()
        if name.kind != "name":
            raise _wrong(name, _FIELD)
        if self.passes("is"):
            denied = self.passes("not")
            self.needs("empty")
            found: Filter = Empty(name.value, name.at)
            return Not(found) if denied else found
        denied = self.passes("not")
        found = self.words(name) or self.compared(name, denied)
        return Not(found) if denied else found

    def words(self, name: _Token) -> Filter | None:
        if self.passes("in"):
            return OneOf(name.value, self.several(), name.at)
        for word in ("contains", "starts", "has"):
            if self.passes(word):
                if word == "starts":
                    self.passes("with")
                return Compare(name.value, word, self.quoted(), name.at)
        return None

    def compared(self, name: _Token, denied: bool) -> Filter:
        sign = self.take()
        if denied or sign.kind != "sign" or sign.said not in ("=", "!=", "<", "<=", ">", ">="):
            raise _wrong(sign, _TEST)
        return Compare(name.value, sign.said, self.value(), name.at)

    def several(self) -> tuple[Value, ...]:
        self.needs("(")
        values = [self.value()]
        while self.passes(","):
            values.append(self.value())
        self.needs(")")
        return tuple(values)

    def quoted(self) -> str:
        token = self.take()
        if token.kind != "text":
            raise _wrong(token, _TEXT)
        return str(token.value)

    def value(self) -> Value:
        token = self.take()
        if token.kind == "word" and token.said in ("true", "false"):
            return token.said == "true"
        if token.kind not in ("text", "number", "date"):
            raise _wrong(token, _VALUE)
        value: Value = token.value
        return value


# --- writing ----------------------------------------------------------------------------------------------


def write(filtered: Filter) -> str:
    """A filter as text that is read as the same filter again."""
    match filtered:
        case Compare(name, sign, value):
            word = "starts with" if sign == "starts" else sign
            return f"{_name(name)} {word} {_said(value)}"
        case OneOf(name, values):
            return f"{_name(name)} in ({', '.join(map(_said, values))})"
        case Empty(name):
            return f"{_name(name)} is empty"
        case Not(part):
            return f"not ({write(part)})"
        case Joined(word, parts):
            return f" {word} ".join(f"({write(one)})" if isinstance(one, Joined) else write(one) for one in parts)


def _name(name: str) -> str:
    plain = re.fullmatch(r"[^\W\d]\w*", name) and name.lower() not in _WORDS and name not in _CHINESE
    return name if plain else f"`{name}`"


def _said(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return value.isoformat() if isinstance(value, date) else repr(value)


def fields_of(filtered: Filter) -> Iterator[str]:
    """The fields a filter asks for, as written."""
    match filtered:
        case Not(part):
            yield from fields_of(part)
        case Joined(_, parts):
            for one in parts:
                yield from fields_of(one)
        case _:
            yield filtered.field


# --- asking a table ---------------------------------------------------------------------------------------

_UNKNOWN = Text(
    "The filter asks for {name} (character {at}), and there is no such field{nearest} Fields: {known}.",
    "筛选条件第 {at} 个字符处的字段 {name} 不存在{nearest}可用字段：{known}。",
)
_NEAREST = Text("; did you mean {name}?", "；您是否指 {name}？")
_KINDS = {
    "text": Text("a text in quotes", "带引号的文字"),
    "number": Text("a number", "数字"),
    "date": Text("a date such as 2026-12-31", "形如 2026-12-31 的日期"),
    "flag": Text("true or false", "true 或 false"),
    "list": Text("a code in quotes", "带引号的代码"),
}
_MISMATCH = Text(
    "The filter compares {name} (character {at}) with {value}; it wants {kind}.",
    "筛选条件第 {at} 个字符处的 {name} 不能与 {value} 比较，应为{kind}。",
)
_NO_SIGN = Text(
    "The filter cannot ask whether {name} (character {at}) {sign} something: it holds {kind}.",
    "筛选条件第 {at} 个字符处的 {name} 不能用 {sign}：它的内容是{kind}。",
)


def condition(filtered: Filter, rows: ir.Table) -> Any:
    """The filter as an expression that is true or false, never empty, for each row of a table.

    Raises KezhiError where a field is unknown or is compared with something of another kind.
    """
    match filtered:
        case Not(part):
            return ~condition(part, rows)
        case Joined(word, parts):
            found = [condition(one, rows) for one in parts]
            whole = found[0]
            for one in found[1:]:
                whole = whole & one if word == "and" else whole | one
            return whole
        case Empty(name, at):
            return _is_empty(_column(rows, name, at))
        case OneOf(name, values, at):
            column = _column(rows, name, at)
            wanted = [_fitting(name, at, column, value) for value in values]
            return _any_of(column, wanted)
        case Compare(name, "!=", value, at):
            return ~condition(Compare(name, "=", value, at), rows)
        case Compare():
            return _compared(filtered, _column(rows, filtered.field, filtered.at))


def known_field(name: str, columns: Iterable[str]) -> str | None:
    """The column that is meant by a name: itself, the same in other letters, or a list's in the singular."""
    found = {column.lower(): column for column in columns}
    return found.get(name.lower()) or found.get(f"{name.lower()}s")


def _column(rows: ir.Table, name: str, at: int) -> Any:
    found = known_field(name, rows.columns)
    if found is not None and (found.lower() == name.lower() or rows[found].type().is_array()):
        return _clean(rows[found])
    near = difflib.get_close_matches(name, rows.columns, 1)
    nearest = _NEAREST.fill(name=near[0]) if near else Text(".", "。")
    said = {
        language: pattern.format(name=name, at=at + 1, nearest=said, known=comma.join(rows.columns))
        for language, pattern, said, comma in (
            ("en", _UNKNOWN.en, nearest.en, ", "),
            ("zh", _UNKNOWN.zh, nearest.zh, "、"),
        )
    }
    raise KezhiError(Text(**said))


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


def _fitting(name: str, at: int, column: Any, value: Value) -> Any:
    """A value as a constant of the column's kind."""
    import ibis

    kind = _kind(column)
    given = {bool: "flag", str: "text", float: "number", int: "number", date: "date"}[type(value)]
    if given != ("text" if kind == "list" else kind):
        wanted = _KINDS[kind]
        raise KezhiError(
            Text(
                _MISMATCH.en.format(name=name, at=at + 1, value=_said(value), kind=wanted.en),
                _MISMATCH.zh.format(name=name, at=at + 1, value=_said(value), kind=wanted.zh),
            )
        )
    if kind == "number":
        return ibis.literal(float(value), type="float64")  # type: ignore[arg-type]
    return ibis.literal(value)


def _is_empty(column: Any) -> Any:
    nothing = column.isnull()
    if _kind(column) == "list":
        return nothing | (column.length() == 0).fill_null(False)
    if _kind(column) == "text":
        return nothing | (column.cast("string").strip() == "").fill_null(False)
    return nothing


def _any_of(column: Any, wanted: list[Any]) -> Any:
    if _kind(column) != "list":
        return column.isin(wanted).fill_null(False)
    found = column.contains(wanted[0])
    for one in wanted[1:]:
        found = found | column.contains(one)
    return found.fill_null(False)


def _compared(asked: Compare, column: Any) -> Any:
    kind, sign = _kind(column), asked.sign
    allowed = {
        "list": ("=", "has"),
        "flag": ("=",),
        "text": ("=", "contains", "starts", "<", "<=", ">", ">="),
    }.get(kind, ("=", "<", "<=", ">", ">="))
    if sign not in allowed:
        said = "starts with" if sign == "starts" else sign
        raise KezhiError(
            Text(
                _NO_SIGN.en.format(name=asked.field, at=asked.at + 1, sign=said, kind=_KINDS[kind].en),
                _NO_SIGN.zh.format(name=asked.field, at=asked.at + 1, sign=said, kind=_KINDS[kind].zh),
            )
        )
    value = _fitting(asked.field, asked.at, column, asked.value)
    found = {
        "=": lambda: column.contains(value) if kind == "list" else column == value,
        "has": lambda: column.contains(value),
        "contains": lambda: column.contains(value),
        "starts": lambda: column.startswith(value),
        "<": lambda: column < value,
        "<=": lambda: column <= value,
        ">": lambda: column > value,
        ">=": lambda: column >= value,
    }[sign]()
    return found.fill_null(False)
