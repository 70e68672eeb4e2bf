"""The first page: what the customers are worth, and what to do today."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render

from kezhi.reports.json_values import day
from kezhi.reports.numbers import count_of_periods, currency_name
from kezhi_web.homes import address
from kezhi_web.overview import blocks
from kezhi_web.overview.gaps import gaps
from kezhi_web.people.rights import SignedIn, needs, of_run
from kezhi_web.shown import Rows, Shown, part
from kezhi_web.shown.linking import list_of
from kezhi_web.words import spoken

SECTIONS = ("leads", "mind", "history_and_forecast", "periods")


@needs("own")
def overview(request: SignedIn) -> HttpResponse:
    """The company at a glance; for a salesperson their own customers."""
    run, rows = of_run(request)
    if not request.viewer.may("company"):
        return _own(request, run, rows)
    personal, asked = request.viewer.may("personal"), request.GET.get("run")
    return render(
        request,
        "overview/overview.html",
        {
            "run": run,
            "parts": {name: part(run, name, personal=personal) for name in SECTIONS},
            "calls": blocks.calls(rows, run),
            "tiers": blocks.tiers(rows, run, asked),
            "moved": blocks.movement(rows, run, asked),
            "gaps": gaps(run),
            "trust": address("forecast", "trust", asked),
            "spread": address("forecast", None, asked) + "#concentration",
            "set_aside": address("imports") if request.viewer.may("import") else address("forecast", "basis", asked),
            "data": address("data"),
            **_units(run),
        },
    )


def _own(request: SignedIn, run: Shown, rows: Rows) -> HttpResponse:
    """Only what the person's own customers add up to."""
    asked = request.GET.get("run")
    return render(
        request,
        "overview/own.html",
        {
            "run": run,
            "owner": rows.owner,
            "own": blocks.own(rows),
            "quiet": list_of(blocks.QUIET, asked),
            "idle": count_of_periods(2, run.period, spoken()),
            "calls": blocks.calls(rows, run),
            "tiers": blocks.tiers(rows, run, asked),
            "moved": blocks.movement(rows, run, asked),
            **_units(run),
        },
    )


def _units(run: Shown) -> dict[str, Any]:
    """span: how far the forecast reaches, as "3 months". unit: the currency. since: the day of the run before."""
    before = (run.worth.get("tiers") or {}).get("previous") or {}
    return {
        "span": count_of_periods(int(run.manifest["horizon"]), run.period, spoken()),
        "unit": currency_name(run.currency, spoken()),
        "since": day(before.get("as_of")),
    }
