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


def stretches(ledger: Ledger, number: int, periods: int, only: ir.Table | None = None) -> ir.Table:
    """customer, value_0 .. (the newest last), square_0 ..: sums of the last complete stretches, and of squared periods.

    A stretch is `periods` complete periods; the unfinished one does not count, for it would look like a fall.
    The squares tell how much a customer's periods differ within a stretch: see `beyond_noise`.

    only: a table of the customers that are wanted; all by default.
    """
    accounts = ledger.accounts if only is None else ledger.accounts.semi_join(only, "customer")
    first = ledger.present - periods * number + 1
    recent = accounts.filter(accounts.number.between(first, ledger.present))
    worth: Any = recent.amount - recent.cost - recent.expense
    recent = recent.select("customer", worth=worth.cast("decimal(38, 4)"), stretch=(recent.number - first) // periods)
    size: Any = recent.worth.cast("float64")
    recent = recent.mutate(square=(size * size).cast("decimal(38, 4)"))
    return recent.group_by("customer").aggregate(
        **{
            f"{name}_{step}": recent[column].sum(where=recent.stretch == step).coalesce(0).cast("float64")
            for name, column in (("value", "worth"), ("square", "square"))
            for step in range(number)
        }
    )


def beyond_noise(values: Sequence[Any], squares: Sequence[Any], periods: int, least: float) -> Any:
    """Is the fall from the first to the last of these stretches at least `least` times as large as its own noise?

    The noise is what the periods within one stretch differ by: s2 = sum over stretches of (squares - value^2 / n) /
    (stretches x (n - 1)), n periods each. The difference of two sums of n periods then varies by the root of 2 n s2.
    Stretches of one period show no noise: True.
    """
    if periods < 2 or least <= 0:
        return values[0] >= values[-1]
    within: Any = sum(square - value * value / periods for value, square in zip(values, squares, strict=True))
    variance: Any = within / (len(values) * (periods - 1))
    fell: Any = values[0] - values[-1]
    return (fell >= 0) & (fell * fell * (1 + _HAIR) >= least * least * 2 * periods * variance)


def _refuse(share: float, times: int) -> None:
    if not 0 < share <= 1 or times < 1:
        raise KezhiError(
            Text(
                f"A fall is a share above 0 up to 1, counted at least once; not {share:g}, {times} times.",
                f"跌幅应为大于 0、不超过 1 的比例，次数至少为 1；而不是 {share:g}、{times} 次。",
            )
        )
