"""Jobs: what was asked for is done once, whatever dies meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.utils import timezone

from kezhi.language import KezhiError, Text
from kezhi_web.logs import WithoutCustomers
from kezhi_web.runs import jobs, lifeline, looking, nightly, work
from kezhi_web.runs.jobs import Cancelled, Tell, enqueue
from kezhi_web.runs.models import CANCELLED, DONE, FAILED, WAITING, WORKING, Job, Schedule
from kezhi_web.runs.queue import queue

pytestmark = pytest.mark.django_db


@pytest.fixture
def kinds(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, jobs.Handler]:
    """Handlers of this test alone; no threads, since a test's transaction is seen by its own connection only."""
    monkeypatch.setattr(jobs, "HANDLERS", {})
    monkeypatch.setattr(work, "HANDLERS", jobs.HANDLERS)
    monkeypatch.setattr(work, "BEAT", 3600.0)
    monkeypatch.setattr(work, "close_old_connections", lambda: None)
    monkeypatch.setattr(looking, "close_old_connections", lambda: None)
    monkeypatch.setattr(work.connection, "close", lambda: None, raising=False)
    return jobs.HANDLERS


@pytest.fixture(autouse=True)
def _calm() -> Iterator[None]:
    yield
    work.stopping.clear()
    work.at_work.clear()


def _done(job: Job) -> Job:
    work.work(job.pk)
    job.refresh_from_db()
    return job


def test_a_job_is_done_once_and_keeps_its_result(kinds: dict[str, jobs.Handler]) -> None:
    """Handed over twice it is still done once."""
    calls = []

    @jobs.handles("sum")
    def add(job: Job, tell: Tell) -> dict[str, Any]:
        calls.append(job.asked)
        tell(0.5, Text("Adding", "相加"))
        return {"sum": sum(job.asked["numbers"])}

    job = _done(enqueue("sum", {"numbers": [1, 2]}, "ann"))
    work.work(job.pk)
    assert (job.state, job.result, job.share, job.by) == (DONE, {"sum": 3}, 1.0, "ann")
    assert job.ended_at is not None
    assert calls == [{"numbers": [1, 2]}]


def test_the_worker_hears_of_it_once_the_row_is_kept(
    kinds: dict[str, jobs.Handler], django_capture_on_commit_callbacks: Any
) -> None:
    """Before that there is nothing to do; what was rolled back is never done."""
    with django_capture_on_commit_callbacks(execute=True):
        enqueue("any", {})
        assert queue().pending_count() == 0
    assert queue().pending_count() == 1


def test_what_a_person_can_mend_is_its_sentence(kinds: dict[str, jobs.Handler]) -> None:
    """A KezhiError is the job's failure."""

    @jobs.handles("sad")
    def fail(job: Job, tell: Tell) -> dict[str, Any]:
        raise KezhiError(Text("Bring more orders.", "请提供更多订单。"))

    job = _done(enqueue("sad", {}))
    assert (job.state, job.told) == (FAILED, {"en": "Bring more orders.", "zh": "请提供更多订单。"})


def test_an_error_that_was_not_foreseen_tells_no_data(
    kinds: dict[str, jobs.Handler], caplog: pytest.LogCaptureFixture
) -> None:
    """Its message may hold a row of data, so neither the page nor the log has it."""

    @jobs.handles("odd")
    def fail(job: Job, tell: Tell) -> dict[str, Any]:
        raise ValueError("13800001234 Li Lei")

    job = _done(enqueue("odd", {}))
    assert job.state == FAILED
    assert "ValueError" in job.told["en"]
    logged = WithoutCustomers().format(caplog.records[-1])
    assert "13800001234" not in str(job.told) + logged
    assert "ValueError" in logged


def test_an_unknown_kind_fails_with_a_sentence(kinds: dict[str, jobs.Handler]) -> None:
    """A job of a version to come, say."""
    job = _done(enqueue("from_tomorrow", {}))
    assert job.state == FAILED
    assert "from_tomorrow" in job.told["en"]


def test_a_waiting_job_is_cancelled_at_once(kinds: dict[str, jobs.Handler]) -> None:
    """And not begun afterwards."""
    job = enqueue("any", {})
    jobs.cancel(job)
    assert _done(job).state == CANCELLED
    assert job.tries == 0


def test_a_job_at_work_hears_that_it_is_to_stop(kinds: dict[str, jobs.Handler]) -> None:
    """By the next thing it tells."""
    reached = []

    @jobs.handles("long")
    def long(job: Job, tell: Tell) -> dict[str, Any]:
        jobs.cancel(Job.objects.get(pk=job.pk))
        tell(0.1, Text("Working", "处理中"))
        reached.append("too far")
        return {}

    job = _done(enqueue("long", {}))
    assert job.state == CANCELLED
    assert not reached


