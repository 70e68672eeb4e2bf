"""Who a filter chooses: how many, what they are worth, and what sets them apart from the rest."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

from kezhi.filters import Vocabulary, fields_of, known_field, parse
from kezhi.language import KezhiError, Text
from kezhi.reports.numbers import count_of_customers
from kezhi.reports.worth.segments import value_text
from kezhi.segments.over_index import Cell, profile
from kezhi.segments.rules import BEFORE, FIGURES, MOST_FIELDS, MOST_VALUES, PEOPLE
from kezhi.segments.vocabulary import NO_CODES, TITLES, settings_of, title
from kezhi_web.shown import Rows
from kezhi_web.shown.rows import PERSONAL, quoted

SHOWN = 12
ALL = "all"
_TITLES = Vocabulary(fields={said.lower(): name for name, known in TITLES.items() for said in (known.en, known.zh)})


@dataclass(frozen=True)
class Worth:
    """How many customers, and what they are worth."""

    customers: int
    of: int
    value: Decimal
    forecast: Decimal
    share_of_forecast: float | None

    @property
    def share(self) -> float:
        """Of all customers."""
        return self.customers / max(self.of, 1)

    @property
    def said(self) -> Text:
        """1 customer, 60 customers."""
        return count_of_customers(self.customers)


@dataclass(frozen=True)
class Trait:
    """A value of a field that is more or less frequent among them than in the rest, by more than chance."""

    field: Text
    value: Text
    cell: Cell


@dataclass(frozen=True)
class Figure:
    """An average of theirs, and of all others."""

    title: Text
    code: str
    here: float | None
    there: float | None


def worth_of(rows: Rows, query: str) -> Worth:
    """Count whom a filter or a saved segment chooses; raises KezhiError with the place of a mistake."""
    rows.chosen(query)  # a mistake is told before anything is counted
    return _worth(rows, query, rows.run.stamp)


@lru_cache(maxsize=512)
def _worth(rows: Rows, query: str, stamp: int) -> Worth:
    found = _sums(rows, query, stamp)
    every = _sums(rows, ALL, stamp)
    forecast, whole = found["sum_forecast_value"] or Decimal(0), every["sum_forecast_value"] or Decimal(0)
    share = float(forecast / whole) if whole > 0 else None
    return Worth(found["customers"], every["customers"], found["sum_value"] or Decimal(0), forecast, share)


@lru_cache(maxsize=64)
def traits(rows: Rows, query: str, stamp: int) -> tuple[Trait, ...]:
    """What sets them apart, the strongest first: people before groups of kezhi's own making."""
    every, here = _counts(rows, ALL, stamp), _counts(rows, query, stamp)
    counts = {
        field: {
            value: (here[field].get(value, 0), number - here[field].get(value, 0)) for value, number in values.items()
        }
        for field, values in every.items()
        if 1 < len(values) <= MOST_VALUES
    }
    made = set(rows.columns("customers")) - PEOPLE
    settings = settings_of(rows.run.folder)
    return tuple(
        Trait(title(one.field), value_text(one.field, one.value, settings), one)
        for one in profile(counts, _asked(query, tuple(counts)), made)
        if one.telling
    )[:SHOWN]


def figures(rows: Rows, query: str, stamp: int) -> tuple[Figure, ...]:
    """Averages of those who are chosen beside those of all others."""
    here, every = _sums(rows, query, stamp), _sums(rows, ALL, stamp)
    return tuple(
        Figure(title(name), name, _mean(name, here), _mean(name, every, here))
        for name in FIGURES
        if f"sum_{name}" in every
    )


def _mean(name: str, of: dict[str, Any], without: dict[str, Any] | None = None) -> float | None:
    """A figure per customer who has it, of these without those."""
    total, number = float(of[f"sum_{name}"] or 0), of[f"n_{name}"]
    if without is not None:
        total, number = total - float(without[f"sum_{name}"] or 0), number - without[f"n_{name}"]
    return total / number if number else None


@lru_cache(maxsize=512)
def _sums(rows: Rows, query: str, stamp: int) -> dict[str, Any]:  # noqa: ARG001  the stamp says when to count again
    known = [name for name in FIGURES if name in rows.columns("customers")]
    sums = ", ".join(f"sum({name}) as sum_{name}, count({name}) as n_{name}" for name in known)
    return rows.row(f"select count(*) as customers, {sums} from {rows.chosen(query)}")


@lru_cache(maxsize=128)
def _counts(rows: Rows, query: str, stamp: int) -> dict[str, dict[str, int]]:
    """Customers by the value of each field, of those whose field is filled in; all fields in one pass."""
    fields = _of_few_values(rows, stamp)
    if not fields:
        return {}
    counted = ", ".join(f"histogram({quoted(name)}::varchar) as f_{i}" for i, name in enumerate(fields))
    found = rows.row(f"select {counted} from {rows.chosen(query)}")
    return {
        name: {value: int(number) for value, number in (found[f"f_{i}"] or {}).items() if value.strip()}
        for i, name in enumerate(fields)
    }


@lru_cache(maxsize=8)
def _of_few_values(rows: Rows, stamp: int) -> tuple[str, ...]:  # noqa: ARG001  as above
    """Fields of words, or of true and false, that have few different values and more than one."""
    described = rows.ask(f"describe select * from {rows.people}")
    worded = [
        str(row["column_name"])
        for row in described
        if row["column_type"] in ("VARCHAR", "BOOLEAN")
        and row["column_name"] not in NO_CODES | set(PERSONAL)
        and not row["column_name"].endswith(BEFORE)
    ]
    if not worded:
        return ()
    about = ", ".join(f"approx_count_distinct({quoted(name)}) as n_{i}" for i, name in enumerate(worded))
    found = rows.row(f"select {about} from {rows.people}")
    few = [name for i, name in enumerate(worded) if 1 < found[f"n_{i}"] < 2 * MOST_VALUES]
    return tuple(few[:MOST_FIELDS])


def _asked(query: str, columns: tuple[str, ...]) -> set[str]:
    """The fields that the filter itself asks for: they tell nothing."""
    try:
        named = fields_of(parse(query))
    except KezhiError:
        return set()
    return {str(known_field(name, columns, _TITLES)) for name in named}
