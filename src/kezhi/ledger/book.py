"""The clean tables a ledger is made from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ibis.expr.types as ir


@dataclass(frozen=True)
class Book:
    """One company's accepted rows; only the orders are required."""

    orders: ir.Table
    customers: ir.Table | None = None
    products: ir.Table | None = None
    expenses: ir.Table | None = None
    margins: ir.Table | None = None
    product_links: ir.Table | None = None
    opportunities: ir.Table | None = None
    suggestions: ir.Table | None = None
    contacts: ir.Table | None = None
    surveys: ir.Table | None = None
    receivables: ir.Table | None = None
    actions: ir.Table | None = None

    @property
    def cost_known(self) -> bool:
        """Whether anything says what the products cost."""
        priced = self.products is not None and "unit_cost" in self.products.columns
        return self.margins is not None or priced or "cost" in self.orders.columns

    def known(self, as_of: date) -> Book:
        """The book without what was only written down after `as_of`; a row without a day stays."""

        def told(rows: ir.Table | None, day: str) -> ir.Table | None:
            if rows is None or day not in rows.columns:
                return rows
            early: Any = (rows[day] <= as_of) | rows[day].isnull()
            return rows.filter(early)

        return replace(
            self,
            orders=self.orders.filter(self.orders.date <= as_of),
            expenses=told(self.expenses, "date"),
            opportunities=told(self.opportunities, "opened_on"),
            suggestions=told(self.suggestions, "date"),
            contacts=told(self.contacts, "date"),
            surveys=told(self.surveys, "date"),
            actions=told(self.actions, "date"),
        )

    def extracting(self, *, cost: bool, expense: bool) -> Book:
        """The book with product cost or relationship expense left out where it is not to be extracted (R18)."""
        book = self if expense else replace(self, expenses=None)
        if cost:
            return book
        products = book.products
        if products is not None:
            products = products.drop(*({"unit_cost"} & set(products.columns)))
        orders = book.orders.drop(*({"cost"} & set(book.orders.columns)))
        return replace(book, orders=orders, products=products, margins=None)
