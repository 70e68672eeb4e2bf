"""Jobs that ended long ago are forgotten; those of runs that are still there stay, for they say who began them."""

from __future__ import annotations

from datetime import datetime, timedelta

from kezhi_web.runs.models import DONE, ENDED, Job
from kezhi_web.shown import workspace

KEPT_DAYS = 90


def tidy(now: datetime) -> int:
    """Forget jobs that were asked for longer ago than this and have ended; how many there were."""
    old = Job.objects.filter(state__in=ENDED, asked_at__lt=now - timedelta(days=KEPT_DAYS))
    if not old.exists():
        return 0
    there = {run.name for run in workspace().complete_runs()}
    made = old.filter(kind="run", state=DONE).values_list("pk", "result")
    kept = [number for number, result in made if result.get("run") in there]
    return old.exclude(pk__in=kept).delete()[1].get("runs.Job", 0)
