"""What the purchase models overlook, learned from forecasts that could be checked: a factor for each kind of customer.

A scorecard sorts customers into bands of a few features (how often they bought, for how long they have been silent,
what they spend, ...) and learns by which factor the purchases that came differ from those forecast: Poisson regression
with a logarithmic link, the forecast as exposure, and effects drawn towards 0 by as much as the data is noisy (ridge
with a variance estimated from the data, Breslow and Clayton 1993).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from kezhi.models.histories import FloatArray, IntArray

_BANDS = 8
_FEWEST = 30.0  # purchases that came, below which nothing is learned
_ROUNDS = 50
_LARGEST = 3.0  # no kind of customer is moved by more than e^3


@dataclass(frozen=True)
class Scorecard:
    """Bands of features with the logarithm of the factor of each; without bands every factor is 1.

    edges: the inner edges of each feature's bands, rising; effects: one more number than edges.
    """

    edges: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    effects: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    @property
    def neutral(self) -> bool:
        """Whether every factor is 1."""
        return not self.edges

    def factor(self, features: Mapping[str, npt.ArrayLike]) -> FloatArray:
        """The product of the features' factors, one entry per customer; features that are missing count 1."""
        known = [self.part(name, features[name]) for name in self.edges if name in features]
        return np.asarray(np.prod(known, axis=0)) if known else np.ones(1)

    def part(self, name: str, values: npt.ArrayLike) -> FloatArray:
        """The factors of one feature's bands at these values."""
        factors: FloatArray = np.exp(np.asarray(self.effects[name], dtype=np.float64))
        return factors[band(self.edges[name], values)]

    def to_dict(self) -> dict[str, Any]:
        """Edges and effects as plain lists."""
        return {name: {"edges": list(self.edges[name]), "effects": list(self.effects[name])} for name in self.edges}


def learn_scorecard(features: Mapping[str, npt.ArrayLike], expected: npt.ArrayLike, actual: npt.ArrayLike) -> Scorecard:
    """The factors by which actual purchases differ from expected ones, by bands of features.

    One entry per customer in every array. A common factor of all customers is estimated and left out: the level of
    the forecast is another question. Too few purchases give a neutral card.
    """
    exposure, came = np.asarray(expected, dtype=np.float64), np.asarray(actual, dtype=np.float64)
    used = exposure > 0
    if float(came[used].sum()) < _FEWEST:
        return Scorecard()
    columns = {name: np.asarray(values, dtype=np.float64)[used] for name, values in features.items()}
    edges = {name: band_edges(values) for name, values in columns.items()}
    edges = {name: inner for name, inner in edges.items() if inner}
    codes = {name: band(inner, columns[name]) for name, inner in edges.items()}
    cells, exposure, came, excess = _cells(codes, exposure[used], came[used])
    effects = _effects(cells, exposure, came, [len(inner) + 1 for inner in edges.values()], excess)
    return Scorecard(edges, dict(zip(edges, effects, strict=True)))


def band_edges(values: FloatArray, bands: int = _BANDS) -> tuple[float, ...]:
    """Inner edges that put about equally many customers into each band; fewer where values repeat."""
    inner = np.unique(np.quantile(values, np.linspace(0, 1, bands + 1)[1:-1])) if len(values) else np.zeros(0)
    return tuple(float(edge) for edge in inner[inner > values.min(initial=np.inf)])


def band(edges: tuple[float, ...], values: npt.ArrayLike) -> IntArray:
    """The number of the band [edge, next edge) each value lies in, from 0."""
    return np.searchsorted(np.asarray(edges), np.asarray(values, dtype=np.float64), side="right").astype(np.int64)


def _cells(
    codes: Mapping[str, IntArray], exposure: FloatArray, came: FloatArray
) -> tuple[IntArray, FloatArray, FloatArray, float]:
    """Customers of the same bands added up, and how much wider than Poisson the differences scatter."""
    scale = came.sum() / exposure.sum()
    excess = float(((came - scale * exposure) ** 2).sum() / (scale * exposure).sum())
    if not codes:
        return np.zeros((0, 0), dtype=np.int64), exposure[:0], came[:0], excess
    widths = [int(code.max(initial=0)) + 1 for code in codes.values()]
    place = np.ravel_multi_index(tuple(codes.values()), widths)
    there = np.flatnonzero(np.bincount(place))
    sums = [np.bincount(place, weights=column)[there].astype(np.float64) for column in (exposure, came)]
    cells = np.column_stack(np.unravel_index(there, widths)).astype(np.int64)
    return cells, sums[0], sums[1], max(excess, 1.0)


def _effects(
    cells: IntArray, exposure: FloatArray, came: FloatArray, widths: list[int], excess: float
) -> list[tuple[float, ...]]:
    """Effects by feature, each drawn towards 0; the penalty of a feature follows from how large its effects are."""
    if not widths:
        return []
    design = np.hstack([np.ones((len(cells), 1)), *(np.eye(width)[cells[:, i]] for i, width in enumerate(widths))])
    owner = np.repeat(np.arange(len(widths) + 1), [1, *widths])
    variance = np.full(len(widths) + 1, 0.1)
    effects = np.zeros(design.shape[1])
    for _ in range(_ROUNDS):
        before = variance.copy()
        penalty = np.where(owner == 0, 1e-9, 1 / np.maximum(variance[owner], 1e-6))
        effects, covariance = _ridge(design, exposure, came, penalty, excess, effects)
        for feature in range(1, len(widths) + 1):
            mine = owner == feature  # EM step for the variance of this feature's effects
            variance[feature] = float((effects[mine] ** 2 + np.diag(covariance)[mine]).mean())
        if float(np.abs(np.log(variance / before)).max()) < 1e-3:
            break
    effects = np.clip(effects, -_LARGEST, _LARGEST)
    return [tuple(float(value) for value in effects[owner == feature]) for feature in range(1, len(widths) + 1)]


def _ridge(
    design: FloatArray, exposure: FloatArray, came: FloatArray, penalty: FloatArray, excess: float, start: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Penalised quasi-Poisson regression by Newton's method: effects and their covariance."""
    effects = start
    for _ in range(_ROUNDS):
        mean = exposure * np.exp(np.clip(design @ effects, -20, 20))
        slope = design.T @ (came - mean) / excess - penalty * effects
        curvature = (design.T * (mean / excess)) @ design + np.diag(penalty)
        step = np.linalg.solve(curvature, slope)
        largest = float(np.abs(step).max())
        effects = effects + step / max(largest, 1.0)
        if largest < 1e-8:
            break
    return effects, np.asarray(np.linalg.inv(curvature), dtype=np.float64)
