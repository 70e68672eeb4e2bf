"""Contracts that customers renew or not: a leaving probability of each customer's own (shifted beta-geometric model).

At every renewal a customer leaves with a probability theta that is his own and never changes; thetas differ between
customers as Beta(alpha, beta). Those likely to leave do so early, so the retention rate of a cohort rises although
nobody's own does. Sources: Fader and Hardie (2007), "How to project customer retention"; Fader and Hardie (2010),
"Customer-base valuation in a contractual setting" (discounted lifetimes).

`ContractFit` holds what this model shares with the beta-discrete-Weibull model, which differs only in its clock.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from kezhi.models import fitting
from kezhi.models.discrete_histories import ContractHistories, counted
from kezhi.models.fitting import LIMIT, Diagnosis, Fit
from kezhi.models.histories import FloatArray

CERTAIN = 700.0  # stands for an infinite -ln(retention rate): its exponential and the inverse are still numbers
_SMALL = 10.0  # below it the gamma function goes up by its recurrence, above it Stirling's series has all digits
_STEPS = np.arange(_SMALL)[:, None]
_POWERS = np.arange(-1.0, -15.0, -2.0)[:, None]  # of Stirling's series for ln Gamma, and their factors
_FACTORS = np.array([1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156])
_TERMS = 2_048  # of a discounted sum are added one by one, the rest by an integral
_BASIS = np.array([[0.5, 1.0], [-0.5, 1.0]])  # (ln alpha / beta, mean of both logs) -> (ln alpha, ln beta)


@dataclass(frozen=True, eq=False, kw_only=True)
class ContractFit(Fit):
    """A fitted (or given) model of contracts: survival is S(t) = B(alpha, beta + clock(t)) / B(alpha, beta).

    `histories` below is a `ContractHistories` or a table with its columns; answers have one entry per row, and are 0
    for customers who have left. Periods are whole numbers, at most 100 000, one for all or one per row.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.alpha == self.beta == 0:
            raise ValueError(f"parameters alpha and beta of {self.model} must not both be 0")

    @property
    def alpha(self) -> float:
        """First shape of the beta distribution of leaving probabilities; alpha / (alpha + beta) is their mean."""
        return self.parameters["alpha"]

    @property
    def beta(self) -> float:
        """Second shape of the beta distribution of leaving probabilities."""
        return self.parameters["beta"]

    @abstractmethod
    def elapsed(self, start: npt.ArrayLike, end: npt.ArrayLike) -> FloatArray:
        """clock(end) - clock(start): how much the chance of leaving has run between two times, 0 <= start <= end."""

    @abstractmethod
    def time_at(self, clock: npt.ArrayLike) -> FloatArray:
        """The time at which the clock shows so much."""

    def survival(self, t: npt.ArrayLike) -> FloatArray:
        """The share of new customers still there after t periods (t renewals)."""
        times = counted("t", t)
        return np.asarray(np.exp(-self._exposure(_largest(times))[times.astype(np.int64)]))

    def retention_rate(self, t: npt.ArrayLike) -> FloatArray:
        """The share of those there for period t, t = 1, 2, ..., who renew at its end: S(t) / S(t - 1)."""
        times = counted("t", t)
        if np.any(times == 0):
            raise ValueError("t must be at least 1: the first renewal ends period 1")
        return np.exp(-self.hazards(_largest(times)))[times.astype(np.int64) - 1]

    def p_churn(self, t: npt.ArrayLike) -> FloatArray:
        """The probability that a new customer leaves at the end of period t, t = 1, 2, ...: S(t - 1) - S(t)."""
        return np.asarray(self.survival(np.maximum(np.asarray(t) - 1, 0)) * (1 - self.retention_rate(t)))

    def p_alive(self, histories: Any, periods: npt.ArrayLike = 0) -> FloatArray:
        """The probability that a customer is still there so many periods from now: S(renewals + periods) / S(renewals).

        With 0 periods it is 1 for who is there and 0 for who has left.
        """
        seen, length = _with_periods(histories, periods)
        k = seen.renewals.astype(np.int64)
        exposure = self._exposure(_largest(k) + _largest(length))
        return np.where(seen.lost == 0, np.exp(exposure[k] - exposure[k + length.astype(np.int64)]), 0.0)

    def expected_renewals(self, histories: Any, periods: npt.ArrayLike) -> FloatArray:
        """How often each customer will renew in the next so many periods."""
        seen, length = _with_periods(histories, periods)
        steps, most = length.astype(np.int64), _largest(length)
        exposure = self._exposure(_largest(seen.renewals) + most)
        result = np.zeros(len(seen))
        for k in np.unique(seen.renewals[seen.lost == 0]).astype(np.int64):
            rows = (seen.renewals == k) & (seen.lost == 0)
            later = np.exp(exposure[k] - exposure[k + 1 : k + most + 1])
            result[rows] = np.append(0.0, np.cumsum(later))[steps[rows]]
        return result

    def expected_renewals_new_customer(self, periods: npt.ArrayLike) -> FloatArray:
        """How often someone who has just signed will renew in so many periods."""
        length = counted("periods", periods)
        new = np.zeros(length.size)
        return self.expected_renewals(ContractHistories(new, new), length.ravel()).reshape(length.shape)

    def discounted_expected_lifetime(self, discount: float, histories: Any = None) -> FloatArray:
        """How many periods a customer will pay for, in today's worth: times the margin of a period, his value.

        Without `histories`, for a new customer, the first period paid now: DEL = sum of S(t) / (1 + d)^t, t = 0, 1, ...
        With `histories`, for each customer the renewals still to come, the next one due now and not discounted:
        DERL = sum of S(renewals + t) / S(renewals) / (1 + d)^(t - 1), t = 1, 2, ...
        `discount` is per period and above 0. The first 2 048 terms are added up; the others, down to where the
        discount alone leaves e^-40, are an integral with Euler and Maclaurin's correction. Source: Fader and Hardie
        (2010).
        """
        if not (np.isfinite(discount) and discount > 0):
            raise ValueError("discount must be finite and above 0")
        if histories is None:
            return np.asarray(1 + self._discounted_renewals(0, discount) / (1 + discount))
        seen = ContractHistories.of(histories)
        distinct, index = np.unique(seen.renewals, return_inverse=True)
        each = np.array([self._discounted_renewals(int(k), discount) for k in distinct])
        return np.where(seen.lost == 0, each[index], 0.0) if len(seen) else np.zeros(0)

    def log_likelihood_of(self, histories: Any) -> float:
        """How well the model explains who left when: sum of log-probabilities."""
        occasions = Occasions.of(ContractHistories.of(histories))
        return occasions.log_likelihood(self.fall(occasions.start, occasions.end))

    def simulate(self, rng: np.random.Generator, periods: npt.ArrayLike) -> ContractHistories:
        """New customers as the model sees them, watched for the given number of renewal dates."""
        watched = counted("periods", periods)
        with np.errstate(divide="ignore", over="ignore"):
            rate = -np.log1p(-draw_shares(rng, self.alpha, self.beta, watched.shape))
            stays = np.ceil(self.time_at(rng.exponential(size=watched.shape) / rate)) - 1
        leaves_after = np.maximum(stays, 0)  # renewals; a certain leaver still has his first period
        return ContractHistories(np.minimum(leaves_after, watched), leaves_after < watched)

    def hazards(self, periods: int) -> FloatArray:
        """-ln of the retention rates of periods 1 to `periods`; 700 where nobody at all stays."""
        k = np.arange(periods, dtype=np.float64)
        return self.fall(k, k + 1)

    def fall(self, start: npt.ArrayLike, end: npt.ArrayLike) -> FloatArray:
        """ln S(start) - ln S(end), at most 700, for 0 <= start <= end, fractions allowed."""
        begun = self.beta + self.elapsed(0, start)
        return np.minimum(log_beta_ratio(begun, self.alpha, self.elapsed(start, end)), CERTAIN)

    def _exposure(self, periods: int) -> FloatArray:
        """-ln S(t) for t = 0, 1, ..., periods."""
        return np.append(0.0, np.cumsum(self.hazards(periods)))

    def _discounted_renewals(self, renewals: int, discount: float) -> float:
        rate = float(np.log1p(discount))
        end = min(40 / rate, 1e300)  # periods; later ones are worth nothing
        terms = int(min(np.ceil(end), _TERMS)) + 1
        exposure = self._exposure(renewals + terms)
        each = np.exp(exposure[renewals] - exposure[renewals + 1 :] - rate * np.arange(terms))
        last = terms - 1
        if end <= last:
            return float(each.sum())

        def worth(t: FloatArray) -> FloatArray:
            return np.exp(-self.fall(renewals, renewals + t) - rate * (t - 1))

        slope = (each[last] - each[last - 2]) / 2
        return float(each[:last].sum() - each[last - 1] / 2 - slope / 12 + _integral(worth, last, end))


