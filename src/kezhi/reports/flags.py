"""What a flag beside a customer means and what to do about it: one registry for page and workbook."""

from __future__ import annotations

from dataclasses import dataclass

from kezhi.language import Text


@dataclass(frozen=True)
class Flag:
    """A remark on one customer's figures."""

    code: str
    title: Text
    advice: Text
    fault: bool = False  # true when the data, not the customer, needs attention


_ALL = (
    Flag(
        "no_purchase",
        Text("No purchase yet", "尚无购买"),
        Text(
            "Only returns or expenses are known. Nothing is forecast until the first purchase.",
            "只有退货或费用记录。首次购买之前不作预测。",
        ),
    ),
    Flag(
        "one_purchase",
        Text("One purchase only", "仅购买一次"),
        Text(
            "One purchase says little; the forecast leans on what is usual for all customers.",
            "一次购买能说明的有限，预测主要参照全体客户的一般情况。",
        ),
    ),
    Flag(
        "cost_missing",
        Text("Margin 100%: product cost not filled in", "毛利率 100%：未填产品成本"),
        Text(
            "The value is too high. Fill in the cost of the products bought and run again, or correct the coming "
            'margin: kezhi correct margin 30% --where "flag = \'cost_missing\'" --why "..."',
            "价值因此偏高。请补填所购产品的成本后重新运行，或修正今后的毛利率："
            'kezhi correct margin 30% --where "flag = \'cost_missing\'" --why "……"',
        ),
        fault=True,
    ),
    Flag(
        "cost_partly_missing",
        Text("Some product cost not filled in", "部分产品成本未填"),
        Text(
            "The value is too high by the missing cost. Fill it in, then run again.",
            "价值因缺少部分成本而偏高。请补填后重新运行。",
        ),
        fault=True,
    ),
    Flag(
        "negative_margin",
        Text("Sold below cost", "售价低于成本"),
        Text(
            "The last purchases cost more than they brought. Check price, discount and cost; if that will not go on, "
            'correct the coming margin: kezhi correct margin 30% --where "flag = \'negative_margin\'" --why "..."',
            "最近的购买毛利为负。请核对价格、折扣与成本；若今后不会如此，请修正今后的毛利率："
            'kezhi correct margin 30% --where "flag = \'negative_margin\'" --why "……"',
        ),
    ),
    Flag(
        "negative_value",
        Text("Costs more than it brings", "价值为负"),
        Text(
            "Returns, cost and expense exceed purchases. See which of them it is before deciding.",
            "退货、产品成本与关系营销费用合计超过购买金额。请先查明是哪一项造成，再作决定。",
        ),
    ),
    Flag(
        "negative_forecast",
        Text("Expected to cost more than it brings", "预测价值为负"),
        Text(
            "Next expenses exceed the expected gross margin. Consider spending less on this relationship.",
            "预计关系营销费用超过毛利。可考虑减少在该客户上的投入。",
        ),
    ),
    Flag(
        "margin_capped",
        Text("Margin held within bounds", "毛利率已限制在合理范围"),
        Text(
            "The company's trend would carry the margin out of its possible range; the bound was used.",
            "按公司毛利趋势推算会超出可能的范围，已改用边界值。",
        ),
    ),
    Flag(
        "amount_not_positive",
        Text("Returns ate up the purchases", "退货抵消了购买"),
        Text(
            "After returns nothing is left of the purchases. Ask why the goods came back.",
            "扣除退货后购买金额不为正。请了解退货原因。",
        ),
    ),
    Flag(
        "amount_outlier",
        Text("Unusually large amount", "金额异常大"),
        Text(
            "One purchase is far above all others. Check that it is not a typing error.",
            "有一笔金额远高于其他购买。请核对是否录入有误。",
        ),
        fault=True,
    ),
    Flag(
        "long_idle",
        Text("Long without a purchase", "久未成交"),
        Text(
            "Longer without a purchase than this customer's habit. Get in touch if the customer is worth it.",
            "未成交时间已超过该客户的购买习惯。值得的客户应尽快联系。",
        ),
    ),
    Flag(
        "new_customer",
        Text("New customer", "新客户"),
        Text("Watched for a short time only; the figures will settle.", "观察时间尚短，数字会逐渐稳定。"),
    ),
)

FLAGS: dict[str, Flag] = {flag.code: flag for flag in _ALL}


def flag(code: str) -> Flag:
    """The flag of a code; a code that nobody described yet is shown as it is, never hidden."""
    known = FLAGS.get(code)
    if known:
        return known
    words = code.replace("_", " ")
    return Flag(code, Text(words, words), Text("No description yet.", "暂无说明。"))
