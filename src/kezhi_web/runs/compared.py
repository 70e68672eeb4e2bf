"""Two runs beside each other, kept: comparing takes seconds with a million customers, so a child does it once."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from django.conf import settings

from kezhi.workspace import write_json
from kezhi_web.shown import Shown

TOP = 25


def _file(before: Shown, after: Shown) -> Path:
    """Another one whenever one of the runs, or kezhi itself, has changed."""
    from kezhi import __version__

    told = f"{before.folder}|{before.stamp}|{after.folder}|{after.stamp}|{__version__}"
    key = hashlib.sha256(told.encode()).hexdigest()[:12]
    return Path(settings.OWN) / "compared" / f"{before.name}.{after.name}.{key}.json"


def keep(before: Shown, after: Shown, printed: str) -> None:
    """Keep what `kezhi compare --json` printed; that of an earlier state of the same runs goes."""
    path = _file(before, after)
    for old in path.parent.glob(f"{before.name}.{after.name}.*.json"):
        old.unlink(missing_ok=True)
    write_json(path, json.loads(printed))


def kept(before: Shown, after: Shown) -> dict[str, Any] | None:
    """What differs, as kezhi.comparing.Compared.as_dict; None where nobody has asked."""
    path = _file(before, after)
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None


def forget(name: str) -> None:
    """A run is deleted."""
    for path in (Path(settings.OWN) / "compared").glob("*.json"):
        if name in path.name.split(".")[:2]:
            path.unlink(missing_ok=True)
