"""The nightly run: when it is due, and asking for it."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from django.db import transaction
from django.utils import timezone

from kezhi_web.runs.jobs import enqueue
from kezhi_web.runs.models import WAITING, Job, Schedule


def last_moment(now: datetime, at: time) -> datetime:
    """The newest moment up to `now` at which it was this time of day, in the server's time zone."""
    zone = timezone.get_default_timezone()
    today = now.astimezone(zone).date()
    for day in (today, today - timedelta(days=1)):
        moment = datetime.combine(day, at, tzinfo=zone)
        if moment <= now:
            return moment
    return datetime.combine(today - timedelta(days=2), at, tzinfo=zone)


def next_moment(now: datetime, at: time) -> datetime:
    """The first moment after `now` at which it will be this time of day."""
    zone = timezone.get_default_timezone()
    moment = last_moment(now, at).astimezone(zone)
    return datetime.combine(moment.date() + timedelta(days=1), at, tzinfo=zone)


def set_nightly(*, on: bool, at: time, model: str, horizon: int | None, by: str) -> Schedule:
    """Keep a schedule; what lies before this moment is not made up."""
    values = {"on": on, "at": at, "model": model, "horizon": horizon, "by": by, "kept_until": timezone.now()}
    return Schedule.objects.update_or_create(pk=1, defaults=values)[0]


def ask_where_due(now: datetime) -> Job | None:
    """Ask for the run of the last night, unless that was done; several missed nights are made up by one run."""
    with transaction.atomic():
        plan = Schedule.objects.select_for_update().filter(pk=1, on=True).first()
        if plan is None:
            return None
        moment = last_moment(now, plan.at)
        if plan.kept_until >= moment:
            return None
        plan.kept_until = moment
        plan.save(update_fields=["kept_until"])
        if Job.objects.filter(kind="run", state=WAITING).exists():
            return None  # somebody asked for one that has not begun; it will see the same data
        asked = {"model": plan.model or None, "horizon": plan.horizon, "nightly": True}
        return enqueue("run", asked, plan.by)
