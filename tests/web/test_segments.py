"""Saved segments: counted, told in words, made, changed and dropped; what sets them apart agrees with kezhi."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from casting import Cast
from kezhi import save_segment, segment, segment_profile
from kezhi.settings import Settings
from kezhi_web.groups.profile import figures, traits, worth_of
from kezhi_web.groups.wording import in_words
from kezhi_web.people.models import Event
from kezhi_web.shown import Rows, workspace
from kezhi_web.shown.run import named

RULE = "idle_periods >= 2 and value > 100"


def rules() -> dict[str, str]:
    return dict(workspace().settings().segments)


def save(client: Any, name: str, rule: str, old: str = "") -> Any:
    return client.post("/segments/edit", {"name": name, "rule": rule, "old": old})


def test_it_is_saved_counted_and_noted(home: Path, cast: Cast) -> None:
    """The file holds it before the page says so, the list counts it as kezhi does, the log knows who."""
    answer = save(cast["marketer"], "Gone quiet", RULE)
    assert answer.status_code == 302
    assert answer["Location"] == "/segments/one?name=Gone+quiet"
    assert rules() == {"Gone quiet": RULE}
    number = segment(home, "Gone quiet").num_rows
    page = cast["viewer"].get("/segments").content.decode()
    assert f">{number:,}</a>" in page
    assert "Idle periods ≥ 2 and Value so far &gt; 100" in page
    noted = Event.objects.get(action="segment_saved")
    assert (noted.who, noted.told["name"]) == ("marketer", "Gone quiet")


def test_it_is_changed_renamed_and_dropped(home: Path, cast: Cast) -> None:
    """Under another name the old one goes; dropping touches nobody."""
    client = cast["marketer"]
    save(client, "One", RULE)
    save(client, "One", "value > 5", old="One")
    assert rules() == {"One": "value > 5"}
    save(client, "Two", "value > 5", old="One")
    assert rules() == {"Two": "value > 5"}
    for _ in range(2):  # pressed twice
        assert client.post("/segments/drop", {"name": "Two"}).status_code == 302
    assert rules() == {}
    assert Event.objects.filter(action="segment_dropped").count() == 1


@pytest.mark.parametrize(
    ("name", "rule", "said"),
    [
        ("Fine", "vale > 1", "did you mean value?"),
        ("Fine", "value >", "character"),
        ("Fine", "", "Say who belongs"),
        ("a = b", "value > 1", "cannot be the name"),
        ("taken", "value > 1", "already"),
        ("all", "value > 1", "means all customers"),
    ],
)
def test_what_cannot_be_saved_is_said(home: Path, cast: Cast, name: str, rule: str, said: str) -> None:
    """In a sentence, with what was written still there; the file stays as it was."""
    save_segment(home, "Taken", RULE)
    answer = save(cast["marketer"], name, rule)
    assert answer.status_code == 400
    assert said in answer.content.decode()
    assert rules() == {"Taken": RULE}


def test_who_may(home: Path, cast: Cast) -> None:
    """Making and dropping needs the right to act; the list is the company's."""
    save_segment(home, "Quiet", RULE)
    assert save(cast["viewer"], "Mine", RULE).status_code == 403
    assert cast["viewer"].post("/segments/drop", {"name": "Quiet"}).status_code == 403
    assert cast.stranger.post("/segments/drop", {"name": "Quiet"}).status_code == 302
    assert cast["marketer"].get("/segments/drop").status_code == 405
    assert cast["viewer"].get("/segments/one").status_code == 404
    assert cast["viewer"].get("/segments/one?filter=vale=1").status_code == 400
    assert "Quiet" in rules()


def test_a_salesperson_counts_only_their_own(home: Path, cast: Cast) -> None:
    """The same rule, fewer customers, and no share of the company."""
    run = named(None)
    own = worth_of(Rows(run, cast.owner, personal=True), "value > 0")
    every = worth_of(Rows(run, None, personal=True), "value > 0")
    assert 0 < own.customers < every.customers
    assert own.of < every.of
    page = cast["sales"].get("/segments/count?rule=value > 0").content.decode()
    assert f"{own.customers:,} customers" in page
    assert cast["sales"].get("/segments/one?filter=value > 0&told=1").status_code == 200


