"""Tiers, RFM, movement and cohorts: the report's sections, and beside them the lists behind every number."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render

from kezhi.language import Text
from kezhi_web.groups.grid import grid
from kezhi_web.groups.lists import Cell, cell, counted_by, is_code, moved, since, then_of
from kezhi_web.homes import shown_on
from kezhi_web.people.rights import SignedIn, needs
from kezhi_web.shown import Rows


@needs("company")
def tiers(request: SignedIn) -> HttpResponse:
    """Who is in which tier, what they bring, who rose and fell."""
    page = shown_on(request, "tiers")
    lists = _tier_lists(page["rows"], page["run"].worth, request.GET.get("run")) if _first(page) else []
    return render(request, "groups/tiers.html", {**page, "lists": lists})


@needs("company")
def rfm(request: SignedIn) -> HttpResponse:
    """The grid, the segments and the classes; every cell opens its customers."""
    page = shown_on(request, "rfm")
    found = grid(page["rows"], page["run"].worth.get("rfm") or {}, request.GET.get("run"))
    return render(request, "groups/rfm.html", {**page, "grid": found})


@needs("company")
def movement(request: SignedIn) -> HttpResponse:
    """Who moved from where to where between two dates; every cell opens its customers."""
    page = shown_on(request, "movement")
    matrices = _matrices(page["rows"], page["run"].worth, request.GET.get("run")) if _first(page) else []
    return render(request, "groups/movement.html", {**page, "matrices": matrices})


@needs("company")
def cohorts(request: SignedIn) -> HttpResponse:
    """What customers bring as time goes by, by the year they began; now and later; channels."""
    page = shown_on(request, "cohorts")
    lists = _began_lists(page["rows"], request.GET.get("run")) if _first(page) else []
    return render(request, "groups/cohorts.html", {**page, "lists": lists})


def _first(page: dict[str, Any]) -> bool:
    return bool(page["tabs"][0]["here"])


def order_of(worth: dict[str, Any], column: str) -> list[str]:
    """The codes of a column, the best first, as the run's facts list them."""
    if column == "tier":
        return [str(one["tier"]) for one in (worth.get("tiers") or {}).get("tiers", ())]
    return [str(one["code"]) for one in (worth.get("rfm") or {}).get("segments", ())]


def _tier_lists(rows: Rows, worth: dict[str, Any], run: str | None) -> list[tuple[Text, Cell]]:
    """Every tier, who rose and fell, the core customers and those with potential, as links to their lists."""
    facts = worth.get("tiers") or {}
    counts = {code: row["customers"] for (code,), row in counted_by(rows, "tier").items()} if facts else {}
    lists = [
        (
            Text(one["name"]["en"], one["name"]["zh"]),
            cell(counts.get(one["tier"], 0), is_code("tier", one["tier"]), run),
        )
        for one in facts.get("tiers", ())
    ]
    moves = moved(rows, "tier", order_of(worth, "tier"), run) if facts else None
    if moves is not None:
        then = then_of(worth, "tier")
        ends = ((RISEN, moves.risen), (FALLEN, moves.fallen))
        lists += [(since(title, then.day if then else None), one) for title, one in ends if one]
    known = rows.columns("customers")
    for name, title in (("core", CORE), ("potential", POTENTIAL)):
        if name in known:
            number = counted_by(rows, name).get((True,), {}).get("customers", 0)
            lists.append((title, cell(number, f"{name} = true", run)))
    return lists


RISEN, FALLEN = Text("▲ rose{since}", "▲ {since}上升"), Text("▼ fell{since}", "▼ {since}下降")
CORE, POTENTIAL = Text("Core customers", "核心客户"), Text("Potential", "潜力客户")
BY_TIER, BY_RFM = Text("Tiers", "客户层级"), Text("RFM segments", "RFM 分群")


def _matrices(rows: Rows, worth: dict[str, Any], run: str | None) -> list[dict[str, Any]]:
    found = [
        (title, moved(rows, column, order_of(worth, column), run), then_of(worth, column))
        for title, column in ((BY_TIER, "tier"), (BY_RFM, "rfm_segment"))
        if column in rows.columns("customers")
    ]
    return [
        {"title": title, "matrix": matrix, "then": then, "now": rows.run.as_of}
        for title, matrix, then in found
        if matrix is not None
    ]


def _began_lists(rows: Rows, run: str | None) -> list[tuple[Text, Cell]]:
    """Customers by the calendar year of their first purchase, and who never bought."""
    found = rows.ask(
        "select year(first_purchase) as year, count(*) as customers "
        f"from {rows.table('customers')} group by 1 order by 1 nulls last"
    )
    return [(_year(row["year"]), cell(row["customers"], _began_in(row["year"]), run)) for row in found]


def _year(year: int | None) -> Text:
    return Text("never bought", "从未购买") if year is None else Text(str(year), f"{year} 年")


def _began_in(year: int | None) -> str:
    if year is None:
        return "first_purchase is empty"
    return f"first_purchase >= {year}-01-01 and first_purchase <= {year}-12-31"