def test_a_worker_that_stops_gives_back_what_it_was_at(kinds: dict[str, jobs.Handler]) -> None:
    """In good order is not a failure, nor one of its tries."""

    @jobs.handles("long")
    def long(job: Job, tell: Tell) -> dict[str, Any]:
        work.stopping.set()
        tell(0.1, Text("Working", "处理中"))
        return {}

    job = _done(enqueue("long", {}))
    assert (job.state, job.tries) == (WAITING, 0)


def test_what_a_killed_worker_was_at_begins_anew(kinds: dict[str, jobs.Handler]) -> None:
    """But not for ever: a job at which it dies again and again is given up with a sentence."""
    jobs.handles("deadly")(lambda job, tell: {})
    job = enqueue("deadly", {})
    for tried in range(1, work.TRIES + 1):
        work._take(job.pk)
        work.at_work.clear()  # killed
        assert looking.take_back() == 1
        job.refresh_from_db()
        assert (job.state, job.tries) == (WAITING, tried)
    assert _done(job).state == FAILED
    assert str(work.TRIES) in job.told["en"]


def test_what_this_worker_is_at_is_left_alone(kinds: dict[str, jobs.Handler]) -> None:
    """Looking around every minute takes back only what nobody is at."""
    job = enqueue("any", {})
    assert work._take(job.pk) is not None
    assert looking.take_back() == 0
    job.refresh_from_db()
    assert job.state == WORKING


def test_one_of_a_kind_at_a_time_and_others_beside(kinds: dict[str, jobs.Handler]) -> None:
    """A second run waits, an import does not."""
    first, second, other = enqueue("run", {}), enqueue("run", {}), enqueue("import", {})
    assert work._take(first.pk) is not None
    assert work._take(second.pk) is None
    assert work._take(other.pk) is not None


def test_kinds_that_may_go_beside_themselves(kinds: dict[str, jobs.Handler]) -> None:
    """As deliveries of webhooks."""
    jobs.handles("post", beside=True)(lambda job, tell: {})
    assert all(work._take(enqueue("post", {}).pk) is not None for _ in range(2))
    jobs.BESIDE.discard("post")


def test_the_next_of_a_kind_is_handed_over_when_one_ends(kinds: dict[str, jobs.Handler]) -> None:
    """So that it does not wait for the next look around."""
    jobs.handles("run")(lambda job, tell: {})
    first, second = enqueue("run", {}), enqueue("run", {})
    _done(first)
    task = queue().dequeue()
    assert task is not None
    assert task.args == (second.pk,)


def test_jobs_that_the_queue_lost_are_found(kinds: dict[str, jobs.Handler]) -> None:
    """Asked for a while ago, waiting, and nothing in the queue."""
    job = enqueue("any", {})
    assert looking.take_up() == 0  # it may be on its way
    Job.objects.update(asked_at=timezone.now() - timedelta(minutes=1))
    assert looking.take_up() == 1
    assert looking.take_up() == 0  # the queue has it now
    task = queue().dequeue()
    assert task is not None
    assert task.args == (job.pk,)


# --- the nightly run --------------------------------------------------------------------------------------


def _at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


def _kept(until: datetime, *, on: bool = True) -> None:
    Schedule.objects.update_or_create(
        pk=1, defaults={"on": on, "at": time_of_day(2, 0), "kept_until": until, "by": "ann", "horizon": 6}
    )


def test_a_night_is_asked_for_once(empty_home: Path) -> None:
    """Not before its time, and not twice."""
    _kept(_at(10, 12))
    assert nightly.ask_where_due(_at(11, 1, 59)) is None
    job = nightly.ask_where_due(_at(11, 2, 0))
    assert job is not None
    assert (job.kind, job.by, job.asked) == ("run", "ann", {"model": None, "horizon": 6, "nightly": True})
    Job.objects.update(state=DONE)
    assert nightly.ask_where_due(_at(11, 2, 1)) is None
    assert nightly.ask_where_due(_at(12, 2, 0)) is not None


def test_missed_nights_are_made_up_once(empty_home: Path) -> None:
    """Five nights off: one run in the morning, the next one as usual."""
    _kept(_at(10, 12))
    assert nightly.ask_where_due(_at(15, 9)) is not None
    Job.objects.update(state=DONE)
    assert nightly.ask_where_due(_at(15, 9, 1)) is None
    assert nightly.ask_where_due(_at(16, 2, 1)) is not None


