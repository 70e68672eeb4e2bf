"""What all tests share: one engine, and the public logs where they are there."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: tests fit many small models

import pytest

from kezhi.engine import Engine, open_engine
from kezhi.language import choose_language

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


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
