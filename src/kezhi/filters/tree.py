"""What a filter says, as data: the tree that is read from a text, written as one, and asked of a table."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field as made_field
from datetime import date

Value = str | float | date | bool


@dataclass(frozen=True)
class Number:
    """A number in a calculation."""

    value: float


@dataclass(frozen=True)
class Named:
    """A field in a calculation, or one that another field is compared with."""

    field: str
    at: int = made_field(default=0, compare=False)


@dataclass(frozen=True)
class Calculation:
    """Two terms joined by + - * or /; empty where a part is empty, and where it divides by 0."""

    sign: str
    left: Term
    right: Term


Term = Number | Named | Calculation


@dataclass(frozen=True)
class Compare:
    """A field against a value; the sign is one of = != < <= > >= contains starts has."""

    field: str
    sign: str
    value: Value
    at: int = made_field(default=0, compare=False)


@dataclass(frozen=True)
class Computed:
    """A calculation or a field against another; the sign is one of = != < <= > >=."""

    left: Term
    sign: str
    right: Term
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


Filter = Compare | Computed | OneOf | Empty | Not | Joined

WORDS = ("and", "or", "not", "in", "is", "empty", "contains", "starts", "with", "has", "between", "true", "false")
CHINESE = {
    "且": ("and",),
    "或": ("or",),
    "非": ("not",),
    "包含": ("contains",),
    "不包含": ("not", "contains"),
    "开头为": ("starts", "with"),
    "属于": ("in",),
    "不属于": ("not", "in"),
    "为空": ("is", "empty"),
    "不为空": ("is", "not", "empty"),
    "真": ("true",),
    "假": ("false",),
}


def write(filtered: Filter) -> str:
    """A filter as text that is read as the same filter again."""
    match filtered:
        case Compare(name, sign, value):
            word = "starts with" if sign == "starts" else sign
            return f"{_name(name)} {word} {said(value)}"
        case Computed(left, sign, right):
            return f"{_term(left)} {sign} {_term(right)}"
        case OneOf(name, values):
            return f"{_name(name)} in ({', '.join(map(said, values))})"
        case Empty(name):
            return f"{_name(name)} is empty"
        case Not(part):
            return f"not ({write(part)})"
        case Joined(word, parts):
            return f" {word} ".join(f"({write(one)})" if isinstance(one, Joined) else write(one) for one in parts)


_BINDS = {"+": 1, "-": 1, "*": 2, "/": 2}


def _term(term: Term, least: int = 1) -> str:
    """A term; in brackets where it binds less than what stands around it."""
    match term:
        case Number(value):
            return repr(value)
        case Named(name):
            return _name(name)
        case Calculation(sign, left, right):
            binds = _BINDS[sign]
            text = f"{_term(left, binds)} {sign} {_term(right, binds + 1)}"
            return f"({text})" if binds < least else text


def _name(name: str) -> str:
    plain = re.fullmatch(r"[^\W\d]\w*", name) and name.lower() not in WORDS and name not in CHINESE
    return name if plain else f"`{name}`"


def said(value: Value) -> str:
    """A value as it is written in a filter."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return value.isoformat() if isinstance(value, date) else repr(value)


def tests_of(filtered: Filter) -> Iterator[Compare | Computed | OneOf | Empty]:
    """The single tests that a filter is made of, from left to right."""
    match filtered:
        case Not(part):
            yield from tests_of(part)
        case Joined(_, parts):
            for one in parts:
                yield from tests_of(one)
        case _:
            yield filtered


def fields_of(filtered: Filter) -> Iterator[str]:
    """The fields a filter asks for, as written."""
    for one in tests_of(filtered):
        if isinstance(one, Computed):
            yield from (named.field for side in (one.left, one.right) for named in named_in(side))
        else:
            yield one.field


def named_in(term: Term) -> Iterator[Named]:
    """The fields in a term."""
    match term:
        case Named():
            yield term
        case Calculation(_, left, right):
            yield from named_in(left)
            yield from named_in(right)
