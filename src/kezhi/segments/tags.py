"""Tags that people gave: the column `tag` or `tags` of the book's customers table (T05)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kezhi.worth import Work

if TYPE_CHECKING:
    import ibis.expr.types as ir

NAMES = ("tags", "tag", "标签", "客户标签")
BETWEEN = "[,;|，；、]+"  # a customer may have several
MOST = 50
TOTAL = "decimal(38, 4)"


def by_hand(work: Work) -> list[dict[str, Any]]:
    """The most frequent tags with customers, value and forecast_value of those who have them."""
    told = _given(work.book.customers)
    if told is None:
        return []
    known = told.join(work.figures.select("customer_id", "value", "forecast_value"), "customer_id")
    sums = known.group_by("tag").aggregate(
        customers=known.count(),
        value=known.value.sum().cast(TOTAL),
        forecast_value=known.forecast_value.sum().cast(TOTAL),
    )
    import ibis

    first = sums.order_by(ibis.desc("customers"), "tag").limit(MOST)
    found: list[dict[str, Any]] = work.engine.fetch(first).to_pylist()
    return found


def _given(customers: ir.Table | None) -> ir.Table | None:
    """customer_id and tag, each pair once; None where the table has no such column."""
    if customers is None:
        return None
    columns = {name.lower(): name for name in customers.columns}
    column = next((columns[name] for name in NAMES if name in columns), None)
    if column is None:
        return None
    words: Any = customers[column].cast("string").re_replace(BETWEEN, ",").split(",")
    each = customers.select("customer_id", tag=words.unnest())
    each = each.mutate(tag=each.tag.strip())
    return each.filter(each.tag.notnull() & (each.tag != "")).distinct()
