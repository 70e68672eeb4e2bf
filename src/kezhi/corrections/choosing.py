"""Of whom a correction speaks: which customers a filter chooses, among what was computed and what the book says."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from kezhi.filters import Filter, condition, fields_of, known_field

if TYPE_CHECKING:
    import ibis.expr.types as ir

# The columns of customers.parquet that may be asked for: those that no other sense of worth adds, so that a filter
# chooses the same customers at once and when the next run is made.
FIELDS = (
    *("customer_id", "name", "first_purchase", "last_purchase", "tenure_days", "purchases", "active_periods"),
    *("idle_periods", "last_frequency", "last_mean_amount", "last_margin", "amount", "cost", "expense", "value"),
    *("margin", "mean_amount", "p_alive", "expected_purchases", "forecast_amount", "forecast_cost"),
    *("forecast_expense", "forecast_value", "forecast_value_lower", "forecast_value_upper", "flags"),
)
PRIVATE = {"phone", "email"}  # would be written into the list of corrections


def fields(customers: ir.Table, people: ir.Table | None) -> ir.Table:
    """One row per customer with all that a filter may ask for; not computed before it is asked."""
    known = customers.select(*(name for name in FIELDS if name in customers.columns))
    if people is None:
        return known
    more = [name for name in people.columns if name not in {*known.columns, *PRIVATE}]
    if not more:
        return known
    told = people.group_by("customer_id").aggregate(**{name: _one(people[name]) for name in more})
    return known.left_join(told, "customer_id", rname="{name}_of_book").select(*known.columns, *more)


def asked(rows: ir.Table, filters: Iterable[Filter]) -> ir.Table:
    """Only the columns that some filters ask for."""
    names = {known_field(name, rows.columns) for one in filters for name in fields_of(one)}
    return rows.select("customer_id", *(name for name in rows.columns if name in names and name != "customer_id"))


def chosen(rows: ir.Table, filtered: Filter) -> Any:
    """Whether a filter chooses a customer; raises KezhiError where it cannot be asked of these rows."""
    return condition(filtered, rows)


def _one(column: Any) -> Any:
    """One of several things that the book says; a customer is there once, unless files were given by hand."""
    return column.cast("int8").max().cast("bool") if column.type().is_boolean() else column.max()
