"""What was recorded, into the book: before every run, one file for each table, by kezhi's own intake.

The file holds all entries that count, so a correction or a withdrawal leaves nothing behind: where the content differs
from what the book has, the earlier file is taken back and the new one imported. A server killed in between has lost
nothing, for the next run compares again. Rows without a number of their own (contacts, suggestions, answers) stand
beside imported ones; opportunities recorded here have numbers that begin with KZ-. What belongs to the customer table
(who sent them, the newest note) is laid over the row of the customer as the imported files have it, so that it stays
when a newer export of customers comes in.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from django.conf import settings
from django.utils import timezone

from kezhi.engine import Engine, open_engine
from kezhi.intake import current_rows, import_table, take_back
from kezhi.language import Text
from kezhi.workspace import Workspace
from kezhi_web.capture import kinds
from kezhi_web.capture.masking import masked
from kezhi_web.capture.models import Entry
from kezhi_web.capture.surveys import RECORDED
from kezhi_web.capture.writing import book

TABLES = ("contacts", "suggestions", "surveys", "opportunities", "customers")
Rows = list[dict[str, Any]]


def feed(workspace: Workspace) -> dict[str, int]:
    """Bring the book up to date with what was recorded; how many rows of each table it now holds of that.

    Repeatable. Called in the worker, before a run reads the book.
    """
    now = timezone.now()
    fed = {}
    with book:
        for table in TABLES:
            entries = list(Entry.objects.filter(table__in=[k for k, kind in kinds.KINDS.items() if kind.book == table]))
            if entries or _ours(workspace, table):
                fed[table] = _feed_one(workspace, table, entries, now)
    return fed


def _ours(workspace: Workspace, table: str) -> list[dict[str, Any]]:
    """Imports of this table that came from here."""
    name = file_of(table).name
    return [entry for entry in workspace.imports(table) if any(one["file"] == name for one in entry["inputs"])]


def file_of(table: str) -> Path:
    """Where the entries of a table are written for the intake."""
    return Path(settings.OWN) / "capture" / f"{RECORDED}{table}.parquet"


def _feed_one(workspace: Workspace, table: str, entries: list[Entry], now: datetime) -> int:
    counting = [entry for entry in entries if entry.taken_back is None and not _beside(entry)]
    before = _ours(workspace, table)
    with open_engine(memory_limit=workspace.settings().memory_limit) as engine:
        found = _content(engine, workspace, table, sorted(counting, key=lambda entry: entry.pk))
        path = file_of(table)
        sha256 = _written(found, path) if found is not None else ""
        old = [one for one in before if one["sha256"] != sha256]
        take_back(workspace, table, [{"sha256": one["sha256"], "added": True} for one in old])
        if found is not None and len(old) == len(before):
            mapping = {name: name for name in found.column_names if name in _fields(table)}
            import_table(engine, workspace, table, [str(path)], mapping, timezone.localdate())
    _note(entries, counting, sha256, now)
    return 0 if found is None else int(found.num_rows)


def _beside(entry: Entry) -> bool:
    """A call that reached nobody is no contact."""
    return entry.table == "contacts" and entry.row.get("outcome") == kinds.NOT_REACHED


def _fields(table: str) -> set[str]:
    from kezhi.sources import TABLES as KNOWN

    return {field.name for field in KNOWN[table].fields}


def _written(found: pa.Table, path: Path) -> str:
    """Write the file; the fingerprint by which the intake knows it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(found, path)
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def _note(entries: Iterable[Entry], counting: Iterable[Entry], sha256: str, now: datetime) -> None:
    """Which entries the book holds now, as they were at that moment; when they were changed is not touched."""
    held = {entry.pk for entry in counting}
    left = [entry.pk for entry in entries if entry.pk not in held and entry.imported_in]
    for numbers, values in ((left, ("", None)), (sorted(held), (sha256, now))):
        for start in range(0, len(numbers), 500):  # databases limit how many numbers a question may hold
            some = Entry.objects.filter(pk__in=numbers[start : start + 500])
            some.update(imported_in=values[0], imported_at=values[1])


# --- the rows


def _content(engine: Engine, workspace: Workspace, table: str, entries: list[Entry]) -> pa.Table | None:
    """The file's content, the same for the same entries; None where nothing counts."""
    if table == "customers":
        return _of_customers(engine, workspace, entries)
    words = _Words.of(engine, workspace, table)
    rows = [row for entry in entries for row in _rows(table, entry, words)]
    if not rows:
        return None
    names = list(dict.fromkeys(name for row in rows for name in row))
    return pa.table({name: pa.array([row.get(name) for row in rows], pa.string()) for name in names})


