"""What all tests share: one engine, and the public logs where they are there."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: tests fit many small models

import pytest

from kezhi.engine import Engine, open_engine
from kezhi.language import choose_language

# begun first, so that no process is left with one of them when the others have nothing more to do
LONGEST = (
    "tests/engine/",
    "tests/web/test_accessibility.py",
    "tests/web/test_journeys.py",
    "tests/cli/test_commands.py",
    "tests/test_",
    "tests/golden/",
    "tests/valuation/",
    "tests/house/",
)
TOGETHER = "tests/engine/"  # one process starts Spark for all of its files
DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long comes first."""
    items.sort(key=lambda item: next((n for n, place in enumerate(LONGEST) if item.nodeid.startswith(place)), 99))


def pytest_collection_finish() -> None:
    """Modules and collected tests stay to the end: looking through them again and again took a sixth of the time."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """File by file in the order above; left alone, xdist would begin with the files of the most tests."""
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class LongestFirst(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return TOGETHER if nodeid.startswith(TOGETHER) else super()._split_scope(nodeid)

    config.option.loadscopereorder = False
    return LongestFirst(config, log)


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """One connection for all tests; connecting costs a second."""
    with open_engine() as made:
        yield made


@pytest.fixture(scope="session")
def public_log() -> Callable[[str], Path]:
    """The path of a public log by its name; skips where the logs are not beside the checkout."""

    def find(name: str) -> Path:
        path = DATA / f"{name}.parquet"
        if not path.exists():
            pytest.skip(f"the public log {name} is not beside this checkout")
        return path

    return find


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """Messages in English unless a test says otherwise."""
    choose_language("en")
    yield
    choose_language(None)
