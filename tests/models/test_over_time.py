"""Answers read off between times are those that would be given to every time alone."""

from __future__ import annotations

import numpy as np
import pytest

from kezhi.models import BGNBDFit, MBGNBDFit, NBDFit, ParetoNBDFit, PurchaseHistories
from kezhi.models.histories import distinct
from kezhi.models.over_time import OverTime, over_time
from kezhi.models.purchases import PurchaseFit

TIMES = np.arange(0, 730) / 30.4
X, T = np.repeat([0.0, 1, 2, 5, 30, 400], len(TIMES)), np.tile(TIMES, 6)
GRID = PurchaseHistories(*(column[(X == 0) | (T > 0)] for column in (X, 0 * X, T)))
FITS = (
    ParetoNBDFit.with_parameters(r=0.6, alpha=9.0, s=0.5, beta=11.0),
    ParetoNBDFit.with_parameters(r=0.6, alpha=9.0, s=0.5, beta=1e-3),  # changes within an hour: no polynomial
    BGNBDFit.with_parameters(r=0.3, alpha=0.2, a=0.8, b=2.5),
    MBGNBDFit.with_parameters(r=5.0, alpha=40.0, a=1e-3, b=200.0),
    NBDFit.with_parameters(a=2.0, b=0.5),
)


@pytest.mark.parametrize("fit", FITS, ids=lambda fit: fit.model)
@pytest.mark.parametrize("window", [(0.0, 3.0), (0.4, 1.4)])
def test_reading_off_is_asking_every_time(fit: PurchaseFit, window: tuple[float, float]) -> None:
    assert over_time(GRID.one_of_each(GRID.pairs[0]), fit._scale) is not None
    activity = fit.activity(GRID)
    for question in ("expected", "product", "none"):
        asked = getattr(activity, question)(*window)
        assert fit._of_alike(GRID, question, *window) == pytest.approx(asked, rel=1e-9, abs=1e-12)


def test_far_fewer_times_are_asked() -> None:
    table = OverTime.of(GRID, 9.0)
    assert table is not None
    assert len(table.nodes) + len(table.asked) < 0.1 * len(GRID)
    assert set(GRID.observed_periods[table.asked]) == {0.0}
    assert OverTime.of(GRID.one_of_each(np.arange(500)), 9.0) is None


def test_distinct_is_what_sorting_would_find() -> None:
    rng = np.random.default_rng(2)
    for many in (3, 10**9):  # few combinations, and more than there are rows
        columns = [rng.integers(0, many, 2_000) / 7 for _ in range(3)]
        first, index = distinct(*columns)
        rows, begin, which = np.unique(np.column_stack(columns), axis=0, return_index=True, return_inverse=True)
        assert len(first) == len(rows)
        assert first.tolist() == begin.tolist()
        assert index.tolist() == which.ravel().tolist()
    nothing = np.zeros(0)
    assert [len(part) for part in distinct(nothing, nothing)] == [0, 0]
