"""Value over a customer's life: the curve, its phases and payback, and the cohorts behind it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kezhi.engine import Engine
from kezhi.language import Language, Text
from kezhi.ledger import Calendar
from kezhi.reports import numbers
from kezhi.reports.figures import ACCENT, FAINT, INTERVAL, OBSERVED, axes, plain
from kezhi.reports.markup import Child, Html, Row, folded, joined, table, tag
from kezhi.reports.plot import Drawn, Plot
from kezhi.reports.sections import Canvas, period_word
from kezhi.reports.sections import section as titled
from kezhi.reports.worth.names import FIELDS, after, listed, segment, shown_ages
from kezhi.worth.cohorts import MEASURES, SHOWS, Measure, Show, Triangle, triangle
from kezhi.worth.curve import SEEN

PHASES = {
    "acquire": Text("winning back what it cost to win them", "收回获取成本"),
    "rise": Text("rise", "上升"),
    "peak": Text("peak", "高峰"),
    "decline": Text("decline", "走低"),
}
MEASURE_NAMES: dict[Measure, Text] = {
    "active": Text("Customers who bought", "有购买的客户数"),
    "purchases": Text("Purchases", "购买次数"),
    "amount": Text("Purchase amount", "购买金额"),
    "gross_profit": Text("Amount less product cost", "扣除产品成本后的金额"),
    "value": Text("Value (CRM gross profit)", "客户价值（CRM 毛利）"),
}
SHOW_NAMES: dict[Show, Text] = {
    "sum": Text("all customers together", "全体合计"),
    "per_customer": Text("per customer", "人均"),
    "cumulative": Text("per customer, added up since the beginning", "人均累计"),
    "share": Text("share of the first period", "占首期的比例"),
}
RETENTION = Text("share of the cohort's customers", "占该群客户的比例")
_FROM_BEGIN = Text("{periods} since they began", "建立关系后第几{periods}")
_PLURALS = {"month": Text("months", "个月"), "quarter": Text("quarters", "个季度"), "year": Text("years", "年")}


@dataclass(frozen=True)
class Curve:
    """What worth.json, curve.parquet and cohorts.parquet say: `groups` are facts, the company's first."""

    period: str
    fiscal_start: int
    known: bool
    groups: tuple[dict[str, Any], ...]
    ages: tuple[dict[str, Any], ...]
    cohorts: tuple[dict[str, Any], ...]

    @property
    def company(self) -> dict[str, Any]:
        """The facts of all customers."""
        return self.groups[0]

    def of(self, dimension: str, name: str = "") -> list[dict[str, Any]]:
        """The ages of one group that enough of its customers have been through."""
        facts = next(one for one in self.groups if (one["dimension"], one["segment"]) == (dimension, name))
        rows = [row for row in self.ages if (row["dimension"], row["segment"]) == (dimension, name)]
        return rows[: facts["ages"]]

    @property
    def years(self) -> Calendar | None:
        """How cohorts are put together: by year, unless there are few periods or a period is a year."""
        few = len({row["cohort"] for row in self.cohorts}) <= 12
        return None if few or self.period == "year" else Calendar("year", self.fiscal_start)

    def triangle(self, measure: Measure, show: Show) -> Triangle:
        """One cohort table of the page or the workbook."""
        return triangle(self.cohorts, measure, show, years=self.years)


def build(engine: Engine, run: Path, facts: Mapping[str, Any]) -> Curve | None:
    """The curve of a run; None where not even one period is complete."""
    import json

    if not facts["groups"] or not facts["groups"][0]["ages"]:
        return None
    manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    rows = {
        name: tuple(engine.fetch(engine.read_parquet(run / f"{name}.parquet")).to_pylist())
        for name in ("curve", "cohorts")
    }
    return Curve(
        manifest["period"],
        manifest["fiscal_start"],
        facts["acquisition_known"],
        tuple(facts["groups"]),
        rows["curve"],
        rows["cohorts"],
    )


# --- the page ---------------------------------------------------------------------------------------------


