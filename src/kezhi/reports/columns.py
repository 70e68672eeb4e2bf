"""The columns of the workbook: title, meaning and number format, so that sheets and glossary agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kezhi.language import Text

Kind = Literal["text", "day", "count", "money", "share", "number", "flags"]


@dataclass(frozen=True)
class Column:
    """One column of a sheet."""

    field: str
    title: Text
    meaning: Text
    kind: Kind
    total: bool = False

    @property
    def width(self) -> int:
        """Width in characters."""
        return {"text": 22, "day": 12, "count": 11, "money": 16, "share": 10, "number": 13, "flags": 44}[self.kind]


_ID = Column("customer_id", Text("Customer id", "客户编号"), Text("As in the source.", "与源数据一致。"), "text")
_NAME = Column("name", Text("Name", "客户名称"), Text("Where known.", "已知时显示。"), "text")

CUSTOMERS: tuple[Column, ...] = (
    _ID,
    _NAME,
    Column(
        "first_purchase",
        Text("First purchase", "首次购买"),
        Text("Day of the first purchase.", "首次购买日期。"),
        "day",
    ),
    Column(
        "last_purchase",
        Text("Last purchase", "最近购买"),
        Text("Day of the last purchase.", "最近一次购买日期。"),
        "day",
    ),
    Column(
        "purchases",
        Text("Purchases", "购买次数"),
        Text("Days with a net purchase.", "有净购买的天数。"),
        "count",
        total=True,
    ),
    Column(
        "active_periods",
        Text("Active periods", "有成交期数"),
        Text("Periods with a purchase.", "有成交的期数。"),
        "count",
    ),
    Column(
        "idle_periods",
        Text("Idle periods", "未成交期数"),
        Text(
            "Complete periods without a purchase since the last with one.",
            "最近成交期之后没有成交的完整期数。",
        ),
        "count",
    ),
    Column(
        "amount",
        Text("Purchase amount", "购买金额"),
        Text("Net of tax, discount and returns.", "不含税、折扣后，已扣退货。"),
        "money",
        total=True,
    ),
    Column(
        "cost",
        Text("Product cost", "产品成本"),
        Text("Cost of the goods bought.", "所购产品的成本。"),
        "money",
        total=True,
    ),
    Column(
        "expense",
        Text("Relationship expense", "关系营销费用"),
        Text("Spent on winning and keeping the customer.", "获取和维系客户的费用。"),
        "money",
        total=True,
    ),
    Column(
        "value",
        Text("Value so far", "已有价值"),
        Text("Purchases − product cost − relationship expense.", "购买金额 − 产品成本 − 关系营销费用。"),
        "money",
        total=True,
    ),
    Column(
        "margin",
        Text("Margin", "毛利率"),
        Text("(Purchases − product cost) / purchases.", "（购买金额 − 产品成本）÷ 购买金额。"),
        "share",
    ),
    Column(
        "mean_amount",
        Text("Mean amount", "平均金额"),
        Text("Purchase amount per purchase.", "每次购买的平均金额。"),
        "money",
    ),
    Column(
        "p_alive",
        Text("P(active)", "仍活跃的概率"),
        Text("Probability that the customer still buys at all.", "客户仍会购买的概率。"),
        "share",
    ),
    Column(
        "expected_purchases",
        Text("Expected purchases", "预计购买次数"),
        Text("Over the forecast periods.", "预测期内合计。"),
        "number",
        total=True,
    ),
    Column(
        "forecast_amount",
        Text("Forecast amount", "预测购买金额"),
        Text("Over the forecast periods.", "预测期内合计。"),
        "money",
        total=True,
    ),
    Column(
        "forecast_cost",
        Text("Forecast cost", "预测产品成本"),
        Text("Over the forecast periods.", "预测期内合计。"),
        "money",
        total=True,
    ),
    Column(
        "forecast_expense",
        Text("Forecast expense", "预测关系营销费用"),
        Text("Over the forecast periods.", "预测期内合计。"),
        "money",
        total=True,
    ),
    Column(
        "forecast_value",
        Text("Forecast value", "预测价值"),
        Text("Over the forecast periods.", "预测期内合计。"),
        "money",
        total=True,
    ),
    Column(
        "forecast_value_lower",
        Text("80% interval, lower", "80% 区间下限"),
        Text("One time in ten the value is below.", "约有一成可能低于此数。"),
        "money",
    ),
    Column(
        "forecast_value_upper",
        Text("80% interval, upper", "80% 区间上限"),
        Text("One time in ten the value is above.", "约有一成可能高于此数。"),
        "money",
    ),
    Column(
        "flags",
        Text("Flags", "标记"),
        Text("Remarks on the customer's figures.", "对该客户数据的说明。"),
        "flags",
    ),
)

FORECAST: tuple[Column, ...] = (
    _ID,
    _NAME,
    Column("period", Text("Period", "期"), Text("First day of the coming period.", "未来一期的第一天。"), "day"),
    Column(
        "step",
        Text("Step", "第几期"),
        Text("1 is the first period after the as-of day's.", "1 为截止日之后的第一期。"),
        "count",
    ),
    Column("method", Text("Method", "预测方法"), Text("How the figure was computed.", "数字的计算方法。"), "text"),
    Column(
        "p_purchase",
        Text("P(purchase)", "成交概率"),
        Text("Probability of at least one purchase.", "至少购买一次的概率。"),
        "share",
    ),
    Column(
        "expected_purchases",
        Text("Expected purchases", "预计购买次数"),
        Text("Mean number of purchases.", "购买次数的期望值。"),
        "number",
    ),
    Column(
        "mean_amount",
        Text("Mean amount", "平均金额"),
        Text("Expected amount of one purchase.", "每次购买金额的期望值。"),
        "money",
    ),
    Column(
        "frequency",
        Text("Next frequency", "下期频率"),
        Text("Transition method: expected frequency.", "移转法：频率移转期望值。"),
        "count",
    ),
    Column(
        "p_frequency",
        Text("P(frequency)", "频率移转概率"),
        Text("Transition method: its probability.", "移转法：频率移转概率。"),
        "share",
    ),
    Column(
        "expected_amount",
        Text("Next mean amount", "平均金额移转期望值"),
        Text("Transition method: expected mean amount.", "移转法：平均金额移转期望值。"),
        "money",
    ),
    Column(
        "p_amount",
        Text("P(amount)", "平均金额移转概率"),
        Text("Transition method: its probability.", "移转法：平均金额移转概率。"),
        "share",
    ),
    Column(
        "amount",
        Text("Purchase amount", "购买金额"),
        Text("Expected purchases of the period.", "该期预计购买金额。"),
        "money",
        total=True,
    ),
    Column(
        "margin",
        Text("Margin", "毛利率"),
        Text("Margin taken for the period.", "该期采用的毛利率。"),
        "share",
    ),
    Column(
        "cost",
        Text("Product cost", "产品成本"),
        Text("Purchase amount × (1 − margin).", "购买金额 ×（1 − 毛利率）。"),
        "money",
        total=True,
    ),
    Column(
        "expense",
        Text("Relationship expense", "关系营销费用"),
        Text("Expected for the period.", "该期预计关系营销费用。"),
        "money",
        total=True,
    ),
    Column("value", Text("Value", "客户价值"), Text("What is left.", "剩余价值。"), "money", total=True),
    Column(
        "value_lower",
        Text("80% interval, lower", "80% 区间下限"),
        Text("One time in ten the value is below.", "约有一成可能低于此数。"),
        "money",
    ),
    Column(
        "value_upper",
        Text("80% interval, upper", "80% 区间上限"),
        Text("One time in ten the value is above.", "约有一成可能高于此数。"),
        "money",
    ),
)

PERIODS: tuple[Column, ...] = (
    Column("period", Text("Period", "期"), Text("First day of the period.", "该期第一天。"), "day"),
    Column(
        "state",
        Text("State", "状态"),
        Text("Complete, or cut short by the as-of day.", "已满，或被截止日截断。"),
        "text",
    ),
    Column(
        "customers",
        Text("Customers", "客户数"),
        Text("Customers with something in the period.", "该期有记录的客户数。"),
        "count",
    ),
    Column(
        "purchases",
        Text("Purchases", "购买次数"),
        Text("Purchases of all customers.", "全部客户的购买次数。"),
        "count",
        total=True,
    ),
    Column(
        "amount",
        Text("Purchase amount", "购买金额"),
        Text("Of all customers.", "全部客户合计。"),
        "money",
        total=True,
    ),
    Column(
        "cost",
        Text("Product cost", "产品成本"),
        Text("Of all customers.", "全部客户合计。"),
        "money",
        total=True,
    ),
    Column(
        "expense",
        Text("Relationship expense", "关系营销费用"),
        Text("Of all customers.", "全部客户合计。"),
        "money",
        total=True,
    ),
    Column("value", Text("Value", "客户价值"), Text("Of all customers.", "全部客户合计。"), "money", total=True),
    Column(
        "margin",
        Text("Margin", "毛利率"),
        Text("(Purchases − product cost) / purchases.", "（购买金额 − 产品成本）÷ 购买金额。"),
        "share",
    ),
)

REJECTED: tuple[Column, ...] = (
    Column("table", Text("Table", "表"), Text("Which table of the book.", "所属数据表。"), "text"),
    Column("file", Text("File", "文件"), Text("Source file.", "源文件。"), "text"),
    Column("row", Text("Line", "行号"), Text("Line in the source file.", "源文件中的行号。"), "count"),
    Column("rule", Text("Reason", "原因"), Text("The rule that set the row aside.", "隔离该行的规则。"), "flags"),
    Column("column", Text("Column", "列"), Text("The column at fault.", "有问题的列。"), "text"),
    Column(
        "seen",
        Text("What was seen", "读到的内容"),
        Text("As it stands in the file.", "文件中的原文。"),
        "text",
    ),
)
