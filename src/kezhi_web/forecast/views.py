"""What is expected, how far to trust it, and how it came about."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render

from kezhi_web.forecast.tracked import tracked
from kezhi_web.people.rights import SignedIn, needs
from kezhi_web.shown.homes import shown_on


@needs("company")
def forecast(request: SignedIn) -> HttpResponse:
    """The forecast by tabs; among the tests of the past, forecasts made again beside what came."""
    page = shown_on(request, "forecast")
    track = tracked(page["run"]) if page["tab"].code == "trust" else None
    return render(request, "forecast/forecast.html", {**page, "tracked": track})
