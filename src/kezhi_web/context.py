"""What every template knows."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.http import urlencode

from kezhi_web.people.rights import viewer_of
from kezhi_web.places import PLACES
from kezhi_web.words import say, spoken


def everywhere(request: HttpRequest) -> dict[str, Any]:
    """viewer: who asks. places: the pages in the menu that the person may see, by group. lang, theme, demo.

    in_run: what keeps a link in the older run that the page shows, as "?run=2026-01-31T020000Z"; else nothing.
    """
    viewer = viewer_of(request) if hasattr(request, "user") else None
    person = getattr(request.user, "person", None) if viewer else None
    older = request.GET.get("run")
    return {
        "viewer": viewer,
        "places": _menu(request, viewer) if viewer else [],
        "lang": spoken(),
        "theme": (person.theme if person else "") or request.COOKIES.get("theme", ""),
        "demo": settings.DEMO,
        "in_run": f"?{urlencode({'run': older})}" if older else "",
    }


def _menu(request: HttpRequest, viewer: Any) -> list[dict[str, Any]]:
    menu = []
    here = request.resolver_match.url_name if request.resolver_match else None
    for title, pages in PLACES:
        links = []
        for one in pages:
            if not viewer.may(one.right):
                continue
            try:
                links.append({"title": say(one.title), "url": reverse(one.page), "here": here == one.page})
            except NoReverseMatch:
                continue
        if links:
            menu.append({"title": say(title), "links": links})
    return menu
