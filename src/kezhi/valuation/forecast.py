"""The next periods of every customer: purchases, amount, cost, expense and value, each factor kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kezhi.ledger import Ledger
from kezhi.valuation.fits import Fits
from kezhi.valuation.intervals import cornish_fisher
from kezhi.valuation.published import PublishedTables
from kezhi.valuation.steps import HISTORY, amount_coefficients, horizon_spread, purchase_steps

if TYPE_CHECKING:
    import ibis.expr.types as ir

FORECAST_MONEY = "decimal(28, 4)"


def scored_customers(ledger: Ledger, fits: Fits, horizon: int) -> ir.Table:
    """The ledger's statistics with each customer's conditional mean amount, spread and P(alive) joined on."""
    import ibis

    engine, people = ledger.engine, ledger.statistics
    facts = engine.row(
        people.aggregate(
            largest=people.amount_periods.max(),
            typical=people.mean_amount_sum.cast(FORECAST_MONEY).sum().cast("float64")
            / people.amount_periods.sum().nullif(0),
        )
    )
    typical = facts["typical"] or 1.0
    coefficients = engine.table(amount_coefficients(fits, facts["largest"] or 0, typical))
    spread = engine.table(horizon_spread(ledger, fits, horizon))
    scored = people.left_join(coefficients, "amount_periods", rname="{name}_c")
    scored = scored.left_join(spread, HISTORY, rname="{name}_s")
    mean: Any = scored.amount_base + scored.amount_slope * scored.mean_amount_sum.coalesce(0.0)
    log_scale: Any = (scored.amount_offset + scored.mean_amount_sum.coalesce(0.0)).ln()
    return engine.store(
        scored.mutate(
            mean_next=ibis.ifelse(scored.purchases > 0, ibis.greatest(mean, 0.0), 0.0),
            log_scale=log_scale,
        ).drop(*(name for name in scored.columns if name.endswith(("_c", "_s"))))
    )


def forecast_steps(
    ledger: Ledger,
    fits: Fits,
    scored: ir.Table,
    horizon: int,
    cost_known: bool,
    published: PublishedTables | None = None,
) -> ir.Table:
    """One row per customer and step, with the columns of `forecast.parquet`.

    `published` replaces purchases and amounts of the steps from 1 on by those of the published rule.
    Step 0, what is left of the current period, is there only when `as_of` cuts that period short.
    """
    rows = expected_steps(ledger, fits, scored, horizon)
    if published is not None:
        rows = published.replace(ledger.engine, rows)
    return _with_value(_with_margin(rows, ledger, cost_known))


def expected_steps(ledger: Ledger, fits: Fits, scored: ir.Table, horizon: int) -> ir.Table:
    """One row per customer and step with the posterior expectations of purchases, mean amount and amount."""
    engine = ledger.engine
    steps = engine.table(purchase_steps(ledger, fits, horizon))
    rows = scored.join(engine.table(_step_numbers(ledger, horizon)), [])
    rows = rows.left_join(steps, [*HISTORY, "step"], rname="{name}_h")
    rows = rows.mutate(
        method=ibis_string("nbd"),
        p_purchase=rows.p_purchase.coalesce(0.0),
        expected_purchases=rows.expected_purchases.coalesce(0.0),
        mean_amount=rows.mean_next,
    )
    return rows.mutate(amount_float=rows.expected_purchases * rows.mean_amount)


def ibis_string(text: str) -> Any:
    """A constant text column."""
    import ibis

    return ibis.literal(text, type="string")


def _step_numbers(ledger: Ledger, horizon: int) -> Any:
    import pyarrow as pa

    first = 0 if ledger.calendar.rest(ledger.as_of) > 0 else 1
    numbers = list(range(first, horizon + 1))
    starts = [ledger.calendar.start(ledger.next_period - 1 + number) for number in numbers]
    return pa.table({"step": pa.array(numbers, pa.int32()), "period": pa.array(starts, pa.date32())})


def _with_margin(rows: ir.Table, ledger: Ledger, cost_known: bool) -> ir.Table:
    """The margin starts from the customer's last one; a customer who has none takes the company's."""
    import ibis

    if not cost_known:
        return rows.mutate(next_margin=ibis.literal(1.0), capped=ibis.literal(False))
    amount = sum(row["amount"] for row in ledger.company)
    cost = sum(row["cost"] for row in ledger.company)
    overall = float(1 - cost / amount) if amount > 0 else 1.0
    margin: Any = rows.last_margin.coalesce(overall) * rows.margin_factor.coalesce(1.0)
    # A margin above 100 % would be a negative cost.
    return rows.mutate(next_margin=ibis.least(margin, 1.0), capped=margin > 1.0)


def expected_expense(amount: Any, rows: ir.Table) -> Any:
    """The relationship expense rule of method.md 7 (R17), an engine expression in a next amount."""
    import ibis

    past: Any = rows.amount.cast("float64")
    rate: Any = ibis.ifelse(past > 0, ibis.greatest(rows.expense.cast("float64"), 0.0) / past.nullif(0.0), 0.0)
    proportional: Any = amount * rate
    floor: Any = rows.expense_floor.coalesce(0.0)
    follows_rate: Any = (proportional > floor) | (amount < floor)
    return ibis.ifelse(follows_rate, proportional, floor)


def amount_quantile(rows: ir.Table, prefix: str, side: str) -> Any:
    """A quantile of the amount spent in a window; 0 where no purchase is that likely (see intervals)."""
    first, *others = log_cumulants(rows, prefix)
    return cornish_fisher(rows[f"{prefix}z_{side}"], first, *others).exp().coalesce(0.0)


def log_cumulants(rows: ir.Table, prefix: str) -> list[Any]:
    """The four cumulants of ln(amount spent in a window), given a purchase."""
    parts: list[Any] = [rows[f"{prefix}cumulant_{n}"] + rows[f"amount_cumulant_{n}"] for n in (1, 2, 3, 4)]
    return [parts[0] + rows.log_scale, *parts[1:]]


def value_bounds(rows: ir.Table, prefix: str, margin: Any, periods: int) -> tuple[Any, Any]:
    """The value at the lower and the upper quantile of the amount, the smaller one first."""
    import ibis

    ends = []
    for side in ("lower", "upper"):
        amount = amount_quantile(rows, prefix, side)
        ends.append(amount * margin - periods * expected_expense(amount / periods, rows))
    return ibis.least(*ends), ibis.greatest(*ends)


def _with_value(rows: ir.Table) -> ir.Table:
    import ibis

    lower, upper = value_bounds(rows, "", rows.next_margin, 1)
    expense = expected_expense(rows.amount_float, rows)
    zero = ibis.literal(0.0)
    nothing: Any = rows.purchases == 0
    rows = rows.mutate(
        next_amount=money(rows.amount_float),
        next_cost=money(rows.amount_float * (1.0 - rows.next_margin)),
        next_expense=money(ibis.ifelse(nothing, zero, expense)),
        value_lower=ibis.ifelse(nothing, zero, lower),
        value_upper=ibis.ifelse(nothing, zero, upper),
    )
    factors = [name for name in ("frequency", "p_frequency", "expected_amount", "p_amount") if name in rows.columns]
    return rows.select(
        "customer_id",
        "period",
        "step",
        "method",
        "p_purchase",
        "expected_purchases",
        "mean_amount",
        *factors,
        amount=rows.next_amount,
        margin=rows.next_margin,
        cost=rows.next_cost,
        expense=rows.next_expense,
        value=(rows.next_amount - rows.next_cost - rows.next_expense).cast(FORECAST_MONEY),
        value_lower=rows.value_lower,
        value_upper=rows.value_upper,
        capped=rows.capped,
    )


def money(value: Any) -> Any:
    """A float as money; forecasts are rounded row by row so that every sum of them is exact."""
    return value.cast(FORECAST_MONEY)
