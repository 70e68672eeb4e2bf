"""Segments by rule (T09, T16): who is in each, what they are worth, who they are against the rest, how they overlap."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kezhi.engine import Engine
from kezhi.filters import Filter, Vocabulary, condition, fields_of, known_field, parse, write
from kezhi.language import KezhiError, Text
from kezhi.ledger import SUM
from kezhi.segments.fields import fields
from kezhi.segments.nobody import explained
from kezhi.segments.over_index import Cell, Counts, gathered, profile
from kezhi.segments.vocabulary import NO_CODES, vocabulary
from kezhi.settings.segments import about
from kezhi.worth.work import Found, Work

if TYPE_CHECKING:
    import ibis.expr.types as ir

FILE = "segments.parquet"
MOST_VALUES = 40  # a field with more is no profile
MOST_FIELDS = 40
MOST_TOLD = 8  # of people, and of groups
PEOPLE = {"age_band"}  # columns of customers.parquet that say who people are, not what kezhi makes of them
BEFORE = "_previous"  # what a group was before tells little beside what it is
# What members and the rest are compared by on average; money in exact sums.
FIGURES = ("purchases", "amount", "value", "forecast_value", "idle_periods", "p_alive")
NOBODY = Text("The segment {name!r} holds no customer. {why}", "分群 {name!r} 没有客户。{why}")


@dataclass(frozen=True)
class Rule:
    """A segment: its name, its filter as written, and the same read."""

    name: str
    text: str
    filtered: Filter


@dataclass(frozen=True)
class Marked:
    """Customers with the rules that choose them, stored: `mask` has the bit 2**i of rule i.

    fields: which seem to have few values, by column of the table; groups: those of kezhi's own making.
    """

    rows: ir.Table
    rules: tuple[Rule, ...]
    fields: Mapping[str, str]
    groups: frozenset[str]
    asked: tuple[frozenset[str], ...]


def measured(work: Work) -> Found | None:
    """Write segments.parquet, and tell of each saved segment what it is worth and whom it holds."""
    if not work.settings.segments:
        return None
    engine = work.engine
    rows = fields(engine, work.folder)
    words = vocabulary(work.written, work.settings)
    rules, wrong = usable(rows, words, work.settings.segments)
    if not rules:
        return Found({"segments": [], "left_out": _told(wrong)}, warnings=tuple(wrong.values()))
    marked = mark(engine, rows, words, rules, work.written.columns)
    engine.write_parquet(memberships(marked), work.folder / FILE)
    told = describe(engine, marked)
    _since(work, told["segments"])
    engine.forget(marked.rows)
    warnings = [*wrong.values(), *_empty(engine, rows, words, marked, told["segments"])]
    return Found({**told, "left_out": _told(wrong)}, warnings=tuple(warnings))


def usable(
    rows: ir.Table, words: Vocabulary, segments: Mapping[str, str]
) -> tuple[list[Rule], dict[str, tuple[str, Text]]]:
    """The rules that can be asked of these rows, and why others cannot, by name."""
    rules: list[Rule] = []
    wrong: dict[str, tuple[str, Text]] = {}
    for name, text in segments.items():
        try:
            filtered = parse(text)
            condition(filtered, rows, words)
        except KezhiError as error:
            wrong[name] = ("segment_left_out", about(name, error.text))
        else:
            rules.append(Rule(name, text, filtered))
    return rules, wrong


def mark(engine: Engine, rows: ir.Table, words: Vocabulary, rules: Sequence[Rule], columns: Iterable[str]) -> Marked:
    """Store which rules choose which customers, with what they are compared by; `columns`: of customers.parquet."""
    import ibis

    mask: Any = ibis.literal(0, type="int64")
    for place, rule in enumerate(rules):
        mask = mask + ibis.ifelse(condition(rule.filtered, rows, words), ibis.literal(2**place, type="int64"), 0)
    figures = {name: rows[name].cast(SUM) for name in FIGURES if name in rows.columns}
    words_of = {f"field_{i}": name for i, name in enumerate(_worded(rows))}
    texts = {column: rows[name].cast("string") for column, name in words_of.items()}
    stored = engine.store(rows.select("customer_id", mask=mask, **figures, **texts))
    asked = tuple(
        frozenset(str(known_field(one, rows.columns, words)) for one in fields_of(rule.filtered)) for rule in rules
    )
    few = {column: words_of[column] for column in _few(engine, stored, list(words_of), range(1, 2 * MOST_VALUES))}
    return Marked(stored, tuple(rules), few, frozenset(columns) - PEOPLE, asked)


def compared_by(engine: Engine, rows: ir.Table) -> list[str]:
    """Fields of words, or of true and false, that have few different values and more than one."""
    return _few(engine, rows, _worded(rows), range(2, MOST_VALUES + 1))[:MOST_FIELDS]


def _worded(rows: ir.Table) -> list[str]:
    """Fields of words, or of true and false."""
    return [
        name
        for name in rows.columns
        if name not in NO_CODES
        and not name.endswith(BEFORE)
        and (rows[name].type().is_string() or rows[name].type().is_boolean())
    ]


def _few(engine: Engine, rows: ir.Table, names: Sequence[str], wanted: range) -> list[str]:
    """Columns with so many values; about how many, for an exact count of each would take longer than all the rest."""
    if not names:
        return []
    about_so_many = {f"n_{i}": rows[name].approx_nunique() for i, name in enumerate(names)}
    found = engine.row(rows.aggregate(**about_so_many))
    return [name for i, name in enumerate(names) if found[f"n_{i}"] in wanted]


def holds(mask: Any, place: int) -> Any:
    """Whether a customer's mask has the bit of a rule."""
    import ibis

    return (mask & ibis.literal(2**place, type="int64")) != 0


