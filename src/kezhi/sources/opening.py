"""Open whatever was given, files and frames, each in its own way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kezhi.engine import Engine
from kezhi.language import KezhiError, Text
from kezhi.sources.distant import located, open_distant
from kezhi.sources.files import Inspection, expand, inspect
from kezhi.sources.frames import open_frame
from kezhi.sources.pieces import FILE, ROW, Piece, refuse_no_rows, refuse_too_wide
from kezhi.sources.report import InputFile, Remark
from kezhi.sources.sheets import open_sheet
from kezhi.sources.tables import Table
from kezhi.sources.text_files import open_text

if TYPE_CHECKING:
    import pyarrow as pa


def listed(inputs: object) -> Sequence[object]:
    """The inputs one by one; a single path is one of them."""
    return [inputs] if isinstance(inputs, str | Path) or not isinstance(inputs, Sequence) else inputs


def open_inputs(engine: Engine, inputs: Sequence[object], table: Table) -> tuple[list[Piece], list[Remark]]:
    """All inputs opened; a file given twice, under whatever name, is read once."""
    given = listed(inputs)
    distant = [item for item in given if engine.reads(item)]
    near = [item for item in given if not engine.reads(item)]
    paths = [path for item in near if isinstance(item, str | Path) for path in expand(item)]
    frames = [item for item in near if not isinstance(item, str | Path)]
    if not given or not (paths or frames or distant):
        raise KezhiError(
            Text(
                "Nothing to read; give a file, a folder or a table.",
                "没有可读入的内容；请给出文件、文件夹或表格。",
            )
        )
    inspections, warnings = _distinct(inspect(path) for path in paths)
    pieces = [open_distant(engine, item, number) for number, item in enumerate(distant, start=1)]
    pieces += _open_parquet(engine, [one for one in inspections if one.format == "parquet"])
    for one in inspections:
        if one.format == "text":
            pieces.append(open_text(engine, one, table))
        elif one.format != "parquet":
            pieces.append(open_sheet(engine, one, table))
    pieces += [open_frame(engine, frame, number) for number, frame in enumerate(frames, start=1)]
    return pieces, [*warnings, *(remark for piece in pieces for remark in piece.remarks)]


def _distinct(inspections: Iterable[Inspection]) -> tuple[list[Inspection], list[Remark]]:
    kept: dict[str, Inspection] = {}
    warnings = []
    for one in inspections:
        first = kept.setdefault(one.sha256, one)
        if first is not one:
            text = Text(
                "{name} has the same content as {first} and was read once.",
                "{name} 与 {first} 内容相同，只读入一次。",
            )
            warnings.append(Remark("same_file_twice", text.fill(name=one.path.name, first=first.path.name)))
    return list(kept.values()), warnings


def _open_parquet(engine: Engine, inspections: Sequence[Inspection]) -> list[Piece]:
    """Files with the same columns are one scan."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    groups: dict[str, tuple[pa.Schema, list[Inspection], list[InputFile]]] = {}
    for one in inspections:
        try:
            with pq.ParquetFile(one.path) as opened:
                rows, schema = opened.metadata.num_rows, opened.schema_arrow
        except (pa.ArrowInvalid, OSError):
            raise KezhiError(
                Text(
                    "{name} starts like a Parquet file but cannot be read as one; write it again.",
                    "{name} 开头像 Parquet 文件但无法读取；请重新生成。",
                ).fill(name=one.path.name)
            ) from None
        file = InputFile(name=one.path.name, sha256=one.sha256, bytes=one.bytes, rows=rows, format="parquet")
        _, same, files = groups.setdefault(str(schema.remove_metadata()), (schema, [], []))
        same.append(one)
        files.append(file)
    return [_scan_parquet(engine, *group) for group in groups.values()]


def _scan_parquet(
    engine: Engine, schema: pa.Schema, inspections: Sequence[Inspection], files: Sequence[InputFile]
) -> Piece:
    import ibis

    name = files[0].name
    refuse_too_wide(name, len(schema.names))
    if not sum(file.rows for file in files):
        raise refuse_no_rows(name)
    paths = [str(one.path) for one in inspections]
    taken = {"filename", "file_row_number"} & {column.lower() for column in schema.names}
    if taken:  # the file has columns of these names itself: file and row of a rejected line stay unknown
        scan = engine.read_parquet(paths)
        numbered = scan.mutate(**{FILE: ibis.literal(name), ROW: ibis.null("int64")})
    else:
        numbered = located(engine.scan_parquet(paths))
    return Piece(numbered, tuple(files), lazy=True)
