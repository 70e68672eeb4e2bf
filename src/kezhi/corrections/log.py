"""Where corrections are written down: corrections.csv of the workspace, one line each, nothing ever struck out.

A comma-separated file because a person can read it, every spreadsheet opens it, and an auditor can see at a glance
that lines were only added: taking back is a line of its own. Text that a spreadsheet would take for a formula stands
behind an apostrophe. The file is replaced as a whole, under a lock, so that no reader ever sees half a line and no
writer loses another's.
"""

from __future__ import annotations

import csv
import io
import os
import secrets
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from kezhi.corrections.record import FIGURES, Change, Correction, Entry, Undoing, holding
from kezhi.language import KezhiError, Text
from kezhi.workspace import Workspace, made_folder

COLUMNS = (
    *("number", "at", "who", "action", "figure", "how", "value", "from", "until", "whom", "chosen", "why", "undoes"),
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "'")
_DAMAGED = Text(
    "Line {line} of {path} cannot be read; take the file from a backup, or remove the line.",
    "{path} 的第 {line} 行无法读取；请从备份恢复该文件，或删去这一行。",
)
_LOCKED = Text(
    "Somebody else has been writing to {path} for {seconds} seconds; try again.",
    "其他程序正在写入 {path}（已超过 {seconds} 秒）；请稍后再试。",
)
WAIT = 60.0  # seconds for another writer, who may be drawing a report


@dataclass(frozen=True)
class Log:
    """The corrections of one workspace."""

    workspace: Workspace

    @property
    def path(self) -> Path:
        """The file."""
        return self.workspace.folder / "corrections.csv"

    def entries(self) -> tuple[Entry, ...]:
        """Every line ever written, oldest first."""
        if not self.path.exists():
            return ()
        with self.path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            return tuple(self._entry(row, reader.line_num) for row in reader)

    def holding(self) -> tuple[Correction, ...]:
        """Those that nobody took back."""
        return holding(self.entries())

    def add(self, made: Callable[[int], Sequence[Entry]]) -> tuple[Entry, ...]:
        """Write down what `made` gives for the next free number; all of it or, where that fails, nothing."""
        with self.alone("corrections.lock"):
            known = self.entries()
            new = tuple(made(max((entry.number for entry in known), default=0) + 1))
            if new:
                self._replace([*known, *new])
            return new

    def take_back(self, entries: Sequence[Entry]) -> None:
        """Remove lines that never came into force, for what they were written for failed."""
        with self.alone("corrections.lock"):
            left = [entry for entry in self.entries() if entry not in entries]
            if left:
                self._replace(left)
            else:
                self.path.unlink(missing_ok=True)

    @contextmanager
    def alone(self, name: str) -> Iterator[None]:
        """Keep other writers out while the block lasts; a lock dies with its process."""
        with alone(self.workspace.folder, name, self.path):
            yield

    def _replace(self, entries: Sequence[Entry]) -> None:
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\r\n")
        writer.writeheader()
        writer.writerows(_row(entry) for entry in entries)
        partial = self.path.with_name(f".{self.path.name}.{os.getpid()}-{secrets.token_hex(4)}")
        try:
            partial.write_bytes(text.getvalue().encode("utf-8-sig"))
            partial.replace(self.path)
        finally:
            partial.unlink(missing_ok=True)

    def _entry(self, row: dict[str, Any], line: int) -> Entry:
        try:
            return _read(row)
        except (KeyError, ValueError, TypeError, InvalidOperation):
            raise KezhiError(_DAMAGED.fill(path=self.path, line=line)) from None


@contextmanager
def alone(folder: Path, name: str, written: Path) -> Iterator[None]:
    """Keep those out who would write the same file of a company's folder while the block lasts."""
    with made_folder(folder), (folder / f".{name}").open("a+b") as file:
        _lock(file, written)
        yield


def _row(entry: Entry) -> dict[str, object]:
    common = {"number": entry.number, "at": entry.at, "who": _safe(entry.who), "why": _safe(entry.why)}
    if isinstance(entry, Undoing):
        return common | {"action": "undo", "undoes": entry.undoes}
    return common | {
        "action": "correct",
        "figure": entry.change.figure,
        "how": entry.change.how,
        "value": f"{entry.change.value:f}",
        "from": entry.first,
        "until": entry.last,
        "whom": entry.whom,
        "chosen": _safe(entry.chosen),
    }


def _read(row: dict[str, Any]) -> Entry:
    number, at, who, why = int(row["number"]), row["at"], _plain(row["who"]), _plain(row["why"])
    if row["action"] == "undo":
        return Undoing(number, at, who, int(row["undoes"]), why)
    figure, how, whom = row["figure"], row["how"], row["whom"]
    value = Decimal(row["value"])
    known = figure in FIGURES and how in ("set", "shift", "scale") and whom in ("customer", "where", "all")
    if not known or row["action"] != "correct" or not value.is_finite():
        raise ValueError(row)
    last = date.fromisoformat(row["until"]) if row["until"] else None
    change = Change(figure, how, value)
    return Correction(number, at, who, change, date.fromisoformat(row["from"]), last, whom, _plain(row["chosen"]), why)


def _safe(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _plain(text: str) -> str:
    return text.removeprefix("'")


def _lock(file: Any, path: Path) -> None:
    """Wait until no other process holds the file's lock; closing the file gives it back."""
    end = time.monotonic() + WAIT
    while not _locked(file):
        if time.monotonic() > end:
            raise KezhiError(_LOCKED.fill(path=path, seconds=f"{WAIT:g}"))
        time.sleep(0.05)


def _locked(file: Any) -> bool:
    try:
        if sys.platform == "win32":  # pragma: no cover - another system
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
