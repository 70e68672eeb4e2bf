"""The quick forms of a customer's page."""

from __future__ import annotations

from typing import Any

from django import template

from kezhi_web.capture.kinds import KINDS
from kezhi_web.capture.recording import form_of, new_mark
from kezhi_web.people.rights import of_run

register = template.Library()


@register.simple_tag(takes_context=True)
def quick_forms(context: dict[str, Any], customer_id: str) -> list[dict[str, Any]]:
    """A form of every kind for one customer; none for those who may not record."""
    request = context["request"]
    viewer = getattr(request, "viewer", None)
    if viewer is None or not viewer.may("record"):
        return []
    _, rows = of_run(request)
    return [
        {
            "table": table,
            "kind": kind,
            "form": form_of(table, customer_id, rows, prefix=f"{table}-"),
            "mark": new_mark(),
        }
        for table, kind in KINDS.items()
    ]
