"""How far a company has come that has no run yet: what every page says until the first one is finished."""

from __future__ import annotations

from dataclasses import dataclass

from kezhi_web.runs.models import FAILED, WAITING, WORKING, Job
from kezhi_web.shown import workspace


@dataclass(frozen=True)
class Beginning:
    """orders: are there any in the book? job: the newest run that somebody asked for."""

    orders: bool
    job: Job | None

    @property
    def at_work(self) -> bool:
        """Is the first run waiting or at work? Then nobody has to do anything."""
        return self.job is not None and self.job.state in (WAITING, WORKING)

    @property
    def failed(self) -> bool:
        """Did it fail?"""
        return self.job is not None and self.job.state == FAILED


def beginning() -> Beginning:
    """Where the company stands now."""
    return Beginning(bool(workspace().book_files("orders")), Job.objects.filter(kind="run").first())
