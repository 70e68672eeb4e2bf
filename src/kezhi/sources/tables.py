"""The tables of the book: which columns each has, and the names under which people bring them."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from kezhi.language import Text
from kezhi.sources.vocabulary import (
    AMOUNT,
    CAMPAIGN,
    CHANNEL,
    COST,
    CURRENCY,
    CUSTOMER,
    DAY,
    ORDER,
    PRODUCT,
    QUANTITY,
    UNIT_COST,
    listed,
)

Kind = Literal["id", "day", "money", "number", "text", "flag", "period"]


@dataclass(frozen=True)
class Field:
    """One column of the book; `names` are the headings it is recognised by, the surest first."""

    name: str
    kind: Kind
    text: Text
    names: tuple[str, ...] = ()
    required: bool = False
    future: bool = False  # may a day lie after today?

    def rank(self, column: str) -> int | None:
        """How sure the heading is: 0 is the field's own name, None is a heading we do not know."""
        known = [plain(name) for name in (self.name, *self.names)]
        wanted = plain(column)
        return known.index(wanted) if wanted in known else None


@dataclass(frozen=True)
class Table:
    """One table of the book with its fields."""

    name: str
    title: Text
    fields: tuple[Field, ...]

    def field(self, name: str) -> Field | None:
        """The field of that name, if the table has it."""
        return next((field for field in self.fields if field.name == name), None)

    def knows(self, heading: str) -> bool:
        """Is this a heading that some field is recognised by?"""
        return plain(heading) in _known_headings(self.name)

    @property
    def required(self) -> tuple[Field, ...]:
        """The fields without which a row means nothing."""
        return tuple(field for field in self.fields if field.required)


@lru_cache(maxsize=4096)
def plain(heading: str) -> str:
    """A heading without case, width, spaces, punctuation and unit: `Order Date (UTC)` -> `orderdate`."""
    text = unicodedata.normalize("NFKC", heading).casefold().strip()
    text = re.sub(r"[(\[【][^)\]】]*[)\]】]\s*$", "", text) or text
    return "".join(letter for letter in text if letter.isalnum())


@lru_cache
def _known_headings(table: str) -> frozenset[str]:
    return frozenset(plain(name) for field in TABLES[table].fields for name in (field.name, *field.names))


def _customer(required: bool = True) -> Field:
    text = Text(
        "Who bought; the same text always means the same customer.",
        "购买的客户；同样的文字表示同一位客户。",
    )
    return Field("customer_id", "id", text, CUSTOMER, required=required)


def _day(en: str, zh: str, *, name: str = "date", names: tuple[str, ...] = DAY, future: bool = False) -> Field:
    return Field(name, "day", Text(en, zh), names, required=True, future=future)


def _amount(en: str, zh: str) -> Field:
    return Field("amount", "money", Text(en, zh), AMOUNT, required=True)


def _field(name: str, kind: Kind, en: str, zh: str, names: str = "", *, required: bool = False) -> Field:
    return Field(name, kind, Text(en, zh), listed(names), required=required)


ORDERS = Table(
    "orders",
    Text("Order lines", "订单明细"),
    (
        _customer(),
        _day("Day of the purchase or of the return.", "购买或退货的日期。"),
        _amount(
            "Net of tax and discount; negative for a return.",
            "不含税、扣除折扣后的金额；退货为负数。",
        ),
        Field("order_id", "id", Text("Number of the order.", "订单编号。"), ORDER),
        Field("product_id", "id", Text("What was bought.", "购买的产品。"), PRODUCT),
        Field("quantity", "number", Text("How many.", "数量。"), QUANTITY),
        Field(
            "cost",
            "money",
            Text("Cost of the whole line, not of one piece.", "整行的成本，不是单件成本。"),
            COST,
        ),
        _field(
            "list_price",
            "money",
            "Price before discount, of the line or of a piece.",
            "折扣前的标价，整行或单件均可。",
            "original price, list amount, gross amount, 原价, 标价, 吊牌价, 折前金额",
        ),
        _field(
            "discount",
            "money",
            "Discount given on the line.",
            "整行的折扣额。",
            "discount amount, line discount, 折扣, 折扣额, 优惠金额, 优惠, 折扣金额",
        ),
        Field("channel", "text", Text("Where it was sold.", "销售渠道。"), CHANNEL),
        _field(
            "store",
            "text",
            "The shop or branch.",
            "门店。",
            "shop, store id, store name, branch, outlet, location, 门店, 店铺, 店铺名称, 门店名称, 分店, 网点",
        ),
        _field(
            "salesperson",
            "text",
            "Who sold it.",
            "销售人员。",
            "sales rep, sales person, seller, employee, staff, sales, 销售员, 业务员, 销售人员, 导购, 店员, 营业员",
        ),
        Field(
            "currency",
            "text",
            Text("Currency of the amount, such as CNY.", "金额的币种，例如 CNY。"),
            CURRENCY,
        ),
        Field("campaign", "text", Text("The campaign it was sold in.", "所属的营销活动。"), CAMPAIGN),
    ),
)

