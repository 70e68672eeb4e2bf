"""Tokens by which programs ask. Only a hash is kept, so that a stolen database opens nothing."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from kezhi_web.people.models import Person


class Token(models.Model):
    """One token: it may do what its person may, as far as its scopes go.

    digest: SHA-256 of what the program sends. begins: the first letters, to tell tokens apart. scopes: keys of
    kezhi_web.api.tokens.SCOPES. ends_on: the last day on which it works.
    """

    person = models.ForeignKey(Person, models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=100)
    digest = models.CharField(max_length=64, unique=True)
    begins = models.CharField(max_length=12)
    scopes = models.JSONField(default=list)
    made_at = models.DateTimeField(auto_now_add=True)
    used_on = models.DateField(null=True)
    ends_on = models.DateField(null=True)
    revoked = models.BooleanField(default=False)

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"{self.begins}… {self.name}"
