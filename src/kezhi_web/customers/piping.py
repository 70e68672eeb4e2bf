"""python -m kezhi_web.customers.piping: a list as CSV or Parquet on standard output, as its statements give it.

A process of its own, which may take the memory that sorting a million customers needs, and which loads no more than
the table engine, so that the first rows come at once. Standard input: a Task as JSON. Standard output: a line of JSON,
how many customers there are by what may be done with them, and then the file.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

BATCH = 20_000  # rows
MEMORY = "256MB"  # the rest goes to disk


@dataclass(frozen=True)
class Task:
    """What is to be written, as csv or parquet. verdicts: makes the table that counts and rows ask."""

    form: str
    verdicts: str
    counts: str
    rows: str
    heads: tuple[str, ...]
    scratch: str


def main() -> None:
    """Write it."""
    asked: dict[str, Any] = json.loads(sys.stdin.buffer.read())
    pipe(Task(**{**asked, "heads": tuple(asked["heads"])}), sys.stdout.buffer)


def pipe(task: Task, to: IO[bytes]) -> None:
    """Counts, and the rows as they come."""
    import duckdb
    import pyarrow as pa

    config: Mapping[str, Any] = {"memory_limit": MEMORY, "threads": 2, "temp_directory": task.scratch}
    with duckdb.connect(config=dict(config)) as engine:
        engine.execute(task.verdicts)
        counts = dict(engine.execute(task.counts).fetchall())
        to.write(json.dumps(counts).encode() + b"\n")
        to.flush()
        batches = engine.sql(task.rows).to_arrow_reader(BATCH)
        schema = pa.schema([(head, kind) for head, kind in zip(task.heads, batches.schema.types, strict=True)])
        with _writer(task.form, to, schema) as out:
            to.flush()
            for batch in batches:
                out.write_batch(pa.RecordBatch.from_arrays(batch.columns, schema=schema))
                to.flush()


def _writer(form: str, to: IO[bytes], schema: pa.Schema) -> Any:
    if form == "parquet":
        from pyarrow.parquet import ParquetWriter

        return ParquetWriter(to, schema, compression="zstd")
    from pyarrow.csv import CSVWriter

    to.write("\ufeff".encode())  # so that Excel reads it as UTF-8
    return CSVWriter(to, schema)


if __name__ == "__main__":
    main()
