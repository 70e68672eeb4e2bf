"""How alerts open, last and close: one open alert per customer and cause, carried from run to run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kezhi.ledger import SUM
from kezhi.segments.alert_causes import ABOUT, due_days

if TYPE_CHECKING:
    from datetime import date

    import ibis.expr.types as ir

    from kezhi.settings.alerts import Alerts
    from kezhi.worth.work import Early

FILE = "alerts.parquet"
CARRIED = ("customer_id", "cause", "opened_on", "threshold", "before", "value_at_stake")


def carried_over(known: Early) -> ir.Table | None:
    """The alerts of the last run that has any told: open ones, and those closed this very day; None without such a run.

    A run without alerts (of an older version, with other senses, or damaged) makes nothing forgotten. Those closed the
    same day are taken up again, so that a second run on one day says what the first one said.
    """
    for run in known.past:
        rows = known.recorded(run, FILE, (*CARRIED, "state", "closed_on"))
        if rows is not None:
            return rows.filter((rows.state == "open") | (rows.closed_on == known.as_of)).select(*CARRIED)
    return None


def followed(readings: ir.Table, earlier: ir.Table | None, rules: Alerts, as_of: date) -> ir.Table:
    """Readings and what was carried over, one row per customer and cause: open (flag), opened_on, and the reading.

    An alert opens when its cause fires. It stays open while the cause fires or, less strictly, stays; one of an event
    (a fall, a lost tier) until what fell is back at its threshold of the first day, and no longer than `keep_days`.
    threshold and before of an event are those of the first day; so is what is at stake with a lost tier, unless more is
    lost since: the run before has the lower forecast already.
    """
    import ibis

    today = ibis.literal(as_of)
    if earlier is None:
        return readings.mutate(open=readings.fires, was_open=ibis.literal(False), opened_on=today).drop(
            "fires", "stays"
        )
    key = ("customer_id", "cause")
    joined = readings.outer_join(earlier, key, rname="{name}_first")
    joined = joined.mutate(**{name: joined[name].coalesce(joined[f"{name}_first"]) for name in key})
    was: Any = joined.opened_on.notnull()
    young: Any = today.delta(joined.opened_on, unit="day") < rules.keep_days
    event: Any = joined.cause.isin([code for code, about in ABOUT.items() if about.event])
    down: Any = ibis.ifelse(
        joined.cause == "tier_lost",
        joined.measure > joined.threshold_first,  # a higher place is a lower tier
        joined.measure < joined.threshold_first,
    )
    stays: Any = joined.stays & was & (~event | (young & down))
    first: Any = event & was
    stake: Any = joined.value_at_stake
    lasting: Any = (joined.cause == "tier_lost") & joined.measure.notnull()
    least: Any = ibis.ifelse(lasting, joined.value_at_stake_first, None).coalesce(stake)
    return joined.select(
        *key,
        "measure",
        "detail",
        "probability",
        value_at_stake=ibis.greatest(stake, least).cast(SUM),
        threshold=ibis.ifelse(first, joined.threshold_first, joined.threshold),
        before=ibis.ifelse(first, joined.before_first, joined.before),
        open=(joined.fires | stays).coalesce(False),
        was_open=was,
        opened_on=joined.opened_on.coalesce(today),
    )


def judged(rows: ir.Table, rules: Alerts, as_of: date) -> ir.Table:
    """Alerts with state, outcome, closed_on, due_on and priority; `rows` know p_alive, excluded and known.

    Outcome of a closed one: removed, lost, expired, or passed. An excluded customer has no alert.
    """
    import ibis

    today = ibis.literal(as_of)
    rows = rows.mutate(open=rows.open & rows.known & ~rows.excluded)
    rows = rows.filter(rows.open | rows.was_open)
    event: Any = rows.cause.isin([code for code, about in ABOUT.items() if about.event])
    old: Any = today.delta(rows.opened_on, unit="day") >= rules.keep_days
    outcome = ibis.cases(
        (rows.open, ibis.null("string")),
        (rows.excluded | ~rows.known, "removed"),
        (rows.p_alive.coalesce(1.0) < rules.lost, "lost"),
        (event & old, "expired"),
        else_="passed",
    )
    days = due_days(rules)
    until: Any = ibis.cases(*((rows.cause == code, number) for code, number in days.items()), else_=7)
    stake: Any = ibis.ifelse(rows.open, rows.value_at_stake, ibis.null(rows.value_at_stake.type()))
    return rows.mutate(
        state=ibis.ifelse(rows.open, "open", "closed"),
        outcome=outcome,
        closed_on=ibis.ifelse(rows.open, ibis.null("date"), today),
        due_on=(rows.opened_on + until.as_interval("D")).cast("date"),
        value_at_stake=stake,
        priority=priority(stake, rows.probability),
    )


def priority(stake: Any, probability: Any) -> Any:
    """What is expected to stay away: value at stake times probability."""
    return (stake.cast("float64") * probability).cast(SUM)


def ranked(rows: ir.Table, calls: int) -> ir.Table:
    """With rank (of an open alert), place (of its customer), main (the customer's first alert) and call.

    By priority, then value at stake, then customer and cause. A customer's place is that of their first alert, so that
    each is called once, about everything. `call`: among the first `calls` customers.
    """
    import ibis

    order = [ibis.desc("priority"), ibis.desc("value_at_stake"), "customer_id", "cause"]
    rows = rows.mutate(
        number=ibis.row_number().over(ibis.window(group_by="state", order_by=order)) + 1,
        mine=ibis.row_number().over(ibis.window(group_by=["state", "customer_id"], order_by=order)),
    )
    open_: Any = rows.state == "open"
    first = rows.number.min().over(ibis.window(group_by=["state", "customer_id"]))
    rows = rows.mutate(rank=ibis.ifelse(open_, rows.number, None), main=open_ & (rows.mine == 0), first=first)
    placed = ibis.dense_rank().over(ibis.window(group_by="state", order_by="first")) + 1
    rows = rows.mutate(placed=placed)
    rows = rows.mutate(place=ibis.ifelse(rows.state == "open", rows.placed, None).cast("int32"))
    return rows.mutate(rank=rows["rank"].cast("int32"), call=(rows.place <= calls).coalesce(False))
