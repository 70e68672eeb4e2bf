"""What is still to come from each customer until a lifetime horizon, or to the end, in today's worth.

Near at hand is the forecast itself, row by row as it was written. Beyond it every distinct history has one number, its
discounted expected purchases; times the conditional mean amount and what of an amount remains after cost and expense
this is plain arithmetic of the engine.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from kezhi.ledger import SUM, as_sum
from kezhi.models.clock import YEAR_DAYS
from kezhi.models.discounting import annuity, force, stretches
from kezhi.valuation.forecast import expected_expense, money, value_bounds
from kezhi.valuation.forecaster import Window
from kezhi.valuation.intervals import window_spread
from kezhi.valuation.steps import StepWindow, spread_columns, stacked, step_windows

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa
    from numpy.typing import NDArray

    from kezhi.valuation.fits import Fits
    from kezhi.valuation.value import Forecasted

_TAIL_NODES = 6  # for each stretch of the time after the horizon, whose ends grow by a factor of 2.5
_FAR = 16.0  # where a purchase is worth e^-16 of one now, the end has come
_SPEED_YEARS = 4  # over which the clock's speed is taken, with whole seasons and a leap day


@dataclass(frozen=True)
class Span:
    """How far a customer's life is looked at: so many periods after the current one, or to the end of time.

    discount_rate is a year's: money that comes t years after `as_of` is worth (1 + discount_rate)^-t of it. To the end
    of time only with a rate above 0: a customer who never leaves would be worth without limit.
    """

    periods: int
    discount_rate: float = 0.0
    to_the_end: bool = False


@dataclass(frozen=True, eq=False)
class Residual:
    """What the models expect until the end of a span, by distinct history.

    histories: history (its number), residual_purchases (all, discounted), later_purchases (those after the forecast)
    and the spread of the residual amount, prefix `life_`. near: what a row of the forecast is worth by its step;
    steps beyond the span are not in it. later_periods, all_periods: how many periods of today's worth the time after
    the forecast and the whole span are.
    """

    histories: pa.Table
    near: dict[int, float]
    later_periods: float
    all_periods: float


def residual(done: Forecasted, span: Span) -> Residual:
    """What the models expect of each distinct history until the end of the span."""
    ledger, fits = done.ledger, done.fits
    windows = step_windows(ledger, span.periods)
    worth = {one.step: _worth(one, ledger.as_of, span.discount_rate) for one in windows}
    near = {step: value for step, value in worth.items() if step <= done.horizon}
    times, coefficients = _functional(fits, windows, worth, done.horizon, span)
    everything, later = _discounted(fits, times, coefficients)
    end, tail = windows[-1].until, 0.0
    if span.to_the_end:
        years = float((1 + span.discount_rate) ** -_years(ledger.as_of, end)) * annuity(span.discount_rate, None)
        tail = years * YEAR_DAYS / ledger.calendar.mean_days
    rest = ledger.calendar.rest(ledger.as_of)
    all_periods = sum(value * (1.0 if step else rest) for step, value in worth.items()) + tail
    later_periods = sum(value for step, value in worth.items() if step > done.horizon) + tail
    spread = _spread(fits, ledger.as_of, end, everything, all_periods, span)
    table = {"history": np.arange(len(everything)), "residual_purchases": everything, "later_purchases": later}
    return Residual(stacked([table | spread_columns("life_", spread)]), near, later_periods, all_periods)


def _years(first: date, last: date) -> float:
    return (last - first).days / YEAR_DAYS


def _worth(one: StepWindow, as_of: date, rate: float) -> float:
    """What money of a step is worth today: that of its middle."""
    return float((1 + rate) ** -((_years(as_of, one.after) + _years(as_of, one.until)) / 2))


def _functional(
    fits: Fits, windows: list[StepWindow], worth: dict[int, float], horizon: int, span: Span
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Times on the clock, and coefficients: expected purchases by these times, so weighted, are the discounted ones.

    Two rows of coefficients: for the whole span, and for what comes after the forecast. Most are 0 without a rate.
    """
    ends = [fits.window(fits.as_of, one.until).end for one in windows]
    coefficients = np.zeros((2, len(windows)))
    for place, one in enumerate(windows):
        for row in (0, 1) if one.step > horizon else (0,):
            coefficients[row, place] += worth[one.step]
            if place:
                coefficients[row, place - 1] -= worth[one.step]
    if not span.to_the_end:
        return np.array(ends), coefficients
    # the tail by parts: Integral v dM = Integral force v M dt - v M at the horizon
    rate, last = force(span.discount_rate), windows[-1].until
    start = _years(fits.as_of, last)
    years, widths = stretches(start, start + _FAR / rate, _TAIL_NODES)
    beyond = fits.window(last, last + timedelta(days=round(_SPEED_YEARS * YEAR_DAYS))).length / _SPEED_YEARS
    weights = rate * widths * np.exp(-rate * years)
    coefficients[:, -1] -= np.exp(-rate * start)
    more = ends[-1] + beyond * (years - start)
    return np.append(ends, more), np.hstack([coefficients, np.tile(weights, (2, 1))])


