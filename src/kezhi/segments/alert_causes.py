"""Why a customer is on the list: the causes, what each means, what usually helps, and until when to act."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kezhi.language import Text
from kezhi.settings.alerts import CAUSES, Alerts, Cause
from kezhi.settings.tiers import TIERS, TITLES
from kezhi.worth.near_loss import DRIVERS, STEPS


@dataclass(frozen=True)
class About:
    """A cause: its name, its rule in words, what usually helps, and the days there are for the task.

    event: something that happened, which ends after `keep_days`; the others last as long as the state they tell of.
    """

    name: Text
    rule: Text
    helps: Text
    days: int
    event: bool = False


ABOUT: dict[Cause, About] = {
    "maybe_gone": About(
        Text("May be gone", "可能已流失"),
        Text(
            "the probability of still being active is below {doubtful:.0%}, but not below {lost:.0%}, where a customer "
            "counts as lost",
            "仍活跃的概率低于 {doubtful:.0%}，但不低于视为已流失的 {lost:.0%}",
        ),
        Text(
            "Call and ask what they need; find out whether something annoyed them before making an offer.",
            "致电了解近况与需求；先弄清是否有不满，再谈优惠。",
        ),
        7,
    ),
    "order_overdue": About(
        Text("Order overdue", "订单逾期未至"),
        Text(
            "the silence is longer than {overdue:.0%} of the gaps that the customer's own rhythm of at least "
            "{least_purchases} purchases lets expect",
            "按客户自身节奏（至少 {least_purchases} 次购买）推算，{overdue:.0%} 的间隔都比目前的沉默更短",
        ),
        Text(
            "Ask whether stock has run out, and offer to repeat the last order.",
            "询问存货是否用完，提议按上次的订单再下一单。",
        ),
        7,
    ),
    "value_falling": About(
        Text("Value falling", "价值持续下降"),
        Text(
            "the value of a stretch of {periods} periods fell {falls} times in a row by at least {fall:.0%}, "
            "altogether by at least {noise:g} times the customer's own ups and downs",
            "每 {periods} 期的价值连续 {falls} 次下降、每次至少 {fall:.0%}，且总降幅不小于客户自身波动的 {noise:g} 倍",
        ),
        Text(
            "Talk about needs and about what they buy elsewhere; mend what displeases before prices are discussed.",
            "了解需求变化和转向他处购买的原因；先解决不满，再谈价格。",
        ),
        14,
        event=True,
    ),
    "tier_lost": About(
        Text("Fell to a lower tier", "层级下降"),
        Text(
            "the tier is lower than in the newest run of an earlier period, and the forecast fell by at least "
            "{fall:.0%}",
            "层级低于更早一期的最近一次运行，且预测价值下降至少 {fall:.0%}",
        ),
        Text(
            "Look at what they no longer buy, and agree on what brings them back up.",
            "查看不再购买的产品，与客户商定恢复合作的办法。",
        ),
        14,
        event=True,
    ),
    "losing_money": About(
        Text("Costs more than it brings", "入不敷出"),
        Text(
            "product cost and expense are more than the purchases in the forecast, so that it goes on",
            "预测期内，产品成本与费用之和超过购买金额，即亏损还会继续",
        ),
        Text(
            "Mend the largest cause before anything else is spent; nobody is removed by this.",
            "先解决最主要的原因，再决定是否继续投入；系统不会自行删除客户。",
        ),
        30,
    ),
    "near_loss": About(
        Text("Near loss", "临近亏损"),
        Text(
            "the value so far and the forecast are both next to nothing, measured by the purchases (the setting "
            "near_loss)",
            "相对购买金额，至今的价值和预测价值都接近零（设置 near_loss）",
        ),
        Text("Mend the largest cause.", "先解决最主要的原因。"),
        30,
    ),
    "no_contact": About(
        Text("Not contacted for long", "久未联系"),
        Text(
            "a customer of the tiers {contact_tiers} whom nobody contacted for more than {contact_days} days",
            "{contact_tiers}层级的客户，超过 {contact_days} 天无人联系",
        ),
        Text("Call or visit, and write down what was said.", "致电或拜访，并记录沟通内容。"),
        7,
    ),
    "jump_down": About(
        Text("Unusually little", "购买额异常偏低"),
        Text(
            "the last complete period's purchases are below everything in the {history} periods before, and beyond "
            "{jump:g} times their quartile range",
            "最近完整一期的购买额低于此前 {history} 期的任何一期，且超出 {jump:g} 倍四分位距",
        ),
        Text("Ask what changed, and check deliveries and complaints.", "询问变化原因，检查交货与投诉。"),
        7,
    ),
    "jump_up": About(
        Text("Unusually much", "购买额异常偏高"),
        Text(
            "the last complete period's purchases are above everything in the {history} periods before, and beyond "
            "{jump:g} times their quartile range",
            "最近完整一期的购买额高于此前 {history} 期的任何一期，且超出 {jump:g} 倍四分位距",
        ),
        Text(
            "Thank them and ask what it was for: it may be a new need, or stock for months.",
            "表示感谢并询问用途：可能是新的需求，也可能是囤货。",
        ),
        7,
    ),
    "review_due": About(
        Text("Review overdue", "复核逾期"),
        Text(
            "last reviewed more than {review_days} days ago, or never though of the tiers {review_tiers}",
            "上次复核已超过 {review_days} 天，或属于{review_tiers}层级却从未复核",
        ),
        Text(
            "Go through tier, needs and terms, and enter the day in the customer table (column reviewed_on).",
            "重新核对层级、需求与合作条件，并在客户表的 reviewed_on 列填入日期。",
        ),
        30,
    ),
}
HISTORY, LEAST_HISTORY = 12, 6  # periods before the last that a jump is compared with; with a purchase, at least
OUTCOMES: dict[str, Text] = {
    "passed": Text("the cause has gone", "原因已消除"),
    "lost": Text("the customer counts as lost", "客户已视为流失"),
    "expired": Text("open for too long", "保留期已满"),
    "removed": Text("excluded, or no longer in the book", "已排除或已不在数据中"),
}
NO_MARKETING = Text("no marketing: has not agreed", "未同意营销，仅限服务沟通")


def named(code: str) -> Text:
    """A cause's name, also of one that this version does not know."""
    about = ABOUT.get(code)  # type: ignore[call-overload]
    return about.name if about else Text(code, code)


