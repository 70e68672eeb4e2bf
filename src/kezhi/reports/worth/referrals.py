"""What came through recommendation: the forest by period and generation, and the best referrers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from kezhi.engine import Engine
from kezhi.language import Language, Text
from kezhi.ledger import Calendar
from kezhi.reports import figures, numbers, sections
from kezhi.reports.columns import Column
from kezhi.reports.customer_value import ValueReport
from kezhi.reports.markup import Child, Html, Row, folded, joined, table, tag, who
from kezhi.reports.names import with_names
from kezhi.reports.plot import Drawn, Plot
from kezhi.reports.sections import SHOWN_PERIODS, Canvas, grid, heading
from kezhi.reports.workbook import Book, fill_sheet

OPEN_PERIODS = 8  # a longer table of periods is folded
OPENED_BRANCHES = 3  # best referrers whose periods are listed

TITLE = Text("Referrals", "客户推荐")
_PERIOD = Text("Period", "期")
_OWN, _SENT = Text("Own purchases", "自身购买"), Text("Of those they sent", "被推荐客户购买")
_SALES, _COST = Text("Sales", "销售额"), Text("Cost", "成本费用")
_PROFIT, _SO_FAR = Text("Gross profit", "毛利"), Text("Added up", "累计")
_CUSTOMERS = Text("Customers", "客户数")
_PURCHASES = Text("Purchases", "购买金额")

RULES = {
    "first": Text(
        "Credited to a referrer: the gross profit of the customers they sent themselves.",
        "计入推荐人：其直接推荐的客户带来的毛利。",
    ),
    "all": Text(
        "Credited to a referrer: the gross profit of all customers below them, of every generation.",
        "计入推荐人：其直接与间接推荐的各代客户带来的全部毛利。",
    ),
    "decay": Text(
        "Credited to a referrer: the gross profit of the customers they sent in full, of each later generation {share} "
        "of the share before.",
        "计入推荐人：直接推荐的客户毛利全额计入，此后每远一代按前一代的 {share} 计入。",
    ),
}


@dataclass(frozen=True)
class Line:
    """What a branch sold and cost in one period."""

    period: date
    own: Decimal = Decimal(0)
    sent: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)
    profit: Decimal = Decimal(0)
    so_far: Decimal = Decimal(0)

    @property
    def sales(self) -> Decimal:
        """Purchases of the whole branch."""
        return self.own + self.sent


@dataclass(frozen=True)
class Branch:
    """A customer who sent others, with what came of it."""

    customer_id: str
    name: str | None
    referrals: int
    descendants: int
    value: Decimal
    credited: Decimal
    lines: tuple[Line, ...] = ()

    @property
    def wide(self) -> Decimal:
        """Own and credited gross profit."""
        return self.value + self.credited


@dataclass(frozen=True)
class Referrals:
    """The referrals of a run; `facts` as in worth.json."""

    facts: Mapping[str, Any]
    lines: tuple[Line, ...]
    branches: tuple[Branch, ...]
    generations: tuple[Mapping[str, Any], ...] = field(default=())


def build(engine: Engine, run: Path, facts: dict[str, Any]) -> Referrals | None:
    """The referrals of a run folder; None where no link between customers counts."""
    path = run / "referral_periods.parquet"
    if not facts["referred"] or not path.exists():
        return None
    rows = engine.fetch(engine.read_parquet(path)).to_pylist()
    names = _names(engine, run, [branch["customer_id"] for branch in facts["branches"]])
    branches = tuple(_branch(row, names, rows) for row in facts["branches"])
    return Referrals(facts, _lines(rows, None), branches, tuple(facts["generations"]))


def _names(engine: Engine, run: Path, ids: list[str]) -> dict[str, str | None]:
    customers = engine.read_parquet(run / "customers.parquet")
    known = customers.filter(customers.customer_id.isin(ids)).select("customer_id", "name")
    return {row["customer_id"]: row["name"] for row in engine.fetch(known).to_pylist()}


def _branch(row: Mapping[str, Any], names: Mapping[str, str | None], rows: list[dict[str, Any]]) -> Branch:
    one = row["customer_id"]
    value, credited = Decimal(row["value"]), Decimal(row["credited_value"])
    return Branch(one, names.get(one), row["referrals"], row["descendants"], value, credited, _lines(rows, one))


def _lines(rows: list[dict[str, Any]], branch: str | None) -> tuple[Line, ...]:
    own = sorted((row for row in rows if row["customer_id"] == branch), key=lambda row: row["period"])
    return tuple(
        Line(
            row["period"],
            row["own_amount"],
            row["referred_amount"],
            row["cost"] + row["expense"],
            row["value"],
            row["cumulative_value"],
        )
        for row in own
    )


def every_period(lines: Iterable[Line], report: ValueReport) -> list[Line]:
    """The lines with those periods between them in which nothing happened."""
    calendar = Calendar(report.period, report.fiscal_start)  # type: ignore[arg-type]
    known = {calendar.number(line.period): line for line in lines}
    found: list[Line] = []
    for number in range(min(known), max(known) + 1) if known else ():
        quiet = Line(calendar.start(number), so_far=found[-1].so_far if found else Decimal(0))
        found.append(known.get(number, quiet))
    return found


# --- the page ---------------------------------------------------------------------------------------------


def section(found: Referrals, report: ValueReport, canvas: Canvas) -> Html:
    """What referrals brought, in one sentence, a figure and three tables."""
    describe = Text(
        "Lines of sales and cost of the customers with a part in a referral, by period; the figures follow as a table.",
        "参与推荐的客户各期销售额与成本费用曲线，数据见下表。",
    )
    drawing = curves.plain(found, report, canvas.language)
    return sections.section(
        canvas,
        TITLE,
        tag("p", _sentence(found, report, canvas)),
        canvas.place("figure-referrals", drawing, describe, "low"),
        _all_periods(found, report, canvas),
        _top(found, report, canvas),
        _generations(found, canvas),
        _notes(found, report, canvas),
        name="referrals",
    )


_CAPTION = Text(
    "Customers with a part in a referral; own: of those whom nobody sent", "参与推荐的客户；“自身”指无推荐人的客户"
)


def _sentence(found: Referrals, report: ValueReport, canvas: Canvas) -> str:
    facts = found.facts
    said = Text(
        "{n} of {all} customers were sent by other customers; their purchases, {amount}, are {share} of all.",
        "{all} 位客户中有 {n} 位由其他客户推荐而来；他们共购买 {amount}，占全部购买金额的 {share}。",
    )
    return canvas.say(
        said,
        n=numbers.grouped(facts["referred"]),
        all=numbers.grouped(facts["customers"]),
        amount=numbers.headline(Decimal(facts["referred_amount"]), report.currency, canvas.language),
        share=numbers.percent(facts["referred_amount_share"], 1),
    )


@Drawn
def curves(found: Referrals, report: ValueReport, language: Language) -> Plot:
    """Sales and cost by period of all customers with a part in a referral."""
    figure = figures.plain()
    lines = every_period(found.lines, report)
    labels = [numbers.period_label(line.period, report.period, report.fiscal_start, language) for line in lines]
    drawn: tuple[tuple[Text, str, Callable[[Line], Decimal]], ...] = (
        (_SALES, figures.ACCENT, lambda line: line.sales),
        (_COST, figures.INTERVAL, lambda line: line.cost),
    )
    for name, color, read in drawn:
        figure.add_scatter(
            x=labels,
            y=[float(read(line)) for line in lines],
            name=name.to(language),
            mode="lines+markers",
            line={"color": color, "width": 2.5},
            marker={"size": 6},
            hovertemplate="%{x}: %{y:,.0f}<extra></extra>",
        )
    figure.update_xaxes(type="category", nticks=7, showgrid=False)
    figure.update_yaxes(rangemode="tozero")
    return figure


def _periods(lines: tuple[Line, ...], report: ValueReport, canvas: Canvas, caption: Text) -> Html:
    every = every_period(lines, report)
    hidden, shown = every[:-SHOWN_PERIODS], every[-SHOWN_PERIODS:]
    digits = _digits(value for line in every for value in (line.own, line.sent, line.cost, line.so_far))
    rows = []
    if hidden:
        label = canvas.say(Text("Earlier ({n})", "更早（{n} 期）"), n=len(hidden))
        rows.append(_row(label, hidden, digits, "apart"))
    for line in shown:
        label = numbers.period_label(line.period, report.period, report.fiscal_start, canvas.language)
        rows.append(_row(label, [line], digits))
    rows.append(_row(canvas.say(Text("Total", "合计")), every, digits, "total"))
    heads = [canvas.say(head) for head in (_PERIOD, _OWN, _SENT, _SALES, _COST, _PROFIT, _SO_FAR)]
    return table(heads, rows, range(1, len(heads)), canvas.say(caption))


def _all_periods(found: Referrals, report: ValueReport, canvas: Canvas) -> Html:
    """The periods of everybody; where they are many the curves above say the same, and the table is one click away."""
    shown = _periods(found.lines, report, canvas, _CAPTION)
    few = len(every_period(found.lines, report)) <= OPEN_PERIODS
    return shown if few else folded(canvas.say(Text("The periods as a table", "各期数据表")), shown)


def _row(label: str, lines: list[Line], digits: int, kind: str | None = None) -> Row:
    sums = [sum((getattr(line, name) for line in lines), Decimal(0)) for name in ("own", "sent", "sales", "cost")]
    profit = tag("span", numbers.grouped(sum((line.profit for line in lines), Decimal(0)), digits), class_="strong")
    so_far = numbers.grouped(lines[-1].so_far, digits) if lines else numbers.ABSENT
    return Row([label, *(numbers.grouped(value, digits) for value in sums), profit, so_far], kind)


def _digits(values: Iterable[Decimal]) -> int:
    """Whole units where all figures are whole or some are large."""
    known = list(values)
    whole = all(value == int(value) for value in known)
    return 0 if whole or max((abs(value) for value in known), default=Decimal(0)) >= 10_000 else 2


def _top(found: Referrals, report: ValueReport, canvas: Canvas) -> Html:
    """Those to whom most is credited, and the best of them period by period."""
    digits = _digits(value for branch in found.branches for value in (branch.value, branch.credited))
    rows = [
        Row(
            [
                _who(branch, rank),
                numbers.grouped(branch.referrals),
                numbers.grouped(branch.descendants),
                numbers.grouped(branch.value, digits),
                numbers.grouped(branch.credited, digits),
                tag("span", numbers.grouped(branch.wide, digits), class_="strong"),
            ]
        )
        for rank, branch in enumerate(found.branches, 1)
    ]
    heads = (
        Text("Customer", "客户"),
        Text("Sent", "直接推荐"),
        Text("Sent, all generations", "各代推荐合计"),
        Text("Own gross profit", "自身毛利"),
        Text("Credited gross profit", "推荐计入毛利"),
        Text("Both together", "两者合计"),
    )
    parts = [heading(canvas, Text("The best referrers", "推荐贡献最大的客户")), grid(canvas, heads, rows)]
    caption = Text("Own: of this customer; the rest: of everybody below", "“自身”指该客户；其余为其推荐的各代客户")
    parts += [
        folded(_label(branch, canvas), _periods(branch.lines, report, canvas, caption))
        for branch in found.branches[:OPENED_BRANCHES]
        if branch.lines and (len(found.branches) > 1 or branch.lines != found.lines)
    ]
    return joined(parts)


def _who(branch: Branch, rank: int) -> Html:
    return who(branch.customer_id, branch.name, f"{rank}. ")


def _label(branch: Branch, canvas: Canvas) -> str:
    said = Text("{name}, period by period", "{name}：各期明细")
    return canvas.say(said, name=branch.name or branch.customer_id)


def _generations(found: Referrals, canvas: Canvas) -> Html:
    heads = (
        Text("Generation", "推荐代数"),
        _CUSTOMERS,
        Text("Sent per customer", "人均推荐数"),
        _PURCHASES,
        Text("Gross profit so far", "已实现毛利"),
        Text("Forecast gross profit", "预测毛利"),
    )
    own = [Decimal(row[name]) for row in found.generations for name in ("amount", "value", "forecast_value")]
    digits = _digits(own)
    rows = []
    for row in found.generations:
        money: list[Child] = [
            numbers.grouped(Decimal(row[name]), digits) for name in ("amount", "value", "forecast_value")
        ]
        label = (
            canvas.say(Text("0: whom nobody sent", "0：无推荐人")) if not row["generation"] else str(row["generation"])
        )
        rows.append(Row([label, numbers.grouped(row["customers"]), numbers.grouped(row["per_customer"], 2), *money]))
    return joined([heading(canvas, Text("Generation by generation", "逐代情况")), grid(canvas, heads, rows)])


def _notes(found: Referrals, report: ValueReport, canvas: Canvas) -> Html:
    """How it was counted, one click away."""
    facts = found.facts
    share = numbers.percent(facts["decay"]) if facts["decay"] is not None else ""
    once = Text(
        "Credited gross profit is a view: the same money stands as own gross profit with the customer who bought. "
        "Company totals add up own figures only, so nothing is counted twice.",
        "推荐计入的毛利只是另一种看法：同一笔钱仍记在购买者自己名下。公司合计只加各客户自身的数字，不重复计算。",
    )
    said = [canvas.say(RULES[facts["credit"]], share=share), canvas.say(once), _rate(found, report, canvas)]
    return folded(canvas.say(Text("How this was counted", "如何计算")), *(tag("p", one) for one in said if one))


def _rate(found: Referrals, report: ValueReport, canvas: Canvas) -> str | None:
    facts, rate = found.facts, found.facts["rate"]
    if rate is None or rate["lower"] is None or facts["k_factor"] is None:
        return None
    said = Text(
        "Up to now a customer has sent {k} others on average (the k-factor); a customer sends {rate} in a {period} "
        "(80% interval {lower} to {upper}).",
        "迄今平均每位客户推荐了 {k} 位新客户（k 因子）；"
        "每位客户每{period}推荐 {rate} 位（80% 区间 {lower} 至 {upper}）。",
    )
    word = {"month": Text("month", "月"), "quarter": Text("quarter", "季度"), "year": Text("year", "年")}[report.period]
    return canvas.say(
        said,
        k=numbers.grouped(facts["k_factor"], 2),
        rate=numbers.short(rate["per_period"], 3),
        lower=numbers.short(rate["lower"], 3),
        upper=numbers.short(rate["upper"], 3),
        period=canvas.say(word),
    )


# --- the workbook -----------------------------------------------------------------------------------------


def _column(name: str, title: Text, kind: Any, total: bool = False) -> Column:
    return Column(name, title, Text("", ""), kind, total)


_LINES = (
    _column("branch", Text("Referrer", "推荐人"), "text"),
    _column("period", _PERIOD, "day"),
    *(
        _column(name, title, "money")
        for name, title in (
            ("own", _OWN), ("sent", _SENT), ("sales", _SALES), ("cost", _COST), ("profit", _PROFIT), ("so_far", _SO_FAR)
        )
    ),
)  # fmt: skip
_SENDERS = (
    _column("customer_id", Text("Customer id", "客户编号"), "text"),
    _column("name", Text("Name", "客户名称"), "text"),
    _column("referrer_id", Text("Sent by", "推荐人"), "text"),
    _column("generation", Text("Generation", "推荐代数"), "count"),
    _column("referrals", Text("Sent", "直接推荐"), "count", total=True),
    _column("descendants", Text("Sent, all generations", "各代推荐合计"), "count"),
    _column("value", Text("Own gross profit", "自身毛利"), "money", total=True),
    _column("credited_value", Text("Credited gross profit", "推荐计入毛利"), "money"),
    _column("forecast_value", Text("Own forecast gross profit", "自身预测毛利"), "money", total=True),
    _column("credited_forecast_value", Text("Credited forecast gross profit", "推荐计入预测毛利"), "money"),
)


def sheets(found: Referrals, book: Book, engine: Engine, run: Path, report: ValueReport) -> None:
    """Those who sent customers, best first; and the periods of the whole forest and of the best branches."""
    import ibis

    members = engine.read_parquet(run / "referrals.parquet")
    senders = members.filter(members.referrals > 0)
    best = senders.order_by(ibis.desc("credited_value"), "customer_id").limit(book.listed)
    rows = engine.fetch(with_names(engine, run, best).order_by(ibis.desc("credited_value"), "customer_id")).to_pylist()
    sheet = book.sheet(TITLE, [column.width for column in _SENDERS])
    sheet.line(_sentence(found, report, Canvas(book.language)))
    sheet.cut(len(rows), "referrals.parquet")
    shown = {column.field: sum(row[column.field] for row in rows) for column in _SENDERS if column.total}
    label = Text("Customers who sent others", "推荐过他人的客户")
    fill_sheet(sheet, _SENDERS, rows, count=len(rows), label=label, totals=shown, shown=shown)
    _period_sheet(found, book, report)


def _period_sheet(found: Referrals, book: Book, report: ValueReport) -> None:
    sheet = book.sheet(Text("Referrals by period", "推荐各期"), [column.width for column in _LINES])
    whole = book.say(Text("all", "全部"))
    parts = [(whole, found.lines), *((branch.name or branch.customer_id, branch.lines) for branch in found.branches)]
    rows = [
        {"branch": name, "sales": line.sales, **{one: getattr(line, one) for one in _LINE_FIELDS}}
        for name, lines in parts
        for line in every_period(lines, report)
    ]
    label = Text("All, then the best referrers", "先为全部，再为推荐贡献最大的客户")
    fill_sheet(sheet, _LINES, rows, count=len(rows), label=label, totals={}, shown={})


_LINE_FIELDS = ("period", "own", "sent", "cost", "profit", "so_far")
