"""The published transition rule (method, 4-6), looked up for every customer's present state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kezhi.engine import Engine
from kezhi.ledger import Ledger
from kezhi.models.published_rule import TransitionRule
from kezhi.valuation.arrays import from_numpy, to_numpy
from kezhi.valuation.fits import Fits

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

STATE = ("last_frequency", "idle_periods", "segment")
KEPT = ("frequency", "p_frequency", "expected_amount", "p_amount")
FACTORS = ("amount", "p_purchase", *KEPT)


@dataclass(frozen=True)
class PublishedTables:
    """Amount segments and, for every state and step, the rule's amount and its factors."""

    edges: tuple[float, ...]
    states: pa.Table

    def replace(self, engine: Engine, rows: ir.Table) -> ir.Table:
        """Put the rule's figures in place of the posterior ones, from step 1 on."""
        import ibis

        states = engine.table(self.states)  # one row per state and step: small
        rows = rows.mutate(segment=segment(rows.last_mean_amount, self.edges))
        rows = rows.left_join(states, [*STATE, "step"], rname="{name}_key")
        ruled: Any = rows.rule_amount.notnull()
        purchases: Any = rows.rule_frequency * rows.rule_p_frequency
        return rows.mutate(
            method=ibis.ifelse(ruled, "transition", rows.method),
            p_purchase=ibis.ifelse(ruled, rows.rule_p_purchase, rows.p_purchase),
            expected_purchases=ibis.ifelse(ruled, purchases, rows.expected_purchases),
            mean_amount=ibis.ifelse(ruled, rows.rule_amount / purchases.nullif(0.0), rows.mean_amount).coalesce(0.0),
            amount_float=ibis.ifelse(ruled, rows.rule_amount, rows.amount_float),
            **{name: rows[f"rule_{name}"] for name in KEPT},
        )


def segment(amount: Any, edges: tuple[float, ...]) -> Any:
    """The number of the amount segment that holds an amount; outside the edges, the nearest segment."""
    import ibis

    inner = [(amount < edge, number) for number, edge in enumerate(edges[1:-1])]
    last = len(edges) - 2
    return ibis.cases(*inner, else_=last).cast("int32") if inner else ibis.literal(0, type="int32")


def amount_edges(ledger: Ledger, wanted: tuple[float, ...] | None, segments: int = 7) -> tuple[float, ...]:
    """Rising segment edges: the ones asked for, else quantiles of the mean amounts of all active periods."""
    if wanted:
        return wanted
    accounts = ledger.accounts.filter((ledger.accounts.purchases > 0) & (ledger.accounts.amount > 0))
    amount: Any = accounts.mean_amount.cast("float64")
    levels = np.linspace(0.0, 1.0, segments + 1)
    found = ledger.engine.row(accounts.aggregate(quantiles=amount.quantile(levels.tolist())))["quantiles"]
    edges = sorted({float(value) for value in found or [] if value is not None})
    if len(edges) < 2:
        top = edges[0] if edges else 1.0
        return (top / 2.0, top * 2.0)
    return tuple(edges)


def published_tables(ledger: Ledger, fits: Fits, horizon: int, edges: tuple[float, ...]) -> PublishedTables | None:
    """The rule's figures for every state that a customer of this ledger is in; None without a purchase."""
    import pyarrow as pa

    people = ledger.statistics.filter(ledger.statistics.purchases > 0)
    states = ledger.engine.fetch(
        people.select(people.last_frequency, people.idle_periods, segment=segment(people.last_mean_amount, edges))
        .distinct()
        .order_by(STATE)
    )
    rule = transition_rule(ledger, fits, edges)
    if rule is None:
        return None
    found = rule.forecast(horizon).of(*(to_numpy(states[name]) for name in STATE))
    parts = []
    for step in range(horizon):
        part = {name: states[name] for name in STATE}
        part["step"] = from_numpy(np.full(states.num_rows, step + 1, dtype=np.int32))
        part |= {f"rule_{name}": pa.array(getattr(found, name)[step]) for name in FACTORS}
        parts.append(pa.table(part))
    return PublishedTables(edges, pa.concat_tables(parts))


def transition_rule(ledger: Ledger, fits: Fits, edges: tuple[float, ...]) -> TransitionRule | None:
    """The rule with this company's parameters and extremes; None where nobody ever bought."""
    seen = _extremes(ledger)
    if not seen["largest"] or not seen["largest_amount"]:
        return None
    return TransitionRule(
        fits.frequency,
        fits.amounts,
        np.asarray(edges),
        largest_amount=seen["largest_amount"],
        smallest_frequency=seen["smallest"],
        largest_frequency=seen["largest"],
        longest_idle=seen["idle"],
    )


def _extremes(ledger: Ledger) -> dict[str, Any]:
    """The smallest and largest frequency and the largest mean amount of any active period; the longest idleness."""
    active = ledger.accounts.filter(ledger.accounts.purchases > 0)
    seen = ledger.engine.row(
        active.aggregate(
            smallest=active.purchases.min(),
            largest=active.purchases.max(),
            largest_amount=active.mean_amount.max().cast("float64"),
        )
    )
    idle = ledger.engine.row(ledger.statistics.aggregate(idle=ledger.statistics.idle_periods.max()))
    return seen | {"idle": int(idle["idle"] or 0)}
