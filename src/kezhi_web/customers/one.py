"""Everything known of one customer, read by their id from a run's files and the workspace's book.

The same facts as `kezhi.customer`, which opens a table engine each time and so takes longer than a page may; a test
compares both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from kezhi.assessments import Assessment, assessments
from kezhi.language import KezhiError, Text
from kezhi.one_history import FIGURES, MOST, Standing
from kezhi.reports.customer_value import Basis
from kezhi.settings import Settings, read_settings
from kezhi.settings.rfm import Rfm
from kezhi.settings.scoring import rules_of
from kezhi.workspace import MANIFEST
from kezhi.worth.layers import rules_of_a_run, title_of
from kezhi.worth.point_words import rule_words, source_words
from kezhi_web.customers import store
from kezhi_web.customers.book import BookOf
from kezhi_web.customers.fields import Fields, fields_of
from kezhi_web.shown import Rows, Shown
from kezhi_web.shown.rows import quoted
from kezhi_web.shown.run import workspace


@dataclass(frozen=True)
class PointsPart:
    """One term of a customer's points: what was counted, by which rule, and the points."""

    term: str
    text: Text
    rule: Text
    quantity: Decimal
    records: int
    points: Decimal


class Account:
    """One customer, as far as a person may see them; nothing of it may be shown where `worth` is empty."""

    def __init__(self, rows: Rows, customer_id: str) -> None:
        self.seen_as = rows  # for other customers whom this one has to do with
        self.rows = replace(rows, owner=None)  # this one may be seen: asking again in every table takes time
        self.customer_id = customer_id
        self.book = BookOf(rows, customer_id)

    @property
    def run(self) -> Shown:
        """The run that is shown."""
        return self.rows.run

    def all_of(self, table: str, order: str = "") -> list[dict[str, Any]]:
        """The customer's rows of one of the run's tables; none where there is no such table."""
        if "customer_id" not in self.rows.columns(table):
            return []
        ordered = f" order by {order}" if order else ""
        return self.rows.ask(
            f"select * from {self.rows.table(table)} where customer_id = ?{ordered}", [self.customer_id]
        )

    def one_of(self, table: str) -> dict[str, Any]:
        """The customer's only row of a table; empty where there is none."""
        found = self.all_of(table)
        return found[0] if found else {}

    @cached_property
    def worth(self) -> dict[str, Any]:
        """The row of customers.parquet; empty where there is no such customer, or not for this person."""
        return store.row_of(self.seen_as, self.customer_id)

    @cached_property
    def risk(self) -> dict[str, Any]:
        """The row of risk.parquet."""
        return self.one_of("risk")

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What the book's customer table says of them now."""
        return self.book.facts()

    @cached_property
    def name(self) -> str:
        """Their name, where it is known and may be seen; else empty."""
        return str(self.worth.get("name") or self.facts.get("name") or "")

    @cached_property
    def fields(self) -> Fields:
        """How the fields of customers are called and written."""
        return fields_of(self.rows)

    @cached_property
    def forecast(self) -> list[dict[str, Any]]:
        """The rows of forecast.parquet, the next period first."""
        return self.all_of("forecast", "step")

    @cached_property
    def periods(self) -> list[dict[str, Any]]:
        """The rows of periods.parquet, the oldest first."""
        return self.all_of("periods", "period")

    @cached_property
    def ranking(self) -> dict[str, Any]:
        """The row of rankings.parquet."""
        return self.one_of("rankings")

    @cached_property
    def alerts(self) -> list[dict[str, Any]]:
        """Open alerts, those that cost most first."""
        found = [row for row in self.all_of("alerts") if row.get("state") == "open"]
        return sorted(found, key=lambda row: (row.get("rank") is None, row.get("rank") or 0, row["cause"]))

    @cached_property
    def needs(self) -> list[dict[str, Any]]:
        """Products they may need next, the likeliest worth first."""
        return self.all_of("needs", "rank")

    @cached_property
    def segments(self) -> list[str]:
        """The saved segments that the run put them in."""
        return sorted(row["segment"] for row in self.all_of("segments"))

    @cached_property
    def referral(self) -> dict[str, Any]:
        """Who sent them, whom they sent and what that was worth; empty where the run knows of no referral."""
        return self.one_of("referrals")

    @cached_property
    def opinions(self) -> tuple[Assessment, ...]:
        """What people think of them."""
        return tuple(assessments(workspace().folder, self.customer_id))

    @cached_property
    def settings(self) -> Settings:
        """What the run was made with."""
        known = self.run.manifest.get("settings") or {}
        try:
            return read_settings({name: value for name, value in known.items() if name in Settings.model_fields})
        except KezhiError:  # of another version
            return Settings()

    @property
    def basis(self) -> Basis:
        """Which costs the run takes off, and why not."""
        said = ("cost_known", "expense_known", "subtract_cost", "subtract_expense")
        return Basis(*(bool(self.run.manifest.get(name, True)) for name in said))

    @cached_property
    def points(self) -> list[PointsPart]:
        """The parts of their points, as the run counted them."""
        counted = {row["term"]: row for row in self.all_of("points")}
        return [
            PointsPart(
                rule.name,
                source_words(rule),
                rule_words(rule),
                counted[rule.name]["quantity"],
                int(counted[rule.name]["records"]),
                counted[rule.name]["points"],
            )
            for rule in rules_of(self.settings.points)
            if rule.name in counted
        ]

    @cached_property
    def corrected(self) -> list[dict[str, Any]]:
        """Their corrected figures, by period."""
        return self.all_of("corrections", "period, figure")

    # --- over the runs ---

    def standings(self, most: int = MOST) -> list[Standing]:
        """How each run saw them up to the one shown, the oldest first; of several runs of a day the newest."""
        by_day: dict[date, Path] = {}
        for run in (*workspace().complete_runs(), self.run.folder):
            day = _day(run)
            if day is not None and day <= self.run.as_of and (run / "customers.parquet").exists():
                by_day[day] = run
        found = (self._standing(by_day[day], day) for day in sorted(by_day)[-most:])
        return [one for one in found if one is not None]

    def _standing(self, folder: Path, day: date) -> Standing | None:
        rows = replace(self.rows, run=_run_at(folder))
        columns = rows.columns("customers")
        if "customer_id" not in columns:
            return None
        wanted = ", ".join(quoted(name) for name in FIGURES if name in columns)
        people = rows.table("customers")
        found = rows.ask(f"select {wanted} from {people} where customer_id = ?", [self.customer_id])
        if not found:
            return None
        row = {name: found[0].get(name) for name in FIGURES}
        rank, customers = _place(rows, people, row["forecast_value"])
        tier, kind = row["tier"], row["rfm_segment"]
        return Standing(
            folder.name,
            day,
            **row,
            tier_name=None if tier is None else title_of(tier, rules_of_a_run(folder)),
            rfm_name=None if kind is None else _rfm_titles(folder).get(kind) or Text(kind, kind),
            rank=rank,
            customers=customers,
        )


def _place(rows: Rows, people: str, value: Any) -> tuple[int | None, int | None]:
    """Place by forecast value, equals alike, and how many customers there were."""
    if value is None:
        return None, None
    found = rows.row(
        "select count(*) filter (forecast_value > cast(? as decimal(28, 4))) as ahead, count(*) as customers "
        f"from {people}",
        [str(value)],
    )
    return found["ahead"] + 1, found["customers"]


def _day(run: Path) -> date | None:
    try:
        return date.fromisoformat(_run_at(run).manifest["as_of"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _run_at(folder: Path) -> Shown:
    return _kept(folder, (folder / MANIFEST).stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _kept(folder: Path, stamp: int) -> Shown:
    """A run with its manifest, which is read once."""
    return Shown(folder.name, folder, stamp)


def _rfm_titles(run: Path) -> Mapping[str, Text]:
    """What that run called its RFM classes."""
    try:
        return Rfm.model_validate((_run_at(run).manifest.get("settings") or {}).get("rfm") or {}).titles
    except (OSError, ValueError, KezhiError):
        return {}
