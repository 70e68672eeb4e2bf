"""What the BG family learns from: the likelihood of `beta_dropout` with slope and curvature, and its fitting.

Special functions are taken of distinct numbers of purchases and logarithms of distinct times only; what is left per
distinct history is one exponential and one logarithm.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from kezhi.models import fitting
from kezhi.models.beta_dropout import phase_terms, regularity
from kezhi.models.fitting import LIMIT, Diagnosis, Evaluation, Optimum
from kezhi.models.gamma_functions import log_rising
from kezhi.models.histories import FloatArray, IntArray, PurchaseHistories, distinct
from kezhi.models.nbd import ALIKE, NBD, NBDFit

# (ln mean rate, ln r, ln(a / b), ln b) -> (ln r, ln alpha, ln a, ln b)
_BASIS = np.array([[0.0, 1.0, 0.0, 0.0], [-1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 0.0, 1.0]])
_NAMES = ("r", "alpha", "a", "b")
_SHAPE, _RATIO, _SPREAD = 1, 2, 3  # coordinates of the basis
_NEVER = -60.0  # ln(a / b) at which nobody leaves
_LARGE = 50.0  # a shape above this is worth asking whether it is infinite
_SAME = 1e-9  # two log-likelihoods are the same that differ by this per customer,
_SAME_AT_LEAST = 1e-6  # or by this
_WORTH = 2.0  # what two more parameters must gain to be worth it (Akaike)
_LOOSE = 0.3  # standard error of a log-parameter, from which on one start is not enough
_ENOUGH = 20_000  # distinct histories to come near the optimum with


@dataclass(frozen=True, eq=False)
class Found:
    """The best parameters for one k: r, alpha, a, b with the covariance of their logs (0 where held at a limit)."""

    k: int
    values: FloatArray
    covariance: FloatArray
    log_likelihood: float
    diagnosis: tuple[Diagnosis, ...]
    fallback: str | None


@dataclass(frozen=True, eq=False)
class Search:
    """All that fitting for one or several k needs."""

    evidence: Evidence
    steady: NBDFit  # the same purchases if nobody leaves

    @classmethod
    def of(cls, seen: PurchaseHistories, may_leave_at_once: bool) -> Search:
        steady = NBD().fit(seen)
        unit = steady.observed["mean_observed_periods"] or 1.0
        return cls(Evidence.of(seen, unit, may_leave_at_once), steady)

    @property
    def nothing_to_learn(self) -> bool:
        """Whether there is nobody, or no time, or no repeat purchase."""
        return self.steady.fallback in ("no_customers", "no_time", "no_repeat")

    def without_rate(self) -> Found:
        """The answer where nothing can be learned: no purchases are expected and nobody is said to leave."""
        alpha = self.steady.a
        return Found(
            1, np.array([0.0, alpha, 0.0, 1.0]), np.zeros((4, 4)), 0.0, self.steady.diagnosis, self.steady.fallback
        )

    def best(self, k: int, log_interval_sum: float | None = None, near: FloatArray | None = None) -> Found:
        """The most likely parameters for k stages per purchase, from several starts or from near a point."""
        starts = self._starts() if near is None else [near]
        best, constant = self._maximise(k, starts, {}), self._constant(k, log_interval_sum)
        doubt: list[Diagnosis] = []
        if not _some_leave(best):
            steady = self._steady(k, best)
            if best.value <= steady.log_likelihood + self._same:
                return replace(steady, log_likelihood=steady.log_likelihood + constant)
            doubt += [HARDLY_LEAVE] if best.value < steady.log_likelihood + _WORTH else []
        return self._found(k, *self._to_limits(k, best, _LIMITS), doubt, constant)

    def likely(self, log_interval_sum: float | None, most: int) -> list[tuple[float, int, FloatArray]]:
        """Log-likelihood, k and parameters near the best for k = 1, 2, ... until it has fallen twice; best first."""
        tried: list[tuple[float, int, FloatArray]] = []
        part = self.evidence.thinned(_ENOUGH)
        for k in range(1, most + 1):
            starts = [_inside(tried[-1][2])] if tried else self._starts()
            point = _search(part, k, starts, {}).point
            value = self.evidence.slopes(k, point)[0] + self._constant(k, log_interval_sum)
            tried.append((value, k, point))
            if k > 2 and tried[-3][0] > tried[-2][0] > value:
                break
        return sorted(tried, key=lambda one: -one[0])

    def _constant(self, k: int, log_interval_sum: float | None) -> float:
        """What does not depend on the parameters, and brings the density to the unit of the histories."""
        scale = self.evidence.all_purchases * float(np.log(self.evidence.unit))
        return self.evidence.regularity(k, log_interval_sum) - scale

    def _starts(self) -> list[FloatArray]:
        """Few leave, and more and more leave while those who stay buy more often than all together."""
        r, mean = min(max(self.steady.b, 0.1), 10.0), self.steady.b / self.steady.a * self.evidence.unit
        guesses = ((r, mean, 0.05, 2.0), (r, 1.5 * mean, 0.4, 2.0), (1.0, 3 * mean, 1.0, 1.0))
        return [_BASIS @ np.log([rate, shape, ratio, b]) for shape, rate, ratio, b in guesses]

    def _maximise(self, k: int, starts: list[FloatArray], held: Mapping[int, float]) -> Optimum:
        """The best over the coordinates not held; of many histories first from a part of them."""
        if len(self.evidence) <= 2 * _ENOUGH:
            return _search(self.evidence, k, starts, held)
        return _search(self.evidence, k, [_search(self.evidence.thinned(_ENOUGH), k, starts, held).point], held)

    def _steady(self, k: int, best: Optimum) -> Found:
        """Nobody leaves: the NBD, or its like with k stages; log-likelihood in units of the mean T."""
        if k == 1:
            r, alpha = self.steady.b, self.steady.a
            value = self.steady.log_likelihood + self.evidence.all_purchases * float(np.log(self.evidence.unit))
            alike, covariance = self.steady.fallback is not None, np.zeros((4, 4))
            natural = self.steady.covariance / np.outer([alpha, r], [alpha, r])
            covariance[:2, :2] = natural[::-1, ::-1]
            remarks = tuple(remark for remark in self.steady.diagnosis if remark.code != "fitted")
        else:
            held = {_RATIO: _NEVER, _SPREAD: 0.0}
            optimum, reached = self._to_limits(k, self._maximise(k, [best.point], held), _LIMITS[:1])
            value, alike, covariance = optimum.value, bool(reached), optimum.covariance
            r, alpha = optimum.parameters[:2] * [1.0, self.evidence.unit]
            remarks = (*([ALIKE] if alike else []), *fitting.remarks_on(optimum, self._customers, _NAMES))
        name = {(1, False): "nbd", (1, True): "poisson"}.get((min(k, 2), alike), "erlang_k" if alike else "cnbd_k")
        return Found(k, np.array([r, alpha, 0.0, 1.0]), covariance, value, (NOBODY_LEAVES, *remarks), name)

    @property
    def _customers(self) -> float:
        return float(self.evidence.customers.sum())

    @property
    def _same(self) -> float:
        return _SAME_AT_LEAST + _SAME * self._customers

    def _to_limits(self, k: int, optimum: Optimum, limits: tuple[_Limit, ...]) -> tuple[Optimum, list[_Limit]]:
        """The limiting models that are as likely as the optimum, one after another, and the best within them."""
        reached: list[_Limit] = []
        held = {} if optimum.parameters[2] > np.exp(_NEVER / 2) else {_RATIO: _NEVER, _SPREAD: 0.0}
        for limit in limits:
            if limit.coordinate in held or not limit.near(optimum.parameters):
                continue
            held[limit.coordinate] = limit.at
            limiting = self._maximise(k, [optimum.point], held)
            if limiting.value >= optimum.value - self._same:
                optimum = limiting
                reached.append(limit)
            else:
                del held[limit.coordinate]
        return optimum, reached

    def _found(self, k: int, optimum: Optimum, reached: list[_Limit], doubt: list[Diagnosis], constant: float) -> Found:
        remarks = doubt + [limit.remark for limit in reached]
        remarks += fitting.remarks_on(optimum, self._customers, _NAMES)
        return Found(
            k,
            optimum.parameters * [1.0, self.evidence.unit, 1.0, 1.0],
            optimum.covariance,
            optimum.value + constant,
            tuple(remarks) or (fitting.FITTED,),
            "_".join(limit.name for limit in reached) or None,
        )


def _inside(logs: FloatArray) -> FloatArray:
    """A point near this one from which no coordinate seems to have run away."""
    bounds = np.log([[1e-9, 1e9], [0.01, 100.0], [0.02, 50.0], [0.1, 100.0]])
    return np.asarray(_BASIS @ np.clip(np.linalg.solve(_BASIS, logs), bounds[:, 0], bounds[:, 1]))


def _some_leave(best: Optimum) -> bool:
    """Whether a is so far from 0, by its standard error, that nobody leaving is out of the question."""
    known = np.linalg.eigvalsh(-best.curvature)
    return bool(known[0] > 1e-8 * known[-1] and best.parameters[2] > 1e-6 and best.covariance[2, 2] < 0.2**2)


def _search(evidence: Evidence, k: int, starts: list[FloatArray], held: Mapping[int, float]) -> Optimum:
    """The best parameters with some coordinates of the basis held; all points and the result in log-parameters."""
    free = [i for i in range(4) if i not in held]
    offset = sum((_BASIS[:, i] * value for i, value in held.items()), np.zeros(4))
    to_logs, to_free = _BASIS[:, free], np.linalg.inv(_BASIS)[free]

    def objective(point: FloatArray) -> Evaluation:
        value, slope, curvature = evidence.objective(k, offset + to_logs @ point)
        return value, to_logs.T @ slope, to_logs.T @ curvature @ to_logs

    def slopes(point: FloatArray) -> tuple[float, FloatArray]:
        value, slope = evidence.slopes(k, offset + to_logs @ point)
        return value, to_logs.T @ slope

    points = [to_free @ start for start in starts]
    best = fitting.polish(objective, points[0])
    if not best.converged or (len(points) > 1 and not _clear(best, offset + to_logs @ best.point)):
        best = fitting.maximise(objective, points, np.eye(len(free)), slopes)
    spread = to_logs @ best.covariance @ to_logs.T
    return Optimum(offset + to_logs @ best.point, best.value, -np.linalg.pinv(spread, hermitian=True), best.converged)


def _clear(best: Optimum, logs: FloatArray) -> bool:
    """Whether a peak is so well determined, and so far from all limits, that no other start is likely to end higher."""
    errors = np.sqrt(np.maximum(np.diag(best.covariance), 0.0))
    return bool(np.abs(np.linalg.solve(_BASIS, logs)).max() < np.log(_LARGE) and errors.max(initial=0.0) < _LOOSE)


@dataclass(frozen=True, eq=False)
class Evidence:
    """Distinct histories in a fixed order, whatever the order of the rows, with time in units of the mean T."""

    purchases: FloatArray  # distinct x
    customers_with: FloatArray  # customers per distinct x
    last: FloatArray  # distinct t_x
    customers_at: FloatArray  # customers per distinct t_x
    purchases_at: FloatArray  # purchases per distinct t_x
    periods: FloatArray  # distinct T
    of_x: IntArray  # for each distinct history: which x,
    of_last: IntArray  # which t_x
    of_period: IntArray  # and which T it has
    customers: FloatArray  # and how many customers have it
    unit: float
    may_leave_at_once: bool

    @classmethod
    def of(cls, seen: PurchaseHistories, unit: float, may_leave_at_once: bool) -> Evidence:
        """From any histories with at least one customer; `unit` is the mean T."""
        used = seen.customers > 0
        rows = (seen.repeat_purchases[used], seen.last_purchase_at[used], seen.observed_periods[used])
        first, index = distinct(*rows)
        weights = np.bincount(index, weights=seen.customers[used]).astype(np.float64)
        x, t_x, T = (row[first] for row in rows)
        return cls._from_distinct(x, t_x, T, weights, unit, may_leave_at_once)

    @classmethod
    def _from_distinct(
        cls, x: FloatArray, t_x: FloatArray, T: FloatArray, weights: FloatArray, unit: float, may_leave_at_once: bool
    ) -> Evidence:
        purchases, of_x = np.unique(x, return_inverse=True)
        last, of_last = np.unique(t_x, return_inverse=True)
        periods, of_period = np.unique(T, return_inverse=True)
        return cls(
            purchases=purchases,
            customers_with=np.bincount(of_x, weights=weights).astype(np.float64),
            last=last / unit,
            customers_at=np.bincount(of_last, weights=weights).astype(np.float64),
            purchases_at=np.bincount(of_last, weights=weights * x).astype(np.float64),
            periods=periods / unit,
            of_x=of_x,
            of_last=of_last,
            of_period=of_period,
            customers=weights,
            unit=unit,
            may_leave_at_once=may_leave_at_once,
        )

    def __len__(self) -> int:
        return len(self.customers)

    @property
    def all_purchases(self) -> float:
        """Repeat purchases of all customers."""
        return float(self.purchases_at.sum())

    def thinned(self, rows: int) -> Evidence:
        """Every so-manieth distinct history, about so many of them: enough to come near the optimum quickly."""
        some = slice(None, None, max(len(self) // rows, 1))
        x, t_x, T = self.purchases[self.of_x], self.last[self.of_last], self.periods[self.of_period]
        return self._from_distinct(x[some], t_x[some], T[some], self.customers[some], 1.0, self.may_leave_at_once)

    def regularity(self, k: int, log_interval_sum: float | None) -> float:
        """As the function of that name, in this unit of time."""
        x, t_x, T = self.purchases[self.of_x], self.last[self.of_last], self.periods[self.of_period]
        if log_interval_sum is not None:
            log_interval_sum -= self.all_purchases * float(np.log(self.unit))
        return regularity(k, self.customers, x, t_x, T, log_interval_sum)

    def slopes(self, k: int, logs: FloatArray) -> tuple[float, FloatArray]:
        """Log-likelihood (without regularity) and slope at (ln r, ln alpha, ln a, ln b)."""
        common, silence, left = _Common(self, k, logs), _Silence(self, k, logs), _Left(self, logs)
        value, here = _either(silence.value, left.value[self.of_x])
        here *= self.customers
        gone = self._per_x(self.customers - here)
        slope = common.slope + _slope_of_either(here, gone, silence, left)
        return common.value + _dot(self.customers, value), slope

    def objective(self, k: int, logs: FloatArray) -> Evaluation:
        """The same with its curvature."""
        common, silence, left = _Common(self, k, logs), _Silence(self, k, logs), _Left(self, logs)
        value, here = _either(silence.value, left.value[self.of_x])
        unsure = self.customers * here * (1 - here)
        here *= self.customers
        gone = self._per_x(self.customers - here)
        slope = common.slope + _slope_of_either(here, gone, silence, left)
        # ln(e^F + e^d) curves by each of them, weighted, and by their difference where it is unclear which holds
        r, alpha, share = silence.by_r, silence.by_alpha, left.share
        by_rr, by_ra, by_aa = silence.curvature()
        across_r, across_alpha, either = (self._per_x(unsure * column) for column in (r, alpha, np.ones(len(self))))
        curvature = np.zeros((4, 4))
        curvature[0, 0] = _dot(here, by_rr) + _dot(unsure, r * r)
        curvature[0, 1] = _dot(here, by_ra) + _dot(unsure, r * alpha)
        curvature[1, 1] = _dot(here, by_aa) + _dot(unsure, alpha * alpha)
        curvature[0, 2], curvature[0, 3] = -across_r.sum(), _dot(across_r, share)
        curvature[1, 2], curvature[1, 3] = -across_alpha.sum(), _dot(across_alpha, share)
        curvature[2, 2], curvature[2, 3] = either.sum(), -_dot(either, share)
        curvature[3, 3] = _dot(either, share**2) - _dot(gone, share * (1 - share))
        curvature += np.triu(curvature, 1).T
        return common.value + _dot(self.customers, value), slope, common.curvature() + curvature

    def _per_x(self, values: FloatArray) -> FloatArray:
        return np.bincount(self.of_x, weights=values, minlength=len(self.purchases)).astype(np.float64)


def _either(silence: FloatArray, left: FloatArray) -> tuple[FloatArray, FloatArray]:
    """ln(e^silence + e^left), and the share of the first in it: the probability of being active."""
    apart = np.exp(-np.abs(silence - left))
    share = np.where(silence >= left, 1.0, apart) / (1 + apart)
    return np.maximum(silence, left) + np.log1p(apart), share


def _slope_of_either(here: FloatArray, gone: FloatArray, silence: _Silence, left: _Left) -> FloatArray:
    """Slope of ln(F + d), `here` and `gone` being the customers expected active per history and gone per x."""
    by_rates = [_dot(here, silence.by_r), _dot(here, silence.by_alpha)]
    return np.array([*by_rates, _dot(gone, left.counts), -_dot(gone, left.share)])


class _Common:
    """The factors before (F + d): sums over distinct x and distinct t_x."""

    def __init__(self, seen: Evidence, k: int, logs: FloatArray) -> None:
        self.r, alpha, self.a, self.b = np.exp(logs)
        self.stages, self.chances = k * seen.purchases, seen.purchases + seen.may_leave_at_once
        self.customers = seen.customers_with
        A = alpha / k
        self.at, self.at_weight = seen.customers_at, self.r * seen.customers_at + k * seen.purchases_at
        self.elapsed, self.share = np.log1p(seen.last / A), seen.last / (A + seen.last)
        stays = log_rising(self.b, self.chances) - log_rising(self.a + self.b, self.chances)
        rising = _dot(self.customers, log_rising(self.r, self.stages) + stays)
        total = _dot(self.stages, self.customers)
        self.value = rising - _dot(self.at_weight, self.elapsed) - total * float(np.log(A))
        by_r = self.r * (_dot(self.customers, _psi(self.r, self.stages)) - _dot(self.at, self.elapsed))
        both = (self.a + self.b, self.chances)
        self.slope = np.array(
            [
                by_r,
                _dot(self.at_weight, self.share) - total,
                -self.a * _dot(self.customers, _psi(*both)),
                self.b * _dot(self.customers, _psi(self.b, self.chances) - _psi(*both)),
            ]
        )

    def curvature(self) -> FloatArray:
        """By the logs of the parameters."""
        rate, stay = self.r * _dot(self.at, self.share), _dot(self.customers, _psi_slope(self.a + self.b, self.chances))
        result = np.diag(self.slope)  # the chain rule's extra, right for all but alpha
        result[0, 0] += self.r**2 * _dot(self.customers, _psi_slope(self.r, self.stages))
        result[0, 1] = result[1, 0] = rate
        result[1, 1] = -_dot(self.at_weight, self.share * (1 - self.share))
        result[2, 2] -= self.a**2 * stay
        result[2, 3] = result[3, 2] = -self.a * self.b * stay
        result[3, 3] += self.b**2 * (_dot(self.customers, _psi_slope(self.b, self.chances)) - stay)
        return result


class _Silence:
    """ln F and its slopes by ln r and ln alpha, for every distinct history."""

    def __init__(self, seen: Evidence, k: int, logs: FloatArray) -> None:
        self.r, A = float(np.exp(logs[0])), float(np.exp(logs[1])) / k
        self.shape = (self.r + k * seen.purchases)[seen.of_x]
        watched, until = seen.periods / (A + seen.periods), seen.last / (A + seen.last)
        # ln((A + T) / (A + t_x)) from logs of distinct times alone, and its slope by ln alpha
        self.elapsed = np.log1p(seen.periods / A)[seen.of_period] - np.log1p(seen.last / A)[seen.of_last]
        self.shrinks = watched[seen.of_period] - until[seen.of_last]
        self.bend = (watched * (1 - watched))[seen.of_period] - (until * (1 - until))[seen.of_last]
        self.value = -self.shape * self.elapsed
        self.by_r, self.by_alpha = -self.r * self.elapsed, self.shape * self.shrinks
        self.phases = None if k == 1 else _Phases(seen, k, self.shape, A)
        if self.phases is not None:
            self.value += self.phases.value
            self.by_r += self.r * self.phases.mean_rise
            self.by_alpha -= self.phases.fading * self.phases.mean

    def curvature(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """By ln r twice, ln r and ln alpha, ln alpha twice."""
        by_rr, by_ra, by_aa = self.by_r.copy(), self.r * self.shrinks, -self.shape * self.bend
        if self.phases is not None:
            rise, both, square = self.phases.second_moments()
            fading = self.phases.fading
            by_rr += self.r**2 * rise
            by_ra -= self.r * fading * both
            by_aa += fading**2 * square - fading * (1 - fading) * self.phases.mean
        return by_rr, by_ra, by_aa


class _Phases:
    """ln sum_j (s)_j / j! z^j and the moments of j under these weights; h_j is the slope of ln (s)_j by s."""

    def __init__(self, seen: Evidence, k: int, shape: FloatArray, A: float) -> None:
        periods = seen.periods[seen.of_period]
        self.k, self.shape, self.fading = k, shape, A / (A + periods)  # fading: minus the slope of ln z by ln alpha
        terms = phase_terms(k, shape, (periods - seen.last[seen.of_last]) / (A + periods))
        total = sum(terms)
        self.weights = [term / total for term in terms]
        self.value = np.log(total)
        self.mean = sum(j * weight for j, weight in enumerate(self.weights))
        self.mean_rise = sum(rise * weight for rise, weight in zip(self._rises(1), self.weights, strict=True))

    def second_moments(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Var h + E h', Cov(h, j), Var j."""
        rise = both = square = np.zeros(len(self.shape))
        for j, (weight, h, falls) in enumerate(zip(self.weights, self._rises(1), self._rises(2), strict=True)):
            rise = rise + weight * (h**2 - falls)
            both = both + weight * h * j
            square = square + weight * j * j
        return rise - self.mean_rise**2, both - self.mean_rise * self.mean, square - self.mean**2

    def _rises(self, power: int) -> list[FloatArray]:
        sums = [np.zeros(len(self.shape))]
        for j in range(self.k - 1):
            sums.append(sums[-1] + 1 / (self.shape + j) ** power)
        return sums


