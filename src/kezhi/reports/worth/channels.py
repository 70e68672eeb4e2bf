"""Where customers come from: what each source and each role in the chain costs to win and brings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from kezhi.engine import Engine
from kezhi.language import Text
from kezhi.reports import numbers
from kezhi.reports.markup import Child, Html, Row, folded, joined, table, tag
from kezhi.reports.sections import Canvas, grid, heading
from kezhi.reports.sections import section as titled
from kezhi.reports.worth.names import FIELDS, segment

_METHODS: tuple[tuple[Text, tuple[str, ...], Text], ...] = (
    (
        Text("Canvassing", "普遍识别法"),
        ("canvass", "walk-in", "walk in", "visit", "door", "fair", "exhibition", "store", "cold call", "field",
         "走访", "上门", "地推", "展会", "门店", "到店", "电话拜访"),
        Text(
            "Calling on everybody in an area or at a fair. Reaches people nobody else finds and shows what the market "
            "wants; slow, dear per customer, and most of those met do not need you.",
            "逐户走访或在展会上接触一个区域内的所有人。能发现别处找不到的客户，并了解市场需求；但费时、单客成本高，多数对象并无需要。",
        ),
    ),
    (
        Text("Advertising", "广告识别法"),
        ("advert", "ads", "search", "social", "media", "campaign", "web", "online", "mail",
         "广告", "搜索", "推广", "媒体", "网络", "社交", "线上", "短信"),
        Text(
            "Those interested come by themselves. Reaches many at once and cheaply per contact; hard to aim, and what "
            "it brought is known only where customers are asked how they came.",
            "由感兴趣的人主动找上门。覆盖面大、单次接触成本低；但难以精准，只有询问客户来源才知道效果。",
        ),
    ),
    (
        Text("Referral", "介绍识别法"),
        ("referral", "referred", "recommend", "word of mouth", "partner", "推荐", "介绍", "口碑", "转介绍", "合作"),
        Text(
            "Customers bring customers. Trust comes with the introduction, so it is cheap and often brings the best; "
            "it cannot be ordered, and a bad service is passed on as well.",
            "由老客户带来新客户。自带信任，成本低、质量往往最好；但无法强求，服务不好时坏口碑也会传开。",
        ),
    ),
    (
        Text("Desk research", "资料查阅识别法"),
        ("research", "directory", "list", "database", "registry", "tender", "yellow pages",
         "资料", "名录", "黄页", "数据库", "招标", "查阅"),
        Text(
            "Finding them in directories, registers, tenders and the press. Cheap and well aimed for companies; "
            "entries go out of date, and your competitors read the same lists.",
            "从名录、登记资料、招标和报刊中查找。对企业客户成本低、针对性强；但资料会过时，竞争对手也在看同一份名单。",
        ),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Channels:
    """The rows of channels.parquet and the opportunities by source."""

    known: bool
    rows: tuple[dict[str, Any], ...]
    opportunities: tuple[dict[str, Any], ...]
    campaigns: tuple[dict[str, Any], ...] = ()

    def of(self, field: str) -> list[dict[str, Any]]:
        """The rows of source or role over all years."""
        return [row for row in self.rows if row["field"] == field and row["began"] is None]

    @property
    def fields(self) -> list[str]:
        """source, role and campaign, as far as known."""
        return list(dict.fromkeys(row["field"] for row in self.rows))


def build(engine: Engine, run: Path, facts: Mapping[str, Any]) -> Channels | None:
    """The channels of a run; None where not one is named."""
    rows = engine.fetch(engine.read_parquet(run / "channels.parquet")).to_pylist()
    campaigns = tuple(facts.get("campaigns") or ())
    if not any(row["name"] for row in rows) and not campaigns:
        return None
    return Channels(facts["acquisition_known"], tuple(rows), tuple(facts["opportunities"]), campaigns)


# --- the page ---------------------------------------------------------------------------------------------


def section(found: Channels, report: Any, canvas: Canvas) -> Html:
    """Sources, roles, conversion; years and methods folded."""
    if "source" in found.fields:
        title = Text("Where customers come from", "客户从哪里来")
    elif "role" not in found.fields:
        title = Text("What campaigns brought in", "营销活动带来的客户")
    else:
        title = Text("Customers by their role", "不同角色的客户")
    said = Text(
        "What it cost to win customers in each way, and what they have brought and should bring; the lines add up to "
        "the company.",
        "各种方式获取客户花了多少，这些客户已带来和预计带来多少毛利；各行之和即全公司。",
    )
    parts: list[Child] = []
    for field in found.fields:
        parts += [heading(canvas, FIELDS[field]), _table(found, found.of(field), field, canvas)]
    return titled(
        canvas,
        title,
        tag("p", canvas.say(said), class_="soft"),
        *parts,
        _explained(found, report, canvas),
        _campaigns(found, canvas),
        _opportunities(found, canvas),
        _years(found, report, canvas),
        _methods(found, canvas),
        name="channels",
    )


def _heads(found: Channels, canvas: Canvas) -> list[str]:
    heads = [Text("Group", "客户群"), Text("Customers", "客户数")]
    if found.known:
        heads += [Text("Cost to win them", "获取成本"), Text("Per customer", "人均获取成本")]
    heads += [Text("Value so far", "迄今价值"), Text("Per customer", "人均价值"), Text("Forecast value", "预测价值")]
    heads += [Text("Value for 1 spent", "投入产出比")] if found.known else []
    return [canvas.say(head) for head in heads]


def _table(found: Channels, rows: Iterable[Mapping[str, Any]], field: str, canvas: Canvas) -> Html:
    rows = list(rows)
    heads = _heads(found, canvas)
    body = [Row(_cells(found, row, canvas.say(segment(field, row["name"])))) for row in rows]
    body.append(Row(_cells(found, _total(rows), canvas.say(Text("All customers", "全部客户"))), "total"))
    return table(heads, body, range(1, len(heads)))


def _total(rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    rows = list(rows)
    sums: dict[str, Any] = {
        name: sum((row[name] for row in rows), Decimal(0))
        for name in ("customers", "acquisition", "value", "forecast_value")
    }
    people, cost = float(sums["customers"]), float(sums["acquisition"])
    return {
        **sums,
        "cost_per_customer": cost / people if people else None,
        "value_per_customer": float(sums["value"]) / people if people else None,
        "roi": float(sums["value"]) / cost if cost > 0 else None,
    }


def _cells(found: Channels, row: Mapping[str, Any], label: str) -> list[Child]:
    cells: list[Child] = [label, numbers.grouped(row["customers"])]
    if found.known:
        cells += [numbers.grouped(row["acquisition"]), numbers.grouped(row["cost_per_customer"], 2)]
    cells += [
        tag("span", numbers.grouped(row["value"]), class_="strong"),
        numbers.grouped(row["value_per_customer"], 2),
        numbers.grouped(row["forecast_value"]),
    ]
    return [*cells, numbers.grouped(row["roi"], 1)] if found.known else cells


def _explained(found: Channels, report: Any, canvas: Canvas) -> Html:
    said = Text(
        "Value so far is gross profit after the cost of winning the customers; the forecast is of the next {n}.",
        "迄今价值是扣除获取成本之后的毛利；预测为未来 {n}。",
    )
    parts = [canvas.say(said, n=numbers.count_of_periods(report.horizon, report.period, canvas.language))]
    if "campaign" in found.fields:
        by_campaign = Text(
            "The cost of a campaign is all that was spent in its name.", "营销活动的成本为以其名义发生的全部费用。"
        )
        parts.append(canvas.say(by_campaign))
    if found.known:
        spent = Text(
            "Value for 1 spent is value so far over that cost. A source with many new customers has had less time to "
            "earn it: compare customers of the same year below.",
            "投入产出比 = 迄今价值 ÷ 获取成本。新客户多的来源收回投入的时间较短，请在下方按同一年份比较。",
        )
        parts.append(canvas.say(spent))
    return tag("p", canvas.say(Text(" ", "")).join(parts), class_="soft")


def _campaigns(found: Channels, canvas: Canvas) -> Html | None:
    """What was spent and sold in the name of each campaign, and what those it won are worth over their lives."""
    if not found.campaigns:
        return None
    heads = (
        Text("Campaign", "营销活动"),
        Text("Spent", "费用"),
        Text("Orders", "订单"),
        Text("Buyers", "购买客户"),
        Text("Sold", "销售额"),
        Text("Customers won", "赢得客户"),
        Text("Their lifetime value", "其生命周期价值"),
    )
    names = ("spent", "orders", "buyers", "amount", "customers", "lifetime_value")
    body = [
        Row(
            [
                one["campaign"],
                *(numbers.grouped(None if one[name] is None else Decimal(str(one[name]))) for name in names),
            ]
        )
        for one in found.campaigns
    ]
    said = Text(
        "Spent, orders and sales are those that name the campaign; it won the customers whose entry names it. Who buys "
        "during a campaign might have bought anyway: only a control group tells what it added.",
        "费用、订单和销售额为写明该活动的记录；赢得的客户为客户表中写明该活动的客户。活动期间的购买未必由活动带来：只有设对照组才能看出增量。",
    )
    title = canvas.say(Text("Spent and sold by campaign", "各营销活动的费用与销售"))
    return folded(title, tag("p", canvas.say(said), class_="soft"), grid(canvas, heads, body))


def _opportunities(found: Channels, canvas: Canvas) -> Html | None:
    rows = found.opportunities
    if not rows:
        return None
    heads = [
        canvas.say(one)
        for one in (
            Text("Source", "客户来源"),
            Text("Opportunities", "销售机会"),
            Text("Won", "赢单"),
            Text("Lost", "输单"),
            Text("Still open", "进行中"),
            Text("Conversion", "转化率"),
            Text("Amount won", "赢单金额"),
        )
    ]
    body = [Row(_opportunity(one, canvas.say(segment("source", one["source"])))) for one in rows]
    whole: dict[str, Any] = {name: sum(one[name] for one in rows) for name in ("opened", "won", "lost")}
    whole["won_amount"] = sum((Decimal(str(one["won_amount"])) for one in rows), Decimal(0))
    decided = whole["won"] + whole["lost"]
    whole["conversion"] = whole["won"] / decided if decided else None
    body.append(Row(_opportunity(whole, canvas.say(Text("All", "合计"))), "total"))
    said = Text("Conversion: won of those that were won or lost.", "转化率 = 赢单 ÷（赢单 + 输单）。")
    title = canvas.say(Text("Sales opportunities by source", "按来源的销售机会"))
    return folded(title, tag("p", canvas.say(said), class_="soft"), table(heads, body, range(1, len(heads))))


def _opportunity(one: Mapping[str, Any], label: str) -> list[Child]:
    still = one["opened"] - one["won"] - one["lost"]
    counts = [numbers.grouped(count) for count in (one["opened"], one["won"], one["lost"], still)]
    amount = Decimal(str(one["won_amount"]))
    return [label, *counts, numbers.percent(one["conversion"]), numbers.grouped(amount)]


def _years(found: Channels, report: Any, canvas: Canvas) -> Html:
    """The same by the year in which customers began, so that like is compared with like."""
    heads = [canvas.say(Text("Began in", "建立关系")), *_heads(found, canvas)]
    parts: list[Child] = []
    for field in found.fields:
        rows = [row for row in found.rows if row["field"] == field and row["began"] is not None]
        rows.sort(key=lambda row: row["began"], reverse=True)  # sources stay in their order within a year
        body = [_year_row(found, row, field, report, canvas) for row in rows]
        parts += [heading(canvas, FIELDS[field]), table(heads, body, range(2, len(heads)))]
    return folded(canvas.say(Text("By the year in which they began", "按建立关系的年份")), *parts)


def _year_row(found: Channels, row: Mapping[str, Any], field: str, report: Any, canvas: Canvas) -> Row:
    first: date = row["began"]
    label = numbers.period_label(first, "year", report.fiscal_start, canvas.language)
    return Row([label, *_cells(found, row, canvas.say(segment(field, row["name"])))])


def _methods(found: Channels, canvas: Canvas) -> Html | None:
    """The four ways of finding customers, with the sources that belong to each."""
    if "source" not in found.fields:
        return None
    sources = [row["name"] for row in found.of("source")]
    pairs: list[Child] = []
    for name, words, meaning in _METHODS:
        own = [one for one in sources if any(word in one.casefold() for word in words)]
        here = canvas.say(Text(" ({sources})", "（{sources}）"), sources=canvas.say(Text(", ", "、")).join(own))
        pairs += [tag("dt", canvas.say(name) + (here if own else "")), tag("dd", canvas.say(meaning))]
    return folded(canvas.say(Text("Four ways of finding customers", "寻找客户的四种方法")), tag("dl", joined(pairs)))


# --- the workbook -----------------------------------------------------------------------------------------


def sheets(found: Channels, book: Any, engine: Engine, run: Path, report: Any) -> None:
    """One sheet: sources and roles, all years and each."""
    del engine, run, report
    columns = [
        (Text("Field", "分组"), 16, "text"),
        (Text("Group", "客户群"), 24, "text"),
        (Text("Began in year from", "建立关系的年度起始日"), 14, "day"),
        (Text("Customers", "客户数"), 11, "count"),
        (Text("Have bought", "有购买的客户"), 11, "count"),
        (Text("Cost to win them", "获取成本"), 16, "money"),
        (Text("Cost per customer", "人均获取成本"), 14, "money"),
        (Text("Purchase amount", "购买金额"), 16, "money"),
        (Text("Value so far", "迄今价值"), 16, "money"),
        (Text("Value per customer", "人均价值"), 14, "money"),
        (Text("Forecast value", "预测价值"), 16, "money"),
        (Text("Value for 1 spent", "投入产出比"), 11, "number"),
    ]
    sheet = book.sheet(Text("Channels and roles", "来源与角色"), [width for _, width, _ in columns])
    sheet.line(book.say(Text("Lines without a year are of all years.", "没有年度的行为全部年份合计。")))
    sheet.heads([book.say(title) for title, _, _ in columns])
    sheet.sheet.freeze_panes(sheet.next, 2)
    fields = ("customers", "buyers", "acquisition", "cost_per_customer", "amount", "value", "value_per_customer")
    for row in found.rows:
        name = book.say(segment(row["field"], row["name"]))
        figures = [row[one] for one in (*fields, "forecast_value", "roi")]
        sheet.row([book.say(FIELDS[row["field"]]), name, row["began"], *figures], [kind for _, _, kind in columns])
