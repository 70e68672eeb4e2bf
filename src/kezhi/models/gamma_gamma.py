"""What a purchase is worth: amounts vary within each customer (gamma) and customers differ (gamma again).

Two forms share one likelihood core. The panel form learns from the average purchase of every active period
of every customer; Fader and Hardie's form from each customer's overall average of repeat purchases.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, TypeVar

import numpy as np
import numpy.typing as npt

from kezhi.models import beta_prime, fitting
from kezhi.models.amount_evidence import LARGEST_SHAPE, AmountEvidence
from kezhi.models.fitting import LIMIT, Diagnosis, Fit, Optimum
from kezhi.models.gamma_functions import gamma_shape
from kezhi.models.histories import AmountPanel, FloatArray, RepeatAmounts


@dataclass(frozen=True, eq=False, kw_only=True)
class _AmountFit(Fit):
    """What both forms answer in the same way: an amount is Gamma(p, nu), nu is Gamma(q, scale parameter)."""

    scale_name: ClassVar[str] = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.parameters.values()) <= 0:
            raise ValueError(f"parameters of {self.model} must be above 0: {self.parameters}")

    @property
    def p(self) -> float:
        """Shape of one customer's amounts: the larger, the steadier."""
        return self.parameters["p"]

    @property
    def q(self) -> float:
        """Shape of the differences between customers: the larger, the more alike."""
        return self.parameters["q"]

    @property
    def scale(self) -> float:
        """The scale parameter (k, or gamma in Fader and Hardie's letters), in money."""
        return self.parameters[self.scale_name]

    def density(self, amount: npt.ArrayLike) -> FloatArray:
        """How frequent an amount is among all customers, per unit of money (beta-prime density)."""
        return beta_prime.density(self.p, self.q, self.scale, amount)

    @property
    def mode(self) -> float:
        """The most frequent amount, (p - 1) k / (q + 1); 0 where small amounts are ever more frequent."""
        return beta_prime.mode(self.p, self.q, self.scale)

    @property
    def density_at_mode(self) -> float:
        """The density there; 0 where the mode is 0."""
        return float(self.density(self.mode)) if self.mode > 0 else 0.0

    def expected_amount_new_customer(self, largest: float | None = None) -> float:
        """What a customer with no purchase to judge by is expected to spend per purchase.

        pk / (q - 1). Where that is infinite (q at most 1), or where `largest` is given: the mean of the
        amounts up to the largest one (by default the largest customer mean seen when fitting).
        """
        return float(self._mean_amount(np.zeros(1), np.zeros(1), largest)[0])

    def _posterior(self, h: FloatArray, S: FloatArray) -> tuple[FloatArray, FloatArray]:
        return self.p * h + self.q, self.scale + S

    def _mean_amount(self, h: FloatArray, S: FloatArray, largest: float | None) -> FloatArray:
        shape, scale = self._posterior(h, S)
        if largest is not None:
            return beta_prime.truncated_mean(self.p, shape, scale, 0.0, largest)
        result = self.p * scale / np.where(shape > 1, shape - 1, 1.0)
        infinite = shape <= 1
        if np.any(infinite):
            bound = np.maximum(self.observed.get("largest_mean_amount", 0.0), scale[infinite])
            result[infinite] = beta_prime.truncated_mean(self.p, shape[infinite], scale[infinite], 0.0, bound)
        return np.asarray(result)


@dataclass(frozen=True, eq=False, kw_only=True)
class GammaGammaFit(_AmountFit):
    """A fitted (or given) Gamma-Gamma model of the average purchase per active period; k is in money."""

    model: ClassVar[str] = "gamma_gamma"
    names: ClassVar[tuple[str, ...]] = ("p", "q", "k")
    scale_name: ClassVar[str] = "k"

    @property
    def k(self) -> float:
        """Scale of the differences between customers, in money."""
        return self.scale

    def posterior(self, panel: Any) -> tuple[FloatArray, FloatArray]:
        """What is known of each customer's nu: Gamma(shape ph + q, rate k + S), two arrays."""
        seen = AmountPanel.of(panel)
        return self._posterior(seen.active_periods, seen.mean_amount_sum)

    def expected_amount(self, panel: Any, largest: float | None = None) -> FloatArray:
        """What each customer is expected to spend per purchase next: p (k + S) / (ph + q - 1).

        Customers with little history are drawn towards everybody's mean, those with much keep their own. With
        `largest`, and where the mean is infinite (ph + q at most 1), amounts up to the largest one only
        count.
        """
        seen = AmountPanel.of(panel)
        return self._mean_amount(seen.active_periods, seen.mean_amount_sum, largest)

    def log_likelihood_of(self, panel: Any) -> float:
        """How well the model explains these amounts: joint log-density of all active periods' averages."""
        evidence = AmountEvidence.of_panel(AmountPanel.of(panel))
        return _log_likelihood(evidence, self)

    def simulate(self, rng: np.random.Generator, active_periods: npt.ArrayLike) -> AmountPanel:
        """New customers as the model sees them, with the given numbers of active periods."""
        h = np.asarray(active_periods, dtype=np.int64)
        each = np.repeat(self.scale / rng.gamma(self.q, size=len(h)), h)
        m = np.maximum(rng.gamma(self.p, size=len(each)) * each, np.finfo(float).tiny)
        sums = np.bincount(np.repeat(np.arange(len(h)), h), weights=m, minlength=len(h))
        return AmountPanel(h, sums, None, float(np.log(m).sum()))


