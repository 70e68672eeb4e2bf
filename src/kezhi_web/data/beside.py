"""Work of a few seconds in a process of its own, begun by a page that asks again until it has ended."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

from django.conf import settings

_lock = threading.Lock()
_at_work: dict[str, tuple[str, subprocess.Popen[bytes]]] = {}


def begin(place: str, key: str, *arguments: str) -> bool:
    """See that `python -m kezhi_web ARGUMENTS` is at work; True where it has ended, and badly.

    place: of one place only one process is at work. key: where it was begun for another one, it is begun anew.
    """
    with _lock:
        _bury(place)
        known = _at_work.get(place)
        if known is not None and known[0] == key:
            if known[1].poll() is None:
                return False
            del _at_work[place]
            return known[1].returncode != 0
        if known is not None and known[1].poll() is None:
            known[1].terminate()  # it was asked something else meanwhile
            known[1].wait()
        where = os.environ | {"KEZHI_WORKSPACE": str(settings.WORKSPACE)}
        quiet = subprocess.DEVNULL
        command = [sys.executable, "-m", "kezhi_web", *arguments]
        _at_work[place] = key, subprocess.Popen(command, env=where, stdout=quiet, stderr=quiet)  # noqa: S603
    return False


def _bury(place: str) -> None:
    """Those of other places that have ended well are forgotten: nobody may ever ask for them again."""
    for other, (_, process) in list(_at_work.items()):
        if other != place and process.poll() == 0:
            del _at_work[other]
