"""Every sense of worth is documented in both languages: its page, its figures, its files, its columns."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from house.pages import LANGUAGES, names, page, rows, sections
from kezhi.analysis import analyse
from kezhi.demo import make_company
from kezhi.engine import open_engine
from kezhi.intake import BOOK_TABLES, import_table
from kezhi.reports.worth import TOPICS as SHOWN
from kezhi.topics import AFTERWARDS, TOPICS
from kezhi.workspace import Workspace

in_both = pytest.mark.parametrize("language", LANGUAGES)
NOW = datetime(2026, 11, 22, tzinfo=UTC)
MEASURED = {topic.name: topic for topic in (*TOPICS, *AFTERWARDS)}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The newer of two runs of a company that knows everything a company may know."""
    folder = tmp_path_factory.mktemp("rich")
    files = make_company(folder / "files", customers=300, dirt=False).files
    with open_engine() as engine:
        for table in BOOK_TABLES:
            if table in files:
                import_table(engine, Workspace(folder), table, [str(files[table])], None, NOW.date())
    off = {"clusters": {"number": 3}, "segments": {"often": "purchases >= 3", "once": "purchases = 1"}}  # by default
    analyse(workspace=folder, model="nbd", as_of="2025-06-30", now=NOW, **off)
    return analyse(workspace=folder, model="nbd", now=NOW, **off).folder


@pytest.fixture(scope="module")
def worth(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "worth.json").read_text(encoding="utf-8"))
    return found


def test_the_demo_company_shows_every_sense(worth: dict[str, Any]) -> None:
    assert set(worth) == set(MEASURED)


def test_every_sense_is_in_the_report() -> None:
    assert set(MEASURED) <= set(SHOWN)


@in_both
@pytest.mark.parametrize("topic", MEASURED)
def test_every_figure_of_a_sense_is_named_on_its_page(topic: str, worth: dict[str, Any], language: str) -> None:
    room = MEASURED[topic].measured.__module__.split(".")[1]  # worth, segments or actions: the pages lie likewise
    assert set(worth[topic]) <= names(page(f"{room}/{topic}", language))


@in_both
def test_every_file_has_a_section_with_its_columns(run: Path, language: str) -> None:
    known = sections(page("run-folder", language))
    for path in sorted(run.glob("*.parquet")):
        assert path.name in known
        missing = set(pq.read_schema(path).names) - rows(known[path.name])
        assert not missing, f"{path.name}: {missing}"
