"""Making the sections of a run's report, as `parts` keeps them. Heavy: only for a process of its own."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

from kezhi import reports
from kezhi.engine import Engine
from kezhi.engine.duckdb import DuckEngine
from kezhi.language import Language
from kezhi.reports import analyst, sections, worth
from kezhi.reports.markup import Html, tag
from kezhi_web.shown.parts import kept_in
from kezhi_web.shown.rows import PERSONAL
from kezhi_web.shown.run import Shown

if TYPE_CHECKING:
    import ibis.expr.types as ir

LANGUAGES: tuple[Language, ...] = ("en", "zh")
MEMORY = "384MB"  # the rest goes to disk: the pages are served beside this
FIXED: dict[str, Any] = {
    "leads": sections.leads,
    "mind": sections.mind,
    "history_and_forecast": sections.history_and_forecast,
    "periods": sections.periods,
    "top_customers": sections.top_customers,
    "concentration": sections.concentration,
    "rows": sections.rows,
    "glossary": lambda _, canvas: sections.glossary(canvas),
}


class WithoutNames(DuckEngine):
    """An engine that reads no names: whatever tells who a customer is, is empty in every table of customers."""

    def read_parquet(self, paths: str | Path | Sequence[str | Path]) -> ir.Table:
        """As the engine reads it, without names and ways to reach anybody."""
        return _nameless(super().read_parquet(paths))

    def scan_parquet(self, paths: Sequence[str]) -> ir.Table:
        """The same of this."""
        return _nameless(super().scan_parquet(paths))


def _nameless(table: ir.Table) -> ir.Table:
    import ibis

    if "customer_id" not in table.columns:  # other tables may call something else a name
        return table
    hidden = {one: ibis.null(table[one].type()) for one in PERSONAL if one in table.columns}
    return table.mutate(**hidden) if hidden else table


def make(run: Shown) -> None:
    """Write every section of the run in both languages, with names and without."""
    named, nameless = kept_in(run, personal=True), kept_in(run, personal=False)
    for target, kind in ((named, DuckEngine), (nameless, WithoutNames)):
        if not (target / "done").exists():
            with kind(memory_limit=MEMORY) as engine:
                _write(engine, run.folder, target)
    _tidy(run, {named, nameless})


def _write(engine: Engine, folder: Path, target: Path) -> None:
    """Write all sections beside the target, then move them there: nobody ever reads half of them."""
    report = reports.build(engine, folder)
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(mkdtemp(dir=target.parent, prefix=f".{target.name}-"))
    try:
        for language in LANGUAGES:
            _write_sections(report, language, beside / language)
        (beside / "done").touch()
        beside.rename(target)
    except OSError:
        if not (target / "done").exists():  # another process was faster, or the disk is full
            raise
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _write_sections(report: Any, language: Language, place: Path) -> None:
    place.mkdir()
    for name, draw in (*FIXED.items(), *_analyst(), *_topics(report)):
        canvas = sections.Canvas(language)
        html = draw(report, canvas)
        if not html:
            continue
        told = json.dumps({"html": html, "figures": canvas.figures}, ensure_ascii=False, separators=(",", ":"))
        (place / f"{name}.json").write_text(told, encoding="utf-8")


def _topics(report: Any) -> Iterator[tuple[str, Any]]:
    for name, found in report.worth.items():
        yield name, lambda whole, canvas, name=name, found=found: worth.section(name, found, whole, canvas)


def _analyst() -> Iterator[tuple[str, Any]]:
    for name, draw in analyst.PARTS.items():
        yield f"analyst.{name}", partial(_apart, draw)


def _apart(draw: Any, report: Any, canvas: sections.Canvas) -> str:
    """A part of the analyst's section as a section of its own, with the headings of one."""
    html = draw(report, canvas)
    return str(tag("section", Html(html.replace("h3>", "h2>")))) if html else ""


def _tidy(run: Shown, current: set[Path]) -> None:
    """Sections of an earlier state of the same run go."""
    for old in next(iter(current)).parent.glob(f"{run.name}-*"):
        if old not in current:
            shutil.rmtree(old, ignore_errors=True)
