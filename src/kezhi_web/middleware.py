"""What happens around every page: security headers, the person's language, and errors as sentences."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation

from kezhi.language import KezhiError, Text
from kezhi_web.shown import NoRun

Answer = Callable[[HttpRequest], HttpResponse]

TOO_LARGE = Text("This is larger than {limit} MB, which is what may be sent.", "内容超过 {limit} MB 的上限。")
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",  # plotly places its labels by style
        "img-src 'self' data: blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)


def harden(answer: Answer) -> Answer:
    """Only our own scripts run, nothing is loaded from elsewhere, and no shared computer keeps a page."""

    def answered(request: HttpRequest) -> HttpResponse:
        response = answer(request)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        response.headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        response.headers.setdefault("Cache-Control", "private, no-store")
        return response

    return answered


def limit_bodies(answer: Answer) -> Answer:
    """Nothing larger than an upload may be is read, and of those who are not signed in nothing larger than a form.

    Calls of the API sign in by their token, before their body is read.
    """

    def answered(request: HttpRequest) -> HttpResponse:
        said = request.META.get("CONTENT_LENGTH") or "0"
        known = request.user.is_authenticated or request.path.startswith("/api/")
        form = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        limit = settings.UPLOAD_LIMIT + form if known else form
        if said.isdigit() and int(said) > limit:
            told = TOO_LARGE.fill(limit=f"{limit / 2**20:,.0f}")
            return render(request, "cannot.html", {"error": told}, status=413)
        return answer(request)

    return answered


def language_of_person(answer: Answer) -> Answer:
    """Whoever chose a language sees it on every machine; others see what their browser asks for."""

    def answered(request: HttpRequest) -> HttpResponse:
        person = getattr(request.user, "person", None) if request.user.is_authenticated else None
        if person is not None and person.language:
            translation.activate(person.language)
            request.LANGUAGE_CODE = translation.get_language()  # type: ignore[attr-defined]
        return answer(request)

    return answered


class explain:  # noqa: N801  middleware is named as a verb here
    """What a person can mend is said on a page, never as a bare error."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self._answer(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """No run yet: how to begin. A KezhiError: its sentence."""
        if isinstance(error, NoRun):
            from kezhi_web.overview.beginning import beginning  # has a table, which is not there yet above

            return render(request, "no_run.html", {"beginning": beginning()}, status=200)
        if isinstance(error, KezhiError):
            return render(request, "cannot.html", {"error": error.text}, status=400)
        return None
