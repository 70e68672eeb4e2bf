"""The audit log: who did what; filters, paging, export; every action has its title."""

from __future__ import annotations

import ast
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.test import RequestFactory

import kezhi_web
from casting import Cast
from kezhi_web.people.actions import ACTIONS, title_of
from kezhi_web.people.auditing import PAGE, details
from kezhi_web.people.models import Event, audit


def note(who: str, action: str, day: str, **told: object) -> Event:
    made = Event.objects.create(who=who, action=action, told=told)
    Event.objects.filter(pk=made.pk).update(at=datetime.fromisoformat(day).replace(tzinfo=UTC))
    return made


@pytest.fixture
def told(cast: Cast) -> None:
    note("li", "signed_in", "2025-01-01T23:59:59")
    note("li", "person_added", "2025-01-02T00:00:00", person="=1+1", role=["viewer", None])
    note("wang", "signed_in", "2025-01-02T12:00:00")
    note("wang", "signed_out", "2025-01-03T00:00:00")


def rows(cast: Cast, query: str) -> list[str]:
    page = cast["administrator"].get(f"/people/log{query}").content.decode()
    found = [part.split("<")[0] for part in page.split('<td class="when">')[1:]]
    return [one for one in found if one.startswith("2025")]  # the administrator's signing in is there too


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["2025-01-03 00:00:00", "2025-01-02 12:00:00", "2025-01-02 00:00:00", "2025-01-01 23:59:59"]),
        ("?who=li", ["2025-01-02 00:00:00", "2025-01-01 23:59:59"]),
        ("?action=signed_in", ["2025-01-02 12:00:00", "2025-01-01 23:59:59"]),
        ("?day=2025-01-02", ["2025-01-02 12:00:00", "2025-01-02 00:00:00"]),
        ("?day=2025-01-02&who=wang&action=signed_in", ["2025-01-02 12:00:00"]),
        ("?who=nobody", []),
    ],
)
def test_filters(told: None, cast: Cast, query: str, found: list[str]) -> None:
    """By person, action, day and all together; the newest first."""
    assert rows(cast, query) == found


def test_a_bad_day_says_so(told: None, cast: Cast) -> None:
    """And how to write one."""
    answer = cast["administrator"].get("/people/log?day=yesterday")
    assert answer.status_code == 400
    assert "2026-01-31" in answer.content.decode()


def test_nothing_found_says_so(told: None, cast: Cast) -> None:
    """With a way back."""
    assert "No entry fits" in cast["administrator"].get("/people/log?who=nobody").content.decode()


def test_pages_hold_every_event_once(cast: Cast) -> None:
    """Also while new ones come in: pages go by key."""
    made = Event.objects.bulk_create([Event(who="li", action="signed_in") for _ in range(2 * PAGE + 30)])
    client, seen, query = cast["administrator"], 0, "?who=li"
    while query:
        page = client.get(f"/people/log{query}")
        seen += len(page.context["events"])
        query = f"?who=li&before={page.context['next']}" if page.context["next"] else ""
        Event.objects.create(who="li", action="signed_out")
    assert seen == len(made)
    assert client.get("/people/log?before=x").status_code == 200


def test_the_export_is_the_same_and_harmless(told: None, cast: Cast) -> None:
    """No cell is a formula, Chinese headings in Chinese; it is itself an event, and wants the right to export."""
    client = cast["administrator"]
    note("li", "@SUM(1)", "2025-01-02T00:00:01")
    answer = client.get("/people/log.csv?day=2025-01-02", headers={"accept-language": "zh-hans"})
    lines = answer.getvalue().decode("utf-8-sig").splitlines()
    assert answer["Content-Disposition"] == 'attachment; filename="kezhi-audit.csv"'
    assert lines[0] == "时间,人员,操作代码,操作,详情"
    assert len(lines) == 4
    assert "2025-01-02 00:00:01+00:00,li,'@SUM(1),'@SUM(1)," in lines
    assert "2025-01-02 00:00:00+00:00,li,person_added,新增人员,person: =1+1 · role: viewer → –" in lines
    assert Event.objects.get(action="audit_exported").told["day"] == "2025-01-02"
    from kezhi_web.people.models import Person

    Person.objects.filter(user__username="administrator").update(may_export=False)
    assert client.get("/people/log.csv").status_code == 403
    assert "log.csv" not in client.get("/people/log").content.decode()


def test_details_in_one_line() -> None:
    """Changes as from and to; what is empty is left out."""
    assert (
        details(Event(told={"role": ["viewer", "sales"], "owner": "", "rows": 0})) == "role: viewer → sales · rows: 0"
    )


def test_a_filter_by_name_is_noted_without_the_name(cast: Cast, rf: RequestFactory) -> None:
    """Whatever holds it; what else the filter asks for stays."""
    cast["marketer"]
    request = rf.get("/")
    request.user = get_user_model().objects.get(username="marketer")
    rule = """tier = 'vip' and (Name in ('Li Na', "Wu") or not phone starts with '138') and name != 'Li'"""
    audit(request, "list_exported", rule=rule, asked={"where": "email = 'a@b.cn'"}, columns=["name"], customers=3)
    assert Event.objects.get(action="list_exported").told == {
        "rule": "tier = 'vip' and (Name in ('…') or not phone starts with '…') and name != '…'",
        "asked": {"where": "email = '…'"},
        "columns": ["name"],
        "customers": 3,
    }


def test_markup_in_details_is_text(cast: Cast) -> None:
    """Whatever somebody was called."""
    Event.objects.create(who="<b>", action="<i>", told={"person": "<script>"})
    page = cast["administrator"].get("/people/log").content.decode()
    for one in ("<b>", "<i>", "<script>"):
        assert one not in page.split("<tbody>")[1]


def sources() -> list[Path]:
    return [path for path in Path(kezhi_web.__file__).parent.rglob("*.py") if path.name != "actions.py"]


def written() -> dict[str, str]:
    """Every action that the application writes down, with its place; of f-strings what they begin with."""
    found = {}
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or getattr(node.func, "id", "") != "audit" or len(node.args) < 2:
                continue
            for one in ast.walk(node.args[1]):
                if isinstance(one, ast.Constant) and isinstance(one.value, str) and len(one.value.strip()) > 2:
                    found[one.value] = f"{path.name}:{node.lineno}"
    return found


def test_every_action_has_its_title() -> None:
    """In both languages, in people/actions.py."""
    unnamed = {one: place for one, place in written().items() if title_of(one).en == one}
    assert len(written()) > 5
    assert not unnamed, f"say in ACTIONS of kezhi_web/people/actions.py what the audit log calls these: {unnamed}"


def test_actions_are_called_in_one_style_and_each_is_written_somewhere() -> None:
    """Words with underscores; a title that no action has any more goes."""
    assert not [one for one in {*ACTIONS, *written()} if not re.fullmatch("[a-z]+(_[a-z]+)*", one)]
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources())
    assert not [one for one in ACTIONS if f'"{one}"' not in text]
