"""Who is told of what, and every message with how it went."""

from __future__ import annotations

import secrets
import uuid
from typing import ClassVar

from django.db import models

WAITING, SENT, GIVEN_UP = "waiting", "sent", "given up"


def _secret() -> str:
    return "whsec_" + secrets.token_urlsafe(32)


class Hook(models.Model):
    """An address that is told of some events. secret: with which messages are signed."""

    url = models.URLField(max_length=500)
    events = models.JSONField(default=list)
    secret = models.CharField(max_length=80, default=_secret)
    active = models.BooleanField(default=True)
    by = models.CharField(max_length=150)
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"hook {self.pk}"


class Delivery(models.Model):
    """One message to one address. key: by which the receiver knows a message that comes twice."""

    hook = models.ForeignKey(Hook, models.CASCADE, related_name="deliveries")
    key = models.UUIDField(default=uuid.uuid4, unique=True)
    event = models.CharField(max_length=40)
    facts = models.JSONField(default=dict)
    state = models.CharField(max_length=10, default=WAITING, db_index=True)
    tries = models.PositiveSmallIntegerField(default=0)
    made_at = models.DateTimeField(auto_now_add=True)
    next_at = models.DateTimeField(db_index=True)
    status = models.PositiveSmallIntegerField(null=True)
    error = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"{self.event} {self.state}"
