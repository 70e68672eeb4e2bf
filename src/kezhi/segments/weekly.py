"""The weekly report (T11): contacts by channel and direction, deals, new customers, and whatever else is asked for.

Every line is a plain count of the book's rows, so that anybody can count them again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from kezhi.language import Text
from kezhi.ledger import SUM
from kezhi.segments.fields import PRIVATE
from kezhi.valuation.arrays import from_rows
from kezhi.worth.beginnings import UNKNOWN, with_few
from kezhi.worth.outcomes import outcome, says_the_outcome
from kezhi.worth.work import Found, Work

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

FILE = "weekly.parquet"
KINDS = ("contacts", "opened", "won", "lost", "orders", "new_customers")
IN = ("in", "inbound", "incoming", "received", "呼入", "来电", "来访", "客户来访", "接入", "进线")
OUT = ("out", "outbound", "outgoing", "sent", "呼出", "去电", "外呼", "回访", "上门", "拨出")
VISITS = (
    "visit",
    "visits",
    "on site",
    "in person",
    "meeting",
    "showroom",
    "拜访",
    "来访",
    "到访",
    "上门",
    "面谈",
    "到店",
)
CALLS = ("phone", "call", "calls", "telephone", "tel", "电话", "来电", "去电", "外呼", "电访")
TAKEN = {*PRIVATE, "customer_id", "day", "date", "amount", "channel", "direction"}  # private, or counted anyway
UNITS = {"week": "W", "month": "M"}
UNKNOWN_FIELDS = Text(
    "The setting 'weekly.fields' names {names}, which no table of contacts, opportunities, orders or customers has.",
    "设置项 'weekly.fields' 中的 {names} 不是联系记录、销售机会、订单或客户表中的列。",
)


def measured(work: Work) -> Found | None:
    """Write weekly.parquet; None where the book has neither contacts nor opportunities."""
    import pyarrow.parquet as pq

    book, rules = work.book, work.settings.weekly
    if book.contacts is None and book.opportunities is None:
        return None
    tables = _tables(work)
    counted = [row for kind, rows in tables.items() for row in _counts(work, kind, rows)]
    known = {name for rows in tables.values() for name in rows.columns} - TAKEN
    counted += [row for kind, rows in tables.items() for row in _by_field(work, kind, rows, rules.fields)]
    if not counted:
        return None
    counted.sort(key=_order)
    pq.write_table(_table(counted), work.folder / FILE, compression="zstd")
    return Found(_facts(work, counted), warnings=tuple(_missing(set(rules.fields) - known)))


def _facts(work: Work, counted: Sequence[dict[str, Any]]) -> dict[str, Any]:
    whole = [row for row in counted if row["field"] is None]
    days = [row["begin"] for row in whole]
    return {
        "by": work.settings.weekly.by,
        "first": min(days),
        "last": max(days),
        "as_of": work.as_of,
        "cut_short": (work.as_of + timedelta(days=1)) != _next(_begin(work.as_of, work), work),
        "fields": sorted({row["field"] for row in counted if row["field"] is not None}),
        **{kind: sum(row["count"] for row in whole if row["what"] == kind) for kind in KINDS},
    }


def _begin(day: date, work: Work) -> date:
    """The first day of the line that holds a day; weeks begin on Monday."""
    return day.replace(day=1) if work.settings.weekly.by == "month" else day - timedelta(days=day.weekday())


def _next(begin: date, work: Work) -> date:
    """The first day of the next line."""
    if work.settings.weekly.by == "week":
        return begin + timedelta(days=7)
    return (begin + timedelta(days=31)).replace(day=1)


def _missing(names: set[str]) -> Iterator[tuple[str, Text]]:
    if names:
        yield "weekly_fields", UNKNOWN_FIELDS.fill(names=", ".join(sorted(names)))


# --- what is counted: one row each, with its day, and the columns asked for -----------------------------------


def _tables(work: Work) -> dict[str, ir.Table]:
    """customer_id, day, channel, direction, amount, and the columns asked for, of everything that is counted."""
    found: dict[str, ir.Table] = {"orders": _orders(work), "new_customers": _beginners(work)}
    if work.book.contacts is not None:
        found["contacts"] = _contacts(work.book.contacts, work.settings.weekly.fields)
    if work.book.opportunities is not None:
        found |= _opportunities(work.book.opportunities, work.settings.weekly.fields)
    return {kind: _with_customers(work, _until(rows, work.as_of)) for kind, rows in found.items()}


def _until(rows: ir.Table, as_of: date) -> ir.Table:
    return rows.filter(rows.day.notnull() & (rows.day <= as_of))


def _own(rows: ir.Table, fields: Sequence[str]) -> dict[str, Any]:
    """Columns asked for, as texts."""
    names = [name for name in fields if name in rows.columns and name not in TAKEN]
    return {name: rows[name].cast("string").strip() for name in names}


def _plain(text: Any) -> Any:
    return text.strip().fill_null(UNKNOWN)


def _contacts(rows: ir.Table, fields: Sequence[str]) -> ir.Table:
    import ibis

    nothing: Any = ibis.null("string")
    direction: Any = (rows.direction if "direction" in rows.columns else nothing).strip().lower()
    return rows.select(
        "customer_id",
        day=rows.date,
        amount=ibis.null(SUM),
        channel=_plain(rows.channel if "channel" in rows.columns else nothing),
        direction=ibis.cases((direction.isin(IN), "in"), (direction.isin(OUT), "out"), else_=UNKNOWN),
        **_own(rows, fields),
    )


def _opportunities(rows: ir.Table, fields: Sequence[str]) -> dict[str, ir.Table]:
    """Those opened, and those that ended by the day they were expected on, else the day they were opened."""
    import ibis

    def day(name: str) -> Any:
        return rows[name] if name in rows.columns else ibis.null("date")

    def of(when: Any) -> dict[str, Any]:
        own = {"customer_id": rows.customer_id, "day": when, "amount": rows.amount.cast(SUM)}
        return own | _own(rows, fields)

    found = {"opened": rows.select(**of(day("opened_on")))}
    if says_the_outcome(rows):
        closed = ibis.coalesce(day("expected_on"), day("opened_on"))
        ends = rows.select(**of(closed), ended=outcome(rows))
        found |= {kind: ends.filter(ends.ended == kind).drop("ended") for kind in ("won", "lost")}
    return found


def _orders(work: Work) -> ir.Table:
    """One row per order: the lines of one number, or of a customer's day; its sales, on the first day of them."""
    import ibis

    lines = work.book.orders.filter(work.book.orders.amount > 0)
    number: Any = lines.order_id if "order_id" in lines.columns else ibis.null("string")
    own = _own(lines, work.settings.weekly.fields)
    keyed = lines.select(
        "customer_id",
        "date",
        "amount",
        number=number,
        own_day=ibis.ifelse(number.isnull(), lines.date, ibis.null("date")),
        **own,
    )
    named = {name: keyed[name].max() for name in own}
    orders = keyed.group_by("customer_id", "number", "own_day").aggregate(
        day=keyed.date.min(), amount=keyed.amount.sum().cast(SUM), **named
    )
    return orders.select("customer_id", "day", "amount", *named)


