"""Potential against realised (R24): what earlier runs forecast, and what came of it by now."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kezhi.engine import Engine
from kezhi.language import Text
from kezhi.ledger import SUM, as_sum
from kezhi.worth.layers import in_order, layered, rank
from kezhi.worth.work import Found, Work

if TYPE_CHECKING:
    import ibis.expr.types as ir

MOST_RUNS = 24
MOST_ROWS = 10_000_000  # forecasts looked up, by customer and period; the newest run that counts is always among them
HALF_A_CENT = 0.005  # the ends of intervals are not rounded, what came is
FILE = "realised.parquet"
UNREADABLE = Text(
    "{runs} earlier runs could not be read and were not compared with what came; remove their folders or make them "
    "again.",
    "有 {runs} 个以前的运行结果无法读取，没有与实际结果比较；请删除这些文件夹或重新运行。",
)
_STEPS = ("customer_id", "period", "step", "amount", "value", "value_lower", "value_upper")


@dataclass(frozen=True)
class Earlier:
    """An older run whose forecast can be compared: `company` are its totals by period, `rows` those of customers.

    once: its forecast knows that what was spent on winning customers is not spent on them again.
    """

    folder: Path
    name: str
    as_of: date
    company: tuple[dict[str, Any], ...]
    rows: int
    once: bool = False


def measured(work: Work) -> Found | None:
    """Compare the forecasts of earlier runs with what came; None where there is none to compare.

    Writes realised.parquet. What came is read from today's ledger, so that late bookings count.
    """
    if not work.earlier:
        return None
    runs, left_out = comparable(work)
    warnings = ((("earlier_unreadable", UNREADABLE.fill(runs=left_out["unreadable"])),)) * bool(left_out["unreadable"])
    if not runs:
        return Found(warnings=warnings) if warnings else None
    work.engine.write_parquet(_compared(work, runs), work.folder / FILE)
    rows = work.engine.fetch(work.engine.read_parquet(work.folder / FILE)).to_pylist()
    return Found(_facts(work, runs, left_out, rows), warnings=warnings)


# --- which runs count -------------------------------------------------------------------------------------


def comparable(work: Work) -> tuple[list[Earlier], Counter[str]]:
    """The runs to compare, oldest first, and how many were left out, by reason."""
    left_out: Counter[str] = Counter()
    found: dict[date, Earlier] = {}
    for folder in work.earlier:
        manifest, company = (
            _document(folder / "manifest.json"),
            _document(folder / "models.json").get("company") or {},
        )
        reason = _reason(work, manifest, company)
        if reason is None:
            run = _earlier(work, folder, manifest, company)
            left_out["replaced"] += run.as_of in found
            found[run.as_of] = run  # of two made as of the same day, the newest counts
        else:
            left_out[reason] += 1
    return _bounded(work.engine, [found[day] for day in sorted(found)], left_out)


def _document(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _reason(work: Work, manifest: dict[str, Any], company: Any) -> str | None:
    """Why a run cannot be compared; None if it can."""
    try:
        as_of = date.fromisoformat(str(manifest["as_of"]))
        calendar = (manifest["period"], int(manifest["fiscal_start"] or 1))
        cost, expense = (
            bool(manifest[f"{name}_known"] and manifest.get(f"subtract_{name}", True)) for name in ("cost", "expense")
        )
        periods = [date.fromisoformat(str(row["period"])) for row in company["forecast"]]
        numbers = [Decimal(str(row["value"])) for row in company["forecast"]]
    except (KeyError, TypeError, ValueError, ArithmeticError):
        return "unreadable"
    if calendar != (work.calendar.period, work.calendar.fiscal_start):
        return "other_periods"
    if (cost, expense) != (work.book.cost_known, work.book.expenses is not None):
        return "other_value"
    if as_of >= work.as_of or not numbers or work.calendar.number(min(periods)) > work.ledger.present:
        return "too_new"
    return None


def _earlier(work: Work, folder: Path, manifest: dict[str, Any], company: dict[str, Any]) -> Earlier:
    complete = [
        row
        for row in company["forecast"]
        if work.calendar.number(date.fromisoformat(str(row["period"]))) <= work.ledger.present
    ]
    people = int((manifest.get("totals") or {}).get("customers") or 0)
    name = str(manifest.get("run") or folder.name)
    as_of = date.fromisoformat(manifest["as_of"])
    once = work.recorded(folder, "periods.parquet", ("acquisition_expense",)) is not None
    return Earlier(folder, name, as_of, tuple(complete), people * len(complete), once)


def _bounded(engine: Engine, runs: list[Earlier], left_out: Counter[str]) -> tuple[list[Earlier], Counter[str]]:
    """The newest runs, as many as are looked up in one run."""
    kept: list[Earlier] = []
    rows = 0
    for run in reversed(runs):
        if not _has_tables(engine, run.folder):
            left_out["unreadable"] += 1
        elif len(kept) >= MOST_RUNS or (kept and rows + run.rows > MOST_ROWS):
            left_out["too_old"] += 1
        else:
            kept.append(run)
            rows += run.rows
    return kept[::-1], left_out


def _has_tables(engine: Engine, folder: Path) -> bool:
    wanted = {"forecast": set(_STEPS), "customers": {"customer_id", "forecast_value"}}
    try:
        return all(
            columns <= set(engine.read_parquet(folder / f"{name}.parquet").columns) for name, columns in wanted.items()
        )
    except Exception:  # an engine says in its own way that a file is missing or damaged
        return False


# --- forecast beside what came ----------------------------------------------------------------------------


def _compared(work: Work, runs: list[Earlier]) -> ir.Table:
    """One row per run, period and tier, with the sums of forecast and of what came."""
    import ibis

    engine, calendar = work.engine, work.calendar
    tiers = engine.store(_tiers_then(work, runs))
    steps = _union([_number(_steps(work, run), place) for place, run in enumerate(runs)])
    came = work.ledger.accounts
    actual = came.select(
        "customer",
        "number",
        came=as_sum(came.amount - came.cost - came.expense),
        bought=came.amount,
        won=came.acquisition_expense,
    )
    told = steps.join(tiers, ["run_number", "customer_id"]).mutate(number=calendar.numbers(steps.period))
    both = told.left_join(actual, ["customer", "number"], rname="{name}_a")
    zero = ibis.literal(0).cast(SUM)
    both = both.mutate(came=both.came.coalesce(zero), bought=both.bought.coalesce(zero), won=both.won.coalesce(zero))
    # like beside like: what a forecast leaves out is not held against it
    without: Any = both.run_number.isin([place for place, run in enumerate(runs) if run.once])
    both = both.mutate(came=ibis.ifelse(without, as_sum(both.came + both.won), both.came))
    value: Any = both.came.cast("float64")
    inside: Any = (value >= both.value_lower - HALF_A_CENT) & (value <= both.value_upper + HALF_A_CENT)
    sums = both.group_by("run_number", "period", "step", "tier").aggregate(
        customers=both.count(),
        forecast=both.value.sum().cast(SUM),
        actual=both.came.sum().cast(SUM),
        forecast_amount=both.amount.sum().cast(SUM),
        actual_amount=both.bought.sum().cast(SUM),
        inside=both.count(where=inside),
    )
    names = [(sums.run_number == place, run) for place, run in enumerate(runs)]
    return (
        sums.mutate(
            run=ibis.cases(*((test, run.name) for test, run in names)),
            made_as_of=ibis.cases(*((test, ibis.literal(run.as_of)) for test, run in names)),
        )
        .mutate(place=rank(sums.tier))
        .order_by("run_number", "step", "place")
        .select("run", "made_as_of", "period", "step", "tier", "customers", "forecast", "actual",
                "forecast_amount", "actual_amount", "inside")
    )  # fmt: skip


def _steps(work: Work, run: Earlier) -> ir.Table:
    """The run's forecasts of periods that are over."""
    rows = work.engine.read_parquet(run.folder / "forecast.parquet")
    over: Any = (rows.step > 0) & (rows.period <= work.calendar.start(work.ledger.present))
    return rows.filter(over).select(
        "customer_id", "period", rows.step.cast("int32").name("step"), rows.amount.cast(SUM).name("amount"),
        rows.value.cast(SUM).name("value"), "value_lower", "value_upper",
    )  # fmt: skip


