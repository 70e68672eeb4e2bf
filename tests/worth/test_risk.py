"""What is at stake (R22), near loss with its drivers (R23, V09), and lives of relationships (R25)."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import permutations
from pathlib import Path
from typing import Any

import ibis
import pyarrow.parquet as pq
import pytest

from kezhi.engine import Engine
from kezhi.valuation import Forecasted
from kezhi.worth import Work
from kezhi.worth.near_loss import DRIVERS, STEPS, Level, effects
from kezhi.worth.risk import expected_loss, measured

AS_OF = date(2025, 6, 30)
PARTS = tuple(f"{name}_effect" for name in DRIVERS)


def company() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Orders with costs, and expenses, of 60 customers over two and a half years; some cost more than they bring."""
    chance = random.Random(12)
    begin, days = date(2023, 1, 1), 911
    orders, expenses = [], []
    for number in range(60):
        name, first = f"C{number:02}", chance.randrange(0, 800)
        until = days if number % 3 else min(first + 300, days)
        for _ in range(chance.randrange(1, 14)):
            amount = chance.randrange(10, 300)
            share = 1.2 if number % 11 == 0 else 0.6
            orders.append({"customer_id": name, "date": begin + timedelta(chance.randrange(first, until)),
                           "amount": float(amount), "cost": round(amount * share, 2)})  # fmt: skip
        expenses += [
            {"customer_id": name, "date": begin + timedelta(chance.randrange(first, until)),
             "amount": float(chance.randrange(5, 400 if number % 7 == 0 else 30))}
            for _ in range(number % 4)
        ]  # fmt: skip
    # V09: cost and expense exceed the purchases
    orders.append({"customer_id": "V09", "date": date(2025, 2, 1), "amount": 100.0, "cost": 80.0})
    expenses.append({"customer_id": "V09", "date": date(2025, 2, 2), "amount": 50.0})
    orders += [{"customer_id": "R25", "date": day, "amount": 90.0, "cost": 20.0}
               for day in (date(2025, 1, 9), date(2025, 2, 20))]  # fmt: skip
    orders += [{"customer_id": "back", "date": date(2023, month, 5), "amount": 100.0, "cost": 20.0}
               for month in range(7, 13)]  # fmt: skip
    orders.append({"customer_id": "back", "date": date(2025, 5, 5), "amount": -1_200.0, "cost": None})
    expenses.append({"customer_id": "never", "date": date(2025, 3, 2), "amount": 7.0})
    return orders, expenses


@pytest.fixture(scope="module")
def found(worked: Callable[..., Work]) -> tuple[Work, dict[str, Any]]:
    orders, expenses = company()
    work = worked(orders, expenses=expenses, as_of=AS_OF, model="bg_nbd")
    return work, measured(work).facts


@pytest.fixture(scope="module")
def at_stake(found: tuple[Work, dict[str, Any]]) -> list[dict[str, Any]]:
    return pq.read_table(found[0].folder / "risk.parquet").to_pylist()


