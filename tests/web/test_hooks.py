"""Webhooks: signed, tried again, given up, and never a way into the own network."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from django.utils import timezone

from casting import Cast
from kezhi.language import KezhiError
from kezhi_web import happenings
from kezhi_web.hooks import sending
from kezhi_web.hooks.models import GIVEN_UP, SENT, WAITING, Delivery, Hook
from kezhi_web.hooks.sending import WAITS, check_address, send, send_due


class Receiver:
    """A program that is told: what it received, and what it answers."""

    def __init__(self) -> None:
        self.seen: list[tuple[dict[str, str], bytes]] = []
        self.answers = 200
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.seen.append((dict(self.headers), body))
                self.send_response(receiver.answers)
                self.send_header("Location", "/elsewhere")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Silent."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/told"


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A receiver on this machine, which the settings allow for once."""
    monkeypatch.setenv("KEZHI_LOCAL_HOOKS", "1")
    made = Receiver()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


@pytest.fixture
def hook(db: None, empty_home: Path, receiver: Receiver) -> Hook:
    return Hook.objects.create(url=receiver.url, events=["run_finished"], by="tests")


def test_what_happens_is_told_with_a_signature(hook: Hook, receiver: Receiver) -> None:
    """A receiver can compute the signature from secret, time and body; other events are not told."""
    happenings.run_finished.send(sender=None, facts={"run": "r1"})
    happenings.alert_opened.send(sender=None, facts={"customer_id": "C1"})
    assert send_due() == 1
    [(headers, body)] = receiver.seen
    assert json.loads(body)["facts"] == {"run": "r1"}
    seconds, signed = (part.split("=", 1)[1] for part in headers["Kezhi-Signature"].split(","))
    expected = hmac.new(hook.secret.encode(), f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
    assert hmac.compare_digest(signed, expected)
    assert Delivery.objects.get().state == SENT
    assert send_due() == 0


def test_what_fails_is_tried_again_with_the_same_key_and_then_given_up(hook: Hook, receiver: Receiver) -> None:
    """Later and later; the receiver knows a message that it had before."""
    receiver.answers = 503
    happenings.run_finished.send(sender=None, facts={})
    for tries in range(1, len(WAITS) + 1):
        assert send_due() == 1
        one = Delivery.objects.get()
        assert (one.state, one.tries, one.status) == (WAITING, tries, 503)
        wait = one.next_at - timezone.now()
        assert timedelta(seconds=WAITS[tries - 1] - 10) < wait <= timedelta(seconds=WAITS[tries - 1])
        assert send_due() == 0
        Delivery.objects.update(next_at=timezone.now())
    assert send_due() == 1
    assert Delivery.objects.get().state == GIVEN_UP
    assert len({headers["Kezhi-Delivery"] for headers, _ in receiver.seen}) == 1


def test_a_redirect_is_not_followed(hook: Hook, receiver: Receiver) -> None:
    """It could lead anywhere."""
    receiver.answers = 302
    happenings.run_finished.send(sender=None, facts={})
    send_due()
    assert len(receiver.seen) == 1
    assert Delivery.objects.get().status == 302


@pytest.mark.parametrize(
    "url",
    ["https://127.0.0.1/x", "https://[::1]/", "https://169.254.169.254/latest", "https://10.0.0.1", "http://example.org",
     "file:///etc/passwd", "https://", "nonsense", "https://[::ffff:127.0.0.1]/", "https://[::127.0.0.1]/",
     "https://[64:ff9b::7f00:1]/", "https://[2002:7f00:1::]/", "https://[fec0::1]/", "https://[ff0e::1]/",
     "https://224.0.0.1", "https://2130706433/", "https://0x7f.1/", "https://8.8.8.8:99999/", "https://[::1",
     "https://somebody:secret@8.8.8.8/"],
)  # fmt: skip
def test_the_own_network_is_no_address(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A webhook must not reach what only the server can reach."""
    monkeypatch.delenv("KEZHI_LOCAL_HOOKS", raising=False)
    with pytest.raises(KezhiError):
        check_address(url)


def test_an_address_on_the_open_net_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of both kinds, and that of an older one by a translator."""
    monkeypatch.delenv("KEZHI_LOCAL_HOOKS", raising=False)
    for host in ("8.8.8.8", "[2606:4700::1111]", "[64:ff9b::808:808]:8443"):
        check_address(f"https://{host}/told")


def test_a_message_goes_to_the_address_that_was_looked_at(hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that points inside a moment later leads nowhere else."""
    monkeypatch.delenv("KEZHI_LOCAL_HOOKS")
    Hook.objects.update(url="https://turns.example:8443/told")
    points, reached = ["8.8.8.8", "127.0.0.1"], []

    def lookup(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        return [(None, None, None, "", (points.pop(0), port))]

    def connect(address: tuple[str, int], *_: object) -> None:
        reached.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(sending.socket, "getaddrinfo", lookup)
    monkeypatch.setattr(sending.socket, "create_connection", connect)
    one = Delivery.objects.create(hook=Hook.objects.get(), event="test", next_at=timezone.now())
    send(one)
    assert (reached, one.error) == ([("8.8.8.8", 8443)], "nobody")


def test_where_nobody_answers_one_message_is_tried_and_all_wait(hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten thousand tries of ten seconds each would be a day; the others count as tried with the first."""
    tried = []

    def connect(*address: object) -> None:
        tried.append(address)
        raise TimeoutError

    monkeypatch.setattr(sending.socket, "create_connection", connect)
    now = timezone.now()
    Delivery.objects.bulk_create(
        Delivery(hook=hook, event="test", tries=tries, next_at=now) for tries in (0, 0, 3, len(WAITS))
    )
    assert send_due() == 4
    assert len(tried) == 1
    assert send_due() == 0
    found = Delivery.objects.order_by("pk")
    assert [(one.tries, one.state, one.error) for one in found] == [
        (1, WAITING, "late"),
        (1, WAITING, "late"),
        (4, WAITING, "late"),
        (len(WAITS) + 1, GIVEN_UP, "late"),
    ]
    waits = [one.next_at - now for one in found[:3]]
    assert [round(wait.total_seconds() / 60) for wait in waits] == [1, 1, 120]


def test_a_name_that_comes_to_point_inside_is_refused_when_sending(
    hook: Hook, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The address is looked at before every try, not only when it was typed."""
    monkeypatch.delenv("KEZHI_LOCAL_HOOKS")
    one = Delivery.objects.create(hook=hook, event="test", next_at=timezone.now())
    send(one)
    assert (one.state, one.status, one.error, receiver.seen) == (WAITING, None, "inside", [])


def test_the_page(shown_home: Path, cast: Cast, receiver: Receiver) -> None:
    """Make, try, drop; an address inside is refused with a sentence; who may not is told so."""
    client = cast["analyst"]
    assert client.post("/hooks/make", {"url": receiver.url, "event": ["run_finished"]}).status_code == 302
    made = Hook.objects.get()
    client.post(f"/hooks/{made.pk}/try")
    assert send_due() == 1
    assert json.loads(receiver.seen[0][1])["event"] == "test"
    client.post("/hooks/make", {"url": "ftp://x", "event": ["run_finished"]})
    client.post("/hooks/make", {"url": receiver.url})
    assert Hook.objects.count() == 1
    Delivery.objects.update(status=None, error="late")
    page = client.get("/tokens").content.decode()
    assert "https://" in page
    assert "no answer within ten seconds" in page
    assert f'value="{receiver.url}"' in page  # what was typed last is not lost
    client.post(f"/hooks/{made.pk}/drop")
    assert not Hook.objects.exists()
    assert cast["viewer"].post("/hooks/make", {"url": receiver.url}).status_code == 403
