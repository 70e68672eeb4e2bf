"""How every model is fitted: several starts, analytic slopes, standard errors, and a diagnosis in words."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field, fields
from functools import cache
from typing import Any, ClassVar, Literal, Self

import numpy as np
from scipy import optimize
from threadpoolctl import ThreadpoolController

from kezhi.models.histories import FloatArray

Severity = Literal["ok", "note", "warning"]
Evaluation = tuple[float, FloatArray, FloatArray]
Objective = Callable[[FloatArray], Evaluation]
Slopes = Callable[[FloatArray], tuple[float, FloatArray]]

LIMIT = 1e9  # stands for "infinite": a shape this large is its limiting model to nine digits
_BOUND = 1e7  # the optimiser is not sent further than this; beyond it the limiting model says the same
_FEW = 100
_SMALL_STEP = 1e-3  # log units


@dataclass(frozen=True)
class Diagnosis:
    """One remark on a fit, in both languages."""

    code: str
    severity: Severity
    en: str
    zh: str

    def fill(self, **values: object) -> Diagnosis:
        """The remark with its blanks filled."""
        return Diagnosis(self.code, self.severity, self.en.format(**values), self.zh.format(**values))


@dataclass(frozen=True, eq=False, kw_only=True)
class Fit:
    """What was learned from the customers: parameters, how sure they are, and remarks in plain words.

    `covariance` and `standard_errors` are on the scale of the parameters, in their order (zeros where a
    parameter is held at a limit, see `fallback`). `fallback` names the simpler model that took over, if one
    did. `observed` keeps a few plain facts of the data fitted.
    """

    model: ClassVar[str] = ""
    names: ClassVar[tuple[str, ...]] = ()

    parameters: dict[str, float]
    standard_errors: dict[str, float] = field(default_factory=dict)
    covariance: FloatArray = field(default_factory=lambda: np.zeros((0, 0)))
    log_likelihood: float = 0.0
    customers: float = 0.0
    diagnosis: tuple[Diagnosis, ...] = ()
    fallback: str | None = None
    observed: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if tuple(self.parameters) != self.names:
            raise ValueError(f"{self.model} needs the parameters {', '.join(self.names)}")
        if not all(np.isfinite(v) and v >= 0 for v in self.parameters.values()):
            raise ValueError(f"parameters of {self.model} must be finite and not negative: {self.parameters}")

    @classmethod
    def with_parameters(cls, **parameters: float) -> Self:
        """The model at parameters known from elsewhere (a paper, an earlier run), without standard errors."""
        return cls(parameters={name: float(parameters[name]) for name in parameters})

    @property
    def trusted(self) -> bool:
        """Whether no remark is a warning."""
        return all(remark.severity != "warning" for remark in self.diagnosis)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain dicts, lists, strings and finite numbers."""
        return {
            "model": self.model,
            "parameters": self.parameters,
            "standard_errors": self.standard_errors,
            "covariance": self.covariance.tolist(),
            "log_likelihood": self.log_likelihood,
            "customers": self.customers,
            "diagnosis": [asdict(remark) for remark in self.diagnosis],
            "fallback": self.fallback,
            "observed": self.observed,
        }

    def to_json(self) -> str:
        """The fit as JSON text; `kezhi.models.load` reads it back."""
        return json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, source: str | Mapping[str, Any]) -> Self:
        """A fit back from `to_json` or `to_dict`; ValueError when it is of another model."""
        data = dict(json.loads(source) if isinstance(source, str) else source)
        if data.pop("model", cls.model) != cls.model:
            raise ValueError(f"source is not a fit of {cls.model}")
        data["covariance"] = np.asarray(data.get("covariance", np.zeros((0, 0))), dtype=np.float64)
        data["diagnosis"] = tuple(Diagnosis(**remark) for remark in data.get("diagnosis", ()))
        known = {one.name for one in fields(cls)}  # a newer version may have written more
        return cls(**{name: value for name, value in data.items() if name in known})


