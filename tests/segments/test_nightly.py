"""A company that runs every night: what moves slowly is seen, and no date is lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kezhi.engine import Engine
from kezhi.ledger import Calendar
from kezhi.segments import alerts, movement, tiers
from kezhi.settings import read_settings
from kezhi.settings.tiers import TIERS
from kezhi.valuation import Columns
from kezhi.worth import Found, Work
from worth.small_company import Company

MONEY = pa.decimal128(28, 4)
FIRST = date(2025, 5, 3)  # 40 nights, the last one on 11 June
NIGHTS = [FIRST + timedelta(n) for n in range(40)]
SLIDES = "C07"
WATCHED = 36  # from here on with alerts
MEASURED = {0, 1, 10, 28, 29, *range(WATCHED, 40)}
RULES = {
    "tiers": {"shares": [10, 20, 25, 45]},
    "alerts": {"causes": ["tier_lost"], "least_value": 0.0},
}


Forecasts = dict[str, float]


def measured(work: Work, folder: Path, day: date, earlier: tuple[Path, ...], forecasts: Forecasts) -> Work:
    """A run's groups with these forecasts, its folder with what the next runs ask of it."""
    folder.mkdir()
    ledger = replace(work.ledger, as_of=day)
    one = replace(
        work,
        ledger=ledger,
        forecasted=replace(work.forecasted, folder=folder, ledger=ledger),
        earlier=earlier,
        found={},
        settings=read_settings(RULES),
    )
    rows = work.engine.fetch(work.figures)
    told = [Decimal(f"{forecasts[name]:.4f}") for name in rows["customer_id"].to_pylist()]
    rows = rows.set_column(rows.column_names.index("forecast_value"), "forecast_value", pa.array(told, MONEY))
    vars(one)["figures"] = work.engine.table(rows)
    one.found["tiers"] = tiers.measured(one)
    work.engine.write_parquet(one.with_found(*tiers.COLUMNS), folder / "customers.parquet")
    manifest = {"as_of": str(day), "settings": one.settings.model_dump(mode="json")}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return one


def slowly(work: Work, number: int) -> Forecasts:
    """Everybody keeps their forecast but one, who loses 1.8 % of theirs every night."""
    names = sorted(work.engine.fetch(work.figures.select("customer_id"))["customer_id"].to_pylist())
    found = {name: 1_000.0 - 20 * place for place, name in enumerate(names)}
    found[SLIDES] = 995.0 * 0.982**number
    return found


def by_hand(forecasts: Forecasts) -> dict[str, str]:
    """Tiers by counting off from the top."""
    order = sorted(forecasts, key=lambda name: (-forecasts[name], name))
    return {
        name: next(tier for tier, end in zip(TIERS, (10, 30, 55, 100), strict=True) if place * 100 < end * len(order))
        for place, name in enumerate(order)
    }


def written(work: Work, folder: Path, day: date, forecasts: Forecasts, since: dict[str, date]) -> Path:
    """A run folder with as much as is asked of an earlier run."""
    alive = dict(
        zip(
            *(
                column.to_pylist()
                for column in work.engine.fetch(work.figures.select("customer_id", "p_alive")).columns
            ),
            strict=True,
        )
    )
    folder.mkdir()
    (folder / "manifest.json").write_text(json.dumps({"as_of": str(day)}), encoding="utf-8")
    tier, names = by_hand(forecasts), list(forecasts)
    table = {
        "customer_id": names,
        "tier": [tier[name] for name in names],
        "tier_since": [since[name] for name in names],
        "core": [False] * len(names),
        "forecast_value": pa.array([Decimal(f"{forecasts[name]:.4f}") for name in names], MONEY),
        "p_alive": [alive[name] for name in names],
    }
    pq.write_table(pa.table(table), folder / "customers.parquet")
    return folder


def of(folder: Path, name: str) -> dict[str, Any]:
    """That customer's row of a table; empty where there is none."""
    rows: list[dict[str, Any]] = pq.read_table(folder / f"{name}.parquet").to_pylist()
    return next((row for row in rows if row["customer_id"] == SLIDES), {})


Told = dict[str, tuple[str, str | None, date]]  # by customer: tier, the one before, since when


