"""Signing in and out, one's own account, the first administrator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.auth import get_user_model
from django.http import HttpResponse
from django.test import Client

from casting import Cast
from kezhi_web.people import demo
from kezhi_web.people.first import setup_code
from kezhi_web.people.models import Event, Person

WORD = "three plain words"
OTHER = "four quite other words"


@pytest.fixture(autouse=True)
def _quick(quick_passwords: None) -> None:
    """Passwords are checked in nearly every test here."""


@pytest.fixture
def li(shown_home: Path, cast: Cast) -> Any:
    """An analyst with a password."""
    user = get_user_model().objects.create_user("li", password=WORD)
    Person.objects.filter(user=user).update(role="analyst")
    return user


def text(answer: HttpResponse) -> str:
    return answer.content.decode()


def sign_in(client: Client, name: str = "li", password: str = WORD, **more: Any) -> HttpResponse:
    return client.post("/login", {"username": name, "password": password, **more})


def actions() -> list[str]:
    return list(Event.objects.order_by("pk").values_list("action", flat=True))


def test_signing_in_and_out(li: Any) -> None:
    """Both are in the log; the session gets a new key, so that one that was planted is worth nothing."""
    client = Client()
    client.post("/choose", {"language": "en"})
    client.get("/login")
    session = client.session
    session["planted"] = "yes"
    session.save()
    client.cookies["sessionid"] = session.session_key
    answer = sign_in(client)
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert client.cookies["sessionid"].value != session.session_key
    assert client.get("/account").status_code == 200
    signed_in = client.cookies["sessionid"].value
    client.post("/logout")
    assert client.get("/account").status_code == 302
    client.cookies["sessionid"] = signed_in
    assert client.get("/account").status_code == 302
    assert actions() == ["signed_in", "signed_out"]
    assert set(Event.objects.values_list("who", flat=True)) == {"li"}


def test_signing_out_takes_a_form(li: Any) -> None:
    """No picture in a mail can sign anybody out."""
    client = Client()
    sign_in(client)
    assert client.get("/logout").status_code == 405
    assert client.get("/account").status_code == 200


@pytest.mark.parametrize("away", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_nobody_is_sent_elsewhere(li: Any, away: str) -> None:
    """Neither after signing in nor after choosing a language, nor who is signed in already."""
    client = Client()
    assert client.post("/choose", {"language": "en", "next": away})["Location"] == "/"
    assert sign_in(client, next=away)["Location"] == "/"
    assert client.get("/login", {"next": away})["Location"] == "/"


def test_the_page_that_was_asked_for_comes_next(li: Any) -> None:
    """A link that a colleague sent still works after signing in."""
    client = Client()
    asked = client.get("/customers?q=all")["Location"]
    assert 'value="/customers?q=all"' in text(client.get(asked))
    assert sign_in(client, next="/customers?q=all")["Location"] == "/customers?q=all"


@pytest.mark.parametrize(("language", "says"), [("en", "do not fit together"), ("zh-hans", "用户名或密码不正确")])
def test_a_wrong_password_does_not_say_which_part_was_wrong(li: Any, language: str, says: str) -> None:
    """The same sentence for a known and an unknown name; what was typed as a name is not kept, it may be a password."""
    client = Client(headers={"accept-language": language})
    pages = [text(sign_in(client, name, "wrong")) for name in ("li", "my secret password")]
    assert all(says in page for page in pages)
    assert [(one.who, one.action) for one in Event.objects.order_by("pk")] == [
        ("li", "sign_in_failed"),
        ("", "sign_in_failed"),
    ]
    assert "secret" not in str(list(Event.objects.values()))


@pytest.mark.parametrize(("language", "says"), [("en", "Locked for a while"), ("zh-hans", "暂时锁定")])
def test_five_failures_lock(li: Any, cast: Cast, language: str, says: str) -> None:
    """This person from this place, for a while, even with the right password; nobody else; a new link lifts it."""
    client = Client(headers={"accept-language": language})
    answers = [sign_in(client, password="wrong").status_code for _ in range(5)]
    assert answers == [200] * 4 + [429]
    locked = sign_in(client)
    assert locked.status_code == 429
    assert says in text(locked)
    assert "15" in text(locked)
    get_user_model().objects.create_user("wang", password=WORD)
    assert sign_in(client, "wang").status_code == 302
    elsewhere = Client(REMOTE_ADDR="10.0.0.7")
    assert sign_in(elsewhere).status_code == 302
    assert actions().count("locked_out") == 1
    for _ in range(5):
        sign_in(Client(), password="wrong")
    cast["administrator"].post(f"/people/{li.person.pk}/link")
    assert not AccessAttempt.objects.filter(username="li").exists()
    assert sign_in(Client()).status_code == 302


def test_the_log_cannot_be_filled_from_outside(li: Any) -> None:
    """Somebody who tries names endlessly leaves a trace, not a flood."""
    for number in range(30):
        sign_in(Client(), f"name{number}", "wrong")
    assert Event.objects.filter(action="sign_in_failed").count() == 20


def test_an_address_behind_a_proxy_is_the_one_that_the_proxy_wrote(settings: Any, rf: Any) -> None:
    """Without a proxy the header counts for nothing: anybody could write it."""
    from kezhi_web.people.signing import address_of

    request = rf.get("/login", REMOTE_ADDR="10.0.0.1", headers={"x-forwarded-for": "1.1.1.1, 2.2.2.2"})
    assert address_of(request) == "10.0.0.1"
    settings.BEHIND_PROXY = True
    assert address_of(request) == "2.2.2.2"
    assert address_of(rf.get("/login", REMOTE_ADDR="10.0.0.1")) == "10.0.0.1"


def test_cookies_are_kept_from_scripts(li: Any) -> None:
    """The session's is HttpOnly and goes to this site only."""
    client = Client()
    sign_in(client)
    cookie = client.cookies["sessionid"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert client.post("/choose", {"theme": "dark"}).cookies["theme"]["httponly"]


def test_the_demo_shows_its_accounts(shown_home: Path, cast: Cast, settings: Any) -> None:
    """With a button that fills one in; elsewhere none is shown, and nothing is filled in."""
    demo.make_cast(cast.owner)
    client = Client()
    settings.DEMO = True
    page = text(client.get("/login?next=/customers"))
    assert demo.PASSWORD in page
    assert 'href="?next=%2Fcustomers&amp;as=sales"' in page
    filled = text(client.get("/login?as=sales"))
    assert 'value="sales"' in filled
    assert f'value="{demo.PASSWORD}"' in filled
    assert sign_in(client, "sales", demo.PASSWORD).status_code == 302
    settings.DEMO = False
    assert demo.PASSWORD not in text(Client().get("/login?as=sales"))


def test_the_account_says_who_i_am(li: Any, cast: Cast) -> None:
    """And what I may do."""
    page = text(cast["sales"].get("/account"))
    assert cast.owner in page
    assert "✓ Record contacts" in page
    assert "– See all customers" in page


def test_a_changed_password_signs_out_everywhere_else(li: Any) -> None:
    """This browser stays signed in."""
    here, there = Client(), Client()
    sign_in(here), sign_in(there)
    given = {"old_password": WORD, "new_password1": OTHER, "new_password2": OTHER}
    assert here.post("/account/password", given)["Location"] == "/account"
    assert "is changed" in text(here.get("/account"))
    assert there.get("/account").status_code == 302
    assert sign_in(Client(), password=OTHER).status_code == 302
    assert "password_changed" in actions()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"old_password": "wrong", "new_password1": OTHER, "new_password2": OTHER}, "not your present password"),
        ({"old_password": WORD, "new_password1": OTHER, "new_password2": "x"}, "differ"),
        ({"old_password": WORD, "new_password1": "li", "new_password2": "li"}, "at least 10"),
        ({}, "This field is required"),
    ],
)
def test_a_bad_new_password_says_so(li: Any, given: dict[str, str], says: str) -> None:
    """And the present one stays."""
    client = Client()
    sign_in(client)
    answer = client.post("/account/password", given)
    assert answer.status_code == 400
    assert says in text(answer)
    assert sign_in(Client()).status_code == 302


