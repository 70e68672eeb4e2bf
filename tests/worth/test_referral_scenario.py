"""Scenarios of later generations (W08): expected numbers, chance, and what cannot be meant."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kezhi
from kezhi.language import KezhiError
from kezhi.worth.referral_scenario import ReferralScenario, referral_scenario

PATH = (800, 750, 700, 500, 3200)
KEPT = (850, 100, 100, 100, 100)


def column(made: ReferralScenario, name: str) -> list[float]:
    return [getattr(row, name) for row in made.periods]


def test_w08_without_referrals_only_what_the_first_customers_bring_is_left() -> None:
    made = referral_scenario(rate=0, value=PATH, cost=KEPT, customers=3)
    assert column(made, "direct") == [3 * value for value in PATH]
    assert column(made, "referred") == [0.0] * 5
    assert made.periods[-1].cumulative == 3 * (sum(PATH) - sum(KEPT))
    assert [row.generation for row in made.generations] == [0]
    assert made.sent_per_customer == 0


def test_w08_the_worked_case_is_the_first_generation_of_a_scenario() -> None:
    """One sent in the second year, one in the third, two in the fourth; they do not recommend: 1 = 12 800."""
    made = referral_scenario(rate=(1, 1, 2, 0), value=PATH, cost=KEPT, generations=1)
    assert column(made, "referred") == [0, 800, 1550, 3050, 2700]
    assert column(made, "profit") == [-50, 1450, 2150, 3450, 5800]
    assert column(made, "cumulative") == [-50, 1400, 3550, 7000, 12800]


def test_w08_to_the_nth_power_every_generation_is_larger_and_the_note_says_what_it_is() -> None:
    made = referral_scenario(rate=(1, 1, 2, 0), value=PATH, cost=KEPT, horizon=20)
    counts = [row.customers for row in made.generations]
    assert counts[:4] == [1, 4, 16, 64]  # those who had four years to recommend
    assert made.periods[-1].cumulative > 12800**1.5
    assert "not a forecast" in made.note.en
    assert "不是预测" in made.note.zh
    capped = referral_scenario(rate=(1, 1, 2, 0), value=PATH, cost=KEPT, horizon=20, market=100)
    assert capped.periods[-1].customers == pytest.approx(101)


@given(
    st.lists(st.floats(0, 1.5), min_size=1, max_size=4),
    st.lists(st.integers(-50, 900), min_size=1, max_size=6),
    st.integers(1, 7),
)
@settings(max_examples=30, deadline=None, derandomize=True)
def test_expected_numbers_agree_with_a_walk_over_customers(rate: list[float], value: list[int], horizon: int) -> None:
    """The slow way: every customer, with how much of them there is, sends parts of others, one by one."""

    def at(series: Sequence[float], age: int) -> float:
        return series[min(age, len(series) - 1)]

    earned = [0.0] * horizon
    waiting = [(0, 1.0)]
    while waiting:
        came, weight = waiting.pop()
        for period in range(came, horizon):
            earned[period] += weight * at(value, period - came)
        waiting += [(period, weight * at(rate, period - came - 1)) for period in range(came + 1, horizon)]
        waiting = [pair for pair in waiting if pair[1]]
    made = referral_scenario(rate=rate, value=value, horizon=horizon)
    assert column(made, "profit") == pytest.approx(earned, rel=1e-9, abs=1e-6)


@pytest.mark.parametrize(("cap", "market"), [(None, None), (2, None), (0, None)])
def test_simulated_courses_lie_around_what_is_expected(cap: int | None, market: float | None) -> None:
    plain: dict[str, Any] = {
        "rate": 0.6,
        "value": (10, 20),
        "customers": 400,
        "horizon": 4,
        "cap": cap,
        "market": market,
    }
    made = referral_scenario(**plain, draws=400, seed=3)
    assert made.spread is not None
    low, high = made.spread.cumulative
    assert low <= made.periods[-1].cumulative <= high
    assert high - low <= 0.2 * made.periods[-1].cumulative
    assert made == referral_scenario(**plain, draws=400, seed=3)


def test_no_course_outgrows_its_market() -> None:
    for cap in (None, 5):
        made = referral_scenario(rate=3, value=1, customers=10, horizon=6, cap=cap, market=25, draws=50)
        assert made.spread is not None
        assert made.spread.customers == (35, 35)


def test_a_cap_is_never_passed_and_a_high_one_changes_nothing() -> None:
    free, high = (referral_scenario(rate=0.5, value=1, horizon=6, cap=cap) for cap in (None, 60))
    assert column(high, "customers") == pytest.approx(column(free, "customers"))
    one = referral_scenario(rate=50, value=1, horizon=3, cap=1)
    assert one.sent_per_customer == pytest.approx(1.0)


def test_rate_and_value_come_from_a_run(tmp_path: Path) -> None:
    rate = {"per_period": 0.2, "lower": 0.1, "upper": 0.4, "value_per_period": 30.0}
    (tmp_path / "worth.json").write_text(json.dumps({"referrals": {"rate": rate}}), encoding="utf-8")
    made = kezhi.referral_scenario(tmp_path, horizon=6)
    assert made.periods[0].direct == 30
    assert made.periods[1].sent == pytest.approx(0.2)
    assert made.low is not None
    assert made.high is not None
    assert made.low < made.periods[-1].cumulative < made.high
    assert made.low == referral_scenario(rate=0.1, value=30, horizon=6).periods[-1].cumulative
    assert referral_scenario(tmp_path, rate=[0.2, 0.1], horizon=6).low is None


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({}, "rate"),
        ({"rate": 1}, "value"),
        ({"rate": -1, "value": 1}, "rate"),
        ({"rate": [], "value": 1}, "rate"),
        ({"rate": 1, "value": float("nan")}, "value"),
        ({"rate": 1, "value": 1, "horizon": 0}, "horizon"),
        ({"rate": 1, "value": 1, "cap": -1}, "cap"),
        ({"rate": 1, "value": 1, "customers": 1.5, "draws": 5}, "customers"),
        ({"rate": 100, "value": 1, "horizon": 30}, "market"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_sentence(given: dict[str, Any], named: str) -> None:
    with pytest.raises(KezhiError, match=named):
        referral_scenario(**given)
