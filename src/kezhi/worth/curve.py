"""The value curve: what a customer has brought by every age, beginning with what acquiring them cost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kezhi.ledger import Calendar, Ledger
from kezhi.valuation.arrays import from_rows
from kezhi.worth import cohorts
from kezhi.worth.cohorts import Sums
from kezhi.worth.phases import Stretch, payback, phases
from kezhi.worth.work import Found, Work

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

    from kezhi.engine import Engine

SEEN = 0.1  # share of a group's customers that must have been through an age for it to be drawn and judged
COMPANY, COHORT = "company", "cohort"


@dataclass
class Group:
    """The whole company, a year's cohort, or a segment: how many began when, and what they brought at each age.

    customers: by the period in which they began. sums: of complete periods only. paid: customers whose value so far
    is not below what acquiring them cost.
    """

    dimension: str
    segment: str
    customers: Mapping[int, int]
    sums: dict[int, Sums] = field(default_factory=lambda: defaultdict(Sums))
    acquisition: Decimal = Decimal(0)
    paid: int = 0

    @property
    def size(self) -> int:
        """All its customers."""
        return sum(self.customers.values())

    def reached(self, age: int, present: int) -> int:
        """Customers who have been through that age, in complete periods up to `present`."""
        return sum(count for begin, count in self.customers.items() if begin + age <= present)

    def ages(self, present: int) -> range:
        """The ages that some customer has been through."""
        return range(max((present - begin + 1 for begin in self.customers), default=0))

    def means(self, present: int) -> list[float]:
        """Value per customer at each age, acquisition cost taken off, as far as enough have been through it."""
        found = []
        for age in self.ages(present):
            reached = self.reached(age, present)
            if reached < SEEN * self.size:
                break
            found.append(float(self.sums[age].net) / reached)
        return found


def measured(work: Work) -> Found:
    """Write cohorts.parquet and curve.parquet; payback and phases of the company, of cohorts and segments."""
    import pyarrow.parquet as pq

    ledger = work.ledger
    groups, rows = _collected(work)
    pq.write_table(cohorts.cohort_table(rows), work.folder / "cohorts.parquet", compression="zstd")
    pq.write_table(_curve_table(groups, ledger.present), work.folder / "curve.parquet", compression="zstd")
    known = cohorts.acquired(work) is not None
    return Found({"acquisition_known": known, "groups": [_facts(group, ledger.present, known) for group in groups]})


def _facts(group: Group, present: int, known: bool) -> dict[str, Any]:
    means = group.means(present)
    return {
        "dimension": group.dimension,
        "segment": group.segment,
        "customers": group.size,
        "acquisition_per_customer": float(group.acquisition) / group.size if known else None,
        "payback": payback(means) if known else None,
        "paid_back": group.paid / group.size if known else None,
        "ages": len(means),
        "value_per_customer": sum(means),
        "phases": [vars(stretch) for stretch in phases(means)],
    }


# --- what the engine adds up ------------------------------------------------------------------------------


def _collected(work: Work) -> tuple[list[Group], list[dict[str, Any]]]:
    """All groups, and the rows of cohorts.parquet."""
    engine, ledger, fields = work.engine, work.ledger, work.beginnings.fields
    acquired = cohorts.acquisitions(work)
    parts = [cohorts.cells(work), *([] if acquired is None else [acquired])]
    if fields:
        parts = [engine.store(part) for part in parts]
    cells = [row for part in parts for row in engine.fetch(_by(part, ())).to_pylist()]
    members = _members(work)
    groups = _grouped(members, ledger)
    for row in cells:
        _count(groups, {"dimension": COMPANY, "segment": "", **row}, ledger)
    for row in (row for part in parts for row in _by_field(engine, part, fields)):
        _count(groups, row, ledger)
    everybody = groups[COMPANY, ""].customers
    rows = cohorts.cohort_rows(cells, everybody, ledger.calendar, ledger.as_of)
    return sorted(groups.values(), key=_rank), rows


def _by(cells: ir.Table, fields: Sequence[str]) -> ir.Table:
    """Cells added up over the segments, by field, period of beginning and age."""
    names = [name for name in vars(Sums()) if name in cells.columns]
    sums = {name: cells[name].sum().cast(cells[name].type()) for name in names}
    return cells.group_by(*fields, "begin", "age").aggregate(**sums)


def _by_field(engine: Engine, cells: ir.Table, fields: Sequence[str]) -> list[dict[str, Any]]:
    """Cells added up by field and segment."""
    import ibis

    if not fields:
        return []
    names = [name for name in vars(Sums()) if name in cells.columns]
    parts = [
        _by(cells, (name,)).select("begin", "age", *names, dimension=ibis.literal(name), segment=name)
        for name in fields
    ]
    found: list[dict[str, Any]] = engine.fetch(ibis.union(*parts) if len(parts) > 1 else parts[0]).to_pylist()
    return found


def _members(work: Work) -> list[dict[str, Any]]:
    """dimension, segment, begin, customers and paid (those whose value so far covers their acquisition)."""
    import ibis

    rows = work.beginnings.table
    statistics = work.ledger.statistics
    value: Any = statistics.amount - statistics.cost - statistics.expense
    spent = cohorts.acquired(work)
    paid: Any = ibis.literal(0)
    if spent is not None:
        worth = statistics.select("customer", value=value)
        unbooked = spent.select(who="customer", unbooked="unbooked")
        rows = rows.join(worth, "customer")
        rows = rows.left_join(unbooked, rows.customer == unbooked.who)
        paid = (rows.value >= rows.unbooked.coalesce(0)).cast("int64")
    rows = rows.mutate(paid=paid)
    rows = work.engine.store(
        rows.group_by(*work.beginnings.fields, "begin").aggregate(customers=rows.count(), paid=rows.paid.sum())
    )
    parts = [(COMPANY, ibis.literal("")), *((name, rows[name]) for name in work.beginnings.fields)]
    by_dimension = [
        rows.mutate(dimension=ibis.literal(name), segment=segment)
        .group_by("dimension", "segment", "begin")
        .aggregate(customers=lambda t: t.customers.sum(), paid=lambda t: t.paid.sum())
        for name, segment in parts
    ]
    union = ibis.union(*by_dimension) if len(by_dimension) > 1 else by_dimension[0]
    found: list[dict[str, Any]] = work.engine.fetch(union).to_pylist()
    return found


# --- groups -----------------------------------------------------------------------------------------------


def _grouped(members: Iterable[Mapping[str, Any]], ledger: Ledger) -> dict[tuple[str, str], Group]:
    customers: dict[tuple[str, str], dict[int, int]] = defaultdict(lambda: defaultdict(int))
    paid: dict[tuple[str, str], int] = defaultdict(int)
    for row in members:
        for key in _keys(row, ledger):
            customers[key][row["begin"]] += row["customers"]
            paid[key] += row["paid"]
    return {key: Group(*key, counts, paid=paid[key]) for key, counts in customers.items()}


def _keys(row: Mapping[str, Any], ledger: Ledger) -> list[tuple[str, str]]:
    """The groups that a row belongs to: its own, and for the company's rows the cohort of its year."""
    keys = [(row["dimension"], row["segment"])]
    if row["dimension"] == COMPANY:
        years = Calendar("year", ledger.calendar.fiscal_start)
        first = years.start(years.number(ledger.calendar.start(row["begin"])))
        keys.append((COHORT, first.isoformat()))
    return keys


