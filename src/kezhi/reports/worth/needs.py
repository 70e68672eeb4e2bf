"""What customers may need next, how well such a list would have done, and which products go together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from kezhi.engine import Engine
from kezhi.language import Text
from kezhi.reports import numbers
from kezhi.reports.markup import Child, Html, Row, folded, joined, table, tag, who
from kezhi.reports.names import with_names
from kezhi.reports.sections import Canvas, heading
from kezhi.reports.sections import section as titled
from kezhi.worth.needs.words import KINDS, why

SHOWN = 12

_LISTS = {
    "needs": Text("This list", "本清单"),
    "again": Text("Each customer's own products again", "各客户自己买过的产品"),
    "popular": Text("What most customers buy", "全体热销产品"),
}
_SCOPES = {
    "basket": Text("Bought on the same day", "同一天购买"),
    "history": Text("Bought by the same customer", "同一客户购买"),
}
# headings that the page and the workbook share
_CUSTOMER = Text("Customer", "客户")
_PRODUCT = Text("Product", "产品")
_REASON = Text("Reason", "原因")
_CHANCE = Text("Chance", "概率")
_EXPECTED = Text("Expected value", "期望价值")
_DAY = Text("Expected on", "预计日期")


@dataclass(frozen=True)
class Needs:
    """The figures of worth.json, and the needs of highest expected value with the customers' names."""

    facts: dict[str, Any]
    best: tuple[dict[str, Any], ...]

    @property
    def until(self) -> date:
        """The last day of the window."""
        return date.fromisoformat(str(self.facts["until"]))

    def rules(self, scope: str) -> list[dict[str, Any]]:
        """The strongest rules of baskets or of histories."""
        return list(self.facts["rules"][scope])


def build(engine: Engine, run: Path, facts: Mapping[str, Any]) -> Needs | None:
    """The needs of a run; None where there is not one."""
    if not facts["total"]["needs"]:
        return None
    return Needs(dict(facts), tuple(_best(engine, run, SHOWN)))


def _best(engine: Engine, run: Path, count: int) -> list[dict[str, Any]]:
    """Needs by expected value (by what they are worth where no chance is known), with the customers' names."""
    import ibis

    needs = engine.read_parquet(run / "needs.parquet")
    order = [ibis.desc(needs.expected_value.coalesce(0)), ibis.desc(needs.value.coalesce(0)), "customer_id", "rank"]
    first = needs.order_by(order).limit(count)
    joined = with_names(engine, run, first)
    order = [ibis.desc(joined.expected_value.coalesce(0)), ibis.desc(joined.value.coalesce(0)), "customer_id", "rank"]
    rows: list[dict[str, Any]] = engine.fetch(joined.order_by(order)).to_pylist()
    return rows


# --- the page ---------------------------------------------------------------------------------------------


def section(found: Needs, report: Any, canvas: Canvas) -> Html:
    """The needs worth most; the list on trial; kinds and rules folded."""
    said = Text(
        "Which products each customer is likeliest to buy by {until}, when, what that is worth, and why.",
        "到{until}为止，每位客户最可能购买哪些产品、何时购买、价值多少，以及原因。",
    )
    return titled(
        canvas,
        Text("What customers may need next", "客户未来可能需要什么"),
        tag("p", canvas.say(said, until=numbers.day(found.until, canvas.language)), class_="soft"),
        heading(canvas, Text("The needs worth most", "期望价值最高的需求")),
        _needs_table(found.best, canvas),
        tag("p", canvas.say(_view(found, report)), class_="soft"),
        _trial(found, canvas),
        folded(canvas.say(Text("By reason", "按原因汇总")), _kinds_table(found, canvas)),
        _rules(found, canvas),
        name="needs",
    )


def _needs_table(rows: Sequence[Mapping[str, Any]], canvas: Canvas) -> Html:
    heads = [_CUSTOMER, _PRODUCT, _DAY, _CHANCE, Text("If bought", "若购买金额"), _EXPECTED, _REASON]
    body = [Row(_cells(row, canvas)) for row in rows]
    return table([canvas.say(head) for head in heads], body, (2, 3, 4, 5))


