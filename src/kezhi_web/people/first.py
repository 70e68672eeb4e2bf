"""The first start: the first administrator is made with a code that only the machine's owner has seen."""

from __future__ import annotations

import base64
import os
from hmac import compare_digest
from pathlib import Path

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth import login as sign_in
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from kezhi.language import Text
from kezhi_web import secrets
from kezhi_web.people.forms import NewPassword, UserName
from kezhi_web.people.models import Event, Person
from kezhi_web.people.rights import open_to_all
from kezhi_web.words import say

WRONG_CODE = Text(
    "This is not the code that kezhi serve printed. It is printed again at each start until there is an account.",
    "这不是 kezhi serve 打印的代码。建立账号之前，每次启动都会重新打印。",
)
BYTES = 10  # 80 random bits: nobody finds them by trying


def setup_code() -> str | None:
    """The code for the page /first, the same until it is used; None once there is an account."""
    return None if has_accounts() else secrets.kept(_place(), _random)


def has_accounts() -> bool:
    """Is there anybody who could sign in?"""
    return get_user_model().objects.exists()


def _place() -> Path:
    return Path(settings.OWN) / "setup.code"


def _random() -> str:
    code = base64.b32encode(os.urandom(BYTES)).decode().lower()
    return "-".join(code[start : start + 4] for start in range(0, len(code), 4))


@open_to_all
@sensitive_post_parameters("password1", "password2", "code")
@require_http_methods(["GET", "POST"])
def first(request: HttpRequest) -> HttpResponse:
    """Make the first administrator; the page is gone once there is an account."""
    code = setup_code()
    if code is None:
        return redirect("overview")
    if request.method != "POST":
        return render(request, "people/first.html", {"name": UserName(), "password": NewPassword(None)})
    name = UserName(request.POST)
    password = NewPassword(get_user_model()(username=request.POST.get("username", "")), request.POST)
    right = compare_digest(request.POST.get("code", "").strip().lower().encode(), code.encode())
    if not (right and name.is_valid() and password.is_valid()):
        wrong = "" if right else say(WRONG_CODE)
        answers = {"name": name, "password": password, "wrong": wrong, "code": request.POST.get("code", "")}
        return render(request, "people/first.html", answers, status=400)
    user = _make(name.cleaned_data["username"], password.cleaned_data["new_password1"])
    _place().unlink(missing_ok=True)
    sign_in(request, user, backend="django.contrib.auth.backends.ModelBackend")
    return redirect("overview")


@transaction.atomic
def _make(name: str, password: str) -> object:
    user = get_user_model().objects.create_user(name, password=password)
    Person.objects.filter(user=user).update(role="administrator")
    Event.objects.create(who=name, action="first_administrator")
    return user
