"""python -m kezhi_web prepare_list RUN: lay out a run's customers for the list, where there are many."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from kezhi_web.shown.run import named


class Command(BaseCommand):
    """Lay out a run's customers for the list."""

    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        """The run's name; the newest without one."""
        parser.add_argument("run", nargs="?")

    def handle(self, *args: Any, **given: Any) -> None:  # noqa: ARG002
        """Make the table."""
        from kezhi_web.customers.store import make

        make(named(given["run"]))
