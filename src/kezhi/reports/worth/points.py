"""Points in the report: what gave them, who has most of them and why, and the rankings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kezhi.engine import Engine
from kezhi.language import Text
from kezhi.reports import numbers
from kezhi.reports.columns import Column
from kezhi.reports.markup import Child, Html, Row, folded, joined, table, tag, who
from kezhi.reports.sections import Canvas, heading
from kezhi.reports.sections import section as titled
from kezhi.reports.sheet_rows import NUMBER
from kezhi.reports.workbook import fill_long_sheet

if TYPE_CHECKING:
    import ibis.expr.types as ir

SHOWN, LISTED = 15, 10
TIER = 20  # how many of the first are compared between points and turnover
DECIDES = Decimal("0.8")  # share of all points from which a term is said to decide

TITLE = Text("Points", "积分")
PLAINLY = Text(
    "Points add up what a customer gives, by your own rules: what they bought, but also what is not money, such as "
    "suggestions. They are neither gross profit nor lifetime value.",
    "积分按企业自定的规则，把客户的各项贡献折算成分数相加：既有购买金额，也有建议等非货币价值。积分不是毛利，也不是生命周期价值。",
)
_POINTS = Text("Points", "积分")
_CUSTOMER = Text("Customer", "客户")
_CUSTOMERS = Text("Customers", "客户数")
_BY_TURNOVER = Text("Place by turnover", "营业额名次")


@dataclass(frozen=True)
class Term:
    """One term: what it counts, its rule in words, and what it gave."""

    term: str
    text: Text
    rule: Text
    customers: int
    records: int
    points: Decimal


@dataclass(frozen=True)
class Placed:
    """A customer with points by term, and the row of rankings.parquet."""

    row: Mapping[str, Any]
    parts: Mapping[str, Decimal]


@dataclass(frozen=True)
class Points:
    """What worth.json, points.parquet and rankings.parquet say: the first by points, by turnover and by both."""

    terms: tuple[Term, ...]
    customers: int
    points: Decimal
    best: tuple[Placed, ...]
    turnover: tuple[Placed, ...]
    combined: tuple[Placed, ...]
    ranking: Mapping[str, Any]
    factors: Mapping[str, float]

    @property
    def given(self) -> list[Term]:
        """The terms that gave points."""
        return [term for term in self.terms if term.customers]

    @property
    def small_buyers(self) -> list[Placed]:
        """Those with the most points who are not among as many largest buyers."""
        first = [one for one in self.best[:TIER] if one.row["points"] > 0]
        return [one for one in first if one.row["rank_amount"] > max(len(first), 1)]


def build(engine: Engine, run: Path, facts: Mapping[str, Any]) -> Points | None:
    """The points of a run; None where no term gave any."""
    if "ranking" not in facts:
        return None
    ranked, parts = (engine.read_parquet(run / f"{name}.parquet") for name in ("rankings", "points"))
    several = {
        rank: engine.fetch(ranked.order_by(rank, "customer_id").limit(most)).to_pylist()
        for rank, most in (("rank_points", TIER), ("rank_amount", LISTED), ("rank_combined", LISTED))
    }
    ids = sorted({row["customer_id"] for rows in several.values() for row in rows})
    found = engine.fetch(parts.filter(parts.customer_id.isin(ids)).select("customer_id", "term", "points"))
    by_customer: dict[str, dict[str, Decimal]] = {}
    for row in found.to_pylist():
        by_customer.setdefault(row["customer_id"], {})[row["term"]] = row["points"]
    best, turnover, combined = (
        tuple(Placed(row, by_customer.get(row["customer_id"], {})) for row in rows) for rows in several.values()
    )
    terms = tuple(
        Term(one["term"], Text(**one["text"]), Text(**one["rule"]), one["customers"], one["records"],
             Decimal(one["points"]))
        for one in facts["terms"]
    )  # fmt: skip
    return Points(
        terms,
        facts["customers"],
        Decimal(facts["points"]),
        best,
        turnover,
        combined,
        facts["ranking"],
        facts["factors"],
    )


# --- the page ---------------------------------------------------------------------------------------------


def section(found: Points, report: Any, canvas: Canvas) -> Html:  # noqa: ARG001
    """The customers with the most points and what gave them; rules and rankings folded."""
    return titled(
        canvas,
        TITLE,
        tag("p", canvas.say(PLAINLY), class_="soft"),
        tag("p", _why(found, canvas)),
        _balance(found, canvas),
        _best(found, canvas),
        folded(canvas.say(Text("The rules, and what each gave", "规则与各项得分")), _rules(found, canvas)),
        folded(canvas.say(Text("Rankings: by turnover, and with what is not money", "排位：营业额与非货币价值")),
               _rankings(found, canvas)),
        name="points",
    )  # fmt: skip


def _why(found: Points, canvas: Canvas) -> str:
    """How many are important though they buy little, and what for."""
    few = found.small_buyers
    first = min(TIER, len([one for one in found.best if one.row["points"] > 0]))
    if not first:
        return canvas.say(Text("No customer has more than 0 points.", "没有客户的积分高于 0。"))
    if not few:
        said = Text(
            "The {first} customers with the most points are also the {first} largest buyers.",
            "积分最高的 {first} 位客户同时也是购买最多的 {first} 位客户。",
        )
        return canvas.say(said, first=first)
    some = Text(
        "Of the {first} customers with the most points, {few} are not among the {first} largest buyers; they are there "
        "mainly for: {reasons}.",
        "积分最高的 {first} 位客户中，有 {few} 位不在购买最多的 {first} 位之内，得分主要来自{reasons}。",
    )
    none = Text(
        "None of the {first} customers with the most points is among the {first} largest buyers; they are there mainly "
        "for: {reasons}.",
        "积分最高的 {first} 位客户都不在购买最多的 {first} 位之内，得分主要来自{reasons}。",
    )
    said = none if len(few) == first else some
    names = {term.term: term.text for term in found.terms}
    reasons = Counter(mainly(one) for one in few)
    mark = Text(" and ", "和").to(canvas.language)
    words = mark.join(names[term].to(canvas.language) for term, _ in reasons.most_common(2))
    return canvas.say(said, first=first, few=len(few), reasons=words)


def _balance(found: Points, canvas: Canvas) -> Html | None:
    """A word of warning where one term decides nearly everything."""
    whole = sum((abs(term.points) for term in found.terms), Decimal(0))
    most = max(found.terms, key=lambda term: abs(term.points))
    if len(found.given) < 2 or abs(most.points) < whole * DECIDES:
        return None
    said = Text(
        "{share} of all points come from one term: {term}. If the others should weigh more, change the rules in "
        "kezhi.toml, such as points.bought.per.",
        "全部积分的 {share} 来自{term}一项。若希望其他各项分量更重，请在 kezhi.toml 中调整规则，"
        "例如 points.bought.per。",
    )
    filled = canvas.say(said, share=numbers.percent(abs(most.points) / whole), term=canvas.say(most.text))
    return tag("p", filled, class_="soft")


def mainly(one: Placed) -> str:
    """The term that gave a customer most."""
    return max(one.parts.items(), key=lambda part: part[1])[0]


def points(value: Decimal | None) -> str:
    """Points in two decimals; a dash where there is no record."""
    return numbers.grouped(value, 2)


def _who(canvas: Canvas, place: int, row: Mapping[str, Any]) -> Html:  # noqa: ARG001
    return who(row["customer_id"], row["name"], f"{place}. ")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _best(found: Points, canvas: Canvas) -> Html:
    heads = [canvas.say(_CUSTOMER), canvas.say(_POINTS)]
    heads += [_capital(canvas.say(term.text)) for term in found.given]
    heads.append(canvas.say(_BY_TURNOVER))
    rows = []
    for one in found.best[:SHOWN]:
        cells: list[Child] = [
            _who(canvas, one.row["rank_points"], one.row),
            tag("span", points(one.row["points"]), class_="strong"),
            *(points(one.parts.get(term.term)) for term in found.given),
            numbers.grouped(one.row["rank_amount"]),
        ]
        rows.append(Row(cells))
    return table(heads, rows, range(1, len(heads)))


def _rules(found: Points, canvas: Canvas) -> Html:
    heads = [canvas.say(head) for head in (Text("Term", "积分项"), _CUSTOMERS, Text("Records", "记录数"), _POINTS,
                                           Text("Rule", "规则"))]  # fmt: skip
    rows = [
        Row(
            [
                tag("span", _capital(canvas.say(term.text)), class_="who"),
                numbers.grouped(term.customers),
                numbers.grouped(term.records),
                points(term.points),
                canvas.say(term.rule),
            ]
        )
        for term in found.terms
    ]
    total = [canvas.say(Text("All", "合计")), numbers.grouped(found.customers), "", points(found.points), ""]
    return table(heads, [*rows, Row(total, "total")], (1, 2, 3))


def _rankings(found: Points, canvas: Canvas) -> Html:
    weight = found.ranking["money_weight"]
    by = {
        "rank": Text("the places by turnover and by what is not money", "营业额名次与非货币价值名次"),
        "points": Text("the points for money and for what is not money", "货币价值积分与非货币价值积分"),
    }[found.ranking["by"]]
    how = Text("Both combined: {by}, weighted {money} to {other}.", "两者合并：{by}，权重为 {money} 比 {other}。")
    said = canvas.say(how, by=canvas.say(by), money=numbers.percent(weight), other=numbers.percent(1 - weight))
    return joined(
        [
            heading(canvas, Text("By turnover", "按营业额")),
            _turnover(found, canvas),
            heading(canvas, Text("Turnover and what is not money, combined", "营业额与非货币价值合并")),
            tag("p", said, class_="soft"),
            _both(found, canvas),
        ]
    )


def _turnover(found: Points, canvas: Canvas) -> Html:
    heads = [_CUSTOMER, Text("Turnover", "营业额"), Text("Share", "占比"), Text("Cumulative share", "累计占比")]
    rows = [
        Row(
            [
                _who(canvas, one.row["rank_amount"], one.row),
                numbers.grouped(one.row["amount"], 2),
                numbers.percent(one.row["share"], 1),
                numbers.percent(one.row["cumulative_share"], 1),
            ]
        )
        for one in found.turnover
    ]
    return table([canvas.say(head) for head in heads], rows, (1, 2, 3))


def _both(found: Points, canvas: Canvas) -> Html:
    heads = [_CUSTOMER, _BY_TURNOVER, Text("Place by what is not money", "非货币价值名次"), _POINTS]
    rows = [
        Row(
            [
                _who(canvas, one.row["rank_combined"], one.row),
                numbers.grouped(one.row["rank_amount"]),
                numbers.grouped(one.row["rank_other"]),
                points(one.row["points"]),
            ]
        )
        for one in found.combined
    ]
    return table([canvas.say(head) for head in heads], rows, (1, 2, 3))


# --- the workbook -----------------------------------------------------------------------------------------


def sheets(found: Points, book: Any, engine: Engine, run: Path, report: Any) -> None:  # noqa: ARG001
    """The score sheet of the best: parts as columns, places, factor scores."""
    ranked, parts = (engine.read_parquet(run / f"{name}.parquet") for name in ("rankings", "points"))
    columns = _columns(found, ranked.columns)
    best = engine.store(_score_sheet(found.given, ranked, parts, book.listed))
    count = engine.row(best.aggregate(count=best.count()))["count"]
    sheet = book.sheet(TITLE, [column.width for column in columns])
    said = Text("The {n} customers with the most points. {plainly}", "积分最高的 {n} 位客户。{plainly}")
    sheet.line(book.say(said, n=f"{count:,}", plainly=book.say(PLAINLY)))
    sheet.cut(count, "points.parquet")
    totals = {"points": found.points} | {
        f"part_{place}": term.points for place, term in enumerate(found.given)
    }  # fmt: skip
    summed = [column.field for column in columns if column.total]
    shown = engine.row(best.aggregate(**{name: best[name].sum().cast("decimal(38, 4)") for name in summed}))
    fill_long_sheet(
        engine,
        sheet,
        columns,
        best,
        count=count,
        label=Text("All customers", "全部客户"),
        totals=totals,
        shown=shown,
    )


def _score_sheet(terms: Sequence[Term], ranked: ir.Table, parts: ir.Table, most: int) -> ir.Table:
    """The best by points, numbered, with a column `part_N` for each term."""
    import ibis

    first = ranked.order_by("rank_points", "customer_id").limit(most)
    number: Any = ibis.row_number().over(ibis.window(order_by=["rank_points", "customer_id"])) + 1
    first = first.mutate(**{NUMBER: number})
    sums: dict[str, Any] = {
        f"part_{place}": parts.points.sum(where=parts.term == term.term).cast("decimal(38, 4)")
        for place, term in enumerate(terms)
    }
    if not sums:
        return first
    wide = parts.semi_join(first, "customer_id").group_by("customer_id").aggregate(**sums)
    return first.left_join(wide, "customer_id", rname="{name}_of_part").drop("customer_id_of_part")


def _columns(found: Points, have: Sequence[str]) -> list[Column]:
    def column(field: str, en: str, zh: str, kind: Any, *, total: bool = False) -> Column:
        return Column(field, Text(en, zh), Text(en, zh), kind, total)

    parts = [
        Column(f"part_{place}", Text(_capital(term.text.en), term.text.zh), term.rule, "number", total=True)
        for place, term in enumerate(found.given)
    ]
    every = [
        column("customer_id", "Customer id", "客户编号", "text"),
        column("name", "Name", "客户名称", "text"),
        column("points", "Points", "积分", "number", total=True),
        *parts,
        column("rank_points", "Place by points", "积分名次", "count"),
        column("amount", "Turnover", "营业额", "money", total=True),
        column("share", "Share", "占比", "share"),
        column("rank_amount", "Place by turnover", "营业额名次", "count"),
        column("rank_other", "Place by what is not money", "非货币价值名次", "count"),
        column("rank_combined", "Both combined", "合并名次", "count"),
        column("profit_score", "Profit (0-10)", "利润（0–10）", "number"),
        column("category_score", "Kind of customer (0-10)", "客户类别（0–10）", "number"),
        column("loyalty_score", "Loyalty (0-10)", "消费忠诚度（0–10）", "number"),
        column("need_score", "Needs (0-10)", "客户需求（0–10）", "number"),
        column("factor_score", "Key factors (0-10)", "关键因素（0–10）", "number"),
    ]
    return [one for one in every if one.field in have or one.field.startswith("part_")]
