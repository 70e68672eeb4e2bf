"""Put corrections on a computed forecast, inside the engine, whichever number of customers it holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import reduce
from itertools import groupby
from operator import or_
from typing import TYPE_CHECKING, Any

from kezhi.corrections import figures
from kezhi.corrections.choosing import asked, chosen, fields
from kezhi.corrections.facts import Account, Batch, Done, facts
from kezhi.corrections.figures import SUMS, constant
from kezhi.corrections.given import given_rows, spans
from kezhi.corrections.record import FIGURES, Correction
from kezhi.filters import Filter, parse
from kezhi.language import KezhiError, Text
from kezhi.ledger import SUM
from kezhi.valuation.amending import AMOUNT_ENDS, Computed
from kezhi.valuation.company import Spread, company_forecast

if TYPE_CHECKING:
    import ibis.expr.types as ir

KEY = ("customer_id", "step")
MOST_STAGES = 40  # single customers' corrections are told apart up to so many batches, beyond in one sum

NOBODY = Text(
    "Correction {number} changes nothing in this run: its filter chooses no customer.",
    "第 {number} 号修正对本次运行没有影响：其筛选条件没有选中任何客户。",
)
STRANGER = Text(
    "Correction {number} changes nothing in this run: its customer is not among those of the run.",
    "第 {number} 号修正对本次运行没有影响：所指的客户不在本次运行的客户之中。",
)
NOT_ASKED = Text(
    "Correction {number} changes nothing in this run. {reason}", "第 {number} 号修正对本次运行没有影响。{reason}"
)


@dataclass(frozen=True)
class Applied:
    """A forecast with corrections in it: what `valuation.amending.Amended` asks for.

    changed: the periods that were corrected, stored, with their new and old figures. moved: the customers they belong
    to, stored, with the sums over their whole horizon.
    """

    computed: Computed
    changed: ir.Table
    moved: ir.Table

    @property
    def _rows(self) -> ir.Table:
        rows = self.computed.forecast
        names = [name for name in figures.STEP if name in rows.columns]
        return figures.with_twins(rows, self.changed, KEY, names)

    @property
    def forecast(self) -> ir.Table:
        """The rows of forecast.parquet, in its order."""
        return self._rows.order_by(*KEY)

    def customers(self, table: ir.Table) -> ir.Table:
        """The rows of customers.parquet, the highest corrected forecast first."""
        import ibis

        ends = [name for name in (*figures.ENDS, *AMOUNT_ENDS) if f"forecast_{name}" in table.columns]
        touched = table.inner_join(self.moved, "customer_id", rname="{name}_m")
        made = figures.with_twins(
            table, _moved_ends(touched, len(self.computed.steps)), ("customer_id",), [*SUMS, *ends], "forecast_"
        )
        return made.order_by(ibis.desc("forecast_value"), "customer_id")

    def company(self, company: dict[str, Any]) -> dict[str, Any]:
        """The company's forecast with the computed one beside it; its interval widens as the gross profit does."""
        engine, horizon = self.computed.engine, len(self.computed.steps)
        rows = self._rows
        sums = engine.row(rows.aggregate(gross=(rows.amount - rows.cost).sum()))
        before = Decimal(str(company["total"]["amount"])) - Decimal(str(company["total"]["cost"]))
        times = max(float(sums["gross"] / before), 0.0) if before > 0 and sums["gross"] is not None else 1.0
        computed = {name: company[name] for name in ("forecast", "total", "spread")}
        old = Spread(**company["spread"])
        spread = Spread(old.customers * times**2, old.parameters * times**2, old.common)
        future = company_forecast(engine, rows, spread, horizon)
        total = {name: sum(row[name] for row in future) for name in SUMS}
        spread_facts = {"customers": spread.customers, "parameters": spread.parameters, "common": spread.common}
        return company | {
            "forecast": future,
            "total": total | spread.bounds(float(total["value"])),
            "spread": spread_facts,
            "computed": computed,
        }

    @property
    def audit(self) -> ir.Table:
        """One row per customer, period and corrected figure, with what was computed, what stands there now and why.

        customer_id, period, figure, computed, corrected, corrections (their numbers, in order of time).
        """
        import ibis

        parts = [
            self.changed.filter(figures.touched(self.changed, name)).select(
                "customer_id",
                "period",
                figure=ibis.literal(name),
                computed=self.changed[name].cast("float64"),
                corrected=self.changed[f"new_{name}"].cast("float64"),
                corrections=self.changed[f"{name}_by"].strip(),
            )
            for name in FIGURES
        ]
        return ibis.union(*parts).order_by("customer_id", "period", "figure")


