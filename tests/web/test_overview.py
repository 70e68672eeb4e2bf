"""The overview: the company at a glance, a salesperson's own customers, and what to do next."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from casting import Cast
from kezhi.reports import numbers
from kezhi_web.alerts.models import Handling, Step
from kezhi_web.overview import blocks
from kezhi_web.overview.gaps import GAINS, gaps
from kezhi_web.runs.models import Job
from kezhi_web.shown import Rows
from kezhi_web.shown.run import Shown, named, workspace


def table(name: str) -> list[dict[str, Any]]:
    return pq.read_table(named(None).folder / f"{name}.parquet").to_pylist()


def own_ids(owner: str) -> set[str]:
    return {row["customer_id"] for row in table("attributes") if row["owner"] == owner}


def test_it_shows_the_company(shown_home: Path, cast: Cast) -> None:
    """The answers, the figure with its numbers, tiers, moves, calls, what to upload; each links to its page."""
    page = cast["viewer"].get("/")
    assert page.status_code == 200
    text = page.content.decode()
    for one in ("leads", "figure-history", "Whom to call first", "Tiers", "Movement", "Concentration", "still missing"):
        assert one in text
    for place in ("/forecast", "/forecast?tab=trust", "/tiers", "/movement", "/alerts", "/customers"):
        assert f'href="{place}' in text


@pytest.mark.parametrize("role", ["viewer", "analyst"])
def test_who_may_not_see_names_sees_none(shown_home: Path, cast: Cast, role: str) -> None:
    """Ids stand where names would."""
    names = [row["name"] for row in table("customers") if row["name"]]
    text = cast[role].get("/").content.decode()
    assert not [name for name in names if name in text]
    assert [name for name in names if name in cast["marketer"].get("/").content.decode()]


def test_the_tiers_add_up(shown_home: Path) -> None:
    """Customers and forecast of the tiers are those of the company, against sums by hand."""
    people = table("customers")
    run = named(None)
    found = blocks.tiers(Rows(run, None, personal=True), run, None)
    assert sum(one.count.customers for one in found) == len(people)
    assert sum(one.forecast for one in found) == sum(row["forecast_value"] for row in people)
    assert sum(one.share or 0 for one in found) == pytest.approx(1)
    facts = run.worth["tiers"]["tiers"]
    assert [(one.count.customers, one.risen or 0) for one in found] == [
        (one["customers"], one.get("risen", 0)) for one in facts
    ]


@pytest.mark.django_db
def test_the_first_calls_are_the_largest_losses(shown_home: Path) -> None:
    """Each customer once, in the order of the list of alerts."""
    run = named(None)
    found = blocks.calls(Rows(run, None, personal=True), run)
    assert found is not None
    rows = sorted((row for row in table("alerts") if row["main"] and row["state"] != "closed"), key=lambda r: r["rank"])
    assert [one.customer_id for one in found.first] == [row["customer_id"] for row in rows[:5]]
    assert found.customers == len({row["customer_id"] for row in table("alerts") if row["state"] != "closed"})


def test_whoever_was_dealt_with_is_to_call_no_longer(shown_home: Path, cast: Cast) -> None:
    """The overview and the list of alerts say the same at every moment, not only right after a run."""
    run = named(None)
    rows = Rows(run, None, personal=True)
    before = blocks.calls(rows, run)
    assert before is not None
    gone = before.first[0].customer_id
    for row in table("alerts"):
        if row["customer_id"] == gone:
            done = Handling.objects.create(
                customer_id=gone, cause=row["cause"], since=row["opened_on"], outcome="reached", closed_by="sales"
            )
            Step.objects.create(handling=done, who="sales", what="close")
    after = blocks.calls(rows, run)
    assert after is not None
    assert after.customers == before.customers - 1
    assert after.loss == before.loss - before.first[0].loss
    assert gone not in {one.customer_id for one in after.first}
    listed = cast["analyst"].get("/alerts").context["found"]
    assert (after.customers, after.loss) == (listed.number, listed.loss)


def test_comparisons_name_their_day_and_links_stay_in_an_older_run(shown_home: Path, cast: Cast) -> None:
    """No "since the run before" without its date; whoever looks at an older run is not led to the newest."""
    run = named(None)
    before = date.fromisoformat(run.worth["tiers"]["previous"]["as_of"])
    page = cast["viewer"].get(f"/?run={run.name}").content.decode()
    assert page.count(f"Since the run up to {numbers.day(before, 'en')}") == 1
    assert f"since the run up to {numbers.day(before, 'en')}" in page
    main = page.split("<main", 1)[1]
    kept = re.findall(r'href="(/(?:forecast|tiers|movement|alerts|customers)[^"]*)"', main)
    assert kept
    assert not [place for place in kept if f"run={run.name}" not in place and "/customers/" not in place]


def test_a_salesperson_sees_what_their_own_add_up_to(shown_home: Path, cast: Cast) -> None:
    """Sums by hand over their customers; nobody else's alert, and no figure of the company."""
    ids = own_ids(cast.owner)
    mine = [row for row in table("customers") if row["customer_id"] in ids]
    run = named(None)
    rows = Rows(run, cast.owner, personal=True)
    found = blocks.own(rows)
    assert (found.customers, found.value) == (len(mine), sum(row["value"] for row in mine))
    assert found.forecast == sum(row["forecast_value"] for row in mine)
    calls = blocks.calls(rows, run)
    assert calls is not None
    assert {one.customer_id for one in calls.first} <= ids
    page = cast["sales"].get("/").content.decode()
    assert f">{len(mine):,}</a>" in page
    assert "leads three" in page
    everybody = sum((row["forecast_value"] for row in table("customers")), Decimal(0))
    assert f"{everybody:,.0f}" not in page
    linked = set(re.findall(r'href="/customers/([^"?]+)"', page))
    assert linked <= ids
    moved = blocks.movement(rows, run, None)
    assert moved is None or moved.gained is None


