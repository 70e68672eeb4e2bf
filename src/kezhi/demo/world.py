"""Everything that is drawn for a company before any of it is written down."""

from __future__ import annotations

from dataclasses import dataclass

from kezhi.demo.basket import Lines, fill_baskets
from kezhi.demo.catalogue import Catalogue, make_catalogue
from kezhi.demo.people import Customers, draw_customers
from kezhi.demo.plan import Plan
from kezhi.demo.purchases import Purchases, draw_purchases
from kezhi.demo.season import Bools, Window, make_window


@dataclass(frozen=True)
class World:
    """A company's plan, days, customers, products, purchases and order lines."""

    plan: Plan
    window: Window
    customers: Customers
    catalogue: Catalogue
    purchases: Purchases
    lines: Lines

    def organisations(self) -> Bools:
        """Which customers are firms: neither consumers nor the company's own people."""
        firm: Bools = self.plan.of_roles(self.customers.role, ("distributor", "wholesaler", "agent"))
        return firm


def draw_world(plan: Plan) -> World:
    """The company of that plan."""
    window = make_window(plan.years, season=plan.season)
    customers = draw_customers(plan, window)
    catalogue = make_catalogue(window)
    purchases = draw_purchases(plan, window, customers)
    lines = fill_baskets(plan, window, customers, catalogue, purchases)
    return World(plan, window, customers, catalogue, purchases, lines)
