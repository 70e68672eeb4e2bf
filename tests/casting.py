"""Who asks the web application in tests: five people, and programs with their tokens.

In a module of its own beside the folders of tests, for none of those can be imported from.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.test import Client
from django.utils import timezone


@dataclass(frozen=True)
class Cast:
    """Who asks: one account per role, called as the role; `sales` looks after the customers of `owner`."""

    owner: str
    make: Callable[[str], Client]

    def __getitem__(self, role: str) -> Client:
        return self.make(role)

    @property
    def stranger(self) -> Client:
        """Nobody is signed in."""
        return Client()


def an_owner(company: Path) -> str:
    """Who looks after most customers."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    newest = (company / "runs" / "latest").read_text(encoding="utf-8").strip()
    owners = pq.read_table(company / "runs" / newest / "attributes.parquet").column("owner").drop_null()
    counted = sorted(pc.value_counts(owners).to_pylist(), key=lambda one: (-one["counts"], one["values"]))
    return str(counted[0]["values"])


def facts(company: Path) -> dict[str, object]:
    """worth.json of the newest run."""
    newest = (company / "runs" / "latest").read_text(encoding="utf-8").strip()
    return dict(json.loads((company / "runs" / newest / "worth.json").read_text(encoding="utf-8")))


class Program:
    """A program with a token of a role."""

    def __init__(self, cast: Cast, role: str, *scopes: str, ends: int = 30) -> None:
        from kezhi_web.api.tokens import SCOPES, make
        from kezhi_web.people.models import Person

        cast[role]
        person = Person.objects.get(user__username=role)
        day = timezone.localdate() + timedelta(days=ends)
        self.token, self.said = make(person, "a test", scopes or tuple(SCOPES), day)
        self.client = Client(raise_request_exception=False)

    def get(self, path: str, **query: Any) -> Any:
        return self.client.get(f"/api/{path}", query, headers={"Authorization": f"Bearer {self.said}"})

    def send(self, method: str, path: str, body: Any = None) -> Any:
        return self.client.generic(
            method,
            f"/api/{path}",
            json.dumps(body) if body is not None else "",
            content_type="application/json",
            headers={"Authorization": f"Bearer {self.said}"},
        )
