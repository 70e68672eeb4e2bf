"""Asking for a run, from whatever page."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.utils import timezone

from kezhi.language import Text
from kezhi_web.people.models import audit
from kezhi_web.people.rights import SignedIn
from kezhi_web.runs.jobs import enqueue
from kezhi_web.runs.models import WAITING, WORKING, Job
from kezhi_web.words import say, spoken

USUAL: dict[str, Any] = {"as_of": None, "model": None, "horizon": None}  # everything as the settings say
TWICE = timedelta(seconds=5)  # asked for the same so soon again: somebody clicked twice
WAITS = Text("A run is waiting already; it will see the same data.", "已有一次运行在等待；它会使用同样的数据。")


def ask_for_run(request: SignedIn, asked: dict[str, Any]) -> Job:
    """The job of a run; one that waits, or has just begun, for the same serves as well. asked: as `asking.run_of`."""
    wanted = asked | {"language": spoken()}
    begun = Q(state=WORKING, by=request.viewer.name, asked_at__gt=timezone.now() - TWICE)
    there = Job.objects.filter(Q(state=WAITING) | begun, kind="run", asked=wanted).first()
    if there is not None:
        if there.state == WAITING:
            messages.info(request, say(WAITS))
        return there
    job = enqueue("run", wanted, request.viewer.name)
    audit(request, "run_asked", job=job.pk, **asked)
    return job
