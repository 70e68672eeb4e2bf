"""What a benchmark says of a command is what the command did; results are kept one per question."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import measuring

HOLD = "import sys, time; held = bytearray(int(sys.argv[1]) << 20); time.sleep(0.2)"
WITH_CHILD = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {HOLD!r}, sys.argv[1]], check=True)"


@pytest.mark.skipif(not measuring.PROC.is_dir(), reason="memory of a whole family of processes is read from /proc")
def test_memory_is_that_of_the_command_and_its_children() -> None:
    alone, parent = (measuring.measured([sys.executable, "-c", code, "128"]) for code in (HOLD, WITH_CHILD))
    assert 0.125 < alone.peak_gib < 0.2
    assert alone.peak_gib + 0.005 < parent.peak_gib < 0.25
    assert parent.seconds > 0.2


def test_a_failing_command_ends_the_benchmark_with_what_it_said() -> None:
    with pytest.raises(SystemExit, match=r"(?s)ended with 3.*so it is"):
        measuring.measured([sys.executable, "-c", "import sys; print('so it is', file=sys.stderr); sys.exit(3)"])


def test_a_new_result_takes_the_place_of_the_old_one_to_the_same_question(tmp_path: Path) -> None:
    path = tmp_path / "results" / "whole_run.json"
    measuring.keep(path, [{"customers": 10, "model": "nbd", "s": 1}, {"customers": 10, "model": "auto", "s": 2}])
    measuring.keep(path, [{"customers": 5, "model": "nbd", "s": 3}, {"customers": 10, "model": "auto", "s": 4}])
    assert [(row["customers"], row["model"], row["s"]) for row in measuring.kept(path)] == [
        (5, "nbd", 3),
        (10, "auto", 4),
        (10, "nbd", 1),
    ]


def test_ratios_are_of_runs_that_followed_each_other() -> None:
    assert measuring.ratio([2.0, 30.0, 8.0], [1.0, 10.0, 2.0]) == 3.0
