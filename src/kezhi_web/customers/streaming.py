"""A list as CSV or Parquet that begins at once: the statements of kezhi's own export, asked by a process of its own.

Who may be in a list, and how a cell is written, is decided by `kezhi.exporting` and `kezhi.reports.lists`; here their
expressions become SQL over the rows that a person may see.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings

from kezhi.language import KezhiError, Language
from kezhi_web.customers.book import book_now
from kezhi_web.customers.piping import Task
from kezhi_web.shown import Rows
from kezhi_web.shown.asking import filtered, schema_of, writing

if TYPE_CHECKING:
    import ibis.expr.types as ir

FORMS = ("csv", "parquet")
PIECE = 64 * 1024


@dataclass(frozen=True)
class Wanted:
    """A list to write. sort: a column, or nothing for the order in which the run holds them. search: words."""

    rule: str
    columns: tuple[str, ...]
    sort: str = ""
    descending: bool = True
    search: str = ""
    only_consenting: bool = False


@dataclass(frozen=True)
class Counts:
    """Who is in the file, and who is not and why."""

    customers: int
    excluded: int
    refused: int
    unknown: int


class Stream:
    """The file in pieces. Its process ends with it, however far the reader came; raises where that failed half way."""

    def __init__(self, task: Task, *, only_consenting: bool) -> None:
        self._scratch = Path(task.scratch)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "kezhi_web.customers.piping"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._out = self._process.stdout
        try:
            self._process.stdin.write(json.dumps(asdict(task)).encode())
            self._process.stdin.close()
            self.counts = _counts(self._out.readline(), only_consenting=only_consenting)
        except BaseException:
            self.close()
            raise

    def __iter__(self) -> Stream:
        return self

    def __next__(self) -> bytes:
        piece = self._out.read1(PIECE)  # type: ignore[attr-defined]
        if piece:
            return bytes(piece)
        failed = self._process.wait()
        self.close()
        if failed:
            raise OSError("the list ended before its end")  # the reader must not take it for the whole
        raise StopIteration

    def close(self) -> None:
        """End the process, and take away what it kept on disk."""
        self._process.kill()
        self._process.wait()
        self._out.close()
        shutil.rmtree(self._scratch, ignore_errors=True)


def _counts(line: bytes, *, only_consenting: bool) -> Counts:
    from kezhi.exporting import left_out

    if not line:
        raise OSError("the list could not be begun")
    told: dict[str, int] = json.loads(line)
    written = sum(number for may, number in told.items() if may not in left_out(only_consenting))
    return Counts(written, *(told.get(one, 0) for one in ("excluded", "refused", "unknown")))


def stream(rows: Rows, wanted: Wanted, form: str, language: Language) -> Stream:
    """The list as a file of this form; raises KezhiError where it cannot be meant."""
    statements = _statements(rows, wanted, form, language)
    folder = settings.OWN / "exports"
    folder.mkdir(parents=True, exist_ok=True)
    return Stream(Task(form, *statements, tempfile.mkdtemp(dir=folder)), only_consenting=wanted.only_consenting)


def _statements(rows: Rows, wanted: Wanted, form: str, language: Language) -> tuple[str, str, str, tuple[str, ...]]:
    from kezhi.exporting import NO_CONSENT, allowed, book_says, left_out
    from kezhi.reports.lists import csv_cells, csv_heads

    chosen = filtered(rows.run, wanted.rule)
    said = book_now(rows)
    with writing:
        import ibis

        picked = _searched(ibis.table(schema_of(rows.run.folder), name="picked"), wanted.search, personal=rows.personal)
        book = None if said is None else book_says(ibis.table(said.schema(), name="book"))
        judged, known = allowed(picked, book)
        if wanted.only_consenting and "consent" not in known:
            raise KezhiError(NO_CONSENT)
        verdicts = judged.select("customer_id", "may")
        verdict = ibis.table(verdicts.schema(), name="verdict")
        kept = picked.inner_join(verdict, "customer_id")
        kept = kept.filter(~kept.may.isin(left_out(wanted.only_consenting)))
        listed = _listed(rows, wanted.columns)
        plain = {f"c{i}": kept[one.column] for i, one in enumerate(listed)}
        cells = plain if form == "parquet" else csv_cells(kept, listed, language)
        order = {"kezhi_sort": kept[wanted.sort], "kezhi_id": kept.customer_id} if wanted.sort else {}
        cells_sql, verdicts_sql = (_sql(one) for one in (kept.select(**cells, **order), verdicts))
    sources = f"with people as {rows.people}, picked as ({chosen})"
    with_book = sources if said is None else f"{sources}, book as {said.relation}"
    names = ", ".join(cells)
    ordered = f" order by kezhi_sort {'desc' if wanted.descending else 'asc'} nulls last, kezhi_id" if order else ""
    return (
        f"create temp table verdict as {with_book} select * from ({verdicts_sql})",
        "select may, count(*) from verdict group by may",
        f"{sources} select {names} from ({cells_sql}){ordered}",
        tuple(one.field for one in listed) if form == "parquet" else tuple(csv_heads(listed, language)),
    )


def _sql(expression: ir.Table) -> str:
    import ibis

    return str(ibis.to_sql(expression, dialect="duckdb"))


def _searched(rows: ir.Table, search: str, *, personal: bool) -> ir.Table:
    text: Any = rows.customer_id + "\n" + rows.name.fill_null("") if personal else rows.customer_id
    for word in search.lower().split():
        rows = rows.filter(text.lower().contains(word))
    return rows


def _listed(rows: Rows, columns: Sequence[str]) -> list[Any]:
    from kezhi.reports.lists import Listed
    from kezhi.segments.vocabulary import names_of, settings_of, title

    made_with = settings_of(rows.run.folder)
    return [Listed(name, name, title(name), names_of(name, made_with)) for name in columns]
