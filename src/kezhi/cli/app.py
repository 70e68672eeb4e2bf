"""The `kezhi` command and what all its subcommands share."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import typer

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: its products are small here, see decisions

from kezhi.cli import backtest, check, demo, importing, models, report, run
from kezhi.cli.screen import complain
from kezhi.language import KezhiError, Text

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
app.command("backtest", help=backtest.HELP)(backtest.command)
app.command("models", help=models.HELP)(models.command)
app.command("report", help=report.HELP)(report.command)
app.command("demo", help=demo.HELP)(demo.command)


_REFUSED = Text(
    "The file system refused {path} ({reason}); check the place, the rights and the free space.",
    "文件系统拒绝访问 {path}（{reason}）；请检查位置、权限和剩余空间。",
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; what a user can mend is one sentence and exit code 2."""
    try:
        app(args=list(arguments) if arguments is not None else None)
    except KezhiError as error:
        complain(error)
        sys.exit(2)
    except OSError as error:
        complain(KezhiError(_REFUSED.fill(path=error.filename or "", reason=error.strerror or error)))
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
