"""What people recorded of customers."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

WAITING, CHANGED, COUNTED, LEAVING, GONE = "waiting", "changed", "counted", "leaving", "gone"


class Entry(models.Model):
    """One thing that somebody recorded of a customer.

    table: a key of kinds.KINDS. row: its fields as plain values. language: the one in which it was recorded. updated:
    when it was last changed. sent_as: the fingerprint of the form that brought it, by which the same form sent again
    is known. taken_back: when it was withdrawn. imported_in: the import of the book (its sha256) that
    holds it, with `imported_at`, the moment of which it holds the state.
    """

    table = models.CharField(max_length=20, db_index=True)
    customer_id = models.CharField(max_length=300, db_index=True)
    row = models.JSONField(default=dict)
    by = models.CharField(max_length=150, db_index=True)
    language = models.CharField(max_length=2, default="en")
    at = models.DateTimeField(auto_now_add=True)
    updated = models.DateTimeField(auto_now=True)
    sent_as = models.CharField(max_length=64, null=True, unique=True)
    taken_back = models.DateTimeField(null=True)
    imported_in = models.CharField(max_length=64, blank=True)
    imported_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"{self.table} {self.pk}"

    @property
    def state(self) -> str:
        """waiting: for the next run. changed: the book holds an earlier state. counted. leaving: withdrawn, and still
        in the book until the next run. gone."""
        if self.taken_back:
            return LEAVING if self.imported_in else GONE
        if not self.imported_in or self.imported_at is None:
            return WAITING
        return CHANGED if self.updated > self.imported_at else COUNTED
