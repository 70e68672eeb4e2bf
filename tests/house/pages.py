"""The documentation as the tests read it: pages by language, their sections, the names in their tables."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
LANGUAGES = ("en", "zh")


def page(name: str, language: str) -> str:
    """The text of one page in one language."""
    return (DOCS / f"{name}.{language}.md").read_text(encoding="utf-8")


def everything(language: str) -> str:
    """All pages of one language."""
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(DOCS.glob(f"*.{language}.md")))


def sections(text: str) -> dict[str, str]:
    """What stands below each heading of the second level, by the names in backticks in the heading."""
    parts = re.split(r"^## +(.+)$", text, flags=re.MULTILINE)[1:]
    found = {}
    for heading, body in zip(parts[::2], parts[1::2], strict=True):
        for name in re.findall(r"`([^`]+)`", heading):
            found[name] = body
    return found


def rows(text: str) -> set[str]:
    """Every name in backticks in the first cell of a table's rows."""
    cells = re.findall(r"^\| *([^|]+?) *\|", text, flags=re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


def names(text: str) -> set[str]:
    """Every name that stands in backticks, wherever it stands."""
    return set(re.findall(r"`([^`\n]+)`", text))
