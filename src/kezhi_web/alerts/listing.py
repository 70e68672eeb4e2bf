"""The alerts of a run together with what people did about them, as far as a person may see them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.utils import timezone

from kezhi.language import Text
from kezhi.reports.numbers import count_of_customers
from kezhi.segments.alert_causes import helps, named, why
from kezhi.settings.alerts import CAUSES
from kezhi.worth.layers import rules_of_a_run
from kezhi_web.alerts.models import Handling
from kezhi_web.alerts.outcomes import OUTCOMES
from kezhi_web.shown import Rows, Shown

PAGE = 20  # customers
PIECE = 2_000  # alerts that a list to take away holds in memory
MOST_CHOICES = 200
HANDLED = (
    "(select unnest(?::struct(customer_id varchar, cause varchar, since date, assigned varchar, until date, "
    "outcome varchar)[], recursive := true))"
)
KEYS = "(select unnest(?::struct(customer_id varchar, cause varchar, since date)[], recursive := true))"
WAITING, SNOOZED, CLOSED = "open", "snoozed", "closed"
STATES = {
    WAITING: "coalesce(said, '') = '' and coalesce(until <= {today}, true)",
    SNOOZED: "coalesce(said, '') = '' and coalesce(until > {today}, false)",
    CLOSED: "coalesce(said, '') <> ''",
}
Key = tuple[str, str, date]


@dataclass(frozen=True)
class Asked:
    """Which alerts a page shows: what stands in its address."""

    state: str = WAITING
    cause: str = ""
    tier: str = ""
    owner: str = ""
    assigned: str = ""
    page: int = 1

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Asked:
        """From an address; what it names wrongly counts as not said."""
        state, cause, page = query.get("state", WAITING), query.get("cause", ""), query.get("page", "1")
        return cls(
            state if state in STATES else WAITING,
            cause if cause in CAUSES else "",
            query.get("tier", ""),
            query.get("owner", ""),
            query.get("assigned", ""),
            max(int(page), 1) if page.isdecimal() and len(page) < 7 else 1,
        )


@dataclass(frozen=True)
class Listed:
    """One page: customers with their alerts, and how many there are in all."""

    customers: list[dict[str, Any]]
    number: int
    alerts: int
    loss: Any
    page: int
    pages: int

    @property
    def said(self) -> Text:
        """1 customer, 60 customers."""
        return count_of_customers(self.number)


def read(rows: Rows, asked: Asked) -> Listed:
    """The customers of one page, the largest expected loss first, each with all alerts that were asked for."""
    chosen, values = _chosen(rows, asked)
    each = (
        f"{chosen}, each as (select customer_id, min(rank) as best, count(*) as alerts, max(priority) as loss "
        "from chosen group by customer_id)"
    )
    counted = rows.row(
        f"{each} select count(*) as number, coalesce(sum(alerts), 0)::bigint as alerts, "
        "coalesce(sum(loss), 0) as loss from each",
        values,
    )
    pages = max(-(-counted["number"] // PAGE), 1)
    page = min(asked.page, pages)  # whoever did the last of a page goes on with the one before
    found = rows.ask(
        f"{each}, page as (select * from each order by best limit ? offset ?) "
        "select c.*, p.best from chosen as c join page as p using (customer_id) order by p.best, c.rank",
        [*values, PAGE, (page - 1) * PAGE],
    )
    customers = _by_customer(rows, found)
    return Listed(customers, counted["number"], counted["alerts"], counted["loss"], page, pages)


def some(rows: Rows, asked: Asked, first: int = 0, number: int = PIECE) -> list[dict[str, Any]]:
    """So many of the alerts that were asked for, from a place of the list on, told in words."""
    chosen, values = _chosen(rows, asked)
    found = rows.ask(
        f"{chosen} select *, min(rank) over (partition by customer_id) as best from chosen "
        "order by best, rank limit ? offset ?",
        [*values, number, first],
    )
    return told(rows, found)


def each(rows: Rows, asked: Asked) -> Iterator[dict[str, Any]]:
    """All of them in the order of the list, some thousands at a time."""
    first = 0
    while found := some(rows, asked, first):
        yield from found
        first += len(found)


def counts(rows: Rows, shown: str = WAITING) -> dict[str, dict[str, int]]:
    """How many alerts there are by state, and of those in the state that is shown by cause and owner."""
    joined, values = _joined(rows)
    states = ", ".join(f"count_if({_in_state(state)}) as {state}" for state in STATES)
    found = rows.ask(
        f"{joined} select cause, owner, {states} from joined group by grouping sets ((), (cause), (owner))", values
    )
    whole = next(row for row in found if row["cause"] is None and row["owner"] is None)
    by = {"state": {state: whole[state] or 0 for state in STATES}}
    for name in ("cause", "owner"):
        several = sorted((row for row in found if row[name] and row[shown]), key=lambda row: -row[shown])
        by[name] = {row[name]: row[shown] for row in several[:MOST_CHOICES]}
    return by


def one(rows: Rows, key: Key) -> dict[str, Any] | None:
    """An alert of the run by its key, open or closed; None where the person may not see it or there is none."""
    found = rows.ask(
        f"select * from {rows.table('alerts')} where customer_id = ? and cause = ? and opened_on = ?",
        list(key),
    )
    return told(rows, found)[0] if found else None


def seen(rows: Rows, keys: Sequence[Key], *, closed: bool = False) -> dict[Key, str | None]:
    """Which of some open alerts (`closed`: or closed by this run) the person may see, and whose customers they are."""
    found = rows.ask(
        f"select a.customer_id, a.cause, a.opened_on, a.owner from {rows.table('alerts')} as a "
        f"join {KEYS} as k on a.customer_id = k.customer_id and a.cause = k.cause and a.opened_on = k.since "
        f"where a.state = 'open' or {closed}",
        [[{"customer_id": who, "cause": cause, "since": since} for who, cause, since in keys]],
    )
    return {(row["customer_id"], row["cause"], row["opened_on"]): row["owner"] for row in found}


def told(rows: Rows, found: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Alerts with name and tier of their customers, their sentences (named, why, helps) and the key that forms use."""
    found = list(found)
    titles, who = tiers(rows.run), people(rows, {row["customer_id"] for row in found})
    return [
        row
        | {
            "name": who.get(row["customer_id"], {}).get("name"),
            "named": named(row["cause"]),
            "why": why(row, titles),
            "helps": helps(row),
            "tier_name": titles.get(who.get(row["customer_id"], {}).get("tier") or ""),
            "key": f"{row['opened_on']}:{row['cause']}:{row['customer_id']}",
            "late": row["state"] == "open" and row["due_on"] < rows.run.as_of,
        }
        for row in found
    ]


