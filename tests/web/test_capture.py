"""What people record of customers: who may, what is refused, and how it enters the book and leaves it again."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.http import Http404
from django.test import RequestFactory
from django.utils import timezone

from kezhi import customer
from kezhi.engine import open_engine
from kezhi.intake import current_rows
from kezhi.language import KezhiError
from kezhi.workspace import Workspace
from kezhi_web import capture
from kezhi_web.capture.feeding import feed
from kezhi_web.capture.masking import masked
from kezhi_web.capture.models import Entry
from kezhi_web.people.models import Event
from kezhi_web.people.rights import ROLES, Viewer, of_run
from kezhi_web.shown.run import named

DAY = "2025-09-20"
ROWS: dict[str, dict[str, Any]] = {
    "contacts": {"date": DAY, "channel": "visit", "direction": "out", "outcome": "reached", "note": "wants samples"},
    "suggestions": {"date": DAY, "grade": "high", "text": "smaller packs", "taken_up": "on"},
    "surveys": {"date": DAY, "score-0": "4", "score-3": "2", "recommend": "9", "comment": "friendly"},
    "opportunities": {"date": DAY, "amount": "5000", "stage": "quoted", "probability": "40"},
    "notes": {"date": DAY, "note": "call after lunch, 138 0013 8000"},
}


def text(response: Any) -> str:
    return response.content.decode()


def people(home: Path, owner: str | None = None) -> list[str]:
    """Customers of an owner, or of nobody in particular."""
    folder = named(None).folder
    rows = pq.read_table(folder / "attributes.parquet", columns=["customer_id", "owner"]).to_pylist()
    known = set(pq.read_table(folder / "customers.parquet", columns=["customer_id"])["customer_id"].to_pylist())
    return sorted(row["customer_id"] for row in rows if row["owner"] == owner and row["customer_id"] in known)


def request_of(role: str, owner: str = "") -> Any:
    """A request of somebody with a role, for calls from other rooms."""
    request = RequestFactory().get("/")
    request.viewer = Viewer(role, role, frozenset(ROLES[role][1]), owner)  # type: ignore[attr-defined]
    return request


def book(home: Path, table: str, customer_id: str) -> list[dict[str, Any]]:
    """The rows that the book holds of a customer."""
    with open_engine() as engine:
        rows = current_rows(engine, Workspace(home), table)
        return engine.fetch(rows.filter(rows.customer_id == customer_id)).to_pylist()


@pytest.mark.parametrize("table", ROWS)
def test_recording_on_a_page(shown_home: Path, cast: Any, table: str) -> None:
    who = people(shown_home)[0]
    client = cast["marketer"]
    assert "Record" in text(client.get(f"/record/{table}?customer={who}"))
    answer = client.post(f"/record/{table}", {"customer": who, "next": "/data", **ROWS[table]})
    assert (answer.status_code, answer["Location"]) == (302, "/data")
    entry = Entry.objects.get()
    assert (entry.customer_id, entry.table, entry.by, entry.state) == (who, table, "marketer", "waiting")
    assert Event.objects.get(action="recorded").told == {"table": table, "entry": entry.pk, "customer": who}
    assert "counts from the next run" in text(client.get("/recorded"))
    assert "No entry fits" in text(client.get("/recorded?customer=nobody"))


def test_who_may_record_and_of_whom(shown_home: Path, cast: Any) -> None:
    own, others = people(shown_home, cast.owner)[0], people(shown_home)[0]
    row = ROWS["contacts"]
    assert cast["viewer"].post("/record/contacts", {"customer": others, **row}).status_code == 403
    assert cast.stranger.get("/recorded").status_code == 302
    assert cast["sales"].post("/record/contacts", {"customer": others, **row}).status_code == 404
    assert cast["sales"].post("/record/contacts", {"customer": "nobody", **row}).status_code == 404
    assert cast["sales"].get("/record/nonsense").status_code == 404
    assert cast["sales"].post("/record/contacts", {"customer": own, **row}).status_code == 302
    cast["marketer"].post("/record/contacts", {"customer": others, **row})
    said = text(cast["sales"].get("/recorded"))
    assert own in said
    assert others not in said
    [foreign] = Entry.objects.filter(customer_id=others)
    assert cast["sales"].get(f"/recorded/{foreign.pk}").status_code == 404
    assert cast["sales"].post(f"/recorded/{foreign.pk}/withdraw").status_code == 404


@pytest.mark.parametrize(
    ("table", "change", "sentence"),
    [
        ("contacts", {"date": (timezone.localdate() + timedelta(days=2)).isoformat()}, "has not come yet"),
        ("contacts", {"date": "1999-01-01"}, "ten years ago"),
        ("contacts", {"channel": "pigeon"}, "pigeon"),
        ("surveys", {"score-0": "", "score-3": "", "recommend": ""}, "at least one score"),
        ("surveys", {"score-0": "9"}, "less than or equal to 5"),
        ("opportunities", {"amount": "-5"}, "greater than or equal to 0"),
        ("opportunities", {"expected_on": "2025-01-01"}, "before it was opened"),
        ("suggestions", {"text": ""}, "required"),
    ],
)
def test_what_cannot_be_is_said_at_the_field(
    shown_home: Path, cast: Any, table: str, change: dict[str, str], sentence: str
) -> None:
    answer = cast["marketer"].post(f"/record/{table}", {"customer": people(shown_home)[0], **ROWS[table], **change})
    assert answer.status_code == 400
    assert sentence in text(answer)
    assert not Entry.objects.exists()


def test_a_form_that_is_sent_twice_is_one_entry(home: Path, cast: Any) -> None:
    """A double click, or the browser's way back; what was changed meanwhile is another entry."""
    who, client = people(home)[0], cast["marketer"]
    mark = text(client.get(f"/record/suggestions?customer={who}")).split('name="mark" value="')[1].split('"')[0]
    form = {"customer": who, "mark": mark, **ROWS["suggestions"]}
    before = len(book(home, "suggestions", who))
    client.post("/record/suggestions", form)
    assert "recorded already" in text(client.post("/record/suggestions", {**form, "next": "/recorded"}, follow=True))
    feed(Workspace(home))
    assert len(book(home, "suggestions", who)) == before + 1
    client.post("/record/suggestions", {**form, "text": "larger packs"})
    assert Entry.objects.count() == 2
    [first] = Entry.objects.filter(row__text="smaller packs")
    client.post(f"/recorded/{first.pk}/withdraw")
    client.post("/record/suggestions", form)
    assert [one.state for one in Entry.objects.filter(pk=first.pk)] == ["changed"]  # it holds again
    assert Event.objects.filter(action="recorded").count() == 2


