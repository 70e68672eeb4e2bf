"""Accounts of the demo company, one per role; their passwords stand on the login page, so they exist nowhere else."""

from __future__ import annotations

from django.contrib.auth import get_user_model

from kezhi_web.people.models import Person

PASSWORD = "kezhi-demo"  # noqa: S105  shown to everybody who opens the demo
CAST = ("administrator", "analyst", "marketer", "sales", "viewer")


def make_cast(owner: str = "") -> None:
    """One account per role, called as the role; the salesperson looks after the customers of `owner`."""
    for role in CAST:
        user, made = get_user_model().objects.get_or_create(username=role)
        if made:
            user.set_password(PASSWORD)
            user.save()
        Person.objects.filter(user=user).update(role=role, owner=owner if role == "sales" else "")
