"""Corrections: tried, made, taken back; for one, for many, by spreadsheet."""

from __future__ import annotations

import io
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from casting import Cast
from kezhi import corrections_of
from kezhi.language import KezhiError
from kezhi_web.corrections import jobs_of, trying
from kezhi_web.corrections.models import Trial
from kezhi_web.people.models import Event
from kezhi_web.runs.models import Job
from kezhi_web.typed import number_of

WHERE = "purchases >= 5"
HANDLERS = {"correction": jobs_of.enter, "correction trial": jobs_of.attempt}


@pytest.fixture(autouse=True)
def _without_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """The report of a corrected run takes seconds and is tested where it is made."""
    monkeypatch.setattr("kezhi.correcting.write_report", lambda *_: None)


def work() -> None:
    """Do what waits for the worker."""
    for job in Job.objects.filter(state="waiting", kind__in=HANDLERS):
        HANDLERS[job.kind](job, lambda share, text: None)
        job.delete()


def shown(home: Path, table: str = "forecast") -> list[dict[str, Any]]:
    """A table as the pages show it."""
    name = (home / "runs" / "latest").read_text(encoding="utf-8").strip()
    corrected = home / "corrected" / name
    folder = corrected if corrected.exists() else home / "runs" / name
    return pq.read_table(folder / f"{table}.parquet").to_pylist()


def total(home: Path) -> Decimal:
    """The value forecast of all customers together."""
    return sum((row["value"] for row in shown(home)), Decimal(0))


def tried(client: Any, **form: str) -> Trial:
    """A correction as the form asks for it, tried."""
    page = client.post("/corrections/new", {"figure": "margin", "how": "move", "by": "2", **form})
    assert page.status_code == 302, page.context["wrong"]
    return Trial.objects.get(pk=page["Location"].rsplit("/", 1)[-1])


def confirmed(client: Any, trial: Trial, why: str = "new price list") -> Trial:
    """The same, made."""
    client.post(f"/corrections/trial/{trial.pk}/confirm", {"why": why})
    work()
    trial.refresh_from_db()
    return trial


def text(page: Any) -> str:
    """A page's markup."""
    return str(page.content.decode())


def test_tried_then_made_then_taken_back(home: Path, cast: Cast) -> None:
    """The trial writes nothing; what it promised comes; every page shows it; taken back all is as before."""
    client, before, rows = cast["analyst"], total(home), shown(home)
    trial = tried(client, whom="where", where=WHERE)
    assert total(home) == before
    assert corrections_of(home) == []
    chosen = {row["customer_id"] for row in shown(home, "customers") if row["purchases"] >= 5}
    gain = sum((row["amount"] * Decimal("0.02") for row in rows if row["customer_id"] in chosen), Decimal(0))
    promised = trial.result["after"] - trial.result["before"]
    assert promised == pytest.approx(float(gain), rel=1e-3)
    assert trial.result["customers"] == len(chosen)
    page = client.get(f"/corrections/trial/{trial.pk}")
    most = page.context["most"]
    sums = {who: sum(row["amount"] for row in rows if row["customer_id"] == who) * Decimal("0.02") for who in chosen}
    assert [one["customer_id"] for one in most] == sorted(sums, key=lambda who: (-sums[who], who))[:10]
    assert not any(one["name"] for one in most), "an analyst may not see names"
    assert total(home) == before

    assert confirmed(client, trial).state == "done"
    assert float(total(home) - before) == pytest.approx(promised)
    [one] = corrections_of(home)
    assert (one.correction.who, one.correction.why) == ("analyst", "new price list")
    assert client.get("/corrections").context["total"]["value"] == pytest.approx(float(total(home)))
    for path in ("/", "/forecast"):
        assert "computed was" in text(client.get(path)), path
    told = Event.objects.get(action="correction_confirmed").told
    assert told["why"] == "new price list"
    assert (told["before"], told["after"]) == pytest.approx((float(before), float(before) + promised), abs=0.01)

    page = client.post("/corrections/undo", {"numbers": "1"})
    undoing = Trial.objects.get(pk=page["Location"].rsplit("/", 1)[-1])
    assert undoing.result["after"] == pytest.approx(float(before))
    assert undoing.result["moved"] == trial.result["moved"]
    assert confirmed(client, undoing, "a mistake").state == "done"
    assert total(home) == before
    assert client.get("/corrections").context["page"].object_list == []
    assert "computed was" not in text(client.get("/"))
    assert "a mistake" in text(client.get("/corrections?show=all"))


