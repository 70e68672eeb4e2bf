"""Jobs: what somebody asked for and a worker does, beside the pages."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

WAITING, WORKING, DONE, FAILED, CANCELLED = "waiting", "working", "done", "failed", "cancelled"
ENDED = (DONE, FAILED, CANCELLED)
STATES = (WAITING, WORKING, *ENDED)


class Job(models.Model):
    """One piece of long work.

    kind: which handler does it (see kezhi_web.runs.jobs). asked: what it was asked, plain values. share: 0 to 1, told:
    {"en", "zh"} what it is doing or why it failed, and "left", the seconds still to come where they are known.
    result: plain values. cancel: somebody wants it to stop. tries: how often a worker has begun it.
    """

    kind = models.CharField(max_length=30, db_index=True)
    asked = models.JSONField(default=dict)
    by = models.CharField(max_length=150, blank=True)
    state = models.CharField(max_length=10, default=WAITING, choices=[(one, one) for one in STATES], db_index=True)
    share = models.FloatField(default=0.0)
    told = models.JSONField(default=dict)
    result = models.JSONField(default=dict)
    cancel = models.BooleanField(default=False)
    tries = models.PositiveSmallIntegerField(default=0)
    asked_at = models.DateTimeField(auto_now_add=True)
    began_at = models.DateTimeField(null=True)
    heard_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk} {self.state}"

    @property
    def ended(self) -> bool:
        """Is it over, one way or another?"""
        return self.state in ENDED

    @property
    def minutes_left(self) -> int:
        """Minutes still to come, as far as they are known."""
        return round(self.told.get("left", 0.0) / 60)


class Schedule(models.Model):
    """When a run begins by itself every night; there is one row at most.

    at: time of day in the time zone of the server. kept_until: the last moment for which the schedule was kept, so that
    what was missed while the server was off is made up, once. model, horizon: as for a run, empty for the settings'.
    """

    on = models.BooleanField(default=False)
    at = models.TimeField()
    model = models.CharField(max_length=20, blank=True)
    horizon = models.PositiveSmallIntegerField(null=True)
    kept_until = models.DateTimeField()
    by = models.CharField(max_length=150, blank=True)

    def __str__(self) -> str:
        return f"{'on' if self.on else 'off'} {self.at:%H:%M}"
