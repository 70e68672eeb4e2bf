"""Many rows for one sheet, fast: the engine writes them as the file format's XML.

xlsxwriter needs about ten microseconds for a cell, half a minute for 100 000 customers. So it writes heads,
totals, the first row and the last row of a long sheet; the rows between are put in afterwards, each cell in
the style of the first row's. Source of the XML: ECMA-376 part 1, 18.3.1.4 (cells) and 18.4.8 (strings).
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kezhi.engine import Engine
from kezhi.language import Language
from kezhi.reports.columns import Column
from kezhi.reports.flags import FLAGS

if TYPE_CHECKING:
    import ibis.expr.types as ir

NUMBER = "row_in_sheet"  # the column by which the rows of a long sheet are counted, from 1
_BATCH = 50_000  # rows whose XML is in memory at once
_LONGEST = 32_000
_DAY_ZERO = 25_569  # the format counts days from 1899-12-30, the engine from 1970-01-01
_FORBIDDEN = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x{FFFE}\x{FFFF}]"
_CELL = re.compile(rb'<c r="([A-Z]+)\d+"(?: s="(\d+)")?')
_LEVEL = 2  # of compression: a third of the default's time, a quarter more space


@dataclass(frozen=True)
class Insert:
    """Rows to put into a sheet after a row that is already there."""

    sheet: int  # counted from 1, as in the file
    after: int
    rows: Callable[[Sequence[tuple[str, str]]], Iterator[bytes]]


def middle_rows(
    engine: Engine, numbered: ir.Table, columns: Sequence[Column], count: int, after: int, language: Language
) -> Callable[[Sequence[tuple[str, str]]], Iterator[bytes]]:
    """The rows of a table numbered by `NUMBER` but the first and the last, as XML, once the columns' styles are known.

    `after` is the number in the sheet of the row before them.
    """

    def rows(styles: Sequence[tuple[str, str]]) -> Iterator[bytes]:
        texts = {column.field: _text(numbered[column.field], column, language) for column in columns}
        ready = numbered.select(NUMBER, n=(numbered[NUMBER] + (after - 1)).cast("string"), **texts)
        cells = [_cell(ready, column, *style) for column, style in zip(columns, styles, strict=True)]
        row: Any = _literal('<row r="')
        written = ready.select(NUMBER, row=row.concat(ready.n, '">', *cells, "</row>"))
        for first in range(2, count, _BATCH):
            some = written.filter(written[NUMBER].between(first, min(first + _BATCH, count) - 1))
            yield "".join(engine.fetch(some.order_by(NUMBER).select("row"))["row"].to_pylist()).encode()

    return rows


def _literal(text: str) -> Any:
    import ibis

    return ibis.literal(text)


def _text(value: Any, column: Column, language: Language) -> Any:
    """What stands in a cell; nothing where the cell stays empty."""
    import ibis

    if column.kind == "flags" and value.type().is_array():
        named = [(code, known.title.to(language)) for code, known in FLAGS.items()]
        value = value.map(lambda code: code.cases(*named, else_=code.replace("_", " "))).join("; ")
    if column.kind in ("text", "flags"):
        plain = value.substr(0, _LONGEST).re_replace(_FORBIDDEN, "")
        return plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").nullif("")
    if column.kind == "day":
        return (value.epoch_days() + _DAY_ZERO).cast("string")
    if value.type().is_floating():
        value = ibis.ifelse(value.isnan() | value.isinf(), ibis.null(value.type()), value)
    return value.cast("string")


def _cell(row: ir.Table, column: Column, letter: str, style: str) -> Any:
    """One cell of the format, or nothing."""
    if column.kind in ("text", "flags"):
        before, behind = f'"{style} t="inlineStr"><is><t xml:space="preserve">', "</t></is></c>"
    else:
        before, behind = f'"{style}><v>', "</v></c>"
    return _literal(f'<c r="{letter}').concat(row.n, before, row[column.field], behind).fill_null("")


def insert(path: Path, inserts: Iterable[Insert]) -> None:
    """Put rows into the sheets of a finished workbook; everything else in it stays as it is."""
    by_sheet = {f"xl/worksheets/sheet{one.sheet}.xml": one for one in inserts}
    if not by_sheet:
        return
    filled = path.with_name(path.name + ".rows")
    try:
        _fill(path, filled, by_sheet)
        filled.replace(path)
    finally:
        filled.unlink(missing_ok=True)


def _fill(path: Path, filled: Path, by_sheet: Mapping[str, Insert]) -> None:
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(filled, "w") as target:
        for entry in source.infolist():
            content = source.read(entry)
            same = zipfile.ZipInfo(entry.filename, entry.date_time)
            same.compress_type = zipfile.ZIP_DEFLATED
            same._compresslevel = _LEVEL  # type: ignore[attr-defined]  # there is no public way for an entry with a date
            with target.open(same, "w") as out:
                out.writelines(_pieces(content, by_sheet.get(entry.filename)))


def _pieces(content: bytes, one: Insert | None) -> Iterator[bytes]:
    if one is None:
        yield content
        return
    start = content.index(f'<row r="{one.after}"'.encode())
    end = content.index(b"</row>", start) + len(b"</row>")
    styles = [
        (letter.decode(), f' s="{style.decode()}"' if style else "")
        for letter, style in _CELL.findall(content[start:end])
    ]
    yield content[:end]
    yield from one.rows(styles)
    yield content[end:]
