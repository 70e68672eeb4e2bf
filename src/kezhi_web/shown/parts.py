"""Sections of a run's report, made once per run and language and kept: the pages show them beside their own tables.

They are made by a process of its own (`python -m kezhi_web prepare RUN`), after a run by the worker and otherwise when
they are first asked for, so that the web process never holds what making them takes. For those who may not see names
they are made once more by an engine that never reads names.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from kezhi.language import KezhiError, Text
from kezhi_web.shown.linking import with_links
from kezhi_web.shown.run import Shown
from kezhi_web.words import say, spoken

NOT_MADE = Text("This page could not be prepared: {reason}", "无法准备此页面：{reason}")
FORM = 2  # counts up when sections of the same run would be made differently
PATIENCE = "4"  # seconds that a page waits for its sections; KEZHI_PATIENCE says otherwise
WAITING = Text(
    "These figures are being prepared; the page shows them by itself in a moment.", "正在准备这些数字，稍后会自动显示。"
)


@dataclass(frozen=True)
class Part:
    """A section: its markup, and its figures by the id of their place in it, as plotly's data and layout."""

    html: SafeString
    figures: dict[str, Any]


def kept_in(run: Shown, *, personal: bool) -> Path:
    """The folder of a run's sections; another one whenever the run's content or kezhi itself has changed."""
    from kezhi import __version__

    made = run.folder.parent.name  # among the runs, or as corrected since
    key = hashlib.sha256(f"{made}|{run.stamp}|{__version__}|{FORM}".encode()).hexdigest()[:12]
    return settings.OWN / "parts" / f"{run.name}-{key}-{'named' if personal else 'nameless'}"


def part(run: Shown, name: str, *, personal: bool) -> Part | None:
    """A section of the report by its topic (see kezhi.reports.worth.TOPICS) or place; None where the run has none.

    Beside the topics: leads, mind, history_and_forecast, periods, top_customers, concentration, rows, glossary, and
    the analyst's parts as analyst.method (see kezhi.reports.analyst.PARTS). Every customer in it links to their page.
    """
    folder = kept_in(run, personal=personal)
    if not (folder / "done").exists() and not prepare(run, float(os.environ.get("KEZHI_PATIENCE", PATIENCE))):
        return _waiting()
    path = folder / spoken() / f"{name}.json"
    if not path.exists():
        return None
    found = json.loads(path.read_text(encoding="utf-8"))
    html = with_links(found["html"], run)
    return Part(mark_safe(html), found["figures"])  # noqa: S308  built by kezhi.reports, which escapes


def prepare(run: Shown, patience: float | None = None) -> bool:
    """Make the sections in a process of its own, once however many ask; are they there now?

    Waits for `patience` seconds since the making began, to the end without it. Raises KezhiError where it fails.
    """
    if _there(run):
        return True
    with _lock:
        making = _makings.get(run)
        if making is None:
            making = _makings[run] = _Making()
            threading.Thread(target=_make, args=(run, making), daemon=True).start()
    making.ended.wait(None if patience is None else max(making.began + patience - time.monotonic(), 0.0))
    if making.ended.is_set() and making.reason is not None:
        raise KezhiError(NOT_MADE.fill(reason=making.reason))
    return making.ended.is_set()


class _Making:
    """The making of one run's sections: since when, whether it has ended, and why it failed."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.ended = threading.Event()
        self.reason: str | None = None


_makings: dict[Shown, _Making] = {}
_lock = threading.Lock()


def _make(run: Shown, making: _Making) -> None:
    try:
        ended = subprocess.run(  # noqa: S603
            [sys.executable, "-m", "kezhi_web", "prepare", run.name],
            env=os.environ
            | {"KEZHI_WORKSPACE": str(settings.WORKSPACE), "DJANGO_SETTINGS_MODULE": "kezhi_web.settings"},
            capture_output=True,
            text=True,
            check=False,
        )
        if ended.returncode:
            making.reason = (ended.stderr.strip().splitlines() or [""])[-1]
    except OSError as error:
        making.reason = str(error)
    finally:
        with _lock:
            _makings.pop(run, None)  # after a failure the next who asks tries again
        making.ended.set()


def _there(run: Shown) -> bool:
    return all((kept_in(run, personal=personal) / "done").exists() for personal in (True, False))


def _waiting() -> Part:
    """What stands in a section's place until it is made; the page asks again by itself."""
    said = format_html('<p class="empty" role="status"><meta http-equiv="refresh" content="3">{}</p>', say(WAITING))
    return Part(said, {})
