"""Where customers come from and what part they play in the chain: what they cost to win and what they bring."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from kezhi.ledger import SUM, Calendar
from kezhi.valuation.arrays import from_rows
from kezhi.worth.beginnings import OTHERS, UNKNOWN
from kezhi.worth.campaigns import FIELD as CAMPAIGN
from kezhi.worth.campaigns import campaigns_of, named, spent_on_campaigns
from kezhi.worth.cohorts import acquired
from kezhi.worth.costs import WORDS
from kezhi.worth.outcomes import outcome, says_the_outcome
from kezhi.worth.work import Found, Work

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

FIELDS = ("source", "role", CAMPAIGN)
UNASSIGNED = "-"  # money spent on winning customers that names no channel of theirs
ZERO = Decimal(0)


Key = tuple[str, str, date | None]  # field, name, and the first day of the year of beginning; None: all years


@dataclass
class Part:
    """What the customers of one channel or role, who began in one year, cost and brought.

    buyers: those who have bought. acquisition: what winning them cost. value: CRM gross profit so far, less the part
    of that cost which no expense holds: what is left after winning them.
    """

    customers: int = 0
    buyers: int = 0
    acquisition: Decimal = ZERO
    amount: Decimal = ZERO
    value: Decimal = ZERO
    forecast_value: Decimal = ZERO

    def add(self, row: Mapping[str, Any]) -> None:
        """Add a row of the same names."""
        for name in vars(self):
            setattr(self, name, getattr(self, name) + (row[name] or 0))

    @property
    def cost_per_customer(self) -> float | None:
        """Acquisition cost by customer."""
        return float(self.acquisition) / self.customers if self.customers else None

    @property
    def value_per_customer(self) -> float | None:
        """Value so far by customer."""
        return float(self.value) / self.customers if self.customers else None

    @property
    def roi(self) -> float | None:
        """Value so far for one of money spent on winning the customers; None where nothing was spent."""
        return float(self.value / self.acquisition) if self.acquisition > 0 else None


def measured(work: Work) -> Found | None:
    """Write channels.parquet: customers, cost and value by source, role and campaign, in all and by year of beginning.

    None where the customer table has none of them, and nothing else names a campaign.
    """
    import pyarrow.parquet as pq

    fields = [name for name in FIELDS if name in work.beginnings.fields]
    campaigns = campaigns_of(work)
    if not fields and not campaigns:
        return None
    pots = _pots(work)
    usual = [name for name in fields if name != CAMPAIGN]
    parts = _parts(work, usual, own_only=bool(pots)) if usual else defaultdict(Part)
    for field in usual:
        _give(parts, field, pots)
    if CAMPAIGN in fields:
        parts |= _by_campaign(work, pots)
    pq.write_table(_table(parts), work.folder / "channels.parquet", compression="zstd")
    known = acquired(work) is not None
    told = {"campaigns": campaigns} if campaigns else {}
    return Found({"acquisition_known": known, "opportunities": _opportunities(work), **told})


Parts = dict[Key, Part]


# --- customers --------------------------------------------------------------------------------------------


def _parts(work: Work, fields: Sequence[str], *, own_only: bool) -> Parts:
    """What the customers of every source and role cost and brought."""
    import ibis

    rows = work.engine.store(_by_beginning(work, fields, own_only=own_only))
    names = list(vars(Part()))
    by_field = [
        rows.group_by(name=rows[field], begin=rows.begin)
        .aggregate(**{name: rows[name].sum().cast(rows[name].type()) for name in names})
        .mutate(field=ibis.literal(field))
        for field in fields
    ]
    found = work.engine.fetch(ibis.union(*by_field) if len(by_field) > 1 else by_field[0])
    parts: Parts = defaultdict(Part)
    for row in found.to_pylist():
        for year in (None, _year(work, row["begin"])):
            parts[row["field"], row["name"], year].add(row)
    return parts


def _year(work: Work, number: int) -> date:
    """The first day of the company's year that holds a period."""
    years = Calendar("year", work.calendar.fiscal_start)
    return years.start(years.number(work.calendar.start(number)))


