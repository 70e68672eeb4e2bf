"""The integral that Pareto/NBD is made of, on a logarithmic scale, with its moments.

With purchase rates Gamma(., alpha) and dropout rates Gamma(., beta) every question comes down to

    Integral_t^inf (1 + y/alpha)^-p (1 + y/beta)^-q dy,    p + q > 1.

Seen from its lower end, y = t + v, the integrand is (1 + v/A)^-p (1 + v/B)^-q with A = alpha + t, B = beta + t.
Written in u = ln(1 + v/m), m the smaller of A and B, it decays exponentially and its logarithm is concave, so a
double-exponential rule (Takahasi and Mori 1974) gives all digits with some forty nodes. All terms are positive:
nothing cancels, and nothing can underflow, because the integrand is 1 at its lower end. Slopes by the parameters
are means of ln(1 + y/alpha), y/(alpha + y) and so on under the integrand, so they come from the same nodes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from kezhi.models.histories import FloatArray, IntArray

_FIRST, _LAST, _LAST_FAST = -3.6, 3.7, 4.9  # range of the rule: beyond it lies less than e^-36 of the integral
_STEP = 0.2  # of the rule: errors below 1e-12 where nothing bends
_BEND, _FINEST = 3.0, 2.0**11  # where it bends the steps are so many times smaller, per unit of spacing
_DIED_OUT = 38.0  # e^-38 is nothing
_FURTHEST = 700.0  # e^u must be a number
_STEEP = 64.0  # exponents above it need ln(1 + .) to keep their digits
_BLOCK = 512  # rows at once, so that the work stays in the processor's cache


@dataclass(frozen=True, eq=False)
class Tails:
    """ln of the integral, one entry per row, and what the integrand as a density says of y.

    `mean` (rows, 4) and `covariance` (rows, 4, 4) are of ln(1 + y/alpha), y/(alpha + y), ln(1 + y/beta), y/(beta + y);
    `covariance` is empty unless asked for.
    """

    log: FloatArray
    mean: FloatArray
    covariance: FloatArray

    def part(self, rows: slice) -> Tails:
        """Some of the rows."""
        return Tails(self.log[rows], self.mean[rows], self.covariance[rows])


def tails(
    t: FloatArray,
    alpha: FloatArray,
    beta: FloatArray,
    p: FloatArray,
    q: FloatArray,
    total: FloatArray,
    moments: int = 0,
) -> Tails:
    """The integral from t on; arrays of one length. `total` is p + q - 1 (given, because subtracting loses digits).

    `moments` 0: the integral alone; 1: means too; 2: covariances too.
    """
    A, B = alpha + t, beta + t
    swapped = A > B
    small, large = np.where(swapped, B, A), np.where(swapped, A, B)
    shape = _Shape(small / large, np.where(swapped, q, p), np.where(swapped, p, q), total)
    log, mean, square = _from_zero(shape, moments)
    order = np.where(swapped[:, None], [2, 3, 0, 1], [0, 1, 2, 3])  # where the means of alpha and beta are
    rows = np.arange(len(t))[:, None]
    log = np.log(small) + log - p * np.log1p(t / alpha) - q * np.log1p(t / beta)
    if moments == 0:
        return Tails(log, np.zeros((len(t), 0)), np.zeros((len(t), 0, 0)))
    one = np.ones(len(t))
    # from v / (A + v) to y / (alpha + y) = t / A + (alpha / A) v / (A + v); the logarithms just add up
    shift = np.stack([np.log1p(t / alpha), t / A, np.log1p(t / beta), t / B], axis=1)
    factor = np.stack([one, alpha / A, one, beta / B], axis=1)
    mean = mean[rows, order]
    covariance = np.zeros((len(t), 0, 0))
    if moments == 2:
        square = square[rows[:, :, None], order[:, :, None], order[:, None, :]]
        covariance = (square - mean[:, :, None] * mean[:, None, :]) * factor[:, :, None] * factor[:, None, :]
    return Tails(log, shift + factor * mean, covariance)


@dataclass(frozen=True, eq=False)
class _Shape:
    """(1 + v/m)^-near (1 + v/M)^-far with m <= M; `ratio` is m / M, `total` near + far - 1."""

    ratio: FloatArray
    near: FloatArray
    far: FloatArray
    total: FloatArray

    def part(self, rows: IntArray) -> _Shape:
        return _Shape(*(column[rows, None] for column in (self.ratio, self.near, self.far, self.total)))


def _from_zero(shape: _Shape, moments: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """ln Integral_0^inf dv / m, and means (of products) of ln(1 + v/m), v/(m + v), ln(1 + v/M), v/(M + v) under it."""
    rows = len(shape.ratio)
    reach = _reach(shape)
    fast = _falls_fast(shape, reach)
    octave = np.ceil(np.log2(np.where(fast, np.expm1(np.minimum(reach, 1.0)), reach)))
    # in u the integrand bends at ln M/m, if it has not died out before: the nodes must see that
    bend = np.where(fast, 0.0, np.minimum(reach, -np.log(shape.ratio) + (reach > 4)))
    spread = bend * (1 + np.log(reach / np.maximum(bend, 1e-300)))  # of the nodes there, in steps of the rule
    finer = np.ceil(np.log2(np.clip(spread * _BEND, 1.0, _FINEST)))
    kinds, kind = np.unique(finer * 4 + fast * 2 + (shape.far > _STEEP), return_inverse=True)
    log, mean = np.empty(rows), np.empty((rows, 4 if moments else 0))
    square = np.empty((rows, 4, 4) if moments == 2 else (rows, 0, 0))
    for number in range(len(kinds)):
        alike = np.flatnonzero(kind == number)
        size = max(int(_BLOCK / 2 ** finer[alike[0]]), 1)
        for begin in range(0, len(alike), size):
            some = alike[begin : begin + size]
            nodes = _nodes(bool(fast[some[0]]), octave[some], float(finer[some[0]]))
            log[some], mean[some], square[some] = _add_up(shape.part(some), nodes, moments)
    return log, mean, square


def _falls_fast(shape: _Shape, reach: FloatArray) -> npt.NDArray[np.bool_]:
    """Whether the integrand has died out, as a function of v, at some multiple of where it is 1/e."""
    far_out = np.exp(_LAST_FAST) * np.expm1(np.minimum(reach, 1.0))
    fallen = shape.near * np.log1p(far_out) + shape.far * np.log1p(shape.ratio * far_out)
    return np.asarray((reach < 1) & (fallen > _DIED_OUT))


def _reach(shape: _Shape) -> FloatArray:
    """Roughly the u where the integrand has fallen to 1/e: Newton's method from above, which cannot overshoot."""
    ratio, far, total = shape.ratio, shape.far, shape.total
    slope = total - far * (1 - ratio)
    u = (1 - far * np.log(ratio)) / total
    u = np.where(slope * u > 1, 1 / np.where(slope > 0, slope, 1.0), u)
    for _ in range(40):
        fade = (1 - ratio) * np.exp(-u)
        fallen = total * u + far * np.log(ratio + fade) - 1
        step = fallen / np.maximum(total - far * fade / (ratio + fade), 1e-3 * total)
        u = np.maximum(u - step, 0.5 * u)
        if not np.any(step > 0.1 * u):
            break
    return u


