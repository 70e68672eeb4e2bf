"""The settings page: what it shows, what it writes into kezhi.toml, and what it refuses."""

from __future__ import annotations

import tomllib
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from kezhi import save_segment
from kezhi.language import KezhiError
from kezhi.segmenting import changing
from kezhi.workspace import Workspace
from kezhi_web.people.models import Event
from kezhi_web.setup.asking import shown
from kezhi_web.setup.questions import questions
from kezhi_web.setup.writing import USUAL, value_at
from kezhi_web.shown.run import workspace

FILE = """# Qinghe Tea
horizon = 4        # as the board wants it

[alerts]
calls = 12         # two salespeople

[events]
anniversary = ["2024-05-18"]

[segments]
"good ones" = "purchases > 3"
"""


def text(response: Any) -> str:
    return response.content.decode()


def of_toml(home: Path) -> dict[str, Any]:
    return tomllib.loads((home / "kezhi.toml").read_text(encoding="utf-8"))


def typed(code: str, home: Path, **changes: Any) -> dict[str, Any]:
    """What the form of a question sends, as it stands, with changes (`__` for the point)."""
    file = of_toml(home) if (home / "kezhi.toml").exists() else {}
    question = next(one for one in questions(file) if one.code == code)
    sent: dict[str, Any] = {"question": code}
    for setting in question.settings:
        field = shown(setting, file, Workspace(home).usable_settings())
        if setting.form == "name":
            sent |= {f"{setting.place}.{language}": field[language] for language in ("en", "zh")}
        else:
            sent[setting.place] = field.get("chosen", field.get("value"))
    return sent | {name.replace("__", "."): value for name, value in changes.items()}


@pytest.fixture
def office(empty_home: Path) -> Path:
    (empty_home / "kezhi.toml").write_text(FILE, encoding="utf-8")
    return empty_home


def test_every_question_is_shown_with_what_counts(office: Path, cast: Any) -> None:
    said = text(cast["administrator"].get("/settings"))
    for question in questions({}):
        assert question.title.en.replace("'", "&#x27;") in said
    assert 'value="12"' in said
    assert 'placeholder="1, 4, 15, 80"' in said
    assert "Your own groups of customers (1)" in said


def test_every_place_is_a_setting_of_kezhi() -> None:
    for question in questions({}):
        for setting in question.settings:
            top, *rest = setting.place.split(".")
            assert top in type(USUAL).model_fields, setting.place
            if rest and top not in ("points", "rfm", "tiers"):
                assert value_at(USUAL, setting.place) is not None or setting.usual, setting.place


@pytest.mark.parametrize("code", [question.code for question in questions({})])
def test_saving_without_a_change_writes_nothing(office: Path, cast: Any, code: str) -> None:
    cast["administrator"].post("/settings", typed(code, office))
    assert (office / "kezhi.toml").read_text(encoding="utf-8") == FILE
    assert not Event.objects.filter(action="setting_changed").exists()


def test_a_change_keeps_all_else_and_is_noted(office: Path, cast: Any) -> None:
    answer = cast["administrator"].post("/settings", typed("calls", office, alerts__calls="30"))
    assert answer["Location"] == "/settings#calls"
    assert (office / "kezhi.toml").read_text(encoding="utf-8") == FILE.replace("calls = 12", "calls = 30")
    assert Event.objects.get(action="setting_changed").told == {"name": "alerts.calls", "old": "12", "new": "30"}
    cast["administrator"].post("/settings", typed("time", office, horizon="", period="quarter"))
    assert "horizon" not in of_toml(office)
    assert of_toml(office)["period"] == "quarter"
    assert Workspace(office).settings().horizon == 3


