"""What can be recorded, and the words for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kezhi.language import Text


@dataclass(frozen=True)
class Kind:
    """One kind of entry. book: the table of the book that it feeds."""

    title: Text
    add: Text
    book: str


KINDS: dict[str, Kind] = {
    "contacts": Kind(Text("Contacts", "联系记录"), Text("Record a contact", "登记一次联系"), "contacts"),
    "suggestions": Kind(Text("Suggestions", "客户建议"), Text("Record a suggestion", "登记客户建议"), "suggestions"),
    "surveys": Kind(Text("Survey answers", "问卷回答"), Text("Record survey answers", "登记问卷回答"), "surveys"),
    "opportunities": Kind(
        Text("Opportunities", "销售机会"), Text("Record a sales opportunity", "登记销售机会"), "opportunities"
    ),
    "referrals": Kind(Text("Referrals", "推荐"), Text("Record a referral", "登记推荐关系"), "customers"),
    "notes": Kind(Text("Notes", "备注"), Text("Write a note", "写备注"), "customers"),
}

Words = Mapping[str, Text]

CHANNELS: Words = {
    "phone": Text("Phone", "电话"),
    "visit": Text("Visit", "拜访"),
    "email": Text("E-mail", "邮件"),
    "message": Text("Message", "即时消息"),
    "other": Text("Other", "其他"),
}
DIRECTIONS: Words = {"out": Text("We contacted them", "我方联系客户"), "in": Text("They contacted us", "客户联系我方")}
NOT_REACHED = "not_reached"
OUTCOMES: Words = {
    "reached": Text("Reached", "已联系上"),
    "will_order": Text("Will order", "会下单"),
    "complaint": Text("Has a complaint", "有投诉"),
    "no_interest": Text("No interest now", "暂无意向"),
    NOT_REACHED: Text("Not reached", "未联系上"),
    "lost": Text("Lost to us", "已流失"),
    "other": Text("Something else", "其他"),
}
GRADES: Words = {"ordinary": Text("Ordinary", "一般"), "high": Text("Of high value", "高价值")}
STAGES: Words = {
    "prospect": Text("Prospect", "意向"),
    "quoted": Text("Quoted", "已报价"),
    "negotiating": Text("Negotiating", "谈判中"),
    "won": Text("Won", "赢单"),
    "lost": Text("Lost", "输单"),
}
DIRECTIONS_OF_REFERRAL: Words = {
    "came": Text("This customer was sent by", "该客户由以下客户推荐"),
    "sent": Text("This customer sent us", "该客户推荐了以下客户"),
}

# the four dimensions of the usual survey, and whether one would recommend the company
QUALITY, RECOMMEND = ("quality", "support", "delivery", "price"), "recommend"
DIMENSIONS: Words = {
    "quality": Text("Quality of product or service", "产品或服务质量"),
    "support": Text("Customer support", "客户支持服务"),
    "delivery": Text("Delivery: time and efficiency", "交付时间和效率"),
    "price": Text("Price and value", "价格和价值"),
    RECOMMEND: Text("Would recommend us, 0 to 10", "推荐意愿（0 到 10）"),
}
# what the book gets, in the language of the company: short, so that reports read well
DIMENSIONS_IN_BOOK: Words = {
    "quality": Text("quality", "质量"),
    "support": Text("support", "支持"),
    "delivery": Text("delivery", "交付"),
    "price": Text("price", "价格"),
    RECOMMEND: Text("recommend", "推荐"),
}
STATES: Words = {
    "waiting": Text("counts from the next run", "下一次运行起计入"),
    "changed": Text("the change counts from the next run", "修改从下一次运行起计入"),
    "counted": Text("in the book", "已入台账"),
    "leaving": Text("withdrawn; no longer counts from the next run", "已撤回，下一次运行起不再计入"),
    "gone": Text("withdrawn", "已撤回"),
    "beside": Text("kept here, not counted", "仅在此保存，不计入"),
}
