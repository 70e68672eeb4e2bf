"""The list of alerts, and what people do about them."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.utils import timezone

from casting import Cast
from kezhi_web.alerts.acting import key_of
from kezhi_web.alerts.models import Handling, Step
from kezhi_web.capture.models import Entry
from kezhi_web.people.models import Event


def newest(home: Path) -> Path:
    """The folder of the newest run."""
    return home / "runs" / (home / "runs" / "latest").read_text(encoding="utf-8").strip()


def open_alerts(home: Path) -> list[dict[str, Any]]:
    """What the run found, its first alert first."""
    rows = pq.read_table(newest(home) / "alerts.parquet").to_pylist()
    return sorted((row for row in rows if row["state"] == "open"), key=lambda row: row["rank"])


def key(row: dict[str, Any]) -> str:
    """How a form names an alert."""
    return f"{row['opened_on']}:{row['cause']}:{row['customer_id']}"


def act(client: Any, do: str, rows: list[dict[str, Any]], **more: str) -> Any:
    """Send the form."""
    return client.post("/alerts/act", {"do": do, "alert": [key(row) for row in rows], **more})


def text(page: Any) -> str:
    """A page's markup."""
    return str(page.content.decode())


def test_the_largest_expected_loss_stands_first(shown_home: Path, cast: Cast) -> None:
    """The page says the same as the run: as many alerts, its first customer first."""
    rows = open_alerts(shown_home)
    page = cast["analyst"].get("/alerts")
    assert page.status_code == 200
    found = page.context["found"]
    assert found.alerts == len(rows)
    assert found.number == len({row["customer_id"] for row in rows})
    assert found.customers[0]["customer_id"] == rows[0]["customer_id"]
    losses = [max(row["priority"] for row in one["alerts"]) for one in found.customers]
    assert losses == sorted(losses, reverse=True)
    assert found.loss == sum(
        max(row["priority"] for row in rows if row["customer_id"] == who)
        for who in {row["customer_id"] for row in rows}
    )


def test_a_salesperson_sees_their_own(shown_home: Path, cast: Cast) -> None:
    """Nobody else's customers, neither in the list nor by the address of an alert."""
    page = cast["sales"].get("/alerts")
    theirs = [row for row in open_alerts(shown_home) if row["owner"] == cast.owner]
    others = [row for row in open_alerts(shown_home) if row["owner"] != cast.owner]
    assert page.context["found"].alerts == len(theirs)
    assert others
    other = others[0]
    assert (
        cast["sales"].get(f"/alerts/of/{other['opened_on']}/{other['cause']}/{other['customer_id']}").status_code == 404
    )
    assert act(cast["sales"], "close", [other], outcome="reached").status_code == 404
    assert not Handling.objects.exists()


def test_names_are_hidden_from_those_who_may_not_see_them(shown_home: Path, cast: Cast) -> None:
    """An analyst sees ids, a marketer names."""
    first = open_alerts(shown_home)[0]["customer_id"]
    customers = pq.read_table(newest(shown_home) / "customers.parquet", columns=["customer_id", "name"]).to_pylist()
    name = next(row["name"] for row in customers if row["customer_id"] == first)
    assert name in text(cast["marketer"].get("/alerts"))
    assert name not in text(cast["analyst"].get("/alerts"))


def test_filters_choose(shown_home: Path, cast: Cast) -> None:
    """By cause, tier and owner; what is unknown chooses all or nobody."""
    rows = open_alerts(shown_home)
    cause, owner = rows[0]["cause"], next(row["owner"] for row in rows if row["owner"])
    client = cast["analyst"]
    assert client.get(f"/alerts?cause={cause}").context["found"].alerts == sum(row["cause"] == cause for row in rows)
    assert client.get("/alerts", {"owner": owner}).context["found"].alerts == sum(row["owner"] == owner for row in rows)
    assert client.get("/alerts?cause=nonsense&page=x").context["found"].alerts == len(rows)
    assert client.get("/alerts?tier=' or 1=1").context["found"].alerts == 0


def test_assigning(shown_home: Path, cast: Cast) -> None:
    """An alert becomes somebody's task, is found as such, and the history says so."""
    row = open_alerts(shown_home)[0]
    cast["analyst"]
    assert act(cast["marketer"], "assign", [row], to="administrator").status_code == 400
    assert not Handling.objects.exists(), "there is no administrator yet"
    cast["administrator"]
    act(cast["marketer"], "assign", [row], to="administrator")
    assert Handling.objects.get().assigned == "administrator"
    assert cast["administrator"].get("/alerts?assigned=administrator").context["found"].alerts == 1
    assert Step.objects.get().who == "marketer"
    told = Event.objects.get(action="alerts_assigned").told
    assert told["customers"] == [row["customer_id"]]


