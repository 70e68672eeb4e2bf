"""No text of a page is there in one language only."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

import kezhi_web

ROOT = Path(kezhi_web.__file__).parent
TEMPLATES = sorted(ROOT.rglob("templates/**/*.html"))
SAID = ("title", "alt", "placeholder", "aria-label", "data-ask", "label")
# Django's own marks, and what a page says by {% t %}, are no text of the template
_MARK = re.compile(r"\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}", re.DOTALL)
_COMMENT = re.compile(r"\{%\s*comment.*?endcomment\s*%\}", re.DOTALL)
_T = re.compile(r"""\{%\s*t\s+(?P<en>"[^"]*"|'[^']*')\s+(?P<zh>"[^"]*"|'[^']*')(?P<more>.*?)%\}""", re.DOTALL)
_ANY_T = re.compile(r"\{%\s*t\s+[\"']")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_-]+|[\u4e00-\u9fff]+")
_BLANK = re.compile(r"\{(\w+)\}")
# names that are written alike in both languages
ALIKE = {
    *("kezhi", "English", "中文", "RFM", "CSV", "Excel", "Parquet", "JSON", "API", "Webhook", "OpenAPI", "URL", "VIP"),
    *("html", "xlsx", "csv", "parquet", "svg", "px", "toml", "id"),
}


class Texts(HTMLParser):
    """Every text of a page that a reader could see or hear."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in ("script", "style", "code", "kbd")
        self.found += [value for name, value in attrs if name in SAID and value]

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in ("script", "style", "code", "kbd")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.found.append(data)


def untranslated(source: str) -> list[str]:
    """Words of a template that stand outside of {% t %}."""
    texts = Texts()
    texts.feed(_MARK.sub(" ", _COMMENT.sub(" ", source)))
    words = [word for text in texts.found for word in _WORD.findall(text)]
    return [word for word in words if word not in ALIKE]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_text_is_there_in_both_languages(path: Path) -> None:
    """What a template says, it says by {% t %}; Chinese in the second place, the same blanks in both."""
    source = path.read_text(encoding="utf-8")
    assert not untranslated(source), f"{path.name} says in one language only: {untranslated(source)}"
    said = list(_T.finditer(source))
    assert len(said) == len(_ANY_T.findall(source)), f"{path.name}: a {{% t %}} lacks one of its languages"
    for one in said:
        en, zh = one["en"][1:-1], one["zh"][1:-1]
        assert sorted(_BLANK.findall(en)) == sorted(_BLANK.findall(zh)), en
        assert not re.search(r"[\u4e00-\u9fff]", en.replace("中文", "")), en
        plain = _BLANK.sub("", zh)
        assert re.search(r"[\u4e00-\u9fff]", plain) or not (set(re.findall(r"[A-Za-z]{2,}", plain)) - ALIKE), zh


def test_the_search_finds_what_is_missing() -> None:
    """The tests above can fail."""
    assert untranslated('<p>{% t "Yes" "是" %} Hello</p>') == ["Hello"]
    assert untranslated('<input placeholder="客户">') == ["客户"]
    assert not untranslated('<p class="soft">{{ name }}: {# a note #}RFM</p>')
