"""Between Arrow columns and numpy arrays, without a copy and without pandas.

pyarrow's own `to_numpy` and `array` look for pandas first; where it is installed, importing it takes as long as
everything else that a small run does between two statements.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pyarrow as pa


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
