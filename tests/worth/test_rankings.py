"""Rankings and the four key factors (inventory T06, T07, V06, V14)."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from kezhi.engine import Engine
from kezhi.settings.scoring import Factors, Ranking
from kezhi.worth.rankings import _numbered as numbered
from kezhi.worth.rankings import ranks, scores

MONEY = pa.decimal128(28, 4)
COLUMNS = ("amount", "value", "points", "money_points", "other_points", "need_points")


def customers(engine: Engine, rows: list[dict[str, Any]]) -> Any:
    """Customers by id, with 0 for whatever is not said."""
    full = {
        name: pa.array([Decimal(str(row.get(name, 0))).quantize(Decimal("0.0001")) for row in rows], MONEY)
        for name in COLUMNS
    }
    ids = pa.array([row["customer_id"] for row in rows], pa.string())
    roles = pa.array([row.get("role") for row in rows], pa.string())
    expected = pa.array([float(row.get("expected_purchases", 0)) for row in rows], pa.float64())
    return engine.table(pa.table({"customer_id": ids, "role": roles, "expected_purchases": expected, **full}))


def ranked(engine: Engine, rows: list[dict[str, Any]], **ranking: Any) -> dict[str, dict[str, Any]]:
    """Ranked customers by id, in the order of the file."""
    table = ranks(numbered(customers(engine, rows)), Ranking(**ranking)).order_by("number")
    return {row["customer_id"]: row for row in engine.fetch(table).to_pylist()}


def test_t06_shares_of_turnover_add_up(engine: Engine) -> None:
    found = ranked(engine, [{"customer_id": name, "amount": sum_} for name, sum_ in (("c", 20), ("a", 50), ("b", 30))])
    assert list(found) == ["a", "b", "c"]
    assert [row["rank_amount"] for row in found.values()] == [1, 2, 3]
    assert [row["share"] for row in found.values()] == pytest.approx([0.5, 0.3, 0.2])
    assert [row["cumulative_share"] for row in found.values()] == pytest.approx([0.5, 0.8, 1.0])


def test_t06_ties_are_stable(engine: Engine) -> None:
    rows = [{"customer_id": name, "amount": amount} for name, amount in (("d", 5), ("b", 5), ("a", 1), ("c", 5))]
    found = ranked(engine, rows)
    assert list(found) == ["b", "c", "d", "a"]
    assert [row["rank_amount"] for row in found.values()] == [1, 1, 1, 4]
    assert ranked(engine, rows[::-1]) == found


def test_t07_places_are_added_up(engine: Engine) -> None:
    """Places (1, 3) and (2, 1): with equal weights the second customer is first."""
    rows = [
        {"customer_id": "first", "amount": 300, "other_points": 1},
        {"customer_id": "second", "amount": 200, "other_points": 50},
        {"customer_id": "third", "amount": 100, "other_points": 20},
    ]
    found = ranked(engine, rows)
    assert [(row["rank_amount"], row["rank_other"]) for row in found.values()] == [(1, 3), (2, 1), (3, 2)]
    assert [row["combined"] for row in found.values()] == [2.0, 1.5, 2.5]
    assert [row["rank_combined"] for row in found.values()] == [2, 1, 3]
    money_only = ranked(engine, rows, money_weight=1)
    assert [row["rank_combined"] for row in money_only.values()] == [1, 2, 3]


def test_t07_points_are_weighted(engine: Engine) -> None:
    rows = [
        {"customer_id": "buys", "amount": 9, "points": 10, "money_points": 10},
        {"customer_id": "suggests", "points": 50, "other_points": 50},
    ]
    even = ranked(engine, rows, by="points")
    assert [row["rank_combined"] for row in even.values()] == [2, 1]
    assert [row["rank_points"] for row in even.values()] == [2, 1]  # V06
    money = ranked(engine, rows, by="points", money_weight=0.9)
    assert money["buys"]["combined"] == pytest.approx(9)
    assert money["buys"]["rank_combined"] == 1


def test_ranks_agree_with_counting(engine: Engine) -> None:
    draw = random.Random(11)
    rows = [
        {"customer_id": f"C{n:03d}", "amount": draw.randrange(-3, 12), "points": draw.randrange(5),
         "other_points": draw.randrange(-2, 3)}
        for n in range(120)
    ]  # fmt: skip
    found = ranked(engine, rows, money_weight=0.3)
    for name, rank in (("amount", "rank_amount"), ("points", "rank_points"), ("other_points", "rank_other")):
        for row in rows:
            better = sum(1 for other in rows if other[name] > row[name])
            assert found[row["customer_id"]][rank] == 1 + better
    combined = {key: 0.3 * row["rank_amount"] + 0.7 * row["rank_other"] for key, row in found.items()}
    for key, row in found.items():
        assert row["rank_combined"] == 1 + sum(1 for other in combined.values() if other < combined[key] - 1e-9)
    assert list(found.values())[-1]["cumulative_share"] == pytest.approx(1)


def test_nobody_one_and_no_turnover(engine: Engine) -> None:
    assert ranked(engine, []) == {}
    (one,) = ranked(engine, [{"customer_id": "a"}]).values()
    assert (one["share"], one["cumulative_share"]) == (None, None)
    assert (one["rank_amount"], one["rank_other"], one["rank_combined"]) == (1, 1, 1)


# --- factors

FIVE = [
    {"customer_id": "a", "value": 80, "role": "distributor", "expected_purchases": 0, "need_points": 0},
    {"customer_id": "b", "value": 40, "role": "distributor", "expected_purchases": 4, "need_points": 0},
    {"customer_id": "c", "value": 30, "role": "consumer", "expected_purchases": 3, "need_points": 0},
    {"customer_id": "d", "value": 0, "role": "consumer", "expected_purchases": 2, "need_points": 7},
    {"customer_id": "e", "value": -6, "role": None, "expected_purchases": 1, "need_points": 5},
]
ALL = ("profit", "category", "loyalty", "need")


def factor_scores(engine: Engine, found: tuple[str, ...] = ALL, **factors: Any) -> list[dict[str, Any]]:
    """Scores of five customers."""
    table = scores(customers(engine, FIVE), found, Factors(**factors))
    rows: list[dict[str, Any]] = engine.fetch(table.order_by("customer_id")).to_pylist()
    return rows


def test_v14_four_scores_and_their_weighted_mean(engine: Engine) -> None:
    found = factor_scores(engine, profit=0.4, category=0.1, loyalty=0.3, need=0.2)
    assert [row["profit_score"] for row in found] == [10, 7.5, 5, 2.5, 0]
    assert [row["loyalty_score"] for row in found] == [0, 10, 7.5, 5, 2.5]
    assert [row["need_score"] for row in found] == [0, 0, 0, 10, 7.5]
    assert [row["category_score"] for row in found] == [10, 10, 2.5, 2.5, 0]
    assert [row["factor_score"] for row in found] == pytest.approx([5.0, 7.0, 4.5, 4.75, 2.25])


def test_v14_kinds_may_be_scored_by_hand_and_what_is_unknown_has_no_part(engine: Engine) -> None:
    said = factor_scores(engine, categories={"Consumer": 9})
    assert [row["category_score"] for row in said] == [10, 10, 9, 9, 0]
    two = factor_scores(engine, ("profit", "loyalty"), profit=0.3, category=0.6, loyalty=0.1, need=0)
    assert [row["factor_score"] for row in two] == pytest.approx([7.5, 8.125, 5.625, 3.125, 0.625])
    assert "need_score" not in two[0]
