"""The section on lifetime value: steps that add up, both languages, notions kept apart (V18, V19, V21, V22, W09)."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from kezhi.language import Language
from kezhi.reports.sections import Canvas
from kezhi.reports.worth.lifetime import Lifetime, section, steps

FACTS: dict[str, Any] = {
    "periods": 36, "period": "month", "discount_rate": 0.1, "to_the_end": False, "customers": 2, "profitable": 1,
    "amount": "5950.00", "product_cost": "0", "value": "5100.00", "unbooked": "400.00", "realised_value": "4700.00",
    "residual_value": "100.00", "lifetime_value": "4800.00", "cost_to_acquire": "850.00", "cost_to_serve": "400.00",
    "cost_to_market": "0", "cost_to_sell": "0", "cost_to_keep": "0", "other_cost": "0",
    "keeping": {"won": 1, "cost_per_new": 850.0, "cost_per_kept": 100.0, "ratio": 8.5, "kept_by": "keep",
                "selling": {"first_year": 9.0, "later": 4.0, "saved": 50.0}},
    "channels": [{"channel": "", "contacts": 4, "customers": 1, "cost": "400.00"}],
    "not_cash": {"saved_selling_cost": 5000.0,
                 "recommendation": {"answers": 5, "promoters": 3, "critics": 1, "score": 40.0}},
}  # fmt: skip
A = {
    "customer_id": "A", "name": "Jia", "amount": Decimal(5950), "residual_value": Decimal(0),
    "lifetime_value": Decimal(4700), "lifetime_value_lower": 4700.0, "lifetime_value_upper": 4800.0,
    "referred": Decimal(8100), "wide": 12800.0,
}  # fmt: skip
DEAR = {
    "customer_id": "B", "name": None, "amount": Decimal(1000), "cost_to_sell": Decimal(0),
    "cost_to_serve": Decimal(950), "realised_value": Decimal(50), "rank_by_amount": 1, "rank_by_value": 2,
}  # fmt: skip
REPORT: Any = SimpleNamespace(currency="CNY", period="month", fiscal_start=1, complete=(None,) * 36)


def test_the_steps_lead_from_purchases_to_lifetime_value() -> None:
    found = Lifetime(FACTS, (A,), (DEAR,))
    level = Decimal(0)
    for one in found.steps:
        level = level + one.money if not one.is_sum or one.name == "amount" else level
        assert not one.is_sum or level == one.money
    assert [one.name for one in found.steps] == [
        "amount", "cost_to_acquire", "cost_to_serve", "realised_value", "residual_value", "lifetime_value"
    ]  # fmt: skip
    assert len(steps(found, "en").data[0].x) == 6


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_section_says_each_notion_in_its_place(language: Language) -> None:
    page = section(Lifetime(FACTS, (A,), (DEAR,)), REPORT, Canvas(language))
    assert 'id="lifetime"' in page
    for figure in ("5,950", "4,700", "8,100", "12,800", "8.5", "850.00", "100.00", "950", "5,000.00", "10.0%"):
        assert figure in page
    cash, other = page.split("Returns that are no cash" if language == "en" else "非现金回报")
    assert "5,000.00" not in cash  # V21: apart from every sum of money
    assert "5,000.00" in other


def test_what_is_not_known_is_left_out() -> None:
    few = {name: value for name, value in FACTS.items() if not name.startswith(("cost_", "other_", "keeping", "not_"))}
    few |= {"channels": [], "amount": "4700.00", "unbooked": "0", "to_the_end": True}
    page = section(Lifetime(few, (A | {"referred": Decimal(0)},), ()), REPORT, Canvas("en"))
    for absent in ("Winning against keeping", "no cash", "costs much", "Of those they sent", "more than it cost"):
        assert absent not in page
    assert "until the last of them has left" in page
    assert "costs unknown and not taken off" in page


def test_a_history_shorter_than_the_time_looked_ahead_is_said() -> None:
    short: Any = SimpleNamespace(**vars(REPORT) | {"complete": (None,) * 12})
    assert "rough outlook" in section(Lifetime(FACTS, (A,), ()), short, Canvas("en"))
    said = section(Lifetime(FACTS, (A,), ()), REPORT, Canvas("en"))
    assert "rough outlook" not in said
    assert "after every cost that is known" in said
