"""Data goes one way through the rooms, and nothing heavy is loaded before it is asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest

from house.pages import ROOT

HEAVY = ("ibis", "duckdb", "plotly", "pandas", "polars")


def test_the_rooms_import_downwards_only() -> None:
    call = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    done = subprocess.run([sys.executable, "-c", call], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


@pytest.mark.parametrize(
    "what",
    ["import kezhi", "from kezhi.cli import main\ntry:\n    main(['--help'])\nexcept SystemExit:\n    pass"],
    ids=["import kezhi", "kezhi --help"],
)
def test_nothing_heavy_is_loaded_before_it_is_asked_for(what: str) -> None:
    told = f"{what}\nimport sys\nprint('loaded:', *sorted({set(HEAVY)!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1].strip() == "loaded:"
