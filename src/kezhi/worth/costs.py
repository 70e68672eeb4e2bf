"""What customers cost beside the products they bought: to acquire, to reach, to sell to and to serve, each apart.

The one place that says what it cost to acquire a customer. Booked costs are rows of the expense table and therefore
in the ledger's `expense` already; a cost known from the customer table or from the contacts only is not, and whoever
speaks of a whole life has to subtract it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kezhi.ledger import ACQUISITION, SUM, Book, Ledger, as_sum, expenses_by_customer, of_anybody, with_keys

if TYPE_CHECKING:
    import ibis.expr.types as ir

KINDS = ("acquire", "market", "sell", "serve", "keep", "other")
# How people name the kinds, without case and outer blanks; whatever else stands there is `other`.
WORDS = {
    "acquire": ACQUISITION,
    "market": ("marketing", "advertising", "promotion", "campaign", "营销", "推广", "广告", "市场", "促销"),
    "sell": ("selling", "sales", "sell", "transaction", "销售", "交易"),
    "serve": ("service", "serve", "serving", "support", "服务", "售后", "客服", "支持"),
    "keep": ("retention", "retain", "keeping", "loyalty", "维系", "维护", "保留", "客户维系", "客户维护"),
}


@dataclass(frozen=True)
class Costs:
    """Costs by customer, the engine's key; stored tables, None where the data says nothing.

    booked: customer, number (of the period) and one column for each of KINDS; they add up to `expense` of the
    ledger's accounts, to the cent. Shared expenses are in it, divided by the ledger's rule.
    acquired: customer, number (the period in which the cost arose), cost, unbooked: what it cost to acquire a
    customer, and the part of it that no expense holds (all or nothing). One row per customer.
    served: customer, unbooked: contacts that no expense of kind service stands for.
    """

    booked: ir.Table | None
    acquired: ir.Table | None
    served: ir.Table | None

    def by_customer(self, people: ir.Table) -> ir.Table:
        """One row for each of `people` (customer): KINDS, unbooked_acquire, unbooked_serve; zeros for the unknown.

        acquire and serve are whole, the unbooked part included; the kinds less the two unbooked parts are what the
        ledger calls expense.
        """
        rows = people.select("customer")
        rows = _joined(rows, None if self.booked is None else _summed(self.booked, KINDS), dict.fromkeys(KINDS))
        rows = _joined(rows, self.acquired, {"unbooked_acquire": "unbooked"})
        rows = _joined(rows, self.served, {"unbooked_serve": "unbooked"})
        return rows.mutate(
            acquire=as_sum(rows.acquire + rows.unbooked_acquire), serve=as_sum(rows.serve + rows.unbooked_serve)
        )


def costs_of(book: Book, ledger: Ledger) -> Costs | None:
    """What the book says of customers' costs; None, at no cost, where it says nothing.

    The rules, so that nothing counts twice: what an expense of kind acquisition says of a customer goes before
    `acquisition_cost` of the customer table, and where such expenses are shared (no customer) the customer table only
    explains them; what contacts cost counts only where the company has no expense of kind service.
    """
    spent = None if book.expenses is None else _spent(book.expenses, ledger)
    totals = {} if spent is None else _totals(ledger, spent)
    booked = None if spent is None else ledger.engine.store(_booked(ledger, spent, totals))
    acquired = _acquired(book, ledger, booked, shared="acquire" in totals.get("shared", {}))
    served = None if "serve" in totals.get("any", {}) else _served(book, ledger)
    if booked is None and acquired is None and served is None:
        return None
    stored = (None if rows is None else ledger.engine.store(rows) for rows in (acquired, served))
    return Costs(booked, *stored)


def contact_channels(book: Book) -> ir.Table | None:
    """channel, contacts, customers, cost: what it costs to serve through each channel; None where it is not known."""
    contacts = book.contacts
    if contacts is None or "cost" not in contacts.columns:
        return None
    channel: Any = contacts.channel if "channel" in contacts.columns else _null_text()
    priced = contacts.filter(contacts.cost.notnull())
    found = priced.group_by(channel=channel.coalesce("")).aggregate(
        contacts=priced.count(), customers=priced.customer_id.nunique(), cost=priced.cost.sum().cast(SUM)
    )
    return found.order_by(found.cost.desc(), "channel")


def _null_text() -> Any:
    import ibis

    return ibis.null("string")


def _spent(expenses: ir.Table, ledger: Ledger) -> ir.Table:
    """Expenses until `as_of` with the customers' keys and the kind as one of KINDS."""
    import ibis

    known = with_keys(of_anybody(expenses.filter(expenses.date <= ledger.as_of)), ledger.people, how="left")
    if "kind" not in known.columns:
        return known.mutate(kind=ibis.literal("other"))
    said: Any = known.kind.strip().lower()
    cases = [(said.isin(words), ibis.literal(kind)) for kind, words in WORDS.items()]
    return known.mutate(kind=ibis.cases(*cases, else_="other"))


def _totals(ledger: Ledger, spent: ir.Table) -> dict[str, dict[str, Any]]:
    """Which kinds there are at all, and of which there are shared expenses, with their sums."""
    alone: Any = spent.customer.isnull()
    found = spent.group_by("kind").aggregate(
        total=spent.amount.sum(), pot=spent.amount.sum(where=alone), pots=alone.sum()
    )
    rows = ledger.engine.fetch(found).to_pylist()
    return {
        "any": {row["kind"]: row["total"] for row in rows},
        "shared": {row["kind"]: row["pot"] for row in rows if row["pots"]},
    }