@dataclass
class Nights:
    """What 40 nightly runs recorded by hand, and the folders of those that the code measured, by number."""

    told: list[Told]
    runs: dict[int, Path]


@pytest.fixture(scope="module")
def nights(followed: tuple[Company, Work], tmp_path_factory: pytest.TempPathFactory) -> Nights:
    """Of the 40 nights the last ones are measured in a row, and a few before."""
    work, place = followed[1], tmp_path_factory.mktemp("nights")
    made, runs, earlier = Nights([], {}), [], [by_hand(slowly(work, number)) for number in range(len(NIGHTS))]
    for number, day in enumerate(NIGHTS):
        forecasts = slowly(work, number)
        since = {
            name: NIGHTS[next(n for n in range(number, -1, -1) if n == 0 or earlier[n - 1][name] != tier)]
            for name, tier in earlier[number].items()
        }
        month = [n for n in range(number) if NIGHTS[n].month < day.month]
        then = earlier[month[-1] if month else 0]  # in the first month the oldest night is all there is
        made.told.append(
            {name: (tier, then[name] if number else None, since[name]) for name, tier in earlier[number].items()}
        )
        folder = place / str(number)
        if number in MEASURED:
            one = measured(work, folder, day, tuple(runs), forecasts)
            made.runs[number] = folder
            if number >= WATCHED:
                alerts.measured(one)
        runs.append(folder if number >= WATCHED else written(work, place / f"{number} by hand", day, forecasts, since))
    found = movement.measured(one)
    assert found is not None
    (folder / "movement.json").write_text(json.dumps(found.facts, default=str), encoding="utf-8")
    return made


def test_a_slow_slide_is_seen_by_whoever_runs_every_night(nights: Nights) -> None:
    """From night to night the forecast falls by 1.8 %, which no rule would call a loss; since May by much more."""
    run = nights.runs[39]
    last = of(run, "customers")
    assert (last["tier_previous"], last["tier"]) == ("ordinary", "small")
    one = of(run, "alerts")
    assert (one["cause"], one["state"]) == ("tier_lost", "open")
    told = json.loads((run / "movement.json").read_text(encoding="utf-8"))
    (runs,) = [one for one in told["matrices"] if one["source"] == "runs"]
    assert (runs["from"], runs["until"]) == ("2025-05-31", str(NIGHTS[-1]))
    moved = of(run, "movement")
    assert (moved["source"], moved["before"], moved["after"]) == ("runs", "ordinary", "small")


def test_the_alert_opens_once_and_lasts(nights: Nights) -> None:
    found = [of(nights.runs[number], "alerts") for number in range(WATCHED, len(NIGHTS))]
    opened = next(number for number, one in enumerate(found) if one)
    assert opened, "not before the fall since May is one of 15 %"
    assert {(one["state"], one["opened_on"]) for one in found[opened:]} == {("open", NIGHTS[WATCHED + opened])}
    assert all(one["value_at_stake"] >= found[opened]["value_at_stake"] for one in found[opened:])


def test_tiers_and_their_days_agree_with_counting_by_hand(nights: Nights) -> None:
    """The tier before is that of the last night in May; the day since which a tier holds that of the night it came."""
    assert len({told[SLIDES][0] for told in nights.told}) == 4, "falls from tier to tier"
    for number, run in nights.runs.items():
        rows = pq.read_table(run / "customers.parquet").to_pylist()
        found = {row["customer_id"]: (row["tier"], row["tier_previous"], row["tier_since"]) for row in rows}
        assert found == nights.told[number]


def test_a_tier_that_came_and_went_between_the_two_runs_compared_has_its_own_day(
    followed: tuple[Company, Work], tmp_path: Path
) -> None:
    """Up for a day in June: small as on 31 May, and since 6 June without interruption."""
    work, start = followed[1], date(2025, 5, 1)
    high, low = slowly(work, 0), slowly(work, 0) | {SLIDES: 1.0}
    since = dict.fromkeys(low, start)
    runs = (
        written(work, tmp_path / "may", date(2025, 5, 31), low, since),
        written(work, tmp_path / "up", date(2025, 6, 5), high, since | {SLIDES: date(2025, 6, 5)}),
        written(work, tmp_path / "down", date(2025, 6, 6), low, since | {SLIDES: date(2025, 6, 6)}),
    )
    row = of(measured(work, tmp_path / "now", date(2025, 6, 7), runs, low).folder, "customers")
    assert (row["tier"], row["tier_previous"], row["tier_since"]) == ("small", "small", date(2025, 6, 6))