@pytest.fixture(scope="module")
def near(found: tuple[Work, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {row["customer_id"]: row for row in pq.read_table(found[0].folder / "near_loss.parquet").to_pylist()}


# --- R22 --------------------------------------------------------------------------------------------------


def test_r22_the_layers_add_up_to_the_card(found: tuple[Work, dict[str, Any]], at_stake: list[dict[str, Any]]) -> None:
    work, facts = found
    forecast = pq.read_table(work.folder / "forecast.parquet").to_pylist()
    assert facts["value_at_risk"] == sum(row["value"] for row in forecast)
    assert sum(row["value_at_risk"] for row in facts["tiers"]) == facts["value_at_risk"]
    top = [row for row in at_stake if row["tier"] == "vip"]
    assert facts["tiers"][0]["tier"] == "vip"
    assert facts["tiers"][0]["value_at_risk"] == sum(row["value_at_risk"] for row in top)
    assert max(row["value_at_risk"] for row in at_stake) == top[0]["value_at_risk"]
    assert Counter(row["tier"] for row in at_stake) == {"vip": 1, "large": 3, "ordinary": 9, "small": 51}


def test_r22_expected_loss_is_full_value_times_the_chance_of_having_left(at_stake: list[dict[str, Any]]) -> None:
    for row in at_stake:
        value, alive = max(float(row["value_at_risk"]), 0.0), 1.0 if row["p_alive"] is None else row["p_alive"]
        alive = max(alive, 0.01)  # counts so in both places: forecast and expected loss add up to the full value
        assert float(row["expected_loss"]) == pytest.approx(value / alive * (1.0 - alive), abs=1e-4)
    losses = [row["expected_loss"] for row in at_stake]
    assert losses == sorted(losses, reverse=True)
    assert any(losses)


def test_a11_ten_thousand_at_0_3_ranks_above_twenty_thousand_at_0_1(engine: Engine) -> None:
    """Full values 10,000 and 20,000, left with probability 0.3 and 0.1: forecasts are 7,000 and 18,000."""
    losses = [
        engine.row(
            ibis.literal(1).name("one").as_table().mutate(
                loss=expected_loss(ibis.literal(forecast).cast("decimal(28, 4)"), ibis.literal(alive))
            )
        )["loss"]
        for forecast, alive in ((7_000, 0.7), (18_000, 0.9))
    ]  # fmt: skip
    assert losses == [Decimal("3000.0000"), Decimal("2000.0000")]


# --- R25 --------------------------------------------------------------------------------------------------


def test_r25_four_empty_periods_mean_churned(
    found: tuple[Work, dict[str, Any]], at_stake: list[dict[str, Any]], tmp_path: Path
) -> None:
    """R25 bought in January and February: March to June are four empty periods, and the setting may ask for five."""
    rows = {row["customer_id"]: row for row in at_stake}
    life = [rows["R25"][name] for name in ("state", "life_start", "life_end", "life_periods")]
    assert life == ["churned", date(2025, 1, 1), date(2025, 2, 1), 2]
    assert rows["never"]["state"] == "never"
    assert {row["state"] for row in at_stake} == {"active", "quiet", "churned", "never"}
    work = found[0]
    five = replace(work, settings=work.settings.changed(churn_after=5), forecasted=moved(work, tmp_path))
    measured(five)
    states = {row["customer_id"]: row["state"] for row in pq.read_table(tmp_path / "risk.parquet").to_pylist()}
    assert states["R25"] == "quiet"


def moved(work: Work, folder: Path) -> Forecasted:
    """The same forecast, written elsewhere."""
    return replace(work.forecasted, folder=folder)


def test_lives_agree_with_counting_by_hand(found: tuple[Work, dict[str, Any]]) -> None:
    work, facts = found
    bought: dict[str, set[int]] = {}
    for row in (one for one in company()[0] if one["amount"] > 0):
        bought.setdefault(row["customer_id"], set()).add(work.calendar.number(row["date"]))
    for row in facts["life_cycle"]:
        number = work.calendar.number(row["period"])
        assert row["started"] == sum(min(months) == number for months in bought.values())
        assert row["active"] == sum(number in months for months in bought.values())
        assert row["churned"] == sum(max(months) + 4 == number for months in bought.values())


# --- R23, V09 ---------------------------------------------------------------------------------------------


def test_v09_who_costs_more_than_they_bring_is_listed(near: dict[str, dict[str, Any]]) -> None:
    row = near["V09"]
    assert row["near_past"]
    assert row["value"] == -30
    assert row["proposal_en"] == STEPS[row["driver"]].en
    assert row["proposal_zh"] == STEPS[row["driver"]].zh
    assert "never" in near, "only money was ever spent on them"


def test_exactly_those_near_zero_or_below_are_listed(
    found: tuple[Work, dict[str, Any]], near: dict[str, dict[str, Any]]
) -> None:
    rows = found[0].engine.fetch(found[0].customers).to_pylist()
    wanted = {
        row["customer_id"] for row in rows
        if float(row["value"]) <= 0.05 * max(float(row["amount"]), 0.0)
        or ((row["forecast_amount"] or row["forecast_expense"])
            and float(row["forecast_value"]) <= 0.05 * float(row["forecast_amount"]))
    }  # fmt: skip
    assert set(near) == wanted
    assert len(rows) > len(near) > 5


def test_r23_each_row_names_its_largest_negative_driver(near: dict[str, dict[str, Any]]) -> None:
    for row in near.values():
        parts = {name: row[f"{name}_effect"] for name in DRIVERS}
        assert row["driver"] == min(parts, key=lambda name: parts[name])
        assert parts[row["driver"]] < 0


def test_r23_the_parts_add_up_to_the_last_digit(near: dict[str, dict[str, Any]]) -> None:
    for row in near.values():
        assert sum(row[name] for name in PARTS) == row["after"] - row["before"]
    assert {row["basis"] for row in near.values()} == {"own", "typical"}


def test_levels_agree_with_adding_up_by_hand(
    found: tuple[Work, dict[str, Any]], near: dict[str, dict[str, Any]]
) -> None:
    work, present = found[0], found[0].ledger.present
    accounts = work.engine.fetch(work.ledger.named(work.ledger.accounts)).to_pylist()
    for customer, row in near.items():
        mine = [one for one in accounts if one["customer_id"] == customer]
        first = min(one["number"] for one in mine)
        own = row["basis"] == "own"
        now = [one for one in mine if not own or one["number"] > present - 12]
        periods = min(12, present - first + 1) if own else present - first + 1
        level = sum(one["amount"] - one["cost"] - one["expense"] for one in now) / periods
        assert float(row["after"]) == pytest.approx(float(level), abs=1e-3)
        if own:
            before = [one for one in mine if one["number"] <= present - 12]
            value = sum(one["amount"] - one["cost"] - one["expense"] for one in before) / (present - 12 - first + 1)
            assert float(row["before"]) == pytest.approx(float(value), abs=1e-3)
            assert row["after"] < row["before"]


def test_effects_are_shapley_values(engine: Engine) -> None:
    """Against the mean over all orders in which purchases, amount and margin may change one after the other."""
    base, now = (Fraction(2), Fraction(50), Fraction(2, 5)), (Fraction(1), Fraction(80), Fraction(1, 10))
    wanted = [Fraction(0)] * 3
    for order in permutations(range(3)):
        state = list(base)
        for factor in order:
            before = state[0] * state[1] * state[2]
            state[factor] = now[factor]
            wanted[factor] += (state[0] * state[1] * state[2] - before) / 6
    levels = [Level(*(ibis.literal(float(part)) for part in (*parts, spent))) for parts, spent in ((base, 3), (now, 9))]
    table = ibis.literal(1).name("one").as_table().mutate(**effects(levels[0], levels[1], ibis.literal(80.0)))
    row = engine.row(table)
    assert float(row["frequency_effect"]) == pytest.approx(float(wanted[0]), abs=1e-3)
    assert float(row["amount_effect"]) == pytest.approx(float(wanted[1]), abs=1e-3)
    assert row["expense_effect"] == -6
    total = now[0] * now[1] * now[2] - base[0] * base[1] * base[2]
    assert float(total) == pytest.approx(sum(map(float, wanted)))


def test_returns_without_purchases_count_as_amount_and_frequency(near: dict[str, dict[str, Any]]) -> None:
    """Whoever stopped buying and only sent goods back: bought less often, and gave money back."""
    row = near["back"]
    assert row["basis"] == "own"
    assert row["frequency_effect"] == -row["before"]
    assert row["amount_effect"] == -100
    assert (row["cost_effect"], row["expense_effect"]) == (0, 0)
    assert row["driver"] == "amount"


# --- limits and invariance --------------------------------------------------------------------------------


def test_nothing_after_as_of_counts_and_order_does_not_matter(
    found: tuple[Work, dict[str, Any]], worked: Callable[..., Work]
) -> None:
    orders, expenses = company()
    later = [{"customer_id": "C01", "date": date(2025, 7, 9), "amount": 9_999.0, "cost": 1.0}]
    random.Random(1).shuffle(orders)
    work = worked(orders + later, expenses=expenses[::-1], as_of=AS_OF, model="bg_nbd")
    assert measured(work).facts == found[1]
    for name in ("risk", "near_loss"):
        mine, other = (pq.read_table(one.folder / f"{name}.parquet") for one in (work, found[0]))
        assert mine.equals(other)


def test_one_customer_who_only_sent_something_back(worked: Callable[..., Work]) -> None:
    work = worked([{"customer_id": "A", "date": AS_OF, "amount": -5.0}], as_of=AS_OF)
    facts = measured(work).facts
    assert facts["value_at_risk"] == facts["expected_loss"] == 0
    assert [(row["state"], row["customers"]) for row in facts["states"]] == [("never", 1)]
    assert facts["life_cycle"] == []
    assert facts["near_loss"]["customers"] == 1
