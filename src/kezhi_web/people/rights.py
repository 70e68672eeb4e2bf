"""Roles and rights, and how a view says which right it needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from kezhi.language import Text
from kezhi_web.shown import Rows, Shown, shown

RIGHTS: dict[str, Text] = {
    "own": Text("See one's own customers", "查看自己负责的客户"),
    "company": Text("See all customers and the company's figures", "查看全部客户与企业数据"),
    "personal": Text("See names, phone numbers and e-mail addresses", "查看姓名、电话和邮箱"),
    "export": Text("Export lists", "导出名单"),
    "record": Text("Record contacts, suggestions, surveys, opportunities", "记录联系、建议、问卷与商机"),
    "act": Text("Work on alerts, save segments and views for everybody", "处理预警，保存公用的分群与视图"),
    "correct": Text("Correct margins, expenses and forecasts", "修正毛利率、费用与预测"),
    "import": Text("Import data", "导入数据"),
    "run": Text("Start, schedule and cancel runs", "启动、定时与取消运行"),
    "settings": Text("Change settings", "修改设置"),
    "people": Text("Manage people, and read the audit log", "管理人员，查看审计日志"),
    "api": Text("Make API tokens and webhooks", "创建 API 令牌与 Webhook"),
}

ALL = frozenset(RIGHTS)
ROLES: dict[str, tuple[Text, frozenset[str]]] = {
    "administrator": (Text("Administrator", "管理员"), ALL),
    "analyst": (Text("Analyst", "分析师"), ALL - {"personal", "people"}),
    "marketer": (
        Text("Marketer", "市场人员"),
        frozenset({"own", "company", "personal", "export", "record", "act"}),
    ),
    "sales": (
        Text("Sales (own customers only)", "销售（仅自己的客户）"),
        frozenset({"own", "personal", "record", "act"}),
    ),
    "viewer": (Text("Viewer", "只读"), frozenset({"own", "company"})),
}


@dataclass(frozen=True)
class Viewer:
    """The person who asks, and what they may."""

    name: str
    role: str
    rights: frozenset[str]
    owner: str

    def may(self, right: str) -> bool:
        """Has the person this right?"""
        return right in self.rights

    def rows(self, run: Shown) -> Rows:
        """The rows of a run that this person may see."""
        return Rows(run, None if self.may("company") else self.owner, self.may("personal"))


class SignedIn(HttpRequest):
    """A request of a person with the right that the view asked for, for annotations."""

    viewer: Viewer


def needs(*rights: str, json: bool = False) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """Mark a view with the rights that it needs, all of them.

    Strangers are sent to the login page, those without a right are told so with status 403; with `json` (calls by
    programs) there is only the status, 401 or 403.
    """
    assert rights
    assert set(rights) <= ALL, rights

    def marked(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def checked(request: HttpRequest, *args: Any, **given: Any) -> HttpResponse:
            viewer = viewer_of(request)
            if viewer is None:
                return (
                    HttpResponse(status=401) if json else redirect_to_login(request.get_full_path(), settings.LOGIN_URL)
                )
            if not all(viewer.may(one) for one in rights):
                return HttpResponse(status=403) if json else render(request, "forbidden.html", status=403)
            request.viewer = viewer  # type: ignore[attr-defined]
            return view(request, *args, **given)

        checked.right, checked.rights = rights[0], frozenset(rights)  # type: ignore[attr-defined]
        return checked

    return marked


def open_to_all(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Mark a view that needs nobody signed in: the login page and the like."""
    view.right, view.rights = None, frozenset()  # type: ignore[attr-defined]
    return view


def viewer_of(request: HttpRequest) -> Viewer | None:
    """Who asks; None where nobody is signed in."""
    known = getattr(request, "viewer", None)
    if known is not None:
        return known
    if not request.user.is_authenticated:
        return None
    return request.user.person.viewer  # type: ignore[union-attr]


def of_run(request: HttpRequest) -> tuple[Shown, Rows]:
    """The run that a page shows, and the rows of it that the person may see."""
    viewer = viewer_of(request)
    assert viewer is not None, "only in views marked with `needs`"
    run = shown(request)
    return run, viewer.rows(run)
