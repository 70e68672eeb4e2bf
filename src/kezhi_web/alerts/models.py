"""What people did about alerts. The alerts themselves are found anew by every run."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Handling(models.Model):
    """What was done about one alert.

    An alert is known by customer, cause and the day it opened on, which every later run keeps as long as it lasts; the
    same cause at a later time is another alert. assigned: whose task it is, a user name. until: out of sight up to that
    day. outcome: how somebody closed it, one of OUTCOMES; nothing while it is open.
    """

    customer_id = models.CharField(max_length=200)
    cause = models.CharField(max_length=30)
    since = models.DateField()
    assigned = models.CharField(max_length=150, blank=True, db_index=True)
    until = models.DateField(null=True)
    outcome = models.CharField(max_length=20, blank=True, db_index=True)
    note = models.TextField(blank=True)
    closed_on = models.DateField(null=True)
    closed_by = models.CharField(max_length=150, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["customer_id", "cause", "since"], name="one_handling_per_alert")
        ]
        indexes: ClassVar = [models.Index(fields=["since"])]

    def __str__(self) -> str:
        return f"{self.cause} {self.since}"

    @property
    def key(self) -> str:
        """How forms and addresses name the alert."""
        return f"{self.since}:{self.cause}:{self.customer_id}"


class Step(models.Model):
    """One thing that somebody did about an alert: assign, snooze, wake, close, reopen.

    told: to whom, until when, with which outcome; note: in their own words.
    """

    handling = models.ForeignKey(Handling, models.CASCADE, related_name="steps")
    at = models.DateTimeField(auto_now_add=True)
    who = models.CharField(max_length=150)
    what = models.CharField(max_length=10)
    told = models.CharField(max_length=200, blank=True)
    note = models.TextField(blank=True)

    class Meta:
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.what}"
