"""The company scorecard: growth, churn, retention, satisfaction, conversion, market share."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from kezhi.engine import Engine
from kezhi.language import KezhiError
from kezhi.reports.sections import Canvas
from kezhi.reports.worth import scorecard as shown
from kezhi.segments import movement
from kezhi.segments.scorecard import Ends, growth, measured, share
from kezhi.settings import read_settings
from kezhi.settings.market import span
from kezhi.worth import Found, Work
from worth.small_company import AS_OF, Company, Life, lives, month

Given = dict[str, Any]
PRESENT = month(AS_OF) - 1  # June is cut short
CHURN_AFTER = 4


def rows_of(work: Work) -> tuple[Found, dict[str, list[Given]]]:
    found = measured(work)
    assert found is not None
    rows = pq.read_table(work.folder / "scorecard.parquet").to_pylist()
    return found, {level: [row for row in rows if row["level"] == level] for level in ("period", "year", "market")}


@pytest.fixture(scope="module")
def card(followed: tuple[Company, Work]) -> tuple[dict[str, Life], dict[str, list[Given]], Found]:
    company, work = followed
    found, rows = rows_of(work)
    return {name: life for name, life in lives(company).items() if life.bought}, rows, found


@pytest.fixture(scope="module")
def hundred(worked: Callable[..., Work]) -> Work:
    """100 customers buy for 1 each in a first year, half of them in January; 80 of them for 1.5 each in the second."""
    first = [
        {"customer_id": f"C{n}", "date": date(2023, 1 if n < 50 else 2, 5), "amount": Decimal(1)} for n in range(100)
    ]
    second = [{"customer_id": f"C{n}", "date": date(2024, 3, 5), "amount": Decimal("1.5")} for n in range(80)]
    stages = ["won"] * 2 + ["Closed-Won", "lost", "取消"] + ["quoted"] * 5
    opportunities = [
        {"opportunity_id": f"O{n}", "customer_id": f"C{n}", "amount": Decimal(10), "stage": stage,
         "opened_on": date(2024, 2, 1)}
        for n, stage in enumerate(stages)
    ]  # fmt: skip
    scores = [5, 4, 4, 1]
    surveys = [{"customer_id": "C1", "date": date(2024, 5, 2), "dimension": "quality", "score": s} for s in scores]
    surveys += [{"customer_id": "C1", "date": date(2024, 5, 2), "dimension": "NPS", "score": 10}]
    market = {"size": {"2023-01": 500.0, "2023-02": 400.0, "2024": 1200.0, "2025": 9.0},
              "largest_competitor": {"2024": 240.0}}  # fmt: skip
    return worked([*first, *second], as_of=date(2024, 12, 31), opportunities=opportunities, surveys=surveys,
                  market=market)  # fmt: skip


# --- the rows of the inventory ----------------------------------------------------------------------------


def test_m01_from_100_to_120_is_20_per_cent(hundred: Work) -> None:
    """M01: sales of 100, then 120, grew by 20 %; what new, kept and lost customers changed adds up to the 20."""
    _, rows = rows_of(hundred)
    before, now = rows["year"]
    assert (before["amount"], now["amount"], now["growth"]) == (Decimal(100), Decimal(120), 0.2)
    parts = [now[f"growth_{part}"] for part in ("new", "returned", "kept", "lost")]
    assert parts == [0, 0, 40, -20]
    assert growth(120, 100) == 0.2
    assert growth(120, 0) is None


def test_m02_80_of_100_who_buy_again_are_80_per_cent(hundred: Work) -> None:
    """M02: of 100 customers of the year before, 80 buy again: a retention of 80 %."""
    _, rows = rows_of(hundred)
    now = rows["year"][-1]
    assert (now["buyers"], now["bought_again"], now["retention"]) == (100, 80, 0.8)


def test_m02_satisfaction_is_the_mean_and_the_share_of_the_satisfied(hundred: Work) -> None:
    """M02: scores of 5, 4, 4 and 1 are 3.5 on average, and three of four are satisfied; NPS has a scale of its own."""
    found, rows = rows_of(hundred)
    asked = [row for row in rows["period"] if row["answers"] is not None]
    assert [(row["start"], row["answers"], row["satisfaction"], row["satisfied"]) for row in asked] == [
        (date(2024, 5, 1), 4, 3.5, 0.75)
    ]
    assert found.facts["satisfaction"] == {"answers": 4, "scale": 5, "satisfied_from": 4}


def test_m03_50_of_a_market_of_500_are_10_per_cent(hundred: Work) -> None:
    """M03: sales of 50 in a market of 500 are a share of 10 %; 120 against a competitor's 240 are half as much."""
    found, rows = rows_of(hundred)
    by_start = {(row["start"], row["until"]): row for row in rows["market"]}
    january = by_start[date(2023, 1, 1), date(2023, 1, 31)]
    february = by_start[date(2023, 2, 1), date(2023, 2, 28)]
    year = by_start[date(2024, 1, 1), date(2024, 12, 31)]
    assert (january["amount"], january["market_share"], january["share_change"]) == (Decimal(50), 0.1, None)
    assert (february["market_share"], february["share_change"]) == (0.125, pytest.approx(0.025))
    assert (year["market_share"], year["relative_share"]) == (0.1, 0.5)
    assert share(50, 500) == 0.1
    assert next(text.en for _, text in found.warnings).startswith("The market of 2025 ")  # not over yet


