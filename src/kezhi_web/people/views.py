"""Signing in and out, and how a person likes the pages."""

from __future__ import annotations

from django.contrib.auth import views as auth_views
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from kezhi_web.people.rights import open_to_all

LANGUAGES = ("en", "zh-hans")
THEMES = ("light", "dark")
YEAR = 365 * 24 * 3600

login = open_to_all(auth_views.LoginView.as_view(template_name="people/login.html", redirect_authenticated_user=True))
logout = open_to_all(auth_views.LogoutView.as_view())


@open_to_all
@require_POST
def choose(request: HttpRequest) -> HttpResponse:
    """Language and theme: kept with the person, and in a cookie for the login page."""
    back = request.POST.get("next", "/")
    if not url_has_allowed_host_and_scheme(back, {request.get_host()}, request.is_secure()):
        back = "/"
    response = redirect(back)
    person = request.user.person if request.user.is_authenticated else None
    for name, cookie, known in (("language", "django_language", LANGUAGES), ("theme", "theme", THEMES)):
        said = request.POST.get(name)
        if said not in known:
            continue
        response.set_cookie(cookie, said, max_age=YEAR, samesite="Lax", secure=request.is_secure(), httponly=True)
        if person is not None:
            setattr(person, name, said)
            person.save(update_fields=[name])
    return response
