"""What the section on lifetime value says, in both languages."""

from __future__ import annotations

from typing import Any

from kezhi.language import Text
from kezhi.reports.columns import Column

TITLE = Text("Lifetime value", "生命周期价值")
FIGURE = Text(
    "Bars from purchases, less every cost, to what customers have brought so far, and with what is still to come to "
    "lifetime value; the figures follow as a table.",
    "从购买金额逐项扣除成本得到已实现价值，再加上未来价值得到生命周期价值的条形图，数据见下表。",
)
SENTENCE = Text(
    "Over their whole life today's customers are worth {lifetime_value}: {realised_value} they have brought so far, "
    "{after}, and {residual_value} that may be expected in the next {n}.",
    "现有客户的生命周期价值为 {lifetime_value}：{after}已实现 {realised_value}，未来 {n}预计还有 {residual_value}。",
)
SENTENCE_END = Text(
    "Over their whole life today's customers are worth {lifetime_value}: {realised_value} they have brought so far, "
    "{after}, and {residual_value} that may be expected until the last of them has left.",
    "现有客户的生命周期价值为 {lifetime_value}：{after}已实现 {realised_value}，"
    "直至全部客户流失预计还有 {residual_value}。",
)
AFTER = Text("after every cost that is known", "扣除已知的全部成本后")
NO_COST = Text("costs unknown and not taken off", "成本未知，未扣除，")
SHORT = Text(
    "The history is shorter than the time looked ahead: take what is still to come as a rough outlook, good for "
    "comparing customers.",
    "历史短于所展望的时间：未来价值只是粗略的展望，适合比较客户，不宜当作计划数字。",
)
DISCOUNTED = Text(
    "Money of the future counts less, by {rate} a year.",
    "未来的钱按每年 {rate} 折现。",
)
PROFITABLE = Text(
    "{n} of {all} customers have brought more than it cost to win them, to sell to them and to serve them.",
    "{all} 位客户中有 {n} 位带来的收入已超过吸引、销售和服务他们的成本。",
)

COSTS = ("cost_to_acquire", "cost_to_market", "cost_to_sell", "cost_to_serve", "cost_to_keep", "other_cost")
NAMES = {
    "amount": Text("Purchases", "购买金额"),
    "product_cost": Text("Product cost", "产品成本"),
    "cost_to_acquire": Text("To acquire", "获取成本"),
    "cost_to_market": Text("Marketing", "营销费用"),
    "cost_to_sell": Text("To sell", "销售费用"),
    "cost_to_serve": Text("To serve", "服务费用"),
    "cost_to_keep": Text("To keep", "维系费用"),
    "other_cost": Text("Other expense", "其他费用"),
    "not_subtracted": Text("Not subtracted", "未扣除"),
    "realised_value": Text("Brought so far", "已实现价值"),
    "residual_value": Text("Still to come", "未来价值"),
    "lifetime_value": Text("Lifetime value", "生命周期价值"),
}
STEP, MONEY, SHARE = Text("Step", "项目"), Text("Money", "金额"), Text("Of purchases", "占购买金额")
_CUSTOMER = Text("Customer", "客户")

VIEWS_TITLE = Text("Narrow and wide", "狭义与广义")
WIDE = Text(
    "The narrow view counts a customer's own purchases; the wide one takes off every known cost and adds what is still "
    "to come.",
    "狭义只看客户自身的购买金额；广义则扣除已知的全部成本，并加上未来价值。",
)
WIDE_REFERRED = Text(
    "The narrow view counts a customer's own purchases; the wide one takes off every known cost and adds what is still "
    "to come and what customers they sent have brought. The last is a view only: company totals do not count it twice.",
    "狭义只看客户自身的购买金额；广义则扣除已知的全部成本，并加上未来价值和其推荐的客户带来的毛利。"
    "后者只是一种看法，公司合计不重复计算。",
)
VIEWS = (
    _CUSTOMER,
    Text("Purchases (narrow)", "购买金额（狭义）"),
    NAMES["realised_value"],
    NAMES["residual_value"],
    NAMES["lifetime_value"],
    Text("80% interval", "80% 区间"),
)
REFERRED = (Text("Of those they sent", "推荐客户的毛利"), Text("Wide view", "广义价值"))

DEAR_TITLE = Text("Who buys much and costs much", "买得多但成本也高的客户")
DEAR_SAID = Text(
    "Among the fifth of customers who buy most, these fall furthest once every cost is taken off.",
    "在购买金额最高的五分之一客户中，扣除全部成本后名次下降最多的客户。",
)
DEAR = (
    _CUSTOMER,
    NAMES["amount"],
    Text("To sell and to serve", "销售与服务费用"),
    NAMES["realised_value"],
    Text("Place by purchases", "按购买金额名次"),
    Text("Place after costs", "扣除成本后名次"),
)
NO_CHANNEL = Text("not stated", "未说明")
CHANNELS_TITLE = Text("What a contact costs, by channel", "各渠道的联系成本")
CHANNELS = (
    Text("Channel", "渠道"),
    Text("Contacts", "联系次数"),
    Text("Customers", "客户数"),
    Text("Cost", "成本"),
    Text("Per contact", "每次成本"),
)