class _Left:
    """ln d for every distinct x, with b / (b + m - 1), minus its slope by ln b."""

    def __init__(self, seen: Evidence, logs: FloatArray) -> None:
        chances = seen.purchases + seen.may_leave_at_once
        self.counts = (chances > 0).astype(np.float64)
        b = float(np.exp(logs[3]))
        after = np.where(chances > 0, b + (chances - 1), 1.0)
        self.share = self.counts * b / after
        self.value = np.where(chances > 0, logs[2] - np.log(after), -np.inf)


def _dot(weights: FloatArray, values: FloatArray) -> float:
    """Their products added up pairwise: more exact than BLAS, and the same whatever its number of threads."""
    return float((weights * values).sum())


def _psi(base: float, steps: FloatArray) -> FloatArray:
    """digamma(base + steps) - digamma(base), also for a huge base."""
    if base > 1e5:
        return np.asarray(np.log1p(steps / base) + steps / (2 * base * (base + steps)))
    return np.asarray(special.digamma(base + steps) - special.digamma(base))


def _psi_slope(base: float, steps: FloatArray) -> FloatArray:
    """The slope of `_psi` by its base."""
    if base > 1e5:
        return np.asarray(-steps / (base * (base + steps)))
    return np.asarray(special.polygamma(1, base + steps) - special.polygamma(1, base))


