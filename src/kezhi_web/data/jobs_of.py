"""Importing and taking back: the two things that change the book, one after the other in the worker."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from kezhi.engine import open_engine
from kezhi.intake import import_table, take_back
from kezhi.language import KezhiError, Text
from kezhi.progress import Event, Outlook, Stages
from kezhi.workspace import Workspace
from kezhi_web.capture.writing import book
from kezhi_web.data.dryrun import with_usual
from kezhi_web.data.keeping import clear, files_of, tidy
from kezhi_web.data.looking import look, looked, result_of, today
from kezhi_web.data.models import DONE, Upload
from kezhi_web.data.writing import unstoppable, wait_for_readers
from kezhi_web.runs.jobs import Tell, handles
from kezhi_web.runs.looking import ALSO
from kezhi_web.runs.models import Job
from kezhi_web.shown.run import workspace

IMPORTING = Text("Importing {files} into the book", "正在导入 {files}")
TAKING_BACK = Text("Taking an import back", "正在撤回导入")
GONE = Text("The uploaded files are gone; upload them again.", "上传的文件已不在；请重新上传。")


@handles("import")
def import_upload(job: Job, tell: Tell) -> dict[str, Any]:
    """Import an upload's files and take back those that they replace; or only take one back.

    Both are the same kind of job, so that one comes after the other. Begun anew it finds what it did before.
    """
    if "take_back" in job.asked:
        return _take_back(str(job.asked["table"]), [str(job.asked["take_back"])], tell)
    upload = Upload.objects.get(pk=job.asked["upload"])
    if upload.state == DONE:
        return _result(upload)
    paths = files_of(upload)
    if not paths:
        raise KezhiError(GONE)
    names = ", ".join(path.name for path in paths[:3])
    tell(0.0, IMPORTING.fill(files=names))
    if upload.replaces:
        wait_for_readers(tell)  # now, while stopping leaves the book as it was, and no run begins with both in it
    with book:
        entries = _import(workspace(), upload, [str(path) for path in paths], tell, names)
    for entry in entries:  # what this job brought in before it was interrupted is no repetition
        entry["added"] = entry["sha256"] not in job.asked.get("there", ())
    came = {entry["sha256"] for entry in entries}
    # from here on it goes to its end: stopped in between, the new rows and those that they replace would both count
    _take_back(upload.table, [one for one in upload.replaces if one not in came], unstoppable(tell))
    with transaction.atomic():
        upload.entries, upload.state, upload.job = entries, DONE, job
        upload.save()
    clear(upload)
    return _result(upload)


def _import(place: Workspace, upload: Upload, paths: list[str], tell: Tell, names: str) -> list[dict[str, Any]]:
    mapping = with_usual(place, upload.table, upload.mapping, _columns(upload))
    limits = place.settings()

    def listen(event: Event) -> None:
        tell(event.done, IMPORTING.fill(files=names))

    with (
        Stages(listen, {"import": IMPORTING.fill(files=names)}, Outlook(("import",))) as stages,
        open_engine(memory_limit=limits.memory_limit, threads=limits.threads) as engine,
        stages("import"),
    ):
        stages.interrupt = engine.interrupt
        return import_table(engine, place, upload.table, paths, mapping, today())


def _columns(upload: Upload) -> list[str]:
    """The columns of its files, as the look found them."""
    if not result_of(upload).exists():
        look(upload)
    found = looked(upload)
    return [column["name"] for column in found["columns"]] if found else []


def _result(upload: Upload) -> dict[str, Any]:
    rows = [entry["rows"] for entry in upload.entries if entry["added"]]
    return {
        "upload": upload.pk,
        "table": upload.table,
        "accepted": sum(one["accepted"] for one in rows),
        "quarantined": sum(one["quarantined"] for one in rows),
    }


def _take_back(table: str, imports: list[str], tell: Tell) -> dict[str, Any]:
    """Undo imports; what is undone already stays so."""
    if imports:
        tell(0.0, TAKING_BACK)
        wait_for_readers(tell)
        with book:
            take_back(workspace(), table, [{"sha256": one, "added": True} for one in imports])
    return {"table": table, "taken_back": imports}


def look_around() -> None:
    """Uploads that nobody decides on."""
    tidy(timezone.now())


ALSO.append(look_around)
