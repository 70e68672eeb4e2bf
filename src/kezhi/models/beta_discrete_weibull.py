"""Contracts whose customers become more, or less, likely to leave with time (beta-discrete-Weibull model).

As in the shifted beta-geometric model every customer has a chance of leaving of his own, Beta(alpha, beta) over
customers; but it is met on a clock of t^c: above c = 1 the same customer is ever more likely to leave, below it ever
less. S(t) = B(alpha, beta + t^c) / B(alpha, beta). Source: Fader, Hardie, Liu, Davin, Steenburgh (2018), "How to
project customer retention revisited: the role of duration dependence".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from kezhi.models import fitting
from kezhi.models.discrete_histories import ContractHistories
from kezhi.models.fitting import LIMIT, Diagnosis, Evaluation, Objective, Slopes
from kezhi.models.histories import FloatArray
from kezhi.models.shifted_beta_geometric import (
    CERTAIN,
    ContractFit,
    Occasions,
    ShiftedBetaGeometric,
    ShiftedBetaGeometricFit,
    between_powers,
    clock_slope,
)

_STEEPEST = 50.0  # of c: a clock that nobody outlives; larger powers of large times would be no numbers
# (ln alpha / beta, mean of both logs, 4 ln c) -> logs; by the last the search keeps c between 0.0003 and 56
_BASIS = np.array([[0.5, 1.0, 0.0], [-0.5, 1.0, 0.0], [0.0, 0.0, 0.25]])
_ALIKE_BASIS = np.diag([1.0, 0.25])


@dataclass(frozen=True, eq=False, kw_only=True)
class BetaDiscreteWeibullFit(ContractFit):
    """A fitted (or given) beta-discrete-Weibull model; c = 1 is the shifted beta-geometric model."""

    model: ClassVar[str] = "beta_discrete_weibull"
    names: ClassVar[tuple[str, ...]] = ("alpha", "beta", "c")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.c > _STEEPEST:
            raise ValueError(f"parameter c must be at most {_STEEPEST:g}")

    @property
    def c(self) -> float:
        """Power of the clock: above 1 a customer is ever more likely to leave, below 1 ever less."""
        return self.parameters["c"]

    def elapsed(self, start: npt.ArrayLike, end: npt.ArrayLike) -> FloatArray:
        """end^c - start^c."""
        return between_powers(start, end, self.c)

    def time_at(self, clock: npt.ArrayLike) -> FloatArray:
        """The time t whose t^c is given; infinite where that is no number."""
        with np.errstate(over="ignore", divide="ignore"):
            return np.asarray(np.asarray(clock, dtype=np.float64) ** (1 / np.float64(self.c)))


@dataclass(frozen=True)
class BetaDiscreteWeibull:
    """Contracts: each customer has a chance of leaving of his own, which grows or shrinks with time."""

    def fit(self, histories: Any) -> BetaDiscreteWeibullFit:
        """The most likely alpha, beta and c for these contracts; see `BetaDiscreteWeibullFit` for what it answers.

        Three renewal dates, and losses at two of them, are needed to see how leaving changes with time; with less
        evidence the shifted beta-geometric model takes over.
        """
        seen = ContractHistories.of(histories)
        evidence = Occasions.of(seen)
        simple = ShiftedBetaGeometric().fit(seen)
        if evidence.dates < 3 or np.count_nonzero(evidence.left) < 2:
            return _as_it_stands(simple)
        return _fit_clock(evidence, simple)


def _fit_clock(evidence: Occasions, simple: ShiftedBetaGeometricFit) -> BetaDiscreteWeibullFit:
    alike = _fit_alike(evidence)
    best = fitting.maximise(_rising_at_most(evidence.slopes), _starts(evidence, simple), _BASIS, slopes=evidence.slopes)
    if best.value <= alike.log_likelihood + 1e-6:
        return alike
    remarks = fitting.remarks_on(best, evidence.customers, BetaDiscreteWeibullFit.names)
    return _fitted(evidence, best.parameters, best.covariance, remarks)


def _fit_alike(evidence: Occasions) -> BetaDiscreteWeibullFit:
    """Everybody has the same chance of leaving, on the clock t^c: alpha and beta go to infinity together."""

    def slopes(logs: FloatArray) -> tuple[float, FloatArray]:
        rate, c = np.exp(logs)
        fallen = np.minimum(rate * between_powers(evidence.start, evidence.end, c), CERTAIN)
        by_fall = evidence.slope_by_fall(fallen)
        pace = clock_slope(evidence.end, c) - clock_slope(evidence.start, c)
        return evidence.log_likelihood(fallen), np.array([by_fall @ fallen, rate * c * (by_fall @ pace)])

    lost = float(evidence.left.sum())
    starts = [np.array([np.log(lost / (lost + evidence.renewals)), 0.0])]
    best = fitting.maximise(_rising_at_most(slopes), starts, _ALIKE_BASIS, slopes=slopes)
    rate, c = best.parameters
    beta = LIMIT * evidence.dates**c  # infinite also beside the longest time on this clock
    values = np.array([beta * np.expm1(rate), beta, c])
    spread = np.array([[-rate / np.expm1(-rate), 0.0], [0.0, 0.0], [0.0, 1.0]])  # of ln alpha and ln c
    unsure = fitting.remarks_on(best, evidence.customers, ("alpha", "c"))
    covariance = spread @ best.covariance @ spread.T
    fit = _fitted(evidence, values, covariance, [ALIKE_CLOCK, *unsure])
    return replace(fit, fallback=ALIKE_CLOCK.code)


def _rising_at_most(slopes: Slopes) -> Objective:
    """The objective with its curvature, worth nothing where c, the last parameter, is above its largest value."""
    inside = fitting.with_curvature(slopes)

    def objective(logs: FloatArray) -> Evaluation:
        if logs[-1] > np.log(_STEEPEST) + 0.12:
            return -np.inf, np.zeros(len(logs)), -np.eye(len(logs))
        return inside(logs)

    return objective


def _fitted(
    evidence: Occasions, values: FloatArray, covariance: FloatArray, remarks: list[Diagnosis]
) -> BetaDiscreteWeibullFit:
    if values[2] > _STEEPEST:
        values, covariance, remarks = _held_at_steepest(values, covariance, remarks)
    fit = BetaDiscreteWeibullFit(
        **fitting.natural(BetaDiscreteWeibullFit.names, values, covariance),
        customers=evidence.customers,
        diagnosis=tuple(remarks) or (fitting.FITTED,),
        observed=evidence.facts,
    )
    return replace(fit, log_likelihood=evidence.log_likelihood(fit.fall(evidence.start, evidence.end)))


def _held_at_steepest(
    values: FloatArray, covariance: FloatArray, remarks: list[Diagnosis]
) -> tuple[FloatArray, FloatArray, list[Diagnosis]]:
    free = np.array([1.0, 1.0, 0.0])
    return np.append(values[:2], _STEEPEST), covariance * np.outer(free, free), [STEEPEST, *remarks]


def _starts(evidence: Occasions, simple: ShiftedBetaGeometricFit) -> list[FloatArray]:
    """The solution at c = 1 where that is inside, and a slow and a fast clock with customers who differ."""
    leaving = float(np.clip(evidence.left[0] / (evidence.left[0] + evidence.renewed[0]), 0.01, 0.99))
    starts = [np.log([size * leaving, size * (1 - leaving), c]) for size, c in ((2.0, 1.5), (5.0, 0.6))]
    if simple.fallback is None:
        starts.append(np.log([simple.alpha, simple.beta, 1.0]))
    return starts


def _as_it_stands(simple: ShiftedBetaGeometricFit) -> BetaDiscreteWeibullFit:
    """The shifted beta-geometric answer as one of this model: c = 1, not estimated."""
    covariance = np.zeros((3, 3))
    covariance[:2, :2] = simple.covariance
    remarks = simple.diagnosis if simple.fallback else tuple(one for one in simple.diagnosis if one != fitting.FITTED)
    return BetaDiscreteWeibullFit(
        parameters={**simple.parameters, "c": 1.0},
        standard_errors={**simple.standard_errors, "c": 0.0},
        covariance=covariance,
        log_likelihood=simple.log_likelihood,
        customers=simple.customers,
        diagnosis=remarks if simple.fallback else (TOO_FEW_DATES, *remarks),
        fallback=simple.fallback or "shifted_beta_geometric",
        observed=simple.observed,
    )


TOO_FEW_DATES = Diagnosis(
    "shifted_beta_geometric",
    "note",
    "Too few renewal dates with losses have been seen to tell whether leaving becomes more or less likely with time, "
    "so each customer's chance of leaving is held constant (shifted beta-geometric model).",
    "观察到有流失的续约日太少，无法判断流失概率是否随时间变化，因此每位客户的流失概率视为不变（移位贝塔-几何模型）。",
)
ALIKE_CLOCK = Diagnosis(
    "discrete_weibull",
    "note",
    "Customers differ no more than chance would make them differ, so everybody is given the same chance of leaving, "
    "which changes with time.",
    "客户之间的差异不超过偶然波动，因此所有客户采用同一流失概率，该概率随时间变化。",
)
STEEPEST = Diagnosis(
    "steepest_clock",
    "warning",
    "Nearly all losses fall on one renewal date; c is held at its largest value, and standard errors leave it out.",
    "流失几乎全部集中在同一个续约日；c 取其上限，标准误未计入 c。",
)