@dataclass(frozen=True, eq=False, kw_only=True)
class GammaGammaFaderHardieFit(_AmountFit):
    """A fitted (or given) Gamma-Gamma model of the average of repeat purchases; gamma is in money."""

    model: ClassVar[str] = "gamma_gamma_fader_hardie"
    names: ClassVar[tuple[str, ...]] = ("p", "q", "gamma")
    scale_name: ClassVar[str] = "gamma"

    @property
    def gamma(self) -> float:
        """Scale of the differences between customers, in money."""
        return self.scale

    def posterior(self, amounts: Any) -> tuple[FloatArray, FloatArray]:
        """What is known of each customer's nu: Gamma(shape px + q, rate gamma + x zbar), two arrays."""
        seen = RepeatAmounts.of(amounts)
        return self._posterior(seen.repeat_purchases, seen.repeat_purchases * seen.mean_amount)

    def expected_amount(self, amounts: Any, largest: float | None = None) -> FloatArray:
        """What each customer is expected to spend per purchase next: p (gamma + x zbar) / (px + q - 1).

        Source: Fader, Hardie, Lee (2005), "RFM and CLV", equation (5). `largest` as in the panel form.
        """
        seen = RepeatAmounts.of(amounts)
        return self._mean_amount(seen.repeat_purchases, seen.repeat_purchases * seen.mean_amount, largest)

    def log_likelihood_of(self, amounts: Any) -> float:
        """How well the model explains these averages: sum of log-densities of zbar."""
        evidence = AmountEvidence.of_repeat_amounts(RepeatAmounts.of(amounts))
        return _log_likelihood(evidence, self)

    def simulate(self, rng: np.random.Generator, repeat_purchases: npt.ArrayLike) -> RepeatAmounts:
        """New customers as the model sees them, with the given numbers of repeat purchases."""
        x = np.asarray(repeat_purchases, dtype=np.int64)
        each = self.scale / rng.gamma(self.q, size=len(x))
        mean = rng.gamma(np.maximum(self.p * x, 1e-9)) / np.maximum(x, 1) * each
        return RepeatAmounts(x, np.where(x > 0, np.maximum(mean, np.finfo(float).tiny), 0.0))


@dataclass(frozen=True)
class GammaGamma:
    """What a purchase is worth, learned from every active period of every customer."""

    def fit(self, panel: Any) -> GammaGammaFit:
        """The most likely p, q and k for this panel (maximum likelihood)."""
        return _fit(AmountEvidence.of_panel(AmountPanel.of(panel)), GammaGammaFit)


@dataclass(frozen=True)
class GammaGammaFaderHardie:
    """What a repeat purchase is worth, learned from each customer's average."""

    def fit(self, amounts: Any) -> GammaGammaFaderHardieFit:
        """The most likely p, q and gamma for these averages (maximum likelihood)."""
        return _fit(AmountEvidence.of_repeat_amounts(RepeatAmounts.of(amounts)), GammaGammaFaderHardieFit)


def _log_likelihood(evidence: AmountEvidence, fit: _AmountFit) -> float:
    if not len(evidence.S):
        return 0.0
    logs = np.log([fit.p, fit.q, fit.scale / evidence.unit])
    return evidence.objective(logs)[0] - evidence.log_shift


F = TypeVar("F", bound=_AmountFit)


def _fit(evidence: AmountEvidence, kind: type[F]) -> F:
    """The regular fit, or the limiting model that the data ask for."""
    if not len(evidence.S):
        return _nothing_seen(evidence, kind)
    p_alike, variance = evidence.alike()
    if p_alike >= LIMIT or (evidence.steady and _separable(evidence)):
        return _constant(evidence, kind)
    if len(evidence.S) == 1 or not _separable(evidence):
        return _alike(evidence, kind, p_alike, variance)
    best = evidence.maximum()
    p, q, _ = best.parameters
    if p > LARGEST_SHAPE:
        return _constant(evidence, kind)
    if q > LARGEST_SHAPE or best.value <= evidence.log_likelihood_alike(p_alike) + 1e-6:
        return _alike(evidence, kind, p_alike, variance)
    return _regular(evidence, kind, best)


def _separable(evidence: AmountEvidence) -> bool:
    """Whether variation within customers can be told from variation between them."""
    return bool(evidence.h[-1] > 1) if evidence.panel else len(evidence.h) > 1