def _tiers_then(work: Work, runs: list[Earlier]) -> ir.Table:
    """run_number, customer_id, today's key, and the tier in which that run's forecast put the customer."""
    rows = _union(
        [
            _number(
                work.engine.read_parquet(run.folder / "customers.parquet").select(
                    "customer_id", forecast_value=lambda t: t.forecast_value.cast(SUM)
                ),
                place,
            )
            for place, run in enumerate(runs)
        ]
    )
    tiers = layered(rows, "forecast_value", "customer_id", ("run_number",), work.settings.tiers)
    known = tiers.left_join(work.ledger.people, "customer_id", rname="{name}_p")
    return known.select("run_number", "customer_id", "tier", "customer")


def _number(rows: ir.Table, place: int) -> ir.Table:
    import ibis

    return rows.mutate(run_number=ibis.literal(place).cast("int32"))


def _union(tables: list[ir.Table]) -> ir.Table:
    import ibis

    return ibis.union(*tables) if len(tables) > 1 else tables[0]


# --- the company's figures --------------------------------------------------------------------------------


def _facts(work: Work, runs: list[Earlier], left_out: Counter[str], rows: list[dict[str, Any]]) -> dict[str, Any]:
    forecasts = [one for run in runs for one in _forecasts(work, run, rows)]
    return {
        "runs": len(runs),
        "left_out": {reason: count for reason, count in sorted(left_out.items()) if count},
        **_sums(rows),
        "company_forecasts": sum(one["inside_interval"] is not None for one in forecasts),
        "company_inside": sum(bool(one["inside_interval"]) for one in forecasts),
        "tiers": in_order([{"tier": tier, **_sums(_with(rows, "tier", tier))} for tier in _values(rows, "tier")]),
        "steps": [{"step": step, **_sums(_with(rows, "step", step))} for step in _values(rows, "step")],
        "forecasts": forecasts,
    }


