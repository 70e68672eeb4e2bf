"""Which table of the book a file is, by its headings and its name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from kezhi.language import KezhiError
from kezhi.sources import TABLES
from kezhi.sources.files import as_utf8, head_lines, inspect
from kezhi.sources.headers import find_header, find_text_header
from kezhi.sources.presets import preset_for
from kezhi.sources.sheets import cell_text
from kezhi.sources.tables import Field, Table
from kezhi.sources.vocabulary import UNIT_PRICE
from kezhi.workspace import Workspace

HEAD = 1 << 18  # bytes of a text file that are looked at
LINES = 60  # of a sheet


@dataclass(frozen=True)
class Guess:
    """A table, and the headings that were found for it."""

    table: str
    headings: tuple[str, ...]


def guess(path: Path, workspace: Workspace | None = None) -> Guess:
    """The table that fits a file best; orders where nothing is known of it."""
    tried = [Guess(table.name, cells) for table in TABLES.values() for cells in _headings(path, table)]
    if not tried:
        return Guess("orders", ())
    return max(tried, key=lambda one: _fit(one, path, workspace))


def grouped(paths: Sequence[Path], workspace: Workspace | None = None) -> list[tuple[str, list[Path]]]:
    """Files of the same table and headings together, in the order of the tables of the book."""
    groups: dict[Guess, list[Path]] = {}
    for path in paths:
        groups.setdefault(guess(path, workspace), []).append(path)
    order = list(TABLES)
    return sorted(
        ((one.table, files) for one, files in groups.items()), key=lambda group: (order.index(group[0]), str(group[1]))
    )


def _fit(one: Guess, path: Path, workspace: Workspace | None) -> tuple[float, ...]:
    table = TABLES[one.table]
    known = [field for field in table.fields if _named(field, one.headings)]
    needed = [field for field in table.required if not _found(field, table, one.headings)]
    stem = path.stem.casefold()
    called = table.name in stem or table.title.zh in stem or table.title.en.casefold() in stem
    usual = workspace.settings().columns if workspace and one.table == "orders" else {}
    return (
        float(
            preset_for(one.table, one.headings) is not None or bool(usual and set(usual.values()) <= {*one.headings})
        ),
        float(not needed),
        float(called and bool(known)),
        float(len(known)),
        sum(table.knows(cell) for cell in one.headings),
        -float(list(TABLES).index(table.name)),  # orders where nothing tells
    )


def _named(field: Field, headings: Iterable[str]) -> bool:
    return any(field.rank(cell) is not None for cell in headings)


def _found(field: Field, table: Table, headings: Sequence[str]) -> bool:
    """Is a required field there, if only as something it can be computed from?"""
    if table.name == "orders" and field.name == "amount":
        priced = Field("amount", "money", field.text, UNIT_PRICE)
        return _named(field, headings) or _named(priced, headings)
    return _named(field, headings)


def _headings(path: Path, table: Table) -> list[tuple[str, ...]]:
    """The header lines that a table may have in this file: one, or one for each sheet."""
    try:
        return _read(path, table)
    except (KezhiError, OSError, ValueError):
        return []  # said when the file is read


def _read(path: Path, table: Table) -> list[tuple[str, ...]]:
    with path.open("rb") as file:
        begins = file.read(4)
    if begins == b"PAR1":
        import pyarrow.parquet as pq

        return [tuple(pq.read_schema(path).names)]
    if begins in (b"PK\x03\x04", b"\xd0\xcf\x11\xe0"):
        return _of_sheets(path, table)
    with TemporaryDirectory() as scratch:
        start = head_of(path, Path(scratch))
        header = find_text_header(head_lines(as_utf8(inspect(start), Path(scratch))), table)
    return [header.cells] if header else []


def _of_sheets(path: Path, table: Table) -> list[tuple[str, ...]]:
    found = []
    for rows in first_rows(path):
        header = find_header(rows, table)
        if header:
            found.append(header.cells)
    return found


_kept: dict[tuple[Path, int], list[list[list[str | None]]]] = {}


def first_rows(path: Path) -> list[list[list[str | None]]]:
    """The first lines of every sheet, as text; kept, for opening a workbook is dear."""
    key = (path, path.stat().st_mtime_ns)
    if key not in _kept:
        from python_calamine import CalamineError, CalamineWorkbook

        _kept.clear()
        try:
            book = CalamineWorkbook.from_path(str(path))
            _kept[key] = [
                [[cell_text(cell) for cell in row] for row in book.get_sheet_by_name(name).to_python(False, LINES)]
                for name in book.sheet_names
            ]
        except CalamineError as error:
            raise ValueError from error
    return _kept[key]


def head_of(path: Path, scratch: Path) -> Path:
    """The beginning of a text file under the same name: whole lines."""
    with path.open("rb") as file:
        head = file.read(HEAD)
        more = bool(file.read(1))
    if more:
        end = head.rfind(b"\n") + 1
        # in UTF-16 a line ends with two bytes
        end += 1 if head[:2] == b"\xff\xfe" else 0
        head = head[: end or len(head)]
    target = scratch / f"head-{path.name}"
    target.write_bytes(head)
    return target
