"""How a forecast may be amended before it is published: what is handed out, and what must come back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Protocol

from kezhi.engine import Engine

if TYPE_CHECKING:
    import ibis.expr.types as ir

AMOUNT_ENDS = ("amount_lower", "amount_upper")


@dataclass(frozen=True)
class Step:
    """One step of the forecast: its number, and the first and last day of its period."""

    number: int
    first: date
    last: date


@dataclass(frozen=True)
class Computed:
    """What was computed of every customer.

    forecast: the columns of forecast.parquet. customers: those of customers.parquet, but for the columns of other
    senses of worth. people: the book's table of customers, if it has one. terms: customer_id with expense_rate and
    expense_floor of what recurs, of which the rule of expenses is made (`valuation.forecast.expected_expense`).
    """

    engine: Engine
    steps: tuple[Step, ...]
    forecast: ir.Table
    customers: ir.Table
    people: ir.Table | None
    terms: ir.Table


class Amended(Protocol):
    """A forecast with some of its figures replaced."""

    @property
    def forecast(self) -> ir.Table:
        """The rows of forecast.parquet, ordered."""

    def customers(self, table: ir.Table) -> ir.Table:
        """The rows of customers.parquet from those computed, ordered."""

    def company(self, company: dict[str, Any]) -> dict[str, Any]:
        """The company's forecast in models.json from the one computed."""


Amend = Callable[[Computed], Amended | None]
