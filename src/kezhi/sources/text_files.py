"""CSV and its relatives: the engine parses them; only the first lines are looked at here."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kezhi.engine import Engine
from kezhi.language import KezhiError, Text
from kezhi.sources.files import Inspection, as_utf8, head_lines
from kezhi.sources.headers import Header, find_text_header, looks_like_data
from kezhi.sources.pieces import FILE, ROW, Piece, headings, refuse_no_rows, refuse_too_wide
from kezhi.sources.report import InputFile
from kezhi.sources.tables import Table

if TYPE_CHECKING:
    import ibis.expr.types as ir

_number = itertools.count(1)


def open_text(engine: Engine, inspection: Inspection, table: Table) -> Piece:
    """A text file as a table of text columns, and its broken lines."""
    name = inspection.path.name
    path = as_utf8(inspection, engine.scratch)
    header = find_text_header(head_lines(path), table)
    if header is None:
        raise refuse_no_rows(name)
    refuse_too_wide(name, max(len(header.cells), header.width))
    if header.known == 0 and looks_like_data(header.cells):
        raise KezhiError(
            Text(
                "{name} starts with data instead of column names; add a first line with a name for each column.",
                "{name} 的第一行是数据而不是列名；请在第一行写上每列的名称。",
            ).fill(name=name)
        )
    # cells beyond the headings are only let in where all are empty: 1,50 is no amount of 1
    columns = headings(header.cells, None if header.overfull else header.width)
    raw, rejects = _scan(engine, path, columns, header, name)
    _refuse_open_quote(engine, rejects, name)
    numbered = raw.mutate(**{FILE: _text(name), ROW: raw.rowid() + header.lines + 1})
    written = _written(numbered, columns)
    malformed = _malformed(engine, rejects, name)
    counts = engine.row(
        numbered.aggregate(all=numbered.count(), rows=written.sum()).cross_join(
            malformed.aggregate(broken=malformed.count())
        )
    )
    rows = numbered if counts["rows"] == counts["all"] else numbered.filter(written)
    counts["rows"] = counts["rows"] or 0
    if counts["broken"]:
        rows = engine.store(_renumbered(rows, malformed, header.lines))
    if counts["rows"] + counts["broken"] == 0:
        raise refuse_no_rows(name)
    file = InputFile(
        name=name, sha256=inspection.sha256, bytes=inspection.bytes, rows=counts["rows"] + counts["broken"],
        format="tsv" if header.delimiter == "\t" else "csv",
        encoding=inspection.encoding, layout=header.delimiter,
    )  # fmt: skip
    return Piece(rows, (file,), lazy=False, malformed=malformed, malformed_rows=counts["broken"])


def _scan(engine: Engine, path: Path, columns: list[str], header: Header, name: str) -> tuple[ir.Table, str]:
    """Let the engine parse the file once; what it cannot parse it writes to a table of rejects."""
    rejects = f"kezhi_rejects_{next(_number)}"
    short = header.width < len(columns)  # exports that leave out empty cells at the end of a line
    options: dict[str, Any] = {"null_padding": True, "parallel": False} if short else {}
    scan = engine.connection.read_csv(
        str(path), columns=dict.fromkeys(columns, "VARCHAR"), auto_detect=False, header=False,
        skip=header.lines,
        delim=header.delimiter, quote='"', escape='"', nullstr="", strict_mode=True, store_rejects=True,
        rejects_table=rejects, rejects_scan=f"{rejects}_scan", **options,
    )  # fmt: skip
    try:
        return engine.store(scan), rejects
    except Exception as error:
        if "duckdb" not in type(error).__module__:
            raise
        raise KezhiError(
            Text(
                "{name} cannot be taken apart into rows and columns; "
                "open it in Excel and save it again as .xlsx or CSV.",
                "{name} 无法拆分为行和列；请用 Excel 打开后另存为 .xlsx 或 CSV。",
            ).fill(name=name)
        ) from error


def _refuse_open_quote(engine: Engine, rejects: str, name: str) -> None:
    """A quotation mark that is never closed swallows all lines below it; as one bad row they would go unnoticed."""
    found = engine.connection.table(rejects)
    swallowed = found.csv_line.strip().length() - found.csv_line.strip().replace("\n", "").length()
    open_quotes = found.filter(found.error_message.lower().contains("unterminated quote") & (swallowed > 0))
    worst = engine.row(open_quotes.aggregate(line=open_quotes.line.min(), lines=swallowed.max()))
    if worst["line"] is not None:
        raise KezhiError(
            Text(
                "{name}: a quotation mark in line {line} is never closed, so the {lines} lines below it cannot be "
                "read; close or remove it.",
                "{name}：第 {line} 行有一个引号没有配对，其后 {lines} 行无法读取；请补全或删除该引号。",
            ).fill(name=name, line=worst["line"], lines=worst["lines"])
        )


def _text(value: str) -> ir.StringScalar:
    import ibis

    return ibis.literal(value)


def _written(rows: ir.Table, columns: list[str]) -> ir.BooleanValue:
    """Is anything in the line but separators and spaces? A cheap comparison settles most lines."""
    import ibis

    begins = [(rows[column] >= "!").fill_null(False) for column in columns]
    holds = [(rows[column].strip() != "").fill_null(False) for column in columns]
    return ibis.or_(ibis.or_(*begins), ibis.or_(*holds))


def _renumbered(rows: ir.Table, malformed: ir.Table, header_lines: int) -> ir.Table:
    """Move the row numbers on by the broken lines above each row, which the engine did not count.

    The i-th broken line, on line n of the file, stands below n - header - i good ones.
    """
    import ibis

    place = ibis.row_number().over(ibis.window(order_by=malformed.row)) + 1
    broken = malformed.select(__nth=place, __above=malformed.row - header_lines - place)
    shifts = broken.group_by(__after=broken["__above"] + header_lines + 1).aggregate(__shift=broken["__nth"].max())
    own = list(rows.columns)
    joined = rows.asof_join(shifts, rows[ROW] >= shifts["__after"])
    return joined.mutate(**{ROW: joined[ROW] + joined["__shift"].fill_null(0)}).select(*own)


def _malformed(engine: Engine, rejects: str, name: str) -> ir.Table:
    """The engine's rejects, one per line, in the columns of the quarantine; the line is not repeated."""
    import ibis

    found = engine.connection.table(rejects)
    lines = found.group_by("line").aggregate(problem=found.error_type.cast("string").min())
    return lines.select(
        file=_text(name), row=lines.line.cast("int64"), rule=_text("malformed_row"),
        column=ibis.null("string"), seen=lines.problem.lower(),
    )  # fmt: skip
