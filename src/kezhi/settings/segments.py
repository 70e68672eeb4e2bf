"""What `kezhi.toml` may say about segments: a name, and the filter that says who belongs to it."""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated

from pydantic import AfterValidator, Field

from kezhi.filters import parse
from kezhi.language import KezhiError, Text

MOST_SEGMENTS, LONGEST_NAME = 50, 60
ALL = ("all", "全部")  # what `kezhi export` calls everybody

BAD_NAME = Text(
    "{name!r} cannot be the name of a segment: a name has 1 to 60 characters, and none of ' \" ` = < > ( ).",
    "{name!r} 不能作为分群名称：名称应为 1 至 60 个字符，且不含 ' \" ` = < > ( )。",
)
TAKEN = Text(
    "A segment cannot be called {name}: that word means all customers.", "分群不能命名为 {name}：这个词表示全部客户。"
)
TWICE = Text(
    "Two segments are called {name}; names that differ in capital letters only are the same.",
    "有两个分群都叫 {name}；仅大小写不同的名称视为相同。",
)
TOO_MANY = Text(
    "There are {given} segments; at most {most} can be counted in a run.",
    "共有 {given} 个分群；一次运行最多统计 {most} 个。",
)
WRONG_RULE = Text("The segment {name!r} cannot be used. {reason}", "分群 {name!r} 无法使用。{reason}")
_NEVER = re.compile("['\"`=<>()\x00-\x1f“”‘’]")


def same(name: str) -> str:
    """What names are compared by: without regard to capitals, width and blanks around them."""
    return unicodedata.normalize("NFKC", name).strip().casefold()


def check_name(name: str) -> None:
    """Raise KezhiError for what cannot be the name of a segment."""
    if not name.strip() or len(name) > LONGEST_NAME or name != name.strip() or _NEVER.search(name):
        raise KezhiError(BAD_NAME.fill(name=name[:LONGEST_NAME]))
    if same(name) in ALL:
        raise KezhiError(TAKEN.fill(name=name))


def check_segments(segments: dict[str, str]) -> dict[str, str]:
    """The same segments; raises KezhiError for a bad name, two of one name, or a filter that cannot be read."""
    if len(segments) > MOST_SEGMENTS:
        raise KezhiError(TOO_MANY.fill(given=len(segments), most=MOST_SEGMENTS))
    known: set[str] = set()
    for name, rule in segments.items():
        check_name(name)
        if same(name) in known:
            raise KezhiError(TWICE.fill(name=name))
        known.add(same(name))
        try:
            parse(rule)
        except KezhiError as error:
            raise KezhiError(about(name, error.text)) from None
    return segments


def about(name: str, reason: Text) -> Text:
    """What is wrong with a segment's filter, with the segment's name."""
    return Text(WRONG_RULE.en.format(name=name, reason=reason.en), WRONG_RULE.zh.format(name=name, reason=reason.zh))


Segments = Annotated[
    dict[str, str],
    AfterValidator(check_segments),
    Field(description="groups of customers by rule: name = filter / 规则分群：名称 = 条件"),
]
