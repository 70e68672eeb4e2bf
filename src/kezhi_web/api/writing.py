"""Operations that change something; each is in the audit log."""

# annotations are needed as they stand: the API is described from them
from typing import Annotated, Any

from django.http import Http404, HttpRequest, QueryDict
from ninja import File, Query, Status
from ninja.files import UploadedFile

from kezhi.intake import BOOK_TABLES
from kezhi.language import KezhiError, Text
from kezhi_web.alerts import acting
from kezhi_web.api import answers
from kezhi_web.api.answers import plain
from kezhi_web.api.guard import needs, rows_of
from kezhi_web.api.reading import router, told_of
from kezhi_web.corrections import trying
from kezhi_web.corrections.log import batches
from kezhi_web.corrections.models import TRIED, Trial
from kezhi_web.data.keeping import take_in
from kezhi_web.data.looking import look, looked
from kezhi_web.data.models import ASKED, Upload
from kezhi_web.people.models import audit
from kezhi_web.runs.jobs import cancel, enqueue
from kezhi_web.runs.listed import MODELS
from kezhi_web.runs.models import Job
from kezhi_web.shown import workspace
from kezhi_web.shown.run import named
from kezhi_web.words import spoken

NO_MODEL = Text("There is no model {given!r}.", "没有模型 {given!r}。")
NO_ORDERS = Text("There are no orders in the book yet; import some first.", "台账中还没有订单；请先导入订单。")
ONE_OF = Text("Say exactly one of: {names}.", "请恰好指定其中一项：{names}。")
NO_COLUMN = Text(
    "No column was recognised as {fields}; say which it is on the page of the data.",
    "未能识别出 {fields} 列；请在“数据”页面指定。",
)
NO_TABLE = Text("There is no table {given!r}; there are {known}.", "没有表 {given!r}；可用的表：{known}。")


@router.post("/runs", response={202: answers.Work, 400: answers.Refusal, 403: answers.Refusal}, tags=["runs"])
@needs("run")
def start(request: HttpRequest, asked: answers.RunAsked) -> Any:
    """Start a run; its progress: `/jobs/ID`."""
    if asked.model and asked.model not in MODELS:
        raise KezhiError(NO_MODEL.fill(given=asked.model))
    if not workspace().imports("orders"):
        raise KezhiError(NO_ORDERS)
    as_of = asked.as_of.isoformat() if asked.as_of else None
    wanted = {"as_of": as_of, "model": asked.model, "horizon": asked.horizon, "language": spoken()}
    job = enqueue("run", wanted, _name(request))
    audit(request, "run_asked", job=job.pk, by="api")
    return Status(202, told_of(job))


@router.delete("/jobs/{int:number}", response={202: answers.Work, 404: answers.Refusal}, tags=["runs"])
@needs("run")
def stop(request: HttpRequest, number: int) -> Any:
    """Cancel a run that waits or is at work; nothing unfinished is left."""
    found = Job.objects.filter(pk=number, kind="run").first() if number < 2**62 else None
    if found is None:
        raise Http404
    cancel(found)
    audit(request, "run_cancelled", job=found.pk, by="api")
    found.refresh_from_db()
    return Status(202, told_of(found))


@router.get("/corrections", response=answers.Corrections, tags=["corrections"])
@needs("correct")
def corrections(request: HttpRequest) -> Any:  # noqa: ARG001
    """All corrections ever made, the newest first."""
    return {"corrections": [_batch(one) for one in batches(named(None).worth)]}


def _batch(one: Any) -> dict[str, Any]:
    return {
        "numbers": list(range(one.first, one.last + 1)),
        "at": one.at,
        "who": one.who,
        "why": one.why,
        "whom": list(one.whom),
        "words": [text.as_dict() for text in one.words],
        "holds": bool(one.undoable),
        "effect": one.effect,
    }


@router.post("/corrections", response={202: answers.Tried, 400: answers.Refusal}, tags=["corrections"])
@needs("correct")
def correct(request: HttpRequest, asked: answers.CorrectionAsked) -> Any:
    """Correct a figure: tried first, written down by the worker; refused with a sentence where it cannot be meant."""
    given = {"customer": asked.customer, "where": asked.where, "everyone": asked.everyone or None}
    if sum(value is not None for value in given.values()) != 1:
        raise KezhiError(ONE_OF.fill(names=", ".join(given)))
    if asked.where is not None:
        rows_of(request)[1].chosen(asked.where)  # may this be asked? whom it touches is told
    whom = {"customers": [asked.customer] if asked.customer else None, "where": asked.where, "everyone": asked.everyone}
    wanted = {"figure": asked.figure, "change": asked.change, "period": asked.period, **whom}
    return _tried_and_made(request, "change", wanted, asked.why, dry=asked.dry)


