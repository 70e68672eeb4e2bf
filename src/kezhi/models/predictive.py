"""How far each customer may do better or worse than expected: quantiles of purchases and spending in a window.

Nothing is simulated. A purchase model knows what its customers do if they are still active, which is the same for all
with the same number of purchases and time observed (`PurchaseFit.activity`); the chance of being active differs
from history to history and only mixes that distribution with "nothing". So tables are made per distinct activity and
looked up per history.

Every function takes one fit or several. Several are draws of the parameters (`PosteriorDraws.thinned`): the
distributions under all of them are averaged, which gives the posterior predictive distribution, uncertainty about
the parameters included. About 25 draws of a purchase model do, and 5 of an amount model (better known, and each costs
more); they go in pairs, the fewer beginning again from the first.

Spending: amounts of one customer are Gamma(p, nu), nu is Gamma(q + p x, k + S) given x repeat purchases with the sum S
(Fader and Hardie's Gamma-Gamma form). The sum of n amounts over (k + S) is then beta-prime(p n, q + p x): its
distribution depends on the purchase history alone, and one multiplication per customer gives money.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from scipy import special

from kezhi.models.histories import FloatArray, IntArray, PurchaseHistories, distinct
from kezhi.models.purchases import PurchaseFit, not_negative

_MOST = 4_096  # counts in a table; what lies above is a gamma distribution with the right mean and variance
_CELLS = 1_000_000  # numbers in the tables of one block (8 MB)
_ROWS = 400_000  # histories times fits looked up at once
_SLACK = 1e-12  # rounding of sums of probabilities must not push a quantile up by one
_LEFT_OUT = 1e-5  # probability that the table of spending may leave out at either end
_STEP = 0.3  # between points of the table of spending, in standard deviations of one customer's sum
_POINTS = 600
_OWN_TABLE = 40  # histories with more purchases than this share a table with those within 2 %
_HIGHEST = 2.0**53


class AmountModel(Protocol):
    """What is needed of a Gamma-Gamma fit."""

    @property
    def p(self) -> float:
        """Shape of one customer's amounts."""

    @property
    def q(self) -> float:
        """Shape of the differences between customers."""

    @property
    def scale(self) -> float:
        """Scale of the differences between customers, in money."""


Fits = PurchaseFit | Sequence[PurchaseFit]
Amounts = AmountModel | Sequence[AmountModel]


def purchase_quantiles(
    fit: Fits, histories: Any, periods: npt.ArrayLike, levels: Sequence[float] = (0.1, 0.5, 0.9)
) -> IntArray:
    """How many purchases each customer will make at the most, with these probabilities (0.5: the median).

    The smallest n with P(N <= n) >= level, N the purchases in the next `periods` (a number, or one per history);
    shape (histories, levels). Counts above 4 096 are approximate. Raises ValueError naming the argument.
    """
    crowd, sought = _Crowd.of(_several(fit), histories, periods), _levels(levels)
    answer = np.zeros((len(crowd.row_of), len(sought)), dtype=np.int64)
    if not sought.size:
        return answer
    for width, members in crowd.by_width(crowd.seldom_exceeded(1 - float(sought.max()))):
        table = crowd.more_than(members, width)
        for rows, member in crowd.rows_of(members):
            alive = crowd.alive(rows)
            found = _first_reaching(_Mixture(alive, _looked_up(table, member)), sought, width)
            short = np.any(found > width, axis=1)
            if np.any(short):
                found[short] = crowd.beyond(members, table).first_reaching(alive[short], member[short], sought)
            answer[rows] = found
    return answer


