"""The needs of every customer as they are written: product, day, chance, expected value, and why."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from kezhi.engine import MONEY
from kezhi.ledger import SUM
from kezhi.worth.needs.candidates import Known
from kezhi.worth.needs.past import Past

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from kezhi.ledger import Book, Ledger

LIKELIEST = ("again", "replacement")  # needs of a product that the customer already has


def price_tags(past: Past, book: Book) -> ir.Table:
    """product, product_id, name, price, unit_cost and usual quantity of every product, stored.

    price: one piece, as the product table has it, else what was paid for a piece on the last day it was sold. quantity:
    the median over the customer-days with a sale of it, of the customers learned from.
    """
    import ibis

    sold = past.days.filter(past.days.amount > 0)
    by_day = sold.group_by("product", "day").aggregate(amount=sold.amount.sum(), quantity=sold.quantity.sum())
    paid: Any = by_day.amount.cast("float64") / by_day.quantity.cast("float64").nullif(0.0)
    by_day = by_day.mutate(paid=paid, number=by_day.day.epoch_days().cast("int32"))
    engine = past.engine
    last = by_day.group_by("product").aggregate(paid=engine.latest(by_day.paid, by_day.number, by_day.paid.notnull()))
    some = past.sample(sold)
    usual = some.group_by("product").aggregate(quantity=some.quantity.cast("float64").median())
    tags = past.products.left_join(last, "product", rname="{name}_l").left_join(usual, "product", rname="{name}_u")
    tags = tags.select("product", "product_id", "paid", quantity=tags.quantity.coalesce(1.0))
    told = _told(book)
    if told is not None:
        tags = tags.left_join(told, "product_id", rname="{name}_t").drop("product_id_t")
    known = set(tags.columns)
    price: Any = tags.price if "price" in known else ibis.null(MONEY)
    return engine.store(
        tags.select(
            "product",
            "product_id",
            "quantity",
            name=tags.name if "name" in known else ibis.null("string"),
            price=price.cast("float64").coalesce(tags.paid),
            unit_cost=tags.unit_cost.cast("float64") if "unit_cost" in known else ibis.null("float64"),
        )
    )


def _told(book: Book) -> ir.Table | None:
    """What the product table says, once for each product."""
    products = book.products
    names = [n for n in ("name", "price", "unit_cost") if products is not None and n in products.columns]
    if products is None or not names:
        return None
    return products.group_by("product_id").aggregate(**{name: products[name].max() for name in names})


def visits(ledger: Ledger) -> ir.Table:
    """customer, and the day of the next purchase if it comes after the customer's own interval; not stored.

    The interval is the mean of the customer's own, with the company's counted as one more.
    """
    people = ledger.statistics.filter(ledger.statistics.purchases > 0)
    totals = ledger.engine.row(
        people.aggregate(days=people.recency_days.cast("int64").sum(), gaps=people.repeat_purchases.sum())
    )
    if not totals["gaps"]:
        return people.select("customer", next_on=people.last_purchase)
    typical = float(totals["days"]) / float(totals["gaps"])
    interval: Any = (people.recency_days.cast("float64") + typical) / people.purchases.cast("float64")
    due: Any = people.last_purchase + interval.round().cast("int32").as_interval("D")
    return people.select("customer", next_on=due.cast("timestamp").cast("date"))


def needs_table(known: Known, chosen: ir.Table, tags: ir.Table, coming: ir.Table, correction: float) -> ir.Table:
    """The rows of needs.parquet in their order; `chosen` as `best` makes them, `coming` as `visits` does.

    A day lies within the window: one that has passed is tomorrow, one after it the window's last. `correction` moves
    the odds of every chance.
    """
    import ibis

    now = known.past.now
    had = known.held.filter(known.held.owned & (known.held.moment == now.number))
    had = had.select("customer", "product", own=had.quantity.cast("float64") / had.times.cast("float64"))
    rows = chosen.left_join(had, ["customer", "product"], rname="{name}_had")
    rows = rows.join(tags, "product", rname="{name}_tag")
    main = tags.select(because="product", because_product_id="product_id", because_name="name")
    rows = rows.left_join(main, "because", rname="{name}_main")
    rows = rows.left_join(coming, "customer", rname="{name}_visit").join(known.past.people, "customer")
    rows = rows.mutate(**_figures(rows, correction))
    day: Any = ibis.least(rows.due.coalesce(rows.next_on), ibis.literal(now.until))
    first = ibis.literal(now.day + timedelta(days=1))
    again: Any = rows.kind.isin(LIKELIEST)
    return rows.order_by("customer", "rank").select(
        "customer_id",
        "rank",
        "product_id",
        product_name=rows.name,
        kind=rows.kind,
        expected_on=ibis.ifelse(day.isnull(), ibis.null("date"), ibis.greatest(day, first)),
        probability=rows.probability,
        price=money(rows.price),
        quantity=rows.pieces,
        value=money(rows.price * rows.pieces),
        expected_value=money(rows.probability * rows.price * rows.pieces),
        expected_profit=money(rows.probability * (rows.price - rows.unit_cost) * rows.pieces),
        because_product_id=ibis.ifelse(rows.kind == "popular", ibis.null("string"), rows.because_product_id),
        because_name=ibis.ifelse(rows.kind == "popular", ibis.null("string"), rows.because_name),
        because_on=rows.because_on,
        times=rows.times,
        interval_days=ibis.ifelse(again, rows.days, ibis.null("float64")),
        support=rows.support,
        confidence=rows.confidence,
        lift=rows.lift,
    )


def _figures(rows: ir.Table, correction: float) -> dict[str, Any]:
    chance: Any = rows.probability
    corrected = chance * correction / (1.0 - chance + chance * correction)
    return {"probability": corrected, "pieces": rows.own.coalesce(rows.quantity)}


def money(value: Any) -> Any:
    """A computed amount as money."""
    return value.round(4).cast(SUM)


def rules_table(known: Known, tags: ir.Table) -> ir.Table:
    """The rows of product_rules.parquet in their order: the rules as known now."""
    import ibis

    rules = known.rules.filter(known.rules.moment == known.past.now.number)
    names = tags.select("product", "product_id", "name")
    then = tags.select(then="product", then_product_id="product_id", then_name="name")
    rows = rules.join(names, "product", rname="{name}_a").join(then, "then", rname="{name}_b")
    order = ["scope", "product", ibis.desc("confidence"), ibis.desc("lift"), "then"]
    return rows.order_by(order).select(
        "scope",
        "product_id",
        product_name=rows.name,
        then_product_id=rows.then_product_id,
        then_name=rows.then_name,
        both=rows.both,
        having=rows.having,
        having_then=rows.having_then,
        sets=rows.sets,
        support=rows.support,
        confidence=rows.confidence,
        lift=rows.lift,
    )
