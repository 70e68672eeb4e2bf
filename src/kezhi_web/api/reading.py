"""Operations that read."""

# annotations are needed as they stand: the API is described from them
from dataclasses import asdict
from typing import Annotated, Any, Literal

from django.http import Http404, HttpRequest, StreamingHttpResponse
from ninja import Query, Router

from kezhi.language import KezhiError, Text
from kezhi_web.alerts.listing import STATES, some
from kezhi_web.alerts.listing import Asked as AskedAlerts
from kezhi_web.api import answers
from kezhi_web.api.answers import plain
from kezhi_web.api.guard import needs, rows_of
from kezhi_web.customers import exports
from kezhi_web.customers.asked import Asked
from kezhi_web.customers.fields import Fields, fields_of
from kezhi_web.customers.listing import Listing
from kezhi_web.people.models import audit, seen
from kezhi_web.runs import listed
from kezhi_web.runs.models import Job
from kezhi_web.shown import workspace
from kezhi_web.shown.run import named
from kezhi_web.words import spoken

router = Router()
MOST = 1000
Limit = Annotated[int, Query(ge=1, le=MOST, description="rows at most")]
RunName = Annotated[str | None, Query(description="a run's name; the newest without")]
Filter = Annotated[str, Query(max_length=4000, description="a filter, as tier = 'vip', or a saved segment's name")]
After = Annotated[str, Query(max_length=500, description="`next` of the page before")]
Names = Annotated[str, Query(max_length=2000, description="names of columns, with commas; all without")]
BAD_COLUMN = Text("There is no column {name!r}.", "没有列 {name!r}。")
BAD_SORT = Text("Customers cannot be sorted by {name!r}.", "不能按 {name!r} 排序。")
BAD_AFTER = Text(
    "This is no place in the list: give `next` of an earlier answer.", "无效的位置：请使用之前返回的 next。"
)


@router.get("/customers", response={200: answers.Page, 400: answers.Refusal}, tags=["customers"])
@needs("own")
def customers(
    request: HttpRequest,
    filter: Filter = "",  # noqa: A002  the name in the address
    search: Annotated[str, Query(max_length=200)] = "",
    sort: Annotated[
        str, Query(max_length=60, description="a column; a minus before it for falling")
    ] = "-forecast_value",
    columns: Names = "",
    after: After = "",
    limit: Limit = 100,
    run: RunName = None,
) -> Any:
    """Customers of a run, page by page by the key of the last row."""
    shown, rows = rows_of(request, run)
    fields = fields_of(rows)
    wanted = _columns(columns, tuple(fields.by_name))
    asked = Asked(
        search=" ".join(search.split()),
        text=filter.strip(),
        sort=_sorted_by(sort, fields),
        descending=sort.startswith("-"),
        columns=wanted,
        after=after,
    )
    page = Listing(rows, asked).page(limit)
    shown_columns = {"customer_id", *wanted}
    found = [plain(row, set(row) - shown_columns) for row in page.rows]
    return {"run": shown.name, "as_of": shown.as_of, "rows": found, "next": page.following or None}


def _sorted_by(said: str, fields: Fields) -> str:
    name = said.removeprefix("-")
    if name not in fields or fields[name].kind == "list":
        raise KezhiError(BAD_SORT.fill(name=name[:40]))
    return name


def _columns(given: str, known: tuple[str, ...]) -> tuple[str, ...]:
    wanted = tuple(dict.fromkeys(one.strip() for one in given.split(",") if one.strip()))
    for one in wanted:
        if one not in known:
            raise KezhiError(BAD_COLUMN.fill(name=one[:40]))
    return wanted or known


@router.get("/export", response={200: None, 400: answers.Refusal}, tags=["customers"])
@needs("export")
def export(
    request: HttpRequest,
    format: Literal["csv", "parquet", "xlsx"] = "csv",  # noqa: A002
    filter: Filter = "",  # noqa: A002
    columns: Names = "",
    sort: Annotated[
        str, Query(max_length=60, description="as of customers; without it CSV and Parquet begin at once, in no order")
    ] = "",
    only_consenting: bool = False,
    run: RunName = None,
) -> Any:
    """A whole list as a file, sent in pieces. Blacklisted customers and those who refused contact are left out, and
    counted in the headers X-Customers, X-Excluded, X-Refused, X-Unknown (said neither yes nor no; left out with
    `only_consenting`)."""
    shown, rows = rows_of(request, run)
    fields = fields_of(rows)
    order = exports.Order(
        run=shown.name,
        rule=Listing(rows, Asked(text=filter.strip())).rule,  # tells what is wrong with it, and what may not be asked
        columns=_columns(columns, tuple(fields.by_name)),
        sort=_sorted_by(sort, fields) if sort else "",
        descending=sort.startswith("-"),
        search="",
        owner=rows.owner,
        personal=rows.personal,
        contact=False,
        only_consenting=only_consenting,
        language=spoken(),
    )
    pieces, counts = exports.sent(rows, order, format)
    told = {"rule": order.rule, "columns": list(order.columns), "customers": counts.customers}
    audit(request, "list_exported", by="api", format=format, run=shown.name, **told)
    response = StreamingHttpResponse(pieces, content_type=exports.FORMATS[format])
    response["Content-Disposition"] = f'attachment; filename="customers.{format}"'
    for name, number in asdict(counts).items():
        response[f"X-{name.title()}"] = str(number)
    return response


