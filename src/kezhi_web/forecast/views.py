"""What is expected, how far to trust it, and how it came about."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render

from kezhi_web.forecast.calibrated import calibrated
from kezhi_web.forecast.tracked import tracked
from kezhi_web.homes import shown_on
from kezhi_web.people.rights import SignedIn, needs, of_run


@needs("company")
def forecast(request: SignedIn) -> HttpResponse:
    """The forecast by tabs; among the tests of the past, forecasts made again beside what came."""
    page = shown_on(request, "forecast")
    trust = page["tab"].code == "trust"
    return render(
        request, "forecast/forecast.html", {**page, "trust": trust, "tracked": tracked(page["run"]) if trust else None}
    )


@needs("company")
def calibration(request: SignedIn) -> HttpResponse:
    """Customers in ten groups by an earlier forecast, beside what they brought; the page asks for it by itself."""
    run, _ = of_run(request)
    template = "forecast/calibration.html" if request.htmx else "forecast/calibration_page.html"
    return render(request, template, {"run": run, "found": calibrated(run)})
