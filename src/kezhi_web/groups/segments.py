"""Saved segments: what each is worth, who is in it, and making, changing and dropping them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import urlencode
from django.views.decorators.http import require_POST

from kezhi import drop_segment, save_segment
from kezhi.language import KezhiError, Text
from kezhi.reports.json_values import day
from kezhi.segmenting import SUGGESTED
from kezhi.segments.vocabulary import TITLES, settings_of
from kezhi.settings.segments import same
from kezhi_web.groups.profile import Worth, figures, traits, worth_of
from kezhi_web.groups.wording import in_words
from kezhi_web.homes import address, shown_on
from kezhi_web.people.models import audit
from kezhi_web.people.rights import SignedIn, needs, of_run
from kezhi_web.shown import Rows, workspace
from kezhi_web.shown.linking import list_of
from kezhi_web.shown.rows import PERSONAL
from kezhi_web.words import say, spoken

THERE = Text("There is a segment of this name already: {name}.", "已有同名分群：{name}。")
SAVED = Text("Saved: {name}", "已保存：{name}")
NOT_THERE = Text("There is no segment “{name}” any more.", "分群“{name}”已不存在。")
DROPPED = Text("Dropped: {name}", "已删除：{name}")
CHANGED = Text(
    "Somebody has changed this segment since you opened it; it now says: {rule}. Save again to replace that.",
    "您打开之后有人修改了这个分群，现在的条件是：{rule}。再次保存将覆盖它。",
)
GONE = Text(
    "Somebody has dropped or renamed “{name}” since you opened it. Save again to make a segment of what you wrote.",
    "您打开之后有人删除或重命名了“{name}”。再次保存将按您填写的内容新建分群。",
)
UNSAID = Text("Say who belongs to the segment.", "请填写分群条件。")


@dataclass(frozen=True)
class Saved:
    """A saved segment as the list shows it."""

    name: str
    rule: str
    words: str
    worth: Worth | None
    wrong: Text | None
    joined: int | None
    left: int | None
    since: date | None
    url: str
    list_url: str


@needs("company")
def segments(request: SignedIn) -> HttpResponse:
    """All saved segments, counted now; suggestions where they may be used."""
    page = shown_on(request, "segments")
    run, rows = page["run"], page["rows"]
    first = bool(page["tabs"][0]["here"])
    saved = [_saved(rows, name, rule, request) for name, rule in _rules().items()] if first else []
    known = {one["name"] for one in (run.worth.get("segments") or {}).get("segments", ())}
    return render(
        request,
        "groups/segments.html",
        {
            **page,
            "first": first,
            "saved": saved,
            "unknown": any(one.name not in known for one in saved),
            "since": next((one.since for one in saved if one.since), None),
            "suggested": _suggested(rows, {one.rule for one in saved}, request) if first else [],
        },
    )


@needs("own")
def one(request: SignedIn) -> HttpResponse:
    """One segment, by `?name=`, or whom any filter chooses, by `?filter=`; with `?told=1` what sets them apart."""
    run, rows = of_run(request)
    name, rule = _named(request.GET.get("name", "")), request.GET.get("filter", "").strip()
    if name is not None:
        rule = _rules()[name]
    elif not rule:
        raise Http404
    found = _saved(rows, name or "", rule, request)
    if found.wrong is not None:
        return render(request, "groups/segment.html", {"run": run, "one": found}, status=200 if name else 400)
    if request.GET.get("told"):  # takes longer than a page may, so that it follows by itself
        told = {"told": True, "traits": traits(rows, rule, run.stamp), "figures": figures(rows, rule, run.stamp)}
        template = "groups/told.html" if request.htmx else "groups/segment.html"
        return render(request, template, {"run": run, "one": found, **told})
    return render(request, "groups/segment.html", {"run": run, "one": found})


@needs("act")
def edit(request: SignedIn) -> HttpResponse:
    """Make a segment, or change one (`?name=`); the filter may be given (`?filter=`)."""
    run, rows = of_run(request)
    old = _named(request.POST.get("old") or request.GET.get("name", ""))
    there = _rules().get(old or "", "")
    said = {"name": old or request.GET.get("name", ""), "rule": there or request.GET.get("filter", "")}
    error = None
    if request.method == "POST":
        said = {"name": request.POST.get("name", "").strip(), "rule": request.POST.get("rule", "").strip()}
        try:
            _check_unchanged(request, old, there)
            name = _save(said["name"], said["rule"], old)
        except KezhiError as reason:
            error = reason.text
        else:
            audit(request, "segment_saved", name=name, rule=said["rule"], before=old or "")
            messages.success(request, say(SAVED, name=name))
            return redirect(_place_of(name))
    live = _counted(rows, said["rule"], request) if said["rule"] else {}
    context = {"run": run, "said": said, "old": old, "there": there, "error": error, "fields": _fields(rows), **live}
    context["back"] = _place_of(old) if old else _home(request)
    return render(request, "groups/edit.html", context, status=400 if error else 200)


@needs("own")
def count(request: SignedIn) -> HttpResponse:
    """How many a filter chooses, while it is being written: `?rule=`."""
    run, rows = of_run(request)
    rule = request.GET.get("rule", "").strip()
    return render(request, "groups/count.html", {"run": run, **(_counted(rows, rule, request) if rule else {})})


@needs("act")
@require_POST
def drop(request: SignedIn) -> HttpResponse:
    """Drop a saved segment; nobody in it is touched."""
    name = request.POST.get("name", "")
    if _named(name) is None:  # somebody was faster, or pressed twice
        messages.warning(request, say(NOT_THERE, name=name))
        return redirect(_home(request))
    found = drop_segment(workspace().folder, name)
    audit(request, "segment_dropped", name=found.name, rule=found.rule)
    messages.success(request, say(DROPPED, name=found.name))
    return redirect(_home(request))


def _home(request: SignedIn) -> str:
    return address("segments" if request.viewer.may("company") else "customers")


def _check_unchanged(request: HttpRequest, old: str | None, there: str) -> None:
    """Nobody's work is written over unseen. Raises KezhiError where the segment is no longer what the form showed."""
    opened = request.POST.get("old", "")
    if opened and old is None:
        raise KezhiError(GONE.fill(name=opened))
    if old is not None and request.POST.get("there", there) != there:
        raise KezhiError(CHANGED.fill(rule=there))


