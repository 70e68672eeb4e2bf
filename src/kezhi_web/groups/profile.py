"""Who a filter chooses: how many, what they are worth, and what sets them apart from the rest."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from kezhi.filters import Vocabulary, fields_of, known_field, parse
from kezhi.language import KezhiError, Text
from kezhi.reports.worth.segments import value_text
from kezhi.segments.over_index import Cell, gathered, profile
from kezhi.segments.rules import BEFORE, FIGURES, MOST_FIELDS, MOST_VALUES, PEOPLE
from kezhi.segments.vocabulary import NO_CODES, TITLES, settings_of, title
from kezhi_web.shown import Rows
from kezhi_web.shown.rows import PERSONAL, quoted

SHOWN = 12
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
def _worth(rows: Rows, query: str, stamp: int) -> Worth:  # noqa: ARG001  the stamp says when to count again
    found = rows.row(
        "select count(*) as customers, sum(value) as value, sum(forecast_value) as forecast "
        f"from {rows.chosen(query)} as chosen"
    )
    every = rows.row(f"select count(*) as customers, sum(forecast_value) as forecast from {rows.table('customers')}")
    forecast, whole = found["forecast"] or Decimal(0), every["forecast"] or Decimal(0)
    share = float(forecast / whole) if whole > 0 else None
    return Worth(found["customers"], every["customers"], found["value"] or Decimal(0), forecast, share)


@lru_cache(maxsize=64)
def traits(rows: Rows, query: str, stamp: int) -> tuple[Trait, ...]:  # noqa: ARG001  as above
    """What sets them apart, the strongest first: people before groups of kezhi's own making."""
    fields = _of_few_values(rows, rows.run.stamp)
    if not fields:
        return ()
    counts = gathered(_counted(rows, query, fields))
    few = {name: values for name, values in counts.items() if 1 < len(values) <= MOST_VALUES}
    made = set(rows.columns("customers")) - PEOPLE
    settings = settings_of(rows.run.folder)
    return tuple(
        Trait(title(one.field), value_text(one.field, one.value, settings), one)
        for one in profile(few, _asked(query, fields), made)
        if one.telling
    )[:SHOWN]


@lru_cache(maxsize=64)
def figures(rows: Rows, query: str, stamp: int) -> tuple[Figure, ...]:  # noqa: ARG001  as above
    """Averages of those who are chosen beside those of all others."""
    known = [name for name in FIGURES if name in rows.columns("customers")]
    means = ", ".join(
        f"(avg({name}) filter ({which}))::double as {where}_{name}"
        for name in known
        for where, which in (("here", "chosen"), ("there", "not chosen"))
    )
    found = rows.row(f"select {means} from {_marked(rows, query, known)}")
    return tuple(Figure(title(name), name, found[f"here_{name}"], found[f"there_{name}"]) for name in known)


def _marked(rows: Rows, query: str, names: list[str]) -> str:
    """All customers with these columns, and whether they are chosen."""
    columns = ", ".join(f"p.{quoted(name)}" for name in names)
    chosen = f"(select customer_id as member from {rows.chosen(query)})"
    joined = f"from {rows.people} as p left join {chosen} as m on p.customer_id = m.member"
    return f"(select {columns}, m.member is not null as chosen {joined})"


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


def _counted(rows: Rows, query: str, fields: tuple[str, ...]) -> list[tuple[str, str, bool, int]]:
    """(field, value, chosen?, customers) of everyone whose field is filled in; all fields in one pass."""
    texts = ", ".join(f"{quoted(name)}::varchar as f_{i}" for i, name in enumerate(fields))
    every = ", ".join(f"f_{i}" for i in range(len(fields)))
    sets = ", ".join(f"(chosen, f_{i})" for i in range(len(fields)))
    counted = rows.ask(
        f"select chosen, {every}, grouping({every}) as which, count(*) as customers "
        f"from (select chosen, {texts} from {_marked(rows, query, list(fields))}) group by grouping sets ({sets})"
    )
    found = []
    for row in counted:
        # grouping() sets a bit for each field that was left out, the first field's highest
        place = next(i for i in range(len(fields)) if not row["which"] >> (len(fields) - 1 - i) & 1)
        value = row[f"f_{place}"]
        if value is not None and value.strip():
            found.append((fields[place], value, bool(row["chosen"]), int(row["customers"])))
    return found


def _asked(query: str, columns: tuple[str, ...]) -> set[str]:
    """The fields that the filter itself asks for: they tell nothing."""
    try:
        named = fields_of(parse(query))
    except KezhiError:
        return set()
    return {str(known_field(name, columns, _TITLES)) for name in named}
