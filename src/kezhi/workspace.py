"""The folder that holds a company's settings, book and runs; and how a run is written so that a killed one shows."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import re
import secrets
import shutil
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kezhi.language import KezhiError, Text
from kezhi.settings import Settings, read_settings, understood

MANIFEST = "manifest.json"
PARTIAL = ".partial-"


@dataclass(frozen=True)
class Workspace:
    """A company's folder: kezhi.toml, book/, quarantine/, runs/, and corrections with the run that shows them."""

    folder: Path

    def settings(self) -> Settings:
        """What kezhi.toml says, or the defaults."""
        path = self.folder / "kezhi.toml"
        if not path.exists():
            return Settings()
        try:
            return read_settings(tomllib.loads(path.read_text(encoding="utf-8")))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise KezhiError(Text(f"kezhi.toml cannot be read: {error}.", f"kezhi.toml 无法读取：{error}。")) from None

    def usable_settings(self) -> Settings:
        """What kezhi.toml says as far as kezhi understands it, for what need not stop where a run would refuse."""
        try:
            return self.settings()
        except KezhiError:
            try:
                text = (self.folder / "kezhi.toml").read_text(encoding="utf-8")
                return understood(tomllib.loads(text))[0]
            except (tomllib.TOMLDecodeError, UnicodeDecodeError):
                return Settings()

    @property
    def runs(self) -> Path:
        """The folder of the runs."""
        return self.folder / "runs"

    @property
    def days(self) -> Path:
        """Where what follows from the book is kept: customer-days by month, and what past forecasts taught."""
        return self.folder / "book" / "days"

    def book_files(self, table: str) -> list[Path]:
        """The imported files of one table, oldest import first."""
        known = {entry["sha256"]: number for number, entry in enumerate(self.imports(table))}
        files = (self.folder / "book" / table).glob("*.parquet")
        return sorted((path for path in files if path.stem in known), key=lambda path: known[path.stem])

    def imports(self, table: str) -> list[dict[str, Any]]:
        """What was imported into a table, oldest first."""
        path = self.folder / "book" / table / "imports.json"
        entries: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
        return entries

    def note_import(self, table: str, entry: dict[str, Any]) -> None:
        """Make an imported file count; until this is written it does not."""
        path = self.folder / "book" / table / "imports.json"
        write_json(path, [*self.imports(table), entry])

    def take_back_import(self, table: str, sha256: str) -> None:
        """Undo an import: what it brought no longer counts, and its files are gone, with the days added up from it."""
        notes = self.folder / "book" / table / "imports.json"
        known = self.imports(table)
        left = [entry for entry in known if entry["sha256"] != sha256]
        if left and left != known:
            write_json(notes, left)
        for file in (
            notes.with_name(f"{sha256}.parquet"),
            self.rejected_file(table, sha256),
            *([] if left else [notes]),
        ):
            remove(file)
        if table == "orders" and (
            not left or any(sha256 in path.read_text("utf-8") for path in self.days.glob("*.json"))
        ):
            remove(self.days)
        for folder in (notes.parent, self.folder / "quarantine", notes.parent.parent):
            with contextlib.suppress(OSError):  # not there, or not empty
                folder.rmdir()

    def rejected_file(self, table: str, sha256: str) -> Path:
        """Where the rejected rows of one import lie."""
        return self.folder / "quarantine" / f"{table}-{sha256}.parquet"

    def latest_run(self) -> Path | None:
        """The newest complete run."""
        pointer = self.runs / "latest"
        if pointer.exists():
            run = self.runs / pointer.read_text(encoding="utf-8").strip()
            if (run / MANIFEST).exists():
                return run
        complete = self.complete_runs()
        return complete[-1] if complete else None

    def complete_runs(self) -> tuple[Path, ...]:
        """All complete runs, oldest first."""
        return tuple(sorted(path.parent for path in self.runs.glob(f"[!.]*/{MANIFEST}")))

    def run(self, name: str | None) -> Path:
        """A run by its name, or the newest; as corrected since it was made."""
        return self.shown(self.run_as_made(name))

    @property
    def corrected(self) -> Path:
        """Where the newest run lies once more, with the corrections that were made after it."""
        return self.folder / "corrected"

    def shown(self, run: Path) -> Path:
        """What readers of a run are to see: the run, or the same with later corrections in it."""
        corrected = self.corrected / run.name
        return corrected if (corrected / MANIFEST).exists() else run

    def run_as_made(self, name: str | None) -> Path:
        """A run by its name, or the newest, without what was corrected afterwards."""
        run = self.runs / name if name else self.latest_run()
        if run is None or not (run / MANIFEST).exists():
            named = f" {name}" if name else ""
            raise KezhiError(
                Text(
                    f"There is no run{named} in {self.folder}. Make one with: kezhi run --workspace {self.folder}",
                    f"{self.folder} 中没有运行结果{named}。请先执行：kezhi run --workspace {self.folder}",
                )
            )
        return run

    @contextmanager
    def new_run(self, created: datetime) -> Iterator[tuple[Path, Path]]:
        """A folder to write a run into, and the name it gets, as the latest run, once all is written."""
        for stale in self.runs.glob(f"{PARTIAL}*"):
            remove_if_abandoned(stale)
        name = _free_name(self.runs, run_name(created))
        with finished_folder(self.runs / name) as folder:
            yield folder, self.runs / name
        _replace_text(self.runs / "latest", name + "\n")


