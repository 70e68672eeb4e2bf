"""Recovery: with companies made by known models, the 80 % intervals hold four in five, and totals are met."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import kezhi

BEGIN = np.datetime64("2023-01-02")
SPLIT, UNTIL = date(2024, 6, 30), date(2024, 12, 31)


def company(leaving: bool, customers: int = 4_000, seed: int = 21) -> pa.Table:
    """Orders of two years: gamma rates of buying, gamma rates of leaving (or nobody leaves), gamma-gamma amounts."""
    rng = np.random.default_rng(seed)
    first = rng.integers(0, 360, customers)
    rate = rng.gamma(0.9, 1 / 45, customers)
    life = rng.exponential(1 / rng.gamma(0.8, 1 / 150, customers)) if leaving else np.full(customers, np.inf)
    span = np.minimum(life, 729 - first)
    repeats = rng.poisson(rate * span)
    owner = np.concatenate([np.arange(customers), np.repeat(np.arange(customers), repeats)])
    later = first[owner[customers:]] + rng.random(len(owner) - customers) * span[owner[customers:]]
    day = np.concatenate([first, np.floor(later).astype(np.int64)])
    scale = rng.gamma(4.0, 1 / 60.0, customers)
    amount = rng.gamma(5.0, 1.0, len(owner)) / scale[owner]
    return pa.table(
        {
            "customer_id": pa.array([f"C{number:05d}" for number in owner]),
            "date": pa.array((BEGIN + day).astype("datetime64[D]")),
            "amount": pa.array(np.round(amount + 0.01, 2)),
        }
    )


@pytest.fixture(scope="module", params=[True, False], ids=["leaving", "staying"])
def tested(request: pytest.FixtureRequest) -> dict[str, Any]:
    return kezhi.backtest(company(request.param), split=SPLIT, until=UNTIL, model="all")


@pytest.mark.parametrize("name", ["auto", "pareto_nbd"])
def test_four_in_five_lie_within_the_interval(tested: dict[str, Any], name: str) -> None:
    row = tested["models"][name]
    assert 0.77 <= row["coverage"] <= 0.83
    assert 0.77 <= row["spend_coverage"] <= 0.83
    assert row["coverage_inside"] >= row["coverage"] - 0.01  # counts are whole: an interval holds its level or more


@pytest.mark.parametrize("name", ["auto", "pareto_nbd"])  # the others are not what the company was made by
def test_totals_are_met(tested: dict[str, Any], name: str) -> None:
    assert abs(tested["models"][name]["bias"]) < 0.06


def test_medians_are_nearer_than_means_and_auto_is_no_worse_than_its_parts(tested: dict[str, Any]) -> None:
    rows = tested["models"]
    assert rows["auto"]["mae_median"] <= rows["auto"]["mae"]
    parts = [rows[name]["rmse"] for name in tested["auto"]["weights"]]
    assert rows["auto"]["rmse"] <= 1.01 * min(parts)
    assert rows["auto"]["rmse"] < min(rows[name]["rmse"] for name in ("repeat_last", "mean"))
