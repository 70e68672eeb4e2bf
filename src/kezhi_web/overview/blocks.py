"""The small blocks of the overview, from worth.json and the run's tables."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any

from django.db.models import Count, Max
from django.utils import timezone

from kezhi.language import Text
from kezhi.reports.json_values import day, money
from kezhi_web.alerts import listing
from kezhi_web.alerts.models import Step
from kezhi_web.groups.lists import Cell, cell, counted_by, is_code, moved
from kezhi_web.groups.views import order_of
from kezhi_web.shown import Rows, Shown
from kezhi_web.shown.linking import customer_page

CALLS = 5
QUIET = "idle_periods >= 2"  # as a filter of the customers list, and in SQL


@dataclass(frozen=True)
class Tier:
    """A tier: whom it holds, what they bring, and how many rose or fell into it since the run before."""

    name: Text
    count: Cell
    share: float | None  # of the forecast
    value: Decimal
    forecast: Decimal
    risen: int | None
    fallen: int | None

    @property
    def width(self) -> int:
        """The share as the length of a bar, 0 to 100."""
        return round(100 * min(max(self.share or 0.0, 0.0), 1.0))


@dataclass(frozen=True)
class Moved:
    """Who rose and fell since the run before, and what that does to the forecast."""

    since: Any
    risen: Cell | None
    fallen: Cell | None
    new: Cell | None
    gained: Decimal | None
    lost: Decimal | None

    @property
    def net(self) -> Decimal | None:
        """Gained less lost."""
        return None if self.gained is None or self.lost is None else self.gained + self.lost


@dataclass(frozen=True)
class Call:
    """A customer to call: why, and what is expected to be lost otherwise."""

    customer_id: str
    name: str | None
    url: str
    cause: Text
    why: Text
    loss: Decimal


def tiers(rows: Rows, run: Shown, asked: str | None) -> list[Tier]:
    """The tiers with their lists, the best first; counted among the customers that the person may see."""
    facts = run.worth.get("tiers") or {}
    if not facts or "tier" not in rows.columns("customers"):
        return []
    counts = {code: row for (code,), row in counted_by(rows, "tier").items()}
    whole = sum((row["forecast"] or Decimal(0) for row in counts.values()), Decimal(0))
    none = {"customers": 0, "value": Decimal(0), "forecast": Decimal(0)}
    known = facts.get("previous") is not None and rows.owner is None
    found = []
    for one in facts.get("tiers", ()):
        row = counts.get(one["tier"], none)
        found.append(
            Tier(
                Text(one["name"]["en"], one["name"]["zh"]),
                cell(row["customers"], is_code("tier", one["tier"]), asked),
                float(row["forecast"] / whole) if whole > 0 else None,
                row["value"],
                row["forecast"],
                one.get("risen", 0) if known else None,
                one.get("fallen", 0) if known else None,
            )
        )
    return found


def movement(rows: Rows, run: Shown, asked: str | None) -> Moved | None:
    """Who rose and who fell; None where no earlier run recorded tiers."""
    facts = (run.worth.get("tiers") or {}).get("previous")
    matrix = moved(rows, "tier", order_of(run.worth, "tier"), asked) if facts else None
    if not facts or matrix is None:
        return None
    new = next((line.whole for line in matrix.lines if line.whole.query == "tier_previous is empty"), None)
    gained, lost = _gained(run, "up"), _gained(run, "down")
    if rows.owner is not None:  # the company's money is nobody else's
        gained = lost = None
    return Moved(day(facts.get("as_of")), matrix.risen, matrix.fallen, new, gained, lost)


def _gained(run: Shown, move: str) -> Decimal | None:
    """How the forecast of those who made a move has changed."""
    matrices = (run.worth.get("movement") or {}).get("matrices") or ()
    for matrix in matrices:
        if (matrix["source"], matrix["by"]) != ("runs", "tier"):
            continue
        for one in matrix["moves"]:
            now, then = money(one.get("forecast_value")), money(one.get("forecast_before"))
            if one["move"] == move and now is not None and then is not None:
                return now - then
    return None


@dataclass(frozen=True)
class Calls:
    """Whom to call first, and how many need a call in all."""

    first: tuple[Call, ...]
    customers: int
    loss: Decimal


def calls(rows: Rows, run: Shown) -> Calls | None:
    """The head of the list of alerts, as it stands now; None where the run looked for no alerts.

    Asked of that list itself: what somebody has closed or put off since the run is to do no longer.
    """
    if not run.has("alerts"):
        return None
    done = Step.objects.aggregate(steps=Count("id"), last=Max("id"))  # everything that is done leaves a step
    return _calls(rows, run.stamp, (done["steps"], done["last"]), timezone.localdate())


@lru_cache(maxsize=64)
def _calls(rows: Rows, stamp: int, done: tuple[int, int | None], today: date) -> Calls:  # noqa: ARG001  when to look again
    found = listing.read(rows, listing.Asked())
    return Calls(tuple(_call(one) for one in found.customers[:CALLS]), found.number, found.loss)


def _call(one: dict[str, Any]) -> Call:
    first = one["alerts"][0]
    return Call(
        one["customer_id"], one["name"], customer_page(one["customer_id"]), first["named"], first["why"], one["loss"]
    )


@dataclass(frozen=True)
class Own:
    """A salesperson's customers together."""

    customers: int
    value: Decimal
    forecast: Decimal
    quiet: int


def own(rows: Rows) -> Own:
    """What the person's own customers brought, and should bring."""
    return _own(rows, rows.run.stamp)


@lru_cache(maxsize=64)
def _own(rows: Rows, stamp: int) -> Own:  # noqa: ARG001  as above
    found = rows.row(
        "select count(*) as customers, sum(value) as value, sum(forecast_value) as forecast, "
        f"count(*) filter ({QUIET}) as quiet from {rows.table('customers')}"
    )
    nothing = Decimal(0)
    return Own(found["customers"], found["value"] or nothing, found["forecast"] or nothing, found["quiet"])
