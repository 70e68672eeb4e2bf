"""The sections of the page that a manager reads, in the order of the questions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from kezhi.language import Language, Text
from kezhi.reports import figures, numbers, sentences
from kezhi.reports.customer_value import Account, PastPeriod, TableRows, TopCustomer, ValueReport
from kezhi.reports.flags import flag
from kezhi.reports.glossary import GLOSSARY
from kezhi.reports.markup import Child, Html, Row, bullets, folded, joined, table, tag, who
from kezhi.reports.plot import Plot

SHOWN_CUSTOMERS = 15
SHOWN_PERIODS = 24
_STEPS_SHOWN = 4

_AS_TABLE = Text("The figures as a table", "查看数据表")
_CUSTOMERS = Text("Customers", "客户数")
_PURCHASES = Text("Purchases", "购买次数")
_AMOUNT = Text("Purchase amount", "购买金额")
_COST = Text("Product cost", "产品成本")
_EXPENSE = Text("Relationship expense", "关系营销费用")
_VALUE = Text("Value", "客户价值")
_MARGIN = Text("Margin", "毛利率")
_PERIOD = Text("Period", "期")
_TOTAL = Text("Total", "合计")
_INTERVAL = Text("80% interval", "80% 区间")

KINDS = {
    "sale": Text("Sales", "销售"),
    "return": Text("Returns, taken off the purchases", "退货（已从购买中扣除）"),
    "cancellation": Text("Cancellations, taken off the purchases", "取消（已从购买中扣除）"),
    "zero": Text("Lines of amount zero", "金额为零的行"),
}


class Canvas:
    """Collects the figures of a page while its sections are written, and speaks the page's language."""

    def __init__(self, language: Language) -> None:
        self.language: Language = language
        self.figures: dict[str, Any] = {}
        self.places: dict[str, str] = {}

    def say(self, text: Text, **values: object) -> str:
        """A sentence in the page's language."""
        return (text.fill(**values) if values else text).to(self.language)

    def place(self, name: str, figure: Plot, describe: Text, size: str = "") -> Html:
        """The place where a figure will be drawn, as tall as it asks to be; described for who cannot see it."""
        self.figures[name] = figure.as_dict()
        height = figure.layout.get("height")
        tall = f"height: {height:g}px" if height else None
        label = describe.to(self.language)
        return tag("div", class_=f"figure {size}".strip(), id=name, role="img", aria_label=label, style=tall)

    def as_table(self, content: Html) -> Html:
        """A figure's numbers, one click away."""
        return folded(self.say(_AS_TABLE), content)


def heading(canvas: Canvas, text: Text) -> Html:
    """The title of a part of a section."""
    return tag("h3", canvas.say(text))


def grid(canvas: Canvas, heads: Iterable[Text], rows: Iterable[Row]) -> Html:
    """A table of figures, named in its first column."""
    names = [canvas.say(head) for head in heads]
    return table(names, rows, range(1, len(names)))


def period_word(period: str) -> Text:
    """Month, quarter or year."""
    return sentences.PERIOD_WORDS.get(period) or Text(period, period)


def section(canvas: Canvas, title: Text, *children: Child, name: str | None = None) -> Html:
    """A titled part of the page; one with a name is listed at its top."""
    if name is not None:
        canvas.places[name] = canvas.say(title)
    return tag("section", tag("h2", canvas.say(title)), *children, id=name)


def contents(canvas: Canvas) -> Html:
    """Links to the parts of the page that have been written on this canvas."""
    links = [tag("a", title, href=f"#{name}") for name, title in canvas.places.items()]
    return tag("nav", *links, aria_label=canvas.say(Text("Contents", "目录")))


# --- 1. the answers ---------------------------------------------------------------------------------------


def leads(report: ValueReport, canvas: Canvas) -> Html:
    """The four answers side by side."""
    return tag("section", *map(_lead, sentences.leads(report, canvas.language)), class_="leads")


def _lead(lead: sentences.Lead) -> Html:
    figure = tag("div", lead.figure, class_="figure-word")
    return tag("div", tag("h2", lead.title), figure, tag("p", lead.sentence), bullets(lead.notes), class_="lead")


