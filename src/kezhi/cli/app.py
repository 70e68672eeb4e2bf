"""The `kezhi` command and what all its subcommands share."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from kezhi.cli import check, demo, importing, models, report, run
from kezhi.cli.screen import complain
from kezhi.language import KezhiError

app = typer.Typer(
    name="kezhi",
    help="客值 customer value: what every customer was worth, will be worth, and how sure that is.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.command("run", help=run.HELP)(run.command)
app.command("check", help=check.HELP)(check.command)
app.command("import", help=importing.HELP)(importing.command)
app.command("models", help=models.HELP)(models.command)
app.command("report", help=report.HELP)(report.command)
app.command("demo", help=demo.HELP)(demo.command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; what a user can mend is one sentence and exit code 2."""
    try:
        app(args=list(arguments) if arguments is not None else None)
    except KezhiError as error:
        complain(error)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
