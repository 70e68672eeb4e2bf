"""Every route against every role: who may, gets an answer; who may not, is told so; strangers sign in first.

The routes are read from the resolver, so that a new page is in here by itself. What a route's address needs stands in
SAMPLES; a route with an argument that is not there fails with a sentence that says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from ninja.operation import PathView

from casting import Cast
from kezhi_web.middleware import POLICY
from kezhi_web.people.models import Person
from kezhi_web.people.rights import ROLES

ANSWERS = {200, 302, 400, 404, 405}
# views of django-ninja itself: the description of the API and its page
OF_THE_API_ITSELF = {"api-root", "openapi-json", "openapi-view"}
# what a stranger is told to GET and POST together; a view may refuse the method before it asks who that is
SENT_AWAY = ({"login"}, {"login", 405}, {401}, {401, 405})


@dataclass(frozen=True)
class World:
    """What there is to name in an address."""

    own: str
    foreign: str
    run: str
    person: int
    told: tuple[tuple[str, str | None], ...]  # every customer with their owner


# what stands for an argument of an address; (route name, argument) goes before the argument alone
SAMPLES: dict[str | tuple[str, str], Callable[[World], Any]] = {
    "customer_id": lambda world: world.own,
    "customer": lambda world: world.own,
    "person_id": lambda world: world.person,
    "run": lambda world: world.run,
    ("run", "name"): lambda world: world.run,
    ("run-report", "name"): lambda world: world.run,
    ("run-delete", "name"): lambda world: world.run,
    "number": lambda world: 1,  # of an upload, a trial, a view, a job: most are not there, which is an answer too
    "place": lambda world: "MQ",
    "token": lambda world: "abc-def",
    "table": lambda world: "orders",
    "sha256": lambda world: "0" * 64,
    "kind": lambda world: "xlsx",
    ("template", "kind"): lambda world: "csv",
    "since": lambda world: "2025-06-30",
    "cause": lambda world: "slipping",
}
CUSTOMER = {"customer_id", "customer"}
# names under which forms and queries might take a customer
UNDER = ("customer_id", "customer", "customers", "id", "ids", "chosen", "q", "query", "filter", "search", "where")


@dataclass(frozen=True)
class Route:
    """One address with its view. right: the attribute that `needs` and `open_to_all` set."""

    name: str
    pattern: str
    arguments: tuple[str, ...]
    view: Any

    @property
    def rights(self) -> frozenset[str]:
        return frozenset(self.view.rights)

    def address(self, world: World, **instead: Any) -> str:
        """The address with its samples; a sentence where one is missing."""
        path = "/" + self.pattern
        for argument in self.arguments:
            sample = SAMPLES.get((self.name, argument), SAMPLES.get(argument))
            assert sample is not None, (
                f"The route “{self.name}” ({self.pattern}) has the argument “{argument}”: say in SAMPLES of "
                "tests/web/test_matrix.py what stands for it, such as a customer of the salesperson or a run's name."
            )
            value = instead.get(argument, sample(world))
            path = re.sub(rf"<(?:\w+:)?{argument}>", str(value), path)
        return path


def walk(patterns: list[Any], before: str = "") -> Iterator[tuple[str, URLPattern]]:
    for one in patterns:
        if isinstance(one, URLResolver):
            yield from walk(one.url_patterns, before + str(one.pattern))
        else:
            yield before + str(one.pattern), one


@cache
def routes() -> tuple[Route, ...]:
    """All of them but the API's, whose operations are looked at below."""
    return tuple(
        Route(str(one.name), pattern, tuple(one.pattern.converters), one.callback)
        for pattern, one in walk(get_resolver().url_patterns)
        if not of_ninja(one)
    )


def of_ninja(one: URLPattern) -> bool:
    return operations(one) is not None or one.name in OF_THE_API_ITSELF


def operations(one: URLPattern) -> list[Any] | None:
    """The operations of an address of the API, which django-ninja keeps with its view; None for an ordinary view."""
    kept = [cell.cell_contents for cell in getattr(one.callback, "__closure__", None) or ()]
    return next((each.operations for each in kept if isinstance(each, PathView)), None)


