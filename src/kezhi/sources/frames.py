"""Tables already in memory: pandas, polars, Arrow, DuckDB relations, Ibis tables. They are never changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kezhi.engine import Engine
from kezhi.language import KezhiError, Text
from kezhi.sources.pieces import FILE, ROW, Piece, headings, refuse_no_rows, refuse_too_wide
from kezhi.sources.report import InputFile

if TYPE_CHECKING:
    import pyarrow as pa


def open_frame(engine: Engine, frame: object, number: int) -> Piece:
    """A frame as a table of the engine with its own types."""
    import pyarrow as pa

    name = f"frame {number}"
    data = _arrow(frame, name)
    refuse_too_wide(name, data.num_columns)
    if data.num_rows == 0:
        raise refuse_no_rows(name)
    data = data.rename_columns(headings(data.column_names))
    data = _without_dictionaries(data)
    data = data.append_column(FILE, pa.array([name] * data.num_rows, pa.string()))
    data = data.append_column(ROW, pa.array(range(1, data.num_rows + 1), pa.int64()))
    file = InputFile(
        name=name,
        sha256=None,
        bytes=data.nbytes,
        rows=data.num_rows,
        format=type(frame).__module__.split(".")[0],
    )
    return Piece(engine.table(data), (file,), lazy=True)


def _arrow(frame: Any, name: str) -> pa.Table:
    import pyarrow as pa

    try:
        if hasattr(frame, "to_pyarrow"):  # an Ibis table, on whatever engine it lives
            return frame.to_pyarrow()
        streams = hasattr(frame, "__arrow_c_stream__")
        table = pa.table(frame) if streams else _through_narwhals(frame)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        raise KezhiError(
            Text(
                "{name} has a column that mixes values of several kinds; make it all text or all numbers.",
                "{name} 中有一列混有多种类型的值；请统一为文本或数字。",
            ).fill(name=name)
        ) from None
    return table.drop_columns([column for column in table.column_names if column.startswith("__index_level_")])


def _through_narwhals(frame: Any) -> pa.Table:
    import narwhals as nw

    try:
        taken = nw.from_native(frame)
    except TypeError:
        raise KezhiError(
            Text(
                "A {kind} is no table; give a path, or a pandas, polars, Arrow, DuckDB or Ibis table.",
                "{kind} 不是表格；请给出路径，或 pandas、polars、Arrow、DuckDB、Ibis 表。",
            ).fill(kind=type(frame).__name__)
        ) from None
    eager = taken.collect() if isinstance(taken, nw.LazyFrame) else taken
    return eager.to_arrow()


def _without_dictionaries(data: pa.Table) -> pa.Table:
    """Categories as their values, and columns without a type (all null) as text."""
    import pyarrow as pa

    for place, field in enumerate(data.schema):
        if pa.types.is_dictionary(field.type):
            data = data.set_column(place, field.name, data.column(place).cast(field.type.value_type))
        elif pa.types.is_null(field.type):
            data = data.set_column(place, field.name, data.column(place).cast(pa.string()))
    return data
