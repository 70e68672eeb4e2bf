"""What is expected, how far to trust it, and how it came about."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render

from kezhi.language import Text
from kezhi.reports.numbers import count_of_periods, currency_name
from kezhi.reports.sentences import method_name
from kezhi_web.forecast.calibrated import calibrated
from kezhi_web.forecast.tracked import NAIVE, tracked
from kezhi_web.homes import address, shown_on
from kezhi_web.people.rights import SignedIn, needs, of_run
from kezhi_web.shown import Shown
from kezhi_web.words import say, spoken

IN_UNIT = Text(", in {unit}", "（单位：{unit}）")


@needs("company")
def forecast(request: SignedIn) -> HttpResponse:
    """The forecast by tabs; among the tests of the past, forecasts made again beside what came."""
    page = shown_on(request, "forecast")
    trust = page["tab"].code == "trust"
    told = {"trust": trust, "tracked": tracked(page["run"]) if trust else None, "repeating": method_name(NAIVE)}
    return render(request, "forecast/forecast.html", page | told | {"in_unit": _in_unit(page["run"])})


@needs("company")
def calibration(request: SignedIn) -> HttpResponse:
    """Customers in ten groups by an earlier forecast, beside what they brought; the page asks for it by itself."""
    run, _ = of_run(request)
    found = calibrated(run)
    told = {
        "run": run,
        "found": found,
        "span": count_of_periods(found.periods, run.period, spoken()) if found else "",
        "in_unit": _in_unit(run),
        "trust": address("forecast", "trust", request.GET.get("run")),
    }
    return render(request, f"forecast/calibration{'' if request.htmx else '_page'}.html", told)


def _in_unit(run: Shown) -> str:
    """The currency as the end of a sentence; nothing where the data says none."""
    unit = currency_name(run.currency, spoken())
    return say(IN_UNIT, unit=unit) if unit else ""
