"""The clock: the plain calendar is its limit, dates are right, and nothing depends on the unit or on the era."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from kezhi.models import NBD, PurchaseHistories
from kezhi.models.clock import GRID_DAYS, SPRING_FESTIVALS, Clock, Event, day_number, day_numbers, known_events, waves

AS_OF = date(2024, 3, 31)
SALE = Event("sale", ((date(2023, 6, 1), date(2023, 6, 10)), (date(2024, 6, 1), date(2024, 6, 10))), 0.7, 0.1)
BUSY = Clock(AS_OF, 30.0, ((0.3, -0.2), (0.0, 0.1)), (0.05,) * 12, (SALE,), 0.2, 0.05, date(2021, 1, 1))
SEEN = PurchaseHistories([0, 1, 7, 0, 2], [0, 40, 600, 0, 1], [300, 41, 640, 0, 1], [3, 1, 1, 2, 1])


# --- the plain calendar


def test_a_uniform_clock_is_the_plain_calendar():
    plain = Clock.uniform(AS_OF, 7.0)
    days = np.arange(np.datetime64("1999-12-01"), np.datetime64("2030-01-01"))
    assert np.all(plain.weights(days) == 1)
    assert plain.elapsed(AS_OF, "2025-03-31") == pytest.approx(365 / 7, abs=1e-12)
    told = plain.histories(SEEN, AS_OF)
    assert told.last_purchase_at == pytest.approx(SEEN.last_purchase_at / 7, abs=1e-12)
    assert told.observed_periods == pytest.approx(SEEN.observed_periods / 7, abs=1e-12)
    assert np.array_equal(told.repeat_purchases, SEEN.repeat_purchases)
    assert np.array_equal(told.customers, SEEN.customers)
    assert plain.describe()["plain"]
    assert plain.months() == pytest.approx(np.ones(12), abs=1e-15)


def test_effects_of_nothing_leave_the_plain_calendar():
    still = Clock(AS_OF, 1.0, ((0.0, 0.0),), events=(replace(SALE, effect=0.0),))
    assert still.plain
    # a season too small to see goes to the plain calendar
    faint = Clock(AS_OF, 1.0, ((1e-14, 0.0),))
    assert faint.elapsed("2020-01-01", "2024-01-01") == pytest.approx(1461, rel=1e-12)


# --- weights and elapsed time


def test_elapsed_time_adds_up_the_weights():
    start, end = np.datetime64("2023-05-20"), np.datetime64("2023-06-20")
    days = np.arange(start + 1, end + 1)
    assert BUSY.elapsed(start, end) == pytest.approx(BUSY.weights(days).sum() / 30, rel=1e-10)
    assert BUSY.elapsed(end, start) == -BUSY.elapsed(start, end)
    assert BUSY.elapsed(start, days).shape == days.shape
    assert np.all(np.diff(BUSY.elapsed(start, days)) > 0)


def test_weights_have_mean_one_over_the_four_years_before_the_anchor():
    level = replace(BUSY, trend=0.0)
    days = np.arange(day_number(AS_OF) - 1460, day_number(AS_OF) + 1)
    assert level.weights(days).mean() == pytest.approx(1, rel=1e-12)


def test_an_event_multiplies_its_days_and_no_others():
    without = replace(BUSY, events=())
    days = day_numbers(np.arange("2024-05-25", "2024-06-20", dtype="datetime64[D]"))
    ratio = BUSY.weights(days) / without.weights(days)
    inside = SALE.covers(days) == 1
    assert inside.sum() == 10
    assert ratio[inside] / ratio[~inside][0] == pytest.approx(np.exp(0.7), rel=1e-12)
    assert np.ptp(ratio[~inside]) < 1e-12


def test_a_trend_begins_where_it_was_seen_and_fades_after_the_anchor():
    only = Clock(AS_OF, 1.0, trend=0.4, trend_from=date(2022, 4, 1))
    now, year = day_number(AS_OF), 365.2425
    logs = np.log(only.weights([now - 9_000, now - 1_000, now - 365, now, now + 365, now + 15_000]))
    assert logs[0] == logs[1] == pytest.approx(-0.4 * 730 / year, rel=1e-9)
    assert logs[2] == pytest.approx(-0.4 * 365 / year, rel=1e-9)
    assert logs[3] == 0
    assert logs[4] == pytest.approx(0.4 * (1 - 0.5 ** (365 / year)) / np.log(2), rel=1e-9)
    assert logs[5] == pytest.approx(0.4 / np.log(2), rel=1e-6)  # at most one and a half years of growth more


def test_days_beyond_its_reach_count_one():
    far = day_number(AS_OF) + 10**9
    assert BUSY.weights(far) == 1
    assert BUSY.elapsed(far, far + 60) == pytest.approx(2, rel=1e-6)
    told = BUSY.histories(PurchaseHistories([3], [1e9], [1e9]), AS_OF)
    assert told.observed_periods[0] == pytest.approx(1e9 / 30, rel=1e-3)


def test_months_and_facts():
    factors = BUSY.months()
    days = np.bincount(np.arange("2001-01-01", "2002-01-01", dtype="datetime64[D]").astype("datetime64[M]").astype(int))
    assert (factors * days[days > 0]).sum() / 365 == pytest.approx(1, rel=1e-12)
    facts = BUSY.describe()
    assert facts["strongest"] == int(np.argmax(factors)) + 1
    assert facts["events"][0] == {
        "name": "sale",
        "factor": pytest.approx(np.exp(0.7)),
        "error": pytest.approx(0.2014, rel=1e-3),
    }
    assert facts["trend"] == pytest.approx(np.expm1(0.2))


# --- histories on the clock


def test_histories_keep_their_order_and_their_purchases():
    told = BUSY.histories(SEEN, AS_OF)
    assert np.array_equal(told.repeat_purchases, SEEN.repeat_purchases)
    assert np.all(told.last_purchase_at <= told.observed_periods)
    steps = told.observed_periods * 30 / GRID_DAYS
    assert steps == pytest.approx(np.round(steps), abs=1e-9)
    assert told.observed_periods[3] == 0
    assert told.observed_periods[4] > 0


def test_nobody_comes_back_in_no_time_even_on_the_quietest_days():
    quiet = Clock(AS_OF, 1.0, events=(Event("closed", ((date(2024, 3, 1), AS_OF),), -8.0),))
    told = quiet.histories(PurchaseHistories([2, 0], [3, 0], [4, 20]), AS_OF)
    assert told.observed_periods == pytest.approx([GRID_DAYS, GRID_DAYS])


def test_rounding_to_the_grid_changes_nothing_that_matters():
    rng = np.random.default_rng(1)
    tenure = rng.integers(100, 1_000, 3_000)
    x = rng.poisson(rng.gamma(0.8, 1 / 60, 3_000) * tenure)
    last = np.where(x > 0, np.floor(tenure * rng.random(3_000) ** (1 / np.maximum(x, 1))), 0)
    rounded = BUSY.histories(PurchaseHistories(x, last, tenure), AS_OF)
    first = day_number(AS_OF) - tenure
    exact = PurchaseHistories(
        x,
        np.minimum(BUSY.elapsed(first, first + last.astype(int)), BUSY.elapsed(first, AS_OF)),
        BUSY.elapsed(first, AS_OF),
    )
    expected = [NBD().fit(seen).expected_purchases(seen, 12.0) for seen in (rounded, exact)]
    assert expected[0].sum() == pytest.approx(expected[1].sum(), rel=1e-4)
    assert expected[0] == pytest.approx(expected[1], rel=2e-3)
    assert len(np.unique(rounded.last_purchase_at)) < len(np.unique(exact.last_purchase_at))


# --- invariance


def test_the_unit_of_time_is_only_a_unit():
    days, weeks = replace(BUSY, period_days=1.0), replace(BUSY, period_days=7.0)
    assert days.elapsed("2023-01-01", AS_OF) / 7 == pytest.approx(weeks.elapsed("2023-01-01", AS_OF), rel=1e-14)
    assert days.histories(SEEN, AS_OF).observed_periods / 7 == pytest.approx(
        weeks.histories(SEEN, AS_OF).observed_periods
    )


def test_a_season_is_the_same_in_every_era():
    early = replace(BUSY, anchor=date(1996, 3, 31), events=(), trend=0.0)
    late = replace(BUSY, events=(), trend=0.0)
    then, now = np.datetime64("1996-03-31"), np.datetime64("2024-03-31")  # 28 years: the same calendar
    days = np.arange(-800, 800)
    assert early.weights(then + days) == pytest.approx(late.weights(now + days), rel=1e-13)


def test_waves_close_over_the_year():
    years = day_numbers(np.array(["2023-12-31", "2024-01-01", "2024-12-31", "2025-01-01"], "datetime64[D]"))
    values = waves(years, 3)
    assert values[0] == pytest.approx(values[1], abs=0.06)
    assert values[2] == pytest.approx(values[3], abs=0.06)


def test_a_clock_comes_back_from_its_dict():
    again = Clock.from_dict(json.loads(json.dumps(BUSY.to_dict())))
    assert again == BUSY
    assert Clock.from_dict(Clock.uniform(AS_OF, 7.0).to_dict()) == Clock.uniform(AS_OF, 7.0)


# --- known events


def test_lunar_new_years_are_whole_lunar_months_apart():
    assert len(SPRING_FESTIVALS) == 36
    months = np.diff([day_number(day) for day in SPRING_FESTIVALS]) / 29.530588
    assert np.abs(months - np.round(months)).max() < 0.05
    assert set(np.round(months)) == {12, 13}
    assert all(date(day.year, 1, 21) <= day <= date(day.year, 2, 20) for day in SPRING_FESTIVALS)
    assert {date(2008, 2, 7), date(2024, 2, 10), date(2034, 2, 19)} <= set(SPRING_FESTIVALS)


def test_black_friday_follows_the_fourth_thursday_of_november():
    (event,) = known_events("black_friday")
    assert all(first.weekday() == 4 and (last - first).days == 3 for first, last in event.windows)
    assert {date(2018, 11, 23), date(2019, 11, 29), date(2024, 11, 29)} <= {first for first, _ in event.windows}


def test_known_events_are_dated_from_2000_to_2035():
    for event in known_events():
        assert len(event.windows) == 36
        assert {last.year for _, last in event.windows} == set(range(2000, 2036))
    (double_eleven,) = known_events("double_eleven")
    assert (date(2020, 11, 11), date(2020, 11, 11)) in double_eleven.windows


# --- misuse


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: Clock(AS_OF, 0.0), "period_days"),
        (lambda: Clock(AS_OF, 1.0, ((np.nan, 0.0),)), "season"),
        (lambda: Event("sale", ((date(2024, 1, 2), date(2024, 1, 1)),)), "windows"),
        (lambda: Event("sale", (), np.inf), "effect"),
        (lambda: known_events("doomsday"), "names"),
        (lambda: BUSY.weights([1.5, 2.5]), "days"),
        (lambda: BUSY.weights(np.array(["NaT"], "datetime64[D]")), "days"),
        (lambda: BUSY.weights(["soon"]), "days"),
    ],
)
def test_misuse_is_named(call, name):
    with pytest.raises(ValueError, match=name):
        call()
