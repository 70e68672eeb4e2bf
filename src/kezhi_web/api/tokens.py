"""Making tokens, and finding out who sends one."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import date
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from ninja.security import HttpBearer

from kezhi.language import Text
from kezhi_web.api.models import Token
from kezhi_web.people.models import Person
from kezhi_web.people.rights import Viewer

BEGIN = "kz_"
# scope -> what it is called, and the rights it lends as far as the person has them
SCOPES: dict[str, tuple[Text, frozenset[str]]] = {
    "read": (Text("Read figures and alerts", "读取数据与预警"), frozenset({"own", "company"})),
    "personal": (Text("Read names", "读取姓名"), frozenset({"personal"})),
    "export": (Text("Export whole lists", "导出完整名单"), frozenset({"export"})),
    "alerts": (Text("Assign and close alerts", "分派与关闭预警"), frozenset({"act", "record"})),
    "corrections": (Text("Make and undo corrections", "进行与撤销修正"), frozenset({"correct"})),
    "imports": (Text("Import files", "导入文件"), frozenset({"import"})),
    "runs": (Text("Start and cancel runs", "启动与取消运行"), frozenset({"run"})),
}


def make(person: Person, name: str, scopes: Sequence[str], ends_on: date | None) -> tuple[Token, str]:
    """A new token, and the text that the program sends, which is told only now."""
    said = BEGIN + secrets.token_urlsafe(32)
    known = [scope for scope in SCOPES if scope in scopes]
    made = Token.objects.create(
        person=person, name=name, digest=_digest(said), begins=said[:8], scopes=known, ends_on=ends_on
    )
    return made, said


def _digest(said: str) -> str:
    return hashlib.sha256(said.encode()).hexdigest()


def viewer_of_token(token: Token) -> Viewer:
    """The token's person with no more than the token's rights."""
    whole = token.person.viewer
    lent = frozenset().union(*(SCOPES[scope][1] for scope in token.scopes if scope in SCOPES))
    return Viewer(whole.name, whole.role, whole.rights & lent, whole.owner)


class Bearer(HttpBearer):
    """`Authorization: Bearer kz_...`; sets the request's viewer."""

    def authenticate(self, request: HttpRequest, token: str) -> Any:
        """The token's row, or None: unknown, revoked, out of date, or of somebody who may not sign in any more."""
        today = timezone.localdate()
        found = Token.objects.select_related("person__user").filter(digest=_digest(token), revoked=False).first()
        if found is None or not found.person.user.is_active or (found.ends_on and found.ends_on < today):
            return None
        if found.used_on != today:  # once a day: a read must not write each time
            Token.objects.filter(pk=found.pk).update(used_on=today)
        request.viewer = viewer_of_token(found)  # type: ignore[attr-defined]
        return found