def test_for_a_segment_that_corrections_cannot_ask_for(home: Path, cast: Cast) -> None:
    """The customers of today are corrected one by one, and the page says so."""
    tier = next(row["tier"] for row in shown(home, "customers"))
    ids = {row["customer_id"] for row in shown(home, "customers") if row["tier"] == tier}
    trial = tried(cast["analyst"], whom="where", where=f"tier = '{tier}'")
    assert set(trial.asked["customers"]) == ids
    assert "one by one" in text(cast["analyst"].get(f"/corrections/trial/{trial.pk}"))


def test_somebody_else_was_faster(home: Path, cast: Cast) -> None:
    """What was tried before another correction is tried again, and nothing is written meanwhile."""
    client = cast["analyst"]
    trial = tried(client, whom="all")
    Trial.objects.update(result=trial.result | {"last": 7})  # as if there had been seven corrections when it was tried
    page = client.post(f"/corrections/trial/{trial.pk}/confirm", {"why": "mine"}, follow=True)
    assert "tried again" in text(page)
    work()
    assert corrections_of(home) == []
    trial.refresh_from_db()
    assert (trial.state, trial.result["last"]) == ("tried", 0)


def test_a_server_that_is_killed_loses_nothing_and_doubles_nothing(home: Path, cast: Cast) -> None:
    """The same confirmed correction begun anew is written once, for the periods that the form says."""
    first = cast["analyst"].get("/corrections/new").context["periods"][0]
    trial = tried(cast["analyst"], whom="all", **{"from": str(first["first"]), "until": str(first["last"])})
    cast["analyst"].post(f"/corrections/trial/{trial.pk}/confirm", {"why": "once"})
    trial.refresh_from_db()
    assert trial.state == "confirmed"
    trying.enter(trial)
    after = total(home)
    Trial.objects.update(state="confirmed")
    work()
    trial.refresh_from_db()
    assert trial.state == "done"
    [one] = corrections_of(home)
    assert (one.correction.first, one.correction.last) == (first["first"], first["last"])
    assert {row["period"] for row in shown(home) if row["margin_computed"] != row["margin"]} == {first["first"]}
    assert total(home) == after


def test_in_place(home: Path, cast: Cast) -> None:
    """One customer's period: what was typed stands there afterwards, what was not touched stays."""
    client = cast["analyst"]
    row = max(shown(home), key=lambda row: row["value"])
    who = row["customer_id"]
    page = client.get(f"/corrections/of/{who}")
    form = {"stamp": page.context["run"].stamp}
    for step in page.context["steps"]:
        form |= {cell["name"]: cell["said"] for cell in step["cells"]}
    nothing = client.post(f"/corrections/of/{who}", form)
    assert "Nothing was changed." in text(nothing)
    page = client.post(f"/corrections/of/{who}", form | {f"margin-{row['period']}": "12.5"})
    trial = Trial.objects.get(pk=page["Location"].rsplit("/", 1)[-1])
    assert confirmed(client, trial).state == "done", trial.told
    now = {(one["customer_id"], one["period"]): one for one in shown(home)}
    assert now[who, row["period"]]["margin"] == pytest.approx(0.125)
    assert sum(one.get("margin_computed") != one["margin"] for one in now.values()) == 1
    late = client.post(f"/corrections/of/{who}", form | {f"margin-{row['period']}": "20"})
    assert "no longer what stands there" in text(late)
    assert client.get("/corrections/of/NOBODY").status_code == 404


