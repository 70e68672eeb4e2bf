"""What campaigns cost and sold (A13): expenses, orders and customers that name one."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from kezhi.ledger import SUM
from kezhi.worth.work import Work

if TYPE_CHECKING:
    import ibis.expr.types as ir

FIELD = "campaign"
ZERO = Decimal(0)


def names_campaigns(rows: ir.Table | None) -> bool:
    """Does the table say of its rows to which campaign they belong?"""
    return rows is not None and FIELD in rows.columns


def named(rows: ir.Table) -> Any:
    """The campaign of each row; None where there is none."""
    import ibis

    return rows[FIELD].strip().nullif("") if FIELD in rows.columns else ibis.null("string")


def spent_on_campaigns(work: Work) -> list[dict[str, Any]]:
    """campaign, number (of the period), amount: all expenses that name a campaign, of whatever kind."""
    expenses = work.book.expenses
    if expenses is None or not names_campaigns(expenses) or not work.settings.subtract_expense:
        return []
    rows = expenses.select(
        campaign=named(expenses), number=work.calendar.numbers(expenses.date), amount=expenses.amount
    )
    rows = rows.filter(rows.campaign.notnull())
    sums = rows.group_by(FIELD, "number").aggregate(amount=rows.amount.sum().cast(SUM))
    found: list[dict[str, Any]] = work.engine.fetch(sums).to_pylist()
    return found


def campaigns_of(work: Work) -> list[dict[str, Any]]:
    """campaign, spent, orders, buyers, amount, customers, lifetime_value; those that sold most first.

    spent: expenses that name it. orders, buyers, amount: of order lines that name it, returns taken off. customers:
    those it won by the customer table, with their lifetime values, None where these were not measured. Names are put
    together without regard to case. Empty where nothing names a campaign.
    """
    found: dict[str, dict[str, Any]] = {}
    _add(found, [{FIELD: row[FIELD], "spent": row["amount"]} for row in spent_on_campaigns(work)])
    _add(found, _sold(work))
    _add(found, _won(work))
    nothing = {"spent": ZERO, "orders": 0, "buyers": 0, "amount": ZERO, "customers": 0, "lifetime_value": None}
    rows = [{FIELD: name, **{key: figures.get(key, usual) for key, usual in nothing.items()}}
            for name, figures in ((figures[FIELD], figures) for figures in found.values())]  # fmt: skip
    return sorted(rows, key=lambda row: (-row["amount"], -row["spent"], -row["customers"], row[FIELD]))


def _add(found: dict[str, dict[str, Any]], rows: list[dict[str, Any]]) -> None:
    """Add figures to their campaign; of several spellings the first in the alphabet is shown."""
    for row in rows:
        own = found.setdefault(row[FIELD].lower(), defaultdict(lambda: None, {FIELD: row[FIELD]}))
        own[FIELD] = min(own[FIELD], row[FIELD])
        for name, value in row.items():
            if name != FIELD and value is not None:
                own[name] = value if own[name] is None else own[name] + value


def _sold(work: Work) -> list[dict[str, Any]]:
    """What orders that name a campaign brought."""
    orders = work.book.orders
    if not names_campaigns(orders):
        return []
    own_day = orders.customer_id + "|" + orders.date.cast("string")
    number = orders.order_id.coalesce(own_day) if "order_id" in orders.columns else own_day
    rows = orders.select("customer_id", "amount", campaign=named(orders), number=number)
    rows = rows.filter(rows.campaign.notnull())
    sold: Any = rows.amount > 0
    sums = rows.group_by(key=rows.campaign.lower()).aggregate(
        campaign=rows.campaign.min(),
        orders=rows.number.nunique(where=sold),
        buyers=rows.customer_id.nunique(where=sold),
        amount=rows.amount.sum().cast(SUM),
    )
    return [{name: row[name] for name in row if name != "key"} for row in work.engine.fetch(sums).to_pylist()]


def _won(work: Work) -> list[dict[str, Any]]:
    """How many customers each campaign won, and their lifetime values as far as measured."""
    people = work.book.customers
    if people is None or not names_campaigns(people):
        return []
    told = people.select("customer_id", campaign=named(people))
    once = told.group_by("customer_id").aggregate(campaign=told.campaign.max())
    worth = work.with_found("lifetime_value")
    rows = worth.inner_join(once.filter(once.campaign.notnull()), "customer_id")
    sums: dict[str, Any] = {"customers": rows.count()}
    if "lifetime_value" in worth.columns:
        sums["lifetime_value"] = rows.lifetime_value.cast("decimal(28, 4)").sum().cast(SUM)
    found: list[dict[str, Any]] = work.engine.fetch(rows.group_by(FIELD).aggregate(**sums)).to_pylist()
    return found
