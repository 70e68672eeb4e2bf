"""Entries as pages show them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from kezhi.language import Text
from kezhi.reports.numbers import currency_name
from kezhi_web.capture import kinds
from kezhi_web.capture.masking import masked
from kezhi_web.capture.models import COUNTED, GONE, Entry
from kezhi_web.shown import Rows

MOST = 200
AT_ONCE = 300
OF_OTHERS = Text("sent by a customer of a colleague", "由同事负责的客户推荐")


@dataclass(frozen=True)
class Told:
    """One entry: what and when, in words. parts: label and value, for a line; text: what somebody wrote."""

    entry: Entry
    title: Text
    day: date
    parts: tuple[Text, ...]
    text: str
    state: str
    state_text: Text

    @property
    def pk(self) -> int:
        """The entry's number."""
        return int(self.entry.pk)

    @property
    def customer_id(self) -> str:
        """Whose it is."""
        return self.entry.customer_id

    @property
    def by(self) -> str:
        """Who recorded it."""
        return self.entry.by

    @property
    def withdrawn(self) -> bool:
        """Does it no longer hold?"""
        return self.entry.taken_back is not None


def of_customer(customer_id: str, rows: Rows, *, everything: bool) -> list[Told]:
    """See kezhi_web.capture.entries_of."""
    if not rows.sees(customer_id):
        return []
    told = [tell(entry, rows) for entry in Entry.objects.filter(customer_id=customer_id)]
    if not everything:
        told = [one for one in told if not _in_book(one)]
    return sorted(told, key=lambda one: (one.day, one.pk), reverse=True)[:MOST]


def _in_book(one: Told) -> bool:
    """Does the book show it as it is? Of notes it holds only the newest of a customer."""
    return one.state == GONE or (one.state == COUNTED and one.entry.table != "notes")


def seen_by(entries: Iterable[Entry], rows: Rows, most: int, by: str) -> list[Entry]:
    """The first of these entries that a person may see: those of their own customers.

    by: the person's name. Whoever wrote an entry also sees it where its customer is in no run any more, or was sent by
    a customer of theirs: else nobody but those who see everybody could withdraw it.
    """
    return list(islice(_seen(entries, rows, by), most))


def _seen(entries: Iterable[Entry], rows: Rows, by: str) -> Iterator[Entry]:
    if rows.owner is None:
        yield from entries.iterator(chunk_size=AT_ONCE) if isinstance(entries, QuerySet) else entries
        return
    start = 0
    while several := list(entries[start : start + AT_ONCE]):  # type: ignore[index]
        ids = [one for entry in several for one in (entry.customer_id, entry.row.get("referrer_id")) if one]
        own, known = in_run(ids, rows), in_run(ids, Rows(rows.run, None, personal=False))
        for entry in several:
            who, sender = entry.customer_id, entry.row.get("referrer_id")
            if who in own or (entry.by == by and (who not in known or sender in own)):
                yield entry
        start += AT_ONCE


def in_run(ids: Iterable[str], rows: Rows) -> set[str]:
    """Which of these customers the run has, among those whom a person may see."""
    wanted = sorted(set(ids))
    if not wanted:
        return set()
    marks = ", ".join("?" * len(wanted))
    asked = f"select customer_id from {rows.table('customers')} where customer_id in ({marks})"
    return {row["customer_id"] for row in rows.ask(asked, wanted)}


def tell(entry: Entry, rows: Rows, by: str = "") -> Told:
    """An entry in words; free text without what reaches a person, for those who may not see it.

    by: the name of the person who reads it, who may read their own words.
    """
    row = entry.row
    text = str(row.get("note") or row.get("text") or row.get("comment") or "")
    state = state_of(entry)
    sender = row.get("referrer_id")
    hidden = sender and rows.owner is not None and entry.by != by and not rows.sees(sender)
    return Told(
        entry,
        kinds.KINDS[entry.table].title,
        date.fromisoformat(row["date"]) if row.get("date") else timezone.localdate(entry.at),
        (OF_OTHERS,) if hidden else tuple(_parts(entry, rows.run.currency)),
        text if rows.personal else masked(text),
        state,
        kinds.STATES[state],
    )


def state_of(entry: Entry) -> str:
    """The entry's state; a call that reached nobody counts nowhere."""
    unheard = entry.table == "contacts" and entry.row.get("outcome") == kinds.NOT_REACHED
    return "beside" if unheard and not entry.taken_back and not entry.imported_in else entry.state


def _parts(entry: Entry, currency: str | None) -> Iterator[Text]:
    row = entry.row
    words = {
        "channel": kinds.CHANNELS,
        "direction": kinds.DIRECTIONS,
        "outcome": kinds.OUTCOMES,
        "grade": kinds.GRADES,
        "stage": kinds.STAGES,
    }
    for name, known in words.items():
        if row.get(name):
            yield known.get(row[name], _same(row[name]))
    if row.get("taken_up"):
        yield Text("taken up", "已采纳")
    for dimension, score in row.get("scores", {}).items():
        said = kinds.DIMENSIONS_IN_BOOK.get(dimension, _same(dimension))
        yield Text(f"{said.en} {score}", f"{said.zh} {score}")
    if row.get("amount"):
        units = (currency_name(currency, "en"), currency_name(currency, "zh"))
        yield Text(*(f"{float(row['amount']):,.2f} {unit or ''}".strip() for unit in units))
    if row.get("probability"):
        yield _same(f"{float(row['probability']):g} %")
    if row.get("expected_on"):
        yield Text(f"expected on {row['expected_on']}", f"预计 {row['expected_on']} 成交")
    if row.get("product_id"):
        yield Text(f"product {row['product_id']}", f"商品 {row['product_id']}")
    if row.get("referrer_id"):
        yield Text(f"sent by {row['referrer_id']}", f"由 {row['referrer_id']} 推荐")


def _same(value: Any) -> Text:
    return Text(str(value), str(value))
