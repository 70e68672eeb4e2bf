"""When customers buy and for how much: the six assumptions, drawn for all customers at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kezhi.demo.people import Customers
from kezhi.demo.plan import Plan, stream
from kezhi.demo.season import Floats, Ints, Window, as_ints

CELLS_AT_ONCE = 50_000
FALL_MONTHS = 9


@dataclass(frozen=True)
class Purchases:
    """One row per customer-day with a purchase, sorted by customer and day.

    `cents` is the day's amount. In every active month of a customer it averages to the drawn mean amount, to
    the cent. `exposure` has one value per customer: the months (weighted by season) of the Poisson stream.
    """

    customer: Ints
    day: Ints
    cents: Ints
    exposure: Floats


def draw_purchases(plan: Plan, window: Window, customers: Customers) -> Purchases:
    """All purchases of all customers."""
    exposure = _exposures(window, customers)
    trend = _trend(window, customers)
    counts = _counts(plan, window, customers, exposure * trend)
    customer, day = _days(plan, window, customers, counts)
    cents = _amounts(plan, window, customers, customer, day)
    return Purchases(customer, day, cents, exposure.sum(axis=1))


def _bounds(window: Window, customers: Customers) -> tuple[Ints, Ints]:
    """First day and the day after the last of the Poisson stream, per customer and month."""
    begin = np.maximum(window.month_start[None, :-1], customers.acquired[:, None] + 1)
    end = np.minimum(window.month_start[None, 1:], customers.stopped[:, None] + 1)
    return begin, np.maximum(begin, end)


def _exposures(window: Window, customers: Customers) -> Floats:
    begin, end = _bounds(window, customers)
    last = window.days
    spent: Floats = window.cumulative[np.minimum(end, last)] - window.cumulative[np.minimum(begin, last)]
    return spent


def _trend(window: Window, customers: Customers) -> Floats:
    """1 for most; those who fall lose nine tenths over the last months, those who rise start at a third."""
    to_end = np.arange(window.months)[::-1] / FALL_MONTHS
    falling = np.clip(to_end, 0.1, 1.0)
    rising = np.clip(1.6 - 1.3 * to_end / 2, 0.35, 1.6)
    trend = np.ones((len(customers.acquired), window.months))
    trend[customers.has("falling")] = falling
    trend[customers.has("rising")] = rising
    return trend


def _counts(plan: Plan, window: Window, customers: Customers, exposure: Floats) -> Ints:
    """Poisson counts per customer and month, at most one purchase a day."""
    counts = stream(plan, "counts").poisson(customers.rate[:, None] * exposure)
    begin, end = _bounds(window, customers)
    return as_ints(np.minimum(counts, end - begin))


def _days(plan: Plan, window: Window, customers: Customers, counts: Ints) -> tuple[Ints, Ints]:
    """The counted purchases on different days of their months, and the first purchase of each customer."""
    rng = stream(plan, "days")
    begin, end = _bounds(window, customers)
    buyer, month = np.nonzero(counts)
    picked = [(np.arange(len(customers.acquired)), customers.acquired)]
    for at in range(0, len(buyer), CELLS_AT_ONCE):
        cells = (buyer[at : at + CELLS_AT_ONCE], month[at : at + CELLS_AT_ONCE])
        row, day = _different_days(rng, window, begin[cells], end[cells], counts[cells])
        picked.append((cells[0][row], day))
    customer = np.concatenate([c for c, _ in picked])
    day = np.concatenate([d for _, d in picked])
    order = np.lexsort((day, customer))
    return customer[order], day[order]


def _different_days(rng: np.random.Generator, window: Window, begin: Ints, end: Ints, count: Ints) -> tuple[Ints, Ints]:
    """`count` different days of each span, busier days more often (Gumbel keys, the largest win)."""
    day = begin[:, None] + np.arange(31)
    inside = day < end[:, None]
    key = np.log(window.weight)[np.minimum(day, window.days - 1)] + rng.gumbel(size=day.shape)
    ranked = np.argsort(np.where(inside, -key, np.inf), axis=1, kind="stable")
    row, place = np.nonzero(np.arange(31) < count[:, None])
    return row, begin[row] + ranked[row, place]


def _amounts(plan: Plan, window: Window, customers: Customers, customer: Ints, day: Ints) -> Ints:
    """Cents per purchase: one mean per active month, divided unevenly over the month's purchases."""
    rng = stream(plan, "amounts")
    cell = customer * window.months + window.month[day]
    begin = np.flatnonzero(np.diff(cell, prepend=-1))
    buyer, purchases = customer[begin], np.diff(np.append(begin, len(cell)))
    mean = rng.gamma(customers.shape[buyer]) / customers.nu[buyer]
    cents = as_ints(np.maximum(np.rint(100 * mean), 1))
    return divide(cents * purchases, purchases, rng.gamma(3.0, size=len(cell)))


def divide(totals: Ints, parts: Ints, weights: Floats) -> Ints:
    """Whole totals in parts of at least 1 that add up exactly; `weights` holds all parts in a row."""
    end = np.cumsum(parts)
    begin = end - parts
    owner = np.repeat(np.arange(len(parts)), parts)
    share = weights / np.add.reduceat(weights, begin)[owner]
    pieces = 1 + as_ints(np.floor((totals - parts)[owner] * share))
    pieces[end - 1] += totals - np.add.reduceat(pieces, begin)
    return pieces
