"""The people of the company: who has an account, in which role, with which customers."""

from __future__ import annotations

from typing import Any

from axes.utils import reset as lift_lock
from django.apps import apps
from django.contrib import messages
from django.contrib.auth import get_user_model
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from kezhi.language import KezhiError, Text
from kezhi_web.people.forms import Rights, UserName, rights_of
from kezhi_web.people.links import link_for
from kezhi_web.people.models import Person, audit
from kezhi_web.people.rights import RIGHTS, ROLES, SignedIn, needs
from kezhi_web.shown import NoRun, Rows, shown
from kezhi_web.words import say

LAST = Text(
    "This is the only administrator: make somebody else administrator first.",
    "这是唯一的管理员；请先将另一人设为管理员。",
)
NO_CUSTOMERS = Text(
    "Saved; but in the newest run no customer has the owner “{owner}”. Until one has, this person sees no customers.",
    "已保存；但最新一次运行中没有负责人为“{owner}”的客户，在此之前此人看不到任何客户。",
)
SAVED = Text("Saved.", "已保存。")
ENDED = Text("{name} can no longer sign in, and is signed out everywhere.", "{name} 已停用，所有登录均已退出。")
BACK = Text("{name} can sign in again.", "{name} 可以重新登录。")
WEBHOOKS = Text(
    "Webhooks that {name} made go on sending: {n}. See on the page “API and webhooks” whether they should.",
    "{name} 创建的 {n} 个 Webhook 仍在发送消息。请在“API 与 Webhook”页面确认是否保留。",
)
OWNERS = 1000  # offered; others can be typed
LINK = "link"  # where a session keeps a link until it was shown


@needs("people")
def people(request: SignedIn) -> HttpResponse:
    """Everybody with an account."""
    everybody = Person.objects.select_related("user").order_by("-user__is_active", "user__username")
    listed = [(one, ROLES[one.role][0], one.viewer) for one in everybody]
    return render(request, "people/people.html", {"people": listed, "roles": _roles()})


@needs("people")
@require_http_methods(["GET", "POST"])
def add(request: SignedIn) -> HttpResponse:
    """A new person; they choose their password by a link that is shown once."""
    sent = request.POST if request.method == "POST" else None
    name, rights = UserName(sent), Rights(sent)
    if not (name.is_valid() & rights.is_valid()):  # both say what is wrong
        said = {"role": "viewer"} if sent is None else sent
        answers = {"name": name, "form": rights, "said": said, **_choices(request)}
        return render(request, "people/add.html", answers, status=200 if sent is None else 400)
    with transaction.atomic():
        user = get_user_model().objects.create_user(name.cleaned_data["username"])
        Person.objects.filter(user=user).update(**rights.rights)
        audit(request, "person_added", person=user.get_username(), **rights.rights)
    request.session[LINK] = [user.pk, link_for(request, user)]
    _warn_of(request, rights.rights["owner"])
    return redirect("person", user.person.pk)


@needs("people")
@require_http_methods(["GET", "POST"])
def person(request: SignedIn, person_id: int) -> HttpResponse:
    """One person: role, owner, switches; a link to choose a password; end or resume their access."""
    one = get_object_or_404(Person.objects.select_related("user"), pk=person_id)
    if request.method == "POST":
        rights = Rights(request.POST)
        if not rights.is_valid():
            return _person(request, one, rights, request.POST.dict(), 400)
        try:
            _change(request, one, rights.rights)
        except KezhiError as error:
            messages.error(request, say(error.text))
            return redirect("person", person_id)
        messages.success(request, say(SAVED))
        _warn_of(request, one.owner)
        return redirect("person", person_id)
    return _person(request, one, None, rights_of(one), 200)


@needs("people")
@require_POST
def link(request: SignedIn, person_id: int) -> HttpResponse:
    """A new one-time link; a lock after wrong passwords is lifted, and the present password stays until it is used."""
    one = get_object_or_404(Person.objects.select_related("user"), pk=person_id, user__is_active=True)
    lift_lock(username=one.user.get_username())
    audit(request, "link_made", person=one.user.get_username())
    request.session[LINK] = [one.user.pk, link_for(request, one.user)]
    return redirect("person", person_id)


