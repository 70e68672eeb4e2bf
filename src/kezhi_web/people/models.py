"""Accounts beside Django's own users, and the audit log."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import models
from django.db.models.signals import post_save
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from kezhi_web.people.rights import ROLES, Viewer, viewer_of
from kezhi_web.shown.rows import PERSONAL

_QUOTED = r"""(?:'[^']*'|"[^"]*")"""
ASKED_BY_NAME = re.compile(rf"(?i)(\b(?:{'|'.join(PERSONAL)})\b[^'\"]{{0,20}}?){_QUOTED}(?:\s*,\s*{_QUOTED})*")


class Person(models.Model):
    """What a user may do, and how they like the pages.

    owner: their name in the column `owner` of the customers table; whose role is sales sees these customers only.
    sees_personal, may_export: where set, they count instead of what the role says.
    """

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="person")
    role = models.CharField(
        max_length=20, default="viewer", choices=[(code, title.en) for code, (title, _) in ROLES.items()]
    )
    owner = models.CharField(max_length=200, blank=True)
    sees_personal = models.BooleanField(null=True)
    may_export = models.BooleanField(null=True)
    language = models.CharField(max_length=10, blank=True)
    theme = models.CharField(max_length=10, blank=True)

    def __str__(self) -> str:
        return self.user.get_username()

    @property
    def viewer(self) -> Viewer:
        """The person as the pages ask."""
        rights = set(ROLES[self.role][1])
        for right, said in (("personal", self.sees_personal), ("export", self.may_export)):
            if said is not None:
                (rights.add if said else rights.discard)(right)
        return Viewer(self.user.get_username(), self.role, frozenset(rights), self.owner)


@receiver(post_save, sender=get_user_model())
def _person_of(sender: type, instance: Any, created: bool, **_: Any) -> None:  # noqa: ARG001
    """Every user is a person; whoever is made by `createsuperuser` an administrator."""
    if created:
        Person.objects.create(user=instance, role="administrator" if instance.is_superuser else "viewer")


class Event(models.Model):
    """One thing that somebody did: every change, every export, every view of a person's ways to be reached."""

    at = models.DateTimeField(auto_now_add=True, db_index=True)
    who = models.CharField(max_length=150, db_index=True)
    action = models.CharField(max_length=50, db_index=True)
    told = models.JSONField(default=dict)

    class Meta:
        ordering: ClassVar = ["-at", "-id"]
        indexes: ClassVar = [models.Index(fields=["who", "action", "at"], name="event_who_action_at")]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.who} {self.action}"


def audit(request: HttpRequest, action: str, /, **told: Any) -> None:
    """Note what somebody did; `told` holds plain values and no names or ways to reach a customer (ids are enough).

    In a filter that asks for a customer by name or number, the name or number is left out.
    """
    viewer = viewer_of(request)
    Event.objects.create(who=viewer.name if viewer else "", action=action, told=_nameless(told))


def _nameless(value: Any) -> Any:
    if isinstance(value, str):
        return ASKED_BY_NAME.sub(r"\1'…'", value)
    if isinstance(value, dict):
        return {name: _nameless(one) for name, one in value.items()}
    return [_nameless(one) for one in value] if isinstance(value, list | tuple) else value


def seen(request: HttpRequest, customer_id: str) -> None:
    """Note that somebody saw a customer's name and ways to be reached: once per person, customer and day.

    Nothing where the person sees no names. Cheap enough for every view of a customer's page.
    """
    viewer = viewer_of(request)
    if viewer is None or not viewer.may("personal"):
        return
    start = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    today = Event.objects.filter(who=viewer.name, action="personal_seen", at__gte=start)
    if not today.filter(told__customer_id=customer_id).exists():
        audit(request, "personal_seen", customer_id=customer_id)