@dataclass(frozen=True, eq=False, kw_only=True)
class ShiftedBetaGeometricFit(ContractFit):
    """A fitted (or given) shifted beta-geometric model: each customer leaves with the same chance at every renewal."""

    model: ClassVar[str] = "shifted_beta_geometric"
    names: ClassVar[tuple[str, ...]] = ("alpha", "beta")

    def elapsed(self, start: npt.ArrayLike, end: npt.ArrayLike) -> FloatArray:
        """The number of renewals: the clock is the calendar's."""
        return np.asarray(end, dtype=np.float64) - np.asarray(start, dtype=np.float64)

    def time_at(self, clock: npt.ArrayLike) -> FloatArray:
        """The same number."""
        return np.asarray(clock, dtype=np.float64)


@dataclass(frozen=True)
class ShiftedBetaGeometric:
    """Contracts: each customer leaves with a constant probability of his own."""

    def fit(self, histories: Any) -> ShiftedBetaGeometricFit:
        """The most likely alpha and beta for these contracts; see `ShiftedBetaGeometricFit` for what it answers."""
        evidence = Occasions.of(ContractHistories.of(histories))
        return _limiting(evidence) or _fit_chances(evidence)


@dataclass(frozen=True, eq=False)
class Occasions:
    """All that the likelihood needs, in stretches of renewal dates `start` to `end` - 1 (0 is the first date).

    At each date of a stretch the same number of customers `renewed`; where some `left`, the stretch is that one date.
    """

    start: FloatArray
    end: FloatArray
    renewed: FloatArray
    left: FloatArray
    customers: float

    @classmethod
    def of(cls, seen: ContractHistories) -> Occasions:
        """Count them; customers who have not come to their first renewal date count as customers only."""
        used = seen.customers > 0
        k, w = seen.renewals[used].astype(np.int64), seen.customers[used]
        left = np.bincount(k, weights=w * seen.lost[used], minlength=1).astype(np.float64)
        ended = np.bincount(k, weights=w, minlength=1).astype(np.float64)
        beyond = np.cumsum(ended[::-1])[::-1] - ended
        dates = int(np.flatnonzero(beyond + left).max(initial=-1)) + 1
        losses, changes = np.flatnonzero(left), np.flatnonzero(ended) + 1
        cuts = np.unique(np.concatenate([[0, dates], losses, losses + 1, np.minimum(changes, dates)]))
        return cls(cuts[:-1] * 1.0, cuts[1:] * 1.0, beyond[cuts[:-1]], left[cuts[:-1]], float(ended.sum()))

    @property
    def dates(self) -> int:
        """How many renewal dates have been seen."""
        return int(self.end.max(initial=0))

    @property
    def renewals(self) -> float:
        """How many renewals there were, of all customers together."""
        return float(self.renewed @ (self.end - self.start))

    @property
    def facts(self) -> dict[str, float]:
        """A few plain figures of these data."""
        return {"renewals": self.renewals, "lost": float(self.left.sum()), "renewal_dates": float(self.dates)}

    def log_likelihood(self, fallen: FloatArray) -> float:
        """The log-likelihood, given how much ln S falls over each stretch."""
        some = self.left > 0
        with np.errstate(divide="ignore"):
            leaving = np.log(-np.expm1(-fallen[some]))
        return float(self.left[some] @ leaving - self.renewed @ fallen)

    def slope_by_fall(self, fallen: FloatArray) -> FloatArray:
        """The slope of the log-likelihood by each of these falls."""
        return np.asarray(self.left / np.expm1(np.maximum(fallen, 1e-300)) - self.renewed)

    def slopes(self, logs: FloatArray) -> tuple[float, FloatArray]:
        """Log-likelihood and slope by ln alpha, ln beta and ln c (c = 1 is the shifted beta-geometric model)."""
        alpha, beta, c = np.exp(logs)
        z, s = beta + between_powers(0, self.start, c), between_powers(self.start, self.end, c)
        fallen = np.minimum(log_beta_ratio(z, alpha, s), CERTAIN)
        by_alpha = digamma_gap(z + alpha, s)
        by_beta = by_alpha - digamma_gap(z, s)
        by_c = digamma_gap(z + s, alpha) * clock_slope(self.end, c) - digamma_gap(z, alpha) * clock_slope(self.start, c)
        by_fall = self.slope_by_fall(fallen)
        slope = np.array([by_fall @ by_alpha, by_fall @ by_beta, by_fall @ by_c])
        return self.log_likelihood(fallen), np.array([alpha, beta, c]) * slope


