"""A list of customers as a file to work with: Excel, CSV or Parquet, of any length, written in one step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kezhi.engine import Engine
from kezhi.language import KezhiError, Language, Text
from kezhi.reports import columns
from kezhi.reports.columns import Column, Kind
from kezhi.reports.flags import FLAGS
from kezhi.reports.sheet_rows import NUMBER, Insert, middle_rows
from kezhi.reports.workbook import Book, write_rows

if TYPE_CHECKING:
    import ibis.expr.types as ir

MOST_ROWS = 1_048_575  # of an Excel sheet, below its heading
BATCH = 50_000
FORMATS = (".xlsx", ".csv", ".parquet")
# A cell that begins so would be reckoned by a spreadsheet program that opens the CSV.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
SHEET = Text("Customers", "客户")
YES, NO = Text("yes", "是"), Text("no", "否")
WRONG_FORMAT = Text(
    "A list is written to a file named .xlsx, .csv or .parquet, not {file}.",
    "清单只能写入 .xlsx、.csv 或 .parquet 文件，而不是 {file}。",
)
NO_FOLDER = Text("There is no folder {folder}.", "文件夹 {folder} 不存在。")
_KINDS = {column.field: column.kind for column in columns.CUSTOMERS}


@dataclass(frozen=True)
class Listed:
    """A column of a list: where it stands in the rows, its field, its heading, and the names of its codes, if any."""

    column: str
    field: str
    title: Text
    names: Mapping[str, Text]


def check_target(path: Path) -> None:
    """Raise KezhiError where no list can be written."""
    if path.suffix.lower() not in FORMATS:
        raise KezhiError(WRONG_FORMAT.fill(file=path.name))
    if not path.parent.is_dir():
        raise KezhiError(NO_FOLDER.fill(folder=path.parent))


def write_list(engine: Engine, rows: ir.Table, wanted: Sequence[Listed], path: Path, language: Language) -> int:
    """Write the rows in the order of their column NUMBER (from 1); returns how many sheets there are, 1 but in Excel.

    In Parquet the columns keep their names and codes. In Excel and CSV headings, codes, yes and no are in the language;
    text can never become a formula: in Excel it is text, in CSV an apostrophe is put before what begins like one. An
    existing file is replaced once the new one is finished.
    """
    check_target(path)
    beside = path.with_name(f".{path.name}.part")
    try:
        sheets = _WRITERS[path.suffix.lower()](engine, rows, wanted, beside, language)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    return sheets


def _write_parquet(engine: Engine, rows: ir.Table, wanted: Sequence[Listed], path: Path, _: Language) -> int:
    ordered = rows.order_by(NUMBER)
    engine.write_parquet(ordered.select(**{one.field: ordered[one.column] for one in wanted}), path)
    return 1


# --- CSV --------------------------------------------------------------------------------------------------


def _write_csv(engine: Engine, rows: ir.Table, wanted: Sequence[Listed], path: Path, language: Language) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq
    from pyarrow import csv

    cells = csv_cells(rows, wanted, language)
    passing = engine.scratch / f"{path.name}.rows"
    engine.write_parquet(rows.select(NUMBER, **cells).order_by(NUMBER).drop(NUMBER), passing)
    try:
        with path.open("wb") as file, pq.ParquetFile(passing) as source:
            file.write("\ufeff".encode())  # so that Excel reads it as UTF-8
            heads = csv_heads(wanted, language)
            schema = pa.schema([(head, kind) for head, kind in zip(heads, source.schema_arrow.types, strict=True)])
            with csv.CSVWriter(file, schema) as out:
                for batch in source.iter_batches(BATCH):
                    out.write_batch(pa.RecordBatch.from_arrays(batch.columns, schema=schema))
    finally:
        passing.unlink(missing_ok=True)
    return 1


def csv_cells(rows: ir.Table, wanted: Sequence[Listed], language: Language) -> dict[str, Any]:
    """What is written of each column: codes, yes and no in the language, nothing that could become a formula."""
    return {f"c{i}": _harmless(_worded(rows[one.column], one, language)) for i, one in enumerate(wanted)}


def csv_heads(wanted: Sequence[Listed], language: Language) -> list[str]:
    """The headings."""
    return [harmless(one.title.to(language)) for one in wanted]


def harmless(text: str) -> str:
    """A text that no spreadsheet program takes for a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text


