"""What the rooms may ask of the engine that holds the tables, whichever it is."""

from __future__ import annotations

import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Self

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

MONEY = "decimal(18, 4)"  # one line's money; the engine widens sums to 38 digits by itself


@dataclass(frozen=True)
class Ahead:
    """A table that is being computed. rows: what may be built upon it, though not yet asked for.

    ready: waits for it, and gives the stored table.
    """

    rows: ir.Table
    ready: Callable[[], ir.Table]


class Engine(ABC):
    """A connection to the engine that holds the tables. Use it as a context manager.

    Table steps in other rooms are Ibis expressions; only this room knows which engine computes them.
    """

    name: ClassVar[str]
    connection: Any  # the Ibis backend

    def __init__(self, scratch: Path | None = None) -> None:
        """`scratch` is a folder on a disk with room for what memory does not hold; the system's own by default."""
        self._scratch = tempfile.TemporaryDirectory(prefix=".kezhi-", dir=scratch)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @abstractmethod
    def close(self) -> None:
        """End the connection and remove what it kept."""

    def interrupt(self) -> None:  # noqa: B027  an engine that hears signals by itself needs nothing here
        """Stop the statement at work, from another thread; it then ends with KeyboardInterrupt."""

    @property
    def scratch(self) -> Path:
        """A folder that disappears with the engine."""
        return Path(self._scratch.name)

    @property
    def versions(self) -> dict[str, str]:
        """Versions of what computes beside the libraries that are always there."""
        return {}

    @property
    def local(self) -> Engine:
        """The engine for what only this machine has (text, workbooks, frames); most are that themselves."""
        return self

    def take(self, expression: ir.Table) -> ir.Table:
        """A table of the local engine as one of this engine."""
        return expression

    def reads(self, given: object) -> bool:  # noqa: ARG002  most read files, which the caller opens
        """Does the engine open this input itself: an address that means nothing to this machine, a frame of its own?"""
        return False

    def open(self, given: Any) -> ir.Table:
        """An input for which `reads` holds; of a path with the columns of `scan_parquet`.

        Raises FileNotFoundError where nothing is there.
        """
        raise NotImplementedError

    @abstractmethod
    def read_parquet(self, paths: str | Path | Sequence[str | Path]) -> ir.Table:
        """One or more Parquet files as a table, columns matched by name."""

    @abstractmethod
    def scan_parquet(self, paths: Sequence[str]) -> ir.Table:
        """The same with two columns more: `filename`, and `file_row_number` from 0."""

    @abstractmethod
    def table(self, data: pa.Table) -> ir.Table:
        """An Arrow table as a table of the engine."""

    @abstractmethod
    def keyed(self, ids: ir.Table) -> ir.Table:
        """Distinct ids (customer_id) with the engine's own key, `customer`, by which it joins and sorts best.

        Keys sort like the ids.
        """

    @abstractmethod
    def latest(self, value: Any, number: Any, where: Any) -> Any:
        """An aggregation: the value in the row with the highest number among those where it holds."""

    @abstractmethod
    def store(self, expression: ir.Table) -> ir.Table:
        """Compute an expression once and keep the result until the connection ends."""

    def settle(self, expression: ir.Table) -> ir.Table:
        """As `store`, for steps that build on one another many times: an engine keeps nothing of how rows were made."""
        return self.store(expression)

    def ahead(self, expression: ir.Table) -> Ahead:
        """`store`, for what is asked for later; an engine may work on it while something else is done.

        Tables asked for ahead are made in the order of asking, so that one may build on the rows of another.
        """
        stored = self.store(expression)
        return Ahead(stored, lambda: stored)

    @contextmanager
    def sparing(self) -> Iterator[None]:
        """Leave one of this machine's processors to the block, for what it computes by itself."""
        yield

    @abstractmethod
    def forget(self, *tables: ir.Table) -> None:
        """Free what stored tables hold; they are not asked again."""

    @contextmanager
    @abstractmethod
    def passing(self) -> Iterator[None]:
        """Tables stored within are dropped at the end; only what was fetched or written remains."""

    @abstractmethod
    def fetch(self, expression: ir.Table) -> pa.Table:
        """The result of an expression in memory; meant for small results."""

    def row(self, expression: ir.Table) -> dict[str, Any]:
        """The single row that an aggregation gives."""
        rows: list[dict[str, Any]] = self.fetch(expression).to_pylist()
        assert len(rows) == 1, "an aggregation gives one row"
        return rows[0]

    @abstractmethod
    def write_parquet(self, expression: ir.Table, path: Path) -> None:
        """Write an expression as Parquet under this name; order it first where order matters."""

    def write_parts(self, expression: ir.Table, folder: Path, by: str) -> None:
        """Write an expression as files below folders named `by=value`; asked of the local engine only."""
        raise NotImplementedError

    @contextmanager
    def meanwhile(self, expression: ir.Table, path: Path) -> Iterator[None]:
        """`write_parquet`, done when the block ends; an engine may work on it while the block does something else."""
        self.write_parquet(expression, path)
        yield