def _forecasts(work: Work, run: Earlier, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The company's total by period, as forecast by one run and as it came."""
    all_of = {row["number"]: row for row in work.ledger.company}
    mine = _with(rows, "run", run.name)
    found = []
    for told in run.company:
        period = date.fromisoformat(str(told["period"]))
        sums = _sums(_with(mine, "period", period))
        total = all_of.get(work.calendar.number(period))
        value = total["amount"] - total["cost"] - total["expense"] if total else Decimal(0)
        lower, upper = told.get("value_lower"), told.get("value_upper")
        found.append(
            {
                "run": run.name,
                "as_of": run.as_of,
                "period": period,
                "step": min((row["step"] for row in _with(mine, "period", period)), default=None),
                **sums,
                "lower": lower,
                "upper": upper,
                "inside_interval": _between(lower, sums["actual"], upper),
                "newcomers": value - sums["actual"],
            }
        )
    return found


def _between(lower: Any, actual: Decimal, upper: Any) -> bool | None:
    if not (isinstance(lower, float) and isinstance(upper, float)):
        return None
    return lower <= float(actual) <= upper


def _with(rows: list[dict[str, Any]], name: str, value: Any) -> list[dict[str, Any]]:
    return [row for row in rows if row[name] == value]


def _values(rows: list[dict[str, Any]], name: str) -> list[Any]:
    return sorted({row[name] for row in rows})


def _sums(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Forecast, what came of it, and the share of customers' intervals that held it."""
    forecast, actual = (sum((row[name] for row in rows), Decimal(0)) for name in ("forecast", "actual"))
    pairs = sum(row["customers"] for row in rows)
    return {
        "customers": pairs,
        "forecast": forecast,
        "actual": actual,
        "realised": realised(forecast, actual),
        "inside": sum(row["inside"] for row in rows) / pairs if pairs else None,
    }


def realised(forecast: Decimal | float, actual: Decimal | float) -> float | None:
    """The share of a forecast that came: 0.6 where 60 came of 100; None where nothing was forecast to come.

    >>> realised(100, 60)
    0.6
    """
    return float(actual) / float(forecast) if forecast > 0 else None
