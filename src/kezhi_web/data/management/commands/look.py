"""python -m kezhi_web look UPLOAD: look into uploaded files, for their page."""

from __future__ import annotations

from typing import Any, ClassVar

from django.core.management.base import BaseCommand, CommandParser

from kezhi_web.data.looking import look
from kezhi_web.data.models import Upload


class Command(BaseCommand):
    """Look into uploaded files."""

    help = __doc__ or ""
    requires_system_checks: ClassVar = []  # the pages are not asked for

    def add_arguments(self, parser: CommandParser) -> None:
        """The upload's number."""
        parser.add_argument("upload", type=int)

    def handle(self, *args: Any, **given: Any) -> None:  # noqa: ARG002
        """Look."""
        look(Upload.objects.get(pk=given["upload"]))
