"""Customers who began together, followed from then on: what they bought and brought at every age."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from kezhi.language import KezhiError, Text
from kezhi.ledger import SUM, Calendar
from kezhi.valuation.arrays import from_rows

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

    from kezhi.worth.work import Work

Measure = Literal["active", "purchases", "amount", "gross_profit", "value"]
Show = Literal["sum", "per_customer", "cumulative", "share"]
MEASURES: tuple[Measure, ...] = ("active", "purchases", "amount", "gross_profit", "value")
SHOWS: tuple[Show, ...] = ("sum", "per_customer", "cumulative", "share")
COUNTS = ("active", "purchases")
MONEY = ("amount", "cost", "expense", "acquisition")
ZERO = Decimal(0)
NO_SUCH_MEASURE = Text(
    "Cohorts have the measures {measures}, shown as {shows}; not {measure} as {show}.",
    "同期客户群的指标有 {measures}，展示方式有 {shows}；没有 {measure}（{show}）。",
)


# --- in the engine ----------------------------------------------------------------------------------------


def cells(work: Work) -> ir.Table:
    """What came of customers by period of beginning and by age, in one pass over the accounts; not stored.

    begin, the fields of the beginnings, age (periods since; what was booked before counts at 0), then active
    (customers who bought), purchases, amount, and cost and expense where they are known.
    """
    began, accounts = work.beginnings, work.ledger.accounts
    known = {"cost": work.book.cost_known, "expense": work.book.expenses is not None}
    money = ["amount", *(name for name, is_known in known.items() if is_known)]
    rows = _aged(accounts, began.table)
    return rows.group_by("begin", *began.fields, "age").aggregate(
        active=(rows.purchases > 0).sum().cast("int64"),
        purchases=rows.purchases.sum().cast("int64"),
        **{name: rows[name].sum().cast(SUM) for name in money},
    )


def acquisitions(work: Work) -> ir.Table | None:
    """begin, the fields, age, acquisition (what acquiring them cost), unbooked (the part that no expense holds)."""
    spent = acquired(work)
    if spent is None:
        return None
    rows = _aged(spent, work.beginnings.table)
    return rows.group_by("begin", *work.beginnings.fields, "age").aggregate(
        **{name: rows[theirs].sum().cast(SUM) for name, theirs in (("acquisition", "cost"), ("unbooked", "unbooked"))}
    )


def acquired(work: Work) -> ir.Table | None:
    """What acquiring each customer cost (see `Costs.acquired`); None where it is not known or not to be subtracted."""
    return work.costs.acquired if work.settings.subtract_expense and work.costs is not None else None


def _aged(rows: ir.Table, began: ir.Table) -> ir.Table:
    """Rows of customers and periods with the customers' beginnings and their ages."""
    import ibis

    both = rows.join(began, "customer")
    return both.mutate(age=ibis.greatest(both.number - both.begin, 0).cast("int32"))


# --- few rows from here on --------------------------------------------------------------------------------


@dataclass
class Sums:
    """What some customers brought at one age; `expense` holds the booked part of `acquisition` as well."""

    active: int = 0
    purchases: int = 0
    amount: Decimal = ZERO
    cost: Decimal = ZERO
    expense: Decimal = ZERO
    acquisition: Decimal = ZERO
    unbooked: Decimal = ZERO

    def add(self, row: Mapping[str, Any]) -> None:
        """Add a row with some of the fields."""
        for name in vars(self):
            more = row.get(name)
            if more:
                setattr(self, name, getattr(self, name) + more)

    @property
    def gross_profit(self) -> Decimal:
        """What is left of the amount after the product cost."""
        return self.amount - self.cost

    @property
    def value(self) -> Decimal:
        """CRM gross profit, as in customers.parquet: amount less cost less expense."""
        return self.amount - self.cost - self.expense

    @property
    def net(self) -> Decimal:
        """Value less the acquisition cost that no expense holds."""
        return self.value - self.unbooked


def cohort_rows(
    found: Iterable[Mapping[str, Any]], members: Mapping[int, int], calendar: Calendar, as_of: date
) -> list[dict[str, Any]]:
    """The rows of cohorts.parquet: every cohort at every age up to today's, with zeros where nothing happened.

    `found` are fetched cells and acquisitions, `members` the number of customers by the period in which they began.
    """
    sums: dict[tuple[int, int], Sums] = defaultdict(Sums)
    for row in found:
        sums[row["begin"], row["age"]].add(row)
    present, now = calendar.last_complete(as_of), calendar.number(as_of)
    return [
        {
            "cohort": calendar.start(begin),
            "age": age,
            "period": calendar.start(begin + age),
            "complete": begin + age <= present,
            "customers": members[begin],
            **{name: getattr(sums[begin, age], name) for name in (*COUNTS, *MONEY, "unbooked", "value")},
        }
        for begin in sorted(members)
        for age in range(max(now - begin, 0) + 1)
    ]