@pytest.mark.parametrize("rule", [RULE, "tier = 'vip'", "region is not empty and purchases >= 3", "value > 1e12"])
def test_what_sets_them_apart_is_what_kezhi_says(shown_home: Path, rule: str) -> None:
    """Two ways to count: SQL over the run here, kezhi's own table engine there."""
    run = named(None)
    rows = Rows(run, None, personal=True)
    told = segment_profile(shown_home, rule)
    worth = worth_of(rows, rule)
    assert (worth.customers, worth.of) == (told["customers"], told["of"])
    assert (worth.value, worth.forecast) == (told["value"], told["forecast_value"])
    theirs = [
        (one["field"], one["value"], one["customers"], one["share"], one["rest_share"])
        for one in told["profile"]
        if one["telling"]
    ]
    ours = [
        (one.cell.field, one.cell.value, one.cell.customers, round(one.cell.share, 6), round(one.cell.rest_share, 6))
        for one in traits(rows, rule, run.stamp)
    ]
    assert ours == theirs[: len(ours)]
    assert len(ours) == min(len(theirs), 12)
    for mine, one in zip(figures(rows, rule, run.stamp), told["figures"], strict=True):
        assert mine.code == one["figure"]
        assert mine.here == (None if one["segment"] is None else pytest.approx(one["segment"], abs=1e-4))
        assert mine.there == pytest.approx(one["rest"], abs=1e-4)


def test_one_page_tells_and_links(home: Path, cast: Cast) -> None:
    """First the worth at once; then, asked for by the page itself, what sets them apart."""
    save_segment(home, "Quiet", RULE)
    page = cast["viewer"].get("/segments/one?name=quiet").content.decode()
    assert 'hx-trigger="load"' in page
    assert "/customers?filter=idle_periods" in page
    told = cast["viewer"].get("/segments/one?name=quiet&told=1", headers={"hx-request": "true"}).content.decode()
    assert "On average" in told
    assert "<html" not in told


def test_a_rule_that_no_longer_fits_is_told(home: Path, cast: Cast) -> None:
    """The list goes on; the segment says what is wrong."""
    (home / "kezhi.toml").write_text('[segments]\n"Old" = "no_such_field > 1"\n', encoding="utf-8")
    page = cast["viewer"].get("/segments")
    assert page.status_code == 200
    assert "no_such_field" in page.content.decode()
    assert "/segments/drop" in cast["marketer"].get("/segments/one?name=Old").content.decode()


def test_two_who_change_one_segment(home: Path, cast: Cast) -> None:
    """Whoever saves second is told what the first wrote, and keeps what they wrote themselves."""
    save_segment(home, "One", "value > 5")
    second = {"name": "One", "rule": "value > 9", "old": "One", "there": "value > 1"}
    page = cast["marketer"].post("/segments/edit", second)
    assert page.status_code == 400
    assert "it now says: value &gt; 5" in page.content.decode()
    assert "value &gt; 9</textarea>" in page.content.decode()
    assert rules() == {"One": "value > 5"}
    assert cast["marketer"].post("/segments/edit", second | {"there": "value > 5"}).status_code == 302
    gone = cast["marketer"].post("/segments/edit", second | {"old": "Zero"})
    assert "has dropped or renamed “Zero”" in gone.content.decode()
    assert rules() == {"One": "value > 9"}


def test_where_nothing_is_saved_there_are_suggestions(shown_home: Path, cast: Cast) -> None:
    """An empty page says what to do next; each suggestion is counted and can be taken over."""
    page = cast["marketer"].get("/segments").content.decode()
    assert "No segment is saved yet" in page
    assert "One purchase, not long ago" in page
    assert "/segments/edit?name=VIP+gone+quiet&amp;filter=tier" in page
    assert "/segments/edit" not in cast["viewer"].get("/segments").content.decode()


@pytest.mark.parametrize(
    ("rule", "en", "zh"),
    [
        ("tier = 'vip' and idle_periods >= 2", "Tier is VIP and Idle periods ≥ 2",
         "客户层级为“VIP 客户”，并且未成交期数 ≥ 2"),
        ("p_alive < 50%", "P(active) < 50%", "仍活跃的概率 < 50%"),
        ("region in ('A', 'B')", "Region is one of: “A”, “B”", "地区为其中之一：“A”、“B”"),
        ("owner is empty or not consent = true", "In charge is not filled in or not (Agreed to be contacted is yes)",
         "负责人为空，或者不满足（同意营销为是）"),
        ("owner is not empty", "In charge is filled in", "负责人不为空"),
        ("forecast_value > value", "Forecast value > Value so far", "预测价值 > 已有价值"),
        ("(value - cost) * 2 > 5", "(Value so far − Product cost) × 2 > 5", "(已有价值 − 产品成本) × 2 > 5"),
        ("not valid at all (", "not valid at all (", "not valid at all ("),
    ],
)  # fmt: skip
def test_rules_in_words(rule: str, en: str, zh: str) -> None:
    """A rule as a sentence in both languages."""
    assert in_words(rule, Settings(), "en") == en
    assert in_words(rule, Settings(), "zh") == zh
