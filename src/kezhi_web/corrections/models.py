"""Corrections that are tried before they are made. What was made stands in the workspace, see kezhi.corrections.log."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

WAITING, TRIED, REFUSED, CONFIRMED, DONE = "waiting", "tried", "refused", "confirmed", "done"


class Trial(models.Model):
    """A correction on its way: what is asked, what would come of it, and then whether it was made.

    kind: change (one figure, for one, many or all), sheet (an edited workbook) or undo. asked: plain values, see
    `trying`. state: waiting (for the worker), tried, refused (told says why), confirmed (being written down), done.
    result: what would come of it, or came. why, confirmed_at: as the log of corrections has them, by which a
    correction that was interrupted is known again.
    """

    kind = models.CharField(max_length=10)
    asked = models.JSONField(default=dict)
    by = models.CharField(max_length=150, db_index=True)
    made_at = models.DateTimeField(auto_now_add=True)
    state = models.CharField(max_length=10, default=WAITING)
    told = models.JSONField(default=dict)
    result = models.JSONField(default=dict)
    why = models.CharField(max_length=500, blank=True)
    confirmed_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk} {self.state}"

    @property
    def at_work(self) -> bool:
        """Is the worker to do something about it?"""
        return self.state in (WAITING, CONFIRMED)
