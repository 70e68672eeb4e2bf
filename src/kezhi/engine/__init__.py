"""The table engine: one Ibis connection, and the few things the rooms ask of it. DuckDB unless another is named."""

from pathlib import Path

from kezhi.engine.base import MONEY, Ahead, Engine
from kezhi.engine.duckdb import DuckEngine
from kezhi.engine.spark import Spark, SparkEngine

__all__ = ["MONEY", "Ahead", "Engine", "Spark", "open_engine"]


def open_engine(
    kind: object = None, *, memory_limit: str | None = None, threads: int | None = None, scratch: Path | None = None
) -> Engine:
    """The engine that is meant: "duckdb" (also None), "spark", a `Spark` with its master and settings, a SparkSession.

    Memory, threads and the folder for what memory does not hold (`scratch`) are DuckDB's, which also reads for Spark
    what only this machine has. A session that was given is
    not ended. Raises KezhiError where it is none of these, or where Spark cannot be started.
    """
    if kind is None or kind == "duckdb":
        return DuckEngine(memory_limit=memory_limit, threads=threads, scratch=scratch)
    return SparkEngine(
        Spark() if kind == "spark" else kind, memory_limit=memory_limit, threads=threads, scratch=scratch
    )
