"""The figures of the page about performance are those that the benchmarks left, in both languages."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from house.pages import DOCS, LANGUAGES, ROOT, page

sys.path.append(str(ROOT / "benches"))

import measuring
import pages
import plot


def blocks(text: str) -> dict[str, str]:
    """What stands between the marks, by its name."""
    return dict(re.findall(r"<!-- results: (\w+) -->(.*?)<!-- end -->", text, flags=re.DOTALL))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_tables_are_made_from_the_results(language: str) -> None:
    text = page("performance", language)
    assert set(blocks(text)) == set(pages.TABLES)
    assert pages.filled(text, language) == text, "run: python benches/pages.py"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_figure_is_drawn_from_the_results(language: str) -> None:
    drawn = (DOCS / "assets" / f"performance.{language}.svg").read_text(encoding="utf-8")
    assert f"<dc:description>{plot.fingerprint(plot.drawn())}<" in drawn, "run: python benches/plot.py"


def test_both_languages_have_the_same_figures() -> None:
    english, chinese = (blocks(page("performance", language)) for language in LANGUAGES)
    for name, table in english.items():
        assert re.findall(r"\d+", table) == re.findall(r"\d+", chinese[name]), name


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_result_comes_onto_the_page_and_goes_with_its_file(language: str, tmp_path: Path) -> None:
    text = page("performance", language)
    row = {
        "customers": 4321,
        "orders": 9876,
        "model": "nbd",
        "ratio": 7.89,
        "run_peak_gib": 0.5,
        "stages": {"read": 3.45},
    }
    known = {"machine": {"processors": 64, "memory_gib": 5.5, "python": "3.99"}, "date": "2031-05-06", "versions": {}}
    measuring.keep(tmp_path / "whole_run.json", [row | known | {"bare_seconds": 0.123, "run_seconds": 234.5}])
    made = blocks(pages.filled(text, language, tmp_path))
    assert "| 4 321 | 9 876 | `nbd` | 0.12" in made["whole_runs"]
    assert "| 7.9 |" in made["whole_runs"]
    assert "3.45" in made["stages"]
    assert "2031-05-06" in made["machines"]
    nothing = pages.NOTHING.to(language)
    assert {name for name, body in made.items() if body.strip() == nothing} == set(made) - {
        "whole_runs",
        "stages",
        "machines",
    }
