"""What the BG family shares: purchases in k stages, and a chance of leaving after each one.

A customer passes exponential stages at rate k lambda and buys at the end of every k-th (k = 1: Poisson purchases at
rate lambda). After a purchase he leaves for ever with a probability p of his own. lambda ~ Gamma(shape r, rate alpha)
and p ~ Beta(a, b), independent. In BG models the first purchase gives no chance to leave, in MBG models it does.

With A = alpha / k, s = r + k x, m the chances to leave so far (x, or x + 1), w = T - t_x, the density of a history is

    Gamma(s) / Gamma(r) A^r (A + t_x)^-s  B(a, b + m) / B(a, b)  (F + d),    d = a / (b + m - 1) if m > 0, else 0

where F = P(fewer than k stages in the silence w | still active) = (1 - z)^s sum_{j<k} (s)_j / j! z^j, z = w / (A + T).
F is what staying adds, d what having left after the last purchase adds. For k = 1, F = ((A + t_x) / (A + T))^s.
Sources: Fader, Hardie, Lee (2005), equation 6; Batislam, Denizel, Filiztekin (2007); Platzer, Reutterer (2016).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from scipy import special

from kezhi.models.gamma_functions import log_rising
from kezhi.models.histories import FloatArray, PurchaseHistories
from kezhi.models.purchases import PurchaseFit, not_negative

_INSTANT = 1e-12  # of T: a last purchase earlier than this counts as this late where its logarithm is taken


@dataclass(frozen=True, eq=False, kw_only=True)
class BetaDropoutFit(PurchaseFit):
    """What all models of the family answer alike; alpha is in periods, r, a, b have no unit; a = 0: nobody leaves."""

    may_leave_at_once: ClassVar[bool]  # after the first purchase too: MBG

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("alpha", "b"):
            if self.parameters[name] <= 0:
                raise ValueError(f"parameter {name} must be above 0")

    @property
    def k(self) -> int:
        """Stages per purchase: 1 is a Poisson process, more are more regular."""
        return 1

    @property
    def r(self) -> float:
        """Shape of the gamma distribution of purchase rates."""
        return self.parameters["r"]

    @property
    def alpha(self) -> float:
        """Rate of the gamma distribution of purchase rates, in periods."""
        return self.parameters["alpha"]

    @property
    def a(self) -> float:
        """First shape of the beta distribution of the chance to leave after a purchase; 0: nobody leaves."""
        return self.parameters["a"]

    @property
    def b(self) -> float:
        """Second shape of that beta distribution."""
        return self.parameters["b"]

    def p_alive(self, histories: Any) -> FloatArray:
        """The probability that a customer is still active at the end of observation: F / (F + d)."""
        seen = PurchaseHistories.of(histories)
        return np.asarray(special.expit(self._log_silence(seen) - self._log_left(seen)))

    def log_likelihood_of(self, histories: Any) -> float:
        """The sum of log-densities of the purchases' times, comparable with NBD and Pareto/NBD.

        For k > 1 the times between purchases matter, which histories do not hold; see `regularity`.
        """
        seen = PurchaseHistories.of(histories)
        x, t_x, A = seen.repeat_purchases, seen.last_purchase_at, self.alpha / self.k
        rates = log_rising(self.r, self.k * x) - self.r * np.log1p(t_x / A) - self.k * x * np.log(A + t_x)
        stays = log_rising(self.b, self._chances(seen)) - log_rising(self.a + self.b, self._chances(seen))
        either = np.logaddexp(self._log_silence(seen), self._log_left(seen))
        spacing = regularity(self.k, seen.customers, x, t_x, seen.observed_periods)
        return float((seen.customers * (rates + stays + either)).sum() + spacing)

    def simulate(self, rng: np.random.Generator, observed_periods: npt.ArrayLike) -> PurchaseHistories:
        """New customers as the model sees them, watched for the given periods since their first purchase."""
        T = not_negative("observed_periods", observed_periods)
        leaving = draw_beta(rng, self.a, np.full(T.shape, self.b))
        chances = draw_geometric(rng, leaving) - (1.0 if self.may_leave_at_once else 0.0)
        stages = rng.poisson(rng.gamma(self.r, self.k / self.alpha, T.shape) * T)
        x = np.minimum(stages // self.k, chances)
        passed = self.k * np.maximum(x, 1)  # the last purchase ends this stage, of stages spread evenly over T
        last = T * rng.beta(passed, np.maximum(stages - passed, 0) + 1)
        return PurchaseHistories(x, np.where(x > 0, last, 0.0), T)

    def _chances(self, seen: PurchaseHistories) -> FloatArray:
        """How many chances to leave a customer has had (m)."""
        return np.asarray(seen.repeat_purchases + self.may_leave_at_once)

    def _stage_posterior(self, seen: PurchaseHistories) -> tuple[FloatArray, FloatArray]:
        """Shape s (before what the silence adds) and rate A + T of the stage rate k lambda."""
        return self.r + self.k * seen.repeat_purchases, self.alpha / self.k + seen.observed_periods

    def _log_silence(self, seen: PurchaseHistories) -> FloatArray:
        """ln F."""
        shape, rate = self._stage_posterior(seen)
        silent = seen.observed_periods - seen.last_purchase_at
        phases = phase_terms(self.k, shape, silent / rate)
        return np.log(sum(phases)) - shape * np.log1p(silent / (self.alpha / self.k + seen.last_purchase_at))

    def _log_left(self, seen: PurchaseHistories) -> FloatArray:
        """ln d."""
        chances = self._chances(seen)
        with np.errstate(divide="ignore"):
            left = np.log(self.a) - np.log(np.where(chances > 0, self.b + (chances - 1), 1.0))
        return np.where(chances > 0, left, -np.inf)


def phase_terms(k: int, shape: FloatArray, silence: FloatArray) -> list[FloatArray]:
    """(s)_j / j! z^j for j = 0..k-1: how likely the j-th stage since the last purchase is, relative to the first."""
    terms = [np.ones(np.shape(shape))]
    for j in range(1, k):
        terms.append(terms[-1] * (shape + j - 1) / j * silence)
    return terms


def regularity(
    k: int,
    customers: FloatArray,
    x: FloatArray,
    t_x: FloatArray,
    T: FloatArray,
    log_interval_sum: float | None = None,
) -> float:
    """What the spacing of purchases adds to the log-likelihood for k > 1, whatever the parameters.

    With `log_interval_sum` (the logs of all times between purchases added up) it is the density of all purchase times:
    (k - 1) sum ln(time) - x ln (k - 1)!. Without it, that of t_x given x, over the same of a Poisson process.
    """
    if k == 1:
        return 0.0
    if log_interval_sum is not None:
        return (k - 1) * log_interval_sum - float((customers * x).sum()) * float(special.gammaln(k))
    back = x > 0
    last = np.log(np.maximum(t_x[back], _INSTANT * T[back]))
    many = special.gammaln(k * x[back]) - special.gammaln(x[back])
    return float((customers[back] * ((k - 1) * x[back] * last - many)).sum())


def draw_beta(rng: np.random.Generator, a: float, b: FloatArray) -> FloatArray:
    """p ~ Beta(a, b), one per b; 0 where a is 0."""
    return np.asarray(rng.beta(a, b)) if a > 0 else np.zeros(b.shape)


def draw_geometric(rng: np.random.Generator, p: FloatArray) -> FloatArray:
    """The purchase after which each leaves, 1, 2, ...; infinite where p is 0."""
    with np.errstate(divide="ignore"):
        waited = -rng.standard_exponential(p.shape) / np.log1p(-p)
    return np.asarray(np.where(p > 0, np.floor(waited) + 1, np.inf))
