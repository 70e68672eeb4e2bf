"""python -m kezhi_web quality: measure how good the data of the book is, for its page."""

from __future__ import annotations

from typing import Any, ClassVar

from django.core.management.base import BaseCommand

from kezhi_web.data.quality import write
from kezhi_web.shown.run import workspace


class Command(BaseCommand):
    """Measure the book."""

    help = __doc__ or ""
    requires_system_checks: ClassVar = []  # the pages are not asked for

    def handle(self, *args: Any, **given: Any) -> None:  # noqa: ARG002
        """Measure."""
        write(workspace())
