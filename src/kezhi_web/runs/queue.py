"""The worker's queue: numbers of jobs, in a file of the workspace. What a job is stands in the database.

It may lose what it holds, and be removed while nobody is at work: every minute the worker looks in the database for
jobs that nobody has taken up.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from huey import SqliteHuey, crontab

NAME = "queue.sqlite3"


def queue() -> SqliteHuey:
    """The queue of this workspace."""
    return _queue_in(settings.OWN)[0]


def hand_over(job: int) -> None:
    """Let the worker know of a job."""
    _queue_in(settings.OWN)[1](job)


@lru_cache(maxsize=8)
def _queue_in(folder: Path) -> tuple[SqliteHuey, Callable[[int], object]]:
    from kezhi_web.runs import looking, work

    folder.mkdir(parents=True, exist_ok=True)
    made = SqliteHuey("kezhi", filename=str(folder / NAME), results=False)
    task = made.task(name="work")(work.work)
    made.periodic_task(crontab(), name="look_around")(looking.look_around)
    return made, task
