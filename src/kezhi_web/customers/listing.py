"""The rows of a list: one page of it, its sums, its facets, and who comes before and after a customer.

Only what orders the list is read of everybody; the other columns are fetched for the rows of the page. Pages follow one
another by the key of their last row (the sorted value and the id), so the thousandth costs what the first does.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from kezhi.filters import known_field
from kezhi.language import KezhiError, Text
from kezhi.settings.segments import ALL, same
from kezhi_web.customers import store
from kezhi_web.customers.asked import FACETS, NOTHING, Asked, names_in, rule_of
from kezhi_web.customers.fields import Fields, fields_of, refuse_hidden
from kezhi_web.shown import Rows
from kezhi_web.shown.asking import filtered
from kezhi_web.shown.rows import quoted

PAGE = 50
MOST_CHOICES = 30  # of a facet
BAD_KEY = Text("This page of the list does not exist; begin at its first page.", "列表中没有这一页，请从第一页开始。")


@dataclass(frozen=True)
class Sums:
    """What is in a list: customers, value so far, value forecast."""

    customers: int
    value: Any
    forecast_value: Any


@dataclass(frozen=True)
class Page:
    """Rows in their order, as dictionaries of all columns asked for; the keys of the pages around them."""

    rows: list[dict[str, Any]]
    following: str
    preceding: str


class _Kept:
    """What was counted, by what it was counted for; the oldest goes first."""

    def __init__(self, most: int) -> None:
        self.most, self.lock = most, threading.Lock()
        self.found: OrderedDict[Any, Any] = OrderedDict()

    def get(self, key: Any) -> Any:
        with self.lock:
            return self.found.get(key)

    def put(self, key: Any, value: Any) -> Any:
        with self.lock:
            self.found[key] = value
            while len(self.found) > self.most:
                self.found.popitem(last=False)
        return value


_sums, _choices = _Kept(1024), _Kept(256)


class Listing:
    """What is asked of a run's customers, by somebody who may see these rows.

    Raises KezhiError with the place of a mistake where the filter cannot be read.
    """

    def __init__(self, rows: Rows, asked: Asked) -> None:
        self.rows, self.asked = rows, asked
        self.fields: Fields = fields_of(rows)
        self.rule = self._rule()
        self._people, self._key = store.relation(rows)

    def _rule(self) -> str:
        """The filter, tried as it was typed first, so that a mistake is told at its own place."""
        for typed in (self.asked.text, self.asked.segment):
            if typed:
                filtered(self.rows.run, typed)
        rule = rule_of(self.asked)
        refuse_hidden(names_in(rule), self.fields)
        self.rows.chosen(rule)  # the same for fields by another name of theirs
        return rule

    @cached_property
    def _chosen(self) -> str:
        """The customers that filter, segment and facets choose, as a relation."""
        source = self._source()
        if same(self.rule) in ALL:
            return source
        return f"(with people as {source} {filtered(self.rows.run, self.rule)})"

    def _source(self) -> str:
        """Everybody; without what the book says of them where nothing asks for that: joining it costs time."""
        if self._key == "rowid":
            return self._people
        known = self.rows.columns("customers")
        asked = {known_field(name, self.fields.by_name, self.fields.words) for name in names_in(self.rule)}
        people = self.rows.table("customers") if asked | {self.asked.sort} <= set(known) else self.rows.people
        return store.searchable(self.rows, people) if self.asked.search else people

    @cached_property
    def _searched(self) -> tuple[str, list[Any]]:
        """The condition of the search, and what fills its question marks."""
        words = self.asked.search.lower().split()
        return " and ".join(["true", *(f"contains({store.SOUGHT}, ?)" for _ in words)]), list(words)

    # --- a page ---

    def page(self, length: int = PAGE) -> Page:
        """The rows after the key asked for, before it, or the first."""
        back = bool(self.asked.before)
        keys = self._keys(self.asked.before or self.asked.after, length + 1, back=back)
        more, keys = len(keys) > length, keys[:length]
        keys = keys[::-1] if back else keys
        if not keys:
            return Page([], "", "")
        first, last = (_as_key(keys[place]) for place in (0, -1))
        there_is_before = more if back else bool(self.asked.after)
        there_is_after = more or back
        return Page(self._cells(keys), last if there_is_after else "", first if there_is_before else "")

    def neighbours(self, customer_id: str) -> tuple[str | None, str | None]:
        """The ids before and after a customer in the list's order; None at its ends, both where they are not in it."""
        sort = quoted(self.asked.sort)
        condition, values = self._searched
        here = self.rows.ask(
            f"select customer_id, {sort} as sorted from {self._chosen} where customer_id = ? and {condition}",
            [customer_id, *values],
        )
        if not here:
            return None, None
        key = _as_key(here[0])
        before, after = (self._keys(key, 1, back=back) for back in (True, False))
        return (before[0]["customer_id"] if before else None), (after[0]["customer_id"] if after else None)

    def _keys(self, key: str, most: int, *, back: bool) -> list[dict[str, Any]]:
        """Ids, sorted values and the fastest way to the rows; from a key on, or backwards."""
        sort, falling = quoted(self.asked.sort), self.asked.descending != back
        condition, values = self._searched
        beyond, limits = self._beyond(key, back=back) if key else ("true", [])
        order = f"sorted {'desc' if falling else 'asc'} nulls {'first' if back else 'last'}"
        found = f"(select {self._key} as found, customer_id, {sort} as sorted from {self._chosen} where {condition})"
        sql = f"select * from {found} where {beyond} order by {order}, customer_id {'desc' if back else 'asc'} limit ?"
        return self.rows.ask(sql, [*values, *limits, most])

    def _beyond(self, key: str, *, back: bool) -> tuple[str, list[Any]]:
        """The condition of what lies behind a key; empty values come last whichever way the list is sorted."""
        value, customer_id = _read_key(key)
        sign = "<" if back else ">"
        if value is None:
            behind = f"(sorted is null and customer_id {sign} ?)"
            return (f"({behind} or sorted is not null)" if back else behind), [customer_id]
        kind = self._type
        further = ">" if self.asked.descending == back else "<"
        nulls = "" if back else " or sorted is null"
        given = f"try_cast(? as {kind})"
        condition = f"(sorted {further} {given} or (sorted = {given} and customer_id {sign} ?){nulls})"
        return condition, [value, value, customer_id]

    @cached_property
    def _type(self) -> str:
        """How the engine stores the sorted column."""
        told = self.rows.ask(f"describe select {quoted(self.asked.sort)} from {self._people}")
        return str(told[0]["column_type"])

    def _cells(self, keys: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """All columns of the rows of a page."""
        wanted = [one for one in dict.fromkeys(("customer_id", "name", *self.asked.columns)) if one in self._stored]
        marks = ", ".join("?" * len(keys))
        sql = f"select {', '.join(map(quoted, wanted))} from {self._people} where {self._key} in ({marks})"
        found = {row["customer_id"]: row for row in self.rows.ask(sql, [key["found"] for key in keys])}
        return [found[key["customer_id"]] for key in keys]

    @property
    def _stored(self) -> set[str]:
        return {*self.rows.columns("customers"), *self.rows.columns("attributes")}

    # --- sums and facets ---

    def sums(self) -> Sums:
        """What is in the whole list; counted once per content of the run and question."""
        rows = self.rows
        key = (rows.run.folder, rows.run.stamp, rows.owner, rows.personal, self.rule, self.asked.search.lower())
        return _sums.get(key) or _sums.put(key, self._counted())

    def _counted(self) -> Sums:
        condition, values = self._searched
        sql = (
            "select count(*) as customers, coalesce(sum(value), 0) as value, "
            f"coalesce(sum(forecast_value), 0) as forecast_value from {self._chosen} where {condition}"
        )
        return Sums(**self.rows.row(sql, values))

    def choices(self) -> dict[str, list[dict[str, Any]]]:
        """For each facet its commonest codes, with how many of all customers have them."""
        key = (self.rows.run.folder, self.rows.run.stamp, self.rows.owner)
        return _choices.get(key) or _choices.put(key, {name: self._choices(name) for name in self._facets})

    @property
    def _facets(self) -> list[str]:
        return [name for name in FACETS if name in self.fields and not (name == "owner" and self.rows.owner)]

    def _choices(self, name: str) -> list[dict[str, Any]]:
        table = "customers" if name in self.rows.columns("customers") else "attributes"
        found = self.rows.ask(
            f"select coalesce(nullif({quoted(name)}, ''), ?) as code, count(*) as customers "
            f"from {self.rows.table(table)} group by code order by customers desc, code limit ?",
            [NOTHING, MOST_CHOICES],
        )
        order = {code: place for place, code in enumerate(self.fields[name].names)}
        return sorted(found, key=lambda one: (order.get(one["code"], len(order)), -one["customers"]))


def everybody(rows: Rows) -> Sums:
    """The sums of all whom a person may see."""
    return Listing(rows, Asked()).sums()


def _as_key(row: dict[str, Any]) -> str:
    """A row's place in the order, for an address."""
    value = row["sorted"]
    text = None if value is None else repr(value) if isinstance(value, float) else str(value)
    return json.dumps([text, row["customer_id"]], ensure_ascii=False, separators=(",", ":"))


def _read_key(key: str) -> tuple[str | None, str]:
    try:
        value, customer_id = json.loads(key)
    except (ValueError, TypeError):
        raise KezhiError(BAD_KEY) from None
    if not isinstance(customer_id, str) or not (value is None or isinstance(value, str)):
        raise KezhiError(BAD_KEY)
    return value, customer_id
