"""One customer's page: who they are, what they were worth and will be, why, and everything that happened."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_GET

import kezhi
from kezhi.language import KezhiError, Text
from kezhi.reports.flags import FLAGS
from kezhi.reports.numbers import count_of_periods
from kezhi.reports.sentences import basis_notice
from kezhi.segments.alert_causes import helps, named, why
from kezhi.worth.life_cycle import STATES
from kezhi.worth.needs.words import KINDS
from kezhi.worth.needs.words import why as why_needed
from kezhi.worth.point_words import figure as written
from kezhi.worth.point_words import grade_words
from kezhi_web.customers import store
from kezhi_web.customers.asked import read
from kezhi_web.customers.charts import GROSS_PROFIT, VALUE, added_up, by_period, curve_of
from kezhi_web.customers.fields import fields_of
from kezhi_web.customers.listing import Listing
from kezhi_web.customers.one import Account
from kezhi_web.customers.opinion import factors_of
from kezhi_web.customers.reasons import steps_of
from kezhi_web.customers.timeline import timeline_of
from kezhi_web.people.models import seen
from kezhi_web.people.rights import SignedIn, needs, of_run
from kezhi_web.shown import Rows, Shown
from kezhi_web.words import say, spoken

# what stands in figures of its own, or is for machines
NOT_TOLD = {"customer_id", "name", "referrer_id", "acquisition_cost"}
OF_OTHERS = Text("a customer of a colleague", "同事负责的客户")
MOST_PAGES = 10_000
_MOST = 12  # days of runs that are looked back at


@needs("own")
@require_GET
def customer(request: SignedIn, customer_id: str) -> HttpResponse:
    """The page; with ?part= one part of it, which the page asks for when somebody wants it."""
    run, rows = of_run(request)
    account = Account(rows, customer_id)
    if not account.worth:
        raise Http404
    seen(request, customer_id)
    told: dict[str, Any] = {"run": run, "account": account, "id": customer_id, "customer_id": customer_id}
    match request.GET.get("part"):
        case "neighbours":
            return _neighbours(request, run, rows, customer_id)
        case "points":
            return _points(request, account)
        case "standings":
            return render(request, "customers/standings.html", told | _standings(account, _MOST))
        case "timeline":
            return render(request, "customers/timeline.html", told | _timeline(request, account))
    told |= _figures(account) | _around(account)
    if store.is_large(
        run
    ):  # these look through whole tables or through many runs: the page asks for them by themselves
        told |= {"later": True}
    else:
        told |= _timeline(request, account) | _standings(account, _MOST)
    return render(request, "customers/customer.html", told)


def _standings(account: Account, most: int) -> dict[str, Any]:
    return {"standings": account.standings(most)[::-1]}


def _figures(account: Account) -> dict[str, Any]:
    """What they were and will be worth, and why."""
    points = curve_of(account)
    takes = {name: getattr(account.basis, name) or any(row[name] for row in account.forecast)
             for name in ("cost", "expense")}  # fmt: skip
    measure = GROSS_PROFIT if any(takes.values()) else VALUE
    worth = defaultdict(lambda: None, account.worth)  # an earlier version's run may say less
    return {
        "worth": worth,
        "basis": account.basis,
        "left_out": basis_notice(account.basis),
        "span": count_of_periods(int(account.run.manifest["horizon"]), account.run.period, spoken()),
        "gross": worth["amount"] - worth["cost"],
        "points": points,
        "by_period": by_period(points, measure) if points else None,
        "added_up": added_up(points, measure) if points else None,
        "takes": takes,
        "measure": say(measure),
        "steps": steps_of(account),
        "risk": account.risk,
        "state": STATES.get(account.risk.get("state", "")),
        "flags": [FLAGS[one] for one in worth.get("flags") or () if one in FLAGS],
        "tier": account.fields["tier"].shown(worth.get("tier")) if "tier" in account.fields else "",
        "rfm": account.fields["rfm_class"].shown(worth.get("rfm_class")) if "rfm_class" in account.fields else "",
        "computed": worth.get("forecast_value_computed"),
    }


def _around(account: Account) -> dict[str, Any]:
    """Facts, standings, alerts, points, factors, referrals, needs."""
    titles = account.settings.tiers.titles
    factors, overall = factors_of(account)
    return {
        "facts": _facts(account),
        "alerts": [
            {"row": row, "name": named(row["cause"]), "why": why(row, titles), "helps": helps(row)}
            for row in account.alerts
        ],
        "parts": account.points,
        "all_points": sum((part.points for part in account.points), start=type(account.points[0].points)(0))
        if account.points
        else None,
        "factors": factors,
        "factor_score": overall,
        "referral": account.referral,
        "referrer": _referrer(account),
        "needs": [{"row": row, "kind": KINDS.get(row["kind"]), "why": why_needed(row)} for row in account.needs],
    }


def _facts(account: Account) -> list[tuple[Text, str]]:
    """What the book's customer table says of them, in its own order."""
    known = account.fields
    told = []
    for name, value in account.facts.items():
        if name in NOT_TOLD or value in (None, ""):
            continue
        field = known.of_book(name, value)
        told.append((field.title, field.shown(value)))
    return told


