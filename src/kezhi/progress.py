"""How far a run has come: the stage at work, the rows, the seconds so far and those to come.

What is said of the time to come is an estimate. Every stage has costs measured on simulated logs (`COSTS`); how fast
this machine and these data are is learned from the last run of the same place, where there is one, and from the
stages that this run has finished. Before anything is known of the data there is no estimate, rather than a guess.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Literal

from kezhi.language import KezhiError, Text

EVERY = 0.5  # seconds between two events while a stage goes on
TRUST = 0.5  # seconds of a stage it takes to believe half of what its duration says of the machine
SLACK = 0.15  # a stage that has outlasted its estimate is said to last this share of its duration longer
SHORTEST = 0.05  # seconds; a stage at work has at least so much before it
UNKNOWN_ROWS = 100_000  # only for the bar's pace, before the rows are known; no time is told from it

# Seconds of a stage: fixed, and for every million order lines. Measured 2026-11-23 on two cores with the logs of
# benches/simulate.py, 10 000 and 1 000 000 customers (24 000 and 2.4 million lines): `seconds` of the manifest. A stage
# that depends on the model has an entry for each way. Only their proportions matter: the pace is learned in the run.
COSTS: Mapping[str, tuple[float, float]] = {
    "make": (2.0, 0.0),
    "import": (0.4, 1.0),
    "read": (0.25, 0.2),
    "ledger": (0.4, 2.2),
    "value": (2.6, 7.0),
    "value/auto": (5.6, 15.0),
    "worth": (0.5, 3.0),
    "groups": (0.5, 1.0),
    "test": (3.0, 25.0),
    "test/all": (4.0, 40.0),
    "write": (0.4, 3.0),
    "report": (1.3, 0.7),
}

FINISHED = Text("Finished", "已完成")
CANCELLED = Text("Stopped; nothing unfinished was left behind.", "已停止，没有留下未完成的结果。")
FAILED = Text("An error that was not foreseen: {error}", "发生未预料的错误：{error}")


@dataclass(frozen=True)
class Event:
    """One piece of news about a run."""

    event: Literal["stage", "finished", "failed", "cancelled"]
    # read, ledger, value, worth, write, groups, report; before them import and make; None once it has ended
    stage: str | None
    text: Text  # what is being done, or how it ended
    rows: int | None  # order lines of the run, once they are counted
    done: float  # share of the whole run, 0 to 1, never falling
    seconds: float  # since the run began
    remaining: float | None  # estimated seconds to the end; None while nothing is known of the data

    @property
    def rate(self) -> float | None:
        """Order lines per second, of the run as a whole."""
        return self.rows * self.done / self.seconds if self.rows and self.seconds else None

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "event": self.event,
            "stage": self.stage,
            "text": self.text.as_dict(),
            "rows": self.rows,
            "done": round(self.done, 4),
            "seconds": round(self.seconds, 2),
            "remaining": None if self.remaining is None else round(self.remaining, 1),
        }


Listener = Callable[[Event], None]


@dataclass(frozen=True)
class Past:
    """An earlier run of the same place: its order lines and what its stages took."""

    rows: int
    model: str
    seconds: Mapping[str, float]


def past_run(manifest: Mapping[str, Any]) -> Past | None:
    """What the manifest of a run says of its duration; None where it says nothing."""
    try:
        seconds = {str(name): float(spent) for name, spent in manifest["seconds"].items()}
        return Past(int(manifest["rows"]["orders"]["read"]), str(manifest["settings"]["model"]), seconds)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def cost(stage: str, model: str, rows: int) -> float:
    """Seconds that a stage would take on the machine where the costs were measured."""
    fixed, per_million = COSTS.get(f"{stage}/{model}") or COSTS[stage]
    return fixed + per_million * rows / 1e6


class Outlook:
    """Estimated seconds of the stages still to come."""

    def __init__(self, stages: Sequence[str], model: str = "", past: Past | None = None) -> None:
        self._stages, self._model, self._past = list(stages), model, past
        self.rows: int | None = None
        self._spent = self._foreseen = 0.0  # of the stages that have ended

    @property
    def known(self) -> bool:
        """Is there anything to tell a time from?"""
        return self.rows is not None or self._past is not None

    def expected(self, stage: str) -> float:
        """Seconds of a stage by the last run or by the costs, before this run's own pace is regarded."""
        rows = self.rows if self.rows is not None else self._past.rows if self._past else UNKNOWN_ROWS
        plain = cost(stage, self._model, rows)
        if self._past and self._past.seconds.get(stage):
            return self._past.seconds[stage] * plain / cost(stage, self._past.model, self._past.rows)
        return plain

    def learn(self, stage: str, seconds: float) -> None:
        """A stage has ended."""
        self._spent += seconds
        self._foreseen += self.expected(stage)

    def remaining(self, stage: str, spent: float) -> float:
        """Seconds until the end, `spent` seconds after the beginning of `stage`; always above 0."""
        foreseen = self.expected(stage)
        pace = (self._spent + TRUST) / (self._foreseen + TRUST)
        # a stage that outlasts its estimate says so of this machine, and will hardly end this very moment
        slower = (self._spent + spent + TRUST) / (self._foreseen + foreseen + TRUST)
        pace = max(pace, slower)
        rest = max(pace * foreseen - spent, SLACK * spent, SHORTEST)
        later = self._stages[self._stages.index(stage) + 1 :]
        return rest + pace * sum(map(self.expected, later))


