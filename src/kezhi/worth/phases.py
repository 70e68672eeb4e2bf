"""The phases of a value curve: acquire, rise, peak, decline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Phase = Literal["acquire", "rise", "peak", "decline"]
LEAST = 3  # ages, below which a curve has no shape to speak of
NEAR = 0.9  # of the highest value: what counts as the peak


@dataclass(frozen=True)
class Stretch:
    """A phase and the ages it spans, both ends included."""

    phase: Phase
    first: int
    last: int


def phases(values: Sequence[float]) -> tuple[Stretch, ...]:
    """The phases of a curve from the value per customer at each age, starting with the first.

    acquire: as long as what came in altogether is below 0. Of the rest, peak is the stretch around the highest value
    in which values stay within a tenth of it; rise lies before it, decline after it. Values are smoothed first (the
    mean of an age and its neighbours, more of them on a long curve), so that one odd period is no peak. Nothing for
    fewer than three ages, or where no value after acquiring is above 0.
    """
    if len(values) < LEAST:
        return ()
    begin = _paid_back(values)
    smooth = _smoothed(values)
    found = [Stretch("acquire", 0, begin - 1)] if begin else []
    later = range(begin, len(values))
    top = max(later, key=lambda age: (smooth[age], -age), default=None)
    if top is None or smooth[top] <= 0:
        return tuple(found)
    first = last = top
    while first > begin and smooth[first - 1] >= NEAR * smooth[top]:
        first -= 1
    while last + 1 < len(values) and smooth[last + 1] >= NEAR * smooth[top]:
        last += 1
    if first > begin:
        found.append(Stretch("rise", begin, first - 1))
    found.append(Stretch("peak", first, last))
    if last + 1 < len(values):
        found.append(Stretch("decline", last + 1, len(values) - 1))
    return tuple(found)


def payback(values: Sequence[float]) -> int | None:
    """The first age at which what came in altogether is not below 0; None where it still is."""
    begin = _paid_back(values)
    return begin if begin < len(values) else None


def _paid_back(values: Sequence[float]) -> int:
    running = 0.0
    for age, value in enumerate(values):
        running += value
        if running >= 0:
            return age
    return len(values)


def _smoothed(values: Sequence[float]) -> list[float]:
    half = max(1, len(values) // 16)
    windows = [values[max(age - half, 0) : age + half + 1] for age in range(len(values))]
    return [sum(window) / len(window) for window in windows]
