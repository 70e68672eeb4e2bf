"""A small company with a workspace, its first run made once."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from kezhi import correcting
from kezhi.analysis import analyse
from kezhi.engine import open_engine
from kezhi.intake import import_table
from kezhi.workspace import Workspace

NOW = datetime(2026, 1, 2, tzinfo=UTC)
AS_OF = date(2025, 12, 31)
NORTH = 40  # customers in the North; three periods each are 120 rows


def _tables() -> dict[str, pa.Table]:
    dice = random.Random(5)
    orders, expenses, people = [], [], []
    for number in range(60):
        name = f"C{number:03d}"
        people.append(
            {"customer_id": name, "region": "North" if number < NORTH else "South", "owner": f"o{number % 3}"}
        )
        day = date(2025, 1, 1) + timedelta(days=dice.randrange(60))
        while day <= AS_OF:
            amount = round(dice.uniform(20, 400), 2)
            cost = 0.0 if number == 7 else round(amount * (1.3 if number == 8 else dice.uniform(0.4, 0.8)), 2)
            orders.append({"customer_id": name, "date": day, "amount": amount, "cost": cost})
            day += timedelta(days=dice.randrange(10, 90))
        if number % 2:
            for month in (3, 6, 9):
                spent = round(dice.uniform(1, 30), 2)
                expenses.append({"customer_id": name, "date": date(2025, month, 5), "amount": spent, "kind": "selling"})
        if number % 3 == 1:  # spent once, and not in what is corrected of the coming periods
            won = {"date": date(2025, 3, 1), "amount": 80.0 + number, "kind": "acquisition"}
            expenses.append({"customer_id": name, **won})
    expenses.append({"customer_id": None, "date": date(2025, 6, 1), "amount": 600.0, "kind": "acquisition"})
    orders.append({"customer_id": "C000", "date": AS_OF, "amount": 50.0, "cost": 20.0})
    return {name: pa.Table.from_pylist(rows) for name, rows in
            {"orders": orders, "customers": people, "expenses": expenses}.items()}  # fmt: skip


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workspace with one run; copy it before correcting anything."""
    folder = tmp_path_factory.mktemp("corrected") / "company"
    with open_engine() as engine:
        for table, rows in _tables().items():
            import_table(engine, Workspace(folder), table, [rows], None, NOW.date())
    (folder / "kezhi.toml").write_text('model = "nbd"\nsenses = []\nlanguage = "en"\n', encoding="utf-8")
    analyse(workspace=folder, now=NOW)
    return folder


@pytest.fixture
def place(company: Path, tmp_path: Path) -> Path:
    """A workspace of one's own."""
    return Path(shutil.copytree(company, tmp_path / "company"))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports are not drawn; other tests look at them."""
    monkeypatch.setattr(correcting, "write_report", lambda *_: None)


@pytest.fixture
def again(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """One more run of a workspace, without its report."""
    from kezhi import analysis

    def made(folder: Path, **settings: Any) -> Path:
        monkeypatch.setattr(analysis, "write_report", lambda *_: None)
        return analyse(workspace=folder, now=NOW + timedelta(hours=1), **settings).folder

    return made
