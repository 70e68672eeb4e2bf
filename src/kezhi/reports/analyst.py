"""The folded part of the page for analysts: parameters, fits, transitions, assumptions, origins."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from kezhi.language import Text
from kezhi.reports import figures, lessons, numbers, sentences
from kezhi.reports.customer_value import FittedModel, Note, Score, Transitions, ValueReport
from kezhi.reports.lessons import signed
from kezhi.reports.markup import Child, Html, Row, bullets, folded, joined, table, tag
from kezhi.reports.sections import Canvas, grid, heading

MODELS = {
    "nbd": Text("Frequency: negative binomial (Poisson with gamma rates)", "频率：负二项分布（泊松–伽玛）"),
    "pareto_nbd": Text("Frequency: Pareto/NBD (customers leave at any time)", "频率：Pareto/NBD（客户随时可能流失）"),
    "bg_nbd": Text("Frequency: BG/NBD (customers leave after a purchase)", "频率：BG/NBD（客户在购买后流失）"),
    "mbg_nbd": Text("Frequency: MBG/NBD (also after the first purchase)", "频率：MBG/NBD（首购后也可能流失）"),
    "bg_cnbd_k": Text("Frequency: BG/CNBD-k (regular buyers)", "频率：BG/CNBD-k（规律购买）"),
    "mbg_cnbd_k": Text(
        "Frequency: MBG/CNBD-k (regular buyers, may leave at once)", "频率：MBG/CNBD-k（规律购买，首购后也可能流失）"
    ),
    "gamma_gamma": Text("Amount: gamma-gamma (beta-prime)", "金额：伽玛–伽玛分布"),
}


@dataclass(frozen=True)
class Measure:
    """A column of the backtest: what it is called, where it stands, and how it is written."""

    field: str
    title: Text
    said: Callable[[float | None], str]


AMOUNT_SCORES = (
    Measure("amount", Text("Predicted amount", "预测金额"), numbers.grouped),
    Measure("bias", Text("Error of the total", "总额误差"), signed),
    Measure("mae", Text("MAE per customer", "每客户平均绝对误差"), partial(numbers.grouped, digits=2)),
    Measure("rmse", Text("RMSE", "均方根误差"), partial(numbers.grouped, digits=2)),
    Measure("gini", Text("Gini", "基尼系数"), partial(numbers.grouped, digits=3)),
    Measure("top20", Text("Bought by its best 20%", "所选前 20% 的占比"), partial(numbers.percent, digits=1)),
)
COUNT_SCORES = (
    Measure("purchases", Text("Predicted number", "预测次数"), partial(numbers.grouped, digits=1)),
    Measure("purchases_bias", Text("Error of the number", "次数误差"), signed),
    Measure("purchases_mae", Text("MAE of the number", "次数平均绝对误差"), partial(numbers.grouped, digits=3)),
    Measure("purchases_rmse", Text("RMSE of the number", "次数均方根误差"), partial(numbers.grouped, digits=3)),
    Measure("purchases_deviance", Text("Deviance", "偏差度"), partial(numbers.grouped, digits=3)),
)
_METHOD = Text("Method", "方法")
_READING = Text(
    "Gini: 1 ranks the customers perfectly, 0 no better than chance. Deviance (Poisson, per customer): 0 is perfect.",
    "基尼系数：1 为排序完全正确，0 等同随机。偏差度（泊松，每客户）：0 为完全正确。",
)

ASSUMPTIONS = (
    Text("Frequency and average amount are independent.", "购买频率与平均金额相互独立。"),
    Text("The next period depends on the present state alone (Markov).", "下一期只取决于当前状态（马可夫性）。"),
    Text("One customer's purchases per period are Poisson.", "单个客户每期的购买次数服从卜松分配。"),
    Text("Purchase rates differ between customers as a gamma distribution.", "各客户的购买率之间服从伽玛分配。"),
    Text(
        "One customer's average amount per active period is gamma.",
        "单个客户有成交期的平均金额服从伽玛分配。",
    ),
    Text(
        "The scale of amounts differs between customers as a gamma distribution.",
        "各客户的金额尺度之间服从伽玛分配。",
    ),
)


def section(report: ValueReport, canvas: Canvas) -> Html:
    """Everything for the analyst, one click away."""
    title = Text("For the analyst: models, tests, settings, provenance", "供分析人员查阅：模型、检验、设置与来源")
    parts = [draw(report, canvas) for draw in PARTS.values()]
    return tag("section", folded(canvas.say(title), *parts, class_="analyst"))


def _notes(canvas: Canvas, notes: Iterable[Note]) -> Html:
    return bullets([canvas.say(note.text) for note in notes if note.severity != "ok"])


# --- method, backtest, parameters -------------------------------------------------------------------------


def _method(report: ValueReport, canvas: Canvas) -> Html:
    said = Text("Forecast by {method}; the setting is {requested}.", "预测方法：{method}；设置：{requested}。")
    method = canvas.say(sentences.method_name(report.models.method))
    line = canvas.say(said, method=method, requested=report.models.requested or numbers.ABSENT)
    reason = canvas.say(report.models.reason) if report.models.reason else None
    return joined([heading(canvas, Text("Method", "方法")), tag("p", line), tag("p", reason) if reason else None])


def _backtest(report: ValueReport, canvas: Canvas) -> Html:
    title = heading(canvas, Text("Backtest", "历史检验"))
    found = report.models.backtest
    if found is None:
        return joined([title, tag("p", canvas.say(sentences.untested(report)))])
    said = Text(
        "Fitted on what was known at {split}, held against {start} to {until}: {customers} customers, "
        "purchases of {amount}.",
        "用截至 {split} 的数据拟合，与 {start} 至 {until} 的实际比较：{customers} 位客户，购买金额 {amount}。",
    )
    line = canvas.say(
        said,
        split=numbers.short_day(found.split),
        start=numbers.short_day(found.split + timedelta(days=1) if found.split else None),
        until=numbers.short_day(found.until),
        customers=numbers.grouped(found.customers),
        amount=numbers.grouped(found.amount),
    )
    return joined(
        [
            title,
            tag("p", line),
            _scores(report, canvas, AMOUNT_SCORES),
            _scores(report, canvas, COUNT_SCORES),
            tag("p", canvas.say(_READING), class_="soft"),
            lessons.past_forecasts(report, canvas),
        ]
    )


def _scores(report: ValueReport, canvas: Canvas, measures: Iterable[Measure]) -> Html:
    """One row per method; measures that no method has, as in older runs, are left out."""
    scores = report.models.backtest.scores if report.models.backtest else ()
    shown = [one for one in measures if any(getattr(score, one.field) is not None for score in scores)]
    rows = [_score(report, canvas, score, shown) for score in scores]
    return grid(canvas, (_METHOD, *(one.title for one in shown)), rows)


def _score(report: ValueReport, canvas: Canvas, score: Score, measures: Iterable[Measure]) -> Row:
    cells: list[Child] = [canvas.say(sentences.method_name(score.method))]
    cells += [one.said(getattr(score, one.field)) for one in measures]
    return Row(cells, "total" if score.method == report.models.method else None)


def _parameters(report: ValueReport, canvas: Canvas) -> Html:
    title = heading(canvas, Text("Fitted parameters", "模型参数"))
    if not report.models.fitted:
        return joined([title, tag("p", canvas.say(Text("No model was fitted.", "没有拟合模型。")))])
    tables = [tag("div", _fitted(report, canvas, fitted)) for fitted in report.models.fitted]
    return joined([title, tag("div", *tables, class_="pair")])


def _fitted(report: ValueReport, canvas: Canvas, fitted: FittedModel) -> Html:
    title = canvas.say(MODELS.get(fitted.name) or Text(fitted.name, fitted.name))
    heads = (Text("Parameter", "参数"), Text("Estimate", "估计值"), Text("Standard error", "标准误"))
    rows = [
        Row([name, numbers.short(value, 6), numbers.short(fitted.standard_errors.get(name), 3)])
        for name, value in fitted.parameters.items()
    ]
    said = Text("{n} customers, log-likelihood {ll}.", "{n} 位客户，对数似然 {ll}。")
    line = canvas.say(said, n=numbers.grouped(fitted.customers), ll=numbers.grouped(fitted.log_likelihood, 2))
    part = _part(report, fitted)
    line += canvas.say(part) if part else ""
    content = (tag("p", tag("b", title)), grid(canvas, heads, rows), tag("p", line, class_="soft"))
    return joined([*content, _notes(canvas, fitted.diagnosis)])


def _part(report: ValueReport, fitted: FittedModel) -> Text | None:
    """What a purchase model has to do with the forecast."""
    weight = report.models.weight(fitted.name)
    if weight is None or not sentences.of_purchases(fitted.name):
        return None
    if weight == 0:
        return Text(" Not in the blend; the transition rule rests on it.", "不在组合之中，移转规则以它为基础。")
    return Text(" Weight {x}.", "权重 {x}。").fill(x=numbers.percent(weight))


def _assumptions(report: ValueReport, canvas: Canvas) -> Html:
    found = report.models.assumptions
    sizes = Text(
        "Sample length: {customers} customers; sample width: {periods} active customer-periods.",
        "样本长度：{customers} 位客户；样本宽度：{periods} 个有成交的客户期。",
    )
    checks = Text(
        "Correlation of frequency and amount: {r} (assumption 1 wants 0). Variance / mean of purchases per "
        "period: {d} (above 1: customers differ, as assumption 4 says).",
        "频率与金额的相关系数：{r}（假设 1 要求接近 0）。"
        "每期购买次数的方差 ÷ 均值：{d}（大于 1 表示客户之间有差异，符合假设 4）。",
    )
    said = [
        canvas.say(sizes, customers=numbers.grouped(found.customers), periods=numbers.grouped(found.active_periods)),
        canvas.say(checks, r=numbers.grouped(found.correlation, 3), d=numbers.grouped(found.dispersion, 3)),
    ]
    listed = tag("ol", *(tag("li", canvas.say(text)) for text in ASSUMPTIONS))
    title = heading(canvas, Text("The six assumptions, and what can be tested of them", "六个基本假设及其检验"))
    return joined([title, listed, *(tag("p", line) for line in said), _notes(canvas, found.notes)])


# --- distributions ----------------------------------------------------------------------------------------


def _distributions(report: ValueReport, canvas: Canvas) -> Html:
    return tag("div", _frequency(report, canvas), _amounts(report, canvas), class_="pair")


def _frequency(report: ValueReport, canvas: Canvas) -> Html | None:
    if not report.models.frequency:
        return None
    describe = Text("Observed and expected shares of purchases per period.", "每期购买次数的实际与模型占比。")
    figure = canvas.place("figure-frequency", figures.frequency.plain(report, canvas.language), describe, "low")
    heads = (Text("Purchases", "次数"), Text("Observed", "实际"), Text("Model", "模型"))
    rows = [
        Row([str(bar.purchases), numbers.percent(bar.observed, 2), numbers.percent(bar.expected, 2)])
        for bar in report.models.frequency
    ]
    title = heading(canvas, Text("Purchases per period", "购买频率的概率分布"))
    return tag("div", title, figure, canvas.as_table(grid(canvas, heads, rows)))


def _amounts(report: ValueReport, canvas: Canvas) -> Html | None:
    found = report.models.amounts
    if found is None:
        return None
    describe = Text("Observed shares and fitted density of mean amounts.", "平均金额的实际占比与模型密度。")
    figure = canvas.place("figure-amounts", figures.amounts.plain(report, canvas.language), describe, "low")
    heads = (Text("Mean amount", "平均金额"), Text("Observed", "实际"), Text("Model", "模型"))
    rows = [
        Row([label, numbers.percent(seen, 2), numbers.percent(expected, 2)])
        for label, seen, expected in zip(figures.amount_labels(found), found.observed, found.expected, strict=False)
    ]
    mode = Text("Most likely amount {mode}, density there {density}.", "众数 {mode}，该处密度 {density}。")
    line = canvas.say(mode, mode=numbers.grouped(found.mode, 2), density=numbers.short(found.density_at_mode, 6))
    title = heading(canvas, Text("Average amount", "平均金额的概率密度"))
    as_table = canvas.as_table(grid(canvas, heads, rows))
    return tag("div", title, figure, tag("p", line, class_="soft"), as_table)


# --- transitions ------------------------------------------------------------------------------------------


def _transitions(report: ValueReport, canvas: Canvas) -> Html | None:
    found = report.models.transitions
    if found is None:
        return None
    title = heading(canvas, Text("Transitions of the average amount", "平均金额的移转"))
    parts = [
        title,
        _expected_amounts(canvas, found),
        _matrices(canvas, found),
        _frequency_moves(canvas, found),
    ]
    return joined(parts)


def _expected_amounts(canvas: Canvas, found: Transitions) -> Html:
    heads = (
        Text("Now in class", "现在所在区间"),
        Text("Expected next amount", "移转期望值"),
        Text("Probability of its class", "移转概率"),
    )
    labels = figures.bin_labels(found.edges, len(found.expected_amount))
    rows = [
        Row([label, numbers.grouped(amount, 2), numbers.grouped(p, 4)])
        for label, amount, p in zip(labels, found.expected_amount, found.p_amount, strict=False)
    ]
    return grid(canvas, heads, rows)


def _matrices(canvas: Canvas, found: Transitions) -> Html:
    model = _matrix(canvas, found, observed=False)
    return tag("div", model, _matrix(canvas, found, observed=True), class_="pair")


def _matrix(canvas: Canvas, found: Transitions, *, observed: bool) -> Html | None:
    rows = found.observed if observed else found.matrix
    if not rows:
        return None
    title = Text("Observed, % of the row", "实际，占行 %") if observed else Text("Model, % of the row", "模型，占行 %")
    name = "figure-observed" if observed else "figure-matrix"
    drawing = figures.amount_transitions.plain(found, canvas.language, observed=observed)
    figure = canvas.place(name, drawing, title, "tall")
    labels = figures.bin_labels(found.edges, len(rows))
    heads = (Text("Now \u2192 next", "现在 \u2192 下期"), *(Text(label, label) for label in labels))
    lines = [
        Row([label, *(numbers.grouped(cell, 4) for cell in row)]) for label, row in zip(labels, rows, strict=False)
    ]
    as_table = canvas.as_table(grid(canvas, heads, lines))
    return tag("div", tag("p", tag("b", canvas.say(title))), figure, as_table)


def _frequency_moves(canvas: Canvas, found: Transitions) -> Html | None:
    if not found.frequency:
        return None
    idle = max(len(move.p_by_idle) for move in found.frequency)
    heads = (
        Text("Frequency now", "现在频率"),
        Text("Expected", "移转期望值"),
        Text("Next", "下期频率"),
        *(Text(f"Probability, r = {r}", f"移转概率 r = {r}") for r in range(idle)),
    )
    rows = [
        Row(
            [
                f"≥ {move.now}",
                numbers.grouped(move.expected, 2),
                str(move.next),
                *(numbers.grouped(p, 4) for p in move.p_by_idle),
            ]
        )
        for move in found.frequency
    ]
    title = heading(canvas, Text("Transitions of the frequency, by idle periods r", "频率的移转（按未成交期数 r）"))
    trust = Text("Trust interval of the frequency: {low} to {high}.", "频率信任区间：{low} 至 {high}。")
    bounds = found.trust_interval
    line = tag("p", canvas.say(trust, low=bounds[0], high=bounds[-1]), class_="soft") if bounds else None
    return joined([title, grid(canvas, heads, rows), line])


# --- provenance -------------------------------------------------------------------------------------------


def _provenance(report: ValueReport, canvas: Canvas) -> Html:
    return joined(
        [
            _inputs(report, canvas),
            heading(canvas, Text("Settings", "设置")),
            _pairs(report.settings),
            heading(canvas, Text("Versions and seconds", "版本与用时（秒）")),
            _pairs({"kezhi": report.version, **report.versions}),
            _pairs({stage: numbers.grouped(seconds, 2) for stage, seconds in report.seconds.items()}),
        ]
    )


def _pairs(values: dict[str, object]) -> Html:
    parts = [tag(name, text) for key, value in values.items() for name, text in (("dt", key), ("dd", _plain(value)))]
    return tag("dl", *parts)


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _inputs(report: ValueReport, canvas: Canvas) -> Html | None:
    if not report.inputs:
        return None
    heads = [
        Text("File", "文件"),
        Text("Table", "表"),
        Text("Rows", "行数"),
        Text("Bytes", "字节"),
        Text("Format", "格式"),
        Text("Columns recognised", "识别的列"),
        Text("SHA-256 fingerprint", "SHA-256 指纹"),
    ]
    rows = [
        Row(
            [
                str(source.get("file", "")),
                str(source.get("table", "")),
                numbers.grouped(source.get("rows")),
                numbers.grouped(source.get("bytes")),
                " ".join(str(source[key]) for key in ("format", "encoding") if source.get(key)),
                ", ".join(f"{c.get('field')} ← {c.get('column')}" for c in source.get("columns") or ()),
                tag("code", str(source.get("sha256", ""))),
            ]
        )
        for source in report.inputs
    ]
    title = heading(canvas, Text("Inputs", "输入"))
    return joined([title, table([canvas.say(head) for head in heads], rows, (2, 3))])


# the parts in their order, for pages that show them one by one
PARTS: dict[str, Callable[[ValueReport, Canvas], Html | None]] = {
    "method": _method,
    "backtest": _backtest,
    "taught": lessons.taught,
    "season": lessons.yearly_season,
    "parameters": _parameters,
    "assumptions": _assumptions,
    "distributions": _distributions,
    "transitions": _transitions,
    "provenance": _provenance,
}