def test_language_and_look_go_with_the_person(li: Any) -> None:
    """To every machine; `auto` goes back to what browser and system say; others' words count for nothing."""
    client = Client()
    sign_in(client)
    client.post("/choose", {"language": "zh-hans", "theme": "dark", "next": "/account"})
    elsewhere = Client()
    sign_in(elsewhere)
    page = text(elsewhere.get("/account"))
    assert "我的账号" in page
    assert 'data-theme="dark"' in page
    client.post("/choose", {"language": "auto", "theme": "auto"})
    client.post("/choose", {"language": "xx", "theme": "<script>"})
    page = text(client.get("/account"))
    assert "My account" in page
    assert "data-theme" not in page


def test_the_first_administrator(empty_home: Path, db: None) -> None:
    """Is made with the code that kezhi serve prints; the code and its page are gone afterwards."""
    client = Client()
    code = setup_code()
    assert code is not None
    assert code == setup_code()
    assert (empty_home / "web" / "setup.code").stat().st_mode & 0o077 == 0
    assert client.get("/")["Location"] == "/login?next=/"
    assert client.get("/login")["Location"] == "/first"
    assert "kezhi serve" in text(client.get("/first"))
    given = {"username": "李", "new_password1": WORD, "new_password2": WORD, "code": f" {code.upper()} "}
    wrong = client.post("/first", given | {"code": "abcd-efgh-ijkl-mnop"})
    assert wrong.status_code == 400
    assert "not the code" in text(wrong)
    assert client.post("/first", given | {"new_password2": "x"}).status_code == 400
    assert not get_user_model().objects.exists()
    assert client.post("/first", given)["Location"] == "/"
    assert Person.objects.get(user__username="李").role == "administrator"
    assert client.get("/people").status_code == 200
    assert setup_code() is None
    assert not (empty_home / "web" / "setup.code").exists()
    assert Client().get("/first")["Location"] == "/"
    assert Client().post("/first", given | {"username": "second"}).status_code == 302
    assert get_user_model().objects.count() == 1
    assert actions() == ["first_administrator", "signed_in"]
