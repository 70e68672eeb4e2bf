"""Why a filter chooses nobody: a text that no customer has, and which there are instead."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from kezhi.engine import Engine
from kezhi.filters import PLAIN, Compare, Filter, Joined, Not, OneOf, Vocabulary, condition, known_field, write
from kezhi.language import Text
from kezhi.segments.fields import PRIVATE

if TYPE_CHECKING:
    import ibis.expr.types as ir

MOST_LOOKED_AT, MOST_SHOWN, MOST_VALUES = 12, 8, 500
# Of these, and of what only one customer has, no value is ever told: it would name a person.
UNTOLD = PRIVATE | {"customer_id", "referrer_id"}

NONE_HAS = Text("No customer has {test}", "没有客户满足 {test}")
NEAR = Text("; did you mean {value}?", "；您是否指 {value}？")
THERE = Text(" The most frequent values of {field}: {values}.", "{field} 最常见的值：{values}。")


def explained(engine: Engine, rows: ir.Table, filtered: Filter, words: Vocabulary = PLAIN) -> Text | None:
    """One or two sentences on the first text that no customer has; None where each has somebody by itself.

    `rows`: one row per customer, as `segments.fields.fields` gives them.
    """
    tests = [one for one in _wanted(filtered) if _of_texts(one, rows, words)][:MOST_LOOKED_AT]
    if not tests:
        return None
    found = {f"test_{i}": condition(one, rows, words).any() for i, one in enumerate(tests)}
    some = engine.row(rows.aggregate(**found))
    return next((_about(engine, rows, one, words) for i, one in enumerate(tests) if not some[f"test_{i}"]), None)


def _wanted(filtered: Filter) -> Iterator[Compare | OneOf]:
    """The tests that customers must pass, or may: not those denied."""
    match filtered:
        case Joined(_, parts):
            for one in parts:
                yield from _wanted(one)
        case Compare(_, "=" | "contains" | "starts" | "has", _) | OneOf():
            yield filtered
        case Not(Not(part)):
            yield from _wanted(part)


def _of_texts(test: Compare | OneOf, rows: ir.Table, words: Vocabulary) -> bool:
    column = known_field(test.field, rows.columns, words)
    kind = rows[column].type() if column else None
    return kind is not None and (kind.is_string() or kind.is_array())


def _about(engine: Engine, rows: ir.Table, test: Compare | OneOf, words: Vocabulary) -> Text:
    column = str(known_field(test.field, rows.columns, words))
    told = [] if column in UNTOLD else _values(engine, rows, column)
    asked = [str(one) for one in (test.values if isinstance(test, OneOf) else (test.value,))]
    near = _nearest(asked, told)
    said = write(test)
    first = NONE_HAS.fill(test=said if len(said) <= 200 else said[:200] + "…")
    ends = NEAR.fill(value=f"'{near}'") if near else Text(".", "。")
    some = ", ".join(told[:MOST_SHOWN])
    there = THERE.fill(field=column, values=some) if told else Text("", "")
    return Text(first.en + ends.en + there.en, first.zh + ends.zh + there.zh.replace(", ", "、"))


def _values(engine: Engine, rows: ir.Table, column: str) -> list[str]:
    """The values that several customers share, the commonest first; none where they are nearly as many as people."""
    import ibis

    one: Any = rows[column]
    single = rows.select(value=one.unnest() if one.type().is_array() else one)
    counted = (
        single.filter(single.value.notnull() & (single.value != "")).group_by("value").aggregate(n=lambda t: t.count())
    )
    shared = counted.filter(counted.n > 1).order_by(ibis.desc("n"), "value").limit(MOST_VALUES)
    found: list[str] = engine.fetch(shared)["value"].to_pylist()
    return found if len(found) < MOST_VALUES else []


def _nearest(asked: list[str], told: list[str]) -> str | None:
    """A value that is the same but for capitals and blanks, or nearly."""
    plain = {one.strip().casefold(): one for one in reversed(told)}
    for one in asked:
        near = difflib.get_close_matches(one.strip().casefold()[:60], plain, 1)
        if near:
            return plain[near[0]]
    return None
