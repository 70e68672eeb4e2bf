"""The room as Django knows it."""

from __future__ import annotations

from django.apps import AppConfig


class People(AppConfig):
    """Signing in and out is written down from the start."""

    name = "kezhi_web.people"

    def ready(self) -> None:
        """Listen to who signs in."""
        from kezhi_web.people import signing  # noqa: F401