def test_m04_conversion_is_won_of_closed(hundred: Work) -> None:
    """M04: 3 won and 2 lost of 10 opportunities: 3 of the 5 that are closed, 60 %, however stages are written."""
    found, rows = rows_of(hundred)
    row = next(row for row in rows["period"] if row["opened"] is not None)
    assert (row["start"], row["opened"], row["won"], row["lost"]) == (date(2024, 2, 1), 10, 3, 2)
    assert row["conversion"] == 0.6
    facts = found.facts["opportunities"]
    assert [(one["stage"], one["counts_as"]) for one in facts["stages"]] == [
        ("quoted", "open"), ("won", "won"), ("Closed-Won", "won"), ("lost", "lost"), ("取消", "lost")
    ]  # fmt: skip
    assert sum(one["opened"] for one in facts["tiers"]) == 10


def test_a08_of_1000_at_the_start_900_are_active_at_the_end(worked: Callable[..., Work]) -> None:
    """A08: 1,000 customers at the start, 900 of them still there at the end: a churn of 10 %."""
    bought = [(n, date(2023, 12, 4)) for n in range(1000)]
    bought += [(n, date(2024, m, 4)) for n in range(900) for m in (4, 8, 12)]
    bought += [(1000 + n, date(2024, 2, 4)) for n in range(7)]  # began in the year, gone within it: not at the start
    orders = [{"customer_id": f"C{n}", "date": day, "amount": Decimal(9)} for n, day in bought]
    work = worked(orders, as_of=date(2024, 12, 31))
    _, rows = rows_of(work)
    (year,) = rows["year"]
    assert (year["at_start"], year["lost_customers"], year["churn"]) == (1000, 100, 0.1)
    lost = {row["start"]: row["lost_customers"] for row in rows["period"] if row["lost_customers"]}
    assert lost == {date(2024, 4, 1): 100, date(2024, 6, 1): 7}
    first = rows["period"][0]  # exactly four months later is still within the four
    assert (first["buyers"], first["bought_again"], first["retention"]) == (1000, 900, 0.9)


# --- agreement with plain Python --------------------------------------------------------------------------


