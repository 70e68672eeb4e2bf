"""A served company and a Chromium for the tests that walk its pages as people do.

Used by module-scoped fixtures: while Playwright's browser is open, its event loop keeps Django's tables from this
process, so nothing here may outlive a file of tests.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

PATIENCE = 120.0  # seconds; the machine may be busy
BINARIES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PASSWORD = "kezhi-demo"
SETTLED = """() => !document.querySelector(".htmx-request, [hx-trigger=load]") &&
  [...document.querySelectorAll("script.plot")].every(
    (one) => document.querySelector(`#${one.dataset.place} .main-svg`))"""
CAST = """
import os, sys
os.environ |= {"DJANGO_SETTINGS_MODULE": "kezhi_web.settings", "KEZHI_WORKSPACE": sys.argv[1]}
import django
django.setup()
from django.conf import settings
from django.core.management import call_command
settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
call_command("migrate", verbosity=0, interactive=False)
from kezhi_web.people.demo import make_cast
make_cast(sys.argv[2])
from kezhi_web.serving import _prepare
_prepare()
"""


def chromium() -> str | None:
    """The system's browser: KEZHI_CHROMIUM, or the first of the usual names."""
    said = os.environ.get("KEZHI_CHROMIUM")
    return said or next((path for path in map(shutil.which, BINARIES) if path), None)


@contextmanager
def opened() -> Iterator[Any]:
    """A browser; the tests of a file are skipped where there is none."""
    from playwright.sync_api import sync_playwright

    binary = chromium()
    assert binary
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=binary, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


@dataclass(frozen=True)
class Served:
    """kezhi serve at work: where, and the code for the first account where there is none."""

    address: str
    code: str
    workspace: Path


@contextmanager
def served(workspace: Path, log: Path) -> Iterator[Served]:
    """kezhi serve with its worker on a free port, until the block ends."""
    with log.open("w") as out:
        command = [sys.executable, "-m", "kezhi", "serve", "--workspace", str(workspace), "--port", "0", "--lang", "en"]
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=_environment())
    try:
        end = time.monotonic() + PATIENCE
        while not (found := re.search(r"at (http://127\.0\.0\.1:\d+)/", log.read_text())):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < end, f"the server did not start: {log.read_text()}"
            time.sleep(0.1)
        time.sleep(0.2)  # the code stands on the next line
        code = re.search(r"code: ([\w-]+)", log.read_text())
        yield Served(found[1], code[1] if code else "", workspace)
        assert "Traceback" not in log.read_text(), log.read_text()
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        finally:
            process.kill()
            process.wait()


def with_cast(workspace: Path, owner: str) -> None:
    """An account per role in the workspace's application, and the report's sections made."""
    subprocess.run([sys.executable, "-c", CAST, str(workspace), owner], check=True, env=_environment())


def _environment() -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("KEZHI_", "DATABASE_", "DJANGO_"))}
    return kept | {"KEZHI_PATIENCE": "300"}  # a page shows its sections, however long they take


@dataclass
class Visit:
    """Somebody's window, and everything in it that went wrong: errors in the console, of scripts, of requests."""

    context: Any
    page: Any
    address: str
    wrong: list[str] = field(default_factory=list)

    def go(self, path: str) -> Any:
        """Open a page of the application and wait until it and its figures are there."""
        answer = self.page.goto(self.address + path)
        self.settle()
        return answer

    def settle(self) -> None:
        """Wait until the page's later parts have come and its figures are drawn."""
        self.page.wait_for_load_state("load")
        self.page.wait_for_function(SETTLED)

    def sign_in(self, name: str, password: str = PASSWORD) -> None:
        """By the login page."""
        self.page.goto(f"{self.address}/login")
        self.page.fill("#id_username", name)
        self.page.fill("#id_password", password)
        self.page.click("form[action$=login] button.main")
        self.page.wait_for_url(lambda url: "login" not in url)

    def check(self) -> None:
        """Nothing went wrong since the last time."""
        found, self.wrong[:] = list(self.wrong), []
        assert not found, found

    @contextmanager
    def refused(self, status: int) -> Iterator[None]:
        """Within the block an answer with this status is right."""
        self.check()
        yield
        found, self.wrong[:] = list(self.wrong), []
        others = [one for one in found if str(status) not in one]
        assert found, f"nothing was answered with {status}"
        assert not others, others


def visit(browser: Any, address: str, *, language: str = "en", width: int = 1440) -> Visit:
    """A window of somebody new, whose browser asks for a language."""
    context = browser.new_context(
        viewport={"width": width, "height": 900}, locale="zh-CN" if language == "zh" else "en-US"
    )
    context.set_default_timeout(PATIENCE * 1000)
    one = Visit(context, context.new_page(), address)
    context.on("console", lambda said: one.wrong.append(f"console: {said.text}") if said.type == "error" else None)
    context.on("weberror", lambda error: one.wrong.append(f"script: {error.error}"))
    context.on("requestfailed", lambda asked: one.wrong.append(f"failed: {asked.url}") if _failed(asked) else None)
    context.on(
        "response", lambda said: one.wrong.append(f"answered: {said.status} {said.url}") if said.status >= 400 else None
    )
    return one


def _failed(asked: Any) -> bool:
    """Whoever goes on to another page leaves requests behind; that is no fault."""
    return "ERR_ABORTED" not in str(asked.failure)


needs_browser = [
    pytest.mark.browser,
    pytest.mark.skipif(
        chromium() is None,
        reason="no Chromium was found: install chromium, or say where it is in KEZHI_CHROMIUM",
    ),
]