def _moved_ends(rows: ir.Table, periods: int) -> ir.Table:
    """The ends of the interval over the horizon, from the sums that were moved; `rows` have old and new ones."""
    import ibis

    apart = f"forecast_{AMOUNT_ENDS[0]}" in rows.columns
    ends = AMOUNT_ENDS if apart else figures.ENDS
    amount: Any = rows.new_amount.cast("float64")
    margin: Any = (1.0 - rows.new_cost.cast("float64") / amount.nullif(constant(0.0))).coalesce(constant(1.0))
    rows = rows.mutate(
        margin_moved=margin,
        **{f"end_{i}": figures.stretch(rows[f"forecast_{e}"], rows.forecast_amount, rows.new_amount)
           for i, e in enumerate(ends)},
    )  # fmt: skip
    values = [
        figures.worth(end, rows.margin_moved, rows.moved_expense.cast("float64"), rows, periods)
        for end in (rows.end_0, rows.end_1)
    ]
    more = {f"new_{name}": rows[f"end_{i}"] for i, name in enumerate(AMOUNT_ENDS)} if apart else {}
    return rows.mutate(new_value_lower=ibis.least(*values), new_value_upper=ibis.greatest(*values), **more)


@dataclass
class Amendment:
    """Corrections on their way into a run: called with what was computed, it keeps what came of it."""

    corrections: tuple[Correction, ...]
    applied: Applied | None = None
    facts: dict[str, Any] | None = None
    warnings: list[dict[str, str]] = field(default_factory=list)

    def __call__(self, computed: Computed) -> Applied | None:
        """The corrected forecast; None where no correction touches it."""
        work = _Work(computed, self._in_reach(computed))
        self.applied = work.applied()
        self.warnings = work.warnings
        self.facts = facts(work.done, work.before, work.after) if self.applied is not None else None
        return self.applied

    def _in_reach(self, computed: Computed) -> list[Correction]:
        return [one for one in self.corrections if spans(one, computed.steps)]


