"""The published forecast rule: next amount = frequency x average amount x probability of each.

It multiplies two point expectations with the probabilities of one class each, so it is no expected value;
it is kept exactly as published (method `transition`). Later periods follow from the first: the state moves
on, r grows by one or falls to 0 with a purchase, and expectation is taken over the moves.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from kezhi.models import transitions
from kezhi.models.histories import FloatArray, IntArray


class FrequencyLaw(Protocol):
    """Anything with the negative binomial's a and b, time in periods: an NBDFit."""

    @property
    def a(self) -> float: ...
    @property
    def b(self) -> float: ...


class AmountLaw(Protocol):
    """Anything with the Gamma-Gamma panel's p, q and k: a GammaGammaFit."""

    @property
    def p(self) -> float: ...
    @property
    def q(self) -> float: ...
    @property
    def k(self) -> float: ...


@dataclass(frozen=True, eq=False)
class PublishedForecast:
    """What the rule forecasts for every state: arrays over [step, frequency now, idle periods, segment now].

    Frequencies run from 1 (index 0), idle periods and segments from 0, steps from 1 (index 0). `amount` is
    the rule's product; `frequency` and `expected_amount` are its two expectations, `p_frequency` and
    `p_amount` their probabilities; `p_purchase` is the probability of any purchase in that step. From step
    2 on each is an expectation over the moves, so `amount` is no longer the product of the others.
    """

    amount: FloatArray
    frequency: FloatArray
    p_frequency: FloatArray
    expected_amount: FloatArray
    p_amount: FloatArray
    p_purchase: FloatArray

    def of(self, frequency: npt.ArrayLike, idle_periods: npt.ArrayLike, segment: npt.ArrayLike) -> PublishedForecast:
        """The forecasts of customers in these states, over [step, customer]; the table's end for others."""
        _, top, idle, segments = self.amount.shape
        f = np.clip(np.asarray(frequency, dtype=np.int64), 1, top) - 1
        r = np.clip(np.asarray(idle_periods, dtype=np.int64), 0, idle - 1)
        m = np.clip(np.asarray(segment, dtype=np.int64), 0, segments - 1)
        return PublishedForecast(*(getattr(self, column.name)[:, f, r, m] for column in fields(self)))


@dataclass(frozen=True, eq=False)
class TransitionRule:
    """The published rule with all it needs: both fitted laws, the segments, and what was seen at most."""

    frequency: FrequencyLaw
    amount: AmountLaw
    edges: FloatArray
    largest_amount: float
    smallest_frequency: int
    largest_frequency: int
    longest_idle: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "edges", transitions.check_edges(self.edges))
        if self.longest_idle < 0:
            raise ValueError("longest_idle must not be negative")
        if not 1 <= self.smallest_frequency <= self.largest_frequency:
            raise ValueError("smallest_frequency must be at least 1 and not above largest_frequency")
        if not self.largest_amount > 0:
            raise ValueError("largest_amount must be above 0")

    @property
    def _range(self) -> tuple[float, float, int, int]:
        return self.frequency.a, self.frequency.b, self.smallest_frequency, self.largest_frequency

    @property
    def _amount_settings(self) -> tuple[float, float, float, FloatArray, float]:
        return self.amount.p, self.amount.q, self.amount.k, self.edges, self.largest_amount

    def expected_frequency(self) -> IntArray:
        """f2: the next frequency expected from each frequency now (1..largest), whole numbers."""
        return transitions.expected_next_frequency(*self._range)[1]

    def frequency_probability(self) -> FloatArray:
        """P(f2) for each frequency now (rows) and number of idle periods (columns)."""
        table = transitions.frequency_probability(*self._range, self.longest_idle)
        return table[self.expected_frequency() - 1]

    def trust_interval(self) -> tuple[int, int]:
        """The frequencies believed of an active customer."""
        return transitions.trust_interval(*self._range)

    def expected_amount(self) -> FloatArray:
        """m2: the next average amount expected from each segment now."""
        return transitions.expected_next_amount(*self._amount_settings)

    def amount_probability(self) -> FloatArray:
        """P(m2): the probability of landing in the segment that holds m2, from each segment now."""
        return transitions.p_expected_amount(*self._amount_settings)

    def p_any_purchase(self) -> FloatArray:
        """The probability of any purchase in the next period, by idle periods."""
        return transitions.p_any_purchase(*self._range, self.longest_idle)

    def forecast(self, horizon: int) -> PublishedForecast:
        """The rule's forecast for each of the next periods, from every state a customer may be in now."""
        if horizon < 1:
            raise ValueError("horizon must be at least 1")
        # who is idle for the longest time now may stay so: compute states that much further, then cut
        wide = replace(self, longest_idle=self.longest_idle + horizon - 1)
        steps = {name: wide._roll(first, horizon) for name, first in wide._first_step().items()}
        kept = slice(self.longest_idle + 1)
        return PublishedForecast(**{name: values[:, :, kept] for name, values in steps.items()})

    def _first_step(self) -> dict[str, FloatArray]:
        """Section 6 for the next period: every factor over [frequency now, idle periods, segment now]."""
        f2, m2 = self.expected_frequency().astype(np.float64), self.expected_amount()
        p_f2, p_m2, p_any = self.frequency_probability(), self.amount_probability(), self.p_any_purchase()
        shape = (*p_f2.shape, len(m2))
        factors = {
            "frequency": f2[:, None, None],
            "p_frequency": p_f2[:, :, None],
            "expected_amount": m2,
            "p_amount": p_m2,
        }
        product = f2[:, None, None] * p_f2[:, :, None] * (m2 * p_m2)
        every = {"amount": product, **factors, "p_purchase": p_any[:, None]}
        return {name: np.broadcast_to(values, shape) for name, values in every.items()}

    def _roll(self, first: FloatArray, horizon: int) -> FloatArray:
        """From the next period to later ones: V_h = P1 V_{h-1}[moved] + (1 - P1) V_{h-1}[idle + 1].

        With a purchase the state becomes (f2, r = 0, segment of m2); without, r grows by one.
        """
        bought = self.p_any_purchase()[:, None]
        to_f = self.expected_frequency() - 1
        to_m = transitions.segment_of(self.edges, self.expected_amount())
        steps = [np.asarray(first)]
        for _ in range(horizon - 1):
            before = steps[-1]
            moved = before[to_f][:, 0][:, to_m][:, None, :]
            waited = np.concatenate([before[:, 1:], before[:, -1:]], axis=1)
            steps.append(bought * moved + (1 - bought) * waited)
        return np.stack(steps)


def published_forecast(
    frequency: FrequencyLaw,
    amount: AmountLaw,
    edges: npt.ArrayLike,
    largest_amount: float,
    smallest_frequency: int,
    largest_frequency: int,
    longest_idle: int,
    horizon: int,
) -> PublishedForecast:
    """The published rule's forecast for every state and each of the next periods; see `PublishedForecast`.

    `largest_amount` is the largest average purchase ever seen, `smallest_frequency` and `largest_frequency`
    the fewest and most purchases seen in an active period, `longest_idle` the most idle periods a customer
    is in now.
    """
    rule = TransitionRule(
        frequency,
        amount,
        transitions.check_edges(edges),
        largest_amount,
        smallest_frequency,
        largest_frequency,
        longest_idle,
    )
    return rule.forecast(horizon)