def mind(report: ValueReport, canvas: Canvas) -> Html:
    """What a reader must know before using the figures."""
    label = sentences.basis_label(report.basis)
    basis = tag("p", canvas.say(label), class_="basis") if label else None
    remarks = [canvas.say(text) for text in sentences.remarks(report)]
    if not remarks:
        return joined([basis])
    title = tag("h2", canvas.say(Text("Keep in mind", "请注意")))
    return joined([basis, tag("div", title, bullets(remarks), class_="mind")])


# --- 2. and 3. periods ------------------------------------------------------------------------------------


def history_and_forecast(report: ValueReport, canvas: Canvas) -> Html:
    """What each period brought and what the next ones should bring."""
    title = Text("Value by {period}: history and forecast", "各{period}客户价值：历史与预测")
    word = period_word(report.period)
    named = Text(title.en.format(period=word.en), title.zh.format(period=word.zh))
    describe = Text(
        "Bar chart of value per period; the same figures follow as a table.",
        "各期客户价值柱形图，数据见下表。",
    )
    figure = canvas.place("figure-history", figures.history_and_forecast.plain(report, canvas.language), describe)
    return section(canvas, named, tag("p", _formula(report, canvas), class_="soft"), figure, name="forecast")


def _formula(report: ValueReport, canvas: Canvas) -> str:
    formula = canvas.say(sentences.formula(report.basis))
    unit = numbers.currency_name(report.currency, canvas.language)
    formula = formula[0].upper() + formula[1:]
    return formula + (canvas.say(Text(", in {unit}", "（{unit}）"), unit=unit) if unit else "")


def periods(report: ValueReport, canvas: Canvas) -> Html:
    """The company's periods as a table, and the coming ones."""
    title = Text("Company, period by period", "公司各期明细")
    return section(canvas, title, _history_table(report, canvas), _forecast_table(report, canvas), name="periods")


def _account_heads(report: ValueReport, canvas: Canvas) -> list[str]:
    heads = [
        _AMOUNT,
        *([_COST] if report.basis.cost else []),
        *([_EXPENSE] if report.basis.expense else []),
        _VALUE,
    ]
    return [canvas.say(head) for head in heads]


def account_cells(report: ValueReport, account: Account, digits: int = 2) -> list[Child]:
    """Amount, the deductions that are made, and the value."""
    parts = [account.amount]
    parts += [account.cost] if report.basis.cost else []
    parts += [account.expense] if report.basis.expense else []
    cells: list[Child] = [numbers.grouped(part, digits) for part in parts]
    return [*cells, tag("span", numbers.grouped(account.value, digits), class_="strong")]


def _history_table(report: ValueReport, canvas: Canvas) -> Html:
    heads = [canvas.say(_PERIOD), *_account_heads(report, canvas)]
    heads += [canvas.say(Text("Value against the period before", "价值较上期"))]
    heads += [canvas.say(_MARGIN)] if report.basis.cost else []
    heads += [canvas.say(_CUSTOMERS), canvas.say(_PURCHASES)]
    rows = _history_rows(report, canvas)
    rows.append(Row(_history_cells(report, canvas.say(_TOTAL), None, report.totals, report.purchases), "total"))
    caption = canvas.say(Text("History, exact", "历史（精确数）"))
    return table(heads, rows, range(1, len(heads)), caption)


def _history_rows(report: ValueReport, canvas: Canvas) -> list[Row]:
    past = report.history
    hidden, shown = past[:-SHOWN_PERIODS], past[-SHOWN_PERIODS:]
    rows = []
    if hidden:
        earlier = sum((row.account for row in hidden), Account())
        label = canvas.say(Text("Earlier ({n})", "更早（{n} 期）"), n=len(hidden))
        rows.append(Row(_history_cells(report, label, None, earlier, sum(row.purchases for row in hidden)), "apart"))
    before: PastPeriod | None = hidden[-1] if hidden else None
    for row in shown:
        rows.append(_past_row(report, canvas, row, before))
        before = row
    return rows


def _past_row(report: ValueReport, canvas: Canvas, row: PastPeriod, before: PastPeriod | None) -> Row:
    label = numbers.period_label(row.period, report.period, report.fiscal_start, canvas.language)
    if not row.complete:
        label += canvas.say(Text(" (unfinished)", "（未满）"))
    change = _change(row, before) if row.complete else ""
    cells = _history_cells(report, label, row.customers, row.account, row.purchases, change)
    return Row(cells, None if row.complete else "apart")


