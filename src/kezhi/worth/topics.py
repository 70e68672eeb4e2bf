"""The senses of worth, in the order in which they are measured and shown."""

from __future__ import annotations

from kezhi.worth.work import Topic, Work, Worth

TOPICS: tuple[Topic, ...] = ()


def measure(work: Work) -> Worth:
    """Measure whatever the data holds; later topics do not see what earlier ones found."""
    found = {topic.name: topic.measured(work) for topic in TOPICS}
    return Worth({name: one for name, one in found.items() if one is not None})
