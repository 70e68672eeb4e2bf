"""The table engine: one Ibis connection, and the few things the rooms ask of it. DuckDB unless another is named."""

from kezhi.engine.base import MONEY, Engine
from kezhi.engine.duckdb import open_engine

__all__ = ["MONEY", "Engine", "open_engine"]
