"""What happens when somebody signs in, fails to, or signs out: written down, and stopped after too many failures."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from kezhi_web.people.models import Event

PAUSE = timedelta(hours=settings.AXES_COOLOFF_TIME)
NOTED = 20  # failures of one account within a pause that are written down: nobody fills the log from outside


@receiver(user_logged_in)
def _signed_in(sender: type, user: Any, **_: Any) -> None:  # noqa: ARG001
    Event.objects.create(who=user.get_username(), action="signed_in")


@receiver(user_logged_out)
def _signed_out(sender: type, user: Any, **_: Any) -> None:  # noqa: ARG001
    if user is not None:
        Event.objects.create(who=user.get_username(), action="signed_out")


@receiver(user_login_failed)
def _failed(sender: type, credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any) -> None:  # noqa: ARG001
    """Under the account's name where there is such an account; what else was typed may be a password."""
    typed = str(credentials.get("username") or "")
    who = typed if get_user_model().objects.filter(username=typed).exists() else ""
    action = "locked_out" if getattr(request, "axes_locked_out", False) else "sign_in_failed"
    lately = Event.objects.filter(who=who, action=action, at__gt=timezone.now() - PAUSE)
    if lately.count() < (1 if action == "locked_out" else NOTED):
        Event.objects.create(who=who, action=action)


def locked(request: HttpRequest, answer: HttpResponse | None = None, credentials: Any = None) -> HttpResponse:  # noqa: ARG001
    """The page after too many failures; django-axes calls it."""
    minutes = round(PAUSE.total_seconds() / 60)
    return render(
        request, "people/locked.html", {"minutes": minutes, "failures": settings.AXES_FAILURE_LIMIT}, status=429
    )


def address_of(request: HttpRequest) -> str | None:
    """The computer that asks, as django-axes counts failures by it.

    Behind a proxy that is the last address in X-Forwarded-For, which the proxy itself wrote: what stands before it may
    come from whoever asks. Without a proxy the header counts for nothing.
    """
    direct: str | None = request.META.get("REMOTE_ADDR")
    if not settings.BEHIND_PROXY:
        return direct
    told = request.META.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2].strip()
    return told or direct