def _rows(table: str, entry: Entry, words: _Words) -> Rows:
    """An entry as rows of the book."""
    row, who = entry.row, {"customer_id": entry.customer_id, "date": entry.row.get("date")}
    if table == "contacts":
        channel = words.said(entry, kinds.CHANNELS, row["channel"], "channel")
        more = {"outcome": words.said(entry, kinds.OUTCOMES, row["outcome"])} if row.get("outcome") else {}
        return [{**who, "channel": channel, "direction": row["direction"], "note": row.get("note"), **more}]
    if table == "suggestions":
        taken_up = "yes" if row.get("taken_up") else "no"
        text = {name: row.get(name) for name in ("grade", "text", "product_id")}
        return [{**who, **text, "taken_up": taken_up}]
    if table == "surveys":
        return [
            {
                **who,
                "dimension": words.said(entry, kinds.DIMENSIONS_IN_BOOK, dimension, "dimension"),
                "score": str(score),
                "comment": row.get("comment") if number == 0 else None,
            }
            for number, (dimension, score) in enumerate(row["scores"].items())
        ]
    chance = {"probability": str(float(row["probability"]) / 100)} if row.get("probability") else {}
    return [
        {
            "opportunity_id": f"KZ-{entry.pk}",
            "customer_id": entry.customer_id,
            "amount": row["amount"],
            "opened_on": row["date"],
            "expected_on": row.get("expected_on"),
            "stage": words.said(entry, kinds.STAGES, row["stage"], "stage"),
            **chance,
        }
    ]


@dataclass(frozen=True)
class _Words:
    """Codes in the words that the book uses: those that are there already, else those of the company's language."""

    there: Mapping[str, set[str]]
    language: str | None

    @classmethod
    def of(cls, engine: Engine, workspace: Workspace, table: str) -> _Words:
        imported = _Imported(workspace.folder)
        there: dict[str, set[str]] = {}
        if imported.book_files(table):
            rows = current_rows(engine, imported, table)
            for name in ("channel", "dimension", "stage"):
                if name in rows.columns:
                    few = rows.select(name).distinct().limit(1000)
                    there[name] = {word for word in engine.fetch(few)[name].to_pylist() if word}
        return cls(there, workspace.settings().language)

    def said(self, entry: Entry, words: kinds.Words, code: str, column: str = "") -> str:
        """The word for a code."""
        text = words.get(code, Text(code, code))
        known = self.there.get(column, set())
        for spelling in (code, text.en, text.en.lower(), text.zh):
            if spelling in known:
                return spelling
        return text.zh if (self.language or entry.language) == "zh" else text.en.lower()


class _Imported(Workspace):
    """The workspace without what came from here."""

    def imports(self, table: str) -> list[dict[str, Any]]:
        """Only what was imported from files."""
        name = file_of(table).name
        return [entry for entry in super().imports(table) if all(one["file"] != name for one in entry["inputs"])]


def _of_customers(engine: Engine, workspace: Workspace, entries: list[Entry]) -> pa.Table | None:
    """The customers of whom something was recorded, as the imported files have them, with that in its place."""
    said: dict[str, dict[str, Any]] = {}
    for entry in entries:
        field = "referrer_id" if entry.table == "referrals" else "note"
        value = entry.row[field]
        # the last one recorded counts; a note in the book may be seen by those who may not see phone numbers
        said.setdefault(entry.customer_id, {})[field] = masked(value) if field == "note" else value
    if not said:
        return None
    base, known = pa.schema([("customer_id", pa.string())]), {}
    imported = _Imported(workspace.folder)
    if imported.book_files("customers"):
        rows = engine.fetch(
            current_rows(engine, imported, "customers", lambda rows: rows.filter(rows.customer_id.isin(list(said))))
        )
        base = rows.schema.remove_metadata()
        known = {row["customer_id"]: row for row in rows.to_pylist()}
    for field in sorted({field for one in said.values() for field in one}):
        if field not in base.names:
            base = base.append(pa.field(field, pa.string()))
    laid = [{**known.get(who, {"customer_id": who}), **said[who]} for who in sorted(said)]
    return pa.Table.from_pylist(laid, schema=base)
