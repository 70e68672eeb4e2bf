"""Every need that a customer may have, with its reason: one row per customer, product and kind of reason."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from kezhi.worth.needs.past import TRIGGERS, Moment, Past
from kezhi.worth.needs.rates import AGES, CONFIDENCES, LIVES, RANKS, RATIOS, STRENGTHS, TIMES
from kezhi.worth.needs.shelf import Offered

if TYPE_CHECKING:
    import ibis.expr.types as ir

MOST_LIVES = LIVES / 4  # after so many lives without another one, a product is no longer replaced
# what a candidate carries beside moment, customer, product, kind, strength: only what candidates are ordered by, for
# there are some thirty of each customer; the rest of the reason follows for the few that are kept, see `with_reasons`
REASON = {
    "because": None,  # the product that gives rise to the need; its type is that of the engine's key
    "times": "int32",  # on how many days
    "lift": "float64",
}
NARROW = ("moment", "customer", "product", "kind", "came", *REASON)
SITUATION = ("kind", "activity", "strength")  # by which chances are learned


@dataclass(frozen=True)
class Known:
    """All that candidates are made from, as stored tables."""

    past: Past
    held: ir.Table
    activities: ir.Table
    facts: ir.Table
    rules: ir.Table
    offered: Offered


def candidates(known: Known, moments: tuple[Moment, ...], only: ir.Table | None = None) -> ir.Table:
    """The columns of NARROW, activity and strength; not stored.

    `only`: a table with a column product; candidates for those products. A product the customer has is proposed again
    or as a replacement, any other for the other reasons; one no longer sold gives way to what took its place.
    """
    import ibis

    numbers = [m.number for m in moments]
    held = known.held.filter(known.held.moment.isin(numbers))
    owned = held.filter(held.owned)
    parts = [_again(known, owned, moments), _replacements(known, owned, moments)]
    others = [_offers(known, owned, moments), _rules(known, owned), _popular(known, moments)]
    found = [part for part in parts if part is not None]
    rows = _in_place_of_gone(known, ibis.union(*found) if len(found) > 1 else found[0])
    new = ibis.union(*(part for part in others if part is not None))
    new, key = _without_gone(known, new), ["moment", "customer", "product"]
    if only is not None:
        rows, new = rows.semi_join(only, "product"), new.semi_join(only, "product")
    if all(m.now for m in moments):  # of now nothing has come yet
        rows = rows.union(new.anti_join(owned, key)).mutate(came=ibis.literal(False))
    else:
        had = held.select(*key, "owned", "came")
        rows = rows.union(new).left_join(had, key, rname="{name}_had")
        rows = rows.filter(rows.kind.isin(codes("again", "replacement")) | ~rows.owned.coalesce(False))
        rows = rows.mutate(came=rows.came.coalesce(False))
    people = known.activities.filter(known.activities.moment.isin(numbers))
    return rows.join(people, ["moment", "customer"], rname="{name}_of").select(*NARROW, "activity", "strength")


def _elapsed(rows: ir.Table, moments: tuple[Moment, ...]) -> Any:
    """Days from the last purchase to the moment."""
    import ibis

    day: Any = rows.moment.cases(*((m.number, m.day) for m in moments), else_=date(1, 1, 1))
    return day.cast("date").delta(rows.last_on, unit="day").cast("float64") if moments else ibis.null("float64")


def codes(*kinds: str) -> list[int]:
    """Kinds as candidates have them: by their place in STRENGTHS, which takes less room than the words."""
    return [list(STRENGTHS).index(kind) for kind in kinds]


def _coded(kind: Any) -> Any:
    """The code of a column of words."""
    return kind.cases(*((word, at) for at, word in enumerate(STRENGTHS)), else_=len(STRENGTHS)).cast("int32")


def _row(rows: ir.Table, kind: Any, strength: Any, **reason: Any) -> ir.Table:
    """Candidates in the common columns; `rows` has moment, customer, product."""
    import ibis

    key = rows.product.type()
    given = {
        name: (reason[name] if name in reason else ibis.null(kind_ or key)).cast(kind_ or key)
        for name, kind_ in REASON.items()
    }
    said = ibis.literal(codes(kind)[0], type="int32") if isinstance(kind, str) else kind
    return rows.select("moment", "customer", "product", kind=said, strength=strength.cast("int32"), **given)


def _clipped(value: Any, most: int) -> Any:
    """A whole number from 0 to most - 1."""
    import ibis

    return ibis.greatest(ibis.least(value.floor(), float(most - 1)), 0.0)


def own_interval(times: Any, first_on: Any, last_on: Any, typical: Any) -> Any:
    """Mean days between a customer's purchases, the product's typical interval counted as one more of them.

    So one purchase gives the typical interval, and a few are drawn towards it.
    """
    span = last_on.delta(first_on, unit="day").cast("float64")
    return (span + typical) / times.cast("float64")


def _interval(rows: ir.Table) -> Any:
    """Days after which the customer is expected to buy it again; null where nobody ever did."""
    import ibis

    return ibis.greatest(own_interval(rows.times, rows.first_on, rows.last_on, rows.interval), 1.0)


def _again(known: Known, owned: ir.Table, moments: tuple[Moment, ...]) -> ir.Table:
    """What is bought repeatedly, by this customer or by others."""
    import ibis

    rows = owned.join(known.facts.select("moment", "product", "interval"), ["moment", "product"])
    rows = rows.mutate(days=_interval(rows), elapsed=_elapsed(rows, moments)).filter(lambda t: t.interval.notnull())
    often = _clipped(rows.times.cast("float64").log2().ceil(), TIMES)
    late = _clipped((ibis.greatest(rows.elapsed, 0.25) / rows.days).log2() + 4.0, RATIOS)
    return _row(
        rows,
        "again",
        often * RATIOS + late,
        because=rows.product,
        times=rows.times,
    )


def _later(day: Any, days: Any) -> Any:
    """So many days after a day; the engine makes a time of that, Ibis believes a day."""
    return (day + days.round().cast("int32").as_interval("D")).cast("timestamp").cast("date")


def _replacements(known: Known, owned: ir.Table, moments: tuple[Moment, ...]) -> ir.Table | None:
    """What will be at the end of its life by the end of the window, or lately was."""
    lives = known.offered.lives
    if lives is None:
        return None
    rows = owned.join(lives, "product")
    rows = rows.mutate(days=rows.life_days.cast("float64"), elapsed=_elapsed(rows, moments))
    until: Any = rows.moment.cases(*((m.number, float(m.window)) for m in moments), else_=0.0)
    rows = rows.filter((rows.days <= rows.elapsed + until) & (rows.elapsed < MOST_LIVES * rows.days))
    return _row(
        rows,
        "replacement",
        _clipped(rows.elapsed / rows.days * 4.0, LIVES),
        because=rows.product,
        times=rows.times,
    )


def _offers(known: Known, owned: ir.Table, moments: tuple[Moment, ...]) -> ir.Table | None:
    """What the company says goes with a product that the customer has, or is newer."""
    if known.offered.offers is None:
        return None
    offers = known.offered.offers.mutate(kind=_coded(known.offered.offers.kind))
    rows = owned.join(offers, ["moment", "product"], rname="{name}_offered")
    rows = rows.mutate(main=rows.product, product=rows.then, elapsed=_elapsed(rows, moments))
    windows: Any = rows.moment.cases(*((m.number, float(m.window)) for m in moments), else_=1.0)
    strength = _clipped(rows.elapsed / windows, AGES)
    return _row(rows, rows.kind, strength, because=rows.main, times=rows.times)


def _rules(known: Known, owned: ir.Table) -> ir.Table:
    """What others have who have one of the products this customer bought last."""
    latest = owned.filter(owned.place < TRIGGERS)
    strength: Any = _clipped(known.rules.confidence.log2() * -2.0, CONFIDENCES).cast("int32")
    rules = known.rules.select("moment", "product", "then", "lift", kind=_coded(known.rules.scope), strength=strength)
    rows = latest.join(rules, ["moment", "product"], rname="{name}_rule")
    rows = rows.mutate(main=rows.product, product=rows.then)
    return _row(rows, rows.kind, rows.strength, because=rows.main, times=rows.times, lift=rows.lift)


def _popular(known: Known, moments: tuple[Moment, ...]) -> ir.Table:
    """What most customers bought of late."""
    best = known.facts.filter(known.facts["rank"] < RANKS).select("moment", "product", at="rank")
    people = known.activities.filter(known.activities.moment.isin([m.number for m in moments]))
    rows = people.join(best, "moment", rname="{name}_best")
    return _row(rows, "popular", rows["at"].cast("float64"))


def _in_place_of_gone(known: Known, rows: ir.Table) -> ir.Table:
    """The successor of what is no longer sold; nothing where there is none."""
    if known.offered.gone is None:
        return rows
    gone = known.offered.gone.mutate(gone=True)
    joined = rows.left_join(gone, ["moment", "product"], rname="{name}_gone")
    joined = joined.filter(joined.gone.isnull() | joined.instead.notnull())
    return joined.mutate(product=joined.instead.coalesce(joined.product)).select(*rows.columns)


def _without_gone(known: Known, rows: ir.Table) -> ir.Table:
    gone = known.offered.gone
    return rows if gone is None else rows.anti_join(gone, ["moment", "product"])


def with_chances(rows: ir.Table, cells: ir.Table | None, factors: ir.Table | None) -> ir.Table:
    """Candidates (NARROW) with `probability` by the rates learned a moment before; null where nothing was learned."""
    import ibis

    if cells is None:
        return rows.select(*NARROW, probability=ibis.null("float64"))
    rows = rows.left_join(cells, ["moment", *SITUATION], rname="{name}_cell")
    if factors is None:
        return rows.select(*NARROW, probability="chance")
    rows = rows.left_join(factors, ["moment", "kind", "product"], rname="{name}_factor")
    more: Any = rows.factor.coalesce(1.0)
    # the factor moves the odds of rare purchases as it does their chance, and never leads beyond certainty
    return rows.select(*NARROW, probability=rows.chance * more / (1.0 - rows.chance + rows.chance * more))


def worth_listing(rows: ir.Table, least: float) -> ir.Table:
    """Without what is only likely by what others do, and then hardly; what the company itself said always stays."""
    told: Any = rows.kind.isin(codes("replacement", "accessory", "upgrade", "related"))
    return rows.filter(told | (rows.probability.coalesce(1.0) >= least))


def best(rows: ir.Table, most: int) -> ir.Table:
    """At most so many products of each moment and customer, the likeliest first, each for its best reason; `rank`.

    rows: stored, for they are read twice. What cannot be among the first is left behind before anything is sorted by
    more than the chance: a product whose best chance is below that of so many others.
    """
    import ibis

    key = ["moment", "customer", "product"]
    # written twice rather than as a column: what is read twice and is no stored table, the engine copies
    tops = rows.group_by(key).aggregate(certainty=rows.probability.coalesce(-1.0).max())
    ahead: Any = ibis.rank().over(ibis.window(group_by=["moment", "customer"], order_by=ibis.desc("certainty")))
    first = tops.mutate(ahead=ahead).filter(lambda t: t.ahead < most)
    rows = rows.semi_join(first, [*key, rows.probability.coalesce(-1.0) == first.certainty])
    rows = rows.mutate(certainty=rows.probability.coalesce(-1.0))
    order = [
        ibis.desc(rows.certainty),
        rows.kind,  # settles equal chances
        ibis.desc(rows.lift.coalesce(0.0)),
        ibis.desc(rows.times.coalesce(0)),
    ]
    once: Any = ibis.row_number().over(ibis.window(group_by=key, order_by=[*order, rows.because]))
    rows = rows.mutate(once=once)
    rows = rows.filter(rows.once == 0)
    order = [
        ibis.desc(rows.certainty),
        rows.kind,
        ibis.desc(rows.lift.coalesce(0.0)),
        ibis.desc(rows.times.coalesce(0)),
        rows.product,
    ]
    rank: Any = ibis.row_number().over(ibis.window(group_by=["moment", "customer"], order_by=order)) + 1
    ranked = rows.mutate(rank=rank.cast("int32"))
    return ranked.filter(ranked["rank"] <= most).drop("once", "certainty")


def with_reasons(known: Known, rows: ir.Table) -> ir.Table:
    """Candidates of the newest moment with the rest of their reason, and their kind in words.

    because_on: when the customer last bought the product that gives rise to the need; days: the interval or the life;
    due: the day after which it is needed; support and confidence of the rule.
    """
    import ibis

    now = known.past.now.number
    held = known.held.filter((known.held.moment == now) & known.held.owned)
    had = held.select("customer", "first_on", "last_on", because="product")
    facts = known.facts.filter(known.facts.moment == now).select("interval", because="product")
    rules = known.rules.filter(known.rules.moment == now)
    rules = rules.select("support", "confidence", kind=_coded(rules.scope), because=rules.product, product=rules.then)
    rows = rows.left_join(had, ["customer", "because"], rname="{name}_had")
    rows = rows.left_join(facts, "because", rname="{name}_fact")
    rows = rows.left_join(rules, ["kind", "because", "product"], rname="{name}_rule")
    lives = known.offered.lives
    if lives is not None:
        rows = rows.left_join(lives.select("life_days", because="product"), "because", rname="{name}_life")
    rows = rows.mutate(interval=ibis.ifelse(rows.kind.isin(codes("again")), _interval(rows), ibis.null("float64")))
    days: Any = rows.interval
    if lives is not None:
        days = ibis.ifelse(rows.kind.isin(codes("replacement")), rows.life_days.cast("float64"), days)
    rows = rows.mutate(days=days, kind=rows.kind.cases(*enumerate(STRENGTHS), else_=""))
    return rows.mutate(due=_later(rows.last_on, rows.days)).rename(because_on="last_on")
