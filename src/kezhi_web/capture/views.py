"""Recording on a page of its own, the lists of what was recorded, changing and withdrawing."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from kezhi.language import KezhiError, Text
from kezhi.reports.numbers import day
from kezhi_web.capture.kinds import KINDS
from kezhi_web.capture.models import Entry
from kezhi_web.capture.recording import change, form_of, keep, kept_row, may_change, new_mark, withdraw
from kezhi_web.capture.telling import in_run, seen_by, tell
from kezhi_web.people.rights import SignedIn, needs, of_run
from kezhi_web.shown import Shown
from kezhi_web.words import say, spoken

SHOWN = 100
KEPT = Text("Recorded. It counts from the next run on.", "已登记，从下一次运行起计入。")
ALREADY = Text("This is recorded already, and counts once.", "这条内容已经登记过，只计一次。")
LATER = Text(
    "Figures go up to {day}: what happened later counts once orders of that day are imported.",
    "目前数据截至{day}，此后发生的事要等导入当天的订单后才计入。",
)
CHANGED = Text("Changed. The change counts from the next run on.", "已修改，从下一次运行起计入。")
WITHDRAWN = Text("Withdrawn. It no longer counts from the next run on.", "已撤回，从下一次运行起不再计入。")
BACK = Text("It holds again.", "已恢复。")


def _next(request: SignedIn) -> str:
    """Where to go afterwards: the page that asked, if it is ours."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    allowed = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, request.is_secure())
    return wanted if wanted and allowed else reverse("recorded")


@needs("record")
def recorded(request: SignedIn) -> HttpResponse:
    """What was recorded of the customers that one may see, the newest first."""
    run, rows = of_run(request)
    table, customer = request.GET.get("table", ""), request.GET.get("customer", "").strip()
    if table and table not in KINDS:
        raise Http404
    found = Entry.objects.all()
    found = found.filter(table=table) if table else found
    found = found.filter(customer_id=customer) if customer else found
    found = found.filter(by=request.viewer.name) if request.GET.get("mine") else found
    several = seen_by(found, rows, SHOWN + 1, request.viewer.name)
    return render(
        request,
        "capture/recorded.html",
        {
            "run": run,
            "entries": [tell(one, rows, request.viewer.name) for one in several[:SHOWN]],
            "more": len(several) > SHOWN,
            "kinds": KINDS,
            "table": table,
            "customer": customer,
            "mine": bool(request.GET.get("mine")),
            "mine_only": {one.pk for one in several if may_change(request, one)},
            "there": in_run([one.customer_id for one in several], rows),
        },
    )


@needs("record")
def record_new(request: SignedIn, table: str) -> HttpResponse:
    """The form for one customer, and keeping what it says."""
    if table not in KINDS:
        raise Http404
    run, rows = of_run(request)
    asked: Any = request.POST if request.method == "POST" else request.GET
    customer = asked.get("customer", "").strip()
    form = form_of(table, customer, rows, request.POST) if request.method == "POST" else None
    if not customer or not rows.sees(customer):  # what was typed stays, for a number can be put right
        return _page(request, run, table, customer, form, unknown=True)
    if form is None:
        return _page(request, run, table, customer, form_of(table, customer, rows))
    if form.is_valid():
        row = form.row()  # type: ignore[attr-defined]
        _, new = keep(request, table, customer, row, request.POST.get("mark", "")[:100])
        messages.success(request, say(KEPT if new else ALREADY) + _not_yet(run, row))
        return redirect(_next(request))
    return _page(request, run, table, customer, form)


def _not_yet(run: Shown, row: dict[str, Any]) -> str:
    """What to know of an entry of a day that the figures do not reach."""
    if row.get("date", "") <= run.as_of.isoformat():
        return ""
    return ("" if spoken() == "zh" else " ") + say(LATER, day=day(run.as_of, spoken()))


def _page(
    request: SignedIn,
    run: Shown,
    table: str,
    customer: str,
    form: Any,
    kept: Entry | None = None,
    *,
    unknown: bool = False,
) -> HttpResponse:
    """A form; unknown: it still needs the number of a customer, for there is none, or none of whom one may record."""
    status = 404 if unknown and customer else 400 if form is not None and form.errors else 200
    return render(
        request,
        "capture/entry.html",
        {
            "run": run,
            "table": table,
            "kind": KINDS[table],
            "customer": customer,
            "form": form,
            "next": _next(request),
            "kept": kept,
            "unknown": unknown,
            "mark": request.POST.get("mark") or new_mark(),
        },
        status=status,
    )


def _kept(request: SignedIn, number: int) -> tuple[Any, Any, Entry]:
    """An entry that one may see."""
    run, rows = of_run(request)
    found = get_object_or_404(Entry, pk=number)
    if found.table not in KINDS or not seen_by([found], rows, 1, request.viewer.name):
        raise Http404
    return run, rows, found


@needs("record")
def entry(request: SignedIn, number: int) -> HttpResponse:
    """One entry, to be changed."""
    run, rows, kept = _kept(request, number)
    if not may_change(request, kept) or not (rows.personal or kept.by == request.viewer.name):
        return render(request, "capture/shown.html", {"run": run, "one": tell(kept, rows, request.viewer.name)})
    given = request.POST if request.method == "POST" else None
    form = form_of(kept.table, kept.customer_id, rows, given, kept_row(kept))
    if given is not None and form.is_valid():
        change(request, kept, form.row())  # type: ignore[attr-defined]
        messages.success(request, say(CHANGED))
        return redirect(_next(request))
    return _page(request, run, kept.table, kept.customer_id, form, kept)


@require_POST
@needs("record")
def withdraw_entry(request: SignedIn, number: int) -> HttpResponse:
    """Withdraw an entry, or put it back."""
    _, _, kept = _kept(request, number)
    back = bool(request.POST.get("back"))
    try:
        withdraw(request, kept, back=back)
        messages.success(request, say(BACK if back else WITHDRAWN))
    except KezhiError as error:
        messages.error(request, say(error.text))
    return redirect(_next(request))