def _rules() -> dict[str, str]:
    """The saved segments as they are now."""
    return dict(workspace().settings().segments)


def _named(name: str) -> str | None:
    known = {same(one): one for one in _rules()}
    return known.get(same(name)) if name else None


def _save(name: str, rule: str, old: str | None) -> str:
    """Save; under another name the old one goes. Raises KezhiError for what cannot be saved."""
    if not rule:
        raise KezhiError(UNSAID)
    there = _named(name)
    if there is not None and there != old:
        raise KezhiError(THERE.fill(name=there))
    place = workspace().folder
    if old is not None and same(old) == same(name):
        return save_segment(place, old, rule).name
    made = save_segment(place, name, rule)
    if old is not None:
        drop_segment(place, old)
    return made.name


def _saved(rows: Rows, name: str, rule: str, request: HttpRequest) -> Saved:
    worth, wrong = None, None
    try:
        worth = worth_of(rows, rule)
    except KezhiError as error:
        wrong = error.text
    then = _since(rows, name, rule)
    words = in_words(rule, settings_of(rows.run.folder), spoken())
    return Saved(
        name, rule, words, worth, wrong, then.get("joined"), then.get("left"), day(then.get("as_of")),
        _place_of(name, request.GET.get("run")) if name else "", list_of(rule, request.GET.get("run")),
    )  # fmt: skip


def _since(rows: Rows, name: str, rule: str) -> dict[str, Any]:
    """Who came and went since the run before, as the run says of the same rule; a company's figure."""
    if rows.owner is not None:
        return {}
    told = (rows.run.worth.get("segments") or {}).get("segments", ())
    found = next((one for one in told if one["name"] == name and one["rule"] == rule), None)
    return (found or {}).get("previous") or {}


def _place_of(name: str, run: str | None = None) -> str:
    return f"{address('segment')}?{urlencode({'name': name, **({'run': run} if run else {})})}"


def _suggested(rows: Rows, known: set[str], request: HttpRequest) -> list[dict[str, Any]]:
    """Segments to begin with, where this run has what they ask for."""
    found = []
    for name, rule in SUGGESTED:
        if rule in known:
            continue
        try:
            worth = worth_of(rows, rule)
        except KezhiError:
            continue
        asked = urlencode({"name": say(name), "filter": rule})
        found.append(
            {
                "name": name,
                "words": in_words(rule, settings_of(rows.run.folder), spoken()),
                "worth": worth,
                "list_url": list_of(rule, request.GET.get("run")),
                "make_url": f"{address('segment-edit')}?{asked}",
            }
        )
    return found


def _counted(rows: Rows, rule: str, request: HttpRequest) -> dict[str, Any]:
    try:
        worth = worth_of(rows, rule)
    except KezhiError as error:
        return {"wrong": error.text}
    words = in_words(rule, settings_of(rows.run.folder), spoken())
    return {"worth": worth, "words": words, "list_url": list_of(rule, request.GET.get("run"))}


def _fields(rows: Rows) -> list[tuple[str, Text | None]]:
    """What a rule may ask for: the field, and what it is called."""
    names = [*rows.columns("customers"), *rows.columns("attributes")]
    return [(name, TITLES.get(name)) for name in dict.fromkeys(names) if name not in PERSONAL or name == "name"]
