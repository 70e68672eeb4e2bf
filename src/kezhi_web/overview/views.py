"""The first page: what the customers are worth, and what to do today."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render

from kezhi_web.homes import address
from kezhi_web.overview import blocks
from kezhi_web.overview.gaps import gaps
from kezhi_web.people.rights import SignedIn, needs, of_run
from kezhi_web.shown import Rows, Shown, part

SECTIONS = ("leads", "mind", "history_and_forecast", "periods")


@needs("own")
def overview(request: SignedIn) -> HttpResponse:
    """The company at a glance; for a salesperson their own customers."""
    run, rows = of_run(request)
    if not request.viewer.may("company"):
        return _own(request, run, rows)
    personal, asked = request.viewer.may("personal"), request.GET.get("run")
    concentrated = (run.models.get("company") or {}).get("concentration") or ()
    return render(
        request,
        "overview/overview.html",
        {
            "run": run,
            "parts": {name: part(run, name, personal=personal) for name in SECTIONS},
            "calls": blocks.calls(rows, run),
            "tiers": blocks.tiers(rows, run, asked),
            "moved": blocks.movement(rows, run, asked),
            "company": run.models.get("company") or {},
            "peak": max((one["value"] for one in concentrated), default=None),
            "gaps": gaps(run),
            "trust": address("forecast", "trust", asked),
            "spread": address("forecast", None, asked) + "#concentration",
            "basis": address("forecast", "basis", asked),
            "data": address("data"),
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
            "calls": blocks.calls(rows, run),
            "tiers": blocks.tiers(rows, run, asked),
            "moved": blocks.movement(rows, run, asked),
        },
    )
