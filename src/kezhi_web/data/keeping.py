"""Where uploaded files lie until it is decided what becomes of them."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from kezhi_web.data.models import OPEN, Upload
from kezhi_web.uploads import check, keep

MOST_FILES = 60


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
    upload = Upload.objects.create(table=table, by=by)
    try:
        for number, file in enumerate(files):
            keep(file, folder_of(upload) / str(number))
    except BaseException:
        remove(upload)
        raise
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
