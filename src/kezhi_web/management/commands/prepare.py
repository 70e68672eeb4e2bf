"""python -m kezhi_web prepare RUN: make the sections of a run's report, which the pages show."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from kezhi_web.shown.run import named


class Command(BaseCommand):
    """Make the sections of a run's report."""

    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        """The run's name; the newest without one."""
        parser.add_argument("run", nargs="?")

    def handle(self, *args: Any, **given: Any) -> None:  # noqa: ARG002
        """Make them."""
        from kezhi_web.shown.making import make

        make(named(given["run"]))
