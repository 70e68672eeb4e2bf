"""What customers get: answers to surveys, delivered value, and the company among its competitors (V23, V24)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from kezhi.engine import Engine
from kezhi.language import Language, Text
from kezhi.reports import figures, numbers
from kezhi.reports.columns import Column
from kezhi.reports.customer_value import ValueReport
from kezhi.reports.json_values import Json, day, number, text
from kezhi.reports.markup import Html, Row, folded, tag
from kezhi.reports.plot import Drawn, Plot
from kezhi.reports.sections import Canvas, grid, heading
from kezhi.reports.sections import section as part
from kezhi.reports.workbook import Book, fill_sheet
from kezhi.settings.tiers import TIERS, Tiers
from kezhi.worth.layers import USUAL, rules_of_a_run, title_of
from kezhi.worth.received import COSTS, VALUES

TITLE = Text("What customers get", "客户得到的价值")
SHOWN_DIMENSIONS = 12
SHOWN_PERIODS = 24
_US = Text("this company", "本公司")


@dataclass(frozen=True)
class Dimension:
    """What was asked about, with the mean of the customers' newest answers, in all and by tier."""

    name: str
    kind: str | None
    customers: int
    mean: float | None
    tiers: dict[str, float | None]


@dataclass(frozen=True)
class Delivered:
    """Delivered value after Kotler, of the mean answers."""

    parts: dict[str, float]
    value: float
    cost: float
    difference: float
    ratio: float | None
    said: Text | None


@dataclass(frozen=True)
class Answers:
    """What was answered in one period."""

    period: date | None
    answers: int
    mean: float | None
    delivered: Delivered | None


@dataclass(frozen=True)
class Offer:
    """A company on the value map."""

    company: str
    quality: float
    price: float | None
    value: float | None


@dataclass(frozen=True)
class Market:
    """The company among its competitors."""

    said: Text | None
    dimensions: tuple[Json, ...]
    offers: tuple[Offer, ...]


@dataclass(frozen=True)
class ForCustomers:
    """Everything a run knows of what customers get."""

    answers: int
    customers: int
    dimensions: tuple[Dimension, ...]
    delivered: Delivered | None
    tiers: dict[str, Delivered | None]
    periods: tuple[Answers, ...]
    market: Market | None
    rules: Tiers = USUAL


def build(engine: Engine, run: Path, facts: Json) -> ForCustomers | None:  # noqa: ARG001
    """The facts as frozen data; None where nobody was asked and no market is known."""
    if not facts.get("answers") and not facts.get("market"):
        return None
    return ForCustomers(
        int(facts.get("answers") or 0),
        int(facts.get("customers") or 0),
        tuple(_dimension(row) for row in facts.get("dimensions") or ()),
        _delivered(facts.get("delivered")),
        {row["tier"]: _delivered(row.get("delivered")) for row in facts.get("tiers") or ()},
        tuple(
            Answers(day(row.get("period")), int(row.get("answers") or 0), number(row.get("mean")),
                    _delivered(row.get("delivered")))
            for row in facts.get("periods") or ()
        ),
        _market(facts.get("market")),
        rules_of_a_run(run),
    )  # fmt: skip


def _dimension(row: Json) -> Dimension:
    tiers = {one["tier"]: number(one.get("mean")) for one in row.get("tiers") or ()}
    return Dimension(
        str(row["dimension"]), row.get("kind"), int(row.get("customers") or 0), number(row.get("mean")), tiers
    )


def _delivered(row: Json | None) -> Delivered | None:
    if not row:
        return None
    parts = {str(name): float(value) for name, value in row["parts"].items()}
    value, cost, difference = (float(row[name]) for name in ("value", "cost", "difference"))
    return Delivered(parts, value, cost, difference, number(row.get("ratio")), text(row))


def _market(row: Json | None) -> Market | None:
    if not row:
        return None
    offers = tuple(
        Offer(str(one["company"]), float(one["quality"]), number(one.get("price")), number(one.get("value")))
        for one in row.get("offers") or ()
    )
    return Market(text(row), tuple(row.get("dimensions") or ()), offers)


def section(found: ForCustomers, report: ValueReport, canvas: Canvas) -> Html:
    """What they answered, what that amounts to, and how it compares."""
    return part(
        canvas,
        TITLE,
        tag("p", canvas.say(sentence(found))),
        *_answers(found, report, canvas),
        *_amounts_to(found, report, canvas),
        *_compared(found, canvas),
        name="for-customers",
    )


