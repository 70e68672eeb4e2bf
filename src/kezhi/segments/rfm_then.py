"""What was known of every buyer at the end of an earlier day: a return told later had not happened yet."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

from kezhi.ledger import SUM, with_keys
from kezhi.ledger.accounts import customer_days
from kezhi.worth import Early

if TYPE_CHECKING:
    import ibis.expr.types as ir

COLUMNS = ("customer", "last_purchase", "purchases", "amount", "cost", "expense")


def known_at(work: Early, day: date) -> ir.Table:
    """customer, last_purchase, purchases, amount, cost, expense of all who had bought by the end of a day.

    The accounts are enough at the end of a period; whoever returned something later that they had bought by then, and
    everybody at another day, is added up from the lines. Expenses: those of the periods that were complete.
    """
    if day != work.calendar.end(work.calendar.number(day)):
        return _with_expense(work, _from_lines(work, day, None), day)
    later = _returned_later(work, day)
    accounts = work.ledger.accounts.filter(work.ledger.accounts.number <= work.calendar.number(day))
    if later is None:
        return _from_accounts(accounts)
    others = work.engine.store(_from_accounts(accounts.anti_join(later, "customer")))
    mended = work.engine.store(_with_expense(work, _from_lines(work, day, later), day))
    return others.union(mended)


def _returned_later(work: Early, day: date) -> ir.Table | None:
    """Stored `customer` of those with a return told after the day that names an order; None where there is none."""
    orders = work.book.orders
    if "order_id" not in orders.columns:  # every return is booked on its own day then
        return None
    returns = orders.filter((orders.date > day) & (orders.amount < 0) & orders.order_id.notnull())
    found = work.engine.store(with_keys(returns.select("customer_id").distinct(), work.ledger.people))
    some = work.engine.row(found.aggregate(number=found.count()))["number"]
    return found if some else None


def _from_accounts(accounts: ir.Table) -> ir.Table:
    sums = accounts.group_by("customer").aggregate(
        last_purchase=accounts.last_day.max(),
        purchases=accounts.purchases.sum().cast("int64"),
        **{name: accounts[name].sum().cast(SUM) for name in ("amount", "cost", "expense")},
    )
    return sums.filter(sums.purchases > 0).select(*COLUMNS)


def _from_lines(work: Early, day: date, only: ir.Table | None) -> ir.Table:
    """The same without expense, of the lines told by then, `only` of some customers."""
    import ibis

    book = work.book.known(day)
    lines = with_keys(book.orders, work.ledger.people)
    if only is not None:
        lines = lines.semi_join(only, "customer")
    told = customer_days(replace(book, orders=lines), work.calendar)
    money = [name for name in ("amount", "cost") if name in told.columns]
    days = told.group_by("customer", "day").aggregate(**{name: told[name].sum().cast(SUM) for name in money})
    bought: Any = days.amount > 0
    sums = days.group_by("customer").aggregate(
        last_purchase=days.day.max(where=bought),
        purchases=bought.sum().cast("int64"),
        **{name: days[name].sum().cast(SUM) for name in money},
    )
    sums = sums.filter(sums.purchases > 0)
    return sums if "cost" in money else sums.mutate(cost=ibis.literal(0).cast(SUM))


def _with_expense(work: Early, sums: ir.Table, day: date) -> ir.Table:
    import ibis

    accounts = work.ledger.accounts.filter(work.ledger.accounts.number <= work.calendar.last_complete(day))
    spent = accounts.group_by("customer").aggregate(expense=accounts.expense.sum().cast(SUM))
    joined = sums.left_join(spent, "customer", rname="{name}_spent")
    nothing = ibis.literal(0).cast(SUM)
    return joined.mutate(expense=joined.expense.coalesce(nothing).cast(SUM)).select(*COLUMNS)
