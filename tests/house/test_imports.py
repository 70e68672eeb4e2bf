"""Data goes one way through the rooms, and nothing heavy is loaded before it is asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from house.pages import ROOT
from logs import order_log

HEAVY = ("ibis", "duckdb", "numpy", "pandas", "plotly", "polars", "pyarrow", "rich", "scipy")


def test_the_rooms_import_downwards_only() -> None:
    call = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    done = subprocess.run([sys.executable, "-c", call], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


def _loaded(code: str) -> set[str]:
    told = f"{code}\nimport sys\nprint('loaded:', *sys.modules)"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split()[1:])


def _command(*words: str) -> str:
    return f"from kezhi.cli import main\ntry:\n    main({list(words)!r})\nexcept SystemExit:\n    pass"


@pytest.mark.parametrize(
    "what",
    ["import kezhi", _command("--help"), _command("models"), _command("models", "--json")],
    ids=["import kezhi", "kezhi --help", "kezhi models", "kezhi models --json"],
)
def test_nothing_heavy_is_loaded_before_it_is_asked_for(what: str) -> None:
    """Start-up is quick because of what it leaves out; pydantic comes with the options of some versions of typer."""
    assert not _loaded(what) & set(HEAVY)


def test_a_run_needs_no_pandas(tmp_path: Path) -> None:
    """pyarrow and Ibis would load it in passing, where it is installed, for longer than a small run takes."""
    orders = tmp_path / "orders.parquet"
    pq.write_table(order_log(40, cost=False), orders)
    run = _command("run", str(orders), "--out", str(tmp_path / "out"), "--model", "nbd")
    assert not _loaded(run) & {"pandas", "polars", "plotly", "pyarrow.dataset"}
    assert (tmp_path / "out" / "report.xlsx").exists()