def test_periods_agree_with_plain_python(card: tuple[dict[str, Life], dict[str, list[Given]], Found]) -> None:
    people, rows, _ = card
    firsts = {name: month(life.bought[0]) for name, life in people.items()}
    assert [month(row["start"]) for row in rows["period"]] == list(range(min(firsts.values()), month(AS_OF) + 1))
    for row in rows["period"]:
        now = month(row["start"])
        buyers = {name for name, life in people.items() if life.purchases.get(now)}
        assert row["customers"] == len(buyers)
        new = [name for name in buyers if firsts[name] == now]
        assert row["new_customers"] == len(new)
        assert row["new_amount"] == sum((people[name].amount[now] for name in new), Decimal(0))
        assert row["complete"] == (now <= PRESENT)
        later = range(now + 1, now + CHURN_AFTER + 1)
        again = [name for name in buyers if any(map(people[name].purchases.get, later))]
        if now + CHURN_AFTER <= PRESENT and buyers:
            assert row["retention"] == pytest.approx(len(again) / len(buyers))
        else:
            assert row["retention"] is None
        if row["complete"] and row["at_start"] is not None:
            assert (row["at_start"], row["lost_customers"]) == churned(people, now, now)


def churned(people: dict[str, Life], first: int, last: int) -> tuple[int, int]:
    """Customers there at the start, and those of them whose last silence is long enough within these months."""
    there = lost = 0
    for life in people.values():
        end = month(life.bought[-1]) + CHURN_AFTER
        if month(life.bought[0]) < first and not (end <= PRESENT and end < first):
            there += 1
            lost += first <= end <= min(last, PRESENT)
    return there, lost


def test_years_agree_with_plain_python(
    followed: tuple[Company, Work], card: tuple[dict[str, Life], dict[str, list[Given]], Found]
) -> None:
    people, rows, _ = card
    everybody = lives(followed[0])
    assert [row["until"] for row in rows["year"]] == [date(2024, 5, 31), date(2025, 5, 31)]
    before, now = (range(PRESENT - back - 11, PRESENT - back + 1) for back in (12, 0))
    row = rows["year"][-1]
    sums = {name: [sum((one.amount.get(m, Decimal(0)) for m in year), Decimal(0)) for year in (before, now)]
            for name, one in everybody.items()}  # fmt: skip
    bought = {name: [any(map(one.purchases.get, year)) for year in (before, now)] for name, one in everybody.items()}
    parts = dict.fromkeys(("new", "returned", "kept", "lost"), Decimal(0))
    for name, (old, latest) in sums.items():
        there = bought[name]
        new = there[1] and month(everybody[name].bought[0]) in now
        which = "new" if new else "kept" if all(there) else "lost" if there[0] else "returned"
        parts[which] += latest - old
    assert {part: row[f"growth_{part}"] for part in parts} == parts
    assert sum(parts.values()) == row["amount"] - rows["year"][0]["amount"]
    assert row["buyers"] == sum(one[0] for one in bought.values())
    assert row["bought_again"] == sum(all(one) for one in bought.values())
    assert row["retention"] == pytest.approx(row["bought_again"] / row["buyers"])
    assert (row["at_start"], row["lost_customers"]) == churned(people, now[0], now[-1])


def test_churn_of_the_year_is_that_of_the_life_cycles() -> None:
    ends = Ends({(1, 3): 5, (1, 9): 7, (4, 4): 2}, churn_after=2, present=10)
    assert ends.between(4, 6) == (12, 5)  # lost in 5, 11 is not over, (4, 4) began within
    assert ends.between(6, 10) == (9, 2)


# --- invariance and limits --------------------------------------------------------------------------------


def test_nothing_after_as_of_counts_and_no_order_of_rows(worked: Callable[..., Work], hundred: Work) -> None:
    orders = hundred.engine.fetch(hundred.book.orders.select("customer_id", "date", "amount")).to_pylist()
    later = [{**orders[0], "date": date(2025, 1, 1) + timedelta(days=n), "amount": Decimal(5)} for n in range(3)]
    asked = [{"customer_id": "C1", "date": day, "dimension": "quality", "score": 2.0}
             for day in (date(2024, 5, 2), date(2025, 5, 2))]  # fmt: skip
    tables = {"surveys": asked, "as_of": date(2024, 12, 31)}
    one = worked([*later, *reversed(orders)], **tables)
    other = worked(orders, **(tables | {"surveys": asked[:1]}))
    assert rows_of(one)[0].facts == rows_of(other)[0].facts
    assert len({(work.folder / "scorecard.parquet").read_bytes() for work in (one, other)}) == 1


