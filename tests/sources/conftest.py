"""Short ways to read a text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from kezhi.engine import Engine
from kezhi.sources import Reading, read_table

TODAY = date(2026, 11, 22)


def _is_content(one: object) -> bool:
    return isinstance(one, bytes) or (isinstance(one, str) and "\n" in one)


class Reader:
    """Reads texts and files, and gives rows as Python values."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine = engine
        self.folder = folder
        self._files = 0

    def write(self, content: str | bytes, name: str | None = None) -> Path:
        self._files += 1
        path = self.folder / (name or f"file{self._files}.csv")
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def read(self, *inputs: Any, table: str = "orders", mapping: dict[str, str] | None = None) -> Reading:
        """A text with a line break is the content of a CSV file; everything else is an input as it stands."""
        given = [self.write(one) if _is_content(one) else one for one in inputs]
        return read_table(self.engine, table, given, mapping=mapping, today=TODAY)

    def rows(self, reading: Reading) -> list[dict[str, Any]]:
        return list(self.engine.fetch(reading.accepted).to_pylist())

    def bad(self, reading: Reading) -> list[dict[str, Any]]:
        return sorted(self.engine.fetch(reading.rejected).to_pylist(), key=lambda row: (row["file"], row["row"]))


@pytest.fixture
def source(engine: Engine, tmp_path: Path) -> Reader:
    return Reader(engine, tmp_path)


@pytest.fixture
def evaluate(engine: Engine) -> Callable[[Callable[[Any], Any], Sequence[Any]], list[Any]]:
    """The values of an expression over a column of texts."""
    import pyarrow as pa

    def run(expression: Callable[[Any], Any], texts: Sequence[Any]) -> list[Any]:
        table = engine.table(pa.table({"text": pa.array(texts, pa.string())}))
        return list(engine.fetch(table.select(value=expression(table.text)))["value"].to_pylist())

    return run
