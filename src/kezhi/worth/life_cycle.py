"""The life cycle of a relationship (R25): from its first purchase to the last period before it fell silent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kezhi.language import Text
from kezhi.worth.work import Work

if TYPE_CHECKING:
    import ibis.expr.types as ir

STATES = {
    "active": Text("bought in the last complete period or since", "最近一个完整期内或之后有购买"),
    "quiet": Text("silent, but not yet for long enough to count as lost", "暂无购买，但尚未达到流失标准"),
    "churned": Text("silent for so long that they count as lost", "连续无购买，已视为流失"),
    "never": Text("never bought", "从未购买"),
}


def with_life_cycle(rows: ir.Table, work: Work, churn_after: int) -> ir.Table:
    """Rows of `work.figures` with life_start, life_end, life_periods and state.

    A customer with `churn_after` complete periods in a row without a purchase, up to now, is churned. The life cycle
    ends with the last period that had a purchase; it is still open for everybody who is not churned.
    """
    import ibis

    calendar = work.calendar
    first, last = calendar.numbers(rows.first_purchase), calendar.numbers(rows.last_purchase)
    idle: Any = rows.idle_periods
    state = ibis.cases(
        ((rows.purchases == 0) | rows.last_purchase.isnull(), "never"),
        (idle >= churn_after, "churned"),
        (idle > 0, "quiet"),
        else_="active",
    )
    return rows.mutate(
        life_start=calendar.starts(first),
        life_end=calendar.starts(last),
        life_periods=(last - first + 1).cast("int32"),
        state=state,
    )


def life_by_period(work: Work, lives: ir.Table, churn_after: int) -> list[dict[str, Any]]:
    """Period by period: how many relationships began, how many bought, how many were lost; complete periods only.

    A relationship is lost in the period that completes its silence; whoever came back was never lost.
    """
    ledger, calendar = work.ledger, work.calendar
    bought = lives.filter(lives.state != "never")
    counted = work.engine.fetch(bought.group_by("life_start", "life_end", "state").aggregate(customers=bought.count()))
    started: dict[int, int] = {}
    churned: dict[int, int] = {}
    for row in counted.to_pylist():
        first, last = calendar.number(row["life_start"]), calendar.number(row["life_end"])
        started[first] = started.get(first, 0) + row["customers"]
        if row["state"] == "churned":
            churned[last + churn_after] = churned.get(last + churn_after, 0) + row["customers"]
    active = {row["number"]: row["customers"] for row in ledger.company}
    if not started:
        return []
    return [
        {
            "period": calendar.start(number),
            "started": started.get(number, 0),
            "active": active.get(number, 0),
            "churned": churned.get(number, 0),
        }
        for number in range(min(started), ledger.present + 1)
    ]
