"""T17: what actions brought, treated against control customers; against plain Python, scipy, and known effects."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy import stats

from actions.companies import ACTED, AFTER, AS_OF, RATE, Company, bought, in_groups, random_company, together, trial
from kezhi.actions.effect import Moments, apart, difference
from kezhi.actions.uplift import measured

Worked = Callable[..., Any]
SHORT = {"uplift": {"window": 1, "least_customers": 2, "least_buyers": 1}}


def rows_of(work: Any) -> dict[tuple[str, str], dict[str, Any]]:
    return {(row["action"], row["figure"]): row for row in pq.read_table(work.folder / "uplift.parquet").to_pylist()}


# --- agreement --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_figure_is_what_following_every_customer_gives(worked: Worked, seed: int) -> None:
    made = random_company(seed)
    work = worked(made.orders, actions=made.actions, as_of=AS_OF, **SHORT)
    found = measured(work)
    assert found is not None
    rows = rows_of(work)
    window = found.facts["window_days"]
    assert window == 30
    for action in ("mail", "call", "gift"):
        treated, control, left_out = in_groups(made, action)
        if not treated:
            assert (action, "amount") not in rows
            continue
        for figure in ("purchases", "amount", "value"):
            row = rows[action, figure]
            assert (row["treated"], row["control"], row["left_out"]) == (len(treated), len(control), left_out)
            assert (row["first_day"], row["last_day"]) == _span([*treated.values(), *control.values()])
            after, before = ([_of(made, arm, figure, window, at) for arm in (treated, control)] for at in (1, 0))
            assert row["treated_mean"] == pytest.approx(np.mean(after[0]), abs=1e-9)
            if not control:
                assert (row["verdict"], row["control_mean"], row["effect"], row["total"]) == ("no_control", *[None] * 3)
                continue
            assert row["control_mean"] == pytest.approx(np.mean(after[1]), abs=1e-9)
            if min(len(treated), len(control)) < 2:
                assert row["effect"] is None
                continue
            _same(row, "effect", *after)
            if row["before_known"]:
                _same(
                    row,
                    "change",
                    *([a - b for a, b in zip(*both, strict=True)] for both in zip(after, before, strict=True)),
                )


def _span(days: list[date]) -> tuple[date, date]:
    return min(days), max(days)


def _of(made: Company, arm: dict[str, date], figure: str, window: int, at: int) -> list[float]:
    return [float(bought(made, name, day, window)[figure][at]) for name, day in arm.items()]


def _same(row: dict[str, Any], name: str, treated: list[float], control: list[float]) -> None:
    """scipy's own test of Welch."""
    assert row[name] == pytest.approx(np.mean(treated) - np.mean(control), abs=1e-9)
    if min(np.var(treated), np.var(control)) > 1e-12:  # of equal numbers scipy warns
        interval = stats.ttest_ind(treated, control, equal_var=False).confidence_interval(0.95)
        assert (row[f"{name}_lower"], row[f"{name}_upper"]) == pytest.approx(tuple(interval), abs=1e-6)


# --- the row's example, and known effects -----------------------------------------------------------------


def test_t17_both_groups_are_shown_and_the_effect_is_found(worked: Worked) -> None:
    """The row's example: targeted against untargeted customers."""
    made = trial(7, customers=400, more=0.6)
    work = worked(made.orders, actions=made.actions, as_of=AS_OF)
    found = measured(work)
    assert found is not None
    assert (found.facts["actions"], found.facts["with_control"], found.facts["claimed"]) == (1, 1, 1)
    row = rows_of(work)["voucher", "purchases"]
    assert row["treated"] + row["control"] == 400
    assert (row["alike"], row["basis"], row["verdict"]) == (True, "difference", "more")
    truth = 0.6 * RATE * AFTER / 30
    assert row["effect_lower"] < truth < row["effect_upper"]
    assert row["total"] == pytest.approx(row["effect"] * row["treated"])


@pytest.fixture(scope="module")
def trials(worked: Worked) -> dict[tuple[str, str], dict[str, Any]]:
    """Sixty actions that bring a third more, and sixty that bring nothing."""
    made = [
        trial(n, customers=70, more=0.35 * (n % 2), action=f"{'null' if n % 2 == 0 else 'more'} {n}")
        for n in range(120)
    ]
    both = together(made)
    work = worked(both.orders, actions=both.actions, as_of=AS_OF)
    measured(work)
    return rows_of(work)


@pytest.mark.parametrize("basis", ["effect", "change"])
def test_the_interval_holds_the_truth_as_often_as_it_says(trials: dict[Any, dict[str, Any]], basis: str) -> None:
    """Of 120 intervals of 95 %, fewer than 107 hold the truth once in a thousand times."""
    held = [
        row[f"{basis}_lower"] < 0.35 * RATE * AFTER / 30 * action.startswith("more") < row[f"{basis}_upper"]
        for (action, figure), row in trials.items()
        if figure == "purchases"
    ]
    assert len(held) == 120
    assert sum(held) >= 107


