"""What kind of purchase every order line is: a first one, one by referral, an upgrade, a cross-sale or a repeat.

Only the first time that a customer buys a product has to be looked at: every later line of it is a repeat. So order
lines are added up by customer and product once, and all questions are asked of the pairs.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from kezhi.ledger import SUM, as_sum, returns_on_their_order, with_keys
from kezhi.worth.work import Found, Work

if TYPE_CHECKING:
    import ibis.expr.types as ir

KINDS = ("first", "referral", "upgrade", "cross_sell", "repeat", "unknown", "return")
UPGRADE = ("upgrade", "升级")


def measured(work: Work) -> Found | None:
    """The kinds of all order lines by period; None where order lines name no product.

    Writes line_kinds.parquet: period, kind, referred (whether somebody sent the customers), lines, amount. `first`: the
    first day with a purchase of a customer whom nobody sent; `referral`: that of one who was sent; `upgrade`: on a
    later day a product not bought before, of a higher version than any of its family bought before, or named by an
    upgrade link from a product bought before; `cross_sell`: another product not bought before, of a category not bought
    before (of any, where its category is not known); `repeat`: everything else. `unknown`: after the first day, without
    a product. `return`: negative lines, on the day of their order. The amounts add up to the purchases of the company.
    """
    if "product_id" not in work.book.orders.columns:
        return None
    engine = work.engine
    sold = engine.store(_sold(work))
    pairs = engine.store(_first_times(work, sold))
    if not engine.row(pairs.aggregate(rows=pairs.count()))["rows"]:
        return None
    table = engine.store(_by_period(work, sold, _kinds(work, pairs)))
    engine.write_parquet(table.order_by("period", "kind", "referred"), work.folder / "line_kinds.parquet")
    return Found(facts=_facts(engine.fetch(table).to_pylist()))


# --- order lines ------------------------------------------------------------------------------------------


def _sold(work: Work) -> ir.Table:
    """customer, product_id, day: the amount and number of lines sold; a sale's day is its own."""
    orders = work.book.orders.filter(work.book.orders.amount > 0)
    lines = with_keys(orders.select("customer_id", "product_id", "amount", day="date"), work.ledger.people)
    return lines.group_by("customer", "product_id", "day").aggregate(
        amount=lines.amount.sum().cast(SUM), lines=lines.count().cast("int64")
    )


def _returned(work: Work) -> ir.Table:
    """customer, day, amount of the lines returned, on the day on which the ledger books them."""
    wanted = [name for name in ("date", "amount", "order_id") if name in work.book.orders.columns]
    # by the customers' ids, so that only the returns, which are few, are given their keys
    lines = returns_on_their_order(work.book.orders.select("customer_id", *wanted).rename(customer="customer_id"))
    back = lines.filter(lines.amount < 0).select("day", "amount", customer_id="customer")
    return with_keys(back, work.ledger.people)


def _first_times(work: Work, sold: ir.Table) -> ir.Table:
    """customer, product_id, since (its first day), begun (the customer's first day), amount and lines of `since`."""
    earliness: Any = 0 - sold.day.epoch_days().cast("int32")
    pairs = sold.group_by("customer", "product_id").aggregate(
        since=sold.day.min(),
        amount=work.engine.latest(sold.amount, earliness.cast("int32"), sold["lines"] > 0),
        lines=work.engine.latest(sold["lines"], earliness.cast("int32"), sold["lines"] > 0),
    )
    begun = sold.group_by("customer").aggregate(begun=sold.day.min())
    return pairs.join(begun, "customer")


# --- kinds ------------------------------------------------------------------------------------------------


def _kinds(work: Work, pairs: ir.Table) -> ir.Table:
    """The pairs with the kind of their first time."""
    import ibis

    known = work.engine.store(_with_products(work, pairs))
    upgrades = _upgrades(work, known)
    found = known.left_join(upgrades, [("customer", "up_customer"), ("product_id", "up_product")])
    new: Any = found.category.isnull() | (found.since == found.category_since)
    kind = ibis.cases(
        (found.since == found.begun, "first"),
        (found.product_id.isnull(), "unknown"),
        (found.up_customer.notnull(), "upgrade"),
        (new, "cross_sell"),
        else_="repeat",
    )
    return found.select("customer", "since", "amount", "lines", kind=kind, otherwise=_otherwise(found))


def _with_products(work: Work, pairs: ir.Table) -> ir.Table:
    """Pairs with category, category_since (the customer's first day of it), family, rank (of the version in it)."""
    import ibis

    products = _products(work)
    if products is None:
        nothing = ibis.null("string")
        return pairs.mutate(category=nothing, category_since=ibis.null("date"), family=nothing, rank=_zero("int64"))
    joined = pairs.left_join(products.rename(known_product="product_id"), [("product_id", "known_product")])
    joined = joined.drop("known_product")
    # of no category there is no first day, and none is asked for
    first = joined.filter(joined.category.notnull()).group_by(of="customer", of_category="category")
    first = first.aggregate(category_since=lambda t: t.since.min())
    return joined.left_join(first, [("customer", "of"), ("category", "of_category")]).drop("of", "of_category")


def _products(work: Work) -> ir.Table | None:
    """product_id, category, family, rank: one row per product; versions count up within their family."""
    import ibis

    products = work.book.products
    if products is None:
        return None
    told = {
        name: products[name].max() if name in products.columns else ibis.null("string")
        for name in ("category", "family", "version")
    }
    rows = products.group_by("product_id").aggregate(**told)
    numbers = [_number_in(rows.version, place) for place in range(3)]
    order = ibis.window(group_by="family", order_by=[*numbers, "version"])
    versioned: Any = rows.family.notnull() & rows.version.notnull()
    rank: Any = ibis.ifelse(versioned, ibis.dense_rank().over(order), None)
    return work.engine.store(rows.select("product_id", "category", "family", rank=rank.cast("int64")))