@pytest.mark.parametrize(
    ("period", "as_of", "days", "expected"),
    [
        ("month", "2025-06-11", ["2025-04-30", "2025-05-30", "2025-05-31", "2025-06-01", "2025-06-10"], 2),
        ("month", "2025-06-01", ["2025-05-31", "2025-05-01"], 0),
        ("month", "2025-06-11", ["2025-06-09", "2025-06-02", "2025-06-10"], 1),  # none of an earlier month: the oldest
        ("month", "2025-06-11", ["2025-06-11", "2025-06-30"], None),  # of the same day, and of a later one
        ("month", "2025-06-11", ["2025-05-31", "2025-05-31"], 1),  # made as of the same day: the newest
        ("month", "2025-06-11", ["2025-06-02", "2025-06-02", "2025-06-03"], 1),
        ("quarter", "2025-06-11", ["2025-03-20", "2025-04-01", "2025-05-31"], 0),
        ("year", "2025-06-11", ["2025-01-01", "2025-03-01"], 0),
        ("month", "2025-06-11", [], None),
    ],
)
def test_which_run_is_compared_with(
    followed: tuple[Company, Work], tmp_path: Path, period: Any, as_of: str, days: list[str], expected: int | None
) -> None:
    runs = [tmp_path / str(number) for number in range(len(days))]
    for run, day in zip(runs, days, strict=True):
        run.mkdir()
        (run / "manifest.json").write_text(json.dumps({"as_of": day}), encoding="utf-8")
    ledger = replace(followed[1].ledger, as_of=date.fromisoformat(as_of), calendar=Calendar(period))
    forecasted = replace(followed[1].forecasted, ledger=ledger)
    work = replace(followed[1], ledger=ledger, forecasted=forecasted, earlier=tuple(runs))
    assert work.before == (None if expected is None else runs[expected])


@pytest.mark.parametrize("days", [89, 90])
def test_a_tier_lost_long_ago_is_no_news_where_periods_are_long(
    worked: Callable[..., Work], engine: Engine, tmp_path: Path, days: int
) -> None:
    """With a year for a period, the run compared with is of last year all year long."""
    orders = [{"customer_id": f"c{n}", "date": date(2024, 1 + n, 5), "amount": 50.0} for n in range(4)]
    orders += [{"customer_id": "c0", "date": date(2025, 6, 1), "amount": 50.0}]
    work = worked(orders, as_of=date(2025, 6, 30), period="year", alerts=RULES["alerts"])
    run = tmp_path / "then"
    run.mkdir()
    (run / "manifest.json").write_text('{"as_of": "2024-12-31"}', encoding="utf-8")
    names = engine.fetch(work.figures.select("customer_id"))["customer_id"].to_pylist()
    then = {
        "customer_id": names,
        "forecast_value": pa.array([Decimal(9_000 if name == "c0" else 1) for name in names], MONEY),
    }
    pq.write_table(pa.table(then | {"p_alive": [1.0] * len(names)}), run / "customers.parquet")
    table = {
        "customer_id": names,
        "tier": ["small"] * len(names),
        "tier_previous": ["vip" if name == "c0" else "small" for name in names],
        "tier_since": [date(2025, 6, 30) - timedelta(days)] * len(names),
    }
    columns = Columns(engine.table(pa.table(table)), dict.fromkeys(("tier", "tier_previous", "tier_since")))
    one = replace(work, earlier=(run,), found={"tiers": Found(columns=columns)})
    vars(one)["figures"] = engine.store(work.figures.mutate(forecast_value=work.figures.forecast_value * 0 + 1))
    alerts.measured(one)
    found = pq.read_table(one.folder / "alerts.parquet").to_pylist()
    assert [row["customer_id"] for row in found] == (["c0"] if days < 90 else [])
