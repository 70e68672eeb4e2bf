"""Deals of sales systems: HubSpot, Salesforce and Zoho. Only those that were won are sales."""

from __future__ import annotations

from typing import ClassVar

from kezhi.language import Text
from kezhi.sources.presets.export import Export, Meaning, Preset, is_any

_WON = ("won", "赢单", "已成交", "成交", "赢得")
_LOST = ("lost", "输单", "未成交", "丢单")


class _Deals(Preset):
    """Deals with a stage; the customer is the account, or the contact where there is none."""

    stage: ClassVar[tuple[str, ...]]
    closed: ClassVar[tuple[str, ...]]
    deal: ClassVar[tuple[str, ...]]
    customer: ClassVar[tuple[str, ...]]

    def meaning(self, export: Export) -> Meaning:
        stage = export.text(*self.stage)
        return Meaning(
            fields={"customer_id": (export.column(*self.customer) or "", export.text(*self.customer))},
            columns={
                "date": export.column(*self.closed),
                "amount": export.column("Amount"),
                "order_id": export.column(*self.deal),
                "currency": export.column("Currency", "Amount Currency", "Opportunity Currency", "CurrencyIsoCode"),
                "salesperson": export.column("Deal owner", "Opportunity Owner", "Deal Owner", "Owner"),
            },
            refused=~is_any(stage, _WON) | is_any(stage, _LOST),
            status=stage,
            status_column=export.column(*self.stage),
        )


class HubSpot(_Deals):
    code = "hubspot"
    title = Text("HubSpot deals", "HubSpot 交易导出")
    sentence = Text(
        "Deals whose stage is won are sales on their close date; all others are not.",
        "阶段为赢单的交易按关闭日期计为成交，其余不算成交。",
    )
    stage, closed, deal = ("Deal Stage",), ("Close Date",), ("Record ID", "Deal ID", "Deal Name")
    customer = (
        "Associated Company IDs", "Associated Company", "Associated Contact IDs", "Associated Contact",
        "Company Name",
    )  # fmt: skip
    headings = (("Deal Name",), stage, ("Amount",), closed, customer)


class Salesforce(_Deals):
    code = "salesforce"
    title = Text("Salesforce opportunities", "Salesforce 商机导出")
    sentence = Text(
        "Opportunities whose stage is won are sales on their close date; all others are not.",
        "阶段为赢单的商机按关闭日期计为成交，其余不算成交。",
    )
    stage, closed = ("Stage", "StageName"), ("Close Date", "CloseDate")
    deal, customer = ("Opportunity ID", "Opportunity Name"), ("Account ID", "AccountId", "Account Name")
    headings = (deal, stage, ("Amount",), closed, customer)


class Zoho(_Deals):
    code = "zoho"
    title = Text("Zoho deals", "Zoho 商机导出")
    sentence = Text(
        "Deals whose stage is won are sales on their closing date; all others are not.",
        "阶段为赢单的商机按结束日期计为成交，其余不算成交。",
    )
    stage, closed, deal = ("Stage",), ("Closing Date",), ("Record Id", "Deal Id", "Deal Name")
    customer = ("Account Name.id", "Account Id", "Account Name", "Contact Name")
    headings = (("Deal Name",), stage, ("Amount",), closed, customer)
