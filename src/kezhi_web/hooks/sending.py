"""Writing messages down as things happen, and sending them.

A message is a row first, so that none is lost when the server is killed; the worker sends what is due. The body is
signed as `Kezhi-Signature: t=SECONDS,v1=HEX`, HMAC-SHA-256 of "SECONDS.BODY" with the hook's secret; `Kezhi-Delivery`
is the same for every try, by which a receiver knows what it has had already. Redirects are not followed.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import json
import os
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.utils import timezone

from kezhi.language import KezhiError, Text
from kezhi_web.hooks.models import GIVEN_UP, SENT, WAITING, Delivery, Hook
from kezhi_web.runs.jobs import enqueue
from kezhi_web.runs.models import WAITING as JOB_WAITING
from kezhi_web.runs.models import Job

EVENTS = {
    "run_finished": Text("A run has finished", "运行完成"),
    "tier_changed": Text("A customer's tier changed", "客户层级变化"),
    "alert_opened": Text("An alert opened", "出现新预警"),
}
WAITS = (60, 300, 1800, 2 * 3600, 6 * 3600, 24 * 3600)  # seconds before the second try, the third, ...
PATIENCE = 10  # seconds for an answer
AT_ONCE = 200  # messages of one piece of work

NO_ADDRESS = Text(
    "A webhook's address begins with https:// and names another machine.",
    "Webhook 地址须以 https:// 开头，并指向外部主机。",
)


def note(event: str, facts: Mapping[str, Any]) -> None:
    """Write a message down for every hook that wants the event."""
    now = timezone.now()
    wanting = [hook for hook in Hook.objects.filter(active=True) if event in hook.events]
    Delivery.objects.bulk_create(Delivery(hook=hook, event=event, facts=dict(facts), next_at=now) for hook in wanting)
    if wanting:
        see_to_it()


def see_to_it() -> None:
    """Have the worker send what is due, unless it is about to."""
    if not Job.objects.filter(kind="webhooks", state=JOB_WAITING).exists():
        enqueue("webhooks", {})


def due() -> bool:
    """Is there a message whose time has come?"""
    return Delivery.objects.filter(state=WAITING, next_at__lte=timezone.now()).exists()


def send_due() -> int:
    """Send what is due, the oldest first; how many messages were tried."""
    found = Delivery.objects.select_related("hook").filter(
        state=WAITING, next_at__lte=timezone.now(), hook__active=True
    )
    some = list(found.order_by("next_at", "pk")[:AT_ONCE])
    for one in some:
        send(one)
    return len(some)


def send(one: Delivery) -> None:
    """One try; what fails is tried again later, and given up after the last."""
    one.tries += 1
    one.status, one.error = _posted(one)
    if one.status is not None and 200 <= one.status < 300:
        one.state = SENT
    elif one.tries > len(WAITS):
        one.state = GIVEN_UP
    else:
        one.next_at = timezone.now() + timedelta(seconds=WAITS[one.tries - 1])
    one.save()


def body_of(one: Delivery) -> bytes:
    """The message."""
    told = {"id": str(one.key), "event": one.event, "at": one.made_at.isoformat(), "facts": one.facts}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"), default=str).encode()


def signature(secret: str, seconds: int, body: bytes) -> str:
    """What a receiver computes as well, to know that the message is ours and not older than it accepts."""
    signed = hmac.new(secret.encode(), f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={seconds},v1={signed}"


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """A redirect is an answer that is no success."""


def _posted(one: Delivery) -> tuple[int | None, str]:
    """Status of the answer, and what went wrong without one."""
    try:
        check_address(one.hook.url)
    except KezhiError as error:
        return None, error.text.en
    body, seconds = body_of(one), int(time.time())
    request = urllib.request.Request(  # noqa: S310  its scheme was checked
        one.hook.url,
        data=body,
        headers={
            "Content-Type": "application/json",
            "User-Agent": "kezhi",
            "Kezhi-Event": one.event,
            "Kezhi-Delivery": str(one.key),
            "Kezhi-Signature": signature(one.hook.secret, seconds, body),
        },
    )
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=PATIENCE) as answer:
            return answer.status, ""
    except urllib.error.HTTPError as error:
        return error.code, ""
    except (OSError, ValueError) as error:
        return None, type(error).__name__


def check_address(url: str) -> None:
    """Raise KezhiError unless it is https to a public address; KEZHI_LOCAL_HOOKS=1 allows the own network.

    A webhook must not become a way to reach what only this server can reach.
    """
    parts = urlsplit(url)
    local = os.environ.get("KEZHI_LOCAL_HOOKS") == "1"
    if parts.scheme not in (("https", "http") if local else ("https",)) or not parts.hostname:
        raise KezhiError(NO_ADDRESS)
    if local:
        return
    try:
        found = socket.getaddrinfo(parts.hostname, parts.port or 443, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return  # not to be reached now; it is looked at again before every try
    if any(not ipaddress.ip_address(address[4][0]).is_global for address in found):
        raise KezhiError(NO_ADDRESS)