def _discounted(
    fits: Fits, times: NDArray[np.float64], coefficients: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The two weighted sums for each distinct history, level and scorecard included."""
    sums = np.zeros((2, len(fits.on_clock)))
    for time, (whole, later) in zip(times, coefficients.T, strict=True):
        if abs(whole) < 1e-15 and abs(later) < 1e-15:
            continue
        expected = fits.forecaster.purchases.expected_purchases(fits.on_clock, float(time))
        sums[0] += whole * expected
        if later:
            sums[1] += later * expected
    sums *= fits.factor
    return sums[0], np.maximum(sums[1], 0.0)


def _spread(fits: Fits, as_of: date, end: date, discounted: NDArray[np.float64], periods: float, span: Span) -> Any:
    """The spread of the residual amount: that of a window which is as long as the span is in today's worth.

    Without a rate that window is the span itself. With one, the amount of the window is stretched or shrunk so that its
    mean is the discounted one: its relative spread is that of purchases which come about as early.
    """
    until = end
    if span.discount_rate > 0:
        years = annuity(span.discount_rate, None if span.to_the_end else _years(as_of, end))
        until = as_of + timedelta(days=max(round(years * YEAR_DAYS), 1))
    mean, product, none = fits.moments({"life": Window.of(fits.forecaster.clock, as_of, as_of, until)})["life"]
    square = product + mean
    # purchases spread evenly over the periods: E[f^2] of each needs no question of its own
    steps_square = np.minimum(product / max(periods, 1.0) + mean, square)
    spread = window_spread(mean, steps_square, square, none, fits.amounts.parameters["p"])
    known = (mean > 0) & (discounted > 0)
    spread.cumulants[0] += np.log(np.divide(discounted, mean, out=np.ones_like(mean), where=known))
    return spread


def residual_rows(done: Forecasted, found: Residual) -> ir.Table:
    """Every customer's residual_purchases, residual_value, residual_lower and residual_upper.

    Beside them customer, customer_id, and amount, cost and value so far.
    """
    engine = done.ledger.engine
    # what was corrected by hand counts in its own periods; what comes later rests on what was computed
    rows = done.computed_rows.left_join(engine.table(found.histories), "history", rname="{name}_l")
    rows = rows.mutate(
        **{name: rows[name].coalesce(0.0) for name in found.histories.column_names if name != "history"},
        near=rows.forecast_value,
        moved=rows.forecast_value.cast("float64") * 0.0,
    )
    if done.amended is not None:
        corrected = done.rows.select(who="customer", corrected="forecast_value")
        rows = rows.inner_join(corrected, rows.customer == corrected.who).drop("who")
        moved = rows.corrected.cast("float64") - rows.forecast_value.cast("float64")
        rows = rows.mutate(near=rows.corrected, moved=moved).drop("corrected")
    if set(found.near) != set(range(1, done.horizon + 1)) or set(found.near.values()) != {1.0}:
        near = _near(done, found.near).select(who="customer_id", near="near")
        rows = rows.drop("near").left_join(near, rows.customer_id == near.who).drop("who")
    margin = _margin(rows, done.cost_known)
    amount: Any = rows.later_purchases * rows.amount_factor * rows.mean_next
    ahead: Any = rows.forecast_amount.cast("float64")
    whole = ((ahead * rows.margin_next + amount * margin) / (ahead + amount).nullif(0.0)).coalesce(margin)
    lower, upper = value_bounds(rows, "life_", whole, max(found.all_periods, 1e-9))
    made = {"residual_value": rows.near}
    if found.later_periods > 0:
        expense = found.later_periods * expected_expense(amount / found.later_periods, rows)
        made = {"residual_value": as_sum(rows.near + money(amount * margin - expense))}
    return rows.select(
        "customer",
        "customer_id",
        "amount",
        "cost",
        value=as_sum(rows.amount - rows.cost - rows.expense),
        residual_purchases=rows.residual_purchases * rows.amount_factor,
        **made,
        residual_lower=lower.coalesce(0.0) + rows.moved,
        residual_upper=upper.coalesce(0.0) + rows.moved,
    )


def _near(done: Forecasted, worth: dict[int, float]) -> ir.Table:
    """customer_id, near: the forecast's rows in today's worth, what is left of the current period among them."""
    import ibis

    names = ("customer_id", "step", "value")
    rows = done.forecast.select(*names)
    if done.current is not None:
        rows = rows.union(done.current.select(*names))
    rows = rows.filter(rows.step <= max(worth))
    value: Any = rows.value
    if set(worth.values()) != {1.0}:
        by_step = ibis.cases(*((rows.step == step, ibis.literal(share)) for step, share in worth.items()), else_=0.0)
        value = money(rows.value.cast("float64") * by_step)
    return rows.group_by("customer_id").aggregate(near=value.sum().cast(SUM))


def _margin(rows: ir.Table, cost_known: bool) -> Any:
    """After the forecast: the customer's margin over everything bought so far; the forecast's without a purchase.

    The forecast starts from the last period's margin, as the published rule does: little to go by for years.
    """
    import ibis

    if not cost_known:
        return rows.margin_next
    own: Any = 1.0 - rows.cost.cast("float64") / rows.amount.cast("float64").nullif(0.0)
    return ibis.least(ibis.ifelse(rows.amount > 0, own, rows.margin_next), 1.0)
