"""A list as its template shows it: headings, cells, facets, and the choice of columns."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from django.urls import reverse

from kezhi.language import Text
from kezhi_web.customers.asked import NOTHING, Asked
from kezhi_web.customers.fields import Fields
from kezhi_web.customers.listing import Listing
from kezhi_web.words import say

NOT_SAID = Text("not stated", "未填写")


def heads_of(asked: Asked, fields: Fields, currency: str | None) -> list[dict[str, Any]]:
    """Headings: each sorts by its column, the largest or newest first; a second time the other way round."""
    heads = []
    for name in asked.columns:
        one = fields[name]
        sorted_here = asked.sort == name
        falling = not asked.descending if sorted_here else one.numeric or one.kind in ("day", "flag")
        heads.append(
            {
                "title": say(one.title),
                "hint": one.hint(currency),
                "numeric": one.numeric,
                "sort": ("descending" if asked.descending else "ascending") if sorted_here else "",
                "arrow": ("▼" if asked.descending else "▲") if sorted_here else "",
                "url": None if one.kind == "list" else f"?{asked.query(sort=name, descending=falling)}",
            }
        )
    return heads


def rows_of(found: list[dict[str, Any]], asked: Asked, fields: Fields) -> list[dict[str, Any]]:
    """Cells of a page; the one that leads to the customer's page knows the list one came from."""
    back = quote(asked.query(), safe="")
    first = "customer_id" if "customer_id" in asked.columns else asked.columns[0]
    return [
        {
            "cells": [
                {
                    "text": fields[name].shown(row[name]),
                    "numeric": fields[name].numeric,
                    "day": fields[name].kind == "day",
                    "link": name == first,
                    "name": (row.get("name") or "") if name == "customer_id" and "name" not in asked.columns else "",
                }
                for name in asked.columns
            ],
            "url": f"{reverse('customer', args=[row['customer_id']])}?list={back}"
            + (f"&run={quote(asked.run)}" if asked.run else ""),
        }
        for row in found
    ]


def facets_of(listing: Listing, asked: Asked) -> list[dict[str, Any]]:
    """The quick choices: each code with its name, how many customers have it, and whether it is chosen."""
    facets = []
    for name, found in listing.choices().items():
        field = listing.fields[name]
        chosen = asked.facets.get(name, ())
        codes = [one["code"] for one in found]
        counted = {one["code"]: one["customers"] for one in found}
        every = [*codes, *(one for one in chosen if one not in codes)]
        if len(every) < 2 and not chosen:
            continue
        options = [
            {
                "code": code,
                "name": say(NOT_SAID) if code == NOTHING else field.shown(code),
                "customers": counted.get(code),
                "chosen": code in chosen,
            }
            for code in every
        ]
        names = [one["name"] for one in options if one["chosen"]]
        facets.append({"field": name, "title": say(field.title), "options": options, "chosen": names})
    return facets


def columns_of(asked: Asked, fields: Fields) -> dict[str, Any]:
    """The chosen columns with the lists that move or drop them, and those that could be added."""
    chosen = []
    for place, name in enumerate(asked.columns):
        one = fields[name]
        left = _swapped(asked.columns, place, place - 1)
        right = _swapped(asked.columns, place, place + 1)
        without = tuple(other for other in asked.columns if other != name)
        chosen.append(
            {
                "title": say(one.title),
                "left": f"?{asked.query(columns=left, own_columns=True)}" if place else None,
                "right": f"?{asked.query(columns=right, own_columns=True)}" if place + 1 < len(asked.columns) else None,
                "without": f"?{asked.query(columns=without, own_columns=True)}" if without else None,
            }
        )
    others = [
        {"title": say(one.title), "hint": say(one.meaning) if one.meaning else "", "url": _added(asked, one.name)}
        for one in sorted(fields, key=lambda one: say(one.title))
        if one.name not in asked.columns
    ]
    usual = f"?{asked.query(columns=(), own_columns=False)}" if asked.own_columns else None
    return {"chosen": chosen, "others": others, "usual": usual}


def _added(asked: Asked, name: str) -> str:
    return f"?{asked.query(columns=(*asked.columns, name), own_columns=True)}"


def _swapped(columns: tuple[str, ...], one: int, other: int) -> tuple[str, ...]:
    if not 0 <= other < len(columns):
        return columns
    found = list(columns)
    found[one], found[other] = found[other], found[one]
    return tuple(found)
