"""The valuation of one ledger: method chosen, models fitted, every customer forecast."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kezhi.engine import Engine
from kezhi.language import Text
from kezhi.ledger import Book, Ledger
from kezhi.valuation.backtest import Backtest, backtest, drawn
from kezhi.valuation.company import (
    Spread,
    company_forecast,
    company_history,
    concentration,
    total_spread,
)
from kezhi.valuation.customers import HIDDEN, value_table
from kezhi.valuation.evidence import amount_table, assumptions, frequency_table, transition_tables
from kezhi.valuation.fits import Fits, fit_models
from kezhi.valuation.forecast import forecast_steps, scored_customers
from kezhi.valuation.published import amount_edges, published_tables

if TYPE_CHECKING:
    import ibis.expr.types as ir

REASONS = {
    "asked": Text("The method {method} was asked for.", "按要求使用方法 {method}。"),
    "default": Text(
        "The expected value under the fitted model is used; the past could not decide between the methods.",
        "采用拟合模型下的期望值；过去的数据无法比较各方法。",
    ),
    "nbd": Text(
        "Expected values are used. Tested on the last periods ({periods}): expected values missed the total by "
        "{nbd:+.0%}, the published rule by {transition:+.0%}, repeating the last periods by {repeat:+.0%}.",
        "采用期望值法。在最近 {periods} 期上检验：期望值法的总额偏差 {nbd:+.0%}，公布的移转规则 {transition:+.0%}，"
        "照搬上一期 {repeat:+.0%}。",
    ),
    "transition": Text(
        "The published rule is used. Tested on the last periods ({periods}), it was nearer both in total and customer "
        "by customer: it missed the total by {transition:+.0%}, expected values by {nbd:+.0%}, repeating the last "
        "periods by {repeat:+.0%}.",
        "采用公布的移转规则。在最近 {periods} 期上检验，它的总额和逐客户误差都更小：总额偏差 {transition:+.0%}，"
        "期望值法 {nbd:+.0%}，照搬上一期 {repeat:+.0%}。",
    ),
}


@dataclass(frozen=True)
class Valuation:
    """What a valuation leaves beside the files it wrote: the content of models.json and the totals so far."""

    models: dict[str, Any]
    totals: dict[str, Any]


def value(
    engine: Engine,
    book: Book,
    ledger: Ledger,
    folder: Path,
    *,
    horizon: int,
    model: str,
    edges: tuple[float, ...] | None,
) -> Valuation:
    """Value every customer of a ledger over the next `horizon` periods.

    Writes customers.parquet, forecast.parquet and, when `as_of` cuts a period short, current_period.parquet into
    the folder; the large tables are read back from there rather than kept in memory.
    """
    with engine.passing():
        found = backtest(engine, book, ledger, horizon, edges)
    tested = found if isinstance(found, Backtest) else None
    method, reason = choose_method(model, tested)
    fits = fit_models(ledger)
    segments = amount_edges(ledger, edges)
    scored = scored_customers(ledger, fits, horizon)
    published = published_tables(ledger, fits, horizon, segments) if method == "transition" else None
    steps = forecast_steps(ledger, fits, scored, horizon, book.cost_known, published)
    forecast = _written(engine, steps.filter(steps.step > 0), folder / "forecast.parquet")
    current = None
    if ledger.calendar.rest(ledger.as_of) > 0:
        current = _written(engine, steps.filter(steps.step == 0), folder / "current_period.parquet")
    values = engine.store(value_table(scored, forecast, book.customers, horizon, book.cost_known))
    engine.write_parquet(_best_first(values), folder / "customers.parquet")
    spread = total_spread(engine, values, ledger, fits, horizon, tested, method)
    models = {
        "method": method,
        "requested": model,
        "reason": reason.as_dict(),
        "models": {fit.model: _fit_summary(fit) for fit in (fits.purchases, fits.amounts)},
        **_evidence(ledger, _part(ledger, tested), fits, segments),
        "backtest": asdict(tested) if tested else None,
        "backtest_reason": found.as_dict() if isinstance(found, Text) else None,
        "company": _company(engine, ledger, forecast, current, spread, horizon) | concentration(engine, values),
    }
    return Valuation(models, _totals(engine, values))


def choose_method(model: str, tested: Backtest | None) -> tuple[str, Text]:
    """The method asked for; for `auto` the expected value, unless the published rule was nearer on the last periods.

    Nearer means both: in the company's total and, by root mean square, customer by customer. The second alone would
    reward whoever forecasts next to nothing for customers who buy rarely.
    """
    if model != "auto":
        return model, REASONS["asked"].fill(method=model)
    if tested is None or tested.amount <= 0:
        return "nbd", REASONS["default"]
    expected, rule = tested.score("nbd"), tested.score("transition")
    nearer = rule["rmse"] < expected["rmse"] and abs(rule["bias"]) < abs(expected["bias"])
    best = "transition" if nearer else "nbd"
    misses = {"nbd": expected["bias"], "transition": rule["bias"], "repeat": tested.score("repeat_last")["bias"]}
    return best, REASONS[best].fill(periods=tested.periods, **misses)


def _best_first(values: ir.Table) -> ir.Table:
    import ibis

    return values.drop(*HIDDEN).order_by(ibis.desc("forecast_value"), "customer_id")


def _written(engine: Engine, steps: ir.Table, path: Path) -> ir.Table:
    engine.write_parquet(steps.order_by("customer_id", "step"), path)
    return engine.read_parquet(path)


def _part(ledger: Ledger, tested: Backtest | None) -> Ledger:
    """The customers that were drawn for the backtest: enough to see shares on."""
    one_in = tested.one_in if tested else 1
    return replace(ledger, accounts=drawn(ledger.accounts, one_in), statistics=drawn(ledger.statistics, one_in))


def _evidence(ledger: Ledger, part: Ledger, fits: Fits, segments: tuple[float, ...]) -> dict[str, Any]:
    frequency, dispersion = frequency_table(part, fits)
    return {
        "assumptions": assumptions(ledger) | {"dispersion": dispersion},
        "frequency": frequency,
        "amounts": amount_table(part, fits, segments),
        "transitions": transition_tables(ledger, part, fits, segments),
    }


def _fit_summary(fit: Any) -> dict[str, Any]:
    return {
        "parameters": fit.parameters,
        "standard_errors": fit.standard_errors,
        "log_likelihood": fit.log_likelihood,
        "customers": fit.customers,
        "fallback": fit.fallback,
        "diagnosis": [asdict(remark) for remark in fit.diagnosis],
    }


def _company(
    engine: Engine,
    ledger: Ledger,
    forecast: ir.Table,
    current: ir.Table | None,
    spread: Spread,
    horizon: int,
) -> dict[str, Any]:
    future = company_forecast(engine, forecast, spread, horizon)
    rest = company_forecast(engine, current, spread, horizon)[0] if current is not None else None
    total = {name: sum(row[name] for row in future) for name in ("amount", "cost", "expense", "value")}
    return {
        "history": company_history(ledger),
        "forecast": future,
        "total": total | spread.bounds(float(total["value"])),
        "current": {name: rest[name] for name in ("period", "amount", "value")} if rest else None,
        "spread": asdict(spread),
    }


def _totals(engine: Engine, values: ir.Table) -> dict[str, Any]:
    sums = ("purchases", "amount", "cost", "expense", "value")
    return engine.row(values.aggregate(customers=values.count(), **{name: values[name].sum() for name in sums}))
