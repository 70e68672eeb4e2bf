"""When each customer began, and to which part of the market each belongs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from kezhi.ledger import Book, Ledger

FIELDS = ("region", "role", "source", "campaign")
MOST = 20  # segments of a field that are told apart; the smaller ones are put together
UNKNOWN, OTHERS = "", "*"


@dataclass(frozen=True)
class Beginnings:
    """One row per customer of the ledger, stored: customer, begin (the number of a period), and the `fields`.

    begin: the period in which the customer was acquired (`acquired_on`), at the latest that of the first purchase;
    whoever was given no day and never bought begins with the first period in which anything was booked. A field holds
    one of its MOST most frequent texts, UNKNOWN, or OTHERS.
    """

    table: ir.Table
    fields: tuple[str, ...]


def beginnings_of(book: Book, ledger: Ledger) -> Beginnings:
    """Where every customer's life with the company begins."""
    known = ledger.statistics.select("customer", "customer_id", "first_purchase")
    first: Any = ledger.calendar.numbers(known.first_purchase)
    rows = known.mutate(begin=first)
    people = _people(book, ledger)
    fields = () if people is None else tuple(name for name in FIELDS if name in people.columns)
    if people is not None:
        import ibis

        rows = rows.left_join(people, "customer_id", rname="{name}_of_people").drop("customer_id_of_people")
        # least() passes over what is not known
        rows = rows.mutate(begin=ibis.least(rows.begin, rows.acquired))
    booked = _first_booked(ledger)
    rows = rows.left_join(booked, rows.customer == booked.who)
    begin: Any = rows.begin.coalesce(rows.booked).coalesce(ledger.calendar.number(ledger.as_of)).cast("int32")
    stored = ledger.engine.store(rows.select("customer", *fields, begin=begin))
    return Beginnings(with_few(ledger, stored, fields) if fields else stored, fields)


def _people(book: Book, ledger: Ledger) -> ir.Table | None:
    """customer_id, acquired, and the fields of the customer table; None where it says nothing of either."""
    import ibis

    table = book.customers
    if table is None or not {"acquired_on", *FIELDS} & set(table.columns):
        return None
    acquired: Any = ibis.null("int32")
    if "acquired_on" in table.columns:
        early: Any = table.acquired_on <= ledger.as_of
        acquired = ledger.calendar.numbers(table.acquired_on).min(where=early)
    fields = {name: table[name].strip().max() for name in FIELDS if name in table.columns}
    return table.group_by("customer_id").aggregate(acquired=acquired, **fields)


def _first_booked(ledger: Ledger) -> ir.Table:
    """who, booked: the first period of customers who never bought."""
    silent = ledger.statistics.filter(ledger.statistics.purchases == 0).select("customer")
    rows = ledger.accounts.semi_join(silent, "customer")
    return rows.group_by(who="customer").aggregate(booked=rows.number.min())


def with_few(ledger: Ledger, rows: ir.Table, fields: Sequence[str]) -> ir.Table:
    """Stored rows whose fields hold one of their MOST most frequent texts, UNKNOWN, or OTHERS."""
    import ibis

    counts = [
        rows.filter(rows[name] != "")
        .group_by(segment=name)
        .aggregate(customers=lambda t: t.count(), field=ibis.literal(name))
        .order_by(ibis.desc("customers"), "segment")
        .limit(MOST + 1)
        for name in fields
    ]
    found = ledger.engine.fetch(ibis.union(*counts) if len(counts) > 1 else counts[0]).to_pylist()
    found.sort(key=lambda row: (-row["customers"], row["segment"]))
    frequent = {name: [row["segment"] for row in found if row["field"] == name] for name in fields}
    return rows.mutate(**{name: _few(rows[name], segments) for name, segments in frequent.items()})


def _few(text: Any, frequent: Sequence[str]) -> Any:
    import ibis

    known: Any = text.fill_null(UNKNOWN)
    if len(frequent) <= MOST:
        return known
    return ibis.ifelse(known.isin([UNKNOWN, *frequent[:MOST]]), known, OTHERS)
