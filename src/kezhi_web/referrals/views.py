"""The company's referrals, one customer's tree, and what would follow if everybody recommended like this."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from kezhi.language import KezhiError, Text
from kezhi.reports.numbers import count_of_periods, currency_name
from kezhi_web.people.rights import SignedIn, needs, of_run
from kezhi_web.referrals import trees
from kezhi_web.shown import Rows, part
from kezhi_web.typed import number_of
from kezhi_web.words import spoken

SCENARIO: dict[str, tuple[Text, str]] = {
    "rate": (Text("Customers that a customer sends per period", "每位客户每期推荐的新客户数"), ""),
    "value": (Text("What a customer brings per period", "每位客户每期的毛利"), ""),
    "horizon": (Text("Periods", "期数"), "12"),
    "customers": (Text("Customers to begin with", "起始客户数"), "1"),
    "cap": (Text("One customer sends at most", "一位客户最多推荐"), ""),
    "market": (Text("Can be won by referral in all", "可由推荐赢得的客户总数"), ""),
}
WHOLE = ("horizon", "cap")
PERIODS = {"month": Text("month", "月"), "quarter": Text("quarter", "季"), "year": Text("year", "年")}
NOT_A_NUMBER = Text("{name}: {given} is no number.", "{name}：{given} 不是数字。")


@needs("company")
@require_GET
def referrals(request: SignedIn) -> HttpResponse:
    """What referrals brought the company, whose branches brought most, and a search."""
    run, rows = of_run(request)
    if not run.has("referrals"):
        return render(request, "referrals/none.html", {"run": run})
    said = request.GET.get("q", "").strip()
    return render(
        request,
        "referrals/referrals.html",
        {
            "run": run,
            "said": said,
            "found": trees.search(rows, said) if said else [],
            "largest": trees.largest(rows),
            "periods": _periods(rows),
            "problems": [(trees.PROBLEMS.get(name), n) for name, n in run.worth["referrals"]["problems"].items() if n],
            "part": part(run, "referrals", personal=request.viewer.may("personal")),
            "unit": currency_name(run.currency, spoken()),
        },
    )


@needs("company")
@require_GET
def tree(request: SignedIn, customer: str) -> HttpResponse:
    """One customer: who sent them, whom they sent, and what the branch is worth."""
    run, rows = of_run(request)
    if not rows.sees(customer) and not run.has("referrals"):
        raise Http404
    one = trees.member(rows, customer) if run.has("referrals") else None
    if one is None and not rows.sees(customer):
        raise Http404
    line = trees.above(rows, one) if one else []
    return render(
        request,
        "referrals/tree.html",
        {
            "run": run,
            "customer": customer,
            "one": one,
            "line": line,
            "hidden": line[0]["generation"] if line else 0,
            "sent": trees.sent_by(rows, customer, _page(request)) if one else None,
            "problems": trees.problems_of(rows, customer),
            "span": count_of_periods(int(run.manifest["horizon"]), run.period, spoken()),
        },
    )


@needs("company")
@require_GET
def under(request: SignedIn, customer: str) -> HttpResponse:
    """The next level of a tree, for a page that unfolds it."""
    run, rows = of_run(request)
    if not run.has("referrals") or trees.member(rows, customer) is None:
        raise Http404
    return render(request, "referrals/level.html", {"run": run, "sent": trees.sent_by(rows, customer, _page(request)),
                                                    "customer": customer})  # fmt: skip


@needs("company")
@require_GET
def problems(request: SignedIn) -> HttpResponse:
    """Links that are ignored or doubtful: rings, strangers, people who sent themselves."""
    run, rows = of_run(request)
    if not run.has("referral_problems"):
        return render(request, "referrals/problems.html", {"run": run, "page": None})
    number = rows.row(f"select count(*) as n from {rows.table('referral_problems')}")["n"]
    pages = Paginator(range(number), 100)
    page = pages.get_page(request.GET.get("page"))
    listed = rows.ask(
        f"select * from {rows.table('referral_problems')} order by problem, customer_id limit 100 offset ?",
        [(page.number - 1) * 100],
    )
    told = [(row, trees.PROBLEMS.get(row["problem"])) for row in listed]
    return render(request, "referrals/problems.html", {"run": run, "page": page, "listed": told})


@needs("company")
@require_GET
def scenario(request: SignedIn) -> HttpResponse:
    """What would follow if every customer recommended at this rate and bought like this; nothing is saved."""
    from kezhi import referral_scenario

    run, _ = of_run(request)
    wrong, found = None, None
    rate = (run.worth.get("referrals") or {}).get("rate") or {}
    unknown = "rate" not in request.GET and rate.get("per_period") is None  # nothing to begin with, and no mistake
    try:
        given = _given(request.GET)
        found = None if unknown else referral_scenario(run.folder, **{"horizon": 12, "customers": 1.0} | given)
    except KezhiError as error:
        wrong = error.text
    usual = {"rate": rate.get("per_period"), "value": rate.get("value_per_period")}
    fields = [
        {"name": name, "title": title, "value": request.GET.get(name) or _shown(usual.get(name)) or otherwise}
        for name, (title, otherwise) in SCENARIO.items()
    ]
    return render(
        request,
        "referrals/scenario.html",
        {
            "run": run,
            "fields": fields,
            "found": found,
            "wrong": wrong,
            "theirs": "rate" not in request.GET and not unknown,
            "unknown": unknown,
            "period": PERIODS.get(run.period, PERIODS["month"]),
        },
    )


def _given(query: Mapping[str, str]) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for name, (title, _) in SCENARIO.items():
        said = query.get(name, "").strip()
        if not said:
            continue
        value = number_of(said)
        if value is None:
            raise KezhiError(
                Text(
                    NOT_A_NUMBER.en.format(name=title.en, given=said[:40]),
                    NOT_A_NUMBER.zh.format(name=title.zh, given=said[:40]),
                )
            )
        given[name] = int(value) if name in WHOLE else float(value)
    return given


def _shown(value: float | None) -> str:
    return "" if value is None else f"{Decimal(f'{value:.4g}'):f}"  # four digits that say something, as people write


def _page(request: SignedIn) -> int:
    said = request.GET.get("page", "1")
    return int(said) if said.isdecimal() and 0 < int(said) < 100_000 else 1


def _periods(rows: Rows) -> list[dict[str, Any]]:
    """What all who sent or were sent sold, cost and left, period by period."""
    if not rows.run.has("referral_periods"):
        return []
    return rows.ask(
        "select period, own_amount, referred_amount, amount, cost + expense as cost, value, cumulative_value "
        f"from {rows.table('referral_periods')} where customer_id is null order by period"
    )
