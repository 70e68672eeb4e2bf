"""Points: what a customer gives, also what is not money, by the company's own rules (method, section 8).

points = the sum over terms (bought, open opportunities, suggestions, predicted needs, ...) of what the term's rule
gives for the customer's quantity. Terms and rules are those of `[points]` in kezhi.toml.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

from kezhi.language import Text
from kezhi.ledger import SUM
from kezhi.settings.scoring import SOURCES, Rule, rules_of
from kezhi.valuation import Columns
from kezhi.worth.point_rows import WIDE, Known, grade_of, known_grades, rows_of, summed
from kezhi.worth.point_words import rule_words, source_words
from kezhi.worth.rankings import write_rankings
from kezhi.worth.work import Found, Work

if TYPE_CHECKING:
    import ibis.expr.types as ir

FACTOR = "decimal(28, 12)"  # points for one unit; twice the same scale, because Ibis multiplies no two
PLACES = Decimal("0.0001")
SMALL = Decimal(1)  # the largest buyer's points below which the rule hardly tells customers apart
NAMED = 3  # grades named in a warning

UNKNOWN_SOURCE = Text(
    "The points term '{name}' was left out: there is no source '{source}'. Sources: {known}, or customers.COLUMN.",
    "积分项“{name}”未计入：没有名为“{source}”的来源。可用来源：{known}，或 customers.列名。",
)
NO_COLUMN = Text(
    "The points term '{name}' was left out: the customer table has no column '{column}' {kind}.",
    "积分项“{name}”未计入：客户表中没有{kind}“{column}”这一列。",
)
WITH_NUMBERS, WITH_WORDS = Text("of numbers", "数值型的"), Text("that can be graded", "可分级的")
NO_DATA = Text(
    "The points term '{name}' gave nobody points: the book holds nothing of it ({source}).",
    "积分项“{name}”没有给任何客户积分：台账中没有相应数据（{source}）。",
)
UNKNOWN_GRADE = Text(
    "{rows} records of the points term '{name}' gave no points, because the rule names no points for their grade "
    "({grades}). Add it to points.{name}.grades.",
    "积分项“{name}”有 {rows} 条记录没有得分，因为规则没有写明其等级（{grades}）的分值。"
    "请在 points.{name}.grades 中补充。",
)
NO_GRADE = Text("none", "未填写")
SMALL_POINTS = Text(
    "The largest buyer has only {points} points from '{name}', so what customers bought hardly counts beside other "
    "terms. With points.{name}.per = {per} it would be {then}.",
    "购买最多的客户在“{name}”一项只得 {points} 分，购买金额与其他各项相比几乎不起作用。"
    "若设 points.{name}.per = {per}，则为 {then} 分。",
)


def known_of(work: Work) -> Known:
    """What a run knows at `as_of`."""
    first = work.ledger.statistics.select("customer_id", "first_purchase")
    ids = first.select("customer_id")
    return Known(work.book, work.as_of, work.folder, ids, first, work.engine.read_parquet)


@dataclass(frozen=True)
class Counted:
    """One term counted: customer_id, quantity, records, and points where the rule has grades; or why not."""

    rule: Rule
    rows: ir.Table | None
    warning: tuple[str, Text] | None = None


def measured(work: Work) -> Found | None:
    """Points of every customer, their parts and the rankings; None where purchases are all that is known.

    Writes points.parquet (customer x term) and rankings.parquet.
    """
    rules = rules_of(work.settings.points)
    known = known_of(work)
    counted = [_counted(work, known, rule) for rule in rules]
    there = [one for one in counted if one.rows is not None]
    warnings = [one.warning for one in counted if one.warning]
    # purchases, and the needs foreseen from them, say nothing that the amount does not say
    more = any(one.rule.source not in ("bought", "needs") for one in there)
    if not (more or work.settings.points != type(work.settings)().points):
        return None
    parts = work.engine.store(_parts(there, rules)) if there else None
    found = _facts(work, rules, parts)
    warnings += _small(found, rules)
    if parts is None:
        return Found({"terms": found}, warnings=tuple(warnings))
    order = ["customer_id", "place"]
    names = [(number, rule.name) for number, rule in enumerate(rules)]
    written = parts.order_by(order).mutate(term=parts.place.cases(*names))
    columns = ("customer_id", "term", "quantity", "records", "points")
    work.engine.write_parquet(written.select(*columns), work.folder / "points.parquet")
    totals = work.engine.store(_totals(parts, rules))
    ranked = write_rankings(work, totals, need_known=any(one.rule.source in NEEDS for one in there))
    return Found(
        {"terms": found, **_all(work, totals), **ranked},
        Columns(totals.select("customer_id", "points"), {"points": 0.0}),
        tuple(warnings),
    )


NEEDS = ("open", "suggestions", "needs")  # the sources that speak of what a customer needs


def _counted(work: Work, known: Known, rule: Rule) -> Counted:
    """One term's quantities by customer."""
    if rule.column is None and rule.source not in SOURCES:
        known_sources = ", ".join(SOURCES)
        return Counted(
            rule, None, ("points_source", UNKNOWN_SOURCE.fill(name=rule.name, source=rule.source, known=known_sources))
        )
    if rule.source == "bought":
        return Counted(rule, _bought(work))
    rows = _acquisition(work) if rule.source == "acquisition_cost" else rows_of(known, rule)
    if rows is None and rule.column is not None:
        kind = WITH_WORDS if rule.grades else WITH_NUMBERS
        text = Text(
            NO_COLUMN.en.format(name=rule.name, column=rule.column, kind=kind.en),
            NO_COLUMN.zh.format(name=rule.name, column=rule.column, kind=kind.zh),
        )
        return Counted(rule, None, ("points_column", text))
    if rows is None:
        return Counted(rule, None, None if rule.usual else ("points_no_data", _no_data(rule)))
    if not rule.grades:
        return Counted(rule, summed(rows, rule, None))
    graded = rows.filter(known_grades(rows, rule.grades))
    return Counted(rule, summed(graded, rule, grade_points(graded, rule)), _unknown_grades(work, rows, rule))


