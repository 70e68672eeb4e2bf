"""One split, one window, every model: what each would have said of each customer, and how near it came."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from kezhi.engine import Engine
from kezhi.language import KezhiError, Text
from kezhi.ledger import Book, Calendar, days_by_id, drawn
from kezhi.models import scores
from kezhi.models.clock import Event
from kezhi.valuation.backtest import ENOUGH, naive_forecasts
from kezhi.valuation.days import PurchaseDays, as_date, as_number
from kezhi.valuation.explanation import explain
from kezhi.valuation.forecaster import FAMILY, Forecaster
from kezhi.valuation.prediction import Prediction, predict
from kezhi.valuation.rehearsal import Moment, Rehearsal, candidates, lessons_of, moment, origins_by_day, rehearse

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

WEEK = 7
NO_BUYER = Text(
    "Nobody had bought by {split}: choose a later split. The first purchase is of {first}.",
    "截至 {split} 还没有任何购买，请选择更晚的分割日。首笔购买在 {first}。",
)
NO_FUTURE = Text(
    "Nothing lies between the split {split} and {until}: choose an earlier split, or a later end.",
    "分割日 {split} 与 {until} 之间没有任何数据：请选择更早的分割日，或更晚的结束日。",
)


@dataclass(frozen=True, eq=False)
class Trial:
    """predictions: one row per model and customer, as `predictions.parquet`; scores: as `scores.json`."""

    predictions: pa.Table
    scores: dict[str, Any]


def run_trial(
    engine: Engine,
    book: Book,
    calendar: Calendar,
    split: date,
    until: date,
    names: Sequence[str],
    events: tuple[Event, ...] = (),
) -> Trial:
    """Forecast the days after `split` up to `until` with what was known at the split, and compare.

    `names` are models of purchases, or `auto`. Every customer whose first purchase is on or before the split has a row.
    """
    by_id = days_by_id(book, calendar)
    days = PurchaseDays.of(engine, by_id, calendar, until)
    if not (days.amount > 0).any():
        raise KezhiError(NO_BUYER.fill(split=split, first="-"))
    known = days.known(split)
    if not len(known):
        raise KezhiError(NO_BUYER.fill(split=split, first=days.first))
    if until <= split:
        raise KezhiError(NO_FUTURE.fill(split=split, until=until))
    splits = origins_by_day(days.first, split, (until - split).days)
    family = candidates(FAMILY, splits, (until - split).days)
    begun = time.perf_counter()
    practice = days
    if len(days.keys) > ENOUGH:
        some = drawn(by_id, "customer", -(-len(days.keys) // ENOUGH))
        practice = PurchaseDays.of(engine, some, calendar, split)
    made = rehearse(practice, splits, family, events) if "auto" in names else []
    now = moment(days, known, family if "auto" in names else (), lessons_of(made), events, _single(names))
    learned_in = time.perf_counter() - begun
    came, spent = days.came(known, until)
    parts, rows = [], {}
    for name in names:
        forecaster = now.named(name)
        started = time.perf_counter()
        found = predict(forecaster, known, until, came)
        seconds = time.perf_counter() - started + (learned_in if name == "auto" else now.seconds[name])
        parts.append(_columns(days, now, name, found))
        rows[name] = model_scores(came, spent, known.repeat_purchases, found) | {"seconds": round(seconds, 3)}
    for name, (count, spend) in naive_forecasts(days, known, until, now.forecaster.expected_amount(known)).items():
        parts.append(_naive_columns(days, now, name, count, spend))
        rows[name] = expectation_scores(came, spent, count, spend)
    return Trial(_stack(parts), _summary(now, made, until, came, spent, rows) | _tracking(days, now, until, names))


def _single(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in names if name != "auto")


def model_scores(
    came: NDArray[np.float64], spent: NDArray[np.float64], before: NDArray[np.int64], found: Prediction
) -> dict[str, Any]:
    """Scores of expectations, medians and intervals, and the tables behind the figures of calibration."""
    lower, median, upper = found.count_quantiles.T
    spend_lower, spend_median, spend_upper = found.spend_quantiles.T
    return expectation_scores(came, spent, found.count, found.spend) | {
        "mae_median": scores.mae(came, median),
        "spend_mae_median": scores.mae(spent, spend_median),
        "coverage": scores.calibrated_coverage(found.cdf_below, found.cdf_at),
        "coverage_inside": scores.interval_coverage(came, lower, upper),
        "spend_coverage": _spend_coverage(spent, spend_lower, spend_upper, found.p_nothing),
        "spend_coverage_inside": scores.interval_coverage(spent, spend_lower, spend_upper),
        "log_likelihood": float(found.log_probability.sum()),
        "by_frequency": _lists(scores.calibration_by_frequency(came, found.count, before)),
        "by_decile": _lists(scores.calibration_by_decile(came, found.count)),
        "gain": _lists(scores.gain_curve(np.maximum(spent, 0.0), found.spend)),
        "pit": _lists(scores.pit_histogram(found.cdf_below, found.cdf_at)),
    }


def expectation_scores(
    came: NDArray[np.float64], spent: NDArray[np.float64], count: NDArray[np.float64], spend: NDArray[np.float64]
) -> dict[str, Any]:
    """How near expected counts and spend came, in total, by customer and in their order."""
    positive = np.maximum(spent, 0.0)
    return {
        "bias": scores.bias(came, count),
        "rmse": scores.rmse(came, count),
        "poisson_deviance": scores.poisson_deviance(came, count),
        "mae": scores.mae(came, count),
        "gini": scores.normalised_gini(came, count),
        "spearman": scores.spearman(came, count),
        "top20": scores.captured_share(came, count),
        "spend_bias": scores.bias(spent, spend),
        "spend_rmse": scores.rmse(spent, spend),
        "spend_mae": scores.mae(spent, spend),
        "spend_gini": scores.normalised_gini(positive, spend),
        "spend_top20": scores.captured_share(positive, spend),
    }


def _spend_coverage(
    spent: NDArray[np.float64], lower: NDArray[np.float64], upper: NDArray[np.float64], nothing: NDArray[np.float64]
) -> float:
    """The share of customers inside their 80 % interval, where who spent nothing counts by as much of it as is in."""
    silent = spent <= 0
    inside = (spent >= lower) & (spent <= upper) & (upper > 0)
    part = np.divide(np.clip(nothing, 0.1, 0.9) - 0.1, nothing, out=np.zeros_like(nothing), where=nothing > 0)
    return float(np.where(silent, part, inside).mean())


def _lists(table: dict[str, Any]) -> dict[str, list[float]]:
    return {name: np.asarray(values).tolist() for name, values in table.items()}


def _columns(days: PurchaseDays, now: Moment, name: str, found: Prediction) -> dict[str, Any]:
    counts, spends = found.count_quantiles.T, found.spend_quantiles.T
    return {
        "customer_id": days.keys.take(now.known.customers),
        "model": [name] * len(now.known),
        "count": found.count,
        "count_median": counts[1],
        "count_lower": counts[0],
        "count_upper": counts[2],
        "spend": found.spend,
        "spend_median": spends[1],
        "spend_lower": spends[0],
        "spend_upper": spends[2],
        "p_alive": found.p_alive,
    }


def _naive_columns(days: PurchaseDays, now: Moment, name: str, count: Any, spend: Any) -> dict[str, Any]:
    ids = days.keys.take(now.known.customers)
    return {"customer_id": ids, "model": [name] * len(now.known), "count": count, "spend": spend}


def _stack(parts: list[dict[str, Any]]) -> pa.Table:
    import pyarrow as pa

    whole = ("count_median", "count_lower", "count_upper")
    numbers = ("count", *whole, "spend", "spend_median", "spend_lower", "spend_upper", "p_alive")
    fields = [pa.field("customer_id", pa.string()), pa.field("model", pa.string())]
    fields += [pa.field(name, pa.int64() if name in whole else pa.float64()) for name in numbers]
    schema = pa.schema(fields)
    tables = []
    for part in parts:
        rows = len(part["model"])
        columns = [pa.array(part[f.name], type=f.type) if f.name in part else pa.nulls(rows, f.type) for f in schema]
        tables.append(pa.table(columns, schema=schema))
    return pa.concat_tables(tables)


def _summary(
    now: Moment, made: Sequence[Rehearsal], until: date, came: Any, spent: Any, rows: dict[str, Any]
) -> dict[str, Any]:
    blend = now.forecaster.purchases
    return {
        "split": now.known.split,
        "until": until,
        "customers": len(now.known),
        "purchases": float(came.sum()),
        "spend": float(spent.sum()),
        "models": rows,
        "auto": {
            "weights": {fit.model: weight for fit, weight in zip(blend.fits, blend.weights, strict=True)},
            "level": now.learned.level,
            "balance": now.forecaster.level / now.learned.level,
            "factors": now.forecaster.card.to_dict(),
            "origins": [one.now.known.split for one in made],
            "season": now.season.clock.describe() | {"found": now.season.found, "enough": now.season.enough},
            "explanation": explain("auto", "auto", None, now.learned, now.season).as_dict(),
        }
        if "auto" in rows
        else None,
        "parameters": {name: fit.parameters for name, fit in now.fits.items()},
    }


def _tracking(days: PurchaseDays, now: Moment, until: date, names: Sequence[str]) -> dict[str, Any]:
    """Repeat purchases per week of the customers known at the split, as they came and as each model expected them."""
    known = now.known
    first = known.tenure_days.max()
    begin = as_number(known.split) - int(first)
    edges = np.arange(begin, as_number(until) + 1, WEEK)  # whole weeks only
    actual = np.histogram(days.repeats(known, until), edges + 0.5)[0]
    cohort, won = np.unique(as_number(known.split) - known.tenure_days, return_counts=True)
    return {
        "tracking": {
            "week": [as_date(int(edge)) for edge in edges[1:]],
            "actual": actual.tolist(),
            "expected": {name: _expected_weeks(now.named(name), cohort, won, edges) for name in names},
        }
    }


def _expected_weeks(
    forecaster: Forecaster, cohort: NDArray[np.int64], won: NDArray[np.int64], edges: NDArray[np.int64]
) -> list[float]:
    """What a model expects of newly won customers, cohort by cohort, added up by week."""
    clock, blend = forecaster.clock, forecaster.purchases
    longest = float(clock.elapsed(cohort.min(), edges[-1]))
    grid = np.linspace(0.0, max(longest, 1e-9), 513)
    reached = blend.expected_purchases_new_customer(grid)
    since = np.maximum(clock.elapsed(cohort[:, None], edges[None, :]), 0.0)
    totals = won @ np.interp(since, grid, reached)
    return [float(value) for value in np.diff(totals)]
