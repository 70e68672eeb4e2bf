"""Two runs beside each other, and what others hear of a new one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from casting import Cast
from kezhi_web import happenings
from kezhi_web.runs import changes, compared, jobs_of
from kezhi_web.runs.models import DONE, Job
from kezhi_web.shown.run import named


def _names(home: Path) -> tuple[str, str]:
    """The older, the newer."""
    older, newer = sorted(path.parent.name for path in home.glob("runs/[!.]*/manifest.json"))
    return older, newer


def _rows(home: Path, run: str, table: str, *columns: str) -> list[dict[str, Any]]:
    return list(pq.read_table(home / "runs" / run / f"{table}.parquet", columns=list(columns)).to_pylist())


# --- comparing --------------------------------------------------------------------------------------------


def test_what_was_never_compared_is_offered(shown_home: Path, cast: Cast) -> None:
    """Looking writes nothing."""
    page = cast["viewer"].get("/runs/compare")
    assert "have not been compared yet" in page.content.decode()
    assert not Job.objects.exists()


def test_asking_for_it_is_a_job_asked_for_once(shown_home: Path, cast: Cast) -> None:
    """Whoever comes second waits for the first."""
    older, newer = _names(shown_home)
    for role in ("viewer", "analyst"):
        answer = cast[role].post("/runs/compare", {"before": older, "after": newer})
        assert answer["Location"] == f"/runs/compare?before={older}&after={newer}"
    job = Job.objects.get()
    assert job.asked == {"before": older, "after": newer}
    assert 'hx-trigger="every 1s"' in cast["viewer"].get(answer["Location"]).content.decode()


def test_the_comparison_is_that_of_kezhi_compare(home: Path, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures as the library gives them; names only for those who may see them."""
    from kezhi import compare

    older, newer = _names(home)
    found = compare(older, newer, workspace=home, top=compared.TOP)
    printed = json.dumps(found.as_dict(), default=str)
    asked: list[list[str]] = []
    monkeypatch.setattr(jobs_of.child, "call", lambda arguments, *_: asked.append(arguments) or printed)
    job = Job.objects.create(kind="compare", asked={"before": older, "after": newer})
    jobs_of.compare(job, lambda share, text: None)
    Job.objects.update(state=DONE)
    assert asked == [["kezhi", "compare", older, newer, "--workspace", str(home), "--json", "--top", str(compared.TOP)]]
    address = f"/runs/compare?before={older}&after={newer}"
    text = cast["marketer"].get(address).content.decode()
    for one in found.totals:
        assert one.after is not None
        assert f"{round(one.after):,}".replace("-", "−") in text
    first = found.value_changes[0]
    assert first.customer_id in text
    assert first.name is not None
    assert first.name in text
    assert first.name not in cast["viewer"].get(address).content.decode()


def test_unknown_runs_are_not_found(shown_home: Path, cast: Cast) -> None:
    """Neither looked at nor compared."""
    assert cast["viewer"].get("/runs/compare?before=yesterday").status_code == 404
    assert cast["viewer"].post("/runs/compare", {"before": "../x"}).status_code == 404


# --- what has happened ------------------------------------------------------------------------------------


@pytest.fixture
def heard(db: None) -> Iterator[dict[str, list[dict[str, Any]]]]:
    """What was sent, by signal."""
    told: dict[str, list[dict[str, Any]]] = {"run_finished": [], "tier_changed": [], "alert_opened": []}
    listeners = []
    for name, kept in told.items():

        def listen(sender: Any, facts: dict[str, Any], kept: list[dict[str, Any]] = kept, **_: Any) -> None:
            kept.append(facts)

        getattr(happenings, name).connect(listen)
        listeners.append((name, listen))
    yield told
    for name, listen in listeners:
        getattr(happenings, name).disconnect(listen)


def test_every_changed_tier_is_told(shown_home: Path, heard: dict[str, list[dict[str, Any]]]) -> None:
    """Those of customers in both runs, found here by a loop over both tables."""
    older, newer = _names(shown_home)
    before = {row["customer_id"]: row["tier"] for row in _rows(shown_home, older, "customers", "customer_id", "tier")}
    changed = {
        (row["customer_id"], before[row["customer_id"]], row["tier"])
        for row in _rows(shown_home, newer, "customers", "customer_id", "tier")
        if before.get(row["customer_id"]) and row["tier"] and before[row["customer_id"]] != row["tier"]
    }
    counts = changes.announce(named(newer), older)
    told = [(one["customer_id"], one["from"], one["to"]) for one in heard["tier_changed"]]
    assert changed
    assert len(told) == counts["tiers_changed"]
    assert set(told) == changed


