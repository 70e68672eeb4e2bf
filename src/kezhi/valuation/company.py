"""The company's figures: history and forecast by period, the forecast's interval, and concentration."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from kezhi.engine import Engine
from kezhi.valuation.fits import column
from kezhi.valuation.lessons import rows_of

if TYPE_CHECKING:
    import ibis.expr.types as ir
    from numpy.typing import NDArray

    from kezhi.ledger import Ledger
    from kezhi.valuation.fits import Fits

MOST_HISTORIES = 20_000
Sums = dict[str, "NDArray[np.float64]"]  # over the customers of a history with a number of priced periods
NUDGE = 1e-4  # a parameter is moved by this share to either side for the slope of the total
Z80 = 1.2815515655446004  # the standard normal's 90 % point: an 80 % interval lies within +- this


@dataclass(frozen=True)
class Spread:
    """How uncertain the company's total over the horizon is, by where that comes from.

    customers: each customer's own chance, given the parameters, as a variance; parameters: their sampling error, as
    a variance; common: what moves all customers together (season, market): by how much past forecasts missed the
    whole, root mean square of the logarithms; 0 where that could not be tested.
    """

    customers: float
    parameters: float
    common: float

    def bounds(self, value: float, periods: int = 1) -> dict[str, float]:
        """The 80 % interval of the total, or of one of `periods` parts of it; on a log scale where it is positive.

        Customers vary independently from part to part; the other two errors are the same in all.
        """
        own = self.customers / periods + self.parameters / periods**2
        if value <= 0:
            deviation = math.sqrt(own) + abs(value) * abs(math.expm1(self.common))
            return {"value_lower": value - Z80 * deviation, "value_upper": value + Z80 * deviation}
        deviation = math.sqrt(math.log1p(own / value**2) + self.common**2)
        return {"value_lower": value * math.exp(-Z80 * deviation), "value_upper": value * math.exp(Z80 * deviation)}


def company_history(ledger: Ledger) -> list[dict[str, Any]]:
    """Totals by period, oldest first, empty periods included; `complete`: not cut short by `as_of`."""
    found = {row["number"]: row for row in ledger.company}
    return [
        _period(ledger, number, found.get(number, {}))
        for number in range(min(found), max(*found, ledger.next_period - 1) + 1)
    ]


def _period(ledger: Ledger, number: int, row: dict[str, Any]) -> dict[str, Any]:
    amount, cost, expense = (row.get(name, Decimal(0)) for name in ("amount", "cost", "expense"))
    return {
        "period": ledger.calendar.start(number),
        "purchases": row.get("purchases", 0),
        "customers": row.get("customers", 0),
        "amount": amount,
        "cost": cost,
        "expense": expense,
        "value": amount - cost - expense,
        "complete": number <= ledger.present,
    }


def company_forecast(engine: Engine, forecast: ir.Table, spread: Spread, horizon: int) -> list[dict[str, Any]]:
    """Totals by step with an 80 % interval."""
    sums = forecast.group_by("step", "period").aggregate(
        **{name: forecast[name].sum() for name in ("amount", "cost", "expense", "value")}
    )
    rows: list[dict[str, Any]] = engine.fetch(sums.order_by("step")).to_pylist()
    return [row | spread.bounds(float(row["value"]), horizon) for row in rows]


def total_spread(own: ir.Table, ledger: Ledger, fits: Fits, horizon: int, common: float) -> Spread:
    """How uncertain the company's total value over the horizon is; `own` as `customers.own_variance` makes it.

    Given the parameters customers vary independently: their variances add up. On top come the sampling error of
    the parameters by the delta method, and `common`, the error by which past forecasts missed the whole.
    """
    paid: Any = own.bought & (own.amount_periods > 0)
    found = ledger.engine.fetch(
        own.group_by("history", "amount_periods").aggregate(
            own=(own.net_share * own.net_share * own.variance).sum(),
            worth=own.worth.sum(),
            purchases=own.purchases_next.sum(where=paid),
            spent=(own.purchases_next * own.mean_amount_sum).sum(where=paid),
        )
    )
    sums = {name: np.nan_to_num(column(found, name)) for name in found.column_names}
    return Spread(
        customers=float(sums["own"].sum()),
        parameters=_purchase_variance(sums, ledger, fits, horizon) + _amount_variance(sums, fits),
        common=common,
    )


def _purchase_variance(sums: Sums, ledger: Ledger, fits: Fits, horizon: int) -> float:
    """The part of the purchase models' parameters, each moved a little on the distinct histories."""
    known = sums["history"] >= 0
    numbers = sums["history"][known].astype(np.int64)
    weights: NDArray[np.float64] = np.bincount(numbers, sums["worth"][known], fits.histories.num_rows).astype(
        np.float64
    )
    weights = weights * fits.factor
    # the histories that matter: a slope to a few per cent is enough for an interval
    kept = np.argsort(-np.abs(weights))[:MOST_HISTORIES]
    total, share = np.abs(weights).sum(), np.abs(weights[kept]).sum()
    weights = weights[kept] * (total / share if share > 0 else 0.0)
    histories = rows_of(fits.on_clock, kept)
    last = ledger.next_period - 1
    window = fits.window(ledger.calendar.end(last), ledger.calendar.end(last + horizon))
    blend = fits.forecaster.purchases
    return sum(
        part**2 * _variance(fit, lambda moved: float(weights @ moved.expected_purchases(histories, window.length)))
        for part, fit in zip(blend.weights, blend.fits, strict=True)
    )


