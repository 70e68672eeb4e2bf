"""News of long work while it lasts: a bar on a terminal, lines in a log, one JSON object per line for programs."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from kezhi.cli.screen import audience
from kezhi.language import Text
from kezhi.progress import Event

if TYPE_CHECKING:
    from rich.console import Console

WIDE, NARROW = 100, 60  # columns of the terminal
LOG_EVERY = 30.0  # seconds between two lines on the same stage
PROGRAM_EVERY = 1.0

ROWS = Text("{n} rows", "{n} 行")
RATE = Text("{n} rows/s", "{n} 行/秒")
SECONDS_LEFT = Text("about {n} s left", "约剩 {n} 秒")
MINUTES_LEFT = Text("about {n} min left", "约剩 {n} 分钟")
HOURS_LEFT = Text("about {n} h left", "约剩 {n} 小时")


class News:
    """A listener that is open while the work lasts."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to close, mostly."""

    def __call__(self, event: Event) -> None:
        """Tell it, or not."""
        raise NotImplementedError


def news(*, programs: bool) -> News:
    """What suits those who read the error stream; standard output is for the result."""
    if programs:
        return JsonNews()
    from rich.console import Console

    console = Console(stderr=True, highlight=False)
    return BarNews(console) if console.is_terminal and not console.is_dumb_terminal else LogNews(console)


class _Seldom:
    """Lets the first event of a stage through, and others only every so many seconds."""

    def __init__(self, every: float) -> None:
        self._every = every
        self._stage: str | None = None
        self._at = 0.0

    def first(self, event: Event) -> bool:
        """Has this stage just begun?"""
        return event.stage != self._stage

    def lets(self, event: Event) -> bool:
        """May this event be told?"""
        now = time.monotonic()
        if not self.first(event) and event.event == "stage" and now - self._at < self._every:
            return False
        self._stage, self._at = event.stage, now
        return True


class JsonNews(News):
    """Every event an object on a line of its own."""

    def __init__(self) -> None:
        self._seldom = _Seldom(PROGRAM_EVERY)

    def __call__(self, event: Event) -> None:
        if self._seldom.lets(event):
            tell_programs(event)


def tell_programs(event: Event) -> None:
    """One line on the error stream; that nobody reads it is no reason to stop."""
    if event.event != "stage":
        audience.told_the_end = True
    with contextlib.suppress(OSError):
        sys.stderr.write(json.dumps(event.as_dict(), ensure_ascii=False) + "\n")
        sys.stderr.flush()


class LogNews(News):
    """A line when a stage begins, and now and then while it lasts."""

    def __init__(self, console: Console) -> None:
        self._console, self._seldom = console, _Seldom(LOG_EVERY)

    def __call__(self, event: Event) -> None:
        first = self._seldom.first(event)
        if event.event != "stage" or not self._seldom.lets(event):
            return
        known = [part for part in (None if first else share(event), rows(event), left(event)) if part]
        more = f" ({', '.join(known)})" if known else ""
        self._console.print(f"{event.text} …{more}", markup=False, soft_wrap=True)


class BarNews(News):
    """A bar that moves, with what there is room for beside it."""

    def __init__(self, console: Console) -> None:
        from rich.progress import BarColumn, Progress, TextColumn
        from rich.table import Column

        self._console = console
        self._progress = Progress(
            TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis")),
            BarColumn(bar_width=None, table_column=Column(ratio=1, min_width=5)),
            TextColumn("{task.fields[told]}", markup=False, table_column=Column(no_wrap=True)),
            console=console,
            expand=True,
            transient=True,
        )
        self._task: Any = None

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def __call__(self, event: Event) -> None:
        if event.event != "stage":
            return
        state: dict[str, Any] = {
            "description": str(event.text),
            "completed": event.done,
            "told": beside(event, self._console.width),
        }
        if self._task is None:
            self._task = self._progress.add_task(total=1.0, **state)
        else:
            self._progress.update(self._task, **state)


def beside(event: Event, width: int) -> str:
    """What stands beside the bar on a terminal of so many columns."""
    wanted: list[str | None] = [share(event)]
    if width >= WIDE:
        wanted += [rows(event), rate(event)]
    if width >= NARROW:
        wanted.append(left(event))
    return "  ".join(part for part in wanted if part)


def share(event: Event) -> str:
    """The share done, never quite all."""
    return f"{min(event.done, 0.99):.0%}"


def rows(event: Event) -> str | None:
    """How many order lines there are, once it is known."""
    return str(ROWS.fill(n=f"{event.rows:,}")) if event.rows else None


def rate(event: Event) -> str | None:
    """Order lines a second, to two digits."""
    return str(RATE.fill(n=f"{float(f'{event.rate:.2g}'):,.0f}")) if event.rate else None


def left(event: Event) -> str | None:
    """The time that remains, as exactly as such a thing is known."""
    if event.remaining is None:
        return None
    seconds = event.remaining
    if seconds < 90:
        return str(SECONDS_LEFT.fill(n=max(round(seconds), 1)))
    if seconds < 5400:
        return str(MINUTES_LEFT.fill(n=round(seconds / 60)))
    return str(HOURS_LEFT.fill(n=round(seconds / 3600, 1)))
