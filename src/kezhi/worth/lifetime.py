"""Lifetime value: what a customer has brought, less what it cost to acquire them, and what is still to come.

    lifetime value = CRM gross profit so far - costs that it does not hold + residual value in today's worth

Costs that CRM gross profit does not hold are those known from the customer table or from contacts only (see `costs`).
Everything is computed by the engine, one row per customer; company figures are sums of these rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kezhi.ledger import SUM, as_sum
from kezhi.settings import Settings
from kezhi.valuation import Columns
from kezhi.valuation.lifetime import Span, residual, residual_rows
from kezhi.worth.costs import KINDS, contact_channels
from kezhi.worth.keeping import keeping
from kezhi.worth.reputation import recommendation
from kezhi.worth.work import Found, Work

if TYPE_CHECKING:
    import ibis.expr.types as ir

YEARS = 3  # how far a life is looked at unless the settings say otherwise: the common choice
COLUMNS = (
    *("lifetime_value", "lifetime_value_lower", "lifetime_value_upper"),
    *("residual_value", "residual_purchases", "acquisition_cost"),
)
PARTS = {
    "acquire": "cost_to_acquire",
    "market": "cost_to_market",
    "sell": "cost_to_sell",
    "serve": "cost_to_serve",
    "keep": "cost_to_keep",
    "other": "other_cost",
}


def measured(work: Work) -> Found:
    """Lifetime value of every customer, as columns; its parts in lifetime.parquet where any cost is known."""
    span = span_of(work.settings, work.calendar.months)
    rows = work.lives
    parts = None
    if work.costs is not None:
        parts = work.folder / "lifetime.parquet"
        work.engine.write_parquet(_ranked(rows), parts)
    facts = {
        "periods": span.periods,
        "period": work.calendar.period,
        "discount_rate": span.discount_rate,
        "to_the_end": span.to_the_end,
        **work.engine.row(_company(rows)),
    }
    facts |= _costs(work) | _not_cash(work)
    table = rows.select("customer", "customer_id", *COLUMNS)
    return Found(facts, Columns(table, dict.fromkeys(COLUMNS)))


def lives_of(work: Work) -> ir.Table:
    """One row per customer, stored: what each has brought, what is still to come, costs by kind, lifetime value."""
    found = residual(work.forecasted, span_of(work.settings, work.calendar.months))
    return work.engine.store(_valued(work, residual_rows(work.forecasted, found)))


def span_of(settings: Settings, months: int) -> Span:
    """How far the settings look, in periods of so many months."""
    wanted = settings.lifetime
    periods = wanted.periods or max(YEARS * 12 // months, settings.horizon)
    if wanted.to_the_end:
        periods = max(periods, settings.horizon)
    return Span(periods, wanted.discount_rate, wanted.to_the_end)


def _valued(work: Work, rows: ir.Table) -> ir.Table:
    """Rows with their costs and the lifetime value, every sum of money a decimal."""
    import ibis

    zero = ibis.literal(0).cast(SUM)
    if work.costs is None:
        rows = rows.mutate(acquisition_cost=ibis.null(SUM), unbooked=zero)
    else:
        costs = work.costs.by_customer(work.ledger.people)
        costs = costs.select(who="customer", **{name: costs[name] for name in _COSTS})
        rows = rows.inner_join(costs, rows.customer == costs.who).drop("who")
        unbooked: Any = as_sum(rows.unbooked_acquire + rows.unbooked_serve)
        # a company that wants no relationship expense subtracted wants none of these either
        rows = rows.mutate(
            acquisition_cost=rows.acquire if work.costs.acquired is not None else ibis.null(SUM),
            unbooked=unbooked if work.settings.subtract_expense else zero,
        )
    rows = rows.mutate(realised_value=as_sum(rows.value - rows.unbooked))
    realised: Any = rows.realised_value.cast("float64")
    return rows.mutate(
        lifetime_value=as_sum(rows.realised_value + rows.residual_value),
        lifetime_value_lower=realised + rows.residual_lower,
        lifetime_value_upper=realised + rows.residual_upper,
    )


_COSTS = (*KINDS, "unbooked_acquire", "unbooked_serve")


def _ranked(rows: ir.Table) -> ir.Table:
    """The rows of lifetime.parquet: revenue less each cost, and both ranks, by revenue and by what remains (V19)."""
    import ibis

    by_amount = ibis.window(order_by=[ibis.desc(rows.amount), rows.customer])
    by_value = ibis.window(order_by=[ibis.desc(rows.realised_value), rows.customer])
    ranked = rows.select(
        "customer",
        "customer_id",
        "amount",
        product_cost=rows.cost,
        **{name: rows[kind] for kind, name in PARTS.items()},
        unbooked_cost=rows.unbooked,
        realised_value=rows.realised_value,
        profitable=rows.realised_value > 0,
        residual_value=rows.residual_value,
        lifetime_value=rows.lifetime_value,
        rank_by_amount=ibis.row_number().over(by_amount) + 1,
        rank_by_value=ibis.row_number().over(by_value) + 1,
    )
    return ranked.order_by("rank_by_value").drop("customer")


def _company(rows: ir.Table) -> ir.Table:
    """The company's sums, of whatever the rows hold."""
    sums = ("amount", "cost", "value", "unbooked", "realised_value", "residual_value", "lifetime_value")
    kinds = {name: rows[kind] for kind, name in PARTS.items() if kind in rows.columns}
    return rows.aggregate(
        customers=rows.count(),
        profitable=(rows.realised_value > 0).sum(),
        lifetime_profitable=(rows.lifetime_value > 0).sum(),
        **{("product_cost" if name == "cost" else name): rows[name].sum().cast(SUM) for name in sums},
        **{name: column.sum().cast(SUM) for name, column in kinds.items()},
    )


def _costs(work: Work) -> dict[str, Any]:
    """The ratio of winning to keeping a customer (W09), and what it costs to serve by channel (V19)."""
    facts: dict[str, Any] = {}
    if work.costs is not None:
        facts["keeping"] = keeping(work.ledger, work.costs)
    channels = contact_channels(work.book)
    if channels is not None:
        facts["channels"] = work.engine.fetch(channels.limit(20)).to_pylist()
    return facts


def _not_cash(work: Work) -> dict[str, Any]:
    """Returns that are no cash (V21): typed in or asked of customers, in no sum of money anywhere."""
    typed = work.settings.lifetime
    found = {
        "saved_selling_cost": typed.saved_selling_cost,
        "reputation": typed.reputation,
        "recommendation": recommendation(work.engine, work.book.surveys),
    }
    known = {name: value for name, value in found.items() if value is not None}
    return {"not_cash": known} if known else {}