def _count(groups: dict[tuple[str, str], Group], row: Mapping[str, Any], ledger: Ledger) -> None:
    for key in _keys(row, ledger):
        group = groups[key]
        group.acquisition += row.get("acquisition") or 0
        if row["begin"] + row["age"] <= ledger.present:
            group.sums[row["age"]].add(row)


def _rank(group: Group) -> tuple[int, str, int, str]:
    """The company, then cohorts by time, then segments by size."""
    order = {COMPANY: 0, COHORT: 1}.get(group.dimension, 2)
    return order, group.dimension, 0 if order < 2 else -group.size, group.segment


def _curve_table(groups: Sequence[Group], present: int) -> pa.Table:
    """The rows of curve.parquet."""
    import pyarrow as pa

    money = pa.decimal128(28, 4)
    names = (*cohorts.MONEY, "unbooked", "value")
    schema = pa.schema(
        [
            ("dimension", pa.string()),
            ("segment", pa.string()),
            ("age", pa.int32()),
            *((name, pa.int64()) for name in ("customers", *cohorts.COUNTS)),
            *((name, money) for name in names),
            ("value_per_customer", pa.float64()),
            ("cumulative_per_customer", pa.float64()),
            ("phase", pa.string()),
        ]
    )
    rows = [row for group in groups for row in _curve_rows(group, present, names)]
    return from_rows(rows, schema)


