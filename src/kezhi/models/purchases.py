"""The questions that every model of repeat purchases answers, written once.

In all of these models a customer who is still active buys at a rate that is gamma-distributed given the history, and
whether he stays does not depend on that rate. So the chance of being active and what the active will do are kept
apart: a model gives `p_alive` and an `Activity`, and everything else follows here.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from scipy import special

from kezhi.models.discounting import times_and_weights
from kezhi.models.fitting import Fit
from kezhi.models.histories import FloatArray, IntArray, PurchaseHistories, distinct
from kezhi.models.over_time import over_time

_ENOUGH = 1e-9  # what a distribution may leave out above its last count
_MANY, _TIMES = 20_000, 128  # see `_product`
_SMOOTH = ("expected", "product", "none")  # questions whose answers can be read off between times
_MOST = 4_096  # counts; beyond it the tail is put on the last one


class Activity(Protocol):
    """What customers do from now on if they are active now; one entry per history, times in periods from now.

    `start` and `end` are numbers or arrays with one entry per history, 0 <= start <= end.
    """

    def expected(self, start: npt.ArrayLike, end: npt.ArrayLike) -> FloatArray:
        """E[N], N the purchases between start and end."""

    def product(self, start: npt.ArrayLike, end: npt.ArrayLike) -> FloatArray:
        """E[N (N - 1)], from which the variance follows."""

    def none(self, start: npt.ArrayLike, end: npt.ArrayLike) -> FloatArray:
        """P(N = 0)."""

    def distribution(self, end: npt.ArrayLike, most: int) -> FloatArray:
        """P(N = n) from now to end for n = 0..most, shape (histories, most + 1)."""

    def draw(self, rng: np.random.Generator, end: npt.ArrayLike) -> FloatArray:
        """One random N per history, from now to end."""


@dataclass(frozen=True, eq=False, kw_only=True)
class PurchaseFit(Fit):
    """A fitted (or given) model of repeat purchases.

    `histories` below is a `PurchaseHistories` or a table with its columns; answers have one entry per row. Windows
    begin `start` periods after the end of observation (0: at once) and last `periods`, numbers or arrays of the same
    length.
    """

    @abstractmethod
    def p_alive(self, histories: Any) -> FloatArray:
        """The probability that a customer is still active at the end of observation."""

    @abstractmethod
    def activity(self, histories: Any) -> Activity:
        """What those still active will do; depends on x and T alone unless a model says otherwise."""

    @abstractmethod
    def log_likelihood_of(self, histories: Any) -> float:
        """The sum of log-densities of the purchases' times."""

    @abstractmethod
    def simulate(self, rng: np.random.Generator, observed_periods: npt.ArrayLike) -> PurchaseHistories:
        """New customers as the model sees them, watched for the given periods since their first purchase."""

    def expected_purchases(self, histories: Any, periods: npt.ArrayLike, start: npt.ArrayLike = 0.0) -> FloatArray:
        """How many purchases to expect from each customer in a window."""
        seen, begin, end = self._window(histories, periods, start)
        return np.asarray(self._alive(seen) * self._of_alike(seen, "expected", begin, end))

    def discounted_expected_purchases(
        self, histories: Any, discount: float, periods: float | None = None
    ) -> FloatArray:
        """How many purchases are still to come from each customer, in today's worth: a purchase in t periods counts
        (1 + discount)^-t.

        `discount` is per period. Without `periods` all that are to come (DERT), for which it must be above 0. An
        integral of expected purchases over time, to ten digits (see `discounting`); a model with a closed form that
        is as exact gives that. Source of the notion: Fader, Hardie, Lee (2005), "RFM and CLV".
        """
        seen = self._seen(histories)
        times, weights = times_and_weights(discount, periods)
        total = sum(
            weight * self._of_alike(seen, "expected", 0.0, float(time))
            for time, weight in zip(times, weights, strict=True)
        )
        return np.asarray(self._alive(seen) * total)

    def expected_purchases_new_customer(self, periods: npt.ArrayLike) -> FloatArray:
        """How many repeat purchases to expect from someone who has just become a customer."""
        length = not_negative("periods", periods)
        new = np.zeros(length.size)
        return self.expected_purchases(PurchaseHistories(new, new, new), length.ravel()).reshape(length.shape)

    def purchase_variance(self, histories: Any, periods: npt.ArrayLike, start: npt.ArrayLike = 0.0) -> FloatArray:
        """The variance of each customer's number of purchases in a window."""
        mean, product, _ = self.window_moments(histories, periods, start)
        return np.asarray(np.maximum(product + mean - mean**2, 0.0))

    def window_moments(
        self, histories: Any, periods: npt.ArrayLike, start: npt.ArrayLike = 0.0
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """E[N], E[N (N - 1)] and P(N = 0) of each customer's purchases in a window."""
        return self.moments_of(histories, [(start, periods)])[0]

    def moments_of(
        self, histories: Any, windows: Sequence[tuple[npt.ArrayLike, npt.ArrayLike]]
    ) -> list[tuple[FloatArray, FloatArray, FloatArray]]:
        """The same for several windows, each given by its start and its length."""
        histories = self._seen(histories)
        alive, found = self._alive(histories), []
        for start, periods in windows:
            seen, begin, end = self._window(histories, periods, start)
            mean, none = (self._of_alike(seen, name, begin, end) for name in ("expected", "none"))
            product = self._product(seen, begin, end, mean)
            found.append((alive * mean, alive * product, np.asarray(1 - alive * (1 - none))))
        return found

    def _product(self, seen: PurchaseHistories, begin: Any, end: Any, mean: FloatArray) -> FloatArray:
        """E[N (N - 1)] of the active; where very many must be told apart, by way of its ratio to E[N]^2.

        The ratio hardly changes with T, so it is taken at the nearest of _TIMES times: a quadrature saved for each pair
        of x and T, for an error far below what anyone could see in an interval.
        """
        if len(self._alike(seen)[0]) <= _MANY or np.ndim(begin) or np.ndim(end):
            return self._of_alike(seen, "product", begin, end)
        step = float(seen.observed_periods.max()) / _TIMES or 1.0
        T = np.maximum(np.ceil(seen.observed_periods / step), 1.0) * step
        back = np.where(seen.observed_periods > 0, T / np.maximum(seen.observed_periods, 1e-300), 1.0)
        first, index = distinct(seen.repeat_purchases, T)
        near = PurchaseHistories(
            seen.repeat_purchases[first], np.minimum(seen.last_purchase_at * back, T)[first], T[first]
        )
        product, square = (self._of_alike(near, name, begin, end) for name in ("product", "expected"))
        square = square**2
        ratio = np.divide(product, square, out=np.zeros_like(product), where=square > 0)
        return np.asarray(ratio[index] * mean**2)

    def p_no_purchase(self, histories: Any, periods: npt.ArrayLike, start: npt.ArrayLike = 0.0) -> FloatArray:
        """The probability of no purchase at all in a window, per customer."""
        seen, begin, end = self._window(histories, periods, start)
        return np.asarray(1 - self._alive(seen) * (1 - self._of_alike(seen, "none", begin, end)))

    def p_purchases(self, n: npt.ArrayLike, histories: Any, periods: npt.ArrayLike) -> FloatArray:
        """The probability of exactly n purchases in the next periods; n broadcasts against the customers."""
        count = not_negative("n", n)
        seen = self._seen(histories)
        table = self.purchase_distribution(seen, periods, int(count.max(initial=0)))
        whole = np.minimum(np.floor(count), table.shape[1] - 1).astype(np.int64)
        rows, columns = np.broadcast_arrays(np.arange(len(seen)), whole)
        return np.asarray(np.where(count == np.floor(count), table[rows, columns], 0.0))

    def p_purchases_new_customer(self, n: npt.ArrayLike, periods: float) -> FloatArray:
        """The probability that someone who has just become a customer comes back exactly n times in so many periods."""
        count = not_negative("n", n)
        table = self.purchase_distribution(PurchaseHistories([0], [0], [0]), periods, int(count.max(initial=0)))[0]
        whole = np.floor(count).astype(np.int64)
        return np.asarray(np.where(count == whole, table[whole], 0.0))

    def purchase_distribution(self, histories: Any, periods: npt.ArrayLike, most: int | None = None) -> FloatArray:
        """P(n purchases in the next periods) for n = 0..most, shape (customers, most + 1).

        Without `most` the table is as wide as needed for all but a billionth of everybody's probability (at most
        4 097 counts); its last column then takes what lies above.
        """
        seen, _, end = self._window(histories, periods, 0.0)
        alive = self._alive(seen)
        width = self._width(seen, end) if most is None else most
        table = alive[:, None] * self._of_alike(seen, "distribution", end, width)
        table[:, 0] += 1 - alive
        if most is None:
            table[:, -1] += np.maximum(1 - table.sum(axis=1), 0.0)
        return np.asarray(table)

    def simulate_purchases(self, rng: np.random.Generator, histories: Any, periods: npt.ArrayLike) -> FloatArray:
        """One random draw of each customer's purchases in the next so many periods."""
        seen, _, end = self._window(histories, periods, 0.0)
        active = rng.random(len(seen)) < self.p_alive(seen)
        return np.asarray(np.where(active, self.activity(seen).draw(rng, end), 0.0))

    def purchases_by_state(self, histories: Any, horizon: int) -> FloatArray:
        """Expected purchases of each future step, split by when the customer will then have bought last.

        Array (n, horizon, horizon). Entry [i, h, k] is E[purchases of customer i in step h + 1; last purchase
        before it in step k], for k = 1..h; k = 0 collects "none in steps 1..h": the last purchase is today's.
        Entries over k add up to the expected purchases of one step. A model says how it splits them.
        """
        if horizon < 0:
            raise ValueError("horizon must not be negative")
        seen = self._seen(histories)
        states = np.zeros((len(seen), horizon, horizon))
        shares, alive = self._state_shares(seen, horizon), self.p_alive(seen)
        for h in range(horizon):
            expected = alive * self._of_alike(seen, "expected", float(h), float(h + 1))
            states[:, h, : h + 1] = expected[:, None] * shares[:, h, : h + 1]
        return states

    @abstractmethod
    def posterior(self, histories: Any) -> tuple[FloatArray, FloatArray]:
        """Shape and rate of the gamma distribution of the purchase rate of a customer still active: two arrays."""

    def _seen(self, histories: Any) -> PurchaseHistories:
        """The histories with what else the model needs to know of them."""
        return PurchaseHistories.of(histories)

    def _alive(self, seen: PurchaseHistories) -> FloatArray:
        """`p_alive`, remembered for the next question about the same customers: most questions begin with it."""
        return seen.remembered(self, self.p_alive)

    def _window(
        self, histories: Any, periods: npt.ArrayLike, start: npt.ArrayLike
    ) -> tuple[PurchaseHistories, Any, Any]:
        begin, length = not_negative("start", start), not_negative("periods", periods)
        return self._seen(histories), begin, begin + length

    def _state_shares(self, seen: PurchaseHistories, horizon: int) -> FloatArray:
        """How the purchases of a step divide by the step of the last purchase before it, as in `purchases_by_state`.

        Exact where dropping out does not depend on the purchases made (NBD, Pareto/NBD). Where it does, a customer
        with more purchases behind him is a little less likely to be there; that is neglected here.
        """
        shape, rate = self.posterior(seen)
        # log of E[lambda e^(-lambda j)] / E[lambda]: the purchase rate of those silent for j steps
        silent = -(shape + 1)[:, None] * np.log1p(np.arange(horizon + 1) / rate[:, None])
        shares = np.zeros((len(seen), horizon, horizon))
        for h in range(horizon):
            shares[:, h, 0] = np.exp(silent[:, h])
            later = silent[:, :h][:, ::-1]  # silent for h - k steps, k = 1..h
            longer = silent[:, 1 : h + 1][:, ::-1]
            shares[:, h, 1 : h + 1] = np.exp(later) * -np.expm1(longer - later)
        return shares

    def _of_alike(self, seen: PurchaseHistories, question: str, *arguments: Any) -> FloatArray:
        """An answer of `activity`, computed once for customers and windows that it cannot tell apart."""
        wide = [np.broadcast_to(argument, (len(seen),)) for argument in arguments if np.ndim(argument)]
        first, index = self._alike(seen)
        if wide:
            first, index = distinct(index, *wide)
        narrow = [np.broadcast_to(one, (len(seen),))[first] if np.ndim(one) else one for one in arguments]

        def answer(rows: PurchaseHistories) -> FloatArray:
            return np.asarray(getattr(self.activity(rows), question)(*narrow))

        few = seen.one_of_each(first)
        smooth = over_time(few, self._scale) if question in _SMOOTH and first is seen.pairs[0] else None
        return answer(few)[index] if smooth is None else smooth.answers(answer, question != "none")[index]

    @property
    def _scale(self) -> float:
        """What the answers of `activity` change with in proportion is this plus T."""
        nobody = np.zeros(1)
        return float(self.posterior(PurchaseHistories(nobody, nobody, nobody))[1][0])

    def _alike(self, seen: PurchaseHistories) -> tuple[IntArray, IntArray]:
        """Rows that stand for all with the same activity (same x and T), and which of them each row belongs to."""
        return seen.pairs

    def _width(self, seen: PurchaseHistories, end: FloatArray) -> int:
        """How many counts hold all but _ENOUGH of everybody's probability: a rate hardly exceeded, and its tail."""
        if not len(seen):
            return 0
        shape, rate = self.posterior(seen)
        highest = float((special.gammaincinv(shape, 1 - _ENOUGH) / rate * end).max())
        return int(min(highest + 7 * np.sqrt(highest) + 12, _MOST))


def not_negative(name: str, values: npt.ArrayLike) -> FloatArray:
    """The values as an array; ValueError naming them unless all are finite and not negative."""
    array = np.asarray(values, dtype=np.float64)
    if not bool(np.all(np.isfinite(array) & (array >= 0))):
        raise ValueError(f"{name} must be finite and not negative")
    return array