def test_what_the_data_does_not_say_is_empty(card: tuple[dict[str, Life], dict[str, list[Given]], Found]) -> None:
    _, rows, found = card
    for row in (*rows["period"], *rows["year"]):
        assert row["answers"] is row["satisfaction"] is row["satisfied"] is row["market_share"] is None
    assert found.facts["satisfaction"] is None
    assert rows["market"] == []


def test_one_period_and_nobody_who_ever_bought(worked: Callable[..., Work]) -> None:
    order = {"customer_id": "C1", "date": date(2025, 5, 4), "amount": Decimal(7)}
    _, rows = rows_of(worked([order], as_of=date(2025, 5, 31)))
    (row,) = rows["period"]
    assert (row["amount"], row["growth"], row["churn"], row["retention"]) == (Decimal(7), None, None, None)
    assert rows["year"] == []
    assert measured(worked([{**order, "amount": Decimal(-7)}], as_of=date(2025, 5, 31))) is None


def test_opportunities_without_a_day_or_an_outcome(followed: tuple[Company, Work]) -> None:
    company, work = followed
    table = work.book.opportunities
    undated = replace(work, book=replace(work.book, opportunities=table.drop("opened_on")))
    found, rows = rows_of(undated)
    assert found.facts["opportunities"]["opened"] == len(company.opportunities)
    assert all(row["opened"] is None for row in rows["period"])
    unknown = replace(work, book=replace(work.book, opportunities=table.drop("stage")))
    assert rows_of(unknown)[0].facts["opportunities"] is None


@pytest.mark.parametrize("given", ["last year", "2025-13", "2025Q5", ""])
def test_a_market_of_no_time_is_refused(given: str) -> None:
    with pytest.raises(KezhiError) as refused:
        read_settings({"market": {"size": {given: 5}}})
    assert "market.size" in refused.value.text.en


def test_spans_of_the_market() -> None:
    assert span("2025") == (date(2025, 1, 1), 12)
    assert span("2025", 4) == (date(2025, 4, 1), 12)
    assert span("2025Q2") == (date(2025, 4, 1), 3)
    assert span("2025-12") == (date(2025, 12, 1), 1)


# --- the report -------------------------------------------------------------------------------------------


class Told:
    """What sections ask of a report."""

    currency, period, fiscal_start, worth = "CNY", "month", 1, {"curve": None}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_section_shows_measures_with_their_definitions(hundred: Work, engine: Engine, language: Any) -> None:
    """Definitions are on the screen, few answers are marked, and the rule of thumb is called one."""
    work = replace(hundred, found={})
    moved = movement.measured(work)
    assert moved is not None
    work.found["movement"] = moved
    found, _ = rows_of(work)
    facts = json.loads(json.dumps(found.facts, default=str))
    built = shown.build(engine, work.folder, facts)
    assert built is not None
    canvas = Canvas(language)
    page = shown.section(built, Told(), canvas)
    assert "3.50*" in page
    assert "75.0%*" in page
    assert "10.0%" in page
    assert {"en": "rule of thumb", "zh": "经验之谈"}[language] in page
    assert {"en": "Churn: of the customers", "zh": "客户流失率：期初"}[language] in page
    assert "figure-churn" in canvas.figures
    assert Path(work.folder / "scorecard.parquet").exists()


def test_growth_by_tier_is_that_of_the_tiers_at_the_start(followed: tuple[Company, Work]) -> None:
    work = replace(followed[1], found={})
    moved = movement.measured(work)
    assert moved is not None
    work.found["movement"] = moved
    found, rows = rows_of(work)
    tiers = found.facts["by_tier"]
    assert sum(one["amount"] for one in tiers) == rows["year"][-1]["amount"]
    assert sum(one["amount_before"] for one in tiers) == rows["year"][-2]["amount"]
