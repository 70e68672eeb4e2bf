"""What the worker does for this room: a run, and the comparison of two."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings

from kezhi.language import Text
from kezhi_web.capture.feeding import feed
from kezhi_web.runs import changes, child, compared
from kezhi_web.runs.jobs import Tell, handles
from kezhi_web.runs.models import Job
from kezhi_web.shown import workspace
from kezhi_web.shown.parts import kept_in
from kezhi_web.shown.run import named

LARGE = 50_000  # customers, from which on their list is laid out beforehand
RUN_UNTIL, PAGES_UNTIL = 0.85, 0.97  # shares of the whole
PAGES = Text("Preparing the pages", "准备页面")
TELLING = Text("Telling those who want to know", "通知订阅者")
COMPARING = Text("Comparing the two runs", "比较两次运行")


@handles("run")
def run(job: Job, tell: Tell) -> dict[str, Any]:
    """Value every customer anew; asked: as_of, model, horizon, language as for `kezhi run`, empty for the settings'."""
    if "run" not in job.result or not _exists(job.result["run"]):
        before = workspace().latest_run()
        feed(workspace())  # what people recorded; a moment
        name = _made(job, tell)
        # from here on the run is there: should the worker be killed, it is not made a second time
        job.result = {"run": name, "before": before.name if before else None}
        Job.objects.filter(pk=job.pk).update(result=job.result)
    shown = named(job.result["run"])
    if not all((kept_in(shown, personal=personal) / "done").exists() for personal in (True, False)):
        tell(RUN_UNTIL, PAGES)
        child.call(["kezhi_web", "prepare", shown.name], _nothing, _listener(tell))
    if shown.manifest["totals"]["customers"] >= LARGE:
        child.call(["kezhi_web", "prepare_list", shown.name], _nothing, _listener(tell))
    tell(PAGES_UNTIL, TELLING)
    return job.result | changes.announce(shown, job.result["before"])


def _exists(name: str) -> bool:
    return any(run.name == name for run in workspace().complete_runs())


def _made(job: Job, tell: Tell) -> str:
    wanted = {"--as-of": "as_of", "--model": "model", "--horizon": "horizon", "--lang": "language"}
    options = [part for option, key in wanted.items() if job.asked.get(key) for part in (option, str(job.asked[key]))]
    arguments = ["kezhi", "run", "--workspace", str(settings.WORKSPACE), "--json", *options]
    printed = child.call(arguments, _news(tell, RUN_UNTIL), _listener(tell))
    return Path(json.loads(printed)["folder"]).name


def _news(tell: Tell, until: float) -> Callable[[dict[str, Any]], None]:
    """What `kezhi --json` says on its error stream, for the job's page."""

    def told(news: dict[str, Any]) -> None:
        if news.get("event") != "stage":
            return
        left = news.get("remaining")
        more = {} if left is None or not hasattr(tell, "listen") else {"left": left}
        tell(until * news["done"], Text(**news["text"]), **more)

    return told


def _nothing(_: dict[str, Any]) -> None:
    """A child that tells nothing worth showing."""


def _listener(tell: Tell) -> Callable[[], None]:
    listen: Callable[[], None] = getattr(tell, "listen", lambda: None)
    return listen


@handles("compare")
def compare(job: Job, tell: Tell) -> dict[str, Any]:
    """Put two runs beside each other and keep what differs; asked: before, after, their names."""
    before, after = named(job.asked["before"]), named(job.asked["after"])
    tell(0.1, COMPARING)
    arguments = ["kezhi", "compare", before.name, after.name, "--workspace", str(settings.WORKSPACE), "--json"]
    compared.keep(before, after, child.call([*arguments, "--top", str(compared.TOP)], _nothing, _listener(tell)))
    return {"before": before.name, "after": after.name}
