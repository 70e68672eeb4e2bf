"""The tutorial is run block by block, and what its text claims is what comes out (skipped without the public log)."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from house.pages import LANGUAGES, page


@pytest.fixture(scope="module")
def done(public_log: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """All names of the tutorial after its last block."""
    folder = tmp_path_factory.mktemp("tutorial")
    shutil.copy(public_log("cdnow_sample"), folder / "cdnow_sample.parquet")
    blocks = re.findall(r"^```python\n(.*?)^```", page("tutorial", "en"), flags=re.DOTALL | re.MULTILINE)
    assert len(blocks) >= 9
    values: dict[str, Any] = {"folder": folder}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for block in blocks:
            exec(compile(block, "tutorial.en.md", "exec"), values)
    return values


def test_the_statistics_are_as_told(done: dict[str, Any]) -> None:
    assert (done["stats"].num_rows, done["counts"].num_rows) == (2349, 2357)


def test_the_published_estimates_are_met_to_the_printed_digit(done: dict[str, Any]) -> None:
    fits = done["fits"]
    for model, estimates in done["published"].items():
        assert {name: round(value, 3) for name, value in fits[model].parameters.items()} == estimates
    likelihoods = {model: round(fit.log_likelihood, 1) for model, fit in fits.items()}
    assert likelihoods == {"nbd": -9763.7, "pareto_nbd": -9595.0, "bg_nbd": -9582.4, "mbg_nbd": -9582.1}
    assert [round(value, 2) for value in done["amounts"].parameters.values()] == [6.25, 3.74, 15.44]


def test_what_is_said_of_the_two_customers_and_the_total(done: dict[str, Any]) -> None:
    pareto, two = done["fits"]["pareto_nbd"], done["two"]
    assert pareto.expected_purchases(two, periods=52)[1] == pytest.approx(25.46, abs=0.005)
    assert pareto.p_alive(two)[1] == pytest.approx(0.998, abs=0.0005)
    assert pareto.expected_purchases_new_customer(52) == pytest.approx(1.47, abs=0.005)
    totals = {
        model: round(float(fit.expected_purchases(done["counts"], 39).sum())) for model, fit in done["fits"].items()
    }
    assert (totals["pareto_nbd"], totals["bg_nbd"], totals["nbd"]) == (1666, 1653, 2930)
    assert done["found"]["purchases"] == 1882


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_table_of_the_backtest_is_what_comes_out(done: dict[str, Any], language: str) -> None:
    cells = re.findall(r"^\| `(\w+)`[^|]*\| ([+−]\d+) % \|([^\n]+)\|$", page("tutorial", language), flags=re.MULTILINE)
    assert {"auto", "pareto_nbd", "bg_nbd", "mbg_nbd", "nbd", "rate", "mean"} == {cell[0] for cell in cells}
    for model, bias, rest in cells:
        row = done["found"]["models"][model]
        assert row["bias"] == pytest.approx(int(bias.replace("−", "-")) / 100, abs=0.0051), model
        told = [float(cell) for cell in rest.split("|") if cell.strip()]
        known = [row[key] for key in ("rmse", "mae", "mae_median") if key in row]
        assert told == pytest.approx(known, abs=0.0051), model


def test_the_figures_are_written(done: dict[str, Any]) -> None:
    assert (done["folder"] / "tracking.html").stat().st_size > 10_000
    assert (done["folder"] / "p_alive.html").stat().st_size > 10_000
