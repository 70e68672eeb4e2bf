"""V12, the rule: values that fall again and again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kezhi.language import KezhiError
from kezhi.worth.falling import falling, stretches


def test_v12_two_falls_of_fifteen_per_cent() -> None:
    """The row's example: 100, 80, 60 -> one alert; 100, 80, 90 -> none."""
    assert falling([100, 80, 60], 0.15, 2) is True
    assert falling([100, 80, 90], 0.15, 2) is False


@pytest.mark.parametrize(
    ("values", "share", "times", "expected"),
    [
        ([100, 85], 0.15, 1, True),  # exactly the share
        ([100, 85.2], 0.15, 1, False),
        ([1, 100, 80, 60], 0.15, 2, True),  # only the last steps count
        ([100, 80, 60, 60], 0.15, 2, False),
        ([100, 80], 0.15, 2, False),  # too few values
        ([], 0.15, 2, False),
        ([100, 0], 1.0, 1, True),
        ([0, 0, 0], 0.15, 2, False),  # nothing to fall from
        ([10, -10, -30], 0.15, 2, False),  # a loss has no share to fall by
        ([300, 255, 216.75], 0.15, 2, True),
    ],
)
def test_limits(values: list[float], share: float, times: int, expected: bool) -> None:
    assert bool(falling(values, share, times)) is expected


@given(st.lists(st.lists(st.integers(-50, 200), min_size=4, max_size=4), min_size=1, max_size=20), st.integers(1, 3))
@settings(max_examples=50, deadline=None)
def test_columns_say_what_single_values_say(rows: list[list[int]], times: int) -> None:
    columns = [np.array(column, dtype=float) for column in zip(*rows, strict=True)]
    assert list(falling(columns, 0.2, times)) == [bool(falling(row, 0.2, times)) for row in rows]


@pytest.mark.parametrize(("share", "times"), [(0.0, 2), (-0.1, 2), (1.5, 2), (0.2, 0)])
def test_a_rule_that_says_nothing_is_refused(share: float, times: int) -> None:
    with pytest.raises(KezhiError, match="A fall is a share"):
        falling([3, 2, 1], share, times)


SPENT = {"down": (100, 80, 60), "back": (100, 80, 90), "gone": (100, 80, 0), "new": (0, 50, 40)}


def test_v12_in_the_engine_over_the_last_complete_periods(worked: Callable[..., Any]) -> None:
    orders = [
        {"customer_id": name, "date": date(2025, month, 10), "amount": amount}
        for name, amounts in SPENT.items()
        for month, amount in zip((1, 2, 3), amounts, strict=True)
        if amount
    ]
    # the unfinished month would make everybody fall
    orders += [{"customer_id": "down", "date": date(2025, 4, 2), "amount": 500}]
    work = worked(orders, as_of=date(2025, 4, 5))
    ledger = work.ledger
    sums = stretches(ledger, 3, 1)
    found = sums.mutate(falling=falling([sums[f"value_{step}"] for step in range(3)], 0.15, 2))
    rows = work.engine.fetch(ledger.named(found)).to_pylist()
    assert {row["customer_id"] for row in rows if row["falling"]} == {"down", "gone"}
    assert {row["customer_id"]: (row["value_0"], row["value_1"], row["value_2"]) for row in rows} == SPENT