def _regular(evidence: AmountEvidence, kind: type[F], best: Optimum) -> F:
    p, q, k = best.parameters
    remarks = fitting.remarks_on(best, evidence.customers, kind.names) + _tail(p, q)
    return kind(
        **fitting.natural(kind.names, np.array([p, q, k * evidence.unit]), best.covariance),
        log_likelihood=best.value - evidence.log_shift,
        customers=evidence.customers,
        diagnosis=tuple(remarks) or (fitting.FITTED,),
        observed=evidence.facts,
    )


def _tail(p: float, q: float) -> list[Diagnosis]:
    if p + q <= 1:
        return [VERY_HEAVY_TAIL]
    return [HEAVY_TAIL] if q <= 1 else []


def _alike(evidence: AmountEvidence, kind: type[F], p: float, variance: float) -> F:
    """Customers do not differ, or not visibly: q and k go to infinity together, everybody gets the mean."""
    of_mean = 1 / (p * evidence.amounts)
    covariance = np.array([[variance, 0.0, -variance], [0.0, 0.0, 0.0], [-variance, 0.0, variance + of_mean]])
    remark = ALIKE if _separable(evidence) else NOT_SEPARABLE
    return kind(
        **fitting.natural(kind.names, np.array([p, LIMIT, LIMIT / p * evidence.unit]), covariance),
        log_likelihood=evidence.log_likelihood_alike(p) - evidence.log_shift,
        customers=evidence.customers,
        diagnosis=(remark, *fitting.few_customers(evidence.customers)),
        fallback="alike",
        observed=evidence.facts,
    )


def _constant(evidence: AmountEvidence, kind: type[F]) -> F:
    """Nobody's own amounts vary: p goes to infinity; everybody's own means are inverse gamma."""
    w, means = evidence.row_weights(), evidence.means
    inverse = float((w / means).sum() / w.sum())
    gap = float(np.log(inverse)) + float((w * np.log(means)).sum() / w.sum())
    q = gamma_shape(gap, largest=LARGEST_SHAPE)
    fit = kind(
        **fitting.natural(kind.names, np.array([LIMIT, q, q / inverse / LIMIT * evidence.unit]), np.zeros((3, 3))),
        customers=evidence.customers,
        diagnosis=(CONSTANT,),
        fallback="constant",
        observed=evidence.facts,
    )
    return replace(fit, log_likelihood=_log_likelihood(evidence, fit))


def _nothing_seen(evidence: AmountEvidence, kind: type[F]) -> F:
    return kind(  # an expected amount of 1e-12 is nothing in any currency, and stays a legal parameter
        **fitting.natural(kind.names, np.array([1.0, 2.0, 1e-12]), np.zeros((3, 3))),
        diagnosis=(NO_AMOUNTS,),
        fallback="no_amounts",
        observed=evidence.facts,
    )


NO_AMOUNTS = Diagnosis(
    "no_amounts",
    "warning",
    "There is no amount to learn from; amounts are forecast as 0.",
    "没有可供学习的金额；预测金额为零。",
)
CONSTANT = Diagnosis(
    "constant",
    "note",
    "Nobody's own amounts vary, so every customer is expected to go on spending exactly the own average.",
    "每位客户自己的金额没有变化，因此预测其继续按自己的平均金额购买。",
)
ALIKE = Diagnosis(
    "alike",
    "note",
    "Customers differ in amount no more than chance would make them, so everybody is given the common average.",
    "客户之间的金额差异不超过偶然波动，因此所有客户采用共同的平均金额。",
)
NOT_SEPARABLE = Diagnosis(
    "not_separable",
    "warning",
    "A big spender cannot be told from a big purchase here (nobody has more than one active period, or "
    "everybody has "
    "equally many purchases), so everybody is given the common average; a longer history or shorter "
    "periods would help.",
    "目前无法区分“大客户”与“偶然的大单”（没有客户有一个以上的成交期，或所有客户的购买次数相同），"
    "因此所有客户采用共同的平均金额；更长的历史或更短的期会有帮助。",
)
HEAVY_TAIL = Diagnosis(
    "heavy_tail",
    "note",
    "A few customers spend so much that the average over all possible new customers has no limit; for "
    "new customers "
    "amounts up to the largest seen are averaged. Forecasts for customers with purchases are not affected.",
    "少数客户金额极大，使所有潜在新客户的平均金额没有上限；对新客户只按已见的最大金额以内求平均。"
    "已有购买的客户不受影响。",
)
VERY_HEAVY_TAIL = Diagnosis(
    "very_heavy_tail",
    "warning",
    "Amounts vary so wildly that even a customer with one purchase has no finite expectation; amounts up "
    "to the "
    "largest seen are averaged.",
    "金额波动极大，连只有一次购买的客户也没有有限的期望；只按已见的最大金额以内求平均。",
)
