"""The pages of the models: whole in both languages, and every example runs."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest

from house.pages import DOCS, LANGUAGES, names, page

PAGES = sorted({path.name.rsplit(".", 2)[0] for path in (DOCS / "models").glob("*.md")})
WITH_EXAMPLES = ["models", "coming-from", *(f"models/{name}" for name in PAGES)]


def blocks(name: str, language: str) -> list[str]:
    """The Python examples of a page."""
    return re.findall(r"^```python\n(.*?)^```", page(name, language), flags=re.DOTALL | re.MULTILINE)


def without_words(text: str) -> str:
    """A page's code as Python reads it: comments, and the language asked for, do not count."""
    return ast.dump(ast.parse(text.replace('"zh"', '"en"')))


@pytest.mark.parametrize("name", PAGES)
def test_every_model_s_page_is_in_both_languages(name: str) -> None:
    english, chinese = (page(f"models/{name}", language) for language in LANGUAGES)
    # the same headings of each level, tables with as many rows, and the same names in backticks
    for mark in (r"^## ", r"^### ", r"^\| "):
        assert len(re.findall(mark, english, flags=re.MULTILINE)) == len(re.findall(mark, chinese, flags=re.MULTILINE))
    assert names(english) == names(chinese)


@pytest.mark.parametrize("name", [*WITH_EXAMPLES, "tutorial"])
def test_the_examples_are_the_same_in_both_languages(name: str) -> None:
    english, chinese = (list(map(without_words, blocks(name, language))) for language in LANGUAGES)
    assert english == chinese


@pytest.mark.parametrize("name", [name for name in WITH_EXAMPLES if blocks(name, "en")])
def test_the_examples_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    values: dict[str, Any] = {}
    for block in blocks(name, "en"):
        exec(compile(block, f"{name}.en.md", "exec"), values)


def test_the_pages_of_one_language_stay_in_it() -> None:
    for language, other in (LANGUAGES, LANGUAGES[::-1]):
        for path in (DOCS / "models").glob(f"*.{language}.md"):
            linked = re.findall(r"\]\(([^)#]+)", path.read_text(encoding="utf-8"))
            assert not [target for target in linked if target.endswith(f".{other}.md")], path.name


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_a_fit_may_remark_is_explained_somewhere(language: str) -> None:
    """Every code that `kezhi.models` can say stands in backticks on the overview or on a model's page."""
    explained = names(page("models", language)).union(*(names(page(f"models/{name}", language)) for name in PAGES))
    assert not [code for code in codes() if code not in explained]


def codes() -> set[str]:
    """The codes of all diagnoses written out in the models."""
    found = set()
    for path in (DOCS.parent / "src" / "kezhi" / "models").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Diagnosis":
                code = node.args[0] if node.args else None
                if isinstance(code, ast.Constant):
                    found.add(str(code.value))
    return found
