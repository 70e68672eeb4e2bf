"""The settings page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from kezhi.language import KezhiError, Text
from kezhi.settings import Refused, RefusedError, understood
from kezhi_web.people.models import audit
from kezhi_web.people.rights import SignedIn, needs
from kezhi_web.setup.asking import MistypedError, given, plainly, shown, worded
from kezhi_web.setup.questions import Question, Setting, questions
from kezhi_web.setup.writing import Change, ChangedMeanwhileError, in_file, seen, take_out, value_at, write
from kezhi_web.shown.run import workspace
from kezhi_web.words import say

SAVED = Text("Saved. It counts from the next run on.", "已保存，从下一次运行起生效。")
MEANWHILE = Text(
    "Somebody else has changed these settings since you opened the page; nothing of yours was saved. Your entries are "
    "still in the fields: choose Save once more to put them in place of what stands there now.",
    "您打开页面之后，其他人已修改了这一组设置，您的内容尚未保存，仍保留在下面的输入框中。再次点击“保存”将以您的内容覆盖现有设置。",
)
SAME = Text("Nothing was changed.", "没有改动。")


@needs("settings")
def setup(request: SignedIn) -> HttpResponse:
    """Every setting by question; one question is saved at a time."""
    place = workspace()
    try:
        file = in_file(place)
    except KezhiError as error:
        return render(request, "setup/broken.html", {"error": error.text}, status=400 if request.POST else 200)
    asked = questions(file)
    if request.method != "POST":
        return _page(request, asked, file)
    if "take_out" in request.POST:
        return _taken_out(request)
    question = next((one for one in asked if one.code == request.POST.get("question")), None)
    if question is None:
        return redirect("setup")
    wanted, mistakes = _wanted(question, request)
    if not mistakes:
        try:
            _say_changes(request, write(place, wanted, request.POST.get("seen")))
            return redirect(f"{reverse('setup')}#{question.code}")
        except RefusedError as error:
            mistakes = {_nearest(error.refused.place, question): error.text}
        except KezhiError as error:
            mistakes = {"": error.text}
        except ChangedMeanwhileError:
            file = in_file(place)
            mistakes = {"": MEANWHILE}
    return _page(request, asked, file, question, mistakes)


def _taken_out(request: SignedIn) -> HttpResponse:
    """Remove from the file what kezhi does not take, and keep in the audit log what it was."""
    gone = take_out(workspace(), request.POST["take_out"])
    _say_changes(request, [gone] if gone else [])
    return redirect("setup")


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
        audit(request, "setting_changed", name=change.place, old=plainly(change.old), new=plainly(change.new))
    messages.success(request, say(SAVED)) if changes else messages.info(request, say(SAME))


def _page(
    request: SignedIn,
    asked: tuple[Question, ...],
    file: Mapping[str, Any],
    wrong: Question | None = None,
    mistakes: Mapping[str, Text] | None = None,
) -> HttpResponse:
    settings, refused = understood(file)
    told = []
    for question in asked:
        sentences = {_nearest(one.place, question): one.text for one in refused if _asks(question, one)}
        sentences |= (mistakes or {}) if question is wrong else {}
        typed = request if question is wrong else None
        told.append(
            {
                "question": question,
                "fields": [_field(setting, file, settings, typed, sentences) for setting in question.settings],
                "mistake": sentences.get(""),
                "meanwhile": _meanwhile(question, file, settings, request) if sentences.get("") is MEANWHILE else [],
                "seen": seen(file, (setting.place for setting in question.settings)),
            }
        )
    context = {
        "questions": told,
        "wrong": wrong,
        "segments": len(settings.segments),
        "refused": [
            {
                "place": one.place,
                "said": plainly(one.value),
                "text": one.text,
                "question": next((question for question in asked if _asks(question, one)), None),
                "at_field": any(setting.place == one.place for question in asked for setting in question.settings),
            }
            for one in refused
        ],
    }
    return render(request, "setup/setup.html", context, status=400 if wrong else 200)


def _asks(question: Question, refused: Refused) -> bool:
    """Does a question ask for what kezhi does not take, or for a part of it?"""
    places = [setting.place for setting in question.settings]
    inside = isinstance(refused.value, Mapping) and any(one.startswith(f"{refused.place}.") for one in places)
    return inside or any(refused.place == one or refused.place.startswith(f"{one}.") for one in places)


def _meanwhile(question: Question, file: Mapping[str, Any], settings: Any, typed: SignedIn) -> list[Any]:
    """What stands in the file now where it is not what was typed: title and value, None for the usual."""
    return [
        (one.title, worded(one, value_at(file, one.place)))
        for one in question.settings
        if shown(one, file, settings) != _field(one, file, settings, typed, {})
    ]


def _field(
    setting: Setting, file: Mapping[str, Any], settings: Any, typed: SignedIn | None, mistakes: Mapping[str, Text]
) -> dict[str, Any]:
    """A field with what is wrong about it; after a mistake with what was typed."""
    field = shown(setting, file, settings)
    if setting.place in mistakes:
        field |= {"mistake": mistakes[setting.place]}
    if typed is None:
        return field
    if setting.form == "many":
        return field | {"chosen": typed.POST.getlist(setting.place)}
    if setting.form == "name":
        return field | {language: typed.POST.get(f"{setting.place}.{language}", "") for language in ("en", "zh")}
    return field | {"value": typed.POST.get(setting.place, "")}