def _harmless(column: Any) -> Any:
    import ibis

    if not column.type().is_string():
        return column
    guarded: Any = ibis.literal("'")
    return ibis.ifelse(column.substr(0, 1).isin(FORMULA), guarded.concat(column), column)


def _worded(column: Any, one: Listed, language: Language) -> Any:
    """Codes by their names, yes and no, in the language; lists as one text."""
    import ibis

    kind = column.type()
    if kind.is_boolean():
        return ibis.cases((column, YES.to(language)), (~column, NO.to(language)), else_=ibis.null("string"))
    if kind.is_array():
        named = [(code, known.title.to(language)) for code, known in FLAGS.items()]
        return column.map(lambda code: code.cases(*named, else_=code.replace("_", " "))).join("; ")
    if kind.is_string() and one.names:
        return column.cases(*((code, said.to(language)) for code, said in one.names.items()), else_=column)
    return column


# --- Excel ------------------------------------------------------------------------------------------------


def _write_excel(engine: Engine, rows: ir.Table, wanted: Sequence[Listed], path: Path, language: Language) -> int:
    # columns of our own names: a company's may be called like a step of the sheet's writer
    cells = {f"c{i}": _worded(rows[one.column], one, language) for i, one in enumerate(wanted)}
    ready = engine.store(rows.select(NUMBER, **cells))
    kinds = [_column(ready, f"c{i}", one) for i, one in enumerate(wanted)]
    count: int = engine.row(ready.aggregate(n=ready.count()))["n"]
    book = Book(path, engine.scratch, language)
    sheets = max(1, -(-count // MOST_ROWS))
    for place in range(sheets):
        first = place * MOST_ROWS
        part = ready.filter(ready[NUMBER].between(first + 1, first + MOST_ROWS))
        moved = part.mutate(**{NUMBER: part[NUMBER] - first})
        _sheet(engine, book, kinds, moved, min(MOST_ROWS, count - first), place)
    book.close()
    engine.forget(ready)
    return sheets


def _sheet(engine: Engine, book: Book, wanted: Sequence[Column], rows: ir.Table, count: int, place: int) -> None:
    """One sheet: xlsxwriter writes heads, first and last row, the engine all between."""
    name = SHEET if not place else Text(f"{SHEET.en} {place + 1}", f"{SHEET.zh} {place + 1}")
    sheet = book.sheet(name, [column.width for column in wanted])
    sheet.heads([column.title.to(book.language) for column in wanted])
    sheet.sheet.freeze_panes(1, 1)
    sheet.sheet.autofilter(0, 0, max(count, 1), len(wanted) - 1)
    ends = rows.filter(rows[NUMBER].isin([1, count])).order_by(NUMBER)
    found = engine.fetch(ends.select(*(column.field for column in wanted))).to_pylist()
    write_rows(sheet, wanted, found[:1])
    if len(found) < 2:
        return
    after, position = sheet.next, len(book.file.worksheets())
    book.inserts.append(Insert(position, after, middle_rows(engine, rows, wanted, count, after, book.language)))
    sheet.next += count - 2
    write_rows(sheet, wanted, found[1:])


def _column(rows: ir.Table, name: str, one: Listed) -> Column:
    kind = rows[name].type()
    plain: Kind = (
        "day" if kind.is_temporal() else "money" if kind.is_decimal() else "count" if kind.is_integer() else "number"
    )
    if kind.is_string():
        plain = "text"
    elif plain != "day":
        plain = _KINDS.get(one.field, plain)
    return Column(name, one.title, one.title, plain)


_WRITERS = {".parquet": _write_parquet, ".csv": _write_csv, ".xlsx": _write_excel}