def section(found: Curve, report: Any, canvas: Canvas) -> Html:
    """The curve first, then the cohorts; segments folded."""
    title = Text("Value over a customer's life", "客户价值随时间的变化")
    plainly = Text(
        "What an average customer has brought altogether, {periods} after {periods} since they began"
        "{start}: gross profit, not yet the future.",
        "平均每位客户从建立关系起，逐{periods}累计带来的毛利{start}；只含已实现部分，不含未来。",
    )
    start = Text(", starting from what it cost to win them", "（从获取成本算起）") if found.known else Text("", "")
    word = period_word(found.period).to(canvas.language)
    said = canvas.say(plainly, periods=word, start=start.to(canvas.language))
    describe = Text("Line chart of the value added up per customer by age.", "按客龄累计的人均价值折线图。")
    beside = Text("Line chart of sales and cost per customer by age.", "按客龄的人均销售与成本折线图。")
    left = canvas.place("figure-curve", cumulative.plain(found, canvas.language), describe, "low")
    right = canvas.place("figure-sales-cost", sales_and_cost.plain(found, canvas.language), beside, "low")
    pair = tag(
        "div",
        tag("div", _subtitle(canvas, Text("Value added up, per customer", "人均累计价值")), left),
        tag("div", _subtitle(canvas, Text("Sales and cost, per customer", "人均销售与成本")), right),
        class_="pair",
    )
    return titled(
        canvas,
        title,
        tag("p", said, class_="soft"),
        tag("p", _payback(found, report, canvas)),
        tag("p", _phases(found, canvas), class_="soft"),
        pair,
        _cohorts(found, canvas),
        _segments(found, canvas),
        name="curve",
    )


def _subtitle(canvas: Canvas, text: Text) -> Html:
    return tag("h3", canvas.say(text))


def _payback(found: Curve, report: Any, canvas: Canvas) -> str:
    company = found.company
    whole = Text("Within {n} an average customer brought {value}.", "建立关系后的 {n}内，平均每位客户带来 {value}。")
    said = [
        canvas.say(
            whole,
            n=after(canvas, company["ages"], found.period),
            value=numbers.headline(company["value_per_customer"], report.currency, canvas.language),
        )
    ]
    if found.known:
        said.append(_paid_back(company, found, report, canvas))
    return canvas.say(Text(" ", "")).join(said)


def _paid_back(company: Mapping[str, Any], found: Curve, report: Any, canvas: Canvas) -> str:
    cost = numbers.headline(company["acquisition_per_customer"], report.currency, canvas.language)
    share = numbers.percent(company["paid_back"])
    if company["payback"] is None:
        said = Text(
            "Winning one cost {cost} on average, which has not come back yet; {share} of the customers have paid it "
            "back so far.",
            "获取一位客户平均花费 {cost}，目前尚未收回；已收回的客户占 {share}。",
        )
        return canvas.say(said, cost=cost, share=share)
    if company["payback"] == 0:
        said = Text(
            "Winning one cost {cost} on average, which came back within the first {period}; {share} of the customers "
            "have paid it back so far.",
            "获取一位客户平均花费 {cost}，在第一个{period}内即收回；迄今已收回的客户占 {share}。",
        )
        return canvas.say(said, cost=cost, share=share, period=period_word(found.period).to(canvas.language))
    said = Text(
        "Winning one cost {cost} on average, which had come back after {n}; {share} of the customers have paid it back "
        "so far.",
        "获取一位客户平均花费 {cost}，{n}后收回；迄今已收回的客户占 {share}。",
    )
    return canvas.say(said, cost=cost, share=share, n=after(canvas, company["payback"], found.period))


def _phases(found: Curve, canvas: Canvas) -> str | None:
    stretches = found.company["phases"]
    if not stretches:
        return None
    word, periods = period_word(found.period), _PLURALS[found.period]
    one = Text("{phase} in {unit} {first}", "{phase}（第 {first} {unit}）")
    more = Text("{phase} in {unit} {first} to {last}", "{phase}（第 {first}–{last} {unit}）")
    units = {True: Text(word.en, periods.zh), False: periods}
    parts = [
        canvas.say(
            one if each["first"] == each["last"] else more,
            phase=PHASES[each["phase"]].to(canvas.language),
            unit=units[each["first"] == each["last"]].to(canvas.language),
            first=each["first"],
            last=each["last"],
        )
        for each in stretches
    ]
    head = Text(
        "The phases, by what each {period} brings and counted from 0: {parts}.",
        "按每{period}带来的价值划分阶段（从 0 数起）：{parts}。",
    )
    return canvas.say(head, period=word.to(canvas.language), parts=listed(canvas, parts))