def _beginners(work: Work) -> ir.Table:
    """Customers with their first purchase."""
    import ibis

    rows = work.figures
    return rows.select("customer_id", day="first_purchase", amount=ibis.null(SUM))


def _with_customers(work: Work, rows: ir.Table) -> ir.Table:
    """Columns asked for that only the customer table has, from there."""
    people = work.book.customers
    asked = [name for name in work.settings.weekly.fields if name not in rows.columns]
    told = {} if people is None else _own(people, asked)
    if people is None or not told:
        return rows
    once = people.select("customer_id", **told).group_by("customer_id")
    known = once.aggregate(**{name: (lambda t, name=name: t[name].max()) for name in told})
    return rows.left_join(known, "customer_id", rname="{name}_of_people").drop("customer_id_of_people")


# --- counting ---------------------------------------------------------------------------------------------


def _started(work: Work, rows: ir.Table) -> Any:
    return rows.day.truncate(UNITS[work.settings.weekly.by]).cast("date")


def _counts(work: Work, kind: str, rows: ir.Table) -> list[dict[str, Any]]:
    """The lines of one kind of thing; contacts by channel and direction, which add up."""
    parts = [name for name in ("channel", "direction") if kind == "contacts"]
    sums = rows.group_by(*parts, begin=_started(work, rows)).aggregate(
        count=rows.count(), amount=rows.amount.sum().cast(SUM)
    )
    nothing = dict.fromkeys(("channel", "direction", "field", "name"))
    return [nothing | _dated(row) | {"what": kind} for row in work.engine.fetch(sums).to_pylist()]


def _dated(row: dict[str, Any]) -> dict[str, Any]:
    """A row whose `begin` is a day on every engine; Spark cuts days to times at midnight."""
    begin = row["begin"]
    return row | {"begin": date(begin.year, begin.month, begin.day)}


def _by_field(work: Work, kind: str, rows: ir.Table, fields: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The same by the columns asked for, rare texts put together."""
    import ibis

    names = [name for name in fields if name in rows.columns and name not in TAKEN]
    if not names:
        return
    dated = rows.select(begin=_started(work, rows), amount=rows.amount, **{name: rows[name] for name in names})
    few = with_few(work.ledger, work.engine.store(dated), names)
    for field in names:
        sums = few.group_by("begin", name=few[field]).aggregate(
            count=few.count(), amount=few.amount.sum().cast(SUM), field=ibis.literal(field)
        )
        for row in work.engine.fetch(sums).to_pylist():
            yield {"channel": None, "direction": None, **_dated(row), "what": kind}


def _order(row: dict[str, Any]) -> tuple[Any, ...]:
    texts = (row[name] or "" for name in ("field", "name", "channel", "direction"))
    return row["begin"], KINDS.index(row["what"]), *texts


def means_of(channel: str | None) -> str:
    """visit, call or other."""
    word = (channel or "").strip().casefold()
    return "visit" if word in VISITS else "call" if word in CALLS else "other"


def _table(rows: Sequence[dict[str, Any]]) -> pa.Table:
    """The rows of weekly.parquet."""
    import pyarrow as pa

    texts = [(name, pa.string()) for name in ("what", "channel", "direction", "field", "name")]
    schema = pa.schema([("begin", pa.date32()), *texts, ("count", pa.int64()), ("amount", pa.decimal128(28, 4))])
    return from_rows(rows, schema)