def _no_data(rule: Rule) -> Text:
    words = source_words(rule)
    return Text(NO_DATA.en.format(name=rule.name, source=words.en), NO_DATA.zh.format(name=rule.name, source=words.zh))


def _bought(work: Work) -> ir.Table:
    """From the ledger, which has added it up already; its records are purchases."""
    people = work.ledger.statistics
    there: Any = (people.purchases > 0) | (people.amount != 0)
    people = people.filter(there)
    return people.select(
        "customer_id", quantity=people.amount.cast(WIDE).cast(SUM), records=people.purchases.cast("int64")
    )


def _acquisition(work: Work) -> ir.Table | None:
    """What it cost to win each customer, as `costs` says once for all."""
    import ibis

    if work.costs is None or work.costs.acquired is None:
        return None
    rows = work.ledger.named(work.costs.acquired)
    return rows.select(
        "customer_id",
        date=ibis.null("date"),
        quantity=rows.cost.cast(WIDE).cast(SUM),
        text=ibis.null("string"),
    )


def _unknown_grades(work: Work, rows: ir.Table, rule: Rule) -> tuple[str, Text] | None:
    """Records whose grade the rule does not know, and a few of the grades."""
    if rule.column is not None:
        return None  # a kind of customer that gives no points is no mistake
    unknown = rows.filter(~known_grades(rows, rule.grades))
    counts = unknown.group_by("grade").aggregate(rows=unknown.count())
    found = work.engine.fetch(counts.order_by(counts.rows.desc(), "grade")).to_pylist()
    if not found:
        return None
    named = [row["grade"] for row in found[:NAMED]]
    filled = {
        language: UNKNOWN_GRADE.to(language).format(
            rows=f"{sum(row['rows'] for row in found):,}",
            name=rule.name,
            grades=", ".join(grade[:20] if grade else NO_GRADE.to(language) for grade in named),
        )
        for language in ("en", "zh")
    }
    return "points_grade", Text(**filled)


# --- rules as expressions, and the same for one number


def factor(rule: Rule) -> Decimal:
    """Points for one unit of a proportional rule."""
    return (rule.points / rule.per).quantize(Decimal(1).scaleb(-12), ROUND_HALF_UP)


def points_of(rule: Rule, quantity: Decimal) -> Decimal:
    """What a rule without grades gives for a quantity."""
    if rule.steps:
        given = [points for start, points in rule.steps if quantity >= start]
        points = given[-1] if given else Decimal(0)
    else:
        points = (quantity - rule.zero_at) * factor(rule)
    return capped(rule, points)


def capped(rule: Rule, points: Decimal) -> Decimal:
    """Points in four decimals, within the cap."""
    rounded = points.quantize(PLACES, ROUND_HALF_UP)
    return rounded if rule.cap is None else max(min(rounded, rule.cap), -rule.cap)


def grade_points(rows: ir.Table, rule: Rule) -> Any:
    """The points of each record by its grade."""
    cases = [(grade_of(grade), _number(points, SUM)) for grade, points in rule.grades.items()]
    return rows.grade.cases(*cases, else_=_number(Decimal(0), SUM))


def _number(value: Decimal, kind: str) -> Any:
    import ibis

    return ibis.literal(value, type=kind)