def rule(code: Cause, rules: Alerts, periods: int, titles: Mapping[str, Text] | None = None) -> Text:
    """The rule of a cause with this company's limits; `titles` are the names of its tiers."""
    said: dict[str, Text] = {**{str(code): title for code, title in TITLES.items()}, **(titles or {})}

    def tiers(codes: tuple[str, ...], language: Any) -> str:
        return (", " if language == "en" else "、").join(
            (said.get(one) or Text(one, one)).to(language) for one in codes
        )

    return Text(
        *(
            ABOUT[code]
            .rule.to(language)
            .format(
                **(rules.model_dump(exclude={"contact_tiers", "review_tiers"})),
                contact_tiers=tiers(rules.contact_tiers, language),
                review_tiers=tiers(rules.review_tiers, language),
                periods=periods,
                history=HISTORY,
            )
            for language in ("en", "zh")
        )
    )


def due_days(rules: Alerts) -> dict[Cause, int]:
    """Days for the task, by cause."""
    return {code: rules.due_days.get(code, ABOUT[code].days) for code in CAUSES}


def why(row: Mapping[str, Any], titles: Mapping[str, Text] | None = None) -> Text:
    """Why this alert: one sentence with the customer's own figures. `row` is one of alerts.parquet."""
    said = _WHY.get(row["cause"])
    if said is None:
        return named(row["cause"])
    if row["cause"] == "no_contact" and row["measure"] is None:
        said = Text("Nobody has ever contacted them.", "从未有人联系过。")
    if row["cause"] == "review_due" and row["measure"] is None:
        said = Text("Never reviewed.", "从未复核。")
    tiers: dict[str, Text] = {**{str(code): title for code, title in TITLES.items()}, **(titles or {})}
    return Text(*(said.to(language).format(**_figures(row, language, tiers)) for language in ("en", "zh")))


