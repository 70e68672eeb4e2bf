"""The eleven names on the grid of recency by frequency and money, and the eight classes of high and low.

Both are complete and exclusive: every customer with scores has exactly one name of each kind.
"""

from __future__ import annotations

from typing import Any

from kezhi.settings.rfm import CLASSES, SEGMENTS
from kezhi.valuation import looked_up

NAMES, CLASS_NAMES = tuple(SEGMENTS), tuple(CLASSES)
SCORES = (1, 2, 3, 4, 5)
# By R, the most recent first: the name for FM 1, 2, 3, 4, 5. From left to right and from below upwards no name gets
# worse. The boxes published for these names overlap (R 4, F 5, M 5 is in that of Potential Loyalists only, R 4, F 2,
# M 2 in that of Loyal Customers), so that the first match would call more loyal who buys less.
GRID: dict[int, tuple[str, str, str, str, str]] = {
    5: ("new", "new", "potential_loyalist", "champions", "champions"),
    4: ("promising", "promising", "potential_loyalist", "loyal", "loyal"),
    3: ("about_to_sleep", "about_to_sleep", "need_attention", "loyal", "loyal"),
    2: ("hibernating", "hibernating", "at_risk", "at_risk", "cant_lose"),
    1: ("lost", "lost", "at_risk", "cant_lose", "cant_lose"),
}
# Recent? Often? Much?
CLASS_OF: dict[tuple[bool, bool, bool], str] = {
    (True, True, True): "key_value",
    (True, False, True): "key_develop",
    (False, True, True): "key_keep",
    (False, False, True): "key_win_back",
    (True, True, False): "general_value",
    (True, False, False): "general_develop",
    (False, True, False): "general_keep",
    (False, False, False): "general_win_back",
}


def fm_of(frequency: Any, money: Any) -> Any:
    """FM, the column of the grid: half of F + M, rounded down; numbers or columns."""
    return (frequency + money) // 2


def segment_of(recency: int, frequency: int, money: int) -> str:
    """One of the eleven names, by the three scores.

    >>> segment_of(5, 5, 5), segment_of(1, 1, 1)
    ('champions', 'lost')
    """
    return GRID[recency][fm_of(frequency, money) - 1]


def cells_of(segment: str) -> list[tuple[int, int]]:
    """Where on the grid a name stands: R and FM."""
    return [(r, fm) for r, names in GRID.items() for fm, name in zip(SCORES, names, strict=True) if name == segment]


def segment_places(recency: Any, frequency: Any, money: Any) -> Any:
    """`segment_of` for columns of scores without gaps, as places among NAMES."""
    places = [NAMES.index(name) for r in SCORES for name in GRID[r]]
    return looked_up(places, (recency - 1) * len(SCORES) + fm_of(frequency, money) - 1)


def class_places(recent: Any, often: Any, much: Any) -> Any:
    """One of the eight classes, as places among CLASS_NAMES, for columns of yes and no without gaps."""
    places = [CLASS_NAMES.index(CLASS_OF[bool(n & 4), bool(n & 2), bool(n & 1)]) for n in range(8)]
    return looked_up(places, recent.cast("int32") * 4 + often.cast("int32") * 2 + much.cast("int32"))