def _referrer(account: Account) -> dict[str, Any] | None:
    """Who sent them: with a link where the person may see that customer, and of customers of others not even the id."""
    sender = account.facts.get("referrer_id") or account.referral.get("referrer_id")
    if not sender:
        return None
    linked = account.seen_as.sees(sender)
    told = sender if linked or account.seen_as.owner is None else say(OF_OTHERS)
    return {"id": told, "linked": linked, "name": _name_of(account.seen_as, sender) if linked else ""}


def _name_of(rows: Rows, customer_id: str) -> str:
    found = rows.ask(f"select name from {rows.table('customers')} where customer_id = ?", [customer_id])
    return str(found[0]["name"] or "") if found else ""


# --- parts ------------------------------------------------------------------------------------------------


def _timeline(request: SignedIn, account: Account) -> dict[str, Any]:
    asked = request.GET.get("page", "1")
    page = min(max(int(asked), 1), MOST_PAGES) if asked.isdecimal() and len(asked) < 6 else 1
    kind = request.GET.get("kind", "")
    found = timeline_of(account, kind, page)
    return {"timeline": found, "kind": kind, "before_page": page - 1, "after_page": page + 1}


def _points(request: SignedIn, account: Account) -> HttpResponse:
    """The records behind the points, by kezhi's own score sheet."""
    try:
        sheet = kezhi.score_sheet(_place(account.run), account.customer_id, private=account.rows.personal)
    except KezhiError as error:
        return render(request, "customers/points.html", {"error": error.text})
    parts = [
        {
            "part": part,
            "quantity": written(part.quantity),
            "records": [(one, grade_words(one.grade)) for one in reversed(part.records)],
        }
        for part in sheet.parts
    ]
    return render(request, "customers/points.html", {"parts": parts, "run": account.run, "account": account})


def _place(run: Shown) -> Any:
    """The run with the workspace it belongs to, also where what is shown is its corrected copy."""
    from kezhi_web.shown.run import workspace

    return workspace().runs / run.name


def _neighbours(request: SignedIn, run: Shown, rows: Rows, customer_id: str) -> HttpResponse:
    """Who comes before and after in the list that one came from."""
    query = request.GET.get("list", "")
    asked = read(QueryDict(query), fields_of(rows))
    try:
        before, after = Listing(rows, asked).neighbours(customer_id)
    except KezhiError:  # the list's filter no longer fits the run
        before, after = None, None
    told = {"before": before, "after": after, "list": query, "run": run, "address": asked.query()}
    return render(request, "customers/neighbours.html", told)
