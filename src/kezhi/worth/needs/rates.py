"""How likely a need is: of those in the same situation earlier, how many bought within the window.

A situation is a kind of need, how active the customer was, and how strong the reason is. Few observations are shrunk
towards the kind at the same activity, that towards the kind, and the product's own part in it towards none. How far is
estimated from the same observations: with n observations of chance p, (bought + s p) / (n + s), where s follows from
the intra-class correlation 1 / (s + 1) by moments (the beta-binomial distribution), and for products from the variance
of bought / expected beyond chance (the gamma-Poisson distribution).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Floats = Any  # arrays of float64
ACTIVITIES = range(-1, 12)  # see past.activities
TIMES, RATIOS, LIVES, AGES, CONFIDENCES, RANKS = 6, 7, 12, 4, 16, 5
# by kind of need: into how many classes its reason is divided; the order settles equal chances
STRENGTHS = {
    "replacement": LIVES,  # quarters of the product's life since it was bought
    "accessory": AGES,  # windows since the product that it belongs to was bought
    "upgrade": AGES,
    "related": AGES,
    "again": TIMES * RATIOS,  # how often it was bought, and the time since in intervals
    "history": CONFIDENCES,  # the rule's confidence
    "basket": CONFIDENCES,
    "popular": RANKS,  # the product's place among the most bought
}


@dataclass(frozen=True)
class Rates:
    """Chances by situation, learned at one earlier moment: (kind, activity, strength) -> (seen, bought, chance)."""

    cells: dict[tuple[str, int, int], tuple[int, int, float]]


def strength_of_prior(n: NDArray[np.float64], bought: NDArray[np.float64], chance: NDArray[np.float64]) -> float:
    """s of the beta-binomial distribution by moments; infinite where the groups do not differ beyond chance."""
    spread = chance * (1.0 - chance)
    beyond = float(np.sum((bought - n * chance) ** 2 - n * spread))
    most = float(np.sum(n * (n - 1.0) * spread))
    if most <= 0.0 or beyond <= 0.0:
        return np.inf
    alike = min(beyond / most, 0.999)
    return 1.0 / alike - 1.0


def shrunk(n: NDArray[np.float64], bought: NDArray[np.float64], chance: NDArray[np.float64]) -> NDArray[np.float64]:
    """(bought + s p) / (n + s), group by group."""
    prior = strength_of_prior(n, bought, chance)
    if np.isinf(prior):
        return chance.astype(np.float64)
    return np.asarray((bought + prior * chance) / (n + prior))


def learn(rows: list[dict[str, Any]]) -> Rates:
    """Chances from counts by kind, activity, strength: `seen` situations, of which `bought`.

    Every combination that can occur gets a chance, also where nobody was in it; a kind that was never seen gets none.
    """
    cells: dict[tuple[str, int, int], tuple[int, int, float]] = {}
    for kind in sorted({row["kind"] for row in rows}):
        cells |= _of_kind(kind, [row for row in rows if row["kind"] == kind])
    return Rates(cells)


def _of_kind(kind: str, rows: list[dict[str, Any]]) -> dict[tuple[str, int, int], tuple[int, int, float]]:
    seen = np.zeros((len(ACTIVITIES), STRENGTHS[kind]))
    bought = np.zeros_like(seen)
    for row in rows:
        at = row["activity"] - ACTIVITIES[0], row["strength"]
        seen[at] += row["seen"]
        bought[at] += row["bought"]
    # half a purchase more in one situation more: no chance is 0 or 1 for ever
    overall = (bought.sum() + 0.5) / (seen.sum() + 1.0)
    by_activity = shrunk(seen.sum(axis=1), bought.sum(axis=1), np.full(seen.shape[0], overall))
    by_strength = shrunk(seen.sum(axis=0), bought.sum(axis=0), np.full(seen.shape[1], overall))
    # activity and strength each move the odds; what both together do beyond that is learned from the cells
    odds = _odds(by_activity)[:, None] * _odds(by_strength)[None, :] / _odds(np.array(overall))
    chance = shrunk(seen.ravel(), bought.ravel(), (odds / (1.0 + odds)).ravel()).reshape(seen.shape)
    return {
        (kind, ACTIVITIES[i], j): (int(seen[i, j]), int(bought[i, j]), float(chance[i, j]))
        for i, j in product(range(len(ACTIVITIES)), range(STRENGTHS[kind]))
    }


def _odds(chance: Floats) -> Floats:
    return chance / (1.0 - chance)


def product_factors(bought: NDArray[np.float64], expected: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much oftener each product was bought than its situations let expect: (bought + a) / (expected + a).

    1 / a is the variance of the factors by moments; all are 1 where they do not differ beyond chance.
    """
    square = float(np.sum(expected**2))
    beyond = float(np.sum((bought - expected) ** 2 - expected))
    if square <= 0.0 or beyond <= 0.0:
        return np.ones(len(expected))
    a = square / beyond
    return np.asarray((bought + a) / (expected + a))
