"""The words of the demo company in both languages: headers, names, places, remarks. All are made up."""

from __future__ import annotations

from typing import Final

from kezhi.language import Language, Text

HEADERS: Final[dict[str, dict[str, str]]] = {
    "orders": {
        "order_id": "订单编号",
        "date": "下单日期",
        "customer_id": "客户编号",
        "product_id": "商品编号",
        "quantity": "数量",
        "list_price": "标价",
        "discount": "优惠金额",
        "amount": "实付金额",
        "cost": "成本",
        "channel": "渠道",
        "store": "门店",
        "salesperson": "销售员",
        "currency": "币种",
    },
    "customers": {
        "customer_id": "客户编号",
        "name": "客户名称",
        "role": "客户类型",
        "acquired_on": "获取日期",
        "acquisition_cost": "获客成本",
        "source": "客户来源",
        "referrer_id": "推荐人编号",
        "region": "地区",
        "birth_year": "出生年份",
        "sex": "性别",
        "income": "年收入",
        "industry": "行业",
        "size": "规模",
        "owner": "负责人",
        "phone": "电话",
        "email": "电子邮箱",
        "consent": "同意营销",
        "excluded": "排除",
    },
    "products": {
        "product_id": "商品编号",
        "name": "商品名称",
        "category": "品类",
        "unit_cost": "单位成本",
        "price": "标价",
        "launched_on": "上市日期",
        "retired_on": "退市日期",
        "life_days": "使用天数",
        "family": "系列",
        "version": "版本",
    },
    "product_links": {"product_id": "商品编号", "linked_id": "关联产品编号", "kind": "关联类型"},
    "expenses": {
        "date": "日期",
        "amount": "金额",
        "customer_id": "客户编号",
        "kind": "费用类型",
        "channel": "渠道",
    },
    "opportunities": {
        "opportunity_id": "机会编号",
        "customer_id": "客户编号",
        "amount": "预计金额",
        "opened_on": "创建日期",
        "expected_on": "预计成交日期",
        "probability": "成交概率",
        "stage": "阶段",
    },
    "suggestions": {
        "customer_id": "客户编号",
        "date": "日期",
        "grade": "等级",
        "text": "建议内容",
        "product_id": "商品编号",
        "taken_up": "是否采纳",
    },
    "contacts": {
        "customer_id": "客户编号",
        "date": "日期",
        "channel": "联系方式",
        "direction": "方向",
        "cost": "成本",
        "note": "备注",
    },
    "surveys": {
        "customer_id": "客户编号",
        "date": "日期",
        "dimension": "维度",
        "score": "评分",
        "comment": "评论",
    },
    "actions": {
        "customer_id": "客户编号",
        "date": "行动日期",
        "action": "行动名称",
        "arm": "组别",
        "cost": "成本",
    },
    "receivables": {
        "customer_id": "客户编号",
        "due_on": "到期日期",
        "amount": "应收金额",
        "paid_on": "付款日期",
    },
}
"""Chinese header of each column; the English header is the column's own name."""


def header(table: str, column: str, language: Language) -> str:
    """The header of a column in a file of that language."""
    return HEADERS[table][column] if language == "zh" else column


def said(texts: tuple[Text, ...], language: Language) -> list[str]:
    """The texts in one language."""
    return [text.to(language) for text in texts]


CATEGORIES = (
    Text("tea", "茶叶"),
    Text("teaware", "茶具"),
    Text("appliance", "茶电器"),
    Text("accessory", "配件耗材"),
    Text("gift", "礼盒"),
    Text("snack", "茶点"),
)
CHANNELS = (
    Text("web shop", "官网商城"),
    Text("marketplace", "电商平台"),
    Text("store", "门店"),
    Text("phone", "电话订购"),
    Text("field sales", "业务拜访"),
)
STORES = (
    Text("Lakeside", "湖滨店"),
    Text("Old Town", "老城店"),
    Text("Garden Mall", "花园广场店"),
    Text("Station", "车站店"),
    Text("River Park", "江畔店"),
)
SOURCES = (
    Text("advertising", "广告"),
    Text("search", "搜索"),
    Text("fair", "展会"),
    Text("walk-in", "到店"),
    Text("referral", "推荐"),
)
REGIONS = tuple(
    Text(en, zh)
    for en, zh in (
        ("Zhejiang", "浙江"),
        ("Jiangsu", "江苏"),
        ("Shanghai", "上海"),
        ("Guangdong", "广东"),
        ("Fujian", "福建"),
        ("Beijing", "北京"),
        ("Sichuan", "四川"),
        ("Shandong", "山东"),
        ("Hubei", "湖北"),
        ("Shaanxi", "陕西"),
    )
)
SALESPEOPLE = (
    Text("Lin Yue", "林悦"),
    Text("Zhou Ping", "周平"),
    Text("He Qing", "何清"),
    Text("Xu Mo", "徐墨"),
    Text("Shen An", "沈安"),
    Text("Qiao Bai", "乔白"),
)
SEXES = (Text("female", "女"), Text("male", "男"))
INDUSTRIES = (
    Text("tea retail", "茶叶零售"),
    Text("restaurants", "餐饮"),
    Text("hotels", "酒店"),
    Text("office supply", "办公用品"),
    Text("corporate gifts", "企业礼品"),
)
SIZES = (Text("small", "小型"), Text("medium", "中型"), Text("large", "大型"))


def _words(spaced: str) -> list[str]:
    return spaced.split()


