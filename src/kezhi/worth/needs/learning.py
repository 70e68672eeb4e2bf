"""Chances learned at the earlier moments, and how far they could be trusted at the later of the two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kezhi.worth.needs.candidates import SITUATION, Known, best, candidates, codes, with_chances, worth_listing
from kezhi.worth.needs.past import Moment, Past
from kezhi.worth.needs.rates import STRENGTHS, Rates, learn, product_factors

if TYPE_CHECKING:
    import ibis.expr.types as ir

HITS_AT = (1, 3, 5)


@dataclass(frozen=True)
class Learned:
    """What the earlier moments taught: chances by situation and factors by product, for the moment after each.

    cells: moment, kind (its code), activity, strength, chance. factors: moment, kind, product, factor. rates: those of
    now; None where there is no earlier moment. seen: the candidates of the earlier moments, stored.
    """

    cells: ir.Table | None = None
    factors: ir.Table | None = None
    rates: Rates | None = None
    seen: ir.Table | None = None


def learn_chances(known: Known) -> Learned:
    """From what was bought in the window after each earlier moment by those in each situation."""
    earlier = known.past.moments[:-1]
    if not earlier:
        return Learned()
    engine = known.past.engine
    seen = engine.store(candidates(known, earlier))
    key = ["moment", *SITUATION]
    counts = seen.group_by(key).aggregate(seen=seen.count(), bought=seen.came.sum())
    kinds = list(STRENGTHS)
    rows = [row | {"kind": kinds[row["kind"]]} for row in engine.fetch(counts.order_by(key)).to_pylist()]
    rates = {m.number: learn([row for row in rows if row["moment"] == m.number]) for m in earlier}
    own = engine.table(_cells(rates, 0))
    factors = engine.store(_factors(known.past, with_chances(seen, own, None)))
    return Learned(engine.table(_cells(rates, 1)), factors, rates[earlier[-1].number], seen)


def _cells(rates: dict[int, Rates], later: int) -> Any:
    """The chances as a table, for use so many moments later."""
    import pyarrow as pa

    rows = [
        (moment + later, *codes(kind), activity, strength, chance)
        for moment, one in rates.items()
        for (kind, activity, strength), (_, _, chance) in one.cells.items()
    ]
    kinds = (pa.int32(), pa.int32(), pa.int32(), pa.int32(), pa.float64())
    names = ("moment", "kind", "activity", "strength", "chance")
    columns = zip(*rows, strict=True) if rows else [[]] * len(names)
    arrays = [pa.array(column, kind) for column, kind in zip(columns, kinds, strict=True)]
    return pa.table(arrays, names=list(names))


def _factors(past: Past, rows: ir.Table) -> ir.Table:
    """Each product's part in its chances, for use one moment later; products none of which was needed have none."""
    import pyarrow as pa

    engine = past.engine
    key = ["moment", "kind", "product"]
    # summed as decimals, so that the order in which the engine meets the rows does not matter
    expected: Any = rows.probability.cast("decimal(18, 12)").sum().cast("float64")
    counts = rows.group_by(key).aggregate(bought=rows.came.sum().cast("float64"), expected=expected)
    found = engine.fetch(counts.order_by(key))
    moments, kinds = (np.asarray(found[name].to_pylist()) for name in ("moment", "kind"))
    bought, sums = (np.asarray(found[name].to_pylist(), dtype=np.float64) for name in ("bought", "expected"))
    factors = np.ones(len(moments))
    for moment in set(moments.tolist()):
        for kind in set(kinds.tolist()):
            some = (moments == moment) & (kinds == kind)
            factors[some] = product_factors(bought[some], sums[some])
    made = {"moment": pa.array(moments.tolist(), pa.int32()), "kind": found["kind"], "product": found["product"]}
    table = pa.table(made | {"factor": pa.array(factors.tolist(), pa.float64())})
    given = engine.table(table)
    return given.mutate(moment=(given.moment + 1).cast("int32"))


