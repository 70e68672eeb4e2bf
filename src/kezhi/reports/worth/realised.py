"""How far forecasts could be trusted: what earlier runs forecast beside what came (R24)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from kezhi.engine import Engine
from kezhi.language import Language, Text
from kezhi.reports import figures, numbers
from kezhi.reports.columns import Column
from kezhi.reports.customer_value import ValueReport
from kezhi.reports.json_values import Json, day, money, number
from kezhi.reports.markup import Child, Html, Row, folded, tag
from kezhi.reports.plot import Drawn, Plot
from kezhi.reports.sections import Canvas, grid
from kezhi.reports.sections import section as part
from kezhi.reports.workbook import Book, fill_sheet
from kezhi.settings.tiers import Tiers
from kezhi.worth.layers import USUAL, rules_of_a_run, title_of

TITLE = Text("How far forecasts could be trusted", "以前的预测有多可信")
_HEADS = (
    Text("Forecast", "预测"),
    Text("Came", "实际"),
    Text("Of 100 forecast came", "每预测 100 实现"),
    Text("Customers inside their 80% interval", "落入 80% 区间的客户"),
)
_FORECAST, _CAME = Text("forecast, with 80% interval", "预测（含 80% 区间）"), Text("what came", "实际")


@dataclass(frozen=True)
class Compared:
    """Forecast and what came of it; None where the run does not tell."""

    label: str
    period: date | None
    as_of: date | None
    step: int | None
    forecast: Decimal
    actual: Decimal
    realised: float | None
    inside: float | None
    lower: float | None = None
    upper: float | None = None
    newcomers: Decimal | None = None


@dataclass(frozen=True)
class Realised:
    """What the earlier runs' forecasts came to."""

    runs: int
    whole: Compared
    tiers: tuple[Compared, ...]
    forecasts: tuple[Compared, ...]
    intervals: int
    held: int
    rules: Tiers = USUAL


def build(engine: Engine, run: Path, facts: Json) -> Realised | None:  # noqa: ARG001
    """The comparison, from the run's facts; None where nothing was compared."""
    if not facts.get("runs"):
        return None
    return Realised(
        int(facts["runs"]),
        _compared(facts),
        tuple(_compared(row) for row in facts.get("tiers") or ()),
        tuple(_compared(row) for row in facts.get("forecasts") or ()),
        int(facts.get("company_forecasts") or 0),
        int(facts.get("company_inside") or 0),
        rules_of_a_run(run),
    )


def _compared(row: Json) -> Compared:
    return Compared(
        str(row.get("tier") or ""),
        day(row.get("period")),
        day(row.get("as_of")),
        row.get("step"),
        money(row.get("forecast")) or Decimal(0),
        money(row.get("actual")) or Decimal(0),
        number(row.get("realised")),
        number(row.get("inside")),
        number(row.get("lower")),
        number(row.get("upper")),
        money(row.get("newcomers")),
    )


def section(found: Realised, report: ValueReport, canvas: Canvas) -> Html:
    """One sentence, the periods as a figure, the tiers of customers as a table."""
    describe = Text("Forecast and actual gross profit by period.", "各期预测毛利与实际毛利。")
    figure = canvas.place("figure-realised", compared.plain(found, report, canvas.language), describe, "low")
    return part(
        canvas,
        TITLE,
        tag("p", canvas.say(sentence(found, report))),
        figure,
        grid(canvas, [_LAYER, *_HEADS], _tiers(found, canvas)),
        tag("p", canvas.say(_NOTE), class_="soft"),
        folded(canvas.say(_ALL), _every(found, report, canvas)),
        name="realised",
    )  # fmt: skip


_LAYER = Text("Tier, by what was forecast then", "层级（按当时的预测价值）")
_ALL = Text("Every forecast that is over by now", "已到期的各次预测")
_NOTE = Text(
    "Counted are the customers known when the forecast was made; what customers brought who came later is listed "
    "apart. Late bookings and returns count: the comparison is made anew in every run.",
    "只计入预测当时已知的客户；之后新来的客户带来的毛利另列。补记的订单和退货都会计入：每次运行都重新比较。",
)


def sentence(found: Realised, report: ValueReport) -> Text:
    """What came of 100 forecast, and how often the company's interval held."""
    share = found.whole.realised
    held = Text(
        " The company's total was inside its 80% interval in {held} of {intervals} periods.",
        "公司总额在 {intervals} 期中有 {held} 期落入 80% 区间。",
    ).fill(held=found.held, intervals=found.intervals)
    if share is None:
        told = Text("Earlier runs forecast no gross profit for the periods that are over by now.",
                    "以前的运行对已到期的各期没有预测出毛利。")  # fmt: skip
    else:
        told = Text(
            "Of every 100 of gross profit that earlier runs forecast, {came} came: {actual}, where {forecast} was "
            "forecast by {runs}.",
            "以前的运行每预测 100 的毛利，实现了 {came}：预测 {forecast}，实际 {actual}（{runs}）。",
        )
        runs = Text("1 run" if found.runs == 1 else f"{found.runs} runs", f"{found.runs} 次运行")
        money_en, money_zh = (
            {name: numbers.headline(getattr(found.whole, name), report.currency, language)
             for name in ("actual", "forecast")} for language in ("en", "zh")
        )  # fmt: skip
        came = numbers.grouped(100 * share)
        told = Text(
            told.en.format(came=came, runs=runs.en, **money_en), told.zh.format(came=came, runs=runs.zh, **money_zh)
        )
    return Text(told.en + held.en, told.zh + held.zh) if found.intervals else told


