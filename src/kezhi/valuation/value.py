"""The valuation of one ledger: method chosen, models fitted, every customer forecast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kezhi.engine import Engine
from kezhi.language import Text
from kezhi.ledger import Book, Ledger
from kezhi.models.clock import Event
from kezhi.models.season import SeasonEstimate
from kezhi.valuation.amending import AMOUNT_ENDS, Amend, Amended, Computed, Step
from kezhi.valuation.backtest import Backtest
from kezhi.valuation.company import (
    Spread,
    company_forecast,
    company_history,
    concentration,
    total_spread,
)
from kezhi.valuation.customers import Columns, horizon_sums, names_of, own_variance, value_rows, value_table
from kezhi.valuation.evidence import amount_table, assumptions, frequency_table, transition_tables
from kezhi.valuation.explanation import explain
from kezhi.valuation.fits import Fits, fit_models
from kezhi.valuation.forecast import Scored, forecast_steps, scored_customers
from kezhi.valuation.forecaster import FAMILY
from kezhi.valuation.lessons import Learned
from kezhi.valuation.memory import Memory
from kezhi.valuation.past import Past, look_back
from kezhi.valuation.published import amount_edges, published_tables
from kezhi.valuation.steps import step_windows

if TYPE_CHECKING:
    import ibis.expr.types as ir


@dataclass(frozen=True)
class Forecasted:
    """A ledger with every customer forecast: forecast.parquet is written, customers.parquet is not yet.

    rows: one row per customer (see `value_rows`), computed when asked; forecast and current: what was written. Where
    management corrected the forecast, `computed_rows` and `computed` are what was there before; else the same.
    amounts_apart: whether purchase amounts have an interval of their own, for they differ from the value.
    """

    ledger: Ledger
    folder: Path
    horizon: int
    cost_known: bool
    requested: str
    method: str
    past: Past
    learned: Learned
    fits: Fits
    segments: tuple[float, ...]
    rows: ir.Table
    names: ir.Table | None
    forecast: ir.Table
    current: ir.Table | None
    computed_rows: ir.Table
    computed: ir.Table
    amounts_apart: bool
    amended: Amended | None = None

    @property
    def tested(self) -> Backtest | None:
        """How the methods would have done on the last complete periods, where that could be tried."""
        return self.past.tested if isinstance(self.past.tested, Backtest) else None


@dataclass(frozen=True)
class Valuation:
    """What a valuation leaves beside the files it wrote: the content of models.json and the totals so far."""

    models: dict[str, Any]
    totals: dict[str, Any]


def forecast_customers(
    engine: Engine,
    book: Book,
    ledger: Ledger,
    folder: Path,
    *,
    horizon: int,
    model: str,
    edges: tuple[float, ...] | None,
    events: tuple[Event, ...] = (),
    memory: Memory | None = None,
    amend: Amend | None = None,
) -> Forecasted:
    """Forecast every customer of a ledger over the next `horizon` periods, and let `amend` change the forecast.

    Writes forecast.parquet and, when `as_of` cuts a period short, current_period.parquet into the folder; the large
    tables are read back from there rather than kept in memory.
    """
    named = (model,) if model not in ("auto", "transition") else FAMILY
    with engine.sparing():  # the models are fitted by Python
        past = look_back(engine, ledger, horizon, named, edges, events, memory)
        engine.forget(ledger.days)
        tested = past.tested if isinstance(past.tested, Backtest) else None
        learned = past.learned if model in ("auto", "transition") else Learned({model: 1.0})
        method = choose_method(model, tested)
        fits = fit_models(ledger, tuple(learned.weights), learned, past.season.clock)
    segments = amount_edges(ledger, edges)
    scored = scored_customers(ledger, fits, horizon)
    published = published_tables(ledger, fits, horizon, segments) if method == "transition" else None
    steps = forecast_steps(ledger, fits, scored, method, book.cost_known, published)
    amounts_apart = book.cost_known or book.expenses is not None
    if not amounts_apart:
        steps = steps.drop(*AMOUNT_ENDS)
    names = names_of(book.customers)
    names = None if names is None else engine.store(names)
    path = folder / "forecast.parquet"
    computed = _written(engine, steps.filter(steps.step > 0), path if amend is None else engine.scratch / path.name)
    computed_rows = value_rows(scored, engine.store(horizon_sums(computed, ledger.people)))
    forecast, rows, amended = computed, computed_rows, None
    if amend is not None:
        table = value_table(computed_rows, names, horizon, book.cost_known)
        amended = amend(Computed(engine, _steps(ledger, horizon), computed, table, book.customers, _terms(scored)))
        engine.write_parquet(computed if amended is None else amended.forecast, path)
        forecast = engine.read_parquet(path)
    if amended is not None:
        rows = value_rows(scored, engine.store(horizon_sums(forecast, ledger.people)))
    current = None
    if ledger.calendar.rest(ledger.as_of) > 0:
        current = _written(engine, steps.filter(steps.step == 0), folder / "current_period.parquet")
    return Forecasted(
        ledger,
        folder,
        horizon,
        book.cost_known,
        model,
        method,
        past,
        learned,
        fits,
        segments,
        rows,
        names,
        forecast,
        current,
        computed_rows,
        computed,
        amounts_apart,
        amended,
    )


def _steps(ledger: Ledger, horizon: int) -> tuple[Step, ...]:
    return tuple(Step(one.step, one.period, one.until) for one in step_windows(ledger, horizon) if one.step > 0)


def _terms(scored: Scored) -> ir.Table:
    return scored.customers.select("customer_id", "expense_rate", "expense_floor")


def conclude(done: Forecasted, more: Sequence[Columns] = ()) -> Valuation:
    """Write customers.parquet, with `more` columns, and say what the company may expect and how far to trust it."""
    ledger, fits, past, tested, method = done.ledger, done.fits, done.past, done.tested, done.method
    engine, horizon = ledger.engine, done.horizon
    table = value_table(done.computed_rows, done.names, horizon, done.cost_known, more)
    if not done.amounts_apart:
        table = table.drop(*(f"forecast_{name}" for name in AMOUNT_ENDS))
    if done.amended is not None:
        table = done.amended.customers(table)
    missed = tested.missed(method) if tested else 0.0
    with engine.meanwhile(table, done.folder / "customers.parquet"):
        spread = total_spread(own_variance(done.computed_rows, horizon), ledger, fits, horizon, missed)
        evidence = _evidence(ledger, past.one_in, fits, done.segments)
        company = _company(engine, ledger, done.computed, done.current, spread, horizon)
    if done.amended is not None:
        company = done.amended.company(company)
    values = engine.read_parquet(done.folder / "customers.parquet")
    models = {
        "method": method,
        "requested": done.requested,
        "reason": explain(done.requested, method, tested, done.learned, past.season).as_dict(),
        "models": {fit.model: _fit_summary(fit) for fit in (*_used(fits), fits.amounts)},
        "learned": _learned(fits, done.learned),
        "season": _season(past.season),
        **evidence,
        "backtest": asdict(tested) if tested else None,
        "backtest_reason": past.tested.as_dict() if isinstance(past.tested, Text) else None,
        "company": company | concentration(engine, values),
    }
    return Valuation(models, _totals(engine, values))


def choose_method(model: str, tested: Backtest | None) -> str:
    """The method asked for; for `auto` the expected value, unless the published rule was nearer on the last periods.

    Nearer means both: in the company's total and, by root mean square, customer by customer. The second alone would
    reward whoever forecasts next to nothing for customers who buy rarely.
    """
    if model != "auto" or tested is None or tested.amount <= 0:
        return model
    expected, rule = tested.score("auto"), tested.score("transition")
    nearer = rule["rmse"] < expected["rmse"] and abs(rule["bias"]) < abs(expected["bias"])
    return "transition" if nearer else "auto"


def _used(fits: Fits) -> list[Any]:
    """The purchase models with a part in the forecast, and the one on which the published rule rests."""
    used = list(fits.forecaster.purchases.fits)
    return used if any(fit.model == "nbd" for fit in used) else [*used, fits.frequency]


def _learned(fits: Fits, learned: Learned) -> dict[str, Any]:
    """The models' weights, the level, and the factors by kind of customer."""
    blend = fits.forecaster.purchases
    weights = {fit.model: weight for fit, weight in zip(blend.fits, blend.weights, strict=True)}
    return {
        "weights": weights,
        "level": learned.level,
        "balance": fits.forecaster.level / learned.level,
        "factors": learned.card.to_dict(),
        "origins": learned.origins,
        **learned.facts,
    }


def _season(season: SeasonEstimate) -> dict[str, Any]:
    return {
        "enough": season.enough,
        "found": season.found,
        "remarks": [asdict(remark) for remark in season.reasons],
        **season.clock.describe(),
    }


def _written(engine: Engine, steps: ir.Table, path: Path) -> ir.Table:
    engine.write_parquet(steps.order_by("customer", "step").drop("customer"), path)
    return engine.read_parquet(path)


def _evidence(ledger: Ledger, one_in: int, fits: Fits, segments: tuple[float, ...]) -> dict[str, Any]:
    """What the data says of the assumptions; shares are seen well enough on the customers drawn for the backtest."""
    with ledger.engine.passing():
        part = ledger.part(one_in)
        if one_in > 1:
            part = replace(part, accounts=ledger.engine.store(part.accounts))
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