def trial(known: Known, learned: Learned, least: float = 0.0) -> dict[str, Any] | None:
    """The list as it would have been a window ago, beside two simple ones, against what was then bought.

    Of the customers learned from who had bought before the split and bought again after it: the share with at least
    one of the first k products bought (hit rate), and the share of all products bought that were among the first k
    (recall). `popular`: the products most customers bought in the window before. `again`: the customer's own products,
    the most often bought first. None where the history holds no two windows before now.
    """
    if len(known.past.moments) < 3:
        return None
    moment = known.past.moments[-2]
    assert learned.seen is not None
    engine, most = known.past.engine, max(HITS_AT)
    seen = learned.seen.filter(learned.seen.moment == moment.number)
    rows = engine.store(with_chances(seen, learned.cells, learned.factors))
    listed = engine.store(best(worth_listing(rows, least), most))
    lists = {
        "needs": listed,
        "again": _bought_again(known, moment, most),
        "popular": _most_popular(known, moment, most),
    }
    buyers = engine.store(_buyers(known, moment))
    totals = engine.row(buyers.aggregate(customers=buyers.count(), bought=buyers.bought.sum()))
    return {
        "split": moment.day,
        "until": moment.until,
        "customers": totals["customers"],
        "bought": int(totals["bought"] or 0),
        "one_in": known.past.one_in,
        "scores": _scores(engine, lists, buyers, totals),
        "calibration": _calibration(engine, rows, listed),
    }


def _calibration(engine: Any, rows: ir.Table, listed: ir.Table) -> dict[str, Any]:
    """How many of the needs were said to come, and came: of those listed, and of all that were considered.

    Whoever lists the likeliest of many lists those whose chances happen to be put too high. `correction` is how much
    less often the listed came than all did, each beside what was said of them; at most 1. The rest of the difference is
    how the company's business changed from one window to the next, which is no fault of the list.
    """

    import ibis

    def sums(some: ir.Table, name: str) -> ir.Table:
        told: Any = some.probability.cast("decimal(18, 12)").sum().cast("float64")
        return some.aggregate(needs=some.count(), expected=told, came=some.came.sum()).mutate(of=ibis.literal(name))

    both = engine.fetch(sums(listed, "listed").union(sums(rows, "all"))).to_pylist()
    found = {
        row["of"]: {"needs": row["needs"], "expected": row["expected"] or 0.0, "came": int(row["came"] or 0)}
        for row in both
    }
    shares = {name: (one["came"] + 0.5) / (one["expected"] + 0.5) for name, one in found.items()}
    return {name: found[name] for name in ("listed", "all")} | {
        "correction": min(shares["listed"] / shares["all"], 1.0)
    }


def _buyers(known: Known, moment: Moment) -> ir.Table:
    """customer and how many products they bought in the window, of those who had bought before."""
    came = known.held.filter((known.held.moment == moment.number) & known.held.came)
    known_before = known.activities.filter(known.activities.moment == moment.number)
    bought = came.semi_join(known_before, "customer")
    return bought.group_by("customer").aggregate(bought=bought.count())


def _bought_again(known: Known, moment: Moment, most: int) -> ir.Table:
    import ibis

    held = known.held
    owned = held.filter((held.moment == moment.number) & held.owned)
    order = [ibis.desc("times"), ibis.desc("last_on"), "product"]
    rank: Any = ibis.row_number().over(ibis.window(group_by="customer", order_by=order)) + 1
    ranked = owned.select("customer", "product", "came", rank=rank.cast("int32"))
    return ranked.filter(ranked["rank"] <= most)


def _most_popular(known: Known, moment: Moment, most: int) -> ir.Table:
    facts = known.facts.filter((known.facts.moment == moment.number) & (known.facts["rank"] < most))
    came = known.held.filter((known.held.moment == moment.number) & known.held.came).select("customer", "product")
    found = came.join(facts.select("product", at="rank"), "product", rname="{name}_best")
    return found.select("customer", "product", came=found["at"] >= 0, rank=(found["at"] + 1).cast("int32"))


def _scores(engine: Any, lists: dict[str, ir.Table], buyers: ir.Table, totals: dict[str, Any]) -> list[dict[str, Any]]:
    """Hit rate and recall of each list."""
    import ibis

    named = [
        rows.select("customer", "came", at="rank", of=ibis.literal(name)).semi_join(buyers, "customer")
        for name, rows in lists.items()
    ]
    hits = ibis.union(*named).filter(lambda t: t.came)
    each = hits.group_by("of", "customer").aggregate(**{f"hits_{k}": (hits["at"] <= k).sum() for k in HITS_AT})
    sums = each.group_by("of").aggregate(
        **{f"customers_{k}": (each[f"hits_{k}"] > 0).sum() for k in HITS_AT},
        **{f"products_{k}": each[f"hits_{k}"].sum() for k in HITS_AT},
    )
    found = {row["of"]: row for row in engine.fetch(sums).to_pylist()}

    def share(name: str, what: str, whole: Any) -> float | None:
        return float(found.get(name, {}).get(what) or 0) / float(whole) if whole else None

    return [
        {
            "list": name,
            "hit_rate": {k: share(name, f"customers_{k}", totals["customers"]) for k in HITS_AT},
            "recall": {k: share(name, f"products_{k}", totals["bought"]) for k in HITS_AT},
        }
        for name in lists
    ]
