"""Find the header: which line of a sheet or text holds the column names, and what separates its cells."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from kezhi.sources.tables import Table

_DELIMITERS = ",;\t|"
_TITLE_LINES = 25  # a header further down is no header


@dataclass(frozen=True)
class Header:
    """Column names, how many lines they and what stands above them take, and how wide the rows below are."""

    lines: int
    cells: tuple[str, ...]
    width: int
    known: int
    overfull: bool = False  # some row below has something in a cell that has no heading
    delimiter: str = ","


def find_header(rows: Sequence[Sequence[object]], table: Table, ends: Sequence[int] | None = None) -> Header | None:
    """The row among the first ones in which most headings are known; else the first that looks like names."""
    best: Header | None = None
    for position, row in enumerate(rows[:_TITLE_LINES]):
        cells = tuple(_trim([str(cell) if cell is not None else "" for cell in row]))
        if not any(cells):
            continue
        end = ends[position] if ends else position + 1
        below = rows[position + 1 :]
        overfull = any(any(str(cell or "").strip() for cell in row[len(cells) :]) for row in below[:200])
        found = Header(end, cells, _width(below), _known(cells, table), overfull)
        if best is None or found.known > best.known or (best.known == 0 and _fits(found) > _fits(best)):
            best = found
    return best


def _fits(header: Header) -> bool:
    """Do the rows below have as many cells as this line, and is there more than one?"""
    return 1 < len(header.cells) == header.width


def find_text_header(lines: Sequence[str], table: Table) -> Header | None:
    """The header of a text file, under the delimiter that makes most sense of it."""
    found = [header for delimiter in _DELIMITERS if (header := _under(delimiter, lines, table))]
    return max(found, key=lambda header: (header.known, header.width), default=None)


def _under(delimiter: str, lines: Sequence[str], table: Table) -> Header | None:
    reader = csv.reader(lines[:500], delimiter=delimiter)
    rows: list[list[str]] = []
    ends: list[int] = []
    with suppress(csv.Error):
        for row in reader:
            rows.append(row)
            ends.append(reader.line_num)
    header = find_header(rows, table, ends)
    return replace(header, delimiter=delimiter) if header else None


def _known(cells: Sequence[str], table: Table) -> int:
    """How many of the cells are headings that some field is recognised by."""
    return sum(table.knows(cell) for cell in cells if cell)


def _trim(cells: list[str]) -> list[str]:
    while cells and not cells[-1].strip():
        cells.pop()
    return [cell.strip() for cell in cells]


def _width(rows: Sequence[Sequence[object]]) -> int:
    """The usual number of cells of the rows below."""
    widths = Counter(len(row) for row in rows[:200] if any(str(cell or "").strip() for cell in row))
    return max(widths, key=lambda width: (widths[width], width), default=0)


def looks_like_data(cells: Sequence[str]) -> bool:
    """Is this line a row of data rather than names? (It must not be shown to anyone then.)"""
    return any(re.search(r"@|^[¥$€£]?-?\d[\d.,/:\- ]*$", cell) for cell in cells if cell)