@Drawn
def cumulative(found: Curve, language: Language) -> Plot:
    """Value added up per customer: all customers, and each year's cohort in grey."""
    figure = plain()
    for one in found.groups:
        if one["dimension"] == "cohort" and one["ages"] > 1:
            year = one["segment"][:4]
            _line(figure, found, found.of("cohort", one["segment"]), year, one, color=FAINT, width=1.5)
    name = Text("all customers", "全部客户").to(language)
    _line(figure, found, found.of("company"), name, found.company, color=ACCENT, width=3)
    _shade(figure, found, language)
    axes(figure, _since(found, language), Text("value per customer", "人均价值"), language)
    figure.update_layout(showlegend=False)
    return figure


def _since(found: Curve, language: Language) -> Text:
    said = _FROM_BEGIN.fill(periods=_PLURALS[found.period].to(language))
    return Text(said.en, said.zh)


def _line(
    figure: Plot,
    found: Curve,
    rows: list[dict[str, Any]],
    name: str,
    facts: Mapping[str, Any],
    *,
    color: str,
    width: float,
) -> None:
    """A curve that begins one step earlier, at what it cost to win the customers."""
    before = [(-1, -facts["acquisition_per_customer"])] if found.known else []
    points = before + [(row["age"], row["cumulative_per_customer"]) for row in rows]
    figure.add_scatter(
        x=[x for x, _ in points],
        y=[y for _, y in points],
        mode="lines+markers" if len(points) <= 12 else "lines",
        marker={"size": 5},
        name=name,
        line={"color": color, "width": width},
        hovertemplate=name + " \u00b7 %{x}: %{y:,.0f}<extra></extra>",
    )


def _shade(figure: Plot, found: Curve, language: Language) -> None:
    """A thin line where one phase ends and the next begins, with their names."""
    for one in found.company["phases"]:
        if one["phase"] == "acquire":
            continue
        if one["first"] > 0:
            edge = {"color": OBSERVED, "width": 1, "dash": "dot"}
            x = one["first"] - 0.5
            figure.add_shape(type="line", x0=x, x1=x, xref="x", y0=0, y1=1, yref="y domain", line=edge)
        figure.add_annotation(
            x=(one["first"] + one["last"]) / 2,
            y=0.02,
            xref="x",
            yref="y domain",
            yanchor="bottom",
            showarrow=False,
            text=PHASES[one["phase"]].to(language),
        )


@Drawn
def sales_and_cost(found: Curve, language: Language) -> Plot:
    """What a customer bought and cost at each age."""
    figure = plain()
    rows = found.of("company")
    cost = [float(row["cost"] + row["expense"] + row["unbooked"]) / row["customers"] for row in rows]
    sales = [float(row["amount"]) / row["customers"] for row in rows]
    lines = [(Text("sales", "销售"), sales, ACCENT, "solid")]
    if any(cost):
        lines.append((Text("product cost and expenses", "产品成本与费用"), cost, INTERVAL, "dash"))
    for name, values, color, dash in lines:
        figure.add_scatter(
            x=[row["age"] for row in rows],
            y=values,
            mode="lines+markers" if len(rows) <= 12 else "lines",
            marker={"size": 5},
            name=name.to(language),
            line={"color": color, "width": 2, "dash": dash},
            hovertemplate="%{x}: %{y:,.0f}<extra></extra>",
        )
    axes(figure, _since(found, language), Text("per customer", "人均"), language)
    figure.update_yaxes(rangemode="tozero")
    return figure


# --- cohorts ----------------------------------------------------------------------------------------------


def _cohorts(found: Curve, canvas: Canvas) -> Html:
    retention = found.triangle("active", "share")
    value = found.triangle("value", "cumulative")
    note = Text(
        "A line is the customers who began in the same {began}; a column is how many {periods} later. Only complete "
        "{periods} count. A figure with * is of those who have come that far, at least half of the line.",
        "每行为同一{began}建立关系的客户，每列为之后第几{periods}。只计完整的期。"
        "带 * 的数字仅含已走到该期的客户（不少于该行的一半）。",
    )
    word = period_word("year" if found.years or found.period == "year" else found.period).to(canvas.language)
    return joined(
        [
            _subtitle(
                canvas, Text("Who still buys: customers of a cohort with a purchase", "谁还在买：同期客户群的购买留存")
            ),
            tag("p", canvas.say(note, began=word, periods=_PLURALS[found.period].to(canvas.language)), class_="soft"),
            _heat(found, retention, canvas, numbers.percent),
            folded(
                canvas.say(Text("The same for value per customer, added up", "同样的表：人均累计价值")),
                _heat(found, value, canvas, lambda cell: numbers.grouped(cell, 0 if abs(cell) >= 10 else 1)),
            ),
        ]
    )


