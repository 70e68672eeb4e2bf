"""DuckDB as the table engine: one machine, tables spilled to its disk where memory does not hold them."""

from __future__ import annotations

import contextlib
import itertools
import os
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kezhi.engine.base import Ahead, Engine
from kezhi.stopping import stoppable, watch

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

MOST_MEMORY = 2048  # MiB; more makes no run faster by much, the rest is spilled to disk (decisions, 2026-11-23)
_LAST = 19  # the lowest priority of a thread
# looking for repeated values in columns of floats costs more than it saves, and so does pressing harder
_PARQUET = "COMPRESSION zstd, COMPRESSION_LEVEL 1, DICTIONARY_SIZE_LIMIT 1000"


class DuckEngine(Engine):
    """The tables in DuckDB."""

    name = "duckdb"

    def __init__(
        self, *, memory_limit: str | None = None, threads: int | None = None, scratch: Path | None = None
    ) -> None:
        import ibis

        super().__init__(scratch)
        settings: dict[str, Any] = {
            "temp_directory": self._scratch.name,
            "memory_limit": memory_limit or f"{min(machine_memory() // 3, MOST_MEMORY)}MiB",
        }
        if threads:
            settings["threads"] = threads
        self.connection = ibis.duckdb.connect(**settings)
        self.connection.raw_sql("SET enable_progress_bar = false")
        # nothing is kept of tables in memory that a checkpoint could shorten, yet each one costs a scan of them
        self.connection.raw_sql("SET checkpoint_threshold = '1 TiB'")
        watch.add(self.interrupt)
        self._numbers = itertools.count(1)
        self._stored: list[str] = []
        self._others: list[Any] = []  # connections at work beside the first
        self._early: tuple[ThreadPoolExecutor, Any] | None = None  # who stores ahead, and by which connection

    def close(self) -> None:
        """End the connection and remove what it spilled."""
        watch.remove(self.interrupt)
        if self._early is not None:
            self._early[1].interrupt()
            self._early[0].shutdown(cancel_futures=True)
        self.connection.disconnect()
        self._scratch.cleanup()

    def interrupt(self) -> None:
        """Stop the statements at work, from another thread."""
        for connection in (self.connection.con, *self._others):
            connection.interrupt()

    @stoppable
    def read_parquet(self, paths: str | Path | Sequence[str | Path]) -> ir.Table:
        """One or more Parquet files, or folders of parts as Spark writes them, as a table, columns matched by name."""
        several = [paths] if isinstance(paths, str | Path) else list(paths)
        return self._view([str(path / "*.parquet" if path.is_dir() else path) for path in map(Path, several)])

    @stoppable
    def scan_parquet(self, paths: Sequence[str]) -> ir.Table:
        """The same with `filename`, and `file_row_number` from 0."""
        return self._view(list(paths), ", filename = true, file_row_number = true")

    def _view(self, paths: Sequence[str], more: str = "") -> ir.Table:
        """Files under a name that every connection knows; the one that Ibis would give is the first's alone."""
        name, connection = f"files_{next(self._numbers)}", self.connection.con
        files = ", ".join(_text(path) for path in paths)
        connection.execute(f'CREATE VIEW "{name}" AS FROM read_parquet([{files}], union_by_name = true{more})')
        columns = connection.execute(f'DESCRIBE "{name}"').fetchall()
        return self._named(name, {column: _known(kind) for column, kind, *_ in columns})

    @stoppable
    def table(self, data: pa.Table) -> ir.Table:
        """An Arrow table as a table of the engine.

        Given to DuckDB itself as a stream: by way of Ibis it would import pyarrow.dataset, and with it pandas.
        """
        import pyarrow as pa

        name = f"step_{next(self._numbers)}"
        self._stored.append(name)
        connection = self.connection.con
        connection.register(f"given_{name}", pa.RecordBatchReader.from_batches(data.schema, data.to_batches()))
        connection.execute(f'CREATE TABLE "{name}" AS FROM "given_{name}"')
        connection.unregister(f"given_{name}")
        return self.connection.table(name)

    def _named(self, name: str, kinds: Mapping[str, Any]) -> ir.Table:
        """A table whose columns are known already; Ibis would ask for them again, and parse the answer."""
        import ibis
        import ibis.expr.operations as ops

        return ops.DatabaseTable(name, ibis.schema(kinds), self.connection, ops.Namespace()).to_expr()

    @stoppable
    def store(self, expression: ir.Table) -> ir.Table:
        """Compute an expression once and keep the result until the connection ends."""
        stored, statement = self._place_for(expression)
        self._stored.append(stored.op().name)
        self.connection.raw_sql(statement)
        return stored

    @stoppable
    def ahead(self, expression: ir.Table) -> Ahead:
        """`store` by a connection of its own, one table after the other."""
        stored, statement = self._place_for(expression)
        if self._early is None:
            self._early = ThreadPoolExecutor(1, "kezhi-ahead", _give_way), self.connection.con.cursor()
            self._others.append(self._early[1])
        made = self._early[0].submit(self._early[1].execute, statement)

        @stoppable
        def ready() -> ir.Table:
            made.result()
            self._stored.append(stored.op().name)
            return stored

        return Ahead(stored, ready)

    @contextmanager
    def sparing(self) -> Iterator[None]:
        """With one thread less: statements that work ahead would take half of the block's processor, too."""
        (threads,) = self.connection.con.execute("SELECT current_setting('threads')").fetchall()[0]
        self._use(max(threads - 1, 1))
        try:
            yield
        finally:
            self._use(threads)

    @stoppable
    def _use(self, threads: int) -> None:
        self.connection.raw_sql(f"SET threads = {threads:d}")

    def _place_for(self, expression: ir.Table) -> tuple[ir.Table, str]:
        """An empty table for an expression, and the statement that fills it."""
        name = f"step_{next(self._numbers)}"
        kinds = {column: _stored_as(kind) for column, kind in expression.schema().items()}
        columns = ", ".join(f"{_name(column)} {kind}" for column, kind in kinds.items())
        statement = self._statement(expression)
        # not a temporary table: those are seen by one connection only, see `meanwhile`
        self.connection.raw_sql(f'CREATE TABLE "{name}" ({columns})')
        stored = self._named(name, {column: _known(kind) for column, kind in kinds.items()})
        return stored, f'INSERT INTO "{name}" {statement}'

    def keyed(self, ids: ir.Table) -> ir.Table:
        """Ids numbered in their order: whole numbers are joined and sorted several times faster than text."""
        import ibis

        order: Any = ibis.row_number().over(ibis.window(order_by="customer_id"))
        return self.store(ids.mutate(customer=order.cast("int32")))

    def latest(self, value: Any, number: Any, where: Any) -> Any:
        """DuckDB's own arg_max: what Ibis makes of `argmax` keeps all rows of every group and sorts them."""
        import ibis

        kind = str(value.type().copy(nullable=True))
        arg_max: Any = ibis.udf.agg.builtin(_never_called, name="arg_max", signature=((kind, "int32"), kind))
        return arg_max(value, number, where=where)

    def forget(self, *tables: ir.Table) -> None:
        """Drop stored tables."""
        for table in tables:
            self._drop(table.op().name)  # get_name tells of database and schema too

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Tables stored within are dropped at the end; only what was fetched or written remains."""
        kept = len(self._stored)
        try:
            yield
        finally:
            for name in self._stored[kept:]:
                self._drop(name)

    def _drop(self, name: str) -> None:
        # not drop_table: DuckDB 2 cannot parse the statement that Ibis 12 makes of it
        self.connection.raw_sql(f'DROP TABLE "{name}"')
        self._stored.remove(name)

    @stoppable
    def fetch(self, expression: ir.Table) -> pa.Table:
        """The result of an expression in memory; meant for small results.

        Asked of DuckDB itself: by way of Ibis it would import pandas, which takes longer than most questions.
        """
        found = self.connection.con.sql(self._statement(expression)).to_arrow_table()
        return found.cast(expression.schema().to_pyarrow())

    @stoppable
    def write_parquet(self, expression: ir.Table, path: Path) -> None:
        """Write an expression as one Parquet file; order it first where order matters."""
        self.connection.raw_sql(self._copy(expression, path))

    @stoppable
    def write_parts(self, expression: ir.Table, folder: Path, by: str) -> None:
        """One pass over the expression; `by` itself is in the folders' names only."""
        self.connection.raw_sql(self._copy(expression, folder, f', PARTITION_BY ("{by}")'))

    @contextmanager
    def meanwhile(self, expression: ir.Table, path: Path) -> Iterator[None]:
        """Write by a connection of its own while the block computes elsewhere, and wait for it at the end."""
        statement, beside = self._copy(expression, path), self.connection.con.cursor()
        self._others.append(beside)
        try:
            with ThreadPoolExecutor(1, "kezhi-meanwhile", _give_way) as pool:
                written = pool.submit(beside.execute, statement)
                try:
                    yield
                except BaseException:
                    beside.interrupt()
                    raise
                stoppable(written.result)()
        finally:
            self._others.remove(beside)  # not closed: another thread may be about to interrupt it

    def _copy(self, expression: ir.Table, path: Path, more: str = "") -> str:
        return f"COPY ({self._statement(expression)}) TO {_text(str(path))} (FORMAT parquet, {_PARQUET}{more})"

    def _statement(self, expression: ir.Table) -> str:
        self.connection._run_pre_execute_hooks(expression)
        with _step_by_step():
            return str(self.connection.compile(expression))


