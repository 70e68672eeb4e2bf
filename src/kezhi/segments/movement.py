"""Movement (T04): who was in which tier at one day and in which at a later one, and what that is worth.

Two ways to look back, each with a matrix of its own:

    runs  the tier that the newest run of an earlier day recorded, against the tier of this run
    log   from this log alone: customers who bought in 12 months, put into the pyramid by the gross profit of those
          months; the 12 months up to the last complete period against the 12 months before them
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kezhi.language import KezhiError, Text
from kezhi.ledger import SUM, as_sum
from kezhi.settings.rfm import Rfm
from kezhi.settings.tiers import TIERS
from kezhi.valuation import looked_up
from kezhi.worth import Early, Found, Work
from kezhi.worth.layers import in_places, rules_of_a_run, tier_of_a_run

if TYPE_CHECKING:
    import ibis.expr.types as ir

FILE = "movement.parquet"
SUMS = "movement_sums"
SILENT = "silent"  # bought before, but nothing in those months
NOT_YET, GONE = "not_yet", "gone"  # not yet a customer; no customer of this run any more
STATES = (*TIERS, SILENT, NOT_YET)  # in the order of their places in stored rows
DIRECTIONS = ("up", "down", "new", "gone")
MONEY = ("amount_before", "amount", "value_before", "value", "forecast_before", "forecast_value")
MONTHS = 12
# settings that put customers into other tiers though nothing else has changed
OF_TIERS = ("tiers", "period", "fiscal_start", "horizon", "model", "subtract_cost", "subtract_expense")
NOT_COMPARED = Text(
    "The earlier run {run} could not be compared with this one: its customers.parquet cannot be read.",
    "以前的运行结果 {run} 无法与本次比较：其 customers.parquet 无法读取。",
)


@dataclass(frozen=True)
class Stretches:
    """Two stretches of `periods` complete periods each: the last ones up to `last`, and those up to `first`."""

    first: int
    last: int
    periods: int


def measured(work: Work) -> Found | None:
    """Write movement.parquet, one row per customer who moved; both matrices as facts. None with nothing to compare."""
    stretches = _stretches(work)
    then, problem = _earlier(work)
    if stretches is None and then is None:
        return Found(warnings=problem) if problem else None
    sums = work.asked_ahead(SUMS, lambda: _sums(work, stretches, then))
    tables: dict[str, ir.Table] = {}
    if then is not None:
        tables["runs"] = work.engine.store(_of_runs(work, then, sums))
    if stretches is not None:
        tables["log"] = work.engine.store(_of_log(work, stretches, sums))
    matrices: list[dict[str, Any]] = []
    with work.engine.meanwhile(_moved(work, tables), work.folder / FILE):
        if then is not None:
            matrices += _run_matrices(work, then, tables["runs"])
        if stretches is not None:
            matrices.append(_log_matrix(work, stretches, tables["log"]))
    work.engine.forget(sums, *tables.values())
    return Found({"matrices": matrices, "left_out": _left_out(work, stretches, then)}, warnings=problem)


def ahead(known: Early) -> dict[str, ir.Table]:
    """What was bought in each stretch, by those who have an account in any."""
    stretches = _stretches(known)
    then, _ = _earlier(known)
    return {} if stretches is None and then is None else {SUMS: _sums(known, stretches, then)}


def _left_out(work: Work, stretches: Stretches | None, then: Then | None) -> list[dict[str, str]]:
    """Why one of the two ways to look back is missing."""
    why = []
    if then is None:
        why.append({"source": "runs", "reason": "no_run" if work.before is None else "no_tiers"})
    if stretches is None:
        why.append({"source": "log", "reason": "history"})
    return why


# --- what there is to compare -----------------------------------------------------------------------------


def _stretches(known: Early) -> Stretches | None:
    """Twelve months against the twelve before; half of the history where that is shorter; None below two periods."""
    numbers = [row["number"] for row in known.ledger.company if row["purchases"]]
    present = known.ledger.present
    history = present - min(numbers) + 1 if numbers else 0
    periods = min(MONTHS // known.calendar.months, history // 2)
    return Stretches(present - periods, present, periods) if periods > 0 else None


@dataclass(frozen=True)
class Then:
    """An earlier run: its customers with their tier, its day, and the settings that differ and move customers.

    recorded: whether that run wrote tiers down; an older one did not, so that today's rule is applied to its forecast.
    """

    folder: Path
    table: ir.Table
    day: date
    differs: tuple[str, ...]
    recorded: bool


def _earlier(work: Early) -> tuple[Then | None, tuple[tuple[str, Text], ...]]:
    """The run to compare with (see `Work.comparable`), with the tiers it recorded."""
    if work.before is None:
        return None, ()
    try:
        manifest = json.loads((work.before / "manifest.json").read_text(encoding="utf-8"))
        table = work.recorded(work.before, "customers.parquet")
    except (OSError, ValueError):
        table = None
    if table is None:
        return None, (("movement_unreadable", NOT_COMPARED.fill(run=work.before.name)),)
    names, rules = set(table.columns), work.settings.tiers
    recorded = "tier" in names
    if not {"customer_id", "forecast_value"} <= names or not (recorded or _by_forecast(work)):
        return None, ()
    old, new = manifest.get("settings") or {}, json.loads(work.settings.model_dump_json())
    differs = tuple(name for name in OF_TIERS if name in new and old.get(name, new[name]) != new[name])
    day = date.fromisoformat(manifest["as_of"])
    return Then(work.before, tier_of_a_run(table, rules), day, differs, recorded), ()


def _by_forecast(work: Early) -> bool:
    """Can today's tiers be made of any run's forecast?"""
    return work.settings.tiers.by == "forecast_value" and work.settings.tiers.limits is None


def _sums(work: Early, stretches: Stretches | None, then: Then | None) -> ir.Table:
    """customer, and what was bought in each stretch, in one pass; nobody who has no account in any.

    `_1` is the newest stretch, `_0` the one before, with the place of the tier of whoever bought in it, among TIERS;
    `_r` is the one up to the last period complete at the earlier run.
    """
    import ibis

    accounts, present = work.ledger.accounts, work.ledger.present
    value: Any = as_sum(accounts.amount - accounts.cost - accounts.expense)
    columns: dict[str, Any] = {}
    year = MONTHS // work.calendar.months
    ends = {} if then is None else {"r": (work.calendar.last_complete(then.day), year), "y": (present, year)}
    if stretches is not None:
        ends |= {"0": (stretches.first, stretches.periods), "1": (stretches.last, stretches.periods)}
    for name, (last, periods) in ends.items():
        within = accounts.number.between(last - periods + 1, last)
        columns[f"amount_{name}"] = accounts.amount.sum(where=within).cast(SUM)
        columns[f"value_{name}"] = value.sum(where=within).cast(SUM)
        if name in ("0", "1"):
            columns[f"bought_{name}"] = (within & (accounts.purchases > 0)).any()
    first = min(last - periods + 1 for last, periods in ends.values())
    sums = accounts.filter(accounts.number.between(first, present)).group_by("customer").aggregate(**columns)
    for name in ("0", "1") if stretches is not None else ():
        bought = f"bought_{name}"
        rows = in_places(sums, f"value_{name}", "customer", (bought,), work.settings.tiers)
        sums = rows.mutate(**{f"tier_{name}": ibis.ifelse(rows[bought], rows.tier, None)}).drop("tier", bought)
    return sums


# --- one row per customer ---------------------------------------------------------------------------------


def _of_log(work: Work, stretches: Stretches, sums: ir.Table) -> ir.Table:
    """customer, before, after and MONEY of everybody who had bought by the end of the last complete period.

    before and after are places among STATES, and nobody has a name: most have moved nowhere and are only counted.
    """
    import ibis

    told = work.figures.select("customer", "forecast_value", began=work.calendar.numbers(work.figures.first_purchase))
    rows = told.filter(told.began <= work.ledger.present)  # not of those who never bought
    rows = rows.left_join(sums, "customer", rname="{name}_s").drop("customer_s")
    zero = ibis.literal(0).cast(SUM)
    was: Any = ibis.ifelse(rows.began <= stretches.first, _place(SILENT), _place(NOT_YET))
    return rows.select(
        "customer",
        before=rows.tier_0.coalesce(was).cast("int8"),
        after=rows.tier_1.coalesce(_place(SILENT)).cast("int8"),
        amount_before=rows.amount_0.coalesce(zero).cast(SUM),
        amount=rows.amount_1.coalesce(zero).cast(SUM),
        value_before=rows.value_0.coalesce(zero).cast(SUM),
        value=rows.value_1.coalesce(zero).cast(SUM),
        forecast_before=ibis.null(SUM),
        forecast_value=rows.forecast_value.cast(SUM),
    )


def _place(state: str) -> Any:
    import ibis

    return ibis.literal(STATES.index(state), "int8")


def _named(column: Any) -> Any:
    """States by their codes, whether they are places or codes already."""
    return looked_up(STATES, column) if column.type().is_integer() else column


def _of_runs(work: Work, then: Then, sums: ir.Table) -> ir.Table:
    """The same of everybody in either run, with rfm_before and rfm_after where both runs have RFM classes."""
    import ibis

    zero = ibis.literal(0).cast(SUM)
    known = work.figures.select("customer", "customer_id")
    spent = known.left_join(sums, "customer", rname="{name}_s").select(
        "customer_id", *(f"{what}_{name}" for what in ("amount", "value") for name in ("r", "y"))
    )
    rfm = _both_have_rfm(work, then)
    today = tier_of_a_run(work.written, work.settings.tiers)
    now = today.select("customer_id", after="tier", forecast_value="forecast_value",
                       **({"rfm_after": "rfm_segment"} if rfm else {}))  # fmt: skip
    now = now.left_join(spent, "customer_id", rname="{name}_s").drop("customer_id_s")
    old = then.table.select(old_id="customer_id", before="tier", forecast_before="forecast_value",
                            **({"rfm_before": "rfm_segment"} if rfm else {}))  # fmt: skip
    rows = now.outer_join(old, now.customer_id == old.old_id)
    here: Any = rows.customer_id.notnull()
    money = {"amount_before": "amount_r", "amount": "amount_y", "value_before": "value_r", "value": "value_y"}
    return rows.select(
        customer_id=rows.customer_id.coalesce(rows.old_id),
        before=ibis.ifelse(rows.old_id.isnull(), NOT_YET, rows.before),
        after=ibis.ifelse(here, rows.after, GONE),
        # what a customer who is in no book any more had bought is not known here
        **{name: ibis.ifelse(here, rows[theirs].coalesce(zero), ibis.null(SUM)).cast(SUM)
           for name, theirs in money.items()},
        forecast_before=rows.forecast_before.cast(SUM),
        forecast_value=rows.forecast_value.cast(SUM),
        **({"rfm_before": ibis.ifelse(rows.old_id.isnull(), NOT_YET, rows.rfm_before),
            "rfm_after": ibis.ifelse(here, rows.rfm_after, GONE)} if rfm else {}),
    )  # fmt: skip


def _both_have_rfm(work: Work, then: Then) -> bool:
    return "rfm_segment" in work.written.columns and "rfm_segment" in then.table.columns


def _moved(work: Work, tables: Mapping[str, ir.Table]) -> ir.Table:
    """movement.parquet: whoever was there before and is in another tier now, those who lost most first."""
    import ibis

    parts = []
    for place, (source, rows) in enumerate(tables.items()):
        moved = rows.filter(rows.before != rows.after)
        if "customer_id" not in rows.columns:
            moved = work.ledger.named(moved)
        moved = moved.mutate(before=_named(moved.before), after=_named(moved.after))
        moved = moved.filter(moved.before != NOT_YET)
        parts.append(
            moved.select(
                *(("customer",) if len(tables) == 1 and "customer" in moved.columns else ()),
                "customer_id",
                source=ibis.literal(source),
                before=moved.before,
                after=moved.after,
                direction=_direction(moved),
                change=as_sum(moved.value - moved.value_before),
                place=ibis.literal(place).cast("int8"),
                **{name: moved[name] for name in MONEY},
            )
        )
    rows = parts[0] if len(parts) == 1 else ibis.union(*parts)
    names = ("source", "customer_id", "before", "after", "direction", *MONEY, "change")
    # the engine's keys sort like the ids, and faster; whoever is in no book any more has none
    last = "customer" if all("customer" in part.columns for part in parts) else "customer_id"
    ordered = rows.order_by("place", rows.change.asc(nulls_first=False), last)
    return ordered.select(*names)


def _direction(rows: ir.Table) -> Any:
    import ibis

    was, is_now = _rank(rows.before), _rank(rows.after)
    return ibis.cases((rows.after == GONE, "gone"), (is_now < was, "up"), else_="down")


def _rank(tier: Any) -> Any:
    """A column's place from the best tier on."""
    import ibis

    return ibis.cases(*((tier == code, place) for place, code in enumerate((*TIERS, SILENT))), else_=len(TIERS) + 1)


