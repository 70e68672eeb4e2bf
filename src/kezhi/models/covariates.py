"""Pareto/NBD for customers of whom more is known than their purchases: static covariates.

A customer with covariates z buys at a rate with alpha exp(-gamma . z) in place of alpha and leaves at a rate with
beta exp(-delta . z) in place of beta; so one unit more of a covariate multiplies the mean purchase rate by
exp(gamma), the mean rate of leaving by exp(delta). Everything else is as in Pareto/NBD. Source: Fader and Hardie
(2007), "Incorporating time-invariant covariates into the Pareto/NBD and BG/NBD models", section 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from kezhi.models.fitting import Optimum
from kezhi.models.histories import FloatArray, IntArray, PurchaseHistories
from kezhi.models.nbd import NBD
from kezhi.models.pareto_likelihood import Evidence, distinct_rows
from kezhi.models.pareto_nbd import (
    BASIS,
    NAMES,
    NO_DROPOUT,
    NOTHING_KNOWN,
    ParetoNBDFit,
    everybody_stays,
    remarks,
    search_with_limits,
    simulated,
    starts,
    worth,
)
from kezhi.models.purchases import not_negative

PURCHASE, LIFETIME = "purchase.", "lifetime."
_NOBODY = -30.0  # ln s, where it is 0 for all purposes


@dataclass(frozen=True, eq=False, kw_only=True)
class ParetoNBDCovariatesFit(ParetoNBDFit):
    """A fitted (or given) Pareto/NBD with covariates; alpha and beta are of a customer with all covariates 0.

    Parameters are r, alpha, s, beta, then one `purchase.NAME` and one `lifetime.NAME` for each covariate. Histories
    must carry the covariates: a table with their columns, or `PurchaseHistories.of(table, covariates=...)`.
    """

    def __post_init__(self) -> None:
        ParetoNBDFit(parameters={name: self.parameters[name] for name in NAMES if name in self.parameters})
        coefficients = {name: value for name, value in self.parameters.items() if name not in NAMES}
        expected = (*NAMES, *_parameters(self.purchase_covariates, self.lifetime_covariates))
        if tuple(self.parameters) != expected:
            raise ValueError(
                f"{self.model} with covariates needs the parameters {', '.join(NAMES)}, "
                f"then those that begin with {PURCHASE} and with {LIFETIME}"
            )
        if not all(np.isfinite(value) for value in coefficients.values()):
            raise ValueError(f"parameters of {self.model} must be finite: {self.parameters}")

    @property
    def purchase_covariates(self) -> tuple[str, ...]:
        """Names of what shifts the purchase rate."""
        return tuple(name.removeprefix(PURCHASE) for name in self.parameters if name.startswith(PURCHASE))

    @property
    def lifetime_covariates(self) -> tuple[str, ...]:
        """Names of what shifts the rate of leaving."""
        return tuple(name.removeprefix(LIFETIME) for name in self.parameters if name.startswith(LIFETIME))

    @property
    def covariates(self) -> tuple[str, ...]:
        """Names of all covariates that histories must carry."""
        return tuple(dict.fromkeys((*self.purchase_covariates, *self.lifetime_covariates)))

    def expected_purchases_new_customer(
        self, periods: npt.ArrayLike, covariates: Mapping[str, float] | None = None
    ) -> FloatArray:
        """How many repeat purchases to expect from someone who has just become a customer.

        Covariates that are not given are 0.
        """
        length = not_negative("periods", periods)
        new = self._new(length.size, covariates)
        return self.expected_purchases(new, length.ravel()).reshape(length.shape)

    def p_purchases_new_customer(
        self, n: npt.ArrayLike, periods: float, covariates: Mapping[str, float] | None = None
    ) -> FloatArray:
        """The probability that someone who has just become a customer comes back exactly n times in so many periods."""
        count = not_negative("n", n)
        table = self.purchase_distribution(self._new(1, covariates), periods, int(count.max(initial=0)))[0]
        return np.asarray(np.where(count == np.floor(count), table[np.floor(count).astype(np.int64)], 0.0))

    def simulate(
        self, rng: np.random.Generator, observed_periods: npt.ArrayLike, covariates: npt.ArrayLike | None = None
    ) -> PurchaseHistories:
        """New customers as the model sees them, watched for the given periods since their first purchase.

        `covariates` has a row for each and columns in the order of `covariates`; all 0 if not given.
        """
        T = not_negative("observed_periods", observed_periods)
        new = self._new(T.size, None)
        known = new.covariates if covariates is None else covariates
        none = np.zeros(T.size)
        told = PurchaseHistories(none, none, none, None, known, self.covariates)
        x, last = simulated(rng, T, self.r, self.s, *self._scales(told))
        return PurchaseHistories(x, last, T, None, known, self.covariates)

    def _new(self, rows: int, covariates: Mapping[str, float] | None) -> PurchaseHistories:
        """New customers who are all alike; ValueError for a covariate that the model does not know."""
        told = dict(covariates or {})
        unknown = [name for name in told if name not in self.covariates]
        if unknown:
            raise ValueError(f"covariates of this fit are {', '.join(self.covariates)}, not {', '.join(unknown)}")
        known = np.tile([told.get(name, 0.0) for name in self.covariates], (rows, 1))
        none = np.zeros(rows)
        return PurchaseHistories(none, none, none, None, known, self.covariates)

    def _seen(self, histories: Any) -> PurchaseHistories:
        return PurchaseHistories.of(histories, covariates=self.covariates)

    def _scales(self, seen: PurchaseHistories) -> tuple[FloatArray, FloatArray]:
        purchase, lifetime = self._covariates(seen)
        values = np.array(list(self.parameters.values()))[len(NAMES) :]
        by_purchase, by_lifetime = np.split(values, [purchase.shape[1]])
        return self.alpha * np.exp(-purchase @ by_purchase), self.beta * np.exp(-lifetime @ by_lifetime)

    def _covariates(self, seen: PurchaseHistories) -> tuple[FloatArray, FloatArray]:
        return columns(seen, self.purchase_covariates), columns(seen, self.lifetime_covariates)

    def _of_alike(self, seen: PurchaseHistories, question: str, *arguments: Any) -> FloatArray:
        told = self._seen(seen)
        if any(np.ndim(argument) for argument in arguments):
            return np.asarray(getattr(self.activity(told), question)(*arguments))
        first, index = distinct_rows([told.repeat_purchases, told.observed_periods, *told.covariates.T], len(told))
        return np.asarray(getattr(self.activity(_some(told, first)), question)(*arguments)[index])


def _some(seen: PurchaseHistories, rows: IntArray) -> PurchaseHistories:
    return PurchaseHistories(
        seen.repeat_purchases[rows],
        seen.last_purchase_at[rows],
        seen.observed_periods[rows],
        seen.customers[rows],
        seen.covariates[rows],
        seen.covariate_names,
    )


def columns(seen: PurchaseHistories, names: tuple[str, ...]) -> FloatArray:
    """Some covariates of some histories, shape (rows, names)."""
    return seen.covariates[:, [seen.covariate_names.index(name) for name in names]]


def _parameters(purchase: tuple[str, ...], lifetime: tuple[str, ...]) -> tuple[str, ...]:
    return (*(PURCHASE + name for name in purchase), *(LIFETIME + name for name in lifetime))


def fit_with_covariates(
    histories: Any, purchase_covariates: tuple[str, ...], lifetime_covariates: tuple[str, ...]
) -> ParetoNBDCovariatesFit:
    """The most likely parameters and coefficients.

    Where nobody seems to leave, s is 0 and the lifetime coefficients too: the NBD with purchase covariates answers.
    """
    _require_names("purchase_covariates", purchase_covariates)
    _require_names("lifetime_covariates", lifetime_covariates)
    seen = PurchaseHistories.of(histories, tuple(dict.fromkeys((*purchase_covariates, *lifetime_covariates))))
    purchase, lifetime = columns(seen, purchase_covariates), columns(seen, lifetime_covariates)
    names = (*NAMES, *_parameters(purchase_covariates, lifetime_covariates))
    steady = NBD().fit(seen)
    if steady.fallback in NOTHING_KNOWN:
        return _without_coefficients(everybody_stays(steady), names)
    _require_independent("purchase_covariates", purchase, seen.customers)
    _require_independent("lifetime_covariates", lifetime, seen.customers)
    evidence = Evidence.of(seen, purchase, lifetime)
    basis = _basis(purchase, lifetime, seen.customers)
    begin = [np.append(start, np.zeros(len(names) - len(NAMES))) for start in starts(evidence, steady)]
    nobody_leaves = {2: _NOBODY, 3: _NOBODY} | dict.fromkeys(range(4 + purchase.shape[1], len(names)), 0.0)
    staying, staying_limits = search_with_limits(evidence, basis, begin[:1], -np.inf, nobody_leaves)
    found, limits = search_with_limits(evidence, basis, begin, staying.value)
    fallback = "_and_".join(limits) or None
    said = remarks(found, limits, evidence.customers)
    if found.value <= staying.value + worth(found.parameters[2], evidence):
        found, fallback = staying, "_and_".join(["nbd", *staying_limits])
        said = (
            NO_DROPOUT,
            *(one for one in remarks(found, staying_limits, evidence.customers) if one.code not in _BESIDE),
        )
    return ParetoNBDCovariatesFit(
        **_natural(names, found, evidence.unit, nobody_leaves=found is staying),
        log_likelihood=found.value - evidence.log_unit,
        customers=evidence.customers,
        diagnosis=said,
        fallback=fallback,
        observed=steady.observed,
    )


_BESIDE = ("fitted", "at_once_or_never")  # says nothing where nobody leaves


def _natural(names: tuple[str, ...], found: Optimum, unit: float, nobody_leaves: bool) -> dict[str, Any]:
    """Parameters, standard errors and covariance on their own scale: logarithms undone for the first four."""
    values, factor = found.point.copy(), np.ones(len(names))
    values[:4] = factor[:4] = np.exp(found.point[:4]) * [1, unit, 1, unit]
    if nobody_leaves:
        values[2:4] = 0.0, 1.0
    covariance = found.covariance * np.outer(factor, factor)
    errors = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    return {
        "parameters": dict(zip(names, map(float, values), strict=True)),
        "standard_errors": dict(zip(names, map(float, errors), strict=True)),
        "covariance": covariance,
    }


def _without_coefficients(fit: ParetoNBDFit, names: tuple[str, ...]) -> ParetoNBDCovariatesFit:
    return ParetoNBDCovariatesFit(
        parameters={name: fit.parameters.get(name, 0.0) for name in names},
        standard_errors=dict.fromkeys(names, 0.0),
        covariance=np.zeros((len(names), len(names))),
        log_likelihood=fit.log_likelihood,
        customers=fit.customers,
        diagnosis=fit.diagnosis,
        fallback=fit.fallback,
        observed=fit.observed,
    )


def _basis(purchase: FloatArray, lifetime: FloatArray, customers: FloatArray) -> FloatArray:
    """Coordinates for the search: mean rates of the average customer, and coefficients per standard deviation."""
    total = purchase.shape[1] + lifetime.shape[1]
    basis = np.zeros((4 + total, 4 + total))
    basis[:4, :4] = BASIS
    at = 4
    for scale, values in ((1, purchase), (3, lifetime)):
        for column in values.T:
            mean = np.average(column, weights=customers)
            spread = np.sqrt(np.average((column - mean) ** 2, weights=customers))
            basis[at, at], basis[scale, at] = 1 / spread, mean / spread
            at += 1
    return basis


def _require_names(argument: str, names: tuple[str, ...]) -> None:
    if len(set(names)) < len(names):
        raise ValueError(f"{argument} must be a sequence of different names")


def _require_independent(argument: str, values: FloatArray, customers: FloatArray) -> None:
    """ValueError where a covariate is constant, or follows from others, so that no coefficient can be told."""
    used = values[customers > 0]
    centred = used - used.mean(axis=0)
    spread = np.abs(centred).max(axis=0, initial=0.0)
    if values.shape[1] and (np.any(spread == 0) or np.linalg.matrix_rank(centred / spread) < values.shape[1]):
        raise ValueError(f"{argument} must differ between customers, and none may follow from the others")
