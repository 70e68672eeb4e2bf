"""What a sense of worth is measured from, and what it leaves."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from kezhi.engine import Ahead, Engine
from kezhi.language import Text
from kezhi.ledger import Book, Calendar, Ledger
from kezhi.settings import Settings
from kezhi.valuation import Columns, Forecasted, with_more
from kezhi.worth.beginnings import Beginnings, beginnings_of
from kezhi.worth.costs import Costs, costs_of
from kezhi.worth.forest import Forest, grow

if TYPE_CHECKING:
    import ibis.expr.types as ir


FIGURES = (
    *("customer", "customer_id", "first_purchase", "last_purchase", "tenure_days", "purchases", "active_periods"),
    *("idle_periods", "amount", "cost", "expense", "value", "p_alive", "expected_purchases"),
    *("forecast_amount", "forecast_expense", "forecast_value"),
)


def day_of(run: Path) -> date:
    """The last day that counted in a finished run."""
    return date.fromisoformat(json.loads((run / "manifest.json").read_text(encoding="utf-8"))["as_of"])


@dataclass(frozen=True)
class Early:
    """A company whose accounts are made, and whose customers are still to be forecast.

    book: its accepted rows, as far as they were known at `as_of`. ledger: accounts by customer and period, by the
    engine's key. earlier: the workspace's older runs, oldest first; none where the files were given by hand. begun:
    tables that topics have asked for ahead, by name, see `Topic`.
    """

    book: Book
    ledger: Ledger
    settings: Settings
    earlier: tuple[Path, ...] = ()
    begun: dict[str, Ahead] = field(default_factory=dict)

    @property
    def engine(self) -> Engine:
        """Where the tables are."""
        return self.ledger.engine

    @property
    def calendar(self) -> Calendar:
        """The company's periods."""
        return self.ledger.calendar

    @property
    def as_of(self) -> date:
        """The last day that counts."""
        return self.ledger.as_of

    @cached_property
    def _dated(self) -> tuple[tuple[date, Path], ...]:
        days = [(day_of(run), place, run) for place, run in enumerate(self.earlier)]
        return tuple((day, run) for day, _, run in sorted(days, reverse=True) if day <= self.as_of)

    @cached_property
    def past(self) -> tuple[Path, ...]:
        """The earlier runs of this day or earlier ones, the last day first; of the same day the newest first.

        For what goes on from run to run, such as open alerts and the day since which a tier holds.
        """
        return tuple(run for _, run in self._dated)

    @property
    def latest(self) -> Path | None:
        """What was found last: the first of `past`."""
        return next(iter(self.past), None)

    @cached_property
    def days_before(self) -> tuple[Path, ...]:
        """Those of `past` that are of an earlier day."""
        return tuple(run for day, run in self._dated if day < self.as_of)

    @cached_property
    def comparable(self) -> tuple[Path, ...]:
        """Earlier runs by which to tell what has changed, the best first.

        Those of earlier periods than this run's, the newest first: whoever runs every night would compare with
        yesterday, and never see what moves slowly. Then those of earlier days of the same period, the oldest first.
        """
        period = self.calendar.number(self.as_of)
        other = [run for day, run in self._dated if self.calendar.number(day) < period]
        same = {day: run for day, run in reversed(self._dated) if self.calendar.number(day) == period}
        return (*other, *(run for day, run in same.items() if day < self.as_of))

    @cached_property
    def before(self) -> Path | None:
        """The run with which this one is compared, to say what customers were then: the first of `comparable`."""
        return next(iter(self.comparable), None)

    def recorded(self, run: Path, name: str, columns: Collection[str] = ()) -> ir.Table | None:
        """A table that an earlier run wrote; None where it is missing, damaged, or lacks one of these columns."""
        try:
            rows = self.engine.read_parquet(run / name)
            return rows if set(columns) <= set(rows.columns) else None
        except Exception:  # an engine says in its own way that a file is missing or damaged
            return None


