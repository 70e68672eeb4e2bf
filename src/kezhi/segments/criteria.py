"""Excellent customers: a score of 0 to 100 from three groups of criteria, and who is eligible for a programme (T13).

The groups: who the customer is (size, industry, geography); how often and how long they have bought; what they
contribute to the business. A criterion earns from nothing to full marks, a group the mean of its criteria, the score
the weighted mean of the groups that are known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kezhi.ledger import SUM
from kezhi.segments.profiles import rate
from kezhi.settings.kinds import Excellent
from kezhi.valuation import Columns
from kezhi.worth.work import Found, Work

if TYPE_CHECKING:
    import ibis.expr.types as ir

FILE = "excellent.parquet"
BEST = 0.9  # full marks where the settings say nothing: what only the best tenth of those who came back reaches
GROUPS = {"history": ("purchases_per_year", "years"), "contribution": ("value", "forecast_value")}
WANTED = {"size": "sizes", "industry": "industries", "region": "regions"}


def measured(work: Work) -> Found | None:
    """Add excellent_score and excellent to customers.parquet; excellent.parquet lists who is eligible.

    None where nothing could be scored: nobody has come back, and the settings say nothing.
    """
    engine, rules = work.engine, work.settings.excellent
    rows = _measures(work)
    marks = _marks(work, rows, rules)
    people, wanted = _wanted(work, rows, rules)
    if not marks and not wanted:
        return None
    stored = engine.store(scored(people, rules, marks, wanted))
    _write(work, stored, wanted)
    facts = _facts(work, stored, marks, wanted)
    kept = engine.store(stored.select("customer", "excellent_score", "excellent"))
    engine.forget(stored)
    return Found(facts, Columns(kept, {"excellent_score": None, "excellent": False}))


def _measures(work: Work) -> ir.Table:
    """Customers with the four measures of history and contribution."""
    figures = work.figures
    gone: Any = figures.last_purchase.delta(figures.first_purchase, unit="day").cast("float64")
    return figures.select(
        "customer",
        "customer_id",
        "purchases",
        purchases_per_year=rate(figures),
        years=gone.coalesce(0.0) / 365.25,
        value=figures.value.cast(SUM),
        forecast_value=figures.forecast_value.cast(SUM),
    )


def _marks(work: Work, rows: ir.Table, rules: Excellent) -> dict[str, float]:
    """What earns full marks, by criterion: as the settings say, else the quantile of those who bought twice or more.

    A criterion whose quantile is not above zero tells nobody apart, and is left out.
    """
    names = [name for names in GROUPS.values() for name in names]
    given = {name: getattr(rules, name) for name in names}
    open_ = [name for name in names if given[name] is None]
    if open_:
        again = rows.filter(rows.purchases >= 2)
        found = work.engine.row(again.aggregate(**{name: again[name].cast("float64").quantile(BEST) for name in open_}))
        given |= found
    # rounded, for engines differ in the last digit of a quantile
    return {name: round(float(mark), 6) for name, mark in given.items() if mark is not None and mark > 0}


def _wanted(work: Work, rows: ir.Table, rules: Excellent) -> tuple[ir.Table, dict[str, list[str]]]:
    """Rows with the text of every field for which the settings name what is wanted, and what that is, by field."""
    table = work.book.customers
    asked = {field: [one.strip().casefold() for one in getattr(rules, name)] for field, name in WANTED.items()}
    known = {field: said for field, said in asked.items() if said and table is not None and field in table.columns}
    if not known or table is None:
        return rows, {}
    told = table.group_by("customer_id").aggregate(**{field: table[field].strip().max() for field in known})
    return rows.left_join(told, "customer_id", rname="{name}_of").drop("customer_id_of"), known


def scored(rows: ir.Table, rules: Excellent, marks: dict[str, float], wanted: dict[str, list[str]]) -> ir.Table:
    """Rows with a score of 0 to 100 for each group that is known, for the whole, and `excellent`.

    Scores have one decimal, and the threshold is compared with what is shown. Who has never bought gets none.
    """
    import ibis

    groups: dict[str, Any] = {}
    if wanted:
        tests = [rows[field].lower().isin(said).coalesce(False).cast("float64") for field, said in wanted.items()]
        groups["profile"] = _mean(tests)
    for group, names in GROUPS.items():
        parts = [_part(rows[name], marks[name]) for name in names if name in marks]
        if parts:
            groups[group] = _mean(parts)
    groups = {name: one for name, one in groups.items() if getattr(rules, name) > 0}
    if not groups:
        none = ibis.null("float64")
        return rows.mutate(excellent_score=none, excellent=ibis.literal(False))
    weights = {name: float(getattr(rules, name)) for name in groups}
    parts = [one * weights[name] for name, one in groups.items()]
    whole = sum(parts[1:], start=parts[0]) / sum(weights.values())
    bought: Any = rows.purchases > 0
    made = {f"{name}_score": _shown(one, bought) for name, one in groups.items()}
    found = rows.mutate(**made, excellent_score=_shown(whole, bought))
    return found.mutate(excellent=(found.excellent_score >= rules.threshold).coalesce(False))


def _shown(share: Any, bought: Any) -> Any:
    import ibis

    return ibis.ifelse(bought, (share * 100.0).round(1), None)


def _part(value: Any, mark: float) -> Any:
    import ibis

    return ibis.least(ibis.greatest(value.cast("float64") / mark, 0.0), 1.0)


def _mean(parts: list[Any]) -> Any:
    return sum(parts[1:], start=parts[0]) / float(len(parts))


def _write(work: Work, rows: ir.Table, wanted: dict[str, list[str]]) -> None:
    import ibis

    groups = [name for name in ("profile", *GROUPS) if f"{name}_score" in rows.columns]
    chosen = rows.filter(rows.excellent)
    order = [ibis.desc("excellent_score"), ibis.desc("forecast_value"), "customer"]
    names = ["customer_id", "excellent_score", *(f"{name}_score" for name in groups)]
    shown = [*wanted, *(name for names in GROUPS.values() for name in names)]
    work.engine.write_parquet(chosen.order_by(order).select(*names, *shown), work.folder / FILE)


def _facts(work: Work, rows: ir.Table, marks: dict[str, float], wanted: dict[str, list[str]]) -> dict[str, Any]:
    """The criteria as they were applied, and how many are eligible and what these bring."""
    rules = work.settings.excellent
    found = work.engine.row(
        rows.aggregate(
            customers=rows.count(),
            eligible=rows.excellent.sum().coalesce(0),
            value=rows.value.sum(where=rows.excellent).coalesce(0).cast(SUM),
            forecast_value=rows.forecast_value.sum(where=rows.excellent).coalesce(0).cast(SUM),
            all_value=rows.value.sum().cast(SUM),
            all_forecast_value=rows.forecast_value.sum().cast(SUM),
        )
    )
    known = [name for name in ("profile", *GROUPS) if f"{name}_score" in rows.columns]
    total = sum(getattr(rules, name) for name in known)
    return {
        **found,
        "threshold": rules.threshold,
        "weights": {name: getattr(rules, name) / total for name in known},
        "full_marks": marks,
        "wanted": {field: list(getattr(rules, WANTED[field])) for field in wanted},
    }