def _number_in(version: Any, place: int) -> Any:
    """The first, second or third number of a version: 10 comes after 9, 2.10 after 2.9, "mark 3" after "mark 2"."""
    before = r"\D+".join([r"\d{1,9}"] * place)
    found = version.re_extract(rf"^\D*{before}{'[^0-9]+' if place else ''}(\d{{1,9}})", 1)
    return found.nullif("").cast("int64").coalesce(-1)


def _upgrades(work: Work, known: ir.Table) -> ir.Table:
    """up_customer, up_product of first times that are upgrades."""
    versions = known.filter(known.family.notnull() & known.rank.notnull())
    earlier = versions.select(of="customer", of_family="family", of_since="since", of_rank="rank")
    both = versions.join(earlier, [("customer", "of"), ("family", "of_family")])
    both = both.filter(both.of_since < both.since)
    highest = both.group_by(up_customer="customer", up_product="product_id").aggregate(
        rank=both["rank"].max(), highest=both.of_rank.max()
    )
    found = highest.filter(highest["rank"] > highest.highest).select("up_customer", "up_product")
    links = _links(work)
    if links is None:
        return work.engine.store(found)
    old = known.select(of="customer", of_product="product_id", of_since="since")
    led = known.join(links, [("product_id", "linked_id")]).join(old, [("customer", "of"), ("from_id", "of_product")])
    led = led.filter(led.of_since < led.since).select(up_customer="customer", up_product="product_id")
    return work.engine.store(found.union(led).distinct())


def _links(work: Work) -> ir.Table | None:
    """from_id, linked_id: products of which the second is an upgrade of the first, as the user says."""
    links = work.book.product_links
    if links is None or "kind" not in links.columns:
        return None
    upgrades = links.filter(links.kind.strip().lower().isin(UPGRADE))
    return upgrades.select("linked_id", from_id="product_id").distinct()


# --- by period --------------------------------------------------------------------------------------------


def _by_period(work: Work, sold: ir.Table, kinds: ir.Table) -> ir.Table:
    """period, kind, referred, lines, amount: first times by their kind, what is left of the sales as repeats."""
    import ibis

    number = work.calendar.numbers
    key = ["number", "kind", "referred"]
    first = _referred(work, kinds.mutate(number=number(kinds.since)))
    first = work.engine.store(_summed(first, [*key, "otherwise"], ("lines", "amount")))
    every = _referred(work, sold.mutate(number=number(sold.day), kind=_otherwise(sold)))
    every = work.engine.store(_summed(every, key, ("lines", "amount")))
    back = _returned(work)
    back = _referred(work, back.mutate(number=number(back.day), lines=_one(), kind=ibis.literal("return")))
    back = work.engine.store(_summed(back, key, ("lines", "amount")))
    sent: Any = (first.kind == "first") & first.referred
    parts = [
        _part(first, ibis.ifelse(sent, "referral", first.kind), first["lines"], first.amount),
        _part(first, first.otherwise, -first["lines"], -first.amount),
        _part(every, every.kind, every["lines"], every.amount),
        _part(back, back.kind, back["lines"], back.amount),
    ]
    sums = _summed(ibis.union(*parts), key, ("lines", "amount"))
    some = sums.filter(sums["lines"] != 0)
    return some.select(work.calendar.starts(some.number).name("period"), "kind", "referred", "lines", "amount")


def _summed(rows: ir.Table, key: list[str], names: tuple[str, ...]) -> ir.Table:
    """Numbers of lines and amounts added up."""
    kinds = {name: SUM if name.startswith("amount") else "int64" for name in names}
    return rows.group_by(key).aggregate(**{name: rows[name].sum().cast(kind) for name, kind in kinds.items()})


def _part(rows: ir.Table, kind: Any, lines: Any, amount: Any) -> ir.Table:
    return rows.select("number", "referred", kind=kind, lines=lines.cast("int64"), amount=as_sum(amount))


def _referred(work: Work, rows: ir.Table) -> ir.Table:
    """Rows with whether somebody sent the customer."""
    import ibis

    if work.forest is None:
        return rows.mutate(referred=ibis.literal(False))
    sent = work.forest.members.filter(lambda t: t.generation > 0).select(sent="customer")
    joined = rows.left_join(sent, [("customer", "sent")])
    return joined.mutate(referred=joined.sent.notnull()).drop("sent")


def _otherwise(rows: ir.Table) -> Any:
    """What a line is that is neither of the first day nor the first of its product."""
    import ibis

    return ibis.ifelse(rows.product_id.isnull(), "unknown", "repeat")


def _facts(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Totals by kind, in the order of KINDS; shares are of what was sold."""
    sold = sum((row["amount"] for row in rows if row["kind"] != "return"), Decimal(0))
    kinds = []
    for kind in KINDS:
        own = [row for row in rows if row["kind"] == kind]
        if own:
            amount = sum((row["amount"] for row in own), Decimal(0))
            share = float(amount) / float(sold)
            kinds.append({"kind": kind, "lines": sum(row["lines"] for row in own), "amount": amount, "share": share})
    referred = sum((row["amount"] for row in rows if row["referred"]), Decimal(0))
    return {"amount": sum((row["amount"] for row in rows), Decimal(0)), "referred_amount": referred, "kinds": kinds}


def _zero(kind: str) -> Any:
    import ibis

    return ibis.literal(0).cast(kind)


def _one() -> Any:
    import ibis

    return ibis.literal(1).cast("int64")