def memberships(marked: Marked) -> ir.Table:
    """Rows (segment, customer_id) of all members."""
    import ibis

    rows = marked.rows
    parts = [
        rows.filter(holds(rows.mask, place)).select(segment=ibis.literal(rule.name), customer_id=rows.customer_id)
        for place, rule in enumerate(marked.rules)
    ]
    return (parts[0] if len(parts) == 1 else ibis.union(*parts)).order_by("segment", "customer_id")


# --- what is told of each ---------------------------------------------------------------------------------


def describe(engine: Engine, marked: Marked) -> dict[str, Any]:
    """Counts, sums, averages, profiles and overlaps: customers are grouped by their mask once, the rest is adding."""
    rows = marked.rows
    figures = [name for name in FIGURES if name in rows.columns]
    grouped = rows.group_by("mask").aggregate(
        customers=rows.count(),
        **{f"sum_{name}": rows[name].sum().cast(SUM) for name in figures},
        **{f"n_{name}": rows[name].count() for name in figures},
    )
    groups = engine.fetch(grouped).to_pylist()
    whole = _added(groups, figures)
    counted = cells(engine, marked)
    return {
        "customers": whole["customers"],
        "value": whole["sum_value"],
        "forecast_value": whole["sum_forecast_value"],
        "segments": [_segment(marked, place, groups, counted, whole, figures) for place in range(len(marked.rules))],
        "overlaps": _overlaps(marked.rules, groups),
    }


def _added(groups: Iterable[Mapping[str, Any]], figures: Sequence[str]) -> dict[str, Any]:
    groups = list(groups)
    return {
        "customers": sum(one["customers"] for one in groups),
        **{f"sum_{name}": sum((one[f"sum_{name}"] or Decimal(0) for one in groups), Decimal(0)) for name in figures},
        **{f"n_{name}": sum(one[f"n_{name}"] for one in groups) for name in figures},
    }


def _segment(
    marked: Marked,
    place: int,
    groups: Sequence[Mapping[str, Any]],
    cells: Sequence[tuple[int, str, str, int]],
    whole: Mapping[str, Any],
    figures: Sequence[str],
) -> dict[str, Any]:
    rule, bit = marked.rules[place], 2**place
    inside = _added((one for one in groups if one["mask"] & bit), figures)
    outside = _added((one for one in groups if not one["mask"] & bit), figures)
    counts: Counts = gathered((field, value, bool(mask & bit), number) for mask, field, value, number in cells)
    found = profile(counts, marked.asked[place], marked.groups)
    best = [[told(one) for one in found if one.telling and one.group == group][:MOST_TOLD] for group in (False, True)]
    return {
        "name": rule.name,
        "rule": rule.text,
        "customers": inside["customers"],
        "share": _share(inside["customers"], whole["customers"]),
        "value": inside["sum_value"],
        "forecast_value": inside["sum_forecast_value"],
        "share_of_forecast_value": _share(inside["sum_forecast_value"], whole["sum_forecast_value"]),
        "figures": [_mean(name, inside, outside) for name in figures],
        "profile": best[0] + best[1],
    }


def _share(part: Any, whole: Any) -> float | None:
    return round(float(part) / float(whole), 6) if whole and float(whole) > 0 else None


def _mean(name: str, inside: Mapping[str, Any], outside: Mapping[str, Any]) -> dict[str, Any]:
    """A figure per customer who has it, in the segment and in the rest."""
    means = [
        round(float(one[f"sum_{name}"]) / one[f"n_{name}"], 4) if one[f"n_{name}"] else None
        for one in (inside, outside)
    ]
    return {"figure": name, "segment": means[0], "rest": means[1]}


def told(cell: Cell) -> dict[str, Any]:
    """A cell of a profile as plain data: shares to 6 digits, the index to one."""
    bounds = cell.interval
    return {
        "field": cell.field,
        "value": cell.value,
        "customers": cell.customers,
        "share": round(cell.share, 6),
        "rest_share": round(cell.rest_share, 6),
        "index": None if cell.index is None else round(cell.index, 1),
        "lower": None if bounds is None else round(bounds[0], 1),
        "upper": None if bounds is None else round(bounds[1], 1),
        "telling": cell.telling,
        "asked": cell.asked,
        "group": cell.group,
    }


