"""A job as a page: how far it is, how it ended, and what to do then."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from kezhi.language import Text
from kezhi_web.people.models import audit
from kezhi_web.people.rights import SignedIn, needs
from kezhi_web.runs import jobs
from kezhi_web.runs.models import Job
from kezhi_web.runs.tidying import KEPT_DAYS
from kezhi_web.shown import workspace
from kezhi_web.shown.later import up_to_a_later_day
from kezhi_web.shown.run import named
from kezhi_web.words import say

KINDS = {
    "run": Text("Run", "运行"),
    "compare": Text("Comparison of two runs", "两次运行的比较"),
    "import": Text("Import", "导入"),
}
OTHER = Text("Work in the background", "后台任务")
REPEATABLE = ("run", "compare")
ASKED_TO_STOP = Text("It is being stopped.", "正在停止。")


def title_of(job: Job) -> Text:
    """What a job is called."""
    return KINDS.get(job.kind, OTHER)


def seen(job: Job, request: SignedIn) -> dict[str, object]:
    """What the template `runs/progress.html` wants."""
    percent = min(round(job.share * 100), 99)
    return {"job": job, "title": title_of(job), "percent": percent, "stoppable": request.viewer.may("run")}


@needs("company")
def job(request: SignedIn, number: int) -> HttpResponse:
    """A job that was asked for."""
    found = get_object_or_404(Job, pk=number)
    known = {"repeatable": found.kind in REPEATABLE, "kept_days": KEPT_DAYS}
    newest = workspace().latest_run()
    if found.kind == "run" and newest is not None and found.result.get("run") == newest.name:
        made = named(None)
        known |= {"as_of": made.as_of, "later": up_to_a_later_day(made)}
    return render(request, "runs/job.html", seen(found, request) | known)


@needs("company")
def progress(request: SignedIn, number: int) -> HttpResponse:
    """Its progress alone, which the page asks for every second; once it has ended the page is asked for anew."""
    found = get_object_or_404(Job, pk=number)
    answer = render(request, "runs/progress.html", seen(found, request))
    if found.ended:
        answer["HX-Refresh"] = "true"
    return answer


@needs("run")
@require_POST
def cancel(request: SignedIn, number: int) -> HttpResponse:
    """Stop a job."""
    found = get_object_or_404(Job, pk=number)
    if not found.ended:
        jobs.cancel(found)
        audit(request, "job_cancelled", job=found.pk, kind=found.kind)
        messages.info(request, say(ASKED_TO_STOP))
    return redirect("job", number)


@needs("run")
@require_POST
def again(request: SignedIn, number: int) -> HttpResponse:
    """Ask for the same once more."""
    found = get_object_or_404(Job, pk=number, kind__in=REPEATABLE)
    made = jobs.enqueue(found.kind, found.asked, request.viewer.name)
    audit(request, "job_asked_again", job=made.pk, kind=made.kind)
    return redirect("job", made.pk)