def test_who_would_not_see_an_alert_does_not_get_it(shown_home: Path, cast: Cast) -> None:
    """A salesperson who looks after others is not given the task."""
    other = next(row for row in open_alerts(shown_home) if row["owner"] != cast.owner)
    cast["sales"]
    page = cast["marketer"].post("/alerts/act", {"do": "assign", "alert": key(other), "to": "sales"}, follow=True)
    assert "looks after other customers only" in text(page)
    assert not Handling.objects.exists()


def test_snoozing(shown_home: Path, cast: Cast) -> None:
    """Out of sight until the day, then back."""
    rows = open_alerts(shown_home)
    client = cast["marketer"]
    today = timezone.localdate()
    act(client, "snooze", rows[:2], until=str(today + timedelta(days=7)))
    assert client.get("/alerts").context["found"].alerts == len(rows) - 2
    assert client.get("/alerts?state=snoozed").context["found"].alerts == 2
    Handling.objects.update(until=today)
    assert client.get("/alerts").context["found"].alerts == len(rows)
    for wrong in (str(today), "2001-01-01", "tomorrow", ""):
        page = client.post("/alerts/act", {"do": "snooze", "alert": key(rows[3]), "until": wrong}, follow=True)
        assert "Say until which day" in text(page)


def test_closing_and_reopening(shown_home: Path, cast: Cast) -> None:
    """A closed alert leaves the list with what came of it, and comes back when it is opened again."""
    rows = open_alerts(shown_home)
    client = cast["marketer"]
    act(client, "close", rows[:1], outcome="not_needed", note="moved abroad")
    assert client.get("/alerts").context["found"].alerts == len(rows) - 1
    page = text(client.get("/alerts?state=closed"))
    assert "moved abroad" in page
    assert "No call needed" in page
    again = client.post("/alerts/act", {"do": "close", "alert": key(rows[0]), "outcome": "lost"}, follow=True)
    assert "somebody has closed it already: 1 alert." in text(again)
    assert Handling.objects.get().outcome == "not_needed"
    act(client, "reopen", rows[:1])
    assert client.get("/alerts").context["found"].alerts == len(rows)
    address = f"/alerts/of/{rows[0]['opened_on']}/{rows[0]['cause']}/{rows[0]['customer_id']}"
    assert [step.what for step in client.get(address).context["steps"]] == ["close", "reopen"]


def test_the_call_is_written_down_once_a_customer(home: Path, cast: Cast) -> None:
    """Two alerts of one customer are one call, with what was said; without the tick none."""
    path = newest(home) / "alerts.parquet"
    table = pq.read_table(path)
    who = open_alerts(home)[0]["customer_id"]
    again = [row | {"cause": "review_due"} for row in open_alerts(home)[:1]]
    path.unlink()
    pq.write_table(pa.concat_tables([table, pa.Table.from_pylist(again, table.schema)]), path)
    theirs = [row for row in open_alerts(home) if row["customer_id"] == who]
    others = [row for row in open_alerts(home) if row["customer_id"] != who]
    assert len(theirs) > 1
    losses = {row["customer_id"]: row["priority"] for row in reversed(open_alerts(home))}
    assert cast["marketer"].get("/alerts").context["found"].loss == sum(losses.values()), "the same money counts once"
    day = timezone.localdate() - timedelta(days=2)
    act(cast["marketer"], "close", theirs, outcome="will_order", note="in May", call="1", way="phone", day=str(day))
    entry = Entry.objects.get()
    assert (entry.table, entry.customer_id, entry.by) == ("contacts", who, "marketer")
    assert entry.row["note"] == "in May"
    assert str(entry.row["date"]) == str(day)
    assert {one.closed_on for one in Handling.objects.all()} == {day}
    act(cast["marketer"], "close", others[:1], outcome="reached")
    act(cast["marketer"], "close", others[1:2], outcome="not_needed", call="1", way="phone")
    assert Entry.objects.count() == 1


def test_a_call_that_cannot_be_kept_closes_nothing(shown_home: Path, cast: Cast) -> None:
    """Both, or neither."""
    row = open_alerts(shown_home)[0]
    for wrong in ({"way": "pigeon"}, {"way": "phone", "day": "2001-01-01"}, {"way": "phone", "day": "x"}):
        page = act(cast["marketer"], "close", [row], outcome="reached", call="1", note="in May, he said", **wrong)
        assert page.status_code == 400
        assert "in May, he said</textarea>" in text(page), "what was written is not lost"
        assert f'name="alert" value="{key(row)}"' in text(page)
    assert not Handling.objects.exists()
    assert not Entry.objects.exists()


