"""One correction as it is written down, and which of them hold."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from kezhi.language import Text

Figure = Literal["amount", "margin", "expense"]
How = Literal["set", "shift", "scale"]
Whom = Literal["customer", "where", "all"]
FIGURES: tuple[Figure, ...] = ("amount", "margin", "expense")


@dataclass(frozen=True)
class Change:
    """What becomes of a figure: set to a value, moved by one (a margin's in shares of 1), or multiplied by one."""

    figure: Figure
    how: How
    value: Decimal

    @property
    def line(self) -> tuple[float, float]:
        """The change as a straight line: new figure = slope x old + height. Changes follow one another by it."""
        value = float(self.value)
        return {"set": (0.0, value), "shift": (1.0, value), "scale": (value, 0.0)}[self.how]

    def __str__(self) -> str:
        """As it is typed: +2pt, =30%, +10%, -100."""
        if self.how == "scale":
            percent = (self.value - 1) * 100
            return f"{_plain(percent, sign=True)}%" if self.figure != "margin" else f"*{_plain(self.value)}"
        if self.figure == "margin":
            shown = _plain(self.value * 100, sign=self.how == "shift")
            return f"{shown}pt" if self.how == "shift" else f"={shown}%"
        return f"={_plain(self.value)}" if self.how == "set" else _plain(self.value, sign=True)


def _plain(value: Decimal, *, sign: bool = False) -> str:
    text = f"{value.normalize():f}"
    return f"+{text}" if sign and value >= 0 else text


NAMES = {
    "amount": Text("purchase amount", "购买金额"),
    "margin": Text("margin", "毛利率"),
    "expense": Text("relationship expense", "关系营销费用"),
}


def in_words(change: Change) -> Text:
    """The change as a manager would say it."""
    name, value = NAMES[change.figure], change.value
    if change.how == "scale":
        percent = _plain((value - 1) * 100, sign=True)
        return Text(f"{name.en} {percent}%", f"{name.zh} {percent}%")
    if change.figure == "margin":
        points = _plain(value * 100, sign=change.how == "shift")
        if change.how == "shift":
            return Text(f"margin {points} points", f"毛利率 {points} 个百分点")
        return Text(f"margin set to {points}%", f"毛利率定为 {points}%")
    if change.how == "set":
        return Text(f"{name.en} set to {value:,f}", f"{name.zh}定为 {value:,f}")
    return Text(f"{name.en} {value:+,f}", f"{name.zh} {value:+,f}")


@dataclass(frozen=True)
class Correction:
    """Who corrected which figure of whom, for which days, how, when and why.

    first, last: the days within which a period must lie whole to be corrected; no last day means for good.
    chosen: the customer's id, or the filter as typed; nothing for all.
    """

    number: int
    at: str
    who: str
    change: Change
    first: date
    last: date | None
    whom: Whom
    chosen: str
    why: str

    @property
    def batch(self) -> tuple[str, str, str]:
        """What was written down in one go has the same author, time and reason."""
        return self.at, self.who, self.why

    def covers(self, start: date, end: date) -> bool:
        """Whether a period lies within the corrected days."""
        return self.first <= start and (self.last is None or end <= self.last)


@dataclass(frozen=True)
class Undoing:
    """Who took a correction back, when and why."""

    number: int
    at: str
    who: str
    undoes: int
    why: str


Entry = Correction | Undoing


def holding(entries: Iterable[Entry]) -> tuple[Correction, ...]:
    """The corrections that nobody took back, in order of time."""
    entries = list(entries)
    undone = {entry.undoes for entry in entries if isinstance(entry, Undoing)}
    return tuple(entry for entry in entries if isinstance(entry, Correction) and entry.number not in undone)
