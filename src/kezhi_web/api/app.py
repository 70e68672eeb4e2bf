"""The API as one: its description, who may ask, and how it says that something cannot be done."""

from __future__ import annotations

import logging
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, ValidationError

from kezhi import __version__
from kezhi.language import KezhiError, Text
from kezhi_web.api.guard import NO_RUN, Refused
from kezhi_web.api.tokens import Bearer
from kezhi_web.api.writing import router  # with what reads, which stands before it
from kezhi_web.people.rights import needs
from kezhi_web.shown import NoRun

log = logging.getLogger(__name__)

UNKNOWN = Text("There is no such thing, or not for this token.", "不存在，或此令牌无权查看。")
WHO = Text("Send a valid token: Authorization: Bearer kz_...", "请发送有效令牌：Authorization: Bearer kz_...")
UNFORESEEN = Text(
    "Something went wrong here; the server's log says where. Nothing that was confirmed is lost.",
    "服务器出错，日志中有出错位置。已确认的内容不会丢失。",
)
WRONG = Text("{where}: not as the API's description says.", "{where}：不符合接口说明。")

api = NinjaAPI(
    title="kezhi 客值",
    version=__version__,
    description="Customer value for programs. Tokens are made on the page “API and webhooks”. "
    "Money is text with its decimals; lists are paged by `next` and `after`.",
    auth=Bearer(),
    docs_decorator=needs("api"),
    urls_namespace="api",
)
api.add_router("", router)


def _answer(request: HttpRequest, status: int, text: Text) -> HttpResponse:
    return api.create_response(request, {"error": text.as_dict()}, status=status)


@api.exception_handler(Exception)
def _unforeseen(request: HttpRequest, error: Exception) -> HttpResponse:
    log.error("An operation of the API failed", exc_info=error)
    return _answer(request, 500, UNFORESEEN)


@api.exception_handler(KezhiError)
def _mendable(request: HttpRequest, error: KezhiError) -> HttpResponse:
    return _answer(request, 400, error.text)


@api.exception_handler(Refused)
def _refused(request: HttpRequest, error: Refused) -> HttpResponse:
    return _answer(request, error.status, error.text)


@api.exception_handler(NoRun)
def _no_run(request: HttpRequest, _: NoRun) -> HttpResponse:
    return _answer(request, 404, NO_RUN)


@api.exception_handler(Http404)
def _unknown(request: HttpRequest, _: Http404) -> HttpResponse:
    return _answer(request, 404, UNKNOWN)


@api.exception_handler(AuthenticationError)
def _who(request: HttpRequest, _: AuthenticationError) -> HttpResponse:
    return _answer(request, 401, WHO)


@api.exception_handler(ValidationError)
def _wrong(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """What was sent does not fit the description: the first thing that is wrong with it, without repeating it."""
    first: dict[str, Any] = error.errors[0] if error.errors else {}
    where = ".".join(str(part) for part in first.get("loc", ())[1:]) or "body"
    told = {"error": WRONG.fill(where=where[:100]).as_dict(), "detail": str(first.get("msg", ""))[:200]}
    return api.create_response(request, told, status=422)
