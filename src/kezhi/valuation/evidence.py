"""What the data says about the model's assumptions, beside what the model expects (R02-R09)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from kezhi.language import Text
from kezhi.models import beta_prime
from kezhi.models.transitions import (
    amount_shares,
    amount_transition_matrix,
    expected_next_frequency,
    frequency_shares,
)
from kezhi.valuation.published import segment, transition_rule

if TYPE_CHECKING:
    from kezhi.ledger import Ledger
    from kezhi.valuation.fits import Fits

CORRELATED = 0.3
FEW_CUSTOMERS, FEW_PERIODS = 100, 300
MOST_PURCHASES = 12  # the frequency chart ends here, with all above in its last bar
SHOWN_IDLE = 4
SHOWN_FREQUENCIES = 12

NOTES = {
    "correlated": Text(
        "Customers who buy often also spend {direction} per purchase (correlation {value:.2f}); "
        "the model takes the two as independent, so forecasts of the extremes are off in that direction.",
        "购买频繁的客户每次金额也偏{direction_zh}（相关系数 {value:.2f}）;"
        "模型假设二者独立，因此两端客户的预测会朝这个方向偏离。",
    ),
    "few_customers": Text(
        "Only {value} customers: the fitted parameters are uncertain.",
        "只有 {value} 位客户：拟合参数不够可靠。",
    ),
    "few_periods": Text(
        "Only {value} active customer-periods: the amounts are known roughly.",
        "只有 {value} 个有成交的客户期：金额分布只能粗略估计。",
    ),
}


def assumptions(ledger: Ledger) -> dict[str, Any]:
    """Sample length and width (R12), correlation of frequency and amount, and notes where a limit is passed."""
    people = ledger.statistics.filter(ledger.statistics.amount_periods > 0)
    often: Any = (people.purchases / people.active_periods).ln()
    dear: Any = (people.mean_amount_sum / people.amount_periods).ln()
    facts = ledger.engine.row(
        people.aggregate(
            customers=people.count(),
            active_periods=people.amount_periods.sum(),
            correlation=often.corr(dear, how="pop"),
        )
    )
    correlation = facts["correlation"]
    correlation = None if correlation is None or not np.isfinite(correlation) else round(correlation, 6)
    notes = []
    if correlation is not None and abs(correlation) > CORRELATED:
        more = correlation > 0
        words = {"direction": "more" if more else "less", "direction_zh": "高" if more else "低"}
        notes.append(_note("correlated", value=correlation, **words))
    if facts["customers"] < FEW_CUSTOMERS:
        notes.append(_note("few_customers", value=facts["customers"]))
    if (facts["active_periods"] or 0) < FEW_PERIODS:
        notes.append(_note("few_periods", value=facts["active_periods"] or 0))
    return {
        "frequency_amount_correlation": correlation,
        "customers": facts["customers"],
        "active_periods": facts["active_periods"] or 0,
        "notes": notes,
    }


def _note(code: str, **values: object) -> dict[str, str]:
    return {"code": code, **NOTES[code].fill(**values).as_dict()}


def frequency_table(ledger: Ledger, fits: Fits) -> tuple[list[dict[str, Any]], float | None]:
    """Shares of customer-periods with 0, 1, 2, ... purchases, observed and expected; and variance / mean.

    Counted over the complete periods after the one in which a customer bought first.
    """
    buyers = ledger.statistics.filter(ledger.statistics.purchases > 0)
    first = buyers.select("customer", since=ledger.calendar.numbers(buyers.first_purchase))
    watched: Any = ledger.present - first.since
    total = ledger.engine.row(first.aggregate(total=watched.clip(lower=0).sum()))["total"] or 0
    if not total:
        return [], None
    later = ledger.accounts.filter((ledger.accounts.purchases > 0) & (ledger.accounts.number <= ledger.present))
    later = later.join(first, "customer").filter(lambda t: t.number > t.since)
    rows = ledger.engine.fetch(later.group_by("purchases").aggregate(count=later.count())).to_pylist()
    counts = np.zeros(max([row["purchases"] for row in rows], default=0) + 1)
    for row in rows:
        counts[row["purchases"]] = row["count"]
    counts[0] = total - counts.sum()
    numbers = np.arange(len(counts))
    mean = float((counts * numbers).sum() / total)
    dispersion = float((counts * numbers**2).sum() / total - mean**2) / mean if mean > 0 else None
    shown = min(len(counts) - 1, MOST_PURCHASES)
    observed = np.append(counts[:shown], counts[shown:].sum()) / total
    a, b = (fits.frequency.parameters[name] for name in ("a", "b"))
    expected = np.append(frequency_shares(a, b, shown)[:shown], 0.0)
    expected[shown] = max(1.0 - expected.sum(), 0.0)
    table = [
        {"purchases": number, "observed": float(seen), "expected": float(share)}
        for number, (seen, share) in enumerate(zip(observed, expected, strict=True))
    ]
    return table, dispersion


def amount_table(ledger: Ledger, fits: Fits, edges: tuple[float, ...]) -> dict[str, Any]:
    """Shares of mean amounts by segment, observed and expected, with the fitted density's mode (R04)."""
    observed = np.zeros(len(edges) - 1)
    accounts = ledger.accounts.filter((ledger.accounts.purchases > 0) & (ledger.accounts.amount > 0))
    numbered = accounts.select(segment=segment(accounts.mean_amount.cast("float64"), edges))
    for row in ledger.engine.fetch(numbered.group_by("segment").aggregate(n=numbered.count())).to_pylist():
        observed[row["segment"]] = row["n"]
    p, q, k = (fits.amounts.parameters[name] for name in ("p", "q", "k"))
    mode = beta_prime.mode(p, q, k)
    return {
        "edges": list(edges),
        "observed": (observed / max(observed.sum(), 1.0)).tolist(),
        "expected": amount_shares(p, q, k, np.asarray(edges)).tolist(),
        "mode": mode,
        "density_at_mode": float(beta_prime.density(p, q, k, mode)) if mode > 0 else None,
    }


