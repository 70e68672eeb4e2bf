"""The sentences of the report: what was brought, what to expect, how concentrated, how far to trust it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from kezhi.language import Language, Text
from kezhi.reports import numbers
from kezhi.reports.customer_value import Basis, Score, TableRows, ValueReport
from kezhi.reports.flags import flag

METHODS = {
    "auto": Text("the blend of models", "模型组合"),
    "nbd": Text("NBD (nobody leaves)", "NBD 模型（无人流失）"),
    "pareto_nbd": Text("Pareto/NBD", "Pareto/NBD 模型"),
    "bg_nbd": Text("BG/NBD", "BG/NBD 模型"),
    "mbg_nbd": Text("MBG/NBD", "MBG/NBD 模型"),
    "bg_cnbd_k": Text("BG/CNBD-k", "BG/CNBD-k 模型"),
    "mbg_cnbd_k": Text("MBG/CNBD-k", "MBG/CNBD-k 模型"),
    "transition": Text("the transition rule", "移转规则"),
    "regression": Text("straight-line regression", "线性回归"),
    "repeat_last": Text("repeating the last periods", "照搬上一期"),
    "rate": Text("each customer's own past rate", "客户自身的历史频率"),
    "mean": Text("the mean of all customers", "全体客户均值"),
}

TABLES = {
    "orders": Text("Orders", "订单"),
    "customers": Text("Customers", "客户"),
    "products": Text("Products", "产品"),
    "product_links": Text("Product links", "产品关联"),
    "expenses": Text("Expenses", "费用"),
    "opportunities": Text("Opportunities", "销售机会"),
    "suggestions": Text("Suggestions", "建议"),
    "contacts": Text("Contacts", "联系记录"),
    "surveys": Text("Surveys", "调查"),
    "receivables": Text("Receivables", "应收款"),
    "actions": Text("Actions and campaigns", "营销行动与活动"),
    "margins": Text("Margins", "毛利率"),
    "rates": Text("Exchange rates", "汇率"),
}

PERIOD_WORDS = {
    "month": Text("month", "月"),
    "quarter": Text("quarter", "季度"),
    "year": Text("year", "年"),
}


@dataclass(frozen=True)
class Lead:
    """One of the four answers: a word, the figure to remember, one sentence, and small print."""

    title: str
    figure: str
    sentence: str
    notes: tuple[str, ...] = ()


def method_name(code: str) -> Text:
    """A forecasting method in words."""
    return METHODS.get(code) or Text(code, code)


def of_purchases(code: str) -> bool:
    """Whether a fitted model is about purchases, not amounts."""
    return code in METHODS


def table_name(code: str) -> Text:
    """A table of the book in words."""
    return TABLES.get(code) or Text(code, code)


def formula(basis: Basis) -> Text:
    """What value means in this run."""
    if basis.cost and basis.expense:
        return Text(
            "value = purchases \u2212 product cost \u2212 relationship expense",
            "客户价值 = 购买金额 \u2212 产品成本 \u2212 关系营销费用",
        )
    if basis.cost:
        return Text("value = purchases \u2212 product cost", "客户价值 = 购买金额 \u2212 产品成本")
    if basis.expense:
        return Text("value = purchases \u2212 relationship expense", "客户价值 = 购买金额 \u2212 关系营销费用")
    return Text("value = purchases", "客户价值 = 购买金额")


def basis_notice(basis: Basis) -> tuple[Text, ...]:
    """An open word wherever a deduction is not made, and why."""
    notices = []
    if not basis.subtract_cost:
        notices.append(Text("Product cost is left out, as the settings ask.", "按设置未扣除产品成本。"))
    elif not basis.cost_known:
        notices.append(Text("Product cost is not known.", "产品成本未知。"))
    if not basis.subtract_expense:
        notices.append(Text("Relationship expense is left out, as the settings ask.", "按设置未扣除关系营销费用。"))
    elif not basis.expense_known:
        notices.append(Text("Relationship expense is not known.", "关系营销费用未知。"))
    return tuple(notices)


def basis_label(basis: Basis) -> Text | None:
    """One line that says openly what value leaves out; None when nothing is left out."""
    notices = basis_notice(basis)
    if not notices:
        return None
    meaning = formula(basis)
    return Text(
        " ".join(notice.en for notice in notices) + f" So here {meaning.en}.",
        "".join(notice.zh for notice in notices) + f"因此本报告中{meaning.zh}。",
    )


def leads(report: ValueReport, language: Language) -> tuple[Lead, ...]:
    """The four answers in the order a manager asks for them."""
    return (
        brought(report, language),
        outlook(report, language),
        concentrated(report, language),
        trusted(report, language),
    )


def brought(report: ValueReport, language: Language) -> Lead:
    """How much the customers have brought so far."""
    title = Text("Brought so far", "已带来的价值")
    first = Text(
        "{customers} bought for {amount} up to {day}{less}.",
        "截至{day}，{customers}共购买 {amount}{less}。",
    )
    values = {
        "customers": numbers.count_of_customers(report.customers).to(language),
        "amount": _money(report, report.totals.amount, language),
        "day": numbers.day(report.as_of, language),
        "less": _less(report, language),
    }
    return Lead(title.to(language), _money(report, report.totals.value, language), first.fill(**values).to(language))


def _less(report: ValueReport, language: Language) -> str:
    parts = []
    if report.basis.cost:
        cost = _money(report, report.totals.cost, language)
        parts.append(Text("{x} of product cost", "产品成本 {x}").fill(x=cost).to(language))
    if report.basis.expense:
        expense = _money(report, report.totals.expense, language)
        parts.append(Text("{x} of relationship expense", "关系营销费用 {x}").fill(x=expense).to(language))
    if not parts:
        return ""
    value = _money(report, report.totals.value, language)
    joined = Text(" and ", "和").to(language).join(parts)
    return (
        Text("; after {parts}, {value} is left", "，减去{parts}，剩下 {value}")
        .fill(parts=joined, value=value)
        .to(language)
    )


def outlook(report: ValueReport, language: Language) -> Lead:
    """What the next periods should bring."""
    span = numbers.count_of_periods(report.horizon, report.period, language)
    title = Text("Next {span}", "今后 {span}").fill(span=span).to(language)
    if not report.forecast:
        nothing = Text("No forecast could be made.", "未能作出预测。")
        return Lead(title, numbers.ABSENT, nothing.to(language))
    expected = report.outlook
    value = _money(report, expected.account.value, language)
    sentence = _next_periods(report).fill(
        span=span,
        value=value,
        amount=_money(report, expected.account.amount, language),
        lower=_money(report, expected.lower, language),
        upper=_money(report, expected.upper, language),
    )
    return Lead(
        title,
        value,
        sentence.to(language),
        (*_beside_recent(report, span, language), *_season(report, language), *_too_narrow(report, language)),
    )


def _next_periods(report: ValueReport) -> Text:
    if not (report.basis.cost or report.basis.expense):
        return Text(
            "The next {span} should bring {value}; with 80% probability between {lower} and {upper}.",
            "今后 {span}预计带来 {value}；八成可能在 {lower}至 {upper}之间。",
        )
    return Text(
        "The next {span} should bring {value} from purchases of {amount}; with 80% probability between "
        "{lower} and {upper}.",
        "今后 {span}预计购买 {amount}，带来客户价值 {value}；八成可能在 {lower}至 {upper}之间。",
    )


def _beside_recent(report: ValueReport, span: str, language: Language) -> tuple[str, ...]:
    recent = report.recent
    if recent is None:
        return ()
    value = _money(report, recent.value, language)
    if recent.value <= 0:
        return (
            Text("The last {span} brought {value}.", "最近 {span}实际带来 {value}。")
            .fill(span=span, value=value)
            .to(language),
        )
    change = float(report.outlook.account.value / recent.value - 1)
    said = Text(
        "The last {span} brought {value}; the forecast is {change}.",
        "最近 {span}实际带来 {value}，预测{change}。",
    )
    return (said.fill(span=span, value=value, change=_more_or_less(change).to(language)).to(language),)


def _more_or_less(change: float) -> Text:
    size = numbers.percent(abs(change))
    if size == "0%":
        return Text("the same", "持平")
    if change > 0:
        return Text("{x} more", "多 {x}").fill(x=size)
    return Text("{x} less", "少 {x}").fill(x=size)


def _season(report: ValueReport, language: Language) -> tuple[str, ...]:
    """Whether busy and quiet months are foreseen; nothing where there are none, or nothing is known of it."""
    found = report.models.season
    if found is None or report.models.method == "transition":
        return ()
    if found.found and found.strongest and found.weakest:
        busy, quiet = (numbers.month_name(month, language) for month in (found.strongest, found.weakest))
        said = Text(
            "The season is allowed for: {busy} is the busiest month, {quiet} the quietest.",
            "已考虑季节：{busy}最旺，{quiet}最淡。",
        )
        return (said.fill(busy=busy, quiet=quiet).to(language),)
    if any(note.code == "season_too_short" for note in found.notes):
        short = Text(
            "The history is too short to know a season: busy and quiet months are not foreseen.",
            "历史太短，看不出季节：旺月和淡月未能预见。",
        )
        return (short.to(language),)
    return ()


def _too_narrow(report: ValueReport, language: Language) -> tuple[str, ...]:
    """A word of warning where the test missed by more than the interval would have allowed."""
    backtest, expected = report.models.backtest, report.outlook
    score = backtest.score(report.models.method) if backtest else None
    value = float(expected.account.value)
    if backtest is None or score is None or not score.amount or backtest.amount <= 0 or value <= 0:
        return ()
    missed = abs(backtest.amount / score.amount - 1)
    reach = max((expected.upper or value) - value, value - (expected.lower or value)) / value
    if missed <= reach:
        return ()
    said = Text(
        "In the test the total missed by more than this interval: the true range is wider.",
        "历史检验中的总额误差超过了这一区间，实际范围会更宽。",
    )
    return (said.to(language),)


def concentrated(report: ValueReport, language: Language) -> Lead:
    """How much of the value hangs on few customers."""
    title = Text("Concentration", "集中程度").to(language)
    if report.top20_share is None or report.totals.value <= 0 or report.customers < 5:
        few = Text(
            "Too few customers, or no value yet, to speak of concentration.",
            "客户太少或尚无价值，谈不上集中程度。",
        )
        return Lead(title, numbers.ABSENT, few.to(language))
    sentence = Text(
        "The best 20% of customers brought {twenty} of all value so far; the best 10% brought {ten}.",
        "价值最高的 20% 客户贡献了全部价值的 {twenty}，最高的 10% 贡献了 {ten}。",
    ).fill(twenty=numbers.percent(report.top20_share), ten=numbers.percent(report.top10_share))
    return Lead(title, numbers.percent(report.top20_share), sentence.to(language), _losers(report, language))


def _losers(report: ValueReport, language: Language) -> tuple[str, ...]:
    peak = max((point.value for point in report.concentration), default=0.0)
    if peak <= 1.005:
        return ()
    said = Text(
        "Profitable customers together brought {peak} of the value; the others used up the rest.",
        "盈利客户合计带来 {peak} 的价值，其余部分被亏损客户抵消。",
    )
    return (said.fill(peak=numbers.percent(peak)).to(language),)


def trusted(report: ValueReport, language: Language) -> Lead:
    """How far to trust the forecast, from what it would have said earlier."""
    title = Text("How far to trust it", "可信程度").to(language)
    backtest = report.models.backtest
    score = backtest.score(report.models.method) if backtest else None
    if backtest is None or score is None or score.amount is None:
        return Lead(title, Text("not tested", "未检验").to(language), untested(report).to(language))
    if backtest.amount <= 0:
        nothing = Text("Nothing was bought in the test periods.", "检验期内没有任何购买。")
        return Lead(title, Text("not tested", "未检验").to(language), nothing.to(language))
    sentence = Text(
        "Made {span} earlier, the same method would have predicted purchases of {predicted}; {actual} came.",
        "若在 {span}之前用同一方法预测，购买金额应为 {predicted}，实际为 {actual}。",
    ).fill(
        span=numbers.count_of_periods(backtest.periods, report.period, language),
        predicted=_money(report, score.amount, language),
        actual=_money(report, backtest.amount, language),
    )
    bias = score.amount / backtest.amount - 1
    notes = (verdict(bias).to(language), *_beside_naive(report, score, language))
    return Lead(title, high_or_low(bias).to(language), sentence.to(language), notes)


def untested(report: ValueReport) -> Text:
    """Why the forecast was not held against the past."""
    if report.models.backtest_reason:
        return report.models.backtest_reason
    if len(report.complete) <= report.horizon + 1:
        return Text(
            "Only {n} complete periods are known: too few to hold some back and test the forecast on them.",
            "完整的历史只有 {n} 期，不够留出一段来检验预测。",
        ).fill(n=len(report.complete))
    return Text(
        "The forecast was not held against the past in this run, so its error is not known.",
        "本次运行没有用历史检验预测，误差未知。",
    )


def high_or_low(bias: float) -> Text:
    """A relative error in words."""
    size = numbers.percent(abs(bias))
    if size == "0%":
        return Text("on target", "基本吻合")
    if bias > 0:
        return Text("{x} too high", "偏高 {x}").fill(x=size)
    return Text("{x} too low", "偏低 {x}").fill(x=size)


def verdict(bias: float) -> Text:
    """What one may do with a forecast that was this far off."""
    size = abs(bias)
    if size <= 0.05:
        return Text("Good enough to plan the total with.", "总额可以用于制定计划。")
    if size <= 0.15:
        return Text("Good enough as a guide; plan with a margin.", "可作参考，制定计划时应留有余地。")
    if size <= 0.30:
        return Text(
            "A rough guide only; rely on the ranking, not on the total.",
            "仅供粗略参考：可用排序，总额不宜直接采用。",
        )
    return Text(
        "Do not plan the total with it; season, growth or one-off orders are stronger than the model assumes.",
        "总额不宜用于计划：季节、增长或偶发大单的影响超出模型假设。",
    )


def _beside_naive(report: ValueReport, score: Score, language: Language) -> tuple[str, ...]:
    backtest = report.models.backtest
    naive = backtest.score("repeat_last") if backtest else None
    if backtest is None or naive is None or naive.amount is None or naive is score:
        return ()
    off = naive.amount / backtest.amount - 1
    total = Text("Simply repeating the last periods would have been {off}.", "若简单照搬上一期，则会{off}。").fill(
        off=high_or_low(off).to(language)
    )
    gain = _closer(score.mae, naive.mae)
    if gain is None:
        return (total.to(language),)
    return total.to(language), _per_customer(gain).to(language)


def _per_customer(gain: float) -> Text:
    size = numbers.percent(abs(gain))
    if size == "0%":
        return Text(
            "Customer by customer, repeating came as close as our figures.",
            "逐个客户看，误差与照搬上一期相当。",
        )
    if gain > 0:
        return Text(
            "Customer by customer, our figures came {x} closer than repeating.",
            "逐个客户看，误差比照搬上一期小 {x}。",
        ).fill(x=size)
    return Text(
        "Customer by customer, repeating would have come closer; our error was {x} larger.",
        "逐个客户看，误差比照搬上一期大 {x}。",
    ).fill(x=size)


def _closer(ours: float | None, theirs: float | None) -> float | None:
    return None if ours is None or not theirs else 1 - ours / theirs


def _money(report: ValueReport, value: numbers.Number | None, language: Language) -> str:
    return numbers.headline(value, report.currency, language)


def remarks(report: ValueReport) -> tuple[Text, ...]:
    """Warnings, diagnoses and data faults in words, each said once."""
    method = report.models.method
    found = [note.text for note in report.warnings if note.code not in _SAID_ABOVE]
    found += [_set_aside(report, rows) for rows in report.tables if rows.quarantined * 100 >= rows.read > 0]
    for fitted in report.models.fitted:
        if of_purchases(fitted.name) and report.models.weight(fitted.name) == 0 and method != "transition":
            continue  # it has no part in what the reader is shown
        found += [note.text for note in fitted.diagnosis if note.severity not in _QUIET]
    found += [_fault(code, count) for code, count in report.flags_by_count if flag(code).fault]
    return tuple(dict.fromkeys(found))


# said in the first lines of the report already: by basis_label, and under "How far to trust it"
_SAID_ABOVE = ("cost_unknown", "expense_unknown", "off", "not_tested")
_QUIET = ("info", "ok", "note")


def _fault(code: str, count: int) -> Text:
    title = flag(code).title
    advice = flag(code).advice
    number = numbers.count_of_customers(count)
    return Text(f"{title.en} ({number.en}). {advice.en}", f"{title.zh}（{number.zh}）。{advice.zh}")


def _set_aside(report: ValueReport, rows: TableRows) -> Text:
    share = numbers.percent(rows.quarantined / rows.read, 1)
    worth = sum((rule.amount or Decimal(0) for rule in rows.rules), Decimal(0))
    name = table_name(rows.table)
    if not worth:
        said = Text(
            "{share} of the rows read ({table}) could not be counted; see below why.",
            "读入的{table}中有 {share} 的行未能计入，原因见下文。",
        )
        return Text(said.en.format(share=share, table=name.en.lower()), said.zh.format(share=share, table=name.zh))
    return Text(
        f"{share} of the rows read ({name.en.lower()}), worth {_money(report, worth, 'en')}, "
        "could not be counted; see below why.",
        f"读入的{name.zh}中有 {share} 的行未能计入，金额合计 {_money(report, worth, 'zh')}，原因见下文。",
    )
