"""What a new run brings that others may want to know of: see kezhi_web.happenings.

A run is compared with the one that was shown before it. Where that is of a later day nothing has happened: somebody
looked back. Every customer's news is sent by itself, the most important first, `MOST` of a kind at most; the rest is
counted.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

from django.db import transaction
from django.dispatch import Signal
from django.http import Http404

from kezhi_web import happenings
from kezhi_web.shown import Rows, Shown
from kezhi_web.shown.run import named

log = logging.getLogger(__name__)
MOST = 10_000
BATCH = 500  # in one transaction: listeners write a row each

# tiers are compared as they stand in both runs: `tier_previous` is of an earlier day, and a run of the same day twice
# would tell of the same changes twice
TIERS = """
from {new} as new join {old} as old using (customer_id)
where new.tier is not null and old.tier is not null and new.tier <> old.tier
"""
ALERTS = """
from {new} as new anti join (select * from {old} where state = 'open') as old
  on new.customer_id = old.customer_id and new.cause = old.cause
where new.state = 'open'
"""


def announce(run: Shown, before: str | None) -> dict[str, Any]:
    """Send what has happened; returns the counts of changed tiers and new alerts."""
    earlier = _named(before)
    looks_back = earlier is not None and run.as_of < earlier.as_of
    tiers = _Kind(run, None if looks_back else earlier, TIERS, "customers", "tier")
    alerts = _Kind(run, earlier, ALERTS, "alerts", "cause", first=True, silent=looks_back)
    counts = {"tiers_changed": tiers.count(), "alerts_opened": alerts.count()}
    _send(happenings.run_finished, _facts_of(run) | counts)
    order = "new.value desc, customer_id"
    columns = 'customer_id, old.tier as "from", new.tier as "to", new.forecast_value'
    _each(happenings.tier_changed, tiers.rows(columns, order), run, _tier)
    columns = "new.customer_id, new.cause, new.priority, new.owner, new.due_on, new.opened_on"
    _each(happenings.alert_opened, alerts.rows(columns, "new.rank, new.place, new.customer_id, new.cause"), run, _alert)
    return counts


def _named(name: str | None) -> Shown | None:
    if name is None:
        return None
    try:
        return named(name)
    except Http404:  # deleted meanwhile
        return None


class _Kind:
    """One kind of news as a question to both runs' tables; without an earlier run, or a table, there is none.

    first: the first run brings such news too.
    """

    def __init__(
        self, run: Shown, earlier: Shown | None, sql: str, table: str, column: str, *,
        first: bool = False, silent: bool = False,
    ) -> None:  # fmt: skip
        self._rows = Rows(run, None, False)
        known = column in self._rows.columns(table)
        old = Rows(earlier, None, False) if earlier is not None else None
        if old is not None and column in old.columns(table):
            before = old.table(table)
        else:
            nobody = f"(select * from {self._rows.table(table)} where false)" if known else ""
            before = nobody if first else ""
        self._from = sql.format(new=self._rows.table(table), old=before) if known and before and not silent else ""

    def count(self) -> int:
        return int(self._rows.row(f"select count(*) as n {self._from}")["n"]) if self._from else 0

    def rows(self, columns: str, order: str) -> list[dict[str, Any]]:
        if not self._from:
            return []
        return self._rows.ask(f"select {columns} {self._from} order by {order} limit {MOST}")


def _facts_of(run: Shown) -> dict[str, Any]:
    total = run.models.get("company", {}).get("total", {})
    return {
        "run": run.name,
        "as_of": run.as_of.isoformat(),
        "customers": run.manifest["totals"]["customers"],
        "value": run.manifest["totals"]["value"],
        "forecast_value": total.get("value"),
        "currency": run.currency,
    }


def _tier(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"forecast_value": _money(row["forecast_value"])}


def _alert(row: dict[str, Any]) -> dict[str, Any]:
    days = {name: str(row[name]) if row[name] else None for name in ("due_on", "opened_on")}
    return {"customer_id": row["customer_id"], "cause": row["cause"], "expected_loss": _money(row["priority"]),
            "owner": row["owner"], **days}  # fmt: skip


def _money(value: Any) -> str | None:
    return None if value is None else str(value)


def _each(
    signal: Signal, rows: list[dict[str, Any]], run: Shown, facts: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    for batch in _batches(rows):
        with transaction.atomic():
            for row in batch:
                _send(signal, {"run": run.name, "as_of": run.as_of.isoformat()} | facts(row))


def _batches(rows: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    for first in range(0, len(rows), BATCH):
        yield rows[first : first + BATCH]


def _send(signal: Signal, facts: dict[str, Any]) -> None:
    """Nobody who listens can spoil a run; `facts` are plain values, as JSON knows them."""
    assert json.dumps(facts)
    for _, answer in signal.send_robust(sender=None, facts=facts):
        if isinstance(answer, Exception):
            log.error("A listener failed", exc_info=answer)
