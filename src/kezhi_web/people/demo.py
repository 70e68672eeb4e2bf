"""Accounts of the demo company, one per role; their passwords stand on the login page, so they exist nowhere else."""

from __future__ import annotations

from django.contrib.auth import get_user_model

from kezhi.language import Text
from kezhi_web.people.models import Person

PASSWORD = "kezhi-demo"  # noqa: S105  shown to everybody who opens the demo
CAST = ("administrator", "analyst", "marketer", "sales", "viewer")
DOES = {
    "administrator": Text("everything, people and settings too", "全部功能，含人员与设置"),
    "analyst": Text("models, corrections, data; no names", "模型、修正、数据；看不到姓名"),
    "marketer": Text("groups, alerts, exports", "分群、预警、导出"),
    "sales": Text("own customers only", "仅自己负责的客户"),
    "viewer": Text("looks, changes nothing", "只看，不改"),
}


def make_cast(owner: str = "") -> None:
    """One account per role, called as the role; the salesperson looks after the customers of `owner`."""
    for role in CAST:
        user, made = get_user_model().objects.get_or_create(username=role)
        if made:
            user.set_password(PASSWORD)
            user.save()
        Person.objects.filter(user=user).update(role=role, owner=owner if role == "sales" else "")
