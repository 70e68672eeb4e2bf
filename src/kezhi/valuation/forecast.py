"""The next periods of every customer: purchases, amount, cost, expense and value, each factor kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kezhi.ledger import SUM, Ledger, as_sum
from kezhi.valuation.fits import Fits, amount_factor
from kezhi.valuation.intervals import cornish_fisher
from kezhi.valuation.published import KEPT, PublishedTables
from kezhi.valuation.steps import HISTORY, NO_HISTORY, amount_coefficients, purchase_steps

if TYPE_CHECKING:
    import ibis.expr.types as ir

CUMULANTS = tuple(f"amount_cumulant_{order}" for order in (1, 2, 3, 4))
# what the steps need to know of a customer; every further column would be copied once per step
CUSTOMER = (
    *("customer", "customer_id", "history", "purchases", "mean_next", "amount_factor", "log_scale"),
    *("amount_periods", "last_margin", "expense_rate", "expense_floor"),
)
LAST_STATE = ("last_frequency", "idle_periods", "last_mean_amount")


@dataclass(frozen=True)
class Scored:
    """What the models say, by customer, by step and history, over the horizon and history, and by active periods.

    customers: the ledger's statistics with the number of the customer's history and the conditional mean amount. The
    other tables are small; they are joined where they are needed rather than copied for every customer.
    """

    customers: ir.Table
    steps: ir.Table
    horizon: ir.Table
    amounts: ir.Table

    def over_horizon(self) -> ir.Table:
        """Customers with P(alive) and the spread of what they spend over the horizon."""
        rows = self.with_amounts(self.customers).left_join(self.horizon, "history", rname="{name}_h")
        return rows.drop("history_h")

    def with_amounts(self, rows: ir.Table) -> ir.Table:
        """Rows with the amount's part in the spread of what is spent."""
        return rows.join(self.amounts, "amount_periods")


def scored_customers(ledger: Ledger, fits: Fits, horizon: int) -> Scored:
    """The ledger's statistics with what the models say of each distinct history."""
    import ibis

    engine, people = ledger.engine, ledger.statistics
    facts = engine.row(
        people.aggregate(
            largest=people.amount_periods.max(),
            typical=people.mean_amount_sum.cast(SUM).sum().cast("float64") / people.amount_periods.sum().nullif(0),
        )
    )
    typical = facts["typical"] or 1.0
    coefficients = engine.table(amount_coefficients(fits, facts["largest"] or 0, typical))
    by_step, over_all = (engine.table(table) for table in purchase_steps(ledger, fits, horizon))
    scored = people.join(coefficients.drop(*CUMULANTS), "amount_periods")
    scored = scored.left_join(over_all.select(*HISTORY, "history"), HISTORY, rname="{name}_s")
    amounts: Any = scored.mean_amount_sum.coalesce(0.0)
    mean: Any = scored.amount_base + scored.amount_slope * amounts
    factor = amount_factor(fits.forecaster.card, scored)
    made = scored.mutate(
        history=scored.history.coalesce(NO_HISTORY),
        mean_next=ibis.ifelse(scored.purchases > 0, ibis.greatest(mean, 0.0), 0.0),
        amount_factor=factor,
        log_scale=(scored.amount_offset + amounts).ln() + factor.ln(),
    )
    dropped = ("amount_base", "amount_slope", "amount_offset", *(name for name in made.columns if name.endswith("_s")))
    return Scored(
        engine.store(made.drop(*dropped)),
        by_step,
        over_all.drop(*HISTORY),
        coefficients.select("amount_periods", *CUMULANTS),
    )


def forecast_steps(
    ledger: Ledger,
    fits: Fits,
    scored: Scored,
    method: str,
    cost_known: bool,
    published: PublishedTables | None = None,
) -> ir.Table:
    """One row per customer and step, with the columns of `forecast.parquet` and the engine's key of the customer.

    `published` replaces purchases and amounts of the steps from 1 on by those of the published rule.
    Step 0, what is left of the current period, is there only when `as_of` cuts that period short.
    """
    rows = expected_steps(scored, fits, method, published is not None)
    if published is not None:
        rows = published.replace(ledger.engine, rows)
    return _with_value(_with_margin(rows, ledger, cost_known))


