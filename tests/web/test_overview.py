"""The overview."""

from __future__ import annotations

from pathlib import Path

from web.conftest import Cast


def test_it_shows_the_company(shown_home: Path, cast: Cast) -> None:
    """The answers of the report stand at its top."""
    page = cast["viewer"].get("/")
    assert page.status_code == 200
    assert "leads" in page.content.decode()


def test_a_stranger_is_asked_to_sign_in(shown_home: Path, cast: Cast) -> None:
    """Nobody sees a figure without signing in."""
    page = cast.stranger.get("/")
    assert page.status_code == 302
    assert page["Location"] == "/login?next=/"


def test_without_a_run_it_says_how_to_begin(empty_home: Path, cast: Cast) -> None:
    """An empty company is told what to do next."""
    assert "upload a file of orders" in cast["administrator"].get("/").content.decode()
