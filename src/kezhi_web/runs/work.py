"""Doing one job: taking it up, telling how far it is, and writing down how it ended.

A row in state `working` belongs to the one worker that a workspace has. Whoever starts as the worker takes back all of
them: they were left by one that was killed.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from django.apps import apps
from django.db import DatabaseError, close_old_connections, connection, transaction
from django.utils import timezone

from kezhi.language import KezhiError, Text
from kezhi_web.runs.jobs import BESIDE, HANDLERS, Cancelled
from kezhi_web.runs.models import CANCELLED, DONE, FAILED, WAITING, WORKING, Job

log = logging.getLogger(__name__)

BEAT = 5.0  # seconds between two signs of life of a job at work
EVERY = 0.5  # seconds between two news of a job that reach the database
TRIES = 3  # a job at which the worker died so often is not begun again

UNKNOWN = Text("This version of kezhi does not know work of the kind {kind}.", "此版本的客值不认识 {kind} 这类任务。")
UNFORESEEN = Text(
    "An error that was not foreseen ({error}). Try again; if it stays, tell an administrator: the server's log says "
    "where.",
    "发生未预料的错误（{error}）。请重试；若仍然出错，请告诉管理员：服务器日志中有出错位置。",
)
DIED = Text(
    "The worker ended {tries} times while it was at this, mostly because memory ran out. Give the machine more memory, "
    "or set memory_limit in the settings, and ask again.",
    "执行此任务时后台进程已中断 {tries} 次，多半是内存不足。"
    "请增加机器内存，或在设置中指定 memory_limit，然后重新启动。",
)
STOPPED = Text("Stopped as somebody asked; nothing unfinished was left behind.", "已按要求停止，没有留下未完成的结果。")
AGAIN = Text("Interrupted; it begins anew.", "已中断，将重新开始。")

stopping = threading.Event()  # the worker ends: jobs are given back
at_work: set[int] = set()  # jobs of this process
taking = threading.Lock()  # held while jobs change hands


def load_handlers() -> None:
    """Import the module `jobs_of` of every room that has one."""
    for app in apps.get_app_configs():
        name = f"{app.name}.jobs_of"
        if app.name.startswith("kezhi_web.") and find_spec(name) is not None:
            import_module(name)


def work(number: int) -> None:
    """Do a job, if it is waiting and nothing of its kind is at work."""
    close_old_connections()
    job = _take(number)
    if job is None:
        return
    try:
        with _signs_of_life(job):
            _end(job, *_done(job))
    finally:
        at_work.discard(job.pk)
        _next(job.kind)
        connection.close()


def _take(number: int) -> Job | None:
    """The job, now ours; None where it is not waiting any more or has to wait for another of its kind."""
    with taking, transaction.atomic():
        job = Job.objects.select_for_update().filter(pk=number, state=WAITING).first()
        if job is None or stopping.is_set():
            return None
        if job.kind not in BESIDE and Job.objects.filter(kind=job.kind, state=WORKING).exists():
            return None
        now = timezone.now()
        job.state, job.tries, job.share, job.told = WORKING, job.tries + 1, 0.0, {}
        job.began_at = job.heard_at = now
        job.save()
        at_work.add(job.pk)
        return job


def _done(job: Job) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """State, what to tell, result."""
    handler = HANDLERS.get(job.kind)
    if handler is None:
        return FAILED, UNKNOWN.fill(kind=job.kind).as_dict(), {}
    if job.tries > TRIES:
        return FAILED, DIED.fill(tries=TRIES).as_dict(), job.result
    try:
        return DONE, {}, handler(job, Teller(job))
    except Cancelled:
        wanted = Job.objects.filter(pk=job.pk, cancel=True).exists()
        return (CANCELLED, STOPPED.as_dict(), job.result) if wanted else (WAITING, AGAIN.as_dict(), job.result)
    except KezhiError as error:
        return FAILED, error.text.as_dict(), job.result
    except Exception as error:
        log.error(f"Job {job.pk} ({job.kind}) failed", exc_info=True)
        return FAILED, UNFORESEEN.fill(error=type(error).__name__).as_dict(), job.result


def _end(job: Job, state: str, told: dict[str, Any], result: dict[str, Any]) -> None:
    ended = None if state == WAITING else timezone.now()
    share = 1.0 if state == DONE else job.share
    # given back in good order is no try at which the worker died
    tries = job.tries - 1 if state == WAITING else job.tries
    values = {"state": state, "told": told, "result": result, "share": share, "tries": tries, "ended_at": ended}
    Job.objects.filter(pk=job.pk).update(**values)


def _next(kind: str) -> None:
    """Hand over the oldest job of a kind that had to wait for the one that has ended."""
    from kezhi_web.runs.queue import hand_over

    waiting = Job.objects.filter(kind=kind, state=WAITING).order_by("pk").first()
    if waiting is not None and not stopping.is_set():
        hand_over(waiting.pk)


@contextmanager
def _signs_of_life(job: Job) -> Iterator[None]:
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(BEAT):
            try:
                Job.objects.filter(pk=job.pk, state=WORKING).update(heard_at=timezone.now())
            except DatabaseError as error:
                log.warning(f"The database did not answer: {type(error).__name__}")
        connection.close()

    thread = threading.Thread(target=beat, name=f"kezhi-job-{job.pk}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(BEAT)


class Teller:
    """Writes down how far a job is, twice a second at most, and hears whether it is to stop."""

    def __init__(self, job: Job) -> None:
        self._job, self._at = job, 0.0
        self._said: Text | None = None

    def __call__(self, share: float, text: Text, left: float | None = None) -> None:
        """Tell it; raises Cancelled."""
        now = time.monotonic()
        if now - self._at >= EVERY or text != self._said:
            self._at, self._said = now, text
            told = text.as_dict() | ({} if left is None else {"left": round(left, 1)})
            self._job.share, self._job.told = min(max(share, 0.0), 1.0), told
            values = {"share": self._job.share, "told": told, "heard_at": timezone.now()}
            Job.objects.filter(pk=self._job.pk, state=WORKING).update(**values)
        self.listen()

    def listen(self) -> None:
        """Raises Cancelled where the job is to stop."""
        if stopping.is_set() or Job.objects.filter(pk=self._job.pk, cancel=True).exists():
            raise Cancelled
