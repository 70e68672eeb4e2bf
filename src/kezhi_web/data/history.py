"""What was imported into the book, when, and by whom."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kezhi.intake import BOOK_TABLES
from kezhi.language import Text
from kezhi.sources import TABLES
from kezhi_web.capture.surveys import RECORDED
from kezhi_web.data.models import DONE, Upload
from kezhi_web.shown.run import workspace


@dataclass(frozen=True)
class Import:
    """One import of the book, as kezhi.intake keeps it, with who asked for it here (empty: by the command)."""

    table: str
    number: int
    entry: dict[str, Any]
    at: datetime | None
    by: str
    rejected: Path

    @property
    def sha256(self) -> str:
        """The fingerprint by which it is known."""
        return str(self.entry["sha256"])

    @property
    def title(self) -> Text:
        """What the table is called."""
        return TABLES[self.table].title

    @property
    def files(self) -> list[str]:
        """The names of its files."""
        return [str(one["file"]) for one in self.entry["inputs"]]

    @property
    def rows(self) -> dict[str, Any]:
        """read, accepted, quarantined, kinds, rules."""
        found: dict[str, Any] = self.entry["rows"]
        return found

    @property
    def recorded(self) -> bool:
        """Was it written by people on the pages, rather than in a file?"""
        return self.files == [f"{RECORDED}{self.table}.parquet"]


def imports(table: str | None = None) -> list[Import]:
    """All imports of the book or of one table, the newest first."""
    who = _who()
    found = [one for name in ([table] if table else BOOK_TABLES) for one in _of(name, who)]
    old = datetime.min.replace(tzinfo=UTC)
    return sorted(found, key=lambda one: (one.at or old, one.number), reverse=True)


def _who() -> dict[str, str]:
    """Who brought an import in, by its fingerprint; the last one where it was taken back and came again."""
    done = Upload.objects.filter(state=DONE).order_by("pk").values_list("by", "entries")
    return {entry["sha256"]: by for by, entries in done for entry in entries if entry["added"]}


def _of(table: str, who: dict[str, str]) -> Iterator[Import]:
    place = workspace()
    for number, entry in enumerate(place.imports(table), 1):
        kept = place.folder / "book" / table / f"{entry['sha256']}.parquet"
        at = datetime.fromtimestamp(kept.stat().st_mtime, UTC) if kept.exists() else None
        sha256 = entry["sha256"]
        yield Import(table, number, entry, at, who.get(sha256, ""), place.rejected_file(table, sha256))


def one(table: str, sha256: str) -> Import | None:
    """An import by its fingerprint."""
    return next((found for found in imports(table) if found.sha256 == sha256), None) if table in BOOK_TABLES else None


def held() -> list[dict[str, Any]]:
    """Every table of the book: how many imports and rows, and when the last came."""
    by_table: dict[str, list[Import]] = {name: [] for name in BOOK_TABLES}
    for found in imports():
        by_table[found.table].append(found)
    return [
        {
            "table": name,
            "title": TABLES[name].title,
            "imports": len(several),
            "rows": sum(one.rows["accepted"] for one in several),
            "quarantined": sum(one.rows["quarantined"] for one in several),
            "at": several[0].at if several else None,
        }
        for name, several in by_table.items()
    ]