@cache
def calls() -> tuple[tuple[str, Route], ...]:
    """Every method and address of the API, with the operation as the view."""
    found = {
        (method, pattern): Route(
            f"api {each.view_func.__name__}", pattern, tuple(one.pattern.converters), each.view_func
        )
        for pattern, one in walk(get_resolver().url_patterns)
        for each in operations(one) or []
        for method in each.methods
    }
    return tuple((method, route) for (method, _), route in found.items())


@pytest.fixture
def world(cast: Cast, company: Path) -> World:
    import pyarrow.parquet as pq

    run = (company / "runs" / "latest").read_text(encoding="utf-8").strip()
    rows = pq.read_table(company / "runs" / run / "attributes.parquet", columns=["customer_id", "owner"]).to_pylist()
    told = tuple((str(one["customer_id"]), one["owner"]) for one in rows)
    own = next(customer for customer, owner in told if owner == cast.owner)
    foreign = next(customer for customer, owner in told if owner not in (None, cast.owner))
    user = get_user_model().objects.create_user("somebody")
    return World(own, foreign, run, Person.objects.get(user=user).pk, told)


def foreigners(cast: Cast, world: World) -> set[str]:
    return {customer for customer, owner in world.told if owner != cast.owner}


def of(cast: Cast, role: str) -> Client:
    client = cast.stranger if role == "stranger" else cast[role]
    client.raise_request_exception = False
    return client


def body(answer: HttpResponse) -> bytes:
    """Also of a stream, in the middle of which something may fail."""
    return b"".join(answer.streaming_content) if answer.streaming else answer.content  # type: ignore[attr-defined]


def may(role: str, route: Route) -> bool:
    return route.rights <= ROLES[role][1]


def test_every_view_says_which_right_it_needs() -> None:
    """By `needs` or `open_to_all`; operations of the API too."""
    every = [*routes(), *(one for _, one in calls())]
    forgotten = [one.pattern for one in every if not hasattr(one.view, "right")]
    assert not forgotten, f"mark these views with @needs(...) or @open_to_all: {forgotten}"


def test_every_route_has_a_name_of_its_own() -> None:
    """Templates and this test call them by it."""
    names = [one.name for one in routes()]
    assert len(names) == len(set(names))
    assert "None" not in names


def test_strangers_see_nothing(shown_home: Path, cast: Cast, world: World) -> None:
    """Every page but those marked as open sends them to sign in, whatever they send."""
    client, problems = of(cast, "stranger"), []
    for one in routes():
        address = one.address(world)
        answers = client.get(address), client.post(address)
        told = {"login" if to_login(answer) else answer.status_code for answer in answers}
        if not (told in SENT_AWAY if one.rights else told <= ANSWERS | {"login"}):
            problems.append(f"{address}: {told}")
    assert not problems, problems


def to_login(answer: HttpResponse) -> bool:
    return answer.status_code == 302 and answer["Location"].startswith("/login")


@pytest.mark.parametrize("role", ROLES)
def test_who_may_not_is_told_so(shown_home: Path, cast: Cast, world: World, role: str) -> None:
    """With status 403, whatever they send; nothing was done before."""
    client, problems = of(cast, role), []
    for one in routes():
        if may(role, one):
            continue
        address = one.address(world)
        told = {answer.status_code for answer in (client.get(address), client.post(address))}
        if told not in ({403}, {403, 405}):
            problems.append(f"{role} at {address}: {told}")
    assert not problems, problems


@pytest.mark.parametrize("role", ROLES)
def test_who_may_gets_an_answer(shown_home: Path, cast: Cast, world: World, role: str) -> None:
    """No page fails, none sends who is signed in to the login page, and none sends a script of its own."""
    client, problems = of(cast, role), []
    for one in routes():
        if not may(role, one):
            continue
        address = one.address(world)
        answer = client.get(address)
        page = body(answer).decode(errors="replace")
        if answer.status_code not in ANSWERS or to_login(answer):
            problems.append(f"{role} at {address}: {answer.status_code}")
        problems += [f"{address}: {said}" for said in unsafe(answer, page)]
    assert not problems, problems