def cohort_table(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """The rows as they are written."""
    import pyarrow as pa

    money = pa.decimal128(28, 4)
    names = (*MONEY, "unbooked", "value")
    schema = pa.schema(
        [
            ("cohort", pa.date32()),
            ("age", pa.int32()),
            ("period", pa.date32()),
            ("complete", pa.bool_()),
            *((name, pa.int64()) for name in ("customers", *COUNTS)),
            *((name, money) for name in names),
        ]
    )
    return from_rows([{**row, **{n: _four(row[n]) for n in names}} for row in rows], schema)


def _four(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.0001"))


# --- triangles --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Triangle:
    """A cohort table: one line per cohort, one column per age.

    customers: how many began. values: None where too few of a cohort have been through that age; partly: where some
    have not yet, so that the figure is of those who have.
    """

    measure: Measure
    show: Show
    cohorts: tuple[date, ...]
    ages: tuple[int, ...]
    customers: tuple[int, ...]
    values: tuple[tuple[float | None, ...], ...]
    partly: tuple[tuple[bool, ...], ...]


def triangle(
    rows: Iterable[Mapping[str, Any]],
    measure: Measure = "value",
    show: Show = "per_customer",
    *,
    years: Calendar | None = None,
) -> Triangle:
    """A cohort table of the rows of cohorts.parquet.

    measure: active (customers who bought), purchases, amount, gross_profit (amount less cost) or value. show: the
    `sum`; the mean `per_customer` of the cohort; that mean added up since the beginning (`cumulative`); or the `share`
    of the first period's figure, for active of all customers of the cohort: retention. `years` puts the cohorts of a
    year together (a calendar of years). Only complete periods count; a figure needs half of the cohort's customers to
    have been through that age, and is of those.

    Raises KezhiError for a measure or a way to show it that there is not.
    """
    if measure not in MEASURES or show not in SHOWS:
        said = {"measures": ", ".join(MEASURES), "shows": ", ".join(SHOWS)}
        raise KezhiError(NO_SUCH_MEASURE.fill(measure=measure, show=show, **said))
    lines = _lines(rows, years)
    oldest = max((age for line in lines.values() for age in line.reached), default=-1)
    ages = tuple(range(oldest + 1))
    cells = [_values(line, measure, show, ages) for line in lines.values()]
    return Triangle(
        measure,
        show,
        tuple(lines),
        ages,
        tuple(line.customers for line in lines.values()),
        tuple(values for values, _ in cells),
        tuple(partly for _, partly in cells),
    )


@dataclass
class _Line:
    """One cohort: its customers, and by age how many of them have been through it and what they brought."""

    customers: int
    reached: dict[int, int]
    sums: dict[int, Sums]


def _lines(rows: Iterable[Mapping[str, Any]], years: Calendar | None) -> dict[date, _Line]:
    lines: dict[date, _Line] = {}
    for row in rows:
        first: date = row["cohort"]
        cohort = years.start(years.number(first)) if years else first
        line = lines.setdefault(cohort, _Line(0, defaultdict(int), defaultdict(Sums)))
        if row["age"] == 0:
            line.customers += row["customers"]
        if row["complete"]:
            line.reached[row["age"]] += row["customers"]
            line.sums[row["age"]].add(row)
    return dict(sorted(lines.items()))


def _values(
    line: _Line, measure: Measure, show: Show, ages: Iterable[int]
) -> tuple[tuple[float | None, ...], tuple[bool, ...]]:
    values: list[float | None] = []
    partly: list[bool] = []
    running, first = 0.0, None
    for age in ages:
        reached = line.reached.get(age, 0)
        if not reached or 2 * reached < line.customers:
            values.append(None)
            partly.append(False)
            continue
        total = float(getattr(line.sums[age], measure))
        mean = total / reached
        running += mean
        first = mean if first is None else first
        shares = mean if measure == "active" else mean / first if first > 0 else None
        values.append({"sum": total, "per_customer": mean, "cumulative": running, "share": shares}[show])
        partly.append(reached < line.customers)
    return tuple(values), tuple(partly)
