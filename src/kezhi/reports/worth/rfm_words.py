"""What the eleven groups and the eight classes of RFM mean, and what to do about each."""

from __future__ import annotations

from kezhi.language import Text

MEANINGS: dict[str, Text] = {
    "champions": Text("Bought very recently, often and for much.", "最近刚购买，且买得多、花得多。"),
    "loyal": Text("Buy often and for much, the last time not long ago.", "买得多、花得多，且不久前购买过。"),
    "potential_loyalist": Text(
        "Bought recently; how often and how much is in the middle.", "不久前购买过，频率与金额居中。"
    ),
    "new": Text("Bought very recently, but seldom or little so far.", "最近刚购买，但至今次数或金额还不多。"),
    "promising": Text("Bought recently, but seldom or little so far.", "不久前购买过，但至今次数或金额还不多。"),
    "need_attention": Text("In the middle in everything: it may go either way.", "各方面居中，可能变好也可能变差。"),
    "about_to_sleep": Text("Bought seldom or little, and not of late.", "次数或金额不多，且有一段时间未购买。"),
    "at_risk": Text("Used to buy more than many others, but not for long now.", "曾经买得较多，但已较久未购买。"),
    "cant_lose": Text("Were among the best, but have not bought for long.", "曾是最好的客户之一，但已很久未购买。"),
    "hibernating": Text("Bought seldom or little, and long ago.", "次数或金额不多，且已较久未购买。"),
    "lost": Text("Bought seldom or little, and longest ago.", "次数或金额不多，且最久未购买。"),
}
ADVICE: dict[str, Text] = {
    "champions": Text(
        "Thank them, show them what is new first, ask whom they would recommend you to.",
        "表示感谢，新品优先介绍，请其推荐新客户。",
    ),
    "loyal": Text(
        "Offer what goes with what they buy; ask for their opinion.", "推荐与其所购相配的产品，征求意见和评价。"
    ),
    "potential_loyalist": Text(
        "Make it a habit: membership, a second kind of product.", "培养习惯：邀请入会，介绍第二类产品。"
    ),
    "new": Text("Help them to a good start; make the next purchase easy.", "帮助顺利使用，让下一次购买更容易。"),
    "promising": Text(
        "Stay in touch; give a small reason for the next purchase.", "保持联系，给一个再次购买的小理由。"
    ),
    "need_attention": Text(
        "An offer for a limited time, on what they have bought before.", "针对买过的产品给出限时优惠。"
    ),
    "about_to_sleep": Text("Remind them with something useful to them.", "用对其有用的内容提醒一下。"),
    "at_risk": Text(
        "Write or call in person: what is missing? Give a reason to come back.",
        "专人联系，了解缺了什么，给出回来的理由。",
    ),
    "cant_lose": Text(
        "Call today: find out why they stopped, and win them back.", "今天就打电话：弄清为何停止购买，并设法挽回。"
    ),
    "hibernating": Text("Only what costs little: a message, no visit.", "只做低成本的提醒，例如发消息，不上门拜访。"),
    "lost": Text("One last offer; then spend nothing more on them.", "最后给一次优惠，之后不再投入。"),
}
CLASS_ADVICE: dict[str, Text] = {
    "key_value": Text("Look after them first and in person.", "优先服务，专人维系。"),
    "key_develop": Text("Bring them back more often: they spend much when they come.", "提高购买频率：每次花费不少。"),
    "key_keep": Text("Ask why they have been silent, and keep them.", "主动了解近来为何未购买，设法留住。"),
    "key_win_back": Text("Win back whoever was worth most.", "重点挽留，价值高者优先。"),
    "general_value": Text("Come often for little: show them better products.", "常来但花得不多：介绍更好的产品。"),
    "general_develop": Text("Often new customers: help them to the next purchase.", "多为新客户：促成下一次购买。"),
    "general_keep": Text("Keep in touch at low cost.", "以低成本保持联系。"),
    "general_win_back": Text("Spend nothing on them in particular.", "不做专门投入。"),
}
MEASURES: dict[str, Text] = {
    "r": Text("R: days since the last purchase", "R：距最近一次购买的天数"),
    "f": Text("F: number of purchases", "F：购买次数"),
}
MONEY: dict[str, Text] = {
    "amount": Text("M: purchases so far, in money", "M：累计购买金额"),
    "mean_amount": Text("M: money of a purchase on average", "M：每次购买的平均金额"),
    "value": Text("M: gross profit so far", "M：累计毛利"),
}
WHY_TWINS = Text(
    "The scores above look back, and so they cannot tell one-time buyers apart: whoever bought once has the same F "
    "whether that was last week or three years ago, and 60 days of silence count alike for a customer who bought every "
    "week and for one who buys twice a year. Here the same grid is filled by what the purchase model expects of each: "
    "R by the chance that they are still customers, F by the purchases expected over the horizon, M by the money "
    "expected of them. A frequent buyer's silence then weighs more, and one-time buyers differ. On three of four "
    "public logs these scores, added up, ordered customers by what they then spent better than the plain ones; among "
    "one-time buyers the gain was small.",
    "上面的得分只看过去，因此分不清只买过一次的客户：一周前买过一次和三年前买过一次，F 相同；同样 60 天没有购买，"
    "对每周都买的客户和一年买两次的客户意义完全不同，R 却相同。这里用购买模型对每位客户的预期填同一张表："
    "R 按仍是客户的概率，F 按预测期内的预期购买次数，M 按预期金额。"
    "这样，常客的沉默分量更重，一次性客户之间也有了区别。"
    "在四份公开数据中的三份上，这些得分之和比上面的得分之和更能排出客户后来花费的高低；对一次性客户，改进很小。",
)
