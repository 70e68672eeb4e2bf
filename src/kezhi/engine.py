"""The table engine: one Ibis connection (DuckDB here), and the few things the rooms ask of it."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

MEMORY_LIMIT = "1280MiB"  # a million customers fit; beyond it the engine spills to disk (decisions, 2026-11-22)
MONEY = "decimal(18, 4)"  # one line's money; the engine widens sums to 38 digits by itself


class Engine:
    """A connection to the engine that holds the tables. Use it as a context manager.

    Table steps in other rooms are Ibis expressions; only this class knows that the engine is DuckDB.
    """

    def __init__(self, *, memory_limit: str | None = None, threads: int | None = None) -> None:
        import ibis

        self._scratch = tempfile.TemporaryDirectory(prefix="kezhi-")
        settings: dict[str, Any] = {
            "temp_directory": self._scratch.name,
            "memory_limit": memory_limit or MEMORY_LIMIT,
        }
        if threads:
            settings["threads"] = threads
        self.connection = ibis.duckdb.connect(**settings)
        self.connection.raw_sql("SET enable_progress_bar = false")
        self._numbers = itertools.count(1)
        self._stored: list[str] = []

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connection and remove what it spilled."""
        self.connection.disconnect()
        self._scratch.cleanup()

    @property
    def scratch(self) -> Path:
        """A folder that disappears with the engine."""
        return Path(self._scratch.name)

    def read_parquet(self, paths: str | Path | Sequence[str | Path]) -> ir.Table:
        """One or more Parquet files as a table, columns matched by name."""
        several = [paths] if isinstance(paths, str | Path) else list(paths)
        return self.connection.read_parquet([str(path) for path in several], union_by_name=True)

    def table(self, data: pa.Table) -> ir.Table:
        """An Arrow table as a table of the engine."""
        import ibis

        return self.store(ibis.memtable(data))

    def store(self, expression: ir.Table) -> ir.Table:
        """Compute an expression once and keep the result until the connection ends."""
        name = f"step_{next(self._numbers)}"
        self._stored.append(name)
        return self.connection.create_table(name, expression, temp=True)

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Tables stored within are dropped at the end; only what was fetched or written remains."""
        kept = len(self._stored)
        try:
            yield
        finally:
            for name in self._stored[kept:]:
                # not drop_table: DuckDB 2 cannot parse the statement that Ibis 12 makes of it
                self.connection.raw_sql(f'DROP TABLE "{name}"')
            del self._stored[kept:]

    def fetch(self, expression: ir.Table) -> pa.Table:
        """The result of an expression in memory; meant for small results.

        Asked of DuckDB itself: by way of Ibis it would import pandas, which takes longer than most questions.
        """
        self.connection._run_pre_execute_hooks(expression)
        found = self.connection.con.sql(str(self.connection.compile(expression))).to_arrow_table()
        return found.cast(expression.schema().to_pyarrow())

    def row(self, expression: ir.Table) -> dict[str, Any]:
        """The single row that an aggregation gives."""
        rows: list[dict[str, Any]] = self.fetch(expression).to_pylist()
        assert len(rows) == 1, "an aggregation gives one row"
        return rows[0]

    def write_parquet(self, expression: ir.Table, path: Path) -> None:
        """Write an expression as one Parquet file; order it first where order matters."""
        self.connection.to_parquet(expression, str(path), compression="zstd")
