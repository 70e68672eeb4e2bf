"""Asking for long work, and doing it.

A page asks with `enqueue`; the worker (kezhi serve, or kezhi serve --worker) does it by the handler registered for its
kind. Jobs live in the application's database, so a killed server forgets none: what was at work is taken up again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import transaction

from kezhi.language import Text
from kezhi_web.runs.models import CANCELLED, WAITING, Job

Tell = Callable[[float, Text], None]
Handler = Callable[[Job, Tell], dict[str, Any]]
HANDLERS: dict[str, Handler] = {}
BESIDE: set[str] = set()  # kinds of which several may be at work at once


def handles(kind: str, *, beside: bool = False) -> Callable[[Handler], Handler]:
    """Register the handler of a kind of job, in a module `jobs_of` of a room, which the worker imports.

    It gets the job and `tell(share, text)`, which raises Cancelled where somebody wants it to stop; it returns what
    the job's page shows as result. A KezhiError becomes the job's failure, with its sentence. It must be repeatable:
    a job that was at work when the worker was killed begins anew. Of one kind a single job is at work at a time, unless
    `beside`; jobs of different kinds go beside each other.
    """

    def registered(handler: Handler) -> Handler:
        HANDLERS[kind] = handler
        if beside:
            BESIDE.add(kind)
        return handler

    return registered


class Cancelled(Exception):  # noqa: N818  no error
    """Somebody cancelled the job, or the worker has to stop; raised by `tell`."""


def enqueue(kind: str, asked: dict[str, Any], by: str = "") -> Job:
    """Ask for work; it begins as soon as the worker is free."""
    job = Job.objects.create(kind=kind, asked=asked, by=by)
    # the row is what counts; that the worker hears of it at once is a comfort, and it looks for itself every minute
    transaction.on_commit(lambda: _hand_over(job.pk), robust=True)
    return job


def _hand_over(job: int) -> None:
    from kezhi_web.runs.queue import hand_over  # huey, which most pages do without

    hand_over(job)


def cancel(job: Job) -> None:
    """Stop it: at once where it has not begun, else as soon as it hears of it."""
    if not Job.objects.filter(pk=job.pk, state=WAITING).update(state=CANCELLED, cancel=True):
        Job.objects.filter(pk=job.pk, ended_at=None).update(cancel=True)
