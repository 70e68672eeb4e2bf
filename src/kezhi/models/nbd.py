"""Purchases that never stop: the negative binomial model (Poisson purchases, gamma-distributed rates).

Each customer buys at a steady rate lambda for ever; rates differ between customers as Gamma(shape b, rate
a). In Fader and Hardie's letters b is r and a is alpha. Source: Ehrenberg (1959); Schmittlein, Morrison,
Colombo (1987).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from kezhi.models import fitting
from kezhi.models.discounting import annuity
from kezhi.models.fitting import LIMIT, Diagnosis, Evaluation
from kezhi.models.gamma_functions import log_factorial, log_rising
from kezhi.models.histories import FloatArray, PurchaseHistories
from kezhi.models.purchases import PurchaseFit, not_negative

_BASIS = np.array([[-1.0, 1.0], [0.0, 1.0]])  # (ln mean rate, ln b) -> (ln a, ln b)


@dataclass(frozen=True, eq=False, kw_only=True)
class NBDFit(PurchaseFit):
    """A fitted (or given) negative binomial model; a is in periods, b has no unit, b / a is the mean rate."""

    model: ClassVar[str] = "nbd"
    names: ClassVar[tuple[str, ...]] = ("a", "b")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.a <= 0:
            raise ValueError("parameter a must be above 0")

    @property
    def a(self) -> float:
        """Rate of the gamma distribution of purchase rates, in periods."""
        return self.parameters["a"]

    @property
    def b(self) -> float:
        """Shape of the gamma distribution of purchase rates."""
        return self.parameters["b"]

    def posterior(self, histories: Any) -> tuple[FloatArray, FloatArray]:
        """What is known of each customer's rate: Gamma(shape b + x, rate a + T), two arrays."""
        seen = PurchaseHistories.of(histories)
        return self.b + seen.repeat_purchases, self.a + seen.observed_periods

    def p_alive(self, histories: Any) -> FloatArray:
        """The probability that a customer still buys: 1 for all, because in this model nobody ever leaves."""
        return np.ones(len(PurchaseHistories.of(histories)))

    def activity(self, histories: Any) -> SteadyActivity:
        """Purchases at a steady rate for ever: negative binomial in every window."""
        return SteadyActivity(*self.posterior(histories))

    def discounted_expected_purchases(
        self, histories: Any, discount: float, periods: float | None = None
    ) -> FloatArray:
        """How many purchases are still to come from each customer, in today's worth; closed, for the rate is steady.

        `discount` is per period; without `periods` for ever, for which it must be above 0.
        """
        shape, rate = self.posterior(histories)
        return np.asarray(shape / rate * annuity(discount, periods))

    def log_likelihood_of(self, histories: Any) -> float:
        """How well the model explains these purchases: sum of log-densities of their times.

        Comparable with BG/NBD and Pareto/NBD on the same data and unit of time.
        """
        seen = PurchaseHistories.of(histories)
        _, rate = self.posterior(seen)
        each = log_rising(self.b, seen.repeat_purchases) - self.b * np.log1p(seen.observed_periods / self.a)
        return float((seen.customers * (each - seen.repeat_purchases * np.log(rate))).sum())

    def simulate(self, rng: np.random.Generator, observed_periods: npt.ArrayLike) -> PurchaseHistories:
        """New customers as the model sees them, watched for the given periods since their first purchase."""
        T = not_negative("observed_periods", observed_periods)
        x = rng.poisson(rng.gamma(self.b, 1 / self.a, T.shape) * T)
        last = T * rng.random(T.shape) ** (1 / np.maximum(x, 1))  # the latest of x moments spread evenly
        return PurchaseHistories(x, np.where(x > 0, last, 0.0), T)


@dataclass(frozen=True, eq=False)
class SteadyActivity:
    """Purchases at a rate that is Gamma(shape, rate) given the history and never changes."""

    shape: FloatArray
    rate: FloatArray

    def expected(self, start: npt.ArrayLike, end: npt.ArrayLike) -> FloatArray:
        """E[N] = length x shape / rate."""
        return np.asarray(self.shape / self.rate * _length(start, end))

    def product(self, start: npt.ArrayLike, end: npt.ArrayLike) -> FloatArray:
        """E[N (N - 1)] = length^2 E[lambda^2]."""
        return np.asarray(self.shape * (self.shape + 1) * (_length(start, end) / self.rate) ** 2)

    def none(self, start: npt.ArrayLike, end: npt.ArrayLike) -> FloatArray:
        """P(N = 0) = (rate / (rate + length))^shape."""
        return np.exp(-self.shape * np.log1p(_length(start, end) / self.rate))

    def distribution(self, end: npt.ArrayLike, most: int) -> FloatArray:
        """P(N = n), negative binomial."""
        periods = np.broadcast_to(np.asarray(end, dtype=np.float64), self.shape.shape)
        n = np.arange(most + 1)
        return np.exp(log_negative_binomial(n, self.shape[:, None], self.rate[:, None], periods[:, None]))

    def draw(self, rng: np.random.Generator, end: npt.ArrayLike) -> FloatArray:
        """One random N per history."""
        return np.asarray(rng.poisson(rng.gamma(self.shape) / self.rate * np.asarray(end)), dtype=np.float64)


