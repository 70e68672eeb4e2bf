"""Recovery: from a company made with known parameters, through files, ledger and fit, back to the parameters."""

from __future__ import annotations

import json

import pytest

import kezhi
from kezhi.analysis import Run
from kezhi.demo import make_company


@pytest.fixture(scope="module")
def run_and_truth(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, dict[str, float]]:
    folder = tmp_path_factory.mktemp("recovery")
    company = make_company(folder / "files", customers=6000, seed=11, plain=True)
    run = kezhi.analyse(company.files["orders"], out=folder / "run", as_of=company.last_day, senses=())
    truth = json.loads(company.files["truth"].read_text(encoding="utf-8"))
    return run, truth["groups"][0]


@pytest.mark.parametrize(
    ("model", "name"), [("nbd", "a"), ("nbd", "b"), ("gamma_gamma", "p"), ("gamma_gamma", "q"), ("gamma_gamma", "k")]
)
def test_the_fit_finds_the_true_parameters(run_and_truth: tuple[Run, dict[str, float]], model: str, name: str) -> None:
    run, truth = run_and_truth
    fitted = run.models["models"][model]
    # three standard errors, and one per cent for months that are not all of the mean length
    tolerance = 3 * fitted["standard_errors"][name] + 0.01 * truth[name]
    assert fitted["parameters"][name] == pytest.approx(truth[name], abs=tolerance)


def test_the_forecast_of_the_past_was_right(run_and_truth: tuple[Run, dict[str, float]]) -> None:
    """With nothing but chance between forecast and truth, the total is met within a few per cent."""
    run, _ = run_and_truth
    score = next(row for row in run.models["backtest"]["methods"] if row["method"] == "auto")
    assert abs(score["bias"]) < 0.05
    assert abs(score["purchases_bias"]) < 0.05
