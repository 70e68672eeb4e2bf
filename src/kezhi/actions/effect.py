"""What the difference of two groups' means says: the effect of an action, how sure it is, and when nothing can be said.

Welch, B. L. (1947), The generalization of Student's problem when several different population variances are involved,
Biometrika 34; Austin, P. C. (2009), Balance diagnostics, Statistics in Medicine 28 (standardised differences).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

LEVEL = 0.95
LARGE_APART = 0.1  # standardised differences up to this are usual among groups that count as alike
SURELY_APART = 2.576  # and what chance alone would show in 1 % of draws does not count either
WITHOUT_SPREAD = 10.0  # groups that differ and have no spread to measure it by: far apart

Number = Any  # int, Decimal or Fraction: exact, so that the order of rows changes nothing


@dataclass(frozen=True)
class Moments:
    """A figure over some customers: how many they are, its sum, and the sum of its squares."""

    n: int
    total: Fraction
    squares: Fraction

    @classmethod
    def of(cls, n: int, total: Number, squares: Number) -> Moments:
        """From exact sums; None is 0."""
        return cls(n, Fraction(total or 0), Fraction(squares or 0))

    @property
    def mean(self) -> float:
        """The mean; 0 of nobody."""
        return float(self.total / self.n) if self.n else 0.0

    @property
    def variance(self) -> float:
        """The sample variance; 0 of fewer than two."""
        if self.n < 2:
            return 0.0
        return max(float((self.squares - self.total**2 / self.n) / (self.n - 1)), 0.0)


@dataclass(frozen=True)
class Difference:
    """The difference of two means with its interval."""

    value: float
    lower: float
    upper: float

    @property
    def claim(self) -> str:
        """more, less, or unclear where the interval holds 0."""
        if self.lower > 0:
            return "more"
        return "less" if self.upper < 0 else "unclear"


def difference(treated: Moments, control: Moments) -> Difference:
    """Treated less control with Welch's 95 % interval; each group has at least two customers.

    It holds for means that are about normal: for groups of some dozens and more, the larger the more uneven they buy.
    """
    from scipy.special import stdtrit

    parts = [group.variance / group.n for group in (treated, control)]
    spread = sum(parts)
    value = treated.mean - control.mean
    if spread <= 0:
        return Difference(value, value, value)
    freedom = spread**2 / sum(part**2 / (group.n - 1) for part, group in zip(parts, (treated, control), strict=True))
    reach = float(stdtrit(freedom, (1 + LEVEL) / 2)) * math.sqrt(spread)
    return Difference(value, value - reach, value + reach)


def apart(treated: Moments, control: Moments) -> float:
    """The standardised difference of two groups, in standard deviations; 0 where chance could well have made it."""
    gap = treated.mean - control.mean
    mean_variance = (treated.variance + control.variance) / 2
    if mean_variance <= 0:
        return 0.0 if gap == 0 else math.copysign(WITHOUT_SPREAD, gap)
    by_chance = math.sqrt(treated.variance / treated.n + control.variance / control.n)
    return gap / math.sqrt(mean_variance) if abs(gap) > SURELY_APART * by_chance else 0.0
