"""One table per run for the list of customers: what the run and the book say of each, ready to be searched and sorted.

The run's files are made for whole columns. A list of a million customers also wants the fifty rows of a page, and texts
to be searched; so a large run's customers are laid out once more as a table of the engine, in a process of its own
(`python -m kezhi_web prepare_list RUN`). Until it is there, and for small runs, the files themselves are asked.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
from django.conf import settings

from kezhi_web.shown import Rows, Shown
from kezhi_web.shown.rows import literal, quoted

LARGE = 50_000  # customers; fewer are found quickly in the files
MEMORY = "384MB"
KEPT = 4  # tables; older ones go
SOUGHT = "kezhi_sought"
BREAK = "chr(10)"  # between id and name, so that nothing is found across the two
_asked_for: set[Path] = set()
_attached: set[Path] = set()
_lock = threading.Lock()


def path_of(run: Shown) -> Path:
    """Where the table of a run's content lies."""
    from kezhi import __version__

    key = hashlib.sha256(f"{run.folder}|{run.stamp}|{__version__}".encode()).hexdigest()[:16]
    return settings.OWN / "lists" / f"{key}.duckdb"


@lru_cache(maxsize=16)
def size(folder: Path, stamp: int) -> int:  # noqa: ARG001  the stamp says when to look again
    """How many customers a run has."""
    return int(pq.read_metadata(folder / "customers.parquet").num_rows)


def relation(rows: Rows) -> tuple[str, str]:
    """All customers whom a person may see, with every field and SOUGHT, as SQL; and the column that finds rows fastest.

    The table where it is ready, else the files; a large run's table is made meanwhile.
    """
    path = path_of(rows.run)
    if path.exists():
        return _of_table(rows, path), "rowid"
    if is_large(rows.run):
        _make_beside(rows.run, path)
    return searchable(rows, rows.people), "customer_id"


def searchable(rows: Rows, people: str) -> str:
    """Customers with the column that is searched beside the others."""
    return f"(select *, {_sought(rows)} as {SOUGHT} from {people})"


def row_of(rows: Rows, customer_id: str) -> dict[str, Any]:
    """A customer's row with every field; empty where there is none whom the person may see."""
    path = path_of(rows.run)
    people = _of_table(rows, path) if path.exists() else rows.table("customers")
    found = rows.ask(f"select * from {people} where customer_id = ?", [customer_id])
    known = set(rows.columns("customers"))
    return {name: value for name, value in found[0].items() if name in known} if found else {}


def is_large(run: Shown) -> bool:
    """Are there so many customers that a page asks for its slower parts by themselves?"""
    return size(run.folder, run.stamp) >= LARGE


def _sought(rows: Rows) -> str:
    return f"lower(customer_id || {BREAK} || coalesce(name, ''))" if rows.personal else "lower(customer_id)"


def _of_table(rows: Rows, path: Path) -> str:
    name = f"list_{path.stem}"
    rows.ask(f"attach if not exists {literal(str(path))} as {name} (read_only)")
    if path not in _attached:
        _attached.add(path)
        _let_go(rows)
    fields = set(rows.columns("customers")) | set(rows.columns("attributes"))
    replaced = rows.replacing(fields, *(() if rows.personal else (f"lower(customer_id) as {SOUGHT}",)))
    if rows.owner is None:
        seen = ""
    elif "owner" in fields:
        seen = f" where owner = {literal(rows.owner)}"
    else:
        seen = " where false"
    return f"(select rowid, *{replaced} from {name}.people{seen})"


def _let_go(rows: Rows) -> None:
    """Tables that were tidied away need not be held open any longer."""
    for old in [one for one in _attached if not one.exists()]:
        with suppress(duckdb.Error):  # somebody reads it still: the next time
            rows.ask(f"detach database if exists list_{old.stem}")
            _attached.discard(old)


# --- making it --------------------------------------------------------------------------------------------


def _make_beside(run: Shown, path: Path) -> None:
    """Have the table made by another process, once; nobody waits for it."""
    with _lock:
        if path in _asked_for:
            return
        _asked_for.add(path)
    threading.Thread(target=_run, args=(run.name, settings.WORKSPACE), daemon=True).start()


def _run(run: str, workspace: Path) -> None:
    subprocess.run(  # noqa: S603
        [sys.executable, "-m", "kezhi_web", "prepare_list", run],
        env=os.environ | {"KEZHI_WORKSPACE": str(workspace), "DJANGO_SETTINGS_MODULE": "kezhi_web.settings"},
        capture_output=True,
        check=False,
    )


def make(run: Shown) -> Path:
    """Lay out a run's customers as a table; there already where its content was laid out before."""
    path = path_of(run)
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(f".{os.getpid()}.part")
    everything = Rows(run, None, personal=True)
    try:
        with duckdb.connect(str(beside), config={"memory_limit": MEMORY, "threads": 2}) as made:
            made.execute(
                f"create table people as select *, {_sought(everything)} as {quoted(SOUGHT)} from {everything.people}"
            )
            made.execute("create index one_customer on people (customer_id)")
        beside.replace(path)
    finally:
        for left in path.parent.glob(f"{beside.name}*"):
            left.unlink(missing_ok=True)
    _tidy(path.parent)
    return path


def _tidy(folder: Path) -> None:
    """Only the newest tables stay; one that is being read stays too where the system wants it so."""
    known = sorted(folder.glob("*.duckdb"), key=lambda one: one.stat().st_mtime_ns, reverse=True)
    for old in known[KEPT:]:
        with suppress(OSError):
            old.unlink()