def test_kinds_of_values(office: Path, cast: Any) -> None:
    client = cast["administrator"]
    client.post("/settings", typed("money", office, near_loss="7.5", subtract_cost="false", currency="CNY"))
    client.post("/settings", typed("tiers", office, tiers__shares="2，8，20，70", tiers__names__vip__zh="贵宾"))
    client.post("/settings", typed("calls", office, alerts__contact_tiers=["vip", "large"], alerts__causes=[]))
    client.post("/settings", typed("points", office, points__bought__points="5", points__suggestions__weight="0"))
    client.post("/settings", typed("time", office, as_of="2025-06-30", fiscal_start="4"))
    settings = Workspace(office).settings()
    assert (settings.near_loss, settings.subtract_cost, settings.currency) == (0.075, False, "CNY")
    assert settings.tiers.shares == (2, 8, 20, 70)
    assert (settings.tiers.titles["vip"].zh, settings.tiers.titles["vip"].en) == ("贵宾", "VIP")
    assert (settings.alerts.contact_tiers, settings.alerts.causes) == (("vip", "large"), ())
    assert (settings.points["bought"].points, settings.points["suggestions"].weight) == (5, 0)
    assert (str(settings.as_of), settings.fiscal_start) == ("2025-06-30", 4)


def test_fixed_limits_come_and_go_together(office: Path, cast: Any) -> None:
    client = cast["administrator"]
    fixed = {"rfm__fixed__days": "90", "rfm__fixed__purchases": "3", "rfm__fixed__money": "2000"}
    client.post("/settings", typed("rfm", office, rfm__cut="fixed", **fixed))
    assert of_toml(office)["rfm"] == {"cut": "fixed", "fixed": {"days": 90, "purchases": 3, "money": 2000}}
    client.post("/settings", typed("rfm", office, rfm__cut="", **dict.fromkeys(fixed, "")))
    assert Workspace(office).settings().rfm.fixed is None


@pytest.mark.parametrize(
    ("code", "changes", "sentence"),
    [
        ("time", {"horizon": "99"}, "it cannot be above 36"),
        ("time", {"horizon": "three"}, "Write a number"),
        ("time", {"horizon": "2.5"}, "Write a whole number"),
        ("time", {"as_of": "yesterday"}, "Write a day"),
        ("time", {"period": "week"}, "Choose one of the list"),
        ("tiers", {"tiers__shares": "1, 2, 3"}, "four percentages"),
        ("tiers", {"tiers__names__vip__en": "Small"}, "two tiers the name Small"),
        ("calls", {"alerts__lost": "90"}, "must be below"),
        ("money", {"lifetime__to_the_end": "true"}, "without limit"),
        ("rfm", {"rfm__cut": "fixed"}, "from where on each"),
        ("language", {"memory_limit": "much"}, "wants a size"),
    ],
)
def test_what_kezhi_refuses_is_said_and_not_written(
    office: Path, cast: Any, code: str, changes: dict[str, str], sentence: str
) -> None:
    answer = cast["administrator"].post("/settings", typed(code, office, **changes))
    assert answer.status_code == 400
    assert sentence in text(answer)
    assert next(iter(changes.values())) in text(answer)  # what was typed is still there
    assert (office / "kezhi.toml").read_text(encoding="utf-8") == FILE


def test_a_file_that_cannot_be_read_is_left_alone(office: Path, cast: Any) -> None:
    (office / "kezhi.toml").write_text("horizon = ", encoding="utf-8")
    assert "mended by hand" in text(cast["administrator"].get("/settings"))
    assert cast["administrator"].post("/settings", {"question": "time", "horizon": "5"}).status_code == 400
    assert (office / "kezhi.toml").read_text(encoding="utf-8") == "horizon = "


def test_an_unknown_key_is_named_and_can_be_taken_out(office: Path, cast: Any) -> None:
    """The page names it, everything else can be saved, and only the key goes; the run alone refuses it meanwhile."""
    file = FILE.replace("calls = 12 ", "cals = 9\ncalls = 12 ") + "\n[unheard]\nof = 1\n"
    (office / "kezhi.toml").write_text(file, encoding="utf-8")
    client = cast["administrator"]
    said = text(client.get("/settings"))
    assert "The setting alerts.cals cannot be used: there is no such setting." in said
    assert "The setting unheard cannot be used" in said
    with pytest.raises(KezhiError, match="cals"):
        Workspace(office).settings()
    assert workspace().settings().alerts.calls == 12
    client.post("/settings", typed("time", office, horizon="5"))
    assert of_toml(office)["horizon"] == 5
    for place in ("unheard", "alerts.cals", "alerts.calls"):  # the last is none that is refused
        client.post("/settings", {"take_out": place})
    assert (office / "kezhi.toml").read_text(encoding="utf-8").strip() == FILE.replace(
        "horizon = 4", "horizon = 5"
    ).strip()
    assert [one.told["name"] for one in Event.objects.filter(action="setting_changed").order_by("pk")][1:] == [
        "unheard",
        "alerts.cals",
    ]
    assert Workspace(office).settings().horizon == 5


