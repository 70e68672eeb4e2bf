"""Purchases at opportunities that come one by one: the beta-geometric/beta-Bernoulli model (BG/BB).

Yearly appeals, monthly boxes, cruises: before every opportunity a customer drops out for good with a probability
theta of his own; if he is still active he then buys with a probability p of his own, or lets it pass. p differs between
customers as Beta(alpha, beta), theta as Beta(gamma, delta). Source: Fader, Hardie, Shang (2010), "Customer-base
analysis in a discrete-time noncontractual setting".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from kezhi.models import fitting
from kezhi.models.discrete_histories import OpportunityHistories, counted
from kezhi.models.fitting import LIMIT, Diagnosis, Fit
from kezhi.models.gamma_functions import log_factorial
from kezhi.models.histories import FloatArray, IntArray, distinct
from kezhi.models.nbd import NO_CUSTOMERS, NO_REPEAT
from kezhi.models.opportunity_evidence import OpportunityEvidence
from kezhi.models.purchases import not_negative
from kezhi.models.shifted_beta_geometric import ShiftedBetaGeometricFit, draw_shares

_CELLS = 200_000  # of a table worked on at once
_MOST = 4_096  # counts in a distribution; beyond it the tail is put on the last one


@dataclass(frozen=True, eq=False, kw_only=True)
class BGBBFit(Fit):
    """A fitted (or given) BG/BB model.

    `histories` below is an `OpportunityHistories` or a table with its columns; answers have one entry per row. Windows
    begin after `start` further opportunities (0: at once) and hold `opportunities` of them, whole numbers, one for all
    or one per row.
    """

    model: ClassVar[str] = "bg_bb"
    names: ClassVar[tuple[str, ...]] = ("alpha", "beta", "gamma", "delta")

    def __post_init__(self) -> None:
        super().__post_init__()
        for one, other in (("alpha", "beta"), ("gamma", "delta")):
            if self.parameters[one] == self.parameters[other] == 0:
                raise ValueError(f"parameters {one} and {other} of bg_bb must not both be 0")

    @property
    def alpha(self) -> float:
        """First shape of the beta distribution of buying probabilities."""
        return self.parameters["alpha"]

    @property
    def beta(self) -> float:
        """Second shape of the beta distribution of buying probabilities."""
        return self.parameters["beta"]

    @property
    def gamma(self) -> float:
        """First shape of the beta distribution of dropout probabilities."""
        return self.parameters["gamma"]

    @property
    def delta(self) -> float:
        """Second shape of the beta distribution of dropout probabilities."""
        return self.parameters["delta"]

    @property
    def dropout(self) -> ShiftedBetaGeometricFit:
        """Staying active alone is a shifted beta-geometric model with alpha = gamma and beta = delta."""
        return ShiftedBetaGeometricFit.with_parameters(alpha=self.gamma, beta=self.delta)

    def p_alive(self, histories: Any, ahead: npt.ArrayLike = 1) -> FloatArray:
        """The probability that a customer is still active at the next opportunity, or `ahead` opportunities from now.

        With ahead = 0: that he was still active at the last one.
        """
        seen, further = OpportunityHistories.of(histories), counted("ahead", ahead)
        return np.asarray(self._alive_at_last(seen) * self._stays(seen, further))

    def expected_purchases(self, histories: Any, opportunities: npt.ArrayLike, start: npt.ArrayLike = 0) -> FloatArray:
        """How many purchases to expect from each customer in a window."""
        return self.window_moments(histories, opportunities, start)[0]

    def expected_purchases_new_customer(self, opportunities: npt.ArrayLike) -> FloatArray:
        """How many repeat purchases to expect from someone who has just become a customer."""
        length = counted("opportunities", opportunities)
        return self.expected_purchases(_new(length.size), length.ravel()).reshape(length.shape)

    def purchase_variance(self, histories: Any, opportunities: npt.ArrayLike, start: npt.ArrayLike = 0) -> FloatArray:
        """The variance of each customer's number of purchases in a window."""
        mean, pairs, _ = self.window_moments(histories, opportunities, start)
        return np.asarray(np.maximum(pairs + mean - mean**2, 0.0))

    def window_moments(
        self, histories: Any, opportunities: npt.ArrayLike, start: npt.ArrayLike = 0
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """E[N], E[N (N - 1)] and P(N = 0) of each customer's purchases in a window."""
        seen = OpportunityHistories.of(histories)
        windows = self._windows(seen, opportunities, start)
        alive, p = self._alive_at_last(seen), windows.a / (windows.a + windows.b)
        both = p * (windows.a + 1) / (windows.a + windows.b + 1)  # E[p^2]
        mean, pairs, there, none = (np.empty(len(p)) for _ in range(4))
        for rows, some in windows.blocks():
            k = np.arange(some.width + 1)
            kept = some.active * k
            mean[rows], pairs[rows] = kept.sum(axis=1), (kept * (k - 1)).sum(axis=1)
            there[rows], none[rows] = some.active.sum(axis=1), some.p_purchases(0)
        of = windows.index
        gone = np.maximum(1 - alive * there[of], 0.0)
        return alive * (p * mean)[of], alive * (both * pairs)[of], np.asarray(gone + alive * none[of])

    def p_no_purchase(self, histories: Any, opportunities: npt.ArrayLike, start: npt.ArrayLike = 0) -> FloatArray:
        """The probability of no purchase at all in a window, per customer."""
        return self.window_moments(histories, opportunities, start)[2]

    def p_purchases(self, n: npt.ArrayLike, histories: Any, opportunities: npt.ArrayLike) -> FloatArray:
        """The probability of exactly n purchases at the next opportunities; n broadcasts against the customers."""
        count, seen = not_negative("n", n), OpportunityHistories.of(histories)
        most = int(min(count.max(initial=0), counted("opportunities", opportunities).max(initial=0)))
        table = self.purchase_distribution(seen, opportunities, most)
        whole = np.minimum(np.floor(count), most).astype(np.int64)
        rows, columns = np.broadcast_arrays(np.arange(len(seen)), whole)
        return np.asarray(np.where(count == whole, table[rows, columns], 0.0))

    def p_purchases_new_customer(self, n: npt.ArrayLike, opportunities: float) -> FloatArray:
        """The probability that someone who has just become a customer buys exactly n times."""
        count = not_negative("n", n)
        return self.p_purchases(count.reshape(-1, 1), _new(1), opportunities).reshape(count.shape)

    def purchase_distribution(
        self, histories: Any, opportunities: npt.ArrayLike, most: int | None = None
    ) -> FloatArray:
        """P(n purchases at the next opportunities) for n = 0..most, shape (customers, most + 1).

        Without `most` the table is as wide as there are opportunities (at most 4 097 counts; its last column then takes
        what lies above).
        """
        seen = OpportunityHistories.of(histories)
        windows = self._windows(seen, opportunities, 0)
        longest = int(windows.length.max(initial=0))
        width = min(longest, _MOST) if most is None else most
        table = np.zeros((len(windows.a), width + 1))
        for rows, some in windows.blocks():
            for n in range(min(width, some.width) + 1):
                table[rows, n] = some.p_purchases(n)
        alive = self._alive_at_last(seen)
        result = alive[:, None] * table[windows.index]
        result[:, 0] += 1 - alive
        if most is None and longest > width:
            result[:, -1] += np.maximum(1 - result.sum(axis=1), 0.0)
        return np.asarray(result)

    def discounted_expected_purchases(self, histories: Any, discount: float) -> FloatArray:
        """How many purchases are still to come, in today's worth (DERT): times the margin of one, a customer's value.

        The purchase at the next opportunity is discounted once. `discount` is per opportunity and above 0. The paper's
        2F1 is the sum that `discounted_expected_lifetime` forms, with the rule for breaking it off told there.
        """
        seen = OpportunityHistories.of(histories)
        active = {"renewals": seen.opportunities, "lost": np.zeros(len(seen))}
        stays = self.dropout.discounted_expected_lifetime(discount, active) / (1 + discount)
        p = (self.alpha + seen.repeat_purchases) / (self.alpha + self.beta + seen.opportunities)
        return np.asarray(self._alive_at_last(seen) * p * stays)

    def log_likelihood_of(self, histories: Any) -> float:
        """How well the model explains which opportunities were used: sum of log-probabilities."""
        return OpportunityEvidence.of(OpportunityHistories.of(histories)).slopes(self._values)[0]

    def simulate(self, rng: np.random.Generator, opportunities: npt.ArrayLike) -> OpportunityHistories:
        """New customers as the model sees them, with so many opportunities since their first purchase."""
        n = counted("opportunities", opportunities)
        p = draw_shares(rng, self.alpha, self.beta, n.shape)
        active = _draw_lifetimes(rng, draw_shares(rng, self.gamma, self.delta, n.shape), n)
        x, t_x = np.zeros(n.shape), np.zeros(n.shape)
        for opportunity in range(1, int(active.max(initial=0)) + 1):
            bought = (rng.random(n.shape) < p) & (active >= opportunity)
            x += bought
            t_x[bought] = opportunity
        return OpportunityHistories(x, t_x, n)

    def simulate_purchases(self, rng: np.random.Generator, histories: Any, opportunities: npt.ArrayLike) -> FloatArray:
        """One random draw of each customer's purchases at the next opportunities."""
        seen, length = OpportunityHistories.of(histories), counted("opportunities", opportunities)
        x, n, shape = seen.repeat_purchases, seen.opportunities, (len(seen),)
        p = draw_shares(rng, self.alpha + x, self.beta + n - x, shape)
        active = _draw_lifetimes(rng, draw_shares(rng, self.gamma, self.delta + n, shape), length)
        drawn = rng.binomial(active.astype(np.int64), p)
        return np.where(rng.random(shape) < self._alive_at_last(seen), drawn, 0).astype(np.float64)

    def _alive_at_last(self, seen: OpportunityHistories) -> FloatArray:
        """The probability that a customer was active at the last opportunity of his history."""
        if self.gamma == 0:
            return np.ones(len(seen))
        return OpportunityEvidence.of(seen).active_at_last(self._values)

    @property
    def _values(self) -> FloatArray:
        return np.array(list(self.parameters.values()))

    def _stays(self, seen: OpportunityHistories, further: FloatArray) -> FloatArray:
        """P(active at opportunity n + further | active at n)."""
        active = {"renewals": seen.opportunities, "lost": np.zeros(len(seen))}
        return self.dropout.p_alive(active, further)

    def _windows(self, seen: OpportunityHistories, opportunities: npt.ArrayLike, start: npt.ArrayLike) -> _Windows:
        shape = (len(seen),)
        asked = (counted("opportunities", opportunities), counted("start", start))
        for name, values in zip(("opportunities", "start"), asked, strict=True):
            if values.shape not in ((), shape):
                raise ValueError(f"{name} must be one number or one per history")
        length, begin = (np.broadcast_to(values, shape) for values in asked)
        first, index = distinct(seen.repeat_purchases, seen.opportunities, length, begin)
        x, n = seen.repeat_purchases[first], seen.opportunities[first]
        reach = int((n + length[first] + begin[first]).max(initial=0))
        gone = np.append(0.0, np.cumsum(self.dropout.hazards(reach + 1)))
        passed, begun, lasting = (each.astype(np.int64) for each in (n, begin[first], length[first]))
        return _Windows(self.alpha + x, self.beta + n - x, passed, begun, lasting, index, gone)


@dataclass(frozen=True, eq=False)
class _Windows:
    """Distinct windows of customers active at opportunity `n`, whose p is then Beta(a, b)."""

    a: FloatArray
    b: FloatArray
    n: IntArray
    begin: IntArray
    length: IntArray
    index: IntArray  # which of them each customer has
    gone: FloatArray  # -ln S(k), k = 0, 1, ...: of staying active from the start on

    def blocks(self) -> Iterator[tuple[slice, _Block]]:
        """The windows a few at a time, so that no table grows large."""
        width = int(self.length.max(initial=0))
        step = max(_CELLS // (width + 1), 1)
        for low in range(0, len(self.a), step):
            rows = slice(low, low + step)
            yield rows, self._block(rows)

    def _block(self, rows: slice) -> _Block:
        n, begin, length = (each[rows, None] for each in (self.n, self.begin, self.length))
        k = np.arange(int(length.max()) + 1)
        at = np.minimum(n + begin + k, len(self.gone) - 2)
        there = np.exp(self.gone[n] - self.gone[at])
        leaves = -np.expm1(self.gone[at] - self.gone[at + 1])
        active = np.where(k < length, there * leaves, np.where(k == length, there, 0.0))
        return _Block(self.a[rows, None], self.b[rows, None], active)


@dataclass(frozen=True, eq=False)
class _Block:
    """Some windows, one per row. `active`: P(active at exactly k opportunities of the window), k = 0..width.

    Who has dropped out before the window begins is left out.
    """

    a: FloatArray
    b: FloatArray
    active: FloatArray

    @property
    def width(self) -> int:
        """The most opportunities that one of these windows holds."""
        return int(self.active.shape[1]) - 1

    @cached_property
    def _logs(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """By how many, 0..width: ln of the rising factorials of a and of b over n!, and of `active` k! over a + b's."""
        total, k = self.a + self.b, np.arange(self.width + 1)
        with np.errstate(divide="ignore"):
            used, unused = (_summed(np.log((one + k[:-1]) / total)) - log_factorial(k) for one in (self.a, self.b))
            either = np.log(self.active) + log_factorial(k) - _summed(np.log1p(k[:-1] / total))
        return used, unused, either

    def p_purchases(self, n: int) -> FloatArray:
        """P(N = n, active when the window begins): beta-binomial, over how many opportunities he is active at."""
        used, unused, either = self._logs
        return np.asarray(np.exp(used[:, n, None] + unused[:, : self.width + 1 - n] + either[:, n:]).sum(axis=1))


def _summed(each: FloatArray) -> FloatArray:
    """Running sums along the rows, from 0."""
    return np.concatenate([np.zeros((len(each), 1)), np.cumsum(each, axis=1)], axis=1)


def _new(customers: int) -> OpportunityHistories:
    nothing = np.zeros(customers)
    return OpportunityHistories(nothing, nothing, nothing)


def _draw_lifetimes(rng: np.random.Generator, theta: FloatArray, most: FloatArray) -> FloatArray:
    """How many opportunities customers are active at, of so many."""
    with np.errstate(divide="ignore", over="ignore"):
        active = np.floor(rng.exponential(size=theta.shape) / -np.log1p(-theta))
    return np.minimum(active, most)


# --- learning


@dataclass(frozen=True)
class BGBB:
    """Purchases at opportunities that come one by one, by customers who may drop out for good."""

    def fit(self, histories: Any) -> BGBBFit:
        """The most likely alpha, beta, gamma and delta for these histories; see `BGBBFit` for what it then answers."""
        evidence = OpportunityEvidence.of(OpportunityHistories.of(histories))
        return _without_choice(evidence) or _fit_probabilities(evidence)


class _State(NamedTuple):
    """How customers may differ in one of the two probabilities: logs of its two shapes = basis x free ones + offset."""

    basis: FloatArray
    offset: FloatArray
    remark: Diagnosis | None


class _Found(NamedTuple):
    states: tuple[str, str]
    parameters: FloatArray
    covariance: FloatArray  # of their logarithms
    value: float
    free: int
    converged: bool


def _fit_probabilities(evidence: OpportunityEvidence) -> BGBBFit:
    """All four parameters, or where they run to a limit the simplest model that explains the data as well."""
    # with one opportunity there is one share to learn from, with two there are three
    allowed = {1: 1, 2: 3}.get(evidence.longest, 4)
    full = _search(evidence, ("free", "free"), _starts(evidence))
    found = [full] if allowed == 4 else []
    for states in product(_buying_states(full, evidence, allowed), _staying_states(full, allowed)):
        free = _free(states)
        if 0 < free <= min(allowed, 3):
            found.append(_search(evidence, states, [_start_from(full, states)]))
    highest = max(one.value for one in found)
    enough = [one for one in found if one.value >= highest - 1e-6]
    return _as_fit(evidence, min(enough, key=lambda one: one.free), allowed)


def _buying_states(full: _Found, evidence: OpportunityEvidence, allowed: int) -> list[str]:
    size = full.parameters[:2].sum()
    at_edge = [("alike", size > 100 or allowed < 4), ("split", size < 0.01), ("always", len(evidence.missed) == 0)]
    return ["free", *(name for name, near in at_edge if near)]


def _staying_states(full: _Found, allowed: int) -> list[str]:
    gamma, size = full.parameters[2], full.parameters[2:].sum()
    at_edge = [("alike", size > 100), ("split", size < 0.01), ("none", gamma < 1e-3 * size)]
    return ["free", *(name for name, near in at_edge if near or (allowed < 4 and name != "split"))]


def _free(states: tuple[str, str]) -> int:
    return int(_BUYING[states[0]].basis.shape[1] + _STAYING[states[1]].basis.shape[1])


def _starts(evidence: OpportunityEvidence) -> list[FloatArray]:
    """Usual spreads around the share of opportunities used up to the last purchase, and the share let pass since."""
    used = np.clip(evidence.purchases / evidence.survived.sum(), 0.05, 0.95)
    idle = np.clip(1 - evidence.survived.sum() / evidence.opportunities, 0.02, 0.5) / 2
    odds = [np.log(each / (1 - each)) for each in (used, idle)]
    return [np.array([odds[0], 0.0, odds[1], 0.5]), np.array([odds[0], 1.0, odds[1], 2.0])]


def _start_from(full: _Found, states: tuple[str, str]) -> FloatArray:
    """The full model's means, with spreads that are not extreme."""
    logs = np.clip(np.log(np.maximum(full.parameters, 1e-300)), -30, 30)
    start: list[float] = []
    for (first, second), state in zip((logs[:2], logs[2:]), (_BUYING[states[0]], _STAYING[states[1]]), strict=True):
        middle = float(np.clip((first + second) / 2, -2, 3))
        start += [float(np.clip(first - second, -6, 6)), middle][: state.basis.shape[1]]
    return np.array(start)


def _search(evidence: OpportunityEvidence, states: tuple[str, str], starts: list[FloatArray]) -> _Found:
    buying, staying = _BUYING[states[0]], _STAYING[states[1]]
    free = _free(states)
    basis = np.zeros((4, free))
    basis[:2, : buying.basis.shape[1]] = buying.basis
    basis[2:, buying.basis.shape[1] :] = staying.basis
    offset = np.concatenate([buying.offset, staying.offset])

    def slopes(point: FloatArray) -> tuple[float, FloatArray]:
        value, slope = evidence.slopes(np.exp(basis @ point + offset))
        return value, basis.T @ slope

    best = fitting.maximise(fitting.with_curvature(slopes), starts, np.eye(free), slopes=slopes)
    parameters = np.exp(basis @ best.point + offset)
    return _Found(states, parameters, basis @ best.covariance @ basis.T, best.value, free, best.converged)


def _as_fit(evidence: OpportunityEvidence, found: _Found, allowed: int) -> BGBBFit:
    limits = [_BUYING[found.states[0]].remark, _STAYING[found.states[1]].remark]
    remarks = [TOO_SHORT] if allowed < 4 else []
    remarks += [limit for limit in limits if limit is not None]
    names = "+".join(limit.code for limit in limits if limit is not None)
    errors = np.sqrt(np.maximum(np.diag(found.covariance), 0.0))
    unsure = [name for name, error in zip(BGBBFit.names, errors, strict=True) if error > 0.5]
    remarks += [] if found.converged else [fitting.NOT_CONVERGED]
    remarks += fitting.few_customers(evidence.customers)
    remarks += [fitting.IMPRECISE.fill(names=", ".join(unsure))] if unsure else []
    return BGBBFit(
        **fitting.natural(BGBBFit.names, found.parameters, found.covariance),
        log_likelihood=found.value,
        customers=evidence.customers,
        diagnosis=tuple(remarks) or (fitting.FITTED,),
        fallback=_KNOWN.get(names, names) or None,
        observed=evidence.facts,
    )


def _without_choice(evidence: OpportunityEvidence) -> BGBBFit | None:
    """The answer where nothing can be estimated: nobody, no opportunity, none used, or every one used."""
    cases = (
        (evidence.customers == 0, 0.0, 1.0, NO_CUSTOMERS),
        (evidence.opportunities == 0, 0.0, 1.0, NO_OPPORTUNITY),
        (evidence.purchases == 0, 0.0, 1.0, NO_REPEAT),
        (evidence.purchases == evidence.opportunities, 1.0, 0.0, ALL_USED),
    )
    for applies, alpha, beta, remark in cases:
        if applies:
            return BGBBFit(
                **fitting.natural(BGBBFit.names, np.array([alpha, beta, 0.0, 1.0]), np.zeros((4, 4))),
                customers=evidence.customers,
                diagnosis=(remark, *(fitting.few_customers(evidence.customers) if evidence.customers else ())),
                fallback=remark.code,
                observed=evidence.facts,
            )
    return None


NO_OPPORTUNITY = Diagnosis(
    "no_time",
    "warning",
    "Nobody has had an opportunity to come back yet, so purchases cannot be forecast and are shown as 0.",
    "还没有客户有过再次购买的机会，无法预测购买，因此显示为 0。",
)
ALL_USED = Diagnosis(
    "all_used",
    "warning",
    "Every customer has used every opportunity so far, so everybody is forecast to go on like that; that is too good.",
    "所有客户至今用了每一次机会，因此预测他们会一直如此；这个预测偏于乐观。",
)
TOO_SHORT = Diagnosis(
    "too_short",
    "warning",
    "Nobody has had more than two opportunities, too few to tell how customers differ and how many have left; "
    "the forecast is rough.",
    "所有客户至多有过两次机会，不足以看出客户之间的差异和流失情况；预测较为粗略。",
)
ALIKE_BUYING = Diagnosis(
    "alike_buying",
    "note",
    "Active customers differ no more than chance would make them differ, so all have the same chance of buying.",
    "在活跃客户之间，购买概率的差异不超过偶然波动，因此采用同一购买概率。",
)
SPLIT_BUYING = Diagnosis(
    "split_buying",
    "note",
    "Customers either use every opportunity while they are active, or none at all.",
    "客户在活跃期间要么用每一次机会，要么一次也不用。",
)
ALWAYS_BUYING = Diagnosis(
    "always_buying",
    "note",
    "No customer has missed an opportunity and come back later, so who is active is taken to use every one.",
    "没有客户错过机会之后再回来，因此认为活跃客户会用每一次机会。",
)
ALIKE_LEAVING = Diagnosis(
    "alike_leaving",
    "note",
    "Customers do not differ visibly in how likely they are to leave, so all have the same chance of leaving.",
    "客户的流失概率看不出差异，因此采用同一流失概率。",
)
SPLIT_LEAVING = Diagnosis(
    "split_leaving",
    "warning",
    "Customers either leave at once or, as far as can be seen, not at all; the forecast of those who stay may be high.",
    "客户要么马上流失，要么至今看不到流失；对留下客户的预测可能偏高。",
)
NO_LEAVING = Diagnosis(
    "no_leaving",
    "note",
    "The data show no customer leaving, so everybody is taken to stay active.",
    "数据中看不到客户流失，因此认为所有客户保持活跃。",
)

_FAR = float(np.log(1e6 * LIMIT))  # so far that the likelihood of 10^7 customers does not see the difference
_BOTH, _RATIO, _NEITHER = np.array([[0.5, 1.0], [-0.5, 1.0]]), np.array([[1.0], [0.0]]), np.zeros((2, 0))
_BUYING = {
    "free": _State(_BOTH, np.zeros(2), None),
    "alike": _State(_RATIO, np.array([_FAR, _FAR]), ALIKE_BUYING),
    "split": _State(_RATIO, np.array([-_FAR, -_FAR]), SPLIT_BUYING),
    "always": _State(_NEITHER, np.array([0.0, -np.inf]), ALWAYS_BUYING),
}
_STAYING = {
    "free": _State(_BOTH, np.zeros(2), None),
    "alike": _State(_RATIO, np.array([_FAR, _FAR]), ALIKE_LEAVING),
    "split": _State(_RATIO, np.array([-_FAR, -_FAR]), SPLIT_LEAVING),
    "none": _State(_NEITHER, np.array([-np.inf, 0.0]), NO_LEAVING),
}
_KNOWN = {"no_leaving": "beta_binomial", "alike_buying+no_leaving": "binomial"}
