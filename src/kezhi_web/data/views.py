"""Uploading files, seeing what would become of them, and importing them."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from kezhi.intake import BOOK_TABLES
from kezhi.language import KezhiError, Text
from kezhi.sources import TABLES
from kezhi_web.data.columns import chosen, offered
from kezhi_web.data.history import held, imports
from kezhi_web.data.keeping import MOST_FILES, UNDECIDED_DAYS, busy, files_of, remove, take_in
from kezhi_web.data.looking import looked, result_of
from kezhi_web.data.models import ASKED, DONE, OPEN, Upload
from kezhi_web.people.models import audit
from kezhi_web.people.rights import SignedIn, needs
from kezhi_web.runs.jobs import enqueue
from kezhi_web.runs.models import DONE as JOB_DONE
from kezhi_web.runs.models import WAITING, WORKING, Job
from kezhi_web.runs.starting import USUAL, ask_for_run
from kezhi_web.shown.run import workspace
from kezhi_web.uploads import ACCEPT, NO_FILE
from kezhi_web.words import say

TOO_MANY = Text("Up to {most} files can be uploaded at once.", "一次最多上传 {most} 个文件。")
CHANGED = Text(
    "The columns or the book have changed since you looked, so the files were checked again. Look at the figures, then "
    "import.",
    "您查看之后，列的设置或台账有了变化，已重新核对。请看过下方数字后再导入。",
)
AT_IMPORT = Text("These files are being imported; nothing can be changed any more.", "这些文件正在导入，不能再修改。")
NOT_READY = Text("This upload cannot be imported as it is; see below.", "此上传暂时无法导入，请看下方说明。")
NOTHING_IN = Text("No row of these files can be taken in.", "这些文件中没有可导入的行。")
DROPPED = Text("The upload was thrown away; the book is as it was.", "已丢弃上传的文件，台账未改变。")
NO_ORDERS = Text("A run needs orders. Upload orders first.", "运行需要订单。请先上传订单。")
WAITING_SHOWN = 20


def tables() -> list[dict[str, Any]]:
    """The tables of the book for a select."""
    return [{"name": name, "title": TABLES[name].title} for name in BOOK_TABLES]


@needs("import")
def data(request: SignedIn) -> HttpResponse:
    """Upload files; what waits to be decided; what the book holds."""
    return render(
        request,
        "data/data.html",
        {
            "tables": tables(),
            "accept": ACCEPT,
            "waiting": [(one, files_of(one)) for one in Upload.objects.filter(state__in=(OPEN, ASKED))[:WAITING_SHOWN]],
            "kept_days": UNDECIDED_DAYS,
            "held": (there := held()),
            "several": any(one["imports"] > 1 for one in there),
            "any": bool(workspace().book_files("orders")),
            "run_at_work": Job.objects.filter(kind="run", state__in=(WAITING, WORKING)).exists(),
            "first": workspace().latest_run() is None,
        },
    )


@require_POST
@needs("import")
def upload_files(request: SignedIn) -> HttpResponse:
    """Keep the files, and go on to what is in them."""
    files = request.FILES.getlist("files")
    table = request.POST.get("table", "")
    try:
        if not files:
            raise KezhiError(NO_FILE)
        if len(files) > MOST_FILES:
            raise KezhiError(TOO_MANY.fill(most=MOST_FILES))
        made = take_in(files, table if table in BOOK_TABLES else "", request.viewer.name)
    except KezhiError as error:
        messages.error(request, say(error.text))
        return redirect("data")
    audit(request, "files_uploaded", upload=made.pk, files=[file.name for file in files])
    return redirect("upload", made.pk)


@needs("import")
def upload(request: SignedIn, number: int) -> HttpResponse:
    """Step 2: what would become of the files; step 3: the import at work, and what came in."""
    one = _upload(number, OPEN, ASKED, DONE)
    if one.state == DONE:
        return render(request, "data/imported.html", _imported(one))
    if busy(one):
        return render(request, "data/importing.html", {"upload": one, "job": one.job, "files": files_of(one)})
    found = looked(one)
    if found is None:
        return render(request, "data/looking.html", {"upload": one, "files": files_of(one)})
    others = Upload.objects.filter(state=OPEN).exclude(pk=one.pk)
    return render(
        request,
        "data/upload.html",
        {
            "upload": one,
            "found": found,
            "seen": result_of(one).name,
            "title": TABLES[found["table"]].title,
            "tables": tables(),
            "failed": one.job if one.job and one.job.state != JOB_DONE else None,
            "earlier": [known for known in imports(one.table) if not known.recorded],
            "others": [(other, files_of(other)) for other in others[:10]],
            **offered(found, one.mapping, personal=request.viewer.may("personal")),
        },
    )


def _upload(number: int, *states: str) -> Upload:
    return get_object_or_404(Upload.objects.select_related("job"), pk=number, state__in=states)


def _imported(one: Upload) -> dict[str, Any]:
    return {
        "upload": one,
        "title": TABLES[one.table].title,
        "accepted": sum(entry["rows"]["accepted"] for entry in one.entries if entry["added"]),
        "quarantined": sum(entry["rows"]["quarantined"] for entry in one.entries if entry["added"]),
        "known": [entry for entry in one.entries if not entry["added"]],
        "others": [(other, files_of(other)) for other in Upload.objects.filter(state=OPEN)[:10]],
        "orders": bool(workspace().book_files("orders")),
        "run_at_work": Job.objects.filter(kind="run", state__in=(WAITING, WORKING)).exists(),
        "first": workspace().latest_run() is None,
    }


@require_POST
@needs("import")
def choose_columns(request: SignedIn, number: int) -> HttpResponse:
    """Keep what somebody said of table and columns; the page then looks again."""
    one = _upload(number, OPEN, ASKED)
    if busy(one):
        messages.info(request, say(AT_IMPORT))
        return redirect("upload", one.pk)
    table = request.POST.get("table", "")
    found = looked(one)
    if table in BOOK_TABLES and table != one.table:
        one.table, one.mapping = table, {}
    elif found is not None:
        try:
            one.mapping = chosen(found, one.mapping, {name: str(value) for name, value in request.POST.items()})
        except KezhiError as error:
            messages.error(request, say(error.text))
            return redirect("upload", one.pk)
    one.save(update_fields=["table", "mapping"])
    return redirect("upload", one.pk)


@require_POST
@needs("import")
def confirm(request: SignedIn, number: int) -> HttpResponse:
    """Ask for the import."""
    one = _upload(number, OPEN, ASKED, DONE)
    if one.state == DONE or busy(one):
        return redirect("upload", one.pk)  # asked twice
    found = looked(one)
    if found is None or request.POST.get("seen", "") not in ("", result_of(one).name):
        messages.warning(request, say(CHANGED))
        return redirect("upload", one.pk)
    if found.get("trouble"):
        messages.error(request, say(NOT_READY))
        return redirect("upload", one.pk)
    if not found["rows"]["accepted"]:
        messages.error(request, say(NOTHING_IN))
        return redirect("upload", one.pk)
    known = {earlier.sha256 for earlier in imports(one.table) if not earlier.recorded}
    one.replaces = [sha256 for sha256 in request.POST.getlist("replaces") if sha256 in known]
    one.state = ASKED
    there = [file["sha256"] for file in found["files"] if file["known"]]
    one.job = enqueue("import", {"upload": one.pk, "there": there}, request.viewer.name)
    one.save(update_fields=["replaces", "state", "job"])
    names = [path.name for path in files_of(one)]
    audit(request, "import_asked", table=one.table, files=names, rows=found["rows"]["accepted"], replaces=one.replaces)
    return redirect("upload", one.pk)


@require_POST
@needs("import")
def drop(request: SignedIn, number: int) -> HttpResponse:
    """Throw an upload away."""
    one = _upload(number, OPEN, ASKED)
    if busy(one):
        messages.info(request, say(AT_IMPORT))
    else:
        audit(request, "upload_thrown_away", upload=one.pk, table=one.table)
        remove(one)
        messages.success(request, say(DROPPED))
    return redirect("data")


@require_POST
@needs("run")
def start_run(request: SignedIn) -> HttpResponse:
    """Ask for a run with what the book holds now."""
    if not workspace().book_files("orders"):
        messages.error(request, say(NO_ORDERS))
        return redirect("data")
    return redirect("job", ask_for_run(request, USUAL).pk)
