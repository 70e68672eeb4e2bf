"""The corrections of the workspace as a page lists them: those written down in one go together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.conf import settings

from kezhi.corrections.record import in_words
from kezhi.language import Text

STATES: dict[str, Text] = {
    "holding": Text("in force", "生效"),
    "later": Text("later periods", "以后各期"),
    "over": Text("over", "已过期"),
    "undone": Text("taken back", "已撤销"),
}


@dataclass(frozen=True)
class Batch:
    """Corrections with the same author, time and reason.

    words: what became of the figures; whom: the customers' ids or filters, nothing for all; effect: by how much they
    moved the company's forecast together, in the run that is shown. undoable: the numbers that still hold.
    """

    first: int
    last: int
    at: str
    who: str
    why: str
    words: tuple[Text, ...]
    whom: tuple[str, ...]
    kind: str
    number: int
    customers: int | None
    days: tuple[str, str]
    states: tuple[Text, ...]
    effect: float | None
    undoable: tuple[int, ...]
    undone_by: tuple[str, ...]

    @property
    def undo(self) -> str:
        """The numbers that can be taken back, as a form says them."""
        return spelled(self.undoable)


def batches(worth: Mapping[str, Any]) -> list[Batch]:
    """Every correction ever made, the newest first. worth: that of the run which is shown."""
    from kezhi.correcting import corrections_of

    applied = {one["number"]: one for one in (worth.get("corrections") or {}).get("applied", [])}
    listed = corrections_of(settings.WORKSPACE)
    made = [_batch(list(several), applied) for _, several in groupby(listed, key=lambda one: one.correction.batch)]
    return made[::-1]


def _batch(several: list[Any], applied: Mapping[int, Any]) -> Batch:
    corrections = [one.correction for one in several]
    first, last = corrections[0], corrections[-1]
    done = [applied[one.number] for one in corrections if one.number in applied]
    words = dict.fromkeys(in_words(one.change) for one in corrections)
    single = first.whom == "customer"
    people = {one.chosen for one in corrections}
    steps = {(one["value_before"], one["value_after"]) for one in done}
    effect = sum(float(after) - float(before) for before, after in steps) if done else None
    return Batch(
        first.number, last.number, first.at, first.who, first.why,
        words=tuple(words)[:3] if len(words) > 3 else tuple(words),
        whom=tuple(dict.fromkeys(one.chosen for one in corrections))[:3],
        kind=first.whom,
        number=len(corrections),
        customers=len(people) if single else max((one["customers"] for one in done), default=None),
        days=(str(min(one.first for one in corrections)), _until(corrections)),
        states=tuple(STATES[state] for state in dict.fromkeys(one.state for one in several)),
        effect=effect,
        undoable=tuple(one.correction.number for one in several if one.state in ("holding", "later")),
        undone_by=tuple(dict.fromkeys(_undone(one.undone) for one in several if one.undone is not None)),
    )  # fmt: skip


def _until(corrections: list[Any]) -> str:
    return "" if any(one.last is None for one in corrections) else str(max(one.last for one in corrections))


def _undone(one: Any) -> str:
    return f"{one.at[:10]} {one.who}" + (f": {one.why}" if one.why else "")


def spelled(numbers: tuple[int, ...]) -> str:
    """3,5-9 of 3, 5, 6, 7, 8, 9."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][-1] + 1:
            parts[-1][1:] = [number]
        else:
            parts.append([number])
    return ",".join("-".join(map(str, part)) for part in parts)
