"""The `kezhi` command and what all its subcommands share."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import wraps
from typing import Any

import typer

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: its products are small here, see decisions

from kezhi.cli import (
    alerts,
    backtest,
    check,
    compare,
    correct,
    customer,
    demo,
    export,
    importing,
    lifetime,
    models,
    needs,
    report,
    run,
    segments,
    serve,
    what_if,
)
from kezhi.cli.screen import audience, complain
from kezhi.language import KezhiError, Text
from kezhi.progress import CANCELLED, ended
from kezhi.stopping import received, stop, stops

app = typer.Typer(
    name="kezhi",
    help="客值 customer value: what every customer was worth, will be worth, and how sure that is.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: rich would take longer to load than everything else together
)

_REFUSED = Text(
    "The file system refused {path} ({reason}); check the place, the rights and the free space.",
    "文件系统拒绝访问 {path}（{reason}）；请检查位置、权限和剩余空间。",
)


class _Stopped(Exception):  # noqa: N818 - no error, and typer has its own answer to KeyboardInterrupt
    """A signal stopped the command."""


def _stoppable(command: Callable[..., None]) -> Callable[..., None]:
    @wraps(command)
    def called(*args: Any, **options: Any) -> None:
        try:
            command(*args, **options)
        except KeyboardInterrupt:
            raise _Stopped from None

    return called


for _name, _module in {
    "run": run,
    "check": check,
    "import": importing,
    "backtest": backtest,
    "models": models,
    "report": report,
    "compare": compare,
    "customer": customer,
    "alerts": alerts,
    "correct": correct,
    "needs": needs,
    "lifetime": lifetime,
    "what-if": what_if,
    "segments": segments,
    "export": export,
    "demo": demo,
    "serve": serve,
}.items():
    _context = getattr(_module, "CONTEXT", None)
    app.command(_name, help=_module.HELP, short_help=_module.HELP, context_settings=_context)(
        _stoppable(_module.command)
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; what a user can mend is one sentence and exit code 2, a signal 128 and its number."""
    audience.changes(programs=False)
    before = stops()
    with _signals():
        try:
            app(args=list(arguments) if arguments is not None else None)
        except KezhiError as error:
            _end(error, error.text, 2)
        except OSError as error:
            text = _REFUSED.fill(path=error.filename or "", reason=error.strerror or error)
            _end(KezhiError(text), text, 2)
        except (_Stopped, KeyboardInterrupt):
            _leave(128 + received(), at_once=arguments is None)
        except Exception:
            if stops() == before:
                raise
            # a library that is stopped while it is loaded makes an error of its own of it
            _leave(128 + received(), at_once=arguments is None)


def _end(error: BaseException, text: Text, code: int) -> None:
    """Say once how it ended, to people or to programs."""
    if not audience.programs:
        complain(text)
    elif not audience.told_the_end:
        from kezhi.cli.news import tell_programs

        tell_programs(ended(error))
    sys.exit(code)


def _leave(code: int, *, at_once: bool) -> None:
    """End a command that was stopped: all is in order by now, and unloading the libraries would take a second more."""
    try:
        _end(KeyboardInterrupt(), CANCELLED, code)
    except SystemExit:
        if not at_once:  # called by a program that goes on
            raise
    with suppress(OSError):  # nobody may be reading any more
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


@contextmanager
def _signals() -> Iterator[None]:
    """Ctrl-C and SIGTERM stop a command in good order; a process that was told to ignore them does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    earlier = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number, handler in earlier.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