# --- the company ------------------------------------------------------------------------------------------


def _log_matrix(work: Work, stretches: Stretches, rows: ir.Table) -> dict[str, Any]:
    ends = [work.calendar.end(number) for number in (stretches.first, stretches.last)]
    return {
        "source": "log",
        "by": "tier",
        "run": None,
        "from": ends[0],
        "until": ends[1],
        "periods": stretches.periods,
        "recorded": False,
        "differs": [],
        **matrix(_cells(work, rows, "before", "after")),
    }


def _run_matrices(work: Work, then: Then, rows: ir.Table) -> list[dict[str, Any]]:
    about = {
        "run": then.folder.name,
        "from": then.day,
        "until": work.as_of,
        "periods": MONTHS // work.calendar.months,
        "recorded": then.recorded,
        "differs": list(then.differs),
    }
    found = [{"source": "runs", "by": "tier", **about, **matrix(_cells(work, rows, "before", "after"))}]
    if _both_have_rfm(work, then):
        cells = _cells(work, rows, "rfm_before", "rfm_after")
        found.append({"source": "runs", "by": "rfm_segment", **about, **matrix(cells, ranked=False)})
    return found


def _cells(work: Work, rows: ir.Table, before: str, after: str) -> list[dict[str, Any]]:
    sums = rows.group_by(before=rows[before], after=rows[after]).aggregate(
        customers=rows.count(), **{name: rows[name].sum().cast(SUM) for name in MONEY}
    )
    found: list[dict[str, Any]] = work.engine.fetch(sums).to_pylist()
    if rows[before].type().is_integer():
        return [row | {side: STATES[row[side]] for side in ("before", "after")} for row in found]
    return found


