"""How the margin of the next periods follows from the last one and from the company's trend (method, 7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kezhi.ledger import Ledger


def margin_slopes(ledger: Ledger, longest_idle: int) -> NDArray[np.float64]:
    """Slope per period of the company's margin over the last r + 1 complete periods, for r = 0..longest.

    A straight line by least squares through the periods that have a positive amount; fewer than two such
    periods give a slope of 0. Only the slope is used, never how well the line fits (R16).
    """
    margins = company_margins(ledger)
    return np.array([_slope(margins, ledger.present - idle, ledger.present) for idle in range(longest_idle + 1)])


def company_margins(ledger: Ledger) -> dict[int, float]:
    """The company's margin (amount - cost) / amount by period number, complete periods only."""
    return {
        row["number"]: float(1 - row["cost"] / row["amount"])
        for row in ledger.company
        if row["number"] <= ledger.present and row["amount"] > 0
    }


def _slope(margins: Mapping[int, float], first: int, last: int) -> float:
    numbers = [number for number in range(first, last + 1) if number in margins]
    if len(numbers) < 2:
        return 0.0
    x = np.array(numbers, dtype=np.float64) - np.mean(numbers)
    y = np.array([margins[number] for number in numbers])
    return float((x * y).sum() / (x * x).sum())


def margin_factors(
    purchases_by_state: NDArray[np.float64], idle: NDArray[np.int64], slopes: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Expected margin of each step as a multiple of the customer's last margin, shape (histories, steps).

    `purchases_by_state[i, h, k]` is what is expected in step h + 1 from customers whose last purchase before
    it falls in step k (k = 0: in none of the forecast's steps). A customer who stays away drifts with the
    company's slope, by slope x idle periods / 2; one who buys keeps the margin of that purchase.
    """
    count, horizon, _ = purchases_by_state.shape
    slope = slopes[idle]
    factors = np.ones((count, horizon))
    for step in range(horizon):
        drifted = np.maximum(1.0 + slope * np.where(idle + step > 0, idle + step, 0) / 2.0, 0.0)
        states = np.column_stack([drifted, factors[:, :step]])
        weights = purchases_by_state[:, step, : step + 1]
        total = weights.sum(axis=1)
        mixed = (weights * states).sum(axis=1) / np.where(total > 0, total, 1.0)
        factors[:, step] = np.where(total > 0, mixed, drifted)
    return factors
