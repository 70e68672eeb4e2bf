"""Who needs a call today, and what was done about it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_POST

from kezhi.language import KezhiError, Text
from kezhi.reports.lists import harmless
from kezhi.segments.alert_causes import named
from kezhi.settings.alerts import CAUSES
from kezhi_web.alerts import acting, listing
from kezhi_web.alerts.effect import bought_since
from kezhi_web.alerts.models import Handling
from kezhi_web.alerts.outcomes import BY_ITSELF, OUTCOMES, WAYS
from kezhi_web.people.models import audit
from kezhi_web.people.rights import SignedIn, needs, of_run
from kezhi_web.shown import Rows, Shown, workspace
from kezhi_web.words import say

CLOSED_SHOWN = 100
SNOOZES = (7, 14, 30)  # days that are offered
DONE = {
    "assign": Text("Assigned: {alerts}.", "已分配 {alerts}。"),
    "snooze": Text("Snoozed: {alerts}.", "已推迟 {alerts}。"),
    "wake": Text("Back among those to do: {alerts}.", "已恢复为待处理：{alerts}。"),
    "close": Text("Closed: {alerts}.", "已关闭 {alerts}。"),
    "reopen": Text("Opened again: {alerts}.", "已重新打开 {alerts}。"),
}
TOO_LATE = Text("Left as before, for somebody has closed it already: {alerts}.", "{alerts}已由他人关闭，保持原样。")
HEADS = (
    *(Text("Place", "序"), Text("Customer id", "客户编号"), Text("Name", "名称"), Text("Tier", "层级")),
    *(
        Text("Owner", "负责人"),
        Text("Cause", "原因"),
        Text("Why", "详情"),
        Text("What usually helps", "通常有效的做法"),
    ),
    *(Text("Expected loss", "预计损失"), Text("Act by", "处理期限"), Text("Last purchase", "最近购买")),
    *(Text("Assigned to", "处理人"), Text("No marketing", "未同意营销")),
)
YES = Text("yes", "是")


@needs("own")
@require_GET
def alerts(request: SignedIn) -> HttpResponse:
    """The list to work through, customer by customer."""
    run, rows = of_run(request)
    if not run.has("alerts"):
        return render(request, "alerts/none.html", {"run": run})
    asked = listing.Asked.of(request.GET)
    counts = listing.counts(rows, asked.state)
    told: dict[str, Any] = {"run": run, "asked": asked, "choices": _choices(rows, asked, counts), "counts": counts}
    if asked.state == listing.CLOSED:
        return render(request, "alerts/closed.html", told | _closed(rows, asked))
    found = listing.read(rows, asked)
    nobody = not found.number and rows.owner is not None and not rows.ask(f"from {rows.table('customers')} limit 1")
    told |= {"found": found, "alerts": _number(found.alerts), "nobody": nobody, "to_do": _to_do(request, run)}
    return render(request, "alerts/alerts.html", told)


@needs("own")
@require_GET
def alert(request: SignedIn, since: str, cause: str, customer: str) -> HttpResponse:
    """One alert: why, what helps, what was done about it, and what to do now."""
    run, rows = of_run(request)
    key = acting.key_of(f"{since}:{cause}:{customer}")
    there = rows.sees(customer)
    if not there and rows.owner is not None:
        raise Http404
    found = listing.one(rows, key) if run.has("alerts") else None
    handling = Handling.objects.filter(customer_id=customer, cause=cause, since=key[2]).first()
    if found is None and handling is None:
        raise Http404
    earlier = Handling.objects.filter(customer_id=customer, since__lt=key[2]).exclude(outcome="").order_by("-since")
    return render(
        request,
        "alerts/alert.html",
        {
            "run": run,
            "row": found,
            "handling": handling,
            "steps": handling.steps.all() if handling else (),
            "outcome": OUTCOMES[handling.outcome].title if handling and handling.outcome else None,
            "closed_because": BY_ITSELF.get(found["outcome"]) if found and found["outcome"] else None,
            "earlier": [(one, named(one.cause), OUTCOMES[one.outcome].title) for one in earlier[:20]],
            "customer": customer,
            "there": there,
            "cause": named(cause),
            "since": key[2],
            "keys": [f"{since}:{cause}:{customer}"],
            "open": found is not None and found["state"] == "open",
            "outcomes": {code: one.title for code, one in OUTCOMES.items()},
            "to_do": _to_do(request, run),
        },
    )


@needs("act")
@require_POST
def act(request: SignedIn) -> HttpResponse:
    """Do something about the alerts that a form names: all of them, or none."""
    _, rows = of_run(request)
    back = request.POST.get("next", "/alerts")
    if not url_has_allowed_host_and_scheme(back, {request.get_host()}, request.is_secure()):
        back = "/alerts"
    do = request.POST.get("do", "")
    if do not in acting.ACTIONS:
        raise Http404
    try:
        keys = acting.keys_of(request.POST.getlist("alert"))
        done = acting.ACTIONS[do](request, rows, keys)
    except KezhiError as error:
        return _again(request, rows, error.text, back)
    said, late = done.changed + done.repeated, done.left - done.repeated
    if late and not said and do == "close":  # what somebody wrote is not lost because another was faster
        return _again(request, rows, TOO_LATE.fill(alerts=_number(late)), back, status=409)
    if said:
        word = "wake" if do == "snooze" and request.POST.get("until") == "-" else do
        messages.success(request, say(DONE[word]).format(alerts=say(_number(said))))
    if late:
        messages.warning(request, say(TOO_LATE).format(alerts=say(_number(late))))
    return redirect(back)


@needs("export")
@require_GET
def call_list(request: SignedIn) -> StreamingHttpResponse:
    """The list as a file for a spreadsheet, by the same filters."""
    run, rows = of_run(request)
    asked = listing.Asked.of(request.GET)
    number = listing.read(rows, asked).alerts if run.has("alerts") else 0
    audit(request, "alerts_exported", run=run.name, rows=number, state=asked.state, cause=asked.cause)
    found = listing.each(rows, asked) if number else iter(())
    file = StreamingHttpResponse(_csv(found), content_type="text/csv; charset=utf-8")
    file["Content-Disposition"] = f'attachment; filename="alerts-{run.as_of}.csv"'
    return file


def _csv(found: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    yield "\ufeff".encode()  # so that Excel reads it as UTF-8
    yield _line([say(head) for head in HEADS])
    for row in found:
        yield _line(
            [
                *(row["place"], row["customer_id"], row["name"], say(row["tier_name"]) if row["tier_name"] else ""),
                *(row["owner"], say(row["named"]), say(row["why"]), say(row["helps"])),
                *(f"{row['priority']:.2f}", row["due_on"], row["last_purchase"]),
                *(row["assigned"], say(YES) if row["no_marketing"] else ""),
            ]
        )


def _line(cells: list[Any]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow(
        "" if cell is None else harmless(cell) if isinstance(cell, str) else cell for cell in cells
    )
    return text.getvalue().encode()


# --- what the pages know ----------------------------------------------------------------------------------


def _number(alerts: int) -> Text:
    """1 alert, 60 alerts."""
    return Text(f"{alerts:,} {'alert' if alerts == 1 else 'alerts'}", f"{alerts:,} 条预警")


def _again(request: SignedIn, rows: Rows, error: Text, back: str, status: int = 400) -> HttpResponse:
    """The form once more, with why nothing was done and everything that was written."""
    given = request.POST.getlist("alert")
    keys = [acting.key_of(one) for one in dict.fromkeys(given)] if len(given) <= acting.MOST else []
    alerts = [_as_it_is(rows, key) for key in keys]
    return render(
        request,
        "alerts/again.html",
        {
            "run": rows.run,
            "error": error,
            "back": back,
            "typed": request.POST,
            "alerts": [one for one in alerts if one["there"]],
            "keys": [one["key"] for one in alerts if one["open"]],
            "to_do": _to_do(request, rows.run),
        },
        status=status,
    )


def _as_it_is(rows: Rows, key: listing.Key) -> dict[str, Any]:
    """An alert by its key as it is now: open or not, and how it was closed."""
    customer, cause, since = key
    row = listing.one(rows, key)
    done = Handling.objects.filter(customer_id=customer, cause=cause, since=since).exclude(outcome="").first()
    return {
        "customer": customer,
        "name": row["name"] if row else None,
        "named": named(cause),
        "cause": cause,
        "since": since,
        "key": f"{since}:{cause}:{customer}",
        "there": row is not None or rows.sees(customer),
        "open": row is not None and row["state"] == "open" and done is None,
        "done": done,
        "outcome": OUTCOMES[done.outcome].title if done else None,
    }


def _to_do(request: SignedIn, run: Shown) -> dict[str, Any]:
    """What the forms offer to those who may act; nothing in an older run, whose alerts are history."""
    newest = workspace().latest_run()
    if not request.viewer.may("act") or newest is None or run.name != newest.name:
        return {}
    today = timezone.localdate()
    return {
        "people": [one.user.get_username() for one in acting.workers()],
        "outcomes": {code: one.title for code, one in OUTCOMES.items()},
        "ways": WAYS if request.viewer.may("record") else {},
        "today": today,
        "snoozes": [(days, today + timedelta(days=days)) for days in SNOOZES],
    }


def _choices(rows: Rows, asked: listing.Asked, counts: dict[str, dict[str, int]]) -> dict[str, Any]:
    closed = asked.state == listing.CLOSED  # of any run, so that those of this one count nothing
    causes = dict.fromkeys(CAUSES) if closed else counts["cause"] | {asked.cause: counts["cause"].get(asked.cause, 0)}
    return {
        "causes": [(code, named(code), n) for code, n in causes.items() if code],
        "tiers": list(listing.tiers(rows.run).items()) if "tier" in rows.columns("customers") else [],
        "owners": list(counts["owner"].items()),
        "people": [one.user.get_username() for one in acting.workers()],
    }


def _closed(rows: Rows, asked: listing.Asked) -> dict[str, Any]:
    """What people closed, the newest first; what this run closed by itself; who bought again."""
    closed = Handling.objects.exclude(outcome="").order_by("-closed_on", "-id")
    if asked.cause:
        closed = closed.filter(cause=asked.cause)
    if asked.assigned not in ("", "-"):
        closed = closed.filter(assigned=asked.assigned)
    if rows.owner is not None:
        theirs = rows.ask(
            f"select customer_id from {rows.table('customers')} where customer_id in (select unnest(?::varchar[]))",
            [list(closed.values_list("customer_id", flat=True).distinct())],
        )
        closed = closed.filter(customer_id__in=[row["customer_id"] for row in theirs])
    page = Paginator(closed, 50).get_page(asked.page)
    by_itself = rows.ask(
        f"select *, count(*) over () as all_of from {rows.table('alerts')} where state = 'closed' "
        f"and cause in (select unnest(?::varchar[])) order by customer_id, cause limit {CLOSED_SHOWN}",
        [[asked.cause] if asked.cause else list(CAUSES)],
    )
    who = listing.people(rows, {one.customer_id for one in page} | {row["customer_id"] for row in by_itself})
    names = {customer: row["name"] for customer, row in who.items()}
    return {
        "page": page,
        "closed": [(one, names.get(one.customer_id), named(one.cause), OUTCOMES[one.outcome].title) for one in page],
        "by_itself": [
            (row | {"name": names.get(row["customer_id"])}, named(row["cause"]), BY_ITSELF.get(row["outcome"]))
            for row in by_itself
        ],
        "by_itself_all": by_itself[0]["all_of"] if by_itself else 0,
        "since": bought_since(rows),
    }
