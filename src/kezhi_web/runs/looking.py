"""What the worker looks after by itself: jobs that nobody does, the nightly run, jobs that ended long ago."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from django.db import close_old_connections
from django.utils import timezone

from kezhi_web.runs import tidying, work
from kezhi_web.runs.models import WAITING, WORKING, Job
from kezhi_web.runs.nightly import ask_where_due
from kezhi_web.runs.queue import hand_over, queue

ALSO: list[Callable[[], None]] = []  # what other rooms want to be done every minute; their `jobs_of` put it here
SETTLED = timedelta(seconds=20)  # a job asked for this long ago has been handed over, or lost


def take_back() -> int:
    """Jobs that a killed worker was at wait again; this process is the only worker. How many there were."""
    with work.taking:
        left = Job.objects.filter(state=WORKING).exclude(pk__in=set(work.at_work))
        return left.update(state=WAITING, told=work.AGAIN.as_dict(), share=0.0)


def take_up(*, at_once: bool = False) -> int:
    """Hand over the jobs that wait though the queue holds none. How many there were."""
    if not at_once and queue().pending_count():
        return 0
    waiting = Job.objects.filter(state=WAITING).order_by("pk")
    if not at_once:
        waiting = waiting.filter(asked_at__lt=timezone.now() - SETTLED)
    numbers = list(waiting.values_list("pk", flat=True)[:1000])
    for number in numbers:
        hand_over(number)
    return len(numbers)


def look_around() -> None:
    """Every minute."""
    close_old_connections()
    take_back()
    ask_where_due(timezone.now())
    take_up()
    tidying.tidy(timezone.now())
    for one in ALSO:
        one()
