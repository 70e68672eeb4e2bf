"""Settings as fields of a form: what stands there, and what somebody typed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from django.http import QueryDict

from kezhi.language import Text
from kezhi.settings import Settings
from kezhi.settings.rfm import CLASSES, SEGMENTS
from kezhi.settings.tiers import TITLES
from kezhi_web.setup.questions import Setting
from kezhi_web.setup.writing import USUAL, value_at
from kezhi_web.typed import number_of
from kezhi_web.words import say

NO_NUMBER = Text("Write a number, such as 2.5 or 1,000.", "请填写数字，例如 2.5 或 1,000。")
NO_WHOLE = Text("Write a whole number.", "请填写整数。")
NO_NUMBERS = Text("Write numbers with commas between them.", "请填写数字，用逗号分隔。")
NO_DAY = Text("Write a day such as 2025-12-31.", "请填写日期，例如 2025-12-31。")
NO_CHOICE = Text("Choose one of the list.", "请从列表中选择。")
YES, NO = Text("yes", "是"), Text("no", "否")


class MistypedError(Exception):
    """What was typed is no value of its kind."""

    def __init__(self, text: Text) -> None:
        super().__init__()
        self.text = text


def shown(setting: Setting, file: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    """A field for the page: what the file says, taken by kezhi or not, and what counts where it says nothing."""
    said = value_at(file, setting.place)
    counts = said if said is not None else value_at(settings, setting.place)
    usual = setting.usual or (None if setting.form == "name" else worded(setting, value_at(USUAL, setting.place)))
    field: dict[str, Any] = {"setting": setting, "usual": usual, "own": said is not None}
    if setting.form == "name":
        title = said if isinstance(said, str) else None
        return field | {
            "en": title or value_at(said or {}, "en") or "",
            "zh": title or value_at(said or {}, "zh") or "",
            "usual": _own_title(setting.place),
        }
    if setting.form == "many":
        return field | {"chosen": list(counts) if isinstance(counts, Sequence) and not isinstance(counts, str) else []}
    if setting.form in ("choice", "yes"):
        return field | {"value": _code(said)}
    return field | {"value": "" if said is None else _typed(setting, said)}


def _own_title(place: str) -> Text:
    return (TITLES | CLASSES | SEGMENTS)[place.rpartition(".")[2]]  # type: ignore[index, operator]


def _code(value: Any) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _typed(setting: Setting, value: Any) -> str:
    if setting.form == "share" and _is_number(value):
        return f"{round(float(value) * 100, 6):g}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(_number_text(one) if _is_number(one) else str(one) for one in value)
    return _number_text(value) if _is_number(value) else str(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number_text(value: float) -> str:
    return f"{value:.12g}"


def worded(setting: Setting, value: Any) -> Text | None:
    """A value of kezhi.toml as a person says it; None for nothing."""
    if value is None:
        return None
    if isinstance(value, Mapping):
        return Text(plainly(value), plainly(value))
    if isinstance(value, bool):
        return YES if value else NO
    if setting.choices is not None and not isinstance(value, tuple):
        return setting.choices.get(str(value))
    if setting.form == "many":
        words = [setting.choices[one] for one in value] if setting.choices else []
        return Text(", ".join(one.en for one in words), "、".join(one.zh for one in words))
    typed = _typed(setting, value)
    return Text(typed, typed)


def given(setting: Setting, sent: QueryDict) -> Any:
    """What somebody typed, as kezhi.toml keeps it; None where the usual is to count. Raises MistypedError."""
    typed = sent.get(setting.place, "").strip()
    if setting.form == "name":
        return _name(setting, sent)
    if setting.form == "many":
        known = setting.choices or {}
        chosen = [code for code in known if code in sent.getlist(setting.place)]
        return None if chosen == list(value_at(USUAL, setting.place)) else chosen
    if not typed:
        return None
    if setting.form == "yes":
        return typed == "true"
    if setting.form == "choice":
        if typed not in (setting.choices or {}):
            raise MistypedError(NO_CHOICE)
        return int(typed) if typed.isdigit() else typed
    return _READ[setting.form](typed)


def _name(setting: Setting, sent: QueryDict) -> Any:
    usual = _own_title(setting.place)
    en, zh = (sent.get(f"{setting.place}.{language}", "").strip() for language in ("en", "zh"))
    if not en and not zh:
        return None
    return {"en": en or usual.en, "zh": zh or usual.zh}


def _number(typed: str) -> float | int:
    read = number_of(typed)
    if read is None:
        raise MistypedError(NO_NUMBER)
    value = float(read)
    return int(value) if value == int(value) and abs(value) < 1e15 else value


def _whole(typed: str) -> int:
    value = _number(typed)
    if not isinstance(value, int):
        raise MistypedError(NO_WHOLE)
    return value


def _share(typed: str) -> float | int:
    value = round(_number(typed) / 100, 10)
    return int(value) if value == int(value) else value


def _numbers(typed: str) -> list[float | int]:
    parts = [part for part in typed.replace("，", ",").replace("、", ",").replace(";", ",").split(",") if part.strip()]
    try:
        return [_number(part.strip()) for part in parts]
    except MistypedError:
        raise MistypedError(NO_NUMBERS) from None


def _day(typed: str) -> date:
    try:
        return date.fromisoformat(typed)
    except ValueError:
        raise MistypedError(NO_DAY) from None


def _text(typed: str) -> str:
    return typed


_READ: Mapping[str, Any] = {
    "number": _number,
    "whole": _whole,
    "share": _share,
    "numbers": _numbers,
    "day": _day,
    "text": _text,
}


def plainly(value: Any) -> str:
    """A value for the audit log and for messages."""
    if value is None:
        return say(Text("usual", "默认"))
    if isinstance(value, bool):
        return say(YES if value else NO)
    if isinstance(value, Mapping):
        return ", ".join(f"{name} = {plainly(one)}" for name, one in value.items())
    return ", ".join(str(one) for one in value) if isinstance(value, list | tuple) else str(value)
