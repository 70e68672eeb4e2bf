"""Relationship expenses by customer and period; shared ones divided by a stated rule."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from kezhi.engine import MONEY, Engine

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from kezhi.ledger.calendar import Calendar

# How people name the kind of an expense by which a customer was won, without case and outer blanks.
ACQUISITION = (
    "acquisition",
    "acquire",
    "acquiring",
    "获取",
    "获客",
    "拉新",
    "开发",
    "获取客户",
    "获取成本",
    "获客成本",
)


def of_anybody(expenses: ir.Table) -> ir.Table:
    """Expenses with a customer_id, empty where the table has no such column: all of them are shared then."""
    import ibis

    return expenses if "customer_id" in expenses.columns else expenses.mutate(customer_id=ibis.null("string"))


def with_acquired(engine: Engine, expenses: ir.Table, as_of: date) -> ir.Table:
    """Expenses with `acquired`, the part of each that was spent on winning customers.

    As they are where no kinds are told, or nothing of that kind was spent by the end of `as_of`.
    """
    import ibis

    if "kind" not in expenses.columns:
        return expenses
    won: Any = expenses.kind.strip().lower().isin(ACQUISITION).coalesce(False)
    some = engine.row(expenses.filter(won & (expenses.date <= as_of)).aggregate(rows=lambda t: t.count()))["rows"]
    nothing: Any = ibis.literal(0).cast(MONEY)
    return expenses.mutate(acquired=ibis.ifelse(won, expenses.amount.cast(MONEY), nothing)) if some else expenses


def expenses_by_customer(expenses: ir.Table, accounts: ir.Table, calendar: Calendar, as_of: date) -> ir.Table:
    """customer, number (of the period), expense; and acquisition_expense, a part of it, where `acquired` is told.

    An expense without a customer is shared among the customers who bought in its period, in proportion to
    their amounts; when nobody bought in that period, among all who had bought before it, in equal parts;
    when nobody had, it is carried to the first period with a purchase. Parts are whole cents and add up
    exactly: cents left by rounding go to the largest remainders, then in the order of the customers' ids, which is
    that of their keys.
    """
    known = expenses.filter(expenses.date <= as_of).mutate(number=calendar.numbers(expenses.date))
    names = {"expense": "amount"} | ({"acquisition_expense": "acquired"} if "acquired" in known.columns else {})
    own, shared = known.filter(known.customer.notnull()), known.filter(known.customer.isnull())
    rows = own.group_by("customer", "number").aggregate(**{name: own[amount].sum() for name, amount in names.items()})
    for name, amount in names.items():
        # each in a division of its own, so that its parts add up to what was spent
        pots = shared if name == "expense" else shared.filter(shared[amount] != 0)
        rows = rows.union(_named(_shares(pots, amount, accounts), name, rows))
    return rows.group_by("customer", "number").aggregate(**{name: rows[name].sum() for name in names})


def _named(parts: ir.Table, name: str, like: ir.Table) -> ir.Table:
    """Parts under a name, nothing under the others of that table, in its order of columns."""
    import ibis

    nothing = {other: ibis.literal(0).cast(parts.expense.type()) for other in like.columns}
    return parts.select(**nothing | {"customer": parts.customer, "number": parts.number, name: parts.expense})


def _shares(shared: ir.Table, amount: str, accounts: ir.Table) -> ir.Table:
    import ibis

    pots = shared.group_by("number").aggregate(pot=shared[amount].sum().cast(MONEY))
    buyers = accounts.filter((accounts.purchases > 0) & (accounts.amount > 0))
    first: Any = buyers.aggregate(first=buyers.number.min()).as_scalar()
    pots = pots.mutate(shared_in=ibis.greatest(pots.number, first))
    pots = pots.group_by(number=pots.shared_in).aggregate(pot=pots.pot.sum().cast(MONEY))
    weights = buyers.select("customer", "number", weight=buyers.amount.cast(MONEY))
    active = pots.join(weights, "number")
    known = buyers.group_by("customer").aggregate(since=buyers.number.min())
    silent = pots.anti_join(weights, "number")
    idle = silent.join(known, silent.number > known.since).select(
        "number", "pot", "customer", weight=ibis.literal(1).cast(MONEY)
    )
    return _divide(active.select("number", "pot", "customer", "weight").union(idle))


def _divide(claims: ir.Table) -> ir.Table:
    """Largest-remainder division of each period's pot, in integers: units of 0.0001, handed out in cents."""
    import ibis

    group = ibis.window(group_by="number")
    units = _units(claims.pot)
    total: Any = claims.weight.sum().over(group).cast("float64")
    cents: Any = units // 100
    claims = claims.mutate(cents=cents, crumbs=units - cents * 100)  # not %: of negative money it would be negative
    # Rounding a share down a hair too far is harmless: the cent comes back with the remainders.
    share: Any = claims.cents * (claims.weight.cast("float64") / total) * (1 - 1e-15) - 1e-9
    claims = claims.mutate(base=share.floor().cast("int64"), remainder=(share - share.floor()).round(6))
    order = ibis.window(group_by="number", order_by=[ibis.desc("remainder"), "customer"])
    claims = claims.mutate(
        rank=ibis.row_number().over(order), left=claims.cents - claims.base.sum().over(group).cast("int64")
    )
    cents = claims.base + (claims.rank < claims.left).cast("int64")
    crumbs: Any = ibis.ifelse(claims.rank == 0, claims.crumbs, 0)
    return claims.select("customer", "number", expense=_money(cents * 100 + crumbs))


def _units(pot: Any) -> Any:
    """Money as an integer count of 0.0001."""
    whole: Any = pot.floor().cast("int64")
    fraction: Any = (pot - whole).cast("float64") * 10_000
    return whole * 10_000 + fraction.round().cast("int64")


def _money(units: Any) -> Any:
    """Units of 0.0001 as money; the fraction has four digits, which a float holds exactly enough to round."""
    whole: Any = units // 10_000
    fraction: Any = (units - whole * 10_000).cast("float64") / 10_000
    return whole.cast("decimal(38, 4)") + fraction.cast("decimal(38, 4)")