def _history_cells(
    report: ValueReport, label: str, customers: int | None, account: Account, purchases: int, change: str = ""
) -> list[Child]:
    count = "" if customers is None else numbers.grouped(customers)
    margin = [numbers.percent(account.margin, 1)] if report.basis.cost else []
    return [label, *account_cells(report, account), change, *margin, count, numbers.grouped(purchases)]


def _change(row: PastPeriod, before: PastPeriod | None) -> str:
    if before is None or before.account.value <= 0:
        return ""
    share = row.account.value / before.account.value - 1
    arrow = "▲" if share > 0 else "▼" if share < 0 else "="
    return f"{arrow} {numbers.percent(abs(share), 1)}"


def _forecast_table(report: ValueReport, canvas: Canvas) -> Html:
    if not report.forecast:
        return Html("")
    heads = [canvas.say(_PERIOD), *_account_heads(report, canvas), canvas.say(_INTERVAL)]
    rows = [_expected_row(report, canvas, row) for row in (*report.forecast, report.outlook)]
    caption = canvas.say(Text("Forecast: the expected figures, rounded", "预测（期望值，取整）"))
    return joined([table(heads, rows, range(1, len(heads)), caption), _rest_of_current(report, canvas)])


def _expected_row(report: ValueReport, canvas: Canvas, row: Any) -> Row:
    label = canvas.say(_TOTAL)
    if row.period:
        label = numbers.period_label(row.period, report.period, report.fiscal_start, canvas.language)
    digits = _digits(report)
    cells = [label, *account_cells(report, row.account, digits), span(row.lower, row.upper, digits)]
    return Row(cells, "forecast" if row.period else "forecast total")


def _digits(report: ValueReport) -> int:
    return 0 if abs(report.outlook.account.amount) >= 1000 else 2


def span(lower: float | None, upper: float | None, digits: int) -> Html:
    """An interval, quieter than its figure."""
    if lower is None or upper is None:
        return tag("span", numbers.ABSENT, class_="range")
    return tag("span", f"{numbers.grouped(lower, digits)} … {numbers.grouped(upper, digits)}", class_="range")


def _rest_of_current(report: ValueReport, canvas: Canvas) -> Html | None:
    current = report.current
    if current is None or current.period is None:
        return None
    said = Text(
        "{period} is not over: after {day} it should still bring purchases of {amount} and "
        "a value of {value}. This is in neither table.",
        "{period}尚未结束：{day}之后预计还有购买 {amount}、客户价值 {value}，上面两张表均未计入。",
    )
    return tag(
        "p",
        canvas.say(
            said,
            period=numbers.period_label(current.period, report.period, report.fiscal_start, canvas.language),
            day=numbers.day(report.as_of, canvas.language),
            amount=numbers.headline(current.account.amount, report.currency, canvas.language),
            value=numbers.headline(current.account.value, report.currency, canvas.language),
        ),
        class_="soft",
    )


# --- 4. customers -----------------------------------------------------------------------------------------


def top_customers(report: ValueReport, canvas: Canvas) -> Html:
    """The customers that matter most from here on."""
    title = Text("The customers with the largest forecast", "预测价值最高的客户")
    first, rest = report.top[:SHOWN_CUSTOMERS], report.top[SHOWN_CUSTOMERS:]
    if not first:
        return section(canvas, title, tag("p", canvas.say(Text("No customer was found.", "没有客户。"))))
    more = Text("{n} more, down to rank {last}", "再看 {n} 位（到第 {last} 名）")
    again = _customer_table(report, canvas, rest, SHOWN_CUSTOMERS) if rest else None
    label = canvas.say(more, n=len(rest), last=len(report.top))
    return section(
        canvas,
        title,
        tag("p", _formula(report, canvas), class_="soft"),
        _customer_table(report, canvas, first, 0),
        folded(label, again) if again else None,
        _flag_legend(report, canvas),
        name="customers",
    )


def _customer_table(report: ValueReport, canvas: Canvas, top: Sequence[TopCustomer], before: int) -> Html:
    coming = [row.period for row in report.forecast if row.period][:_STEPS_SHOWN]
    labels = [numbers.period_label(p, report.period, report.fiscal_start, canvas.language) for p in coming]
    ahead = [Text("Customer", "客户"), Text("Forecast total", "预测合计"), _INTERVAL]
    heads = [
        Text("Value so far", "已有价值"),
        *([Text("Last margin", "最近毛利率")] if report.basis.cost else []),
        Text("Idle periods", "未成交期数"),
        Text("Last purchase", "最近购买"),
    ]
    names = [*map(canvas.say, ahead), *labels, *map(canvas.say, heads)]
    digits = 0 if max(abs(row.forecast) for row in top) >= 1000 else 2
    rows = [_customer_row(report, canvas, row, rank, digits) for rank, row in enumerate(top, before + 1)]
    return table(names, rows, range(1, len(names)))