def _booked(ledger: Ledger, spent: ir.Table, totals: dict[str, dict[str, Any]]) -> ir.Table:
    """Expenses by customer, period and kind.

    Each kind's shared pots are divided by the ledger's rule, apart from the largest: that kind is what remains of the
    customer's expense, so that the kinds add up to it although cents were rounded pot by pot. What was spent on winning
    customers does not take the rest while there is another kind, for the ledger tells it apart as well.
    """
    shared = totals["shared"]
    order = {kind: (kind != "acquire", abs(pot), kind) for kind, pot in shared.items()}
    largest = max(order, key=lambda kind: order[kind], default=None)
    own = spent.filter(spent.customer.notnull()).mutate(number=lambda t: ledger.calendar.numbers(t.date))
    parts = [own.select("customer", "number", "kind", expense=own.amount.cast(SUM))]
    for kind in sorted(set(shared) - {largest}):
        pots = spent.filter(spent.customer.isnull() & (spent.kind == kind))
        divided = expenses_by_customer(pots, ledger.accounts, ledger.calendar, ledger.as_of)
        parts.append(divided.select("customer", "number", kind=_text(kind), expense=divided.expense.cast(SUM)))
    rows = parts[0]
    for part in parts[1:]:
        rows = rows.union(part)
    key = ["customer", "number"]
    sums = {kind: rows.expense.sum(where=rows.kind == kind).coalesce(0).cast(SUM) for kind in KINDS}
    by_kind = rows.group_by(key).aggregate(**sums)
    if largest is None:
        return by_kind
    whole = ledger.accounts.filter(ledger.accounts.expense != 0).select(*key, "expense")
    both = whole.outer_join(by_kind, key, rname="{name}_k")
    kinds = {kind: both[kind].coalesce(0).cast(SUM) for kind in KINDS}
    rest: Any = both.expense.coalesce(0)
    for kind in KINDS:
        rest = rest if kind == largest else rest - kinds[kind]
    return both.select(
        **{name: both[name].coalesce(both[f"{name}_k"]) for name in key}, **kinds | {largest: as_sum(rest)}
    )


def _text(word: str) -> Any:
    import ibis

    return ibis.literal(word, type="string")


def _acquired(book: Book, ledger: Ledger, booked: ir.Table | None, *, shared: bool) -> ir.Table | None:
    """What acquiring each customer cost: as booked, else as the customer table says."""
    import ibis

    said = None if shared else _said(book, ledger)
    spent = None
    if booked is not None:
        own = booked.filter(booked.acquire != 0)
        spent = own.group_by("customer").aggregate(number=own.number.min(), cost=own.acquire.sum().cast(SUM))
    if said is None or spent is None:
        rows = spent if said is None else said
        if rows is None:
            return None
        none = ibis.literal(0).cast(SUM)
        return rows.mutate(unbooked=none if said is None else rows.cost)
    alone = said.anti_join(spent, "customer")
    return spent.mutate(unbooked=ibis.literal(0).cast(SUM)).union(alone.mutate(unbooked=alone.cost))


def _said(book: Book, ledger: Ledger) -> ir.Table | None:
    """customer, number, cost as the customer table has them, in the period of acquisition, else of the first purchase.

    Whoever was acquired after `as_of`, or never bought and never had anything spent on, is no customer yet.
    """
    people = book.customers
    if people is None or "acquisition_cost" not in people.columns:
        return None
    day: Any = people.acquired_on if "acquired_on" in people.columns else _no_day()
    found = people.filter(people.acquisition_cost.notnull()).mutate(day=day)
    found = found.filter(found.day.isnull() | (found.day <= ledger.as_of))
    found = found.group_by("customer_id").aggregate(cost=found.acquisition_cost.max().cast(SUM), day=found.day.min())
    found = found.filter(found.cost != 0).inner_join(
        ledger.statistics.select("customer_id", "customer", "first_purchase"), "customer_id"
    )
    since: Any = found.day.coalesce(found.first_purchase).coalesce(_day(ledger))
    return found.select("customer", number=ledger.calendar.numbers(since), cost=found.cost)


def _no_day() -> Any:
    import ibis

    return ibis.null("date")


def _day(ledger: Ledger) -> Any:
    import ibis

    return ibis.literal(ledger.as_of)


def _served(book: Book, ledger: Ledger) -> ir.Table | None:
    contacts = book.contacts
    if contacts is None or "cost" not in contacts.columns:
        return None
    known = contacts.filter((contacts.date <= ledger.as_of) & (contacts.cost != 0))
    keyed = with_keys(known.select("customer_id", "cost"), ledger.people)
    return keyed.group_by("customer").aggregate(unbooked=keyed.cost.sum().cast(SUM))


def _summed(rows: ir.Table, names: tuple[str, ...]) -> ir.Table:
    return rows.group_by("customer").aggregate(**{name: rows[name].sum().cast(SUM) for name in names})


def _joined(rows: ir.Table, more: ir.Table | None, names: dict[str, str | None]) -> ir.Table:
    """Rows with these columns of a table that has one row for some of the customers; zeros elsewhere."""
    import ibis

    zero = ibis.literal(0).cast(SUM)
    if more is None:
        return rows.mutate(**dict.fromkeys(names, zero))
    some = more.select(key="customer", **{name: more[theirs or name] for name, theirs in names.items()})
    joined = rows.left_join(some, rows.customer == some.key).drop("key")
    return joined.mutate(**{name: joined[name].coalesce(zero).cast(SUM) for name in names})
