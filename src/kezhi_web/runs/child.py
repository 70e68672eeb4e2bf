"""Heavy work in a process of its own, so that worker and web stay small, and what it tells while it lasts.

A child hangs on a lifeline: its standard input. Where that ends, because somebody cancelled or because the worker was
killed, the child stops in good order, as by Ctrl-C; this works alike on every system.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import threading
from collections.abc import Callable
from tempfile import TemporaryFile
from typing import IO, Any

from django.conf import settings

from kezhi.language import KezhiError, Text
from kezhi_web.runs import lifeline
from kezhi_web.runs.jobs import Cancelled

LISTEN = 0.5  # seconds between two looks at whether it is to stop
KILLED = Text(
    "The process was ended from outside (code {code}), mostly because memory ran out. Give the machine more memory, "
    "or set memory_limit in the settings, and try again.",
    "进程被外部终止（代码 {code}），多半是内存不足。请增加机器内存，或在设置中指定 memory_limit 后重试。",
)

News = Callable[[dict[str, Any]], None]


def call(arguments: list[str], tell: News, listen: Callable[[], None]) -> str:
    """Run `python -m ARGUMENTS` and return what it printed.

    tell: gets each object that the child writes to its error stream, a line each. listen: raises Cancelled where the
    child is to stop, and is asked twice a second. Raises KezhiError with the child's own sentence where it failed.
    """
    with TemporaryFile() as printed:
        process = _start(arguments, printed)
        last = _followed(process, tell, listen)
        code = process.wait()
        if code == 0:
            printed.seek(0)
            return printed.read().decode("utf-8")
    if last.get("event") == "failed":
        raise KezhiError(Text(**last["text"]))
    if last.get("event") == "cancelled":  # not by us: the machine is shut down, say
        listen()
        raise Cancelled
    raise KezhiError(KILLED.fill(code=code))


def _start(arguments: list[str], printed: IO[bytes]) -> subprocess.Popen[str]:
    return lifeline.start(
        arguments,
        stdout=printed,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="replace",
        env=os.environ | {"KEZHI_WORKSPACE": str(settings.WORKSPACE), "PYTHONIOENCODING": "utf-8"},
    )


def _followed(process: subprocess.Popen[str], tell: News, listen: Callable[[], None]) -> dict[str, Any]:
    """The last object that the child told; every one is handed on as it comes."""
    lines: queue.Queue[str | None] = queue.Queue()
    reader = threading.Thread(target=_read, args=(process, lines), daemon=True)
    reader.start()
    last: dict[str, Any] = {}
    try:
        while True:
            try:
                line = lines.get(timeout=LISTEN)
            except queue.Empty:
                listen()
                continue
            if line is None:
                return last
            if (news := _news(line)) is not None:
                last = news
                tell(news)
    finally:
        lifeline.let_go(process)
        reader.join(lifeline.PATIENCE)


def _read(process: subprocess.Popen[str], lines: queue.Queue[str | None]) -> None:
    assert process.stderr is not None
    with process.stderr as told:
        for line in told:
            lines.put(line)
    lines.put(None)


def _news(line: str) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None  # a warning of a library, or the places of an error
    return found if isinstance(found, dict) else None
