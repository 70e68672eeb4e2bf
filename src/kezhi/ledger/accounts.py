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
COSTS = ("cost", "uncosted")
EXPENSES = ("expense", "acquisition_expense")
MEAN = "decimal(38, 8)"  # mean amounts: decimal too, so that their sums do not depend on the order of rows


def as_sum(value: Any) -> Any:
    """A result of money arithmetic in the type of sums.

    Ibis takes the difference of two such numbers for one of the same type and would drop a plain cast, but the
    engine has made it wider.
    """
    return value.cast("decimal(38, 4)").cast(SUM)


def customer_days(book: Book, calendar: Calendar) -> ir.Table:
    """customer, day, told, amount: everything a customer did on one day, added up, and when it became known.

    Also cost and uncosted, where product costs are known. A return is booked on the day of its sale but told on its
    own: what had been known at the end of some day is what had been told by then. `book.orders` have `customer`, a key
    of any kind, in place of the id.
    """
    lines = booked_lines(book, calendar)
    money = [name for name in ("amount", *COSTS) if name in lines.columns]
    return lines.group_by("customer", "day", "told").aggregate(**{name: lines[name].sum().cast(SUM) for name in money})


def period_accounts(days: ir.Table, expenses: ir.Table | None, calendar: Calendar, as_of: date) -> ir.Table:
    """One row per customer and period in which something happened.

    `days` and `expenses` have the engine's `customer` keys. customer, number (of the period), purchases (days with a
    positive net amount), amount, cost, expense, acquisition_expense (the part of it spent on winning the customer),
    uncosted (the last four where they are known), first_day and last_day (of the purchases).
    """
    bought: Any = days.amount > 0
    accounts = days.group_by("customer", number=calendar.numbers(days.day)).aggregate(
        purchases=bought.sum().cast("int64"),
        **{name: days[name].sum().cast(SUM) for name in ("amount", *COSTS) if name in days.columns},
        first_day=days.day.min(where=bought),
        last_day=days.day.max(where=bought),
    )
    return accounts if expenses is None else _with_expenses(accounts, expenses, calendar, as_of)


def _with_expenses(accounts: ir.Table, spent: ir.Table, calendar: Calendar, as_of: date) -> ir.Table:
    import ibis

    zero = ibis.literal(0).cast(SUM)
    key = ["customer", "number"]
    expenses = expenses_by_customer(spent, accounts, calendar, as_of)
    both = accounts.outer_join(expenses, key, rname="{name}_spent")
    names = [name for name in ("amount", *COSTS, *EXPENSES) if name in both.columns]
    return both.mutate(
        **{name: both[name].coalesce(zero).cast(SUM) for name in names},
        **{name: both[name].coalesce(both[f"{name}_spent"]) for name in key},
        purchases=both.purchases.coalesce(0),
    ).drop(*(f"{name}_spent" for name in key))


def completed(accounts: ir.Table) -> ir.Table:
    """Stored accounts with what was not stored: zeros for what is not known, and the mean amount of a purchase.

    Columns that are the same in every row would fill the engine's memory for nothing. mean_amount is null without a
    purchase.
    """
    import ibis

    zero = ibis.literal(0).cast(SUM)
    absent = dict.fromkeys({*COSTS, *EXPENSES} - set(accounts.columns), zero)
    mean: Any = accounts.amount.cast("float64") / accounts.purchases.nullif(0)
    return accounts.mutate(**absent, mean_amount=mean.cast(MEAN))


def recurring_expense(rows: ir.Table) -> Any:
    """Of the expense what comes again and is therefore projected: all but what was spent on winning the customer."""
    return as_sum(rows.expense - rows.acquisition_expense)


def published_periods(accounts: ir.Table, calendar: Calendar, *, cost_known: bool) -> ir.Table:
    """The columns of `periods.parquet`, in the order of the interface; no margin where cost is not known.

    `accounts` have the customers' ids beside their keys.
    """
    import ibis

    # sorted by the engine's own key: quicker than by the text, and the same order
    accounts = accounts.order_by("customer", "number")
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
        acquisition_expense=accounts.acquisition_expense,
        value=as_sum(accounts.amount - accounts.cost - accounts.expense),
        margin=margin if cost_known else ibis.null("float64"),
    )
