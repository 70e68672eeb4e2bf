"""What regular buyers of the BG family do from now on: purchases at the end of every k-th stage, leaving after any.

Stages are passed at a rate mu that is gamma-distributed; j = 0..k-1 of them have passed since the last purchase. To
pick every k-th stage out of a Poisson process, roots of unity are summed: with p the chance to leave after a purchase,
phi = (1 - p)^(1/k), o = e^(2 pi i / k) and z_l = 1 - phi o^l, a customer active now is active and in phase i after u
periods with probability

    phi^(j - i) / k  sum_l o^(l (j - i)) e^(-mu u z_l)

and so buys at that time at the rate mu phi^(j + 1 - k) / k sum_l o^(l (j + 1)) e^(-mu u z_l). For k = 1 these are
e^(-mu p u) and mu e^(-mu p u), as in `bg_nbd`. The average over mu is closed, E e^(-mu c) = (1 + c)^-shape with
times over the rate of its distribution; that over p is a sum, see `beta_expectation`; that over j is another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special

from kezhi.models.beta_dropout import draw_beta, draw_geometric
from kezhi.models.beta_expectation import average
from kezhi.models.bg_nbd import leaving_counts, pairs, window
from kezhi.models.histories import FloatArray, distinct

_LEAST_STAYING = 1e-8  # 1 - p below this is taken as this: smaller, the sums over roots would cancel
_CELLS = 4_000_000  # values held at a time

Numbers = npt.NDArray[Any]  # real for the first root, complex for the others


@dataclass(frozen=True, eq=False)
class StagedActivity:
    """Purchases at the end of every k-th stage, after each of which one leaves with p ~ Beta(a, b).

    `shape` is that of the stage rate at phase 0 (phase j adds j), `rate` its rate; `phases` the probabilities of the
    phases, shape (rows, k). Times in periods from now.
    """

    k: int
    shape: FloatArray
    rate: FloatArray
    phases: FloatArray
    a: float
    b: FloatArray

    def expected(self, start: npt.ArrayLike, end: npt.ArrayLike) -> FloatArray:
        """E[N]: the integral of the rate at which purchases come."""
        return np.maximum(self._average(_expected, start, end), 0.0)

    def product(self, start: npt.ArrayLike, end: npt.ArrayLike) -> FloatArray:
        """E[N (N - 1)]: twice the chance density of a purchase at u and another at v, over start < u < v < end."""
        return np.maximum(self._average(_product, start, end), 0.0)

    def none(self, start: npt.ArrayLike, end: npt.ArrayLike) -> FloatArray:
        """P(N = 0) = 1 - P(active at the start and enough stages in the window for a purchase)."""
        return np.clip(1 - self._average(_any, start, end), 0.0, 1.0)

    def distribution(self, end: npt.ArrayLike, most: int) -> FloatArray:
        """P(N = n): stages are negative binomial, M = floor((j + stages) / k), leaving as in BG/NBD."""
        _, length = window(self.rate, 0.0, end)
        first, index = distinct(self.shape, length)
        shape, length = self.shape[first], length[first]
        few = max(_CELLS // (self.k * (most + 1)), 1)
        exactly = np.zeros((len(index), most + 1))
        for j in range(self.k):
            parts = [
                _purchases_of_stages(shape[i : i + few] + j, length[i : i + few], self.k, j, most)
                for i in range(0, len(shape), few)
            ]
            given = np.concatenate(parts or [np.zeros((0, most + 1))])[index]
            given[:, 0] -= 1  # so that no time means exactly 1 for no purchase, however the phases round
            exactly += self.phases[:, j, None] * given
        exactly[:, 0] = np.maximum(exactly[:, 0] + 1, 0.0)
        return leaving_counts(exactly, self.a, self.b)

    def draw(self, rng: np.random.Generator, end: npt.ArrayLike) -> FloatArray:
        """One random N per history."""
        phase = (rng.random(len(self.shape))[:, None] > np.cumsum(self.phases, axis=1)[:, :-1]).sum(axis=1)
        stages = rng.poisson(rng.gamma(self.shape + phase) / self.rate * np.asarray(end))
        leaves = draw_geometric(rng, draw_beta(rng, self.a, self.b))
        return np.asarray(np.minimum((phase + stages) // self.k, leaves))

    def _average(self, given: Any, start: npt.ArrayLike, end: npt.ArrayLike) -> FloatArray:
        """Over p and the phases, with the window in units of the rate."""
        begin, length = window(self.rate, start, end)
        first, index = distinct(self.shape, begin, length)

        def every_phase(p: FloatArray, y: FloatArray, *columns: FloatArray) -> FloatArray:
            return np.asarray(given(_Roots(self.k, p, y), *columns))

        table = average(every_phase, self.a, self.b[first], self.shape[first], begin[first], length[first])
        return np.asarray((self.phases.T * table[:, index]).sum(axis=0))


class _Roots:
    """phi and z_l for nodes p = 1 - y; the z of l = 0 is exact however small p is, and real as that of l = k / 2."""

    def __init__(self, k: int, p: FloatArray, y: FloatArray) -> None:
        log_stay = np.where(p < 0.5, np.log1p(-np.minimum(p, 0.5)), np.log(np.maximum(y, _LEAST_STAYING)))
        self.k, self.log_phi = k, log_stay / k
        phi = np.exp(self.log_phi)
        self.z: list[Numbers] = [-np.expm1(self.log_phi), *(1 - phi * self.turn(n) for n in range(1, k))]

    def turn(self, n: int) -> complex:
        """o^n."""
        part = (n % self.k) / self.k
        exact = {0.0: 1.0, 0.5: -1.0}
        return exact[part] if part in exact else complex(np.exp(2j * np.pi * part))

    def scale(self, power: int) -> FloatArray:
        """phi^power / k."""
        return np.asarray(np.exp(power * self.log_phi) / self.k)

    def half(self) -> list[tuple[int, float]]:
        """Each l that stands for itself and its conjugate, and for how many it stands."""
        return [(n, 1.0 if n in (0, self.k - n) else 2.0) for n in range(self.k // 2 + 1)]

    def nothing(self) -> FloatArray:
        """A zero for each phase and node."""
        return np.zeros((self.k, *np.shape(self.z[0])))


def _expected(roots: _Roots, shape: FloatArray, begin: FloatArray, length: FloatArray) -> FloatArray:
    """E[N] given p, for every phase."""
    total = roots.nothing()
    for n, times in roots.half():
        for j, fallen in enumerate(_falls(roots.k, shape, begin * roots.z[n], length, roots.z[n])):
            total[j] += times * np.real(roots.turn(n * (j + 1)) * fallen)
    for j in range(roots.k):
        total[j] *= roots.scale(j + 1 - roots.k)
    return total


def _product(roots: _Roots, shape: FloatArray, begin: FloatArray, length: FloatArray) -> FloatArray:
    """E[N (N - 1)] given p, for every phase: each purchase at u (root l) with each later one at v (root m, phase 0)."""
    total = roots.nothing()
    for n, times in roots.half():
        for m in range(roots.k):
            both = _double_falls(roots, n, m, shape, begin * roots.z[n], length)
            for j, fallen in enumerate(both):
                total[j] += times * np.real(roots.turn(n * (j + 1) + m) * fallen)
    for j in range(roots.k):
        total[j] *= 2 * roots.scale(j + 2 - roots.k) / roots.k
    return total


def _any(roots: _Roots, shape: FloatArray, begin: FloatArray, length: FloatArray) -> FloatArray:
    """P(N > 0) given p, for every phase: active in phase i at the start, and not fewer than k - i stages to follow."""
    total, k = roots.nothing(), roots.k
    for n, times in roots.half():
        start, reach = 1 + begin * roots.z[n], 1 + begin * roots.z[n] + length
        there, silent = _powers(k, shape, start), _powers(k, shape, reach)
        for j in range(k):
            stages: Numbers = silent[j]  # h stages in the window, h = 0, 1, ...
            enough: Numbers = there[j] - stages
            for h in range(k):
                i = k - 1 - h
                total[j] += times * roots.scale(j - i) * np.real(roots.turn(n * (j - i)) * enough)
                stages = stages * ((shape + j + h) / (h + 1)) * (length / reach)
                enough = enough - stages
    return total


def _powers(k: int, shape: FloatArray, base: Numbers) -> list[Numbers]:
    """base^-(shape + j) for j = 0..k-1."""
    powers: list[Numbers] = [np.exp(-shape * np.log(base))]
    for _ in range(k - 1):
        powers.append(powers[-1] / base)
    return powers


def _falls(k: int, shape: FloatArray, waited: Numbers, length: FloatArray, z: Numbers) -> list[Numbers]:
    """int e^(-mu (waited + u z)) mu du over the window, averaged over mu, for every phase; z may be next to 0."""
    lasts, there = special.log1p(length * z / (1 + waited)), _powers(k, shape, 1 + waited)
    return [np.asarray(there[j] * -special.expm1(-(shape + j) * lasts) / z) for j in range(k)]


def _double_falls(
    roots: _Roots, n: int, m: int, shape: FloatArray, waited: Numbers, length: FloatArray
) -> list[Numbers]:
    """int int mu^2 e^(-mu (waited + s z_n + t z_m)) ds dt over s + t < length, averaged over mu, for every phase."""
    k, u, w = roots.k, roots.z[min(n, m)], roots.z[max(n, m)]  # the smaller one first: it may be next to 0
    if n == m == 0:
        lasts = np.log1p(length * u / (1 + waited))
        return [pairs(u, shape + j, np.log1p(waited), lasts) for j in range(k)]
    single, ends = _falls(k, shape, waited, length, u), _powers(k, shape, 1 + waited + length * u)
    if n == m:
        reach = 1 + waited + length * u
        return [(single[j] - (shape + j) * length * ends[j] / reach) / w for j in range(k)]
    others = _powers(k, shape, 1 + waited + length * w)
    return [(single[j] - (ends[j] - others[j]) / (w - u)) / w for j in range(k)]


def _purchases_of_stages(shape: FloatArray, length: FloatArray, k: int, j: int, most: int) -> FloatArray:
    """P(floor((j + stages) / k) = n) for n = 0..most, stages negative binomial."""
    n = np.arange(k * (most + 1) - j)
    with np.errstate(divide="ignore"):
        odds = np.log(length / (1 + length))[:, None] + np.log((shape[:, None] + n[:-1]) / n[1:])
    logs = np.hstack([(-shape * np.log1p(length))[:, None], odds])
    table = np.zeros((len(shape), k * (most + 1)))
    table[:, j:] = np.exp(np.cumsum(logs, axis=1))
    return np.asarray(table.reshape(len(shape), most + 1, k).sum(axis=2))
