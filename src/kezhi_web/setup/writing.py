"""kezhi.toml as the settings page changes it: comments, order and everything else in it stay."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kezhi.segmenting import changing, settings_document
from kezhi.settings import Settings, understood
from kezhi.workspace import Workspace


@dataclass(frozen=True)
class Change:
    """One setting: its place as "alerts.calls", what the file said and says now (None: nothing, the usual counts)."""

    place: str
    old: Any
    new: Any


class ChangedMeanwhileError(Exception):
    """Somebody else has changed what was shown since."""


def in_file(workspace: Workspace) -> dict[str, Any]:
    """What kezhi.toml says, as plain values. Raises KezhiError where it cannot be read."""
    found: dict[str, Any] = settings_document(workspace).unwrap()
    return found


def seen(values: Mapping[str, Any], places: Iterable[str]) -> str:
    """A mark of what a file says at some places, by which is known whether it still says so."""
    said = json.dumps([value_at(values, place) for place in places], sort_keys=True, default=str)
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def value_at(values: Any, place: str) -> Any:
    """The value at a place such as "alerts.calls" of a dictionary or of Settings; None where there is none."""
    for name in place.split("."):
        values = values.get(name) if isinstance(values, Mapping) else getattr(values, name, None)
        if values is None:
            return None
    return values


def write(workspace: Workspace, wanted: Mapping[str, Any], mark: str | None = None) -> list[Change]:
    """Set these places (None: take the setting out, so that the usual counts); all of them or, where refused, none.

    mark: what `seen` said of them when they were shown. Raises RefusedError for what kezhi does not take, and
    ChangedMeanwhileError where they are no longer as they were shown.
    """
    with changing(workspace) as document:
        before = document.unwrap()
        if mark is not None and mark != seen(before, wanted):
            raise ChangedMeanwhileError
        changes = [
            Change(place, value_at(before, place), value)
            for place, value in wanted.items()
            if not _same(value_at(before, place), value)
        ]
        for change in changes:
            _set(document, change.place.split("."), change.new)
    return changes


def take_out(workspace: Workspace, place: str) -> Change | None:
    """Remove what kezhi does not take at a place; None where nothing is refused there."""
    with changing(workspace) as document:
        refused = next((one for one in understood(document.unwrap())[1] if one.place == place), None)
        if refused is None:
            return None
        _set(document, refused.keys, None)
    return Change(place, refused.value, None)


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
        if not isinstance(table.get(name), Mapping):  # not there, or no table as it should be
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
