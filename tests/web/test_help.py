"""The help: one page, in both languages, with a place for every page of the menu."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from casting import Cast
from kezhi.reports import numbers
from kezhi.reports.analyst import ASSUMPTIONS
from kezhi.reports.glossary import GLOSSARY
from kezhi_web.help.manual import ANSWERS, RULES, TESTED
from kezhi_web.help.templatetags.helping import PART_OF
from kezhi_web.shown.run import named

# pages for those who run the application; what they do stands on them
OF_ITS_OWN = {"setup", "people", "tokens", "help", "recorded"}


@pytest.mark.parametrize("lang", ["en", "zh-hans"])
def test_it_says_every_word_and_assumption(empty_home: Path, cast: Cast, lang: str) -> None:
    """Also before the first run, when it is needed most; the browser finds every word."""
    client = cast["sales"]
    client.cookies["django_language"] = lang
    text = client.get("/help").content.decode()
    for said in (*(one.term for one in GLOSSARY), *ASSUMPTIONS, *RULES):
        words = said.to(lang[:2])  # type: ignore[arg-type]
        assert words.split("(")[0].strip() in text.replace("&#x27;", "'")
    assert len(ASSUMPTIONS) == len(TESTED) == 6
    assert len(RULES) == 5


def test_every_mark_beside_a_title_leads_to_its_place(shown_home: Path, cast: Cast) -> None:
    """No ? without an answer."""
    client = cast["administrator"]
    anchors = set(re.findall(r'id="(page-[a-z-]+)"', client.get("/help").content.decode()))
    assert anchors == {f"page-{one.page}" for one in ANSWERS}
    assert set(PART_OF.values()) <= {one.page for one in ANSWERS}
    for page in ("/", "/tiers", "/rfm", "/segments", "/movement", "/cohorts", "/forecast", "/customers", "/alerts"):
        [place] = re.findall(r'class="why" href="/help#(page-[a-z-]+)"', client.get(page).content.decode())
        assert place in anchors


def test_every_page_of_the_menu_is_in_it() -> None:
    """A new page needs its answer here."""
    from kezhi_web.places import PLACES

    pages = {one.page for _, places in PLACES for one in places}
    assert pages - OF_ITS_OWN == {one.page for one in ANSWERS} & pages
    assert {one.page for one in ANSWERS} <= pages


def test_it_links_only_where_one_may_go(shown_home: Path, cast: Cast) -> None:
    """A salesperson reads of all pages and can open their own."""
    text = cast["sales"].get("/help").content.decode()
    assert '<dt id="page-tiers">Tiers</dt>' in text
    assert '<a href="/customers">' in text
    assert cast.stranger.get("/help").status_code == 302


def test_it_names_the_day_it_compares_with_and_links_first_steps_by_right(shown_home: Path, cast: Cast) -> None:
    """Whoever may not import is not sent to a page that refuses them."""
    before = named(None).worth["tiers"]["previous"]["as_of"]
    text = cast["administrator"].get("/help").content.decode()
    assert f"which goes up to {numbers.day(date.fromisoformat(before), 'en')}" in text
    assert '<a href="/data">Upload orders</a>' in text
    assert '<a href="/data">' not in cast["sales"].get("/help").content.decode()