AREA_CODES = _words(
    "201 202 203 205 206 207 208 209 212 213 214 215 216 217 218 219 224 225 228 229 231 234 239 240 248 251 "
    "252 253 254 256 260 262 267 269 270 276 281 301 302 303 304 305 307 308 309 310 312 313 314 315 316 317 "
    "318 319 320 321 323 325 330 334 336 337 347 351 352 360 361 386 401 402 404 405 406 407 408 409 410 412"
)
"""With 555-0100 to 555-0199, which are kept for fiction, they make 7 800 telephone numbers."""

SURNAMES = {
    "zh": list("王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡"),
    "en": _words(
        "Abbott Barlow Carver Dalton Ellery Fenwick Garner Hadley Ingram Jarvis Keaton Langley Mercer "
        "Norwood Oakley Palmer Quimby Radley Sawyer Thorne Upton Vickers Walden Yardley Ashby Bexley "
        "Calder Denby Eaves Farrow Gresham Holt Ivers Kirby Lowell Marsh Neville Orton Prescott "
        "Redfern"
    ),
}
GIVEN_NAMES = {
    "zh": _words(
        "雨桐 思远 嘉禾 子墨 若溪 明轩 安然 书瑶 一诺 景行 清扬 知夏 云舒 星河 南乔 望舒 怀瑾 语嫣 "
        "向晚 予安 乐山 听澜 修远 青禾 念真 如初 亦凡 晓棠 沐阳 北辰 秋池 长安 九思 静姝 元白 采薇 "
        "行简 怀谷 梓晴 千寻"
    ),
    "en": _words(
        "Alex Robin Jamie Morgan Taylor Casey Jordan Riley Avery Quinn Rowan Sage Emery Finley Harper "
        "Hayden Jules Kendall Lane Marlow Noel Parker Reese Sasha Tatum Vesper Winter Arden Blake "
        "Cameron Dana Ellis Frankie Greer Hollis Indigo Kit Lennox Merritt Ocean"
    ),
}
BRANDS = {
    "zh": _words(
        "澄溪 云坞 半亩 松间 晴川 野渡 石上 听泉 竹里 望山 拾叶 一盏 青岚 归雁 南枝 白鹭 小满 谷雨 "
        "霁月 闲庭 山月 渡口 兰舟 远岫 茗舟 素心 鹿鸣 梧桐 溪午 春涧"
    ),
    "en": _words(
        "Clearbrook Cloudhollow Halfacre Pinegate Brightriver Ferryside Stonewell Springear Bamboolane "
        "Hillview Leafgather Onecup Bluehaze Homegoose Southbough Whiteheron Smallfull Grainrain "
        "Moonclear Stillyard Mountmoon Landing Orchidboat Farpeak Teaboat Plainheart Deercall "
        "Planetree Noonbrook Springgorge"
    ),
}
FIRMS = {
    "zh": ["茶业有限公司", "茶叶商行", "贸易有限公司", "茶艺馆", "礼品有限公司"],
    "en": ["Tea Co", "Tea House", "Trading", "Provisions", "Gifts"],
}

SUGGESTIONS = (
    Text("Refill packs for the tea jars would save packaging", "希望推出茶叶罐补充装以减少包装"),
    Text("A smaller kettle for one person", "想要一款单人用的小容量煮茶壶"),
    Text("Sample box before the new harvest", "新茶上市前推出品鉴小样"),
    Text("Print the harvest date on every bag", "每袋都印上采摘日期"),
    Text("Monthly subscription with changing teas", "按月订阅并每月换茶"),
    Text("Deliver before festivals by appointment", "节前送货可以预约时间"),
    Text("Spare lids for gaiwans", "盖碗能单独配盖子"),
    Text("Shorter waiting time on the phone", "电话客服等待时间再短一些"),
    Text("Invoice by e-mail for companies", "企业客户可以收电子发票"),
    Text("A workshop on brewing white tea", "办一次白茶冲泡体验课"),
)
NOTES = (
    Text("asked about delivery", "询问送货时间"),
    Text("festival greeting", "节日问候"),
    Text("complaint settled", "投诉已处理"),
    Text("product advice", "选品建议"),
    Text("visit to the shop", "到店拜访"),
    Text("reminded of open invoice", "提醒未付账款"),
    Text("invited to a tasting", "邀请参加品鉴会"),
)
COMMENTS = (
    Text("disappointed", "失望"),
    Text("could be better", "有待改进"),
    Text("acceptable", "一般"),
    Text("good", "满意"),
    Text("excellent", "非常满意"),
)
CONTACT_CHANNELS = (
    Text("phone", "电话"),
    Text("e-mail", "邮件"),
    Text("visit", "拜访"),
    Text("chat", "在线客服"),
)
ACTIONS = (
    Text("summer voucher", "夏季优惠券"),
    Text("calls to business customers", "企业客户回访"),
    Text("tasting invitation", "品鉴会邀请"),
)
ARMS = (Text("treated", "实验组"), Text("control", "对照组"))
STAGES = ("prospect", "quoted", "negotiating", "won", "lost")
DIMENSIONS = ("quality", "support", "delivery", "price")

UNREADABLE_DATES = {
    "en": ["2024-02-30", "2023-13-05", "to be confirmed", "0000-00-00"],
    "zh": ["2024-02-30", "2023-13-05", "待确认", "0000-00-00"],
}
UNREADABLE_AMOUNTS = {
    "en": ["#REF!", "pending", "12.5O", "#VALUE!"],
    "zh": ["#REF!", "待核实", "12.5O", "#VALUE!"],
}