def _cells(row: Mapping[str, Any], canvas: Canvas) -> list[Child]:
    reason = joined([tag("strong", canvas.say(KINDS[row["kind"]])), " · ", canvas.say(why(row))])
    return [
        who(row["customer_id"], row["name"]),
        row["product_name"] or row["product_id"],
        numbers.short_day(row["expected_on"]),
        numbers.percent(row["probability"]),
        numbers.grouped(row["value"]),
        tag("span", numbers.grouped(row["expected_value"]), class_="strong"),
        tag("span", reason, class_="sub"),
    ]


def _view(found: Needs, report: Any) -> Text:
    facts = found.facts
    total = facts["total"]
    counted = {"needs": f"{total['needs']:,}", "customers": f"{total['customers']:,}"}
    if total["expected_value"] is None:
        unknown = Text(
            "{needs} needs of {customers} customers. The history is too short to say how likely they are.",
            "共 {needs} 项需求，涉及 {customers} 位客户。历史太短，无法估计概率。",
        )
        return unknown.fill(**counted)
    said = Text(
        "{needs} needs of {customers} customers, together expected to bring {value}. This is a view on what the "
        "forecast purchases of {forecast} may consist of; it is never added to them.",
        "共 {needs} 项需求，涉及 {customers} 位客户，期望金额合计 {value}。这是对预测购买金额 {forecast} "
        "可能由哪些产品构成的一种看法，绝不与之相加。",
    )

    def money(value: Any) -> str:
        return numbers.grouped(Decimal(str(value)))

    del report
    return said.fill(**counted, value=money(total["expected_value"]), forecast=money(facts["forecast_amount"]))


# --- would it have worked ---------------------------------------------------------------------------------


def _trial(found: Needs, canvas: Canvas) -> Html:
    title = heading(canvas, Text("Would such a list have worked?", "这样的清单是否有效？"))
    trial = found.facts["trial"]
    if not trial or not trial["customers"]:
        short = Text(
            "The history is too short to try it on the past: three stretches as long as the forecast are needed.",
            "历史太短，无法用过去检验：至少需要三段与预测期等长的历史。",
        )
        return joined([title, tag("p", canvas.say(short))])
    heads = [
        Text("First products of", "清单"),
        *(Text(f"Hit, first {k}", f"前 {k} 项命中率") for k in (1, 3, 5)),
        Text("Recall, first 5", "前 5 项召回率"),
    ]
    rows = [
        Row(
            [
                canvas.say(_LISTS[one["list"]]),
                *(numbers.percent(one["hit_rate"][str(k)], 1) for k in (1, 3, 5)),
                numbers.percent(one["recall"]["5"], 1),
            ],
            "forecast" if one["list"] == "needs" else None,
        )
        for one in trial["scores"]
    ]
    made = table([canvas.say(head) for head in heads], rows, range(1, len(heads)))
    return joined([title, tag("p", canvas.say(_tried(trial, canvas))), made, _honest(trial, canvas)])


def _tried(trial: Mapping[str, Any], canvas: Canvas) -> Text:
    said = Text(
        "Made on {split} with what was known then, for the {customers} customers who bought again by {until}. Hit: the "
        "share of them who bought at least one of the products; recall: the share of all they bought that was listed.",
        "用{split}当时已知的数据制作，检验随后到{until}再次购买的 {customers} 位客户。命中率：至少买了清单中一种产品的"
        "客户占比；召回率：所购产品中被清单列出的占比。",
    )
    days = {name: numbers.day(date.fromisoformat(str(trial[name])), canvas.language) for name in ("split", "until")}
    return said.fill(customers=f"{trial['customers']:,}", **days)