def _by_campaign(work: Work, pots: Sequence[Mapping[str, Any]]) -> Parts:
    """The same by campaign, whose cost is all that was spent in its name, whatever kind of expense it is.

    What names no campaign goes with the customers it was spent on; what was spent on nobody in particular stays apart.
    """
    spent = spent_on_campaigns(work)
    parts = _parts(work, [CAMPAIGN], own_only=bool(pots or spent))
    given = [{"channel": row[CAMPAIGN], "year": _year(work, row["number"]), "amount": row["amount"]} for row in spent]
    _give(parts, CAMPAIGN, [*given, *({**pot, "channel": UNASSIGNED} for pot in pots if not pot["campaign"])])
    return parts


def _by_beginning(work: Work, fields: Sequence[str], *, own_only: bool) -> ir.Table:
    """Customers added up by source, role and period of beginning."""
    began = work.beginnings
    people = work.figures.select("customer", "purchases", "amount", "value", "forecast_value")
    rows = people.join(began.table.select("customer", "begin", *fields), "customer")
    rows = _with_acquisition(work, rows, own_only=own_only, campaigns=CAMPAIGN not in fields)
    return rows.group_by(*fields, "begin").aggregate(
        customers=rows.count(),
        buyers=(rows.purchases > 0).sum().cast("int64"),
        acquisition=rows.acquisition.sum().cast(SUM),
        amount=rows.amount.sum().cast(SUM),
        value=(rows.value - rows.unbooked).sum().cast(SUM),
        forecast_value=rows.forecast_value.sum().cast(SUM),
    )


def _with_acquisition(work: Work, rows: ir.Table, *, own_only: bool, campaigns: bool) -> ir.Table:
    """Rows with acquisition and unbooked, see `Costs.acquired`; without a share of common expenses if `own_only`.

    campaigns: whether expenses of one's own that name a campaign count as well.
    """
    import ibis

    zero: Any = ibis.literal(0).cast(SUM)
    spent = acquired(work)
    if own_only:
        own = _to_win(work).filter(lambda t: t.customer_id.notnull() & (t.campaign.isnull() | campaigns))
        own = own.group_by("customer_id").aggregate(cost=own.amount.sum().cast(SUM))
        spent = own.join(work.ledger.people, "customer_id").select("customer", "cost", unbooked=zero)
    if spent is None:
        return rows.mutate(acquisition=zero, unbooked=zero)
    renamed = spent.select(won="customer", acquisition="cost", unbooked="unbooked")
    joined = rows.left_join(renamed, rows.customer == renamed.won)
    return joined.mutate(acquisition=joined.acquisition.coalesce(zero), unbooked=joined.unbooked.coalesce(zero))


# --- money spent on a channel -----------------------------------------------------------------------------


def _to_win(work: Work) -> ir.Table:
    """customer_id, number, channel, campaign, amount of expenses for winning customers."""
    import ibis

    expenses = work.book.expenses
    assert expenses is not None, "asked only where there are such expenses"
    known: Any = expenses.kind.strip().lower().isin(WORDS["acquire"]) if "kind" in expenses.columns else False
    some = expenses.filter(known)
    id_: Any = some.customer_id if "customer_id" in some.columns else ibis.null("string")
    channel: Any = some.channel.strip() if "channel" in some.columns else ibis.null("string")
    return some.select(
        customer_id=id_,
        number=work.calendar.numbers(some.date),
        channel=channel.fill_null(UNKNOWN),
        campaign=named(some),
        amount=some.amount,
    )


def _pots(work: Work) -> list[dict[str, Any]]:
    """channel, campaign, year, amount of acquisition expenses without a customer."""
    expenses = work.book.expenses
    if expenses is None or "kind" not in expenses.columns:
        return []
    shared = _to_win(work).filter(lambda t: t.customer_id.isnull())
    sums = shared.group_by("channel", CAMPAIGN, "number").aggregate(amount=shared.amount.sum().cast(SUM))
    return [{**row, "year": _year(work, row["number"])} for row in work.engine.fetch(sums).to_pylist()]


