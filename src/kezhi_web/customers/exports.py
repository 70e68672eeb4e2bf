"""A list as a file, by kezhi's own export, so that blacklist and consent are kept to in one way only.

CSV and Parquet begin at once (see `streaming`). A workbook is whole before its first byte can go, and so is a list with
ways to reach people: it is made in a process of its own, sent in pieces and then thrown away.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings

from kezhi.language import KezhiError, Language, Text
from kezhi_web.customers import streaming
from kezhi_web.shown import Rows
from kezhi_web.shown.rows import OTHERS

if TYPE_CHECKING:
    import ibis.expr.types as ir

FORMATS = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
}
PIECE = 256 * 1024
NOT_MADE = Text("The file could not be made: {reason}", "无法生成文件：{reason}")


@dataclass(frozen=True)
class Order:
    """What is to be exported: kezhi.export's own arguments, and what only a list has.

    sort: a column; nothing for no order. search: words in id or name. owner: only customers of this one.
    """

    run: str
    rule: str
    columns: tuple[str, ...]
    sort: str
    descending: bool
    search: str
    owner: str | None
    personal: bool
    contact: bool
    only_consenting: bool
    language: Language


@dataclass(frozen=True)
class Made:
    """A finished file with its counts."""

    file: Path
    customers: int
    excluded: int
    refused: int
    unknown: int


def sent(rows: Rows, order: Order, form: str) -> tuple[Iterator[bytes], streaming.Counts]:
    """The file in pieces, and who is in it; raises KezhiError where it cannot be meant."""
    if form in streaming.FORMS and not order.contact:
        found = streaming.stream(rows, streaming.Wanted(
            order.rule, order.columns, order.sort, order.descending, order.search, order.only_consenting
        ), form, order.language)  # fmt: skip
        return found, found.counts
    file = made(order, form)
    return pieces(file.file), streaming.Counts(file.customers, file.excluded, file.refused, file.unknown)


def made(order: Order, form: str) -> Made:
    """Have the file written; raises KezhiError with kezhi's own sentence where that cannot be done."""
    folder = settings.OWN / "exports"
    folder.mkdir(parents=True, exist_ok=True)
    file = Path(tempfile.mkdtemp(dir=folder)) / f"customers.{form}"
    try:
        return Made(file, **elsewhere(order, file))
    except BaseException:
        _remove(file)
        raise


def elsewhere(order: Order, file: Path) -> dict[str, Any]:
    """As `write`, in a process of its own."""
    known = {"KEZHI_WORKSPACE": str(settings.WORKSPACE), "DJANGO_SETTINGS_MODULE": "kezhi_web.settings"}
    ended = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "kezhi_web", "export_list", str(file)],
        env=os.environ | known,
        input=json.dumps(asdict(order), ensure_ascii=False),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    told: dict[str, Any] = json.loads((ended.stdout.strip().splitlines() or ["{}"])[-1])
    if "error" in told:
        raise KezhiError(Text(**told["error"]))
    if ended.returncode or not file.exists():
        reason = (ended.stderr.strip().splitlines() or [""])[-1]
        raise KezhiError(NOT_MADE.fill(reason=reason))
    return told


def pieces(file: Path) -> Iterator[bytes]:
    """The file from beginning to end; it is gone afterwards, however far the reader came."""
    try:
        with file.open("rb") as opened:
            while piece := opened.read(PIECE):
                yield piece
    finally:
        _remove(file)


def _remove(file: Path) -> None:
    file.unlink(missing_ok=True)
    file.parent.rmdir()


def write(order: Order, file: Path) -> dict[str, Any]:
    """Write the file, in the process that was started for it; the counts of who is in it and who is not."""
    from kezhi.exporting import export

    def narrowed(rows: ir.Table) -> ir.Table:
        return _narrowed(rows, order)

    found = export(
        settings.WORKSPACE,
        order.rule,
        file,
        run=order.run,
        columns=list(order.columns),
        contact=order.contact and order.personal,
        only_consenting=order.only_consenting,
        language=order.language,
        narrowed=narrowed,
        by=order.sort or "forecast_value",
        descending=order.descending,
    )
    return {name: getattr(found, name) for name in ("customers", "excluded", "refused", "unknown")}


def _narrowed(rows: ir.Table, order: Order) -> ir.Table:
    """Only the customers whom the person may see, and whom the search finds."""
    import ibis

    if order.owner is not None:
        rows = rows.filter(rows.owner == order.owner if "owner" in rows.columns else ibis.literal(False))
        # who sent them may be a customer of somebody else; it is not known here whose
        rows = rows.mutate(**{one: ibis.null("string") for one in OTHERS if one in rows.columns})
    if order.search:
        text = rows.customer_id + "\n" + rows.name.fill_null("") if order.personal else rows.customer_id
        for word in order.search.lower().split():
            rows = rows.filter(text.lower().contains(word))
    return rows