def people(rows: Rows, ids: Collection[str]) -> dict[str, dict[str, Any]]:
    """name and tier of some customers, as far as the person may see them."""
    tier = "tier" if "tier" in rows.columns("customers") else "null::varchar as tier"
    sql = (
        f"select customer_id, name, {tier} from {rows.table('customers')} "
        "where customer_id in (select unnest(?::varchar[]))"
    )
    return {row["customer_id"]: row for row in rows.ask(sql, [list(ids)])} if ids else {}


def tiers(run: Shown) -> dict[str, Text]:
    """The names of the tiers, the best first."""
    return _tiers(run.folder, run.stamp)


@lru_cache(maxsize=8)
def _tiers(folder: Path, stamp: int) -> dict[str, Text]:  # noqa: ARG001  the stamp says when to read anew
    return {str(code): title for code, title in rules_of_a_run(folder).titles.items()}


def _by_customer(rows: Rows, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Alerts under their customers, with what an earlier closure of the same cause said.

    A customer's loss is that of their first alert: several alerts tell of the same money.
    """
    earlier = _earlier({row["customer_id"] for row in found})
    customers: dict[str, dict[str, Any]] = {}
    for row in told(rows, found):
        customer = customers.setdefault(row["customer_id"], row | {"alerts": [], "loss": row["priority"]})
        done = earlier.get((row["customer_id"], row["cause"]), ())
        customer["alerts"].append(row | {"earlier": next((one for one in done if one.since < row["opened_on"]), None)})
    return list(customers.values())


def _earlier(customers: set[str]) -> dict[tuple[str, str], list[Handling]]:
    """What was closed before of some customers, the newest first."""
    by: dict[tuple[str, str], list[Handling]] = {}
    for done in Handling.objects.filter(customer_id__in=customers).exclude(outcome="").order_by("-since"):
        done.title = OUTCOMES[done.outcome].title
        by.setdefault((done.customer_id, done.cause), []).append(done)
    return by


# --- the relation -----------------------------------------------------------------------------------------


def _chosen(rows: Rows, asked: Asked) -> tuple[str, list[Any]]:
    """SQL up to a relation `chosen` of the alerts that were asked for, and its values."""
    joined, values = _joined(rows)
    tests = [_in_state(asked.state)]
    for name in ("cause", "owner"):
        if wanted := getattr(asked, name):
            tests.append(f"{name} = ?")
            values.append(wanted)
    if asked.tier and "tier" in rows.columns("customers"):
        tests.append(f"customer_id in (select customer_id from {rows.table('customers')} where tier = ?)")
        values.append(asked.tier)
    if asked.assigned == "-":
        tests.append("coalesce(assigned, '') = ''")
    elif asked.assigned:
        tests.append("assigned = ?")
        values.append(asked.assigned)
    return f"{joined}, chosen as (select * from joined where {' and '.join(tests)})", values


def _joined(rows: Rows) -> tuple[str, list[Any]]:
    sql = (
        f"with joined as (select a.*, h.assigned, h.until, h.outcome as said from {rows.table('alerts')} as a "
        f"left join {HANDLED} as h on a.customer_id = h.customer_id and a.cause = h.cause and a.opened_on = h.since "
        "where a.state = 'open')"
    )
    return sql, [_handled(rows)]


def _handled(rows: Rows) -> list[dict[str, Any]]:
    """What was done, of alerts that may still be open in this run."""
    oldest = _oldest(rows.run)
    if oldest is None:
        return []
    names = ("customer_id", "cause", "since", "assigned", "until", "outcome")
    return list(Handling.objects.filter(since__gte=oldest).values(*names))


@lru_cache(maxsize=8)
def _oldest(run: Shown) -> date | None:
    """Since when the oldest open alert of a run is open."""
    whole = Rows(run, None, personal=False)
    found: date | None = whole.row(f"select min(opened_on) as day from {whole.table('alerts')} where state = 'open'")[
        "day"
    ]
    return found


def _in_state(state: str) -> str:
    return STATES[state].format(today=f"date '{timezone.localdate()}'")
