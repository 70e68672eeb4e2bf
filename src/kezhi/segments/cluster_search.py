"""How many clusters there are, and where their centres lie: k-means (scikit-learn), numpy in and out.

Any data can be cut into k pieces. Whether there is anything to find is asked by comparison: the silhouette (Rousseeuw
1987, how much nearer points are to their own cluster than to the next one) of the data against that of structureless
data, drawn from one normal distribution of the same covariance, after the idea of the gap statistic (Tibshirani,
Walther and Hastie 2001).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from kezhi.language import KezhiError, Text

Array = npt.NDArray[np.float64]

LEAST = 50  # customers without whom there is nothing to look for
MOST_TRIED = 8
LEAD = 0.05  # silhouettes of structureless data vary by about 0.02
LOYALTY = 0.02  # so much may another number of clusters be better before an earlier one is given up
TRIED_ON, SCORED_ON, DRAWS = 4_000, 2_000, 3
NOT_INSTALLED = Text(
    'Clusters need scikit-learn; install it with: pip install "kezhi[clusters]".',
    '自动聚类需要 scikit-learn；请安装：pip install "kezhi[clusters]"。',
)


@dataclass(frozen=True)
class Trial:
    """A number of clusters, its silhouette, and the one that structureless data would have."""

    number: int
    silhouette: float
    structureless: float

    @property
    def lead(self) -> float:
        """How far above structureless data."""
        return self.silhouette - self.structureless


@dataclass(frozen=True)
class Search:
    """What was tried; the centres, none where the data show no clusters."""

    trials: tuple[Trial, ...]
    centres: Array

    @property
    def clear(self) -> bool:
        """Whether the clusters found stand out from structureless data."""
        chosen = [trial for trial in self.trials if trial.number == len(self.centres)]
        return bool(chosen) and chosen[0].lead > LEAD


def search(points: Array, number: int | None, before: int | None = None) -> Search:
    """Clusters of scaled points, in an order drawn at random beforehand.

    number: how many; None lets the data decide, which may be none. before: how many there were last time, kept unless
    another number is clearly better. The same points give the same centres, whatever the machine has threads for.
    Raises KezhiError where scikit-learn is not installed.
    """
    tools = _tools()
    distinct = len(np.unique(points, axis=0))
    if number is None and (len(points) < LEAST or distinct <= 2):
        return Search((), points[:0])
    tried = range(2, min(MOST_TRIED, distinct - 1) + 1) if number is None else [min(number, distinct)]
    with tools.limits(limits=1), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # fewer distinct points than clusters, said by the numbers themselves
        trials = tuple(_tried(tools, points, k) for k in tried)
        chosen = tried[0] if number is not None else _chosen(trials, before)
        centres = _centres(tools, points, chosen, 8) if chosen else points[:0]
    return Search(trials, centres)


@dataclass(frozen=True)
class _Tools:
    means: Any
    silhouette: Any
    limits: Any


def _tools() -> _Tools:
    try:
        from sklearn.cluster import KMeans
        from sklearn.metrics import silhouette_score
    except ImportError:
        raise KezhiError(NOT_INSTALLED) from None
    from threadpoolctl import threadpool_limits

    return _Tools(KMeans, silhouette_score, threadpool_limits)


def _tried(tools: _Tools, points: Array, k: int) -> Trial:
    some = points[:TRIED_ON]
    if len(some) <= k:  # everybody would be a cluster
        return Trial(k, 0.0, 0.0)
    rng = np.random.default_rng(k)
    middle, spread = some.mean(axis=0), np.atleast_2d(np.cov(some, rowvar=False))
    drawn = [rng.multivariate_normal(middle, spread, size=len(some), method="eigh") for _ in range(DRAWS)]
    return Trial(k, _silhouette(tools, some, k), float(np.mean([_silhouette(tools, one, k) for one in drawn])))


def _silhouette(tools: _Tools, points: Array, k: int) -> float:
    means = tools.means(k, n_init=4, random_state=0).fit(points)
    labels = means.labels_[:SCORED_ON]
    known = len(np.unique(labels))
    return float(tools.silhouette(points[:SCORED_ON], labels)) if 1 < known < len(labels) else 0.0


def _chosen(trials: Sequence[Trial], before: int | None) -> int:
    best = max(trials, key=lambda trial: (trial.lead, -trial.number))
    if best.lead <= LEAD:
        return 0
    kept = [trial for trial in trials if trial.number == before and trial.lead > max(LEAD, best.lead - LOYALTY)]
    return kept[0].number if kept else best.number


def _centres(tools: _Tools, points: Array, k: int, starts: int) -> Array:
    found = tools.means(k, n_init=starts, random_state=0, tol=1e-6).fit(points)
    centres: Array = np.asarray(found.cluster_centers_, dtype=np.float64).round(6)
    return centres[np.lexsort(centres.T[::-1])]


def matched(centres: Array, before: Array) -> list[int | None]:
    """For each centre the earlier one that it goes on from, each at most once; None where it is a new one.

    It goes on from the one that lies nearer than half the way to any other centre of today.
    """
    from scipy.optimize import linear_sum_assignment

    found: list[int | None] = [None] * len(centres)
    if not len(before):
        return found
    far = _distances(centres, before)
    apart = _distances(centres, centres)
    np.fill_diagonal(apart, np.inf)
    half = apart.min(axis=1, initial=np.inf) / 2
    for mine, theirs in zip(*linear_sum_assignment(far), strict=True):
        if far[mine, theirs] < half[mine]:
            found[mine] = int(theirs)
    return found


def _distances(these: Array, those: Array) -> Array:
    found: Array = np.sqrt(((these[:, None, :] - those[None, :, :]) ** 2).sum(axis=2))
    return found