def _give(parts: Parts, field: str, pots: Iterable[Mapping[str, Any]]) -> None:
    """Give what was spent on a channel to its customers, instead of to whoever bought in the same period.

    The ledger shares such expenses among all buyers, which is right for their accounts and wrong for the price of a
    channel. What names no channel of any customer stays apart, so that the total does not change; a campaign that won
    nobody has a line of its own.
    """
    names = {name.casefold(): name for of, name, _ in parts if of == field and name} if field != "role" else {}
    few = (field, OTHERS, None) not in parts  # else the campaign may be one of those put together
    for pot in pots:
        unknown = (pot["channel"] if few else OTHERS) if field == CAMPAIGN and pot["channel"] else UNASSIGNED
        name = names.get(pot["channel"].casefold(), unknown)
        for year in (None, pot["year"]):
            parts[field, name, year].acquisition += pot["amount"]


# --- opportunities ----------------------------------------------------------------------------------------


def _opportunities(work: Work) -> list[dict[str, Any]]:
    """source, opened, won, lost, won_amount, conversion: how many opportunities became sales, by customers' source.

    Customers are those of the customer table, whether or not they have bought. Conversion is of the decided ones.
    Empty where there are no opportunities, or nothing says how they ended.
    """
    rows, people = work.book.opportunities, work.book.customers
    if rows is None or people is None or "source" not in people.columns:
        return []
    if not says_the_outcome(rows):
        return []
    sources = people.group_by(who="customer_id").aggregate(source=people.source.strip().max())
    ended = outcome(rows)
    marked = rows.select("customer_id", "amount", won=ended == "won", lost=ended == "lost")
    joined = marked.left_join(sources, marked.customer_id == sources.who)
    sums = joined.group_by(source=joined.source.fill_null(UNKNOWN)).aggregate(
        opened=joined.count(),
        won=joined.won.sum().cast("int64"),
        lost=joined.lost.sum().cast("int64"),
        won_amount=joined.amount.sum(where=joined.won).coalesce(0).cast(SUM),
    )
    found = work.engine.fetch(sums.order_by(sums.opened.desc(), "source")).to_pylist()
    return [{**row, "conversion": _conversion(row["won"], row["lost"])} for row in found]


def _conversion(won: int, lost: int) -> float | None:
    return won / (won + lost) if won + lost else None


# --- the file ---------------------------------------------------------------------------------------------


def _table(parts: Parts) -> pa.Table:
    """The rows of channels.parquet: sources, then roles, those with most customers first, then by year."""
    import pyarrow as pa

    money = pa.decimal128(28, 4)
    sums = ("acquisition", "amount", "value", "forecast_value")
    schema = pa.schema(
        [
            ("field", pa.string()),
            ("name", pa.string()),
            ("began", pa.date32()),
            ("customers", pa.int64()),
            ("buyers", pa.int64()),
            *((name, money) for name in sums),
            *((name, pa.float64()) for name in ("cost_per_customer", "value_per_customer", "roi")),
        ]
    )
    order = sorted(parts, key=lambda key: _rank(parts, key))
    return from_rows([_row(key, parts[key], sums) for key in order], schema)


def _rank(parts: Parts, key: Key) -> tuple[int, int, str, date]:
    field, name, year = key
    whole = parts[field, name, None].customers if (field, name, None) in parts else 0
    return FIELDS.index(field), -whole, name, year or date.min


def _row(key: Key, part: Part, sums: Iterable[str]) -> dict[str, Any]:
    field, name, year = key
    return {
        "field": field,
        "name": name,
        "began": year,
        "customers": part.customers,
        "buyers": part.buyers,
        **{one: Decimal(getattr(part, one)).quantize(Decimal("0.0001")) for one in sums},
        "cost_per_customer": part.cost_per_customer,
        "value_per_customer": part.value_per_customer,
        "roi": part.roi,
    }
