"""What is in each order: products, quantities, discounts, costs, and what comes back."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from kezhi.demo.catalogue import Catalogue, choose_products
from kezhi.demo.people import Customers
from kezhi.demo.plan import Plan, stream
from kezhi.demo.purchases import Purchases, divide
from kezhi.demo.season import Bools, Floats, Ints, Window, as_ints

SECOND_ORDER = 0.04
UNKNOWN = -(10**15)
"""Stands for "not known" among cents."""


@dataclass(frozen=True)
class Lines:
    """Order lines; money in whole cents (`UNKNOWN`: a cost not known). A return has a negative quantity."""

    customer: Ints
    day: Ints
    order: Ints
    product: Ints
    quantity: Ints
    list_cents: Ints
    discount_cents: Ints
    amount_cents: Ints
    cost_cents: Ints
    channel: Ints
    store: Ints

    def rows(self, chosen: Ints | Bools) -> Lines:
        """Some of the lines."""
        return Lines(**{field.name: getattr(self, field.name)[chosen] for field in fields(self)})

    def __len__(self) -> int:
        return len(self.customer)


def stack(first: Lines, second: Lines) -> Lines:
    """All lines of both."""
    names = [field.name for field in fields(Lines)]
    return Lines(**{name: np.concatenate([getattr(first, name), getattr(second, name)]) for name in names})


def fill_baskets(plan: Plan, window: Window, customers: Customers, catalogue: Catalogue, purchases: Purchases) -> Lines:
    """The order lines of all purchases with their returns, sorted by day and order."""
    sales = _sales(plan, window, customers, catalogue, purchases)
    sales = _forget_costs(plan, sales)
    if plan.plain:
        return sales
    lines = stack(sales, _returns(plan, window, customers, sales))
    return lines.rows(np.lexsort((lines.order, lines.day)))


def _sales(plan: Plan, window: Window, customers: Customers, catalogue: Catalogue, purchases: Purchases) -> Lines:
    rng = stream(plan, "baskets")
    by_day = np.lexsort((purchases.customer, purchases.day))
    customer, day, cents = purchases.customer[by_day], purchases.day[by_day], purchases.cents[by_day]
    count = np.minimum(1 + rng.poisson(plan.of_group(customers.role, "lines")[customer] - 1), np.minimum(cents, 9))
    owner = np.repeat(np.arange(len(count)), count)
    wished = divide(cents, count, rng.gamma(2.0, size=len(owner)))
    customer, day = customer[owner], day[owner]
    month, taste = window.month[day], customers.taste[customer]
    level = plan.of_group(customers.role, "price_level")[customer]
    product = choose_products(rng, catalogue, month, taste, wished / 100 / level)
    rate = _discount_rates(plan, customers, window, customer, day)
    quantity, unit, discount = _price(rng, plan, catalogue, product, wished, level, rate)
    amount = quantity * unit - discount
    cost = catalogue.unit_cost_cents[product] * quantity * (1 + plan.cost_rise) ** (month / 12)
    if plan.plain:
        cost = amount * catalogue.cost_share[product]
    channel, store = _places(rng, plan, customers, purchases, by_day)
    return Lines(
        customer=customer,
        day=day,
        order=_order_numbers(rng, plan, owner),
        product=product,
        quantity=quantity,
        list_cents=unit,
        discount_cents=discount,
        amount_cents=amount,
        cost_cents=as_ints(np.rint(cost)),
        channel=channel[owner],
        store=store[owner],
    )


def _discount_rates(plan: Plan, customers: Customers, window: Window, customer: Ints, day: Ints) -> Floats:
    """Few lines of most, nearly all lines of bargain hunters; more on the busiest days."""
    rng = stream(plan, "discounts")
    hunter = customers.has("bargain_hunter")[customer]
    busy = window.weight[day] > 1.7 * np.median(window.weight)
    chance = plan.of_group(customers.role, "discounted")[customer]
    chance = np.where(hunter, 0.92, np.where(busy & (chance > 0), chance + 0.3, chance))
    low, high = np.where(hunter, 0.22, 0.05), np.where(hunter, 0.45, 0.18)
    rate = np.round(low + (high - low) * rng.random(len(day)), 2)
    clearance = hunter & (rng.random(len(day)) < 0.06)
    return np.where(rng.random(len(day)) < chance, np.where(clearance, 0.68, rate), 0.0)


def _price(
    rng: np.random.Generator,
    plan: Plan,
    catalogue: Catalogue,
    product: Ints,
    wished: Ints,
    level: Floats,
    rate: Floats,
) -> tuple[Ints, Ints, Ints]:
    """Quantity, list price of one unit, discount of the line; a plain line is one piece at the wish."""
    if plan.plain:
        return np.ones_like(wished), wished, np.zeros_like(wished)
    unit = as_ints(np.rint(catalogue.price_cents[product] * level / 10)) * 10
    pieces = wished / (unit * (1 - rate)) + rng.random(len(wished))
    quantity = as_ints(np.maximum(np.floor(pieces), 1))
    return quantity, unit, as_ints(np.rint(quantity * unit * rate))


def _order_numbers(rng: np.random.Generator, plan: Plan, owner: Ints) -> Ints:
    """One order a day for most; now and then a day's last line is an order of its own."""
    begins = np.diff(owner, prepend=-1) > 0
    last = np.append(begins[1:], True)
    apart = last & ~begins & (rng.random(len(owner)) < SECOND_ORDER) & (not plan.plain)
    return np.cumsum(begins | apart)


