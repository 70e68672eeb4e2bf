"""What commands print: tables and sentences for people, one JSON object for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Literal

from rich.console import Console
from rich.markup import escape
from rich.status import Status
from rich.table import Table

from kezhi.language import KezhiError, Text

LOG_WIDTH = 150


def screen() -> Console:
    """Where results go. Not highlighted, so that logs stay plain; a log has room for whole tables."""
    console = Console(highlight=False, soft_wrap=True)
    return console if console.is_terminal else Console(highlight=False, soft_wrap=True, width=LOG_WIDTH)


def complain(error: KezhiError) -> None:
    """One sentence on the error stream."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"[bold red]✗[/] {escape(str(error))}")


def print_json(content: Any) -> None:
    """One machine-readable object."""
    sys.stdout.write(json.dumps(content, ensure_ascii=False, default=str, indent=1) + "\n")


class Stages:
    """Shows the stage at work: a spinner on a terminal, plain lines in a log, nothing for programs."""

    def __init__(self, *, quiet: bool) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._quiet = quiet
        self._status: Status | None = None

    def __enter__(self) -> Stages:
        if not self._quiet and self._console.is_terminal:
            self._status = self._console.status("kezhi")
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._status:
            self._status.stop()

    def __call__(self, stage: Text) -> None:
        if self._status:
            self._status.update(escape(str(stage)))
        elif not self._quiet:
            self._console.print(escape(f"{stage} …"))


Heads = list[tuple[Text, Literal["left", "right"]]]


def table(title: Text, columns: Heads, rows: Sequence[Sequence[str]]) -> Table:
    """A table with a title; each column is a heading and "left" or "right"."""
    made = Table(title=escape(str(title)), title_justify="left", title_style="bold", header_style="bold")
    for heading, side in columns:
        right = side == "right"
        made.add_column(escape(str(heading)), justify=side, overflow="fold", min_width=None if right else 10)
    for row in rows:
        made.add_row(*(escape(cell) for cell in row))
    return made


def money(value: Any) -> str:
    """Money with thousands separators and two decimals."""
    return "–" if value is None else f"{Decimal(str(value)):,.2f}"


def whole(value: Any) -> str:
    """Money in whole units with thousands separators, for tables that must fit a screen; small money in full."""
    if value is None:
        return "–"
    amount = Decimal(str(value))
    return f"{amount:,.0f}" if not amount or abs(amount) >= 10 else f"{float(amount):.3g}"


def count(value: Any) -> str:
    """A whole number with thousands separators."""
    return "–" if value is None else f"{int(value):,}"


def share(value: float | None, *, sign: bool = False) -> str:
    """A share in per cent with one decimal."""
    return "–" if value is None else f"{value:+.1%}" if sign else f"{value:.1%}"
