"""Value for the customer, calculated: delivered value (V23), the market (V24), value sheet (V25), scorecard (V26)."""

from __future__ import annotations

import random
from typing import Any

import pytest

import kezhi
from kezhi.language import KezhiError
from kezhi.settings.market import Market
from kezhi.worth.scorecards import Scorecard
from kezhi.worth.value_map import value_map


def test_v23_kotler_ten_against_eight() -> None:
    found = kezhi.delivered_value(product=4, service=3, staff=2, image=1, money=5, time=1, energy=1, physical=1)
    assert (found.value, found.cost, found.difference, found.ratio) == (10, 8, 2, 1.25)
    assert "+2" in found.sentence.en
    assert "1.25" in found.sentence.zh


def test_delivered_value_at_its_limits() -> None:
    assert kezhi.delivered_value(product=3).ratio is None
    for wrong in (-1.0, float("nan"), float("inf"), "4"):
        with pytest.raises(KezhiError, match="product"):
            kezhi.delivered_value(product=wrong)


def test_v24_gale_quality_and_value() -> None:
    found = kezhi.perceived_value({"a": 0.6, "b": 0.4}, {"a": 1.2, "b": 1.0}, price=1.05)
    assert found.quality == pytest.approx(1.12)
    assert found.value == pytest.approx(1.067, abs=5e-4)
    assert "more for their money" in found.sentence.en
    assert kezhi.perceived_value({"a": 3, "b": 2}, {"a": 1.2, "b": 1.0}).quality == pytest.approx(1.12)
    assert kezhi.perceived_value({"a": 3}, {"a": 1.2}).value is None


def test_perceived_value_refuses_what_cannot_be_compared() -> None:
    for weights, ratios, price in (
        ({"a": 1}, {}, 1),
        ({"a": 0}, {"a": 1}, 1),
        ({"a": 1}, {"a": 0}, 1),
        ({"a": 1}, {"a": 1}, 0),
    ):
        with pytest.raises(KezhiError):
            kezhi.perceived_value(weights, ratios, price=price)  # type: ignore[arg-type]


def test_v25_business_market_value() -> None:
    found = kezhi.value_sheet(economic=100, technical=50, service=30, social=20, price=150)
    assert (found.worth, found.value) == (200, 50)
    assert "50 is left" in found.sentence.en


# --- V26 --------------------------------------------------------------------------------------------------

# A has the widest network, B is best at advertising the brand, C has the largest capacity
PARTNERS = {
    "A": {"network": 9.0, "brand": 4.0, "capacity": 3.0},
    "B": {"network": 5.0, "brand": 9.0, "capacity": 4.0},
    "C": {"network": 3.0, "brand": 3.0, "capacity": 9.0},
}


def test_v26_who_is_first_depends_on_what_is_weighed() -> None:
    branded: Scorecard = kezhi.scorecard(PARTNERS, {"network": 0.2, "brand": 0.6, "capacity": 0.2})
    assert branded.first == "B"
    assert kezhi.scorecard(PARTNERS, {"capacity": 1.0}).first == "C"
    assert branded.best_in("network") == ("A",)
    assert branded.sentence.en.startswith("B comes first as long as")
    assert "排名第一" in branded.sentence.zh


def test_v26_sensitivity_agrees_with_trying_every_weight() -> None:
    chance = random.Random(5)
    for _ in range(40):
        names = ["x", "y", "z", "w"][: chance.randrange(1, 5)]
        scores = {one: {name: float(chance.randrange(0, 11)) for name in names} for one in "ABC"}
        weights = {name: chance.random() for name in names}
        found = kezhi.scorecard(scores, weights)
        for moved, span in found.ranges.items():
            for step in range(101):
                t = step / 100
                first = _leads(found, moved, t)
                if span.lower + 1e-9 < t < span.upper - 1e-9:
                    assert first
                elif t < span.lower - 1e-9 or t > span.upper + 1e-9:
                    assert not first


def _leads(found: Scorecard, moved: str, t: float) -> bool:
    others = {name: weight for name, weight in found.weights.items() if name != moved}
    rest = sum(others.values())
    if not others:
        return True
    weights = {name: weight / rest * (1 - t) for name, weight in others.items()} | {moved: t}
    totals = {one: sum(weights[name] * row[name] for name in weights) for one, row in found.scores.items()}
    return totals[found.first] >= max(totals.values()) - 1e-9


def test_scorecard_at_its_limits() -> None:
    alone = kezhi.scorecard({"A": {"x": 1.0}}, {"x": 2.0})
    assert alone.ranges["x"].settled
    assert "whatever the weight" in alone.sentence.en
    for scores, weights in (
        ({}, {"x": 1}),
        ({"A": {}}, {"x": 1}),
        ({"A": {"x": 1}}, {"x": -1}),
        ({"A": {"x": 1}}, {"x": 0}),
    ):
        with pytest.raises(KezhiError):
            kezhi.scorecard(scores, weights)  # type: ignore[arg-type]


# --- the value map ----------------------------------------------------------------------------------------


def market(**changed: Any) -> Market:
    """One competitor, priced and scored so that Gale's example comes out."""
    return Market.model_validate(
        {
            "weights": {"quality": 0.6, "support": 0.4},
            "us": {"price": 105, "scores": {"quality": 6.0}},
            "competitors": {"X": {"price": 100, "scores": {"quality": 5.0, "support": 4.0}}},
        }
        | changed
    )


def test_v24_on_the_value_map() -> None:
    found = value_map(market(), {"support": 4.0})
    assert found is not None
    assert found["quality"] == pytest.approx(1.12)
    assert found["value"] == pytest.approx(1.12 / 1.05)
    us, other = found["offers"]
    assert (us["company"], other["company"]) == ("us", "X")
    assert other["price"] == pytest.approx(100 / 105)
    assert other["quality"] == pytest.approx(0.6 * 5 / 6 + 0.4)


def test_without_competitors_there_is_no_map_and_a_missing_score_is_said() -> None:
    assert value_map(Market(), {"support": 4.0}) is None
    with pytest.raises(KezhiError, match="support"):
        value_map(market(), {})
    with pytest.raises(KezhiError, match="weight above 0"):
        value_map(market(weights={"quality": 0.0}), {})
    even = value_map(market(weights={}), {"support": 4.0})
    assert even is not None
    assert even["quality"] == pytest.approx(1.1)
