"""The score sheet of one customer: every part of the points with the very records behind it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from kezhi.language import Text
from kezhi.settings.scoring import Rule
from kezhi.worth.point_rows import grade_of
from kezhi.worth.point_words import rule_words, source_words
from kezhi.worth.points import capped, points_of

ZERO = Decimal("0.0000")
MEANS = ("satisfaction",)  # sources whose quantity is a mean, so that no record has points of its own


@dataclass(frozen=True)
class Record:
    """One record behind a part: what it added to the quantity, and to the points.

    points: what came with this record when all are taken by their day; they add up to the part's points exactly. None
    where the quantity is a mean.
    """

    date: date | None
    quantity: Decimal
    points: Decimal | None
    text: str | None = None
    grade: str | None = None


@dataclass(frozen=True)
class Part:
    """One term of a customer's points, as the run counted it.

    complete: the records found now are those the run counted; they are not where the book has changed since, or is not
    there.
    """

    term: str
    text: Text
    rule: Text
    unit: str
    money: bool
    quantity: Decimal
    points: Decimal
    records: tuple[Record, ...]
    complete: bool


@dataclass(frozen=True)
class ScoreSheet:
    """A customer's points and their parts; the parts' points add up to `points` exactly."""

    customer_id: str
    as_of: date
    points: Decimal
    parts: tuple[Part, ...]


def part_of(rule: Rule, counted: Mapping[str, Any], rows: Iterable[Mapping[str, Any]]) -> Part:
    """A row of points.parquet with its records: rows of date, quantity, text and perhaps grade, in any order."""
    known = {grade_of(grade): points for grade, points in rule.grades.items()}
    ordered = sorted(
        (row for row in rows if not known or row.get("grade") in known),
        key=lambda row: (row["date"] or date.max, row["text"] or "", row["quantity"]),
    )
    records = tuple(_records(rule, known, ordered))
    return Part(
        rule.name,
        source_words(rule),
        rule_words(rule),
        rule.unit,
        rule.money,
        counted["quantity"],
        counted["points"],
        records,
        complete=_complete(rule, counted, records),
    )


def _complete(rule: Rule, counted: Mapping[str, Any], records: Sequence[Record]) -> bool:
    if rule.source in MEANS:
        return len(records) == int(counted["records"])
    points = sum((record.points or ZERO for record in records), ZERO)
    quantity = sum((record.quantity for record in records), ZERO)
    return bool(points == counted["points"] and quantity == counted["quantity"])


def _records(rule: Rule, grades: Mapping[str, Decimal], rows: Sequence[Mapping[str, Any]]) -> Iterator[Record]:
    """Each record with what the points rose by when it came."""
    quantity = graded = before = ZERO
    for row in rows:
        quantity += row["quantity"]
        if rule.source in MEANS:
            points = None
        else:
            graded += grades.get(row.get("grade") or "", ZERO)
            after = capped(rule, graded) if grades else points_of(rule, quantity)
            points, before = after - before, after
        yield Record(row["date"], row["quantity"], points, row["text"], row.get("grade"))
