"""Processes that end in good order when whoever started them lets go, or ends, in whatever way and on every system.

`python -m kezhi_web.runs.lifeline MODULE ARGUMENTS` is the module as a command that stops, as by Ctrl-C, when its
standard input ends. Loads nothing of the application by itself.
"""

from __future__ import annotations

import contextlib
import os
import runpy
import signal
import subprocess
import sys
import threading
from typing import Any

POLITE = 5  # so much nicer than the web process on the same machine

PATIENCE = 20.0  # seconds to stop in good order
_let_go = threading.Event()


def start(arguments: list[str], **how: Any) -> subprocess.Popen[Any]:
    """`python -m ARGUMENTS` on a lifeline; in a group of its own, so that Ctrl-C does not come to it directly."""
    group: dict[str, Any] = {"start_new_session": True} if os.name == "posix" else {"creationflags": 0x200}
    command = [sys.executable, "-m", "kezhi_web.runs.lifeline", *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, **group, **how)  # noqa: S603


def let_go(process: subprocess.Popen[Any], patience: float = PATIENCE) -> None:
    """End it in good order, or the hard way where it does not listen."""
    assert process.stdin is not None
    with contextlib.suppress(OSError):  # it has ended already
        process.stdin.close()
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def hold() -> None:
    """Wait for the end of the standard input in a thread of its own, then stop this process as by Ctrl-C."""
    threading.Thread(target=_until_the_end, name="kezhi-lifeline", daemon=True).start()


def _until_the_end() -> None:
    with contextlib.suppress(OSError):
        while os.read(0, 4096):  # not by sys.stdin, whose lock would be held when the process ends
            pass
    _let_go.set()
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)  # it may be waiting for something
    else:
        signal.raise_signal(signal.SIGINT)


def main() -> None:
    """Become the module."""
    module = sys.argv[1]
    sys.argv = sys.argv[1:]
    try:
        hold()  # who started this may have let go already
        if hasattr(os, "nice"):
            os.nice(POLITE)
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except KeyboardInterrupt:
        os._exit(130)  # all is in order by now
    except Exception:
        if _let_go.is_set():  # a library that is stopped while it is loaded makes an error of its own of it
            os._exit(130)
        raise


if __name__ == "__main__":
    main()