@dataclass(frozen=True, eq=False)
class Optimum:
    """The best point found, in log-parameters, with slope and curvature of the log-likelihood there."""

    point: FloatArray
    value: float
    curvature: FloatArray
    converged: bool

    @property
    def parameters(self) -> FloatArray:
        """The parameters on their natural scale."""
        return np.asarray(np.exp(self.point))

    @property
    def covariance(self) -> FloatArray:
        """Covariance of the log-parameters: inverse of the negative curvature (zeros where that has none)."""
        values, vectors = np.linalg.eigh(-self.curvature)
        known = values > 1e-12 * max(float(values[-1]), 1e-300)
        inverse = np.where(known, 1 / np.where(known, values, 1.0), 0.0)
        return np.asarray((vectors * inverse) @ vectors.T)


@cache
def _linear_algebra() -> ThreadpoolController:
    return ThreadpoolController()


def one_thread() -> AbstractContextManager[object]:
    """Linear algebra on one thread: for products as small as these, waking the others takes longer than the work."""
    limited: AbstractContextManager[object] = _linear_algebra().limit(limits=1, user_api="blas")
    return limited


def maximise(
    objective: Objective, starts: Iterable[FloatArray], basis: FloatArray, slopes: Slopes | None = None
) -> Optimum:
    """The highest log-likelihood over the log-parameters, from several starts: L-BFGS, then Newton's method.

    `objective` takes log-parameters and returns value, slope and curvature. `basis` turns the coordinates
    searched in (chosen so that they hardly interact, e.g. mean and shape) into log-parameters. `slopes` gives value
    and slope alone, for the long search, where curvature is dear.
    """
    inverse = np.linalg.inv(basis)

    def search(u: FloatArray) -> tuple[float, FloatArray]:
        value, slope = slopes(basis @ u) if slopes else objective(basis @ u)[:2]
        return -value, -(basis.T @ slope)

    bound = float(np.log(_BOUND))
    best: Optimum | None = None
    for start in starts:
        u = np.clip(inverse @ start, -bound, bound)
        found = optimize.minimize(
            search,
            u,
            jac=True,
            method="L-BFGS-B",
            bounds=[(-2 * bound, bound)] * len(u),
            options={"maxiter": 500},
        )
        candidate = polish(objective, basis @ found.x)
        if best is None or candidate.value > best.value + 1e-9 * abs(best.value):
            best = candidate
    if best is None:
        raise ValueError("starts must not be empty")
    return best


def with_curvature(slopes: Slopes, step: float = 1e-4) -> Objective:
    """An objective whose curvature is differenced from analytic slopes: central, one more order of accuracy each way.

    For likelihoods whose second derivatives are too long to be read. `slopes` gives value and slope by the
    log-parameters; the curvature is good to about eight digits, which is plenty for Newton's steps and standard errors.
    """

    def objective(point: FloatArray) -> Evaluation:
        value, slope = slopes(point)
        rows = np.array([_slope_change(slopes, point, axis, step) for axis in np.eye(len(point))])
        return value, slope, (rows + rows.T) / 2

    return objective


def _slope_change(slopes: Slopes, point: FloatArray, axis: FloatArray, step: float) -> FloatArray:
    near, far = (slopes(point + h * axis)[1] - slopes(point - h * axis)[1] for h in (step, 2 * step))
    return np.asarray((8 * near - far) / (12 * step))


def polish(objective: Objective, point: FloatArray, steps: int = 30) -> Optimum:
    """Newton's method with halved steps: the last digits then do not depend on start or units."""
    value, slope, curvature = objective(point)
    promised = np.inf
    for _ in range(steps):
        step = _newton_step(slope, curvature)
        promised = float(slope @ step)
        if promised < 1e-14 * (1 + abs(value)):
            if float(np.abs(step).max()) < _SMALL_STEP:  # not worth being evaluated, but worth half the digits
                point = point + step
            break
        moved = _climb(objective, point, value, step)
        if moved is None:
            break
        point, (value, slope, curvature) = moved
    concave = bool(np.all(np.linalg.eigvalsh(curvature) < 0))
    return Optimum(point, value, curvature, converged=concave and promised < 1e-6 * (1 + abs(value)))