CUSTOMERS = Table(
    "customers",
    Text("Customers", "客户"),
    (
        _customer(),
        _field(
            "name",
            "text",
            "Name of the customer.",
            "客户名称。",
            "customer name, client name, company, company name, full name, 姓名, 名称, 客户名称, "
            "客户姓名, 会员姓名, 公司名称",
        ),
        _field(
            "role",
            "text",
            "consumer, wholesaler, distributor, agent or internal.",
            "consumer 最终用户、wholesaler 批发商、distributor 分销商、agent 代理商或 internal 内部客户。",
            "customer type, customer role, type, 角色, 客户类型, 客户类别, 客户性质",
        ),
        _field(
            "acquired_on",
            "day",
            "Day on which the customer was won.",
            "获得该客户的日期。",
            "acquired at, acquisition date, signup date, registered at, registration date, "
            "join date, created at, "
            "注册日期, 注册时间, 获取日期, 入会日期, 入会时间, 建档日期",
        ),
        _field(
            "acquisition_cost",
            "money",
            "What it cost to win the customer.",
            "获取该客户的成本。",
            "cac, cost of acquisition, 获客成本, 获取成本",
        ),
        _field(
            "source",
            "text",
            "How the customer was won.",
            "客户来源。",
            "acquisition channel, lead source, acquisition source, 来源, 客户来源, 获客渠道, 来源渠道",
        ),
        Field("campaign", "text", Text("The campaign that won the customer.", "赢得该客户的营销活动。"), CAMPAIGN),
        _field(
            "referrer_id",
            "id",
            "The customer who recommended this one.",
            "推荐该客户的客户编号。",
            "referred by, referrer, recommender, 推荐人, 推荐人编号, 介绍人, 推荐客户",
        ),
        _field(
            "region",
            "text",
            "Where the customer is.",
            "所在地区。",
            "province, state, country, city, area, 地区, 省份, 城市, 区域",
        ),
        _field(
            "birth_year",
            "number",
            "Year of birth.",
            "出生年份。",
            "year of birth, birthyear, 出生年份, 出生年",
        ),
        _field("sex", "text", "Sex.", "性别。", "gender, 性别"),
        _field("income", "money", "Yearly income.", "年收入。", "annual income, yearly income, 收入, 年收入"),
        _field(
            "wallet",
            "money",
            "What the customer spends in a year on such products, at all suppliers.",
            "客户每年在同类产品上的总支出（含其他供应商）。",
            "wallet size, total spend, total wallet, yearly spend, 钱包规模, 同类年支出, 年度总支出, 总支出",
        ),
        _field("industry", "text", "Line of business.", "行业。", "sector, business, 行业, 所属行业"),
        _field(
            "size",
            "text",
            "Size of the company.",
            "企业规模。",
            "company size, employees, 规模, 企业规模, 员工人数",
        ),
        _field(
            "owner",
            "text",
            "The colleague in charge.",
            "负责人。",
            "account manager, sales rep, account owner, 负责人, 客户经理, 所属销售",
        ),
        _field(
            "phone",
            "text",
            "Telephone number.",
            "电话。",
            "mobile, telephone, tel, 电话, 手机, 手机号, 手机号码, 联系电话",
        ),
        _field(
            "email",
            "text",
            "E-mail address.",
            "电子邮箱。",
            "e-mail, mail, email address, 邮箱, 电子邮箱, 电子邮件",
        ),
        _field(
            "consent",
            "flag",
            "May the customer be contacted?",
            "是否同意接受联系。",
            "marketing consent, opt in, accepts marketing, 同意营销, 接受营销, 是否同意",
        ),
        _field(
            "excluded",
            "flag",
            "Leave the customer out of profiling?",
            "是否不参与分析。",
            "exclude, blacklist, blacklisted, 排除, 黑名单, 不分析",
        ),
    ),
)

