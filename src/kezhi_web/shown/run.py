"""The run that a page shows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest

from kezhi.settings import Settings
from kezhi.workspace import MANIFEST, Workspace


class NoRun(Exception):  # noqa: N818  no error: a company begins without one
    """The company has no run yet."""


class Company(Workspace):
    """The company's folder. A page goes on without what kezhi does not take of kezhi.toml; a run refuses it."""

    def settings(self) -> Settings:
        """What can be used; the page of the settings says what cannot."""
        return self.usable_settings()

    def usable_settings(self) -> Settings:
        """As the folder has it."""
        return Workspace(self.folder).usable_settings()


def workspace() -> Company:
    """The company's folder."""
    return Company(settings.WORKSPACE)


@dataclass(frozen=True)
class Shown:
    """A finished run, with what was corrected since it was made.

    folder: where its files lie (the run's, or the corrected copy's). stamp: changes whenever the content does.
    """

    name: str
    folder: Path
    stamp: int

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """manifest.json."""
        return self.facts_of(MANIFEST)

    @cached_property
    def worth(self) -> dict[str, Any]:
        """worth.json: the company's facts by topic, see the pages of docs/worth and docs/segments."""
        return self.facts_of("worth.json")

    @cached_property
    def models(self) -> dict[str, Any]:
        """models.json: company history and forecast, the models and how they were chosen."""
        return self.facts_of("models.json")

    def facts_of(self, name: str) -> dict[str, Any]:
        """A JSON document of the run; empty where there is none."""
        path = self.folder / name
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        return found

    def has(self, table: str) -> bool:
        """Is there such a table, as "alerts"?"""
        return (self.folder / f"{table}.parquet").exists()

    @property
    def as_of(self) -> date:
        """The last day that counts."""
        return date.fromisoformat(self.manifest["as_of"])

    @property
    def currency(self) -> str | None:
        """As CNY, or None where the data says nothing."""
        return self.manifest.get("currency")

    @property
    def period(self) -> str:
        """month, quarter or year."""
        return str(self.manifest.get("period", "month"))


def shown(request: HttpRequest) -> Shown:
    """The run that `?run=` names, or the newest. Raises NoRun where there is none, Http404 for an unknown name."""
    return named(request.GET.get("run") or None)


def named(name: str | None) -> Shown:
    """A run by its name, or the newest, as `shown`."""
    place = workspace()
    if name is None:
        newest = place.latest_run()
        if newest is None:
            raise NoRun
        return _read(place.shown(newest))
    known = {run.name: run for run in place.complete_runs()}
    if name not in known:
        raise Http404
    return _read(place.shown(known[name]))


def _read(folder: Path) -> Shown:
    return _kept(folder.name, folder, (folder / MANIFEST).stat().st_mtime_ns)


@lru_cache(maxsize=8)
def _kept(name: str, folder: Path, stamp: int) -> Shown:
    return Shown(name, folder, stamp)