def matrix(cells: list[dict[str, Any]], *, ranked: bool = True) -> dict[str, Any]:
    """The facts of one matrix from its counted cells: rows and columns with their sums, shares, and who moved where.

    cells: before, after, customers, MONEY; they get share_of_before (of the tier at the first day) and share_of_all.
    rows, columns: state and customers. moves: up, down, new, gone and same with customers and MONEY.
    """
    if not ranked:
        cells = [{**row, "before": row["before"] or "none", "after": row["after"] or "none"} for row in cells]
    rows, columns = _count(cells, "before"), _count(cells, "after")
    everybody = sum(rows.values())
    firsts = sorted(rows, key=lambda state: _order(state, rows, ranked))
    seconds = sorted(columns, key=lambda state: _order(state, columns, ranked))
    cells = sorted(cells, key=lambda row: (firsts.index(row["before"]), seconds.index(row["after"])))
    return {
        "customers": everybody,
        "rows": [{"state": state, "customers": rows[state]} for state in firsts],
        "columns": [{"state": state, "customers": columns[state]} for state in seconds],
        "cells": [
            {
                **row,
                "share_of_before": row["customers"] / rows[row["before"]],
                "share_of_all": row["customers"] / everybody,
            }
            for row in cells
        ],
        "moves": _moves(cells, ranked),
    }