def test_a_number_that_nobody_has_loses_nothing(shown_home: Path, cast: Any) -> None:
    """The page says so, keeps what was typed and takes another number."""
    who, client = people(shown_home)[0], cast["marketer"]
    asked = client.get("/record/contacts?customer=C0nobody")
    assert asked.status_code == 404
    assert 'value="C0nobody"' in text(asked)
    answer = client.post("/record/contacts", {"customer": "C0nobody", **ROWS["contacts"]})
    assert answer.status_code == 404
    assert "Nothing that was typed is lost" in text(answer)
    assert "wants samples" in text(answer)
    assert 'name="customer" value="C0nobody"' in text(answer)
    assert client.post("/record/contacts", {"customer": who, **ROWS["contacts"]}).status_code == 302


def test_an_entry_outlives_its_customer(shown_home: Path, cast: Any) -> None:
    """Whoever wrote it, and who sees everybody, can still withdraw it; nobody else sees it."""
    own, other = people(shown_home, cast.owner)[0], people(shown_home)[0]
    cast["sales"].post("/record/notes", {"customer": own, **ROWS["notes"]})
    cast["sales"].post("/record/referrals", {"customer": own, "way": "sent", "other": other})
    cast["marketer"].post("/record/notes", {"customer": own, **ROWS["notes"]})
    mine, sent, theirs = Entry.objects.order_by("pk")
    Entry.objects.exclude(pk=sent.pk).update(customer_id="gone since")
    page = text(cast["sales"].get("/recorded"))
    assert f"/recorded/{mine.pk}?" in page
    assert f"/recorded/{sent.pk}?" in page
    assert "/customers/gone" not in page
    for entry, status in ((mine, 302), (sent, 302), (theirs, 404)):
        assert cast["sales"].post(f"/recorded/{entry.pk}/withdraw").status_code == status
    assert cast["marketer"].post(f"/recorded/{theirs.pk}/withdraw").status_code == 302
    assert {entry.taken_back is None for entry in Entry.objects.all()} == {False}


