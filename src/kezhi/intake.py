"""From files, or from what a workspace holds, to a book: read, checked, and with every row accounted for."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, fields
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kezhi.engine import Engine
from kezhi.language import KezhiError, Text
from kezhi.ledger import Book
from kezhi.sources import TABLES, Reading, read_table
from kezhi.workspace import PARTIAL, Workspace, made_folder, partial_of, remove, remove_if_abandoned

if TYPE_CHECKING:
    import ibis.expr.types as ir

Narrowing = Callable[["ir.Table"], "ir.Table"]

BOOK_TABLES = tuple(field.name for field in fields(Book))
KEYS = {
    "orders": ("order_id", "customer_id", "date", "is_return"),
    "customers": ("customer_id",),
    "products": ("product_id",),
    "product_links": ("product_id", "linked_id"),
    "opportunities": ("opportunity_id",),
    "actions": ("action", "customer_id", "date"),
}


@dataclass(frozen=True)
class Intake:
    """A book with the account of its rows, as the manifest keeps it."""

    book: Book
    inputs: list[dict[str, Any]] = field(default_factory=list)
    rows: dict[str, Any] = field(default_factory=dict)
    rejected: dict[str, ir.Table] = field(default_factory=dict)
    warnings: list[dict[str, str]] = field(default_factory=list)
    currency: str | None = None


def read_files(
    engine: Engine, files: Mapping[str, Sequence[object]], mapping: Mapping[str, str] | None, today: date
) -> Intake:
    """Read the given files or frames, by table; the mapping is for the orders."""
    readings = {
        table: read_table(engine, table, inputs, mapping=mapping if table == "orders" else None, today=today)
        for table, inputs in files.items()
        if inputs
    }
    tables = {name: reading.accepted for name, reading in readings.items() if name in BOOK_TABLES}
    return Intake(
        Book(**tables),
        inputs=[entry for reading in readings.values() for entry in reading.report.inputs()],
        rows={name: reading.report.rows() for name, reading in readings.items()},
        rejected={name: reading.rejected for name, reading in readings.items() if reading.report.quarantined},
        warnings=[_warning(reading, warning) for reading in readings.values() for warning in reading.report.warnings],
        currency=readings["orders"].report.currency,
    )


def _warning(reading: Reading, warning: Any) -> dict[str, str]:
    return {"code": warning.code, "table": reading.report.table, **warning.text.as_dict()}


def import_table(
    engine: Engine,
    workspace: Workspace,
    table: str,
    inputs: Sequence[object],
    mapping: Mapping[str, str] | None,
    today: date,
) -> list[dict[str, Any]]:
    """Add files to one table of the workspace's book; a file already there changes nothing.

    Returns one entry per file: its report, and `added` (False where the same content was imported before). All of
    them are added or, where this ends with an error or is stopped, none.
    """
    if table not in TABLES:
        raise KezhiError(
            Text(
                f"There is no table {table!r}. Tables: {', '.join(TABLES)}.",
                f"没有名为 {table!r} 的表。可用的表：{'、'.join(TABLES)}。",
            )
        )
    entries: list[dict[str, Any]] = []
    folder = workspace.folder / "book" / table
    for stale in folder.glob(f"{PARTIAL}*"):
        remove_if_abandoned(stale)
    with made_folder(folder):
        try:
            for one in inputs:
                reading = read_table(engine, table, [one], mapping=mapping, today=today)
                entries.append(_add(engine, workspace, reading, table))
        except BaseException:
            take_back(workspace, table, entries)
            raise
    return entries


def take_back(workspace: Workspace, table: str, entries: Sequence[Mapping[str, Any]]) -> None:
    """Undo imports, the last one first."""
    for entry in reversed(entries):
        if entry["added"]:
            workspace.take_back_import(table, entry["sha256"])


def _add(engine: Engine, workspace: Workspace, reading: Reading, table: str) -> dict[str, Any]:
    """Keep one reading under the fingerprint of its files."""
    files = reading.report.inputs()
    # a table in memory has no fingerprint: it is always taken as new
    name = "-".join(sorted((entry["sha256"] or secrets.token_hex(8))[:16] for entry in files))
    entry = {
        "sha256": name,
        "inputs": files,
        "rows": reading.report.rows(),
        "currency": reading.report.currency,
        "warnings": [_warning(reading, warning) for warning in reading.report.warnings],
    }
    if any(known["sha256"] == name for known in workspace.imports(table)):
        return entry | {"added": False}
    _keep(engine, workspace, reading, table, name, entry)
    return entry | {"added": True}


def _keep(
    engine: Engine, workspace: Workspace, reading: Reading, table: str, name: str, entry: Mapping[str, Any]
) -> None:
    """Write the files of one import, and then the note that makes them count."""
    final = workspace.folder / "book" / table / f"{name}.parquet"
    rejects = workspace.rejected_file(table, name)
    partial = partial_of(final)
    with made_folder(rejects.parent) if reading.report.quarantined else nullcontext():
        try:
            engine.write_parquet(reading.accepted, partial)
            partial.replace(final)
            if reading.report.quarantined:
                engine.write_parquet(reading.rejected, rejects)
            workspace.note_import(table, dict(entry))
        except BaseException:
            remove(partial)
            workspace.take_back_import(table, name)
            raise


def read_book(engine: Engine, workspace: Workspace) -> Intake:
    """The workspace's book, with the account of everything ever imported into it."""
    tables: dict[str, ir.Table] = {}
    imports: dict[str, list[dict[str, Any]]] = {}
    for table in BOOK_TABLES:
        if workspace.book_files(table):
            tables[table] = current_rows(engine, workspace, table)
            imports[table] = workspace.imports(table)
    if "orders" not in tables:
        raise KezhiError(
            Text(
                f"The book in {workspace.folder} has no orders yet. Add some: "
                f"kezhi import orders FILE --workspace {workspace.folder}",
                f"{workspace.folder} 中还没有订单。请先导入:kezhi import orders 文件 --workspace {workspace.folder}",
            )
        )
    entries = [(table, entry) for table, several in imports.items() for entry in several]
    return Intake(
        Book(**tables),
        inputs=[one for _, entry in entries for one in entry["inputs"]],
        rows={table: _added_up([entry["rows"] for entry in several]) for table, several in imports.items()},
        warnings=[warning for _, entry in entries for warning in entry["warnings"]],
        currency=_one_currency(imports["orders"]),
    )


