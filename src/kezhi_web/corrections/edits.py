"""One customer's coming periods, to be edited in place."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render

from kezhi.corrections.record import FIGURES
from kezhi.corrections.sheet import TITLES
from kezhi.language import KezhiError, Text
from kezhi_web.corrections import asking, trying
from kezhi_web.corrections.models import Trial
from kezhi_web.people.rights import SignedIn, needs, of_run
from kezhi_web.shown import Rows, Shown

MOVED_ON = Text(
    "What you saw is no longer what stands there: somebody corrected it, or there is a new run. Please look again.",
    "您看到的数字已有变化：有人作了修正，或有了新的运行。请重新核对。",
)


@needs("correct")
def of_customer(request: SignedIn, customer: str) -> HttpResponse:
    """Amount, margin and expense of each coming period; what is changed is tried before it is made."""
    run, rows = of_run(request)
    if not rows.sees(customer):
        raise Http404
    steps = _steps(rows, customer)
    wrong, mistakes = None, {}
    if request.method == "POST":
        edited = _edited(request, steps)
        mistakes = {
            f"{figure}-{period}": text
            for period, cells in edited.items()
            for figure, cell in cells.items()
            if (text := asking.wrong_cell(figure, cell)) is not None
        }
        try:
            made = _trial(request, run, customer, edited) if not mistakes else None
        except KezhiError as error:
            wrong, made = error.text, None
        if made is not None:
            trying.begin(made)
            return redirect("correction-trial", made.pk)
    name = rows.row(f"select name from {rows.table('customers')} where customer_id = ?", [customer])["name"]
    for step in steps:
        step["cells"] = [
            {
                "name": f"{figure}-{step['period']}",
                "title": TITLES[figure],
                "mistake": mistakes.get(f"{figure}-{step['period']}"),
                "said": request.POST.get(f"{figure}-{step['period']}", asking.shown_cell(figure, step[figure])),
                "computed": None if step["computed"][figure] is None
                else asking.shown_cell(figure, step["computed"][figure]),
            }
            for figure in FIGURES
        ]  # fmt: skip
    told = {"run": run, "customer": customer, "name": name, "steps": steps, "wrong": wrong, "titles": TITLES}
    return render(request, "corrections/customer.html", told)


def _steps(rows: Rows, customer: str) -> list[dict[str, Any]]:
    """The coming periods with what stands there and, where it was corrected, what was computed."""
    found = rows.ask(f"select * from {rows.table('forecast')} where customer_id = ? order by step", [customer])
    for row in found:
        computed = {name: row.get(f"{name}_computed") for name in FIGURES}
        row["computed"] = {name: value if value != row[name] else None for name, value in computed.items()}
    return found


def _edited(request: SignedIn, steps: list[dict[str, Any]]) -> dict[date, dict[str, str]]:
    """What was typed, period by period, as kezhi reads it."""
    return {
        step["period"]: {
            figure: asking.cell_of(
                figure,
                request.POST.get(f"{figure}-{step['period']}", ""),
                asking.shown_cell(figure, step[figure]),
            )
            for figure in FIGURES
        }
        for step in steps
    }


def _trial(request: SignedIn, run: Shown, customer: str, edited: dict[date, dict[str, str]]) -> Trial:
    if request.POST.get("stamp") != str(run.stamp):
        raise KezhiError(MOVED_ON)
    changed = {period: cells for period, cells in edited.items() if any(cells.values())}
    made = Trial(kind="sheet", asked={"customer": customer}, by=request.viewer.name)
    made.save()
    try:
        asking.write_edited(trying.kept(made), customer, changed)
    except KezhiError:
        made.delete()
        raise
    return made
