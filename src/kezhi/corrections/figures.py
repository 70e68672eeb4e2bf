"""From what was computed of a period to what stands there once management has spoken: plain arithmetic, in order.

First the amount, then the margin and with it the cost, then the expense, then the value:

    amount'  = corrected, never below 0
    margin'  = corrected, never above 100 %
    cost'    = amount' x (1 - margin')
    expense' = the published rule (R17) of amount' where the amount was corrected; then corrected, never below 0
    value'   = amount' - cost' - expense'

The interval moves along: its ends are those of the purchase amount, stretched as the amount was, and each is worth
what the same margin, the same rule and the same sum of corrected expense make of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kezhi.ledger import as_sum
from kezhi.valuation.amending import AMOUNT_ENDS
from kezhi.valuation.forecast import expected_expense, money

if TYPE_CHECKING:
    import ibis.expr.types as ir

ENDS = ("value_lower", "value_upper")
SUMS = ("amount", "cost", "expense", "value")
STEP = ("amount", "margin", "cost", "expense", "value", *ENDS, *AMOUNT_ENDS)  # what a correction may change of a period
TWIN = "_computed"


def constant(value: float) -> Any:
    """A float, which a bare number would not be in every engine."""
    import ibis

    return ibis.literal(repr(float(value))).cast("float64")


def touched(rows: ir.Table, figure: str) -> Any:
    """Whether a figure itself was corrected; `_by` lists by which corrections."""
    return rows[f"{figure}_by"] != ""


def _line(rows: ir.Table, figure: str, value: Any) -> Any:
    return rows[f"{figure}_slope"] * value + rows[f"{figure}_height"]


def corrected(rows: ir.Table) -> ir.Table:
    """The figures of periods whose computed ones, slopes and heights of corrections, and terms of expense are given.

    Adds moved_expense: by how much money the corrections of the expense moved it.
    """
    import ibis

    zero = constant(0.0)
    amount = money(ibis.greatest(_line(rows, "amount", rows.amount.cast("float64")), zero))
    margin = ibis.least(_line(rows, "margin", rows.margin), constant(1.0))
    rows = rows.mutate(
        new_amount=ibis.ifelse(touched(rows, "amount"), amount, rows.amount),
        new_margin=ibis.ifelse(touched(rows, "margin"), margin, rows.margin),
    )
    spent: Any = rows.new_amount.cast("float64")
    either = touched(rows, "amount") | touched(rows, "margin")
    by_rule = money(expected_expense(spent, rows))
    rows = rows.mutate(
        new_cost=ibis.ifelse(either, money(spent * (1.0 - rows.new_margin)), rows.cost),
        due=ibis.ifelse(touched(rows, "amount"), by_rule, rows.expense),
    )
    expense = money(ibis.greatest(_line(rows, "expense", rows.due.cast("float64")), zero))
    rows = rows.mutate(new_expense=ibis.ifelse(touched(rows, "expense"), expense, rows.due))
    rows = rows.mutate(
        new_value=as_sum(rows.new_amount - rows.new_cost - rows.new_expense),
        moved_expense=as_sum(rows.new_expense - rows.due),
    )
    return _with_ends(rows)


def _with_ends(rows: ir.Table) -> ir.Table:
    """The interval's ends by those of the amount; where there is no own interval of it, the value's is the amount's."""
    import ibis

    apart = AMOUNT_ENDS[0] in rows.columns
    ends = AMOUNT_ENDS if apart else ENDS
    stretched = {name: stretch(rows[name], rows.amount, rows.new_amount) for name in ends}
    lower, upper = (
        worth(end, rows.new_margin, rows.moved_expense.cast("float64"), rows, 1) for end in stretched.values()
    )
    more = {f"new_{name}": value for name, value in stretched.items()} if apart else {}
    return rows.mutate(new_value_lower=ibis.least(lower, upper), new_value_upper=ibis.greatest(lower, upper), **more)


def stretch(end: Any, before: Any, after: Any) -> Any:
    """An end of the amount's interval, in proportion to the amount; where nothing was expected, what is now."""
    import ibis

    old, new = before.cast("float64"), after.cast("float64")
    proportional = end * (new / old.nullif(constant(0.0)))
    return ibis.ifelse(before == after, end, ibis.ifelse(old > 0, proportional, new))


def worth(amount: Any, margin: Any, moved_expense: Any, terms: ir.Table, periods: int) -> Any:
    """The value of a purchase amount over some periods, with so much expense moved by hand."""
    import ibis

    expense = periods * expected_expense(amount / periods, terms) + moved_expense
    return amount * margin - ibis.greatest(expense, constant(0.0))


def with_twins(rows: ir.Table, new: ir.Table, key: tuple[str, ...], names: list[str], prefix: str = "") -> ir.Table:
    """Rows whose figures are replaced where `new` has them as new_*, the computed ones kept beside as *_computed."""
    by = [name for name in ("corrections",) if name in new.columns]
    chosen = new.select(*key, *by, **{f"new_{name}": new[f"new_{name}"] for name in names})
    both = rows.left_join(chosen, list(key), rname="{name}_of_new")
    made = {f"{prefix}{name}": both[f"new_{name}"].coalesce(both[f"{prefix}{name}"]) for name in names}
    twins = {f"{prefix}{name}{TWIN}": both[f"{prefix}{name}"] for name in names}
    kept = [name for name in rows.columns if name not in made]
    found = both.select(*kept, **made, **twins, **{name: both[name].coalesce("") for name in by})
    return found.select(*rows.columns, *twins, *by)


def restored(rows: ir.Table) -> ir.Table:
    """Rows as they were computed; for the tables that `with_twins` made, and those it never saw."""
    twins = [name for name in rows.columns if name.endswith(TWIN)]
    if not twins:
        return rows
    back = {name.removesuffix(TWIN): rows[name] for name in twins}
    plain = [name for name in rows.columns if name not in twins and name != "corrections"]
    return rows.select(**{name: back.get(name, rows[name]) for name in plain})
