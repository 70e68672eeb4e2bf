"""The page on which tokens and webhooks are made."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from kezhi.language import Text
from kezhi_web.api.models import Token
from kezhi_web.api.tokens import SCOPES, make
from kezhi_web.hooks.models import Delivery, Hook
from kezhi_web.hooks.sending import EVENTS, TROUBLES
from kezhi_web.hooks.views import TYPED
from kezhi_web.people.models import audit
from kezhi_web.people.rights import SignedIn, needs
from kezhi_web.words import say

DAYS = {30: Text("30 days", "30 天"), 90: Text("90 days", "90 天"), 365: Text("one year", "一年")}
USUAL = 90
UNNAMED = Text("Say what the token is for, and what it may do.", "请填写令牌用途，并选择其范围。")
REVOKED = Text("The token works no more.", "该令牌已失效。")


@needs("api")
def tokens(request: SignedIn) -> HttpResponse:
    """Tokens, webhooks and their last deliveries."""
    return page(request)


def page(request: SignedIn, status: int = 200, **more: Any) -> HttpResponse:
    """The page with what a form said that could not be done."""
    return render(request, "api/tokens.html", _known(request, **more), status=status)


def _known(request: SignedIn, **more: Any) -> dict[str, Any]:
    every = request.viewer.may("people")
    own = {} if every else {"person__user__username": request.viewer.name}
    lent = {code for code, (_, rights) in SCOPES.items() if rights & request.viewer.rights}
    return {
        "tokens": Token.objects.select_related("person__user").filter(revoked=False, **own),
        "scopes": [(code, title) for code, (title, _) in SCOPES.items() if code in lent],
        "titles": {code: title for code, (title, _) in SCOPES.items()},
        "days": DAYS,
        "hooks": Hook.objects.all(),
        "events": EVENTS,
        "deliveries": Delivery.objects.select_related("hook")[:20],
        "typed": request.session.pop(TYPED, {}),
        "today": timezone.localdate(),
        "troubles": TROUBLES,
        "lasts": USUAL,
        "chosen": ["read"],
        **more,
    }


@needs("api")
@require_POST
def make_token(request: SignedIn) -> HttpResponse:
    """A new token; what the program sends is shown once, on the page that answers."""
    name = " ".join(request.POST.get("name", "").split())[:100]
    scopes = [one for one in request.POST.getlist("scope") if one in SCOPES]
    days = request.POST.get("days", "")
    lasts = int(days) if days.isdecimal() and int(days) in DAYS else USUAL
    if not name or not scopes:
        return page(request, 400, error=UNNAMED, name=name, chosen=scopes, lasts=lasts)
    made, said = make(request.user.person, name, scopes, timezone.localdate() + timedelta(days=lasts))  # type: ignore[union-attr]
    audit(request, "token_made", token=made.pk, scopes=made.scopes, days=lasts)
    return page(request, said=said, made=made)


@needs("api")
@require_POST
def revoke(request: SignedIn, number: int) -> HttpResponse:
    """The token works no more; one's own, or anybody's for administrators."""
    own = {} if request.viewer.may("people") else {"person__user__username": request.viewer.name}
    token = get_object_or_404(Token, pk=number, **own)
    token.revoked = True
    token.save(update_fields=["revoked"])
    audit(request, "token_revoked", token=token.pk)
    messages.success(request, say(REVOKED))
    return redirect("tokens")