NOBODY_LEAVES = Diagnosis(
    "nobody_leaves",
    "note",
    "Nobody can be seen to leave in these data, so every customer is taken to stay.",
    "这些数据看不出有客户流失，因此视所有客户都会继续购买。",
)
HARDLY_LEAVE = Diagnosis(
    "hardly_leave",
    "note",
    "That customers leave can hardly be seen in these data: if nobody left, they would be about as likely.",
    "这些数据几乎看不出客户流失：假设无人流失的模型也能同样好地解释它们。",
)
ONE_DROPOUT = Diagnosis(
    "one_dropout",
    "note",
    "Customers do not visibly differ in how readily they leave, so everybody is given the same chance of leaving after "
    "a purchase.",
    "客户之间的流失倾向看不出差异，因此所有客户采用同一流失概率。",
)
TWO_KINDS = Diagnosis(
    "two_kinds",
    "note",
    "Customers look like two kinds: some leave at the first chance, the others never.",
    "客户看来分为两类：一类一有机会就流失，另一类从不流失。",
)


@dataclass(frozen=True)
class _Limit:
    """A coordinate of the basis that may run away: where to, whether parameters are near it, what is then said."""

    coordinate: int
    at: float
    near: Callable[[FloatArray], bool]
    remark: Diagnosis
    name: str


_LIMITS = (
    _Limit(_SHAPE, float(np.log(LIMIT)), lambda values: bool(values[0] > _LARGE), ALIKE, "one_rate"),
    _Limit(_SPREAD, float(np.log(LIMIT)), lambda values: bool(values[2:].min() > _LARGE), ONE_DROPOUT, "one_dropout"),
    _Limit(_SPREAD, float(np.log(1e-12)), lambda values: bool(values[2:].max() < 0.01), TWO_KINDS, "two_kinds"),
)
