"""Asking for long work, and doing it.

A page asks with `enqueue`; the worker (kezhi serve, or kezhi serve --worker) does it by the handler registered for its
kind. Jobs live in the application's database, so a killed server forgets none: what was at work is taken up again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kezhi.language import Text
from kezhi_web.runs.models import Job

Tell = Callable[[float, Text], None]
Handler = Callable[[Job, Tell], dict[str, Any]]
HANDLERS: dict[str, Handler] = {}


def handles(kind: str) -> Callable[[Handler], Handler]:
    """Register the handler of a kind of job, in a module `jobs_of` of a room, which the worker imports.

    It gets the job and `tell(share, text)`, which raises Cancelled where somebody wants it to stop; it returns what
    the job's page shows as result. A KezhiError becomes the job's failure, with its sentence. It must be repeatable:
    a job that was at work when the worker was killed begins anew.
    """

    def registered(handler: Handler) -> Handler:
        HANDLERS[kind] = handler
        return handler

    return registered


class Cancelled(Exception):
    """Somebody cancelled the job."""


def enqueue(kind: str, asked: dict[str, Any], by: str = "") -> Job:
    """Ask for work; it begins as soon as the worker is free."""
    return Job.objects.create(kind=kind, asked=asked, by=by)