RATIO_TITLE = Text("Winning against keeping", "获取与维系的成本之比")
RATIO = Text(
    "Winning a customer has cost {won} on average, keeping one {kept} a year ({of}): {ratio} times as much. ({low} to "
    "{high} times is often quoted; a reference, not a goal.)",
    "获取一位客户平均花费 {won}，维系一位客户每年花费 {kept}（{of}）：前者是后者的 {ratio} 倍。"
    "（常见说法为 {low} 至 {high} 倍，仅供参考，并非目标。）",
)
KEEPING = {
    "keep": Text("expenses of kind retention", "维系类费用"),
    "all": Text("every expense after the first year but acquisition", "第一年之后除获取外的全部费用"),
}
WON_ONLY = Text(
    "Winning a customer has cost {won} on average; what it costs to keep one, the expenses do not say.",
    "获取一位客户平均花费 {won}；费用中没有维系成本的信息。",
)

NOT_CASH_TITLE = Text("Returns that are no cash", "非现金回报")
NOT_CASH_SAID = Text(
    "These are shown for themselves and are in none of the sums above.",
    "以下各项单独列示，不计入上述任何金额。",
)
TYPED = {
    "saved_selling_cost": Text("Selling cost saved, as entered: {money}.", "节省的销售费用（手工填写）：{money}。"),
    "reputation": Text("Worth of reputation, as entered: {money}.", "声誉价值（手工填写）：{money}。"),
}
RECOMMENDED = Text(
    "Would recommend: net promoter score {score} ({answers} customers answered, {promoters} promoters, {critics} "
    "critics).",
    "推荐意愿：净推荐值 {score}（{answers} 位客户作答，推荐者 {promoters} 位，贬损者 {critics} 位）。",
)
SAVED = Text(
    "Selling and marketing cost {first_year} per purchase in a customer's first year and {later} later.",
    "每次购买的销售与营销费用：客户第一年为 {first_year}，之后为 {later}。",
)

HOW_TITLE = Text("How this was computed", "如何计算")
HOW = (
    Text(
        "Brought so far is CRM gross profit, less those costs of acquisition and contacts that the expense table does "
        "not hold. A cost that stands in both tables is subtracted once.",
        "已实现价值 = CRM 毛利 − 费用表中没有的获取成本与联系成本。两张表中都有的成本只扣除一次。",
    ),
    Text(
        "Still to come is the forecast, and after its last period the purchases that the models expect of each "
        "customer times their mean amount and what of it remains after cost and expense.",
        "未来价值先取预测本身；预测期之后，取模型对每位客户的预期购买次数 × 平均金额 × 扣除成本与费用后的比例。",
    ),
    Text(
        "This covers customers you have today; future customers are not in it. The further ahead, the more rests on "
        "the models: compare customers rather than trust the last digit.",
        "只包括现有客户，不含将来的新客户。看得越远越依赖模型：宜用于客户之间的比较，而不必计较末位数字。",
    ),
)


def _column(name: str, title: Text, kind: Any = "money", total: bool = True) -> Column:
    return Column(name, title, Text("", ""), kind, total)


FROM_CUSTOMERS = (
    *("customer_id", "name", "amount", "acquisition_cost", "residual_purchases", "residual_value"),
    *("lifetime_value", "lifetime_value_lower", "lifetime_value_upper"),
)
SHEET_CUSTOMER = (
    _column("customer_id", Text("Customer id", "客户编号"), "text", False),
    _column("name", Text("Name", "客户名称"), "text", False),
    _column("amount", NAMES["amount"]),
)
SHEET_COSTS = (
    *(_column(name, NAMES[name]) for name in ("product_cost", *COSTS)),
    _column("realised_value", NAMES["realised_value"]),
)
SHEET_VALUE = (
    _column("residual_purchases", Text("Purchases to come", "未来购买次数"), "number", False),
    _column("residual_value", NAMES["residual_value"]),
    _column("lifetime_value", NAMES["lifetime_value"]),
    _column("lifetime_value_lower", Text("Lower end (80%)", "区间下端（80%）"), "money", False),
    _column("lifetime_value_upper", Text("Upper end (80%)", "区间上端（80%）"), "money", False),
)
SHEET_RANKS = (
    _column("rank_by_amount", Text("Place by purchases", "按购买金额名次"), "count", False),
    _column("rank_by_value", Text("Place after costs", "扣除成本后名次"), "count", False),
)
ALL = Text("All customers", "全部客户")