def _length(start: npt.ArrayLike, end: npt.ArrayLike) -> FloatArray:
    return np.asarray(end, dtype=np.float64) - np.asarray(start, dtype=np.float64)


@dataclass(frozen=True)
class NBD:
    """Purchases that never stop, at rates that differ between customers."""

    def fit(self, histories: Any) -> NBDFit:
        """The most likely a and b for these histories; see `NBDFit` for what it then answers."""
        return _fitted(PurchaseHistories.of(histories))


@lru_cache(maxsize=2)
def _fitted(seen: PurchaseHistories) -> NBDFit:
    """Kept, because every model with dropout is measured against this one on the same histories."""
    evidence = _Evidence.of(seen)
    return _without_rate(evidence) or _fit_rates(evidence)


@dataclass(frozen=True, eq=False)
class _Evidence:
    """All the likelihood needs: how many customers had more than j purchases, and sums per distinct T."""

    more_than: FloatArray  # customers with more than j = 0, 1, 2, ... purchases
    periods: FloatArray  # distinct T over the mean T
    customers_at: FloatArray  # customers per distinct T
    purchases_at: FloatArray  # purchases per distinct T
    unit: float  # the mean T

    @classmethod
    def of(cls, seen: PurchaseHistories) -> _Evidence:
        used = seen.customers > 0
        x, T, w = seen.repeat_purchases[used], seen.observed_periods[used], seen.customers[used]
        distinct, index = np.unique(T, return_inverse=True)
        customers_at = np.bincount(index, weights=w).astype(np.float64)
        # summed over distinct T, so that the order of the rows changes no digit
        unit = float((customers_at * distinct).sum() / customers_at.sum()) if len(w) else 0.0
        at_x = np.bincount(x.astype(np.int64), weights=w, minlength=1).astype(np.float64)
        return cls(
            more_than=np.cumsum(at_x[::-1])[::-1][1:],
            periods=distinct / (unit or 1.0),
            customers_at=customers_at,
            purchases_at=np.bincount(index, weights=w * x).astype(np.float64),
            unit=unit,
        )

    @property
    def customers(self) -> float:
        return float(self.customers_at.sum())

    @property
    def purchases(self) -> float:
        return float(self.purchases_at.sum())

    @property
    def facts(self) -> dict[str, float]:
        back = float(self.more_than[0]) if len(self.more_than) else 0.0
        return {
            "repeat_purchases": self.purchases,
            "repeat_customers": back,
            "mean_observed_periods": self.unit,
        }

    def objective(self, logs: FloatArray) -> Evaluation:
        """Log-likelihood with slope and curvature at (ln a, ln b), time in units of the mean T."""
        a, b = np.exp(logs)
        T, N, X = self.periods, self.customers_at, self.purchases_at
        j = b + np.arange(len(self.more_than))
        elapsed = np.log1p(T / a)
        value = (self.more_than * np.log(j / a)).sum() - ((N * b + X) * elapsed).sum()
        weight = N * b + X
        share = T / (a + T)
        by_a = (weight * share).sum() / a - self.purchases / a
        by_b = (self.more_than / j).sum() - (N * elapsed).sum()
        by_aa = -(weight * share * (a + a + T) / (a + T)).sum() / a**2 + self.purchases / a**2
        by_ab = (N * share).sum() / a
        by_bb = -(self.more_than / j**2).sum()
        slope, curvature = np.array([by_a, by_b]), np.array([[by_aa, by_ab], [by_ab, by_bb]])
        return float(value), *fitting.in_logs(np.array([a, b]), slope, curvature)

    def starts(self) -> list[FloatArray]:
        """By moments (variance of x beyond its Poisson part), and two shapes around the usual ones."""
        rate = self.purchases / float((self.customers_at * self.periods).sum())
        from_rates = rate**2 * float((self.customers_at * self.periods**2).sum())
        steps = np.arange(len(self.more_than))
        squares = float((self.more_than * (2 * steps + 1)).sum())
        excess = squares - self.purchases - from_rates
        by_moments = from_rates / max(excess, 1e-3 * squares)
        return [np.log([b / rate, b]) for b in (by_moments, 0.3, 3.0)]