def test_nothing_is_asked_for_where_it_is_off_or_one_waits(empty_home: Path) -> None:
    """A run that has not begun will see the same data."""
    assert nightly.ask_where_due(_at(11, 3)) is None
    _kept(_at(10, 12), on=False)
    assert nightly.ask_where_due(_at(11, 3)) is None
    _kept(_at(10, 12))
    enqueue("run", {})
    assert nightly.ask_where_due(_at(11, 3)) is None
    assert Job.objects.count() == 1


def test_the_time_of_day_is_the_server_s(empty_home: Path, settings: Any) -> None:
    """Two at night in Shanghai is six in the evening before in UTC."""
    settings.TIME_ZONE = "Asia/Shanghai"
    timezone.get_default_timezone.cache_clear()
    assert nightly.last_moment(_at(10, 17, 59), time_of_day(2, 0)) == _at(9, 18)
    assert nightly.last_moment(_at(10, 18, 0), time_of_day(2, 0)) == _at(10, 18)
    assert nightly.next_moment(_at(10, 18, 0), time_of_day(2, 0)) == _at(11, 18)


@pytest.fixture(autouse=True)
def _usual_zone() -> Iterator[None]:
    yield
    timezone.get_default_timezone.cache_clear()


# --- children ---------------------------------------------------------------------------------------------

CHILD = textwrap.dedent(
    """
    import json, sys, time
    try:
        sys.stderr.write(json.dumps({"event": "stage", "text": {"en": "Working", "zh": "处理中"}, "done": 0.5}) + "\\n")
        sys.stderr.flush()
        if "wait" in sys.argv:
            time.sleep(60)
        if "fail" in sys.argv:
            sys.stderr.write(json.dumps({"event": "failed", "text": {"en": "No.", "zh": "否。"}}) + "\\n")
            sys.exit(2)
        if "die" in sys.argv:
            sys.exit(9)
        print("done")
    except KeyboardInterrupt:
        open(sys.argv[-1], "w").write("cleaned up")
        sys.exit(130)
    """
)


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_home: Path) -> str:
    """A module that may be run as a child."""
    (tmp_path / "child_of_a_test.py").write_text(CHILD, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    return "child_of_a_test"


def test_a_child_tells_while_it_works(module: str) -> None:
    """Its objects, a line each, and what it printed."""
    from kezhi_web.runs.child import call

    told: list[dict[str, Any]] = []
    assert call([module], told.append, lambda: None).strip() == "done"
    assert [one["done"] for one in told] == [0.5]


@pytest.mark.parametrize(("how", "sentence"), [("fail", "No."), ("die", "memory")])
def test_a_child_that_fails_is_a_sentence(module: str, how: str, sentence: str) -> None:
    """Its own where it has one."""
    from kezhi_web.runs.child import call

    with pytest.raises(KezhiError) as raised:
        call([module, how], lambda _: None, lambda: None)
    assert sentence in raised.value.text.en


def test_a_cancelled_child_cleans_up(module: str, tmp_path: Path) -> None:
    """It is stopped as by Ctrl-C, and waited for."""
    from kezhi_web.runs.child import call

    mark = tmp_path / "mark"
    heard = threading.Event()

    def listen() -> None:
        if heard.is_set():
            raise Cancelled

    with pytest.raises(Cancelled):
        call([module, "wait", str(mark)], lambda _: heard.set(), listen)
    assert mark.read_text() == "cleaned up"


def test_a_child_let_go_while_it_starts_ends_quietly(monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of its input may be heard before the thread that listens has told that it listens."""

    def at_once() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(lifeline, "hold", at_once)
    monkeypatch.setattr(lifeline, "os", SimpleNamespace(_exit=sys.exit))
    monkeypatch.setattr(sys, "argv", ["lifeline", "kezhi_web"])
    with pytest.raises(SystemExit) as ended:
        lifeline.main()
    assert ended.value.code == 130


@pytest.mark.skipif(os.name != "posix", reason="kills a process the hard way")
def test_a_child_does_not_outlive_who_started_it(module: str, tmp_path: Path) -> None:
    """Even where that is killed: the lifeline ends with it."""
    mark = tmp_path / "mark"
    starter = (
        "from kezhi_web.runs import lifeline; import sys, time;"
        f"lifeline.start([{module!r}, 'wait', {str(mark)!r}], stderr=sys.stdout); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", starter], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    assert "Working" in parent.stdout.readline()  # the child is at work
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    for _ in range(200):
        if mark.exists() and mark.read_text():
            break
        time.sleep(0.05)
    parent.stdout.close()
    assert mark.read_text() == "cleaned up"
