"""The rule that finds customers on their way down: so many falls in a row, each of at least some share."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from kezhi.language import KezhiError, Text

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from kezhi.ledger import Ledger

SHARE, TIMES = 0.15, 2
_HAIR = 1e-9  # a fall of exactly the share counts, whatever rounding does to its last digit


def falling(values: Sequence[Any], share: float = SHARE, times: int = TIMES) -> Any:
    """Do the last `times` steps of these values, oldest first, each fall by at least `share` of what was there?

    Values are numbers, numpy arrays, or columns of a table, whose engine then computes the answer. Fewer than
    `times` + 1 values are too few to say so: False. A fall needs something to fall from: from 0 or less there is none,
    and a customer whose value stays at 0 does not fall any more.

        falling([100, 80, 60], 0.15, 2)  ->  True
        falling([100, 80, 90], 0.15, 2)  ->  False
    """
    _refuse(share, times)
    if len(values) <= times:
        return False
    found: Any = None
    for earlier, later in pairwise(values[-times - 1 :]):
        fell = (earlier > 0) & (later <= earlier * (1.0 - share + _HAIR))
        found = fell if found is None else found & fell
    return found


def falling_customers(
    ledger: Ledger, share: float = SHARE, times: int = TIMES, *, periods: int = 1, measure: str = "value"
) -> ir.Table:
    """customer, value_0 .. value_n (the newest last), falling: for all who had anything in the last complete stretches.

    A stretch is `periods` complete periods; the unfinished one does not count, for it would look like a fall.
    `measure` is value (amount less cost and expense), amount or purchases. A customer younger than all stretches is
    falling only if each of them had something to fall from.
    """
    _refuse(share, times)
    accounts = ledger.accounts
    first = ledger.present - periods * (times + 1) + 1
    recent = accounts.filter(accounts.number.between(first, ledger.present))
    worth: Any = recent.amount - recent.cost - recent.expense if measure == "value" else recent[measure]
    stretch: Any = (recent.number - first) // periods
    sums = recent.group_by("customer").aggregate(
        **{
            f"value_{step}": worth.cast("decimal(38, 4)").sum(where=stretch == step).coalesce(0).cast("float64")
            for step in range(times + 1)
        }
    )
    values = [sums[f"value_{step}"] for step in range(times + 1)]
    return sums.mutate(falling=falling(values, share, times))


def _refuse(share: float, times: int) -> None:
    if not 0 < share <= 1 or times < 1:
        raise KezhiError(
            Text(
                f"A fall is a share above 0 up to 1, counted at least once; not {share:g}, {times} times.",
                f"跌幅应为大于 0、不超过 1 的比例，次数至少为 1；而不是 {share:g}、{times} 次。",
            )
        )
