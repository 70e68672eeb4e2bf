"""python -m kezhi_web export_list FILE: write the list that is described on standard input (see customers.exports)."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from kezhi.language import KezhiError


class Command(BaseCommand):
    """Write a list of customers to a file."""

    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        """The file."""
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **given: Any) -> None:  # noqa: ARG002
        """Write it, and say who is in it."""
        from kezhi_web.customers.exports import Order, write

        sys.stdin.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
        asked = json.load(sys.stdin)
        order = Order(**{**asked, "columns": tuple(asked["columns"])})
        try:
            told = write(order, given["file"])
        except KezhiError as error:
            told = {"error": error.text.as_dict()}
        self.stdout.write(json.dumps(told))