def unsafe(answer: HttpResponse, page: str) -> Iterator[str]:
    """What is wrong with an answer's headers or markup."""
    expected = {
        "Content-Security-Policy": POLICY,
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    for name, value in expected.items():
        if answer.headers.get(name) != value:
            yield f"{name} is {answer.headers.get(name)}"
    if not re.search("no-store|no-cache", answer.headers.get("Cache-Control", "")):
        yield "a shared computer would keep it"
    if not answer.headers.get("Content-Type", "").startswith("text/html"):
        return
    for script in re.findall(r"<script[^>]*>", page):
        if " src=" not in script and 'type="application/json"' not in script:
            yield f"a script in the page: {script}"
    markup = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    for tag in re.findall(r"<[a-z][^>]*\s(?:on[a-z]+|hx-on[^=]*)\s*=|(?:href|src|action)\s*=\s*.?javascript:", markup):
        yield f"a script in an attribute: {tag}"
    for link in re.findall(r"<(?:script|link|img|iframe)[^>]*(?:src|href)\s*=\s*.?(?:https?:)?//[^>]*>", markup):
        yield f"loaded from elsewhere: {link}"


@pytest.mark.parametrize("role", ["administrator", "sales"])
def test_empty_forms_are_answered(home: Path, cast: Cast, world: World, role: str) -> None:
    """Views that take only POST get one without anything in it: a sentence, never a failure."""
    problems = []
    for one in routes():
        client = of(cast, role)
        address = one.address(world)
        if not may(role, one) or takes_get(one):
            continue
        answer = client.post(address)
        body(answer)
        if answer.status_code not in ANSWERS:
            problems.append(f"{role} at {address}: {answer.status_code}")
    assert not problems, problems


def takes_get(route: Route) -> bool:
    """Does the view do anything but refuse a GET? Asked of `require_POST`, so that no page is made for it."""
    view = route.view
    while hasattr(view, "__wrapped__"):
        closed = [cell.cell_contents for cell in view.__closure__ or () if isinstance(cell.cell_contents, list)]
        if ["POST"] in closed:
            return False
        view = view.__wrapped__
    return True


def test_forms_from_elsewhere_are_refused(shown_home: Path, cast: Cast, world: World) -> None:
    """Every view that takes a form wants its token: no view is exempt."""
    cast["administrator"]
    client = Client(enforce_csrf_checks=True)
    client.force_login(get_user_model().objects.get(username="administrator"))
    passed = [one.pattern for one in routes() if client.post(one.address(world)).status_code != 403]
    assert not passed, passed


def test_a_salesperson_reaches_no_customer_of_others(shown_home: Path, cast: Cast, world: World) -> None:
    """By no route that names a customer: each says that there is no such page, to GET and to POST."""
    client, problems, asked = of(cast, "sales"), [], 0
    for one in routes():
        for argument in CUSTOMER & set(one.arguments):
            if not may("sales", one):
                continue
            asked += 1
            address = one.address(world, **{argument: world.foreign})
            told = {answer.status_code for answer in (client.get(address), client.post(address))}
            if not told <= {404, 405}:
                problems.append(f"{address}: {told}")
    assert not problems, problems
    assert asked


def test_no_page_tells_a_salesperson_of_others(shown_home: Path, cast: Cast, world: World) -> None:
    """No id of another owner's customer stands in any page or file that a salesperson can open."""
    foreign = foreigners(cast, world)
    client, problems = of(cast, "sales"), []
    for one in routes():
        if may("sales", one):
            page = body(client.get(one.address(world))).decode(errors="replace")
            seen = foreign & set(re.findall(r"[\w-]+", page))
            if seen:
                problems.append(f"{one.pattern}: {sorted(seen)[:5]}")
    assert not problems, problems


def sent_by(place: Path, referrer: str) -> None:
    """Everybody in the run and in the book was sent by this customer."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    for path in [*place.glob("runs/*/attributes.parquet"), *place.glob("book/customers/*.parquet")]:
        table = pq.read_table(path)
        path.unlink()  # the tests' company has the same file
        column = pa.array([referrer] * table.num_rows)
        pq.write_table(table.set_column(table.column_names.index("referrer_id"), "referrer_id", column), path)


def test_a_salesperson_is_not_told_which_customer_of_others_sent_one_of_theirs(
    home: Path, cast: Cast, world: World
) -> None:
    """Neither on the customer's page nor by the API nor in the table of a large run's list; who sees all, is told."""
    from kezhi_web.customers import store
    from kezhi_web.shown import Rows
    from kezhi_web.shown.run import named

    sent_by(home, world.foreign)
    told = {}
    for role in ("sales", "marketer"):
        client, headers = of(cast, role), token_of(cast, role)
        answers = [client.get(f"/customers/{world.own}"), client.get("/api/customers?limit=1000", headers=headers)]
        told[role] = [world.foreign in body(one).decode() for one in answers]
    assert told == {"sales": [False, False], "marketer": [True, True]}
    store.make(named(None))
    rows = Rows(named(None), cast.owner, True)
    people, key = store.relation(rows)
    assert key == "rowid"
    assert {one["referrer_id"] for one in rows.ask(f"select referrer_id from {people}")} == {None}


def test_no_form_changes_anything_of_others(home: Path, cast: Cast, world: World) -> None:
    """Another owner's customer, sent under every name to every form that a salesperson may send, is written nowhere."""
    sent = dict.fromkeys(UNDER, world.foreign)
    for one in routes():
        if may("sales", one) and one.name != "logout":
            of(cast, "sales").post(one.address(world), sent)
    written = {
        model.__name__
        for model in apps.get_models()
        if model.__module__.startswith("kezhi_web")
        for row in model._default_manager.values()
        if re.search(rf"\b{re.escape(world.foreign)}\b", str(row))
    }
    assert not written, f"a customer of somebody else was written into {written}"


def test_the_api_wants_a_token(shown_home: Path, cast: Cast, world: World) -> None:
    """Every operation answers strangers with 401; a session of the pages opens none."""
    for client in (of(cast, "stranger"), of(cast, "administrator")):
        told = {f"{method} {one.pattern}": client.generic(method, one.address(world)) for method, one in calls()}
        passed = {call: answer.status_code for call, answer in told.items() if answer.status_code != 401}
        assert not passed, passed


def token_of(cast: Cast, role: str) -> dict[str, str]:
    """The headers of a program with a token that lends everything which the role has."""
    from kezhi_web.api import tokens

    cast[role]
    person = Person.objects.get(user__username=role)
    return {"authorization": f"Bearer {tokens.make(person, 'all', list(tokens.SCOPES), None)[1]}"}


@pytest.mark.parametrize("role", ROLES)
def test_the_api_asks_for_the_right(home: Path, cast: Cast, world: World, role: str) -> None:
    """Who may gets an answer; who may not 403, or hears first that what was sent fits no description."""
    client, headers, problems = of(cast, "stranger"), token_of(cast, role), []
    for method, one in calls():
        answer = client.generic(method, one.address(world), headers=headers)
        body(answer)
        fine = ANSWERS | {201, 202, 204, 409, 422} if may(role, one) else {403} if method == "GET" else {403, 422, 400}
        if answer.status_code not in fine:
            problems.append(f"{role}: {method} {one.pattern}: {answer.status_code}")
    assert not problems, problems


def test_the_api_tells_a_salesperson_of_no_others(shown_home: Path, cast: Cast, world: World) -> None:
    """Neither by naming a customer nor in any list."""
    client, headers = of(cast, "stranger"), token_of(cast, "sales")
    for method, one in calls():
        if method != "GET" or not may("sales", one):
            continue
        page = body(client.get(one.address(world) + "?limit=1000", headers=headers)).decode(errors="replace")
        assert not foreigners(cast, world) & set(re.findall(r"[\w-]+", page)), one.pattern
        for argument in CUSTOMER & set(one.arguments):
            assert client.get(one.address(world, **{argument: world.foreign}), headers=headers).status_code == 404
