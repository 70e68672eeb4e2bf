"""The settings in the order of the questions that they answer, in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from kezhi.language import Text
from kezhi.reports.sentences import METHODS, PERIOD_WORDS
from kezhi.segments.alert_causes import ABOUT
from kezhi.settings.alerts import CAUSES
from kezhi.settings.rfm import CLASSES, SEGMENTS
from kezhi.settings.scoring import SOURCES, USUAL
from kezhi.settings.tiers import TITLES

Form = Literal["choice", "many", "yes", "whole", "number", "share", "numbers", "text", "day", "name"]
Words = Mapping[str, Text]


@dataclass(frozen=True)
class Setting:
    """One setting. place: in kezhi.toml. form: how it is asked; a share is asked in per cent and kept as 0 to 1.

    choices: codes with their words, for choice and many. usual: what counts where the file says nothing, if that is not
    a plain value.
    """

    place: str
    title: Text
    form: Form
    help: Text | None = None
    choices: Words | None = None
    usual: Text | None = None


@dataclass(frozen=True)
class Question:
    """Several settings that answer one question."""

    code: str
    title: Text
    help: Text
    settings: tuple[Setting, ...]


MONTHS: Words = {
    str(n): Text(name, f"{n} 月")
    for n, name in enumerate(
        (
            "January",
            "February",
            "March",
            "April",
            "May",
            "June",
            "July",
            "August",
            "September",
            "October",
            "November",
            "December",
        ),
        1,
    )
}
MODELS: Words = {
    code: METHODS[code]
    for code in ("auto", "pareto_nbd", "bg_nbd", "mbg_nbd", "bg_cnbd_k", "mbg_cnbd_k", "nbd", "transition")
}
BASES: Words = {
    "forecast_value": Text("forecast value", "预测价值"),
    "value": Text("value so far", "迄今价值"),
    "amount": Text("purchases so far", "迄今购买金额"),
    "lifetime_value": Text("lifetime value", "生命周期价值"),
    "points": Text("points", "积分"),
}
LANGUAGES: Words = {"zh": Text("Chinese", "中文"), "en": Text("English", "英文")}

TIME = Question(
    "time",
    Text("How is time counted?", "时间如何划分？"),
    Text(
        "Choose a period in which a usual customer buys about once or less.",
        "请选择普通客户大约购买一次或更少的周期长度。",
    ),
    (
        Setting("period", Text("Length of a period", "期的长度"), "choice", choices=PERIOD_WORDS),
        Setting(
            "fiscal_start",
            Text("The company's year begins in", "财年起始月"),
            "choice",
            Text("Quarters and years are counted from it.", "季度和年度由此起算。"),
            MONTHS,
        ),
        Setting("horizon", Text("Periods to forecast", "预测期数"), "whole"),
        Setting(
            "as_of",
            Text("Last day that counts", "截止日"),
            "day",
            Text("Nothing after it influences any figure.", "此日之后的数据不影响任何数字。"),
            usual=Text("the newest order's day", "最近一笔订单的日期"),
        ),
        Setting(
            "churn_after",
            Text("Periods without a purchase until a customer counts as lost", "连续多少期未购买视为流失"),
            "whole",
        ),
    ),
)
MONEY = Question(
    "money",
    Text("What is value, and in which money?", "价值如何计算，用什么币种？"),
    Text(
        "Value is what remains of purchases after what is subtracted here, where the data says how much that is.",
        "价值是购买金额扣除以下项目后的余额；只有数据中有相应成本或费用时才能扣除。",
    ),
    (
        Setting(
            "currency",
            Text("Currency", "币种"),
            "text",
            Text("A code such as CNY. Nothing is converted.", "代码，例如 CNY。不做换算。"),
            usual=Text("as found in the orders", "以订单中的币种为准"),
        ),
        Setting("subtract_cost", Text("Subtract the cost of products", "扣除产品成本"), "yes"),
        Setting("subtract_expense", Text("Subtract relationship expenses", "扣除关系营销费用"), "yes"),
        Setting(
            "near_loss", Text("Near loss: value up to this % of purchases", "临近亏损：价值不超过购买金额的 %"), "share"
        ),
        Setting(
            "lifetime.periods",
            Text("Lifetime value looks ahead, periods", "生命周期价值展望的期数"),
            "whole",
            usual=Text("three years", "三年"),
        ),
        Setting(
            "lifetime.discount_rate",
            Text("What money of the future loses a year, %", "年折现率 %"),
            "share",
            Text("10 is the common choice.", "常用 10。"),
        ),
        Setting(
            "lifetime.to_the_end",
            Text("Look without end", "不设终点"),
            "yes",
            Text("Needs a yearly loss of at least 1 %.", "需要年折现率不低于 1%。"),
        ),
    ),
)
FORECAST = Question(
    "forecast",
    Text("How is the future foreseen?", "如何预测未来？"),
    Text(
        "The blend weighs several models by how they foresaw your own past; leave it unless you know why not.",
        "模型组合按各模型对贵公司历史的预测能力加权；没有特别理由时请保持不变。",
    ),
    (
        Setting("model", Text("Method", "方法"), "choice", choices=MODELS),
        Setting(
            "referrals.credit",
            Text("Referred customers are credited", "推荐价值的计入"),
            "choice",
            choices={
                "all": Text("with all generations", "计入所有各代"),
                "first": Text("direct ones only", "只计直接推荐"),
                "decay": Text("less with every generation", "逐代递减"),
            },
        ),
        Setting(
            "referrals.decay",
            Text("Left by generation, %", "每代保留 %"),
            "share",
            Text("Where it is less with every generation.", "仅在逐代递减时有效。"),
        ),
        Setting(
            "referrals.forecast",
            Text("Forecast value of the referred counts, too", "也计入被推荐客户的预测价值"),
            "yes",
        ),
        Setting("needs.per_customer", Text("Needs listed per customer", "每位客户列出的需求数"), "whole"),
    ),
)
TIERS = Question(
    "tiers",
    Text("Who is VIP?", "谁是 VIP？"),
    Text(
        "Tiers by share: so many of every hundred customers. Or by limits: from how much on.",
        "可按占比分层（每一百位客户中占多少），也可按固定下限分层（达到多少）。",
    ),
    (
        Setting("tiers.by", Text("Tiers are by", "分层依据"), "choice", choices=BASES),
        Setting(
            "tiers.shares",
            Text("% of customers: VIP, large, ordinary, small", "客户占比 %：VIP、大、普通、小"),
            "numbers",
            Text("Four numbers that add up to 100.", "四个数，合计 100。"),
        ),
        Setting(
            "tiers.limits",
            Text("Or from how much on: VIP, large, ordinary", "或固定下限：VIP、大、普通"),
            "numbers",
            Text(
                "Three falling numbers; they win over the shares. Empty: by share.",
                "三个递减的数，优先于占比；留空则按占比。",
            ),
            usual=Text("by share", "按占比"),
        ),
        Setting("tiers.core", Text("Core customers bring, % of value", "核心客户贡献的价值 %"), "number"),
        Setting(
            "tiers.tags",
            Text("% with high, middle, low value", "高、中、低价值客户占比 %"),
            "numbers",
            Text("Three numbers that add up to 100.", "三个数，合计 100。"),
        ),
        *(Setting(f"tiers.names.{code}", title, "name") for code, title in TITLES.items()),
    ),
)
RFM = Question(
    "rfm",
    Text("How are recency, frequency and money classed?", "RFM 如何打分与分类？"),
    Text("Names may be your own; the rules behind them stay.", "名称可以自定，背后的规则不变。"),
    (
        Setting(
            "rfm.money",
            Text("Money is", "M 的含义"),
            "choice",
            choices={
                "amount": Text("all purchases", "购买总额"),
                "mean_amount": Text("the mean purchase", "平均每次金额"),
                "value": Text("value", "价值"),
            },
        ),
        Setting(
            "rfm.cut",
            Text("High or low is held against", "高低的比较基准"),
            "choice",
            choices={
                "mean": Text("the mean", "平均值"),
                "median": Text("the median", "中位数"),
                "fixed": Text("fixed limits", "固定界限"),
            },
        ),
        Setting(
            "rfm.fixed.days", Text("Fixed: days since the last purchase, at most", "固定界限：距今天数不超过"), "number"
        ),
        Setting("rfm.fixed.purchases", Text("Fixed: purchases, at least", "固定界限：购买次数不少于"), "number"),
        Setting("rfm.fixed.money", Text("Fixed: money, at least", "固定界限：金额不低于"), "number"),
        Setting("rfm.model_based", Text("Also score by what is expected", "另按模型预期打分"), "yes"),
        *(Setting(f"rfm.names.{code}", title, "name") for code, title in (CLASSES | SEGMENTS).items()),
    ),
)
CALLS = Question(
    "calls",
    Text("Who needs a call?", "谁需要联系？"),
    Text(
        "Alerts are sorted by what is at stake; only as many as you can call are marked.",
        "预警按涉及价值排序，只标出您联系得过来的数量。",
    ),
    (
        Setting("alerts.calls", Text("Calls a week", "每周可联系的客户数"), "whole"),
        Setting(
            "alerts.causes",
            Text("Causes that count", "启用的预警原因"),
            "many",
            choices={code: ABOUT[code].name for code in CAUSES},
        ),
        Setting("alerts.contact_days", Text("Days without contact", "多少天没有联系"), "whole"),
        Setting(
            "alerts.contact_tiers", Text("Tiers to keep in touch with", "须保持联系的层级"), "many", choices=TITLES
        ),
        Setting("alerts.review_days", Text("Days until the next review", "多少天须复核一次"), "whole"),
        Setting("alerts.review_tiers", Text("Tiers that need a review", "必须复核的层级"), "many", choices=TITLES),
        Setting(
            "alerts.doubtful", Text("In doubt: chance of being a customer below, %", "存疑：活跃概率低于 %"), "share"
        ),
        Setting("alerts.lost", Text("Lost: that chance below, %", "视为流失：活跃概率低于 %"), "share"),
        Setting("alerts.overdue", Text("How sure that an order is overdue, %", "判定逾期的把握 %"), "share"),
        Setting("alerts.fall", Text("A fall is at least, %", "每次下降至少 %"), "share"),
        Setting("alerts.falls", Text("Falls in a row", "连续下降次数"), "whole"),
        Setting(
            "alerts.least_value",
            Text("At stake: at least so many times the average forecast", "涉及价值至少为平均预测的几倍"),
            "number",
        ),
        Setting("alerts.keep_days", Text("Most days a fall stays open", "下降类预警最多保留天数"), "whole"),
    ),
)
LANGUAGE = Question(
    "language",
    Text("Which language, which machine?", "语言与运行资源"),
    Text(
        "The language of the report files; every person chooses the pages' language for themselves.",
        "报告文件使用的语言；页面语言由每个人自行选择。",
    ),
    (
        Setting(
            "language",
            Text("Language of the company", "企业语言"),
            "choice",
            choices=LANGUAGES,
            usual=Text("as the server's", "与服务器一致"),
        ),
        Setting(
            "memory_limit",
            Text("Memory of a run", "运行内存上限"),
            "text",
            Text("A size such as 4GiB.", "例如 4GiB。"),
            usual=Text("a third of the machine's, at most 2GiB", "机器内存的三分之一，最多 2GiB"),
        ),
        Setting("threads", Text("Processors of a run", "运行线程数"), "whole", usual=Text("all", "全部")),
    ),
)


def points(terms: Mapping[str, object]) -> Question:
    """What gives points: the usual terms, and those that the file names."""
    settings = [
        Setting(
            "ranking.by",
            Text("Rankings are joined by", "排位的合并方式"),
            "choice",
            choices={"rank": Text("places", "名次"), "points": Text("points", "积分")},
        ),
        Setting("ranking.money_weight", Text("Weight of money in the ranking, %", "货币价值的权重 %"), "share"),
    ]
    for name in dict.fromkeys((*USUAL, *terms)):
        source = SOURCES.get(name)
        title = source.text if source else Text(name, name)
        about = Text(f"{title.en[:1].upper()}{title.en[1:]}", title.zh)
        settings.append(
            Setting(
                f"points.{name}.weight",
                Text(f"{about.en}: weight", f"{about.zh}：权重"),
                "number",
                Text("0 leaves it out.", "0 表示不计。"),
                usual=Text("1", "1"),
            )
        )
        if source is None or not source.grades:
            settings += [
                Setting(
                    f"points.{name}.points",
                    Text(f"{about.en}: points", f"{about.zh}：得分"),
                    "number",
                    usual=_usual(source.points if source else None),
                ),
                Setting(
                    f"points.{name}.per",
                    Text(f"{about.en}: for each", f"{about.zh}：每多少"),
                    "number",
                    usual=_usual(source.per if source else None),
                ),
            ]
        else:
            settings += [
                Setting(
                    f"points.{name}.grades.{grade}",
                    Text(f"{about.en}: points, {grade}", f"{about.zh}：{grade_zh}得分"),
                    "number",
                    usual=_usual(source.grades[grade]),
                )
                for grade, grade_zh in (("high", "高价值"), ("ordinary", "一般"))
            ]
        settings.append(
            Setting(
                f"points.{name}.cap",
                Text(f"{about.en}: most points", f"{about.zh}：积分上限"),
                "number",
                usual=Text("none", "无"),
            )
        )
    return Question(
        "points",
        Text("What gives how many points?", "什么得多少分？"),
        Text("Points put into one number what money alone does not show.", "积分把金额之外的贡献合成一个数。"),
        tuple(settings),
    )


def _usual(number: float | None) -> Text | None:
    return None if number is None else Text(f"{number:,.10g}", f"{number:,.10g}")


def questions(file: Mapping[str, object]) -> tuple[Question, ...]:
    """All questions; terms of points as the file has them."""
    terms = file.get("points")
    return (TIME, MONEY, FORECAST, TIERS, RFM, points(terms if isinstance(terms, Mapping) else {}), CALLS, LANGUAGE)