def _amount_variance(sums: Sums, fits: Fits) -> float:
    """The part of the amount model's parameters; expected amounts are straight lines in what was spent."""
    h, base, spent = sums["amount_periods"], sums["purchases"], sums["spent"]

    def total(moved: Any) -> float:
        p, q, k = (moved.parameters[name] for name in ("p", "q", "k"))
        return float((p * (k * base + spent) / np.maximum(p * h + q - 1.0, 1e-9)).sum())

    return _variance(fits.amounts, total)


def _variance(fit: Any, total: Callable[[Any], float]) -> float:
    """Variance of a total that a fit's uncertain parameters cause (delta method)."""
    if fit.fallback or np.shape(fit.covariance) != (len(fit.parameters),) * 2:
        return 0.0
    slopes = np.zeros(len(fit.parameters))
    for i, (name, value) in enumerate(fit.parameters.items()):
        if fit.standard_errors.get(name):
            up, down = (fit.with_parameters(**(fit.parameters | {name: value * (1 + s * NUDGE)})) for s in (1, -1))
            slopes[i] = (total(up) - total(down)) / (2 * NUDGE * value)
    return max(float(slopes @ np.asarray(fit.covariance) @ slopes), 0.0)


def concentration(engine: Engine, values: ir.Table, points: int = 100) -> dict[str, Any]:
    """Cumulative share of customers against cumulative share of value, best customers first (T01).

    The curve may rise above 1 where some customers have a negative value.
    """
    import ibis

    order = ibis.window(order_by=ibis.desc("value"))  # who is first of equals makes no difference to the curve
    ranked = values.select("value").mutate(place=ibis.row_number().over(order))
    count = engine.row(values.aggregate(count=values.count(), total=values.value.sum()))
    customers, total = count["count"], count["total"]
    bucket: Any = (ranked.place * points // customers).cast("int32")
    grouped = ranked.group_by(bucket=bucket).aggregate(value=ranked.value.sum(), customers=ranked.count())
    parts = engine.fetch(grouped.order_by("bucket")).to_pylist() if total and total > 0 else []
    return share_curve(parts, customers, total)


def share_curve(parts: list[dict[str, Any]], customers: int, total: Decimal | None) -> dict[str, Any]:
    """The curve, and the shares of the best 10 % and 20 %, from sums (`value`, `customers`) of the best first.

    No curve where the total is not above 0: there is no share of it.
    """
    if not customers or not total or total <= 0:
        return {"concentration": [], "top10_share": None, "top20_share": None}
    curve = [{"customers": 0.0, "value": 0.0}]
    people, worth = 0, Decimal(0)
    for row in parts:
        people, worth = people + row["customers"], worth + row["value"]
        curve.append({"customers": people / customers, "value": float(worth / total)})
    return {"concentration": curve, "top10_share": _share(curve, 0.1), "top20_share": _share(curve, 0.2)}


def _share(curve: list[dict[str, float]], customers: float) -> float:
    """The value share of the best customers, between the curve's points on a straight line."""
    return float(np.interp(customers, [point["customers"] for point in curve], [point["value"] for point in curve]))