def transition_tables(ledger: Ledger, part: Ledger, fits: Fits, edges: tuple[float, ...]) -> dict[str, Any] | None:
    """The published tables for this company: amounts by segment (R05, R07), frequency by idle periods (R08, R09)."""
    rule = transition_rule(ledger, fits, edges)
    if rule is None:
        return None
    p, q, k = (fits.amounts.parameters[name] for name in ("p", "q", "k"))
    means, following = expected_next_frequency(
        rule.frequency.a, rule.frequency.b, rule.smallest_frequency, rule.largest_frequency
    )
    shown = replace(rule, longest_idle=SHOWN_IDLE - 1)
    by_idle = shown.frequency_probability()
    rows = range(
        rule.smallest_frequency - 1,
        min(rule.largest_frequency, rule.smallest_frequency + SHOWN_FREQUENCIES - 1),
    )
    return {
        "edges": list(edges),
        "expected_amount": rule.expected_amount().tolist(),
        "p_amount": rule.amount_probability().tolist(),
        "matrix": amount_transition_matrix(p, q, k, rule.edges, open_last=True).tolist(),
        "observed_matrix": observed_transitions(part, edges),
        "frequency": [
            {
                "now": row + 1,
                "expected": float(means[row]),
                "next": int(following[row]),
                "p_by_idle": by_idle[row].tolist(),
            }
            for row in rows
        ],
        "trust_interval": list(rule.trust_interval()),
    }


def observed_transitions(ledger: Ledger, edges: tuple[float, ...]) -> list[list[float]]:
    """How often customers went from one amount segment to another, from one active period to the next."""
    import ibis

    active = ledger.accounts.filter((ledger.accounts.purchases > 0) & (ledger.accounts.amount > 0))
    now = active.select("customer", "number", now=segment(active.mean_amount.cast("float64"), edges))
    order = ibis.window(group_by="customer", order_by="number")
    moves = now.mutate(following=now.now.lead().over(order)).filter(lambda t: t.following.notnull())
    counts = np.zeros((len(edges) - 1, len(edges) - 1))
    grouped = moves.group_by("now", "following").aggregate(n=moves.count())
    for row in ledger.engine.fetch(grouped).to_pylist():
        counts[row["now"], row["following"]] = row["n"]
    totals = counts.sum(axis=1, keepdims=True)
    shares: list[list[float]] = np.divide(counts, totals, out=np.zeros_like(counts), where=totals > 0).tolist()
    return shares
