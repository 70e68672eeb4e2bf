"""Which products go together, learned from baskets and from what customers have: support, confidence and lift."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kezhi.worth.needs.past import LATEST, Past

if TYPE_CHECKING:
    import ibis.expr.types as ir

SCOPES = ("basket", "history")  # bought on the same day; bought by the same customer
MOST_PRODUCTS = 5_000  # the products that pairs are made of: those that most customers have
MOST_COMMON = 0.5  # what is in more than half of all sets goes with everything, and tells nothing
PER_PRODUCT = 3  # the strongest rules of each product are kept


def learn_rules(past: Past, held: ir.Table, facts: ir.Table, least: int, only: ir.Table | None = None) -> ir.Table:
    """Rules "who has this also has that", stored: moment, scope, product, then, both, sets, support, confidence, lift.

    A set is what a customer bought on one day (scope basket) or all that the customer has (history), of each at most
    LATEST products; so that a set adds at most LATEST x (LATEST - 1) pairs, whatever is in it. A rule needs `least`
    sets with both and a lift above 1. With `only` (a column product) the rules that lead to those products, all of
    them; else the PER_PRODUCT most confident of each product.
    """
    import ibis

    sets = past.engine.store(_sets(past, held, facts))
    key = ["scope", "moment", "customer", "day"]
    pairs = sets.select(*key, "product").join(sets.select(*key, then="product"), key, rname="{name}_too")
    pairs = pairs.filter(pairs.product != pairs.then)
    counted = past.engine.store(pairs.group_by("scope", "moment", "product", "then").aggregate(both=pairs.count()))
    alone = sets.group_by("scope", "moment", "product").aggregate(both=sets.count())
    total = sets.group_by("scope", "moment").aggregate(both=(sets.place == 0).sum())
    both = _known_at(past, counted, "product", "then")
    both = both.filter(both.both >= least)
    singles = past.engine.store(_known_at(past, alone, "product"))
    rules = both.join(singles.rename(having="both"), ["scope", "moment", "product"])
    rules = rules.join(singles.rename(then="product", having_then="both"), ["scope", "moment", "then"])
    rules = rules.join(_known_at(past, total).rename(sets="both"), ["scope", "moment"])
    confidence: Any = rules.both.cast("float64") / rules.having
    rules = rules.mutate(
        support=rules.both.cast("float64") / rules.sets,
        confidence=confidence,
        lift=confidence * rules.sets / rules.having_then,
    )
    rules = rules.filter((rules.lift > 1) & (rules.having <= rules.sets * MOST_COMMON))
    if only is not None:
        return past.engine.store(rules.semi_join(only.select(then="product"), "then"))
    order = [ibis.desc("confidence"), ibis.desc("lift"), "then"]
    rank: Any = ibis.row_number().over(ibis.window(group_by=["scope", "moment", "product"], order_by=order))
    rules = rules.mutate(rank=rank)
    return past.engine.store(rules.filter(rules["rank"] < PER_PRODUCT).drop("rank"))


def _sets(past: Past, held: ir.Table, facts: ir.Table) -> ir.Table:
    """scope, moment, customer, day, product, place: histories at each moment; baskets by the first that knows them."""
    import ibis

    owned = past.sample(held.filter(held.owned & (held.place < LATEST)))
    histories = owned.select(
        "customer",
        "product",
        "moment",
        scope=ibis.literal("history"),
        day=ibis.literal(past.now.day),
        before=0 - owned.place.cast("float64"),
    )
    days = past.sample(past.days.filter(past.days.amount > 0))
    first = past.moments[0].number
    known = [(days.day <= m.day, ibis.literal(m.number, type="int32")) for m in past.moments[:-1]]
    number: Any = ibis.cases(*known, else_=past.now.number) if known else ibis.literal(first, type="int32")
    baskets = days.select(
        "customer",
        "product",
        moment=number.cast("int32"),
        scope=ibis.literal("basket"),
        day=days.day,
        before=days.amount.cast("float64"),
    )
    common = facts.group_by("product").aggregate(customers=facts.customers.max())
    order = [ibis.desc("customers"), "product"]
    common = common.order_by(order).limit(MOST_PRODUCTS)
    rows = histories.union(baskets).semi_join(common, "product")
    within = ibis.window(group_by=["scope", "moment", "customer", "day"], order_by=[ibis.desc("before"), "product"])
    rows = rows.mutate(place=ibis.row_number().over(within))
    return rows.filter(rows.place < LATEST).drop("before")


def _known_at(past: Past, counts: ir.Table, *names: str) -> ir.Table:
    """Counts as known at each moment: baskets add up from one to the next, histories are counted at each."""
    import ibis

    found = []
    for moment in past.moments:
        history: Any = (counts.scope == "history") & (counts.moment == moment.number)
        basket: Any = (counts.scope == "basket") & (counts.moment <= moment.number)
        some = counts.filter(history | basket)
        sums = some.group_by("scope", *names).aggregate(both=some.both.sum().cast("int64"))
        found.append(sums.mutate(moment=ibis.literal(moment.number, type="int32")))
    return ibis.union(*found) if len(found) > 1 else found[0]
