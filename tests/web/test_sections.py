"""Sections of the report in pages: each has one home, names nobody to those who may not know, links to who is there."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from html import unescape
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from casting import Cast
from kezhi.language import KezhiError
from kezhi.reports.markup import who
from kezhi.reports.worth import TOPICS
from kezhi_web.homes import ELSEWHERE, HOMES, home_of
from kezhi_web.shown import making, parts
from kezhi_web.shown.linking import CUSTOMER
from kezhi_web.shown.parts import kept_in, part, prepare
from kezhi_web.shown.run import named

TWO_MB = 2 * 2**20


def made(*, personal: bool) -> dict[tuple[str, str], dict[str, Any]]:
    """All sections as they are kept, by language and name."""
    run = named(None)
    prepare(run)
    files = sorted(kept_in(run, personal=personal).glob("*/*.json"))
    assert files
    return {(path.parent.name, path.stem): json.loads(path.read_text(encoding="utf-8")) for path in files}


def people() -> dict[str, str | None]:
    rows = pq.read_table(named(None).folder / "customers.parquet", columns=["customer_id", "name"]).to_pylist()
    return {row["customer_id"]: row["name"] for row in rows}


def test_every_topic_has_exactly_one_home() -> None:
    """Whatever the report may hold, a page shows it, and no section is shown twice."""
    homes = Counter(section for tabs in HOMES.values() for tab in tabs for section in tab.parts)
    homes.update(ELSEWHERE.keys())
    assert {name: homes[name] for name in TOPICS} == dict.fromkeys(TOPICS, 1)
    assert set(homes.values()) == {1}
    analyst = {f"analyst.{name}" for name in making.analyst.PARTS}
    fixed = set(making.FIXED) - {"leads", "glossary"}  # these stand on the overview and on the help page
    assert analyst | fixed <= set(homes)
    assert all(home_of(name) for name in TOPICS)
    assert home_of("nothing") is None


def test_sections_elsewhere_are_shown_there(shown_home: Path, cast: Cast) -> None:
    """What is left to another room is on its page."""
    kept = made(personal=False)
    for name, page in ELSEWHERE.items():
        text = cast["viewer"].get(f"/{page}").content.decode()
        assert all(f'data-place="{place}"' in text for place in kept["en", name]["figures"])
        title = re.search(r"<h2>(.*?)</h2>", kept["en", name]["html"])
        assert title is not None
        assert title[0] in text


@pytest.mark.parametrize("lang", ["en", "zh-hans"])
def test_every_section_of_the_run_is_on_its_page(shown_home: Path, cast: Cast, lang: str) -> None:
    """Every tab of every page answers, is small enough, and holds its sections with their figures."""
    kept = made(personal=False)
    client = cast["viewer"]
    client.cookies["django_language"] = lang
    for page, tabs in HOMES.items():
        for tab in tabs:
            answer = client.get(f"/{page}?tab={tab.code}")
            assert answer.status_code == 200
            assert len(answer.content) < TWO_MB
            text = answer.content.decode()
            for name in tab.parts:
                told = kept.get((lang[:2], name))
                if told is not None:
                    title = re.search(r"<(h2|p|li)>(.*?)</\1>", told["html"])
                    assert title is None or title[0] in text, name
                    assert all(f'data-place="{place}"' in text for place in told["figures"])


def test_names_are_only_in_sections_for_those_who_may_see_them(shown_home: Path) -> None:
    """The others hold ids in every place where these hold names, figures included."""
    known = people()
    full = [name for name in known.values() if name]
    said = json.dumps(list(made(personal=True).values()), ensure_ascii=False)
    assert sum(name in said for name in full) >= 10
    for place, told in made(personal=False).items():
        text = json.dumps(told, ensure_ascii=False)
        assert not [name for name in full if name in text], place
        assert {unescape(found[1]) for found in CUSTOMER.finditer(told["html"])} <= set(known)


def test_every_customer_in_a_section_is_a_link_to_somebody(shown_home: Path, cast: Cast) -> None:
    """No id is linked to nothing; none is left without its link."""
    known = people()
    found = set()
    for (language, _), told in made(personal=True).items():
        if language == "en":
            found |= {unescape(one[1]) for one in CUSTOMER.finditer(told["html"])}
    assert len(found) >= 20
    assert found <= set(known)
    page = cast["administrator"].get("/tiers").content.decode()
    assert "<data " not in page
    linked = re.findall(r'<a class="customer" href="(/customers/[^"]+)">', page)
    assert linked
    assert all(cast["administrator"].get(url).status_code == 200 for url in linked[:2])


def test_a_customer_in_the_markup_is_escaped() -> None:
    """An id is data, whatever it holds, in the markup and in the link."""
    told = who('a"b<c', "Tea & Co", "1. ")
    assert told == (
        '<span class="who">1. <data value="a&quot;b&lt;c">Tea &amp; Co</data>'
        '<span class="id"> a&quot;b&lt;c</span></span>'
    )
    assert who("C1", None) == '<span class="who"><data value="C1">C1</data></span>'
    [found] = CUSTOMER.finditer(told)
    assert unescape(found[1]) == 'a"b<c'


def test_every_figure_has_its_numbers_as_a_table(shown_home: Path) -> None:
    """In the same section, or in the one that stands with it."""
    beside = {"history_and_forecast": "periods"}
    kept = made(personal=False)
    for (language, name), told in kept.items():
        if told["figures"]:
            html = told["html"] + kept[language, beside[name]]["html"] if name in beside else told["html"]
            assert html.count("<table") >= 1, name
            for place in told["figures"]:
                after = html[html.index(f'id="{place}"') :]
                assert "<table" in after, (name, place)


@pytest.fixture
def unmade(home: Path) -> Path:
    """A company whose sections nobody has asked for yet."""
    shutil.rmtree(home / "web" / "parts")
    return home


def test_a_page_waits_and_then_renews_itself(unmade: Path, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """While sections are being made: no blank page, no error, and one making however many ask."""
    asked = []

    class Slow:
        returncode = 0
        stderr = ""

    def slow(command: list[str], **_: Any) -> Slow:
        asked.append(command)
        gate.wait(20)
        return Slow()

    gate = parts.threading.Event()
    monkeypatch.setattr(parts.subprocess, "run", slow)
    monkeypatch.setenv("KEZHI_PATIENCE", "0")
    page = cast["viewer"].get("/tiers").content.decode()
    again = cast["viewer"].get("/rfm").content.decode()
    gate.set()
    assert 'http-equiv="refresh"' in page
    assert "being prepared" in again
    assert len(asked) == 1


def test_a_failed_making_says_why(unmade: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the next who asks tries again."""

    class Failed:
        returncode = 1
        stderr = "Traceback\ndisk is full"

    monkeypatch.setattr(parts.subprocess, "run", lambda *_, **__: Failed())
    for _ in range(2):
        with pytest.raises(KezhiError, match="disk is full"):
            part(named(None), "tiers", personal=True)
