"""What the BG/BB likelihood needs of the histories, and how it is computed: without a loop over customers or time.

A customer's silence since his last purchase is explained by every opportunity before which he may have dropped out.
Those chances depend on (x, t_x) and on how many opportunities were let pass since, so each distinct (x, t_x) is a row
of a table and running sums along it serve all histories; the slopes come from the same sums run backwards.
Source: Fader, Hardie, Shang (2010).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from kezhi.models.discrete_histories import OpportunityHistories
from kezhi.models.histories import FloatArray, IntArray, distinct

_CELLS = 20_000  # of a table worked on at once: what a processor keeps at hand


@dataclass(frozen=True, eq=False)
class _Histories:
    """Some pairs (x, t_x), one per row, by how many opportunities were let pass since: m = n - t_x = 0, 1, ..."""

    last: FloatArray  # t_x, a column
    missed: FloatArray  # t_x - x, a column
    weights: FloatArray  # customers by m
    row: IntArray  # of each distinct history: where it is ...
    after: IntArray  # ... and its m
    cell: IntArray  # which distinct history that is

    @classmethod
    def of(cls, x: FloatArray, t_x: FloatArray, cells: tuple[IntArray, IntArray, IntArray, FloatArray]) -> _Histories:
        """From pairs, and the row, m, number and customers of each distinct history among them."""
        row, after, cell, customers = cells
        weights = np.zeros((len(x), int(after.max(initial=0)) + 1))
        weights[row, after] = customers
        return cls(t_x[:, None], (t_x - x)[:, None], weights, row, after, cell)


@dataclass(frozen=True, eq=False)
class _Unused:
    """What may have happened since the last purchase, for each pair and each m, given t_x opportunities survived."""

    use: FloatArray  # alpha + beta + y, y = t_x + k the opportunities behind, k = 0, 1, ...
    miss: FloatArray  # beta + missed ones
    stay: FloatArray  # delta + y
    leave: FloatArray  # probability of dropping out before the next one
    passed: FloatArray  # active at, and not using, each of m opportunities
    chance: FloatArray  # no purchase at m opportunities, for whichever reason

    @classmethod
    def of(cls, parameters: FloatArray, seen: _Histories) -> _Unused:
        alpha, beta, gamma, delta = parameters
        k = np.arange(seen.weights.shape[1] - 1)
        use, miss, stay = alpha + beta + seen.last + k, beta + seen.missed + k, delta + seen.last + k
        leave = gamma / (gamma + stay)
        passed = np.ones(seen.weights.shape)
        np.cumprod(miss / use * (stay / (gamma + stay)), axis=1, out=passed[:, 1:])
        chance = passed.copy()
        chance[:, 1:] += np.cumsum(passed[:, :-1] * leave, axis=1)
        return cls(use, miss, stay, leave, passed, chance)


@dataclass(frozen=True, eq=False)
class OpportunityEvidence:
    """Distinct histories in tables, and how many customers used, missed and survived more than j opportunities.

    Survived, missed: as far as is known from the last purchase.
    """

    tables: tuple[_Histories, ...]
    used: FloatArray
    missed: FloatArray
    survived: FloatArray
    customers: float
    opportunities: float
    longest: int
    index: IntArray  # which distinct history each row has

    @classmethod
    def of(cls, seen: OpportunityHistories) -> OpportunityEvidence:
        first, index = distinct(seen.repeat_purchases, seen.last_purchase_at, seen.opportunities)
        w = np.bincount(index, weights=seen.customers, minlength=len(first)).astype(np.float64)
        x, t_x, n = (each[first] for each in (seen.repeat_purchases, seen.last_purchase_at, seen.opportunities))
        return cls(
            tables=tuple(_tables(x, t_x, n, w)),
            used=_more_than(x, w),
            missed=_more_than(t_x - x, w),
            survived=_more_than(t_x, w),
            customers=float(w.sum()),
            opportunities=float(w @ n),
            longest=int(n[w > 0].max(initial=0)),
            index=index,
        )

    @property
    def purchases(self) -> float:
        """How many opportunities were used, by all customers together."""
        return float(self.used.sum())

    @property
    def facts(self) -> dict[str, float]:
        """A few plain figures of these data."""
        return {
            "repeat_purchases": self.purchases,
            "repeat_customers": float(self.used[:1].sum()),
            "mean_opportunities": self.opportunities / self.customers if self.customers else 0.0,
        }

    def slopes(self, parameters: FloatArray) -> tuple[float, FloatArray]:
        """Log-likelihood and slope by the logarithms of the parameters."""
        with np.errstate(divide="ignore", invalid="ignore"):
            value, slope = self._until_last(*parameters)
            for table in self.tables:
                more, steeper = _since_last(parameters, table)
                value, slope = value + more, slope + steeper
        # a parameter held at 0 has no slope by its logarithm
        return float(value), np.where(parameters > 0, slope, 0.0)

    def active_at_last(self, parameters: FloatArray) -> FloatArray:
        """The probability of still being active at the last opportunity, per row; gamma must be above 0."""
        result = np.empty(sum(len(table.cell) for table in self.tables))
        for table in self.tables:
            unused = _Unused.of(parameters, table)
            result[table.cell] = (unused.passed / unused.chance)[table.row, table.after]
        return np.asarray(result[self.index])

    def _until_last(self, alpha: float, beta: float, gamma: float, delta: float) -> tuple[float, FloatArray]:
        """Of the opportunities up to the last purchase: used, missed, and all of them survived."""
        used, missed, survived = self.used, self.missed, self.survived
        first, second, either = (np.arange(len(each)) for each in (used, missed, survived))
        total = alpha + beta
        chosen = _weighed(used, np.log((alpha + first) / total)) + _weighed(missed, np.log((beta + second) / total))
        stayed = _weighed(survived, -np.log1p(either / total) - np.log1p(gamma / (delta + either)))
        by_any, leave = survived / (total + either), gamma / (gamma + delta + either)
        slope = [
            alpha * (_weighed(used, 1 / (alpha + first)) - by_any.sum()),
            beta * (_weighed(missed, 1 / (beta + second)) - by_any.sum()),
            -(survived @ leave),
            _weighed(survived, leave * delta / (delta + either)),
        ]
        return chosen + stayed, np.array(slope)


def _since_last(parameters: FloatArray, seen: _Histories) -> tuple[float, FloatArray]:
    """Of the opportunities let pass since: value, and slope by going through the sums backwards."""
    alpha, beta, gamma, delta = parameters
    unused, w = _Unused.of(parameters, seen), seen.weights
    if gamma > 0:
        per_chance = w / unused.chance
        left = unused.passed[:, :-1] * _beyond(per_chance)  # weight of dropping out before each opportunity
        passes = per_chance * unused.passed
        passes[:, :-1] += left * unused.leave
    else:  # nobody drops out: opportunities were let pass, however unlikely
        left, passes = np.zeros(unused.leave.shape), w
    through = _beyond(passes)  # weight of being active at, and not using, each opportunity
    value = (w * np.log(unused.chance)).sum() if gamma > 0 else _weighed(through, np.log(unused.miss / unused.use))
    total = gamma + unused.stay
    slope = [
        -alpha * (through / unused.use).sum(),
        beta * (through * ((unused.use - unused.miss) / unused.use) / unused.miss).sum(),
        ((left * (unused.stay / total) - through) * unused.leave).sum(),
        delta * (unused.leave * (through / unused.stay - left / total)).sum(),
    ]
    return float(value), np.array(slope)


def _tables(x: FloatArray, t_x: FloatArray, n: FloatArray, w: FloatArray) -> Iterator[_Histories]:
    """The distinct histories by pairs (x, t_x), those let pass for longest first, so that tables are nearly full."""
    first, index = distinct(x, t_x)
    longest = np.zeros(len(first))
    np.maximum.at(longest, index, n - t_x)
    order = np.argsort(-longest, kind="stable")
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    at, after = place[index], (n - t_x).astype(np.int64)
    low = 0
    while low < len(order):
        high = low + max(_CELLS // (int(longest[order[low]]) + 1), 1)
        cell = np.flatnonzero((at >= low) & (at < high))
        pairs = first[order[low:high]]
        yield _Histories.of(x[pairs], t_x[pairs], (at[cell] - low, after[cell], cell, w[cell]))
        low = high


def _more_than(values: FloatArray, w: FloatArray) -> FloatArray:
    """How many customers have more than j = 0, 1, 2, ... of something."""
    at = np.bincount(values[w > 0].astype(np.int64), weights=w[w > 0], minlength=1)
    return np.asarray(np.cumsum(at[::-1])[::-1][1:], dtype=np.float64)


def _beyond(each: FloatArray) -> FloatArray:
    """Sums along the rows over what is right of each column but the last."""
    return np.asarray(np.cumsum(each[:, :0:-1], axis=1)[:, ::-1])


def _weighed(weights: FloatArray, values: FloatArray) -> float:
    """Their product summed, where there is any weight."""
    return float(weights[weights > 0] @ values[weights > 0])
