"""Corrections by spreadsheet: the coming periods as a workbook to edit, and what was edited in it."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_POST

from kezhi.corrections.sheet import NAMES, write_template
from kezhi.language import KezhiError, Text
from kezhi_web.corrections import trying
from kezhi_web.corrections.models import Trial
from kezhi_web.people.models import audit
from kezhi_web.people.rights import SignedIn, needs, of_run
from kezhi_web.shown import Rows
from kezhi_web.words import say, spoken

MOST = 20_000  # rows of a sheet
MOST_BYTES = 30 * 2**20
WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
NO_FILE = Text("Choose the workbook that you edited.", "请选择编辑后的工作簿。")
NOT_XLSX = Text("Save the workbook as .xlsx and choose it again.", "请把工作簿另存为 .xlsx 后重新选择。")
LARGE = Text("The workbook is larger than {most} MB.", "工作簿超过 {most} MB。")
NOBODY = Text("This filter chooses nobody.", "此筛选没有选中任何客户。")


@needs("correct")
@require_GET
def download(request: SignedIn) -> HttpResponse:
    """The coming periods of those whom a filter chooses, or of all; the largest forecast first."""
    if not request.viewer.may("export"):
        return redirect("corrections")
    run, rows = of_run(request)
    query = request.GET.get("where", "").strip() or "all"
    try:
        found = _rows(rows, query, max(MOST // int(run.manifest["horizon"]), 1))
    except KezhiError as error:
        messages.error(request, say(error.text))
        return redirect("corrections")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "sheet.xlsx"
        write_template(path, found, None, spoken())
        file = HttpResponse(path.read_bytes(), content_type=WORKBOOK)
    audit(request, "corrections_sheet_exported", run=run.name, rows=found.num_rows, where=query)
    file["Content-Disposition"] = f'attachment; filename="corrections-{run.as_of}.xlsx"'
    return file


@needs("correct")
@require_POST
def upload(request: SignedIn) -> HttpResponse:
    """What was edited in a sheet, tried before it is made."""
    file = request.FILES.get("file")
    wrong = _wrong(file)
    if wrong is not None:
        messages.error(request, say(wrong))
        return redirect("corrections")
    made = Trial.objects.create(kind="sheet", asked={"file": str(file.name)[:100]}, by=request.viewer.name)
    path = trying.kept(made)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as kept:
        for piece in file.chunks():
            kept.write(piece)
    trying.begin(made)
    return redirect("correction-trial", made.pk)


def _wrong(file: Any) -> Text | None:
    """Why an upload is no workbook; None where it may be one."""
    if file is None:
        return NO_FILE
    if file.size > MOST_BYTES:
        return LARGE.fill(most=MOST_BYTES // 2**20)
    begins = file.read(4)
    file.seek(0)
    return None if str(file.name).lower().endswith(".xlsx") and begins == b"PK\x03\x04" else NOT_XLSX


def _rows(rows: Rows, query: str, customers: int) -> pa.Table:
    """The rows of the sheet, as kezhi.correcting.write_sheet has them."""
    columns = ", ".join(f"{'c' if name == 'name' else 'f'}.{name}" for name in NAMES)
    found = rows.ask(
        "with best as (select customer_id, name, forecast_value from "
        f"{rows.chosen(query)} order by forecast_value desc, customer_id limit ?) "
        f"select {columns} from {rows.table('forecast')} as f join best as c using (customer_id) "
        "order by c.forecast_value desc, f.customer_id, f.step",
        [customers],
    )
    if not found:
        raise KezhiError(NOBODY)
    return pa.Table.from_pylist(found)
