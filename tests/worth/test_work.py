"""Which earlier run is meant by then and by last time."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from kezhi.topics import AFTERWARDS, TOPICS, begin
from kezhi.worth import Work
from worth.small_company import AS_OF, Company


def test_then_and_last_time_go_by_the_days_of_runs_and_not_by_when_they_were_made(
    followed: tuple[Company, Work], tmp_path: Path
) -> None:
    _, work = followed
    last_year, next_year = (AS_OF.replace(year=AS_OF.year + years) for years in (-1, 1))
    days = (AS_OF.replace(day=2), AS_OF, AS_OF.replace(day=1), next_year, last_year)
    runs = tuple(tmp_path / f"made-{number}" for number in range(len(days)))
    for run, day in zip(runs, days, strict=True):
        run.mkdir()
        (run / "manifest.json").write_text(json.dumps({"as_of": day.isoformat()}), encoding="utf-8")
    now = replace(work, earlier=runs)
    assert (now.past, now.latest, now.before) == ((runs[1], runs[0], runs[2], runs[4]), runs[1], runs[4])
    within = replace(work, earlier=runs[:4])
    assert within.before == runs[2], "where no run is of an earlier period: the oldest of this one"
    assert (work.past, work.latest, work.before) == ((), None, None)


def test_what_topics_ask_for_ahead_is_what_they_use(followed: tuple[Company, Work]) -> None:
    """A table under a name that nobody asks for would be made twice, and nothing would show it."""
    work = replace(followed[1], begun={}, found={})
    begin(work)
    asked = [topic for topic in (*TOPICS, *AFTERWARDS) if topic.ahead is not None]
    assert len(work.begun) >= len(asked) >= 3
    for topic in asked:
        topic.measured(work)
    assert not work.begun
