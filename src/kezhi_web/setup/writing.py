"""kezhi.toml as the settings page changes it: comments, order and everything else in it stay."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kezhi.language import KezhiError, Text
from kezhi.segmenting import _read, _write  # the one way in which kezhi itself changes the file
from kezhi.settings import Settings
from kezhi.workspace import Workspace

_PLACE = re.compile(r"The setting '?([\w.]+)'?")
_lock = threading.Lock()
MISSING: Any = object()


@dataclass(frozen=True)
class Change:
    """One setting: its place as "alerts.calls", what the file said and says now (None: nothing, the usual counts)."""

    place: str
    old: Any
    new: Any


class RefusedError(Exception):
    """kezhi does not take the settings: at which place, and why."""

    def __init__(self, place: str, text: Text) -> None:
        super().__init__(place)
        self.place, self.text = place, text


def in_file(workspace: Workspace) -> dict[str, Any]:
    """What kezhi.toml says, as plain values. Raises KezhiError where it cannot be read."""
    found: dict[str, Any] = _read(workspace).unwrap()
    return found


def value_at(values: Any, place: str) -> Any:
    """The value at a place such as "alerts.calls" of a dictionary or of Settings; None where there is none."""
    for name in place.split("."):
        values = values.get(name) if isinstance(values, Mapping) else getattr(values, name, None)
        if values is None:
            return None
    return values


def write(workspace: Workspace, wanted: Mapping[str, Any]) -> list[Change]:
    """Set these places (None: take the setting out, so that the usual counts); all of them or, where refused, none.

    Raises RefusedError with the place that kezhi names in its own sentence.
    """
    with _lock:
        document = _read(workspace)
        before = document.unwrap()
        changes = [
            Change(place, value_at(before, place), value)
            for place, value in wanted.items()
            if not _same(value_at(before, place), value)
        ]
        for change in changes:
            _set(document, change.place.split("."), change.new)
        if changes:
            try:
                _write(workspace, document)
            except KezhiError as error:
                found = _PLACE.match(error.text.en)
                raise RefusedError(found[1] if found else "", error.text) from None
        return changes


def _same(old: Any, new: Any) -> bool:
    """Equal, where a list is as good as a tuple."""
    if (
        isinstance(old, Sequence)
        and isinstance(new, Sequence)
        and not isinstance(old, str)
        and not isinstance(new, str)
    ):
        return list(old) == list(new)
    return bool(old == new) and isinstance(old, bool) == isinstance(new, bool)


def _set(document: Any, parts: Sequence[str], value: Any) -> None:
    import tomlkit

    table = document
    way: list[tuple[Any, str]] = []
    for number, name in enumerate(parts[:-1]):
        if name not in table:
            if value is None:
                return
            # within a table that stands on one line a new one does so as well
            inline = isinstance(table, tomlkit.items.InlineTable) or number > 0
            table[name] = tomlkit.inline_table() if inline else tomlkit.table()
        way.append((table, name))
        table = table[name]
    if value is None:
        table.pop(parts[-1], None)
        for above, name in reversed(way[1:]):  # an empty table within another one would mean something
            if not above[name]:
                above.pop(name)
    elif isinstance(value, Mapping):
        inner = tomlkit.inline_table()
        inner.update(value)
        table[parts[-1]] = inner
    else:
        table[parts[-1]] = list(value) if isinstance(value, tuple) else value


USUAL = Settings()
