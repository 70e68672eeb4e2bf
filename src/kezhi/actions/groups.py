"""Treated and control customers of every action, and what they bought before and after it, added up by the engine."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kezhi.actions.effect import Moments
from kezhi.ledger import days_by_id
from kezhi.sources.vocabulary import CONTROL, TREATED
from kezhi.worth.work import Work

if TYPE_CHECKING:
    import ibis.expr.types as ir

CENTS = "decimal(18, 2)"
SQUARES = "decimal(38, 4)"
MONEY_FIGURES = ("amount", "value")
FIGURES = ("purchases", *MONEY_FIGURES)  # of the days before and after the action
ALIKE_IN = ("purchases", "amount", "ever", "days")  # by what the groups are compared before the action


class Group:
    """What the engine added up of one group of one action."""

    def __init__(self, row: dict[str, Any]) -> None:
        self.row = row
        self.n: int = row["customers"]

    def after(self, figure: str) -> Moments:
        """A figure of the days from the action on."""
        return Moments.of(self.n, self.row[f"{figure}_after"], self.row[f"{figure}_after_squares"])

    def before(self, figure: str) -> Moments:
        """A figure of as many days before the action; `ever`: all purchases before it, `days`: how long was watched."""
        if figure in ("ever", "days"):
            return Moments.of(self.n, self.row[figure], self.row[f"{figure}_squares"])
        return Moments.of(self.n, self.row[f"{figure}_before"], self.row[f"{figure}_before_squares"])

    def change(self, figure: str) -> Moments:
        """After less before, customer by customer."""
        after, before = self.after(figure), self.before(figure)
        product = Moments.of(self.n, 0, self.row[f"{figure}_product"]).squares
        return Moments(self.n, after.total - before.total, after.squares + before.squares - 2 * product)


def groups(work: Work, actions: ir.Table, window: int) -> list[dict[str, Any]]:
    """One row per action and arm (1 treated, 0 control, None left out): its customers, and sums of what they bought.

    `window`: days after the action, its own day the first. Of a customer with several rows of one action the first day
    counts; a customer in both groups is left out, and so is one in neither where others of the action are in one.
    """
    given = work.engine.store(_given(work, actions, window))
    bought = _bought(work, given)
    rows = given.left_join(bought, ["action", "customer_id"], rname="{name}_bought")
    sums = rows.group_by("action", "arm").aggregate(**_sums(rows))
    found: list[dict[str, Any]] = work.engine.fetch(sums).to_pylist()
    return found


def _given(work: Work, actions: ir.Table, window: int) -> ir.Table:
    """action, customer_id, date, arm, cost, days: how many of the window have passed."""
    import ibis

    arm: Any = actions.arm.strip().lower() if "arm" in actions.columns else ibis.null("string")
    cost: Any = actions.cost if "cost" in actions.columns else ibis.null("decimal(18, 4)")
    said = actions.select(
        "customer_id",
        "date",
        action=actions.action.strip(),
        cost=cost,
        treated=arm.isin(TREATED).fill_null(False).cast("int8"),
        control=arm.isin(CONTROL).fill_null(False).cast("int8"),
    )
    once = said.group_by("action", "customer_id").aggregate(
        date=said.date.min(), cost=said.cost.sum(), treated=said.treated.max(), control=said.control.max()
    )
    named: Any = (once.treated + once.control).max().over(ibis.window(group_by=once.action)) > 0
    once = once.mutate(
        # where no row says anything, all were treated
        arm=ibis.cases(
            (~named, 1), ((once.treated == 1) & (once.control == 0), 1),
            ((once.treated == 0) & (once.control == 1), 0),
        ).cast("int8"),
        days=ibis.least(_days_until(once.date, ibis.literal(work.as_of)) + 1, window).cast("int64"),
    )  # fmt: skip
    return once.select("action", "customer_id", "date", "cost", "arm", "days")


def _days_until(first: Any, last: Any) -> Any:
    return last.delta(first, unit="day")


def _bought(work: Work, given: ir.Table) -> ir.Table:
    """By action and customer: each figure before and after the action, and all purchases ever before."""
    import ibis

    # the ledger's days are gone by now, and only those of some customers are asked
    orders = work.book.orders.semi_join(given, "customer_id")
    some = days_by_id(replace(work.book, orders=orders), work.calendar)
    money = [name for name in ("amount", "cost") if name in some.columns]
    days = some.group_by(customer_id="customer", day="day").aggregate(**{name: some[name].sum() for name in money})
    rows = given.select("action", "customer_id", "date", "days").join(days, "customer_id")
    since = _days_until(rows.date, rows.day)
    cost: Any = rows.cost if "cost" in rows.columns else ibis.literal(0)
    rows = rows.mutate(
        since=since,
        purchases=(rows.amount > 0).cast("int64"),
        value=(rows.amount - cost).cast("decimal(38, 4)"),
    )
    after: Any = (rows.since >= 0) & (rows.since < rows.days)
    before: Any = (rows.since < 0) & (rows.since >= -rows.days)
    sums = {
        f"{figure}_{name}": _whole(rows[figure].sum(where=where), figure)
        for name, where in (("after", after), ("before", before))
        for figure in FIGURES
    }
    return rows.group_by("action", "customer_id").aggregate(
        **sums, ever=rows.purchases.sum(where=rows.since < 0).coalesce(0)
    )


def _whole(total: Any, figure: str) -> Any:
    """0 for nothing; money in whole cents, so that squares have room."""
    if figure not in MONEY_FIGURES:
        return total.coalesce(0).cast("int64")
    return total.cast("decimal(38, 4)").cast(CENTS)


def _sums(rows: ir.Table) -> dict[str, Any]:
    """What is known of a group once its customers are added up."""
    sums: dict[str, Any] = {
        "customers": rows.count(),
        "buyers": (rows.purchases_after > 0).sum().coalesce(0),
        "first_day": rows.date.min(),
        "last_day": rows.date.max(),
        "cost": rows.cost.sum(),
        "costed": rows.cost.count(),
        "shortest": rows.days.min(),
    }
    for name in ("ever", "days"):
        sums |= {name: rows[name].sum(), f"{name}_squares": (rows[name] * rows[name]).sum()}
    for figure in FIGURES:
        after, before = rows[f"{figure}_after"], rows[f"{figure}_before"]
        sums |= {f"{figure}_after": after.sum(), f"{figure}_before": before.sum()}
        sums[f"{figure}_after_squares"] = _product(after, after, figure)
        sums[f"{figure}_before_squares"] = _product(before, before, figure)
        sums[f"{figure}_product"] = _product(after, before, figure)
    return sums


def _product(one: Any, other: Any, figure: str) -> Any:
    product = one * other
    # Ibis believes that the product has two decimals; the engine gives it four
    return (product.cast("decimal(38, 6)").cast(SQUARES) if figure in MONEY_FIGURES else product).sum()