@dataclass(frozen=True)
class Work(Early):
    """A company whose customers are forecast, and where what is found may be written.

    found: what the topics before this one found.
    """

    forecasted: Forecasted = field(kw_only=True)
    found: dict[str, Found] = field(default_factory=dict)

    @classmethod
    def of(cls, known: Early, forecasted: Forecasted) -> Self:
        """The same company, forecast."""
        return cls(known.book, known.ledger, known.settings, known.earlier, known.begun, forecasted=forecasted)

    def asked_ahead(self, name: str, rows: Callable[[], ir.Table]) -> ir.Table:
        """A table that was asked for ahead under this name, stored; else what these rows are, stored now."""
        begun = self.begun.pop(name, None)
        return self.engine.store(rows()) if begun is None else begun.ready()

    @property
    def folder(self) -> Path:
        """The run folder, still unfinished."""
        return self.forecasted.folder

    @property
    def forecast(self) -> ir.Table:
        """The rows of forecast.parquet."""
        return self.forecasted.forecast

    @cached_property
    def customers(self) -> ir.Table:
        """One row per customer, not stored: take the columns you need.

        customer (the engine's key), customer_id, the ledger's statistics (first_purchase, last_purchase, purchases,
        amount, cost, expense, idle_periods, tenure_days, ...), value, p_alive, expected_purchases, forecast_amount,
        forecast_cost, forecast_expense, forecast_value.
        """
        rows = self.forecasted.rows
        value: Any = rows.amount - rows.cost - rows.expense
        return rows.mutate(value=value.cast("decimal(38, 4)").cast("decimal(28, 4)"))

    @cached_property
    def figures(self) -> ir.Table:
        """`customers` stored, in the columns by which customers are put into groups (FIGURES), one row each."""
        return self.engine.store(self.customers.select(*FIGURES))

    def with_found(self, *names: str) -> ir.Table:
        """`figures` with more columns that a topic found, such as lifetime_value or points; not stored.

        A name of FIGURES is there already; one that nothing found is absent from the table.
        """
        rows = self.figures
        for one in self.found.values():
            more = [] if one.columns is None else [name for name in one.columns.otherwise if name in names]
            if one.columns is not None and more:
                rows = with_more(rows, one.columns, more)
        return rows

    @cached_property
    def written(self) -> ir.Table:
        """The finished customers.parquet; only for topics that are measured after it."""
        return self.engine.read_parquet(self.folder / "customers.parquet")

    @cached_property
    def costs(self) -> Costs | None:
        """What it cost to acquire, reach, sell to, serve and keep each customer; None where the data says nothing."""
        return costs_of(self.book, self.ledger)

    @cached_property
    def beginnings(self) -> Beginnings:
        """The period in which each customer began, and their region, role and source."""
        return beginnings_of(self.book, self.ledger)

    @cached_property
    def lives(self) -> ir.Table:
        """Lifetime values, stored: customer, residual_value, lifetime_value, ..., see `lifetime.lives_of`."""
        from kezhi.worth.lifetime import lives_of  # it needs this module

        return lives_of(self)

    @cached_property
    def forest(self) -> Forest | None:
        """Who sent whom, and what comes together below each; None where no customer has a referrer."""
        return grow(self)


@dataclass(frozen=True)
class Found:
    """What one topic found.

    facts: the company's figures of it, plain data for worth.json. columns: more columns of customers.parquet.
    warnings: code and sentence of what is wrong with its data; the run goes on.
    """

    facts: dict[str, Any] = field(default_factory=dict)
    columns: Columns | None = None
    warnings: tuple[tuple[str, Text], ...] = ()


@dataclass(frozen=True)
class Topic:
    """One sense of worth: its name in worth.json, and how it is measured; None where the data holds nothing of it.

    ahead: tables that it will ask for (`Work.asked_ahead`) and that need no forecast. They are made while the models
    are fitted, which keeps one processor busy.
    """

    name: str
    measured: Callable[[Work], Found | None]
    ahead: Callable[[Early], Mapping[str, ir.Table]] | None = None


@dataclass(frozen=True)
class Worth:
    """All that was found, by topic."""

    found: dict[str, Found]

    @property
    def facts(self) -> dict[str, Any]:
        """The content of worth.json."""
        return {name: one.facts for name, one in self.found.items() if one.facts}

    @property
    def columns(self) -> tuple[Columns, ...]:
        """More columns of customers.parquet."""
        return tuple(one.columns for one in self.found.values() if one.columns is not None)

    @property
    def warnings(self) -> Iterator[dict[str, str]]:
        """As the manifest keeps them."""
        for one in self.found.values():
            for code, text in one.warnings:
                yield {"code": code, **text.as_dict()}
