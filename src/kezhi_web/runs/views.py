"""Runs: the list, starting one, the nightly one, one in detail, two beside each other."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import FileResponse, Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from kezhi.language import KezhiError, Text
from kezhi.sources import TABLES
from kezhi_web.people.models import audit
from kezhi_web.people.rights import SignedIn, needs
from kezhi_web.runs import asking, compared, comparing, keeping, listed, plans
from kezhi_web.runs import nightly as by_night
from kezhi_web.runs.jobs import enqueue
from kezhi_web.runs.jobs_seen import seen
from kezhi_web.runs.models import WAITING, WORKING, Job
from kezhi_web.runs.starting import ask_for_run
from kezhi_web.shown import workspace
from kezhi_web.shown.later import up_to_a_later_day
from kezhi_web.shown.run import named
from kezhi_web.words import say

NO_ORDERS = Text("There are no orders in the book yet; import some first.", "台账中还没有订单；请先导入订单。")
KEPT = Text("The schedule is saved.", "定时设置已保存。")
DELETED = Text("The run {name} is deleted.", "已删除运行 {name}。")
OFFERED = 50
FILES = {"html": "text/html; charset=utf-8",
         "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}  # fmt: skip


@needs("company")
def runs(request: SignedIn) -> HttpResponse:
    """All runs, what is at work, and the forms for those who may start one."""
    return _runs(request)


def _runs(request: SignedIn, error: Text | None = None, typed: Any = None) -> HttpResponse:
    page = Paginator(listed.names(), listed.PAGE).get_page(request.GET.get("page"))
    latest = workspace().latest_run()
    busy = Job.objects.filter(kind="run", state__in=(WAITING, WORKING)).order_by("pk")
    known = {
        "page": page,
        "lines": listed.lines(page),
        "latest": latest.name if latest else None,
        "as_of": (newest := named(None)).as_of if latest else None,
        "later": up_to_a_later_day(newest) if latest else None,
        "busy": [seen(one, request) for one in busy],
        "failed": plans.last_failed(),
        "has_orders": bool(workspace().imports("orders")),
        "models": listed.MODELS,
        "usual": workspace().settings(),
        "plan": plans.plan(),
        "error": error,
        "typed": typed or {},
        "can_run": request.viewer.may("run"),
    }
    return render(request, "runs/runs.html", known, status=400 if error else 200)


@needs("run")
@require_POST
def start(request: SignedIn) -> HttpResponse:
    """Ask for a run."""
    try:
        asked = asking.run_of(request.POST)
        if not workspace().imports("orders"):
            raise KezhiError(NO_ORDERS)
    except KezhiError as error:
        return _runs(request, error.text, request.POST)
    return redirect("job", ask_for_run(request, asked).pk)


@needs("run")
@require_POST
def nightly(request: SignedIn) -> HttpResponse:
    """Keep when runs begin by themselves."""
    try:
        at, model = asking.time_of(request.POST), asking.model_of(request.POST)
    except KezhiError as error:
        return _runs(request, error.text)
    on = request.POST.get("on") == "yes"
    by_night.set_nightly(on=on, at=at, model=model["model"] or "", horizon=model["horizon"], by=request.viewer.name)
    audit(request, "nightly_run_set", on=on, at=f"{at:%H:%M}", **model)
    messages.success(request, say(KEPT))
    return redirect("runs")


@needs("company")
def run(request: SignedIn, name: str) -> HttpResponse:
    """One run: what it was made of, with which settings, what it warned of."""
    found = named(name)
    own, others = listed.settings_of(found)
    every = listed.names()
    later, place = every[0] != name, every.index(name)
    known = {
        "shown_run": found,
        "line": listed.line_of(found, listed.job_of(name)),
        "own": own,
        "others": others,
        "rows": [
            (TABLES[table].title if table in TABLES else Text(table, table), counted)
            for table, counted in found.manifest.get("rows", {}).items()
        ],
        "stages": [(listed.STAGES.get(stage, stage), spent) for stage, spent in
                   (found.manifest.get("seconds") or {}).items()],
        "before": every[place + 1] if place + 1 < len(every) else None,
        "newest": every[0] if later else None,
        "may_download": request.viewer.may("export") and request.viewer.may("personal"),
        "may_delete": request.viewer.may("people"),
        "deletable": later and name != getattr(workspace().latest_run(), "name", None),
        "reports": [kind for kind in FILES if _file(name, kind).exists()],
    }  # fmt: skip
    return render(request, "runs/run.html", known)


def _file(name: str, kind: str) -> Any:
    """The report as corrected since; where that has none the run's own."""
    corrected = named(name).folder / f"report.{kind}"
    return corrected if corrected.exists() else workspace().runs / name / f"report.{kind}"


@needs("export", "personal")
def report(request: SignedIn, name: str, kind: str) -> HttpResponse | FileResponse:
    """The report as a file; it holds names, so that it is for those who may see them."""
    found = named(name)
    path = _file(name, kind) if kind in FILES else None
    if path is None or not path.exists():
        raise Http404
    audit(request, "report_downloaded", run=name, kind=kind)
    return FileResponse(
        path.open("rb"), as_attachment=True, filename=f"kezhi-{found.as_of}.{kind}", content_type=FILES[kind]
    )


@needs("people")  # administrators only
@require_POST
def delete(request: SignedIn, name: str) -> HttpResponse:
    """Delete an old run."""
    named(name)
    keeping.delete(name)
    audit(request, "run_deleted", run=name)
    messages.success(request, say(DELETED, name=name))
    return redirect("runs")


@needs("company")
@require_http_methods(["GET", "POST"])
def compare(request: SignedIn) -> HttpResponse:
    """Two runs beside each other, as `kezhi compare`; asking for it is a POST, as a child has to compute it."""
    every = listed.names()
    if len(every) < 2:
        return render(request, "runs/compare.html", {"names": every})
    asked = request.POST if request.method == "POST" else request.GET
    before, after = (named(asked.get(side) or name) for side, name in (("before", every[1]), ("after", every[0])))
    job = comparing.job_of(before, after)
    if request.method == "POST":
        if compared.kept(before, after) is None and (job is None or job.ended):
            enqueue("compare", {"before": before.name, "after": after.name}, request.viewer.name)
        return redirect(comparing.address(before, after))
    found = compared.kept(before, after)
    known = {
        "names": every,
        "lines": {line.name: line for line in listed.lines(_offered(every, before.name, after.name))},
        "before": before,
        "after": after,
        "found": comparing.as_shown(found, before, after, personal=request.viewer.may("personal")) if found else None,
        "job": seen(job, request) if found is None and job is not None else None,
    }
    return render(request, "runs/compare.html", known)


def _offered(every: list[str], *chosen: str) -> list[str]:
    """The runs to choose from: the newest, and the two at hand."""
    newest = every[:OFFERED]
    return newest + sorted({name for name in chosen if name not in newest}, reverse=True)
