"""What the data does not say yet, and what a company would gain by uploading it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.conf import settings
from django.utils import timezone

from kezhi.language import Text
from kezhi.reports.sentences import table_name
from kezhi_web.shown import Shown

SHOWN = 3
OLD = 35  # days
# what each table adds, the most worth first
GAINS: tuple[tuple[str, Text], ...] = (
    (
        "products",
        Text(
            "what products cost, so that value is gross profit and not turnover",
            "产品成本，使客户价值按毛利而不是按销售额计算",
        ),
    ),
    (
        "expenses",
        Text(
            "what was spent on customers, so that costly ones are found",
            "在客户身上的花费，从而找出得不偿失的客户",
        ),
    ),
    ("customers", Text("names, regions, who is in charge", "名称、地区、负责人")),
    ("contacts", Text("calls and visits, so that nobody valuable is forgotten", "联系记录，避免遗忘重要客户")),
    ("opportunities", Text("open deals, as part of a customer's worth", "销售机会，计入客户价值")),
    ("surveys", Text("how satisfied customers are, beside every alert", "客户满意度，显示在每条预警旁")),
    ("suggestions", Text("what customers suggest, which counts in points", "客户建议，计入积分")),
    ("product_links", Text("which products go together, for what they will need", "产品之间的关联，用于预测需求")),
    ("actions", Text("campaigns, to see what they brought", "做过哪些营销活动，以了解其效果")),
    ("receivables", Text("what customers owe", "客户欠款")),
)


@dataclass(frozen=True)
class Gap:
    """A table that was not uploaded."""

    title: Text
    gain: Text


@dataclass(frozen=True)
class Gaps:
    """What is missing, and how old the newest record is."""

    tables: tuple[Gap, ...]
    more: int
    days: int
    rejected: int

    @property
    def old(self) -> bool:
        """Is the data older than a month?"""
        return self.days > OLD


def gaps(run: Shown, today: date | None = None) -> Gaps:
    """What the run's book did not hold, what was set aside, and how old its last day is."""
    there = {one.get("table") for one in run.manifest.get("inputs") or ()}
    missing = [Gap(table_name(table), gain) for table, gain in GAINS if table not in there and not _known(run, table)]
    rows = run.manifest.get("rows") or {}
    rejected = sum(int(one.get("quarantined") or 0) for one in rows.values() if isinstance(one, dict))
    days = (
        0 if settings.DEMO else ((today or timezone.now().date()) - run.as_of).days
    )  # the demo company is of the past
    return Gaps(tuple(missing[:SHOWN]), max(len(missing) - SHOWN, 0), days, rejected)


def _known(run: Shown, table: str) -> bool:
    """Is what the table would say known otherwise? Costs may stand on the order lines, expenses in the settings."""
    facts = {"products": "cost_known", "expenses": "expense_known"}
    return bool(table in facts and run.manifest.get(facts[table]))