def _heat(found: Curve, shown: Triangle, canvas: Canvas, say: Any) -> Html:
    ages = shown_ages(shown.ages, found.period)
    places = [shown.ages.index(age) for age in ages]
    heads = [canvas.say(Text("Began in", "建立关系")), canvas.say(Text("Customers", "客户数")), *map(str, ages)]
    # the first column is everybody's first purchase and would outshine all others
    later = [row[place] for row in shown.values for place in places if place and row[place] is not None]
    top = max((abs(cell) for cell in later if cell is not None), default=0.0)
    rows = []
    for cohort, customers, values, partly in zip(
        shown.cohorts, shown.customers, shown.values, shown.partly, strict=True
    ):
        period = "year" if found.years else found.period
        label = numbers.period_label(cohort, period, found.fiscal_start, canvas.language)
        cells: list[Child] = [_cell(values[place], partly[place], top, say) for place in places]
        rows.append(Row([label, numbers.grouped(customers), *cells]))
    return table(heads, rows, range(1, len(heads)))


def _cell(value: float | None, partly: bool, top: float, say: Any) -> Html | str:
    if value is None:
        return ""
    strength = min(abs(value) / top, 1.0) if top else 0.0
    color = f"background: rgba(43, 123, 186, {0.45 * strength:.2f})"
    return tag("span", say(value) + ("*" if partly else ""), style=f"display: block; padding: 0 4px; {color}")


def _segments(found: Curve, canvas: Canvas) -> Html | None:
    """Regions, roles and sources side by side, one click away."""
    rows = [one for one in found.groups if one["dimension"] in ("region", "role", "source")]
    if not rows:
        return None
    heads = [Text("Group", "客户群"), Text("Customers", "客户数")]
    heads += [Text("Cost to win one", "人均获取成本"), Text("Comes back after", "收回所需时间")] if found.known else []
    heads += [
        Text("Value in the first year", "首年人均价值"),
        Text("Value so far", "迄今人均价值"),
        Text("Over", "历时"),
    ]
    body: list[Row] = []
    for field in dict.fromkeys(one["dimension"] for one in rows):
        of_field = [one for one in rows if one["dimension"] == field]
        label = tag("span", canvas.say(FIELDS[field]), class_="strong")
        body.append(Row([label, *[""] * (len(heads) - 1)]))
        body += [Row(_segment_cells(found, one, canvas)) for one in of_field]
    names = [canvas.say(head) for head in heads]
    return folded(
        canvas.say(Text("By region, role and source", "按地区、角色与来源")), table(names, body, range(1, len(names)))
    )


def _segment_cells(found: Curve, one: Mapping[str, Any], canvas: Canvas) -> list[Child]:
    year = 12 // Calendar(found.period, 1).months  # type: ignore[arg-type]
    rows = found.of(one["dimension"], one["segment"])
    first = rows[year - 1]["cumulative_per_customer"] if len(rows) >= year else None
    cells: list[Child] = [canvas.say(segment(one["dimension"], one["segment"])), numbers.grouped(one["customers"])]
    if found.known:
        back = one["payback"]
        cells += [
            numbers.grouped(one["acquisition_per_customer"], 2),
            _back(found, back, canvas),
        ]
    return [
        *cells,
        numbers.grouped(first, 2),
        numbers.grouped(one["value_per_customer"], 2),
        after(canvas, one["ages"], found.period),
    ]


def _back(found: Curve, age: int | None, canvas: Canvas) -> str:
    if age is None:
        return canvas.say(Text("not yet", "尚未收回"))
    return after(canvas, age, found.period) if age else canvas.say(Text("at once", "当期即收回"))


# --- the workbook -----------------------------------------------------------------------------------------


