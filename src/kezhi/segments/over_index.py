"""The profile of a segment against the rest (T16): where its members are, and whether that is more than chance.

The index of a value is its share in the segment over its share among all other customers, times 100: 300 when 60 % of
the members live in first-tier cities and 20 % of the rest do. Shares are of those whose field is filled in. The
interval is that of a ratio of two shares on the log scale (Katz, Baptista, Azen and Pike, Biometrics 34, 1978,
469-474). The test is chi-squared with Yates' correction; where one of the four expected counts is below 5 (Cochran,
Biometrics 10, 1954) it is Fisher's exact one, the smaller tail doubled. Among all that is called telling of a segment
at most 5 % is expected to be chance (Benjamini and Hochberg, JRSS B 57, 1995).
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
_NOTHING = 1e-17


@dataclass(frozen=True)
class Cell:
    """One value of a field: how many have it in a segment and in the rest, and of how many whose field is filled in.

    chance is the test's p-value. asked: the segment's own rule asks for this
    field, so that it tells nothing. group: the field is a group of kezhi's own making, such as a tier, rather than what
    the book says of people. telling: more than chance, at least a fifth more or less than in the rest, and of at least
    5 members, or 5 that would be there if the segment were like the rest.
    """

    field: str
    value: str
    customers: int
    known: int
    rest: int
    rest_known: int
    chance: float
    asked: bool
    group: bool
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


def profile(counts: Counts, asked: Iterable[str] = (), groups: Iterable[str] = ()) -> list[Cell]:
    """All values of all fields: the telling first, people before groups, each by how far from usual at the least."""
    own, made = set(asked), set(groups)
    cells = [
        Cell(field, value, here, sums[0], there, sums[1], _chance(here, there, sums), field in own, field in made)
        for field, values in counts.items()
        for sums in [(sum(n for n, _ in values.values()), sum(n for _, n in values.values()))]
        if min(sums) > 0
        for value, (here, there) in values.items()
        if value != "false" or "true" not in values  # no is what yes leaves over
    ]
    limit = _limit([one.chance for one in cells if not one.asked])
    judged = [_judged(one, limit) for one in cells]
    return sorted(judged, key=lambda one: (not one.telling, one.group, -one.strength, one.field, one.value))


def _chance(here: int, there: int, sums: tuple[int, int]) -> float:
    """How often chance alone would part the shares as far as this, or farther."""
    whole, with_it = sum(sums), here + there
    expected = [n * have / whole for n in sums for have in (with_it, whole - with_it)]
    if min(expected) < LEAST_EXPECTED:
        return _exact(here, sums[0], with_it, whole)
    apart = max(abs(here - expected[0]) - 0.5, 0.0)
    return math.erfc(math.sqrt(apart**2 * sum(1 / one for one in expected) / 2))


def _exact(here: int, members: int, with_it: int, whole: int) -> float:
    """Fisher's exact test: the smaller tail of the hypergeometric distribution, doubled."""
    step = 1 if here * whole >= members * with_it else -1
    last = min(members, with_it) if step > 0 else max(0, members + with_it - whole)
    term = total = math.exp(
        _log_choose(with_it, here) + _log_choose(whole - with_it, members - here) - _log_choose(whole, members)
    )
    # from the count that was seen to the end of its tail, each probability from the one before
    for k in range(here, last, step):
        if step > 0:
            term *= (with_it - k) * (members - k) / ((k + 1) * (whole - with_it - members + k + 1))
        else:
            term *= k * (whole - with_it - members + k) / ((with_it - k + 1) * (members - k + 1))
        total += term
        if term < total * _NOTHING:
            break
    return min(2 * total, 1.0)


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def _limit(chances: Sequence[float]) -> float:
    """The largest p-value that counts when so many are looked at together."""
    ordered = sorted(chances)
    found = [p for place, p in enumerate(ordered, 1) if p <= FALSE_SHARE * place / len(ordered)]
    return found[-1] if found else -1.0


def _judged(cell: Cell, limit: float) -> Cell:
    usual = cell.known * (cell.customers + cell.rest) / (cell.known + cell.rest_known)
    enough = max(cell.customers, usual) >= LEAST_EXPECTED
    told = enough and cell.chance <= limit and not cell.asked
    return replace(cell, telling=told and cell.strength >= math.log(TELLING))


def gathered(rows: Iterable[tuple[str, str, bool, int]]) -> Counts:
    """Counts from (field, value, in the segment?, customers)."""
    found: dict[str, dict[str, tuple[int, int]]] = defaultdict(dict)
    for field, value, member, number in rows:
        here, there = found[field].get(value, (0, 0))
        found[field][value] = (here + number, there) if member else (here, there + number)
    return found
