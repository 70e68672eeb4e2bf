"""The pages of runs: the list, starting, the schedule, one run, its report, deleting."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from casting import Cast
from kezhi_web.people.models import Event
from kezhi_web.runs import tidying
from kezhi_web.runs.models import DONE, FAILED, WAITING, WORKING, Job, Schedule


def _runs(home: Path) -> list[str]:
    """Names, the newest first."""
    return sorted((path.parent.name for path in home.glob("runs/[!.]*/manifest.json")), reverse=True)


def _text(page: Any) -> str:
    return str(page.content.decode())


# --- the list ---------------------------------------------------------------------------------------------


def test_the_list_says_what_each_run_found(shown_home: Path, cast: Cast) -> None:
    """Day, customers, value as in its manifest; the newest is marked."""
    page = cast["viewer"].get("/runs")
    text = _text(page)
    assert page.status_code == 200
    for name in _runs(shown_home):
        manifest = json.loads((shown_home / "runs" / name / "manifest.json").read_text(encoding="utf-8"))
        assert manifest["as_of"] in text
        assert f"{round(float(manifest['totals']['value'])):,}" in text
        assert f"/runs/of/{name}" in text
    assert text.count("newest</span>") == 1
    assert "command line" in text


def test_who_started_a_run_is_known(shown_home: Path, cast: Cast) -> None:
    """By the job that made it."""
    newest, oldest = _runs(shown_home)
    Job.objects.create(kind="run", state=DONE, by="ann", result={"run": newest})
    Job.objects.create(kind="run", state=DONE, by="bob", asked={"nightly": True}, result={"run": oldest})
    text = _text(cast["viewer"].get("/runs"))
    assert "ann" in text
    assert "nightly" in text
    assert "command line" not in text


def test_who_may_not_start_runs_sees_no_form(shown_home: Path, cast: Cast) -> None:
    """Nor may they post it."""
    assert "Start a run" not in _text(cast["viewer"].get("/runs"))
    assert cast["viewer"].post("/runs/start").status_code == 403
    assert cast["marketer"].post("/runs/nightly", {"at": "02:00", "on": "yes"}).status_code == 403
    assert cast["sales"].get("/runs").status_code == 403
    assert not Job.objects.exists()


def test_without_a_run_it_says_how_to_begin(empty_home: Path, cast: Cast) -> None:
    """First data, then a run."""
    text = _text(cast["analyst"].get("/runs"))
    assert "import a file of orders" in text
    assert "disabled" in text


def test_a_stranger_is_asked_to_sign_in(shown_home: Path, cast: Cast) -> None:
    """As everywhere."""
    assert cast.stranger.get("/runs")["Location"] == "/login?next=/runs"


# --- starting ---------------------------------------------------------------------------------------------


def test_a_run_is_asked_for_in_the_language_of_the_page(shown_home: Path, cast: Cast) -> None:
    """And its page shows how far it is."""
    client = cast["analyst"]
    given = {"as_of": "2025-08-31", "model": "bg_nbd", "horizon": "6"}
    answer = client.post("/runs/start", given, headers={"accept-language": "zh-hans"})
    job = Job.objects.get()
    assert answer["Location"] == f"/jobs/{job.pk}"
    assert job.asked == {"as_of": "2025-08-31", "model": "bg_nbd", "horizon": 6, "language": "zh"}
    assert (job.kind, job.by, job.state) == ("run", "analyst", WAITING)
    assert Event.objects.get(action="run_asked").told["as_of"] == "2025-08-31"
    assert "waiting for its turn" in _text(client.get(f"/jobs/{job.pk}"))


def test_the_same_run_is_not_asked_for_twice(shown_home: Path, cast: Cast) -> None:
    """While the first waits it would see the same data."""
    client = cast["analyst"]
    assert client.post("/runs/start")["Location"] == client.post("/runs/start")["Location"]
    assert Job.objects.count() == 1


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"as_of": "yesterday"}, "2025-12-31"),
        ({"model": "magic"}, "no model"),
        ({"horizon": "0"}, "from 1 to 36"),
        ({"horizon": "²"}, "from 1 to 36"),
    ],
)
def test_a_wrong_value_is_told(shown_home: Path, cast: Cast, given: dict[str, str], sentence: str) -> None:
    """With a sentence, and nothing is begun."""
    page = cast["analyst"].post("/runs/start", given)
    assert page.status_code == 400
    assert sentence in _text(page)
    assert not Job.objects.exists()


def test_no_run_without_orders(empty_home: Path, cast: Cast) -> None:
    """It would fail; better to say so now."""
    page = cast["analyst"].post("/runs/start")
    assert page.status_code == 400
    assert "no orders" in _text(page)


# --- progress ---------------------------------------------------------------------------------------------


def _job(**more: Any) -> Job:
    return Job.objects.create(**({"kind": "run", "state": WORKING, "began_at": timezone.now()} | more))


def test_progress_is_asked_for_until_it_ends(shown_home: Path, cast: Cast) -> None:
    """htmx asks for the part; once it has ended the page is loaded anew. Without scripts the page reloads itself."""
    client = cast["viewer"]
    job = _job(share=0.42, told={"en": "Forecasting", "zh": "预测", "left": 12.4})
    part = client.get(f"/jobs/{job.pk}/progress")
    for piece in ("Forecasting", "42%", "about 12 s left", 'hx-trigger="every 1s"', 'aria-valuenow="42"'):
        assert piece in _text(part)
    assert "HX-Refresh" not in part
    assert '<noscript><meta http-equiv="refresh"' in _text(client.get(f"/jobs/{job.pk}"))
    Job.objects.update(state=DONE, share=1.0, result={"run": _runs(shown_home)[0], "before": None})
    part = client.get(f"/jobs/{job.pk}/progress")
    assert part["HX-Refresh"] == "true"
    assert "hx-trigger" not in _text(part)
    assert "To the overview" in _text(client.get(f"/jobs/{job.pk}"))


def test_a_failed_run_says_why_and_may_be_tried_again(shown_home: Path, cast: Cast) -> None:
    """On its page and on the list."""
    client = cast["analyst"]
    job = _job(state=FAILED, told={"en": "Bring more orders.", "zh": "请提供更多订单。"}, asked={"horizon": 6})
    for address in (f"/jobs/{job.pk}", "/runs"):
        assert "Bring more orders." in _text(client.get(address))
    answer = client.post(f"/jobs/{job.pk}/again")
    again = Job.objects.first()
    assert again is not None
    assert answer["Location"] == f"/jobs/{again.pk}"
    assert (again.asked, again.state) == ({"horizon": 6}, WAITING)


def test_cancelling(shown_home: Path, cast: Cast) -> None:
    """A job at work is told to stop; only those who may start runs may do it."""
    job = _job()
    assert cast["viewer"].post(f"/jobs/{job.pk}/cancel").status_code == 403
    assert cast["analyst"].post(f"/jobs/{job.pk}/cancel").status_code == 302
    job.refresh_from_db()
    assert (job.cancel, job.state) == (True, WORKING)
    assert "Being stopped" in _text(cast["analyst"].get(f"/jobs/{job.pk}"))


def test_an_unknown_job_is_not_found(shown_home: Path, cast: Cast) -> None:
    """Nor is a job that cannot be asked for again."""
    client = cast["analyst"]
    job = _job(kind="import", state=FAILED)
    assert client.get("/jobs/999").status_code == 404
    assert client.post(f"/jobs/{job.pk}/again").status_code == 404


# --- the schedule -----------------------------------------------------------------------------------------


def test_the_nightly_run_is_switched_on_and_off(shown_home: Path, cast: Cast) -> None:
    """What lies before is not made up."""
    client = cast["administrator"]
    client.post("/runs/nightly", {"at": "03:30", "model": "transition", "horizon": "4", "on": "yes"})
    plan = Schedule.objects.get()
    assert (plan.on, f"{plan.at:%H:%M}", plan.model, plan.horizon, plan.by) == (
        True, "03:30", "transition", 4, "administrator",
    )  # fmt: skip
    text = _text(client.get("/runs"))
    assert "the next run begins" in text
    assert "03:30" in text
    client.post("/runs/nightly", {"at": "03:30", "on": "no"})
    assert not Schedule.objects.get().on
    assert Event.objects.filter(action="nightly_run_set").count() == 2


def test_a_wrong_time_is_told(shown_home: Path, cast: Cast) -> None:
    """And nothing is kept."""
    page = cast["analyst"].post("/runs/nightly", {"at": "half past two", "on": "yes"})
    assert page.status_code == 400
    assert "02:30" in _text(page)
    assert not Schedule.objects.exists()


# --- one run ----------------------------------------------------------------------------------------------


def test_one_run_shows_what_it_was_made_of(shown_home: Path, cast: Cast) -> None:
    """Rows, warnings and the settings that differ from the defaults."""
    oldest = _runs(shown_home)[-1]
    manifest = json.loads((shown_home / "runs" / oldest / "manifest.json").read_text(encoding="utf-8"))
    page = cast["viewer"].get(f"/runs/of/{oldest}")
    text = _text(page)
    assert page.status_code == 200
    assert f"{manifest['rows']['orders']['read']:,}" in text
    own = text[: text.index("All other settings")]
    assert "<code>as_of</code>" in own
    assert "<code>model</code>" in own
    assert "<code>horizon</code>" not in own
    assert "<code>horizon</code>" in text


def test_an_unknown_run_is_not_found(shown_home: Path, cast: Cast) -> None:
    """Whatever the name."""
    for name in ("2001-01-01T000000Z", "..", "latest"):
        assert cast["analyst"].get(f"/runs/of/{name}").status_code == 404


def test_the_report_is_for_those_who_may_export_and_see_names(shown_home: Path, cast: Cast) -> None:
    """A file to keep, and an entry in the audit log."""
    name = _runs(shown_home)[0]
    answer = cast["administrator"].get(f"/runs/of/{name}/report.xlsx")
    assert answer.status_code == 200
    assert "attachment" in answer["Content-Disposition"]
    assert b"".join(answer.streaming_content)[:2] == b"PK"
    assert Event.objects.get(action="report_downloaded").told == {"run": name, "kind": "xlsx"}
    for role in ("analyst", "sales", "viewer"):  # no names, no export
        assert cast[role].get(f"/runs/of/{name}/report.html").status_code == 403
    assert cast["administrator"].get(f"/runs/of/{name}/report.json").status_code == 404
    assert "report.html" not in _text(cast["analyst"].get(f"/runs/of/{name}"))


def test_an_old_run_is_deleted_by_an_administrator_only(home: Path, cast: Cast) -> None:
    """With everything that was kept of it; the newest stays."""
    newest, oldest = _runs(home)
    (home / "web" / "parts" / f"{oldest}-abc-named").mkdir(parents=True)
    assert cast["analyst"].post(f"/runs/of/{oldest}/delete").status_code == 403
    assert cast["administrator"].post(f"/runs/of/{newest}/delete").status_code == 400
    assert _runs(home) == [newest, oldest]
    assert cast["administrator"].post(f"/runs/of/{oldest}/delete").status_code == 302
    assert _runs(home) == [newest]
    assert [path.name for path in (home / "runs").iterdir() if path.is_dir()] == [newest]
    assert not list((home / "web" / "parts").glob(f"{oldest}*"))
    assert Event.objects.get(action="run_deleted").told == {"run": oldest}


def test_nothing_is_deleted_while_a_run_is_at_work(home: Path, cast: Cast) -> None:
    """It may be reading the earlier ones."""
    _job()
    page = cast["administrator"].post(f"/runs/of/{_runs(home)[-1]}/delete")
    assert page.status_code == 400
    assert len(_runs(home)) == 2


def test_health_needs_nobody_and_tells_nothing(db: None, client: Any) -> None:
    """For whoever watches over the server."""
    answer = client.get("/healthz")
    assert (answer.status_code, answer.content) == (200, b"ok\n")


def test_a_run_that_looks_back_says_which_one_knows_newer_days(home: Path, cast: Cast) -> None:
    """On every page, in the list and where it was made."""
    newest, oldest = _runs(home)
    days = [json.loads((home / "runs" / name / "manifest.json").read_text())["as_of"] for name in (newest, oldest)]
    assert days[0] > days[1]
    client = cast["analyst"]
    assert "there is a run up to" not in _text(client.get("/customers"))
    assert "though there is one up to" not in _text(client.get("/runs"))
    (home / "runs" / "latest").unlink()  # the copy shares its files with the company
    (home / "runs" / "latest").write_text(oldest + "\n")  # as if it had been made last
    job = Job.objects.create(kind="run", state=DONE, result={"run": oldest})
    for page in ("/customers", "/runs", f"/jobs/{job.pk}"):
        assert f"?run={newest}" in _text(client.get(page)), page
    assert "because it was made last" in _text(client.get("/runs"))
    assert "there is a run up to" not in _text(client.get(f"/customers?run={oldest}"))  # asked for


def test_jobs_that_ended_long_ago_are_forgotten_but_not_who_began_a_run(shown_home: Path, db: None) -> None:
    """Those of deleted runs go too; what waits or is at work stays."""
    newest, _ = _runs(shown_home)
    kept = [
        Job.objects.create(kind="run", state=DONE, result={"run": newest}),
        Job.objects.create(kind="run", state="waiting"),
        Job.objects.create(kind="import", state="working"),
    ]
    for state in ("done", "failed", "cancelled"):
        Job.objects.create(kind="run", state=state, result={"run": "2020-01-01T000000Z"} if state == "done" else {})
    now = timezone.now()
    Job.objects.update(asked_at=now - timedelta(days=89))
    assert tidying.tidy(now) == 0
    assert tidying.tidy(now + timedelta(days=2)) == 3
    assert set(Job.objects.values_list("pk", flat=True)) == {job.pk for job in kept}


def test_a_double_click_asks_for_one_run(shown_home: Path, cast: Cast) -> None:
    """Also where the worker was quicker than the second click; from the page of the data as from that of the runs."""
    client = cast["administrator"]
    client.post("/runs/start")
    Job.objects.update(state="working")
    client.post("/data/run")
    assert Job.objects.count() == 1
    assert Job.objects.get().asked["language"] == "en"  # the report speaks as whoever asked for it
    Job.objects.update(asked_at=timezone.now() - timedelta(minutes=1))
    client.post("/data/run")  # meant: the data may be newer
    assert Job.objects.count() == 2
