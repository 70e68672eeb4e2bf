"""Every sentence in both languages, no file too long to read, and a README that tells the truth."""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from house.pages import ROOT

SOURCES = sorted(path for path in (ROOT / "src").rglob("*.py") if "migrations" not in path.parts)
LONGEST = 600
CHINESE = re.compile(r"[一-鿿]")
FULL_WIDTH = re.compile(r"[一-鿿，。：；（）、]")
ENGLISH_ONLY = {"word"}  # singular or plural: Chinese does not ask
PAIRS = {"Text": (0, 1), "Bilingual": (0, 1), "Diagnosis": (2, 3)}  # where en and zh stand in the call


def calls(path: Path) -> Iterator[tuple[int, ast.expr, ast.expr]]:
    """Line, English and Chinese of every bilingual text in a file that is written out where it stands."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in PAIRS):
            continue
        if any(isinstance(one, ast.Starred) for one in node.args) or None in {w.arg for w in node.keywords}:
            continue
        en, zh = PAIRS[node.func.id]
        given = dict(enumerate(node.args)) | {word.arg: word.value for word in node.keywords}
        english, chinese = given.get(en, given.get("en")), given.get(zh, given.get("zh"))
        assert english is not None, f"{path}:{node.lineno}: no English"
        assert chinese is not None, f"{path}:{node.lineno}: no Chinese"
        yield node.lineno, english, chinese


def words(text: ast.expr) -> str | None:
    """What is written out in a text, without its blanks; None where it is computed elsewhere."""
    if isinstance(text, ast.Constant):
        assert isinstance(text.value, str)
        return "".join(part for part, *_ in string.Formatter().parse(text.value))
    if isinstance(text, ast.JoinedStr):
        return "".join(str(part.value) for part in text.values if isinstance(part, ast.Constant))
    return None


def blanks(text: ast.expr) -> set[str]:
    """The names that fill a text's blanks. `{more_zh}` stands for what `{more}` is in the other language."""
    if isinstance(text, ast.Constant):
        found = {name for _, name, _, _ in string.Formatter().parse(str(text.value)) if name}
    else:
        filled = [part.value for part in getattr(text, "values", []) if isinstance(part, ast.FormattedValue)]
        found = {node.id for part in filled for node in ast.walk(part) if isinstance(node, ast.Name)}
    return {name.removesuffix("_zh").removesuffix("_en") for name in found}


def written(path: Path) -> list[tuple[int, ast.expr, ast.expr]]:
    """The texts of a file that are written out in both languages."""
    return [(line, en, zh) for line, en, zh in calls(path) if words(en) is not None and words(zh) is not None]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_both_languages_have_the_same_blanks(path: Path) -> None:
    differ = [line for line, en, zh in written(path) if blanks(en) - ENGLISH_ONLY != blanks(zh)]
    assert not differ, f"{path.name}: the blanks differ in lines {differ}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_chinese_is_chinese_and_english_is_not(path: Path) -> None:
    for line, en, zh in written(path):
        if re.search(r"[A-Za-z]{2}", words(en) or ""):
            assert FULL_WIDTH.search(words(zh) or ""), f"{path.name}:{line}: no Chinese"
        chinese = CHINESE.findall(words(en) or "")  # a heading may be quoted
        assert 10 * len(chinese) <= len(words(en) or ""), f"{path.name}:{line}: Chinese in the English text"


def test_there_are_texts_to_look_at() -> None:
    assert sum(len(written(path)) for path in SOURCES) > 100


@pytest.mark.parametrize("room", ["src", "tests", "benches"])
def test_no_file_is_too_long_to_read(room: str) -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in (ROOT / room).rglob("*.py")
    }
    assert not {name: lines for name, lines in lengths.items() if lines > LONGEST}


@pytest.mark.parametrize("readme", ["README.md", "README.zh.md"])
def test_the_two_commands_of_the_readme_are_in_the_makefile(readme: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    rules = set(re.findall(r"^([a-z]+):", makefile, flags=re.MULTILINE))
    blocks = re.findall(r"```\w*\n(.*?)```", (ROOT / readme).read_text(encoding="utf-8"), flags=re.DOTALL)
    promised = {rule for block in blocks for rule in re.findall(r"^make (\w+)", block, flags=re.MULTILINE)}
    assert {"demo", "test"} <= promised
    assert promised <= rules
