"""The words of the report, explained once: on the page, in the workbook and in the documentation."""

from __future__ import annotations

from dataclasses import dataclass

from kezhi.language import Text


@dataclass(frozen=True)
class Term:
    """A word and what it means here."""

    term: Text
    meaning: Text


GLOSSARY: tuple[Term, ...] = (
    Term(
        Text("Customer value", "客户价值"),
        Text(
            "What is left of a customer's purchases after product cost and relationship expense (CRM gross profit).",
            "客户的购买金额减去产品成本和关系营销费用之后的余额（即 CRM 毛利）。",
        ),
    ),
    Term(
        Text("Purchases (amount)", "购买金额"),
        Text(
            "What the customer paid, net of tax and discount; returns are taken off.",
            "客户实付金额，不含税、折扣后；已扣除退货。",
        ),
    ),
    Term(
        Text("Purchase", "购买（次）"),
        Text(
            "A day on which the customer bought something, returns netted. Several orders on one day are one purchase.",
            "客户有净购买的一天；同一天多张订单算一次，退货已冲抵。",
        ),
    ),
    Term(
        Text("Product cost", "产品成本"),
        Text("What the goods sold cost the company.", "所售产品的成本。"),
    ),
    Term(
        Text("Relationship expense", "关系营销费用"),
        Text(
            "What was spent on winning and keeping the customer: marketing, visits, service. What it cost to win them "
            "counts once, in what they brought so far; the forecast does not repeat it.",
            "为获取和维系客户所花的费用：推广、拜访、服务等。获取客户的费用只发生一次，计入迄今的价值，预测中不再重复。",
        ),
    ),
    Term(
        Text("Gross margin", "毛利率"),
        Text("(Purchases \u2212 product cost) / purchases.", "（购买金额 \u2212 产品成本）÷ 购买金额。"),
    ),
    Term(
        Text("Period", "期"),
        Text("A month, quarter or year of the company's calendar.", "公司日历中的一个月、一个季度或一年。"),
    ),
    Term(
        Text("Idle periods", "未成交期数"),
        Text(
            "Complete periods without a purchase since the customer's last period with one.",
            "自最近一次有成交的期之后，没有成交的完整期数。",
        ),
    ),
    Term(
        Text("Forecast", "预测"),
        Text(
            "What the coming periods should bring on average, given everything known up to the as-of day.",
            "依据截止日之前的全部信息，今后各期平均可望带来的数额。",
        ),
    ),
    Term(
        Text("80% interval", "80% 区间"),
        Text(
            "Eight times in ten the true figure should lie inside. A customer's covers the chance in buying, not a "
            "changed market, season or price list; the company's also counts how far the last test on the past missed.",
            "十次中约有八次，实际数落在区间之内。客户的区间只反映购买的偶然性，不包括市场、季节或价格的变化；"
            "企业的区间还计入最近一次历史检验的偏差。",
        ),
    ),
    Term(
        Text("Concentration", "集中程度"),
        Text(
            "The share of all value that the best customers brought. "
            "Above 100% means that others cost more than they bring.",
            "最好的一部分客户占全部价值的比例。超过 100% 说明另有客户的价值为负。",
        ),
    ),
    Term(
        Text("Transition", "移转"),
        Text(
            "The move of a customer's frequency or average amount from one period to the next.",
            "客户的购买频率或平均金额从一期到下一期的变化。",
        ),
    ),
    Term(
        Text("Backtest", "历史检验"),
        Text(
            "The forecast made again as of an earlier day, then held against what really came.",
            "把预测放回较早的日期重做一遍，再与后来的实际相比。",
        ),
    ),
    Term(
        Text("Blend of models", "模型组合"),
        Text(
            "Several models of when customers buy and leave, averaged by weights that past days have shown to be good.",
            "若干描述客户何时购买、何时流失的模型，按过去时点检验得出的权重取平均。",
        ),
    ),
    Term(
        Text("Season", "季节"),
        Text(
            "How busy each month of the year is against an average one. It is used only where the history shows it "
            "beyond chance.",
            "一年各月相对平均月份的购买水平；只有历史数据足以排除偶然时才采用。",
        ),
    ),
    Term(
        Text("Set aside (quarantine)", "隔离"),
        Text(
            "Rows that could not be counted. They are kept with file, line and reason; counted + set aside = read.",
            "无法计入的行。连同文件、行号和原因一并保留；计入 + 隔离 = 读入。",
        ),
    ),
    Term(
        Text("As-of day", "截止日"),
        Text(
            "The last day that counts. Nothing after it touches any figure.",
            "计入的最后一天，此后的记录不影响任何数字。",
        ),
    ),
)
