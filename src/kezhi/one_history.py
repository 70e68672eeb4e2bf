"""One customer's standing at every run of a workspace: tier, RFM class, value and place, as they were recorded then."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kezhi.engine import Engine
from kezhi.language import KezhiError, Text
from kezhi.settings.rfm import Rfm
from kezhi.workspace import MANIFEST
from kezhi.worth.layers import rules_of_a_run, title_of

if TYPE_CHECKING:
    import ibis.expr.types as ir

MOST = 60  # days of runs looked back at
FIGURES = ("tier", "rfm_segment", "value", "forecast_value", "lifetime_value", "points", "p_alive")


@dataclass(frozen=True)
class Standing:
    """What a run said of a customer; None where that run, or its version, did not say it.

    as_of: the last day that the run knew. tier, rfm_segment: codes; tier_name, rfm_name: what that run called them.
    rank: place by forecast value among `customers`, equals alike.
    """

    run: str
    as_of: date
    tier: str | None = None
    tier_name: Text | None = None
    rfm_segment: str | None = None
    rfm_name: Text | None = None
    value: Decimal | None = None
    forecast_value: Decimal | None = None
    lifetime_value: Decimal | float | None = None
    points: Decimal | None = None
    p_alive: float | None = None
    rank: int | None = None
    customers: int | None = None


def standings(engine: Engine, runs: Iterable[Path], customer_id: str, until: date) -> tuple[Standing, ...]:
    """The customer at each day of the runs up to `until`, oldest first; of several runs of a day the newest counts.

    Only the customer's rows are read. Runs that do not know the customer, or cannot be read, are left out.
    """
    by_day: dict[date, Path] = {}
    for run in runs:
        day = _day(run)
        if day is not None and day <= until and (run / "customers.parquet").exists():
            by_day[day] = run
    found = (_standing(engine, by_day[day], day, customer_id) for day in sorted(by_day)[-MOST:])
    return tuple(one for one in found if one is not None)


def _manifest(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / MANIFEST).read_text(encoding="utf-8"))
    return found


def _day(run: Path) -> date | None:
    try:
        return date.fromisoformat(_manifest(run)["as_of"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _standing(engine: Engine, run: Path, day: date, customer_id: str) -> Standing | None:
    people = engine.read_parquet(run / "customers.parquet")
    if "customer_id" not in people.columns:
        return None
    own = people.filter(people.customer_id == customer_id)
    rows = engine.fetch(own.select(*(name for name in FIGURES if name in people.columns), "customer_id")).to_pylist()
    if not rows:
        return None
    row = {name: rows[0].get(name) for name in FIGURES}
    tier, kind = row["tier"], row["rfm_segment"]
    rank, customers = _place(engine, people, row["forecast_value"])
    return Standing(
        run.name,
        day,
        **row,
        tier_name=None if tier is None else title_of(tier, rules_of_a_run(run)),
        rfm_name=None if kind is None else _rfm_titles(run).get(kind) or Text(kind, kind),
        rank=rank,
        customers=customers,
    )


def _rfm_titles(run: Path) -> Mapping[str, Text]:
    """What that run called its RFM classes."""
    try:
        return Rfm.model_validate((_manifest(run).get("settings") or {}).get("rfm") or {}).titles
    except (OSError, ValueError, KezhiError):
        return {}


def _place(engine: Engine, people: ir.Table, value: Any) -> tuple[int | None, int | None]:
    """Place by forecast value, and how many customers there were."""
    import ibis

    if value is None:
        return None, None
    # a decimal of no stated type is cut to three places, and the customer would stand behind themselves
    own: Any = ibis.literal(value, type=people.forecast_value.type())
    ahead: Any = (people.forecast_value > own).sum()
    found = engine.row(people.aggregate(ahead=ahead.coalesce(0), customers=people.count()))
    return found["ahead"] + 1, found["customers"]
