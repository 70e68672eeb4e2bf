"""Regular buyers who may leave: BG/CNBD-k, and MBG/CNBD-k where the first purchase counts too.

As BG/NBD and MBG/NBD, but the time between two purchases of a customer is Erlang: the sum of k exponential stages at
rate k lambda each. k = 1 is BG/NBD; the larger k, the more regular the purchases. lambda ~ Gamma(shape r, rate alpha)
is the rate of purchases for every k (BTYDplus's alpha is alpha / k here, being that of the rate of stages).

The likelihood stands in `beta_dropout`. For a customer still active at T the stage rate is Gamma(r + k x + j,
alpha / k + T), where j = 0..k-1 is how many stages he has passed since the last purchase; j is known by its probability
only. The future is that mixture over j: see `staged_activity`.

Sources: Platzer, Reutterer (2016), "Ticking away the moments"; Reutterer, Platzer, Schroeder (2021), "Leveraging
purchase regularity for predicting customer behavior the easy way".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import numpy as np

from kezhi.models import fitting
from kezhi.models.beta_dropout import BetaDropoutFit, phase_terms
from kezhi.models.beta_evidence import Found, Search
from kezhi.models.bg_nbd import ThinningActivity
from kezhi.models.histories import FloatArray, IntArray, PurchaseHistories, distinct
from kezhi.models.purchases import Activity
from kezhi.models.staged_activity import StagedActivity

_MOST_REGULAR = 12

AnyFit = TypeVar("AnyFit", bound="BGCNBDkFit")


@dataclass(frozen=True, eq=False, kw_only=True)
class BGCNBDkFit(BetaDropoutFit):
    """A fitted (or given) BG/CNBD-k model; k = 1 is BG/NBD, alpha is in periods, a = 0 means nobody leaves."""

    model: ClassVar[str] = "bg_cnbd_k"
    names: ClassVar[tuple[str, ...]] = ("k", "r", "alpha", "a", "b")
    may_leave_at_once: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.parameters["k"] not in range(1, 1001):
            raise ValueError("parameter k must be a whole number from 1 to 1000")

    @property
    def k(self) -> int:
        """Stages per purchase: 1 is a Poisson process, more are more regular."""
        return int(self.parameters["k"])

    def activity(self, histories: Any) -> Activity:
        """Purchases at regular times, after each of which the customer may leave; depends on t_x too."""
        seen = PurchaseHistories.of(histories)
        shape, rate = self._stage_posterior(seen)
        b = self.b + self._chances(seen)
        if self.k == 1:
            return ThinningActivity(shape, rate, self.a, b)
        return StagedActivity(self.k, shape, rate, self._phases(seen), self.a, b)

    def posterior(self, histories: Any) -> tuple[FloatArray, FloatArray]:
        """Shape and rate of a gamma distribution for the purchase rate of a customer still active: two arrays.

        The exact distribution is a mixture over how many stages have passed since the last purchase; this one has
        its mean and variance. For k = 1 it is exact.
        """
        seen = PurchaseHistories.of(histories)
        shape, rate = self._stage_posterior(seen)
        phases, j = self._phases(seen), np.arange(self.k)
        stages = (phases * j).sum(axis=1)
        mean, spread = shape + stages, np.maximum((phases * j**2).sum(axis=1) - stages**2, 0.0)
        tightness = np.where(mean > 0, mean / np.where(mean > 0, mean + spread, 1.0), 1.0)
        return mean * tightness, self.k * rate * tightness

    def _phases(self, seen: PurchaseHistories) -> FloatArray:
        """Probability of each number of stages since the last purchase, of a customer still active: (rows, k)."""
        shape, rate = self._stage_posterior(seen)
        terms = np.stack(phase_terms(self.k, shape, (seen.observed_periods - seen.last_purchase_at) / rate), axis=1)
        return np.asarray(terms / terms.sum(axis=1, keepdims=True))

    def _alike(self, seen: PurchaseHistories) -> tuple[IntArray, IntArray]:
        if self.k == 1:
            return super()._alike(seen)
        return distinct(seen.repeat_purchases, seen.last_purchase_at, seen.observed_periods)


@dataclass(frozen=True, eq=False, kw_only=True)
class MBGCNBDkFit(BGCNBDkFit):
    """A fitted (or given) MBG/CNBD-k model: BG/CNBD-k where one may leave right after the first purchase too."""

    model: ClassVar[str] = "mbg_cnbd_k"
    may_leave_at_once: ClassVar[bool] = True


@dataclass(frozen=True)
class BGCNBDk:
    """Regular purchases; after each repeat purchase a customer may leave.

    Without `k` the most likely of 1 to 12 is chosen. `log_interval_sum` is the sum of the logarithms of all times
    between consecutive purchases of a customer, in the unit of the histories; it tells far more of k than the
    histories, which have only the first and the last time. Without it k is chosen by those.
    """

    k: int | None = None
    log_interval_sum: float | None = None

    def __post_init__(self) -> None:
        if self.k is not None and self.k not in range(1, _MOST_REGULAR + 1):
            raise ValueError(f"k must be a whole number from 1 to {_MOST_REGULAR}, or None to have it chosen")
        if self.log_interval_sum is not None and not np.isfinite(self.log_interval_sum):
            raise ValueError("log_interval_sum must be a finite number")

    def fit(self, histories: Any) -> BGCNBDkFit:
        """The most likely k, r, alpha, a and b for these histories; see `BGCNBDkFit` for what it then answers."""
        return _fit(BGCNBDkFit, PurchaseHistories.of(histories), self.k, self.log_interval_sum)


@dataclass(frozen=True)
class MBGCNBDk(BGCNBDk):
    """Regular purchases; after each purchase, the first one too, a customer may leave. Settings as `BGCNBDk`."""

    def fit(self, histories: Any) -> MBGCNBDkFit:
        """The most likely k, r, alpha, a and b for these histories; see `MBGCNBDkFit` for what it then answers."""
        return _fit(MBGCNBDkFit, PurchaseHistories.of(histories), self.k, self.log_interval_sum)


def _fit(kind: type[AnyFit], seen: PurchaseHistories, k: int | None, log_interval_sum: float | None) -> AnyFit:
    search = Search.of(seen, kind.may_leave_at_once)
    if search.nothing_to_learn:
        found = search.without_rate()
    else:
        _check_intervals(seen, log_interval_sum)
        found = _choose(search, log_interval_sum) if k is None else search.best(k, log_interval_sum)
    covariance = np.zeros((5, 5))  # k is chosen, not estimated with an error
    covariance[1:, 1:] = found.covariance
    return kind(
        **fitting.natural(kind.names, np.array([found.k, *found.values]), covariance),
        log_likelihood=found.log_likelihood,
        customers=search.steady.customers,
        diagnosis=found.diagnosis,
        fallback=found.fallback,
        observed=search.steady.observed,
    )


def _choose(search: Search, log_interval_sum: float | None) -> Found:
    """The most likely k, from 1 upwards until it has become less likely twice running; the two best are fitted."""
    two = search.likely(log_interval_sum, _MOST_REGULAR)[:2]
    fitted = [search.best(k, log_interval_sum, near) for _, k, near in sorted(two, key=lambda one: one[1])]
    return max(fitted, key=lambda found: found.log_likelihood)


def _check_intervals(seen: PurchaseHistories, log_interval_sum: float | None) -> None:
    """Times between purchases add up to t_x, so their logs cannot exceed those of equal times."""
    back = (seen.repeat_purchases > 0) & (seen.last_purchase_at > 0)
    x, t_x = seen.repeat_purchases[back], seen.last_purchase_at[back]
    most = float((seen.customers[back] * x * np.log(t_x / x)).sum())
    if log_interval_sum is not None and log_interval_sum > most + 1e-6 * max(1.0, abs(most)):
        raise ValueError("log_interval_sum is larger than the histories allow: both must be of the same purchases")
