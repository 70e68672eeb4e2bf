"""Signing in and out, one's own account, and how a person likes the pages."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login as sign_in
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth import views as auth_views
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from kezhi.language import Text
from kezhi_web.people import demo
from kezhi_web.people.first import has_accounts
from kezhi_web.people.forms import ChangedPassword, NewPassword
from kezhi_web.people.links import whose
from kezhi_web.people.models import audit
from kezhi_web.people.rights import RIGHTS, ROLES, SignedIn, needs, open_to_all
from kezhi_web.words import say, spoken

LANGUAGES = ("en", "zh-hans")
THEMES = ("light", "dark")
AS_BROWSER = "auto"  # as the browser or the system says
YEAR = 365 * 24 * 3600
CHANGED = Text("Your password is changed. Other places where you were signed in are signed out.",
               "密码已修改。您在其他设备上的登录已退出。")  # fmt: skip
OURS = Text("kezhi", "客值")
CHOSEN = Text("Your password is set.", "密码已设置。")

_form_of_login = auth_views.LoginView.as_view(template_name="people/login.html", redirect_authenticated_user=True)
logout = open_to_all(auth_views.LogoutView.as_view())


@open_to_all
def login(request: HttpRequest) -> HttpResponse:
    """The login page; without any account the page that makes the first. The demo shows its accounts."""
    if not has_accounts():
        return redirect("first")
    answer: HttpResponse = _form_of_login(request)
    known = getattr(answer, "context_data", None)
    if known is None:  # signed in: sent on
        return answer
    known["other_name"] = OURS.zh if spoken() == "en" else OURS.en
    if settings.DEMO:
        known |= {
            "cast": [(role, ROLES[role][0], demo.DOES[role]) for role in demo.CAST],
            "chosen": request.GET.get("as", ""),
            "password": demo.PASSWORD,
        }
    return answer


@needs("own")
def account(request: SignedIn) -> HttpResponse:
    """Who I am here, what I may do, and how I like the pages."""
    return _account(request, ChangedPassword(request.user), 200)


@needs("own")
@sensitive_post_parameters()
@require_POST
def password(request: SignedIn) -> HttpResponse:
    """Change one's own password; other sessions of the person end."""
    form = ChangedPassword(request.user, request.POST)
    if not form.is_valid():
        return _account(request, form, 400)
    form.save()
    audit(request, "password_changed")
    update_session_auth_hash(request, form.user)
    messages.success(request, say(CHANGED))
    return redirect("account")


def _account(request: SignedIn, form: ChangedPassword, status: int) -> HttpResponse:
    rights = [(text, request.viewer.may(code)) for code, text in RIGHTS.items()]
    role = ROLES[request.viewer.role][0]
    return render(request, "people/account.html", {"form": form, "rights": rights, "role": role}, status=status)


@open_to_all
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def new_password(request: HttpRequest, place: str, token: str) -> HttpResponse:
    """Choose a password by the one-time link, and be signed in."""
    user = whose(place, token)
    if user is None:
        return render(request, "people/link_over.html", status=404)
    form = NewPassword(user, request.POST if request.method == "POST" else None)
    if not form.is_valid():
        answers = {"form": form, "name": user.get_username()}
        return render(request, "people/new_password.html", answers, status=400 if form.errors else 200)
    form.save()
    sign_in(request, user, backend="django.contrib.auth.backends.ModelBackend")
    audit(request, "password_set")
    messages.success(request, say(CHOSEN))
    return redirect("overview")


@open_to_all
@require_POST
def choose(request: HttpRequest) -> HttpResponse:
    """Language and theme: kept with the person, and in a cookie for the login page."""
    back = request.POST.get("next", "/")
    if not url_has_allowed_host_and_scheme(back, {request.get_host()}, request.is_secure()):
        back = "/"
    response = redirect(back)
    person = request.user.person if request.user.is_authenticated else None
    for name, cookie, known in (
        ("language", settings.LANGUAGE_COOKIE_NAME, LANGUAGES),
        ("theme", "theme", THEMES),
    ):
        said = request.POST.get(name)
        if said == AS_BROWSER:
            response.delete_cookie(cookie, samesite="Lax")
        elif said in known:
            response.set_cookie(cookie, said, max_age=YEAR, samesite="Lax", secure=settings.HTTPS, httponly=True)
        else:
            continue
        if person is not None:
            setattr(person, name, "" if said == AS_BROWSER else said)
            person.save(update_fields=[name])
    return response
