"""Inputs that the engine opens itself: Parquet on a cluster's storage, and frames that live in the engine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from kezhi.engine import Engine
from kezhi.language import KezhiError
from kezhi.sources.files import NO_TABLE, is_parquet
from kezhi.sources.pieces import FILE, ROW, Piece, refuse_no_rows, refuse_too_wide
from kezhi.sources.report import InputFile

if TYPE_CHECKING:
    import ibis.expr.types as ir


def can_read(engine: Engine, given: object) -> bool:
    """Does the engine of the tables read this input where it lies? Else this machine does, and hands it over."""
    return engine.reads(given) or (isinstance(given, str | Path) and is_parquet(given))


def open_distant(engine: Engine, given: object, number: int) -> Piece:
    """An input without a fingerprint: this machine sees no bytes of it."""
    import ibis

    try:
        opened = engine.open(given)
    except FileNotFoundError:
        raise KezhiError(NO_TABLE.fill(path=given)) from None
    is_path = isinstance(given, str | Path)
    name = str(given).rstrip("/").rpartition("/")[2] if is_path else f"frame {number}"
    refuse_too_wide(name, len(opened.columns))
    numbered = located(opened) if is_path else opened.mutate(**{FILE: ibis.literal(name), ROW: ibis.null("int64")})
    rows = engine.row(opened.aggregate(rows=opened.count()))["rows"]
    if not rows:
        raise refuse_no_rows(name)
    kind = "parquet" if is_path else type(given).__module__.split(".")[0]
    return Piece(numbered, (InputFile(name=name, sha256=None, bytes=None, rows=rows, format=kind),), lazy=True)


def located(scan: ir.Table) -> ir.Table:
    """A scan's file and row of every line, under our names."""
    return scan.mutate(**{FILE: scan.filename.re_extract(r"[^/\\]+$", 0), ROW: scan.file_row_number + 1}).drop(
        "filename", "file_row_number"
    )
