"""The customer-days of a workspace's book, kept by month: an import changes the months that it touches, and no others.

Adding up order lines is what a run costs most in reading. A nightly import touches one month or two, so the others are
kept as files, and a run begins from customer-days. Everything here follows from the book; the folder can be deleted.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kezhi.engine import Engine
from kezhi.intake import KEYS, Narrowing, current_rows, read_book
from kezhi.ledger import Book, Calendar, days_by_id
from kezhi.workspace import Workspace, partial_of, remove, remove_if_abandoned, write_json

if TYPE_CHECKING:
    import ibis.expr.types as ir

FORMAT = 1  # raise it when the files come to hold something else
INDEX = "index.json"
ORDER = list(KEYS["orders"][:2])  # order and customer: lines that may be booked on one another's days


def kept_days(engine: Engine, workspace: Workspace, book: Book, calendar: Calendar) -> ir.Table:
    """`ledger.days_by_id` of the workspace's whole book, brought up to date; with customer_id for a key."""
    if engine.local is not engine:
        book = read_book(engine.local, workspace).book
    folder = workspace.days
    imports = [entry["sha256"] for entry in workspace.imports("orders")]
    basis = _basis(workspace, book, calendar)
    index = _index(folder)
    if index["basis"] != basis or index["orders"] != imports[: len(index["orders"])]:
        index = {"basis": basis, "orders": [], "months": {}}
    fresh = imports[len(index["orders"]) :]
    if fresh:
        months = _touched(engine.local, workspace, fresh) if index["orders"] else None
        written = _write(engine.local, workspace, book, calendar, months, folder)
        touched = set(index["months"]) if months is None else set(map(str, months))
        kept = {month: files for month, files in index["months"].items() if month not in touched}
        index = index | {"orders": imports, "months": kept | dict(written)}
        _replace(folder, index)
    files = [folder / name for names in index["months"].values() for name in names]
    if not files:  # not one line could be used
        return days_by_id(book, calendar).rename(customer_id="customer")
    days = engine.read_parquet(files)
    return days.select(*(name for name in days.columns if name != "month"))


def _basis(workspace: Workspace, book: Book, calendar: Calendar) -> dict[str, Any]:
    """What every month depends on: where it changes, all are added up again."""
    others = {name: [entry["sha256"] for entry in workspace.imports(name)] for name in ("products", "margins")}
    periods = [calendar.period, calendar.fiscal_start] if book.margins is not None else None
    return {"format": FORMAT, "cost_known": book.cost_known, "periods": periods} | others


def _index(folder: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # none yet, or damaged: begin anew
        return {"basis": None, "orders": [], "months": {}}
    complete = all((folder / name).exists() for files in found["months"].values() for name in files)
    return found if complete else {"basis": None, "orders": [], "months": {}}


def _touched(engine: Engine, workspace: Workspace, fresh: Sequence[str]) -> set[int]:
    """The months of the new lines, and of all lines of the orders that they name: returns are booked on their sale."""
    files = workspace.book_files("orders")
    new = engine.read_parquet([path for path in files if path.stem in fresh])
    months = _months(engine, new)
    if "order_id" in new.columns:
        named = new.filter(new.order_id.notnull()).select(*ORDER).distinct()
        for path in files:
            rows = engine.read_parquet(path)
            if path.stem not in fresh and "order_id" in rows.columns:
                months |= _months(engine, rows.semi_join(named, ORDER))
    return months


def _months(engine: Engine, rows: ir.Table) -> set[int]:
    numbers = rows.select(month=Calendar().numbers(rows.date)).distinct()
    return set(engine.fetch(numbers)["month"].to_pylist())


def _within(months: Collection[int]) -> Narrowing:
    """The rows from which the days of some months follow: theirs, and whatever belongs to an order with a return."""

    def narrowed(rows: ir.Table) -> ir.Table:
        inside = Calendar().numbers(rows.date).isin(sorted(months))
        if "order_id" not in rows.columns:
            return rows.filter(inside)
        returned = rows.filter((rows.amount < 0) & rows.order_id.notnull()).select(*ORDER).distinct()
        return rows.filter(inside).union(rows.filter(~inside).semi_join(returned, ORDER))

    return narrowed


def _write(
    engine: Engine, workspace: Workspace, book: Book, calendar: Calendar, months: set[int] | None, folder: Path
) -> Mapping[str, list[str]]:
    """Add up the days of these months, or of all, into files of new names; the names by month."""
    lines = current_rows(engine, workspace, "orders", None if months is None else _within(months))
    days = days_by_id(Book(lines, products=book.products, margins=book.margins), calendar)
    days = days.rename(customer_id="customer").mutate(month=Calendar().numbers(days.day))
    if months is not None:
        days = days.filter(days.month.isin(sorted(months)))
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob(".partial-*"):
        remove_if_abandoned(stale)
    partial = partial_of(folder / "months")
    try:
        engine.write_parts(days, partial, by="month")
        token = secrets.token_hex(4)
        written: dict[str, list[str]] = {}
        for number, path in enumerate(sorted(partial.rglob("*.parquet"))):
            month = path.parent.name.removeprefix("month=")
            name = f"{month}-{token}-{number}.parquet"
            path.replace(folder / name)
            written.setdefault(month, []).append(name)
    finally:
        remove(partial)
    return written


def _replace(folder: Path, index: dict[str, Any]) -> None:
    """Make an index count. Files of the index before it stay for whoever reads them; older ones go."""
    before = {name for files in _index(folder)["months"].values() for name in files}
    wanted = before | {name for files in index["months"].values() for name in files}
    write_json(folder / INDEX, index)
    for path in folder.glob("*.parquet"):
        if path.name not in wanted:
            remove(path)
