"""Learning a clock: a known season comes back, noise is not taken for one, and short histories say so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pytest

from kezhi.models import NBD, NBDFit, PurchaseHistories
from kezhi.models.bg_nbd import BGNBD
from kezhi.models.clock import Clock, Event, day_number, known_events
from kezhi.models.season import SeasonEstimate, estimate_clock

AS_OF = date(2024, 3, 31)
TRUE = Clock(AS_OF, 30.0, season=((0.35, -0.2), (0.1, 0.15)))
LAW = NBDFit.with_parameters(a=2.0, b=0.8)  # rate a month of clock time: 0.4 on average


@dataclass(frozen=True, eq=False)
class Company:
    """Customers and their purchases, day by day."""

    first: np.ndarray
    customer: np.ndarray  # of each repeat purchase
    day: np.ndarray
    as_of: date = AS_OF

    def histories(self) -> PurchaseHistories:
        tenure = day_number(self.as_of) - self.first
        x = np.bincount(self.customer, minlength=len(self.first))
        last = self.first.copy()
        np.maximum.at(last, self.customer, self.day)
        return PurchaseHistories(x, last - self.first, tenure)

    def estimate(self, model=None, **settings) -> SeasonEstimate:
        days, repeats = np.unique(self.day, return_counts=True)
        return estimate_clock(self.histories(), days, repeats, self.as_of, 30.0, model or NBD(), **settings)


def simulate(
    clock: Clock,
    years: float,
    customers: int,
    seed: int,
    arrive: float = 1.0,
    leaving: tuple[float, float] | None = None,
) -> Company:
    """Customers come evenly over the first part of the years and buy at a steady rate on the clock (time change).

    With `leaving` = (s, beta) they stay for a time that is Pareto on the clock; without it they stay for ever.
    """
    rng = np.random.default_rng(seed)
    last = day_number(clock.anchor)
    length = round(365.25 * years)
    first = last - length + np.append(0, rng.integers(0, max(int(arrive * length), 1), customers - 1))
    ticks = clock.elapsed(last - length, np.arange(last - length, last + 1))
    begin = ticks[first - (last - length)]
    stay = ticks[-1] - begin
    if leaving:
        stay = np.minimum(stay, rng.exponential(1 / rng.gamma(leaving[0], 1 / leaving[1], customers)))
    count = rng.poisson(rng.gamma(LAW.b, 1 / LAW.a, customers) * stay)
    customer = np.repeat(np.arange(customers), count)
    moment = begin[customer] + rng.random(len(customer)) * stay[customer]
    day = last - length + np.searchsorted(ticks, moment)  # a moment belongs to the day that ends at or after it
    pairs = np.unique(np.stack([customer, day]), axis=1)
    return Company(first, *pairs, as_of=clock.anchor)


@pytest.fixture(scope="module")
def seasonal() -> tuple[Company, SeasonEstimate]:
    company = simulate(TRUE, 3, 5_000, seed=3)
    return company, company.estimate()


# --- recovery


def test_a_known_season_comes_back_within_its_errors(seasonal):
    _, found = seasonal
    assert found.enough
    assert found.found
    assert found.reason.code == "season_found"
    away = np.log(found.clock.months() / TRUE.months()) / np.array(found.clock.month_errors)
    assert np.abs(away).max() < 3
    days = np.arange(day_number(AS_OF) - 365, day_number(AS_OF) + 365)
    assert np.abs(np.log(found.clock.weights(days) / TRUE.weights(days))).max() < 0.05
    assert found.clock.trend == 0


def test_the_purchase_model_comes_back_too(seasonal):
    _, found = seasonal
    assert isinstance(found.fit, NBDFit)
    for name in NBDFit.names:
        error = found.fit.standard_errors[name]
        assert abs(found.fit.parameters[name] - LAW.parameters[name]) < 3 * error


def test_on_the_clock_the_weeks_are_as_the_model_expects(seasonal):
    _, found = seasonal
    weeks = found.tables["weeks"]
    actual, plain, told = (np.array(weeks[name]) for name in ("actual", "expected_plain", "expected"))
    assert len(weeks["first_day"]) == len(actual)
    ready = told > 20
    squares = [(((actual - guess) ** 2 / guess)[ready]).mean() for guess in (plain, told)]
    assert squares[1] < 1.3
    assert squares[0] > 5 * squares[1]


def test_without_a_season_the_clock_is_the_calendar():
    for seed in range(4):
        found = simulate(Clock.uniform(AS_OF, 30.0), 2.5, 1_000, seed=seed).estimate()
        assert found.enough
        assert not found.found
        assert found.clock.plain
        assert found.reason.code == "no_season"
        assert np.all(np.array(found.tables["months"]["factor"]) == 1)


def test_events_and_a_season_are_told_apart():
    names = ("double_eleven", "spring_festival", "black_friday")
    true = dict(zip(names, (1.2, -0.8, 0.0), strict=True))
    events = known_events(*names)
    clock = Clock(AS_OF, 30.0, TRUE.season, events=tuple(Event(e.name, e.windows, true[e.name]) for e in events))
    found = simulate(clock, 3, 5_000, seed=19).estimate(events=events)
    assert found.found
    for event in found.clock.events:
        assert abs(event.effect - true[event.name]) < max(3 * event.error, 0.05)
    assert np.abs(np.log(found.clock.months() / TRUE.months())).max() < 0.1


LEAVING = (0.6, 6.0)


def test_a_clear_trend_is_found_and_said():
    clock = Clock(AS_OF, 30.0, TRUE.season, trend=-0.3, trend_from=date(2020, 1, 1))
    company = simulate(clock, 3, 1_500, seed=2, leaving=LEAVING)
    found = company.estimate(BGNBD())
    assert abs(found.clock.trend + 0.3) < 3 * found.clock.trend_error
    assert [reason.code for reason in found.reasons] == ["season_found", "trend"]
    assert found.clock.trend_from == AS_OF - timedelta(days=1096)
    assert company.estimate(BGNBD(), trend=False).clock.trend == 0


def test_customers_who_leave_are_no_trend():
    company = simulate(TRUE, 3, 1_500, seed=4, leaving=LEAVING)
    found = company.estimate(BGNBD())
    assert found.found
    assert found.clock.trend == 0
    assert np.abs(np.log(found.clock.months() / TRUE.months())).max() < 0.12
    assert company.estimate(NBD()).clock.trend == 0  # in this model nobody leaves: it would call that a trend


def test_of_a_single_intake_no_trend_is_read():
    clock = Clock(AS_OF, 30.0, TRUE.season, trend=-0.5, trend_from=date(2020, 1, 1))
    found = simulate(clock, 3, 1_500, seed=9, arrive=0.05).estimate(BGNBD())
    assert found.found
    assert found.clock.trend == 0
    assert "trend_errors" not in found.numbers


# --- short or thin histories


@pytest.mark.parametrize(("years", "enough"), [(0.75, False), (1.0, False), (1.5, False), (1.9, True)])
def test_a_history_must_have_seen_the_year_twice(years, enough):
    found = simulate(TRUE, years, 4_000, seed=5).estimate()
    assert found.enough is enough
    assert found.found is enough
    assert found.clock.plain is not enough
    if not enough:
        assert found.reason.code == "season_too_short"
        assert found.reason.severity == "warning"
        assert f"{12 * years:.0f} " in found.reason.en


def test_events_seen_twice_count_even_in_a_short_history():
    sale = tuple((date(2023, month, 10), date(2023, month, 14)) for month in (9, 12))
    fair = ((date(2024, 1, 10), date(2024, 1, 14)),)
    events = (Event("sale", sale, 1.0), Event("fair", fair, 0.5))
    found = simulate(Clock(AS_OF, 30.0, events=events), 0.8, 3_000, seed=5).estimate(events=events)
    effects = {event.name: event.effect for event in found.clock.events}
    assert effects["sale"] == pytest.approx(1.0, abs=0.25)
    assert effects["fair"] == 0
    assert [reason.code for reason in found.reasons] == ["season_too_short", "event_not_seen_twice"]
    assert "fair" in found.reasons[1].en


@pytest.mark.parametrize("customers", [1, 10])
def test_tiny_companies_keep_the_calendar(customers):
    found = simulate(TRUE, 3, customers, seed=2).estimate()
    assert found.clock.plain
    assert found.reason.code in {"season_too_few", "no_season"}


@pytest.mark.parametrize(
    ("histories", "days", "repeats"),
    [
        (PurchaseHistories([], [], []), [], []),
        (PurchaseHistories([0, 0], [0, 0], [500, 900]), [], []),
        (PurchaseHistories([0], [0], [0]), [], []),
        (PurchaseHistories([1e5], [5], [5]), ["2024-03-28", "2024-03-31"], [5e4, 5e4]),
        (PurchaseHistories([300], [1e9], [1e9]), ["2021-01-01", "2023-06-01", "2024-03-31"], [100, 100, 100]),
    ],
    ids=["nobody", "nobody came back", "no time", "a hundred thousand in five days", "a billion days"],
)
def test_odd_data_give_a_finite_clock(histories, days, repeats):
    when = np.array(days, dtype="datetime64[D]")
    found = estimate_clock(histories, when, repeats, AS_OF, 30.0, NBD(), known_events())
    weights = found.clock.weights(np.arange(day_number(AS_OF) - 2_000, day_number(AS_OF) + 2_000))
    assert np.all(np.isfinite(weights) & (weights > 0))
    assert np.all(np.isfinite(list(found.numbers.values())))
    assert all(reason.en and reason.zh for reason in found.reasons)


def test_purchases_dated_to_mondays_or_to_months_are_no_trouble(seasonal):
    company, whole = seasonal
    mondays = company.day - (company.day + 3) % 7
    kept = mondays > company.first[company.customer]
    found = Company(company.first, company.customer[kept], mondays[kept]).estimate()
    assert found.found
    assert np.abs(found.clock.months() - whole.clock.months()).max() < 0.1


def test_log_likelihoods_on_both_clocks_compare(seasonal):
    company, found = seasonal
    plain = NBD().fit(Clock.uniform(AS_OF, 30.0).histories(company.histories(), AS_OF))
    assert found.fit is not None
    assert found.fit.log_likelihood + found.numbers["log_weights"] > plain.log_likelihood + 1_000


# --- invariance and leakage


def test_nothing_after_the_day_of_the_estimate_is_used(seasonal):
    company, whole = seasonal
    days, repeats = np.unique(company.day, return_counts=True)
    later = day_number(AS_OF) + np.arange(1, 400)
    again = estimate_clock(
        company.histories(), np.append(days, later), np.append(repeats, np.full(399, 50)), AS_OF, 30.0, NBD()
    )
    assert again.clock == whole.clock


def test_the_era_does_not_matter():
    company = simulate(TRUE, 2, 1_500, seed=8)
    shift = 28 * 365 + 7  # the same calendar, weekdays included
    earlier = Company(company.first - shift, company.customer, company.day - shift, AS_OF - timedelta(days=shift))
    now, then = company.estimate().clock, earlier.estimate().clock
    assert np.array(now.season) == pytest.approx(np.array(then.season), abs=1e-9)


def test_the_unit_of_time_does_not_matter():
    company = simulate(TRUE, 2, 1_500, seed=8)
    days, repeats = np.unique(company.day, return_counts=True)
    clocks = [
        estimate_clock(company.histories(), days, repeats, AS_OF, unit, NBD()).clock for unit in (1.0, 30.0, 365.2425)
    ]
    for clock in clocks[1:]:
        assert np.array(clock.season) == pytest.approx(np.array(clocks[0].season), abs=1e-5)


def test_rows_of_alike_customers_may_be_joined():
    company = simulate(TRUE, 2, 800, seed=8)
    seen = company.histories()
    rows = np.stack([seen.repeat_purchases, seen.last_purchase_at, seen.observed_periods])
    alike, counts = np.unique(rows, axis=1, return_counts=True)
    days, repeats = np.unique(company.day, return_counts=True)
    joined = estimate_clock(PurchaseHistories(*alike, counts), days, repeats, AS_OF, 30.0, NBD())
    assert np.array(joined.clock.season) == pytest.approx(np.array(company.estimate().clock.season), abs=1e-9)


# --- misuse


def test_misuse_is_named(seasonal):
    seen = seasonal[0].histories()
    with pytest.raises(ValueError, match="equally long"):
        estimate_clock(seen, [1, 2], [1], AS_OF, 30.0, NBD())
    with pytest.raises(ValueError, match="repeats must be"):
        estimate_clock(seen, [1, 2], [1, np.nan], AS_OF, 30.0, NBD())
    with pytest.raises(ValueError, match="period_days"):
        estimate_clock(seen, [1], [1], AS_OF, 0.0, NBD())