def _fit_rates(evidence: _Evidence) -> NBDFit:
    best = fitting.maximise(evidence.objective, evidence.starts(), _BASIS)
    if best.value <= _log_likelihood_alike(evidence) + 1e-6:
        return _alike(evidence)
    a, b = best.parameters
    remarks = fitting.remarks_on(best, evidence.customers, NBDFit.names)
    return NBDFit(
        **fitting.natural(NBDFit.names, np.array([a * evidence.unit, b]), best.covariance),
        log_likelihood=best.value - evidence.purchases * float(np.log(evidence.unit)),
        customers=evidence.customers,
        diagnosis=tuple(remarks) or (fitting.FITTED,),
        observed=evidence.facts,
    )


def _log_likelihood_alike(evidence: _Evidence) -> float:
    """Of a single rate for all, time in units of the mean T."""
    rate = evidence.purchases / evidence.customers
    return evidence.purchases * float(np.log(rate)) - evidence.purchases


def _alike(evidence: _Evidence) -> NBDFit:
    """Everybody buys at the same rate: b and a go to infinity together, only their ratio is estimated."""
    rate = evidence.purchases / (evidence.customers * evidence.unit)
    only_rate = np.array([[1.0, 0.0], [0.0, 0.0]]) / evidence.purchases
    return NBDFit(
        **fitting.natural(NBDFit.names, np.array([LIMIT / rate, LIMIT]), only_rate),
        log_likelihood=_log_likelihood_alike(evidence) - evidence.purchases * float(np.log(evidence.unit)),
        customers=evidence.customers,
        diagnosis=(ALIKE, *fitting.few_customers(evidence.customers)),
        fallback="poisson",
        observed=evidence.facts,
    )


def _without_rate(evidence: _Evidence) -> NBDFit | None:
    """The answer where no rate can be learned: nobody came, nobody was watched, or nobody came back."""
    if evidence.customers == 0:
        remark, fallback = NO_CUSTOMERS, "no_customers"
    elif evidence.unit == 0:
        remark, fallback = NO_TIME, "no_time"
    elif evidence.purchases == 0:
        remark, fallback = NO_REPEAT, "no_repeat"
    else:
        return None
    return NBDFit(
        **fitting.natural(NBDFit.names, np.array([evidence.unit or 1.0, 0.0]), np.zeros((2, 2))),
        customers=evidence.customers,
        diagnosis=(remark,),
        fallback=fallback,
        observed=evidence.facts,
    )


def log_negative_binomial(
    n: npt.ArrayLike, shape: npt.ArrayLike, rate: npt.ArrayLike, periods: npt.ArrayLike = 1.0
) -> FloatArray:
    """Log-probability of n purchases in some periods when the rate is Gamma(shape, rate); broadcasts."""
    n, t = not_negative("n", n), np.asarray(periods, dtype=np.float64)
    s, r = np.asarray(shape, dtype=np.float64), np.asarray(rate, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        active = np.where(n > 0, n * (np.log(t) - np.log(r + t)), 0.0)
    return np.asarray(log_rising(s, n) - log_factorial(n) - s * np.log1p(t / r) + active)


NO_CUSTOMERS = Diagnosis(
    "no_customers",
    "warning",
    "There is no customer to learn from; no purchases are forecast.",
    "没有可供学习的客户；预测购买次数为零。",
)
NO_TIME = Diagnosis(
    "no_time",
    "warning",
    "Nobody has been observed for any time after the first purchase, so purchases cannot be forecast and "
    "are shown as 0.",
    "所有客户在首次购买之后都没有观察时间，无法预测购买，因此显示为 0。",
)
NO_REPEAT = Diagnosis(
    "no_repeat",
    "warning",
    "Nobody has bought a second time yet, so no further purchases are forecast.",
    "还没有客户再次购买，因此预测后续购买为零。",
)
ALIKE = Diagnosis(
    "poisson",
    "note",
    "Customers differ no more than chance would make them differ, so everybody is given the same purchase rate.",
    "客户之间的差异不超过偶然波动，因此所有客户采用同一购买率。",
)