@dataclass(frozen=True, eq=False)
class _Nodes:
    """Where the integrand is looked at: v / m, u = ln(1 + v/m), v / (m + v), and the weight of each, ln du."""

    fast: bool
    grown: FloatArray
    u: FloatArray
    share: FloatArray
    weight: FloatArray


def _nodes(fast: bool, octaves: FloatArray, finer: float) -> _Nodes:
    """The nodes of each row, given the power of 2 where its integrand has fallen to about 1/e."""
    lowest = int(octaves.min())
    table = _rules(fast, lowest, int(octaves.max()), finer)
    return _Nodes(fast, *table[:, octaves.astype(np.int64) - lowest])


@lru_cache(maxsize=32)
def _rules(fast: bool, lowest: int, highest: int, finer: float) -> FloatArray:
    """Nodes in v (where the integrand falls fast) or in u, as `_Nodes` wants them: shape (4, powers of 2, nodes)."""
    step = _STEP / 2**finer
    t = np.arange(_FIRST, (_LAST_FAST if fast else _LAST) + step / 2, step)
    at = 2.0 ** np.arange(lowest, highest + 1)[:, None] * np.exp(t - np.exp(-t))
    weight = np.log(step * at * (1 + np.exp(-t)))
    if fast:
        return np.stack([at, np.log1p(at), at / (1 + at), weight - np.log1p(at)])
    return np.stack([np.expm1(np.minimum(at, _FURTHEST)), at, -np.expm1(-at), weight])


def _add_up(shape: _Shape, nodes: _Nodes, moments: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The sums over the nodes, for some rows."""
    if nodes.fast or shape.far[0, 0] > _STEEP:
        grown = shape.ratio * nodes.grown  # v / M
        far_log = np.log1p(grown) if shape.far[0, 0] > _STEEP else np.log(1 + grown)
        density = np.exp(nodes.weight + (1 - shape.near) * nodes.u - shape.far * far_log)
        far_share = grown / (1 + grown)
    else:  # the same without e^u, which may be too large
        left = shape.ratio + (1 - shape.ratio) * np.exp(-nodes.u)  # (1 + v/M) / (1 + v/m)
        change = np.log(left)
        density = np.exp(nodes.weight - shape.total * nodes.u - shape.far * change)
        far_log, far_share = nodes.u + change, shape.ratio * nodes.share / left
    amount = density.sum(axis=1)
    rows = len(amount)
    functions = (nodes.u, nodes.share, far_log, far_share) if moments else ()
    mean, square = np.empty((rows, len(functions))), np.empty((rows, 4, 4) if moments == 2 else (rows, 0, 0))
    for i, one in enumerate(functions):
        weighted = density * one
        mean[:, i] = weighted.sum(axis=1) / amount
        for j, other in enumerate(functions[: i + 1] if moments == 2 else ()):
            square[:, i, j] = square[:, j, i] = (weighted * other).sum(axis=1) / amount
    return np.log(amount), mean, square