def _curve_rows(group: Group, present: int, money: Sequence[str]) -> Iterable[dict[str, Any]]:
    named = _named(phases(group.means(present)))
    running = 0.0
    for age in group.ages(present):
        sums, reached = group.sums[age], group.reached(age, present)
        mean = float(sums.net) / reached
        running += mean
        yield {
            "dimension": group.dimension,
            "segment": group.segment,
            "age": age,
            "customers": reached,
            **{name: getattr(sums, name) for name in cohorts.COUNTS},
            **{name: getattr(sums, name).quantize(Decimal("0.0001")) for name in money},
            "value_per_customer": mean,
            "cumulative_per_customer": running,
            "phase": named.get(age),
        }


def _named(stretches: Iterable[Stretch]) -> dict[int, str]:
    return {age: stretch.phase for stretch in stretches for age in range(stretch.first, stretch.last + 1)}


# --- one customer -----------------------------------------------------------------------------------------


def curve_of(engine: Engine, run: Path, customer_id: str) -> list[dict[str, Any]]:
    """The curve of one customer of a finished run, from its files; empty for an unknown one.

    One row per period since the customer began, whether or not anything happened: age, period (its first day),
    amount, cost, expense (acquisition cost that no expense holds included, at age 0), value, cumulative. Where the
    run has no standing.parquet, the customer began with the first period in which anything was booked.
    """
    import json

    manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    calendar = Calendar(manifest["period"], manifest["fiscal_start"])
    periods = engine.read_parquet(run / "periods.parquet")
    past = engine.fetch(periods.filter(periods.customer_id == customer_id).order_by("period")).to_pylist()
    if not past:
        return []
    begin, unbooked = past[0]["period"], Decimal(0)
    if (run / "standing.parquet").exists():
        standing = engine.read_parquet(run / "standing.parquet")
        known = engine.row(standing.filter(standing.customer_id == customer_id).select("began", "unbooked_acquisition"))
        begin, unbooked = known["began"], known["unbooked_acquisition"]
    return _one_curve(past, calendar.number(begin), unbooked, calendar, str(manifest["as_of"]))


def _one_curve(
    past: Sequence[Mapping[str, Any]], begin: int, unbooked: Decimal, calendar: Calendar, as_of: str
) -> list[dict[str, Any]]:
    from datetime import date

    sums: dict[int, Sums] = defaultdict(Sums)
    for row in past:
        sums[max(calendar.number(row["period"]) - begin, 0)].add({n: row[n] for n in ("amount", "cost", "expense")})
    sums[0].add({"expense": unbooked})
    rows, running = [], Decimal(0)
    for age in range(calendar.number(date.fromisoformat(as_of)) - begin + 1):
        at = sums[age]
        running += at.value
        money = {"amount": at.amount, "cost": at.cost, "expense": at.expense, "value": at.value, "cumulative": running}
        rows.append({"age": age, "period": calendar.start(begin + age), **money})
    return rows
