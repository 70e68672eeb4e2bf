"""What else the company knows of its customers: chances, suggestions, talks, opinions and open bills."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kezhi.demo import words
from kezhi.demo.files import money, numbered, pick, some
from kezhi.demo.people import Customers
from kezhi.demo.plan import stream
from kezhi.demo.season import Ints, Window, as_ints
from kezhi.demo.tables import customer_ids, product_ids
from kezhi.demo.words import said
from kezhi.demo.world import World
from kezhi.language import Language

if TYPE_CHECKING:
    import pyarrow as pa

Columns = dict[str, "pa.Array"]
WON, LOST = 3, 4


def _all(values: NDArray[np.generic]) -> pa.Array:
    return some(values, np.ones(len(values), dtype=bool))


def _days_between(rng: np.random.Generator, first: Ints, last: Ints | int) -> Ints:
    """A day from the first to the last, both included."""
    span = np.maximum(last - first, 0) + 1
    return first + as_ints(np.floor(rng.random(len(first)) * span))


def _last_active(window: Window, customers: Customers) -> Ints:
    return as_ints(np.minimum(customers.stopped, window.days - 1))


def _repeated(counts: Ints) -> Ints:
    return as_ints(np.repeat(np.arange(len(counts)), counts))


def opportunity_table(world: World) -> Columns:
    """Sales under way and past; open ones began within the last four months and end after the last day."""
    window, customers = world.window, world.customers
    rng = stream(world.plan, "opportunities")
    firm = world.organisations()
    who = _repeated(rng.poisson(np.where(firm, 1.6, 0.03)))
    n, end = len(who), window.days - 1
    opened = _days_between(rng, customers.acquired[who], _last_active(window, customers)[who])
    still = opened > end - 120
    expected = opened + rng.integers(20, 100, size=n)
    expected = np.where(still, end + rng.integers(5, 120, size=n), np.minimum(expected, end))
    stage = np.where(still, rng.integers(0, WON, size=n), rng.choice((WON, LOST), n, p=(0.55, 0.45)))
    cents = as_ints(np.rint(rng.gamma(2.0, np.where(firm[who], 9000.0, 500.0)))) * 100 + 10000
    order = np.lexsort((who, opened))
    chance = np.array([20, 45, 70, 100, 0])[stage]
    return {
        "opportunity_id": numbered("O", np.arange(1, n + 1), 5),
        "customer_id": customer_ids(who[order]),
        "amount": money(cents[order]),
        "opened_on": _all(window.dates(opened[order])),
        "expected_on": _all(window.dates(expected[order])),
        "probability": money(chance[order]),
        "stage": pick(words.STAGES, stage[order]),
    }


def suggestion_table(world: World, language: Language) -> Columns:
    """What customers proposed; the suggesters among them have at least five of high value."""
    window, customers = world.window, world.customers
    rng = stream(world.plan, "suggestions")
    many = customers.has("suggester")
    counts = rng.poisson(np.where(world.organisations(), 0.3, 0.08)) + np.where(many, 5, 0)
    who = _repeated(counts)
    n = len(who)
    day = _days_between(rng, customers.acquired[who], window.days - 1)
    grade = np.where(many[who] | (rng.random(n) < 0.25), 0, 1)
    product = np.where(rng.random(n) < 0.5, rng.integers(0, 30, size=n), -1)
    taken = rng.random(n) < np.where(grade == 0, 0.4, 0.1)
    text = rng.integers(0, len(words.SUGGESTIONS), size=n)
    order = np.lexsort((who, day))
    return {
        "customer_id": customer_ids(who[order]),
        "date": _all(window.dates(day[order])),
        "grade": pick(("high", "ordinary"), grade[order]),
        "text": pick(said(words.SUGGESTIONS, language), text[order]),
        "product_id": product_ids(product[order]),
        "taken_up": _all(taken[order]),
    }


def contact_table(world: World, language: Language) -> Columns:
    """Calls, letters, visits and chats; their cost stands here only, not among the expenses."""
    window, customers = world.window, world.customers
    rng = stream(world.plan, "contacts")
    last = _last_active(window, customers)
    years = (last - customers.acquired) / 365.25
    often = np.where(world.organisations(), 4.0, np.where(customers.has("costly"), 5.0, 0.7))
    who = _repeated(rng.poisson(often * years))
    n = len(who)
    day = _days_between(rng, customers.acquired[who], last[who])
    channel = rng.choice(4, size=n, p=(0.4, 0.3, 0.08, 0.22))
    cents = as_ints(np.rint(np.array([600, 80, 9000, 300])[channel] * rng.uniform(0.6, 1.6, size=n)))
    note = rng.integers(0, len(words.NOTES), size=n)
    order = np.lexsort((who, day))
    return {
        "customer_id": customer_ids(who[order]),
        "date": _all(window.dates(day[order])),
        "channel": pick(said(words.CONTACT_CHANNELS, language), channel[order]),
        "direction": pick(("in", "out"), (rng.random(n) < 0.6).astype(np.int64)),
        "cost": money(cents[order]),
        "note": pick(said(words.NOTES, language), note[order]),
    }


def survey_table(world: World, language: Language) -> Columns:
    """Answers from 1 to 5 on four dimensions; who left or buys less was less content beforehand."""
    window, customers = world.window, world.customers
    rng = stream(world.plan, "surveys")
    last = _last_active(window, customers)
    answers = _repeated((rng.random(world.plan.customers) < 0.25).astype(np.int64))
    day = _days_between(rng, customers.acquired[answers], last[answers])
    unhappy = (customers.stopped < window.days) | customers.has("falling")
    mood = rng.normal(np.where(unhappy[answers], 3.2, 4.1), 0.5)[:, None]
    leaning = np.array([0.3, 0.0, -0.2, -0.3])
    raw = mood + leaning + rng.normal(0.0, 0.6, size=(len(answers), len(words.DIMENSIONS)))
    order = np.repeat(np.lexsort((answers, day)), len(words.DIMENSIONS))
    dimension = np.tile(np.arange(len(words.DIMENSIONS)), len(answers))
    score = as_ints(np.clip(np.rint(raw), 1, 5))[order, dimension]
    remark = np.where(rng.random(len(score)) < 0.15, score - 1, -1)
    return {
        "customer_id": customer_ids(answers[order]),
        "date": _all(window.dates(day[order])),
        "dimension": pick(words.DIMENSIONS, dimension),
        "score": _all(score),
        "comment": pick(said(words.COMMENTS, language), remark),
    }


def receivable_table(world: World) -> Columns:
    """Bills to organisations, one per order; a few are paid late or not yet."""
    window, lines = world.window, world.lines
    rng = stream(world.plan, "receivables")
    billed = world.organisations()[lines.customer] & (lines.quantity > 0)
    order, first = np.unique(lines.order[billed], return_index=True)
    who, day = lines.customer[billed][first], lines.day[billed][first]
    cents = np.bincount(
        np.searchsorted(order, lines.order[billed]), weights=lines.amount_cents[billed], minlength=len(order)
    )
    due = day + rng.choice((30, 45, 60), size=len(order))
    paid = due + as_ints(np.rint(rng.normal(-6.0, 9.0, size=len(order))))
    paid = np.where(rng.random(len(order)) < 0.06, due + 90, np.maximum(paid, day))
    known = (paid < window.days) & (rng.random(len(order)) > 0.015)
    return {
        "customer_id": customer_ids(who),
        "due_on": _all(window.dates(due)),
        "amount": money(cents.astype(np.int64)),
        "paid_on": some(window.dates(paid), known),
    }
