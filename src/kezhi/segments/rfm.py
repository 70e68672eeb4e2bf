"""RFM: how recently, how often and for how much each customer has bought, as scores, eleven names and eight classes.

Names after the R package rfm and common usage, classes after Chinese usage (T12).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from kezhi.ledger import SUM, as_sum
from kezhi.segments.rfm_grid import CLASS_NAMES, GRID, NAMES, SCORES, fm_of
from kezhi.segments.rfm_scores import MEASURES, Measuring, measure_all, scored
from kezhi.segments.rfm_then import known_at
from kezhi.settings.rfm import CLASSES, SEGMENTS, Rfm
from kezhi.valuation import Columns, Words, looked_up, packed, place_of
from kezhi.worth import Early, Found, Work
from kezhi.worth.work import day_of

if TYPE_CHECKING:
    import ibis.expr.types as ir

CODES = ("rfm_segment", "rfm_class")
COLUMNS = ("r_score", "f_score", "m_score", *CODES, *(f"{name}_previous" for name in CODES))
MODEL_COLUMNS = ("r_model", "f_model", "m_model", "rfm_segment_model")
SUMS = ("amount", "value", "forecast_value")
THEN = "rfm_then"
OF_CODES = {"rfm_segment": NAMES, "rfm_class": CLASS_NAMES}
# what the small numbers of the stored columns stand for
WORDS: dict[str, Words] = {
    **dict.fromkeys(("r_score", "f_score", "m_score", "r_model", "f_model", "m_model"), SCORES),
    **OF_CODES,
    **{f"{name}_previous": words for name, words in OF_CODES.items()},
    "rfm_segment_model": NAMES,
}


def measured(work: Work) -> Found | None:
    """Score every buyer, today and at the day before, and add up each name and class; None where nobody ever bought.

    Customers without a purchase have no scores and are in no class.
    """
    rules = work.settings.rfm
    known = _today(work, rules)
    twins = rules.model_based and _modelled(work, known)
    measuring = measure_all(work.engine, known, rules, twins=twins)
    if measuring is None:
        return None
    was = before(work, rules)
    now = scored(known, measuring)
    names = (*COLUMNS, *(MODEL_COLUMNS if twins else ()))
    words = {name: WORDS[name] for name in names}
    both = _with_previous(now, was)
    places = {name: both[name] - 1 if WORDS[name] is SCORES else both[name] for name in names}
    columns = Columns(
        work.engine.store(both.select("customer", **packed(places, words))), dict.fromkeys(names), words
    )  # fmt: skip
    if was is not None:
        work.engine.forget(*was.stored)
    return Found(_facts(work, now, columns, rules, measuring, was), columns)


def ahead(known: Early) -> dict[str, ir.Table]:
    """What everybody had bought by the day before, where no earlier run says what they were."""
    rules = known.settings.rfm
    return {THEN: _then(known, _day_before(known), rules)} if _told(known, rules) is None else {}


def rfm_at(work: Work, day: date) -> ir.Table | None:
    """Scores, name and class of everybody who had bought by the end of a day, by what was known then.

    customer, customer_id, days, purchases, money, r_score, f_score, m_score, rfm_segment, rfm_class; not stored. Edges
    and cuts are those of that day. None where nobody had bought. With the setting rfm.money = "value", relationship
    expenses count up to the last period that was complete.
    """
    known = work.engine.store(_then(work, day, work.settings.rfm))
    measuring = measure_all(work.engine, known, work.settings.rfm)
    if measuring is None:
        return None
    found = scored(known, measuring)
    # Ibis believes that scores have 64 bits already; on Spark they have 32
    scores = {name: found[name].cast("int32").cast("int64") for name in ("r_score", "f_score", "m_score")}
    words = {name: looked_up(words, found[name]) for name, words in OF_CODES.items()}
    return work.ledger.named(found.mutate(**scores, **words))


# --- what is scored ---------------------------------------------------------------------------------------


def _today(work: Work, rules: Rfm) -> ir.Table:
    """Buyers with days, purchases and money, what is added up of them, and what is expected of them."""
    rows = work.figures.filter(work.figures.purchases > 0)
    more: dict[str, Any] = {}
    if rules.model_based:
        expected: Any = rows.expected_purchases
        total: Any = rows[f"forecast_{'value' if rules.money == 'value' else 'amount'}"].cast("float64")
        each = (total / expected.nullif(0.0)).coalesce(0.0) if rules.money == "mean_amount" else total
        more = {"p_gone": 1.0 - rows.p_alive, "expected_purchases": expected, "expected_money": each}
    return rows.select(
        "customer",
        "customer_id",
        "purchases",
        *SUMS,
        days=_days_since(rows.last_purchase, work.as_of),
        money=_money(rows.amount, rows.purchases) if rules.money == "mean_amount" else rows[rules.money],
        **more,
    )


def _then(work: Early, day: date, rules: Rfm) -> ir.Table:
    """The same measures for an earlier day: from what had been told by then."""
    rows = known_at(work, day)
    value: Any = as_sum(rows.amount - rows.cost - rows.expense)
    return rows.select(
        "customer",
        "purchases",
        days=_days_since(rows.last_purchase, day),
        money={"amount": rows.amount, "value": value, "mean_amount": _money(rows.amount, rows.purchases)}[rules.money],
    )


def _days_since(last: Any, day: date) -> Any:
    import ibis

    return ibis.literal(day).delta(last, unit="day").cast("int64")


def _money(amount: Any, purchases: Any) -> Any:
    """A mean amount to four decimals, so that equal means are equal to the last digit."""
    return (amount.cast("float64") / purchases).round(4).cast(SUM)


def _modelled(work: Work, known: ir.Table) -> bool:
    """Does the method that forecast them say how likely each buyer is still there?"""
    told = work.engine.row(known.aggregate(unknown=known.p_gone.isnull().any()))["unknown"]
    return told is False


# --- what they were ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Before:
    """What customers were called on an earlier day; taken from a run's folder, or worked out from the book.

    rows: rfm_segment and rfm_class as places. stored: a table that they are made from.
    """

    source: str
    day: date
    rows: ir.Table
    stored: tuple[ir.Table, ...] = ()


def before(work: Work, rules: Rfm) -> Before | None:
    """From the run compared with, if it went by the same rules, else from this book at the end of the period before."""
    run, told = work.before, _told(work, rules)
    if run is not None and told is not None:
        return Before("run", day_of(run), told)
    day = _day_before(work)
    known = work.asked_ahead(THEN, lambda: _then(work, day, rules))
    measuring = measure_all(work.engine, known, rules)
    if measuring is None:
        work.engine.forget(known)
        return None
    codes = {name: scored(known, measuring)[name].cast("int8") for name in CODES}
    return Before("book", day, scored(known, measuring).select("customer", **codes), (known,))


def _day_before(known: Early) -> date:
    """The end of the period before."""
    return known.calendar.end(known.calendar.number(known.as_of) - 1)


def _told(work: Early, rules: Rfm) -> ir.Table | None:
    """What the run compared with recorded, where it went by these rules; names and scores by model do not matter."""
    run = work.before
    if run is None:
        return None
    try:
        settings = json.loads((run / "manifest.json").read_text(encoding="utf-8"))["settings"]
    except (OSError, ValueError, KeyError):
        return None
    rows = work.recorded(run, "customers.parquet", ("customer_id", *CODES))
    mine = rules.model_dump(mode="json", exclude={"names", "model_based"})
    theirs = settings.get("rfm") or {}
    same = {name: theirs.get(name) for name in mine} == mine
    if not same or rows is None:
        return None
    return rows.select("customer_id", **{name: place_of(rows[name], OF_CODES[name]) for name in CODES})


def _with_previous(now: ir.Table, before: Before | None) -> ir.Table:
    import ibis

    if before is None:
        return now.mutate(**{f"{name}_previous": ibis.null("int8") for name in CODES})
    then = before.rows.rename({f"{name}_previous": name for name in CODES})
    key = "customer" if before.source == "book" else "customer_id"  # an earlier run had keys of its own
    return now.left_join(then, key, rname="{name}_then").drop(f"{key}_then")


# --- the company's figures --------------------------------------------------------------------------------


def _facts(
    work: Work, now: ir.Table, columns: Columns, rules: Rfm, measuring: Measuring, before: Before | None
) -> dict[str, Any]:
    """now: everybody's scores of today with what is added up of them; columns: with what they were."""
    groups = [
        group | _named(group, *CODES) | {"fm": fm_of(group["f_score"], group["m_score"])}
        for group in work.engine.fetch(_by_scores(now)).to_pylist()
    ]
    return {
        "customers": measuring.customers,
        "money": rules.money,
        "scores": {key: _scores(groups, key, measuring) for key in MEASURES},
        "cuts": {"by": rules.cut, **{key: cut.value for key, cut in measuring.cuts.items()}},
        "segments": [_added([g for g in groups if g["rfm_segment"] == code], code) for code in SEGMENTS],
        "classes": [_added([g for g in groups if g["rfm_class"] == code], code) for code in CLASSES],
        "grid": _grid(groups),
        "previous": _moved(work, columns, before),
        "model": _twins(work, now, measuring),
        "names": {code: title.as_dict() for code, title in rules.titles.items()},
    }


