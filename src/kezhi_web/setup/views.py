"""The settings page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from kezhi.language import KezhiError, Text
from kezhi_web.people.models import audit
from kezhi_web.people.rights import SignedIn, needs
from kezhi_web.setup.asking import MistypedError, given, plainly, shown
from kezhi_web.setup.questions import Question, Setting, questions
from kezhi_web.setup.writing import Change, RefusedError, in_file, write
from kezhi_web.shown.run import workspace
from kezhi_web.words import say

SAVED = Text("Saved. It counts from the next run on.", "已保存，从下一次运行起生效。")
SAME = Text("Nothing was changed.", "没有改动。")


@needs("settings")
def setup(request: SignedIn) -> HttpResponse:
    """Every setting by question; one question is saved at a time."""
    place = workspace()
    try:
        file, settings = in_file(place), place.settings()
    except KezhiError as error:
        return render(request, "setup/broken.html", {"error": error.text}, status=400 if request.POST else 200)
    asked = questions(file)
    if request.method != "POST":
        return _page(request, asked, file, settings)
    question = next((one for one in asked if one.code == request.POST.get("question")), None)
    if question is None:
        return redirect("setup")
    wanted, mistakes = _wanted(question, request)
    if not mistakes:
        try:
            _say_changes(request, write(place, wanted))
            return redirect(f"{reverse('setup')}#{question.code}")
        except RefusedError as error:
            mistakes = {_nearest(error.place, question): error.text}
    return _page(request, asked, file, settings, question, mistakes)


def _wanted(question: Question, request: SignedIn) -> tuple[dict[str, Any], dict[str, Text]]:
    """What was typed for every setting of a question, and what is no value."""
    wanted: dict[str, Any] = {}
    mistakes: dict[str, Text] = {}
    for setting in question.settings:
        try:
            wanted[setting.place] = given(setting, request.POST)
        except MistypedError as error:
            mistakes[setting.place] = error.text
    return wanted, mistakes


def _nearest(place: str, question: Question) -> str:
    """The setting of the question that a sentence of kezhi means; "" for none of them."""
    places = [setting.place for setting in question.settings]
    if place in places:
        return place
    inside = [one for one in places if place and (one.startswith(f"{place}.") or place.startswith(f"{one}."))]
    return inside[0] if inside else ""


def _say_changes(request: SignedIn, changes: list[Change]) -> None:
    for change in changes:
        audit(request, "setting", name=change.place, old=plainly(change.old), new=plainly(change.new))
    messages.success(request, say(SAVED)) if changes else messages.info(request, say(SAME))


def _page(
    request: SignedIn,
    asked: tuple[Question, ...],
    file: Mapping[str, Any],
    settings: Any,
    wrong: Question | None = None,
    mistakes: Mapping[str, Text] | None = None,
) -> HttpResponse:
    told = [
        {
            "question": question,
            "fields": [
                _field(setting, file, settings, request, mistakes if question is wrong else None)
                for setting in question.settings
            ],
            "mistake": (mistakes or {}).get("") if question is wrong else None,
        }
        for question in asked
    ]
    context = {"questions": told, "wrong": wrong, "segments": len(file.get("segments") or ())}
    return render(request, "setup/setup.html", context, status=400 if wrong else 200)


def _field(
    setting: Setting, file: Mapping[str, Any], settings: Any, request: SignedIn, mistakes: Mapping[str, Text] | None
) -> dict[str, Any]:
    """A field; after a mistake with what was typed."""
    field = shown(setting, file, settings)
    if mistakes is None:
        return field
    typed = {"value": request.POST.get(setting.place, "")}
    if setting.form == "many":
        typed = {"chosen": request.POST.getlist(setting.place)}  # type: ignore[dict-item]
    if setting.form == "name":
        typed = {language: request.POST.get(f"{setting.place}.{language}", "") for language in ("en", "zh")}
    return field | typed | {"mistake": mistakes.get(setting.place)}
