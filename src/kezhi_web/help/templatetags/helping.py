"""The small ? beside a page's title."""

from __future__ import annotations

from typing import Any

from django import template
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from kezhi.language import Text
from kezhi_web.help.manual import ANSWERS
from kezhi_web.words import say

register = template.Library()
ABOUT = Text("What this page answers, and how to read it", "本页回答什么问题、如何阅读")
# pages that belong to another's help
PART_OF = {"segment": "segments", "segment-edit": "segments", "customer": "customers", "alert": "alerts"}
_ANCHORS = {one.page for one in ANSWERS}


@register.simple_tag(takes_context=True)
def help_mark(context: dict[str, Any]) -> SafeString:
    """A link to where the help speaks of this page; nothing where it does not."""
    found = getattr(context.get("request"), "resolver_match", None)
    name = found.url_name if found and context.get("viewer") else None
    page = PART_OF.get(name or "", name or "")
    if page not in _ANCHORS:
        return mark_safe("")
    try:
        place = reverse("help")
    except NoReverseMatch:
        return mark_safe("")
    return format_html(
        '<a class="why" href="{}#page-{}" title="{}" aria-label="{}">?</a>', place, page, say(ABOUT), say(ABOUT)
    )
