"""python -m kezhi_web work: do the jobs that people ask for, until stopped."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand


class Command(BaseCommand):
    """Do jobs until stopped."""

    help = __doc__ or ""
    requires_system_checks: list[str] = []  # noqa: RUF012  Django's own form

    def handle(self, *args: Any, **given: Any) -> None:  # noqa: ARG002
        """Work."""
        from kezhi_web.runs.working import main

        main()
