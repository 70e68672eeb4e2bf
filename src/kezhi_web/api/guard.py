"""Which right an operation needs, and how it refuses."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from django.http import HttpRequest

from kezhi.language import Text
from kezhi_web.people.rights import ALL, Viewer
from kezhi_web.shown import Rows, Shown
from kezhi_web.shown.run import named

Operation = TypeVar("Operation", bound=Callable[..., Any])
MISSING = Text(
    "This token may not do that: it needs the right “{right}”, by its scope and by its person's role.",
    "此令牌无权执行：需要“{right}”权限，令牌范围与人员角色都须包含。",
)
NO_RUN = Text("There is no finished run yet.", "尚无完成的运行。")


class Refused(Exception):  # noqa: N818  an answer, no failure of ours
    """An answer with a status and a sentence."""

    def __init__(self, status: int, text: Text) -> None:
        super().__init__(text.en)
        self.status, self.text = status, text


def needs(right: str) -> Callable[[Operation], Operation]:
    """Mark an operation with the right that it needs; refuses with status 403."""
    assert right in ALL

    def marked(operation: Operation) -> Operation:
        @wraps(operation)
        def checked(request: HttpRequest, *args: Any, **given: Any) -> Any:
            viewer: Viewer = request.viewer  # type: ignore[attr-defined]
            if not viewer.may(right):
                raise Refused(403, MISSING.fill(right=right))
            return operation(request, *args, **given)

        checked.right, checked.rights = right, frozenset({right})  # type: ignore[attr-defined]
        return checked  # type: ignore[return-value]

    return marked


def rows_of(request: HttpRequest, run: str | None = None) -> tuple[Shown, Rows]:
    """A run by its name, or the newest, and its rows as far as the token reaches."""
    found = named(run)
    viewer: Viewer = request.viewer  # type: ignore[attr-defined]
    return found, viewer.rows(found)