def current_rows(engine: Engine, workspace: Workspace, table: str, narrowed: Narrowing | None = None) -> ir.Table:
    """Rows of all imports; where a later import brings a key again, the later one counts.

    The key of an order line is its order, customer and day, sales and returns apart: a corrected export replaces
    what it repeats, and a return that comes in a later file stands beside its sale. `narrowed` chooses among the rows,
    by their keys only.
    """
    import ibis

    files, key = workspace.book_files(table), KEYS.get(table)
    choose = narrowed or (lambda rows: rows)
    if len(files) == 1 or key is None:
        return choose(engine.read_parquet(files))
    parts = [engine.read_parquet(path) for path in files]
    types = {name: kind for part in reversed(parts) for name, kind in part.schema().items()}
    if key[0] not in types:
        return choose(engine.read_parquet(files))
    both = choose(ibis.union(*(_aligned(part, types).mutate(place=place) for place, part in enumerate(parts))))
    if table == "orders":
        both = both.mutate(is_return=both.amount < 0)
    newest: Any = both.place.max().over(ibis.window(group_by=key))
    current: Any = both[key[0]].isnull() | (both.place == newest)
    return both.filter(current).select(*types)


def _aligned(part: ir.Table, types: Mapping[str, Any]) -> ir.Table:
    """The same columns for every import: missing ones empty, those of another type in that of the first import."""
    import ibis

    return part.select(
        **{
            name: part[name].cast(kind) if name in part.columns else ibis.null(kind.copy(nullable=True))
            for name, kind in types.items()
        }
    )


def _added_up(several: list[dict[str, Any]]) -> dict[str, Any]:
    """Row counts of several imports as one."""
    from decimal import Decimal

    total: dict[str, Any] = {name: sum(rows[name] for rows in several) for name in ("read", "accepted", "quarantined")}
    for part, label in (("kinds", "kind"), ("rules", "rule")):
        merged: dict[str, dict[str, Any]] = {}
        for entry in (entry for rows in several for entry in rows[part]):
            seen = merged.setdefault(
                entry[label],
                {**entry, "rows": 0, "amount": "0"} | ({"returns": 0} if "returns" in entry else {}),
            )
            seen["rows"] += entry["rows"]
            seen["amount"] = str(Decimal(seen["amount"]) + Decimal(entry["amount"] or 0))
            if "returns" in entry:
                seen["returns"] += entry["returns"]
        total[part] = list(merged.values())
    return total


def _one_currency(imports: list[dict[str, Any]]) -> str | None:
    found = {entry["currency"] for entry in imports if entry["currency"]}
    if len(found) > 1:
        names = ", ".join(sorted(found))
        raise KezhiError(
            Text(
                f"The orders of this book are in several currencies: {names}. Keep one workspace per currency.",
                f"台账中的订单含有多种货币：{names}。请为每种货币建立一个工作区。",
            )
        )
    return next(iter(found), None)


def write_rejected(engine: Engine, intake: Intake, folder: Path) -> None:
    """quarantine/<table>.parquet for every table that had rows rejected."""
    for table, rejected in intake.rejected.items():
        (folder / "quarantine").mkdir(exist_ok=True)
        order = [rejected[name] for name in ("file", "row", "rule", "column")]
        engine.write_parquet(rejected.order_by(order), folder / "quarantine" / f"{table}.parquet")
