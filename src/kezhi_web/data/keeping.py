"""Where uploaded files lie until it is decided what becomes of them."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path, PurePath

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from kezhi_web.capture.surveys import RECORDED
from kezhi_web.data.models import ASKED, COMING, DONE, OPEN, Upload
from kezhi_web.uploads import check, keep

log = logging.getLogger(__name__)

MOST_FILES = 60
UNDECIDED_DAYS = 30  # an upload that nobody has decided on goes after so many
BROKEN_OFF = timedelta(days=1)  # no upload takes longer to arrive


def folder_of(upload: Upload) -> Path:
    """The upload's own folder."""
    return Path(settings.OWN) / "uploads" / str(upload.pk)


def files_of(upload: Upload) -> list[Path]:
    """Its files, in the order in which they came."""
    inner = [path for path in folder_of(upload).glob("[0-9]*/*") if path.is_file()]
    return sorted(inner, key=lambda path: int(path.parent.name))


def take_in(files: Sequence[UploadedFile], table: str, by: str) -> Upload:
    """Check all files, then keep them on disk. Raises KezhiError for the first that is no table; then none is kept."""
    for file in files:
        check(file)
    upload = Upload.objects.create(table=table, by=by, state=COMING)  # of a killed server nothing half is shown
    try:
        for number, file in enumerate(files):
            if PurePath(file.name or "").name.startswith(RECORDED):  # such names are those of what people record
                file.name = f"file-{file.name}"
            keep(file, folder_of(upload) / str(number))
    except BaseException:
        remove(upload)
        raise
    upload.state = OPEN
    upload.save(update_fields=["state"])
    return upload


def divide(upload: Upload, groups: Sequence[tuple[str, Sequence[Path]]]) -> None:
    """The first group of files stays; each other becomes an upload of its own."""
    [(table, _), *others] = groups
    for other, paths in others:
        beside = Upload.objects.create(table=other, by=upload.by, state=OPEN)
        for number, path in enumerate(paths):
            place = folder_of(beside) / str(number)
            place.mkdir(parents=True)
            path.rename(place / path.name)
    upload.table = table
    upload.save(update_fields=["table"])


def clear(upload: Upload) -> None:
    """Its files go."""
    shutil.rmtree(folder_of(upload), ignore_errors=True)


def remove(upload: Upload) -> None:
    """The upload goes with its files."""
    clear(upload)
    upload.delete()


def busy(upload: Upload) -> bool:
    """Is its import asked for and not over? Nobody changes it then."""
    return upload.state == ASKED and upload.job is not None and not upload.job.ended


def tidy(now: datetime) -> int:
    """Throw away what nobody has decided on for long, and what never arrived whole; how many uploads went."""
    undecided = Upload.objects.filter(state__in=(OPEN, ASKED), at__lt=now - timedelta(days=UNDECIDED_DAYS))
    idle = [one for one in undecided.select_related("job") if not busy(one)]
    gone = [*idle, *Upload.objects.filter(state=COMING, at__lt=now - BROKEN_OFF)]
    for one in gone:
        remove(one)
    if gone:
        log.info(f"{len(gone)} uploads were thrown away: undecided for {UNDECIDED_DAYS} days, or broken off")
    _tidy_folders()
    return len(gone)


def _tidy_folders() -> None:
    """Folders that no upload needs any more: a server was killed before they went."""
    needed = {str(number) for number in Upload.objects.exclude(state=DONE).values_list("pk", flat=True)}
    before = time.time() - BROKEN_OFF.total_seconds()
    for folder in (Path(settings.OWN) / "uploads").glob("[0-9]*"):
        if folder.name not in needed and folder.stat().st_mtime < before:
            shutil.rmtree(folder, ignore_errors=True)
