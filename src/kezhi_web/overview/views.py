"""The first page: what the customers are worth, and what to do today."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render

from kezhi_web.people.rights import SignedIn, needs, of_run
from kezhi_web.shown import part


@needs("own")
def overview(request: SignedIn) -> HttpResponse:
    """The company at a glance; for a salesperson their own customers."""
    run, rows = of_run(request)
    personal = request.viewer.may("personal")
    names = ("leads", "mind", "history_and_forecast", "alerts") if request.viewer.may("company") else ()
    return render(
        request,
        "overview/overview.html",
        {"run": run, "parts": [part(run, name, personal=personal) for name in names], "own": rows.owner},
    )
