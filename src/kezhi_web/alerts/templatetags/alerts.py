"""Notes of alerts as a person may read them."""

from __future__ import annotations

from django import template

from kezhi_web.capture.masking import masked
from kezhi_web.people.rights import Viewer

register = template.Library()


@register.filter
def for_eyes_of(note: str, viewer: Viewer) -> str:
    """A note; without ways to reach somebody where the viewer may not see them."""
    return note if viewer.may("personal") else masked(note)