def test_a_referral_both_ways(shown_home: Path, cast: Any) -> None:
    one, other = people(shown_home)[:2]
    client = cast["marketer"]
    client.post("/record/referrals", {"customer": one, "way": "came", "other": other})
    client.post("/record/referrals", {"customer": one, "way": "sent", "other": other})
    said = [(entry.customer_id, entry.row["referrer_id"]) for entry in Entry.objects.order_by("pk")]
    assert said == [(one, other), (other, one)]
    for wrong in (one, "nobody"):
        assert client.post("/record/referrals", {"customer": one, "way": "came", "other": wrong}).status_code == 400


def test_everything_recorded_reaches_the_book_once(home: Path, cast: Any) -> None:
    who, referrer = people(home)[:2]
    before = {table: book(home, table, who) for table in ("contacts", "suggestions", "surveys", "customers")}
    for table, row in ROWS.items():
        cast["marketer"].post(f"/record/{table}", {"customer": who, **row})
    cast["marketer"].post("/record/referrals", {"customer": who, "way": "came", "other": referrer})
    unheard = {**ROWS["contacts"], "outcome": "not_reached"}
    cast["marketer"].post("/record/contacts", {"customer": who, **unheard})
    fed = feed(Workspace(home))
    assert fed == {"contacts": 1, "suggestions": 1, "surveys": 3, "opportunities": 1, "customers": 1}
    assert feed(Workspace(home)) == fed  # a second time changes nothing

    new = {table: [row for row in book(home, table, who) if row not in rows] for table, rows in before.items()}
    [contact] = [row for row in new["contacts"] if row.get("outcome")]
    assert (contact["channel"], contact["direction"], contact["note"]) == ("visit", "out", "wants samples")
    [suggestion] = new["suggestions"]
    assert (suggestion["grade"], suggestion["text"], suggestion["taken_up"]) == ("high", "smaller packs", True)
    assert {row["dimension"]: row["score"] for row in new["surveys"]} == {"quality": 4, "price": 2, "recommend": 9}
    [deal] = [row for row in book(home, "opportunities", who) if row["opportunity_id"].startswith("KZ-")]
    assert (float(deal["amount"]), deal["probability"], deal["stage"]) == (5000, 0.4, "quoted")
    # all else that the files say of the customer stays, and a note says no way to reach them
    [now], [then] = book(home, "customers", who), before["customers"]
    assert {name: now[name] for name in then} == {**then, "referrer_id": referrer}
    assert "138" not in now["note"]
    states = {entry.row.get("outcome") == "not_reached": entry.state for entry in Entry.objects.all()}
    assert states == {False: "counted", True: "waiting"}


def test_changes_and_withdrawals_leave_nothing_behind(home: Path, cast: Any) -> None:
    who = people(home)[0]
    client = cast["marketer"]
    before = len(book(home, "contacts", who))
    client.post("/record/contacts", {"customer": who, **ROWS["contacts"]})
    feed(Workspace(home))
    entry = Entry.objects.get()
    client.post(f"/recorded/{entry.pk}", {**ROWS["contacts"], "note": "changed my mind"})
    entry.refresh_from_db()
    assert entry.state == "changed"
    feed(Workspace(home))
    notes = [row["note"] for row in book(home, "contacts", who)]
    assert len(notes) == before + 1
    assert "changed my mind" in notes
    client.post(f"/recorded/{entry.pk}/withdraw")
    entry.refresh_from_db()
    assert entry.state == "leaving"
    assert feed(Workspace(home)) == {"contacts": 0}
    entry.refresh_from_db()
    assert entry.state == "gone"
    assert len(book(home, "contacts", who)) == before
    client.post(f"/recorded/{entry.pk}/withdraw", {"back": "1"})
    assert feed(Workspace(home)) == {"contacts": 1}
    assert [event.action for event in Event.objects.order_by("pk")][-3:] == [
        "record_changed", "record_withdrawn", "record_restored",
    ]  # fmt: skip


def test_a_newer_export_of_customers_keeps_what_was_recorded(home: Path, cast: Any, tmp_path: Path) -> None:
    from kezhi.cli.importing import add

    who, referrer = people(home)[:2]
    cast["marketer"].post("/record/referrals", {"customer": who, "way": "came", "other": referrer})
    feed(Workspace(home))
    newer = tmp_path / "customers.csv"
    newer.write_text(f"customer_id,name,region\n{who},New Name,Yunnan\n", encoding="utf-8")
    add(home, "customers", [str(newer)], None, None)
    feed(Workspace(home))
    [row] = book(home, "customers", who)
    assert (row["name"], row["region"], row["referrer_id"]) == ("New Name", "Yunnan", referrer)