def _fit_chances(evidence: Occasions) -> ShiftedBetaGeometricFit:
    def slopes(logs: FloatArray) -> tuple[float, FloatArray]:
        value, slope = evidence.slopes(np.append(logs, 0.0))
        return value, slope[:2]

    leaving = evidence.left.sum() / (evidence.left.sum() + evidence.renewals)
    starts = [np.log([size * leaving, size * (1 - leaving)]) for size in (2.0, 30.0)]
    best = fitting.maximise(fitting.with_curvature(slopes), starts, _BASIS, slopes=slopes)
    if best.value <= _log_likelihood_alike(evidence) + 1e-6:
        return _alike(evidence, ALIKE_LEAVING)
    remarks = fitting.remarks_on(best, evidence.customers, ShiftedBetaGeometricFit.names)
    return ShiftedBetaGeometricFit(
        **fitting.natural(ShiftedBetaGeometricFit.names, best.parameters, best.covariance),
        log_likelihood=best.value,
        customers=evidence.customers,
        diagnosis=tuple(remarks) or (fitting.FITTED,),
        observed=evidence.facts,
    )


def _limiting(evidence: Occasions) -> ShiftedBetaGeometricFit | None:
    """The answer where the two parameters cannot be told apart, or there is nothing to learn at all."""
    lost = float(evidence.left.sum())
    nothing_to_estimate = (
        (evidence.customers == 0, 1.0, 0.0, NO_CUSTOMERS_TO_RENEW),
        (evidence.dates == 0, 1.0, 0.0, NO_RENEWAL_DATE),
        (lost == 0, 0.0, 1.0, NOBODY_LEFT),
        (evidence.renewals == 0, 1.0, 0.0, EVERYBODY_LEFT),
    )
    for applies, alpha, beta, remark in nothing_to_estimate:
        if applies:
            return _taken_over(evidence, np.array([alpha, beta]), 0.0, remark)
    if evidence.dates == 1:
        return _alike(evidence, ONE_RENEWAL_DATE)
    return _now_or_never(evidence) if evidence.left[0] == lost else None


