"""Deleting a run: out of sight in one step, then its files."""

from __future__ import annotations

import shutil

from django.conf import settings

from kezhi.language import KezhiError, Text
from kezhi.workspace import partial_of, remove
from kezhi_web.runs import compared
from kezhi_web.runs.models import WORKING, Job
from kezhi_web.shown import workspace

NEWEST = Text("The newest run stays: all pages show it.", "最新的运行不能删除：所有页面都显示它。")
AT_WORK = Text(
    "A run is at work, and may be reading earlier ones; delete when it has ended.",
    "正在进行的运行可能会读取以前的运行；请在其结束后删除。",
)


def delete(name: str) -> None:
    """Delete a finished run, what is kept of it for the pages, and its comparisons. The newest is refused."""
    place = workspace()
    newest, made = place.latest_run(), place.run_as_made(name)
    if newest is None or newest.name == made.name or made.name == place.complete_runs()[-1].name:
        raise KezhiError(NEWEST)
    if Job.objects.filter(kind="run", state=WORKING).exists():
        raise KezhiError(AT_WORK)
    out_of_sight = partial_of(made)  # what is left of such a folder goes with the next run
    made.replace(out_of_sight)
    remove(out_of_sight)
    remove(place.corrected / made.name)
    for pages in (settings.OWN / "parts").glob(f"{made.name}-*"):
        shutil.rmtree(pages, ignore_errors=True)
    compared.forget(made.name)
