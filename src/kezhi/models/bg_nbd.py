"""Customers who may leave after any purchase: BG/NBD, and MBG/NBD where the first purchase counts too.

While active a customer buys at random at a steady rate lambda; after each repeat purchase (MBG: after each purchase)
he leaves for ever with probability p. lambda ~ Gamma(shape r, rate alpha), p ~ Beta(a, b), independent of each other.
The likelihood stands in `beta_dropout` (k = 1). What follows from it, for a customer still active at T:
lambda ~ Gamma(r + x, alpha + T) and p ~ Beta(a, b + x) (MBG: b + x + 1), again independent. Purchases of the future
come at rate lambda e^(-lambda p u) at time u, since leaving happens at rate lambda p.

Sources: Fader, Hardie, Lee (2005), "Counting your customers the easy way"; Batislam, Denizel, Filiztekin (2007),
"Empirical validation and comparison of models for customer base analysis".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import numpy as np
import numpy.typing as npt

from kezhi.models import fitting
from kezhi.models.beta_dropout import BetaDropoutFit, draw_beta, draw_geometric
from kezhi.models.beta_evidence import Search
from kezhi.models.beta_expectation import average
from kezhi.models.gamma_functions import log_rising
from kezhi.models.histories import FloatArray, PurchaseHistories
from kezhi.models.nbd import log_negative_binomial

AnyFit = TypeVar("AnyFit", bound="BGNBDFit")


@dataclass(frozen=True, eq=False, kw_only=True)
class BGNBDFit(BetaDropoutFit):
    """A fitted (or given) BG/NBD model; alpha is in periods, r, a and b have no unit; a = 0 means nobody leaves."""

    model: ClassVar[str] = "bg_nbd"
    names: ClassVar[tuple[str, ...]] = ("r", "alpha", "a", "b")
    may_leave_at_once: ClassVar[bool] = False

    def activity(self, histories: Any) -> ThinningActivity:
        """Purchases at a steady rate, after each of which the customer may leave."""
        seen = PurchaseHistories.of(histories)
        shape, rate = self.posterior(seen)
        return ThinningActivity(shape, rate, self.a, self.b + self._chances(seen))

    def posterior(self, histories: Any) -> tuple[FloatArray, FloatArray]:
        """What is known of the rate of a customer still active: Gamma(shape r + x, rate alpha + T), two arrays."""
        return self._stage_posterior(PurchaseHistories.of(histories))


@dataclass(frozen=True, eq=False, kw_only=True)
class MBGNBDFit(BGNBDFit):
    """A fitted (or given) MBG/NBD model: as BG/NBD, but a customer may leave right after the first purchase too."""

    model: ClassVar[str] = "mbg_nbd"
    may_leave_at_once: ClassVar[bool] = True


@dataclass(frozen=True)
class BGNBD:
    """Purchases at steady rates that differ; after each repeat purchase a customer may leave."""

    def fit(self, histories: Any) -> BGNBDFit:
        """The most likely r, alpha, a and b for these histories; see `BGNBDFit` for what it then answers."""
        return _fit(BGNBDFit, PurchaseHistories.of(histories))


@dataclass(frozen=True)
class MBGNBD:
    """Purchases at steady rates that differ; after each purchase, the first one too, a customer may leave."""

    def fit(self, histories: Any) -> MBGNBDFit:
        """The most likely r, alpha, a and b for these histories; see `MBGNBDFit` for what it then answers."""
        return _fit(MBGNBDFit, PurchaseHistories.of(histories))


def _fit(kind: type[AnyFit], seen: PurchaseHistories) -> AnyFit:
    search = Search.of(seen, kind.may_leave_at_once)
    found = search.without_rate() if search.nothing_to_learn else search.best(1)
    return kind(
        **fitting.natural(kind.names, found.values, found.covariance),
        log_likelihood=found.log_likelihood,
        customers=search.steady.customers,
        diagnosis=found.diagnosis,
        fallback=found.fallback,
        observed=search.steady.observed,
    )


@dataclass(frozen=True, eq=False)
class ThinningActivity:
    """Purchases at a rate that is Gamma(shape, rate), after each of which one leaves with p ~ Beta(a, b).

    The average over the rate is closed, E e^(-lambda c) = (1 + c / rate)^-shape; that over p is a sum, see
    `beta_expectation`. Times in periods from now.
    """

    shape: FloatArray
    rate: FloatArray
    a: float
    b: FloatArray

    def expected(self, start: npt.ArrayLike, end: npt.ArrayLike) -> FloatArray:
        """E[N] = E[(e^(-lambda p start) - e^(-lambda p end)) / p]; Fader, Hardie, Lee (2005), equation 10."""

        def given(p: FloatArray, _: FloatArray, shape: FloatArray, begin: FloatArray, length: FloatArray) -> FloatArray:
            waited, lasts = _log_ratios(p, begin, length)
            return np.asarray(np.exp(-shape * waited) * -np.expm1(-shape * lasts) / p)

        return np.maximum(self._average(given, start, end), 0.0)

    def product(self, start: npt.ArrayLike, end: npt.ArrayLike) -> FloatArray:
        """E[N (N - 1)] = 2 int_start^end (v - start) E[lambda^2 (1 - p) e^(-lambda p v)] dv.

        Given p the integral is E[e^(-lambda p start) - (1 + lambda p (end - start)) e^(-lambda p end)] / p^2.
        """

        def given(p: FloatArray, y: FloatArray, shape: FloatArray, begin: FloatArray, length: FloatArray) -> FloatArray:
            return np.asarray(2 * y * pairs(p, shape, *_log_ratios(p, begin, length)))

        return np.maximum(self._average(given, start, end), 0.0)

    def none(self, start: npt.ArrayLike, end: npt.ArrayLike) -> FloatArray:
        """P(N = 0) = 1 - E[e^(-lambda p start) (1 - e^(-lambda (end - start)))]."""

        def given(p: FloatArray, _: FloatArray, shape: FloatArray, begin: FloatArray, length: FloatArray) -> FloatArray:
            there = np.log1p(p * begin)
            silent = np.log1p(length / (1 + p * begin))
            return np.asarray(np.exp(-shape * there) * -np.expm1(-shape * silent))

        return np.clip(1 - self._average(given, start, end), 0.0, 1.0)

    def distribution(self, end: npt.ArrayLike, most: int) -> FloatArray:
        """P(N = n) = E[(1 - p)^n] P(M = n) + E[p (1 - p)^(n - 1)] P(M >= n), M the purchases of who never leaves."""
        length = np.broadcast_to(np.asarray(end, dtype=np.float64), self.shape.shape)
        n = np.arange(most + 1)
        exactly = np.exp(log_negative_binomial(n, self.shape[:, None], self.rate[:, None], length[:, None]))
        return leaving_counts(exactly, self.a, self.b)

    def draw(self, rng: np.random.Generator, end: npt.ArrayLike) -> FloatArray:
        """One random N per history."""
        bought = rng.poisson(rng.gamma(self.shape) / self.rate * np.asarray(end))
        return np.asarray(np.minimum(bought, draw_geometric(rng, draw_beta(rng, self.a, self.b))))

    def _average(self, given: Any, start: npt.ArrayLike, end: npt.ArrayLike) -> FloatArray:
        """Over p, with the window in units of the rate."""
        begin, length = window(self.rate, start, end)
        return average(given, self.a, self.b, self.shape, begin, length)


def window(rate: FloatArray, start: npt.ArrayLike, end: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Start and length of a window over the rate, one entry per history."""
    begin = np.broadcast_to(np.asarray(start, dtype=np.float64), rate.shape)
    stop = np.broadcast_to(np.asarray(end, dtype=np.float64), rate.shape)
    return begin / rate, (stop - begin) / rate