def test_every_new_alert_is_told_the_largest_loss_first(
    shown_home: Path, heard: dict[str, list[dict[str, Any]]]
) -> None:
    """Open now, and not open for the same cause in the run before."""
    older, newer = _names(shown_home)
    wanted = ("customer_id", "cause", "state", "priority")
    was = {(r["customer_id"], r["cause"]) for r in _rows(shown_home, older, "alerts", *wanted) if r["state"] == "open"}
    opened = {
        (r["customer_id"], r["cause"]): r["priority"]
        for r in _rows(shown_home, newer, "alerts", *wanted)
        if r["state"] == "open" and (r["customer_id"], r["cause"]) not in was
    }
    counts = changes.announce(named(newer), older)
    told = heard["alert_opened"]
    assert opened
    assert {(one["customer_id"], one["cause"]) for one in told} == set(opened)
    assert len(told) == counts["alerts_opened"]
    assert Decimal(told[0]["expected_loss"]) == max(value for value in opened.values() if value is not None)


def test_the_run_itself_is_told_without_names(shown_home: Path, heard: dict[str, list[dict[str, Any]]]) -> None:
    """Plain values for JSON."""
    older, newer = _names(shown_home)
    changes.announce(named(newer), older)
    [facts] = heard["run_finished"]
    manifest = json.loads((shown_home / "runs" / newer / "manifest.json").read_text(encoding="utf-8"))
    assert (facts["run"], facts["as_of"], facts["value"]) == (newer, manifest["as_of"], manifest["totals"]["value"])
    assert facts["tiers_changed"] == len(heard["tier_changed"])
    everything = json.dumps(heard)
    names = {row["name"] for row in _rows(shown_home, newer, "customers", "name") if row["name"]}
    assert not [name for name in names if f'"{name}"' in everything]


def test_the_first_run_opens_alerts_and_changes_no_tier(
    shown_home: Path, heard: dict[str, list[dict[str, Any]]]
) -> None:
    """There is nothing to compare with."""
    older, _ = _names(shown_home)
    changes.announce(named(older), None)
    assert heard["tier_changed"] == []
    assert len(heard["alert_opened"]) == sum(
        row["state"] == "open" for row in _rows(shown_home, older, "alerts", "state")
    )


def test_looking_back_is_no_news(shown_home: Path, heard: dict[str, list[dict[str, Any]]]) -> None:
    """A run up to an earlier day than the one before tells of itself only."""
    older, newer = _names(shown_home)
    assert changes.announce(named(older), newer) == {"tiers_changed": 0, "alerts_opened": 0}
    assert heard["tier_changed"] == heard["alert_opened"] == []
    assert len(heard["run_finished"]) == 1


def test_there_is_a_limit_and_the_rest_is_counted(
    shown_home: Path, heard: dict[str, list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A million changes are not a million messages."""
    monkeypatch.setattr(changes, "MOST", 3)
    older, newer = _names(shown_home)
    counts = changes.announce(named(newer), older)
    assert len(heard["tier_changed"]) == 3
    assert counts["tiers_changed"] > 3


def test_a_listener_that_fails_spoils_nothing(shown_home: Path, heard: dict[str, list[dict[str, Any]]]) -> None:
    """The others hear of it, and the run is finished."""

    def fail(sender: Any, **_: Any) -> None:
        raise ValueError

    happenings.run_finished.connect(fail)
    older, newer = _names(shown_home)
    try:
        changes.announce(named(newer), older)
    finally:
        happenings.run_finished.disconnect(fail)
    assert len(heard["run_finished"]) == 1


# --- the run itself ---------------------------------------------------------------------------------------


def test_a_run_is_made_by_a_child_and_announced(
    home: Path, heard: dict[str, list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job's wishes become options of `kezhi run`; its pages are prepared; begun anew it makes no second run."""
    called: list[list[str]] = []
    _, newer = _names(home)

    def call(arguments: list[str], tell: Any, listen: Any) -> str:
        called.append(arguments)
        tell({"event": "stage", "text": {"en": "Reading", "zh": "读取"}, "done": 0.5})
        return json.dumps({"folder": str(home / "runs" / newer)})

    monkeypatch.setattr(jobs_of.child, "call", call)
    told: list[tuple[float, str]] = []
    job = Job.objects.create(kind="run", asked={"horizon": 4, "model": None, "language": "zh"})
    result = jobs_of.run(job, lambda share, text: told.append((share, text.en)))
    assert called[0] == ["kezhi", "run", "--workspace", str(home), "--json", "--horizon", "4", "--lang", "zh"]
    assert result["run"] == newer
    assert (pytest.approx(0.425), "Reading") in told
    assert [share for share, _ in told] == sorted(share for share, _ in told)
    job.refresh_from_db()
    called.clear()
    jobs_of.run(job, lambda share, text: None)
    assert not [one for one in called if one[0] == "kezhi"]
