"""Tiers of customers (T02), how unequal value is (T01), metals (T03), tags (T05), and core customers (T14).

With n customers, ranked by the value chosen (equals in the order of customers, places from 0):

    tier       vip while place < 1 % of n, large while < 5 %, ordinary while < 20 %, else small; with fixed limits: the
               first tier whose limit is reached. By share, whoever has nothing above 0 is small.
    low        profit so far <= 0, or profit / purchases < 50 % of the company's; large volume: purchases above 0 and at
               least the median. Low is iron with large volume and lead without; the others are platinum among the best
               20 % by profit, else gold.
    value_tag  high among the best 20 % by profit so far, middle among the next 30 %, both above 0; else low.
    potential  low, but above 0 and among the best 20 % by forecast.
               Here the best 20 % are those who reach the 80 % quantile: equals together.
    core       the values of all before add up to less than 80 % of the whole: the shortest list that brings so much.

All percentages are settings, see `kezhi.settings.tiers`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_CEILING, Decimal
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kezhi.language import Text
from kezhi.ledger import SUM
from kezhi.segments.tags import by_hand
from kezhi.segments.tier_facts import facts_of
from kezhi.segments.value_classes import BASES, METALS, VALUE_TAGS
from kezhi.settings.tiers import TIERS, WHOLE, Tiers, millionths
from kezhi.valuation import Columns, looked_up, packed, place_of
from kezhi.worth import Found, Work
from kezhi.worth.layers import place_at
from kezhi.worth.work import day_of

if TYPE_CHECKING:
    import ibis.expr.types as ir

FILE = "core.parquet"
COLUMNS = ("tier", "tier_previous", "tier_since", "value_class", "value_tag", "potential", "core")
WORDS = {"tier": TIERS, "tier_previous": TIERS, "value_class": METALS, "value_tag": VALUE_TAGS}
POINTS = 100  # of the curve
TOTAL = "decimal(38, 4)"
_SUMMED = ("amount", "value", "forecast_value", "basis")
NOT_MEASURED = Text(
    "The tiers were to be by {asked}, which this run did not measure; they are by {used} instead. Import what it "
    "needs, or choose another value with 'by' under [tiers] in kezhi.toml.",
    "设置要求按{asked}分层，但本次运行没有算出该值，因此改按{used}分层。请导入所需数据，"
    "或在 kezhi.toml 的 [tiers] 中用 by 另选一种价值。",
)
NOBODY = Text(
    "The tiers were to be by {asked}, of which no customer has any above 0; they are by {used} instead.",
    "设置要求按{asked}分层，但没有一位客户的该值大于 0，因此改按{used}分层。",
)


@dataclass(frozen=True)
class Cuts:
    """From which profit so far and which forecast on a customer is among the best; None: nobody is."""

    high: float | None
    middle: float | None
    platinum: float | None
    expected: float | None


@dataclass(frozen=True)
class Whole:
    """The company: its customers, sums by name, the middle customer's purchases, and what the tiers are by."""

    by: str
    customers: int
    sums: dict[str, Decimal]
    median: float
    profit_known: bool
    cuts: Cuts

    @cached_property
    def margin(self) -> float:
        """What is left of purchases, as a share of them; 0 where nothing is."""
        amount = self.sums["amount"]
        return max(float(self.sums["value"] / amount), 0.0) if amount > 0 else 0.0


@dataclass(frozen=True)
class Before:
    """Earlier runs that recorded tiers.

    as_of, same_rules, rows: the one that is compared with (see `Work.comparable`), whether it made them by today's
    rules, and who was where. last_as_of, last: that of the last earlier day, from which dates go on; often the same.
    """

    as_of: date
    same_rules: bool
    rows: ir.Table
    last_as_of: date
    last: ir.Table


