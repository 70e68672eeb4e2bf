"""What a list is asked for, read from its address and written into one: everything else follows from it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urlencode

from django.http import QueryDict

from kezhi.filters import Compare, Empty, Filter, Joined, OneOf, fields_of, parse, write
from kezhi.language import KezhiError, Text
from kezhi.segmenting import no_such
from kezhi.settings.segments import ALL, same
from kezhi_web.customers.fields import DEFAULT, Fields
from kezhi_web.shown.run import workspace

FACETS = ("tier", "rfm_class", "region", "owner", "role")
NOTHING = "-"  # what a facet calls customers of whom it says nothing
SORT = "-forecast_value"
LONGEST_SEARCH = 200
PLAIN_NAME = re.compile(r"[\w\s·.&/-]+")


@dataclass(frozen=True)
class Asked:
    """A list as asked for.

    search: words in id or name. text: a filter, or a saved segment's name. segment: a saved segment besides. facets:
    field -> chosen codes, NOTHING for none. sort: a field. columns: fields in their order. after, before: the key of
    the row where a page begins or ends. run: a run's name, empty for the newest.
    """

    search: str = ""
    text: str = ""
    segment: str = ""
    facets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sort: str = "forecast_value"
    descending: bool = True
    columns: tuple[str, ...] = ()
    own_columns: bool = False
    after: str = ""
    before: str = ""
    run: str = ""

    def query(self, **changes: object) -> str:
        """The address of this list, or of one with something changed, from its first page on."""
        paged = {name: changes.get(name, "") for name in ("after", "before")}
        return replace(self, **{**paged, **changes}).address()  # type: ignore[arg-type]

    def address(self) -> str:
        """The query of the address."""
        return urlencode(self.pairs())

    def pairs(self) -> list[tuple[str, str]]:
        """Names and values of the query; what is usual is left out."""
        order = f"{'-' if self.descending else ''}{self.sort}"
        told = [
            ("q", self.search),
            ("filter", self.text),
            ("segment", self.segment),
            *((name, one) for name, chosen in self.facets.items() for one in chosen),
            ("sort", "" if order == SORT else order),
            ("columns", ",".join(self.columns) if self.own_columns else ""),
            ("after", self.after),
            ("before", self.before),
            ("run", self.run),
        ]
        return [(name, value) for name, value in told if value]

    @property
    def narrowed(self) -> bool:
        """Does it leave anybody out?"""
        return bool(self.search or self.text or self.segment or self.facets)


def read(query: QueryDict, fields: Fields) -> Asked:
    """The list that an address asks for; what nobody knows in it is left out."""
    sort = query.get("sort") or SORT
    name = sort.removeprefix("-")
    known = name in fields and fields[name].kind != "list"
    wanted = tuple(dict.fromkeys(one for one in query.get("columns", "").split(",") if one in fields))
    return Asked(
        search=" ".join(query.get("q", "").split())[:LONGEST_SEARCH],
        text=(query.get("filter") or query.get("where") or query.get("query") or "").strip(),
        segment=query.get("segment", "").strip(),
        facets={
            name: tuple(dict.fromkeys(one for one in query.getlist(name) if one))
            for name in FACETS
            if name in fields and any(query.getlist(name))
        },
        sort=name if known else SORT.removeprefix("-"),
        descending=sort.startswith("-") if known else True,
        columns=wanted or tuple(one for one in DEFAULT if one in fields),
        own_columns=bool(wanted),
        after=query.get("after", ""),
        before=query.get("before", ""),
        run=query.get("run", ""),
    )


# --- as a filter ------------------------------------------------------------------------------------------


def rule_of(asked: Asked) -> str:
    """Filter, segment and facets as one filter; "all" where there are none. The search is not part of it.

    Raises KezhiError with the place of a mistake in what was typed.
    """
    parts = [one for one in (_typed(asked.segment, named=True), _typed(asked.text), *_facets(asked)) if one is not None]
    if not parts:
        return ALL[0]
    return write(parts[0] if len(parts) == 1 else Joined("and", tuple(parts)))


def _typed(text: str, *, named: bool = False) -> Filter | None:
    if not text or same(text) in ALL:
        return None
    segments = workspace().settings().segments
    rules = {same(name): rule for name, rule in segments.items()}
    found = rules.get(same(text))
    if found is not None:
        return parse(found)
    if named:
        raise no_such(text, segments)
    try:
        return parse(text)
    except KezhiError:
        if PLAIN_NAME.fullmatch(text):
            raise no_such(text, segments) from None
        raise


def _facets(asked: Asked) -> list[Filter]:
    found: list[Filter] = []
    for name, chosen in asked.facets.items():
        codes = tuple(one for one in chosen if one != NOTHING)
        parts: list[Filter] = [Compare(name, "=", codes[0]) if len(codes) == 1 else OneOf(name, codes)] if codes else []
        parts += [Empty(name)] if NOTHING in chosen else []
        found.append(parts[0] if len(parts) == 1 else Joined("or", tuple(parts)))
    return found


def names_in(rule: str) -> list[str]:
    """The fields that a filter asks for."""
    return [] if same(rule) in ALL else list(dict.fromkeys(fields_of(parse(rule))))


def place_of(error: Text) -> int | None:
    """At which character of a filter the mistake is that an error tells of, from 1."""
    found = re.search(r"character (\d+)", error.en)
    return int(found[1]) if found else None
