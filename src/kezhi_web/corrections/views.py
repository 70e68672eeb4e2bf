"""What is corrected, making a correction for one or many, and taking one back; each is tried before it is made."""

from __future__ import annotations

import re
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from kezhi.corrections.change import parse_change
from kezhi.corrections.record import NAMES, in_words
from kezhi.language import KezhiError, Text
from kezhi.reports.numbers import count_of_customers, count_of_periods, currency_name
from kezhi_web.corrections import asking, log, trying
from kezhi_web.corrections.models import CONFIRMED, TRIED, WAITING, Trial
from kezhi_web.people.models import audit
from kezhi_web.people.rights import SignedIn, needs, of_run
from kezhi_web.shown import Rows, Shown, workspace
from kezhi_web.words import say, spoken

MOST_UNDONE = 100_000
MOST_WHY = 500
NO_WHY = Text("Say why the figures are corrected; others will ask.", "请说明修正的原因，以便他人了解。")
LONG_WHY = Text("The reason has at most {most} characters.", "原因最多 {most} 个字符。")
CHANGED = Text(
    "Somebody corrected something since this was tried, or a new run was made. It was tried again: please look at the "
    "effect and confirm once more.",
    "试算之后有人作了修正，或有了新的运行。已重新试算，请核对影响后再次确认。",
)
NO_NUMBERS = Text("Choose what is to be taken back.", "请选择要撤销的修正。")


@needs("correct")
@require_GET
def corrections(request: SignedIn) -> HttpResponse:
    """What holds, what it does to the forecast, and everything that was ever corrected."""
    run, _ = of_run(request)
    made = log.batches(run.worth)
    wanted = request.GET.get("show", "")
    listed = made if wanted == "all" else [one for one in made if one.undoable]
    page = Paginator(listed, 50).get_page(request.GET.get("page"))
    effect, total = run.worth.get("corrections"), run.models["company"]["total"]
    return render(
        request,
        "corrections/corrections.html",
        {
            "run": run,
            "page": page,
            "all": wanted == "all",
            "made": len(made),
            "span": count_of_periods(int(run.manifest["horizon"]), run.period, spoken()),
            "unit": currency_name(run.currency, spoken()),
            "total": {name: None if said is None else float(said) for name, said in total.items()},
            "computed": float(effect["computed"]["value"]) if effect else None,
            "effect": effect,
            "moved": float(effect["effect"]) if effect else None,
            "waiting": _on_their_way(request),
        },
    )


@needs("correct")
def new(request: SignedIn) -> HttpResponse:
    """A correction of one figure: for a customer, for those a filter chooses, or for everybody. It is tried first."""
    run, rows = of_run(request)
    form = request.POST if request.method == "POST" else request.GET
    wrong = None
    if request.method == "POST":
        try:
            made = _asked(request, rows)
        except KezhiError as error:
            wrong = error.text
        else:
            trying.begin(made)
            return redirect("correction-trial", made.pk)
    return render(
        request,
        "corrections/new.html",
        {
            "run": run,
            "form": form,
            "wrong": wrong,
            "whom": form.get("whom") or ("customer" if form.get("customer") else "where"),
            "figures": NAMES,
            "hows": asking.HOWS,
            "periods": _periods(run),
            "segments": workspace().settings().segments,
        },
    )


@needs("correct")
@require_POST
def undo(request: SignedIn) -> HttpResponse:
    """Take corrections back: what would come of it is shown first."""
    numbers = _numbers(request.POST.get("numbers", ""))
    if not numbers:
        messages.error(request, say(NO_NUMBERS))
        return redirect("corrections")
    made = Trial.objects.create(kind="undo", asked={"numbers": numbers}, by=request.viewer.name)
    trying.begin(made)
    return redirect("correction-trial", made.pk)


@needs("correct")
@require_GET
def trial(request: SignedIn, number: int) -> HttpResponse:
    """What would come of a correction: whom it moves, by how much the total moves, and who moves most."""
    run, rows = of_run(request)
    found = _own(request, number)
    most = found.result.get("most", [])
    return render(
        request,
        "corrections/trial.html",
        {
            "run": run,
            "trial": found,
            "told": Text(**found.told) if found.told else None,
            "most": _named(rows, most),
            "span": count_of_periods(int(run.manifest["horizon"]), run.period, spoken()),
            "unit": currency_name(run.currency, spoken()),
            "people": count_of_customers(found.result.get("customers", 0)),
            "large": trying.is_large(),
            "effect": found.result.get("after", 0) - found.result.get("before", 0),
            "spelled": log.spelled(tuple(found.asked.get("numbers", ()))),
            "words": _words(found),
            "period": (found.asked.get("period") or "").partition("..")[::2],
            "today_only": bool(found.asked.get("where") and found.asked.get("customers")),
            "listed": len(found.asked.get("customers") or ()),
        },
    )


