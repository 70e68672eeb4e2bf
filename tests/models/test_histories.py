"""Input: every mistake is met early, with a sentence that names the argument."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest

from kezhi.models import AmountPanel, GammaGamma, PurchaseHistories, RepeatAmounts


@pytest.mark.parametrize(
    ("x", "t_x", "T", "sentence"),
    [
        ([-1], [0], [1], "repeat_purchases must not be negative"),
        ([1.5], [1], [1], "repeat_purchases must be whole"),
        ([math.nan], [0], [1], "repeat_purchases must be finite"),
        ([1], [2], [1], "last_purchase_at must not be later"),
        ([0], [1], [2], "last_purchase_at must be 0 where"),
        ([1], [0], [0], "observed_periods must be above 0 where"),
        ([0], [0], [math.inf], "observed_periods must be finite"),
        ([0, 1], [0], [1], "equally long"),
        (["a"], [0], [1], "repeat_purchases must be numbers"),
        ([[0]], [0], [1], "repeat_purchases must be a one-dimensional"),
        (3, [0], [1], "repeat_purchases must be a one-dimensional"),
    ],
)
def test_purchase_histories_refuse(x, t_x, T, sentence):
    with pytest.raises(ValueError, match=sentence):
        PurchaseHistories(x, t_x, T)


def test_customers_must_fit_too():
    with pytest.raises(ValueError, match="customers must not be negative"):
        PurchaseHistories([0], [0], [1], [-1])
    with pytest.raises(ValueError, match="equally long"):
        PurchaseHistories([0], [0], [1], [1, 2])


@pytest.mark.parametrize(
    ("h", "S", "logs", "sentence"),
    [
        ([1.5], [3], None, "active_periods must be whole"),
        ([2], [0], None, "mean_amount_sum must be above 0 exactly where"),
        ([0], [5], None, "mean_amount_sum must be above 0 exactly where"),
        ([2], [-1], None, "mean_amount_sum must not be negative"),
        ([2], [4], 2.0, "log_mean_amount_sum is larger than"),
        ([2], [4], math.nan, "log_mean_amount_sum must be a finite"),
    ],
)
def test_amount_panel_refuses(h, S, logs, sentence):
    with pytest.raises(ValueError, match=sentence):
        AmountPanel(h, S, None, logs)


def test_fitting_a_panel_needs_the_logarithms():
    with pytest.raises(ValueError, match="log_mean_amount_sum is needed"):
        GammaGamma().fit(AmountPanel([1, 2], [3.0, 8.0]))


def test_repeat_amounts_refuse():
    with pytest.raises(ValueError, match="mean_amount must be above 0 where"):
        RepeatAmounts([1], [0])
    with pytest.raises(ValueError, match="mean_amount must be above 0"):
        AmountPanel.from_periods(["a"], [0.0])


COLUMNS = {"repeat_purchases": [0, 2], "last_purchase_at": [0.0, 3.0], "observed_periods": [4.0, 5.5]}


def tables():
    pd, pl = pytest.importorskip("pandas"), pytest.importorskip("polars")
    short = dict(zip(("frequency", "recency", "T"), COLUMNS.values(), strict=True))
    records = np.array([(0, 0.0, 4.0), (2, 3.0, 5.5)], dtype=[(name, "f8") for name in COLUMNS])
    return {
        "dict": COLUMNS,
        "short names": short,
        "arrow": pa.table(COLUMNS),
        "pandas": pd.DataFrame(COLUMNS),
        "polars": pl.DataFrame(COLUMNS),
        "numpy": records,
    }


@pytest.mark.parametrize("kind", ["dict", "short names", "arrow", "pandas", "polars", "numpy"])
def test_any_table_will_do(kind):
    seen = PurchaseHistories.of(tables()[kind])
    assert seen.repeat_purchases.tolist() == [0, 2]
    assert seen.last_purchase_at.tolist() == [0, 3]
    assert seen.observed_periods.tolist() == [4, 5.5]
    assert seen.customers.tolist() == [1, 1]


def test_weights_come_along():
    assert PurchaseHistories.of({**COLUMNS, "customers": [7, 9]}).customers.tolist() == [7, 9]


def test_missing_column_is_named():
    with pytest.raises(ValueError, match="no column observed_periods or T; it has frequency, recency"):
        PurchaseHistories.of({"frequency": [1], "recency": [1]})
    with pytest.raises(ValueError, match="named columns"):
        PurchaseHistories.of(5)


def test_missing_value_in_a_table_is_named():
    with pytest.raises(ValueError, match="repeat_purchases must be"):
        PurchaseHistories.of(pa.table({**COLUMNS, "repeat_purchases": pa.array([1, None])}))


def test_the_callers_data_stay_as_they_are():
    mine = np.array([4.0, 5.0])
    seen = PurchaseHistories([0, 1], [0, 1], mine)
    with pytest.raises(ValueError, match="read-only"):
        seen.observed_periods[0] = 1
    mine[0] = 6.0  # still the caller's to change
    assert mine.flags.writeable


def test_panel_from_rows():
    panel = AmountPanel.from_periods(["b", "a", "b"], [2.0, 5.0, 8.0])
    assert panel.active_periods.tolist() == [1, 2]
    assert panel.mean_amount_sum.tolist() == [5, 10]
    assert panel.log_mean_amount_sum == pytest.approx(math.log(80))
    assert panel.spread == pytest.approx(math.log(25 / 16))