PRODUCTS = Table(
    "products",
    Text("Products", "产品"),
    (
        Field("product_id", "id", Text("Number of the product.", "产品编号。"), PRODUCT, required=True),
        _field(
            "name",
            "text",
            "Name of the product.",
            "产品名称。",
            "product name, item name, title, description, 名称, 产品名称, 商品名称, 品名",
        ),
        _field(
            "category",
            "text",
            "Kind of product.",
            "产品类别。",
            "product category, group, type, department, 类别, 分类, 品类, 产品类别",
        ),
        Field("unit_cost", "money", Text("Cost of one piece.", "单件成本。"), (*UNIT_COST, "cost", "成本")),
        _field(
            "price",
            "money",
            "List price of one piece.",
            "单件标价。",
            "unit price, list price, retail price, 价格, 单价, 标价, 零售价",
        ),
        _field(
            "launched_on",
            "day",
            "First day on sale.",
            "上市日期。",
            "launch date, launched at, 上市日期, 上架时间",
        ),
        Field(
            "retired_on",
            "day",
            Text("Last day on sale.", "停售日期。"),
            listed("retire date, discontinued on, 退市日期, 停售日期, 下架时间"),
            future=True,
        ),
        _field(
            "life_days",
            "number",
            "How many days one piece lasts.",
            "单件可使用天数。",
            "life, lifetime days, product life, 使用天数, 寿命天数, 产品寿命",
        ),
        _field(
            "family",
            "text",
            "The family of versions it belongs to.",
            "所属系列。",
            "product family, series, 系列, 产品系列",
        ),
        _field("version", "text", "Version within the family.", "版本。", "generation, model, 版本, 型号"),
    ),
)

PRODUCT_LINKS = Table(
    "product_links",
    Text("Related products", "产品关联"),
    (
        Field("product_id", "id", Text("The product bought.", "已购产品编号。"), PRODUCT, required=True),
        _field(
            "linked_id",
            "id",
            "The product that goes with it.",
            "关联的产品编号。",
            "linked product, related id, related product, related product id, 关联产品, 关联产品编号, 配套产品",
            required=True,
        ),
        _field(
            "kind",
            "text",
            "related, accessory or upgrade.",
            "related 关联、accessory 配套或 upgrade 升级。",
            "type, relation, link type, 类型, 关系, 关联类型",
        ),
    ),
)

EXPENSES = Table(
    "expenses",
    Text("Relationship expenses", "关系营销费用"),
    (
        _day(
            "Day of the expense.",
            "费用发生日期。",
            names=(*listed("expense date, spent on, 费用日期, 发生日期"), *DAY),
        ),
        Field(
            "amount",
            "money",
            Text("What was spent.", "费用金额。"),
            (*listed("expense, expense amount, cost, spent, 费用, 费用金额"), *AMOUNT),
            required=True,
        ),
        Field(
            "customer_id",
            "id",
            Text(
                "On whom it was spent; empty: shared out by a stated rule.",
                "为哪位客户发生；留空则按规则分摊。",
            ),
            CUSTOMER,
        ),
        _field(
            "kind",
            "text",
            "acquisition, marketing, selling or service.",
            "acquisition 获取、marketing 营销、selling 销售或 service 服务。",
            "type, category, expense type, 类型, 费用类型, 费用类别, 类别",
        ),
        Field("channel", "text", Text("The channel it was spent on.", "费用所属渠道。"), CHANNEL),
        Field("campaign", "text", Text("The campaign it was spent on.", "费用所属的营销活动。"), CAMPAIGN),
    ),
)

OPPORTUNITIES = Table(
    "opportunities",
    Text("Sales opportunities", "销售机会"),
    (
        _field(
            "opportunity_id",
            "id",
            "Number of the opportunity.",
            "机会编号。",
            "opportunity, deal id, record id, id, 机会编号, 商机编号, 机会id, 商机id",
            required=True,
        ),
        _customer(),
        _amount("Possible sale.", "可能的销售额。"),
        _field(
            "opened_on",
            "day",
            "Day it was opened.",
            "创建日期。",
            "opened at, created, created at, create date, 创建日期, 创建时间",
        ),
        Field(
            "expected_on",
            "day",
            Text("Day it is expected to close.", "预计成交日期。"),
            listed("close date, closing date, expected close date, 预计成交日期, 预计成交时间, 预计日期"),
            future=True,
        ),
        _field(
            "probability",
            "number",
            "Chance of winning, 0 to 1 or in per cent.",
            "成交可能性，0 到 1 或百分比。",
            "win probability, chance, 可能性, 赢率, 成交概率, 概率",
        ),
        _field("stage", "text", "How far it is.", "阶段。", "deal stage, status, 阶段, 状态, 销售阶段"),
    ),
)

SUGGESTIONS = Table(
    "suggestions",
    Text("Customers' suggestions", "客户建议"),
    (
        _customer(),
        _day("Day of the suggestion.", "建议日期。", names=(*listed("suggested on, 建议日期, 提出日期"), *DAY)),
        _field(
            "grade",
            "text",
            "high or ordinary.",
            "high 高价值或 ordinary 一般。",
            "value, class, 等级, 级别, 价值等级",
        ),
        _field("text", "text", "What was suggested.", "建议内容。", "suggestion, content, 内容, 建议, 建议内容"),
        Field("product_id", "id", Text("The product it is about.", "涉及的产品。"), PRODUCT),
        _field("taken_up", "flag", "Was it taken up?", "是否采纳。", "adopted, accepted, 采纳, 是否采纳"),
    ),
)