def run_of_tomorrow(home: Path, drop: dict[str, Any] | None = None, closed: dict[str, Any] | None = None) -> None:
    """The newest run as another made it: without an alert, or with one that it closed by itself."""
    path = newest(home) / "alerts.parquet"
    table = pq.read_table(path)
    rows = [row for row in table.to_pylist() if drop is None or (row["customer_id"], row["cause"]) !=
            (drop["customer_id"], drop["cause"])]  # fmt: skip
    for row in rows:
        if closed and (row["customer_id"], row["cause"]) == (closed["customer_id"], closed["cause"]):
            row |= {"state": "closed", "outcome": "passed"}
    path.unlink()
    pq.write_table(pa.Table.from_pylist(rows, table.schema), path)


def test_a_run_in_between_loses_nothing(home: Path, cast: Cast) -> None:
    """Closed by a run while somebody was calling: their word counts. No longer known at all: it is given back."""
    one, other = open_alerts(home)[:2]
    run_of_tomorrow(home, closed=one)
    call = {"outcome": "not_reached", "note": "left a message", "call": "1", "way": "phone"}
    assert act(cast["marketer"], "close", [one], **call).status_code == 302
    assert Handling.objects.get().note == "left a message"
    assert Entry.objects.get().row["outcome"] == "not_reached", "so that it does not count as a contact"
    run_of_tomorrow(home, drop=other)
    page = act(cast["marketer"], "close", [other], **call)
    assert page.status_code == 400
    assert "no longer finds 1 of these alerts" in text(page)
    assert "left a message</textarea>" in text(page)
    assert f"/record/contacts?customer={other['customer_id']}" in text(page)
    assert Entry.objects.count() == 1


def test_who_comes_second_keeps_what_they_wrote(shown_home: Path, cast: Cast) -> None:
    """Whoever pressed twice is told that it is done; another sees what was said before, and their own words."""
    row = open_alerts(shown_home)[0]
    for _ in range(2):
        done = cast["marketer"].post(
            "/alerts/act", {"do": "close", "alert": key(row), "outcome": "will_order", "note": "in May"}, follow=True
        )
        assert "Closed: 1 alert." in text(done)
    assert Step.objects.count() == 1
    late = act(cast["administrator"], "close", [row], outcome="lost", note="moved to Peru")
    assert late.status_code == 409
    assert "by marketer: Will order – in May" in text(late)
    assert "moved to Peru</textarea>" in text(late)
    assert Handling.objects.get().outcome == "will_order"


def test_the_list_goes_on_where_a_page_is_done(shown_home: Path, cast: Cast) -> None:
    """A page behind the last is the last; filters that find nobody say so; who has no customers is told why."""
    rows = open_alerts(shown_home)
    page = cast["marketer"].get("/alerts?page=900")
    assert page.context["found"].page == page.context["found"].pages
    assert page.context["found"].customers
    assert "No alert fits these filters" in text(cast["marketer"].get("/alerts?state=snoozed&assigned=-"))
    act(cast["marketer"], "snooze", rows[:1], until=str(timezone.localdate() + timedelta(days=7)))
    causes = dict.fromkeys(row["cause"] for row in rows[:1])
    told = cast["marketer"].get("/alerts?state=snoozed").context["choices"]["causes"]
    assert [(code, n) for code, _, n in told] == [(code, 1) for code in causes]
    person = cast["sales"].get("/alerts").wsgi_request.user.person
    person.owner = "nobody at all"
    person.save()
    page = cast["sales"].get("/alerts")
    assert "No customer is yours yet" in text(page)
    assert page.context["counts"]["state"] == {"open": 0, "snoozed": 0, "closed": 0}


def test_an_older_run_is_history(shown_home: Path, cast: Cast) -> None:
    """Its alerts are looked at, not worked on: those of the newest run are others."""
    first = sorted(path.name for path in (shown_home / "runs").iterdir() if path.is_dir())[0]
    page = cast["marketer"].get(f"/alerts?run={first}")
    assert page.status_code == 200
    assert 'id="work"' not in text(page)
    assert 'id="work"' in text(cast["marketer"].get("/alerts"))


def test_what_was_said_stands_beside_the_next_alert_of_the_kind(shown_home: Path, cast: Cast) -> None:
    """The same cause at a later time is a new alert, and reminds of the earlier one."""
    row = open_alerts(shown_home)[0]
    before = row["opened_on"] - timedelta(days=100)
    Handling.objects.create(customer_id=row["customer_id"], cause=row["cause"], since=before, outcome="will_order",
                            note="in autumn", closed_on=before, closed_by="Li")  # fmt: skip
    page = cast["marketer"].get("/alerts")
    assert page.context["found"].alerts == len(open_alerts(shown_home))
    assert "in autumn" in text(page)


