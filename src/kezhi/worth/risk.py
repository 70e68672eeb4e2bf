"""What is at stake: the gross profit lost if customers leave (R22), lives of relationships (R25), near loss (R23)."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from kezhi.ledger import SUM
from kezhi.worth.layers import in_order, tiers_of
from kezhi.worth.life_cycle import STATES, life_by_period, with_life_cycle
from kezhi.worth.near_loss import near_loss, near_loss_facts
from kezhi.worth.work import Found, Work

if TYPE_CHECKING:
    import ibis.expr.types as ir

FILE, LOSSES = "risk.parquet", "near_loss.parquet"
LEAST_CHANCE = 0.01  # below it, what a customer would bring if still active is not known well enough to divide by
NEEDED = (
    *("customer", "customer_id", "first_purchase", "last_purchase", "purchases", "idle_periods"),
    *("amount", "cost", "expense", "value", "p_alive"),
    *("forecast_amount", "forecast_expense", "forecast_value"),
)


def measured(work: Work) -> Found:
    """Write risk.parquet and near_loss.parquet, and add them up for the company."""
    engine, settings = work.engine, work.settings
    lives = with_life_cycle(work.figures.select(*NEEDED), work, settings.churn_after)
    people = engine.store(_at_stake(lives, tiers_of(work)))
    with engine.meanwhile(_published(people), work.folder / FILE):
        engine.write_parquet(near_loss(work, people, settings.near_loss), work.folder / LOSSES)
        losses = near_loss_facts(work, engine.read_parquet(work.folder / LOSSES))
        facts = {
            "horizon": work.forecasted.horizon,
            "churn_after": settings.churn_after,
            **_totals(engine.fetch(_by_tier_and_state(people)).to_pylist()),
            "life_cycle": life_by_period(work, people, settings.churn_after),
            "near_loss": losses,
            "clock": clock_lengths(work),
        }
    engine.forget(people)
    return Found(facts)


def _at_stake(people: ir.Table, tiers: ir.Table) -> ir.Table:
    """Customers with value_at_risk, expected_loss and their tier."""
    rows = people.mutate(value_at_risk=people.forecast_value.cast(SUM))
    rows = rows.mutate(expected_loss=expected_loss(rows.value_at_risk, rows.p_alive))
    return rows.join(tiers.select("customer", "tier"), "customer")


def expected_loss(value: Any, p_alive: Any) -> Any:
    """What a customer would bring over the horizon if surely still active, times the probability of having left.

    A forecast is that full value times P(alive), so the full value is forecast / P(alive); nothing is lost with whoever
    brings nothing. A P(alive) below 1 % counts as 1 %.
    """
    import ibis

    alive: Any = ibis.greatest(p_alive.coalesce(1.0), LEAST_CHANCE)
    full: Any = ibis.greatest(value.cast("float64"), 0.0) / alive
    return (full * (1.0 - alive)).cast(SUM)


def _published(rows: ir.Table) -> ir.Table:
    import ibis

    ordered = rows.order_by(ibis.desc("expected_loss"), ibis.desc("value_at_risk"), "customer")
    return ordered.select(
        "customer_id",
        "tier",
        "p_alive",
        "value_at_risk",
        "expected_loss",
        "state",
        "life_start",
        "life_end",
        "life_periods",
    )


def _by_tier_and_state(rows: ir.Table) -> ir.Table:
    return rows.group_by("tier", "state").aggregate(
        customers=rows.count(),
        value_at_risk=rows.value_at_risk.sum().cast(SUM),
        expected_loss=rows.expected_loss.sum().cast(SUM),
    )


def _totals(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The company, its tiers, and the states of relationships."""
    tiers = sorted({row["tier"] for row in rows})
    return {
        **_sums(rows),
        "tiers": in_order(
            [{"tier": tier, **_sums([row for row in rows if row["tier"] == tier])} for tier in tiers]
        ),
        "states": [
            {"state": state, **_sums([row for row in rows if row["state"] == state])}
            for state in STATES
            if any(row["state"] == state for row in rows)
        ],
    }  # fmt: skip


def _sums(rows: list[dict[str, Any]]) -> dict[str, Any]:
    zero = Decimal(0)
    return {
        "customers": sum(row["customers"] for row in rows),
        "value_at_risk": sum((row["value_at_risk"] for row in rows), zero),
        "expected_loss": sum((row["expected_loss"] for row in rows), zero),
    }


def clock_lengths(work: Work) -> list[float]:
    """How long each forecast period is on the company's clock, which runs faster in its busy season.

    What a customer does less of per unit of that clock is due to customers leaving; see `what_if`.
    """
    ledger, fits = work.ledger, work.forecasted.fits
    ends = [ledger.calendar.end(ledger.next_period - 1 + step) for step in range(work.forecasted.horizon + 1)]
    return [fits.window(after, until).length for after, until in pairwise(ends)]