def cells(engine: Engine, marked: Marked) -> list[tuple[int, str, str, int]]:
    """(mask, field, value, customers) of everyone whose field is filled in, of the fields with few values."""
    import ibis

    if not marked.fields:
        return []
    rows = marked.rows
    parts = [
        rows.group_by("mask", value=rows[column])
        .aggregate(number=lambda t: t.count())
        .mutate(field=ibis.literal(column))
        for column in marked.fields
    ]
    counted = engine.fetch(parts[0] if len(parts) == 1 else ibis.union(*parts)).to_pylist()
    few = _of_few_values(marked, counted)
    told_of = [one for one in counted if one["field"] in few and (one["value"] or "").strip()]
    return [(one["mask"], marked.fields[one["field"]], one["value"], one["number"]) for one in told_of]


def _of_few_values(marked: Marked, counted: Iterable[Mapping[str, Any]]) -> set[str]:
    """Columns with more than one value and no more than MOST_VALUES: exactly, where engines had guessed differently."""
    values: dict[str, set[str]] = {column: set() for column in marked.fields}
    for one in counted:
        if one["value"] is not None:
            values[one["field"]].add(one["value"])
    few = [column for column, some in values.items() if 1 < len(some) <= MOST_VALUES]
    return set(few[:MOST_FIELDS])


def _overlaps(rules: Sequence[Rule], groups: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Pairs of segments with customers in common, the largest first."""
    found = [
        {
            "first": rules[one].name,
            "second": rules[other].name,
            "customers": sum(
                group["customers"] for group in groups if group["mask"] & 2**one and group["mask"] & 2**other
            ),
        }
        for one, other in combinations(range(len(rules)), 2)
    ]
    return sorted((pair for pair in found if pair["customers"]), key=lambda pair: -pair["customers"])


def _told(wrong: Mapping[str, tuple[str, Text]]) -> list[dict[str, Any]]:
    return [{"name": name, "reason": text.as_dict()} for name, (_, text) in wrong.items()]


def _empty(
    engine: Engine, rows: ir.Table, words: Vocabulary, marked: Marked, segments: Sequence[Mapping[str, Any]]
) -> Iterable[tuple[str, Text]]:
    """A warning for each segment without customers, where a text in its rule is the cause."""
    for rule, one in zip(marked.rules, segments, strict=True):
        why = explained(engine, rows, rule.filtered, words) if not one["customers"] else None
        if why is not None:
            yield (
                "segment_empty",
                Text(NOBODY.en.format(name=rule.name, why=why.en), NOBODY.zh.format(name=rule.name, why=why.zh)),
            )


# --- since when, and who came and went --------------------------------------------------------------------


def _since(work: Work, segments: Sequence[dict[str, Any]]) -> None:
    """Add to each segment since when its rule stands, and who came and went since the run compared with."""
    last, before = _earlier(work.latest), _earlier(work.before)
    common = _common(work, [one["name"] for one in segments if _same(one, before.get(one["name"]))])
    for one in segments:
        known, then = last.get(one["name"]), before.get(one["name"])
        one["since"] = known["since"] if _same(one, known) and known else work.as_of.isoformat()
        one["previous"] = None
        if then and _same(one, then) and common is not None:
            both = common.get(one["name"], 0)
            one["previous"] = {
                "as_of": then["as_of"],
                "customers": then["customers"],
                "joined": one["customers"] - both,
                "left": then["customers"] - both,
            }


def _same(one: Mapping[str, Any], other: Mapping[str, Any] | None) -> bool:
    """The same rule, however it is written?"""
    return other is not None and write(parse(one["rule"])) == other["written"]


def _earlier(run: Path | None) -> dict[str, dict[str, Any]]:
    """The segments that an earlier run told of, by name; none where it holds none that can be read."""
    if run is None or not (run / "worth.json").exists():
        return {}
    found: dict[str, dict[str, Any]] = {}
    try:
        facts = json.loads((run / "worth.json").read_text(encoding="utf-8")).get("segments") or {}
        as_of = json.loads((run / "manifest.json").read_text(encoding="utf-8"))["as_of"]
        for one in facts.get("segments", ()):
            written = write(parse(str(one["rule"])))
            said = {"since": str(one["since"]), "customers": int(one["customers"]), "as_of": str(as_of)}
            found[str(one["name"])] = {**said, "written": written}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, KezhiError):
        return {}
    return found


def _common(work: Work, names: Sequence[str]) -> dict[str, int] | None:
    """How many members of each segment were in it at that run, too; None where that is not known."""
    then = work.recorded(work.before, FILE, ("segment", "customer_id")) if names and work.before else None
    if then is None:
        return None
    now = work.engine.read_parquet(work.folder / FILE)
    both = now.filter(now.segment.isin(names)).semi_join(then, ["segment", "customer_id"])
    counted = work.engine.fetch(both.group_by("segment").aggregate(n=lambda t: t.count())).to_pylist()
    return {one["segment"]: one["n"] for one in counted}
