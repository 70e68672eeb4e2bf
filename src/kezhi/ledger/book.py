"""The clean tables a ledger is made from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

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

    @property
    def cost_known(self) -> bool:
        """Whether anything says what the products cost."""
        priced = self.products is not None and "unit_cost" in self.products.columns
        return self.margins is not None or priced or "cost" in self.orders.columns

    def extracting(self, *, cost: bool, expense: bool) -> Book:
        """The book with product cost or relationship expense left out where it is not to be extracted (R18)."""
        book = self if expense else replace(self, expenses=None)
        if cost:
            return book
        return replace(
            book, orders=book.orders.drop(*({"cost"} & set(book.orders.columns))), products=None, margins=None
        )
