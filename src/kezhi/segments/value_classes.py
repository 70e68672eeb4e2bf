"""Names, definitions and advice of the groups beside the tiers: metals by profit and volume, tags by value now and to
come."""

from __future__ import annotations

from dataclasses import dataclass

from kezhi.language import Text


@dataclass(frozen=True)
class ValueClass:
    """One of the four metals: its code, its name, who belongs to it, and what to do.

    The blanks of a definition are {platinum} (per cent), {margin} (of every 100 sold) and {volume} (money).
    """

    code: str
    title: Text
    definition: Text
    action: Text


# the two questions are: is enough left of what they buy, and do they buy much?
CLASSES: tuple[ValueClass, ...] = (
    ValueClass(
        "platinum",
        Text("Platinum", "白金"),
        Text(
            "The most profitable: at least {margin} of every 100 sold is left, and the customer is among the best "
            "{platinum}% by profit so far.",
            "最盈利：每销售 100 至少留下 {margin}，且累计利润居全部客户前 {platinum}%。",
        ),
        Text(
            "Keep them: a person in charge, service before others, a call before anything changes.",
            "重点维护：专人负责，优先服务，有变动先打招呼。",
        ),
    ),
    ValueClass(
        "gold",
        Text("Gold", "黄金"),
        Text(
            "Profitable: at least {margin} of every 100 sold is left, but less in all than of platinum customers.",
            "盈利：每销售 100 至少留下 {margin}，但累计利润不及白金客户。",
        ),
        Text(
            "Gold to platinum: sell them more of what they do not buy from you yet; do not buy it with discounts.",
            "黄金变白金：推荐他们还没有在本公司购买的产品；不要靠打折换销量。",
        ),
    ),
    ValueClass(
        "iron",
        Text("Iron", "黑铁"),
        Text(
            "Good sales, low profit: bought {volume} or more (the middle customer), but less than {margin} of every "
            "100 sold is left; loss makers with such sales too.",
            "销量理想但低盈利：累计购买不低于 {volume}（中位客户），但每销售 100 留下的不足 {margin}；"
            "销量达到此数的亏损客户也在内。",
        ),
        Text(
            "Iron to gold: smaller discounts, products with a better margin, fewer visits and cheaper delivery.",
            "黑铁变黄金：减少折扣，改推毛利更高的产品，降低拜访和配送费用。",
        ),
    ),
    ValueClass(
        "lead",
        Text("Lead", "铅"),
        Text(
            "Neither profit nor sales: bought less than {volume}, and less than {margin} of every 100 sold is left; "
            "most often a loss.",
            "盈利和销量都不理想：累计购买不足 {volume}，且每销售 100 留下的不足 {margin}，多为亏损。",
        ),
        Text(
            "Raise the price or serve them at lower cost (self-service, no visits); give up those who still cause a "
            "loss.",
            "提价，或降低服务成本（自助下单、不上门拜访）；仍然亏损的可以放弃。",
        ),
    ),
)
METALS = tuple(one.code for one in CLASSES)
VALUE_CLASSES: dict[str, ValueClass] = {one.code: one for one in CLASSES}

# tags that are set by themselves, each with who gets it
TAGS: dict[str, tuple[Text, Text]] = {
    "high": (
        Text("High value", "高价值客户"),
        Text("Among the best {high}% by profit so far, and above 0.", "累计利润居前 {high}%，且大于 0。"),
    ),
    "middle": (
        Text("Middle value", "中间客户"),
        Text("The next {middle}%, and above 0.", "其次的 {middle}%，且大于 0。"),
    ),
    "low": (Text("Low value", "低价值客户"), Text("All others.", "其余客户。")),
    "potential": (
        Text("Potential", "潜力客户"),
        Text(
            "Low value so far, but among the best {high}% by what is forecast of them.",
            "目前为低价值，但预测价值居前 {high}%。",
        ),
    ),
    "core": (
        Text("Core customer", "核心客户"),
        Text("On the shortest list that brings {core}% of the whole.", "合计贡献全部价值 {core}% 的最短名单中的客户。"),
    ),
}
VALUE_TAGS = ("high", "middle", "low")
BASES: dict[str, Text] = {
    "value": Text("gross profit so far", "累计毛利"),
    "amount": Text("purchases so far", "累计购买金额"),
    "forecast_value": Text("forecast gross profit", "预测毛利"),
    "lifetime_value": Text("lifetime value", "生命周期价值"),
    "points": Text("points", "积分"),
}