def expected_steps(scored: Scored, fits: Fits, method: str, states: bool) -> ir.Table:
    """One row per customer and step with the posterior expectations of purchases, mean amount and amount.

    `states` keeps what the published rule looks up as well.
    """
    needed = [*CUSTOMER, *(LAST_STATE if states else ())]
    rows = scored.with_amounts(scored.customers.select(*needed)).join(scored.steps, "history")
    purchases: Any = rows.expected_purchases * rows.amount_factor
    made = rows.mutate(
        method=ibis_string(method),
        mean_amount=rows.mean_next,
        amount_float=purchases * rows.mean_next,
        expected_purchases=purchases,
    )
    if fits.forecaster.card.edges.get("amount"):
        silent: Any = (1.0 - rows.p_purchase) ** rows.amount_factor
        made = made.mutate(p_purchase=1.0 - silent)
    return made


def ibis_string(text: str) -> Any:
    """A constant text column."""
    import ibis

    return ibis.literal(text, type="string")


def _with_margin(rows: ir.Table, ledger: Ledger, cost_known: bool) -> ir.Table:
    """The margin starts from the customer's last one; a customer who has none takes the company's."""
    import ibis

    if not cost_known:
        # by way of a narrower type: a bare 1.0 would reach the file as a decimal
        return rows.mutate(next_margin=ibis.literal(1.0).cast("float32").cast("float64"))
    amount = sum(row["amount"] for row in ledger.company)
    cost = sum(row["cost"] for row in ledger.company)
    overall = float(1 - cost / amount) if amount > 0 else 1.0
    last, factor = rows.last_margin.coalesce(overall), rows.margin_factor.coalesce(1.0)
    # a margin below 0 follows the company's trend too: where that rises, the loss becomes smaller, not larger
    margin: Any = last * ibis.ifelse(last < 0, ibis.greatest(2.0 - factor, 0.0), factor)
    # A margin above 100 % would be a negative cost.
    return rows.mutate(next_margin=ibis.least(margin, 1.0))


def expected_expense(amount: Any, rows: ir.Table) -> Any:
    """The relationship expense rule of the published method, section 7 (R17): an expression in a next amount.

    Proportional to the amount, but not below the smallest past expense unless the amount itself is below it. Rate and
    smallest expense are those of what recurs: what was spent on winning the customer is not in them.
    Without a CASE: the engine then computes `amount`, a long expression, once instead of once per branch.
    """
    import ibis

    proportional: Any = amount * rows.expense_rate
    small: Any = (amount < rows.expense_floor).cast("float64")
    return small * proportional + (1.0 - small) * ibis.greatest(proportional, rows.expense_floor)


def amount_quantile(rows: ir.Table, prefix: str, side: str) -> Any:
    """A quantile of the amount spent in a window; 0 where no purchase is that likely (see intervals).

    No CASE and no COALESCE, for the reason given in `expected_expense`.
    """
    first, *others = log_cumulants(rows, prefix)
    return cornish_fisher(rows[f"{prefix}z_{side}"], first, *others).exp() * rows[f"{prefix}some_{side}"]


def log_cumulants(rows: ir.Table, prefix: str) -> list[Any]:
    """The four cumulants of ln(amount spent in a window), given a purchase."""
    parts: list[Any] = [rows[f"{prefix}cumulant_{n}"] + rows[f"amount_cumulant_{n}"] for n in (1, 2, 3, 4)]
    return [parts[0] + rows.log_scale, *parts[1:]]


def value_bounds(rows: ir.Table, prefix: str, margin: Any, periods: float) -> tuple[Any, Any]:
    """The value at the lower and the upper quantile of the amount, the smaller one first."""
    import ibis

    ends = []
    for side in ("lower", "upper"):
        amount = amount_quantile(rows, prefix, side)
        ends.append(amount * margin - periods * expected_expense(amount / periods, rows))
    return ibis.least(*ends), ibis.greatest(*ends)


def _with_value(rows: ir.Table) -> ir.Table:
    lower, upper = value_bounds(rows, "", rows.next_margin, 1)
    expense = expected_expense(rows.amount_float, rows)
    rows = rows.mutate(
        next_amount=money(rows.amount_float),
        next_cost=money(rows.amount_float * (1.0 - rows.next_margin)),
        next_expense=money(expense),
        value_lower=lower,
        value_upper=upper,
        amount_lower=amount_quantile(rows, "", "lower"),
        amount_upper=amount_quantile(rows, "", "upper"),
    )
    factors = [name for name in KEPT if name in rows.columns]
    return rows.select(
        "customer",
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
        value=as_sum(rows.next_amount - rows.next_cost - rows.next_expense),
        value_lower=rows.value_lower,
        value_upper=rows.value_upper,
        amount_lower=rows.amount_lower,
        amount_upper=rows.amount_upper,
    )


def money(value: Any) -> Any:
    """A float as money; forecasts are rounded row by row so that every sum of them is exact."""
    return value.cast(SUM)
