"""The language of filters: what it reads, what it chooses, and how it answers what it cannot read."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kezhi.engine import Engine, open_engine
from kezhi.filters import Compare, Empty, Filter, Joined, Not, OneOf, condition, fields_of, parse, write
from kezhi.language import KezhiError

SCHEMA = pa.schema(
    {
        "customer_id": pa.string(),
        "region": pa.string(),
        "amount": pa.decimal128(28, 4),
        "idle_periods": pa.int64(),
        "margin": pa.float64(),
        "acquired_on": pa.date32(),
        "consent": pa.bool_(),
        "flags": pa.list_(pa.string()),
    }
)
KINDS = {
    "region": st.sampled_from(["North", "South", "", "北方", "O'Hara", "no"]),
    "amount": st.sampled_from([0.0, 10.5, -3.0, 1e6]),
    "idle_periods": st.integers(0, 4),
    "margin": st.sampled_from([0.25, -0.5, 1.0, float("nan")]),
    "acquired_on": st.dates(date(2025, 1, 1), date(2025, 1, 4)),
    "consent": st.booleans(),
    "flags": st.lists(st.sampled_from(["cost_missing", "negative_margin"]), unique=True),
}
ROWS = st.lists(st.fixed_dictionaries({name: st.none() | kind for name, kind in KINDS.items()}), max_size=12)


def values(name: str) -> st.SearchStrategy[Any]:
    if name == "flags":
        return st.sampled_from(["cost_missing", "negative_margin", "other"])
    numbers = name in ("amount", "idle_periods", "margin")
    return st.sampled_from([0.0, 2.0, 0.25, 10.5, -0.5]) if numbers else KINDS[name]


@st.composite
def single(draw: st.DrawFn) -> Filter:
    name = draw(st.sampled_from(list(KINDS)))
    signs = {
        "flags": ["=", "!=", "has"],
        "consent": ["=", "!="],
        "region": ["=", "!=", "contains", "starts", "<", ">="],
    }.get(name, ["=", "!=", "<", "<=", ">", ">="])
    kind = draw(st.sampled_from(["compare", "in", "empty"]))
    if kind == "empty":
        return Empty(name)
    if kind == "in":
        return OneOf(name, tuple(draw(st.lists(values(name), min_size=1, max_size=3))))
    return Compare(name, draw(st.sampled_from(signs)), draw(values(name)))


FILTERS: st.SearchStrategy[Filter] = st.recursive(
    single(),
    lambda inner: st.one_of(
        inner.map(Not),
        st.builds(Joined, st.sampled_from(["and", "or"]), st.lists(inner, min_size=2, max_size=3).map(tuple)),
    ),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with open_engine() as made:
        yield made


def chosen(filtered: Filter, row: dict[str, Any]) -> bool:
    """The same, slowly and obviously."""
    match filtered:
        case Not(part):
            return not chosen(part, row)
        case Joined(word, parts):
            return (all if word == "and" else any)(chosen(one, row) for one in parts)
        case Compare(name, "!=", value):
            return not chosen(Compare(name, "=", value), row)
    seen = row[filtered.field]
    if isinstance(seen, float) and math.isnan(seen):
        seen = None
    if isinstance(filtered, Empty):
        return seen is None or seen == [] or (isinstance(seen, str) and not seen.strip())
    if seen is None:
        return False
    if isinstance(filtered, OneOf):
        return any(value in seen if isinstance(seen, list) else value == seen for value in filtered.values)
    value: Any = filtered.value
    return {
        "=": lambda: value in seen if isinstance(seen, list) else seen == value,
        "has": lambda: value in seen,
        "contains": lambda: value in seen,
        "starts": lambda: seen.startswith(value),
        "<": lambda: seen < value,
        "<=": lambda: seen <= value,
        ">": lambda: seen > value,
        ">=": lambda: seen >= value,
    }[filtered.sign]()


def asked(engine: Engine, filtered: Filter, rows: list[dict[str, Any]]) -> list[bool]:
    import decimal

    made = [
        {"customer_id": f"C{i:03d}", **row, "amount": None if row["amount"] is None else decimal.Decimal(row["amount"])}
        for i, row in enumerate(rows)
    ]
    with engine.passing():
        table = engine.table(pa.Table.from_pylist(made, schema=SCHEMA))
        found = engine.fetch(table.select("customer_id", yes=condition(filtered, table)).order_by("customer_id"))
    result: list[bool] = found["yes"].to_pylist()
    return result


@given(FILTERS, ROWS)
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_the_engine_chooses_what_a_plain_reading_chooses(engine: Engine, filtered: Filter, rows: list[Any]) -> None:
    assert asked(engine, filtered, rows) == [chosen(filtered, row) for row in rows]


@given(FILTERS)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_what_is_written_is_read_as_the_same(filtered: Filter) -> None:
    assert parse(write(filtered)) == filtered


@given(st.text(max_size=40))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_whatever_is_typed_is_read_or_answered_with_a_sentence(text: str) -> None:
    with suppress(KezhiError):  # any other error fails the test
        assert parse(write(parse(text))) == parse(text)


@given(st.text(max_size=30))
@settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_hostile_texts_are_only_texts(engine: Engine, text: str) -> None:
    if "\x00" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        return
    table = engine.table(pa.table({"region": [text, "x'; DROP TABLE customers; --"]}))
    found = engine.fetch(table.filter(condition(parse(write(Compare("region", "=", text))), table)))
    assert found["region"].to_pylist() == [text]


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("region = 'North'", Compare("region", "=", "North")),
        ("region = “North”", Compare("region", "=", "North")),
        ('region == "O\'Hara"', Compare("region", "=", "O'Hara")),
        ("tier = 'VIP' AND idle_periods >= 2", "(tier = 'VIP') and (idle_periods >= 2)"),
        ("a = 1 or b = 2 and c = 3", "a = 1 or (b = 2 and c = 3)"),
        ("not a = 1 and b = 2", "(not (a = 1)) and b = 2"),
        ("region not in ('a'，'b')", "not (region in ('a', 'b'))"),
        ("region is not empty", "not (region is empty)"),
        ("margin < 5%", Compare("margin", "<", 0.05)),
        ("acquired_on >= 2025-01-31", Compare("acquired_on", ">=", date(2025, 1, 31))),
        ("consent = true", Compare("consent", "=", True)),
        ("地区 = '华北' 且 未成交期数 ≥ 2", "地区 = '华北' and 未成交期数 >= 2"),
        ("`in` = 'x'", Compare("in", "=", "x")),
    ],
)
def test_what_a_filter_means(text: str, same: Filter | str) -> None:
    assert parse(text) == (parse(same) if isinstance(same, str) else same)


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("", None, "empty"),
        ("region =", 9, "a value is expected"),
        ("region = 'North", 10, "not closed"),
        ("region 'North'", 8, "after a field"),
        ("= 3", 1, "name of a field"),
        ("a = 1 b = 2", 7, "should end here"),
        ("(a = 1", 7, ") is expected"),
        ("a = 1; DROP TABLE x", 6, "no meaning"),
        ("day = 2025-02-30", 7, "no such day"),
        ("a = 1e999", 5, "too large"),
        ("name contains 3", 15, "text in quotes"),
        ("(" * 60 + "a = 1" + ")" * 60, 21, "brackets"),
        ("not " * 60 + "a = 1", 85, "brackets"),
        ("a = 1 or " * 2000, None, "at most"),
    ],
)
def test_mistakes_are_named_with_their_place(text: str, place: int | None, said: str) -> None:
    with pytest.raises(KezhiError) as caught:
        parse(text)
    assert said in caught.value.text.en
    assert place is None or f"character {place} " in caught.value.text.en


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("regoin = 'North'", "did you mean region?"),
        ("zzz = 1", "Fields: customer_id, region"),
        ("region > 5", "wants a text"),
        ("amount = 'much'", "wants a number"),
        ("acquired_on > 3", "wants a date"),
        ("consent = 1", "wants true or false"),
        ("amount contains 'x'", "cannot ask"),
        ("flag > 'x'", "cannot ask"),
    ],
)
def test_fields_and_kinds_that_do_not_fit_are_one_sentence(engine: Engine, text: str, said: str) -> None:
    table = engine.table(pa.Table.from_pylist([], schema=SCHEMA))
    with pytest.raises(KezhiError) as caught:
        condition(parse(text), table)
    assert said in caught.value.text.en
    assert caught.value.text.zh != caught.value.text.en


def test_a_list_may_be_named_in_the_singular(engine: Engine) -> None:
    rows = [dict.fromkeys(KINDS) | {"flags": flags} for flags in (["cost_missing"], [], None)]
    assert asked(engine, parse("flag = 'cost_missing'"), rows) == [True, False, False]
    assert asked(engine, parse("flags is empty"), rows) == [False, True, True]


def test_the_fields_that_a_filter_asks_for() -> None:
    assert list(fields_of(parse("a = 1 and not (b is empty or c in ('x'))"))) == ["a", "b", "c"]