def _newton_step(slope: FloatArray, curvature: FloatArray) -> FloatArray:
    """Uphill by the curvature, along the slope where that curves upwards; at most one log unit."""
    values, vectors = np.linalg.eigh(-curvature)
    floor = max(1e-10 * float(np.abs(values).max()), 1e-8 * float(np.abs(slope).max()), 1e-300)
    step = vectors @ ((vectors.T @ slope) / np.maximum(np.abs(values), floor))
    return np.asarray(step / max(1.0, float(np.abs(step).max())))


def _climb(
    objective: Objective, point: FloatArray, value: float, step: FloatArray
) -> tuple[FloatArray, Evaluation] | None:
    for halving in range(12):
        moved = point + step * 0.5**halving
        evaluation = objective(moved)
        if evaluation[0] >= value:
            return moved, evaluation
    return None


def in_logs(
    parameters: FloatArray, slope: FloatArray, curvature: FloatArray, already: int | None = None
) -> tuple[FloatArray, FloatArray]:
    """Slope and curvature by log-parameters, from those by the parameters themselves (chain rule).

    `already` is the position of one that is by the logarithm as it stands.
    """
    factors = np.array([1.0 if i == already else value for i, value in enumerate(parameters)])
    by_logs = factors * slope
    extra = np.array([0.0 if i == already else value for i, value in enumerate(by_logs)])
    return by_logs, curvature * np.outer(factors, factors) + np.diag(extra)


def natural(names: tuple[str, ...], values: FloatArray, log_covariance: FloatArray) -> dict[str, Any]:
    """Parameters, standard errors and covariance on the natural scale (delta method), as `Fit` wants them."""
    covariance = log_covariance * np.outer(values, values)
    errors = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    return {
        "parameters": dict(zip(names, map(float, values), strict=True)),
        "standard_errors": dict(zip(names, map(float, errors), strict=True)),
        "covariance": covariance,
    }


def remarks_on(optimum: Optimum, customers: float, names: tuple[str, ...]) -> list[Diagnosis]:
    """What holds for every model: did the search end, are there enough customers, how sure is it all."""
    remarks = [] if optimum.converged else [NOT_CONVERGED]
    remarks += few_customers(customers)
    errors = np.sqrt(np.maximum(np.diag(optimum.covariance), 0.0))
    unsure = [name for name, error in zip(names, errors, strict=True) if error > 0.5]
    if unsure:
        remarks.append(IMPRECISE.fill(names=", ".join(unsure)))
    return remarks


def few_customers(customers: float) -> list[Diagnosis]:
    """The remark that there are few customers, where that is so."""
    return [FEW_CUSTOMERS.fill(customers=f"{customers:g}")] if customers < _FEW else []


FITTED = Diagnosis("fitted", "ok", "The model was fitted without difficulty.", "模型拟合顺利。")
NOT_CONVERGED = Diagnosis(
    "not_converged",
    "warning",
    "The search for the best parameters did not settle; treat the forecast as rough and compare it with a backtest.",
    "参数搜索没有完全收敛；请把预测当作粗略估计，并与回测对照。",
)
FEW_CUSTOMERS = Diagnosis(
    "few_customers",
    "note",
    "Only {customers} customers could be used; the parameters may change noticeably with more data.",
    "可用的客户只有 {customers} 个；数据增加后参数可能明显变化。",
)
IMPRECISE = Diagnosis(
    "imprecise",
    "note",
    "The data pin down {names} only loosely (standard error above half its value); forecasts in total "
    "are more "
    "certain than that.",
    "数据对 {names} 的约束较弱（标准误超过其值的一半）；总量预测比单个参数可靠。",
)
