"""What opening an input gives: a table with file and row of every line, before any column is understood."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kezhi.language import KezhiError, Text
from kezhi.sources.report import InputFile, Remark

if TYPE_CHECKING:
    import ibis.expr.types as ir

FILE, ROW = "__file", "__row"
MOST_COLUMNS = 1000


@dataclass(frozen=True)
class Piece:
    """One opened input; `lazy` tables are scanned again at each use, the others are text to be parsed once.

    `malformed` holds the lines that are no rows at all, already in the columns of the quarantine; `remarks` what to
    say of how it was opened.
    """

    table: ir.Table
    files: tuple[InputFile, ...]
    lazy: bool
    malformed: ir.Table | None = None
    malformed_rows: int = 0
    remarks: tuple[Remark, ...] = ()


def headings(cells: Sequence[object], width: int | None = None) -> list[str]:
    """Column names that the engine accepts: none empty, none twice (upper and lower case are one to it)."""
    names: list[str] = []
    seen: set[str] = set()
    for position in range(max(len(cells), width or 0)):
        cell = cells[position] if position < len(cells) else None
        name = wanted = " ".join(str(cell if cell is not None else "").split()) or f"column {position + 1}"
        number = 2
        while name.lower() in seen:
            name, number = f"{wanted} ({number})", number + 1
        seen.add(name.lower())
        names.append(name)
    return names


def refuse_too_wide(name: str, columns: int) -> None:
    """Nobody's order log is this wide; say so before the engine tries."""
    if columns > MOST_COLUMNS:
        raise KezhiError(
            Text(
                "{name} has {columns} columns and at most {most} are read; is it turned on its side?",
                "{name} 有 {columns} 列，最多读取 {most} 列；表格是否行列颠倒?",
            ).fill(name=name, columns=columns, most=MOST_COLUMNS)
        )


def refuse_no_rows(name: str) -> KezhiError:
    """The error for a file with a header and nothing below."""
    return KezhiError(
        Text(
            "{name} has column names but no rows; export it again with its data.",
            "{name} 只有表头，没有数据行；请重新导出数据。",
        ).fill(name=name)
    )


def combine(pieces: Sequence[Piece]) -> ir.Table:
    """All pieces below one another, columns matched by name; where types differ, as text."""
    import ibis

    if len(pieces) == 1:
        return pieces[0].table
    types: dict[str, set[str]] = {}
    spelling: dict[str, str] = {}
    for piece in pieces:
        for name, kind in piece.table.schema().items():
            spelling.setdefault(name.lower(), name)
            types.setdefault(name.lower(), set()).add(str(kind))
    agreed = {name: next(iter(kinds)) if len(kinds) == 1 else "string" for name, kinds in types.items()}
    return ibis.union(*(_align(piece.table, spelling, agreed) for piece in pieces))


def _align(table: ir.Table, spelling: dict[str, str], agreed: dict[str, str]) -> ir.Table:
    import ibis

    own = {name.lower(): name for name in table.columns}
    return table.select(
        **{
            spelling[name]: table[own[name]].cast(kind) if name in own else ibis.null(kind)
            for name, kind in agreed.items()
        }
    )
