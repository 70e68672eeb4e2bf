"""Who needs a call today: V12, V09, A11, A12, A14, T15, R23; and how alerts open, last and close."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kezhi.engine import Engine
from kezhi.language import KezhiError
from kezhi.segments import alerts as topic
from kezhi.segments.alert_causes import ABOUT, OUTCOMES, helps, rule, why
from kezhi.segments.alert_lists import alerts
from kezhi.segments.alert_readings import average_forecast, staying_away
from kezhi.segments.alert_states import carried_over, followed, judged, priority, ranked
from kezhi.settings import Settings
from kezhi.settings.alerts import CAUSES, Alerts
from kezhi.valuation import Columns
from kezhi.worth import Found, Work
from kezhi.worth import risk as risk_topic
from worth.small_company import AS_OF, Company

Rows = list[dict[str, Any]]
DAY = date(2025, 6, 30)


def bought(customer: str, *amounts: float, cost: float = 0.5, end: date = DAY) -> Rows:
    """One purchase in the middle of each of the last months, the newest last; nothing for 0."""
    months = [(end.year * 12 + end.month - 1 - back) for back in range(len(amounts))][::-1]
    return [
        {"customer_id": customer, "date": date(m // 12, m % 12 + 1, 15), "amount": amount, "cost": amount * cost}
        for m, amount in zip(months, amounts, strict=True)
        if amount
    ]


def crowd(number: int = 8, months: int = 12, amount: float = 40) -> Rows:
    """Steady customers."""
    return [row for n in range(number) for row in bought(f"steady {n}", *[amount] * months)]


def found(work: Work) -> Rows:
    """Alerts of a company on its way through a run."""
    topic.measured(work)
    return pq.read_table(work.folder / "alerts.parquet").to_pylist()


def of(rows: Rows, cause: str, state: str = "open") -> dict[str, dict[str, Any]]:
    return {row["customer_id"]: row for row in rows if row["cause"] == cause and row["state"] == state}


def manifest(run: Path, as_of: date) -> None:
    """What tells the day of a run."""
    (run / "manifest.json").write_text(json.dumps({"as_of": as_of.isoformat()}), encoding="utf-8")


def kept(work: Work, run: Path) -> Path:
    """The run folder of this work as an earlier run."""
    run.mkdir()
    manifest(run, work.as_of)
    shutil.copy(work.folder / "alerts.parquet", run)
    return run


def in_tiers(work: Work, tier: dict[str, str], previous: dict[str, str] | None = None) -> Work:
    """As if the tiers topic had found these; everybody else is small."""
    people = work.engine.fetch(work.figures.select("customer_id")).column(0).to_pylist()
    before = previous or tier
    table = pa.table(
        {
            "customer_id": people,
            "tier": [tier.get(one, "small") for one in people],
            "tier_previous": pa.array([before.get(one, "small") if previous else None for one in people], pa.string()),
        }
    )
    columns = Columns(work.engine.table(table), {"tier": None, "tier_previous": None})
    work.found["tiers"] = Found(columns=columns)
    return work


PEOPLE = {
    "fell": {"owner": "Lin"},
    "a": {"excluded": True, "consent": True},
    "b": {"excluded": False, "consent": False},
    "steady 0": {"reviewed_on": "2024-01-10"},
    "steady 1": {"reviewed_on": "2025-05-01"},
    "steady 2": {"reviewed_on": "soon"},
    "steady 3": {"reviewed_on": None},
}
USUAL = [50, 55, 45, 52, 48, 50, 51, 49]
LIMIT = 50 * (100 ** (1 / 5) - 1)  # 5 gaps that took 50 days together, 99 %
EACH = {"fall_periods": 1, "least_value": 0.0}


def every(customer: str, days: int, times: int, silence: int) -> Rows:
    """So many purchases, so many days apart, and a silence since."""
    last = DAY - timedelta(silence)
    return [
        {"customer_id": customer, "date": last - timedelta(days * n), "amount": 100, "cost": 50} for n in range(times)
    ]


@pytest.fixture(scope="module")
def work(worked: Callable[..., Work]) -> Work:
    """A company in which something happens to everybody who is not called steady."""
    orders = [
        *crowd(),
        *bought("down", 100, 80, 60, cost=0),
        *bought("back", 100, 80, 90, cost=0),
        *bought("little", 1, 0.8, 0.6),
        *bought("much", 1000, 800, 600),
        *bought("a", 100, 80, 60),
        *bought("b", 100, 80, 60),
        *bought("costly", *[50] * 12),
        *bought("once", 5000, *[0] * 11),
        *bought("up", *USUAL, 500),
        *bought("lower", *USUAL, 3),
        *bought("same", *USUAL, 54),
        *bought("calm", 30, 30, 30, 24, 24, 24, 18, 18, 18),
        *bought("wild", 80, 0, 10, 0, 72, 0, 54, 0, 0),  # the same sums by quarter
        *bought("fell", 400, 400, 400, 400, 400, 400, 0, 0, 0, 0, 0, 0),
        *every("late", 10, 6, math.ceil(LIMIT) + 1),
        *every("patient", 10, 6, math.floor(LIMIT)),
        *every("few", 10, 3, 300),
    ]
    made = worked(
        orders,
        as_of=DAY,
        customers=[{"customer_id": name, **said} for name, said in PEOPLE.items()],
        expenses=[{"customer_id": "costly", "date": row["date"], "amount": 60} for row in bought("costly", *[50] * 12)],
        surveys=[
            {"customer_id": "down", "date": day, "dimension": dimension, "score": score}
            for day, dimension, score in (
                (date(2025, 1, 5), "price", 5),
                (date(2025, 4, 1), "price", 2),
                (date(2025, 4, 1), "speed", 3),
                (date(2025, 7, 1), "price", 1),  # after as_of
            )
        ],
        contacts=[
            {"customer_id": "steady 0", "date": date(2025, 1, 5)},
            {"customer_id": "steady 1", "date": date(2025, 6, 5)},
            {"customer_id": "steady 0", "date": date(2025, 7, 5)},  # after as_of
        ],
        alerts=EACH,
    )
    risk_topic.measured(made)
    return in_tiers(made, dict.fromkeys(("steady 0", "steady 1", "steady 2"), "vip"))


@pytest.fixture(scope="module")
def listed(work: Work) -> Rows:
    """Its alerts."""
    return found(work)


def by(work: Work, **rules: Any) -> Work:
    """The same company by other rules."""
    return replace(work, settings=work.settings.changed(alerts=rules))


# --- the rows' examples -----------------------------------------------------------------------------------


def test_v12_two_falls_make_one_alert_and_a_recovery_none(listed: Rows) -> None:
    """V12: values 100, 80, 60 with the rule "2 falls of >= 15 %" -> one alert; 100, 80, 90 -> none."""
    fallen = of(listed, "value_falling")
    assert "down" in fallen
    assert "back" not in fallen
    one = fallen["down"]
    assert (one["before"], one["measure"], one["threshold"]) == (100.0, 60.0, 85.0)
    assert one["value_at_stake"] == 90  # 30 a month less than the usual 90, for three months
    assert one["probability"] == 0.75  # late and patient fell to nothing a month earlier, and brought nothing since
    assert (one["opened_on"], one["due_on"], one["state"]) == (DAY, DAY + timedelta(14), "open")
    assert len([row for row in listed if row["customer_id"] == "down"]) == 1
    assert "100" in why(one).en
    assert "60" in why(one).zh


def test_v12_a_lost_tier_and_a_falling_chance_of_staying_are_alerts_too(work: Work, tmp_path: Path) -> None:
    """V12: tier drops, or P(alive) falls; with owner, due date and state."""
    doubted = work.figures.mutate(p_alive=_if("fell", work.figures, 0.2))
    then = 900 / average_forecast(work, doubted)  # a season in which the average customer was to bring twice as much
    money = pa.array([Decimal(1800)], pa.decimal128(28, 4))
    earlier = pa.table({"customer_id": ["fell"], "forecast_value": money, "p_alive": [then]})
    pq.write_table(earlier, tmp_path / "customers.parquet")
    manifest(tmp_path, date(2025, 3, 31))
    after = replace(by(work, least_value=0.0), earlier=(tmp_path,), found={})
    after.__dict__["figures"] = work.engine.store(doubted)  # the model of this company doubts nobody
    rows = found(in_tiers(after, {}, {"fell": "vip"}))
    lost = of(rows, "tier_lost")["fell"]
    assert (lost["before"], lost["measure"], lost["owner"], lost["state"]) == (0.0, 3.0, "Lin", "open")
    assert lost["due_on"] == DAY + timedelta(14)
    forecast = work.engine.fetch(work.figures.filter(work.figures.customer_id == "fell")).to_pylist()[0]
    assert float(lost["value_at_stake"]) == pytest.approx(900 - float(forecast["forecast_value"]))
    assert "VIP" in why(lost).en
    gone = of(rows, "maybe_gone")["fell"]
    assert (gone["measure"], gone["probability"], gone["due_on"]) == (0.2, 0.8, DAY + timedelta(7))
    assert gone["value_at_stake"] == 5 * forecast["forecast_value"]


def test_v09_who_costs_more_than_they_bring_is_listed(listed: Rows, work: Work) -> None:
    """V09: a customer with cost + expense > purchases appears in the list; R23: with the largest negative driver."""
    one = of(listed, "losing_money")["costly"]
    assert one["before"] == 12 * (50 - 25 - 60)
    # neither more nor less is expected to be lost than the forecast says
    assert float(one["priority"]) == pytest.approx(-one["measure"])
    assert one["detail"] == "expense"
    assert "expense" in why(one).en
    assert helps(one).en.startswith("Serve them more cheaply")
    # nobody is removed
    assert one["customer_id"] in set(work.engine.fetch(work.figures).column("customer_id").to_pylist())


def test_what_was_spent_once_is_no_alarm(work: Work) -> None:
    """A loss so far with a profit ahead: what was spent on winning somebody is not spent every month."""
    losses = work.folder / "near_loss.parquet"
    rows = pq.read_table(losses)
    changed = [{**row, "forecast_value": Decimal(5)} for row in rows.to_pylist()]
    kept_ = losses.read_bytes()
    try:
        pq.write_table(pa.Table.from_pylist(changed, rows.schema), losses)
        assert not of(found(by(work, least_value=0.0)), "losing_money")
    finally:
        losses.write_bytes(kept_)


def test_a11_value_times_probability(engine: Engine) -> None:
    """A11: 10,000 x 0.3 ranks above 20,000 x 0.1."""
    rows = engine.table(pa.table({"stake": [Decimal(20_000), Decimal(10_000)], "chance": [0.1, 0.3]}))
    made = engine.fetch(rows.mutate(priority=priority(rows.stake, rows.chance))).to_pylist()
    assert [row["priority"] for row in made] == [Decimal(2000), Decimal(3000)]


def test_a12_an_alert_shows_the_last_survey_score(listed: Rows) -> None:
    """A12: the alert shows the last survey score, of all its dimensions together."""
    assert [(row["survey_score"], row["survey_on"]) for row in listed if row["customer_id"] == "down"] == [
        (2.5, date(2025, 4, 1))
    ]


def test_a14_a_one_off_buyer_is_placed_by_what_is_expected(listed: Rows, work: Work) -> None:
    """A14: a one-off buyer ranks by expected value, and one-off big buyers are shown."""
    once = pq.read_table(work.folder / "one_off_buyers.parquet").to_pylist()
    assert [(row["customer_id"], row["place_by_order"]) for row in once] == [("once", 1)]
    forecasts = work.engine.fetch(work.figures.select("customer_id", "forecast_value")).to_pylist()
    values = {row["customer_id"]: row["forecast_value"] for row in forecasts}
    assert once[0]["place_by_forecast"] == 1 + sum(value > values["once"] for value in values.values())
    assert [row["rank"] for row in listed] == list(range(1, len(listed) + 1))
    assert [row["priority"] for row in listed] == sorted((row["priority"] for row in listed), reverse=True)
    for row in listed:
        assert float(row["priority"]) == pytest.approx(float(row["value_at_stake"]) * row["probability"], abs=1e-4)


def test_t15_overdue_reviews_are_listed(listed: Rows) -> None:
    """T15: overdue reviews are listed: older than so many days, or never among the best."""
    due = of(listed, "review_due")
    assert set(due) == {"steady 0", "steady 2"}
    assert due["steady 0"]["measure"] == (DAY - date(2024, 1, 10)).days
    assert due["steady 2"]["measure"] is None
    assert why(due["steady 2"]).en == "Never reviewed."


def test_what_stays_away_of_a_fall_is_between_nothing_and_all_of_it() -> None:
    assert staying_away(0, 0.0) == 0.5  # nothing is known
    assert staying_away(2, 2.0) == 0.75
    assert staying_away(98, 1.0) == pytest.approx(0.02)
    assert staying_away(8, -8.0) == 0.0  # they brought more than usual afterwards


# --- the other causes -------------------------------------------------------------------------------------


def test_an_order_is_overdue_by_the_customer_s_own_rhythm(listed: Rows) -> None:
    late = of(listed, "order_overdue")
    assert "late" in late
    assert not {"patient", "few", "once"} & set(late)
    assert late["late"]["threshold"] == pytest.approx(LIMIT)
    assert late["late"]["before"] == pytest.approx(10)


def test_vip_customers_whom_nobody_contacted(listed: Rows) -> None:
    assert {name: row["measure"] for name, row in of(listed, "no_contact").items()} == {
        "steady 0": (DAY - date(2025, 1, 5)).days,
        "steady 2": None,  # never, and a customer for longer
    }


def test_jumps_either_way(listed: Rows) -> None:
    assert set(of(listed, "jump_up")) == {"up"}
    assert set(of(listed, "jump_down")) == {"lower"}
    one = of(listed, "jump_up")["up"]
    assert (one["measure"], one["before"], one["probability"]) == (500, 50, 1 / 10)
    assert one["value_at_stake"] == pytest.approx(Decimal(450 * 3) / 2)  # half of it is margin


def test_a_fall_must_stand_out_of_the_customer_s_own_noise(work: Work) -> None:
    falling = {"causes": ["value_falling"], "least_value": 0.0}
    usual = set(of(found(by(work, **falling)), "value_falling"))
    plain = set(of(found(by(work, **falling, noise=0)), "value_falling"))
    assert "calm" in usual
    assert "wild" not in usual
    assert plain >= {"calm", "wild"}


def test_only_where_enough_is_at_stake(work: Work, listed: Rows) -> None:
    assert {"little", "much"} <= set(of(listed, "value_falling"))
    rows = of(found(by(work, fall_periods=1, least_value=1.0, causes=["value_falling"])), "value_falling")
    assert "much" in rows
    assert "little" not in rows


def test_excluded_customers_have_no_alert_and_consent_is_marked(listed: Rows) -> None:
    fallen = of(listed, "value_falling")
    assert "a" not in fallen
    assert fallen["b"]["no_marketing"] is True
    assert fallen["down"]["no_marketing"] is False


def test_each_cause_can_be_switched_off(work: Work) -> None:
    rows = found(by(work, **EACH, causes=["jump_up"]))
    assert {row["cause"] for row in rows} == {"jump_up"}


@pytest.mark.parametrize(
    "wrong", [{"doubtful": 1.5}, {"causes": ["boredom"]}, {"falls": 0}, {"calls": 0}, {"no": 1}, {"lost": 0.6}]
)
def test_a_setting_that_says_nothing_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(KezhiError, match="alerts"):
        Settings().changed(alerts=wrong)


# --- limits and invariance --------------------------------------------------------------------------------


def test_one_customer_one_order(worked: Callable[..., Work]) -> None:
    work = worked([{"customer_id": "only", "date": DAY, "amount": 5}])
    facts = topic.measured(work).facts
    assert pq.read_table(work.folder / "alerts.parquet").num_rows == 0
    assert (facts["customers"], facts["alerted"], facts["share"]) == (1, 0, 0.0)
    assert facts["not_measured"] == ["tier_lost", "losing_money", "near_loss", "no_contact", "review_due"]


def test_only_returns(worked: Callable[..., Work]) -> None:
    assert found(worked([{"customer_id": "only", "date": DAY, "amount": -5}])) == []


def test_the_order_of_rows_and_what_comes_later_change_nothing(
    followed: tuple[Company, Work], worked: Callable[..., Work]
) -> None:
    company, work = followed
    rules = {"least_value": 0.0, "falls": 1, "fall_periods": 1, "noise": 0.0, "overdue": 0.5, "least_purchases": 2}
    first = found(by(work, **rules))
    later = [row | {"date": AS_OF + timedelta(3)} for row in company.orders[:9]]
    tables = {name: rows[::-1] for name, rows in company.tables.items()}
    again = found(worked(company.orders[::-1] + later, as_of=AS_OF, alerts=rules, **tables))
    assert {row["cause"] for row in first} >= {"value_falling", "order_overdue"}
    assert again == first


# --- the lives of alerts ----------------------------------------------------------------------------------


def test_an_alert_is_carried_over_three_runs(worked: Callable[..., Work], tmp_path: Path) -> None:
    """Opened in the first, the same in the second, closed in the third, forgotten then."""
    orders = crowd(3) + bought("down", 100, 80, 60) + bought("down", 58, 95, end=date(2025, 8, 31))
    rules = EACH | {"causes": ["value_falling"]}
    runs: tuple[Path, ...] = ()
    seen = []
    for number, day in enumerate((DAY, date(2025, 7, 31), date(2025, 8, 31))):
        work = worked(orders, as_of=day, alerts=rules, earlier=runs)
        seen.append(found(work))
        runs = (*runs, kept(work, tmp_path / f"{number}"))
    assert found(replace(work, earlier=runs)) == seen[-1]  # the same day once more changes nothing
    assert found(worked(orders, as_of=date(2025, 9, 30), alerts=rules, earlier=runs)) == []
    lives = [[(row["state"], row["opened_on"], row["closed_on"], row["outcome"]) for row in rows] for rows in seen]
    assert lives == [
        [("open", DAY, None, None)],
        [("open", DAY, None, None)],  # 58 is no second fall of 15 %, yet far below where it began
        [("closed", DAY, date(2025, 8, 31), "passed")],
    ]
    assert seen[1][0]["due_on"] == DAY + timedelta(14)
    assert seen[1][0]["before"] == 50.0  # half of it is cost
    assert seen[2][0]["rank"] is None


READING = {"measure": 60.0, "threshold": 85.0, "before": 100.0, "detail": None}
_cases = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from(["maybe_gone", "value_falling", "tier_lost"]),
        st.booleans(),
        st.booleans(),
        st.sampled_from([0.0, 60.0, 90.0]),
    ),
    max_size=8,
    unique_by=lambda case: case[:2],
)
_earlier = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "gone"]),
        st.sampled_from(["maybe_gone", "value_falling", "tier_lost"]),
        st.integers(0, 120),
        st.sampled_from([50.0, 85.0]),
    ),
    max_size=6,
    unique_by=lambda case: case[:2],
)


@given(_cases, _earlier, st.sampled_from([(), ("a",), ("b",)]), st.sampled_from([0.05, 0.9]))
@settings(max_examples=15, deadline=None)
def test_lives_agree_with_a_slow_way(engine: Engine, now: Any, before: Any, excluded: Any, p_alive: float) -> None:
    """A second implementation with dictionaries: what opens, lasts, closes, and why."""
    rules = Alerts()
    readings = engine.table(_readings(now))
    earlier = engine.table(_carried(before)) if before else None
    with engine.passing():
        rows = followed(readings, earlier, rules, DAY)
        names = engine.table(pa.table({"known_id": ["a", "b", "c"]}))
        rows = rows.left_join(names, rows.customer_id == names.known_id)
        rows = rows.mutate(
            known=rows.known_id.notnull(), p_alive=_constant(p_alive), excluded=rows.customer_id.isin(excluded or ["-"])
        )
        made = engine.fetch(ranked(engine.store(judged(rows, rules, DAY)), 1)).to_pylist()
    assert {(row["customer_id"], row["cause"]): (row["state"], row["outcome"], row["opened_on"]) for row in made} == (
        _slowly(now, before, excluded, p_alive)
    )
    assert len(made) == len({(row["customer_id"], row["cause"]) for row in made})
    open_ = sorted((row for row in made if row["state"] == "open"), key=lambda row: row["rank"])
    assert [row["rank"] for row in open_] == list(range(1, len(open_) + 1))
    assert [row["priority"] for row in open_] == sorted((row["priority"] for row in open_), reverse=True)
    places = {row["customer_id"]: row["place"] for row in open_}
    assert sorted(places.values()) == list(range(1, len(places) + 1))
    assert sorted(places, key=lambda name: places[name]) == list(dict.fromkeys(row["customer_id"] for row in open_))
    assert [row["call"] for row in open_] == [row["place"] == 1 for row in open_]


def _if(customer: str, rows: Any, value: float) -> Any:
    import ibis

    return ibis.ifelse(rows.customer_id == customer, _constant(value), rows.p_alive)


def _constant(value: float) -> Any:
    import ibis

    return ibis.literal(value, "float64")


def _readings(cases: Any) -> pa.Table:
    rows = [
        {"customer_id": name, "cause": cause, "fires": fires, "stays": stays} | READING | {"measure": measure}
        for name, cause, fires, stays, measure in cases
    ]
    schema = pa.schema(
        [("customer_id", pa.string()), ("cause", pa.string()), ("fires", pa.bool_()), ("stays", pa.bool_())]
        + [(name, pa.float64()) for name in ("measure", "threshold", "before")]
        + [("detail", pa.string()), ("value_at_stake", pa.decimal128(28, 4)), ("probability", pa.float64())]
    )
    stakes = [{"value_at_stake": Decimal(100 * (n % 3)), "probability": 0.5} for n, _ in enumerate(rows)]
    return pa.Table.from_pylist([row | stake for row, stake in zip(rows, stakes, strict=True)], schema)


def _carried(cases: Any) -> pa.Table:
    return pa.table(
        {
            "customer_id": [case[0] for case in cases],
            "cause": [case[1] for case in cases],
            "opened_on": [DAY - timedelta(case[2]) for case in cases],
            "threshold": [case[3] for case in cases],
            "before": [100.0 for _ in cases],
            "value_at_stake": pa.array([Decimal(70) for _ in cases], pa.decimal128(28, 4)),
        }
    )


def _slowly(now: Any, before: Any, excluded: Any, p_alive: float) -> dict[Any, Any]:
    readings = {(name, cause): (fires, stays, measure) for name, cause, fires, stays, measure in now}
    carried = {(name, cause): (DAY - timedelta(age), limit) for name, cause, age, limit in before}
    lives = {}
    for key in {*readings, *carried}:
        fires, stays, measure = readings.get(key, (False, False, None))
        opened, limit = carried.get(key, (DAY, None))
        event = ABOUT[key[1]].event
        old = (DAY - opened).days >= 90
        if limit is None:
            lasts = False
        elif event:
            down = measure is not None and (measure > limit if key[1] == "tier_lost" else measure < limit)
            lasts = stays and down and not old
        else:
            lasts = stays
        gone = key[0] in excluded or key[0] == "gone"
        if (fires or lasts) and not gone:
            lives[key] = ("open", None, opened)
        elif key in carried:
            outcome = "removed" if gone else "lost" if p_alive < 0.1 else "expired" if event and old else "passed"
            lives[key] = ("closed", outcome, opened)
    return lives


# --- words, lists, the report -----------------------------------------------------------------------------


def test_every_cause_is_explained_in_both_languages() -> None:
    assert set(ABOUT) == set(CAUSES)
    for cause in CAUSES:
        said = rule(cause, Alerts(), 3)
        assert "{" not in said.en + said.zh
        row = {"cause": cause, "measure": 1.0, "before": 2.0, "threshold": 3.0, "detail": "cost", "value_at_stake": 4}
        assert "{" not in why(row).en + why(row).zh
        assert helps(row).zh
    assert all(text.zh for text in OUTCOMES.values())


def test_lists_of_a_run(work: Work, tmp_path: Path) -> None:
    found(by(work, **EACH, causes=["value_falling"]))
    folder = kept(work, tmp_path / "run")
    named = work.figures.drop("customer").mutate(name=work.figures.customer_id.upper())
    work.engine.write_parquet(named, folder / "customers.parquet")
    names = alerts(folder).column("customer_id").to_pylist()
    assert names[0] == "much"
    assert alerts(folder, limit=1).column("name").to_pylist() == ["MUCH"]
    assert set(alerts(folder, owner="Lin").column("customer_id").to_pylist()) <= {"fell"}
    assert alerts(folder, closed=True).num_rows == 0
    assert alerts(folder, cause="jump_up").num_rows == 0
    with pytest.raises(KezhiError, match="no cause boredom"):
        alerts(folder, cause="boredom")
    (folder / "alerts.parquet").unlink()
    with pytest.raises(KezhiError, match="holds no alerts"):
        alerts(folder)


def test_a_run_without_alerts_or_with_a_damaged_file_makes_nothing_forgotten(
    worked: Callable[..., Work], tmp_path: Path
) -> None:
    orders = crowd(3) + bought("down", 100, 80, 60) + bought("down", 58, end=date(2025, 7, 31))
    rules = EACH | {"causes": ["value_falling"]}
    first = worked(orders, as_of=DAY, alerts=rules)
    opened = found(first)
    runs = [kept(first, tmp_path / "first")]
    for name, content in (("older", None), ("damaged", b"PAR1 no table")):
        run = tmp_path / name
        run.mkdir()
        manifest(run, date(2025, 7, 31))
        if content is not None:
            (run / "alerts.parquet").write_bytes(content)
        runs.append(run)
    later = found(worked(orders, as_of=date(2025, 7, 31), alerts=rules, earlier=tuple(runs)))
    assert [(row["opened_on"], row["due_on"]) for row in later] == [(DAY, opened[0]["due_on"])]


def test_what_a_lost_tier_puts_at_stake_is_not_forgotten_by_the_next_run(work: Work) -> None:
    """The run before has the lower forecast already, so nothing more is lost since; the customer is no less lost."""
    small = replace(work, found={})
    reading = _readings([("a", "tier_lost", False, True, 90.0), ("b", "tier_lost", True, True, 90.0)])
    carried = _carried([("a", "tier_lost", 10, 85.0), ("b", "tier_lost", 10, 85.0)])
    rows = followed(small.engine.table(reading), small.engine.table(carried), Alerts(), DAY)
    found_ = {row["customer_id"]: row["value_at_stake"] for row in small.engine.fetch(rows).to_pylist()}
    assert found_ == {"a": Decimal(70), "b": Decimal(100)}


def test_nothing_is_carried_over_from_nowhere(work: Work, tmp_path: Path) -> None:
    manifest(tmp_path, DAY)
    assert carried_over(replace(work, earlier=())) is None
    assert carried_over(replace(work, earlier=(tmp_path,))) is None
