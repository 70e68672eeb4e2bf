"""Read a run folder into a `ValueReport`: work per customer stays in the engine, few rows come here."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kezhi.engine import Engine
from kezhi.language import KezhiError, Text
from kezhi.reports import customer_value as data

if TYPE_CHECKING:
    import ibis.expr.types as ir

TOP = 50
_BANDS = (0, 1, 10, 100, 1_000, 10_000, 100_000, 1_000_000)

Json = dict[str, Any]


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
        warnings=_notes(manifest.get("warnings")),
        models=_models(models),
    )


def _existing(run: Path, name: str) -> Path:
    path = run / name
    if not path.is_file():
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


def money(value: object) -> Decimal | None:
    """An exact sum from JSON text or the engine; None when absent or not a number."""
    if value is None:
        return None
    try:
        exact = value if isinstance(value, Decimal) else Decimal(str(value))
    except InvalidOperation:
        return None
    return exact if exact.is_finite() else None


def _number(value: object) -> float | None:
    if not isinstance(value, int | float | Decimal | str):
        return None
    try:
        found = float(value)
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def _known(values: object) -> tuple[float, ...]:
    return tuple(_number(value) or 0.0 for value in values) if isinstance(values, list | tuple) else ()


def _date(value: object) -> date | None:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date) or value is None:
        return value
    return date.fromisoformat(str(value)[:10])


def _text(value: object) -> Text | None:
    if not isinstance(value, dict) or "en" not in value:
        return None
    return Text(str(value["en"]), str(value.get("zh") or value["en"]))


def _notes(values: Iterable[Json] | None) -> tuple[data.Note, ...]:
    return tuple(
        data.Note(str(value.get("code", "")), text, str(value.get("severity", "warning")))
        for value in values or ()
        if (text := _text(value))
    )


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
        "top10_share": _number(company.get("top10_share")),
        "top20_share": _number(company.get("top20_share")),
    }


def _past(row: Json) -> data.PastPeriod:
    first = _date(row["period"])
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
        _date(row.get("period")),
        account(row),
        _number(row.get("value_lower")),
        _number(row.get("value_upper")),
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
        last_purchase=_date(row.get("last_purchase")),
        purchases=int(row.get("purchases") or 0),
        idle_periods=row.get("idle_periods"),
        value=money(row.get("value")) or data.ZERO,
        margin=_number(margin if margin is not None else row.get("margin")),
        steps=steps,
        forecast=money(row.get("forecast_value")) or data.ZERO,
        lower=_number(row.get("forecast_value_lower")),
        upper=_number(row.get("forecast_value_upper")),
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
        _text(rule) or Text(code, code),
        _text(rule.get("advice")),
        int(rule.get("rows") or 0),
        int(rule.get("returns") or 0),
        money(rule.get("amount")),
    )


# --- models -----------------------------------------------------------------------------------------------


def _models(models: Json) -> data.Models:
    return data.Models(
        method=str(models.get("method", "")),
        requested=str(models.get("requested", "")),
        reason=_text(models.get("reason")),
        fitted=tuple(_fitted(name, fit) for name, fit in (models.get("models") or {}).items() if fit),
        assumptions=_assumptions(models.get("assumptions") or {}),
        frequency=tuple(
            data.FrequencyBar(int(bar["purchases"]), float(bar["observed"]), float(bar["expected"]))
            for bar in models.get("frequency") or ()
        ),
        amounts=_amounts(models.get("amounts")),
        transitions=_transitions(models.get("transitions")),
        backtest=_backtest(models.get("backtest")),
        backtest_reason=_text(models.get("backtest_reason")),
    )


def _fitted(name: str, fit: Json) -> data.FittedModel:
    return data.FittedModel(
        name=name,
        parameters=dict(fit.get("parameters") or {}),
        standard_errors=dict(fit.get("standard_errors") or {}),
        log_likelihood=_number(fit.get("log_likelihood")),
        customers=fit.get("customers"),
        diagnosis=_notes(fit.get("diagnosis")),
    )


def _assumptions(found: Json) -> data.Assumptions:
    return data.Assumptions(
        correlation=_number(found.get("frequency_amount_correlation")),
        dispersion=_number(found.get("dispersion")),
        customers=found.get("customers"),
        active_periods=found.get("active_periods"),
        notes=_notes(found.get("notes")),
    )


def _amounts(found: Json | None) -> data.Amounts | None:
    if not found or not found.get("edges"):
        return None
    return data.Amounts(
        _known(found["edges"]),
        _known(found.get("observed")),
        _known(found.get("expected")),
        _number(found.get("mode")),
        _number(found.get("density_at_mode")),
    )


def _transitions(found: Json | None) -> data.Transitions | None:
    if not found or not found.get("edges"):
        return None
    return data.Transitions(
        edges=_known(found["edges"]),
        expected_amount=_known(found.get("expected_amount")),
        p_amount=_known(found.get("p_amount")),
        matrix=tuple(_known(row) for row in found.get("matrix") or ()),
        observed=tuple(tuple(_number(value) for value in row or ()) for row in found.get("observed_matrix") or ()),
        frequency=tuple(
            data.FrequencyMove(
                int(move["now"]), float(move["expected"]), int(move["next"]), _known(move.get("p_by_idle"))
            )
            for move in found.get("frequency") or ()
        ),
        trust_interval=tuple(int(bound) for bound in found.get("trust_interval") or ()),
    )


def _backtest(found: Json | None) -> data.Backtest | None:
    if not found:
        return None
    return data.Backtest(
        split=_date(found.get("split")),
        until=_date(found.get("until")),
        periods=int(found.get("periods") or 0),
        customers=int(found.get("customers") or 0),
        amount=_number(found.get("amount")) or 0.0,
        scores=tuple(_score(score) for score in found.get("methods") or ()),
    )


def _score(found: Json) -> data.Score:
    numbers = ("amount", "bias", "mae", "rmse", "gini", "purchases", "purchases_bias")
    return data.Score(str(found["method"]), *(_number(found.get(key)) for key in numbers))