@pytest.mark.parametrize(
    ("typed", "said"),
    [("2,5", "2,5 is no change of margin"), ("500", "A margin of 500% cannot be"), ("+２．５", "")],
)
def test_a_mistake_in_place_is_said_at_its_field(shown_home: Path, cast: Cast, typed: str, said: str) -> None:
    """And nothing of what was typed is lost; figures of full width and a plus of points are understood."""
    client = cast["analyst"]
    who = shown(shown_home)[0]["customer_id"]
    page = client.get(f"/corrections/of/{who}")
    form = {"stamp": page.context["run"].stamp}
    for step in page.context["steps"]:
        form |= {cell["name"]: cell["said"] for cell in step["cells"]}
    first = page.context["steps"][0]["period"]
    answer = client.post(f"/corrections/of/{who}", form | {f"margin-{first}": typed, f"amount-{first}": "77"})
    if not said:
        assert Trial.objects.get(pk=answer["Location"].rsplit("/", 1)[-1]).result["entries"] == 2
        return
    assert said in text(answer)
    assert text(answer).count("aria-invalid") == 1
    assert f'value="{typed}"' in text(answer)
    assert 'value="77"' in text(answer)


@pytest.mark.parametrize(
    ("said", "number"),
    [("2.5", "2.5"), ("−2", "-2"), ("２．５％", "2.5"), ("1,234,567.8", "1234567.8"), ("+.5", "0.5"), ("7.", "7")]
    + [(wrong, None) for wrong in ("2,5", "1,23", ",5", "", ".", "+", "1e5", "NaN", "1.2.3", "٣", "2 %%")],
)
def test_numbers_as_people_type_them(said: str, number: str | None) -> None:
    """A comma stands between thousands only: 2,5 is never 25."""
    assert number_of(said) == (None if number is None else Decimal(number))


def test_the_spreadsheet_goes_round(home: Path, cast: Cast) -> None:
    """Taken away and brought back unchanged it changes nothing; with a cell changed it changes that figure only."""
    import openpyxl

    client = cast["administrator"]
    taken = client.get("/corrections/sheet.xlsx", {"where": WHERE})
    assert taken["Content-Type"].endswith("sheet")
    same = client.post("/corrections/upload", {"file": SimpleUploadedFile("plan.xlsx", taken.content)}, follow=True)
    assert "Nothing differs" in text(same)
    book = openpyxl.load_workbook(io.BytesIO(taken.content))
    sheet = book.active
    assert "kezhi correct" not in str(sheet.cell(1, 1).value)
    titles = [str(cell.value) for cell in sheet[3]]
    sheet.cell(4, titles.index("Margin") + 1).value = 0.25
    sheet.cell(5, 1).value = 123  # what a spreadsheet makes of 00123
    changed = io.BytesIO()
    book.save(changed)
    page = client.post("/corrections/upload", {"file": SimpleUploadedFile("plan.xlsx", changed.getvalue())})
    trial = Trial.objects.get(pk=page["Location"].rsplit("/", 1)[-1])
    assert trial.result["entries"] == 1
    assert "Rows of the sheet passed over: 1." in text(client.get(page["Location"]))
    assert trial.result["strangers"] == [{"row": 5, "id": "123", "day": f"{sheet.cell(5, 3).value:%Y-%m-%d}"}]
    assert confirmed(client, trial).state == "done"
    [one] = corrections_of(home)
    assert str(one.correction.change) == "=25%"
    assert one.correction.chosen == sheet.cell(4, 1).value
    assert not trying.kept(trial).exists()
    stale = client.post(
        "/corrections/upload", {"file": SimpleUploadedFile("plan.xlsx", changed.getvalue())}, follow=True
    )
    assert "shows other values than the newest run" in text(stale)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("plan.csv", b"PK\x03\x04", "Save the workbook as .xlsx"),
        ("plan.xlsx", b"<html>", "Save the workbook as .xlsx"),
        ("plan.xlsx", b"PK\x03\x04 and nothing else", "no workbook that can be read"),
    ],
)
def test_what_is_no_workbook(home: Path, cast: Cast, name: str, content: bytes, said: str) -> None:
    """Each gets a sentence."""
    page = cast["analyst"].post("/corrections/upload", {"file": SimpleUploadedFile(name, content)}, follow=True)
    assert said in text(page)
    assert "Choose the workbook" in text(cast["analyst"].post("/corrections/upload", follow=True))


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"by": "much", "whom": "all"}, "much is no number"),
        ({"by": "2,5", "whom": "all"}, "2,5 is no number; write it like 2.5"),
        ({"by": " ", "whom": "all"}, "Write by how much"),
        ({"by": "0", "whom": "all"}, "By 0 nothing would change"),
        ({"by": "500", "how": "set", "whom": "all"}, "A margin of 500% cannot be"),
        ({"figure": "points", "whom": "all"}, "Choose margin"),
        ({"whom": "customer", "customer": "NOBODY"}, "There is no customer NOBODY"),
        ({"whom": "where", "where": "purchases >"}, ""),
        ({"whom": "where", "where": "purchases > 1000000"}, "chooses no customer"),
        ({}, "Say for whom"),
        ({"whom": "all", "from": "2025-08-01", "until": "2025-07-31"}, "before the first"),
    ],
)
def test_what_cannot_be_meant(home: Path, cast: Cast, form: dict[str, str], said: str) -> None:
    """Each wrong form gets a sentence, and nothing is written."""
    page = cast["analyst"].post("/corrections/new", {"figure": "margin", "how": "move", "by": "2", **form}, follow=True)
    assert page.status_code == 200
    assert 'class="error"' in text(page)
    assert said in text(page)
    assert corrections_of(home) == []


