"""What commands print: tables and sentences for people, one JSON object for programs.

rich is loaded when something is printed with it: `kezhi --help` and `kezhi models` do without.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

import typer

from kezhi.language import Text

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

LOG_WIDTH = 150


@dataclass
class Audience:
    """Who reads what this process prints."""

    programs: bool = False  # --json: the error stream, too, holds one object per line
    told_the_end: bool = False  # programs were told how it ended

    def changes(self, *, programs: bool) -> None:
        """Another command begins."""
        self.programs, self.told_the_end = programs, False


audience = Audience()


def screen() -> Console:
    """Where results go. Not highlighted, so that logs stay plain; a log has room for whole tables."""
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    return console if console.is_terminal else Console(highlight=False, soft_wrap=True, width=LOG_WIDTH)


def say(console: Console, text: object) -> None:
    """One sentence, as it is: brackets in it are no markup."""
    console.print(str(text), markup=False)


def tick(text: object) -> None:
    """The sentence that says it is done."""
    typer.echo(f"{typer.style('✓', fg='green', bold=True)} {text}")


def complain(text: Text) -> None:
    """One sentence on the error stream."""
    typer.echo(f"{typer.style('✗', fg='red', bold=True)} {text}", err=True)


def print_json(content: Any) -> None:
    """One machine-readable object."""
    sys.stdout.write(json.dumps(content, ensure_ascii=False, default=str, indent=1) + "\n")


Heads = list[tuple[Text, Literal["left", "right"]]]


def table(title: Text, columns: Heads, rows: Sequence[Sequence[str]]) -> Table:
    """A table with a title; each column is a heading and "left" or "right"."""
    from rich.markup import escape
    from rich.table import Table

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