@needs("correct")
@require_POST
def confirm(request: SignedIn, number: int) -> HttpResponse:
    """Make what was tried, with a reason; tried once more where something has changed since."""
    found = _own(request, number)
    why = " ".join(request.POST.get("why", "").split())
    if found.state != TRIED:
        return redirect("correction-trial", number)
    if not found.result.get("entries"):
        return redirect("correction-trial", number)
    if not why or len(why) > MOST_WHY:
        messages.error(request, say(LONG_WHY, most=MOST_WHY) if why else say(NO_WHY))
        return redirect("correction-trial", number)
    if trying.is_stale(found):
        trying.again(found)
        messages.warning(request, say(CHANGED))
        return redirect("correction-trial", number)
    trying.confirm(found, why)
    total = {name: round(found.result[name], 2) for name in ("before", "after")}
    audit(request, "correction_confirmed", trial=found.pk, kind=found.kind, asked=_auditable(found), why=why, **total)
    return redirect("correction-trial", number)


@needs("correct")
@require_POST
def drop(request: SignedIn, number: int) -> HttpResponse:
    """Forget what was only tried."""
    found = _own(request, number)
    if found.state != CONFIRMED:
        trying.kept(found).unlink(missing_ok=True)
        found.delete()
    return redirect("corrections")


def _on_their_way(request: SignedIn) -> list[Trial]:
    """What this person tried and did not make, or what is being made; with words for a change of one figure."""
    found = list(Trial.objects.filter(by=request.viewer.name, state__in=(WAITING, TRIED, CONFIRMED))[:10])
    for one in found:
        one.words = _words(one)  # type: ignore[attr-defined]
    return found


def _own(request: SignedIn, number: int) -> Trial:
    return get_object_or_404(Trial, pk=number, by=request.viewer.name)


def _asked(request: SignedIn, rows: Rows) -> Trial:
    """The trial that a form asks for; raises KezhiError for what cannot be meant."""
    figure, change = asking.change_of(request.POST)
    whom = asking.whom_of(request.POST, rows)
    period = asking.period_of(request.POST)
    asked = {"figure": figure, "change": change, "period": period, **whom}
    return Trial.objects.create(kind="change", asked=asked, by=request.viewer.name)


def _auditable(found: Trial) -> dict[str, Any]:
    told = {name: value for name, value in found.asked.items() if name != "customers"}
    return told | {"customers": (found.asked.get("customers") or [])[:100]}


def _words(found: Trial) -> Text | None:
    """What is to become of a figure, as a manager would say it."""
    if found.kind != "change":
        return None
    try:
        return in_words(parse_change(found.asked["figure"], found.asked["change"]))
    except KezhiError:  # said on the page
        return Text(found.asked["change"], found.asked["change"])


def _periods(run: Shown) -> list[dict[str, Any]]:
    """The coming periods: first and last day."""
    from kezhi.correcting import Newest

    return [{"first": one.first, "last": one.last} for one in Newest(workspace(), run.folder).steps]


def _numbers(said: str) -> list[int]:
    """3,5-9 as numbers; nothing where it cannot be read."""
    found: list[int] = []
    for part in said.split(","):
        ends = re.fullmatch(r"(\d{1,7})(?:-(\d{1,7}))?", part.strip())
        if ends is None:
            return []
        found += range(int(ends[1]), int(ends[2] or ends[1]) + 1)
        if len(found) > MOST_UNDONE:
            raise Http404
    return found


def _named(rows: Rows, most: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """With names, for those who may see them."""
    ids = [one["customer_id"] for one in most]
    found = rows.ask(
        f"select customer_id, name from {rows.table('customers')} where customer_id in (select unnest(?::varchar[]))",
        [ids],
    )
    names = {row["customer_id"]: row["name"] for row in found}
    return [one | {"name": names.get(one["customer_id"]), "moved": one["after"] - one["before"]} for one in most]
