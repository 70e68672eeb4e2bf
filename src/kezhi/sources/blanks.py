"""What counts as an empty cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis.expr.types as ir

NOTHING = (
    "", "-", "--", "nan", "NaN", "NAN", "null", "NULL", "Null", "none", "None", "NONE", "N/A", "n/a", "#N/A",
    "NaT", "\\N", "<NA>", "无", "空",
)  # fmt: skip


def filled(column: ir.Column, *, plain: bool = False) -> ir.StringValue:
    """A column's text, null where nothing is in the cell; `plain` text is known to need no tidying."""
    import ibis

    if not column.type().is_string():
        return column.cast("string")
    if plain:
        return column
    text = column.strip()
    return text.isin(NOTHING).ifelse(ibis.null("string"), text)


def is_missing(column: ir.Column, text: ir.StringValue) -> ir.BooleanValue:
    """Is the cell empty? (A number column of a dataframe writes NaN for that.)"""
    if column.type().is_string():
        return text.isnull()
    if column.type().is_floating():
        return column.isnull() | column.isnan()
    return column.isnull()