def points_column(rows: ir.Table, rule: Rule) -> Any:
    """`points_of` for every row of quantities."""
    import ibis

    quantity: Any = rows.quantity
    if rule.grades:
        points: Any = rows.points
    elif rule.steps:
        highest = [(quantity >= _number(start, SUM), _number(points, SUM)) for start, points in reversed(rule.steps)]
        points = ibis.cases(*highest, else_=_number(Decimal(0), SUM))
    else:
        above: Any = quantity.cast(FACTOR)
        if rule.zero_at:
            above = (above - _number(rule.zero_at, FACTOR)).cast("decimal(38, 12)").cast(FACTOR)
        points = above * _number(factor(rule), FACTOR)
        points = points.cast("decimal(38, 24)")  # what the engine has made of it already
    points = points.cast(WIDE).cast(SUM)
    if rule.cap is None:
        return points
    return ibis.least(ibis.greatest(points, _number(-rule.cap, SUM)), _number(rule.cap, SUM))


def _parts(counted: Sequence[Counted], rules: Sequence[Rule]) -> ir.Table:
    """customer_id, place (the term's among the rules), quantity, records, points."""
    import ibis

    several = []
    for one in counted:
        assert one.rows is not None, "only terms that were found"
        several.append(
            one.rows.select(
                "customer_id",
                "quantity",
                "records",
                place=ibis.literal(rules.index(one.rule)).cast("int32"),
                points=points_column(one.rows, one.rule),
            )
        )
    return ibis.union(*several) if len(several) > 1 else several[0]


def _totals(parts: ir.Table, rules: Sequence[Rule]) -> ir.Table:
    """customer_id, points, money_points, other_points, need_points."""
    money = [place for place, rule in enumerate(rules) if rule.money]
    needs = [place for place, rule in enumerate(rules) if rule.source in NEEDS]

    def summed_where(where: Any) -> Any:
        total: Any = parts.points.sum(where=where)
        return total.cast(WIDE).cast(SUM).coalesce(_number(Decimal(0), SUM))

    every: Any = parts.points.sum()
    return parts.group_by("customer_id").aggregate(
        points=every.cast(WIDE).cast(SUM),
        money_points=summed_where(parts.place.isin(money)),
        other_points=summed_where(~parts.place.isin(money)),
        need_points=summed_where(parts.place.isin(needs)),
    )


# --- the company's figures


def _facts(work: Work, rules: Sequence[Rule], parts: ir.Table | None) -> list[dict[str, Any]]:
    """One entry per term: its rule in words, and what it gave to how many."""
    counts: dict[int, dict[str, Any]] = {}
    if parts is not None:
        gave: Any = parts.points != 0
        found = parts.group_by("place").aggregate(
            customers=gave.sum().cast("int64"),
            records=parts.records.sum().cast("int64"),
            quantity=parts.quantity.sum().cast(WIDE).cast(SUM),
            points=parts.points.sum().cast(WIDE).cast(SUM),
            most=parts.points.max(),
            largest=parts.quantity.max(),
        )
        counts = {row.pop("place"): row for row in work.engine.fetch(found).to_pylist()}
    nothing: dict[str, Any] = {"customers": 0, "records": 0} | dict.fromkeys(("quantity", "points"), Decimal(0))
    nothing |= {"most": None, "largest": None}
    return [
        {
            "term": rule.name,
            "source": rule.source,
            "text": source_words(rule).as_dict(),
            "rule": rule_words(rule).as_dict(),
            "money": rule.money,
            **counts.get(place, nothing),
        }
        for place, rule in enumerate(rules)
    ]


def _all(work: Work, totals: ir.Table) -> dict[str, Any]:
    gave: Any = totals.points != 0
    below: Any = totals.points < 0
    found = totals.aggregate(
        customers=gave.sum().cast("int64"),
        negative=below.sum().cast("int64"),
        points=totals.points.sum().cast(WIDE).cast(SUM),
    )
    return work.engine.row(found)


def _small(found: Sequence[dict[str, Any]], rules: Sequence[Rule]) -> list[tuple[str, Text]]:
    """Where even the largest buyer has next to no points: a `per` with which that is not so."""
    warnings = []
    for one, rule in zip(found, rules, strict=True):
        if rule.source != "bought" or rule.steps or rule.cap is not None or rule.zero_at or not one["largest"]:
            continue
        if one["largest"] > 0 and 0 <= one["most"] < SMALL and rule.weight > 0 < rule.points:
            per = Decimal(10) ** one["largest"].adjusted()
            then = one["largest"] * rule.points / per
            warnings.append(
                (
                    "points_small",
                    SMALL_POINTS.fill(
                        name=rule.name, points=f"{one['most'].normalize():f}", per=f"{per:f}", then=f"{then:.1f}"
                    ),
                )
            )
    return warnings
