"""The list of customers: everything that it shows follows from its address."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

import kezhi
from kezhi.language import KezhiError, Text
from kezhi.reports.numbers import count_of_periods, currency_name
from kezhi.segmenting import SUGGESTED
from kezhi.settings.segments import ALL, same
from kezhi_web.customers import builder, exports
from kezhi_web.customers.asked import Asked, place_of, read, rule_of
from kezhi_web.customers.fields import Fields, fields_of
from kezhi_web.customers.listing import Listing, everybody
from kezhi_web.customers.models import View, views_for
from kezhi_web.customers.showing import columns_of, facets_of, heads_of, rows_of
from kezhi_web.people.models import audit
from kezhi_web.people.rights import SignedIn, needs, of_run
from kezhi_web.shown import Rows, Shown
from kezhi_web.shown.run import workspace
from kezhi_web.words import say, spoken

SPARE_ROWS = 2
WORD = re.compile(r"\w+")
MOST_NAME = 60
SAVED = Text("The view “{name}” is saved.", "视图“{name}”已保存。")
DROPPED = Text("The view “{name}” is deleted.", "视图“{name}”已删除。")
NO_NAME = Text("Give the view a name of at most 60 characters.", "请为视图命名，最多 60 个字符。")
NO_RULE = Text(
    "This list leaves nobody out, so there is nothing to save as a segment. Filter it first.",
    "当前列表未做任何筛选，没有可保存为分群的条件。请先筛选。",
)
SEGMENT_SAVED = Text("The segment “{name}” is saved: {rule}", "分群“{name}”已保存：{rule}")
NO_PURPOSE = Text("Say what the list is for.", "请说明名单的用途。")
MAY_NOT = Text("Your role does not include this.", "您的角色不包含此操作。")


@needs("own")
@require_GET
def customers(request: SignedIn) -> HttpResponse:
    """The list that the address asks for."""
    run, rows = of_run(request)
    fields = fields_of(rows)
    asked = read(request.GET, fields)
    told: dict[str, Any] = {"run": run, "asked": asked, "own": rows.owner is not None, "unit": _unit(run)}
    told["span"] = count_of_periods(int(run.manifest["horizon"]), run.period, spoken())
    conditions, wrong_row = _built(request.GET, fields)
    if conditions is not None and wrong_row is None:
        return redirect(f"{reverse('customers')}?{asked.query(text=builder.written(conditions, fields))}")
    try:
        listing = Listing(rows, asked)
    except KezhiError as error:
        told |= {"wrong": error.text, "marked": _marked(asked.text, error.text)}
        listing = Listing(rows, Asked(columns=asked.columns, run=asked.run))
        rows_shown: Any = None
    else:
        rows_shown = listing.page()
    told |= {
        "rule": "" if same(listing.rule) in ALL else listing.rule,
        "page": rows_shown,
        "heads": heads_of(asked, fields, run.currency),
        "rows": rows_of(rows_shown.rows, asked, fields) if rows_shown else [],
        "facets": facets_of(listing, asked),
        "columns": columns_of(asked, fields),
        "wrong_row": wrong_row,
        "conditions": _conditions(conditions, asked, fields),
        "fields": sorted(fields, key=lambda one: say(one.title)),
    }
    if rows_shown is not None:
        told |= _sums(listing, rows)
    return render(request, "customers/customers.html", told | _saved(request, fields))


def _unit(run: Shown) -> str:
    return currency_name(run.currency, spoken()) or ""


def _built(query: QueryDict, fields: Fields) -> tuple[list[builder.Row] | None, Text | None]:
    """The conditions that were chosen in rows, and what is wrong with them; None where none were."""
    if "f" not in query:
        return None, None
    rows = builder.rows_in(query.getlist("f"), query.getlist("o"), query.getlist("v"))
    try:
        builder.written(rows, fields)
    except KezhiError as error:
        return rows, error.text
    return rows, None


def _conditions(built: list[builder.Row] | None, asked: Asked, fields: Fields) -> list[dict[str, Any]] | None:
    """The rows of the builder, with spare ones; None where the filter is more than rows can say."""
    rows = built if built is not None else builder.rows_of(asked.text, fields)
    if rows is None:
        return None
    spare = [builder.Row("", "=") for _ in range(SPARE_ROWS)]
    return [_condition(row, fields) for row in (*rows, *spare)]


def _condition(row: builder.Row, fields: Fields) -> dict[str, Any]:
    known = fields.by_name.get(row.field)
    signs = builder.signs_for(known.asked_as if known else "")
    return {
        "row": row,
        "field": known,
        "signs": signs,
        "names": sorted(map(say, known.names.values())) if known else [],
    }


def _sums(listing: Listing, rows: Rows) -> dict[str, Any]:
    sums, all_of_them = listing.sums(), everybody(rows)
    share = sums.value / all_of_them.value if all_of_them.value else None
    ahead = sums.forecast_value / all_of_them.forecast_value if all_of_them.forecast_value else None
    return {"sums": sums, "everybody": all_of_them, "share": share, "share_ahead": ahead}


def _marked(text: str, wrong: Text) -> tuple[str, str, str] | None:
    """A filter in three pieces, the middle one where the mistake is."""
    place = place_of(wrong)
    if not text or place is None or place > len(text) + 1:
        return None
    word = WORD.match(text, place - 1)
    end = word.end() if word else place
    return text[: place - 1], text[place - 1 : end] or "␣", text[end:]


def _saved(request: SignedIn, fields: Fields) -> dict[str, Any]:
    """Views and segments to choose from; segments to begin with where none is saved."""
    segments = workspace().settings().segments
    views = [
        {"view": one, "mine": one.user_id == request.user.pk, "droppable": _may_drop(request, one)}
        for one in views_for(request.user)
    ]
    suggested = [] if segments else [(said, rule) for said, rule in SUGGESTED if _fits(rule, fields)]
    return {"views": views, "segments": segments, "suggested": suggested, "formats": tuple(exports.FORMATS)}


def _fits(rule: str, fields: Fields) -> bool:
    from kezhi_web.customers.asked import names_in

    return all(name in fields for name in names_in(rule))


@needs("own")
@require_GET
def condition(request: SignedIn) -> HttpResponse:
    """One row of the builder with the comparisons that fit the field chosen in it."""
    _, rows = of_run(request)
    fields = fields_of(rows)
    [row] = builder.rows_in(
        request.GET.getlist("f")[:1], request.GET.getlist("o")[:1], request.GET.getlist("v")[:1]
    ) or [builder.Row("", "=")]
    told = {"one": _condition(row, fields), "fields": sorted(fields, key=lambda one: say(one.title))}
    return render(request, "customers/condition.html", told)


# --- what is kept -----------------------------------------------------------------------------------------


def _list_of(request: HttpRequest) -> tuple[Rows, Asked]:
    """The list that a form was sent from: its address stands in the form."""
    given = QueryDict(request.POST.get("list", ""))
    request.GET = given  # so that the run named there counts
    _, rows = of_run(request)
    return rows, read(given, fields_of(rows))


def _back(asked: Asked) -> HttpResponse:
    return redirect(f"{reverse('customers')}?{asked.query()}")


@needs("own")
@require_POST
def save_view(request: SignedIn) -> HttpResponse:
    """Keep the list under a name, in place of one's own view of that name."""
    _, asked = _list_of(request)
    name = " ".join(request.POST.get("name", "").split())
    if not name or len(name) > MOST_NAME:
        messages.error(request, say(NO_NAME))
        return _back(asked)
    everybody_sees = bool(request.POST.get("for_everybody")) and request.viewer.may("act")
    kept = {"query": asked.query(run=""), "for_everybody": everybody_sees}
    view, _ = View.objects.update_or_create(user=request.user, name=name, defaults=kept)
    audit(request, "view_saved", view=view.pk, name=name, for_everybody=everybody_sees)
    messages.success(request, say(SAVED, name=name))
    return _back(asked)