def test_somebody_in_charge_of_nobody_is_told_why(shown_home: Path, cast: Cast) -> None:
    """An empty page says what to do next."""
    from kezhi_web.people.models import Person

    client = cast["sales"]
    Person.objects.filter(user__username="sales").update(owner="Nobody At All")
    page = client.get("/").content.decode()
    assert "No customer is in your charge yet" in page
    assert "Nobody At All" in page


def test_a_stranger_is_asked_to_sign_in(shown_home: Path, cast: Cast) -> None:
    """Nobody sees a figure without signing in."""
    page = cast.stranger.get("/")
    assert page.status_code == 302
    assert page["Location"] == "/login?next=/"


def test_without_a_run_every_step_says_what_comes_next(empty_home: Path, cast: Cast) -> None:
    """Upload, start, wait, or mend; whoever may not do it is told who may."""

    def seen(role: str = "administrator") -> str:
        return str(cast[role].get("/").content.decode())

    assert 'href="/data">Upload orders</a>' in seen()
    assert "ask an administrator" in seen("sales")
    orders = empty_home / "book" / "orders"
    orders.mkdir(parents=True)
    (orders / "some.parquet").write_bytes(b"")
    workspace().note_import("orders", {"sha256": "some"})
    assert 'action="/data/run"' in seen()
    assert 'action="/data/run"' not in seen("viewer")
    job = Job.objects.create(kind="run")
    assert f'href="/jobs/{job.pk}"' in seen("viewer")
    assert 'http-equiv="refresh"' in seen()
    Job.objects.filter(pk=job.pk).update(state="failed", told={"en": "No memory left.", "zh": "内存不足。"})
    assert "No memory left." in seen()
    assert "Try again" in seen()


def test_gaps_name_what_was_not_uploaded(shown_home: Path, tmp_path: Path, settings: object) -> None:
    """Only tables that are missing, the most worth first; costs told otherwise are no gap."""
    from datetime import timedelta

    from kezhi.workspace import write_json

    settings.DEMO = False  # type: ignore[attr-defined]
    run = named(None)
    there = {one["table"] for one in run.manifest["inputs"]}
    found = gaps(run)
    missing = [name for name, _ in GAINS if name not in there]
    assert len(found.tables) + found.more == len(missing)
    write_json(tmp_path / "manifest.json", run.manifest | {"inputs": [], "expense_known": False})
    poor = Shown("poor", tmp_path, 0)
    named_first = gaps(poor, poor.as_of + timedelta(days=36))
    assert named_first.tables[0].title.en == "Expenses"  # what products cost stands on the orders
    assert (named_first.days, named_first.old) == (36, True)
    assert not gaps(poor, poor.as_of).old
