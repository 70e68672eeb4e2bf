"""Read a table of the book: open, recognise, read the cells, check every row, and say what was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from kezhi.engine import Engine
from kezhi.language import KezhiError, Text
from kezhi.sources.cells import is_tidied, read_cells
from kezhi.sources.checking import Checked, check_rows
from kezhi.sources.distant import can_read
from kezhi.sources.opening import listed, open_inputs
from kezhi.sources.pieces import Piece, combine
from kezhi.sources.presets import preset_for
from kezhi.sources.recognise import Recognised, recognise, user_columns
from kezhi.sources.report import InputFile, ReadingReport, Remark
from kezhi.sources.tables import TABLES, Table
from kezhi.sources.tally import Tally, tally

if TYPE_CHECKING:
    import ibis.expr.types as ir

_REPEATS_COUNTED = 1_000_000  # rows; beyond this, looking for repeats would cost more than all else


@dataclass(frozen=True)
class Reading:
    """A table that was read: typed rows, rows in quarantine (file, row, rule, column, seen), the report."""

    table: str
    accepted: ir.Table
    rejected: ir.Table
    report: ReadingReport


def read_table(
    engine: Engine,
    table: str,
    inputs: Sequence[object],
    *,
    mapping: Mapping[str, str] | None = None,
    today: date,
) -> Reading:
    """Read files or frames as one table of the book. Every row is accepted or in quarantine; none is dropped.

    Raises KezhiError where nothing can be read or a column cannot be found.
    """
    spec = _spec(table)
    mapping = dict(mapping or {})
    if engine.local is not engine and not all(can_read(engine, given) for given in listed(inputs)):
        return _taken(engine, read_table(engine.local, table, inputs, mapping=mapping, today=today))
    pieces, notes = open_inputs(engine, inputs, spec)
    found = recognise(engine, _with_preset(engine, table, combine(pieces)), spec, mapping)
    rows, cells = read_cells(engine, found, spec, mapping, today)
    checked = check_rows(found, rows, cells)
    if is_tidied(rows) or not all(piece.lazy for piece in pieces):
        checked = checked.stored(engine)
    counts = tally(engine, checked, sum(piece.malformed_rows for piece in pieces))
    notes = [*notes, *found.warnings, *counts.warnings, *_repeated(engine, found, pieces)]
    report = _report(spec, pieces, found, checked, counts, notes)
    return Reading(table, checked.accepted(any_bad=bool(counts.rejected)), _quarantine(checked, pieces), report)


def _taken(engine: Engine, reading: Reading) -> Reading:
    """What was read on this machine, handed over to the engine of the tables."""
    return replace(reading, accepted=engine.take(reading.accepted), rejected=engine.take(reading.rejected))


def _with_preset(engine: Engine, table: str, rows: ir.Table) -> Recognised:
    preset = preset_for(table, user_columns(rows))
    return preset.apply(engine, rows) if preset else Recognised(rows)


def _spec(table: str) -> Table:
    if table not in TABLES:
        raise KezhiError(
            Text(
                "There is no table {table}; the tables are {tables}.",
                "没有名为 {table} 的表；可用的表：{tables}。",
            ).fill(table=table, tables=", ".join(TABLES))
        )
    return TABLES[table]


def _repeated(engine: Engine, found: Recognised, pieces: Sequence[Piece]) -> list[Remark]:
    """Rows that equal another in every column are kept and counted, where that is cheap."""
    import ibis

    if sum(file.rows for piece in pieces for file in piece.files) > _REPEATS_COUNTED:
        return []
    rows = found.rows
    whole = ibis.struct({column: rows[column] for column in user_columns(rows)})
    counts = engine.row(rows.aggregate(all=rows.count(), different=whole.hash().nunique()))
    repeated = counts["all"] - counts["different"]
    text = Text(
        "{rows} rows repeat another row in every column; they were kept. Remove them if the export is at fault.",
        "{rows} 行与其他行完全相同，已保留；若为导出错误请删除。",
    )
    return [Remark("repeated_rows", text.fill(rows=repeated))] if repeated else []


def _quarantine(checked: Checked, pieces: Sequence[Piece]) -> ir.Table:
    import ibis

    broken = [piece.malformed for piece in pieces if piece.malformed is not None and piece.malformed_rows]
    return ibis.union(checked.rejected(), *broken) if broken else checked.rejected()


def _report(
    spec: Table,
    pieces: Sequence[Piece],
    found: Recognised,
    checked: Checked,
    counts: Tally,
    notes: Sequence[Remark],
) -> ReadingReport:
    files: tuple[InputFile, ...] = tuple(file for piece in pieces for file in piece.files)
    return ReadingReport(
        table=spec.name,
        files=files,
        columns=found.matches,
        extra=tuple(checked.extra.values()),
        preset=found.preset,
        read=counts.accepted + counts.rejected,
        accepted=counts.accepted,
        quarantined=counts.rejected,
        kinds=counts.kinds,
        rules=counts.rules,
        warnings=tuple(notes),
        currency=counts.currency,
    )
