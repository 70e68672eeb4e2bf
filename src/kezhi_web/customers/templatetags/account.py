"""Words of the customer's page."""

from __future__ import annotations

from typing import Any

from django import template

from kezhi.corrections.record import NAMES
from kezhi_web.customers.timeline import TITLES
from kezhi_web.words import say

register = template.Library()


@register.filter
def kind_name(code: str) -> str:
    """What a kind of entries is called."""
    return say(TITLES[code]) if code in TITLES else code


@register.filter
def figure_name(code: str) -> str:
    """What a corrected figure is called."""
    return say(NAMES[code]) if code in NAMES else code


@register.filter
def hundred(share: Any) -> str:
    """A share as a count of a hundred."""
    return "" if share is None else f"{share * 100:.0f}"
