"""The senses of worth, in the order in which they are measured and shown."""

from __future__ import annotations

from kezhi.language import KezhiError, Text
from kezhi.worth import (
    channels,
    curve,
    for_customers,
    lifetime,
    line_kinds,
    needs,
    points,
    realised,
    referrals,
    risk,
    standing,
)
from kezhi.worth.work import Found, Topic, Work, Worth

TOPICS: tuple[Topic, ...] = (
    Topic("lifetime", lifetime.measured),
    Topic("needs", needs.measured),  # before points, which count them
    Topic("points", points.measured),
    Topic("referrals", referrals.measured),
    Topic("line_kinds", line_kinds.measured),
    Topic("curve", curve.measured),
    Topic("standing", standing.measured),
    Topic("channels", channels.measured),
    Topic("realised", realised.measured),
    Topic("risk", risk.measured),
    Topic("for_customers", for_customers.measured),
)


NO_SUCH_SENSE = Text(
    "The setting 'senses' names {name}, which is not a sense of worth; there are {known}.",
    "设置项 'senses' 中的 {name} 不是可计算的价值主题；可用的有：{known}。",
)


def measure(work: Work) -> Worth:
    """Measure the senses that the settings ask for (default all), as far as the data holds them.

    One that cannot be measured is left out with a warning that says why. Raises KezhiError for an unknown name.
    """
    known = [topic.name for topic in TOPICS]
    wanted = known if work.settings.senses is None else work.settings.senses
    for name in set(wanted) - set(known):
        raise KezhiError(NO_SUCH_SENSE.fill(name=name, known=", ".join(known)))
    found = {topic.name: _measured(topic, work) for topic in TOPICS if topic.name in wanted}
    return Worth({name: one for name, one in found.items() if one is not None})


def _measured(topic: Topic, work: Work) -> Found | None:
    try:
        return topic.measured(work)
    except KezhiError as error:
        return Found(warnings=((f"{topic.name}_left_out", error.text),))
