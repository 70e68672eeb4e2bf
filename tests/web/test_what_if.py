"""What-if and the calculator of one customer's continuing value; nothing is saved by either."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from casting import Cast
from kezhi import what_if
from kezhi_web.corrections import calculating, jobs_of
from kezhi_web.runs.models import Job


def newest(home: Path) -> Path:
    """The folder of the newest run."""
    return home / "runs" / (home / "runs" / "latest").read_text(encoding="utf-8").strip()


def text(page: Any) -> str:
    """A page's markup."""
    return str(page.content.decode())


def test_it_says_what_kezhi_says(shown_home: Path, cast: Cast) -> None:
    """The page's effect is the library's, in all and by tier, and lies within its interval."""
    found = what_if(newest(shown_home), retention=0.05, margin=0.02)
    page = cast["viewer"].get("/what-if?retention=5&margin=2")
    one = page.context["one"]
    assert one["effect"] == pytest.approx(float(found.company.effect))
    low, high = page.context["interval"]
    assert low < one["effect"] < high
    tier = found.tiers[0]
    part = cast["viewer"].get(f"/what-if?retention=5&margin=2&tier={tier.tier}")
    assert part.context["one"]["effect"] == pytest.approx(float(tier.effect))
    assert part.context["interval"] is None
    assert "An interval is only given for all customers" in text(part)


def test_of_a_filter(shown_home: Path, cast: Cast) -> None:
    """Those chosen and the others together are everybody."""
    client = cast["viewer"]
    parts = [
        client.get("/what-if", {"margin": "3", "where": rule}).context["one"]
        for rule in ("purchases >= 5", "purchases < 5 or purchases is empty")
    ]
    whole = client.get("/what-if?margin=3").context["one"]
    assert sum(one["customers"] for one in parts) == whole["customers"]
    assert sum(one["effect"] for one in parts) == pytest.approx(whole["effect"])


def test_a_point_of_margin_is_a_share_of_the_amount(shown_home: Path, cast: Cast) -> None:
    """Checked by hand: where cost is known, a point more is a hundredth of what is bought."""
    rows = pq.read_table(newest(shown_home) / "forecast.parquet", columns=["amount", "cost"]).to_pylist()
    page = cast["viewer"].get("/what-if?margin=1")
    by_hand = sum(min(float(row["amount"]) * 0.01, max(float(row["cost"]), 0.0)) for row in rows)
    assert page.context["one"]["effect"] == pytest.approx(by_hand, rel=1e-3)


def test_a_filter_and_a_tier_together(shown_home: Path, cast: Cast) -> None:
    """A correction made of it speaks of just those; a tier without anybody is said, and not answered with everybody."""
    query = "margin=2&tier=vip&where=purchases+>=+2"
    [(_, link)] = cast["analyst"].get(f"/what-if?{query}").context["correct"]
    assert cast["analyst"].get(link).context["form"]["where"] == "(purchases >= 2) and tier = 'vip'"
    page = cast["analyst"].get("/what-if?margin=2&tier=nothing")
    assert page.context["one"] is None
    assert "chooses nobody" in text(page)


def test_no_lever_no_effect(shown_home: Path, cast: Cast) -> None:
    """The page says what to do."""
    page = cast["viewer"].get("/what-if")
    assert page.context["one"] is None
    assert "Move a lever" in text(page)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("margin=much", "must be a number"),
        ("margin=2,5", "must be a number"),
        ("retention=500", "must be a number"),
        ("margin=1&periods=1000", "from 1 to 60"),
        ("margin=1&where=purchases+>", "error"),
        ("margin=1&where=purchases+>+1000000", "chooses nobody"),
    ],
)
def test_what_cannot_be_meant(shown_home: Path, cast: Cast, query: str, said: str) -> None:
    """A sentence each."""
    page = cast["viewer"].get(f"/what-if?{query}")
    assert page.status_code == 200
    assert page.context["wrong"] is not None
    assert said in text(page)


def test_the_form_becomes_an_address(shown_home: Path, cast: Cast) -> None:
    """So that a result can be sent to somebody; only who may correct is offered a correction."""
    page = cast["analyst"].post("/what-if", {"margin": "2", "where": "purchases >= 5"})
    assert page["Location"] == "/what-if?margin=2&where=purchases+%3E%3D+5"
    [(_, link)] = cast["analyst"].get(page["Location"]).context["correct"]
    form = cast["analyst"].get(link)
    assert form.context["form"]["by"] == "2.0"
    assert form.context["whom"] == "where"
    assert cast["viewer"].get(page["Location"]).context["correct"] == []


def test_a_large_company_is_calculated_by_the_worker(
    shown_home: Path, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked once, done by the worker, and then simply there."""
    client = cast["analyst"]
    direct = client.get("/what-if?margin=2").context["one"]
    monkeypatch.setattr(calculating, "AT_ONCE", 10)
    assert "Not calculated yet" in text(client.get("/what-if?margin=2"))
    for _ in range(2):
        page = client.post("/what-if", {"margin": "2"}, follow=True)
        assert "looks again by itself" in text(page)
    job = Job.objects.get(kind="what if")
    job.result, job.state = jobs_of.calculate(job, lambda *_: None), "done"
    job.save()
    assert client.get("/what-if?margin=2").context["one"] == direct


def test_one_becomes_12_800(shown_home: Path, cast: Cast) -> None:
    """The worked example stands in the fields, and gives what its document gives (V17, W01)."""
    page = cast["viewer"].get("/what-if/lifetime")
    assert page.context["found"].value == pytest.approx(12800)
    assert "12,800.00" in text(page)
    form = {field["name"]: field["value"] for field in page.context["fields"]}
    again = cast["viewer"].get("/what-if/lifetime", form)
    assert "12,800.00" in text(again)
    assert cast["viewer"].get("/what-if/lifetime?purchases=2&mean_amount=100").context["found"].value == 200


def test_the_terms_of_a_customer(shown_home: Path, cast: Cast) -> None:
    """Read from the run, each to be replaced; a stranger is said."""
    row = pq.read_table(newest(shown_home) / "customers.parquet").slice(0, 1).to_pylist()[0]
    found = cast["viewer"].get("/what-if/lifetime", {"customer": row["customer_id"]}).context["found"]
    assert found.purchases == pytest.approx(row["purchases"] + row["residual_purchases"])
    changed = cast["viewer"].get("/what-if/lifetime", {"customer": row["customer_id"], "acquisition_cost": "7"})
    assert changed.context["found"].acquisition_cost == 7
    assert "There is no customer NOBODY" in text(cast["viewer"].get("/what-if/lifetime?customer=NOBODY"))
    assert "is no number" in text(cast["viewer"].get("/what-if/lifetime?purchases=many&mean_amount=3"))


def test_rights(shown_home: Path, cast: Cast) -> None:
    """The company's figures are not for a salesperson."""
    for page in ("/what-if", "/what-if/lifetime"):
        assert cast["sales"].get(page).status_code == 403
        assert cast.stranger.get(page).status_code == 302
