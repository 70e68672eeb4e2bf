"""Files that somebody uploaded, from the upload to the import."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from kezhi_web.runs.models import Job

COMING, OPEN, ASKED, DONE = "coming", "open", "asked", "done"


class Upload(models.Model):
    """Files of one table that came in together and lie in the application's own folder until it is decided.

    state: coming while its files are being written, shown to nobody; open until somebody decides; asked for; done.
    table: of the book; empty until it was found out. mapping: field -> column, or "=text" for the same text in every
    row. replaces: imports of the same table (their sha256) that are taken back when this one is in. job: the import.
    entries: what kezhi.intake said of each file.
    """

    table = models.CharField(max_length=30, blank=True)
    state = models.CharField(max_length=10, default=OPEN, db_index=True)
    mapping = models.JSONField(default=dict)
    replaces = models.JSONField(default=list)
    by = models.CharField(max_length=150)
    at = models.DateTimeField(auto_now_add=True)
    job = models.ForeignKey(Job, models.SET_NULL, null=True)
    entries = models.JSONField(default=list)

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"upload {self.pk} {self.table}"
