"""The report in a real browser: no error, nothing fetched, nothing wider than the screen, charts drawn."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from kezhi.engine import Engine
from kezhi.language import Language
from kezhi.reports import build, write_html

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("width", [390, 1440])
def test_the_report_in_chromium(
    engine: Engine, make_run: Callable[..., Path], tmp_path: Path, language: Language, width: int
) -> None:
    if CHROMIUM is None:
        assert not os.environ.get("CI"), "continuous integration installs Chromium"
        pytest.skip("Chromium is not installed")
    from playwright.sync_api import sync_playwright

    page_file = tmp_path / "report.html"
    write_html(build(engine, make_run()), page_file, language)
    problems: list[str] = []
    fetched: list[str] = []
    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        page = browser.new_page(viewport={"width": width, "height": 900})
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: fetched.append(request.url))
        page.goto(page_file.as_uri())
        page.wait_for_selector(".js-plotly-plot .main-svg")
        overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        drawn = page.locator(".js-plotly-plot .main-svg").count()
        browser.close()
    assert problems == []
    assert [url for url in fetched if not url.startswith(("file:", "data:", "blob:"))] == []
    assert overflow <= 0
    assert drawn > 0
