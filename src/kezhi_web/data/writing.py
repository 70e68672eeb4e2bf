"""When files of the book may go."""

from __future__ import annotations

import time
from contextlib import suppress

from kezhi.language import Text
from kezhi_web.runs.jobs import Cancelled, Tell
from kezhi_web.runs.models import WORKING, Job

RUN_AT_WORK = Text("Waiting for the run at work, which still reads the book", "等待正在进行的运行结束，它仍在读取台账")


def wait_for_readers(tell: Tell) -> None:
    """Files of the book only go when no run reads them any more."""
    while Job.objects.filter(kind="run", state=WORKING).exists():
        tell(0.0, RUN_AT_WORK)
        time.sleep(1)


def unstoppable(tell: Tell) -> Tell:
    """Tells, but hears nobody: for the rest of what would be half done otherwise."""

    def told(share: float, text: Text) -> None:
        with suppress(Cancelled):
            tell(share, text)

    return told
