"""Listens to what happens."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig


class Hooks(AppConfig):
    """Connects the happenings to the messages."""

    name = "kezhi_web.hooks"

    def ready(self) -> None:
        """Every event becomes messages."""
        from kezhi_web import happenings

        happenings.run_finished.connect(_run_finished)
        happenings.tier_changed.connect(_tier_changed)
        happenings.alert_opened.connect(_alert_opened)


def _run_finished(facts: dict[str, Any], **_: Any) -> None:
    _note("run_finished", facts)


def _tier_changed(facts: dict[str, Any], **_: Any) -> None:
    _note("tier_changed", facts)


def _alert_opened(facts: dict[str, Any], **_: Any) -> None:
    _note("alert_opened", facts)


def _note(event: str, facts: dict[str, Any]) -> None:
    from kezhi_web.hooks.sending import note

    note(event, facts)