@pytest.mark.parametrize("wrong", ["", "nonsense"])
def test_closing_needs_an_outcome(shown_home: Path, cast: Cast, wrong: str) -> None:
    """Nothing is closed without saying what came of it."""
    row = open_alerts(shown_home)[0]
    page = cast["marketer"].post("/alerts/act", {"do": "close", "alert": key(row), "outcome": wrong}, follow=True)
    assert "Say what came of it." in text(page)
    assert not Handling.objects.exists()


def test_all_or_none(shown_home: Path, cast: Cast) -> None:
    """One alert that is not there, and nothing is changed."""
    row = open_alerts(shown_home)[0]
    for strange in ("2001-01-01:maybe_gone:NOBODY", "x", "2001-01-01:a", f"{key(row)}x"):
        asked = {"do": "close", "alert": [key(row), strange], "outcome": "other"}
        assert cast["marketer"].post("/alerts/act", asked).status_code == 404
    assert not Handling.objects.exists()
    nothing = cast["marketer"].post("/alerts/act", {"do": "close", "outcome": "other"}, follow=True)
    assert "Choose at least one alert" in text(nothing)


def test_who_bought_again(shown_home: Path, cast: Cast) -> None:
    """Counted as an obvious loop counts it: customers, of whom the data reaches further, of whom some bought."""
    customers = pq.read_table(newest(shown_home) / "customers.parquet", columns=["customer_id", "last_purchase"])
    rows = customers.to_pylist()[:40]
    last = max(row["last_purchase"] for row in rows if row["last_purchase"])
    for number, row in enumerate(rows):
        closed = (row["last_purchase"] or last) + timedelta(days=1 if number % 3 else -1)
        Handling.objects.create(customer_id=row["customer_id"], cause="maybe_gone", since=closed, outcome="reached",
                                closed_on=closed, closed_by="Li")  # fmt: skip
    page = cast["viewer"].get("/alerts?state=closed")
    [since] = page.context["since"]
    as_of = page.context["run"].as_of
    known = [one for one in Handling.objects.all() if one.closed_on < as_of]
    bought = {row["customer_id"]: row["last_purchase"] for row in rows}
    assert since.customers == 40
    assert since.known == len(known)
    assert since.bought == sum(bought[one.customer_id] > one.closed_on for one in known if bought[one.customer_id])
    assert "Counted, not proved" in text(page)


def test_the_call_list(shown_home: Path, cast: Cast) -> None:
    """A file by the same filters, for those who may export; no cell is a formula; it is noted who took it."""
    rows = open_alerts(shown_home)
    assert cast["analyst"].get("/alerts/list.csv").status_code == 200
    assert cast["sales"].get("/alerts/list.csv").status_code == 403
    page = cast["marketer"].get(f"/alerts/list.csv?cause={rows[0]['cause']}")
    lines = list(csv.reader(io.StringIO(b"".join(page.streaming_content).decode("utf-8-sig"))))
    assert len(lines) - 1 == sum(row["cause"] == rows[0]["cause"] for row in rows)
    assert lines[1][1] == rows[0]["customer_id"]
    assert not any(cell.startswith(("=", "+", "@")) for line in lines for cell in line)
    assert Event.objects.filter(action="alerts_exported").count() == 2


def test_only_those_who_may_act(shown_home: Path, cast: Cast) -> None:
    """A viewer looks and has no form; a stranger is asked to sign in."""
    row = open_alerts(shown_home)[0]
    page = cast["viewer"].get("/alerts")
    assert page.status_code == 200
    assert 'id="work"' not in text(page)
    assert act(cast["viewer"], "close", [row], outcome="reached").status_code == 403
    assert cast["marketer"].get("/alerts/act").status_code == 405
    assert cast.stranger.get("/alerts").status_code == 302


def test_phone_numbers_in_notes_are_hidden(shown_home: Path, cast: Cast) -> None:
    """From those who may not see how to reach a customer."""
    row = open_alerts(shown_home)[0]
    act(cast["marketer"], "close", [row], outcome="other", note="try 13800138000 in May")
    address = f"/alerts/of/{row['opened_on']}/{row['cause']}/{row['customer_id']}"
    for page in ("/alerts?state=closed", address):
        assert "13800138000" in text(cast["marketer"].get(page))
        shown = text(cast["analyst"].get(page))
        assert "13800138000" not in shown
        assert "in May" in shown


def test_where_the_form_sends_back_to(shown_home: Path, cast: Cast) -> None:
    """Never to another site."""
    row = open_alerts(shown_home)[0]
    page = act(cast["marketer"], "close", [row], outcome="other", next="https://elsewhere.example/")
    assert page["Location"] == "/alerts"


def test_a_key_names_an_alert_whatever_the_id_holds() -> None:
    """Colons in a customer's id are the customer's."""
    assert key_of("2025-01-31:maybe_gone:a:b/c")[0] == "a:b/c"
