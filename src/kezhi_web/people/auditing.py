"""The audit log: who did what, and when."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone

from kezhi.language import KezhiError, Language, Text
from kezhi.reports.lists import harmless
from kezhi_web.people.actions import title_of
from kezhi_web.people.models import Event, audit
from kezhi_web.people.rights import SignedIn, needs
from kezhi_web.words import spoken

PAGE = 100
NO_DAY = Text("“{said}” is not a day; write it as 2026-01-31.", "“{said}”不是日期；请写成 2026-01-31 的形式。")
COLUMNS = {
    "en": ("time", "person", "action", "what", "details"),
    "zh": ("时间", "人员", "操作代码", "操作", "详情"),
}


@needs("people")
def log(request: SignedIn) -> HttpResponse:
    """The newest first; filtered by person, action and day, paged by key so that a long log stays quick."""
    found, asked = _chosen(request)
    before = request.GET.get("before", "")
    page = list((found.filter(pk__lt=int(before)) if before.isdigit() else found)[: PAGE + 1])
    answers = {
        "events": [(one, title_of(one.action), details(one)) for one in page[:PAGE]],
        "next": page[PAGE - 1].pk if len(page) > PAGE else None,
        "asked": asked,
        "later": before,
        "names": Event.objects.order_by("who").values_list("who", flat=True).distinct(),
        "actions": sorted((code, title_of(code)) for code in _actions()),
    }
    return render(request, "people/log.html", answers)


@needs("people", "export")
def download(request: SignedIn) -> StreamingHttpResponse:
    """The same as a CSV file, all of it."""
    found, asked = _chosen(request)
    audit(request, "audit_exported", **asked)
    answer = StreamingHttpResponse(_lines(found, spoken()), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="kezhi-audit.csv"'
    return answer


def details(event: Event) -> str:
    """What was noted of an event, in one line."""
    return " · ".join(
        f"{name}: {_shown(value)}" for name, value in sorted(event.told.items()) if value not in (None, "")
    )


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return " → ".join("–" if one in (None, "") else str(one) for one in value)
    return str(value)


def _chosen(request: HttpRequest) -> tuple[QuerySet[Event], dict[str, str]]:
    asked = {name: request.GET.get(name, "").strip() for name in ("who", "action", "day")}
    found = Event.objects.order_by("-pk")
    for name in ("who", "action"):
        if asked[name]:
            found = found.filter(**{name: asked[name]})
    if asked["day"]:
        begin = _begin_of(asked["day"])
        found = found.filter(at__gte=begin, at__lt=begin + timedelta(days=1))
    return found, asked


def _begin_of(said: str) -> datetime:
    try:
        day = date.fromisoformat(said)
    except ValueError:
        raise KezhiError(NO_DAY.fill(said=said)) from None
    return timezone.make_aware(datetime.combine(day, time.min))


def _actions() -> list[str]:
    return list(Event.objects.order_by("action").values_list("action", flat=True).distinct())


def _lines(found: QuerySet[Event], language: Language) -> Iterator[bytes]:
    yield b"\xef\xbb\xbf"  # spreadsheet programs then know that it is UTF-8
    yield _line(COLUMNS[language])
    for event in found.iterator(chunk_size=2000):
        at = timezone.localtime(event.at).isoformat(sep=" ", timespec="seconds")
        yield _line((at, event.who, event.action, title_of(event.action).to(language), details(event)))


def _line(cells: tuple[str, ...]) -> bytes:
    made = io.StringIO()
    csv.writer(made).writerow([harmless(cell) for cell in cells])
    return made.getvalue().encode()
