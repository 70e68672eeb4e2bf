"""WooCommerce's order export, with one row per order or one per line."""

from __future__ import annotations

from kezhi.engine import MONEY
from kezhi.language import Text
from kezhi.sources.presets.export import Export, Meaning, Preset, Shared, is_any

_NOT_SOLD = ("cancelled", "canceled", "failed", "pending", "on-hold", "trash", "draft")


class WooCommerce(Preset):
    code = "woocommerce"
    title = Text("WooCommerce orders", "WooCommerce 订单导出")
    sentence = Text(
        "The amount is order_total less tax, shipping and refunds, shared among the rows of an order by "
        "item_total. Cancelled, failed and unpaid orders are not sales. Dates are month first where a column "
        "proves nothing.",
        "金额为 order_total 减去税、运费和退款，同一订单的多行按 item_total 分摊。"
        "已取消、失败和未付款的订单不算成交。无法判断时日期按月在前读取。",
    )
    headings = (
        ("order_id", "order_number"),
        ("status", "order_status"),
        ("order_total",),
        ("order_date", "paid_date", "date"),
    )
    money = ("order_total", "tax_total", "shipping_total", "refunded_total", "item_total", "line_total")

    def meaning(self, export: Export) -> Meaning:
        import ibis

        order = ibis.coalesce(export.text("order_id", "order_number"), export.rows["__row"].cast("string") + "?")
        status = export.text("status", "order_status").lower()
        net = export.money("order_total")
        for part in ("tax_total", "shipping_total", "refunded_total"):
            net = net - export.money(part).fill_null(0)
        if export.column("refunded_total") is None:  # then a refunded order gave everything back
            net = (status.contains("refunded")).fill_null(False).ifelse(ibis.literal(0).cast(MONEY), net)
        shared = Shared(
            order=order,
            total=net.cast(MONEY),
            weight=export.money("item_total", "line_total").cast(MONEY),
            written=export.text("order_total"),
            shown="order_total - tax_total - shipping_total - refunded_total",
        )
        user = export.text("customer_id", "customer_user")
        return Meaning(
            fields={
                "customer_id": (
                    "customer_id",
                    ibis.coalesce(user.nullif("0"), export.text("customer_email", "billing_email")),
                ),
                "date": ("paid_date", export.text("paid_date", "order_date", "date")),
            },
            columns={
                "order_id": export.column("order_id", "order_number"),
                "currency": export.column("order_currency"),
                "quantity": export.column("item_quantity"),
                "product_id": export.column("item_sku", "item_product_id", "item_name"),
            },
            shared=shared,
            refused=is_any(status, _NOT_SOLD),
            status=status,
            status_column=export.column("status", "order_status"),
            day_order="mdy",
        )
