"""A small company that was run twice, and five people who may do different things with it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

import browsing
from casting import Cast, an_owner
from kezhi_web.people.rights import ROLES

PASSWORD = "only for tests"
CUSTOMERS = 160


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demo company with all tables and two runs, made once for all processes of this test run. Do not change it."""
    root = tmp_path_factory.getbasetemp()
    shared = root.parent if os.environ.get("PYTEST_XDIST_WORKER") else root
    made = shared / "web-company"
    lock = shared / "web-company.lock"
    try:
        lock.touch(exist_ok=False)
    except FileExistsError:
        while not (made / "done").exists():
            time.sleep(0.2)
        return made
    _make(made)
    (made / "done").touch()
    return made


def _make(place: Path) -> None:
    from datetime import date

    from kezhi.analysis import analyse
    from kezhi.cli.importing import add
    from kezhi.demo import make_company
    from kezhi.sources import TABLES
    from kezhi.workspace import DEMO_MARK, write_json

    files = make_company(place / "files", customers=CUSTOMERS, seed=5, language="en").files
    write_json(place / DEMO_MARK, {"made_by": "tests"})
    for table in TABLES:
        if table in files:
            add(place, table, [str(files[table])], None, None)
    # the earlier run only has to say where customers stood then
    analyse(workspace=place, as_of=date(2025, 6, 30), model="bg_nbd", language="en", senses=["tiers", "rfm", "alerts"])
    analyse(workspace=place, model="bg_nbd", language="en")
    # the sections of its pages, which copies of the company have as well
    told = os.environ | {"KEZHI_WORKSPACE": str(place), "DJANGO_SETTINGS_MODULE": "kezhi_web.settings"}
    subprocess.run([sys.executable, "-m", "kezhi_web", "prepare"], env=told, check=True)


def _copied(company: Path, place: Path) -> Path:
    """With the sections of its pages, and nothing else of the application."""
    shutil.copytree(company, place, copy_function=_linked, ignore=shutil.ignore_patterns("web"))
    shutil.copytree(company / "web" / "parts", place / "web" / "parts", copy_function=os.link)
    return place


def _linked(source: str, target: str) -> None:
    """The same file where it is large, so take it away before writing another; what tests write over is a copy."""
    (os.link if source.endswith((".parquet", ".html", ".xlsx")) else shutil.copy2)(source, target)


@pytest.fixture
def home(company: Path, settings: object, tmp_path: Path) -> Path:
    """A copy of the company as the application's workspace, to change at will."""
    place = _copied(company, tmp_path / "company")
    settings.WORKSPACE, settings.OWN = place, place / "web"  # type: ignore[attr-defined]
    settings.OWN.mkdir(exist_ok=True)  # type: ignore[attr-defined]
    return place


@pytest.fixture
def shown_home(company: Path, settings: object) -> Path:
    """The company itself as the application's workspace, for tests that only look."""
    settings.WORKSPACE, settings.OWN = company, company / "web"  # type: ignore[attr-defined]
    settings.OWN.mkdir(exist_ok=True)  # type: ignore[attr-defined]
    return company


@pytest.fixture
def quick_passwords(settings: object) -> None:
    """Passwords are hashed quickly, which nobody should do outside of tests."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # type: ignore[attr-defined]


@pytest.fixture
def empty_home(settings: object, tmp_path: Path) -> Path:
    """A workspace in which nothing is yet."""
    place = tmp_path / "empty"
    (place / "web").mkdir(parents=True)
    settings.WORKSPACE, settings.OWN = place, place / "web"  # type: ignore[attr-defined]
    return place


@pytest.fixture
def cast(db: None, company: Path) -> Cast:
    """The five roles, each with a client that is signed in: cast["viewer"].get("/")."""
    from django.contrib.auth import get_user_model

    from kezhi_web.people.models import Person

    owner = an_owner(company)

    def make(role: str) -> Client:
        user, made = get_user_model().objects.get_or_create(username=role)
        if made:
            user.set_unusable_password()
            user.save()
            Person.objects.filter(user=user).update(role=role, owner=owner if role == "sales" else "")
        client = Client()
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        return client

    assert set(ROLES) == {"administrator", "analyst", "marketer", "sales", "viewer"}
    return Cast(owner, make)


@pytest.fixture(scope="session")
def owner(company: Path) -> str:
    """Who looks after most customers."""
    return an_owner(company)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """The system's Chromium, for one file of tests: see browsing.py."""
    with browsing.opened() as browser:
        yield browser


@pytest.fixture(scope="module")
def pages(company: Path, owner: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[browsing.Served]:
    """A copy of the company, really served, with an account per role, for one file of browser tests."""
    place = tmp_path_factory.mktemp("served")
    copy = _copied(company, place / "company")
    browsing.with_cast(copy, owner)
    with browsing.served(copy, place / "log") as one:
        yield one
