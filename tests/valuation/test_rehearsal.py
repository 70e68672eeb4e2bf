"""Forecasts made again at past days: nothing leaks, lessons are learned only where they hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from scipy import stats

import kezhi
from kezhi.ledger import Calendar
from kezhi.valuation.lessons import Lesson, learn
from kezhi.valuation.rehearsal import candidates, origins_by_day, origins_by_period
from logs import order_log

SPLIT, UNTIL = date(2024, 10, 31), date(2025, 1, 15)


def trial(log: pa.Table, out: object = None) -> dict:
    return kezhi.backtest(log, split=SPLIT, until=UNTIL, model="auto", out=out)


# --- leakage


def test_the_log_cut_at_the_split_gives_identical_predictions(tmp_path) -> None:
    import pyarrow.parquet as pq

    log = order_log(customers=400)
    whole = trial(log, tmp_path / "whole")
    cut = trial(log.filter(pc.less_equal(log["date"], pa.scalar(SPLIT))), tmp_path / "cut")
    first, second = (pq.read_table(tmp_path / name / "predictions.parquet") for name in ("whole", "cut"))
    assert first.equals(second)
    assert whole["auto"] == cut["auto"]
    assert whole["parameters"] == cut["parameters"]
    assert (whole["purchases"] > 0, cut["purchases"]) == (True, 0)


def test_the_order_of_the_rows_changes_nothing(tmp_path) -> None:
    log = order_log(customers=200)
    shuffled = log.take(np.random.default_rng(3).permutation(log.num_rows))
    assert trial(log)["models"]["auto"] | {"seconds": 0} == trial(shuffled)["models"]["auto"] | {"seconds": 0}


# --- contract


def test_every_customer_known_at_the_split_has_one_row_per_model(tmp_path) -> None:
    import pyarrow.parquet as pq

    log = order_log(customers=150)
    found = kezhi.backtest(log, split=SPLIT.isoformat(), until=UNTIL.isoformat(), out=tmp_path / "out")
    rows = pq.read_table(tmp_path / "out" / "predictions.parquet")
    known = {row["customer_id"] for row in log.to_pylist() if row["date"] <= SPLIT and row["amount"] > 0}
    for name in found["models"]:
        mine = rows.filter(pc.equal(rows["model"], name))
        assert sorted(mine["customer_id"].to_pylist()) == sorted(known)
        for column in ("count", "spend"):
            values = mine[column].to_numpy()
            assert np.all(np.isfinite(values))
            assert np.all(values >= (0 if column == "count" else -1e9))
    auto = rows.filter(pc.equal(rows["model"], "auto")).to_pydict()
    assert all(
        a <= b <= c for a, b, c in zip(auto["count_lower"], auto["count_median"], auto["count_upper"], strict=True)
    )
    assert all(
        a <= b <= c for a, b, c in zip(auto["spend_lower"], auto["spend_median"], auto["spend_upper"], strict=True)
    )
    assert {"auto", "pareto_nbd", "bg_nbd", "mbg_nbd", "nbd", "rate", "mean", "repeat_last"} <= set(found["models"])
    assert set(found["auto"]["explanation"]) == {"en", "zh"}


# --- origins


def test_origins_leave_history_before_them() -> None:
    found = origins_by_day(date(2020, 1, 1), date(2020, 12, 31), 365)
    assert [until - split for split, until in found] == [timedelta(days=121)] * len(found)
    assert found[-1][1] == date(2020, 12, 31)
    assert all(split >= date(2020, 1, 1) + timedelta(days=91) for split, _ in found)
    assert origins_by_day(date(2020, 1, 1), date(2020, 1, 2), 10) == []


def test_origins_by_period_do_not_overlap() -> None:
    calendar = Calendar("month")
    present = calendar.number(date(2024, 12, 31))
    found = origins_by_period(calendar, date(2023, 1, 5), present, 3)
    assert found[-1] == (date(2024, 9, 30), date(2024, 12, 31))
    assert [first[1] for first in found[:-1]] == [second[0] for second in found[1:]]
    assert origins_by_period(calendar, date(2024, 11, 5), present, 3) == []


def test_a_short_lesson_does_not_speak_for_a_long_horizon() -> None:
    splits = [(date(2024, 1, 1), date(2024, 4, 1))]
    assert candidates(("pareto_nbd", "nbd"), splits, 365) == ("pareto_nbd",)
    assert candidates(("pareto_nbd", "nbd"), splits, 91) == ("pareto_nbd", "nbd")
    assert candidates(("nbd",), splits, 365) == ("nbd",)


# --- lessons


def lesson(seed: int, factor: float = 1.0, *, kinds: bool = False, told: bool = True) -> Lesson:
    """5 000 customers; model `good` knows their rates, `bad` gives everybody the mean; what came is `factor` times."""
    rng = np.random.default_rng(seed)
    rate = rng.gamma(1.0, 1.0, 5_000)
    amount = rng.choice([10.0, 100.0], 5_000)
    came = rng.poisson(rate * factor * (np.where(amount > 50, 1.3, 0.7) if kinds else 1.0)).astype(float)
    mean = np.full(5_000, 1.0)
    return Lesson(
        date(2024, 1, 1),
        date(2024, 4, 1),
        came,
        {"good": rate, "bad": mean},
        {"good": stats.poisson.pmf(came, rate), "bad": stats.poisson.pmf(came, mean)},
        np.ones(5_000),
        {"amount": amount, "purchases": rng.poisson(3.0, 5_000).astype(float)},
        told,
    )


def test_the_model_that_foresaw_gets_the_weight() -> None:
    learned = learn([lesson(1), lesson(2)], ["good", "bad"])
    assert learned.weights["good"] > 0.97
    assert learned.level == pytest.approx(1.0, abs=0.03)


def test_kinds_of_customers_are_told_apart_only_where_they_differ() -> None:
    with_kinds = learn([lesson(1, kinds=True), lesson(2, kinds=True)], ["good"])
    assert with_kinds.facts["card"] == "used"
    high, low = with_kinds.card.factor({"amount": [100.0]})[0], with_kinds.card.factor({"amount": [10.0]})[0]
    assert high / low == pytest.approx(1.3 / 0.7, rel=0.08)
    assert float(with_kinds.card.part("purchases", [1.0, 5.0]).std()) < 0.02
    without = learn([lesson(1), lesson(2)], ["good"])
    factors = without.card.factor({"amount": np.array([10.0, 100.0])})
    assert np.all(np.abs(factors - 1) < 0.05)


def test_the_level_is_learned_from_agreeing_lessons_only() -> None:
    assert learn([lesson(1, 1.2), lesson(2, 1.2)], ["good"]).level == pytest.approx(1.2, rel=0.03)
    assert learn([lesson(1, 1.4), lesson(2, 0.75)], ["good"]).level == pytest.approx(1.0, abs=0.1)
    assert learn([lesson(1, 1.2)], ["good"]).level == 1.0


def test_without_a_season_the_level_needs_whole_years() -> None:
    blind = [lesson(seed, 1.2, told=False) for seed in (1, 2, 3, 4)]
    assert learn(blind[:2], ["good"]).level == 1.0
    assert learn(blind, ["good"]).level == pytest.approx(1.2, rel=0.03)  # four quarters


def test_nothing_to_learn_from() -> None:
    learned = learn([], ["pareto_nbd", "nbd"])
    assert learned.weights == {"pareto_nbd": 1.0}
    empty = replace(lesson(1), came=np.zeros(5_000))
    assert learn([empty, empty], ["good"]).level == 1.0
