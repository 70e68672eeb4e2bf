"""The people of the company: list, add, change, end; one-time links; the last administrator stays."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from casting import Cast
from kezhi_web.hooks.models import Hook
from kezhi_web.people.models import Event, Person

NEW = "three plain words"
RIGHTS = {"role": "viewer", "owner": "", "sees_personal": "", "may_export": ""}


def person(name: str) -> Person:
    return Person.objects.get(user__username=name)


def page_of(name: str) -> str:
    return reverse("person", args=[person(name).pk])


def text(answer: HttpResponse) -> str:
    return answer.content.decode()


def link_in(answer: HttpResponse) -> str | None:
    found = re.search(r'id="id_link" readonly value="http://testserver([^"]+)"', text(answer))
    return found and found[1]


@pytest.fixture(autouse=True)
def _quick(quick_passwords: None) -> None:
    """Passwords are set in nearly every test here."""


@pytest.fixture
def add(shown_home: Path, cast: Cast) -> HttpResponse:
    """What the administrator sees after adding Li."""
    given = RIGHTS | {"username": "李雷", "role": "sales", "owner": cast.owner}
    return cast["administrator"].post("/people/add", given, follow=True)


def test_the_list_names_everybody(shown_home: Path, cast: Cast) -> None:
    """With role, owner and rights."""
    cast["sales"]
    page = text(cast["administrator"].get("/people"))
    assert "sales" in page
    assert cast.owner in page
    assert "Sales (own customers only)" in page


def test_a_new_person_gets_a_link_that_is_shown_once(add: HttpResponse, cast: Cast) -> None:
    """And with it chooses a password and is signed in; nobody else ever knows it."""
    assert person("李雷").role == "sales"
    link = link_in(add)
    assert link
    assert link_in(cast["administrator"].get(page_of("李雷"))) is None
    her = Client()
    assert "李雷" in text(her.get(link))
    answer = her.post(link, {"new_password1": NEW, "new_password2": NEW})
    assert answer.status_code == 302
    assert answer["Location"] == "/"
    assert her.get("/account").status_code == 200
    assert Client().login(request=her.get("/account").wsgi_request, username="李雷", password=NEW)
    again = Client().get(link)
    assert again.status_code == 404
    assert "This link is over" in text(again)


def test_what_was_done_is_in_the_log(add: HttpResponse) -> None:
    """Who did it, to whom, and which rights; no password and no link."""
    event = Event.objects.get(action="person_added")
    assert event.who == "administrator"
    assert event.told["person"] == "李雷"
    assert event.told["role"] == "sales"
    assert "password/" not in str(list(Event.objects.values()))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"username": "Viewer"}, "has this user name already"),
        ({"username": "two words"}, "without blanks"),
        ({"username": ""}, "This is needed"),
        ({"username": "x" * 151}, "Up to 150"),
        ({"role": "sales"}, "say which"),
        ({"role": "owner"}, "no such role"),
    ],
)
def test_bad_values_say_so(shown_home: Path, cast: Cast, given: dict[str, str], says: str) -> None:
    """And nobody is added."""
    cast["viewer"]
    answer = cast["administrator"].post("/people/add", RIGHTS | {"username": "new"} | given)
    assert answer.status_code == 400
    assert says in text(answer)
    assert get_user_model().objects.count() == 2


def test_owners_of_the_newest_run_are_offered(shown_home: Path, cast: Cast) -> None:
    """A name that no customer has is saved with a warning."""
    her = cast["administrator"]
    assert f'<option value="{cast.owner}">' in text(her.get("/people/add"))
    cast["viewer"]
    answer = her.post(page_of("viewer"), RIGHTS | {"role": "sales", "owner": "Nobody"}, follow=True)
    assert "no customer has the owner" in text(answer)
    assert person("viewer").owner == "Nobody"


def test_without_a_run_an_owner_can_be_typed(empty_home: Path, cast: Cast) -> None:
    """People can be added before anything was imported."""
    answer = cast["administrator"].post("/people/add", RIGHTS | {"username": "new", "role": "sales", "owner": "Li"})
    assert answer.status_code == 302
    assert person("new").owner == "Li"


def test_rights_change_at_once(shown_home: Path, cast: Cast) -> None:
    """For who is signed in too; the two switches go before the role."""
    analyst = cast["analyst"]
    assert analyst.get("/people").status_code == 403
    her = cast["administrator"]
    her.post(page_of("analyst"), {"role": "analyst", "owner": "", "sees_personal": "yes", "may_export": "no"})
    rights = person("analyst").viewer.rights
    assert "personal" in rights
    assert "export" not in rights
    assert Event.objects.get(action="person_changed").told == {
        "person": "analyst",
        "sees_personal": [None, True],
        "may_export": [None, False],
    }
    her.post(page_of("analyst"), RIGHTS | {"role": "administrator"})
    assert analyst.get("/people").status_code == 200
    assert person("analyst").sees_personal is None


def test_saving_without_a_change_is_no_event(shown_home: Path, cast: Cast) -> None:
    """The log tells what happened."""
    cast["viewer"]
    cast["administrator"].post(page_of("viewer"), RIGHTS)
    assert not Event.objects.filter(action="person_changed").exists()


def test_the_last_administrator_stays(shown_home: Path, cast: Cast) -> None:
    """Neither the role can go nor the access, until there is another one who can sign in."""
    her = cast["administrator"]
    page = page_of("administrator")
    for answer in (
        her.post(page, RIGHTS, follow=True),
        her.post(f"{page}/active", {"active": "no"}, follow=True),
    ):
        assert "only administrator" in text(answer)
    assert person("administrator").role == "administrator"
    assert person("administrator").user.is_active
    cast["viewer"]
    her.post(page_of("viewer"), RIGHTS | {"role": "administrator"})
    her.post(page_of("viewer") + "/active", {"active": "no"})
    assert "only administrator" in text(her.post(page, RIGHTS, follow=True))
    her.post(page_of("viewer") + "/active", {"active": "yes"})
    her.post(page, RIGHTS)
    assert person("administrator").role == "viewer"


def test_who_has_left_is_signed_out(shown_home: Path, cast: Cast) -> None:
    """At their next click; a link of theirs is over too; and they can come back."""
    viewer, her = cast["viewer"], cast["administrator"]
    link = link_in(her.post(page_of("viewer") + "/link", follow=True))
    assert link
    her.post(page_of("viewer") + "/active", {"active": "no"})
    assert viewer.get("/account").status_code == 302
    assert Client().get(link).status_code == 404
    Hook.objects.create(url="https://8.8.8.8/", events=[], by="viewer")
    assert "go on sending: 1" in text(her.post(page_of("viewer") + "/active", {"active": "no"}, follow=True))
    assert her.post(page_of("viewer") + "/link").status_code == 404
    assert "ended" in text(her.get("/people"))
    her.post(page_of("viewer") + "/active", {"active": "yes"})
    assert Client().get(link).status_code == 200
    assert {"person_ended", "person_resumed", "link_made"} <= set(Event.objects.values_list("action", flat=True))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"new_password1": "short", "new_password2": "short"}, "at least 10"),
        ({"new_password1": NEW, "new_password2": NEW + "x"}, "differ"),
        ({"new_password1": "1234567890", "new_password2": "1234567890"}, "too common"),
        ({}, "This field is required"),
    ],
)
def test_a_bad_password_says_so(add: HttpResponse, given: dict[str, str], says: str) -> None:
    """And the link stays good."""
    link = link_in(add)
    answer = Client().post(link, given)
    assert answer.status_code == 400
    assert says in text(answer)
    assert Client().get(link).status_code == 200


@pytest.mark.parametrize("place", ["MQ", "x", "////", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5", "%FF"])
def test_a_bad_link_is_over(shown_home: Path, cast: Cast, place: str) -> None:
    """Whatever is wrong with it."""
    assert Client().get(f"/password/{place}/abc-0123456789").status_code == 404


def test_an_unknown_person_is_not_found(shown_home: Path, cast: Cast) -> None:
    """A number that nobody has."""
    assert cast["administrator"].get("/people/99999").status_code == 404


def test_it_speaks_chinese(shown_home: Path, cast: Cast) -> None:
    """Errors too, also those that Django says."""
    answer = cast["administrator"].post(
        "/people/add", RIGHTS | {"role": "sales", "username": "a b"}, headers={"accept-language": "zh-hans"}
    )
    assert "不能有空格" in text(answer)
    assert "请填写负责人" in text(answer)
