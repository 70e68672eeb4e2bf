"""Writing messages down as things happen, and sending them.

A message is a row first, so that none is lost when the server is killed; the worker sends what is due. The body is
signed as `Kezhi-Signature: t=SECONDS,v1=HEX`, HMAC-SHA-256 of "SECONDS.BODY" with the hook's secret; `Kezhi-Delivery`
is the same for every try, by which a receiver knows what it has had already. Redirects are not followed, and a message
goes to the very address that was found to be on the open net.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import ipaddress
import json
import os
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import SplitResult, quote, urlsplit

from django.db.models import F
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

IN_ADDRESS = "%/:@!$&'()*+,;=~-._?"  # what stays as it is in an address
UNICAST = ipaddress.ip_network("2000::/3")
TUNNELS = ipaddress.ip_network("2002::/16")  # 6to4: an address of IPv4 stands in it
TRANSLATED = ipaddress.ip_network("64:ff9b::/96")  # the same, by a translator (NAT64)

NO_ADDRESS = Text(
    "A webhook's address begins with https:// and names a machine outside the server's own network, without user name "
    "or password.",
    "Webhook 地址须以 https:// 开头，指向服务器内网之外的主机，且不含用户名和密码。",
)
# why there was no answer
TROUBLES = {
    "unknown": Text("no machine of this name is known", "找不到该主机名"),
    "inside": Text("the name points into the server's own network", "主机名指向服务器内网"),
    "late": Text("no answer within ten seconds", "十秒内没有应答"),
    "certificate": Text("its certificate is not valid", "对方证书无效"),
    "nobody": Text("nobody answers there", "该地址无人应答"),
}


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
    """Send what is due, the oldest first; how many messages were tried.

    Where nobody answers, the others that are due there count as tried as well: ten thousand of them would keep the
    worker waiting for a day.
    """
    found = Delivery.objects.select_related("hook").filter(
        state=WAITING, next_at__lte=timezone.now(), hook__active=True
    )
    some = list(found.order_by("next_at", "pk")[:AT_ONCE])
    silent: set[int] = set()
    for one in some:
        if one.hook_id in silent:
            continue
        send(one)
        if one.status is None:
            silent.add(one.hook_id)
            _put_off(one)
    return len(some)


def _put_off(one: Delivery) -> None:
    """The other messages that are due at the same address fail with this one."""
    now = timezone.now()
    others = Delivery.objects.filter(hook=one.hook, state=WAITING, next_at__lte=now)
    others.filter(tries__gte=len(WAITS)).update(tries=F("tries") + 1, state=GIVEN_UP, error=one.error, status=None)
    for tries, wait in reversed(list(enumerate(WAITS))):  # the later first: what was put off is not due any more
        later = now + timedelta(seconds=wait)
        others.filter(tries=tries).update(tries=tries + 1, next_at=later, error=one.error, status=None)


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


def _posted(one: Delivery) -> tuple[int | None, str]:
    """Status of the answer; without one a key of TROUBLES."""
    body, seconds = body_of(one), int(time.time())
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "kezhi",
        "Connection": "close",
        "Kezhi-Event": one.event,
        "Kezhi-Delivery": str(one.key),
        "Kezhi-Signature": signature(one.hook.secret, seconds, body),
    }
    try:
        parts, addresses = _reached(one.hook.url)
        if not addresses:
            return None, "unknown"
        return _answer(parts, addresses, body, headers), ""
    except KezhiError:
        return None, "inside"
    except TimeoutError:
        return None, "late"
    except ssl.SSLError:
        return None, "certificate"
    except (OSError, http.client.HTTPException, ValueError):
        return None, "nobody"


def _answer(parts: SplitResult, addresses: Sequence[str], body: bytes, headers: Mapping[str, str]) -> int:
    """The status that the first of the addresses answers which can be reached. No proxy, no redirect is followed."""
    asked_for = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    plain = parts.scheme == "http"
    asked = _Plain(parts, addresses) if plain else _Secure(parts, addresses)
    try:
        asked.request("POST", quote(asked_for, safe=IN_ADDRESS), body, dict(headers))
        return asked.getresponse().status
    finally:
        asked.close()


class _Plain(http.client.HTTPConnection):
    """Goes to addresses that were looked at, not to where the name points a moment later."""

    def __init__(self, parts: SplitResult, addresses: Sequence[str]) -> None:
        super().__init__(str(parts.hostname), _port(parts), timeout=PATIENCE)
        self._addresses = addresses

    def connect(self) -> None:
        """To the first that answers."""
        self.sock = _connected(self._addresses, self.port)


class _Secure(http.client.HTTPSConnection):
    """The same by TLS, for the certificate of the name."""

    def __init__(self, parts: SplitResult, addresses: Sequence[str]) -> None:
        self._tls = ssl.create_default_context()
        super().__init__(str(parts.hostname), _port(parts), timeout=PATIENCE, context=self._tls)
        self._addresses = addresses

    def connect(self) -> None:
        """To the first that answers."""
        self.sock = self._tls.wrap_socket(_connected(self._addresses, self.port), server_hostname=self.host)


def _connected(addresses: Sequence[str], port: int) -> socket.socket:
    *others, last = addresses
    for address in others:
        try:
            return socket.create_connection((address, port), PATIENCE)
        except OSError:
            continue
    return socket.create_connection((last, port), PATIENCE)


def check_address(url: str) -> None:
    """Raise KezhiError unless it is https to a public address; KEZHI_LOCAL_HOOKS=1 allows the own network.

    A webhook must not become a way to reach what only this server can reach.
    """
    _reached(url)


def _reached(url: str) -> tuple[SplitResult, list[str]]:
    """A webhook's address in its parts, and where its name points now; nowhere where it is not known now."""
    local = os.environ.get("KEZHI_LOCAL_HOOKS") == "1"
    try:
        parts = urlsplit(url)
        port = _port(parts)
    except ValueError:
        raise KezhiError(NO_ADDRESS) from None
    if parts.scheme not in (("https", "http") if local else ("https",)) or not parts.hostname or parts.username:
        raise KezhiError(NO_ADDRESS)
    try:
        found = [told[4][0] for told in socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError):
        return parts, []  # not to be reached now; it is looked at again before every try
    if not local and not all(_public(str(address)) for address in found):
        raise KezhiError(NO_ADDRESS)
    return parts, [str(address) for address in found]


def _port(parts: SplitResult) -> int:
    return parts.port or (80 if parts.scheme == "http" else 443)


def _public(said: str) -> bool:
    """Is this an address on the open net? Those of IPv6 that stand for one of IPv4 are as that one, or none."""
    address = ipaddress.ip_address(said.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        if address in TRANSLATED:
            return _public(str(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)))
        return address in UNICAST and address not in TUNNELS and address.is_global
    return address.is_global and not address.is_multicast