def test_a_value_that_cannot_be_used_is_mended_at_its_field(office: Path, cast: Any) -> None:
    """What stands there is shown with what is wrong about it; nothing else of the question is lost by saving."""
    (office / "kezhi.toml").write_text(FILE.replace("calls = 12 ", 'calls = "many" '), encoding="utf-8")
    client = cast["administrator"]
    said = text(client.get("/settings"))
    assert 'value="many"' in said
    assert 'aria-invalid="true"' in said
    assert "Take alerts.calls out" not in said
    assert client.post("/settings", typed("calls", office, alerts__calls="0")).status_code == 400
    client.post("/settings", typed("calls", office, alerts__calls="12"))
    assert (office / "kezhi.toml").read_text(encoding="utf-8") == FILE


@pytest.mark.parametrize("broken", ["points = [1]", "tiers = 5", "segments = 5", "lifetime = true", "alerts = []"])
def test_whatever_stands_there_the_page_is_shown_and_mends_it(empty_home: Path, cast: Any, broken: str) -> None:
    path = empty_home / "kezhi.toml"
    path.write_text(broken, encoding="utf-8")
    client, name = cast["administrator"], broken.partition(" ")[0]
    assert f"Take {name} out of the file" in text(client.get("/settings"))
    client.post("/settings", {"take_out": name})
    assert path.read_text(encoding="utf-8").strip() == ""


def test_two_people_at_once(office: Path, cast: Any) -> None:
    """Who saves second is told what the first one wrote, keeps what they typed, and may write over it knowingly."""
    client = cast["administrator"]
    mine = typed("time", office, fiscal_start="4") | {"seen": seen_of(client, "time")}
    cast["analyst"].post("/settings", typed("time", office, horizon="6"))
    late = client.post("/settings", mine)
    assert late.status_code == 400
    assert "Somebody else has changed these settings" in text(late)
    assert "Periods to forecast: now 6" in text(late)
    assert (of_toml(office)["horizon"], "fiscal_start" in of_toml(office)) == (6, False)
    [again] = [one for one in late.context["questions"] if one["question"].code == "time"]
    assert {field["setting"].place: field.get("value") for field in again["fields"]}["fiscal_start"] == "4"
    client.post("/settings", mine | {"horizon": "6", "seen": again["seen"]})
    assert (of_toml(office)["horizon"], of_toml(office)["fiscal_start"]) == (6, 4)


def seen_of(client: Any, code: str) -> str:
    """The mark that the page puts into a question's form."""
    return next(one["seen"] for one in client.get("/settings").context["questions"] if one["question"].code == code)


def test_a_segment_and_a_setting_saved_at_once_are_both_kept(office: Path) -> None:
    place = Workspace(office)
    with changing(place) as document:
        other = Thread(target=save_segment, args=(office, "new", "purchases > 1"))
        other.start()
        other.join(0.2)
        document["horizon"] = 7
    other.join()
    assert of_toml(office)["horizon"] == 7
    assert set(of_toml(office)["segments"]) == {"good ones", "new"}


def test_who_may_not_change_settings(office: Path, cast: Any) -> None:
    for role in ("marketer", "sales", "viewer"):
        assert cast[role].get("/settings").status_code == 403
        assert cast[role].post("/settings", {"question": "time", "horizon": "5"}).status_code == 403
    assert cast.stranger.get("/settings").status_code == 302
    assert cast["analyst"].get("/settings").status_code == 200
