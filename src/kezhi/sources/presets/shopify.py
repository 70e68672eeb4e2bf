"""Shopify's order export: one row per line item, the order's own fields on its first row only."""

from __future__ import annotations

from kezhi.engine import MONEY
from kezhi.language import Text
from kezhi.sources.presets.export import Export, Meaning, Preset, Shared, is_any

_UNPAID = ("pending", "unpaid", "voided", "expired", "authorized")


class Shopify(Preset):
    code = "shopify"
    title = Text("Shopify orders", "Shopify 订单导出")
    sentence = Text(
        "Rows with the same Name are one order. Its Subtotal less Refunded Amount is shared among the lines "
        "in proportion to quantity x price. Cancelled and unpaid orders are not sales.",
        "Name 相同的行属于同一订单；Subtotal 减去 Refunded Amount 后，按数量 × 单价分摊到各行。"
        "已取消和未付款的订单不算成交。",
    )
    headings = (
        ("Name",),
        ("Financial Status",),
        ("Created at",),
        ("Lineitem quantity",),
        ("Lineitem price",),
    )
    money = ("Lineitem price", "Lineitem quantity", "Subtotal", "Refunded Amount")

    def meaning(self, export: Export) -> Meaning:
        import ibis

        order = ibis.coalesce(export.text("Name"), export.rows["__row"].cast("string") + "?")
        first = ibis.window(group_by=order)
        status = export.text("Financial Status").max().over(first)
        cancelled = export.text("Cancelled at").max().over(first)
        weight = export.money("Lineitem price").cast("float64") * export.money("Lineitem quantity").cast("float64")
        weight = weight.round(4).cast(MONEY)
        lines = weight.sum().over(first)
        subtotal = export.money("Subtotal").max().over(first)
        refunded = export.money("Refunded Amount").max().over(first).fill_null(0)
        shared = Shared(
            order=order,
            total=(ibis.coalesce(subtotal, lines) - refunded).cast(MONEY),
            weight=weight,
            written=export.text("Subtotal"),
            shown="Subtotal - Refunded Amount",
        )
        return Meaning(
            fields={
                "customer_id": ("Email", export.text("Customer ID", "Email", "Phone").max().over(first)),
                "date": ("Paid at", export.text("Paid at", "Created at").max().over(first)),
                "currency": ("Currency", export.text("Currency").max().over(first)),
                "product_id": ("Lineitem sku", export.text("Lineitem sku", "Lineitem name")),
            },
            columns={"order_id": export.column("Name"), "quantity": export.column("Lineitem quantity")},
            shared=shared,
            refused=is_any(status, _UNPAID) | cancelled.notnull(),
            status=ibis.ifelse(cancelled.notnull(), "cancelled", status),
            status_column="Financial Status",
        )
