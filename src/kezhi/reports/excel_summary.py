"""The sheets of the workbook that are read rather than filtered: summary, models, glossary."""

from __future__ import annotations

from collections.abc import Iterable

from kezhi.language import Text
from kezhi.reports import columns, figures, lessons, numbers, sentences
from kezhi.reports.analyst import AMOUNT_SCORES, COUNT_SCORES, MODELS
from kezhi.reports.customer_value import Expected, Season, Transitions, ValueReport
from kezhi.reports.flags import FLAGS
from kezhi.reports.glossary import GLOSSARY
from kezhi.reports.workbook import Book, Sheet

TITLE = Text("Customer value", "客户价值报告")
_ACCOUNT = ("money", "money", "money", "money")


def unit(book: Book, report: ValueReport) -> str:
    """In which currency, and what value means."""
    name = numbers.currency_name(report.currency, book.language)
    money = book.say(Text("In {unit}: ", "单位：{unit}；"), unit=name) if name else ""
    return money + book.say(sentences.formula(report.basis)) + book.say(Text(".", "。"))


def summary(book: Book, report: ValueReport) -> None:
    """The page's four answers, the totals and the forecast."""
    sheet = book.sheet(Text("Summary", "摘要"), (34, 20, 18, 20, 18, 18, 18))
    sheet.line(book.say(TITLE), book.title)
    sheet.line(book.say(Text("up to {day}", "截至{day}"), day=numbers.day(report.as_of, book.language)))
    sheet.line(unit(book, report))
    label = sentences.basis_label(report.basis)
    if label:
        sheet.line(book.say(label), book.heading)
    _answers(sheet, report)
    _total(sheet, report)
    _coming(sheet, report)
    _rows_read(sheet, report)


def _answers(sheet: Sheet, report: ValueReport) -> None:
    for lead in sentences.leads(report, sheet.book.language):
        sheet.skip()
        sheet.row([lead.title, lead.figure], ("text", "text"), bold=True)
        for said in (lead.sentence, *lead.notes):
            sheet.line(said)
    remarks = sentences.remarks(report)
    if remarks:
        sheet.skip()
        sheet.line(sheet.book.say(Text("Keep in mind", "请注意")), sheet.book.heading)
    for text in remarks:
        sheet.line(sheet.book.say(text))


def _heads(book: Book, *titles: Text) -> list[str]:
    return [book.say(title) for title in titles]


def _block(sheet: Sheet, title: Text, heads: Iterable[Text]) -> None:
    sheet.skip()
    sheet.line(sheet.book.say(title), sheet.book.heading)
    sheet.heads(_heads(sheet.book, *heads))


_MONEY_HEADS = (
    Text("Purchase amount", "购买金额"),
    Text("Product cost", "产品成本"),
    Text("Relationship expense", "关系营销费用"),
    Text("Value", "客户价值"),
)


def _total(sheet: Sheet, report: ValueReport) -> None:
    heads = (Text("Customers", "客户数"), Text("Purchases", "购买次数"), *_MONEY_HEADS)
    _block(sheet, Text("History", "历史合计"), heads)
    total = report.totals
    values = (report.customers, report.purchases, total.amount, total.cost, total.expense, total.value)
    sheet.row(values, ("count", "count", *_ACCOUNT), bold=True)


def _coming(sheet: Sheet, report: ValueReport) -> None:
    bounds = (Text("80% interval, lower", "80% 区间下限"), Text("80% interval, upper", "80% 区间上限"))
    _block(sheet, Text("Forecast", "预测"), (Text("Period", "期"), *_MONEY_HEADS, *bounds))
    for row in report.forecast:
        _expected(sheet, report, row)
    if report.forecast:
        _expected(sheet, report, report.outlook)


def _expected(sheet: Sheet, report: ValueReport, row: Expected) -> None:
    label = sheet.book.say(Text("Total", "合计"))
    if row.period:
        label = numbers.period_label(row.period, report.period, report.fiscal_start, sheet.book.language)
    account = row.account
    values = (label, account.amount, account.cost, account.expense, account.value, row.lower, row.upper)
    sheet.row(values, ("text", *_ACCOUNT, "money", "money"), bold=row.period is None)


def _rows_read(sheet: Sheet, report: ValueReport) -> None:
    heads = (
        Text("Rows", "数据行"),
        Text("Read", "读入"),
        Text("Counted", "计入"),
        Text("Set aside", "隔离"),
        Text("After the as-of day", "截止日之后"),
    )
    _block(sheet, Text("Rows: read = counted + set aside", "数据行：读入 = 计入 + 隔离"), heads)
    for rows in report.tables:
        name = sheet.book.say(sentences.table_name(rows.table))
        values = (name, rows.read, rows.accepted, rows.quarantined, rows.after_as_of)
        sheet.row(values, ("text", *("count",) * 4))


