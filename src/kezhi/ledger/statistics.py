"""What the models need to know of each customer, and the distinct histories they are fitted on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from kezhi.engine import Engine
from kezhi.language import KezhiError, Text
from kezhi.ledger.accounts import (
    COSTS,
    EXPENSES,
    MEAN,
    SUM,
    completed,
    customer_days,
    period_accounts,
    recurring_expense,
)
from kezhi.ledger.calendar import MEAN_MONTH_DAYS, MONTHS, Calendar
from kezhi.ledger.expenses import of_anybody, with_acquired

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from kezhi.ledger.book import Book


@dataclass(frozen=True)
class Ledger:
    """The book as it stood at the end of one day: days, accounts by customer and period, and statistics.

    Nothing told after `as_of` is in it. Customers go by the engine's own key, `customer`, which sorts like their ids;
    `people` has both, and so have the statistics. `days` are those of `customer_days`.
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

    def part(self, one_in: int) -> Ledger:
        """The ledger of one in so many customers, by a hash of their ids: the same ones every time."""
        if one_in <= 1:
            return self
        some = drawn(self.people, "customer_id", one_in)
        kept = {name: getattr(self, name).semi_join(some, "customer") for name in ("days", "accounts", "statistics")}
        return replace(self, **kept)

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


def last_day(engine: Engine, days: ir.DateColumn) -> date:
    """The newest of the days on which something was told; what `as_of` is when nobody says."""
    newest = engine.row(days.max().name("day").as_table())["day"]
    if newest is None:
        raise KezhiError(Text("No order line can be used.", "没有一条可用的订单明细。"))
    day: date = newest
    return day


def open_ledger(engine: Engine, book: Book, calendar: Calendar, as_of: date, days: ir.Table | None = None) -> Ledger:
    """Add the book up to accounts and statistics as of the end of a day.

    `days` are the book's customer-days with customer_id for a key, where they have been added up before.
    """
    rows = book.orders.filter(book.orders.date <= as_of) if days is None else _told(days, book, as_of)
    if book.expenses is not None:
        book = replace(book, expenses=with_acquired(engine, of_anybody(book.expenses), as_of))
    people = engine.keyed(everybody(rows, book.expenses, as_of))
    keyed = with_keys(rows, people)
    known = engine.store(customer_days(replace(book, orders=keyed), calendar) if days is None else keyed)
    expenses = None if book.expenses is None else with_keys(book.expenses, people, how="left")
    accounts = engine.store(period_accounts(_once_a_day(engine, known), expenses, calendar, as_of))
    statistics = customer_statistics(engine, accounts, calendar, as_of)
    stored = engine.store(with_ids(statistics, people))
    return Ledger(engine, calendar, as_of, people, known, completed(accounts), with_nothing(stored))


def _told(days: ir.Table, book: Book, as_of: date) -> ir.Table:
    """Days as far as they were told; without costs where those are not to be extracted."""
    told = days.filter(days.told <= as_of)
    return told if book.cost_known else told.drop(*(name for name in COSTS if name in told.columns))


def everybody(rows: ir.Table, expenses: ir.Table | None, as_of: date) -> ir.Table:
    """customer_id of all who ever bought, returned, or had money spent on them."""
    ids = rows.select("customer_id")
    if expenses is not None:
        own = expenses.filter((expenses.date <= as_of) & expenses.customer_id.notnull())
        ids = ids.union(own.select("customer_id"))
    return ids.distinct()


def drawn(rows: ir.Table, key: str, one_in: int) -> ir.Table:
    """The rows of one in so many keys, by their hash."""
    hashed: Any = rows[key].hash()
    return rows if one_in <= 1 else rows.filter(hashed.abs() % one_in == 0)


def days_by_id(book: Book, calendar: Calendar) -> ir.Table:
    """`customer_days` with the customers' ids for keys (named `customer`), of everything the book knows."""
    return customer_days(replace(book, orders=book.orders.rename(customer="customer_id")), calendar)


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
    """One row per customer (the engine's key), from stored accounts; `with_nothing` completes it.

    Sums of the accounts; purchases and days of first and last purchase; recency_days and tenure_days (first to last
    purchase, first purchase to `as_of`); idle_periods (complete periods since the last one with a purchase); the last
    active period's frequency, mean amount and margin; active_periods with the sum of their mean amounts; the smallest
    positive expense of a period that recurs. Costs and expenses only where they are known.
    """
    import ibis

    money = [name for name in ("amount", *COSTS, *EXPENSES) if name in accounts.columns]
    accounts = completed(accounts)
    active: Any = accounts.purchases > 0
    priced: Any = active & (accounts.amount > 0)
    mean: Any = accounts.mean_amount.cast("float64")
    sums = accounts.group_by("customer").aggregate(
        first_purchase=accounts.first_day.min(),
        last_purchase=accounts.last_day.max(),
        purchases=accounts.purchases.sum().cast("int64"),
        active_periods=active.sum().cast("int64"),
        **{name: accounts[name].sum().cast(SUM) for name in money},
        last_active=accounts.number.max(where=active),
        last_frequency=engine.latest(accounts.purchases, accounts.number, active),
        last_mean_amount=engine.latest(mean, accounts.number, priced),
        amount_periods=priced.sum().cast("int64"),
        mean_amount_sum=accounts.mean_amount.sum(where=priced).cast(MEAN).cast("float64"),
        **(_last_costs(engine, accounts, active, priced) if "cost" in money else {}),
        **(_floor(accounts) if "expense" in money else {}),
    )
    end = ibis.literal(as_of)
    idle: Any = calendar.last_complete(as_of) - sums.last_active
    return sums.mutate(
        recency_days=sums.last_purchase.delta(sums.first_purchase, unit="day").cast("int32"),
        tenure_days=(lambda t: end.delta(t.first_purchase, unit="day").cast("int32")),
        idle_periods=ibis.greatest(idle, 0).cast("int32"),
    )