def measured(work: Work) -> Found:
    """Put every customer into a tier and the groups beside it; write core.parquet."""
    rules = work.settings.tiers
    whole, warnings = _whole(work, rules)
    before = before_of(work)
    people = work.engine.store(_grouped(_places(_valued(work, whole.by)), work, rules, whole, before))
    with work.engine.meanwhile(_core(work, people, whole, before), work.folder / FILE):
        facts = facts_of(
            rules,
            whole,
            groups=[_named(row) for row in work.engine.fetch(_sums(people)).to_pylist()],
            curve=work.engine.fetch(_curve(people, whole.customers)).to_pylist(),
            before=before,
            tags=by_hand(work),
        )
        # most of what was needed to put them together is not asked again
        places = packed({name: people[name] for name in WORDS}, WORDS)
        kept = work.engine.store(people.select("customer", "tier_since", "potential", "core", **places))
    work.engine.forget(people)
    return Found(facts, Columns(kept, dict.fromkeys(COLUMNS), WORDS), warnings)


# --- what they are by -------------------------------------------------------------------------------------


def _valued(work: Work, by: str) -> ir.Table:
    """One row per customer with what all groups are made of; `basis` is what the tiers are by."""
    import ibis

    rows = work.with_found(by)
    nothing = ibis.literal(0).cast(SUM)
    return rows.select(
        "customer",
        "customer_id",
        *(rows[name].cast(SUM).coalesce(nothing).name(name) for name in ("amount", "value", "forecast_value")),
        basis=rows[by].cast(SUM).coalesce(nothing),
    )


def _whole(work: Work, rules: Tiers) -> tuple[Whole, tuple[tuple[str, Text], ...]]:
    """The company's sums, by whichever value the tiers can be made by, and a warning where it is another one."""
    asked = rules.by if rules.by in work.with_found(rules.by).columns else None
    # what nobody has any of makes no order: the next best is taken
    choices = list(dict.fromkeys(name for name in (asked, "forecast_value", "value") if name))
    rows = work.with_found(*choices)
    names = list(dict.fromkeys((*choices, "amount")))
    high, middle, _ = millionths(rules.tags)
    platinum = millionths((rules.platinum,))[0]
    levels = {"value": [_level(high), _level(middle), _level(platinum)], "forecast_value": [_level(high)]}
    found = work.engine.row(
        rows.aggregate(
            customers=rows.count(),
            median=rows.amount.cast("float64").median(),
            **{f"from_{name}": rows[name].cast("float64").quantile(some) for name, some in levels.items()},
            **{f"sum_{name}": rows[name].cast(SUM).sum().cast(TOTAL) for name in names},
            **{f"some_{name}": rows.count(where=rows[name] > 0) for name in choices},
        )
    )
    by = next((name for name in choices if found[f"some_{name}"]), choices[0])
    if rules.limits is not None and asked:
        by = asked  # fixed limits need no order
    sums = {name: found[f"sum_{name}"] or Decimal(0) for name in names}
    profit_known = work.book.cost_known or work.book.expenses is not None
    reached = [*(found["from_value"] or [None] * 3), *(found["from_forecast_value"] or [None])]
    least = [cut if part else None for cut, part in zip(reached, (high, middle, platinum, high), strict=True)]
    whole = Whole(
        by, int(found["customers"]), sums | {"basis": sums[by]}, found["median"] or 0.0, profit_known, Cuts(*least)
    )
    return whole, () if by == rules.by else (_other_value(rules.by, by, there=asked is not None),)


def _other_value(asked: str, used: str, *, there: bool) -> tuple[str, Text]:
    """That the tiers are by another value than the settings ask for."""
    code, text = ("tiers_nobody", NOBODY) if there else ("tiers_not_measured", NOT_MEASURED)
    one, other = BASES[asked], BASES[used]
    return code, Text(text.en.format(asked=one.en, used=other.en), text.zh.format(asked=one.zh, used=other.zh))


def _level(part: int | Decimal) -> float:
    """The quantile that the best `part` of a million reach."""
    return float((WHOLE - part) / WHOLE)


# --- one row per customer ---------------------------------------------------------------------------------


def _places(rows: ir.Table) -> ir.Table:
    """Rows with their places, and with what all before them bring together."""
    import ibis

    order: list[Any] = [ibis.desc(rows.basis), rows.customer]
    before = ibis.window(order_by=order, rows=(None, -1))
    return rows.mutate(
        place=ibis.row_number().over(order_by=order),
        brought_before=rows.basis.sum().over(before).cast(TOTAL),
    )