# --- models -----------------------------------------------------------------------------------------------


def models(book: Book, report: ValueReport) -> None:
    """Parameters, backtest, distributions and transitions."""
    sheet = book.sheet(Text("Models", "模型"), (40, *(16,) * 12))
    sheet.line(
        book.say(Text("Method: {name}", "方法：{name}"), name=book.say(sentences.method_name(report.models.method))),
        book.heading,
    )
    if report.models.reason:
        sheet.line(book.say(report.models.reason))
    _parameters(sheet, report)
    _backtest(sheet, report)
    _past_forecasts(sheet, report)
    _taught(sheet, report)
    if report.models.season:
        _season(sheet, report.models.season)
    _distributions(sheet, report)
    if report.models.transitions:
        _transitions(sheet, report.models.transitions)


def _parameters(sheet: Sheet, report: ValueReport) -> None:
    heads = (
        Text("Model", "模型"),
        Text("Parameter", "参数"),
        Text("Estimate", "估计值"),
        Text("Standard error", "标准误"),
    )
    _block(sheet, Text("Parameters", "参数"), heads)
    for fitted in report.models.fitted:
        name = sheet.book.say(MODELS.get(fitted.name) or Text(fitted.name, fitted.name))
        for key, value in fitted.parameters.items():
            sheet.row((name, key, value, fitted.standard_errors.get(key)), ("text", "text", "factor", "factor"))
        for note in fitted.diagnosis:
            if note.severity != "ok":
                sheet.line(sheet.book.say(note.text))


_KINDS = {
    **dict.fromkeys(("amount", "mae", "rmse"), "money"),
    **dict.fromkeys(("bias", "purchases_bias", "top20"), "share"),
    **dict.fromkeys(("purchases_mae", "purchases_rmse", "purchases_deviance"), "factor"),
}


def _backtest(sheet: Sheet, report: ValueReport) -> None:
    found = report.models.backtest
    if found is None:
        sheet.skip()
        sheet.line(sheet.book.say(sentences.untested(report)))
        return
    measures = [
        one for one in (*AMOUNT_SCORES, *COUNT_SCORES) if any(getattr(s, one.field) is not None for s in found.scores)
    ]
    _block(sheet, Text("Backtest", "历史检验"), (Text("Method", "方法"), *(one.title for one in measures)))
    kinds = ("text", *(_KINDS.get(one.field, "number") for one in measures))
    sheet.row((sheet.book.say(Text("what came", "实际")), found.amount), kinds[:2], bold=True)
    for score in found.scores:
        name = sheet.book.say(sentences.method_name(score.method))
        sheet.row((name, *(getattr(score, one.field) for one in measures)), kinds)


def _past_forecasts(sheet: Sheet, report: ValueReport) -> None:
    found = report.models.backtest
    if found is None or not found.origins:
        return
    _block(sheet, lessons.PAST, lessons.PAST_HEADS)
    method = report.models.method
    for one in found.origins:
        values = (one.split, one.until, one.amount, one.forecast.get(method), one.error(method))
        sheet.row(values, ("day", "day", "money", "money", "share"))
    sheet.line(sheet.book.say(lessons.how_far_off(found.origins, method)))


def _taught(sheet: Sheet, report: ValueReport) -> None:
    found, said = report.models.learned, lessons.sentences_of(report)
    if found is None or not said:
        return
    sheet.skip()
    sheet.line(sheet.book.say(lessons.TAUGHT), sheet.book.heading)
    for text in said:
        sheet.line(sheet.book.say(text))
    sheet.heads(_heads(sheet.book, *lessons.WEIGHT_HEADS))
    for name, weight in found.weights.items():
        sheet.row((sheet.book.say(sentences.method_name(name)), weight), ("text", "share"))
    for name, kinds in found.factors.items():
        sheet.heads(_heads(sheet.book, lessons.FEATURES.get(name) or Text(name, name), lessons.FACTOR))
        for label, factor in lessons.labelled(name, kinds, sheet.book.language):
            sheet.row((label, factor), ("text", "number"))


