"""Stopping while the engine computes.

Python runs a signal's handler only between two steps of the main thread, and a statement of the engine is one step,
however long it lasts: measured with DuckDB 2.0, a long statement does not hear Ctrl-C at all, or answers with an
ordinary RuntimeError. So a thread of its own hears the signal as soon as it comes and interrupts the statement, and
what the engine then raises is made the KeyboardInterrupt that it means.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
import weakref
from collections.abc import Callable
from functools import wraps
from types import FrameType
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    import socket

P = ParamSpec("P")
T = TypeVar("T")

PATIENCE = 1.0  # seconds that are given to cleaning up before a second signal counts
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_AGAIN = 0.05  # an interrupt that comes between two statements is lost, so it is repeated
_stopped_at: list[tuple[int, float]] = []


def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the form of a handler
    """A signal's handler: stop by KeyboardInterrupt; more signals do not disturb the cleaning up."""
    now = time.monotonic()
    if _stopped_at and now - _stopped_at[-1][1] < PATIENCE:
        return
    _stopped_at.append((int(number), now))
    raise KeyboardInterrupt


def received() -> int:
    """The number of the signal that `stop` acted upon last; SIGINT where it came without a signal."""
    return _stopped_at[-1][0] if _stopped_at else int(signal.SIGINT)


def stops() -> int:
    """How often `stop` has acted in this process."""
    return len(_stopped_at)


def stoppable(method: Callable[P, T]) -> Callable[P, T]:
    """A question to the engine that ends with KeyboardInterrupt where it was interrupted."""

    @wraps(method)
    def asked(*args: P.args, **more: P.kwargs) -> T:
        try:
            return method(*args, **more)
        except Exception as error:
            if _was_interrupted(error):
                raise KeyboardInterrupt from None
            raise

    return asked


def _was_interrupted(error: Exception) -> bool:
    """DuckDB's own exception, or the RuntimeError that its Python client makes of a handler's."""
    return type(error).__name__ == "InterruptException" or str(error) == "Query interrupted"


class _Watch:
    """Hears the signals of this process as long as any engine is open."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._interrupts: list[weakref.WeakMethod[Callable[[], None]]] = []  # an engine may be forgotten unclosed
        self._closed = threading.Event()  # all engines are
        self._ears: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self._earlier = -1

    def add(self, interrupt: Callable[[], None]) -> None:
        """Interrupt this engine, too; a method of it."""
        with self._lock:
            self._interrupts.append(weakref.WeakMethod(interrupt))
            self._closed.clear()
        if self._ears is None and threading.current_thread() is threading.main_thread():
            self._listen()

    def remove(self, interrupt: Callable[[], None]) -> None:
        """The engine is about to be closed."""
        with self._lock:
            self._interrupts = [other for other in self._interrupts if other() not in (None, interrupt)]
            if self._interrupts:
                return
            self._closed.set()
        if self._ears is not None and threading.current_thread() is threading.main_thread():
            self._leave()

    def _listen(self) -> None:
        import socket

        here, self._ears = socket.socketpair()
        self._ears.setblocking(False)
        self._earlier = signal.set_wakeup_fd(self._ears.fileno(), warn_on_full_buffer=False)
        self._thread = threading.Thread(target=self._hear, args=(here, self._earlier), name="kezhi-stop", daemon=True)
        self._thread.start()

    def _leave(self) -> None:
        assert self._ears is not None
        assert self._thread is not None
        signal.set_wakeup_fd(self._earlier)
        self._ears.close()  # which ends the thread
        self._thread.join(PATIENCE)
        self._ears = self._thread = None

    def _hear(self, here: socket.socket, earlier: int) -> None:
        with here:
            while heard := here.recv(64):
                if earlier >= 0:
                    with contextlib.suppress(OSError):
                        os.write(earlier, heard)
                if any(number in heard and _stops(number) for number in _SIGNALS):
                    self._interrupt_for(PATIENCE)

    def _interrupt_for(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self._closed.is_set():
            with self._lock:  # so that no engine is closed meanwhile
                for method in self._interrupts:
                    if (interrupt := method()) is not None:
                        interrupt()
                    del interrupt
            self._closed.wait(_AGAIN)


def _stops(number: int) -> bool:
    """Will the handler of this signal raise? Where a program only takes note of it, the engine goes on."""
    return signal.getsignal(number) in (signal.default_int_handler, stop)


watch = _Watch()
