"""What of a `kezhi.toml` can be used where some of it cannot, and what that is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kezhi.language import KezhiError, Text
from kezhi.settings.whole import Settings, read_settings


@dataclass(frozen=True)
class Refused:
    """Something that kezhi does not take: where it stands in the file, its value, and why."""

    keys: tuple[str, ...]
    value: Any
    text: Text

    @property
    def place(self) -> str:
        """As "alerts.calls"."""
        return ".".join(self.keys)


class RefusedError(KezhiError):
    """kezhi.toml would hold something that kezhi does not take."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.text)
        self.refused = refused


def understood(values: Mapping[str, Any]) -> tuple[Settings, tuple[Refused, ...]]:
    """The settings without what cannot be used, and that; nothing is refused where `read_settings` takes all.

    As little as possible is left out: of a table the one entry without which it can be used; the whole table where its
    entries cannot be used together.
    """
    try:
        return read_settings(dict(values)), ()
    except KezhiError:
        kept: dict[str, Any] = {}
        refused: list[Refused] = []
        for name, value in values.items():
            usable, mistakes = _sifted((name,), value)
            refused += mistakes
            if usable is not None:
                kept[name] = usable
        return read_settings(kept), tuple(refused)


def _sifted(keys: tuple[str, ...], value: Any) -> tuple[Any, list[Refused]]:
    """What of the value at a place can be used, None for nothing, and what cannot."""
    wrong = _wrong(keys, value)
    if wrong is None:
        return value, []
    whole = [Refused(keys, value, wrong)]
    if not isinstance(value, Mapping):
        return None, whole
    one = next((name for name in value if _wrong(keys, _without(value, [name])) is None), None)
    bad = [one] if one is not None else [name for name in value if _wrong((*keys, name), value[name]) is not None]
    kept = _without(value, bad)
    if not bad or _wrong(keys, kept) is not None:
        return None, whole
    refused: list[Refused] = []
    for name in bad:
        usable, mistakes = _sifted((*keys, name), value[name])
        refused += mistakes or [Refused((*keys, name), value[name], wrong)]  # wrong only beside the others
        if mistakes and usable is not None:
            kept[name] = usable
    return (kept, refused) if _wrong(keys, kept) is None else (None, whole)


def _without(value: Mapping[str, Any], names: list[str]) -> dict[str, Any]:
    return {name: one for name, one in value.items() if name not in names}


def _wrong(keys: tuple[str, ...], value: Any) -> Text | None:
    """Why kezhi does not take a value at a place, if nothing else is said."""
    for name in reversed(keys):
        value = {name: value}
    try:
        read_settings(value)
    except KezhiError as error:
        return error.text
    return None