def sentence(found: ForCustomers) -> Text:
    """What this part is about, and who answered."""
    about = Text(
        "This is value for the customer, what they get from us; it says nothing of what they are worth to us.",
        "这里说的是客户从我们这里得到的价值，而不是客户对我们的价值。",
    )
    if not found.answers:
        return about
    who = Text(
        f" {numbers.grouped(found.customers)} customers gave {numbers.grouped(found.answers)} answers to surveys.",
        f"共有 {numbers.grouped(found.customers)} 位客户回答了问卷，计 {numbers.grouped(found.answers)} 条。",
    )
    return Text(about.en + who.en, about.zh + who.zh)


def _answers(found: ForCustomers, report: ValueReport, canvas: Canvas) -> list[Html]:
    if not found.dimensions:
        return []
    tiers = [code for code in TIERS if any(code in one.tiers for one in found.dimensions)]
    heads = (
        Text("Asked about", "评价维度"),
        Text("Customers", "客户数"),
        Text("Mean score", "平均分"),
        *(title_of(code, found.rules) for code in tiers),
    )

    def rows(some: tuple[Dimension, ...]) -> list[Row]:
        return [
            Row([one.name, numbers.grouped(one.customers), tag("span", numbers.grouped(one.mean, 2), class_="strong"),
                 *(numbers.grouped(one.tiers.get(code), 2) for code in tiers)])
            for one in some
        ]  # fmt: skip

    note = Text(
        "Each customer's newest answer; the tiers are those of this run.",
        "取每位客户最近一次的回答；层级为本次运行的客户层级。",
    )
    first, rest = found.dimensions[:SHOWN_DIMENSIONS], found.dimensions[SHOWN_DIMENSIONS:]
    more = Text("{n} more dimensions", "另外 {n} 个维度").fill(n=len(rest))
    return [
        grid(canvas, heads, rows(first)),
        tag("p", canvas.say(note), class_="soft"),
        folded(canvas.say(more), grid(canvas, heads, rows(rest))) if rest else Html(""),
        folded(canvas.say(Text("Over time", "随时间的变化")), _over_time(found, report, canvas)),
    ]


def _over_time(found: ForCustomers, report: ValueReport, canvas: Canvas) -> Html:
    heads = [Text("Period", "期"), Text("Answers", "回答数"), Text("Mean score", "平均分")]
    if found.delivered:
        heads += [Text("Delivered value", "让渡价值"), Text("Value / cost", "价值 ÷ 成本")]
    rows = []
    for one in found.periods[-SHOWN_PERIODS:]:
        label = (
            numbers.period_label(one.period, report.period, report.fiscal_start, canvas.language) if one.period else ""
        )
        cells = [label, numbers.grouped(one.answers), numbers.grouped(one.mean, 2)]
        if found.delivered:
            cells += _figures(one.delivered)
        rows.append(Row(cells))
    return grid(canvas, heads, rows)


def _figures(one: Delivered | None) -> list[str]:
    return [
        numbers.grouped(one.difference if one else None, 2),
        numbers.grouped(one.ratio if one else None, 2),
    ]


def _amounts_to(found: ForCustomers, report: ValueReport, canvas: Canvas) -> list[Html]:  # noqa: ARG001
    if not found.delivered:
        return []
    heads = [
        Text("Tier", "客户层级"),
        *(title for kind, title in (VALUES | COSTS).items() if kind in found.delivered.parts),
        Text("Value", "总价值"),
        Text("Cost", "总成本"),
        Text("Delivered", "让渡价值"),
        Text("Ratio", "价值 ÷ 成本"),
    ]
    rows = [_delivered_row(canvas.say(title_of(code, found.rules)), one, found) for code, one in found.tiers.items()]
    rows.append(_delivered_row(canvas.say(Text("All customers", "全部客户")), found.delivered, found, "total"))
    return [
        heading(canvas, Text("Delivered value", "顾客让渡价值")),
        tag("p", canvas.say(found.delivered.said)) if found.delivered.said else Html(""),
        grid(canvas, heads, rows),
    ]


def _delivered_row(label: str, one: Delivered | None, found: ForCustomers, kind: str | None = None) -> Row:
    assert found.delivered is not None, "only called where delivered value is known"
    parts = [kind for kind in (VALUES | COSTS) if kind in found.delivered.parts]
    cells = [numbers.grouped(one.parts.get(name) if one else None, 2) for name in parts]
    totals = [numbers.grouped(value, 2) for value in ((one.value, one.cost) if one else (None, None))]
    return Row([label, *cells, *totals, *_figures(one)], kind)


