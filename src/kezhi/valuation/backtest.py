"""Would it have worked? Forecasts made again at past days, beside simple rules, against what then came."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from kezhi.language import Text
from kezhi.ledger import Calendar
from kezhi.models import NBD, TransitionRule, scores
from kezhi.models.transitions import segment_of
from kezhi.valuation.days import Known, PurchaseDays
from kezhi.valuation.forecaster import on_clock
from kezhi.valuation.rehearsal import Moment, Rehearsal, plain_clock

if TYPE_CHECKING:
    from numpy.typing import NDArray

TOO_SHORT = Text(
    "The history is too short to test the forecast on the past (complete periods: {periods}; three are needed), so "
    "the interval counts chance only, not a change of season or market.",
    "历史太短，无法用过去检验预测（完整期数：{periods}，至少需要三期）；因此区间只反映偶然波动，不含季节或市场变化。",
)
NOBODY_CAME_BACK = Text(
    "Fewer than two customers had bought again by {split}, so the forecast cannot be tested on the past and the "
    "interval counts chance only.",
    "截至 {split} 再次购买的客户不足两位，无法用过去检验预测；区间只反映偶然波动。",
)
ENOUGH = 100_000  # customers; testing on more would cost time and tell nothing new
LEAST_BACK = 2  # customers who had come back by the split, below which a test means nothing


@dataclass(frozen=True, eq=False)
class Forecasts:
    """Purchases and amount that each method forecast for the customers of one origin, beside what came."""

    split: date
    until: date
    came: NDArray[np.float64]
    spent: NDArray[np.float64]
    methods: dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]


@dataclass(frozen=True)
class Backtest:
    """Each method's forecast of the last `periods` complete periods, made from what was known at `split`.

    `one_in` customers was drawn for the test (1: all of them); totals are scaled up to all. `origins` tells of every
    past day at which the forecast was made again: the amount that came, and each method's total.
    """

    split: date
    until: date
    periods: int
    customers: int
    one_in: int
    amount: float
    purchases: float
    methods: tuple[dict[str, Any], ...]
    origins: tuple[dict[str, Any], ...]

    def missed(self, method: str) -> float:
        """By how much the method missed the total amount over all origins: root mean square of the logarithms."""
        errors = [
            math.log(one["amount"] / one["forecast"][method])
            for one in self.origins
            if one["amount"] > 0 and one["forecast"].get(method, 0.0) > 0
        ]
        return math.sqrt(sum(error**2 for error in errors) / len(errors)) if errors else 0.0

    def score(self, method: str) -> dict[str, Any]:
        """The scores of one method."""
        return next(row for row in self.methods if row["method"] == method)


def summary(forecasts: Sequence[Forecasts], calendar: Calendar, one_in: int) -> Backtest:
    """The scores of the newest origin and the totals of all."""
    newest = forecasts[-1]
    return Backtest(
        newest.split,
        newest.until,
        calendar.number(newest.until) - calendar.number(newest.split),
        len(newest.came),
        one_in,
        float(newest.spent.sum()) * one_in,
        float(newest.came.sum()) * one_in,
        tuple(method_scores(name, newest, one_in) for name in newest.methods),
        tuple(_origin(one, one_in) for one in forecasts),
    )


def _origin(one: Forecasts, one_in: int) -> dict[str, Any]:
    return {
        "split": one.split,
        "until": one.until,
        "customers": len(one.came),
        "amount": float(one.spent.sum()) * one_in,
        "forecast": {name: float(spend.sum()) * one_in for name, (_, spend) in one.methods.items()},
    }


def method_scores(name: str, found: Forecasts, one_in: int = 1) -> dict[str, Any]:
    """How near a method's expectations came, for amounts and for numbers of purchases."""
    count, spend = found.methods[name]
    ordered = name != "mean"  # equal predictions have no order
    return {
        "method": name,
        "amount": float(spend.sum()) * one_in,
        "bias": scores.bias(found.spent, spend),
        "mae": scores.mae(found.spent, spend),
        "rmse": scores.rmse(found.spent, spend),
        "gini": scores.normalised_gini(np.maximum(found.spent, 0.0), spend) if ordered else None,
        "top20": scores.captured_share(np.maximum(found.spent, 0.0), spend) if ordered else None,
        "purchases": float(count.sum()) * one_in,
        "purchases_bias": scores.bias(found.came, count),
        "purchases_rmse": scores.rmse(found.came, count),
        "purchases_mae": scores.mae(found.came, count),
        "purchases_deviance": scores.poisson_deviance(found.came, count),
    }


