"""Saved views of the list."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q, QuerySet


class View(models.Model):
    """A list that somebody wants to find again: its filter, order and columns, as the query of its address.

    for_everybody: all see it in their list; else only who saved it.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="customer_views")
    name = models.CharField(max_length=60)
    query = models.TextField(blank=True)
    for_everybody = models.BooleanField(default=False)
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["name", "id"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["user", "name"], name="one_view_of_a_name")]

    def __str__(self) -> str:
        return self.name


def views_for(user: object) -> QuerySet[View]:
    """The views that a person sees: their own, and those for everybody."""
    return View.objects.filter(Q(user=user) | Q(for_everybody=True)).select_related("user")
