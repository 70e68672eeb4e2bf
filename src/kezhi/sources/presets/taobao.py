"""The order export of Taobao and Tmall."""

from __future__ import annotations

from kezhi.language import Text
from kezhi.sources.presets.export import Export, Meaning, Preset, amount_text, is_any

_PAID = ("买家实际支付金额", "买家实付金额", "实付金额", "实付款", "买家已支付金额")
_BUYER = ("买家会员名", "买家会员", "买家昵称", "会员名")
_PAID_AT = ("订单付款时间", "付款时间", "支付时间")
_NOT_SOLD = ("关闭", "取消", "等待买家付款", "待付款", "未付款")


class Taobao(Preset):
    code = "taobao"
    title = Text("Taobao and Tmall orders", "淘宝、天猫订单导出")
    sentence = Text(
        "The amount is what the buyer paid less 退款金额, on the day of payment. "
        "Closed and unpaid orders are not sales.",
        "金额为买家实付减去退款金额，日期为付款日；交易关闭和未付款的订单不算成交。",
    )
    headings = (("订单编号", "主订单编号"), _BUYER, _PAID, (*_PAID_AT, "订单创建时间"))
    money = (*_PAID, "退款金额")

    def meaning(self, export: Export) -> Meaning:
        status = export.text("订单状态", "交易状态")
        net = export.money(*_PAID) - export.money("退款金额").fill_null(0)
        paid = export.column(*_PAID) or ""
        shown = f"{paid} - 退款金额" if export.column("退款金额") else paid
        return Meaning(
            fields={
                "date": (export.column(*_PAID_AT) or "订单创建时间", export.text(*_PAID_AT, "订单创建时间")),
                "amount": (shown, amount_text(net, export.text(*_PAID))),
            },
            columns={
                "customer_id": export.column(*_BUYER),
                "order_id": export.column("订单编号", "主订单编号"),
            },
            refused=is_any(status, _NOT_SOLD),
            status=status,
            status_column=export.column("订单状态", "交易状态"),
        )