def test_what_fails_is_said_and_can_be_dropped(shown_home: Path, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """No trial stays on its way for good: neither one that broke, nor one for which nobody cares any more."""
    trial = Trial.objects.create(kind="undo", asked={"numbers": [1]}, by="analyst")
    with monkeypatch.context() as broken:
        broken.setattr(trying, "_tried", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            trying.attempt(trial)
    assert "Try once more" in text(cast["analyst"].get(f"/corrections/trial/{trial.pk}"))
    waiting = Trial.objects.create(kind="undo", asked={"numbers": [1]}, by="analyst")
    cast["analyst"].post(f"/corrections/trial/{waiting.pk}/drop")
    with monkeypatch.context() as slow:
        slow.setattr(trying, "_tried", lambda _: (_ for _ in ()).throw(KezhiError(trying.NOT_NOW)))
        trying.attempt(waiting)  # the worker was at it
    assert not Trial.objects.filter(pk=waiting.pk).exists()


def test_rights(shown_home: Path, cast: Cast) -> None:
    """Only who may correct sees and does it; another's trial is not there."""
    for role in ("marketer", "sales", "viewer"):
        assert cast[role].get("/corrections").status_code == 403
        assert cast[role].post("/corrections/new", {"whom": "all"}).status_code == 403
    assert cast.stranger.get("/corrections").status_code == 302
    mine = Trial.objects.create(kind="undo", asked={"numbers": [1]}, by="administrator", state="tried")
    cast["administrator"]
    assert cast["analyst"].get(f"/corrections/trial/{mine.pk}").status_code == 404
    assert cast["analyst"].post(f"/corrections/trial/{mine.pk}/confirm", {"why": "x"}).status_code == 404
    assert cast["administrator"].get(f"/corrections/trial/{mine.pk}").status_code == 200


def test_an_empty_page_says_what_to_do(shown_home: Path, empty_home: Path, cast: Cast) -> None:
    """Without a run, how to begin."""
    assert "Upload a file of orders" in text(cast["administrator"].get("/corrections"))
