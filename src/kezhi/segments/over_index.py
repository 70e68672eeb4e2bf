"""The profile of a segment against the rest (T16): where its members are, and whether that is more than chance.

The index of a value is its share in the segment over its share among all other customers, times 100: 300 when 60 % of
the members live in first-tier cities and 20 % of the rest do. Shares are of those whose field is filled in. The
interval is that of a ratio of two shares on the log scale (Katz, Baptista, Azen and Pike, Biometrics 34, 1978,
469-474), the test chi-squared with Yates' correction where all four expected counts are at least 5 (Cochran, Biometrics
10, 1954); among all that is called telling of a segment at most 5 % is expected to be chance (Benjamini and Hochberg,
JRSS B 57, 1995).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

LEAST_EXPECTED = 5.0
FALSE_SHARE = 0.05
TELLING = 1.2  # how far from 1 the near end of the interval must lie
_Z = 1.959963984540054


@dataclass(frozen=True)
class Cell:
    """One value of a field: how many have it in a segment and in the rest, and of how many whose field is filled in.

    chance is the test's p-value, None where there are too few to test. asked: the segment's own rule asks for this
    field, so that it tells nothing. telling: more than chance, and at least a fifth more or less than in the rest.
    """

    field: str
    value: str
    customers: int
    known: int
    rest: int
    rest_known: int
    chance: float | None
    asked: bool
    telling: bool = False

    @property
    def share(self) -> float:
        """Of the segment's members."""
        return self.customers / self.known

    @property
    def rest_share(self) -> float:
        """Of all other customers."""
        return self.rest / self.rest_known

    @property
    def index(self) -> float | None:
        """The share over the rest's, in per cent; None where nobody of the rest has the value."""
        return 100 * self.share / self.rest_share if self.rest else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % interval of the index; None where nobody has the value here, or nobody there."""
        if not (self.customers and self.rest):
            return None
        ratio, width = self._log_ratio(0.0)
        return 100 * math.exp(ratio - width), 100 * math.exp(ratio + width)

    @property
    def more(self) -> bool:
        """More often than in the rest?"""
        return self.share >= self.rest_share

    @property
    def strength(self) -> float:
        """How far from usual at the least: the end of the interval that is nearer to 100, on the log scale.

        Where a count is 0, half a customer is added to each (Pettigrew, Gart and Thomas, Biometrika 73, 1986).
        """
        ratio, width = self._log_ratio(0.0 if self.customers and self.rest else 0.5)
        return max(abs(ratio) - width, 0.0)

    def _log_ratio(self, more: float) -> tuple[float, float]:
        """The logarithm of the ratio of shares, and half the width of its interval."""
        here, n, there, m = (one + more for one in (self.customers, self.known, self.rest, self.rest_known))
        return math.log(here / n / (there / m)), _Z * math.sqrt(max(1 / here - 1 / n + 1 / there - 1 / m, 0.0))


Counts = Mapping[str, Mapping[str, tuple[int, int]]]  # field, value: customers in the segment, in the rest


def profile(counts: Counts, asked: Iterable[str] = ()) -> list[Cell]:
    """All values of all fields, the telling first, each by how far from usual it is at the least."""
    own = set(asked)
    cells = [
        _cell(field, value, here, there, sums, field in own)
        for field, values in counts.items()
        for sums in [(sum(n for n, _ in values.values()), sum(n for _, n in values.values()))]
        if min(sums) > 0
        for value, (here, there) in values.items()
    ]
    limit = _limit([one.chance for one in cells if one.chance is not None and not one.asked])
    judged = [_judged(one, limit) for one in cells]
    return sorted(judged, key=lambda one: (not one.telling, -one.strength, one.field, one.value))


def _cell(field: str, value: str, here: int, there: int, sums: tuple[int, int], asked: bool) -> Cell:
    return Cell(field, value, here, sums[0], there, sums[1], _chance(here, there, sums), asked)


def _chance(here: int, there: int, sums: tuple[int, int]) -> float | None:
    """How often chance alone would part the shares so far; None where too few customers could tell."""
    whole, with_it = sum(sums), here + there
    expected = [n * have / whole for n in sums for have in (with_it, whole - with_it)]
    if min(expected) < LEAST_EXPECTED:
        return None
    apart = max(abs(here - expected[0]) - 0.5, 0.0)
    return math.erfc(math.sqrt(apart**2 * sum(1 / one for one in expected) / 2))


def _limit(chances: Sequence[float]) -> float:
    """The largest p-value that counts when so many are looked at together."""
    ordered = sorted(chances)
    found = [p for place, p in enumerate(ordered, 1) if p <= FALSE_SHARE * place / len(ordered)]
    return found[-1] if found else -1.0


def _judged(cell: Cell, limit: float) -> Cell:
    told = cell.chance is not None and cell.chance <= limit and not cell.asked
    return replace(cell, telling=told and cell.strength >= math.log(TELLING))


def gathered(rows: Iterable[tuple[str, str, bool, int]]) -> Counts:
    """Counts from (field, value, in the segment?, customers)."""
    found: dict[str, dict[str, tuple[int, int]]] = defaultdict(dict)
    for field, value, member, number in rows:
        here, there = found[field].get(value, (0, 0))
        found[field][value] = (here + number, there) if member else (here, there + number)
    return found
