"""What a run measures beside gross profit: the senses of worth, and the groups; in the order of measuring."""

from __future__ import annotations

import contextlib
from collections.abc import Collection

from kezhi.actions import uplift
from kezhi.language import KezhiError, Text
from kezhi.segments import (
    alerts,
    clusters,
    criteria,
    movement,
    need_types,
    profiles,
    rfm,
    rules,
    scorecard,
    tiers,
    weekly,
)
from kezhi.worth import (
    Early,
    Found,
    Topic,
    Work,
    Worth,
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

# Before customers.parquet is written, for these may add columns to it. A topic finds those above it in `Work.found`.
TOPICS: tuple[Topic, ...] = (
    Topic("lifetime", lifetime.measured),
    Topic("needs", needs.measured),  # before points, which count them
    Topic("points", points.measured),
    Topic("referrals", referrals.measured),
    Topic("line_kinds", line_kinds.measured),
    Topic("curve", curve.measured),
    Topic("standing", standing.measured),
    Topic("channels", channels.measured),
    # groups of customers by what was found so far
    Topic("rfm", rfm.measured, rfm.ahead),
    Topic("tiers", tiers.measured),  # before what is told by tier
    Topic("realised", realised.measured),
    Topic("risk", risk.measured),
    Topic("for_customers", for_customers.measured),
    Topic("need_types", need_types.measured),
    Topic("profiles", profiles.measured),  # after referrals, whose value it ranks by
    Topic("criteria", criteria.measured),
    Topic("clusters", clusters.measured),
)
# After it is written, for these read it (`Work.written`).
AFTERWARDS: tuple[Topic, ...] = (
    Topic("alerts", alerts.measured, alerts.ahead),  # after risk, whose customers near loss they list
    Topic("movement", movement.measured, movement.ahead),
    Topic("scorecard", scorecard.measured, scorecard.ahead),  # after movement, for growth by tier
    Topic("weekly", weekly.measured),
    Topic("uplift", uplift.measured),
    Topic("segments", rules.measured),  # last: rules may ask for all that was found
)


NO_SUCH_SENSE = Text(
    "The setting 'senses' names {name}, which is not a sense of worth; there are {known}.",
    "设置项 'senses' 中的 {name} 不是可计算的价值主题；可用的有：{known}。",
)


def begin(known: Early) -> None:
    """Have computed ahead what the topics that the settings ask for need of the accounts alone."""
    for topic in (*TOPICS, *AFTERWARDS):
        if topic.ahead is not None and _wanted(topic, known.settings.senses):
            # what is wrong with the data is told when the topic is measured
            with contextlib.suppress(KezhiError):
                known.begun.update({name: known.engine.ahead(rows) for name, rows in topic.ahead(known).items()})


def measure(work: Work) -> Worth:
    """Measure what the settings ask for (default all), as far as the data holds it, up to customers.parquet.

    What cannot be measured is left out with a warning that says why. Raises KezhiError for an unknown name.
    """
    known = [topic.name for topic in (*TOPICS, *AFTERWARDS)]
    for name in set(work.settings.senses or ()) - set(known):
        raise KezhiError(NO_SUCH_SENSE.fill(name=name, known=", ".join(known)))
    return _all(TOPICS, work)


def follow(work: Work) -> Worth:
    """Measure the rest, from the written customers.parquet; returns all that was found, the earlier too."""
    return _all(AFTERWARDS, work)


def _all(topics: tuple[Topic, ...], work: Work) -> Worth:
    for topic in topics:
        if _wanted(topic, work.settings.senses):
            found = _measured(topic, work)
            if found is not None:
                work.found[topic.name] = found
    return Worth(dict(work.found))


def _wanted(topic: Topic, senses: Collection[str] | None) -> bool:
    return senses is None or topic.name in senses


def _measured(topic: Topic, work: Work) -> Found | None:
    try:
        return topic.measured(work)
    except KezhiError as error:
        return Found(warnings=((f"{topic.name}_left_out", error.text),))
