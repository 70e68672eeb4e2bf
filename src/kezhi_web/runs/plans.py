"""What the list of runs says of the nightly one, and of a run that failed."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from kezhi_web.runs.models import DONE, FAILED, Job, Schedule
from kezhi_web.runs.nightly import next_moment

AT = "02:00"  # what the form proposes: after midnight, before people come


def plan() -> dict[str, Any]:
    """The schedule for the form, with the next run."""
    kept = Schedule.objects.filter(pk=1).first()
    zone = timezone.get_default_timezone_name()
    if kept is None:
        return {"on": False, "at": AT, "zone": zone, "next": None, "model": "", "horizon": None, "by": ""}
    coming = next_moment(timezone.now(), kept.at) if kept.on else None
    told = {"model": kept.model, "horizon": kept.horizon, "by": kept.by}
    return {"on": kept.on, "at": f"{kept.at:%H:%M}", "zone": zone, "next": coming} | told


def last_failed() -> Job | None:
    """The newest run that failed, unless one has succeeded since."""
    newest = Job.objects.filter(kind="run", state__in=(DONE, FAILED)).first()
    return newest if newest is not None and newest.state == FAILED else None
