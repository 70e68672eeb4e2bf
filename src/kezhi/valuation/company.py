"""The company's figures: history and forecast by period, the forecast's interval, and concentration."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kezhi.engine import Engine

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from kezhi.ledger import Ledger
    from kezhi.valuation.fits import Fits

Z80 = 1.2815515655446004  # the standard normal's 90 % point: an 80 % interval lies within +- this


@dataclass(frozen=True)
class Interval:
    """The standard deviation of a total, and the two things it comes from, as variances."""

    customers: float
    parameters: float

    @property
    def deviation(self) -> float:
        """Standard deviation of the total over the horizon."""
        return math.sqrt(self.customers + self.parameters)


def company_history(ledger: Ledger) -> list[dict[str, Any]]:
    """Totals by period, oldest first; `complete` says whether `as_of` cuts the period short."""
    return [
        {
            "period": ledger.calendar.start(row["number"]),
            "purchases": row["purchases"],
            "customers": row["customers"],
            "amount": row["amount"],
            "cost": row["cost"],
            "expense": row["expense"],
            "value": row["amount"] - row["cost"] - row["expense"],
            "complete": row["number"] <= ledger.present,
        }
        for row in ledger.company
    ]


def company_forecast(engine: Engine, forecast: ir.Table, spread: Interval, horizon: int) -> list[dict[str, Any]]:
    """Totals by step with an 80 % interval; the horizon's deviation is shared out over its periods."""
    sums = forecast.group_by("step", "period").aggregate(
        **{name: forecast[name].sum() for name in ("amount", "cost", "expense", "value")}
    )
    rows: list[dict[str, Any]] = engine.fetch(sums.order_by("step")).to_pylist()
    # Customers vary independently from period to period; an error in the parameters is the same in all.
    deviation = math.sqrt(spread.customers / horizon + spread.parameters / horizon**2)
    return [row | bounds(float(row["value"]), deviation) for row in rows]


def bounds(value: float, deviation: float) -> dict[str, float]:
    """The 80 % interval of a total that is nearly normal."""
    return {"value_lower": value - Z80 * deviation, "value_upper": value + Z80 * deviation}


def total_spread(
    engine: Engine, scored: ir.Table, values: ir.Table, ledger: Ledger, fits: Fits, horizon: int
) -> Interval:
    """How uncertain the company's total value over the horizon is.

    Given the parameters customers vary independently: their variances add up. On top comes the sampling error
    of the parameters by the delta method, from one pass over the customers with each parameter moved a little.
    """
    net: Any = values.net_share
    own: Any = (net * net * values.variance).cast("decimal(38, 2)")
    customers = engine.row(values.aggregate(total=own.sum()))["total"]
    return Interval(float(customers or 0), _parameter_variance(engine, scored, values, ledger, fits, horizon))


def _parameter_variance(
    engine: Engine, scored: ir.Table, values: ir.Table, ledger: Ledger, fits: Fits, horizon: int
) -> float:
    rows = scored.join(values.select("customer_id", "net_share"), "customer_id")
    rows = rows.filter((rows.purchases > 0) & (rows.amount_periods > 0))
    totals: dict[str, Any] = {}
    parts = []
    for fit in (fits.purchases, fits.amounts):
        covariance = np.asarray(fit.covariance, dtype=np.float64)
        if fit.fallback or covariance.shape != (len(fit.names), len(fit.names)):
            continue
        for name in fit.names:
            for sign in (1, -1):
                moved = fits.purchases.parameters | fits.amounts.parameters
                moved[name] *= 1 + sign * 1e-4
                totals[f"{name}_{sign}"] = _total(rows, moved, ledger, horizon)
        parts.append((fit, covariance))
    if not totals:
        return 0.0
    found = engine.row(rows.aggregate(**totals))
    variance = 0.0
    for fit, covariance in parts:
        slope = np.array(
            [
                float((found[f"{name}_1"] or 0) - (found[f"{name}_-1"] or 0)) / (2e-4 * fit.parameters[name])
                for name in fit.names
            ]
        )
        variance += float(slope @ covariance @ slope)
    return max(variance, 0.0)


def _total(rows: ir.Table, moved: dict[str, float], ledger: Ledger, horizon: int) -> Any:
    observed: Any = rows.tenure_days / ledger.calendar.mean_days
    purchases: Any = horizon * (moved["b"] + rows.repeat_purchases) / (moved["a"] + observed)
    mean: Any = moved["p"] * (moved["k"] + rows.mean_amount_sum) / (moved["p"] * rows.amount_periods + moved["q"] - 1.0)
    return (purchases * mean * rows.net_share).cast("decimal(38, 6)").sum()


def concentration(engine: Engine, values: ir.Table, points: int = 100) -> dict[str, Any]:
    """Cumulative share of customers against cumulative share of value, best customers first (T01).

    The curve may rise above 1 where some customers have a negative value.
    """
    import ibis

    order = ibis.window(order_by=[ibis.desc("value"), "customer_id"])
    ranked = values.select("customer_id", "value").mutate(rank=ibis.row_number().over(order) + 1)
    count = engine.row(values.aggregate(count=values.count(), total=values.value.sum()))
    customers, total = count["count"], count["total"]
    if not customers or not total or total <= 0:
        return {"concentration": [], "top10_share": None, "top20_share": None}
    bucket: Any = ((ranked.rank * points - 1) // customers).cast("int32")
    grouped = ranked.group_by(bucket=bucket).aggregate(value=ranked.value.sum(), customers=ranked.count())
    curve = [{"customers": 0.0, "value": 0.0}]
    people, worth = 0, 0
    for row in engine.fetch(grouped.order_by("bucket")).to_pylist():
        people, worth = people + row["customers"], worth + row["value"]
        curve.append({"customers": people / customers, "value": float(worth / total)})
    return {"concentration": curve, **{f"top{share}_share": _top(engine, ranked, customers, total, share) for share in (10, 20)}}


def _top(engine: Engine, ranked: ir.Table, customers: int, total: Any, percent: int) -> float:
    best = ranked.filter(ranked.rank <= max(round(customers * percent / 100), 1))
    return float(engine.row(best.aggregate(value=best.value.sum()))["value"] / total)


