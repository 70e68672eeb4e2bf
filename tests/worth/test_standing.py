"""V13, V20, V27: the grid of now and later, pace, growth, breadth, wallet, activity; against plain Python."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from statistics import median
from typing import Any

import pyarrow.parquet as pq
import pytest

from kezhi.worth.standing import measured
from worth.small_company import AS_OF, Company, Life, lives, month

PRESENT = month(AS_OF) - 1


def rows_of(work: Any) -> dict[str, dict[str, Any]]:
    return {row["customer_id"]: row for row in pq.read_table(work.folder / "standing.parquet").to_pylist()}


@pytest.fixture(scope="module")
def stood(followed: tuple[Company, Any]) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Facts and rows of the small company."""
    found = measured(followed[1])
    assert found is not None
    return found.facts, rows_of(followed[1])


# --- the rows' examples -----------------------------------------------------------------------------------


def test_v20_four_of_six_categories_and_sixty_per_cent_of_the_wallet(worked: Callable[..., Any]) -> None:
    """The row's examples: breadth 0.67, wallet 60 %."""
    products = [{"product_id": f"P{n}", "category": f"kind {n}"} for n in range(6)]
    orders = [
        {"customer_id": "A", "date": date(2025, 2 + n, 3), "amount": 150, "product_id": f"P{n}"} for n in range(4)
    ]
    orders += [{"customer_id": "B", "date": date(2025, 3, 3), "amount": 9, "product_id": f"P{n}"} for n in range(6)]
    orders += [{"customer_id": "A", "date": date(2025, 3, 9), "amount": n, "product_id": "P5"} for n in (20, -20)]
    work = worked(
        orders, products=products, customers=[{"customer_id": "A", "钱包规模": 1000}], as_of=date(2025, 12, 31)
    )
    found = measured(work)
    rows = rows_of(work)
    assert rows["A"]["categories"] == 4
    assert rows["A"]["breadth"] == pytest.approx(0.67, abs=0.005)
    assert (rows["A"]["spend"], rows["A"]["wallet"], rows["A"]["wallet_share"]) == (600, 1000, 0.6)
    assert (rows["B"]["breadth"], rows["B"]["wallet"], rows["B"]["wallet_share"]) == (1.0, None, None)
    assert found is not None
    assert found.facts["breadth"] == pytest.approx((4 / 6 + 1) / 2)
    assert (found.facts["wallets"], found.facts["wallet_share"]) == (1, 0.6)


def test_v13_the_grid_adds_up(stood: tuple[dict[str, Any], dict[str, Any]], followed: tuple[Company, Any]) -> None:
    """The row's example: the counts of the grid add up to the number of customers; so does the money."""
    facts, rows = stood
    grid = {cell["class"]: cell for cell in facts["grid"]}
    assert list(grid) == ["keep", "grow", "hold", "simple"]
    assert sum(cell["customers"] for cell in grid.values()) == len(rows) == len(lives(followed[0]))
    assert Counter(row["potential_class"] for row in rows.values()) == {
        name: cell["customers"] for name, cell in grid.items() if cell["customers"]
    }
    for name in ("current", "potential"):
        assert sum(cell[name] for cell in grid.values()) == sum(row[name] for row in rows.values())
        cut = median(float(row[name]) for row in rows.values() if row[name] > 0)
        assert facts[f"{name}_from"] == pytest.approx(cut)
        high = {"current": {"keep", "hold"}, "potential": {"keep", "grow"}}[name]
        for row in rows.values():
            assert (row["potential_class"] in high) == (float(row[name]) >= cut)


def test_v27_the_index_rises_with_every_purchase_and_fades(worked: Callable[..., Any]) -> None:
    """The row's example: the index after purchase n + 1 is above that after n."""
    days = [date(2025, 1, 5) + timedelta(days=25 * n) for n in range(6)]
    orders = [
        {"customer_id": f"{count} purchases", "date": day, "amount": 20}
        for count in range(1, 7)
        for day in days[:count]
    ]
    then, later = (_indices(worked, orders, day) for day in (days[-2], days[-1]))
    assert all(more > fewer for fewer, more in pairwise(later))
    assert later[-1] > then[-1]  # who bought once more
    assert all(faded < fresh for faded, fresh in zip(later[:-1], then[:-1], strict=True))


def _indices(worked: Callable[..., Any], orders: list[dict[str, Any]], as_of: date) -> list[float]:
    work = worked(orders, as_of=as_of)
    measured(work)
    return [row["activity"] for _, row in sorted(rows_of(work).items())]


# --- agreement --------------------------------------------------------------------------------------------