def _named(row: dict[str, Any], *names: str) -> dict[str, Any]:
    """The names for places, null for none."""
    return {name: None if row[name] is None else WORDS[name][row[name]] for name in names}


def _by_scores(rows: ir.Table) -> ir.Table:
    """What every combination of scores and class adds up to: a few hundred rows, whatever the number of customers."""
    sums = {name: rows[name].sum().cast(SUM) for name in SUMS}
    ends = {
        f"{key}_{end}": getattr(rows[column], end)() for key, column in MEASURES.items() for end in ("min", "max")
    }  # fmt: skip
    return rows.group_by("r_score", "f_score", "m_score", "rfm_segment", "rfm_class").aggregate(
        customers=rows.count(), **sums, **ends
    )


def _added(groups: list[dict[str, Any]], code: str) -> dict[str, Any]:
    return {
        "code": code,
        "customers": sum(group["customers"] for group in groups),
        **{name: sum((group[name] for group in groups), Decimal(0)) for name in SUMS},
    }


def _scores(groups: list[dict[str, Any]], key: str, measuring: Measuring) -> dict[str, Any]:
    """Each score of a measure: who has it, from which value to which. Nobody has some where values are few."""
    found = []
    for score in reversed(SCORES):
        mine = [group for group in groups if group[f"{key}_score"] == score]
        found.append(
            {
                "score": score,
                "customers": sum(group["customers"] for group in mine),
                "from": min((group[f"{key}_min"] for group in mine), default=None),
                "to": max((group[f"{key}_max"] for group in mine), default=None),
            }
        )
    scale = measuring.scales[key]
    return {"own": scale.own, "edges": _edges(scale.edges, scale.own, found), "scores": found}


