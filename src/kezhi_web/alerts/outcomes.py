"""What came of an alert, as whoever closes it says, and the ways in which one reaches a customer."""

from __future__ import annotations

from dataclasses import dataclass

from kezhi.language import Text


@dataclass(frozen=True)
class Outcome:
    """What came of an alert. called: somebody tried to reach the customer, so that the call can be recorded."""

    title: Text
    called: bool = True


OUTCOMES: dict[str, Outcome] = {
    "will_order": Outcome(Text("Will order", "会下单")),
    "reached": Outcome(Text("Reached, nothing promised", "已联系上，未承诺")),
    "not_reached": Outcome(Text("Not reached", "未联系上")),
    "lost": Outcome(Text("Lost to us", "已流失")),
    "not_needed": Outcome(Text("No call needed", "无需联系"), called=False),
    "other": Outcome(Text("Something else", "其他")),
}

WAYS: dict[str, Text] = {
    "phone": Text("Phone", "电话"),
    "visit": Text("Visit", "拜访"),
    "email": Text("E-mail", "邮件"),
    "message": Text("Message", "即时消息"),
}

# an alert that the next run no longer finds closes by itself; kezhi.segments.alert_states says when
BY_ITSELF: dict[str, Text] = {
    "passed": Text("the reason has passed", "原因已消失"),
    "expired": Text("too long ago", "时间已久"),
    "lost": Text("counts as lost now", "现已视为流失"),
    "removed": Text("excluded, or no longer a customer", "已排除，或已不在客户名单中"),
}