def test_every_column_is_what_following_every_customer_gives(
    stood: tuple[dict[str, Any], dict[str, Any]], followed: tuple[Company, Any]
) -> None:
    facts, rows = stood
    everybody = lives(followed[0])
    life_values = followed[1].engine.fetch(followed[1].lives.select("customer_id", "residual_value")).to_pylist()
    assert {row["customer_id"]: row["residual_value"] for row in life_values} == {
        name: row["potential"] for name, row in rows.items()
    }
    assert facts["half_life_days"] == pytest.approx(_half_life(everybody))
    for name, life in everybody.items():
        row = rows[name]
        assert month(row["began"]) == life.begin
        assert row["current"] == life.value(range(PRESENT - 11, month(AS_OF) + 1))
        for column, stretch in (("spend", range(PRESENT - 11, PRESENT + 1)),
                                ("spend_before", range(PRESENT - 23, PRESENT - 11))):  # fmt: skip
            assert row[column] == sum((life.amount.get(number, Decimal(0)) for number in stretch), Decimal(0))
        growth = float(row["spend"] / row["spend_before"]) - 1 if _old(life) and row["spend_before"] > 0 else None
        assert row["growth"] == (None if growth is None else pytest.approx(growth))
        assert row["activity"] == pytest.approx(_activity(life, facts["half_life_days"]), abs=1e-6)
        assert row["unbooked_acquisition"] == life.unbooked
    active = [row for row in rows.values() if row["activity"] >= 0.5]
    assert facts["active"] == len(active)
    share = sum(row["current"] for row in active) / sum(row["current"] for row in rows.values())
    assert facts["active_value_share"] == pytest.approx(float(share))
    known = [row for row in rows.values() if row["growth"] is not None]
    assert facts["with_growth"] == len(known)
    assert facts["growing"] == sum(row["growth"] > 0 for row in known)


def _old(life: Life) -> bool:
    return life.begin <= PRESENT - 23


def _activity(life: Life, half_life: float) -> float:
    index = 0.0
    for number in life.purchases:
        days = [day for day in life.bought if month(day) == number]
        middle = ((AS_OF - days[0]).days + (AS_OF - days[-1]).days) / 2
        index += len(days) * 0.5 ** (middle / half_life)
    return index


def _half_life(everybody: dict[str, Life]) -> float:
    bought = [life.bought for life in everybody.values() if life.bought]
    return sum((days[-1] - days[0]).days for days in bought) / sum(len(days) - 1 for days in bought)


@pytest.mark.parametrize(("unit", "days"), [("week", 7), ("month", 365.2425 / 12), ("year", 365.2425)])
def test_the_pace_counts_one_unit_at_least(
    stood: tuple[dict[str, Any], dict[str, Any]], followed: tuple[Company, Any], unit: str, days: float
) -> None:
    _, rows = stood
    everybody = lives(followed[0])
    assert not all(life.bought for life in everybody.values())
    for name, life in everybody.items():
        observed = max(((AS_OF - life.bought[0]).days + 1) / days, 1.0) if life.bought else 1.0
        assert rows[name][f"purchases_per_{unit}"] == pytest.approx(len(life.bought) / observed)


# --- limits -----------------------------------------------------------------------------------------------


def test_nobody_has_bought(worked: Callable[..., Any]) -> None:
    work = worked([{"customer_id": "A", "date": date(2025, 1, 9), "amount": -10}])
    assert measured(work) is None


def test_one_customer_with_one_purchase(worked: Callable[..., Any]) -> None:
    work = worked([{"customer_id": "A", "date": date(2025, 1, 9), "amount": 10}], period="quarter")
    found = measured(work)
    assert found is not None
    assert found.facts["half_life_days"] == pytest.approx(365.2425)
    assert sum(cell["customers"] for cell in found.facts["grid"]) == 1
    row = rows_of(work)["A"]
    assert "breadth" not in row
    assert "wallet" not in row
    assert (row["growth"], row["activity"], row["purchases_per_year"]) == (None, 1.0, 1.0)


def test_neither_the_order_of_rows_nor_what_comes_later_changes_anything(
    followed: tuple[Company, Any], stood: tuple[dict[str, Any], dict[str, Any]], worked: Callable[..., Any]
) -> None:
    company, work = followed
    chance = random.Random(2)
    tables = {"orders": company.orders, **company.tables}
    shuffled = {name: chance.sample(rows, len(rows)) for name, rows in tables.items()}
    later = [{**company.orders[0], "date": AS_OF + timedelta(days=1), "product_id": "P1"}]
    again = worked(shuffled.pop("orders") + later, as_of=AS_OF, **shuffled)
    found = measured(again)
    assert found is not None
    assert found.facts == stood[0]
    assert pq.read_table(work.folder / "standing.parquet").equals(pq.read_table(again.folder / "standing.parquet"))
