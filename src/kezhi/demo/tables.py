"""The tables about sales: orders, customers, products and what each customer truly is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kezhi.demo import words
from kezhi.demo.basket import UNKNOWN
from kezhi.demo.catalogue import Catalogue
from kezhi.demo.files import joined, money, numbered, pick, some
from kezhi.demo.people import NEVER
from kezhi.demo.plan import HABITS, stream
from kezhi.demo.season import Bools, Ints, as_ints
from kezhi.demo.words import said
from kezhi.demo.world import World
from kezhi.language import Language

if TYPE_CHECKING:
    import pyarrow as pa

Columns = dict[str, "pa.Array"]
FIELD_SALES = 4
EXCLUDED_SHARE = 0.002


def order_table(world: World, language: Language) -> Columns:
    """One row per order line."""
    plan, window, lines = world.plan, world.window, world.lines
    clerk = stream(plan, "clerks").integers(0, len(words.SALESPEOPLE), size=plan.customers)[lines.customer]
    served = (lines.store >= 0) | (lines.channel == FIELD_SALES)
    return {
        "order_id": numbered("S", lines.order, 7),
        "date": some(window.dates(lines.day), np.ones(len(lines), dtype=bool)),
        "customer_id": customer_ids(lines.customer),
        "product_id": product_ids(lines.product),
        "quantity": some(lines.quantity, np.ones(len(lines), dtype=bool)),
        "list_price": money(lines.list_cents),
        "discount": money(lines.discount_cents),
        "amount": money(lines.amount_cents),
        "cost": money(lines.cost_cents, lines.cost_cents != UNKNOWN),
        "channel": pick(said(words.CHANNELS, language), lines.channel),
        "store": pick(said(words.STORES, language), lines.store),
        "salesperson": pick(said(words.SALESPEOPLE, language), np.where(served, clerk, -1)),
        "currency": pick(["CNY"], np.zeros(len(lines), dtype=np.int64)),
    }


def customer_ids(numbers: Ints) -> pa.Array:
    """C000001 for customer 0; null for negative numbers."""
    return numbered("C", np.where(numbers < 0, -1, numbers + 1), 6)


def product_ids(numbers: Ints) -> pa.Array:
    """P001 for product 0; null for negative numbers."""
    return numbered("P", np.where(numbers < 0, -1, numbers + 1), 3)


def customer_table(world: World, language: Language) -> Columns:
    """One row per customer; people have a birth year, sex and income, firms an industry and a size."""
    plan, window, customers = world.plan, world.window, world.customers
    rng = stream(plan, "registers")
    n = plan.customers
    private, internal = ~world.organisations(), plan.of_roles(customers.role, ("internal",))
    number = np.arange(n)
    owner = stream(plan, "clerks").integers(0, len(words.SALESPEOPLE), size=n)
    return {
        "customer_id": customer_ids(number),
        "name": _names(rng, n, private, language),
        "role": pick([group.role for group in plan.groups], customers.role),
        "acquired_on": some(window.dates(customers.acquired), np.ones(n, dtype=bool)),
        "acquisition_cost": money(customers.acquisition_cents),
        "source": pick(said(words.SOURCES, language), customers.source),
        "referrer_id": customer_ids(customers.referrer),
        "region": pick(said(words.REGIONS, language), np.minimum(rng.geometric(0.25, size=n) - 1, 9)),
        "birth_year": some(rng.integers(1952, 2006, size=n), private & (rng.random(n) < 0.8)),
        "sex": pick(said(words.SEXES, language), np.where(private, rng.choice(2, n, p=(0.58, 0.42)), -1)),
        "income": money(_incomes(rng, n), private & (rng.random(n) < 0.6)),
        "industry": pick(said(words.INDUSTRIES, language), np.where(private, -1, rng.integers(0, 5, n))),
        "size": pick(said(words.SIZES, language), np.where(private, -1, rng.integers(0, 3, n))),
        "owner": pick(said(words.SALESPEOPLE, language), np.where(private, -1, owner)),
        "phone": _phones(number, language),
        "email": joined(numbered("c", number + 1, 6), "@example.com"),
        "consent": some(rng.random(n) < 0.7, np.ones(n, dtype=bool)),
        "excluded": some(internal | (rng.random(n) < EXCLUDED_SHARE), np.ones(n, dtype=bool)),
    }


def _names(rng: np.random.Generator, n: int, private: Bools, language: Language) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    def drawn(choice: list[str]) -> pa.Array:
        return pick(choice, rng.integers(0, len(choice), size=n))

    surname, given = drawn(words.SURNAMES[language]), drawn(words.GIVEN_NAMES[language])
    place = drawn(said(words.REGIONS, language))
    brand, firm = drawn(words.BRANDS[language]), drawn(words.FIRMS[language])
    if language == "zh":
        return pc.if_else(pa.array(private), joined(surname, given), joined(place, brand, firm))
    person, organisation = joined(given, " ", surname), joined(brand, " ", firm, " ", place)
    return pc.if_else(pa.array(private), person, organisation)


def _incomes(rng: np.random.Generator, n: int) -> Ints:
    """Yearly incomes in whole thousands of yuan, as cents."""
    return as_ints(np.rint(rng.lognormal(np.log(110.0), 0.5, size=n))) * 100_000


def _phones(number: Ints, language: Language) -> pa.Array:
    """Numbers that reach nobody: 555-01xx in North America; prefix 120, which no Chinese network uses."""
    if language == "zh":
        return numbered("120", number % 10**8, 8)
    area = pick(words.AREA_CODES, number // 100 % len(words.AREA_CODES))
    return joined("+1 ", area, numbered(" 555 01", number % 100, 2))


def product_table(catalogue: Catalogue, language: Language) -> Columns:
    """One row per product."""
    n = len(catalogue.en)
    family = [name or None for name in catalogue.family]
    return {
        "product_id": product_ids(np.arange(n)),
        "name": pick(catalogue.zh if language == "zh" else catalogue.en, np.arange(n)),
        "category": pick(said(words.CATEGORIES, language), catalogue.category),
        "unit_cost": money(catalogue.unit_cost_cents),
        "price": money(catalogue.price_cents),
        "launched_on": some(catalogue.launched, np.ones(n, dtype=bool)),
        "retired_on": some(catalogue.retired, ~np.isnat(catalogue.retired)),
        "life_days": some(catalogue.life_days, catalogue.life_days > 0),
        "family": pick([name or "" for name in family], np.where(catalogue.version > 0, np.arange(n), -1)),
        "version": some(catalogue.version, catalogue.version > 0),
    }


def link_table(catalogue: Catalogue) -> Columns:
    """One row per pair of products that go together."""
    links = catalogue.links
    kinds = ["related", "accessory", "upgrade"]
    return {
        "product_id": product_ids(np.array([start for start, _, _ in links])),
        "linked_id": product_ids(np.array([end for _, end, _ in links])),
        "kind": pick(kinds, np.array([kinds.index(kind) for _, _, kind in links])),
    }


def truth_table(world: World) -> Columns:
    """One row per customer: what the company cannot know."""
    plan, window, customers, purchases = world.plan, world.window, world.customers, world.purchases
    n = plan.customers
    known = np.ones(n, dtype=bool)
    left = customers.stopped < NEVER
    drawn = np.bincount(purchases.customer, minlength=n)
    return {
        "customer_id": customer_ids(np.arange(n)),
        "role": pick([group.role for group in plan.groups], customers.role),
        "habit": pick(HABITS, customers.habit),
        "acquired_on": some(window.dates(customers.acquired), known),
        "lambda_per_month": some(customers.rate, known),
        "nu": some(customers.nu, known),
        "still_customer": some(~left, known),
        "stopped_on": some(window.dates(np.where(left, customers.stopped, 0)), left),
        "exposure": some(purchases.exposure, known),
        "purchases": some(drawn, known),
    }