def _season(sheet: Sheet, found: Season) -> None:
    sheet.skip()
    sheet.line(sheet.book.say(lessons.SEASON), sheet.book.heading)
    for note in found.notes:
        sheet.line(sheet.book.say(note.text))
    months = [(numbers.month_name(n, sheet.book.language), busy) for n, busy in enumerate(found.months, 1)]
    events = [(sheet.book.say(lessons.event_name(event.name)), event.busy) for event in found.events]
    titles = (lessons.MONTH_HEADS, (lessons.EVENT, *lessons.MONTH_HEADS[1:]))
    for heads, rows in zip(titles, (months if found.found else [], events), strict=True):
        if rows:
            sheet.heads(_heads(sheet.book, *heads))
        for name, busy in rows:
            sheet.row((name, busy.factor, *lessons.interval(busy.factor, busy.error)), ("text", *("share",) * 3))


def _distributions(sheet: Sheet, report: ValueReport) -> None:
    shares = (Text("Observed", "实际"), Text("Model", "模型"))
    if report.models.frequency:
        _block(sheet, Text("Purchases per period", "每期购买次数"), (Text("Purchases", "次数"), *shares))
        for bar in report.models.frequency:
            sheet.row((bar.purchases, bar.observed, bar.expected), ("count", "factor", "factor"))
    found = report.models.amounts
    if found is None:
        return
    _block(sheet, Text("Average amount", "平均金额"), (Text("Class", "区间"), *shares))
    for label, seen, expected in zip(figures.amount_labels(found), found.observed, found.expected, strict=False):
        sheet.row((label, seen, expected), ("text", "factor", "factor"))


def _transitions(sheet: Sheet, found: Transitions) -> None:
    heads = (
        Text("Now in class", "现在所在区间"),
        Text("Expected next amount", "移转期望值"),
        Text("Probability", "移转概率"),
    )
    _block(sheet, Text("Transitions of the average amount", "平均金额的移转"), heads)
    labels = figures.bin_labels(found.edges, len(found.expected_amount))
    for label, amount, p in zip(labels, found.expected_amount, found.p_amount, strict=False):
        sheet.row((label, amount, p), ("text", "money", "factor"))
    _matrix(sheet, found, Text("Model: now (rows), next (columns)", "模型：现在（行）→ 下期（列）"), found.matrix)
    _matrix(
        sheet,
        found,
        Text("Observed: now (rows), next (columns)", "实际：现在（行）→ 下期（列）"),
        found.observed,
    )
    _frequency(sheet, found)


def _matrix(sheet: Sheet, found: Transitions, title: Text, rows: Iterable[Iterable[float | None]]) -> None:
    lines = [tuple(row) for row in rows]
    labels = figures.bin_labels(found.edges, len(lines))
    _block(sheet, title, (Text("Class", "区间"), *(Text(label, label) for label in labels)))
    for label, row in zip(labels, lines, strict=False):
        sheet.row((label, *row), ("text", *("factor",) * len(row)))


def _frequency(sheet: Sheet, found: Transitions) -> None:
    idle = max((len(move.p_by_idle) for move in found.frequency), default=0)
    heads = (
        Text("Frequency now, at least", "现在频率（至少）"),
        Text("Expected", "期望值"),
        Text("Next", "下期频率"),
    )
    _block(
        sheet,
        Text("Transitions of the frequency", "频率的移转"),
        (*heads, *(Text(f"r = {r}", f"r = {r}") for r in range(idle))),
    )
    for move in found.frequency:
        kinds = ("count", "number", "count", *("factor",) * len(move.p_by_idle))
        sheet.row((move.now, move.expected, move.next, *move.p_by_idle), kinds)


# --- glossary ---------------------------------------------------------------------------------------------


def glossary(book: Book) -> None:
    """Words, flags and columns, explained."""
    sheet = book.sheet(Text("Glossary", "名词解释"), (36, 110))
    sheet.heads(_heads(book, Text("Word", "名词"), Text("Meaning", "含义")))
    sheet.sheet.freeze_panes(1, 0)
    for term in GLOSSARY:
        _explain(sheet, term.term, term.meaning)
    for known in FLAGS.values():
        _explain(sheet, known.title, known.advice)
    seen: set[str] = set()
    for column in (*columns.CUSTOMERS, *columns.FORECAST, *columns.PERIODS, *columns.REJECTED):
        if column.title.en not in seen:
            seen.add(column.title.en)
            _explain(sheet, column.title, column.meaning)


def _explain(sheet: Sheet, word: Text, meaning: Text) -> None:
    for column, text in enumerate((word, meaning)):
        sheet.put(column, sheet.book.say(text), sheet.book.wrapped)
    sheet.next += 1