class _Work:
    """One application of corrections, in order of time."""

    def __init__(self, computed: Computed, corrections: Sequence[Correction]) -> None:
        self.computed, self.engine = computed, computed.engine
        self.warnings: list[dict[str, str]] = []
        self.done: list[Done] = []
        self.before = self.after = Account()
        self.filters: dict[int, Filter] = {}
        self.corrections = [one for one in corrections if one.whom != "where" or self._read(one)]

    def _warn(self, code: str, text: Text) -> None:
        self.warnings.append({"code": code, **text.as_dict()})

    def _read(self, one: Correction) -> bool:
        """Whether a correction's filter can be asked; a warning where it cannot."""
        rows = fields(self.computed.customers, self.computed.people)
        try:
            filtered = parse(one.chosen)
            chosen(rows, filtered)
        except KezhiError as error:
            en, zh = error.text.en, error.text.zh
            said = Text(
                NOT_ASKED.en.format(number=one.number, reason=en), NOT_ASKED.zh.format(number=one.number, reason=zh)
            )
            self._warn("correction_unreadable", said)
            return False
        self.filters[one.number] = filtered
        return True

    def applied(self) -> Applied | None:
        """Stage after stage: each stores what it leaves, so that its effect on the total can be told."""
        if not self.corrections:
            return None
        state = self._scope()
        self._account(state)
        for corrections in self._stages():
            state = self._stage(state, corrections)
        if not any(one.rows for one in self.done):
            return None
        names = [name for name in figures.STEP if name in self.computed.forecast.columns]
        made = figures.corrected(state)
        by: Any = made.amount_by.concat(made.margin_by, made.expense_by)
        kept = [*KEY, "period", *names, *(f"new_{name}" for name in names), *(f"{name}_by" for name in FIGURES)]
        changed = self.engine.store(
            made.select(*kept, "moved_expense", corrections=by.strip()).filter(lambda t: t.corrections != "")
        )
        return Applied(self.computed, changed, self._moved(changed))

    # --- which periods ------------------------------------------------------------------------------------

    def _scope(self) -> ir.Table:
        """The periods that some correction speaks of, stored, with what is needed to correct them."""
        import ibis

        rows = self._with_whom(self.computed.forecast)
        general = [one for one in self.corrections if one.whom != "customer"]
        single = [one for one in self.corrections if one.whom == "customer"]
        listed = self.engine.table(given_rows(single, self.computed.steps)).select(*KEY) if single else None
        if listed is not None and not general:
            rows = rows.semi_join(listed, list(KEY))
        elif listed is not None:
            rows = rows.left_join(listed.mutate(listed=ibis.literal(True)), list(KEY), rname="{name}_l")
        if general:
            several = [self._speaks(rows, one) for one in general]
            rows = rows.filter(reduce(or_, [*several, *([rows.listed.fill_null(False)] if single else [])]))
        names = [name for name in figures.STEP if name in rows.columns]
        whom = [name for name in rows.columns if name.startswith("who_")]
        start = {f"{name}_slope": constant(1.0) for name in FIGURES} | {
            f"{name}_height": constant(0.0) for name in FIGURES
        }
        rows = rows.select(*KEY, "period", *names, *whom)
        rows = rows.join(self.computed.terms, "customer_id")
        return self.engine.store(rows.mutate(**start, **{f"{name}_by": ibis.literal("") for name in FIGURES}))

    def _with_whom(self, rows: ir.Table) -> ir.Table:
        """Forecast rows with a column who_N for every filter, true where it chooses the customer."""
        if not self.filters:
            return rows
        people = asked(fields(self.computed.customers, self.computed.people), self.filters.values())
        flags = {f"who_{number}": chosen(people, one) for number, one in self.filters.items()}
        return rows.join(self.engine.store(people.select("customer_id", **flags)), "customer_id")

    def _speaks(self, rows: ir.Table, one: Correction) -> Any:
        """Whether a correction by filter, or of all, speaks of a period."""
        within: Any = rows.step.isin(spans(one, self.computed.steps))
        return rows[f"who_{one.number}"] & within if one.whom == "where" else within

    # --- stage by stage -----------------------------------------------------------------------------------

    def _stages(self) -> list[list[Correction]]:
        """Corrections in order of time: each filter by itself, single customers' by what was written in one go."""
        finely = self._grouped(
            lambda one: (one.whom == "customer", one.batch if one.whom == "customer" else one.number)
        )
        if len(finely) <= MOST_STAGES:
            return finely
        return self._grouped(lambda one: (one.whom == "customer", "" if one.whom == "customer" else one.number))

    def _grouped(self, key: Any) -> list[list[Correction]]:
        return [list(several) for _, several in groupby(self.corrections, key)]

    def _stage(self, state: ir.Table, corrections: list[Correction]) -> ir.Table:
        single = corrections[0].whom == "customer"
        made = self._listed(state, corrections) if single else self._chosen(state, corrections[0])
        stored = self.engine.store(made)
        touched = self._touched_by_customer(corrections) if single else self._touched(stored, corrections[0])
        earlier = self.after
        self._account(stored)
        self.engine.forget(state)
        batch = Batch(earlier, self.after)
        for one in corrections:
            rows, people = touched.get(one.number, (0, 0))
            self.done.append(Done(one, rows, people, batch))
            if not rows:
                self._warn(
                    "correction_unknown_customer" if single else "correction_nobody",
                    (STRANGER if single else NOBODY).fill(number=one.number),
                )
        return stored

    def _chosen(self, state: ir.Table, one: Correction) -> ir.Table:
        """The state after a correction by filter, or of all."""
        import ibis

        here, name = self._speaks(state, one), one.change.figure
        slope, height = (constant(value) for value in one.change.line)
        factor = ibis.ifelse(here, slope, constant(1.0))
        before = ibis.literal("") if one.change.how == "set" else state[f"{name}_by"]
        return state.mutate(
            **{
                f"{name}_slope": factor * state[f"{name}_slope"],
                f"{name}_height": factor * state[f"{name}_height"] + ibis.ifelse(here, height, constant(0.0)),
                f"{name}_by": ibis.ifelse(here, before.concat(f"{one.number} "), state[f"{name}_by"]),
            }
        )

    def _listed(self, state: ir.Table, corrections: list[Correction]) -> ir.Table:
        """The state after corrections of single customers, which are joined as one table."""
        import ibis

        given = self.engine.table(given_rows(corrections, self.computed.steps))
        both = state.left_join(given, list(KEY), rname="{name}_given")
        new: dict[str, Any] = {}
        for name in FIGURES:
            factor = both[f"{name}_times"].coalesce(constant(1.0))
            new[f"{name}_slope"] = factor * both[f"{name}_slope"]
            new[f"{name}_height"] = factor * both[f"{name}_height"] + both[f"{name}_plus"].coalesce(constant(0.0))
            before = ibis.ifelse(both[f"{name}_anew"].fill_null(False), ibis.literal(""), both[f"{name}_by"])
            new[f"{name}_by"] = before.concat(both[f"{name}_numbers"].coalesce(""))
        return both.select(**{name: new.get(name, both[name]) for name in state.columns})

    def _touched(self, state: ir.Table, one: Correction) -> dict[int, tuple[int, int]]:
        here = self._speaks(state, one)
        found = self.engine.row(
            state.filter(here).aggregate(rows=lambda t: t.count(), people=lambda t: t.customer_id.nunique())
        )
        return {one.number: (found["rows"], found["people"])}

    def _touched_by_customer(self, corrections: list[Correction]) -> dict[int, tuple[int, int]]:
        given = given_rows(corrections, self.computed.steps, several=True)
        rows = self.computed.forecast.select(*KEY).join(self.engine.table(given), list(KEY))
        counted = rows.group_by("number").aggregate(rows=rows.count())
        return {row["number"]: (row["rows"], 1) for row in self.engine.fetch(counted).to_pylist()}

    def _account(self, state: ir.Table) -> None:
        """What the company may expect as things stand now; the first time also what was computed."""
        rows = self.computed.forecast
        if not self.done:
            total = self.engine.row(rows.aggregate(**{name: rows[name].sum() for name in SUMS}))
            self.before = self.after = Account(*(total[name] or Decimal(0) for name in SUMS))
        made = figures.corrected(state)
        moved = {name: (made[f"new_{name}"] - made[name]).cast("decimal(38, 4)").sum() for name in SUMS}
        found = self.engine.row(made.aggregate(**moved))
        self.after = self.before.plus(*(found[name] or Decimal(0) for name in SUMS))

    def _moved(self, changed: ir.Table) -> ir.Table:
        """The customers whose periods were changed, with their sums over the horizon."""
        import ibis

        people = changed.select("customer_id").distinct()
        rows = self.computed.forecast.select(*KEY, *SUMS).semi_join(people, "customer_id")
        both = rows.left_join(changed.drop(*SUMS), list(KEY), rname="{name}_c")
        zero = ibis.literal(0).cast(SUM)
        sums = both.group_by("customer_id").aggregate(
            **{f"new_{name}": both[f"new_{name}"].coalesce(both[name]).sum().cast(SUM) for name in SUMS},
            moved_expense=both.moved_expense.coalesce(zero).sum().cast(SUM),
        )
        return self.engine.store(sums.join(self.computed.terms, "customer_id"))
