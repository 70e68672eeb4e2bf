"""Customers who buy at random while they stay, and leave unseen at a moment of their own (Pareto/NBD).

While active a customer buys at a steady rate lambda; the active time is exponential with rate mu. Rates differ
between customers as lambda ~ Gamma(shape r, rate alpha) and mu ~ Gamma(shape s, rate beta), independently. Given the
history and that the customer is active at T, lambda ~ Gamma(r + x, alpha + T) and mu ~ Gamma(s, beta + T) are again
independent, so the remaining active time is Lomax (Pareto of the second kind). Source: Schmittlein, Morrison,
Colombo (1987); Fader and Hardie (2005), "A note on deriving the Pareto/NBD model".
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from scipy import optimize, special

from kezhi.models import fitting
from kezhi.models.fitting import LIMIT, Diagnosis, Evaluation, Optimum
from kezhi.models.gamma_functions import log_factorial, log_rising
from kezhi.models.histories import FloatArray, PurchaseHistories, distinct
from kezhi.models.nbd import NBD, NBDFit, SteadyActivity, log_negative_binomial
from kezhi.models.pareto_integrals import tails
from kezhi.models.pareto_likelihood import Evidence
from kezhi.models.purchases import PurchaseFit, not_negative

NAMES = ("r", "alpha", "s", "beta")
# (ln mean purchase rate, ln r, ln mean dropout rate, ln s) -> (ln r, ln alpha, ln s, ln beta)
BASIS = np.array([[0.0, 1.0, 0.0, 0.0], [-1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0], [0.0, 0.0, -1.0, 1.0]])
SHAPES = {1: "same_rate", 3: "same_lifetime"}  # position among the coordinates, and the limit where it is infinite
WORTH = 1e-6  # log-likelihood per customer that a parameter must be worth, or the simpler model answers
_LARGE_SHAPE = 1e3  # beyond it the limit is tried
_SMALL_SHAPE = 1e-2  # below it leaving is a matter of at once or never
_REACH = (10.0, 16.0, 16.0, 16.0)  # log units that a coordinate may move in the search
_NEWTON_STEPS = 25
_CLEAR = 10.0  # log-likelihood above the simpler model's, and
_LOOSE = 0.5  # standard error of a log-parameter, from which on a single climb is not enough
_PER_PANEL = 16  # Gauss-Legendre nodes
_BLOCK = 500_000  # numbers at once in a distribution


@dataclass(frozen=True, eq=False, kw_only=True)
class ParetoNBDFit(PurchaseFit):
    """A fitted (or given) Pareto/NBD; alpha and beta are in periods.

    r / alpha is the mean purchase rate, s / beta the mean rate of leaving, both per period. s = 0: nobody ever
    leaves (the NBD with a = alpha, b = r; beta then says nothing).
    """

    model: ClassVar[str] = "pareto_nbd"
    names: ClassVar[tuple[str, ...]] = NAMES

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.alpha, self.beta) <= 0:
            raise ValueError("parameters alpha and beta of pareto_nbd must be above 0")

    @classmethod
    def from_json(cls, source: str | Mapping[str, Any]) -> Self:
        """A fit back from `to_json` or `to_dict`, with covariates if it has any; ValueError if of another model."""
        data = dict(json.loads(source) if isinstance(source, str) else source)
        if cls is ParetoNBDFit and len(data.get("parameters", ())) > len(NAMES):
            from kezhi.models.covariates import ParetoNBDCovariatesFit

            kind: Any = ParetoNBDCovariatesFit
            fit: Self = kind.from_json(data)
            return fit
        return super().from_json(data)

    @property
    def r(self) -> float:
        """Shape of the gamma distribution of purchase rates."""
        return self.parameters["r"]

    @property
    def alpha(self) -> float:
        """Rate of the gamma distribution of purchase rates, in periods."""
        return self.parameters["alpha"]

    @property
    def s(self) -> float:
        """Shape of the gamma distribution of dropout rates; 0 where nobody leaves."""
        return self.parameters["s"]

    @property
    def beta(self) -> float:
        """Rate of the gamma distribution of dropout rates, in periods."""
        return self.parameters["beta"]

    def posterior(self, histories: Any) -> tuple[FloatArray, FloatArray]:
        """What is known of the purchase rate of a customer still active: Gamma(shape r + x, rate alpha + T)."""
        seen = self._seen(histories)
        return self.r + seen.repeat_purchases, self._scales(seen)[0] + seen.observed_periods

    def dropout_posterior(self, histories: Any) -> tuple[FloatArray, FloatArray]:
        """What is known of the dropout rate of a customer still active: Gamma(shape s, rate beta + T)."""
        seen = self._seen(histories)
        return np.full(len(seen), self.s), self._scales(seen)[1] + seen.observed_periods

    def p_alive(self, histories: Any) -> FloatArray:
        """The probability that a customer is still active at the end of observation.

        The likelihood of surviving T over the whole likelihood (Fader and Hardie's note, equation 11).
        """
        seen = self._seen(histories)
        if self.s == 0:
            return np.ones(len(seen))
        r, s, x, T = self.r, self.s, seen.repeat_purchases, seen.observed_periods
        alpha, beta = self._scales(seen)

        def integral(t: FloatArray, more_bought: int, more_gone: int) -> FloatArray:
            first, index = seen.pairs if t is T else seen.last_pairs
            if seen.covariate_names:
                first, index = distinct(index, alpha, beta)
            shape, rest = r + x[first], np.full(len(first), s)
            at = (t[first], alpha[first], beta[first])
            return tails(*at, shape + more_bought, rest + more_gone, shape + rest).log[index]

        with np.errstate(divide="ignore"):
            gone_or_going = np.log(s / beta) + integral(seen.last_purchase_at, 0, 1)
            buying = np.log((r + x) / alpha) + integral(T, 1, 0)
        active = -(r + x) * np.log1p(T / alpha) - s * np.log1p(T / beta)
        return np.minimum(np.exp(active - np.logaddexp(gone_or_going, buying)), 1.0)

    def activity(self, histories: Any) -> SteadyActivity | LifetimeActivity:
        """Purchases at a steady rate for as long as the customer stays."""
        seen = self._seen(histories)
        shape, rate = self.posterior(seen)
        return LifetimeActivity(shape, rate, *self.dropout_posterior(seen)) if self.s else SteadyActivity(shape, rate)

    def log_likelihood_of(self, histories: Any) -> float:
        """How well the model explains these purchases: sum of log-densities of their times.

        Comparable with NBD and BG/NBD on the same data and unit of time.
        """
        seen = self._seen(histories)
        if self.s == 0 or not seen.customers.sum():
            x, T, alpha = seen.repeat_purchases, seen.observed_periods, self._scales(seen)[0]
            each = log_rising(self.r, x) - self.r * np.log1p(T / alpha) - x * np.log(alpha + T)
            used = seen.customers > 0  # an impossible history of nobody says nothing
            return float((seen.customers[used] * each[used]).sum())
        evidence = Evidence.of(seen, *self._covariates(seen))
        point = np.array([*self.parameters.values()])
        with np.errstate(divide="ignore"):
            point[:4] = np.log(point[:4] / [1, evidence.unit, 1, evidence.unit])
        return evidence.value(evidence.scales(point)) - evidence.log_unit

    def simulate(self, rng: np.random.Generator, observed_periods: npt.ArrayLike) -> PurchaseHistories:
        """New customers as the model sees them, watched for the given periods since their first purchase."""
        T = not_negative("observed_periods", observed_periods)
        x, last = simulated(rng, T, self.r, self.s, np.full(T.shape, self.alpha), np.full(T.shape, self.beta))
        return PurchaseHistories(x, last, T)

    @property
    def _scale(self) -> float:
        return min(self.alpha, self.beta) if self.s else self.alpha

    def _seen(self, histories: Any) -> PurchaseHistories:
        return PurchaseHistories.of(histories)

    def _scales(self, seen: PurchaseHistories) -> tuple[FloatArray, FloatArray]:
        """alpha and beta of each customer."""
        return np.full(len(seen), self.alpha), np.full(len(seen), self.beta)

    def _covariates(self, seen: PurchaseHistories) -> tuple[FloatArray, FloatArray]:
        """What each customer's alpha and beta depend on, a row each: nothing."""
        return np.zeros((len(seen), 0)), np.zeros((len(seen), 0))


@dataclass(frozen=True, eq=False)
class LifetimeActivity:
    """Purchases at a rate lambda ~ Gamma(shape, rate) for a time that is Lomax: P(longer than t) = (1 + t/scale)^-s."""

    shape: FloatArray
    rate: FloatArray
    s: FloatArray
    scale: FloatArray

    def expected(self, start: npt.ArrayLike, end: npt.ArrayLike) -> FloatArray:
        """E[N] = E[lambda] Integral_start^end P(longer than t) dt (Schmittlein, Morrison, Colombo, equation 22)."""
        begin, last, spread = self._window(start, end)
        staying = np.exp(-self.s * np.log1p(begin / self.scale))
        time = (self.scale + begin) * staying * spread * special.exprel((1 - self.s) * spread)
        return np.asarray(self.shape / self.rate * np.where(last > begin, time, 0.0))

    def product(self, start: npt.ArrayLike, end: npt.ArrayLike) -> FloatArray:
        """E[N (N - 1)] = E[lambda^2] E[active time in the window, squared]."""
        begin, _, spread = self._window(start, end)
        staying = np.exp(-self.s * np.log1p(begin / self.scale))
        square = ((self.scale + begin) * spread) ** 2 * staying * 2 * _second_difference((1 - self.s) * spread, spread)
        return np.asarray(self.shape * (self.shape + 1) / self.rate**2 * square)

    def none(self, start: npt.ArrayLike, end: npt.ArrayLike) -> FloatArray:
        """P(N = 0): gone before the window, or gone before buying in it, or there with the next purchase after it."""
        begin, last, _ = self._window(start, end)
        gone = -np.expm1(-self.s * np.log1p(begin / self.scale))
        scale, total = self.scale + begin, self.shape + self.s
        leaving = tails(np.zeros(len(begin)), self.rate, scale, self.shape, self.s + 1, total)
        buying = tails(last - begin, self.rate, scale, self.shape + 1, self.s, total)
        idle = self.s / scale * np.exp(leaving.log) + self.shape / self.rate * np.exp(buying.log)
        return np.asarray(np.minimum(gone + (1 - gone) * np.minimum(idle, 1.0), 1.0))

    def distribution(self, end: npt.ArrayLike, most: int) -> FloatArray:
        """P(N = n): negative binomial over the remaining active time, which is integrated out."""
        _, last, _ = self._window(0.0, end)
        n = np.arange(most + 1)
        table = np.exp(log_negative_binomial(n, self.shape[:, None], self.rate[:, None], last[:, None]))
        table *= np.exp(-self.s * np.log1p(last / self.scale))[:, None]
        # nodes evenly spaced in ln(1 + y/shortest), where everything varies over lengths of 1, or 1/sqrt(n) at n
        shortest = 1 / ((self.shape + 1) / self.rate + (self.s + 1) / self.scale)
        far = np.log1p(last / shortest)
        panels = int(np.ceil(far.max(initial=1.0) / min(2.0, 8 / np.sqrt(most + 1))))
        place, share = _panels(panels)
        for rows in np.array_split(np.arange(len(last)), len(last) * len(place) // _BLOCK + 1):
            y = shortest[rows, None] * np.expm1(far[rows, None] * place)
            width = far[rows, None] * share * (shortest[rows, None] + y)
            table[rows] += self._leaving(rows, y, width, most)
        return table

    def _leaving(self, rows: Any, y: FloatArray, width: FloatArray, most: int) -> FloatArray:
        """P(N = n and the active time ends before the window does), from nodes y and their widths."""
        shape, rate = self.shape[rows, None], self.rate[rows, None]
        s, scale = self.s[rows, None], self.scale[rows, None]
        n = np.arange(most + 1)
        ways = log_rising(shape, n) - log_factorial(n)
        bought = y / (rate + y)
        with np.errstate(divide="ignore"):
            log = np.log(width * (s / scale)) - (s + 1) * np.log1p(y / scale) - shape * np.log1p(y / rate)
            log_bought = np.log(np.maximum(bought, 1e-300))
        table = np.empty((len(y), most + 1))
        for i in n:
            table[:, i] = np.exp(ways[:, i : i + 1] + log + i * log_bought).sum(axis=1)
        return table

    def draw(self, rng: np.random.Generator, end: npt.ArrayLike) -> FloatArray:
        """One random N per history."""
        _, last, _ = self._window(0.0, end)
        active = np.minimum(_lomax(rng, self.s, self.scale), last)
        return np.asarray(rng.poisson(rng.gamma(self.shape) / self.rate * active), dtype=np.float64)

    def _window(self, start: npt.ArrayLike, end: npt.ArrayLike) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Start and end for each history, and ln of how much longer someone still there at the end has stayed."""
        begin, last = (np.broadcast_to(np.asarray(t, dtype=np.float64), self.shape.shape) for t in (start, end))
        return begin, last, np.log1p((last - begin) / (self.scale + begin))


def _second_difference(low: FloatArray, gap: FloatArray) -> FloatArray:
    """The divided difference of e^x at 0, low and low + gap: Integral_0^1 e^(low w) (e^(gap w) - 1) dw / gap."""
    high = low + gap
    series, power, homogeneous = np.zeros(low.shape), np.ones(low.shape), np.ones(low.shape)
    near = np.maximum(np.abs(low), np.abs(high)) < 1
    a, b = np.where(near, low, 0.0), np.where(near, high, 0.0)
    for k in range(20):
        series += homogeneous / special.factorial(k + 2)
        power = power * b
        homogeneous = a * homogeneous + power
    at_low, at_high = special.exprel(low), special.exprel(high)
    between = np.exp(low) * special.exprel(gap)
    choices = np.stack([low, high, gap])
    which = np.abs(choices).argmax(axis=0)
    rises = np.stack([between - at_high, between - at_low, at_high - at_low])
    rise, over = (np.take_along_axis(x, which[None], axis=0)[0] for x in (rises, choices))
    return np.asarray(np.where(near, series, rise / np.where(near, 1.0, over)))


def _panels(count: int) -> tuple[FloatArray, FloatArray]:
    """Nodes and weights on (0, 1): Gauss-Legendre in each of so many equal parts."""
    node, weight = np.polynomial.legendre.leggauss(_PER_PANEL)
    starts = np.arange(count)[:, None]
    return ((starts + (node + 1) / 2) / count).ravel(), np.tile(weight / 2 / count, count)


def _lomax(rng: np.random.Generator, s: npt.ArrayLike, scale: FloatArray) -> FloatArray:
    """Random active times; infinite where s is 0."""
    with np.errstate(over="ignore", divide="ignore"):
        return np.asarray(scale * np.expm1(rng.exponential(size=scale.shape) / np.asarray(s, dtype=np.float64)))


def simulated(
    rng: np.random.Generator, T: FloatArray, r: float, s: float, alpha: FloatArray, beta: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Repeat purchases and the last one's time of new customers."""
    active = np.minimum(_lomax(rng, s, beta), T)
    x = rng.poisson(rng.gamma(r, 1 / alpha) * active)
    last = active * rng.random(T.shape) ** (1 / np.maximum(x, 1))  # the latest of x moments spread evenly
    return np.asarray(x, dtype=np.float64), np.where(x > 0, last, 0.0)


@dataclass(frozen=True)
class ParetoNBD:
    """Purchases at random until the customer leaves unseen; rates of both differ between customers.

    With covariates (columns of the histories, numbers such as 0 and 1) they shift the two rates: customer i has
    alpha exp(-coefficients . z_i) and beta exp(-coefficients . z_i), so that a positive coefficient means more
    purchases, or leaving sooner.
    """

    purchase_covariates: Sequence[str] = ()
    lifetime_covariates: Sequence[str] = ()

    def __post_init__(self) -> None:
        if isinstance(self.purchase_covariates, str) or isinstance(self.lifetime_covariates, str):
            raise ValueError("purchase_covariates and lifetime_covariates must be a sequence of names")

    def fit(self, histories: Any) -> ParetoNBDFit:
        """The most likely parameters for these histories; see `ParetoNBDFit` for what it then answers."""
        if self.purchase_covariates or self.lifetime_covariates:
            from kezhi.models.covariates import fit_with_covariates

            return fit_with_covariates(histories, tuple(self.purchase_covariates), tuple(self.lifetime_covariates))
        seen = PurchaseHistories.of(histories)
        steady = NBD().fit(seen)
        if steady.fallback in NOTHING_KNOWN:
            return everybody_stays(steady)
        none = np.zeros((len(seen), 0))
        evidence = Evidence.of(seen, none, none)
        floor = steady.log_likelihood + evidence.log_unit
        found, limits = search_with_limits(evidence, BASIS, starts(evidence, steady), floor)
        if found.value <= floor + worth(found.parameters[2], evidence):
            return everybody_stays(steady)
        return ParetoNBDFit(
            **fitting.natural(NAMES, found.parameters * [1, evidence.unit, 1, evidence.unit], found.covariance),
            log_likelihood=found.value - evidence.log_unit,
            customers=evidence.customers,
            diagnosis=remarks(found, limits, evidence.customers),
            fallback="_and_".join(limits) or None,
            observed=steady.observed,
        )


def starts(evidence: Evidence, steady: NBDFit) -> list[FloatArray]:
    """Where to search from: buying somewhat faster than without dropout, and leaving soon, late, or very unequally."""
    rate, r = np.log(steady.b / steady.a * evidence.unit), np.log(min(max(steady.b, 0.05), 50.0))
    return [
        np.array([rate + more, r + np.log(1.5), np.log(leave), np.log(s)])
        for more, leave, s in ((0.5, 1.0, 0.6), (0.2, 0.2, 2.0), (1.0, 4.0, 0.3))
    ]


@dataclass(frozen=True, eq=False)
class _Coordinates:
    """What the search moves: the point is origin + basis @ coordinates. `reach` is how far each may go."""

    basis: FloatArray
    origin: FloatArray
    reach: FloatArray

    def slopes(self, evidence: Evidence, at: FloatArray) -> tuple[float, FloatArray]:
        value, slope = evidence.slopes(self.origin + self.basis @ at)
        return value, self.basis.T @ slope

    def objective(self, evidence: Evidence, at: FloatArray) -> Evaluation:
        value, slope, bend = evidence.objective(self.origin + self.basis @ at)
        return value, self.basis.T @ slope, self.basis.T @ bend @ self.basis

    def rough_climb(self, evidence: Evidence, begin: list[FloatArray], floor: float) -> tuple[FloatArray, float]:
        """The best of several climbs, or the first of them where it ends on a peak that nothing else can rival.

        Newton's method needs a third of the steps. A second peak was only ever found where the data say little: where
        the likelihood is hardly above `floor`, or the parameters are loose, or have gone to an extreme.
        """
        found = fitting.polish(lambda here: self.objective(evidence, here), begin[0], _NEWTON_STEPS)
        if found.converged and found.value > floor + _CLEAR:
            errors = np.sqrt(np.maximum(np.diag(found.covariance), 0.0))
            usual = np.abs(self.origin + self.basis @ found.point)[:4].max() < np.log(_LARGE_SHAPE)
            if usual and float(errors.max(initial=0.0)) < _LOOSE:
                return found.point, found.value
        return max((self.climb(evidence, start) for start in begin), key=lambda climbed: climbed[1])

    def climb(self, evidence: Evidence, begin: FloatArray) -> tuple[FloatArray, float]:
        """Uphill until the log-likelihood hardly changes: where, and how high."""

        def down(at: FloatArray) -> tuple[float, FloatArray]:
            value, slope = self.slopes(evidence, at)
            return -value, -slope

        bounds = list(zip(begin - self.reach, begin + self.reach, strict=True))
        found = optimize.minimize(down, begin, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 100})
        return found.x, -float(found.fun)


def search(
    evidence: Evidence, basis: FloatArray, begin: list[FloatArray], held: Mapping[int, float], floor: float
) -> Optimum:
    """The best point with some coordinates held: found on rounded times first, then polished on the true ones.

    What is not better than `floor`, the log-likelihood of the simpler model, is not polished.
    """
    free = [k for k in range(basis.shape[1]) if k not in held]
    origin = sum((basis[:, k] * value for k, value in held.items()), np.zeros(len(basis)))
    reach = np.array([_REACH[k] if k < len(_REACH) else _REACH[0] for k in free])
    coordinates = _Coordinates(basis[:, free], origin, reach)
    at, value = coordinates.rough_climb(evidence.rough, [start[free] for start in begin], floor)
    if evidence.rough is not evidence:
        value = evidence.value(evidence.scales(origin + coordinates.basis @ at))
    if value <= floor + worth(np.exp(origin + coordinates.basis @ at)[2], evidence):
        at, value = max(((at, value), coordinates.climb(evidence, begin[0][free])), key=lambda found: found[1])
    steps = 0 if value <= floor + worth(np.exp(origin + coordinates.basis @ at)[2], evidence) else 30
    found = fitting.polish(lambda here: coordinates.objective(evidence, here), at, steps)
    if steps and not found.converged:  # rounding the times had led astray
        at, value = coordinates.climb(evidence, found.point)
        found = fitting.polish(lambda here: coordinates.objective(evidence, here), at, steps)
    covariance = coordinates.basis @ found.covariance @ coordinates.basis.T
    point = origin + coordinates.basis @ found.point
    return Optimum(point, found.value, _curvature(covariance), found.converged)


def _curvature(covariance: FloatArray) -> FloatArray:
    """The curvature that goes with a covariance; none where that is 0."""
    return np.asarray(-np.linalg.pinv(covariance, hermitian=True), dtype=np.float64)


def search_with_limits(
    evidence: Evidence,
    basis: FloatArray,
    begin: list[FloatArray],
    floor: float,
    held: Mapping[int, float] | None = None,
) -> tuple[Optimum, list[str]]:
    """The best point; shapes so large that only their limit is meant are put there, and named."""
    fixed, limits = dict(held or {}), []
    found = search(evidence, basis, begin, fixed, floor)
    inverse = np.linalg.inv(basis)
    for k, name in SHAPES.items():
        at = inverse @ found.point
        if k in fixed or at[k] < np.log(_LARGE_SHAPE):
            continue
        limit = search(evidence, basis, [at, *begin[:1]], {**fixed, k: float(np.log(LIMIT))}, floor)
        if limit.value >= found.value - WORTH * evidence.customers:
            found, fixed = limit, {**fixed, k: float(np.log(LIMIT))}
            limits.append(name)
    return found, limits


def worth(s: float, evidence: Evidence) -> float:
    """How much better than without dropout a fit must be: any more, unless s has gone to 0 with beta.

    There a few leave at once and nobody later; that is believed only if it is worth its two parameters (AIC).
    """
    return max(WORTH * evidence.customers, 2.0 if s < _SMALL_SHAPE else 0.0)


def remarks(found: Optimum, limits: list[str], customers: float) -> tuple[Diagnosis, ...]:
    """What to say of a fit that did not fall back to the NBD."""
    said = [AT_ONCE] if found.parameters[2] < _SMALL_SHAPE else []
    said += [LIMITS[name] for name in limits]
    shapes = _curvature(found.covariance[:4, :4])
    said += fitting.remarks_on(Optimum(found.point[:4], found.value, shapes, found.converged), customers, NAMES)
    return tuple(said) or (fitting.FITTED,)


def everybody_stays(steady: NBDFit) -> ParetoNBDFit:
    """The limit in which nobody leaves, which is the NBD: s = 0."""
    values = np.array([steady.b, steady.a, 0.0, 1.0])
    covariance = np.zeros((4, 4))
    covariance[:2, :2] = steady.covariance[::-1, ::-1]
    errors = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    nothing = steady.fallback in NOTHING_KNOWN
    said = tuple(remark for remark in steady.diagnosis if remark.code != fitting.FITTED.code)
    return ParetoNBDFit(
        parameters=dict(zip(NAMES, map(float, values), strict=True)),
        standard_errors=dict(zip(NAMES, map(float, errors), strict=True)),
        covariance=covariance,
        log_likelihood=steady.log_likelihood,
        customers=steady.customers,
        diagnosis=said if nothing else (NO_DROPOUT, *said),
        fallback=steady.fallback or "nbd",
        observed=steady.observed,
    )


NOTHING_KNOWN = ("no_customers", "no_time", "no_repeat")
NO_DROPOUT = Diagnosis(
    "no_dropout",
    "note",
    "The purchases show no sign that customers ever leave, so everybody is taken to stay and to go on buying at the "
    "same rate (NBD).",
    "从购买记录看不出客户会流失，因此视为所有客户都会留下，并按原来的速率继续购买（NBD）。",
)
AT_ONCE = Diagnosis(
    "at_once_or_never",
    "note",
    "The only sign of leaving is a share of customers who left right after their last purchase; all others are taken "
    "to stay.",
    "唯一的流失迹象是一部分客户在最后一次购买后立即离开；其余客户视为留下。",
)
LIMITS = {
    "same_rate": Diagnosis(
        "same_rate",
        "note",
        "While they stay, customers differ no more in how often they buy than chance would make them differ, so "
        "everybody is given the same purchase rate.",
        "客户在留存期间购买频率的差异不超过偶然波动，因此所有客户采用同一购买率。",
    ),
    "same_lifetime": Diagnosis(
        "same_lifetime",
        "note",
        "Customers differ no more in when they leave than chance would make them differ, so everybody is given the "
        "same rate of leaving.",
        "客户离开时间的差异不超过偶然波动，因此所有客户采用同一流失率。",
    ),
}
