"""Arrow columns from numpy arrays, and the files that a company's other programs would have exported."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kezhi.demo.words import header
from kezhi.language import Language

if TYPE_CHECKING:
    import pyarrow as pa

BOM = b"\xef\xbb\xbf"


def money(cents: NDArray[np.int64], known: NDArray[np.bool_] | None = None) -> pa.Array:
    """Whole cents as exact decimals with two places; null where not known."""
    import pyarrow as pa
    import pyarrow.compute as pc

    words = np.empty((len(cents), 2), dtype="<i8")
    words[:, 0], words[:, 1] = cents, cents >> 63
    decimals = pa.Array.from_buffers(pa.decimal128(18, 2), len(cents), [None, pa.py_buffer(words.tobytes())])
    if known is None:
        return decimals
    return pc.if_else(pa.array(known), decimals, pa.scalar(None, pa.decimal128(18, 2)))


def pick(words: Sequence[str], numbers: NDArray[np.integer]) -> pa.Array:
    """The numbered words; null for negative numbers."""
    import pyarrow as pa

    places = pa.array(numbers.astype(np.int32), mask=numbers < 0)
    return pa.DictionaryArray.from_arrays(places, pa.array(words, pa.string())).cast(pa.string())


def numbered(letter: str, numbers: NDArray[np.integer], digits: int) -> pa.Array:
    """Identifiers such as C000012; null for negative numbers."""
    import pyarrow as pa
    import pyarrow.compute as pc

    places = pa.array(numbers.astype(np.int64), mask=numbers < 0).cast(pa.string())
    return joined(letter, pc.utf8_lpad(places, digits, "0"))


def joined(*parts: pa.Array | str) -> pa.Array:
    """Texts put together without a space between them."""
    import pyarrow.compute as pc

    return pc.binary_join_element_wise(*parts, "")


def some(values: NDArray[Any], known: NDArray[np.bool_]) -> pa.Array:
    """The values, null where not known."""
    import pyarrow as pa

    return pa.array(values, mask=~known)


def write_csv(columns: Mapping[str, pa.Array], table: str, folder: Path, language: Language) -> Path:
    """One CSV file in UTF-8; with a byte order mark for Chinese, so that Excel shows it rightly."""
    import pyarrow as pa
    from pyarrow import csv

    path = folder / f"{table}.csv"
    titles = ",".join(header(table, name, language) for name in columns)
    with path.open("wb") as sink:
        sink.write(BOM if language == "zh" else b"")
        sink.write(titles.encode() + b"\n")
        options = csv.WriteOptions(include_header=False, quoting_style="none")
        csv.write_csv(pa.table(dict(columns)), sink, options)
    return path


def write_parquet(columns: Mapping[str, pa.Array], path: Path) -> Path:
    """One Parquet file."""
    import pyarrow as pa
    from pyarrow import parquet

    parquet.write_table(pa.table(dict(columns)), path, compression="zstd")
    return path


def write_json(values: Mapping[str, Any], path: Path) -> Path:
    """One JSON file, readable by people."""
    path.write_text(json.dumps(values, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return path