def _customer_row(report: ValueReport, canvas: Canvas, row: TopCustomer, rank: int, digits: int) -> Row:
    steps = [numbers.grouped(value, digits) for value in row.steps[:_STEPS_SHOWN]]
    wanted = min(len([step for step in report.forecast if step.period]), _STEPS_SHOWN)
    steps += [numbers.ABSENT] * (wanted - len(steps))
    cells: list[Child] = [
        _who(canvas, row, rank),
        tag("span", numbers.grouped(row.forecast, digits), class_="strong"),
        span(row.lower, row.upper, digits),
        *steps[:wanted],
        numbers.grouped(row.value, 2),
        *([numbers.percent(row.margin)] if report.basis.cost else []),
        numbers.grouped(row.idle_periods),
        numbers.short_day(row.last_purchase),
    ]
    return Row(cells, "forecast")


def _who(canvas: Canvas, row: TopCustomer, rank: int) -> Html:
    titles = [canvas.say(flag(code).title) for code in row.flags]
    remarks = tag("span", "⚑ " + " · ".join(titles), class_="flags") if titles else None
    return who(row.customer_id, row.name, f"{rank}. ", remarks)


def _flag_legend(report: ValueReport, canvas: Canvas) -> Html | None:
    if not report.flags:
        return None
    heads = [
        Text("Flag", "标记"),
        _CUSTOMERS,
        Text("Share", "占比"),
        Text("What it means for you", "含义与建议"),
    ]
    rows = [
        Row(
            [
                tag("span", canvas.say(flag(code).title), class_="who"),
                numbers.grouped(count),
                numbers.percent(count / max(report.customers, 1), 1),
                canvas.say(flag(code).advice),
            ]
        )
        for code, count in report.flags_by_count
    ]
    title = tag("h3", canvas.say(Text("Flags, over all customers", "全部客户的标记")))
    return joined([title, table([canvas.say(head) for head in heads], rows, (1, 2))])


# --- 5. concentration -------------------------------------------------------------------------------------


def concentration(report: ValueReport, canvas: Canvas) -> Html:
    """How the value is spread over the customers, so far and expected."""
    title = Text("How the value is spread", "价值的分布")
    return section(
        canvas, title, tag("div", _curve(report, canvas), _bands(report, canvas), class_="pair"), name="concentration"
    )


