"""What the models need to know of each customer, and the distinct histories they are fitted on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from kezhi.engine import Engine
from kezhi.language import KezhiError, Text
from kezhi.ledger.accounts import COSTS, MEAN, SUM, completed, customer_days, everybody, period_accounts
from kezhi.ledger.calendar import MEAN_MONTH_DAYS, MONTHS, Calendar

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from kezhi.ledger.book import Book


@dataclass(frozen=True)
class Ledger:
    """The book as it stood at the end of one day: days, accounts by customer and period, and statistics.

    Nothing told after `as_of` is in it. `days` (see `customer_days`) and `statistics` have one row per customer-day and
    customer, with their ids; `accounts` only have the engine's own key, `customer`, which sorts like the ids.
    """

    engine: Engine
    calendar: Calendar
    as_of: date
    people: ir.Table
    days: ir.Table
    accounts: ir.Table
    statistics: ir.Table

    def named(self, rows: ir.Table) -> ir.Table:
        """Rows with the customers' ids beside their keys."""
        return with_ids(rows, self.people)

    @property
    def present(self) -> int:
        """The number of the last complete period."""
        return self.calendar.last_complete(self.as_of)

    @property
    def next_period(self) -> int:
        """The number of the first period that begins after `as_of`; forecasts start here."""
        return self.calendar.number(self.as_of) + 1

    @cached_property
    def company(self) -> list[dict[str, Any]]:
        """The company's totals by period, oldest first: number, customers, purchases, amount, cost, expense."""
        accounts = self.accounts
        totals = accounts.group_by("number").aggregate(
            customers=(accounts.purchases > 0).sum(),
            purchases=accounts.purchases.sum(),
            amount=accounts.amount.sum(),
            cost=accounts.cost.sum(),
            expense=accounts.expense.sum(),
        )
        rows: list[dict[str, Any]] = self.engine.fetch(totals.order_by("number")).to_pylist()
        return rows


def last_day(engine: Engine, book: Book) -> date:
    """The newest day in the orders; what `as_of` is when nobody says."""
    newest = engine.row(book.orders.aggregate(day=book.orders.date.max()))["day"]
    if newest is None:
        raise KezhiError(Text("No order line can be used.", "没有一条可用的订单明细。"))
    day: date = newest
    return day


def open_ledger(engine: Engine, book: Book, calendar: Calendar, as_of: date, days: ir.Table | None = None) -> Ledger:
    """Add the book up to accounts and statistics as of the end of a day.

    `days` are the book's customer-days, where they have been added up before.
    """
    told: Any = (customer_days(book, calendar) if days is None else days).filter(lambda t: t.told <= as_of)
    known = engine.store(told)
    people = engine.keyed(everybody(known, book.expenses, as_of))
    by_day = _once_a_day(engine, with_keys(known, people))
    expenses = None if book.expenses is None else with_keys(book.expenses, people, how="left")
    stored = engine.store(period_accounts(by_day, expenses, calendar, as_of))
    accounts = completed(stored)
    statistics = customer_statistics(engine, accounts, calendar, as_of)
    return Ledger(engine, calendar, as_of, people, known, accounts, engine.store(with_ids(statistics, people)))


def with_keys(rows: ir.Table, people: ir.Table, how: Literal["inner", "left"] = "inner") -> ir.Table:
    """Rows with the engine's key in place of the customer's id."""
    joined = rows.join(people, "customer_id", how=how, rname="{name}_of_key")
    return joined.drop("customer_id", *({"customer_id_of_key"} & set(joined.columns)))


def with_ids(rows: ir.Table, people: ir.Table) -> ir.Table:
    """Rows with the customers' ids beside their keys."""
    return rows.join(people, "customer")


def _once_a_day(engine: Engine, days: ir.Table) -> ir.Table:
    """Customer-days with whatever was told of them later added to them."""
    late = engine.row(days.aggregate(late=(days.told != days.day).any()))["late"]
    if not late:
        return days
    money = [name for name in ("amount", *COSTS) if name in days.columns]
    return days.group_by("customer", "day").aggregate(**{name: days[name].sum().cast(SUM) for name in money})


