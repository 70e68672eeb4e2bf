"""The company's figures: history and forecast by period, the forecast's interval, and concentration."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from kezhi.engine import Engine
from kezhi.valuation.backtest import Backtest, drawn

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from kezhi.ledger import Ledger
    from kezhi.valuation.fits import Fits

NUDGE = 1e-4  # a parameter is moved by this share to either side for the slope of the total
Z80 = 1.2815515655446004  # the standard normal's 90 % point: an 80 % interval lies within +- this


@dataclass(frozen=True)
class Spread:
    """How uncertain the company's total over the horizon is, by where that comes from.

    customers: each customer's own chance, given the parameters, as a variance; parameters: their sampling error, as
    a variance; common: what moves all customers together (season, market), the logarithm of what came on the last
    periods over what the same method had forecast for them; 0 where that could not be tested.
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


def total_spread(
    engine: Engine,
    values: ir.Table,
    ledger: Ledger,
    fits: Fits,
    horizon: int,
    tested: Backtest | None,
    method: str,
) -> Spread:
    """How uncertain the company's total value over the horizon is.

    Given the parameters customers vary independently: their variances add up. On top come the sampling error of
    the parameters by the delta method, from the customers of the backtest with each parameter moved a little, and
    the error that the same method made on the company's last periods (none if it could not be tested).
    """
    sums = engine.row(values.aggregate(own=(values.net_share * values.net_share * values.variance).sum()))
    return Spread(
        customers=float(sums["own"] or 0),
        parameters=_parameter_variance(engine, values, ledger, fits, horizon, tested.one_in if tested else 1),
        common=tested.missed(method) if tested else 0.0,
    )


def _parameter_variance(
    engine: Engine, values: ir.Table, ledger: Ledger, fits: Fits, horizon: int, one_in: int
) -> float:
    rows = drawn(values.filter((values.purchases > 0) & (values.amount_periods > 0)), one_in)
    uncertain = [fit for fit in (fits.purchases, fits.amounts) if _has_covariance(fit)]
    moved = {
        f"{name}_{sign}": _total_value(rows, fits, name, 1 + sign * NUDGE, ledger, horizon).sum()
        for fit in uncertain
        for name in fit.names
        for sign in (1, -1)
    }
    if not moved:
        return 0.0
    sums = engine.row(rows.aggregate(**moved))
    variance = 0.0
    for fit in uncertain:
        slope = one_in * np.array([_slope(sums, name, fit.parameters[name]) for name in fit.names])
        variance += float(slope @ np.asarray(fit.covariance) @ slope)
    return max(variance, 0.0)


def _has_covariance(fit: Any) -> bool:
    return not fit.fallback and np.shape(fit.covariance) == (len(fit.names), len(fit.names))


def _slope(sums: dict[str, Any], name: str, at: float) -> float:
    return ((sums[f"{name}_1"] or 0.0) - (sums[f"{name}_-1"] or 0.0)) / (2 * NUDGE * at)


def _total_value(rows: ir.Table, fits: Fits, name: str, factor: float, ledger: Ledger, horizon: int) -> Any:
    """A customer's expected value over the horizon with one parameter multiplied by a factor."""
    at = fits.purchases.parameters | fits.amounts.parameters
    at[name] *= factor
    observed: Any = rows.tenure_days / ledger.calendar.mean_days
    purchases: Any = horizon * (at["b"] + rows.repeat_purchases) / (at["a"] + observed)
    mean: Any = at["p"] * (at["k"] + rows.mean_amount_sum) / (at["p"] * rows.amount_periods + at["q"] - 1.0)
    return purchases * mean * rows.net_share


def concentration(engine: Engine, values: ir.Table, points: int = 100) -> dict[str, Any]:
    """Cumulative share of customers against cumulative share of value, best customers first (T01).

    The curve may rise above 1 where some customers have a negative value.
    """
    import ibis

    order = ibis.window(order_by=[ibis.desc("value"), "customer_id"])
    ranked = values.select("customer_id", "value").mutate(place=ibis.row_number().over(order))
    count = engine.row(values.aggregate(count=values.count(), total=values.value.sum()))
    customers, total = count["count"], count["total"]
    if not customers or not total or total <= 0:
        return {"concentration": [], "top10_share": None, "top20_share": None}
    bucket: Any = (ranked.place * points // customers).cast("int32")
    grouped = ranked.group_by(bucket=bucket).aggregate(value=ranked.value.sum(), customers=ranked.count())
    curve = [{"customers": 0.0, "value": 0.0}]
    people, worth = 0, Decimal(0)
    for row in engine.fetch(grouped.order_by("bucket")).to_pylist():
        people, worth = people + row["customers"], worth + row["value"]
        curve.append({"customers": people / customers, "value": float(worth / total)})
    return {"concentration": curve, "top10_share": _share(curve, 0.1), "top20_share": _share(curve, 0.2)}


def _share(curve: list[dict[str, float]], customers: float) -> float:
    """The value share of the best customers, between the curve's points on a straight line."""
    return float(np.interp(customers, [point["customers"] for point in curve], [point["value"] for point in curve]))