def _curve(report: ValueReport, canvas: Canvas) -> Html:
    heading = tag("h3", canvas.say(Text("Value so far, best customers first", "已有价值：从最好的客户起累计")))
    if not report.concentration:
        return tag("div", heading, tag("p", canvas.say(Text("No value yet.", "尚无价值。"))))
    describe = Text("Cumulative share of value over customers sorted by value.", "客户按价值排序后的累计价值占比曲线。")
    drawing = figures.concentration.plain(report, canvas.language)
    figure = canvas.place("figure-concentration", drawing, describe, "low")
    heads = [Text("Best customers", "最好的客户"), Text("Share of value", "占价值")]
    step = max(len(report.concentration) // 20, 1)
    points = report.concentration[step - 1 :: step]
    rows = [Row([numbers.percent(point.customers, 1), numbers.percent(point.value, 1)]) for point in points]
    return tag("div", heading, figure, canvas.as_table(table([*map(canvas.say, heads)], rows, (0, 1))))


def _bands(report: ValueReport, canvas: Canvas) -> Html:
    heading = tag("h3", canvas.say(Text("Customers by forecast value", "按预测价值分组的客户数")))
    describe = Text("Number of customers in each class of forecast value.", "各预测价值区间的客户数。")
    figure = canvas.place("figure-bands", figures.value_bands.plain(report, canvas.language), describe, "low")
    heads = [Text("Forecast value", "预测价值"), _CUSTOMERS, Text("Together", "合计")]
    rows = [
        Row([label, numbers.grouped(band.customers), numbers.grouped(band.value, _digits(report))])
        for label, band in zip(figures.band_labels(report), report.bands, strict=True)
    ]
    return tag("div", heading, figure, canvas.as_table(table([*map(canvas.say, heads)], rows, (0, 1, 2))))


# --- 6. rows ----------------------------------------------------------------------------------------------


def rows(report: ValueReport, canvas: Canvas) -> Html:
    """What was read, what was counted, what was set aside and why."""
    title = Text("What was counted and what was set aside", "计入与隔离的数据")
    if not report.tables:
        return section(canvas, title, tag("p", canvas.say(Text("Nothing is known of the input.", "没有输入记录。"))))
    return section(canvas, title, *(_one_table(canvas, rows) for rows in report.tables), name="rows")


def _one_table(canvas: Canvas, rows: TableRows) -> Html:
    name = canvas.say(sentences.table_name(rows.table))
    sum_of_rows = Text(
        "{read} rows read = {accepted} counted + {quarantined} set aside ({share}).",
        "读入 {read} 行 = 计入 {accepted} 行 + 隔离 {quarantined} 行（{share}）。",
    )
    said = canvas.say(
        sum_of_rows,
        read=numbers.grouped(rows.read),
        accepted=numbers.grouped(rows.accepted),
        quarantined=numbers.grouped(rows.quarantined),
        share=numbers.percent(rows.quarantined / rows.read if rows.read else 0, 1),
    )
    return joined(
        [
            tag("h3", name),
            tag("p", said),
            _after(canvas, rows),
            tag("div", _rules(canvas, rows), _kinds(canvas, rows), class_="pair"),
        ]
    )


def _after(canvas: Canvas, rows: TableRows) -> Html | None:
    if not rows.after_as_of:
        return None
    said = Text(
        "{n} rows are dated after the as-of day and touch no figure.",
        "{n} 行的日期在截止日之后，不影响任何数字。",
    )
    return tag("p", canvas.say(said, n=numbers.grouped(rows.after_as_of)))


def _kinds(canvas: Canvas, rows: TableRows) -> Html | None:
    if not rows.kinds:
        return None
    heads = [Text("Counted", "计入"), Text("Rows", "行数"), Text("Amount", "金额")]
    lines = [
        Row(
            [
                canvas.say(KINDS.get(k.kind) or Text(k.kind, k.kind)),
                numbers.grouped(k.rows),
                numbers.grouped(k.amount, 2),
            ]
        )
        for k in rows.kinds
    ]
    amount = sum((kind.amount or Decimal(0) for kind in rows.kinds), Decimal(0))
    count = sum(kind.rows for kind in rows.kinds)
    lines.append(Row([canvas.say(_TOTAL), numbers.grouped(count), numbers.grouped(amount, 2)], "total"))
    return tag("div", table([*map(canvas.say, heads)], lines, (1, 2)))


def _rules(canvas: Canvas, rows: TableRows) -> Html | None:
    if not rows.rules:
        return None
    heads = [
        Text("Set aside because", "隔离原因"),
        Text("Rows", "行数"),
        Text("of which returns", "其中退货"),
        Text("Amount", "金额"),
    ]
    lines = [
        Row(
            [
                _why(canvas, rule),
                numbers.grouped(rule.rows),
                numbers.grouped(rule.returns),
                numbers.grouped(rule.amount, 2),
            ]
        )
        for rule in rows.rules
    ]
    what_to_do = Text(
        "Every one of them is listed with file and line on the sheet “Rejected rows” of the workbook and in "
        "quarantine/{table}.parquet. Mend them in the source and run again.",
        "每一行的文件、行号和原因见工作簿“隔离的行”和 quarantine/{table}.parquet。请在源文件中改正后重新运行。",
    )
    return tag(
        "div",
        table([*map(canvas.say, heads)], lines, (1, 2, 3)),
        tag("p", canvas.say(what_to_do, table=rows.table), class_="soft"),
    )


def _why(canvas: Canvas, rule: Any) -> Html:
    advice = tag("span", canvas.say(rule.advice), class_="flags") if rule.advice else None
    return tag("span", canvas.say(rule.title), advice, class_="who")


# --- 8. glossary ------------------------------------------------------------------------------------------


def glossary(canvas: Canvas) -> Html:
    """The words, explained."""
    pairs = [
        tag(name, canvas.say(text)) for term in GLOSSARY for name, text in (("dt", term.term), ("dd", term.meaning))
    ]
    return section(canvas, Text("Words used here", "名词解释"), tag("dl", *pairs), name="words")
