"""The history of imports, what was set aside of each, and taking one back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from django.contrib import messages
from django.http import FileResponse, Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from kezhi.intake import BOOK_TABLES
from kezhi.language import Text
from kezhi.sources import CHECKS, TABLES
from kezhi_web.capture.masking import masked
from kezhi_web.data import sheets
from kezhi_web.data.columns import called
from kezhi_web.data.history import Import, imports, one
from kezhi_web.people.models import audit
from kezhi_web.people.rights import SignedIn, needs
from kezhi_web.runs.jobs import enqueue
from kezhi_web.runs.models import WAITING, WORKING, Job
from kezhi_web.words import say

SHOWN = 100  # rows of a quarantine on its page
ASKED = Text(
    "The import is being taken back. What it brought no longer counts from the next run on.",
    "正在撤回该导入。从下一次运行起，它带来的数据不再计入。",
)
OF_PEOPLE = Text(
    "These rows were recorded on the pages; change or withdraw them there.",
    "这些内容是在页面上登记的，请在登记处修改或撤回。",
)
COLUMNS = (
    Text("File", "文件"),
    Text("Row", "行"),
    Text("Rule", "规则"),
    Text("Column", "列"),
    Text("What stands there", "原内容"),
    Text("What to do", "如何处理"),
)


@needs("import")
def history(request: SignedIn) -> HttpResponse:
    """Every import, the newest first, of one table or of all."""
    table = request.GET.get("table", "")
    if table and table not in BOOK_TABLES:
        raise Http404
    found = imports(table or None)
    there = [(name, TABLES[name].title) for name in BOOK_TABLES]
    return render(
        request,
        "data/imports.html",
        {"imports": found, "table": table, "tables": there, "leaving": _leaving()},
    )


def _leaving() -> set[str]:
    """Imports that are about to be taken back."""
    asked = Job.objects.filter(kind="import", state__in=(WAITING, WORKING))
    return {str(job.asked["take_back"]) for job in asked if "take_back" in job.asked}


def _wanted(table: str, sha256: str) -> Import:
    found = one(table, sha256)
    if found is None:
        raise Http404
    return found


@needs("import")
def one_import(request: SignedIn, table: str, sha256: str) -> HttpResponse:
    """One import: its files, its columns, and the rows that were set aside."""
    found = _wanted(table, sha256)
    rule = request.GET.get("rule", "")
    rows = list(_rejected(found, rule, personal=request.viewer.may("personal"), limit=SHOWN))
    return render(
        request,
        "data/import.html",
        {
            "one": found,
            "rules": [{**told, "title": CHECKS[told["rule"]].title} for told in found.rows["rules"]],
            "columns": [
                (_called(table, match["field"]), match["column"])
                for file in found.entry["inputs"][:1]
                for match in file.get("columns") or ()
            ],
            "rule": rule,
            "rows": rows,
            "shown": SHOWN,
            "leaving": sha256 in _leaving(),
        },
    )


def _called(table: str, name: str) -> Text:
    """A field's name as people say it."""
    known = TABLES[table].field(name)
    return called(known) if known else Text(name, name)


def _rejected(found: Import, rule: str, *, personal: bool, limit: int | None = None) -> Iterator[dict[str, Any]]:
    """Rows of the quarantine; what stood in a cell without what reaches a person, for those who may not see it."""
    if not found.rejected.exists():
        return
    count = 0
    for row in _read(found.rejected):
        if rule and row["rule"] != rule:
            continue
        if limit is not None and count >= limit:
            return
        count += 1
        seen = row["seen"]
        row["seen"] = seen if personal or not seen else masked(seen)
        check = CHECKS.get(row["rule"])
        row |= {"title": check.title if check else None, "sentence": check.sentence if check else None}
        yield row


def _read(path: Path) -> Iterator[dict[str, Any]]:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=2000):
            yield from batch.to_pylist()


@needs("export")
def quarantine_file(request: SignedIn, table: str, sha256: str, kind: str) -> FileResponse:
    """The rows that were set aside as a file, each with what to do."""
    if not request.viewer.may("import") or kind not in sheets.KINDS:
        raise Http404
    found = _wanted(table, sha256)
    personal = request.viewer.may("personal")
    rows = (
        (row["file"], row["row"], say(row["title"]), row["column"], row["seen"], say(row["sentence"]))
        for row in _rejected(found, request.GET.get("rule", ""), personal=personal)
    )
    audit(request, "quarantine_exported", table=table, file=sha256, rows=found.rows["quarantined"])
    return sheets.answer(f"quarantine-{table}-{sha256[:8]}", kind, [say(title) for title in COLUMNS], rows)


@require_POST
@needs("import")
def take_back(request: SignedIn, table: str, sha256: str) -> HttpResponse:
    """Ask that an import be undone."""
    found = _wanted(table, sha256)
    if found.recorded:
        messages.error(request, say(OF_PEOPLE))
    else:
        if sha256 not in _leaving():
            enqueue("import", {"take_back": sha256, "table": table}, request.viewer.name)
            audit(
                request, "import_taken_back", table=table, file=sha256, files=found.files, rows=found.rows["accepted"]
            )
        messages.success(request, say(ASKED))
    return redirect("imports")