def helps(row: Mapping[str, Any]) -> Text:
    """What usually helps; for those who bring nothing, the step against the largest cause."""
    if row["cause"] in ("losing_money", "near_loss") and row.get("detail") in STEPS:
        return STEPS[row["detail"]]
    about = ABOUT.get(row["cause"])
    return about.helps if about else Text("", "")


_WHY: dict[str, Text] = {
    "maybe_gone": Text(
        "Silent for {silence} days; the probability of still being active is down to {share}.",
        "已沉默 {silence} 天，仍活跃的概率降至 {share}。",
    ),
    "order_overdue": Text(
        "Silent for {measure} days, though an order came every {before} days on average; {threshold} days would "
        "already be rare.",
        "已沉默 {measure} 天，而以往平均每 {before} 天就有一单；超过 {threshold} 天已属罕见。",
    ),
    "value_falling": Text(
        "Gross profit fell several times in a row: from {before} to {measure}, over stretches of equal length.",
        "毛利接连下降：按同样长的时段比较，从 {before} 降到 {measure}。",
    ),
    "tier_lost": Text(
        "Fell from {tier_before} to {tier}; the forecast is {stake} lower than before.",
        "从{tier_before}降为{tier}，预测价值比降级前少 {stake}。",
    ),
    "losing_money": Text(
        "Gross profit {before} so far, {measure} by forecast; largest cause: {driver}.",
        "至今毛利 {before}，预测 {measure}；主要原因：{driver}。",
    ),
    "near_loss": Text(
        "Gross profit only {before} so far, {measure} by forecast; largest cause: {driver}.",
        "至今毛利仅 {before}，预测 {measure}；主要原因：{driver}。",
    ),
    "no_contact": Text("Last contact {measure} days ago.", "距上次联系已有 {measure} 天。"),
    "jump_down": Text(
        "Bought for {measure} in the last complete period, usually {before}.",
        "最近完整一期购买 {measure}，通常为 {before}。",
    ),
    "jump_up": Text(
        "Bought for {measure} in the last complete period, usually {before}.",
        "最近完整一期购买 {measure}，通常为 {before}。",
    ),
    "review_due": Text("Last reviewed {measure} days ago.", "上次复核在 {measure} 天前。"),
}


def _figures(row: Mapping[str, Any], language: Any, tiers: Mapping[str, Text]) -> dict[str, str]:
    driver = DRIVERS.get(row.get("detail") or "")
    return {
        **{name: _number(row.get(name)) for name in ("measure", "threshold", "before")},
        "silence": _number(row.get("before")),
        "share": "–" if row.get("measure") is None else f"{row['measure']:.0%}",
        "stake": _number(row.get("value_at_stake")),
        "driver": driver.to(language) if driver else "–",
        "tier": _tier(row.get("measure"), tiers, language),
        "tier_before": _tier(row.get("before"), tiers, language),
    }


def _tier(place: float | None, tiers: Mapping[str, Text], language: Any) -> str:
    if place is None or not 0 <= place < len(TIERS):
        return "–"
    code = TIERS[int(place)]
    return (tiers.get(code) or TITLES[code]).to(language)


def _number(value: Any) -> str:
    """Whole from 10 on; the first digits below."""
    if value is None:
        return "–"
    number = float(value)
    shown = f"{number:,.0f}" if abs(number) >= 10 or number == int(number) else f"{number:.3g}"
    return shown.replace("-", "−")
