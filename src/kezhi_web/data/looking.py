"""Looking into uploaded files in a process of its own, so that a large workbook never weighs on the pages.

The result lies beside the files under a name that says what it was made of: another mapping or another state of the
book asks for another look, and a killed server begins again.
"""

from __future__ import annotations

import hashlib
import json
from datetime import date
from pathlib import Path
from typing import Any

from django.utils import timezone

from kezhi.language import KezhiError, Text
from kezhi.workspace import write_json
from kezhi_web.data import beside
from kezhi_web.data.keeping import divide, files_of, folder_of
from kezhi_web.data.models import Upload
from kezhi_web.shown.run import workspace

BROKEN = Text(
    "The file could not be read to its end. If it is a large workbook, save it as CSV or divide it; then upload it "
    "again.",
    "文件未能读完。如果是很大的工作簿，请另存为 CSV 或拆分后重新上传。",
)


def today() -> date:
    """The day as the company sees it."""
    return timezone.localdate()


def result_of(upload: Upload) -> Path:
    """Where the result of a look lies, or will."""
    imports = workspace().folder / "book" / upload.table / "imports.json"
    orders = workspace().folder / "book" / "orders" / "imports.json"
    facts = [
        upload.table,
        sorted(upload.mapping.items()),
        [(path.name, path.stat().st_size) for path in files_of(upload)],
        [path.stat().st_mtime_ns if path.exists() else 0 for path in (imports, orders)],
        today().isoformat(),
    ]
    key = hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:12]
    return folder_of(upload) / f"look-{key}.json"


def looked(upload: Upload) -> dict[str, Any] | None:
    """What was found, or None: it is being looked at, for which this sees to it."""
    if upload.table and (found := _read(result_of(upload))) is not None:
        return found
    if not files_of(upload):
        return {"table": upload.table, "columns": [], "files": [], "trouble": {"kind": "other", **BROKEN.as_dict()}}
    ended = begin(upload)
    upload.refresh_from_db()
    if upload.table and (found := _read(result_of(upload))) is not None:
        return found
    if ended:
        return {"table": upload.table, "columns": [], "files": [], "trouble": {"kind": "other", **BROKEN.as_dict()}}
    return None


def _read(path: Path) -> dict[str, Any] | None:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def begin(upload: Upload) -> bool:
    """See that somebody looks; True where a look has ended without a result."""
    return beside.begin(f"look {upload.pk}", result_of(upload).name, "look", str(upload.pk))


def look(upload: Upload) -> None:
    """Find out the table where nobody said it, and write down what an import would do."""
    from kezhi_web.data.dryrun import examined
    from kezhi_web.data.guessing import grouped

    place = workspace()
    if not upload.table:
        divide(upload, grouped(files_of(upload), place))
    try:
        found = examined(place, upload.table, files_of(upload), upload.mapping, today())
    except KezhiError as error:
        found = {
            "table": upload.table,
            "columns": [],
            "files": [],
            "trouble": {"kind": "other", **error.text.as_dict()},
        }
    for old in folder_of(upload).glob("look-*.json"):
        old.unlink(missing_ok=True)
    write_json(result_of(upload), found)