def _give_way() -> None:
    """Let this thread compute only while the one that it works for leaves a processor idle."""
    if sys.platform == "linux":  # elsewhere a priority is the whole process's
        with contextlib.suppress(OSError):  # a sandbox may forbid it; then both compute at the same pace
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LAST)


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _name(value: str) -> str:
    return '"' + value.replace('"', '""') + '"'


@cache
def _stored_as(kind: Any) -> str:
    """A type as DuckDB writes it."""
    from ibis.backends.sql.datatypes import DuckDBType

    return str(DuckDBType.to_string(kind))


@cache
def _known(kind: str) -> Any:
    """DuckDB's name of a type as Ibis knows it."""
    from ibis.backends.sql.datatypes import DuckDBType

    return DuckDBType.from_string(kind)


@contextmanager
def _step_by_step() -> Iterator[None]:
    """Steps of an expression stay steps of the statement.

    DuckDB merges them by itself; Ibis takes a third of its time for it, most of a small run's.
    """
    import ibis

    chosen = ibis.options.sql
    before, chosen.fuse_selects = chosen.fuse_selects, False
    try:
        yield
    finally:
        chosen.fuse_selects = before


def machine_memory() -> int:
    """MiB that this process may use: what the machine has, or what its container allows."""
    sizes = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")] if hasattr(os, "sysconf") else [4 << 30]
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        try:
            sizes.append(int((Path("/sys/fs/cgroup") / name).read_text(encoding="ascii")))
        except (OSError, ValueError):  # no such container, or no limit
            continue
    return min(sizes) >> 20


def _never_called(value: Any, number: Any) -> Any:
    """Stands for a function of the engine's."""