def forecasts_of(
    days: PurchaseDays, made: Rehearsal, edges: tuple[float, ...] | None, names: Sequence[str]
) -> Forecasts:
    """What every method would have said at one origin: the blend, its models, the published rule, naive rules.

    A single model is no blend.
    """
    now, known, until = made.now, made.now.known, made.until
    came, spent = days.came(known, until)
    mean = now.forecaster.expected_amount(known)
    if made.lesson is None:
        counts = {name: now.named(name).expected_purchases(known, until) for name in names}
    else:
        each = made.lesson.expected
        counts = {"auto": now.forecaster.of_models(known, each), **{name: each[name] for name in names}}
    methods = {name: (count, count * mean) for name, count in counts.items()}
    horizon = whole_periods(known, until)
    if horizon:
        methods["transition"] = published_forecast(now, horizon, edges)
    methods |= naive_forecasts(days, known, until, mean)
    return Forecasts(known.split, until, came, spent, methods)


def whole_periods(known: Known, until: date) -> int:
    """How many periods of the calendar lie between a split and a day; 0 if either cuts one short."""
    calendar, split = known.calendar, known.split
    if calendar.rest(split) > 0 or calendar.rest(until) > 0:
        return 0
    return calendar.number(until) - calendar.number(split)


def published_forecast(
    moment: Moment, horizon: int, edges: tuple[float, ...] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Purchases and amount over the horizon by the published rule, looked up for each customer's state."""
    known = moment.known
    frequency, idle, mean = known.state()
    smallest, largest, amounts = known.extremes()
    bounds = np.asarray(edges or amount_edges(amounts))
    table, _ = known.histories
    rule = TransitionRule(
        NBD().fit(on_clock(plain_clock(known), table, known.split)),
        moment.forecaster.amounts,
        bounds,
        largest_amount=float(amounts.max()),
        smallest_frequency=smallest,
        largest_frequency=largest,
        longest_idle=int(idle.max(initial=0)),
    )
    found = rule.forecast(horizon).of(frequency, idle, segment_of(bounds, mean))
    purchases = np.sum(np.asarray(found.frequency) * np.asarray(found.p_frequency), axis=0)
    return purchases, np.sum(np.asarray(found.amount), axis=0)


def amount_edges(amounts: NDArray[np.float64], segments: int = 7) -> tuple[float, ...]:
    """Rising segment edges: quantiles of the mean amounts of all active periods."""
    edges = sorted({float(value) for value in np.quantile(amounts, np.linspace(0, 1, segments + 1))})
    return tuple(edges) if len(edges) >= 2 else (edges[0] / 2, edges[0] * 2)


def naive_forecasts(
    days: PurchaseDays, known: Known, until: date, mean: NDArray[np.float64]
) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """What needs no model: the last window again, its mean for all, everybody's own rate, and a straight line."""
    length = until - known.split
    windows = [days.between(known, known.split - (i + 1) * length, known.split - i * length) for i in range(3)]
    count, spend = windows[0]
    tenure = known.tenure_days.astype(np.float64)
    share = np.divide(length.days, tenure, out=np.zeros_like(tenure), where=tenure > 0)
    rate = known.repeat_purchases * share
    everybody = np.ones(len(known))
    found = {
        "repeat_last": (count, spend),
        "rate": (rate, rate * mean),
        "mean": (everybody * count.mean(), everybody * spend.mean()),
    }
    line = _straight_line(windows, known, length.days)
    return found | ({"regression": line} if line else {})


def _straight_line(
    windows: list[tuple[NDArray[np.float64], NDArray[np.float64]]], known: Known, length: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Least squares of the last window on the two before it, moved on by one window (R13); needs three windows."""
    trained = known.tenure_days >= length
    if known.tenure_days.max(initial=0) < 3 * length - 31 or not trained.any():
        return None
    ones = np.ones((len(known), 1))
    before = np.hstack([ones, *(np.column_stack(window) for window in windows[1:])])
    now = np.hstack([ones, *(np.column_stack(window) for window in windows[:2])])
    target = np.column_stack(windows[0])
    scale = np.maximum(np.abs(before[trained]).max(axis=0), 1e-12)
    weights = np.linalg.lstsq(before[trained] / scale, target[trained], rcond=1e-10)[0] / scale[:, None]
    fitted = np.maximum(now @ weights, 0.0)
    return fitted[:, 0], fitted[:, 1]