def customer_statistics(engine: Engine, accounts: ir.Table, calendar: Calendar, as_of: date) -> ir.Table:
    """One row per customer (the engine's key).

    Sums of the accounts; purchases and days of first and last purchase; repeat_purchases (purchases after the
    one that made them a customer), recency_days and tenure_days (first to last purchase, first purchase to
    `as_of`); idle_periods (complete periods since the last one with a purchase); the last active period's
    frequency, mean amount and margin; active_periods with the sum of their mean amounts; expense per unit of
    purchases and the smallest positive expense of a period.
    """
    import ibis

    active: Any = accounts.purchases > 0
    priced: Any = active & (accounts.amount > 0)
    mean: Any = accounts.mean_amount.cast("float64")
    margin: Any = 1 - accounts.cost.cast("float64") / accounts.amount.cast("float64")
    sums = accounts.group_by("customer").aggregate(
        first_purchase=accounts.first_day.min(),
        last_purchase=accounts.last_day.max(),
        purchases=accounts.purchases.sum().cast("int64"),
        active_periods=active.sum().cast("int64"),
        amount=accounts.amount.sum().cast(SUM),
        cost=accounts.cost.sum().cast(SUM),
        expense=accounts.expense.sum().cast(SUM),
        uncosted=accounts.uncosted.sum().cast(SUM),
        last_active=accounts.number.max(where=active),
        last_frequency=engine.latest(accounts.purchases, accounts.number, active),
        last_mean_amount=engine.latest(mean, accounts.number, priced),
        last_margin=engine.latest(margin, accounts.number, priced),
        last_uncosted=engine.latest(accounts.uncosted.cast("float64"), accounts.number, active),
        amount_periods=priced.sum().cast("int64"),
        mean_amount_sum=accounts.mean_amount.sum(where=priced).cast(MEAN).cast("float64"),
        expense_floor=accounts.expense.min(where=accounts.expense > 0).cast("float64").coalesce(0.0),
    )
    end = ibis.literal(as_of)
    idle: Any = calendar.last_complete(as_of) - sums.last_active
    spent: Any = ibis.greatest(sums.expense.cast("float64"), 0.0) / sums.amount.cast("float64").nullif(0.0)
    return sums.mutate(
        repeat_purchases=sums.purchases - 1,
        recency_days=sums.last_purchase.delta(sums.first_purchase, unit="day").cast("int32"),
        tenure_days=(lambda t: end.delta(t.first_purchase, unit="day").cast("int32")),
        idle_periods=ibis.greatest(idle, 0).cast("int32"),
        expense_rate=ibis.ifelse(sums.amount > 0, spent, 0.0),
    )


DAYS = {"day": 1.0, "week": 7.0} | {name: months * MEAN_MONTH_DAYS for name, months in MONTHS.items()}


def purchase_times(book: Book, as_of: date, period: str) -> ir.Table:
    """Repeat purchases, their last time and the observed time of each buyer, in mean periods since the first."""
    import ibis

    if period not in DAYS:
        names = ", ".join(DAYS)
        raise KezhiError(Text(f"The period must be one of {names}.", f"期必须是以下之一：{names}。"))
    told = customer_days(book, Calendar()).filter(lambda t: t.told <= as_of)
    days = told.group_by("customer_id", "day").aggregate(amount=told.amount.sum()).filter(lambda t: t.amount > 0)
    found = days.group_by("customer_id").aggregate(
        first_purchase=days.day.min(),
        last=days.day.max(),
        repeat_purchases=days.count() - 1,
        amount=days.amount.sum(),
        first_amount=days.amount.argmin(days.day),
    )
    end = ibis.literal(as_of)
    repeats: Any = (found.amount - found.first_amount).cast("float64")
    return found.select(
        "customer_id",
        "first_purchase",
        "repeat_purchases",
        last_purchase_at=found.last.delta(found.first_purchase, unit="day") / DAYS[period],
        observed_periods=(lambda t: end.delta(t.first_purchase, unit="day") / DAYS[period]),
        mean_amount=(repeats / found.repeat_purchases.nullif(0)).coalesce(0.0),
    )


def purchase_histories(ledger: Ledger, factor: Any) -> ir.Table:
    """Distinct purchase histories, in days, with how many customers share each and the mean of their factors."""
    buyers = ledger.statistics.mutate(factor=factor).filter(lambda t: t.purchases > 0)
    key = ["repeat_purchases", "recency_days", "tenure_days", "idle_periods"]
    # a decimal sum does not depend on the order in which the engine meets the rows
    total: Any = buyers.factor.cast("decimal(18, 12)").sum().cast("float64")
    return buyers.group_by(key).aggregate(customers=buyers.count(), factor=total / buyers.count()).order_by(key)


def amount_histories(ledger: Ledger) -> ir.Table:
    """Distinct amount histories (active periods and the sum of their mean amounts) with their customers."""
    known = ledger.statistics.filter(ledger.statistics.amount_periods > 0)
    key = ["amount_periods", "mean_amount_sum"]
    return known.group_by(key).aggregate(customers=known.count()).order_by(key)


def log_mean_amount_sum(ledger: Ledger) -> float:
    """The sum of ln(mean amount) over all customers and their active periods.

    Summed as decimals, so that it does not depend on the order in which the engine meets the rows.
    """
    priced = ledger.accounts.filter((ledger.accounts.purchases > 0) & (ledger.accounts.amount > 0))
    logs: Any = priced.mean_amount.cast("float64").ln().cast("decimal(18, 12)")
    total = ledger.engine.row(priced.aggregate(total=logs.sum()))["total"]
    return float(total or 0)