def _log_ratios(p: FloatArray, begin: FloatArray, length: FloatArray) -> tuple[FloatArray, FloatArray]:
    """ln(1 + p begin), and what it grows by over the window."""
    return np.log1p(p * begin), np.log1p(p * length / (1 + p * begin))


def pairs(p: FloatArray, shape: FloatArray, waited: FloatArray, lasts: FloatArray) -> FloatArray:
    """The integral of `product` given p, over (1 - p): closed, and exact where p is so small that terms cancel.

    With S = e^(-shape waited) and D = e^(-shape lasts) it is S (1 - D - shape D (1 - e^(-lasts))) / p^2.
    """
    u = shape * lasts
    kept = np.exp(-u)
    plain = kept * shape * np.expm1(-lasts) - np.expm1(-u)
    exact = kept * (_beyond_line(u) + shape * _beyond_line(-lasts))
    return np.asarray(np.exp(-shape * waited) * (np.where(u < 1, exact, plain) / p) / p)


def _beyond_line(u: FloatArray) -> FloatArray:
    """e^u - 1 - u for u up to 1 (above, a number that is not used)."""
    v = np.clip(u, -0.25, 0.25)  # where the difference would cancel
    series = 1 + v / 13
    for n in range(12, 2, -1):
        series *= v / n
        series += 1
    return np.where(np.abs(u) <= 0.25, series * v * v / 2, np.expm1(np.minimum(u, 1.0)) - u)


def leaving_counts(exactly: FloatArray, a: float, b: FloatArray) -> FloatArray:
    """Counts of purchases (rows x counts) of who never leaves, cut off by leaving with p ~ Beta(a, b) after each."""
    n = np.arange(exactly.shape[1])
    stays = np.exp(log_rising(b[:, None], n) - log_rising(a + b[:, None], n))
    before = np.maximum(1 - np.cumsum(exactly, axis=1)[:, :-1], 0.0)  # P(M >= n) for n = 1, 2, ...
    leaves = stays[:, :-1] * a / (a + b[:, None] + (n[1:] - 1))
    table = stays * exactly
    table[:, 1:] += leaves * before
    return np.asarray(table)