def _may_drop(request: SignedIn, view: View) -> bool:
    return view.user_id == request.user.pk or (view.for_everybody and request.viewer.may("act"))


@needs("own")
@require_POST
def drop_view(request: SignedIn, number: int) -> HttpResponse:
    """Delete one's own view, or with the right to it one for everybody."""
    view = get_object_or_404(views_for(request.user), pk=number)
    if not _may_drop(request, view):
        raise Http404
    audit(request, "view_deleted", view=view.pk, name=view.name)
    view.delete()
    messages.success(request, say(DROPPED, name=view.name))
    _, asked = _list_of(request)
    return _back(asked)


@needs("act")
@require_POST
def save_segment(request: SignedIn) -> HttpResponse:
    """Keep filter, segment and facets as a segment of the company."""
    _, asked = _list_of(request)
    name = request.POST.get("name", "").strip()
    try:
        rule = rule_of(asked)
        if same(rule) in ALL:
            raise KezhiError(NO_RULE)
        saved = kezhi.save_segment(workspace().folder, name, rule)
    except KezhiError as error:
        messages.error(request, say(error.text))
        return _back(asked)
    audit(request, "segment_saved", name=saved.name, rule=saved.rule, before=saved.before)
    messages.success(request, say(SEGMENT_SAVED, name=saved.name, rule=saved.rule))
    return _back(asked)


# --- export -----------------------------------------------------------------------------------------------


@needs("export")
@require_POST
def export(request: SignedIn) -> HttpResponse | StreamingHttpResponse:
    """The list as a file: these customers, these columns, this order; without those who want to be left alone."""
    rows, asked = _list_of(request)
    form, purpose = request.POST.get("format", ""), request.POST.get("purpose", "").strip()
    if form not in exports.FORMATS:
        raise Http404
    try:
        if not purpose:
            raise KezhiError(NO_PURPOSE)
        listing = Listing(rows, asked)
        order = exports.Order(
            run=rows.run.name,
            rule=listing.rule,
            columns=_with_name(asked, listing.fields),
            sort=asked.sort,
            descending=asked.descending,
            search=asked.search,
            owner=rows.owner,
            personal=rows.personal,
            contact=bool(request.POST.get("contact")) and rows.personal,
            only_consenting=bool(request.POST.get("only_consenting")),
            language=spoken(),
        )
        pieces, counts = exports.sent(rows, order, form)
    except KezhiError as error:
        messages.error(request, say(error.text))
        return _back(asked)
    audit(
        request,
        "list_exported",
        purpose=purpose[:500],
        format=form,
        rule=order.rule,
        columns=list(order.columns),
        contact=order.contact,
        customers=counts.customers,
        left_out={"excluded": counts.excluded, "refused": counts.refused, "unknown": counts.unknown},
        run=order.run,
    )
    name = f"{'客户' if order.language == 'zh' else 'customers'}-{rows.run.as_of.isoformat()}.{form}"
    response = StreamingHttpResponse(pieces, content_type=exports.FORMATS[form])
    response["Content-Disposition"] = f"attachment; filename=\"customers.{form}\"; filename*=UTF-8''{quote(name)}"
    return response


def _with_name(asked: Asked, fields: Fields) -> tuple[str, ...]:
    """The columns of the list; its first one shows id and name together."""
    named = ("customer_id", "name") if "name" in fields else ("customer_id",)
    return (*named, *(one for one in asked.columns if one not in named))
