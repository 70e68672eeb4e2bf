"""A run up to an earlier day that is shown because it was made last: which one knows newer days."""

from __future__ import annotations

import json
from datetime import date
from functools import lru_cache
from pathlib import Path

from kezhi.workspace import MANIFEST
from kezhi_web.shown.run import Shown, named, workspace


def up_to_a_later_day(run: Shown) -> Shown | None:
    """The run that reaches the latest day, the newest of several; None where no run goes further than this one."""
    known = [
        (_day(folder, (folder / MANIFEST).stat().st_mtime_ns), folder.name) for folder in workspace().complete_runs()
    ]
    day, name = max(known, default=(run.as_of, run.name))
    return named(name) if day > run.as_of else None


@lru_cache(maxsize=4096)
def _day(run: Path, stamp: int) -> date:  # noqa: ARG001  the stamp says when to look again
    return date.fromisoformat(json.loads((run / MANIFEST).read_text(encoding="utf-8"))["as_of"])