def _honest(trial: Mapping[str, Any], canvas: Canvas) -> Html:
    """Who won, beyond chance; and whether the chances were right."""
    rates = {one["list"]: one["hit_rate"]["3"] for one in trial["scores"]}
    simple = max(("again", "popular"), key=lambda name: rates[name])
    # twice the standard error of a share of so many customers
    noise = 2 * (max(rates[simple] * (1 - rates[simple]), 0.01) / trial["customers"]) ** 0.5
    ahead = rates["needs"] - rates[simple]
    if ahead > noise:
        said = Text(
            "Of the first three products this list did better than both simple ones.",
            "就前三项而言，本清单优于两种简单清单。",
        )
    elif ahead < -noise:
        said = Text(
            "A simpler list did better here: {name}. Take the order of the products with care.",
            "此处更简单的清单效果更好：{name}。请谨慎看待产品的先后。",
        ).fill(name=canvas.say(_LISTS[simple]))
    else:
        said = Text(
            "Of the first three products this list and “{name}” did equally well, within chance.",
            "就前三项而言，本清单与“{name}”效果相当（差异在偶然范围内）。",
        ).fill(name=canvas.say(_LISTS[simple]))
    listed = trial["calibration"]["listed"]
    right = Text(
        "Of {needs} needs listed then, {expected} were said to come true and {came} did{after}.",
        "当时列出的 {needs} 项需求中，预计 {expected} 项会实现，实际 {came} 项{after}。",
    )
    lowered = Text(
        "; today's chances are lowered by the part of this that comes from picking the likeliest",
        "；其中因“只挑概率最高者”而高估的部分，今天的概率已相应下调",
    )
    after = lowered if trial["calibration"]["correction"] < 1 else Text("", "")
    figures = {
        "needs": f"{listed['needs']:,}",
        "expected": f"{listed['expected']:,.0f}",
        "came": f"{listed['came']:,}",
        "after": canvas.say(after),
    }
    return tag("p", canvas.say(said), canvas.say(Text(" ", "")), canvas.say(right, **figures), class_="soft")


# --- kinds and rules --------------------------------------------------------------------------------------


def _kinds_table(found: Needs, canvas: Canvas) -> Html:
    heads = [_REASON, Text("Needs", "需求数"), _EXPECTED, Text("Expected gross profit", "期望毛利")]
    rows = [
        Row(
            [
                canvas.say(KINDS[row["kind"]]),
                numbers.grouped(row["needs"]),
                _decimal(row["expected_value"]),
                _decimal(row["expected_profit"]),
            ]
        )
        for row in found.facts["kinds"]
    ]
    return table([canvas.say(head) for head in heads], rows, (1, 2, 3))


def _decimal(value: Any) -> str:
    return numbers.ABSENT if value is None else numbers.grouped(Decimal(str(value)))


def _rules(found: Needs, canvas: Canvas) -> Html | None:
    parts: list[Child] = []
    for scope, title in _SCOPES.items():
        if found.rules(scope):
            parts += [heading(canvas, title), _rules_table(found.rules(scope), canvas)]
    if not parts:
        return None
    said = Text(
        "Support: the share of all purchases (or customers) with both; confidence: of those with the first, the share "
        "that also has the second; lift: how many times more often than among all.",
        "支持度：同时含两者的购买（或客户）占比；置信度：含前者的之中也含后者的占比；提升度：是全体占比的几倍。",
    )
    label = canvas.say(Text("Products that go together", "相互关联的产品"))
    return folded(label, tag("p", canvas.say(said), class_="soft"), *parts)


def _rules_table(rows: Sequence[Mapping[str, Any]], canvas: Canvas) -> Html:
    heads = [
        Text("Who has", "已有"),
        Text("also has", "也有"),
        Text("Both", "同时"),
        Text("Support", "支持度"),
        Text("Confidence", "置信度"),
        Text("Lift", "提升度"),
    ]
    body = [
        Row(
            [
                row["product_name"] or row["product_id"],
                row["then_name"] or row["then_product_id"],
                numbers.grouped(row["both"]),
                numbers.percent(row["support"], 2),
                numbers.percent(row["confidence"]),
                numbers.grouped(row["lift"], 1),
            ]
        )
        for row in rows
    ]
    return table([canvas.say(head) for head in heads], body, (2, 3, 4, 5))


