"""What customers had bought of each product at a few moments: now, and earlier ones from which can be learned."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from kezhi.engine import MONEY, Engine
from kezhi.ledger import SUM, drawn

if TYPE_CHECKING:
    import ibis.expr.types as ir

MOST_LINES = 500_000  # customer-days of products learned from; beyond them customers are drawn by a hash of their id
LATEST = 20  # products of a basket, or of a customer (those bought last), that pairs are made of
TRIGGERS = 10  # a customer's products, those bought last, that may give rise to another one by a rule
NEVER = "2000-01-01"


@dataclass(frozen=True)
class Moment:
    """A day at which needs are foreseen until another, with nothing known that came after it."""

    number: int
    day: date
    until: date
    now: bool = False

    @property
    def window(self) -> int:
        """Days from one to the other."""
        return (self.until - self.day).days


def moments(first: date, as_of: date, until: date) -> tuple[Moment, ...]:
    """Now, and up to two earlier moments a window apart, the newest last; `first`: the first day of the book.

    What followed the earliest teaches the chances that are tried at the second, and what followed the second teaches
    those of now.
    """
    window = timedelta(days=(until - as_of).days)
    found = [Moment(2, as_of, until, now=True)]
    for number in (1, 0):
        day = found[-1].day - window
        if day < first + window / 2:  # hardly anybody had bought before
            break
        found.append(Moment(number, day, day + window))
    return tuple(reversed(found))


@dataclass(frozen=True)
class Past:
    """Purchases by customer, product and day, as far as they were known at the newest moment.

    days: customer, product (the engine's keys), day, quantity, amount (of sales), back (of returns; negative).
    people: customer, customer_id. products: product, product_id. learnt: customer of those learned from.
    """

    engine: Engine
    moments: tuple[Moment, ...]
    days: ir.Table
    people: ir.Table
    products: ir.Table
    one_in: int

    @property
    def now(self) -> Moment:
        """The newest moment."""
        return self.moments[-1]

    @property
    def learnt(self) -> ir.Table:
        """The customers who are learned from."""
        return drawn(self.people, "customer_id", self.one_in).select("customer")

    def sample(self, rows: ir.Table) -> ir.Table:
        """Rows of the customers who are learned from."""
        return rows if self.one_in <= 1 else rows.semi_join(self.learnt, "customer")


def product_keys(engine: Engine, tables: tuple[ir.Table | None, ...]) -> ir.Table:
    """product_id and the engine's own key, `product`, of all products in the tables' column product_id."""
    found = [table.select(customer_id="product_id") for table in tables if table is not None]
    ids = _union(found)
    keyed = engine.keyed(ids.filter(ids.customer_id.notnull()).distinct())
    return keyed.rename(product_id="customer_id", product="customer")


def open_past(
    engine: Engine,
    orders: ir.Table,
    people: ir.Table,
    products: ir.Table,
    found: tuple[Moment, ...],
    most_lines: int = MOST_LINES,
) -> Past:
    """The past of order lines (customer_id, product_id, date, amount, maybe quantity) at some moments."""
    import ibis

    lines = orders.filter(orders.product_id.notnull())
    quantity: Any = lines.quantity.cast(MONEY) if "quantity" in lines.columns else ibis.literal(1).cast(MONEY)
    nothing = ibis.literal(0).cast(MONEY)
    # a sale without a positive number of pieces is one piece
    pieces: Any = ibis.ifelse(quantity > 0, quantity, ibis.literal(1).cast(MONEY)).coalesce(1)
    sold: Any = lines.amount > 0
    lines = lines.select(
        "customer_id",
        "product_id",
        day=lines.date,
        quantity=ibis.ifelse(sold, pieces, nothing),
        amount=ibis.ifelse(sold, lines.amount, nothing),
        back=ibis.ifelse(lines.amount < 0, lines.amount, nothing),
    )
    keyed = lines.join(people.select("customer_id", "customer"), "customer_id").join(products, "product_id")
    by_day = keyed.group_by("customer", "product", "day").aggregate(
        **{name: keyed[name].sum().cast(SUM) for name in ("quantity", "amount", "back")}
    )
    days = engine.store(by_day)
    count = engine.row(days.aggregate(rows=days.count()))["rows"]
    past = Past(engine, found, days, people, products, 1)
    return replace(past, one_in=-(-count // most_lines) if count > most_lines else 1)


def holdings(past: Past) -> ir.Table:
    """One row per moment, customer and product, stored: what the customer had of it, and whether they bought it after.

    owned: bought, and not all of it given back; times (days with a sale), first_on, last_on, quantity; recent (days
    with a sale within the window before); place: the customer's products from the one bought last; came: bought
    within the window after. At an earlier moment of the customers who are learned from only.
    """
    import ibis

    rows = _union([_held(past, moment) for moment in past.moments])
    order = [ibis.desc("owned"), ibis.desc("last_on"), ibis.desc("times"), "product"]
    place: Any = ibis.row_number().over(ibis.window(group_by=["moment", "customer"], order_by=order))
    return past.engine.store(rows.filter(rows.owned | rows.came).mutate(place=place.cast("int32")))


def _held(past: Past, moment: Moment) -> ir.Table:
    days = past.days.filter(past.days.day <= moment.until)
    if not moment.now:
        days = past.sample(days)
    sold: Any = days.amount > 0
    before: Any = days.day <= moment.day
    lately: Any = days.day > moment.day - timedelta(days=moment.window)
    left: Any = (days.amount + days.back).sum(where=before)
    found = days.group_by("customer", "product").aggregate(
        times=(sold & before).sum().cast("int32"),
        first_on=days.day.min(where=sold & before),
        last_on=days.day.max(where=sold & before),
        recent=(sold & before & lately).sum().cast("int32"),
        quantity=days.quantity.sum(where=before).cast(SUM),
        left=left,
        came=(sold & ~before).any(),
    )
    owned: Any = (found.times > 0) & (found.left.coalesce(0) > 0)
    return found.mutate(moment=_number(moment.number), owned=owned.coalesce(False)).drop("left")


def activities(past: Past, held: ir.Table) -> ir.Table:
    """moment, customer and `activity` of all who had bought, stored.

    The number of products bought on days of the window before, in powers of two (1: one, 2: two or three, ...); 0 and
    -1: none, and the last purchase was within, or not within, the two windows before.
    """
    import ibis

    owned = held.filter(held.owned)
    sums = owned.group_by("moment", "customer").aggregate(recent=owned.recent.sum(), last_on=owned.last_on.max())
    edges = [(m.number, m.day - timedelta(days=2 * m.window)) for m in past.moments]
    edge: Any = sums.moment.cases(*edges, else_=date.fromisoformat(NEVER))
    power: Any = ibis.least(sums.recent.cast("float64").log2().floor(), 10.0) + 1.0
    away: Any = ibis.ifelse(sums.last_on > edge, 0.0, -1.0)
    activity: Any = ibis.ifelse(sums.recent > 0, power, away)
    return past.engine.store(sums.select("moment", "customer", activity=activity.cast("int32")))


def product_facts(past: Past, held: ir.Table) -> ir.Table:
    """moment, product, customers, interval and `rank` of every product that somebody has, stored.

    customers: how many had it; interval: mean days from one purchase to the next of the same customer, null where
    nobody bought it twice; rank: the most bought of the window before first. From the customers learned from.
    """
    import ibis

    owned = past.sample(held.filter(held.owned))
    span: Any = owned.last_on.delta(owned.first_on, unit="day").cast("int64")
    sums = owned.group_by("moment", "product").aggregate(
        customers=owned.count(),
        days=span.sum(),
        gaps=(owned.times - 1).sum(),
        lately=(owned.recent > 0).sum(),
    )
    order = [ibis.desc("lately"), ibis.desc("customers"), "product"]
    rank: Any = ibis.row_number().over(ibis.window(group_by="moment", order_by=order))
    return past.engine.store(
        sums.select(
            "moment",
            "product",
            "customers",
            interval=sums.days.cast("float64") / sums.gaps.nullif(0),
            rank=rank.cast("int32"),
        )
    )


def _number(value: int) -> Any:
    import ibis

    return ibis.literal(value, type="int32")


def _union(tables: list[ir.Table]) -> ir.Table:
    import ibis

    return ibis.union(*tables) if len(tables) > 1 else tables[0]
