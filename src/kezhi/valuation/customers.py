"""One row per customer: what they were worth, what they will be worth, and what to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kezhi.ledger import SUM, as_sum
from kezhi.valuation.forecast import expected_expense, log_cumulants, value_bounds

if TYPE_CHECKING:
    import ibis.expr.types as ir

SUMS = ("amount", "cost", "expense", "value")
HIDDEN = ("net_share", "variance", "history", "amount_periods", "mean_amount_sum", "mean_next", "amount_factor")


def horizon_sums(forecast: ir.Table) -> ir.Table:
    """The forecast of each customer added up over steps 1..horizon."""
    return forecast.group_by("customer_id").aggregate(
        expected_purchases=forecast.expected_purchases.cast("decimal(18, 10)").sum().cast("float64"),
        highest_margin=forecast.margin.max(),
        **{f"forecast_{name}": forecast[name].sum().cast(SUM) for name in SUMS},
    )


def value_table(
    scored: ir.Table,
    forecast: ir.Table,
    names: ir.Table | None,
    horizon: int,
    cost_known: bool,
) -> ir.Table:
    """The columns of `customers.parquet`, and those of HIDDEN, from which the company's interval is made."""
    import ibis

    rows = scored.left_join(horizon_sums(forecast), "customer_id", rname="{name}_f")
    rows = _with_names(rows, names)
    amount: Any = rows.forecast_amount.cast("float64")
    margin: Any = (1.0 - rows.forecast_cost.cast("float64") / amount.nullif(0.0)).coalesce(1.0)
    lower, upper = value_bounds(rows, "total_", margin, horizon)
    past: Any = rows.amount.cast("float64")
    bought: Any = rows.purchases > 0
    return rows.select(
        "customer_id",
        "name",
        "first_purchase",
        "last_purchase",
        tenure_days=rows.tenure_days.cast("int64"),
        purchases=rows.purchases,
        active_periods=rows.active_periods,
        idle_periods=ibis.ifelse(bought, rows.idle_periods, None).cast("int64"),
        last_frequency=rows.last_frequency,
        last_mean_amount=rows.last_mean_amount,
        last_margin=rows.last_margin if cost_known else ibis.null("float64"),
        amount=rows.amount,
        cost=rows.cost,
        expense=rows.expense,
        value=as_sum(rows.amount - rows.cost - rows.expense),
        margin=(past - rows.cost.cast("float64")) / past.nullif(0.0) if cost_known else ibis.null("float64"),
        mean_amount=past / rows.purchases.nullif(0),
        p_alive=rows.p_alive,
        expected_purchases=rows.expected_purchases,
        forecast_amount=rows.forecast_amount,
        forecast_cost=rows.forecast_cost,
        forecast_expense=rows.forecast_expense,
        forecast_value=rows.forecast_value,
        forecast_value_lower=lower.coalesce(0.0),
        forecast_value_upper=upper.coalesce(0.0),
        flags=_flags(rows, cost_known),
        net_share=_net_share(rows, margin, horizon),
        variance=_amount_variance(rows),
        history=rows.history,
        amount_periods=rows.amount_periods,
        mean_amount_sum=rows.mean_amount_sum,
        mean_next=rows.mean_next,
        amount_factor=rows.amount_factor,
    )


def _with_names(rows: ir.Table, names: ir.Table | None) -> ir.Table:
    import ibis

    if names is None or "name" not in names.columns:
        return rows.mutate(name=ibis.null("string"))
    known = names.group_by("customer_id").aggregate(name=names.name.max())
    return rows.left_join(known, "customer_id", rname="{name}_n")


def _flags(rows: ir.Table, cost_known: bool) -> Any:
    """Codes of what a reader should know about this customer's figures (R20)."""
    import ibis

    value: Any = rows.amount - rows.cost - rows.expense
    tests: dict[str, Any] = {
        "no_purchase": rows.purchases == 0,
        "one_purchase": rows.purchases == 1,
        "negative_value": value < 0,
    }
    if cost_known:
        tests["cost_missing"] = rows.last_uncosted > 0
        tests["negative_margin"] = rows.last_margin < 0
        tests["margin_capped"] = (rows.highest_margin >= 1.0) & (rows.last_margin < 1.0)
    codes = [ibis.ifelse(test.coalesce(False), code, None) for code, test in tests.items()]
    return ibis.array(codes).filter(lambda code: code.notnull())


def _net_share(rows: ir.Table, margin: Any, horizon: int) -> Any:
    """How much of one more unit of purchases ends up as value."""
    amount: Any = rows.forecast_amount.cast("float64")
    expense = horizon * expected_expense(amount / horizon, rows)
    return margin - (expense / amount.nullif(0.0)).coalesce(0.0)


def _amount_variance(rows: ir.Table) -> Any:
    """Variance of a customer's total amount given the parameters, from a log-normal with the interval's spread."""
    import ibis

    log_mean, spread, *_ = log_cumulants(rows, "total_")
    something: Any = ibis.least(rows.forecast_amount.cast("float64") / (log_mean + spread / 2.0).exp(), 1.0)
    square: Any = something * (2.0 * log_mean + 2.0 * spread).exp()
    variance: Any = square - (something * (log_mean + spread / 2.0).exp()).pow(2)
    return ibis.greatest(variance, 0.0).coalesce(0.0)
