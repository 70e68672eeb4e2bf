"""A filter in words: "Tier is VIP and Idle periods ≥ 2" instead of `tier = 'vip' and idle_periods >= 2`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from kezhi.filters import (
    Calculation,
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
    parse,
)
from kezhi.language import KezhiError, Language, Text
from kezhi.reports import numbers
from kezhi.reports.flags import FLAGS, flag
from kezhi.segments.vocabulary import TITLES, names_of, title
from kezhi.settings import Settings

SIGNS: Mapping[str, Text] = {
    "=": Text("is", "为"),
    "!=": Text("is not", "不为"),
    "<": Text("<", "<"),
    "<=": Text("≤", "≤"),
    ">": Text(">", ">"),
    ">=": Text("≥", "≥"),
    "contains": Text("contains", "包含"),
    "starts": Text("starts with", "开头为"),
    "has": Text("has", "包含"),
}
NUMBERED = {"=": Text("=", "="), "!=": Text("≠", "≠")}  # beside a number
JOINED: Mapping[str, Text] = {"and": Text(" and ", "，并且"), "or": Text(" or ", "，或者")}
EMPTY = Text("{field} is not filled in", "{field}为空")
FILLED = Text("{field} is filled in", "{field}不为空")
ONE_OF = Text("{field} is one of: {values}", "{field}为其中之一：{values}")
NOT = Text("not ({part})", "不满足（{part}）")
YES, NO = Text("yes", "是"), Text("no", "否")
SHARES = {"margin", "p_alive", "last_margin"}
_FIELDS = {said.lower(): name for name, known in TITLES.items() for said in (known.en, known.zh)}


def in_words(rule: str, settings: Settings, language: Language) -> str:
    """A rule as a sentence; as it was written where it cannot be read."""
    try:
        return _said(parse(rule), settings, language)
    except KezhiError:
        return rule


def _said(filtered: Filter, settings: Settings, language: Language) -> str:  # noqa: PLR0911  one for each kind
    match filtered:
        case Compare(name, sign, value):
            field = _field(name)
            counted = isinstance(value, float | int) and not isinstance(value, bool)
            shown = NUMBERED.get(sign, SIGNS[sign]) if counted else SIGNS[sign]
            between = " " if language == "en" or counted or sign in ("<", "<=", ">", ">=") else ""
            return f"{title(field).to(language)}{between}{shown.to(language)}{between}" + _value(
                field, value, settings, language
            )
        case Computed(left, sign, right):
            return f"{_term(left, language)} {SIGNS[sign].to(language)} {_term(right, language)}"
        case OneOf(name, values):
            field = _field(name)
            listed = Text(", ", "、").to(language).join(_value(field, one, settings, language) for one in values)
            return ONE_OF.to(language).format(field=title(field).to(language), values=listed)
        case Empty(name):
            return EMPTY.to(language).format(field=title(_field(name)).to(language))
        case Not(Empty(name)):
            return FILLED.to(language).format(field=title(_field(name)).to(language))
        case Not(part):
            return NOT.to(language).format(part=_said(part, settings, language))
        case Joined(word, parts):
            said = [_part(one, settings, language) for one in parts]
            return JOINED[word].to(language).join(said)


def _part(filtered: Filter, settings: Settings, language: Language) -> str:
    said = _said(filtered, settings, language)
    if not isinstance(filtered, Joined):
        return said
    return f"({said})" if language == "en" else f"（{said}）"


def _field(name: str) -> str:
    return _FIELDS.get(name.lower(), name.lower() if name.lower() in TITLES else name)


def _value(field: str, value: str | float | date | bool, settings: Settings, language: Language) -> str:
    if isinstance(value, bool):
        return (YES if value else NO).to(language)
    if isinstance(value, str):
        if field in ("flags", "flag") and value in FLAGS:
            return flag(value).title.to(language)
        known = names_of(field, settings).get(value.lower())
        return known.to(language) if known and language == "en" else f"“{known.to(language) if known else value}”"
    if isinstance(value, date):
        return numbers.day(value, language)
    if field in SHARES:
        return numbers.percent(value, 0 if round(value * 100, 6).is_integer() else 1)
    return f"{value:,g}"


def _term(term: Term, language: Language) -> str:
    match term:
        case Number(value):
            return f"{value:,g}"
        case Named(name):
            return title(_field(name)).to(language)
        case Calculation(sign, left, right):
            shown = {"*": "×", "/": "÷", "-": "−"}.get(sign, sign)
            sides = [f"({_term(one, language)})" if isinstance(one, Calculation) else _term(one, language)
                     for one in (left, right)]  # fmt: skip
            return f" {shown} ".join(sides)