def _alike(evidence: Occasions, remark: Diagnosis) -> ShiftedBetaGeometricFit:
    """Everybody leaves with the same probability: alpha and beta go to infinity, only their ratio is estimated."""
    lost, kept = float(evidence.left.sum()), evidence.renewals
    return _taken_over(evidence, LIMIT * np.array([lost / kept, 1.0]), 1 / lost + 1 / kept, remark, "geometric")


def _log_likelihood_alike(evidence: Occasions) -> float:
    """Of one leaving probability for all, the share of losses among all renewal decisions."""
    lost, kept = float(evidence.left.sum()), evidence.renewals
    return float(lost * np.log(lost / (lost + kept)) + kept * np.log(kept / (lost + kept)))


def _now_or_never(evidence: Occasions) -> ShiftedBetaGeometricFit:
    """Some leave at the first renewal, the others stay for ever: alpha and beta go to 0."""
    lost, kept = float(evidence.left[0]), float(evidence.renewed[0])
    shares = np.array([lost / kept, 1.0])
    return _taken_over(evidence, shares / LIMIT**2, 1 / lost + 1 / kept, NOW_OR_NEVER)


def _taken_over(
    evidence: Occasions, values: FloatArray, variance: float, remark: Diagnosis, fallback: str | None = None
) -> ShiftedBetaGeometricFit:
    covariance = np.array([[variance, 0.0], [0.0, 0.0]])
    fit = ShiftedBetaGeometricFit.with_parameters(alpha=values[0], beta=values[1])
    return ShiftedBetaGeometricFit(
        **fitting.natural(ShiftedBetaGeometricFit.names, values, covariance),
        log_likelihood=evidence.log_likelihood(fit.fall(evidence.start, evidence.end)),
        customers=evidence.customers,
        diagnosis=(remark, *(fitting.few_customers(evidence.customers) if evidence.customers else ())),
        fallback=fallback or remark.code,
        observed=evidence.facts,
    )