@needs("people")
@require_POST
def active(request: SignedIn, person_id: int) -> HttpResponse:
    """End somebody's access, or let them in again; nothing that they did is lost."""
    one = get_object_or_404(Person.objects.select_related("user"), pk=person_id)
    wanted = request.POST.get("active") == "yes"
    try:
        _let_in(request, one, wanted)
    except KezhiError as error:
        messages.error(request, say(error.text))
    else:
        messages.success(request, say(BACK if wanted else ENDED, name=one.user.get_username()))
        if not wanted:
            _warn_of_webhooks(request, one.user.get_username())
    return redirect("person", person_id)


def _warn_of_webhooks(request: SignedIn, name: str) -> None:
    """Tokens end with their person; webhooks belong to the company, and may lead to an address of that person."""
    left = apps.get_model("hooks", "Hook").objects.filter(by=name, active=True).count()
    if left:
        messages.warning(request, say(WEBHOOKS, name=name, n=left))


@transaction.atomic
def _let_in(request: SignedIn, one: Person, wanted: bool) -> None:
    if not wanted:
        _keep_one_administrator(one)
    one.user.is_active = wanted
    one.user.save(update_fields=["is_active"])
    audit(request, "person_resumed" if wanted else "person_ended", person=one.user.get_username())


def _change(request: SignedIn, one: Person, rights: dict[str, Any]) -> None:
    with transaction.atomic():
        if rights["role"] != "administrator":
            _keep_one_administrator(one)
        before = {name: getattr(one, name) for name in rights}
        changed = {name: [before[name], value] for name, value in rights.items() if before[name] != value}
        if changed:
            for name, value in rights.items():
                setattr(one, name, value)
            one.save(update_fields=list(rights))
            audit(request, "person_changed", person=one.user.get_username(), **changed)


def _keep_one_administrator(one: Person) -> None:
    """Raises KezhiError where nobody else could manage people; in a transaction, so that two cannot leave at once."""
    left = Person.objects.select_for_update().filter(role="administrator", user__is_active=True)
    if {person.pk for person in left} == {one.pk}:
        raise KezhiError(LAST)


def _person(request: SignedIn, one: Person, form: Rights | None, said: dict[str, str], status: int) -> HttpResponse:
    made = request.session.get(LINK)
    if made is not None:
        del request.session[LINK]
    rights = [(text, one.viewer.may(code)) for code, text in RIGHTS.items()]
    answers = {
        "one": one,
        "form": form,
        "said": said,
        "link": made[1] if made and made[0] == one.user.pk else None,
        "rights": rights,
        **_choices(request),
    }
    return render(request, "people/person.html", answers, status=status)


def _roles() -> list[tuple[str, Text, list[Text]]]:
    """Each role with its title and what it may, in the order of RIGHTS."""
    return [(code, title, [RIGHTS[one] for one in RIGHTS if one in rights]) for code, (title, rights) in ROLES.items()]


def _choices(request: SignedIn) -> dict[str, Any]:
    return {"roles": _roles(), "owners": owners_of(request)}


def owners_of(request: SignedIn) -> list[str]:
    """Who looks after customers, by the newest run; nobody where there is no run or it names no owners."""
    try:
        rows = Rows(shown(request), None, False)
    except NoRun:
        return []
    if "owner" not in rows.columns("attributes"):
        return []
    told = rows.table("attributes")
    asked = f"select distinct owner from {told} where owner <> '' order by owner limit {OWNERS}"
    return [str(row["owner"]) for row in rows.ask(asked)]


def _warn_of(request: SignedIn, owner: str) -> None:
    owners = owners_of(request) if owner else []
    if owner and len(owners) < OWNERS and owner not in owners:
        messages.warning(request, say(NO_CUSTOMERS, owner=owner))