def _grouped(rows: ir.Table, work: Work, rules: Tiers, whole: Whole, before: Before | None) -> ir.Table:
    """customer, place, the sums, and COLUMNS, those of WORDS as places: codes take longer to keep, and so do ids.

    `was_core`: was in the core before, null where not known.
    """
    import ibis

    tier = _tier(rows, rules, whole.customers)
    value_tag = ibis.cases(
        ((rows.value > 0) & _reaches(rows.value, whole.cuts.high), _place("value_tag", "high")),
        ((rows.value > 0) & _reaches(rows.value, whole.cuts.middle), _place("value_tag", "middle")),
        else_=_place("value_tag", "low"),
    )
    told = rows.mutate(
        tier=tier, value_tag=value_tag, value_class=_value_class(rows, rules, whole), core=_is_core(rows, rules, whole)
    )
    expected: Any = (told.forecast_value > 0) & _reaches(told.forecast_value, whole.cuts.expected)
    told = told.mutate(potential=(told.value_tag == _place("value_tag", "low")) & expected)
    return _remembered(told, work.as_of, before).select(
        "customer", "place", "brought_before", *_SUMMED, *COLUMNS, "was_core"
    )


def _place(column: str, code: str) -> Any:
    import ibis

    return ibis.literal(WORDS[column].index(code), "int8")


def _named(row: dict[str, Any]) -> dict[str, Any]:
    """A fetched row with codes for places."""
    return row | {name: None if row[name] is None else words[row[name]] for name, words in WORDS.items()}


def _reaches(value: Any, least: float | None) -> Any:
    import ibis

    return ibis.literal(False) if least is None else value.cast("float64") >= least


def _tier(rows: ir.Table, rules: Tiers, customers: int) -> Any:
    import ibis

    if rules.limits is None:
        return place_at(rows.basis, rows.place, customers, rules)
    reached = [
        (rows.basis >= _money(Decimal(repr(limit))), _place("tier", code))
        for limit, code in zip(rules.limits, TIERS[:-1], strict=True)
    ]
    return ibis.cases(*reached, else_=_place("tier", TIERS[-1]))


def _money(value: Decimal) -> Any:
    import ibis

    return ibis.literal(format(value, "f")).cast(TOTAL)


def _value_class(rows: ir.Table, rules: Tiers, whole: Whole) -> Any:
    import ibis

    amount: Any = rows.amount.cast("float64")
    least = amount * (whole.margin * rules.low_margin / 100.0)
    low: Any = (rows.value <= 0) | (rows.value.cast("float64") < least)
    much: Any = (rows.amount > 0) & (amount >= whole.median)
    best = _reaches(rows.value, whole.cuts.platinum)
    tests = [
        (test, _place("value_class", code)) for test, code in ((low & much, "iron"), (low, "lead"), (best, "platinum"))
    ]
    return ibis.cases(*tests, else_=_place("value_class", "gold"))


def _is_core(rows: ir.Table, rules: Tiers, whole: Whole) -> Any:
    import ibis

    total = whole.sums["basis"]
    if total <= 0:
        return ibis.literal(False)
    wanted = (total * Decimal(repr(rules.core)) / 100).quantize(Decimal("0.0001"), ROUND_CEILING)
    nothing = ibis.literal(0).cast(TOTAL)
    return (rows.basis > 0) & (rows.brought_before.coalesce(nothing) < _money(wanted))


# --- what was before --------------------------------------------------------------------------------------


def before_of(work: Work) -> Before | None:
    """The earlier runs that recorded tiers; None where there is none."""
    run, rows = _recorded(work, work.comparable)
    last, last_rows = _recorded(work, work.days_before)
    if run is None or rows is None or last is None or last_rows is None:
        return None
    return Before(day_of(run), _rules_then(run) == _rules_now(work), rows, day_of(last), last_rows)


def _recorded(work: Work, runs: tuple[Path, ...]) -> tuple[Path | None, ir.Table | None]:
    """The first of some runs that recorded tiers, and its customers."""
    for run in runs:
        rows = work.recorded(run, "customers.parquet", ("customer_id", "tier", "tier_since", "core"))
        if rows is not None:
            return run, rows
    return None, None