class Stages:
    """Tells a listener which stage has begun, how far it has come, and how the run ended.

    A context manager around the whole run. While it is open a thread of its own tells of the stage at work twice a
    second, so that news comes while the engine computes; no two calls of the listener are made at once. What a listener
    raises stops the run: the engine is interrupted (`interrupt`), and the exception comes out of the block.
    """

    def __init__(self, listener: Listener | None, texts: Mapping[str, Text], outlook: Outlook) -> None:
        self.seconds: dict[str, float] = {}
        self.interrupt: Callable[[], None] = lambda: None
        self._listener, self._texts, self._outlook = listener, texts, outlook
        self._begun = self._told = time.perf_counter()
        self._stage: tuple[str, float] | None = None  # the one at work, and when it began
        self._left = 1.0  # share of the run still to do
        self._raised: BaseException | None = None
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._clock = threading.Thread(target=self._go_on, name="kezhi-progress", daemon=True)

    def __enter__(self) -> Stages:
        if self._listener is not None:
            self._clock.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._clock.is_alive():
            self._clock.join()
        self._end(self._raised or error)
        if self._raised is not None:
            raise self._raised

    def counted(self, rows: int) -> None:
        """The order lines are known."""
        with self._lock:
            self._outlook.rows = rows

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        begun = time.perf_counter()
        with self._lock:
            self._stage = name, begun
        self._tell()
        if self._raised is not None:
            raise self._raised
        yield
        spent = time.perf_counter() - begun
        self.seconds[name] = round(self.seconds.get(name, 0.0) + spent, 3)
        with self._lock:
            self._outlook.learn(name, spent)

    def _go_on(self) -> None:
        while not self._ended.wait(EVERY):
            self._tell()

    def _tell(self) -> None:
        """News of the stage at work."""
        with self._lock:
            if self._listener is None or self._stage is None or self._raised is not None:
                return
            name, begun = self._stage
            now = time.perf_counter()
            remaining = self._outlook.remaining(name, now - begun)
            whole = now - self._begun + remaining
            # where the estimate has grown the share does not fall back: it goes on slowly until it is right again
            self._left = min(self._left, self._left * whole / (whole + now - self._told), remaining / whole)
            self._told = now
            told = remaining if self._outlook.known else None
            self._call(Event("stage", name, self._texts[name], self._outlook.rows, *self._so_far(now), told))

    def _so_far(self, now: float) -> tuple[float, float]:
        return 1 - self._left, now - self._begun

    def _call(self, event: Event) -> None:
        assert self._listener is not None
        try:
            self._listener(event)
        except BaseException as error:
            if not isinstance(error, KeyboardInterrupt):
                self._listener = None  # it does not want to hear more
            if threading.current_thread() is not self._clock:
                raise
            self._raised = error  # it belongs to the thread of the run, which raises it
            self.interrupt()

    def _end(self, error: BaseException | None) -> None:
        """The last news."""
        if self._listener is None:
            return
        now = time.perf_counter()
        if error is None:
            self._left = 0.0
            self._call(Event("finished", None, FINISHED, self._outlook.rows, *self._so_far(now), 0.0))
        else:
            self._call(ended(error, self._outlook.rows, *self._so_far(now)))


def ended(error: BaseException, rows: int | None = None, done: float = 0.0, seconds: float = 0.0) -> Event:
    """The last event of a run that did not come to its end."""
    if isinstance(error, KeyboardInterrupt):
        return Event("cancelled", None, CANCELLED, rows, done, seconds, None)
    said = error.text if isinstance(error, KezhiError) else FAILED.fill(error=f"{type(error).__name__}: {error}")
    return Event("failed", None, said, rows, done, seconds, None)


def part(listener: Listener | None, first: float, last: float, begun: float) -> Listener | None:
    """A listener for one of several things done in turn: its share runs from `first` to `last` of the whole.

    `begun` is when the whole began, by `time.perf_counter`. Only the last part knows the time that remains.
    """
    if listener is None:
        return None

    def tell(event: Event) -> None:
        if event.event == "finished" and last < 1:
            return
        listener(
            replace(
                event,
                done=first + (last - first) * event.done,
                seconds=time.perf_counter() - begun,
                remaining=event.remaining if last == 1 else None,
            )
        )

    return tell
