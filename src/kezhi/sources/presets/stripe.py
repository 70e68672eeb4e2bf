"""Stripe's payments export: failed payments are in it, and refunds stand beside what was paid."""

from __future__ import annotations

from kezhi.language import Text
from kezhi.sources.presets.export import Export, Meaning, Preset, amount_text

_PAID = ("paid", "succeeded", "refunded", "partially refunded", "partial refund", "disputed")


class Stripe(Preset):
    code = "stripe"
    title = Text("Stripe payments", "Stripe 付款导出")
    sentence = Text(
        "The amount is what was paid less what was refunded, in the settlement currency (Converted Amount) "
        "where the export has it. Payments that did not succeed are not sales.",
        "金额为已付减去已退；若导出中有结算币种金额（Converted Amount）则用之。未成功的付款不算成交。",
    )
    headings = (("id",), ("Amount",), ("Created (UTC)", "Created date (UTC)"), ("Status",), ("Currency",))
    money = ("Amount", "Amount Refunded", "Converted Amount", "Converted Amount Refunded")

    def meaning(self, export: Export) -> Meaning:
        status = export.text("Status").lower()
        paid, back = export.money("Amount"), export.money("Amount Refunded").fill_null(0)
        settled = export.column("Converted Amount") is not None
        if settled:
            kept = 1 - back.cast("float64") / paid.cast("float64").nullif(0)
            share = (export.money("Converted Amount").cast("float64") * kept.fill_null(0)).round(4)
            net = share.cast(paid.type())
            if export.column("Converted Amount Refunded"):
                net = export.money("Converted Amount") - export.money("Converted Amount Refunded").fill_null(0)
        else:
            net = paid - back
        column = "Converted Amount" if settled else "Amount"
        return Meaning(
            fields={
                "customer_id": (
                    "Customer ID",
                    export.text("Customer ID", "Customer Email", "Card Fingerprint"),
                ),
                "amount": (f"{column} - refunded", amount_text(net, export.text(column))),
            },
            columns={
                "date": export.column("Created (UTC)", "Created date (UTC)"),
                "order_id": export.column("id"),
                "currency": export.column("Converted Currency", "Currency") if settled else export.column("Currency"),
            },
            refused=~status.isin(_PAID).fill_null(False),
            status=status,
            status_column=export.column("Status"),
        )