def _with_periods(histories: Any, periods: npt.ArrayLike) -> tuple[ContractHistories, FloatArray]:
    seen, length = ContractHistories.of(histories), counted("periods", periods)
    if length.shape not in ((), (len(seen),)):
        raise ValueError("periods must be one number or one per history")
    return seen, np.broadcast_to(length, (len(seen),))


def _largest(values: npt.ArrayLike) -> int:
    return int(np.max(values, initial=0))


def _integral(worth: Callable[[FloatArray], FloatArray], start: float, end: float) -> float:
    """The integral over a range of many sizes: Gauss and Legendre's rule on pieces of equal length in ln t."""
    pieces = int(np.ceil(2 * np.log(end / start)))
    nodes, weights = np.polynomial.legendre.leggauss(16)
    width = np.log(end / start) / pieces
    t = start * np.exp(width * (np.arange(pieces)[:, None] + (nodes + 1) / 2))
    return float((worth(t) * t * weights).sum() * width / 2)


def log_beta_ratio(z: npt.ArrayLike, a: npt.ArrayLike, s: npt.ArrayLike) -> FloatArray:
    """ln B(a, z) - ln B(a, z + s): how much B(a, .) falls over s, with all digits for any sizes; broadcasts.

    For z = 0 infinite where a and s are above 0. By ln Gamma's recurrence up to z = 10, then Stirling's series, the
    differences of both in forms that cancel nothing.
    """
    z, a, s = np.broadcast_arrays(*(np.asarray(each, dtype=np.float64) for each in (z, a, s)))
    shape, (z, a, s) = z.shape, (each.ravel() for each in (z, a, s))
    result = np.zeros(z.shape)
    low = z < _SMALL
    if low.any():
        at = z[low] + _STEPS
        with np.errstate(divide="ignore", invalid="ignore"):
            each = np.log1p((a[low] / at) * (s[low] / (at + a[low] + s[low])))
        result[low] = np.where(at < _SMALL, each, 0.0).sum(axis=0)
        z = np.where(low, z + np.ceil(_SMALL - z), z)
    with_a, by_s = z + a, np.log1p(s / (z + a))
    result += a * by_s + s * np.log1p(a / (z + s)) - (z - 0.5) * np.log1p((a / z) * (s / (with_a + s)))
    result += (a / z) * (s / with_a) * ((z + with_a + s) / (z + s)) / (with_a + s) / 12
    powers = _POWERS[1:]
    each = with_a**powers * np.expm1(powers * by_s) - z**powers * np.expm1(powers * np.log1p(s / z))
    result += _FACTORS[1:] @ each
    return np.where((a > 0) & (s > 0), result, 0.0).reshape(shape)


