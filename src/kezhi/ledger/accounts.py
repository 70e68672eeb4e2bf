"""Customer-days, and customer x period accounts in exact decimals."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from kezhi.ledger.expenses import expenses_by_customer
from kezhi.ledger.lines import booked_lines

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from kezhi.ledger.book import Book
    from kezhi.ledger.calendar import Calendar

SUM = "decimal(28, 4)"  # sums of money: wide enough for any company, and Arrow can still add to them
MEAN = "decimal(38, 8)"  # mean amounts: decimal too, so that their sums do not depend on the order of rows


def as_sum(value: Any) -> Any:
    """A result of money arithmetic in the type of sums.

    Ibis takes the difference of two such numbers for one of the same type and would drop a plain cast, but the
    engine has made it wider.
    """
    return value.cast("decimal(38, 4)").cast(SUM)


def customer_days(book: Book, calendar: Calendar, as_of: date) -> ir.Table:
    """customer_id, day, amount, cost, uncosted: everything a customer did on one day, added up."""
    lines = booked_lines(book, calendar, as_of)
    return lines.group_by("customer_id", "day").aggregate(
        amount=lines.amount.sum(), cost=lines.cost.sum(), uncosted=lines.uncosted.sum()
    )


def told_days(book: Book, calendar: Calendar, as_of: date) -> ir.Table:
    """customer_id, day, told, amount: customer-days, with what was told of them later (returns) kept apart."""
    lines = booked_lines(book, calendar, as_of)
    return lines.group_by("customer_id", "day", "told").aggregate(amount=lines.amount.sum())


def period_accounts(book: Book, calendar: Calendar, as_of: date) -> ir.Table:
    """One row per customer and period in which something happened.

    customer_id, number (of the period), purchases (days with a positive net amount), amount, cost, expense,
    uncosted, mean_amount (amount / purchases, null without a purchase), first_day and last_day (of the purchases).
    """
    days = customer_days(book, calendar, as_of)
    bought: Any = days.amount > 0
    accounts = days.group_by("customer_id", number=calendar.numbers(days.day)).aggregate(
        purchases=bought.sum().cast("int64"),
        amount=days.amount.sum().cast(SUM),
        cost=days.cost.sum().cast(SUM),
        uncosted=days.uncosted.sum().cast(SUM),
        first_day=days.day.min(where=bought),
        last_day=days.day.max(where=bought),
    )
    return _with_mean(_with_expenses(accounts, book, calendar, as_of))


def _with_expenses(accounts: ir.Table, book: Book, calendar: Calendar, as_of: date) -> ir.Table:
    import ibis

    zero = ibis.literal(0).cast(SUM)
    if book.expenses is None:
        return accounts.mutate(expense=zero)
    key = ["customer_id", "number"]
    expenses = expenses_by_customer(book.expenses, accounts, calendar, as_of)
    both = accounts.outer_join(expenses, key, rname="{name}_spent")
    money = {name: both[name].coalesce(zero).cast(SUM) for name in ("amount", "cost", "uncosted", "expense")}
    return both.mutate(
        **money,
        **{name: both[name].coalesce(both[f"{name}_spent"]) for name in key},
        purchases=both.purchases.coalesce(0),
    ).drop(*(f"{name}_spent" for name in key))


def _with_mean(accounts: ir.Table) -> ir.Table:
    mean: Any = accounts.amount.cast("float64") / accounts.purchases.nullif(0)
    return accounts.mutate(mean_amount=mean.cast(MEAN))


def published_periods(accounts: ir.Table, calendar: Calendar, *, cost_known: bool) -> ir.Table:
    """The columns of `periods.parquet`, in the order of the interface; no margin where cost is not known."""
    import ibis

    amount: Any = accounts.amount.cast("float64")
    margin: Any = (amount - accounts.cost.cast("float64")) / amount.nullif(0.0)
    return accounts.select(
        "customer_id",
        period=calendar.starts(accounts.number),
        purchases=accounts.purchases,
        amount=accounts.amount,
        mean_amount=accounts.mean_amount.cast("float64"),
        cost=accounts.cost,
        expense=accounts.expense,
        value=as_sum(accounts.amount - accounts.cost - accounts.expense),
        margin=margin if cost_known else ibis.null("float64"),
    ).order_by("customer_id", "period")
