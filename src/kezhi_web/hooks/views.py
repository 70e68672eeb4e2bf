"""Making, trying and dropping webhooks."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from kezhi.language import KezhiError, Text
from kezhi_web.hooks.models import WAITING, Delivery, Hook
from kezhi_web.hooks.sending import EVENTS, check_address, see_to_it
from kezhi_web.people.models import audit
from kezhi_web.people.rights import SignedIn, needs
from kezhi_web.words import say

TYPED = "webhook_typed"  # where a session keeps a form that could not be taken, for the page of the tokens
LONGEST = 500  # characters of an address
TOO_LONG = Text("The address is longer than 500 characters.", "地址超过 500 个字符。")
NO_EVENT = Text("Choose at least one event.", "请至少选择一个事件。")
MADE = Text("The webhook is there; its secret stands beside it.", "Webhook 已创建，密钥见右侧。")
TRIED = Text("A test message is on its way; see the deliveries.", "测试消息已发出，见发送记录。")
DROPPED = Text("The webhook is gone.", "Webhook 已删除。")
AGAIN = Text("It is sent again.", "正在重新发送。")


@needs("api")
@require_POST
def make_hook(request: SignedIn) -> HttpResponse:
    """A new webhook."""
    url = request.POST.get("url", "").strip()
    events = [one for one in EVENTS if one in request.POST.getlist("event")]
    try:
        check_address(url)
        if len(url) > LONGEST:
            raise KezhiError(TOO_LONG)
        if not events:
            raise KezhiError(NO_EVENT)
    except KezhiError as error:
        messages.error(request, say(error.text))
        request.session[TYPED] = {"url": url, "events": events}
        return redirect("tokens")
    made = Hook.objects.create(url=url, events=events, by=request.viewer.name)
    audit(request, "webhook_made", hook=made.pk, events=events)
    messages.success(request, say(MADE))
    return redirect("tokens")


@needs("api")
@require_POST
def try_hook(request: SignedIn, number: int) -> HttpResponse:
    """Send a message that says nothing of customers."""
    hook = get_object_or_404(Hook, pk=number)
    Delivery.objects.create(hook=hook, event="test", facts={"test": True}, next_at=timezone.now())
    see_to_it()
    messages.success(request, say(TRIED))
    return redirect("tokens")


@needs("api")
@require_POST
def drop(request: SignedIn, number: int) -> HttpResponse:
    """The webhook goes, with what was not sent."""
    hook = get_object_or_404(Hook, pk=number)
    audit(request, "webhook_dropped", hook=hook.pk)
    hook.delete()
    messages.success(request, say(DROPPED))
    return redirect("tokens")


@needs("api")
@require_POST
def again(request: SignedIn, number: int) -> HttpResponse:
    """Send a message that was given up once more."""
    one = get_object_or_404(Delivery, pk=number)
    one.state, one.tries, one.next_at = WAITING, 0, timezone.now()
    one.save()
    see_to_it()
    audit(request, "delivery_repeated", delivery=one.pk)
    messages.success(request, say(AGAIN))
    return redirect("tokens")
