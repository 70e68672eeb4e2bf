"""Read a run folder into a `ValueReport`: work per customer stays in the engine, few rows come here."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from kezhi.engine import Engine
from kezhi.language import KezhiError, Text
from kezhi.reports import customer_value as data
from kezhi.reports import worth
from kezhi.reports.build_models import build_models
from kezhi.reports.json_values import Json, day, money, notes, number, text

if TYPE_CHECKING:
    import ibis.expr.types as ir

TOP = 50
_BANDS = (0, 1, 10, 100, 1_000, 10_000, 100_000, 1_000_000)


def build(engine: Engine, run: Path) -> data.ValueReport:
    """What a run found, as frozen data: totals, history, forecast, top customers, rejected rows, trust.

    `run` is a run folder. Raises KezhiError where it is not one, or is unfinished.
    """
    manifest = _document(run, "manifest.json")
    models = _document(run, "models.json")
    customers = engine.read_parquet(_existing(run, "customers.parquet"))
    forecast = engine.read_parquet(_existing(run, "forecast.parquet"))
    company = models.get("company") or {}
    return data.ValueReport(
        **_facts(manifest),
        **_company(company),
        top=top_customers(engine, customers, forecast, TOP),
        bands=_bands(engine, customers),
        flags=_flag_counts(engine, customers),
        tables=tuple(_table_rows(name, rows) for name, rows in (manifest.get("rows") or {}).items()),
        warnings=notes(manifest.get("warnings")),
        models=build_models(models, manifest),
        worth=worth.build(engine, run),
    )


def _existing(run: Path, name: str) -> Path:
    path = run / name
    if not path.exists():  # tables may be folders of parts
        raise KezhiError(
            Text(
                "{run} is not a finished run folder: {name} is missing. Make one with: kezhi run",
                "{run} 不是完整的运行结果文件夹：缺少 {name}。请先用 kezhi run 生成。",
            ).fill(run=run, name=name)
        )
    return path


def _document(run: Path, name: str) -> Json:
    try:
        found = json.loads(_existing(run, name).read_text(encoding="utf-8"))
    except ValueError as error:
        raise _damaged(run, name) from error
    if not isinstance(found, dict):
        raise _damaged(run, name)
    return found


def _damaged(run: Path, name: str) -> KezhiError:
    return KezhiError(
        Text("{name} in {run} is damaged. Run the analysis again.", "{run} 中的 {name} 已损坏，请重新运行。").fill(
            run=run, name=name
        )
    )


def _facts(manifest: Json) -> Json:
    totals = manifest.get("totals") or {}
    return {
        "run": str(manifest.get("run", "")),
        "version": str(manifest.get("kezhi", "")),
        "created": str(manifest.get("created", "")),
        "as_of": date.fromisoformat(manifest["as_of"]),
        "period": manifest.get("period", "month"),
        "fiscal_start": int(manifest.get("fiscal_start") or 1),
        "horizon": int(manifest.get("horizon") or 0),
        "currency": manifest.get("currency"),
        "basis": data.Basis(
            *(bool(manifest.get(key, True)) for key in ("cost_known", "expense_known")),
            *(bool(manifest.get(key, True)) for key in ("subtract_cost", "subtract_expense")),
        ),
        "customers": int(totals.get("customers") or 0),
        "purchases": int(totals.get("purchases") or 0),
        "totals": account(totals),
        "settings": manifest.get("settings") or {},
        "inputs": tuple(manifest.get("inputs") or ()),
        "versions": manifest.get("versions") or {},
        "seconds": manifest.get("seconds") or {},
    }


def account(source: Json) -> data.Account:
    """Amount, cost, expense and value of a JSON object or a table row; what is absent counts as nothing."""
    return data.Account(*(money(source.get(key)) or data.ZERO for key in ("amount", "cost", "expense", "value")))


# --- the company ------------------------------------------------------------------------------------------


def _company(company: Json) -> Json:
    total = company.get("total") or {}
    current = company.get("current")
    return {
        "history": tuple(_past(row) for row in company.get("history") or ()),
        "current": _expected(current) if current else None,
        "forecast": tuple(_expected(row) for row in company.get("forecast") or ()),
        "outlook": _expected(total),
        "concentration": tuple(
            data.SharePoint(float(point["customers"]), float(point["value"]))
            for point in company.get("concentration") or ()
        ),
        "top10_share": number(company.get("top10_share")),
        "top20_share": number(company.get("top20_share")),
    }


def _past(row: Json) -> data.PastPeriod:
    first = day(row["period"])
    assert first is not None, "every company period has its first day"
    return data.PastPeriod(
        first,
        int(row.get("purchases") or 0),
        int(row.get("customers") or 0),
        account(row),
        bool(row.get("complete", True)),
    )


def _expected(row: Json) -> data.Expected:
    return data.Expected(
        day(row.get("period")),
        account(row),
        number(row.get("value_lower")),
        number(row.get("value_upper")),
    )


# --- customers, aggregated or cut off in the engine -------------------------------------------------------


def top_customers(engine: Engine, customers: ir.Table, forecast: ir.Table, count: int) -> tuple[data.TopCustomer, ...]:
    """The customers with the largest forecast, each with its coming periods."""
    first = best(customers, count)
    rows = engine.fetch(first).to_pylist()
    steps: dict[str, list[Decimal]] = {}
    wanted = forecast.filter(forecast.customer_id.isin([row["customer_id"] for row in rows]))
    chosen = wanted.select("customer_id", "step", "value").order_by("customer_id", "step")
    for row in engine.fetch(chosen).to_pylist() if rows else []:
        steps.setdefault(row["customer_id"], []).append(money(row["value"]) or data.ZERO)
    return tuple(_top(row, tuple(steps.get(row["customer_id"], ()))) for row in rows)


def best(customers: ir.Table, count: int) -> ir.Table:
    """The customers with the largest forecast value, in the order of customers.parquet."""
    import ibis

    order = [ibis.desc(customers.forecast_value), customers.customer_id]
    return customers.order_by(order).limit(count)


def _top(row: Json, steps: tuple[Decimal, ...]) -> data.TopCustomer:
    margin = row.get("last_margin")
    return data.TopCustomer(
        customer_id=row["customer_id"],
        name=row.get("name"),
        last_purchase=day(row.get("last_purchase")),
        purchases=int(row.get("purchases") or 0),
        idle_periods=row.get("idle_periods"),
        value=money(row.get("value")) or data.ZERO,
        margin=number(margin if margin is not None else row.get("margin")),
        steps=steps,
        forecast=money(row.get("forecast_value")) or data.ZERO,
        lower=number(row.get("forecast_value_lower")),
        upper=number(row.get("forecast_value_upper")),
        flags=tuple(row.get("flags") or ()),
    )


def _bands(engine: Engine, customers: ir.Table) -> tuple[data.Band, ...]:
    """How many customers are forecast to bring nothing, something, much."""
    import ibis

    value = customers.forecast_value
    place = ibis.cases(*((value <= bound, i) for i, bound in enumerate(_BANDS)), else_=len(_BANDS))
    placed = customers.select(place=ibis.ifelse(value < 0, -1, place), value=value)
    counted = placed.group_by("place").agg(customers=placed.count(), value=placed.value.sum().cast("decimal(38, 4)"))
    return tuple(
        data.Band(*_bounds(row["place"]), row["customers"], money(row["value"]) or data.ZERO)
        for row in engine.fetch(counted.order_by("place")).to_pylist()
    )


def _bounds(place: int) -> tuple[Decimal | None, Decimal | None]:
    if place < 0:
        return None, Decimal(0)
    lower = Decimal(_BANDS[max(place - 1, 0)])
    return lower, Decimal(_BANDS[place]) if place < len(_BANDS) else None


def _flag_counts(engine: Engine, customers: ir.Table) -> tuple[tuple[str, int], ...]:
    codes = customers.select(code=customers.flags.unnest())
    counted = codes.filter(codes.code.notnull()).group_by("code").agg(customers=lambda t: t.count())
    return tuple((row["code"], row["customers"]) for row in engine.fetch(counted.order_by("code")).to_pylist())


# --- rows -------------------------------------------------------------------------------------------------


def _table_rows(name: str, rows: Json) -> data.TableRows:
    return data.TableRows(
        table=name,
        read=int(rows.get("read") or 0),
        accepted=int(rows.get("accepted") or 0),
        quarantined=int(rows.get("quarantined") or 0),
        after_as_of=int(rows.get("after_as_of") or 0),
        kinds=tuple(
            data.Kind(str(kind["kind"]), int(kind.get("rows") or 0), money(kind.get("amount")))
            for kind in rows.get("kinds") or ()
        ),
        rules=tuple(_rule(rule) for rule in rows.get("rules") or ()),
    )


def _rule(rule: Json) -> data.RejectedRule:
    code = str(rule.get("rule", ""))
    return data.RejectedRule(
        code,
        text(rule) or Text(code, code),
        text(rule.get("advice")),
        int(rule.get("rows") or 0),
        int(rule.get("returns") or 0),
        money(rule.get("amount")),
    )
