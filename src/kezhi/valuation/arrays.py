"""Between Arrow columns and numpy arrays, without a copy and without pandas.

pyarrow's own `to_numpy` and `array` look for pandas first; where it is installed, importing it takes as long as
everything else that a small run does between two statements.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pyarrow as pa

_EPOCH = date(1970, 1, 1).toordinal()


def to_numpy(column: pa.ChunkedArray | pa.Array) -> npt.NDArray[Any]:
    """The numbers of a column, NaN for what is missing; not to be written to."""
    import pyarrow as pa

    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if whole.null_count:
        missing: npt.NDArray[Any] = whole.to_numpy(zero_copy_only=False)
        return missing
    found: npt.NDArray[Any] = np.from_dlpack(whole)
    return found


def from_numpy(values: npt.ArrayLike, kind: pa.DataType | None = None) -> pa.Array:
    """A column of numbers or, where `kind` is date32, of days; nothing may be missing."""
    import pyarrow as pa

    if kind is not None and pa.types.is_date32(kind):
        plain: npt.NDArray[Any] = np.asarray(values, dtype="datetime64[D]").astype(np.int64).astype(np.int32)
    else:
        plain = np.ascontiguousarray(values, dtype=kind.to_pandas_dtype() if kind is not None else None)
    made = kind if kind is not None else pa.from_numpy_dtype(plain.dtype)
    return pa.Array.from_buffers(made, len(plain), [None, pa.py_buffer(plain)])


def from_rows(rows: Iterable[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    """A few rows as a table of this schema (text, numbers, decimals, days, flags); None is missing."""
    import pyarrow as pa
    from pyarrow import json as arrow_json

    lines = [json.dumps({name: row[name] for name in schema.names}, default=_written) for row in rows]
    if not lines:
        return schema.empty_table()
    told = arrow_json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="error")
    whole = arrow_json.ReadOptions(use_threads=False, block_size=max(2 * max(map(len, lines)), 1 << 20))
    return arrow_json.read_json(pa.BufferReader("\n".join(lines).encode()), whole, told)


def _written(value: Any) -> Any:
    """A day as days since 1970, money as text: what the reader expects."""
    return value.toordinal() - _EPOCH if isinstance(value, date) else str(value)
