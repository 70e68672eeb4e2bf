"""Links: a customer's page wherever a section names a customer, and the list of those whom a filter chooses."""

from __future__ import annotations

import re
from html import unescape

from django.urls import NoReverseMatch, register_converter, reverse
from django.urls.converters import PathConverter
from django.utils.html import escape
from django.utils.http import urlencode

from kezhi_web.shown.run import Shown, workspace

# as kezhi.reports.markup.who writes it: an element without others within
CUSTOMER = re.compile(r'<data value="([^"]*)">([^<]*)</data>')


class AnyId(PathConverter):
    """<id:...> in an address: an id as the company writes it, also over two lines."""

    regex = r"[\s\S]+"


register_converter(AnyId, "id")


def with_links(html: str, run: Shown) -> str:
    """A section's markup in which every customer is a link to their page (in this run, where it is not the newest)."""
    asked = _of_run(run)

    def linked(found: re.Match[str]) -> str:
        place = customer_page(unescape(found[1]))
        return f'<a class="customer" href="{escape(place + asked)}">{found[2]}</a>' if place else found[2]

    return CUSTOMER.sub(linked, html)


def customer_page(customer_id: str) -> str:
    """The address of a customer's page; nothing where there is no such page yet, or for an id that no address holds."""
    try:
        return reverse("customer", args=[customer_id])
    except NoReverseMatch:
        return ""


def list_of(query: str, run: str | None = None) -> str:
    """The address of the customers list with a filter; nothing where there is no list yet."""
    try:
        place = reverse("customers")
    except NoReverseMatch:
        return ""
    asked = {"filter": query, **({"run": run} if run else {})}
    return f"{place}?{urlencode(asked)}"


def said(value: str) -> str:
    """A text within a filter."""
    return "'" + value.replace("'", "''") + "'"


def _of_run(run: Shown) -> str:
    newest = workspace().latest_run()
    return "" if newest is None or newest.name == run.name else f"?{urlencode({'run': run.name})}"
