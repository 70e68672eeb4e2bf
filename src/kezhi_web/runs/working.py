"""The worker: one process per workspace that does the jobs.

It stops in good order by SIGINT or SIGTERM: what it is at stops too, and waits for the next worker. Killed, it loses
nothing that was confirmed: the next worker takes back what it was at.
"""

from __future__ import annotations

import logging
import signal
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from django.conf import settings

from kezhi.language import Text
from kezhi_web.runs import looking, work
from kezhi_web.runs.queue import queue

log = logging.getLogger(__name__)

THREADS = 4  # jobs of so many kinds beside each other; what is heavy runs in children
LATEST = 1.0  # seconds until a job is noticed
HEALTH = 10.0  # seconds between two looks at the threads
TURN = 2.0  # seconds between two tries to become the worker
PATIENCE = 25.0  # seconds that jobs have to stop

TAKEN = Text(
    "Another worker is at work for {folder}; this one takes over when that ends.",
    "{folder} 已有后台进程在运行；它结束后由本进程接替。",
)


@contextmanager
def only_one(stop: threading.Event) -> Iterator[bool]:
    """Nobody else works for this workspace: whoever is second waits. False where it was stopped before its turn.

    The lock is one that the system gives back when a process is killed.
    """
    folder = Path(settings.OWN)
    folder.mkdir(parents=True, exist_ok=True)
    lock = sqlite3.connect(folder / "worker.lock", timeout=TURN, isolation_level=None)
    told = False
    try:
        while not stop.is_set():
            try:
                lock.execute("begin exclusive")
            except sqlite3.OperationalError:
                if not told:
                    log.warning(str(TAKEN.fill(folder=settings.WORKSPACE)))
                    told = True
                continue
            yield True
            return
        yield False
    finally:
        lock.close()


def work_until(stop: threading.Event) -> None:
    """Do jobs until `stop` is set. In the main thread."""
    with only_one(stop) as ours:
        if ours:
            _work_until(stop)


def _work_until(stop: threading.Event) -> None:
    work.load_handlers()
    looking.take_back()
    queue().storage.flush_queue()
    consumer = queue().create_consumer(
        workers=THREADS, max_delay=LATEST, shutdown_timeout=PATIENCE, check_worker_health=True
    )
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    consumer.start()
    for number, handler in handlers.items():
        signal.signal(number, handler)  # huey would wait for a run to end
    looking.take_up(at_once=True)
    while not stop.wait(HEALTH):
        consumer.check_worker_health()
    work.stopping.set()
    consumer.stop(graceful=True)


def main() -> None:
    """Work until a signal comes."""
    stop = threading.Event()

    def asked(number: int, frame: FrameType | None) -> Any:  # noqa: ARG001  the form of a handler
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, asked)
    work_until(stop)