def sheets(found: Curve, book: Any, engine: Engine, run: Path, report: Any) -> None:
    """One sheet with the curves of all groups, one with every cohort table."""
    del engine, run, report
    _curve_sheet(found, book)
    _cohort_sheet(found, book)


def _curve_sheet(found: Curve, book: Any) -> None:
    heads = (
        (Text("Group", "分组"), 18, "text"),
        (Text("Name", "名称"), 18, "text"),
        (Text("Age in periods", "客龄（期）"), 10, "count"),
        (Text("Customers", "客户数"), 11, "count"),
        (Text("Purchases", "购买次数"), 11, "count"),
        (Text("Purchase amount", "购买金额"), 16, "money"),
        (Text("Product cost", "产品成本"), 16, "money"),
        (Text("Relationship expense", "关系营销费用"), 16, "money"),
        (Text("Acquisition cost not in it", "未计入费用的获取成本"), 16, "money"),
        (Text("Value per customer", "人均价值"), 14, "money"),
        (Text("Added up", "人均累计"), 14, "money"),
        (Text("Phase", "阶段"), 16, "text"),
    )
    sheet = book.sheet(Text("Value curve", "价值曲线"), [width for _, width, _ in heads])
    note = Text(
        "By age in periods since customers began; ages that fewer than {least} of a group have been through are left "
        "out.",
        "按建立关系以来的期数；到达该客龄的客户不足该组 {least} 的不列出。",
    )
    sheet.line(book.say(note, least=f"{SEEN:.0%}"))
    sheet.heads([book.say(title) for title, _, _ in heads])
    sheet.sheet.freeze_panes(sheet.next, 2)
    for row in _curve_rows(found, book):
        sheet.row(row, [kind for _, _, kind in heads])


def _curve_rows(found: Curve, book: Any) -> Iterable[list[Any]]:
    for one in found.groups:
        field, name = one["dimension"], one["segment"]
        shown = name[:4] if field == "cohort" else book.say(segment(field, name)) if field != "company" else ""
        for row in found.of(field, name):
            money = [row[part] for part in ("amount", "cost", "expense", "unbooked")]
            per_customer = [row["value_per_customer"], row["cumulative_per_customer"]]
            phase = book.say(PHASES[row["phase"]]) if row["phase"] else ""
            counts = [row["age"], row["customers"], row["purchases"]]
            yield [book.say(FIELDS[field]), shown, *counts, *money, *per_customer, phase]


def _cohort_sheet(found: Curve, book: Any) -> None:
    """Every measure, shown in every way that means something, one block below the other."""
    first = found.triangle("value", "sum")
    ages = len(first.ages)
    sheet = book.sheet(Text("Cohorts", "同期客户群"), [16, 11, *[11] * ages])
    note = Text(
        "Customers by when they began (lines) and periods since (columns): one block for each measure. Complete "
        "periods only; an empty cell means that fewer than half of the line have come that far.",
        "按建立关系的时间（行）与之后的期数（列）排列，每个指标一块。只计完整的期；空格表示该行走到该期的客户不足一半。",
    )
    sheet.line(book.say(note))
    for measure in MEASURES:
        for show in SHOWS:
            if measure == "active" and show in ("per_customer", "cumulative"):
                continue
            sheet.skip()
            _block(found, sheet, book, measure, show)


def _block(found: Curve, sheet: Any, book: Any, measure: Measure, show: Show) -> None:
    shown = found.triangle(measure, show)
    way = RETENTION if (measure, show) == ("active", "share") else SHOW_NAMES[show]
    sheet.line(f"{book.say(MEASURE_NAMES[measure])} \u00b7 {book.say(way)}", book.heading)
    sheet.heads([book.say(Text("Began in", "建立关系")), book.say(Text("Customers", "客户数")), *map(str, shown.ages)])
    counted = measure in ("active", "purchases")
    kind = "share" if show == "share" else "number" if show != "sum" or not counted else "count"
    kinds = ["text", "count", *["money" if not counted and show != "share" else kind] * len(shown.ages)]
    for cohort, customers, values in zip(shown.cohorts, shown.customers, shown.values, strict=True):
        period = "year" if found.years else found.period
        label = numbers.period_label(cohort, period, found.fiscal_start, book.language)
        sheet.row([label, customers, *values], kinds)