@router.delete("/corrections/{int:number}", response={202: answers.Tried, 400: answers.Refusal}, tags=["corrections"])
@needs("correct")
def undo(request: HttpRequest, number: int, why: Annotated[str, Query(max_length=500)] = "") -> Any:
    """Take a correction back by its number."""
    return _tried_and_made(request, "undo", {"numbers": [number]}, why or "API", dry=False)


def _tried_and_made(request: HttpRequest, kind: str, asked: dict[str, Any], why: str, *, dry: bool) -> Any:
    trial = Trial.objects.create(kind=kind, asked=asked, by=_name(request))
    trying.attempt(trial)
    if trial.state != TRIED:
        raise KezhiError(Text(**trial.told))
    if not dry:
        trying.confirm(trial, why)
        audit(request, "correction_confirmed", trial=trial.pk, kind=kind, by="api")
    return Status(202, _trial(trial))


@router.get("/trials/{int:number}", response={200: answers.Tried, 404: answers.Refusal}, tags=["corrections"])
@needs("correct")
def trial(request: HttpRequest, number: int) -> Any:  # noqa: ARG001
    """What became of a correction."""
    found = Trial.objects.filter(pk=number).first() if number < 2**62 else None
    if found is None:
        raise Http404
    return _trial(found)


def _trial(found: Trial) -> dict[str, Any]:
    return {"id": found.pk, "state": found.state, "told": found.told or None, "result": plain(found.result)}


@router.post("/alerts", response={200: answers.Changed, 400: answers.Refusal, 404: answers.Refusal}, tags=["alerts"])
@needs("act")
def handle(request: HttpRequest, asked: answers.AlertAsked) -> Any:
    """Assign, snooze or close an alert."""
    _, rows = rows_of(request)
    said = {
        acting.assign: None if asked.assign is None else {"to": asked.assign or "-"},
        acting.snooze: None if asked.snooze is None else {"until": asked.snooze.isoformat()},
        acting.close: None if asked.outcome is None else {"outcome": asked.outcome, "note": asked.note},
    }
    chosen = [(act, fields) for act, fields in said.items() if fields is not None]
    if len(chosen) != 1:
        raise KezhiError(ONE_OF.fill(names="assign, snooze, outcome"))
    [(act, fields)] = chosen
    form = QueryDict(mutable=True)
    form.update(fields)
    request.POST = form  # type: ignore[assignment]  the same rules as for the form on the page
    done = act(request, rows, [(asked.customer_id, asked.cause, asked.opened_on)])  # type: ignore[arg-type]
    return {"changed": done.changed, "left": done.left}


@router.get("/imports", response=answers.Imports, tags=["imports"])
@needs("import")
def imports(request: HttpRequest) -> Any:  # noqa: ARG001
    """What the book holds."""
    found = [
        {
            "table": table,
            "sha256": one["sha256"],
            "rows": one["rows"],
            "files": [file["file"] for file in one["inputs"]],
        }
        for table in BOOK_TABLES
        for one in reversed(workspace().imports(table))
    ]
    return {"imports": [plain(one) for one in found]}


@router.post("/imports", response={202: answers.Uploaded, 400: answers.Refusal}, tags=["imports"])
@needs("import")
def upload(
    request: HttpRequest,
    file: Annotated[UploadedFile, File(description="CSV, TSV, Excel or Parquet")],
    table: Annotated[str, Query(max_length=40, description="a table of the book")] = "orders",
) -> Any:
    """Import a file into a table of the book; its progress: `/jobs/ID`. Rejected rows are in quarantine."""
    if table not in BOOK_TABLES:
        raise KezhiError(NO_TABLE.fill(given=table, known=", ".join(BOOK_TABLES)))
    made = take_in([file], table, _name(request))
    look(made)
    found = looked(made)
    trouble = (found or {}).get("trouble")
    job = None
    if not trouble:
        job = enqueue("import", {"upload": made.pk}, _name(request))
        Upload.objects.filter(pk=made.pk).update(state=ASKED, job=job)
        audit(request, "import_asked", upload=made.pk, table=table, by="api")
    told = _trouble(trouble) if trouble else None
    return Status(202, {"upload": made.pk, "table": table, "job": job.pk if job else None, "trouble": told})


def _trouble(found: dict[str, Any]) -> dict[str, str]:
    """Why a file cannot be imported as it is, for somebody to decide on the page of the data."""
    if found["kind"] == "missing":
        return NO_COLUMN.fill(fields=", ".join(found["fields"])).as_dict()
    return {"en": found["en"], "zh": found["zh"]}


def _name(request: HttpRequest) -> str:
    return str(request.viewer.name)  # type: ignore[attr-defined]