def _cells(one: Compared) -> list[Child]:
    came = numbers.ABSENT if one.realised is None else numbers.grouped(100 * one.realised)
    return [
        numbers.grouped(one.forecast),
        numbers.grouped(one.actual),
        tag("span", came, class_="strong"),
        numbers.percent(one.inside),
    ]


def _tiers(found: Realised, canvas: Canvas) -> list[Row]:
    rows = [Row([canvas.say(title_of(one.label, found.rules)), *_cells(one)]) for one in found.tiers]
    return [*rows, Row([canvas.say(Text("All customers", "全部客户")), *_cells(found.whole)], "total")]


def _every(found: Realised, report: ValueReport, canvas: Canvas) -> Html:
    heads = (
        Text("Period", "期"),
        Text("Forecast made as of", "预测截止日"),
        *_HEADS,
        Text("80% interval", "80% 区间"),
        Text("From customers who came later", "之后新客户带来"),
    )
    rows = []
    for one in found.forecasts:
        label = (
            numbers.period_label(one.period, report.period, report.fiscal_start, canvas.language) if one.period else ""
        )
        ends = f"{numbers.grouped(one.lower)} … {numbers.grouped(one.upper)}" if one.lower is not None else ""
        rows.append(Row([label, numbers.short_day(one.as_of), *_cells(one), ends, numbers.grouped(one.newcomers)]))
    return grid(canvas, heads, rows)


@Drawn
def compared(found: Realised, report: ValueReport, language: Language) -> Plot:
    """Bars of what came and of the last forecast made before each period."""
    figure = figures.plain()
    newest: dict[date, Compared] = {}
    for one in found.forecasts:  # the oldest run first: a later one replaces it
        if one.period:
            newest[one.period] = one
    rows = [newest[period] for period in sorted(newest)][-24:]
    labels = [
        numbers.period_label(one.period, report.period, report.fiscal_start, language) for one in rows if one.period
    ]
    hover = "%{x}<br>%{y:,.0f}<extra></extra>"
    figure.add_bar(x=labels, y=[float(one.actual) for one in rows], name=_CAME.to(language),
                   marker={"color": figures.OBSERVED}, hovertemplate=hover)  # fmt: skip
    values = [float(one.forecast) for one in rows]
    whisker = {
        "type": "data",
        "symmetric": False,
        "array": [
            max((one.upper if one.upper is not None else v) - v, 0.0) for one, v in zip(rows, values, strict=True)
        ],
        "arrayminus": [
            max(v - (one.lower if one.lower is not None else v), 0.0) for one, v in zip(rows, values, strict=True)
        ],
        "color": figures.INTERVAL,
        "thickness": 2,
        "width": 4,
    }
    figure.add_bar(x=labels, y=values, name=_FORECAST.to(language), marker={"color": figures.ACCENT},
                   hovertemplate=hover, error_y=whisker)  # fmt: skip
    figure.update_layout(bargap=0.3, barmode="group")
    figure.update_xaxes(type="category", tickangle=0, nticks=7, showgrid=False)
    return figure


_COLUMNS = (
    Column("run", Text("Run", "运行"), Text("The earlier run.", "以前的运行。"), "text"),
    Column("made_as_of", Text("As of", "截止日"), Text("Its last day that counts.", "该次运行的截止日。"), "day"),
    Column("period", Text("Period", "期"), Text("First day of the period.", "期的第一天。"), "day"),
    Column("step", Text("Step", "步"), Text("Periods ahead.", "提前的期数。"), "count"),
    Column("tier_name", Text("Tier", "层级"), Text("By what was forecast then.", "按当时预测价值分层。"), "text"),
    Column("customers", Text("Customers", "客户数"), Text("In the tier.", "该层客户数。"), "count"),
    Column("forecast", Text("Forecast", "预测"), Text("Gross profit forecast.", "预测毛利。"), "money", total=True),
    Column("actual", Text("Came", "实际"), Text("Gross profit that came.", "实际毛利。"), "money", total=True),
    Column("realised", Text("Realised", "实现率"), Text("Came / forecast.", "实际 ÷ 预测。"), "share"),
    Column(
        "inside", Text("Inside", "落入区间"), Text("Customers inside their interval.", "落入区间的客户数。"), "count"
    ),
)


def sheets(found: Realised, book: Book, engine: Engine, run: Path, report: ValueReport) -> None:
    """Every earlier run, period and tier."""
    rows: list[dict[str, Any]] = engine.fetch(engine.read_parquet(run / "realised.parquet")).to_pylist()
    for row in rows:
        row["tier_name"] = book.say(title_of(row["tier"], found.rules))
        row["realised"] = float(row["actual"] / row["forecast"]) if row["forecast"] > 0 else None
    sheet = book.sheet(Text("Realised", "预测与实际"), [column.width for column in _COLUMNS])
    sheet.line(book.say(sentence(found, report)))
    sums = {name: sum((row[name] for row in rows), Decimal(0)) for name in ("forecast", "actual")}
    label = Text("All forecasts", "全部预测")
    fill_sheet(sheet, _COLUMNS, rows, count=len(rows), label=label, totals=sums, shown=sums)
