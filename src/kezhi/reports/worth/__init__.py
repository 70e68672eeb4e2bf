"""The senses of worth in the report: each topic reads its part of a run, and shows it as a section and a sheet.

A topic is a module here with three functions: `build(engine, run, facts)` gives frozen data (or None where there is
nothing to show), `section(found, report, canvas)` a part of the page, `sheets(found, book, engine, run, report)` its
sheets of the workbook.
"""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

from kezhi.engine import Engine

# modules of this room, in the order of the report; the name is the topic's in worth.json
TOPICS: tuple[str, ...] = (
    "alerts",  # what to do today comes first, then who stands where
    "tiers",
    "movement",
    "rfm",
    "segments",
    "scorecard",
    "corrections",
    "lifetime",
    "needs",
    "points",
    "referrals",
    "line_kinds",
    "curve",
    "standing",
    "channels",
    "realised",
    "risk",
    "for_customers",
    "need_types",
    "profiles",
    "criteria",
    "clusters",
    "weekly",
    "uplift",
)


def build(engine: Engine, run: Path) -> dict[str, Any]:
    """The data of every topic that the run holds something of."""
    path = run / "worth.json"
    facts = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    found = {name: _module(name).build(engine, run, facts[name]) for name in TOPICS if name in facts}
    return {name: one for name, one in found.items() if one is not None}


def sections(report: Any, canvas: Any) -> list[Any]:
    """The topics' sections of the page."""
    return [section(name, found, report, canvas) for name, found in report.worth.items()]


def section(name: str, found: Any, report: Any, canvas: Any) -> Any:
    """One topic's section."""
    return _module(name).section(found, report, canvas)


def sheets(report: Any, book: Any, engine: Engine, run: Path) -> None:
    """The topics' sheets of the workbook."""
    for name, found in report.worth.items():
        _module(name).sheets(found, book, engine, run, report)


def _module(name: str) -> Any:
    return import_module(f"kezhi.reports.worth.{name}")