def digamma_gap(z: npt.ArrayLike, s: npt.ArrayLike) -> FloatArray:
    """digamma(z + s) - digamma(z) with all digits for any sizes, z above 0; broadcasts."""
    z, s = np.broadcast_arrays(*(np.asarray(each, dtype=np.float64) for each in (z, s)))
    shape, (z, s) = z.shape, (each.ravel() for each in (z, s))
    result = np.zeros(z.shape)
    low = z < _SMALL
    if low.any():
        at = z[low] + _STEPS
        result[low] = np.where(at < _SMALL, s[low] / at / (at + s[low]), 0.0).sum(axis=0)
        z = np.where(low, z + np.ceil(_SMALL - z), z)
    grown = np.log1p(s / z)
    result += grown + s / z / (z + s) / 2
    powers = _POWERS - 1
    result += (_FACTORS * _POWERS[:, 0]) @ (z**powers * np.expm1(powers * grown))
    return result.reshape(shape)


def between_powers(start: npt.ArrayLike, end: npt.ArrayLike, power: float) -> FloatArray:
    """end^c - start^c for 0 <= start <= end, with all digits for any power c; 0^0 counts as 0."""
    first, last = np.asarray(start, dtype=np.float64), np.asarray(end, dtype=np.float64)
    if power == 1:
        return np.asarray(last - first)
    with np.errstate(divide="ignore", invalid="ignore"):
        grown = np.exp(np.minimum(power * np.log(last), 700.0))  # a number even where the power is none
        share = -np.expm1(power * np.log(first / last))
    return np.where(last > 0, np.where(first > 0, grown * share, grown), 0.0)


def clock_slope(t: FloatArray, power: float) -> FloatArray:
    """The slope of t^c by c."""
    return np.asarray(between_powers(0, t, power) * np.log(np.maximum(t, 1)))


def draw_shares(rng: np.random.Generator, a: npt.ArrayLike, b: npt.ArrayLike, shape: tuple[int, ...]) -> FloatArray:
    """Random numbers, Beta(a, b), also where a or b is 0: then always 0, or always 1."""
    first, second = np.broadcast_to(a, shape), np.broadcast_to(b, shape)
    drawn = rng.beta(np.where(first > 0, first, 1.0), np.where(second > 0, second, 1.0), shape)
    return np.where(first == 0, 0.0, np.where(second == 0, 1.0, drawn))


NO_CUSTOMERS_TO_RENEW = Diagnosis(
    "no_customers",
    "warning",
    "There is no customer to learn from; no renewals are forecast.",
    "没有可供学习的客户；预测续约次数为零。",
)
NO_RENEWAL_DATE = Diagnosis(
    "no_time",
    "warning",
    "No customer has come to a first renewal date yet, so renewals cannot be forecast and are shown as 0.",
    "还没有客户到过第一个续约日，无法预测续约，因此显示为 0。",
)
NOBODY_LEFT = Diagnosis(
    "nobody_left",
    "warning",
    "Nobody has left yet, so nothing is known about leaving and everybody is forecast to stay; that is too good.",
    "还没有客户流失，无从得知流失情况，因此预测所有客户都会留下；这个预测偏于乐观。",
)
EVERYBODY_LEFT = Diagnosis(
    "everybody_left",
    "warning",
    "Every customer left at the first renewal date, so new customers are forecast to do the same.",
    "所有客户都在第一个续约日离开，因此预测新客户也会如此。",
)
ONE_RENEWAL_DATE = Diagnosis(
    "one_renewal_date",
    "warning",
    "Only the first renewal date has been seen, so everybody is given the same chance of leaving at every renewal; "
    "the forecast will probably prove too low.",
    "目前只观察到第一个续约日，因此所有客户在每个续约日采用同一流失概率；预测很可能偏低。",
)
ALIKE_LEAVING = Diagnosis(
    "geometric",
    "note",
    "The share that renews does not rise with time, so everybody is given the same chance of leaving.",
    "续约率没有随时间上升，因此所有客户采用同一流失概率。",
)
NOW_OR_NEVER = Diagnosis(
    "now_or_never",
    "warning",
    "Customers left at the first renewal date or not at all, so all others are forecast to stay; that is too good.",
    "客户要么在第一个续约日离开，要么至今没有离开，因此预测其余客户都会留下；这个预测偏于乐观。",
)