# --- the workbook -----------------------------------------------------------------------------------------

_NEEDS: tuple[tuple[str, Text, int, str], ...] = (
    ("customer_id", Text("Customer id", "客户编号"), 16, "text"),
    ("name", Text("Name", "客户名称"), 22, "text"),
    ("rank", Text("Rank", "序"), 7, "count"),
    ("product_id", Text("Product id", "产品编号"), 14, "text"),
    ("product_name", _PRODUCT, 24, "text"),
    ("kind", _REASON, 20, "kind"),
    ("expected_on", _DAY, 12, "day"),
    ("probability", _CHANCE, 9, "share"),
    ("value", Text("If bought", "若购买金额"), 13, "money"),
    ("expected_value", _EXPECTED, 13, "money"),
    ("expected_profit", Text("Expected gross profit", "期望毛利"), 13, "money"),
    ("why", Text("Why", "说明"), 70, "why"),
)
_RULES: tuple[tuple[str, Text, int, str], ...] = (
    ("scope", Text("Together", "方式"), 24, "scope"),
    ("product_id", Text("Who has", "已有产品编号"), 14, "text"),
    ("product_name", _PRODUCT, 24, "text"),
    ("then_product_id", Text("also has", "也有产品编号"), 14, "text"),
    ("then_name", _PRODUCT, 24, "text"),
    ("both", Text("Both", "同时"), 9, "count"),
    ("support", Text("Support", "支持度"), 10, "share"),
    ("confidence", Text("Confidence", "置信度"), 11, "share"),
    ("lift", Text("Lift", "提升度"), 9, "number"),
)


def sheets(found: Needs, book: Any, engine: Engine, run: Path, report: Any) -> None:
    """The needs worth most, all of them where they are few, and the rules with the highest lift."""
    import ibis

    del report
    count = min(int(found.facts["total"]["needs"]), book.listed)
    said = Text(
        "The {count} needs of highest expected value, of {all}. All of them: needs.parquet in the run folder. They are "
        "a view on what the forecast purchases may be, never added to them.",
        "期望价值最高的 {count} 项需求（共 {all} 项），全部见运行文件夹中的 needs.parquet。"
        "这是对预测购买构成的看法，不与预测相加。",
    ).fill(count=f"{count:,}", all=f"{found.facts['total']['needs']:,}")
    _sheet(book, Text("Needs", "未来需求"), _NEEDS, said, _best(engine, run, book.listed))
    if not found.facts["rules"]["count"]:
        return
    rules = engine.read_parquet(run / "product_rules.parquet")
    order = [ibis.desc("lift"), ibis.desc("both"), "scope", "product_id", "then_product_id"]
    rows = engine.fetch(rules.order_by(order).limit(book.listed)).to_pylist()
    named = Text("Products learned to go together.", "从购买记录中发现的产品关联。")
    _sheet(book, Text("Product rules", "产品关联规则"), _RULES, named, rows)


def _sheet(
    book: Any, name: Text, wanted: Sequence[tuple[str, Text, int, str]], said: Text, rows: Sequence[Mapping[str, Any]]
) -> None:
    sheet = book.sheet(name, [width for _, _, width, _ in wanted])
    sheet.line(book.say(said))
    first = sheet.next
    sheet.heads([book.say(title) for _, title, _, _ in wanted])
    sheet.sheet.freeze_panes(sheet.next, 1)
    sheet.sheet.autofilter(first, 0, first + max(len(rows), 1), len(wanted) - 1)
    kinds = ["text" if kind in ("kind", "why", "scope") else kind for *_, kind in wanted]
    for row in rows:
        sheet.row([_value(book, row, field, kind) for field, _, _, kind in wanted], kinds)


def _value(book: Any, row: Mapping[str, Any], field: str, kind: str) -> Any:
    if kind == "kind":
        return book.say(KINDS[row[field]])
    if kind == "why":
        return book.say(why(row))
    return book.say(_SCOPES[row[field]]) if kind == "scope" else row[field]