def _places(
    rng: np.random.Generator, plan: Plan, customers: Customers, purchases: Purchases, by_day: Ints
) -> tuple[Ints, Ints]:
    """Channel and store of each purchase: mostly the customer's own, organisations through field sales."""
    n, rows = len(customers.role), len(by_day)
    buyer = purchases.customer[by_day]
    private = plan.of_roles(customers.role, ("consumer", "internal"))
    usual = np.where(private, rng.choice(4, size=n, p=(0.42, 0.28, 0.24, 0.06)), 4)
    channel = np.where(rng.random(rows) < 0.82, usual[buyer], rng.choice(4, size=rows))
    home = rng.integers(0, 5, size=n)
    return channel, np.where(channel == 2, home[buyer], -1)


def _forget_costs(plan: Plan, lines: Lines) -> Lines:
    """On some lines nobody entered the cost, on a few it was entered as zero."""
    chance = stream(plan, "costs").random(len(lines))
    cost = np.where(chance < plan.missing_cost, UNKNOWN, lines.cost_cents)
    cost = np.where(chance > 1 - plan.zero_cost, 0, cost)
    values = {field.name: getattr(lines, field.name) for field in fields(lines)}
    return Lines(**{**values, "cost_cents": cost})


def _returns(plan: Plan, window: Window, customers: Customers, sales: Lines) -> Lines:
    """Lines that come back days later under the order of the sale; a third is unfit for sale."""
    rng = stream(plan, "returns")
    day = sales.day + rng.integers(3, 31, size=len(sales))
    chosen = rng.random(len(sales)) < plan.of_group(customers.role, "returned")[sales.customer]
    back = np.flatnonzero(chosen & (day < window.days))
    sold = sales.rows(back)
    part = np.where(rng.random(len(back)) < 0.3, np.maximum(sold.quantity // 2, 1), sold.quantity)
    share = part / sold.quantity
    saleable = rng.random(len(back)) < 0.67
    cost = np.where(saleable, -as_ints(np.rint(sold.cost_cents * share)), 0)
    return Lines(
        customer=sold.customer,
        day=day[back],
        order=sold.order,
        product=sold.product,
        quantity=-part,
        list_cents=sold.list_cents,
        discount_cents=-as_ints(np.rint(sold.discount_cents * share)),
        amount_cents=-as_ints(np.rint(sold.amount_cents * share)),
        cost_cents=np.where(sold.cost_cents == UNKNOWN, UNKNOWN, cost),
        channel=sold.channel,
        store=sold.store,
    )