CONTACTS = Table(
    "contacts",
    Text("Contacts with customers", "客户联系记录"),
    (
        _customer(),
        _day(
            "Day of the contact.",
            "联系日期。",
            names=(*listed("contacted on, contact date, 联系日期, 联系时间"), *DAY),
        ),
        Field(
            "channel",
            "text",
            Text("phone, visit, e-mail, ...", "电话、拜访、邮件等。"),
            (*CHANNEL, "type", "联系方式", "方式"),
        ),
        _field("direction", "text", "in or out.", "in 呼入或 out 呼出。", "in out, 方向"),
        Field("cost", "money", Text("What the contact cost.", "联系成本。"), (*COST, "费用")),
        _field("note", "text", "What it was about.", "内容。", "notes, comment, subject, 备注, 内容"),
    ),
)

SURVEYS = Table(
    "surveys",
    Text("Survey answers", "问卷调查"),
    (
        _customer(),
        _day(
            "Day of the answer.",
            "回答日期。",
            names=(*listed("answered on, survey date, 调查日期, 回答日期"), *DAY),
        ),
        _field("dimension", "text", "What was asked about.", "评价维度。", "question, topic, 维度, 问题, 项目"),
        _field("score", "number", "The score given.", "得分。", "rating, answer, points, 得分, 分数, 评分"),
        _field("comment", "text", "What was said besides.", "补充意见。", "comments, remark, 意见, 备注, 评论"),
    ),
)

ACTIONS = Table(
    "actions",
    Text("Actions and campaigns", "营销行动与活动"),
    (
        _customer(),
        _day("Day of the action; for the control group the same day.", "行动日期；对照组填同一天。",
             names=(*listed("action date, sent on, campaign date, 行动日期, 活动日期"), *DAY)),
        Field("action", "text", Text("Name of the action.", "行动名称。"),
              (*listed("action name, activity, 行动, 行动名称"), *CAMPAIGN, "campaign"), required=True),
        _field("arm", "text", "treated or control; empty for all: treated.",
               "treated 实验组或 control 对照组；全部留空为实验组。",
               "group, test group, variant, treatment, 组别, 分组, 实验分组"),
        Field("cost", "money", Text("What it cost for this customer.", "用于该客户的成本。"), (*COST, "费用")),
    ),
)  # fmt: skip

RECEIVABLES = Table(
    "receivables",
    Text("Receivables", "应收账款"),
    (
        _customer(),
        _day(
            "Day on which it has to be paid.",
            "应付款日期。",
            name="due_on",
            names=listed("due date, due, 到期日, 应付日期, 应收日期, 到期日期"),
            future=True,
        ),
        _amount("What is owed.", "应收金额。"),
        _field(
            "paid_on",
            "day",
            "Day on which it was paid; empty: still open.",
            "实际付款日期；留空表示未付。",
            "paid date, payment date, paid at, 付款日期, 收款日期, 回款日期",
        ),
    ),
)

MARGINS = Table(
    "margins",
    Text("The company's gross margin", "企业毛利率"),
    (
        _field(
            "period",
            "period",
            "The period: 2025, 2025Q1 or 2025-03.",
            "期：2025、2025Q1 或 2025-03。",
            "month, quarter, year, date, 期, 期间, 月份, 季度, 年份, 年月",
            required=True,
        ),
        _field(
            "margin",
            "number",
            "Gross margin, 0 to 1 or in per cent.",
            "毛利率，0 到 1 或百分比。",
            "gross margin, margin rate, 毛利率, 毛利",
        ),
    ),
)

RATES = Table(
    "rates",
    Text("Exchange rates", "汇率"),
    (
        _day("Day from which the rate holds.", "汇率生效日期。"),
        Field("currency", "text", Text("Currency such as USD.", "币种，例如 USD。"), CURRENCY, required=True),
        _field(
            "rate",
            "number",
            "How much of the book's currency one unit is worth.",
            "一单位该币种折合台账币种的数额。",
            "exchange rate, fx rate, 汇率",
            required=True,
        ),
    ),
)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        ORDERS, CUSTOMERS, PRODUCTS, PRODUCT_LINKS, EXPENSES, OPPORTUNITIES,
        SUGGESTIONS, CONTACTS, SURVEYS, ACTIONS, RECEIVABLES, MARGINS, RATES,
    )
}  # fmt: skip
