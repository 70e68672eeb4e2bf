"""What the company spends on its customers: to win, to reach, to visit and to serve them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kezhi.demo import words
from kezhi.demo.files import money, pick, some
from kezhi.demo.people import Customers
from kezhi.demo.plan import stream
from kezhi.demo.season import Ints, as_ints
from kezhi.demo.tables import FIELD_SALES, customer_ids
from kezhi.demo.world import World
from kezhi.language import Language

if TYPE_CHECKING:
    import pyarrow as pa

KINDS = ("acquisition", "marketing", "selling", "service")
MARKETING_SHARE = 0.03
MARKETED = (0, 1, 2)
VISIT_DAYS = 91
Entries = tuple[Ints, Ints, Ints, Ints, Ints]
"""Day, cents, customer (-1: shared), kind and channel (-1: none) of some expenses."""


def expense_table(world: World, language: Language) -> dict[str, pa.Array]:
    """One row per expense, by date; marketing has no customer and is shared out by the ledger's rule."""
    parts = (_acquisition(world.customers), _marketing(world), _selling(world), _service(world))
    day, cents, customer, kind, channel = (np.concatenate(column) for column in zip(*parts, strict=True))
    rows = np.lexsort((customer, kind, day))
    rows = rows[cents[rows] > 0]
    return {
        "date": some(world.window.dates(day[rows]), np.ones(len(rows), dtype=bool)),
        "amount": money(cents[rows]),
        "customer_id": customer_ids(customer[rows]),
        "kind": pick(KINDS, kind[rows]),
        "channel": pick(words.said(words.CHANNELS + words.SOURCES, language), channel[rows]),
    }


def _entries(day: Ints, cents: Ints, customer: Ints, kind: str, channel: Ints | int = -1) -> Entries:
    numbers = np.full(len(day), KINDS.index(kind))
    return day, cents, customer, numbers, np.broadcast_to(np.asarray(channel), day.shape).astype(np.int64)


def _acquisition(customers: Customers) -> Entries:
    number, way = np.arange(len(customers.acquired)), len(words.CHANNELS) + customers.source
    return _entries(customers.acquired, customers.acquisition_cents, number, "acquisition", way)


def _marketing(world: World) -> Entries:
    """A budget on the first of every month for three channels, half of it following sales."""
    window, lines = world.window, world.lines
    rng = stream(world.plan, "marketing")
    sales = np.bincount(window.month[lines.day], weights=np.maximum(lines.amount_cents, 0), minlength=window.months)
    smooth = 0.5 * sales + 0.5 * sales.mean()
    share = np.array([0.45, 0.4, 0.15]) * MARKETING_SHARE
    cents = np.rint(smooth[:, None] * share * rng.uniform(0.85, 1.15, size=(window.months, 3)))
    day = np.repeat(window.month_start[:-1], len(MARKETED))
    nobody = np.full(len(day), -1)
    return _entries(day, cents.ravel().astype(np.int64), nobody, "marketing", np.tile(MARKETED, window.months))


def _selling(world: World) -> Entries:
    """Quarterly visits to organisations, as long as they buy."""
    rng = stream(world.plan, "selling")
    window, customers = world.window, world.customers
    number = np.flatnonzero(world.organisations())
    end = np.minimum(customers.stopped[number] + VISIT_DAYS, window.days)
    visits = np.maximum(end - customers.acquired[number], 0) // VISIT_DAYS
    who = np.repeat(number, visits)
    first = np.repeat(np.cumsum(visits) - visits, visits)
    before = VISIT_DAYS * (np.arange(len(who)) - first + 1) - rng.integers(1, 40, len(who))
    cents = as_ints(np.rint(24000 * rng.gamma(5.0, 0.2, size=len(who))))
    return _entries(customers.acquired[who] + before, cents, who, "selling", FIELD_SALES)


def _service(world: World) -> Entries:
    """A complaint or question after some orders; after nearly all orders of costly customers, and dearly."""
    rng = stream(world.plan, "service")
    window, lines = world.window, world.lines
    costly = world.customers.has("costly")[lines.customer]
    chance = np.where(costly, 0.9, 0.06)
    cents = np.where(
        costly,
        lines.amount_cents * rng.uniform(0.5, 1.0, len(lines)),
        1500 * rng.gamma(2.0, 0.5, len(lines)),
    )
    day = lines.day + rng.integers(1, 21, size=len(lines))
    asked = (rng.random(len(lines)) < chance) & (day < window.days) & (lines.quantity > 0)
    rows = np.flatnonzero(asked)
    return _entries(day[rows], as_ints(np.rint(cents[rows])), lines.customer[rows], "service")