def _rules_then(run: Path) -> Any:
    """What decided the tiers of a run: the rules and the value that was used."""
    try:
        said = json.loads((run / "worth.json").read_text(encoding="utf-8"))["tiers"]
        return {name: said[name] for name in ("asked", "shares", "limits")}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _rules_now(work: Work) -> Any:
    rules = work.settings.tiers.model_dump(mode="json")
    return {"asked": rules["by"], "shares": rules["shares"], "limits": rules["limits"]}


def _remembered(rows: ir.Table, as_of: date, before: Before | None) -> ir.Table:
    """Rows with the tier before, the day since which today's holds without interruption, and the core before."""
    import ibis

    today = ibis.literal(as_of)
    if before is None:
        return rows.mutate(
            tier_previous=ibis.null("int8"), tier_since=today, was_core=ibis.null("boolean")
        )  # fmt: skip
    was = place_of(before.rows.tier, TIERS)
    then = before.rows.select("customer_id", was=was, was_core="core", last=was, since="tier_since")
    if before.last_as_of != before.as_of:  # a tier that came and went between the two has dates as well
        last = before.last.select("customer_id", last=place_of(before.last.tier, TIERS), since="tier_since")
        then = then.drop("last", "since").outer_join(last, "customer_id", rname="{name}_last")
        then = then.mutate(customer_id=then.customer_id.coalesce(then.customer_id_last)).drop("customer_id_last")
    both = rows.left_join(then, "customer_id", rname="{name}_then")
    known = both.since.cast("date").coalesce(ibis.literal(before.last_as_of))
    same: Any = (both["last"] == both.tier).coalesce(False)
    return both.mutate(tier_previous=both.was, tier_since=ibis.ifelse(same, known, today))


# --- what is told of them together ------------------------------------------------------------------------


def _sums(people: ir.Table) -> ir.Table:
    """One row for each combination of groups that there is."""
    keys = ("tier", "tier_previous", "value_class", "value_tag", "potential", "core", "was_core")
    return people.group_by(*keys).aggregate(
        customers=people.count(),
        **{name: people[name].sum().cast(TOTAL) for name in _SUMMED},
        least=people.basis.min(),
        most=people.basis.max(),
    )


def _curve(people: ir.Table, customers: int) -> ir.Table:
    """Sums of the customers in up to POINTS steps, the best first, as `valuation.company.share_curve` wants them."""
    step: Any = (people.place.cast("int64") * POINTS // max(customers, 1)).cast("int32")
    named = people.mutate(bucket=step)
    sums = named.group_by("bucket").aggregate(value=named.basis.sum().cast(TOTAL), customers=named.count())
    return sums.order_by("bucket")


def _core(work: Work, people: ir.Table, whole: Whole, before: Before | None) -> ir.Table:
    """The rows of core.parquet: the core customers, the best first, and those who were and are no longer."""
    import ibis

    total = float(whole.sums["basis"])
    now: Any = people.core
    was: Any = people.was_core.coalesce(False)
    rows = people.filter(now | was).inner_join(work.figures.select("customer", "customer_id"), "customer")
    nothing = ibis.literal(0).cast(TOTAL)
    reached: Any = rows.brought_before.coalesce(nothing).cast("float64") + rows.basis.cast("float64")
    change = ibis.cases(
        (~rows.core, "left"), (rows.was_core.coalesce(False), "stayed"), else_="came"
    )  # fmt: skip
    listed = rows.mutate(
        change=change if before is not None else ibis.null("string"),
        share=rows.basis.cast("float64") / total if total > 0 else ibis.null("float64"),
        cumulative_share=reached / total if total > 0 else ibis.null("float64"),
        number=(rows.place.cast("int64") + 1),
    )
    listed = listed.mutate(tier=looked_up(TIERS, listed.tier))
    return listed.order_by("number").select(
        "customer_id", "change", "tier", "basis", "share", "cumulative_share", "amount", "value", "forecast_value",
        place="number",
    )  # fmt: skip
