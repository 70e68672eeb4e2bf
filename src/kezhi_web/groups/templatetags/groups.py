"""What stands below tables with money in them."""

from __future__ import annotations

from typing import Any

from django import template

from kezhi.language import Text
from kezhi.reports import numbers
from kezhi_web.shown import Shown
from kezhi_web.words import spoken

register = template.Library()


@register.inclusion_tag("groups/money.html")
def money_of(run: Shown) -> dict[str, Any]:
    """In which currency sums of money are, and over how long a time forecasts reach."""
    ahead = Text(*(numbers.count_of_periods(run.manifest["horizon"], run.period, one) for one in ("en", "zh")))
    return {"unit": numbers.currency_name(run.currency, spoken()), "ahead": ahead}