def _edges(edges: tuple[float, ...], own: bool, scores: list[dict[str, Any]]) -> list[Any]:
    """The four values up to which a score goes: as given, or the highest that a customer has."""
    if own:
        return list(edges)
    ends = sorted(row["to"] for row in scores if row["to"] is not None)
    return [max(end for end in ends if float(end) <= edge) for edge in edges]


def _grid(groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {"r": r, "fm": fm, **_added([g for g in groups if (g["r_score"], g["fm"]) == (r, fm)], name)}
        for r, names in GRID.items()
        for fm, name in zip(SCORES, names, strict=True)
    ]


def _moved(work: Work, columns: Columns, before: Before | None) -> dict[str, Any] | None:
    """Where customers were and are: names then by names now; who was none then is new."""
    if before is None:
        return None
    both = [f"{name}{end}" for name in CODES for end in ("_previous", "")]
    rows = columns.table.select(**{name: columns.place(columns.table, name) for name in both})
    counted = work.engine.fetch(rows.group_by(*both).aggregate(customers=rows.count())).to_pylist()
    counted = [row | _named(row, *both) for row in counted]
    moves = {name: _moves(counted, name) for name in CODES}
    stayed: Mapping[str, int] = {
        name: sum(move["customers"] for move in found if move["before"] == move["now"]) for name, found in moves.items()
    }
    known = sum(move["customers"] for move in moves["rfm_segment"] if move["before"] is not None)
    return {
        "source": before.source,
        "day": before.day,
        "customers": known,
        "moved": known - stayed["rfm_segment"],
        "moved_classes": known - stayed["rfm_class"],
        "segments": moves["rfm_segment"],
        "classes": moves["rfm_class"],
    }


def _moves(counted: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    order = {code: place for place, code in enumerate((*SEGMENTS, *CLASSES))}
    found: dict[tuple[Any, Any], int] = {}
    for row in counted:
        move = (row[f"{name}_previous"], row[name])
        found[move] = found.get(move, 0) + row["customers"]
    places = sorted(found, key=lambda move: (order.get(move[0], len(order)), order[move[1]]))
    return [{"before": then, "now": now, "customers": found[then, now]} for then, now in places]


def _twins(work: Work, rows: ir.Table, measuring: Measuring) -> dict[str, Any] | None:
    """What the names by model add up to, and how many customers have another one by it."""
    if not measuring.twins:
        return None
    sums = {name: rows[name].sum().cast(SUM) for name in SUMS}
    by = rows.group_by("rfm_segment_model", "rfm_segment", once=rows.purchases == 1)
    groups = work.engine.fetch(by.aggregate(customers=rows.count(), **sums)).to_pylist()
    groups = [group | _named(group, "rfm_segment_model", "rfm_segment") for group in groups]
    other = [group for group in groups if group["rfm_segment_model"] != group["rfm_segment"]]
    return {
        "segments": [_added([g for g in groups if g["rfm_segment_model"] == code], code) for code in SEGMENTS],
        "other_name": sum(group["customers"] for group in other),
        "once": sum(group["customers"] for group in groups if group["once"]),
        "once_other_name": sum(group["customers"] for group in other if group["once"]),
    }