@pytest.mark.parametrize("figure", ["purchases", "amount", "value"])
def test_of_what_brings_nothing_nothing_is_claimed(trials: dict[Any, dict[str, Any]], figure: str) -> None:
    verdicts = [row["verdict"] for (action, one), row in trials.items() if action.startswith("null") and one == figure]
    assert len(verdicts) == 60
    assert set(verdicts) <= {"unclear", "more", "less", "few"}  # by lot a few groups are below thirty
    assert sum(one in ("more", "less") for one in verdicts) <= 8  # of 5 % more come once in fifty times


def test_groups_that_were_not_drawn_are_found_out(worked: Worked) -> None:
    """Better customers were chosen, nothing came of it: their difference is large, that of their changes is not."""
    made = trial(3, customers=500, more=0.0, unlike=True)
    work = worked(made.orders, actions=made.actions, as_of=AS_OF)
    measured(work)
    row = rows_of(work)["voucher", "amount"]
    assert (row["alike"], row["basis"], row["verdict"]) == (False, "change", "unclear")
    assert row["apart"] > 0.5
    assert row["effect_lower"] > 0  # what a look at the means alone would have claimed
    assert row["change_lower"] < 0 < row["change_upper"]


# --- limits -----------------------------------------------------------------------------------------------

ORDERS = [{"customer_id": f"C{n % 9}", "date": ACTED + timedelta(days=n - 20), "amount": 10 + n} for n in range(40)]
LAST = ACTED + timedelta(days=19)


def acted(arms: dict[str, str | None], **more: Any) -> list[dict[str, Any]]:
    return [{"customer_id": who, "date": ACTED, "action": "call", "arm": arm, **more} for who, arm in arms.items()]


def test_nothing_without_a_table_of_actions(worked: Worked) -> None:
    assert measured(worked(ORDERS)) is None


def test_no_control_group_no_claim(worked: Worked) -> None:
    work = worked(ORDERS, actions=acted({"C1": "treated", "C2": None, "never bought": "treated"}))
    measured(work)
    rows = rows_of(work)
    assert ("call", "value") not in rows  # no costs are known
    row = rows["call", "amount"]
    assert (row["treated"], row["left_out"], row["control"]) == (2, 1, 0)
    assert (row["verdict"], row["basis"], row["effect"], row["total"], row["alike"]) == ("no_control", *[None] * 4)
    assert row["days"] == 20
    assert row["complete"] is False


def test_small_groups_no_claim(worked: Worked) -> None:
    work = worked(ORDERS, actions=acted({"C1": "treated", "C2": "treated", "C3": "control", "C4": "control"}))
    measured(work)
    row = rows_of(work)["call", "amount"]
    assert (row["verdict"], row["basis"], row["total"]) == ("few", None, None)


def test_only_a_control_group_is_no_action(worked: Worked) -> None:
    assert measured(worked(ORDERS, actions=acted({"C1": "control", "C2": "control"}))) is None


def test_an_action_before_the_log_begins_compares_no_changes(worked: Worked) -> None:
    arms = {f"C{n}": "treated" if n % 2 else "control" for n in range(9)}
    early = [{**row, "date": date(2025, 3, 14)} for row in acted(arms)]
    work = worked(ORDERS, actions=early, uplift={"window": 1, "least_customers": 2, "least_buyers": 1})
    measured(work)
    row = rows_of(work)["call", "purchases"]
    assert (row["before_known"], row["change"], row["treated_before"]) == (False, None, None)
    assert row["basis"] == "difference"


def test_costs_and_return(worked: Worked) -> None:
    made = trial(7, customers=400, more=0.6)
    actions = [{**row, "cost": 2 if row["arm"] == "treated" else None} for row in made.actions]
    work = worked(made.orders, actions=actions, as_of=AS_OF)
    measured(work)
    row = rows_of(work)["voucher", "value"]
    assert row["cost"] == 2 * row["treated"]
    assert row["verdict"] == "more"
    assert row["return_on_cost"] == pytest.approx(row["total"] / (2 * row["treated"]))


def test_two_groups_without_spread() -> None:
    three, two = Moments.of(5, 15, 45), Moments.of(5, 10, 20)
    assert difference(three, two).lower == 1.0
    assert apart(three, two) == 10
    assert apart(two, two) == 0


# --- invariance -------------------------------------------------------------------------------------------


def test_neither_the_order_of_rows_nor_the_future_changes_anything(worked: Worked) -> None:
    made = random_company(5)
    usual = worked(made.orders, actions=made.actions, as_of=AS_OF, **SHORT)
    later = {"customer_id": "C1", "date": AS_OF + timedelta(days=1)}
    orders = [*reversed(made.orders), {**later, "amount": Decimal(999), "cost": Decimal(1)}]
    actions = [*reversed(made.actions), {**later, "action": "mail", "arm": "control", "cost": None}]
    other = worked(orders, actions=actions, as_of=AS_OF, **SHORT)
    measured(usual)
    measured(other)
    assert (usual.folder / "uplift.parquet").read_bytes() == (other.folder / "uplift.parquet").read_bytes()