@router.get("/customers/{path:customer_id}", response={200: answers.Customer, 404: answers.Refusal}, tags=["customers"])
@needs("own")
def customer(request: HttpRequest, customer_id: str, run: RunName = None) -> Any:
    """One customer with forecast, open alerts and segments."""
    shown, rows = rows_of(request, run)
    found = rows.ask(f"select * from {rows.people} where customer_id = ?", [customer_id])
    if not found:
        raise Http404
    seen(request, customer_id)
    return {
        "run": shown.name,
        "as_of": shown.as_of,
        "customer": plain(found[0], set(found[0]) - set(fields_of(rows).by_name)),
        "forecast": _own(rows, "forecast", customer_id, "step"),
        "alerts": [one for one in _own(rows, "alerts", customer_id, "rank") if one.get("state") == "open"],
        "segments": [one["segment"] for one in _own(rows, "segments", customer_id, "segment")],
    }


def _own(rows: Any, table: str, customer_id: str, order: str) -> list[dict[str, Any]]:
    if not rows.run.has(table):
        return []
    found = rows.ask(f"select * from {rows.table(table)} where customer_id = ? order by {order}", [customer_id])
    return [plain(row, () if rows.personal else ("name",)) for row in found]


@router.get("/forecast", response=answers.Forecast, tags=["forecast"])
@needs("company")
def forecast(request: HttpRequest, run: RunName = None) -> Any:
    """The company's history and forecast by period, with 80 % intervals."""
    shown, _ = rows_of(request, run)
    company = shown.models.get("company") or {}
    return {
        "run": shown.name,
        "as_of": shown.as_of,
        "currency": shown.currency,
        "period": shown.period,
        **{name: [plain(one) for one in company.get(name) or []] for name in ("history", "forecast")},
        "total": plain(company.get("total") or {}),
    }


@router.get("/forecast/customers", response={200: answers.Page, 400: answers.Refusal}, tags=["forecast"])
@needs("own")
def forecast_by_customer(request: HttpRequest, after: After = "", limit: Limit = 100, run: RunName = None) -> Any:
    """Every customer in every coming period with every factor, by customer; `limit` counts customers."""
    shown, rows = rows_of(request, run)
    ids = rows.ask(
        f"select distinct customer_id from {rows.table('forecast')} where customer_id > ? order by customer_id limit ?",
        [after, limit],
    )
    marks = ", ".join("?" * len(ids))
    found = rows.ask(
        f"select * from {rows.table('forecast')} where customer_id in ({marks or 'null'}) order by customer_id, step",
        [one["customer_id"] for one in ids],
    )
    following = ids[-1]["customer_id"] if len(ids) == limit else None
    return {"run": shown.name, "as_of": shown.as_of, "rows": [plain(one) for one in found], "next": following}


@router.get("/segments", response=answers.Segments, tags=["segments"])
@needs("company")
def segments(request: HttpRequest, run: RunName = None) -> Any:
    """The saved segments, counted; their customers: `/customers?filter=NAME`."""
    shown, rows = rows_of(request, run)
    told = [
        {"name": name, "filter": rule, "customers": _counted(rows, name)}
        for name, rule in workspace().settings().segments.items()
    ]
    return {"run": shown.name, "as_of": shown.as_of, "segments": told}


def _counted(rows: Any, name: str) -> int | None:
    try:
        return Listing(rows, Asked(segment=name)).sums().customers
    except KezhiError:  # it asks for a field that this run has not
        return None


@router.get("/alerts", response={200: answers.Page, 400: answers.Refusal}, tags=["alerts"])
@needs("own")
def alerts(
    request: HttpRequest,
    state: Annotated[str, Query(pattern=f"^({'|'.join(STATES)})$")] = "open",
    cause: Annotated[str, Query(max_length=30)] = "",
    after: Annotated[int, Query(ge=0, le=10**9, description="`next` of the page before")] = 0,
    limit: Limit = 100,
    run: RunName = None,
) -> Any:
    """Alerts, the customer with the largest expected loss first, with what people did about them."""
    shown, rows = rows_of(request, run)
    asked = AskedAlerts(state=state, cause=cause)
    found = some(rows, asked, after, limit + 1) if shown.has("alerts") else []
    more = after + limit if len(found) > limit else None
    return {
        "run": shown.name,
        "as_of": shown.as_of,
        "rows": [_alert(one, personal=rows.personal) for one in found[:limit]],
        "next": None if more is None else str(more),
    }


def _alert(row: dict[str, Any], *, personal: bool) -> dict[str, Any]:
    told = {name: value.as_dict() if isinstance(value, Text) else value for name, value in row.items()}
    return plain(told, () if personal else ("name",))


@router.get("/runs", response=answers.Runs, tags=["runs"])
@needs("company")
def runs(request: HttpRequest) -> Any:  # noqa: ARG001
    """All finished runs."""
    found = [named(name) for name in listed.names()]
    return {
        "runs": [
            {
                "name": one.name,
                "as_of": one.as_of,
                "created": one.manifest["created"],
                "period": one.period,
                "horizon": one.manifest.get("horizon", 0),
                "currency": one.currency,
                "totals": plain(one.manifest.get("totals") or {}),
            }
            for one in found
        ]
    }


@router.get("/jobs/{int:number}", response={200: answers.Work, 404: answers.Refusal}, tags=["runs"])
@needs("own")
def job(request: HttpRequest, number: int) -> Any:
    """How far a run or an import is; one's own, or any for those who may start runs."""
    viewer = request.viewer  # type: ignore[attr-defined]
    if number > 2**62:
        raise Http404
    found = Job.objects.filter(pk=number).first()
    if found is None or not (viewer.may("run") or found.by == viewer.name):
        raise Http404
    return told_of(found)


def told_of(found: Job) -> dict[str, Any]:
    """A job as the API tells it."""
    told = {name: found.told[name] for name in ("en", "zh")} if "en" in found.told else None
    return {
        "id": found.pk,
        "kind": found.kind,
        "state": found.state,
        "share": found.share,
        "told": told,
        "result": plain(found.result),
    }
