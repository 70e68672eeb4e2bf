"""What protects the application: its settings in production, its answers, its log lines, its secrets."""

from __future__ import annotations

import io
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import SuspiciousOperation
from django.http import HttpResponse
from django.test import Client, RequestFactory

from casting import Cast
from kezhi.language import KezhiError, Text
from kezhi_web import secrets
from kezhi_web.logs import WithoutCustomers, trace_of
from kezhi_web.middleware import POLICY, explain, harden, limit_bodies
from kezhi_web.people.models import Event, seen

NAME, ID, PHONE = "Zhang San", "C000047", "13800138000"


def checked(home: Path, **more: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith(("KEZHI_", "DJANGO_"))}
    return subprocess.run(
        [sys.executable, "-m", "kezhi_web", "check", "--deploy", "--fail-level", "WARNING"],
        env=env | {"KEZHI_WORKSPACE": str(home)} | more,
        capture_output=True,
        text=True,
        check=False,
    )


def test_production_settings_are_clean(tmp_path: Path) -> None:
    """Django's own list of what to mind before going public finds nothing."""
    ended = checked(
        tmp_path,
        KEZHI_HTTPS="1",
        KEZHI_SECRET_KEY="a long and random Secret, 0123456789 " * 2,
        KEZHI_HOSTS="crm.example",
    )
    assert ended.returncode == 0, ended.stderr
    assert "no issues" in ended.stdout


@pytest.fixture
def line() -> Any:
    """What a record would be in the log."""
    handler = WithoutCustomers()

    def said(message: object, *values: Any, name: str = "somebody", error: BaseException | None = None) -> str:
        found = (type(error), error, error.__traceback__) if error else None
        record = logging.LogRecord(name, logging.WARNING, "file.py", 1, message, values, found)
        before = dict(record.__dict__)
        line = handler.format(record)
        assert record.__dict__ == before
        return line

    return said


@pytest.mark.parametrize(
    ("template", "values", "kept"),
    [
        ("%s: %s", ("Not Found", f"/customers/{ID}"), "Not Found: /customers/<id:customer_id>"),
        ("%s: %s", ("Not Found", f"/nowhere/{NAME}"), "Not Found: /…"),
        ("Wrong cell %r in %s", (NAME, f"/data/{PHONE}.csv"), "Wrong cell '…' in /…"),
        ("%d of %d", (3, 4), "3 of 4"),
        ("%(what)s broke", {"what": NAME}, "… broke"),
        ("failed: %s", (ValueError(NAME),), "failed: ValueError"),
        ("%d rows", (NAME,), "%d rows"),
        (f"GET /customers?search={NAME.replace(' ', '+')} took long", (), "GET /customers took long"),
        (f"see /customers/{ID}, please", (), "see /customers/<id:customer_id>, please"),
        ("two\nlines\x1b[31m %s", ("Forbidden",), "two lines [31m Forbidden"),
        (ValueError(NAME), (), "ValueError"),
    ],
)
def test_log_lines_tell_nothing_of_customers(line: Any, template: object, values: Any, kept: str) -> None:
    """The pattern of an address instead of the address, an error's class instead of what it says."""
    said = line(template, *(values if isinstance(values, tuple) else (values,)))
    assert said.endswith(f": {kept}")
    for one in (NAME, "Zhang+San", ID, PHONE):
        assert one not in said


def test_the_development_server_says_what_was_asked(line: Any) -> None:
    """Without the search; status and length are figures."""
    said = line('"%s" %s %s', "GET /customers?search=Li HTTP/1.1", "200", "5120", name="django.server")
    assert said.endswith('"GET /customers HTTP/1.1" 200 5120')


def test_a_trace_says_where_and_not_what(line: Any) -> None:
    """With its causes; the message of an error may be a cell of a table."""

    def fail() -> None:
        try:
            raise ValueError(f"cannot read {PHONE}")
        except ValueError as cause:
            raise KezhiError(Text(f"{NAME} is no number", NAME)) from cause

    with pytest.raises(KezhiError) as found:
        fail()
    error = found.value
    said = line("Internal Server Error: %s", f"/customers/{ID}", error=error)
    assert error.__cause__ is not None
    error.__cause__.__context__ = error  # a circle ends
    assert trace_of(error)
    for one in (NAME, PHONE, ID):
        assert one not in said
    assert "kezhi.language.KezhiError" in said
    assert said.index("builtins.ValueError") < said.index("kezhi.language.KezhiError")
    assert "test_a_trace_says_where_and_not_what" in said


