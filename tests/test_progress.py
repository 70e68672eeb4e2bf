"""Progress: news comes in order, never falls back, and an estimate is never negative; a listener can stop a run."""

from __future__ import annotations

import threading
import time
from itertools import pairwise
from pathlib import Path

import pytest

import kezhi
from kezhi.engine import open_engine
from kezhi.language import KezhiError, Text
from kezhi.progress import COSTS, Event, Outlook, Past, Stages, cost, part, past_run
from logs import order_log

TEXTS = {name: Text(name, name) for name in ("read", "value", "report")}
PLAN = ("read", "value", "report")


def test_a_run_tells_its_stages_and_its_end(tmp_path: Path) -> None:
    told: list[Event] = []
    kezhi.analyse(order_log(30, cost=False), out=tmp_path / "r", model="nbd", progress=told.append)
    stages = [event.stage for event in told if event.event == "stage"]
    assert list(dict.fromkeys(stages)) == ["read", "ledger", "value", "worth", "write", "groups", "report"]
    assert [event.event for event in told][-1] == "finished"
    assert (tmp_path / "r" / "manifest.json").exists(), "finished means that the folder is in its place"
    assert told[-1].done == 1.0
    done = [event.done for event in told]
    assert done == sorted(done)
    assert all(event.remaining is None or event.remaining >= 0 for event in told)
    assert told[-1].rows == order_log(30, cost=False).num_rows
    assert set(told[0].as_dict()) == {"event", "stage", "text", "rows", "done", "seconds", "remaining"}


@pytest.mark.parametrize("slow", [0.01, 1.0, 300.0], ids=["faster than thought", "as thought", "slower than thought"])
def test_the_share_never_falls_and_the_rest_is_never_negative(slow: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stages that take 1/100, once, or 300 times what was thought, by a clock of our own."""
    clock = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(threading.Thread, "start", lambda self: None)  # no clock but ours
    told: list[Event] = []
    with Stages(told.append, TEXTS, Outlook(PLAN)) as stages:
        for name in PLAN:
            with stages(name):
                for _ in range(20):
                    clock[0] += slow * cost(name, "", 100_000) / 20
                    stages._tell()
            stages.counted(100_000)
    done = [event.done for event in told]
    assert done == sorted(done)
    assert all(later.done > event.done for event, later in pairwise(told) if later.seconds > event.seconds)
    assert max(done[:-1]) < 1.0
    assert all(event.remaining > 0 for event in told[:-1] if event.remaining is not None)
    assert told[0].remaining is None, "nothing is known of the data yet"
    if slow == 1.0:
        for event in told[22:-1]:
            assert event.seconds + event.remaining == pytest.approx(clock[0], rel=0.25)


def test_the_last_run_of_the_same_place_tells_the_time_from_the_first_moment() -> None:
    past = past_run({"rows": {"orders": {"read": 1_000_000}}, "settings": {"model": "nbd"}, "seconds": {"read": 8.0}})
    assert past == Past(1_000_000, "nbd", {"read": 8.0})
    outlook = Outlook(PLAN, "nbd", past)
    assert outlook.known
    assert outlook.expected("read") == pytest.approx(8.0)
    outlook.rows = 2_000_000
    assert 8.0 < outlook.expected("read") <= 16.0
    assert past_run({}) is None
    assert past_run({"rows": None, "settings": {}, "seconds": {}}) is None


def test_every_stage_has_its_costs() -> None:
    from kezhi.analysis import RUN_STAGES, STAGES, TRIAL_STAGES

    assert {*RUN_STAGES, *TRIAL_STAGES} == set(STAGES) <= set(COSTS)


class _EnoughError(Exception):
    pass


def test_what_a_listener_raises_stops_a_statement_of_the_engine() -> None:
    """The engine would compute for hours; the listener's second event, from the thread of the clock, ends it."""
    heard: list[Event] = []

    def tell(event: Event) -> None:
        heard.append(event)
        if len(heard) == 2:
            raise _EnoughError

    def compute() -> None:
        with Stages(tell, TEXTS, Outlook(PLAN)) as stages, open_engine() as engine:
            stages.interrupt = engine.interrupt
            engine.connection.raw_sql(
                "CREATE VIEW v AS SELECT a.range x, b.range y FROM range(300000) a, range(300000) b"
            )
            view = engine.connection.table("v")
            with stages("read"):
                engine.fetch(view.agg(total=(view.x * view.y).hash().sum()))

    with pytest.raises(_EnoughError):
        compute()
    assert len(heard) == 2, "a listener that raised hears no more"


@pytest.mark.parametrize(
    ("error", "event"),
    [(KezhiError(Text("no", "不")), "failed"), (ZeroDivisionError(), "failed"), (KeyboardInterrupt(), "cancelled")],
)
def test_how_it_ended_is_told(error: BaseException, event: str) -> None:
    told: list[Event] = []
    with pytest.raises(type(error)), Stages(told.append, TEXTS, Outlook(PLAN)) as stages, stages("value"):
        raise error
    assert [one.event for one in told] == ["stage", event]
    assert told[-1].text.zh


def test_parts_follow_one_another_without_falling_back() -> None:
    told: list[Event] = []
    for first, last in ((0.0, 0.25), (0.25, 1.0)):
        tell = part(told.append, first, last, time.perf_counter())
        with Stages(tell, TEXTS, Outlook(PLAN)) as stages, stages("read"):
            stages.counted(1000)
        assert told[-1].done == pytest.approx(last) or last < 1
    assert [event.event for event in told].count("finished") == 1
    assert [event.done for event in told] == sorted(event.done for event in told)
    assert part(None, 0, 1, 0.0) is None
