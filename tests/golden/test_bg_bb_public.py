"""The published BG/BB estimates, from the donations data (skipped where the public logs are absent)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from kezhi.models.bg_bb import BGBB
from kezhi.models.discrete_histories import OpportunityHistories


def test_donations(public_log: Callable[[str], Path]) -> None:
    """Fader, Hardie, Shang (2010): 1.204, 0.750, 0.657, 2.783; the further digits and the likelihood are lifetimes'.

    The gift of 1995 that made someone a supporter is no opportunity: six follow, 1996-2001.
    """
    table = pq.read_table(public_log("donations_summary"))
    seen = OpportunityHistories.of(table)
    fit = BGBB().fit(seen)
    assert fit.fallback is None
    assert fit.customers == 11_104
    assert [round(value, 3) for value in fit.parameters.values()] == [1.204, 0.750, 0.657, 2.783]
    assert [round(value, 4) for value in fit.parameters.values()] == [1.2035, 0.7497, 0.6567, 2.7834]
    assert round(fit.log_likelihood, 2) == -33_225.58
    actual = sum(table["holdout_transactions"].to_pylist())
    assert actual == 13_260
    assert fit.expected_purchases(seen, 5) @ seen.customers / actual - 1 == pytest.approx(-0.0283, abs=5e-5)
