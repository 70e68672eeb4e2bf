"""One row per customer: what they were worth, what they will be worth, and what to look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kezhi.ledger import SUM, as_sum
from kezhi.valuation.forecast import Scored, amount_quantile, expected_expense, log_cumulants, value_bounds

if TYPE_CHECKING:
    import ibis.expr.types as ir

SUMS = ("amount", "cost", "expense", "value")
FLAGS = ("no_purchase", "one_purchase", "negative_value", "cost_missing", "negative_margin", "margin_capped")


@dataclass(frozen=True)
class Columns:
    """More columns of customers.parquet: a stored table with customer_id, and what stands where it has no row."""

    table: ir.Table
    otherwise: Mapping[str, float | None]


def horizon_sums(forecast: ir.Table) -> ir.Table:
    """The forecast of each customer added up over steps 1..horizon."""
    return forecast.group_by("customer_id").aggregate(
        expected_purchases=forecast.expected_purchases.cast("decimal(18, 10)").sum().cast("float64"),
        highest_margin=forecast.margin.max(),
        **{f"forecast_{name}": forecast[name].sum().cast(SUM) for name in SUMS},
    )


def value_rows(scored: Scored, sums: ir.Table) -> ir.Table:
    """Customers with what is forecast of them over the horizon, its margin and its spread.

    The columns of the ledger's statistics, of `horizon_sums`, of the models' scores; and margin_next.
    """
    rows = scored.over_horizon().left_join(sums, "customer_id", rname="{name}_f").drop("customer_id_f")
    amount: Any = rows.forecast_amount.cast("float64")
    margin: Any = (1.0 - rows.forecast_cost.cast("float64") / amount.nullif(0.0)).coalesce(1.0)
    return rows.mutate(margin_next=margin)


def value_table(
    rows: ir.Table, names: ir.Table | None, horizon: int, cost_known: bool, more: Sequence[Columns] = ()
) -> ir.Table:
    """The columns of `customers.parquet`, the highest forecast value first, from `value_rows`."""
    import ibis

    rows = _with_names(rows, names)
    for one in more:
        rows = with_more(rows, one)
    lower, upper = value_bounds(rows, "total_", rows.margin_next, horizon)
    past: Any = rows.amount.cast("float64")
    bought: Any = rows.purchases > 0
    made = rows.select(
        "customer",
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
        forecast_amount_lower=amount_quantile(rows, "total_", "lower").coalesce(0.0),
        forecast_amount_upper=amount_quantile(rows, "total_", "upper").coalesce(0.0),
        **{name: rows[name] for one in more for name in one.otherwise},
        flags=_flags(rows, cost_known),
    )
    # what is sorted is one small number; the list of words is made of it afterwards
    best_first = made.order_by(ibis.desc("forecast_value"), "customer").drop("customer")
    return best_first.mutate(flags=_words(best_first.flags))


def own_variance(rows: ir.Table, horizon: int) -> ir.Table:
    """What the company's interval needs of each customer, from `value_rows`.

    history, amount_periods, mean_amount_sum; net_share, how much of one more unit of purchases ends up as value;
    variance, that of the amount given the parameters; worth, the value of one more expected purchase; purchases_next.
    """
    share = _net_share(rows, rows.margin_next, horizon)
    return rows.select(
        "history",
        "amount_periods",
        "mean_amount_sum",
        bought=rows.purchases > 0,
        net_share=share,
        variance=_amount_variance(rows),
        worth=rows.mean_next * rows.amount_factor * share,
        purchases_next=rows.expected_purchases * share,
    )


def names_of(people: ir.Table | None) -> ir.Table | None:
    """customer_id and name from the book's customers; None where no names are known."""
    if people is None or "name" not in people.columns:
        return None
    return people.group_by("customer_id").aggregate(name=people.name.max())


def _with_names(rows: ir.Table, names: ir.Table | None) -> ir.Table:
    import ibis

    if names is None:
        return rows.mutate(name=ibis.null("string"))
    return rows.left_join(names, "customer_id", rname="{name}_n")


def with_more(rows: ir.Table, more: Columns) -> ir.Table:
    """Rows with customer_id, and more columns for each; what stands where `more` has no row is in its type."""
    import ibis

    # by the engine's own key where both know it: whole numbers are found faster than texts
    key = "customer" if "customer" in rows.columns and "customer" in more.table.columns else "customer_id"
    joined = rows.left_join(more.table.select(key, *more.otherwise), key, rname="{name}_more")
    # in the column's own type: of money and 0.0 one engine makes money, another a float
    filled = {
        name: joined[name].coalesce(ibis.literal(value).cast(joined[name].type()))
        for name, value in more.otherwise.items()
        if value is not None
    }
    return joined.mutate(**filled).drop(f"{key}_more")


def _flags(rows: ir.Table, cost_known: bool) -> Any:
    """What a reader should know about this customer's figures (R20), as one number: a bit for each of FLAGS."""
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
    bits: list[Any] = [test.coalesce(False).cast("int32") * 2 ** FLAGS.index(code) for code, test in tests.items()]
    return sum(bits[1:], start=bits[0])


def _words(number: Any) -> Any:
    """The codes whose bits are set, looked up in the list of all combinations."""
    import ibis

    sets = [[code for bit, code in enumerate(FLAGS) if number >> bit & 1] for number in range(2 ** len(FLAGS))]
    return ibis.literal(sets, type="array<array<string>>")[number]


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