def _compared(found: ForCustomers, canvas: Canvas) -> list[Html]:
    market = found.market
    if market is None:
        return []
    priced = [one for one in market.offers if one.price is not None]
    describe = Text(
        "Quality against price of each company; the line is fair value.", "各公司的质量与价格；斜线为公平价值线。"
    )
    heads = (
        Text("Company", "公司"),
        Text("Quality", "相对质量"),
        Text("Price", "相对价格"),
        Text("Value for the money", "价值（质量 ÷ 价格）"),
    )
    rows = [
        Row([_company(one, canvas.language), *(numbers.grouped(value, 2) for value in (one.quality, one.price)),
             tag("span", numbers.grouped(one.value, 2), class_="strong")])
        for one in market.offers
    ]  # fmt: skip
    weighed = (
        Text("Dimension", "维度"),
        Text("Weight", "权重"),
        Text("Ours", "本公司"),
        Text("Theirs", "竞争对手"),
        Text("Ratio", "比值"),
    )
    parts = [
        Row([str(row["dimension"]), numbers.percent(number(row.get("weight"))),
             *(numbers.grouped(number(row.get(name)), 2) for name in ("ours", "theirs", "ratio"))])
        for row in market.dimensions
    ]  # fmt: skip
    note = Text(
        "Each company against the mean of all the others; above the line customers get more for their money.",
        "每家公司与其他各家的平均相比；在线以上，客户花同样的钱得到更多。",
    )
    return [
        heading(canvas, Text("Against competitors", "与竞争对手比较")),
        tag("p", canvas.say(market.said)) if market.said else Html(""),
        canvas.place("figure-value-map", value_map.plain(found, canvas.language), describe) if priced else Html(""),
        tag("p", canvas.say(note), class_="soft"),
        grid(canvas, heads, rows),
        folded(canvas.say(Text("How quality was weighed", "质量的加权")), grid(canvas, weighed, parts)),
    ]


def _company(one: Offer, language: Language) -> str:
    return _US.to(language) if one.company == "us" else one.company


@Drawn
def value_map(found: ForCustomers, language: Language) -> Plot:
    """Relative quality up, relative price across, with the line on which both are the same."""
    figure = figures.plain()
    offers = [one for one in (found.market.offers if found.market else ()) if one.price is not None]
    ends = [value for one in offers for value in (one.quality, one.price or 1.0)]
    low, high = min([*ends, 1.0]) * 0.95, max([*ends, 1.0]) * 1.05
    fair = Text("fair value", "公平价值线").to(language)
    line = {"color": figures.OBSERVED, "width": 1, "dash": "dot"}
    figure.add_scatter(x=[low, high], y=[low, high], mode="lines", line=line, name=fair, hoverinfo="skip")
    for ours, color in ((True, figures.ACCENT), (False, figures.OBSERVED)):
        some = [one for one in offers if (one.company == "us") == ours]
        figure.add_scatter(
            x=[one.price for one in some],
            y=[one.quality for one in some],
            text=[_company(one, language) for one in some],
            mode="markers+text",
            textposition="top center",
            marker={"color": color, "size": 12},
            hovertemplate="%{text}: %{x:.2f}, %{y:.2f}<extra></extra>",
            showlegend=False,
        )
    figures.axes(
        figure, Text("price against the others", "相对价格"), Text("quality against the others", "相对质量"), language
    )
    figure.update_xaxes(range=[low, high], tickformat=".2f", nticks=6)
    figure.update_yaxes(range=[low, high], tickformat=".2f", nticks=6)
    return figure


_ASKED = (
    Column("dimension", Text("Asked about", "评价维度"), Text("As in the survey.", "与问卷一致。"), "text"),
    Column("part", Text("Part of delivered value", "让渡价值的组成"), Text("By name.", "按名称。"), "text"),
    Column("customers", Text("Customers", "客户数"), Text("Who answered.", "回答者。"), "count"),
    Column("mean", Text("Mean score", "平均分"), Text("Newest answers.", "最近回答。"), "number"),
)


def sheets(found: ForCustomers, book: Book, engine: Engine, run: Path, report: ValueReport) -> None:  # noqa: ARG001
    """The dimensions with their means."""
    if not found.dimensions:
        return
    titles = VALUES | COSTS
    rows: list[dict[str, Any]] = [
        {
            "dimension": one.name,
            "part": book.say(titles[one.kind]) if one.kind in titles else None,
            "customers": one.customers,
            "mean": one.mean,
            **one.tiers,
        }
        for one in found.dimensions
    ]
    mean = Text("Mean of the tier.", "该层平均。")
    columns = (*_ASKED, *(Column(code, title_of(code, found.rules), mean, "number") for code in TIERS))
    sheet = book.sheet(TITLE, [column.width for column in columns])
    sheet.line(book.say(sentence(found)))
    label = Text("All dimensions", "全部维度")
    fill_sheet(sheet, columns, rows, count=len(rows), label=label, totals={}, shown={})