def _last_costs(engine: Engine, accounts: ir.Table, active: Any, priced: Any) -> dict[str, Any]:
    margin: Any = 1 - accounts.cost.cast("float64") / accounts.amount.cast("float64")
    return {
        "last_margin": engine.latest(margin, accounts.number, priced),
        "last_uncosted": engine.latest(accounts.uncosted.cast("float64"), accounts.number, active),
    }


def _floor(accounts: ir.Table) -> dict[str, Any]:
    return {"expense_floor": expense_floor(accounts)}


def expense_floor(periods: ir.Table) -> Any:
    """The smallest positive expense of a period that recurs; 0 where there is none."""
    recurs = recurring_expense(periods)
    smallest: Any = recurs.min(where=recurs > 0)
    return smallest.cast("float64").coalesce(0.0)


def expense_rate(people: ir.Table) -> Any:
    """Expense that recurs per unit of purchases; 0 where nothing was spent, or nothing bought."""
    import ibis

    spent: Any = ibis.greatest(recurring_expense(people).cast("float64"), 0.0)
    return ibis.ifelse(people.amount > 0, spent / people.amount.cast("float64").nullif(0.0), 0.0)


def with_nothing(people: ir.Table) -> ir.Table:
    """Stored statistics with repeat_purchases, expense_rate, and what need not be stored where it is not known.

    repeat_purchases: purchases after the one that made them a customer. expense_rate: expense that recurs per unit of
    purchases. Without costs: cost 0 and a margin of 1 for whoever bought at a price; without expenses: none.
    """
    import ibis

    people = people.mutate(repeat_purchases=people.purchases - 1)
    if "cost" not in people.columns:
        priced: Any = people.last_mean_amount.notnull()
        nothing, one = _constant(0), _constant(1)
        people = people.mutate(
            cost=ibis.literal(0).cast(SUM),
            uncosted=ibis.literal(0).cast(SUM),
            last_margin=ibis.ifelse(priced, one, ibis.null("float64")),
            last_uncosted=nothing,
        )
    if "expense" not in people.columns:
        nothing_spent = dict.fromkeys(EXPENSES, ibis.literal(0).cast(SUM))
        return people.mutate(**nothing_spent, expense_floor=_constant(0), expense_rate=_constant(0))
    if "acquisition_expense" not in people.columns:
        people = people.mutate(acquisition_expense=ibis.literal(0).cast(SUM))
    return people.mutate(expense_rate=expense_rate(people))


def _constant(value: int) -> Any:
    """A float; by way of a narrower type, for a bare 1.0 would reach a file as a decimal."""
    import ibis

    return ibis.literal(float(value)).cast("float32").cast("float64")


DAYS = {"day": 1.0, "week": 7.0} | {name: months * MEAN_MONTH_DAYS for name, months in MONTHS.items()}


def purchase_times(engine: Engine, book: Book, as_of: date, period: str) -> ir.Table:
    """Repeat purchases, their last time and the observed time of each buyer, in mean periods since the first."""
    import ibis

    if period not in DAYS:
        names = ", ".join(DAYS)
        raise KezhiError(Text(f"The period must be one of {names}.", f"期必须是以下之一：{names}。"))
    told = days_by_id(book, Calendar()).filter(lambda t: t.told <= as_of)
    told = engine.store(told)
    days = _once_a_day(engine, told).filter(lambda t: t.amount > 0)
    earliness: Any = 0 - (days.day.epoch_seconds() // 86_400).cast("int32")
    found = days.group_by(customer_id="customer").aggregate(
        first_purchase=days.day.min(),
        last=days.day.max(),
        repeat_purchases=days.count() - 1,
        amount=days.amount.sum(),
        first_amount=engine.latest(days.amount, earliness.cast("int32"), days.amount > 0),
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