def run_name(created: datetime) -> str:
    """A run's identifier: its start in UTC, without characters that file systems refuse."""
    return created.astimezone(UTC).strftime("%Y-%m-%dT%H%M%SZ")


def _free_name(runs: Path, name: str) -> str:
    number, free = 1, name
    while (runs / free).exists():
        number += 1
        free = f"{name}-{number}"
    return free


@contextmanager
def finished_folder(target: Path, mark: str = MANIFEST) -> Iterator[Path]:
    """Write under a hidden name beside `target`, then rename: a killed process leaves nothing that looks complete.

    An earlier result of ours at `target`, known by a file named `mark`, is replaced; anything else there is refused.
    """
    refuse_foreign(target, mark)
    for stale in target.parent.glob(f"{PARTIAL}{target.name}-*"):
        remove_if_abandoned(stale)
    partial = partial_of(target)
    with made_folder(target.parent):
        try:
            partial.mkdir()
            yield partial
            _swap(partial, target)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise


@contextmanager
def made_folder(folder: Path) -> Iterator[None]:
    """Make a folder where there is none; if the block fails, what is still empty of it goes again."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for path in missing:
            with contextlib.suppress(OSError):  # not empty, or not there
                path.rmdir()
        raise


def refuse_foreign(target: Path, mark: str = MANIFEST) -> None:
    """Raise unless `target` is free, empty, or an earlier result of ours; an address of other storage is no folder."""
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", str(target)):
        raise KezhiError(
            Text(
                f"{target} is an address. Choose an --out folder on a file system; it can be copied afterwards.",
                f"{target} 是一个地址。请用 --out 指定文件系统中的文件夹，之后可以复制。",
            )
        )
    if target.is_file() or (target.is_dir() and any(target.iterdir()) and not (target / mark).exists()):
        raise KezhiError(
            Text(
                f"{target} exists and is not an earlier result of kezhi. Choose another --out folder.",
                f"{target} 已存在，且不是 kezhi 的结果。请用 --out 指定另一个文件夹。",
            )
        )


DEMO_MARK = "kezhi-demo.json"


def make_demo_folder(target: Path) -> None:
    """Empty an earlier demo company at `target`; raise when anything else is there."""
    if target.exists():
        if target.is_file() or (any(target.iterdir()) and not (target / DEMO_MARK).exists()):
            raise KezhiError(
                Text(
                    f"{target} exists and is not an earlier demo company. Choose another --out folder.",
                    f"{target} 已存在，且不是之前的示例公司。请用 --out 指定另一个文件夹。",
                )
            )
        shutil.rmtree(target)
    target.mkdir(parents=True)
    write_json(target / DEMO_MARK, {"made_by": "kezhi demo"})


def partial_of(target: Path) -> Path:
    """A hidden name beside `target` that tells whose it is: the machine, the process, and a number of its own."""
    return target.parent / f"{PARTIAL}{target.name}-{_machine()}-{os.getpid()}-{secrets.token_hex(4)}"


def _machine() -> str:
    return hashlib.sha256(platform.node().encode()).hexdigest()[:8]


_OWNER = re.compile(r"-([0-9a-f]{8})-(\d+)-[0-9a-f]{8}$")
FORGOTTEN = 24 * 3600.0  # seconds without a change


def remove_if_abandoned(partial: Path) -> None:
    """Remove what a killed process left: its process is gone, or nobody has written to it for a day."""
    owner = _OWNER.search(partial.name)
    with contextlib.suppress(OSError):  # someone else may be removing it as well
        ended = owner is not None and owner[1] == _machine() and not _runs(int(owner[2]))
        if ended or time.time() - partial.stat().st_mtime > FORGOTTEN:
            remove(partial)


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _runs(process: int) -> bool:
    """Is there such a process on this machine? Where that cannot be asked without harm: yes."""
    if os.name != "posix":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _swap(partial: Path, target: Path) -> None:
    """Put a finished folder in the place of an earlier one, which comes back if this is interrupted."""
    if not target.exists():
        partial.replace(target)
        return
    old = partial_of(target)
    try:
        target.replace(old)
        partial.replace(target)
    except BaseException:
        if not target.exists():
            old.replace(target)
        raise
    finally:
        if target.exists():
            shutil.rmtree(old, ignore_errors=True)


def write_json(path: Path, content: Any) -> None:
    """JSON for people and programs: sorted as given, UTF-8, money as text, dates as ISO; replaced in one step."""
    _replace_text(path, json.dumps(content, ensure_ascii=False, indent=1, default=str, allow_nan=False) + "\n")


def _replace_text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}{PARTIAL}{os.getpid()}")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
