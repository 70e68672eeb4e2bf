"""What the worker does for webhooks."""

from __future__ import annotations

from typing import Any

from kezhi.language import Text
from kezhi_web.hooks.sending import due, see_to_it, send_due
from kezhi_web.runs.jobs import Tell, handles
from kezhi_web.runs.looking import ALSO
from kezhi_web.runs.models import Job

SENDING = Text("Sending webhooks", "正在发送 Webhook")


@handles("webhooks")
def webhooks(job: Job, tell: Tell) -> dict[str, Any]:  # noqa: ARG001
    """Send all messages whose time has come."""
    sent = 0
    while due():
        tell(0.5, SENDING)
        tried = send_due()
        if not tried:  # what is due belongs to hooks that were switched off
            break
        sent += tried
    return {"tried": sent}


def look_around() -> None:
    """Messages whose next try has come."""
    if due():
        see_to_it()


ALSO.append(look_around)