def purchase_cdf(
    fit: Fits, histories: Any, periods: npt.ArrayLike, counts: npt.ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """The probabilities of fewer purchases than each customer made, and of as many or fewer.

    P(N <= counts - 1) and P(N <= counts), one entry per history; `counts` are whole numbers, one per history.
    """
    made = _column("counts", counts, len(PurchaseHistories.of(histories)))
    if np.any(made != np.floor(made)):
        raise ValueError("counts must be whole numbers")
    crowd = _Crowd.of(_several(fit), histories, periods)
    below, at = np.zeros(len(made)), np.zeros(len(made))
    largest = np.zeros(len(crowd.end))
    np.maximum.at(largest, crowd.row_of, made)
    for width, members in crowd.by_width(largest):
        table = crowd.more_than(members, width)
        for rows, member in crowd.rows_of(members):
            alive, n = crowd.alive(rows), made[rows]
            inside = np.minimum(n, width).astype(np.int64)
            mixed = _Mixture(alive, _looked_up(table, member))
            at[rows] = mixed.up_to(inside[:, None])[:, 0]
            below[rows] = np.where(n > 0, mixed.up_to(np.maximum(inside - 1, 0)[:, None])[:, 0], 0.0)
            over = n > width
            if np.any(over):
                tail = _Mixture(alive[over], crowd.beyond(members, table).at(member[over]))
                below[rows[over]], at[rows[over]] = tail.up_to(n[over, None] - np.array([1.0, 0.0])).T
    return below, at


def spend_quantiles(
    purchase_fit: Fits,
    amount_fit: Amounts,
    histories: Any,
    periods: npt.ArrayLike,
    levels: Sequence[float] = (0.1, 0.5, 0.9),
) -> FloatArray:
    """How much each customer will spend at the most, with these probabilities, as a multiple of (k + S).

    Shape (histories, levels); times `reference_scale(amount_fit)` + S, S the sum of the amounts of the customer's
    repeat purchases, it is money. The level is met to 0.002; where amounts hardly vary (p above some hundred) so that
    the distribution is a staircase, the amount is met to 1 %.
    """
    fits, amounts = _paired(purchase_fit, amount_fit)
    crowd, sought = _Crowd.of(fits, histories, periods), _levels(levels)
    answer = np.zeros((len(crowd.row_of), len(sought)))
    for members, table in _spend_tables(crowd, amounts):
        for rows, member in crowd.rows_of(members):
            answer[rows] = table.quantiles(crowd.alive(rows), member, sought)
    return answer


def spend_cdf(
    purchase_fit: Fits, amount_fit: Amounts, histories: Any, periods: npt.ArrayLike, values: npt.ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """The probabilities of spending less than each customer did, and of as much or less.

    `values` is what was spent over (`reference_scale(amount_fit)` + S), one per history. The two answers differ only
    for customers who spent nothing: 0 and the probability of no purchase.
    """
    spent = _column("values", values, len(PurchaseHistories.of(histories)))
    fits, amounts = _paired(purchase_fit, amount_fit)
    crowd = _Crowd.of(fits, histories, periods)
    at = np.ones(len(spent))
    for members, table in _spend_tables(crowd, amounts):
        for rows, member in crowd.rows_of(members):
            at[rows] = table.up_to(crowd.alive(rows), member, spent[rows])
    return np.where(spent > 0, at, 0.0), at


def reference_scale(amount_fit: Amounts) -> float:
    """The k of (k + S) that answers about spending are multiples of: the fit's, or the middle one of several."""
    return float(np.median([one.scale for one in _several_amounts(amount_fit)]))


# --- who can be treated alike


@dataclass(frozen=True, eq=False)
class _Crowd:
    """Histories sorted into kinds whose activity is the same."""

    fits: tuple[PurchaseFit, ...]
    seen: PurchaseHistories
    few: PurchaseHistories  # one history per kind
    end: FloatArray  # length of the window per kind
    row_of: IntArray  # the kind of each history
    order: IntArray  # histories, kind by kind
    starts: IntArray  # where each kind starts in there

    @classmethod
    def of(cls, fits: tuple[PurchaseFit, ...], histories: Any, periods: npt.ArrayLike) -> _Crowd:
        seen: PurchaseHistories = getattr(fits[0], "_seen", PurchaseHistories.of)(histories)
        end = _column("periods", periods, len(seen))
        kinds = {(type(fit), fit.parameters.get("k")): fit for fit in fits}.values()
        alike = [fit._alike(seen)[1].astype(np.float64) for fit in kinds]  # a model says whom it cannot tell apart
        first, kind = distinct(*alike, end, *seen.covariates.T)
        order = np.argsort(kind, kind="stable")
        starts = np.searchsorted(kind[order], np.arange(len(first) + 1))
        return cls(fits, seen, _some(seen, first), end[first], kind, order, starts)

    def rows_of(self, members: IntArray) -> Iterator[tuple[IntArray, IntArray]]:
        """The histories of some kinds, in portions, and the position of each one's kind among these."""
        sizes = self.starts[members + 1] - self.starts[members]
        member = np.repeat(np.arange(len(members)), sizes)
        within = np.arange(len(member)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        rows = self.order[np.repeat(self.starts[members], sizes) + within]
        portion = max(_ROWS // len(self.fits), 1)
        for start in range(0, len(rows), portion):
            yield rows[start : start + portion], member[start : start + portion]

    def alive(self, rows: IntArray) -> FloatArray:
        """P(active) under each fit, shape (rows, fits)."""
        some = _some(self.seen, rows)
        return np.stack([fit.p_alive(some) for fit in self.fits], axis=1)

    def seldom_exceeded(self, tail: float) -> FloatArray:
        """A count that each kind exceeds with at most this probability if active: a high rate, and its Poisson tail."""
        if not len(self.end):
            return np.zeros(0)
        posteriors = [fit.posterior(self.few) for fit in self.fits]
        highest = [
            np.where(s > 0, special.gammaincinv(np.maximum(s, 1e-9), 1 - tail / 2), 0) / r for s, r in posteriors
        ]
        mean = np.max(highest, axis=0) * self.end
        z = float(-special.ndtri(tail / 2))
        return np.asarray(mean + z * np.sqrt(mean) + z**2 / 2 + 2)

    def more_than(self, members: IntArray, most: int) -> FloatArray:
        """P(N > n) if active for n = 0..most, shape (fits, members, most + 1)."""
        some, end = _some(self.few, members), self.end[members]
        up_to = [np.cumsum(fit.activity(some).distribution(end, most), axis=1) for fit in self.fits]
        return np.asarray(np.clip(1 - np.stack(up_to), 0.0, 1.0))

    def by_width(self, wanted: FloatArray) -> Iterator[tuple[int, IntArray]]:
        """Kinds in blocks small enough for memory, with how many counts their table should have."""
        widths = np.exp2(np.ceil(np.log2(np.clip(wanted + 1, 8, _MOST)))).astype(np.int64)
        for width in np.unique(widths):
            yield from ((int(width), block) for block in self.blocks(np.flatnonzero(widths == width), int(width)))

    def blocks(self, members: IntArray, width: int) -> Iterator[IntArray]:
        size = max(_CELLS // (len(self.fits) * (width + 100)), 1)
        for start in range(0, len(members), size):
            yield members[start : start + size]

    def beyond(self, members: IntArray, table: FloatArray) -> _Beyond:
        """What lies above the table of these kinds."""
        return _Beyond.of(self.fits, _some(self.few, members), self.end[members], table)


@dataclass(frozen=True, eq=False)
class _Mixture:
    """Purchases (or spending) of some histories: nothing if inactive, a table if active, averaged over the fits."""

    alive: FloatArray  # (rows, fits)
    more_than: Callable[[Any], FloatArray]  # points (rows, m) -> P(more) if active, (fits, rows, m)

    def up_to(self, points: Any) -> FloatArray:
        """P(no more than this), shape (rows, m)."""
        more = np.einsum("krm,rk->rm", self.more_than(points), self.alive)
        return np.asarray(1 - more / self.alive.shape[1])


def _looked_up(table: FloatArray, member: IntArray) -> Callable[[Any], FloatArray]:
    return lambda points: table[:, member[:, None], points]


def _first_reaching(mixture: _Mixture, levels: FloatArray, last: int) -> IntArray:
    """The first index (0..last) at which a distribution reaches each level, by halving; last + 1 where none does."""
    shape = (len(mixture.alive), len(levels))
    low, high = np.full(shape, -1, dtype=np.int64), np.full(shape, last + 1, dtype=np.int64)
    while np.any(high - low > 1):
        middle = np.clip((low + high) // 2, 0, last)
        reached = mixture.up_to(middle) >= levels - _SLACK
        open_ = high - low > 1
        high = np.where(open_ & reached, middle, high)
        low = np.where(open_ & ~reached, middle, low)
    return high


@dataclass(frozen=True, eq=False)
class _Beyond:
    """Counts above a table: a gamma distribution with the mean and variance of N > 0, continuing the table."""

    last: int
    shape: FloatArray  # (fits, members), so are the others
    scale: FloatArray
    factor: FloatArray

    @classmethod
    def of(cls, fits: tuple[PurchaseFit, ...], few: PurchaseHistories, end: FloatArray, table: FloatArray) -> _Beyond:
        activities = [fit.activity(few) for fit in fits]
        mean, product, none = (
            np.stack([getattr(one, question)(*window) for one in activities])
            for question, window in (("expected", (0.0, end)), ("product", (0.0, end)), ("none", (0.0, end)))
        )
        some = np.maximum(1 - none, 1e-300)
        mean, square = mean / some, (product + mean) / some
        variance = np.maximum(square - mean**2, np.maximum(mean, 1e-300))  # never less than Poisson
        shape, scale = np.maximum(mean, 1e-300) ** 2 / variance, variance / np.maximum(mean, 1e-300)
        last = table.shape[2] - 1
        there = special.gammaincc(shape, (last + 0.5) / scale)
        return cls(last, shape, scale, np.where(there > 0, table[:, :, last] / np.where(there > 0, there, 1.0), 0.0))

    def at(self, member: IntArray) -> Callable[[Any], FloatArray]:
        """P(N > n) of these kinds as a function of n, shape (rows, m)."""
        shape, scale, factor = (part[:, member, None] for part in (self.shape, self.scale, self.factor))
        return lambda n: np.asarray(factor * special.gammaincc(shape, (n + 0.5) / scale))

    def first_reaching(self, alive: FloatArray, member: IntArray, levels: FloatArray) -> FloatArray:
        mixture = _Mixture(alive, self.at(member))
        high = np.full((len(alive), len(levels)), 2.0 * self.last)
        while True:
            short = (mixture.up_to(high) < levels - _SLACK) & (high < _HIGHEST)
            if not np.any(short):
                break
            high = np.where(short, 2 * high, high)
        low = np.full(high.shape, float(self.last))
        return self._halved(mixture, low, high, levels)

    def _halved(self, mixture: _Mixture, low: FloatArray, high: FloatArray, levels: FloatArray) -> FloatArray:
        while np.any(high - low > 1):
            middle = np.floor((low + high) / 2)
            reached = mixture.up_to(middle) >= levels - _SLACK
            high, low = np.where(reached, middle, high), np.where(reached, low, middle)
        return high


# --- spending


@dataclass(frozen=True, eq=False)
class _SpendTable:
    """The distribution of spending over (k + S) of some kinds of customers, at points common to all of them."""

    points: FloatArray  # logarithms, rising
    more: FloatArray  # P(more) if active, (fits, members, points)
    any: FloatArray  # P(any purchase) if active, (fits, members, 1)
    shift: FloatArray  # what to add to the points, per member

    def quantiles(self, alive: FloatArray, member: IntArray, levels: FloatArray) -> FloatArray:
        """One row per history (`member` says which kind it is of), one column per level."""
        spent, last = self._spent(alive, member), len(self.points) - 1
        right = np.minimum(_first_reaching(spent, levels, last), last)
        left = np.maximum(right - 1, 0)
        nothing = self._nothing(alive, member)
        low, high, sought = (_scores(at, nothing) for at in (spent.up_to(left), spent.up_to(right), levels))
        share = np.clip((sought - low) / np.where(high > low, high - low, 1.0), 0.0, 1.0)
        logs = self.points[left] + share * (self.points[right] - self.points[left]) + self.shift[member, None]
        return np.where(nothing >= levels - _SLACK, 0.0, np.exp(logs))

    def up_to(self, alive: FloatArray, member: IntArray, values: FloatArray) -> FloatArray:
        """P(spending up to the value), one per history."""
        nothing = self._nothing(alive, member)[:, 0]
        logs = np.log(np.where(values > 0, values, 1.0)) - self.shift[member]
        right = np.clip(np.searchsorted(self.points, logs), 1, len(self.points) - 1)
        left, spent = right - 1, self._spent(alive, member)
        low, high = (_scores(spent.up_to(at[:, None])[:, 0], nothing) for at in (left, right))
        share = np.clip((logs - self.points[left]) / (self.points[right] - self.points[left]), 0.0, 1.0)
        between = nothing + (1 - nothing) * special.ndtr(low + share * (high - low))
        return np.where((values > 0) & (logs >= self.points[0]), between, nothing)

    def _spent(self, alive: FloatArray, member: IntArray) -> _Mixture:
        return _Mixture(alive, _looked_up(self.more, member))

    def _nothing(self, alive: FloatArray, member: IntArray) -> FloatArray:
        return _Mixture(alive, lambda _: self.any[:, member]).up_to(None)


def _scores(probability: FloatArray, nothing: FloatArray) -> FloatArray:
    """Normal scores among those who spend: on this scale the distribution is nearly straight between two points."""
    of_some = (probability - nothing) / np.maximum(1 - nothing, 1e-300)
    return np.asarray(special.ndtri(np.clip(of_some, 1e-9, 1 - 1e-9)))


def _spend_tables(crowd: _Crowd, amounts: tuple[AmountModel, ...]) -> Iterator[tuple[IntArray, _SpendTable]]:
    x, most = crowd.few.repeat_purchases, crowd.seldom_exceeded(_LEFT_OUT)
    over = np.log(np.maximum(x, _OWN_TABLE) / _OWN_TABLE) / 0.02
    table_of = np.where(x <= _OWN_TABLE, x, _OWN_TABLE + np.ceil(over))
    for one in np.unique(table_of):
        members = np.flatnonzero(table_of == one)
        members = members[np.argsort(most[members], kind="stable")]  # alike in a block
        width = int(min(most[members[-1]], _MOST))
        for block in crowd.blocks(members, width):
            yield block, _spend_table(crowd, amounts, block, int(min(most[block[-1]], _MOST)))


def _spend_table(crowd: _Crowd, amounts: tuple[AmountModel, ...], members: IntArray, width: int) -> _SpendTable:
    counts = _Counts.of(crowd, members, width)
    x = crowd.few.repeat_purchases[members]
    usual = float(np.median(x))
    sums = [_Sums.of(one, usual, shift) for one, shift in zip(amounts, _shifts(amounts, usual), strict=True)]
    edges = counts.edges(min(one.usual_spread for one in sums))
    n = (edges[:-1] + 1 + edges[1:]) / 2
    points = _points(sums, n)
    of_sums = [one.more_than(n, points) for one in sums]
    more = np.stack([share @ of_sums[k % len(sums)] for k, share in enumerate(counts.between(edges))])
    p, q = (float(np.median([getattr(one, name) for one in amounts])) for name in ("p", "q"))
    shift = np.log((q + p * usual) / (q + p * x))
    return _SpendTable(points, np.clip(more, 0.0, 1.0), counts.table[:, :, :1], shift)


def _shifts(amounts: tuple[AmountModel, ...], x: float) -> FloatArray:
    """ln of (k + S) over that at the reference k, at the S that customers with x purchases usually have.

    Draws differ in k; what that does to a customer's spending depends on S, a little, and S is not known here.
    """
    k = reference_scale(amounts)
    usual = float(np.median([one.p / one.q for one in amounts])) * k * x
    return np.asarray(np.log([(one.scale + usual) / (k + usual) for one in amounts]))


@dataclass(frozen=True, eq=False)
class _Counts:
    """How many purchases some kinds of customers make if active, put into bins where there may be many."""

    table: FloatArray  # P(N > n), (fits, members, n)
    beyond: Callable[[Any], FloatArray]  # the same above the table

    @classmethod
    def of(cls, crowd: _Crowd, members: IntArray, width: int) -> _Counts:
        table = crowd.more_than(members, width)
        if table[:, :, -1].max() <= _LEFT_OUT:
            return cls(table, lambda n: np.zeros((*table.shape[:2], n.shape[-1])))
        return cls(table, crowd.beyond(members, table).at(np.arange(len(members))))

    def more_than(self, n: FloatArray) -> FloatArray:
        last = self.table.shape[2] - 1
        inside = self.table[:, :, np.minimum(n, last).astype(np.int64)]
        return inside if n[-1] <= last else np.where(n > last, self.beyond(np.maximum(n, last)[None, :]), inside)

    def edges(self, spread: float) -> FloatArray:
        """Ends of bins of counts, from the last count that nobody stays below to the first that nobody exceeds.

        Every count by itself up to 24, then bins narrow against one customer's `spread`; at most some 400.
        """
        top = self.table.max(axis=(0, 1))
        bottom = (self.table[:, :, :1] - self.table).max(axis=(0, 1))
        first = float(max(int(np.searchsorted(bottom, _LEFT_OUT, side="right")) - 1, 0))
        last = max(float(int(np.searchsorted(-top, -_LEFT_OUT))), first + 1)
        if last >= len(top):
            while self.beyond(np.array([[last]])).max() > _LEFT_OUT and last < _HIGHEST:
                last *= 2
        ratio = np.exp(max(min(0.05, spread / 5), np.log(last / (first + 1)) / 400))
        ends = [first]
        while ends[-1] < last:
            following = ends[-1] + 1
            ends.append(following if following < 24 else max(following, np.floor(following * ratio)))
        return np.array(ends)

    def between(self, edges: FloatArray) -> FloatArray:
        """P(N in each bin), shape (fits, members, bins); the outer bins take what lies outside."""
        more = self.more_than(edges)
        more[:, :, 0], more[:, :, -1] = self.table[:, :, 0], 0.0
        return np.maximum(-np.diff(more, axis=2), 0.0)


@dataclass(frozen=True, eq=False)
class _Sums:
    """The sum of n amounts over (k + S) of customers with x purchases: beta-prime(p n, q + p x), in logarithms."""

    p: float
    shape: float  # q + p x
    shift: float  # added to the logarithms

    @classmethod
    def of(cls, amounts: AmountModel, x: float, shift: float) -> _Sums:
        return cls(amounts.p, amounts.q + amounts.p * x, shift)

    @property
    def usual_spread(self) -> float:
        return float(np.sqrt(1 / self.shape))

    def centre(self, n: FloatArray) -> FloatArray:
        return np.asarray(special.digamma(self.p * n) - special.digamma(self.shape) + self.shift)

    def spread(self, n: FloatArray) -> FloatArray:
        return np.sqrt(special.polygamma(1, self.p * n) + special.polygamma(1, self.shape))

    def lowest(self, n: float) -> float:
        """A logarithm that hardly any sum stays below."""
        centre, spread = self.centre(np.array([n]))[0], self.spread(np.array([n]))[0]
        share = float(special.betaincinv(self.p * n, self.shape, _LEFT_OUT))
        exact = np.log(share / (1 - share)) + self.shift if 0 < share < 0.5 else -np.inf
        return float(np.clip(exact, centre - 12 * spread, centre - 4 * spread))

    def highest(self, n: float) -> float:
        """A logarithm that hardly any sum exceeds."""
        mirrored = _Sums(self.shape / n, self.p * n, -self.shift)  # one over the sum is beta-prime too
        return -mirrored.lowest(n)

    def more_than(self, n: FloatArray, points: FloatArray) -> FloatArray:
        """P(sum of n amounts > point), shape (n, points)."""
        logs = points - self.shift
        far = (points - self.centre(n)[:, None]) / self.spread(n)[:, None]
        result = np.where(far < 0, 1.0, 0.0)
        near = np.abs(far) < 12
        row, column = np.nonzero(near & (logs < 0))  # the smaller of the two shares keeps its digits
        result[row, column] = special.betaincc(self.p * n[row], self.shape, special.expit(logs[column]))
        row, column = np.nonzero(near & (logs >= 0))
        result[row, column] = special.betainc(self.shape, self.p * n[row], special.expit(-logs[column]))
        return result


def _points(sums: list[_Sums], n: FloatArray) -> FloatArray:
    """Where to tabulate: from end to end, in steps that are small against the narrowest distribution there."""
    low, high = min(one.lowest(n[0]) for one in sums), max(one.highest(n[-1]) for one in sums)
    centre = np.median([one.centre(n) for one in sums], axis=0)
    spread = np.min([one.spread(n) for one in sums], axis=0)
    logs = np.concatenate([[low], np.clip(centre, low, high), [high]])
    spread = np.concatenate([spread[:1], spread, spread[-1:]])
    steps = np.concatenate([[0.0], np.cumsum(np.diff(logs) * (1 / spread[1:] + 1 / spread[:-1]) / 2)])
    return np.asarray(np.interp(np.linspace(0, steps[-1], min(int(steps[-1] / _STEP) + 3, _POINTS)), steps, logs))


# --- arguments


def _several(fit: Fits) -> tuple[PurchaseFit, ...]:
    fits = (fit,) if isinstance(fit, PurchaseFit) else tuple(fit)
    if not fits:
        raise ValueError("fit must be a purchase model, or several")
    return fits


def _several_amounts(fit: Amounts) -> tuple[AmountModel, ...]:
    amounts = tuple(fit) if isinstance(fit, Sequence) else (fit,)
    if not amounts:
        raise ValueError("amount_fit must be an amount model, or several")
    return amounts


def _paired(fit: Fits, amount_fit: Amounts) -> tuple[tuple[PurchaseFit, ...], tuple[AmountModel, ...]]:
    """At least as many purchase models as amount models: they go in pairs, the fewer beginning again from the first."""
    fits, amounts = _several(fit), _several_amounts(amount_fit)
    return tuple(fits[k % len(fits)] for k in range(max(len(fits), len(amounts)))), amounts


def _levels(levels: Sequence[float]) -> FloatArray:
    array = np.asarray(levels, dtype=np.float64)
    if array.ndim != 1 or not bool(np.all((array > 0) & (array < 1))):
        raise ValueError("levels must lie between 0 and 1")
    return array


def _column(name: str, values: npt.ArrayLike, rows: int) -> FloatArray:
    array = not_negative(name, values)
    if array.ndim > 1 or (array.ndim == 1 and len(array) != rows):
        raise ValueError(f"{name} must be a number, or as many as there are histories")
    return np.array(np.broadcast_to(array, rows))


def _some(seen: PurchaseHistories, rows: IntArray) -> PurchaseHistories:
    """Some of the histories, with whatever else their kind knows of them row by row; they were checked already."""
    few = object.__new__(type(seen))
    for column in fields(seen):
        values = getattr(seen, column.name)
        object.__setattr__(few, column.name, values[rows] if isinstance(values, np.ndarray) else values)
    return few
