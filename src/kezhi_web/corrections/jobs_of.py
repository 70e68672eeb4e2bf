"""What the worker does of corrections and of what-if: trials in a large company, and whatever was confirmed."""

from __future__ import annotations

from typing import Any

from kezhi.language import KezhiError, Text
from kezhi_web.corrections import calculating, trying
from kezhi_web.corrections.models import CONFIRMED, REFUSED, WAITING, Trial
from kezhi_web.runs.jobs import Tell, handles
from kezhi_web.runs.models import Job


@handles("correction trial")
def attempt(job: Job, tell: Tell) -> dict[str, Any]:
    """Try what was asked."""
    trial = Trial.objects.filter(pk=job.asked["trial"], state=WAITING).first()
    if trial is not None:
        tell(0.1, Text("Trying the correction", "正在试算修正"))
        trying.attempt(trial)
    return {}


@handles("correction")
def enter(job: Job, tell: Tell) -> dict[str, Any]:
    """Write down what was confirmed, and show it."""
    trial = Trial.objects.filter(pk=job.asked["trial"], state=CONFIRMED).first()
    if trial is not None:
        tell(0.1, Text("Writing the correction down", "正在写入修正"))
        trying.enter(trial)
        if trial.state == REFUSED:
            raise KezhiError(Text(**trial.told))
    return {}


@handles("what if")
def calculate(job: Job, tell: Tell) -> dict[str, Any]:
    """Calculate a run through with other levers."""
    tell(0.1, Text("Calculating", "正在计算"))
    return calculating.answer(job.asked)
