"""Making the sections of a run's report, as `parts` keeps them. Heavy: only for a process of its own."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow.parquet as pq

from kezhi import reports
from kezhi.engine import Engine, open_engine
from kezhi.language import Language
from kezhi.reports import analyst, sections, worth
from kezhi.reports.markup import Html, tag
from kezhi_web.shown.parts import kept_in
from kezhi_web.shown.rows import PERSONAL, literal, quoted
from kezhi_web.shown.run import Shown

LANGUAGES: tuple[Language, ...] = ("en", "zh")
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


def make(run: Shown) -> None:
    """Write every section of the run in both languages, with names and without."""
    named, nameless = kept_in(run, personal=True), kept_in(run, personal=False)
    with open_engine() as engine:
        if not (named / "done").exists():
            _write(engine, run.folder, named)
        if not (nameless / "done").exists():
            with without_names(run.folder) as folder:
                _write(engine, folder, nameless)
    _tidy(run, {named, nameless})


def _write(engine: Engine, folder: Path, target: Path) -> None:
    report = reports.build(engine, folder)
    for language in LANGUAGES:
        place = target / language
        place.mkdir(parents=True, exist_ok=True)
        for name, draw in (*FIXED.items(), *_analyst(), *_topics(report)):
            canvas = sections.Canvas(language)
            html = draw(report, canvas)
            if not html:
                continue
            told = json.dumps({"html": html, "figures": canvas.figures}, ensure_ascii=False, separators=(",", ":"))
            (place / f"{name}.json").write_text(told, encoding="utf-8")
    (target / "done").touch()


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


@contextmanager
def without_names(folder: Path) -> Iterator[Path]:
    """A copy of a run in which no table holds a name: the others are hard links, so nothing large is copied."""
    import duckdb

    with TemporaryDirectory(dir=folder.parent, prefix=".nameless-") as made:
        copy = Path(made)
        for path in folder.iterdir():
            if path.is_dir() or path.name.startswith("report."):
                continue
            columns = pq.read_schema(path).names if path.suffix == ".parquet" else []
            hidden = [one for one in PERSONAL if one in columns and "customer_id" in columns]
            if not hidden:
                _share(path, copy / path.name)
                continue
            nothing = ", ".join(f"null::varchar as {quoted(one)}" for one in hidden)
            source, target = literal(str(path)), literal(str(copy / path.name))
            duckdb.sql(f"copy (select * replace ({nothing}) from read_parquet({source})) to {target} (format parquet)")
        yield copy


def _share(path: Path, target: Path) -> None:
    try:
        os.link(path, target)
    except OSError:  # a file system without hard links
        shutil.copyfile(path, target)


def _tidy(run: Shown, current: set[Path]) -> None:
    """Sections of an earlier state of the same run go."""
    for old in next(iter(current)).parent.glob(f"{run.name}-*"):
        if old not in current:
            shutil.rmtree(old, ignore_errors=True)