def _count(cells: list[dict[str, Any]], side: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for row in cells:
        found[row[side]] = found.get(row[side], 0) + row["customers"]
    return found


def _order(state: str, counts: dict[str, int], ranked: bool) -> tuple[int, int, str]:
    """Tiers from the best on, other groups from the largest on; whoever is in none of them last."""
    if state in (NOT_YET, GONE):
        return (2, 0, state)
    known = (*TIERS, SILENT)
    return (0, known.index(state), "") if ranked and state in known else (1, -counts[state], state)


def _moves(cells: list[dict[str, Any]], ranked: bool) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for row in cells:
        which = move_of(row["before"], row["after"], ranked=ranked)
        sums = found.setdefault(which, {"move": which, "customers": 0, **dict.fromkeys(MONEY)})
        sums["customers"] += row["customers"]
        for name in MONEY:
            if row.get(name) is not None:
                sums[name] = (sums[name] or Decimal(0)) + row[name]
    order = (*DIRECTIONS, "other", "same")
    return [found[name] for name in order if name in found]


def titles_of_a_run(run: Path) -> dict[str, Text]:
    """What a finished run calls tiers and RFM classes, by code."""
    try:
        settings = json.loads((run / "manifest.json").read_text(encoding="utf-8")).get("settings") or {}
        classes = Rfm.model_validate(settings.get("rfm") or {}).titles
    except (OSError, ValueError, KezhiError):
        classes = Rfm().titles
    return classes | rules_of_a_run(run).titles


def move_of(before: str, after: str, *, ranked: bool = True) -> str:
    """up, down, new, gone, same; or other, where groups have no order."""
    if before == NOT_YET:
        return "new"
    if after == GONE:
        return "gone"
    if before == after:
        return "same"
    known = (*TIERS, SILENT)
    if not ranked or before not in known or after not in known:
        return "other"
    return "up" if known.index(after) < known.index(before) else "down"
