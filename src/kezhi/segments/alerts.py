"""Who needs a call today, and why (V12, V09, A11, A12, A14, T15): alerts that open, last and close by themselves."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kezhi.ledger import SUM
from kezhi.segments import fields
from kezhi.segments.alert_readings import FALLS, Asked, Readings, average_forecast, falls, read, staying_away
from kezhi.segments.alert_states import FILE, carried_over, followed, judged, ranked
from kezhi.worth.work import Early, Found, Work

if TYPE_CHECKING:
    import ibis.expr.types as ir

ONE_OFF = "one_off_buyers.parquet"
BIG, LISTED = 0.01, 20  # a big order is among the largest 1 % of customers' average orders; so many are listed
TOLD = ("owner", "consent", "excluded", "reviewed_on")
COLUMNS = (
    *("rank", "place", "call", "main", "customer_id", "cause", "state", "outcome", "opened_on", "closed_on"),
    *("due_on", "owner", "no_marketing", "value_at_stake", "probability", "priority", "measure", "threshold"),
    *("before", "detail", "p_alive", "purchases", "last_purchase", "survey_score", "survey_on"),
)


def measured(work: Work) -> Found:
    """Write alerts.parquet and one_off_buyers.parquet, and count for the company."""
    engine, rules = work.engine, work.settings.alerts
    earlier = carried_over(work)
    if earlier is not None:
        earlier = engine.store(earlier)
    told = _told(work)
    asked = Asked(work, rules, average_forecast(work, work.figures), told, earlier)
    found = read(asked)
    alerts = followed(found.rows, earlier, rules, work.as_of)
    if earlier is not None:
        alerts = engine.store(alerts)
    alerts = judged(_with_customer(work, alerts, told), rules, work.as_of)
    alerts = ranked(_with_surveys(work, engine.store(alerts)), rules.calls)
    rows = alerts.select(*COLUMNS).order_by(alerts["rank"].isnull(), "rank", "customer_id", "cause")
    with engine.meanwhile(rows, work.folder / FILE):
        engine.write_parquet(_one_off_buyers(work), work.folder / ONE_OFF)
    return Found(_facts(work, asked, found))


def ahead(known: Early) -> dict[str, ir.Table]:
    """Whose value fell, from the accounts."""
    if "value_falling" not in known.settings.alerts.causes:
        return {}
    return {FALLS: falls(known, carried_over(known))}


def _told(work: Work) -> ir.Table | None:
    """What the book says of its customers, as far as alerts need it; one row each."""
    if work.book.customers is None:
        return None
    path = work.folder / fields.FILE
    told = work.engine.read_parquet(path) if path.exists() else fields.attributes(work.book.customers)
    if told is None:
        return None
    known = [name for name in TOLD if name in told.columns]
    return told.select("customer_id", *known) if known else None


def _with_customer(work: Work, rows: ir.Table, told: ir.Table | None) -> ir.Table:
    """With what alerts show of a customer: known (has figures), p_alive, owner, excluded, no_marketing, ..."""
    import ibis

    figures = work.figures.select(
        "p_alive", "purchases", "last_purchase", figure_id="customer_id", known=ibis.literal(True)
    )
    rows = rows.left_join(figures, rows.customer_id == figures.figure_id).drop("figure_id")
    rows = rows.mutate(known=rows.known.coalesce(False))
    if told is not None:
        said = told.rename(told_id="customer_id")
        rows = rows.left_join(said, rows.customer_id == said.told_id).drop("told_id")
    nothing = {name: ibis.null(kind) for name, kind in (("owner", "string"), ("consent", "boolean"))}
    rows = rows.mutate(**{name: value for name, value in nothing.items() if name not in rows.columns})
    excluded: Any = rows.excluded.coalesce(False) if "excluded" in rows.columns else ibis.literal(False)
    return rows.mutate(excluded=excluded, no_marketing=(~rows.consent).coalesce(False), owner=rows.owner.cast("string"))


def _with_surveys(work: Work, rows: ir.Table) -> ir.Table:
    """With the customer's last survey: the mean score of its dimensions, and its day (A12)."""
    import ibis

    surveys = work.book.surveys
    if surveys is None:
        return rows.mutate(survey_score=ibis.null("float64"), survey_on=ibis.null("date"))
    mine = surveys.filter(surveys.score.notnull() & surveys.date.notnull()).semi_join(rows, "customer_id")
    days = mine.group_by("customer_id", "date").aggregate(
        score=mine.score.cast("decimal(18, 6)").sum().cast("float64") / mine.count()
    )
    number: Any = (days.date.epoch_seconds() // 86_400).cast("int32")
    last = days.group_by(survey_id=days.customer_id).aggregate(
        survey_score=work.engine.latest(days.score, number, days.score.notnull()), survey_on=days.date.max()
    )
    return rows.left_join(last, rows.customer_id == last.survey_id).drop("survey_id")


def _one_off_buyers(work: Work) -> ir.Table:
    """Customers who bought once, for much: their place by that order, and by what is expected of them (A14)."""
    import ibis

    rows = work.figures.filter(lambda t: (t.purchases > 0) & (t.amount > 0))
    buyers = rows.select(average=rows.amount.cast("float64") / rows.purchases, expected=rows.forecast_value)
    once = rows.filter(rows.purchases == 1).order_by(ibis.desc("amount"), "customer").limit(LISTED)
    once = work.engine.store(
        once.select("customer", "customer_id", "last_purchase", "amount", "forecast_value", "p_alive")
    )
    each = once.select("customer", spent=once.amount.cast("float64"), hoped=once.forecast_value)
    pairs = each.cross_join(buyers)
    counted = pairs.group_by("customer").aggregate(
        buyers=pairs.count(),
        place_by_order=(pairs.average > pairs.spent).sum() + 1,
        place_by_forecast=(pairs.expected > pairs.hoped).sum() + 1,
    )
    placed = once.inner_join(counted, "customer")
    placed = placed.filter(placed.place_by_order <= ibis.greatest((placed.buyers * BIG).ceil(), 1))
    return placed.select(
        "customer_id",
        "last_purchase",
        "amount",
        "p_alive",
        "forecast_value",
        place_by_order=placed.place_by_order.cast("int32"),
        place_by_forecast=placed.place_by_forecast.cast("int32"),
    ).order_by(ibis.desc("amount"), "customer_id")


def _facts(work: Work, asked: Asked, found: Readings) -> dict[str, Any]:
    rows = _counted(work)
    customers = work.engine.row(work.figures.count().name("customers").as_table())["customers"]
    open_ = [row for row in rows if row["state"] == "open"]
    alerted = sum(row["customers"] for row in open_)
    called = sum(row["calls"] for row in open_)
    causes = [
        {
            "cause": cause,
            "open": sum(row["alerts"] for row in mine if row["state"] == "open"),
            "opened": sum(row["opened"] for row in mine),
            "closed": sum(row["alerts"] for row in mine if row["state"] == "closed"),
            "value_at_stake": _sum(mine, "value_at_stake"),
            "priority": _sum(mine, "priority"),
        }
        for cause in asked.rules.causes
        if (mine := [row for row in rows if row["cause"] == cause])
    ]
    return {
        "customers": customers,
        "average_forecast": asked.average,
        "least_value": asked.least,
        "alerted": alerted,
        "share": alerted / customers if customers else 0.0,
        "open": sum(row["alerts"] for row in open_),
        "opened": sum(row["opened"] for row in open_),
        "closed": sum(row["alerts"] for row in rows if row["state"] == "closed"),
        "no_marketing": sum(row["no_marketing"] for row in open_),
        "calls": called,
        "call_priority": _sum(open_, "call_priority"),
        "priority": _sum(open_, "main_priority"),
        "weekly_calls": asked.rules.calls,
        "causes": causes,
        "not_measured": _not_measured(work, asked),
        "horizon": asked.horizon,
        "stretch": asked.periods,
        "falls": {"earlier": found.fell, "probability": staying_away(found.fell, found.stayed)},
    }


def _counted(work: Work) -> list[dict[str, Any]]:
    """The written alerts by cause and state."""
    rows = work.engine.read_parquet(work.folder / FILE)
    called: Any = rows.main & rows.call
    counted: list[dict[str, Any]] = work.engine.fetch(
        rows.group_by("cause", "state").aggregate(
            alerts=rows.count(),
            customers=rows.main.sum(),
            calls=called.sum(),
            no_marketing=(rows.main & rows.no_marketing).sum(),
            opened=((rows.opened_on == work.as_of) & (rows.state == "open")).sum(),
            value_at_stake=rows.value_at_stake.sum().cast(SUM),
            priority=rows.priority.sum().cast(SUM),
            main_priority=rows.priority.sum(where=rows.main).cast(SUM),
            call_priority=rows.priority.sum(where=called).cast(SUM),
        )
    ).to_pylist()
    return counted


def _sum(rows: list[dict[str, Any]], name: str) -> Decimal:
    return sum((row[name] or Decimal(0) for row in rows), Decimal(0))


def _not_measured(work: Work, asked: Asked) -> list[str]:
    """Causes that are switched on and that this run's data cannot tell."""
    told = set() if asked.told is None else set(asked.told.columns)
    tiers = {"tier", "tier_previous"} <= {
        name for one in work.found.values() if one.columns is not None for name in one.columns.otherwise
    }
    absent = {
        "tier_lost": not tiers or work.before is None,
        "no_contact": not tiers or work.book.contacts is None,
        "review_due": "reviewed_on" not in told,
        **dict.fromkeys(("losing_money", "near_loss"), not _holds_losses(work.folder)),
    }
    return [cause for cause in asked.rules.causes if absent.get(cause)]


def _holds_losses(folder: Path) -> bool:
    from kezhi.worth.risk import LOSSES

    return (folder / LOSSES).exists()