def test_what_django_logs_goes_through_it(shown_home: Path, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that fails, one that is not found and a form without its token, as they come out."""
    from kezhi_web.people import managing

    told = io.StringIO()
    handlers = logging.getLogger("django").handlers
    handler = next(one for one in handlers if type(one) is logging.StreamHandler)
    monkeypatch.setattr(handler, "stream", told)

    def fail(*_: object) -> None:
        raise RuntimeError(f"no room for {NAME}, {PHONE}")

    monkeypatch.setattr(managing, "_roles", fail)
    client = cast["administrator"]
    client.raise_request_exception = False
    assert client.get(f"/people?search={NAME}").status_code == 500
    assert client.get(f"/customers/{ID}-{NAME}").status_code in (404, 500)
    strict = Client(enforce_csrf_checks=True)
    assert strict.post(f"/login?next=/customers/{ID}", {"username": NAME}).status_code == 403
    lines = told.getvalue()
    assert "Internal Server Error: /people\n" in lines
    assert "builtins.RuntimeError" in lines
    assert "/login" in lines
    for one in (NAME, PHONE, ID):
        assert one not in lines


def test_every_logger_that_writes_uses_it() -> None:
    """Also Django's development server's, whose lines hold the addresses."""
    for name in (None, "django", "django.server", "django.request", "axes"):
        logger: logging.Logger | None = logging.getLogger(name)
        while logger is not None:
            for handler in logger.handlers:
                if type(handler) is logging.StreamHandler:
                    assert isinstance(handler.formatter, WithoutCustomers)
            logger = logger.parent if logger.propagate else None


def test_errors_have_the_headers_too(rf: RequestFactory) -> None:
    """Whatever a view or a layer below answers."""
    answer = harden(lambda _: HttpResponse(status=500))(rf.get("/"))
    assert "script-src 'self'" in answer["Content-Security-Policy"]
    assert "unsafe-eval" not in answer["Content-Security-Policy"]
    assert answer["Cache-Control"] == "private, no-store"


def test_what_is_refused_before_a_page_is_a_sentence_in_both_languages(cast: Cast) -> None:
    """A form without its token, an unknown host, more fields than anybody types."""
    client = cast["viewer"]
    many = dict.fromkeys(map(str, range(1100)), "x")
    for language, old, unread in (("en", "too old", "could not be read"), ("zh-hans", "页面已过期", "无法读取")):
        told = {"accept-language": language}
        refused = Client(enforce_csrf_checks=True).post("/login", headers=told)
        assert (refused.status_code, old in refused.content.decode()) == (403, True)
        for answer in (
            client.get("/", headers=told | {"host": "evil.example"}),
            client.post("/choose", many, headers=told),
        ):
            assert (answer.status_code, unread in answer.content.decode()) == (400, True)
            assert answer.headers["Content-Security-Policy"] == POLICY


def test_only_what_can_be_mended_becomes_a_page(rf: RequestFactory) -> None:
    """Other errors stay errors."""
    assert explain(lambda _: HttpResponse()).process_exception(rf.get("/"), SuspiciousOperation()) is None


@pytest.mark.parametrize(
    ("size", "signed_in", "status"), [(6, False, 413), (4, False, 200), (6, True, 200), (30, True, 413)]
)
def test_bodies_are_limited(
    rf: RequestFactory, settings: Any, cast: Cast, size: int, signed_in: bool, status: int
) -> None:
    """Before any of it is read: strangers to a form, people to an upload and a form."""
    settings.UPLOAD_LIMIT = 20 * 2**20
    cast["viewer"]
    request = rf.post("/login", CONTENT_LENGTH=str(size * 2**20))
    from django.contrib.auth.models import AnonymousUser
    from django.contrib.messages.storage.cookie import CookieStorage

    request.user = get_user_model().objects.get(username="viewer") if signed_in else AnonymousUser()
    request._messages = CookieStorage(request)  # type: ignore[attr-defined]
    assert limit_bodies(lambda _: HttpResponse())(request).status_code == status


def test_a_secret_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    """Whoever comes second reads what the first one wrote."""
    path = tmp_path / "new" / "secret"
    assert secrets.kept(path, lambda: "one\n") == "one"
    assert secrets.kept(path, lambda: "two") == "one"
    assert path.stat().st_mode & 0o077 == 0
    assert [one.name for one in path.parent.iterdir()] == ["secret"]


def test_a_secret_is_never_read_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another one may have come between looking and writing; and some file systems know no hard links."""
    path = tmp_path / "secret"

    def meanwhile() -> str:
        path.write_text("first")
        return "second"

    assert secrets.kept(path, meanwhile) == "first"

    def no_links(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "link", no_links)
    assert secrets.kept(tmp_path / "other", lambda: "third") == "third"
    assert {one.name for one in tmp_path.iterdir()} == {"secret", "other"}


def test_a_view_of_personal_data_is_noted_once_a_day(cast: Cast, rf: RequestFactory) -> None:
    """Per person and customer; who sees no names leaves no such trace."""
    for role in ("sales", "marketer", "analyst"):
        cast[role]
        for customer in ("C1", "C1", "C2"):
            request = rf.get("/")
            request.user = get_user_model().objects.get(username=role)
            seen(request, customer)
    noted = Event.objects.filter(action="personal_seen").order_by("pk")
    assert [(one.who, one.told["customer_id"]) for one in noted] == [
        ("sales", "C1"),
        ("sales", "C2"),
        ("marketer", "C1"),
        ("marketer", "C2"),
    ]
