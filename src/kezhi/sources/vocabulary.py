"""The headings by which people's columns are recognised, in English and Chinese, the surest first."""

from __future__ import annotations


def listed(words: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in words.split(",") if word.strip())


CUSTOMER = listed(
    "customer, customer no, customer number, customer code, customer key, cust id, cust no, "
    "client id, client, client no, client code, buyer id, buyer, user id, user, member id, "
    "member no, member, account id, account no, account, shopper id, consumer id, household id, "
    "contact id, card id, card no, donor id, donor, patron id, 客户编号, 客户id, 客户代码, "
    "客户编码, 客户号, 客户, 会员编号, 会员id, 会员号, 会员卡号, 会员代码, 会员名, 买家会员名, "
    "买家会员, 买家id, 买家昵称, 买家账号, 买家, 用户id, 用户编号, 用户名, 用户, 会员, 顾客编号, "
    "顾客, 账号, 卡号, 客户名称, 客户姓名, 会员姓名, 会员名称, 单位名称, 购货单位, 公司名称, "
    "customer email, email, e-mail, email address, billing email, 邮箱, 电子邮箱, 电子邮件, "
    "customer phone, phone, mobile, 手机号, 手机号码, 手机, 电话, 联系电话, 联系手机, "
    "customer name, client name, buyer name, account name, company, company name, name, 姓名, "
    "收货人, 收货人姓名, id, 编号"
)
DAY = listed(
    "order date, orderdate, purchase date, transaction date, trans date, invoice date, "
    "payment date, paid at, paid date, paid on, sale date, sales date, bill date, billing date, "
    "doc date, posting date, created at, order time, created, order datetime, datetime, timestamp, "
    "time, day, date of purchase, purchased at, purchased on, transaction time, 日期, 付款时间, "
    "订单付款时间, 支付时间, 付款日期, 支付日期, 成交时间, 成交日期, 交易时间, 交易日期, 销售日期, "
    "购买日期, 购买时间, 消费日期, 消费时间, 订单日期, 订单时间, 下单时间, 下单日期, 订购日期, "
    "单据日期, 开票日期, 出库日期, 发货日期, 业务日期, 订单创建时间, 创建时间, 时间"
)
AMOUNT = listed(
    "net amount, line amount, line total, net total, total amount, order amount, order total, "
    "total price, total sales, total, sales amount, net sales, sales, revenue, turnover, spend, "
    "spending, paid amount, amount paid, payment amount, purchase amount, transaction amount, "
    "trans amount, tran amount, invoice amount, subtotal, grand total, sale amount, monetary, "
    "value, order value, price paid, money, 金额, 实付金额, 买家实际支付金额, 买家实付金额, "
    "实际支付金额, 实付款, 实收金额, 实收, 支付金额, 付款金额, 成交金额, 成交额, 交易金额, "
    "消费金额, 购买金额, 订单金额, 销售金额, 销售额, 不含税金额, 未税金额, 总金额, 订单总金额, "
    "总价, 总额, 合计, 合计金额, 价税合计, 应付金额, 小计, 营业额, 收入"
)
ORDER = listed(
    "order, order no, order number, order name, invoice, invoice id, invoice no, invoice number, "
    "receipt no, receipt id, receipt, transaction id, transaction no, trans id, bill no, "
    "document no, ticket id, basket id, 订单编号, 订单号, 订单id, 订单, 单号, 交易编号, 交易号, "
    "流水号, 单据编号, 单据号, 发票号, 发票号码, 小票号, 销售单号"
)
PRODUCT = listed(
    "product, product code, product no, sku, sku id, sku code, stock code, item id, item no, "
    "item code, item, article, article no, variant id, asin, product name, item name, description, "
    "商品编号, 商品编码, 商品代码, 商品id, 产品编号, 产品编码, 产品代码, 产品id, 货号, 商家编码, "
    "物料编码, 存货编码, 款号, 条码, 商品, 产品, 商品名称, 商品标题, 宝贝标题, 产品名称, 品名"
)
QUANTITY = listed(
    "qty, units, count, pieces, order quantity, quantity ordered, items, 数量, 购买数量, 销售数量, "
    "商品数量, 宝贝总数量, 件数, 订购数量, 宝贝数量"
)
UNIT_PRICE = listed("unit price, price each, item price, price, sale price, 单价, 销售单价, 成交单价, 价格, 售价")
UNIT_COST = listed(
    "unit cost, cost price, cost each, cost per unit, purchase price, item cost, product cost, "
    "单位成本, 成本单价, 成本价, 进价, 进货价, 采购价, 采购单价"
)
COST = listed(
    "cost amount, line cost, total cost, cost of goods, cogs, cost of sales, cost total, 成本, "
    "成本金额, 总成本, 产品成本, 商品成本, 销售成本, 成本合计"
)
CHANNEL = listed(
    "sales channel, source channel, platform, source name, 渠道, 销售渠道, 渠道名称, 平台, 来源渠道, 订单来源"
)
CURRENCY = listed("currency code, curr, order currency, ccy, 币种, 货币, 币别, 货币代码, 结算币种")
CAMPAIGN = listed(
    "campaign name, campaign id, utm campaign, promotion name, 营销活动, 活动名称, 活动, 推广活动, 推广计划"
)
# who was given an action, and who was left out of it on purpose; without case and outer blanks
TREATED = listed(
    "treated, treatment, test, target, targeted, contacted, exposed, yes, 1, "
    "实验组, 试验组, 处理组, 活动组, 目标组, 干预组, 触达, 已触达, 是"
)
CONTROL = listed(
    "control, control group, holdout, hold-out, untreated, untargeted, no, 0, 对照组, 对照, 控制组, 参照组, 未触达, 否"
)