def test_a_killed_feed_is_put_right_by_the_next(home: Path, cast: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from kezhi_web.capture import feeding

    who = people(home)[0]
    cast["marketer"].post("/record/contacts", {"customer": who, **ROWS["contacts"]})
    feed(Workspace(home))
    count = len(book(home, "contacts", who))
    cast["marketer"].post("/record/contacts", {"customer": who, **ROWS["contacts"], "note": "second"})

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(feeding, "import_table", killed)
        with pytest.raises(KeyboardInterrupt):
            feed(Workspace(home))
    feed(Workspace(home))
    assert len(book(home, "contacts", who)) == count + 1


def test_other_rooms_record_and_read(home: Path, cast: Any) -> None:
    who = people(home)[0]
    request = request_of("marketer")
    call = {"date": timezone.localdate(), "channel": "phone", "direction": "out", "note": "call me: 13800138000"}
    entry = capture.record(request, "contacts", who, call)
    _, rows = of_run(request)
    [told] = capture.entries_of(who, rows)
    assert (told.pk, told.text, told.state) == (entry.pk, "call me: 13800138000", "waiting")
    _, nameless = of_run(request_of("analyst"))
    assert "13800138000" not in capture.entries_of(who, nameless)[0].text
    _, others = of_run(request_of("sales", cast.owner))
    assert capture.entries_of(who, others) == []
    with pytest.raises(Http404):
        capture.record(request_of("sales", cast.owner), "contacts", who, call)
    with pytest.raises(KezhiError):
        capture.record(request, "contacts", who, {**call, "channel": "pigeon"})
    feed(Workspace(home))
    assert capture.entries_of(who, rows) == []  # the book's own rows show it now
    cast["marketer"].post("/record/notes", {"customer": who, **ROWS["notes"]})
    feed(Workspace(home))
    [note] = capture.entries_of(who, rows)  # but of notes only the newest
    assert (note.text, note.state) == (ROWS["notes"]["note"], "counted")
    Entry.objects.filter(pk=note.pk).delete()
    assert [one.pk for one in capture.entries_of(who, rows, everything=True)] == [entry.pk]
    blocks = {block.table: block.rows for block in customer(who, home).blocks}
    assert "13800138000" not in str(blocks["contacts"])


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("电话13800138000打来", "电话•••打来"),
        ("ring 138 0013 8000.", "ring •••."),
        ("+86 (138) 0013-8000", "•••"),
        ("write to li@example.cn", "write to •••"),
        ("call on 2025-12-01", "call on 2025-12-01"),
        ("order S0012345678 for 12345678.90", "order S0012345678 for 12345678.90"),
    ],
)
def test_numbers_are_masked_wherever_they_stand(text: str, seen: str) -> None:
    """Between Chinese characters and at the end of a sentence too; days, codes and sums stay."""
    assert masked(text) == seen


def test_who_may_change_an_entry(shown_home: Path, cast: Any) -> None:
    who = people(shown_home, cast.owner)[0]
    cast["marketer"].post("/record/notes", {"customer": who, **ROWS["notes"]})
    entry = Entry.objects.get()
    assert "Only whoever recorded this" in text(cast["sales"].get(f"/recorded/{entry.pk}"))
    cast["sales"].post(f"/recorded/{entry.pk}/withdraw")
    cast["sales"].post(f"/recorded/{entry.pk}", {"date": DAY, "note": "mine now"})
    entry.refresh_from_db()
    assert (entry.taken_back, entry.row["note"]) == (None, ROWS["notes"]["note"])
    assert "138 0013 8000" not in text(cast["analyst"].get("/recorded"))
    assert (
        cast["marketer"].post(f"/recorded/{entry.pk}/withdraw", {"next": "//evil.example"})["Location"] == "/recorded"
    )


def test_the_quick_forms_of_a_customers_page(shown_home: Path, cast: Any) -> None:
    from django.template import Context, Template

    who = people(shown_home)[0]
    source = Template('{% include "capture/quick.html" with customer_id=who next="/back" %}')
    said = source.render(Context({"request": request_of("marketer"), "who": who, "csrf_token": "x"}))
    assert said.count("<form") == 6
    ids = [part.split('"')[0] for part in said.split(' id="')[1:]]
    assert len(ids) == len(set(ids)) > 20
    assert not source.render(Context({"request": request_of("viewer"), "who": who})).strip()
