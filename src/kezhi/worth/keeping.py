"""What it costs to win a customer against what it costs to keep one (W09)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kezhi.ledger import SUM, Ledger
from kezhi.worth.costs import KINDS, Costs

if TYPE_CHECKING:
    import ibis.expr.types as ir

MONTHS_A_YEAR = 12


def keeping(ledger: Ledger, costs: Costs) -> dict[str, Any]:
    """Means over those customers on whom anything was spent, and their ratio; None where it cannot be said.

    won: customers who cost something to acquire, acquisition_cost: what they cost, cost_per_new: the mean.
    kept: customer-years after the year of the first purchase with such expenses and a purchase, retention_cost: the
    expenses in these years, of customers who stopped buying too, cost_per_kept: per kept customer and year. kept_by:
    `keep` where there are expenses of kind retention, which alone count then; `all`, every one but for acquisition,
    where not. selling: selling and marketing expense per purchase in the first year and later. Years are twelve months
    back from the last complete period.
    """
    found: dict[str, Any] = {"won": 0, "acquisition_cost": None, "cost_per_new": None}
    if costs.acquired is not None:
        some = costs.acquired.filter(costs.acquired.cost > 0)
        found |= ledger.engine.row(some.aggregate(won=some.count(), acquisition_cost=some.cost.sum().cast(SUM)))
    if costs.booked is not None:
        kinds = _kinds(ledger, costs.booked)
        found |= {"kept_by": "keep" if kinds == ("keep",) else "all"}
        found |= ledger.engine.row(_kept(_by_year(ledger, costs.booked, kinds)))
    found["cost_per_new"] = _over(found["acquisition_cost"], found["won"])
    found["cost_per_kept"] = _over(found.get("retention_cost"), found.get("kept"))
    found["ratio"] = _over(found["cost_per_new"], found["cost_per_kept"])
    found["selling"] = _selling(found)
    return found


def _over(money: Any, count: Any) -> float | None:
    return float(money) / float(count) if money is not None and count and count > 0 else None


def _kinds(ledger: Ledger, booked: ir.Table) -> tuple[str, ...]:
    """Which expenses are those of keeping customers."""
    asked = ledger.engine.row(booked.aggregate(any=(booked.keep > 0).any()))
    return ("keep",) if asked["any"] else tuple(kind for kind in KINDS if kind != "acquire")


def _by_year(ledger: Ledger, booked: ir.Table, names: tuple[str, ...]) -> ir.Table:
    """customer, later (than the year of the first purchase), purchases, spent and selling, one row per year."""
    per_year = MONTHS_A_YEAR // ledger.calendar.months
    accounts = ledger.accounts.filter(ledger.accounts.number <= ledger.present)
    bought = accounts.select("customer", "number", "purchases")
    kinds = [booked[kind] for kind in names]
    spent = booked.select(
        "customer", "number", spent=sum(kinds[1:], start=kinds[0]), selling=booked.sell + booked.market
    )
    rows = bought.left_join(spent, ["customer", "number"], rname="{name}_s")
    first = accounts.filter(accounts.purchases > 0).group_by("customer").aggregate(first=lambda t: t.number.min())
    rows = rows.inner_join(first, "customer", rname="{name}_f")
    year: Any = (ledger.present - rows.number) // per_year
    began: Any = (ledger.present - rows.first) // per_year
    return rows.group_by("customer", year=year, later=year < began).aggregate(
        purchases=rows.purchases.sum(),
        spent=rows.spent.sum().cast(SUM),
        selling=rows.selling.sum().cast(SUM),
    )


def _kept(years: ir.Table) -> ir.Table:
    later: Any = years.later & (years.spent != 0)
    return years.aggregate(
        kept=(later & (years.purchases > 0)).sum(),
        retention_cost=years.spent.sum(where=later).cast(SUM),
        selling_first=years.selling.sum(where=~years.later).cast(SUM),
        selling_later=years.selling.sum(where=years.later).cast(SUM),
        purchases_first=years.purchases.sum(where=~years.later),
        purchases_later=years.purchases.sum(where=years.later),
    )


def _selling(found: dict[str, Any]) -> dict[str, float] | None:
    """Selling and marketing per purchase in the first year and later, and what that difference saved."""
    first, later = (_over(found.pop(f"selling_{when}", None), found.get(f"purchases_{when}")) for when in _WHEN)
    count = found.pop("purchases_later", None)
    found.pop("purchases_first", None)
    if first is None or later is None:
        return None
    return {"first_year": first, "later": later, "saved": (first - later) * count}


_WHEN = ("first", "later")
