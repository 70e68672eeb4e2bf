"""A company on its way through a run, as far as the senses of worth need it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from kezhi.engine import Engine
from kezhi.intake import read_files
from kezhi.ledger import Calendar, last_day, open_ledger
from kezhi.settings import Settings
from kezhi.valuation import forecast_customers
from kezhi.worth import Work
from worth.small_company import AS_OF, Company, small_company

Rows = Sequence[Mapping[str, Any]] | pa.Table


@pytest.fixture(scope="session")
def worked(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Work]:
    """`worked(orders, customers=..., expenses=..., as_of=...)`: the way of a run up to the senses of worth.

    Tables are Arrow tables or lists of rows; one without rows is left out. Other words are settings: `period`,
    `horizon`, `fiscal_start`, ... A quick model is fitted unless `model` names another. `earlier`: older run folders.
    """

    def work(
        orders: Rows,
        *,
        as_of: date | None = None,
        horizon: int = 3,
        model: str = "nbd",
        earlier: tuple[Path, ...] = (),
        mapping: Mapping[str, str] | None = None,
        **given: Any,
    ) -> Work:
        tables = {name: given.pop(name) for name in list(given) if name not in Settings.model_fields}
        chosen = Settings().changed(as_of=as_of, horizon=horizon, model=model, **given)
        files = {name: [arrow(rows)] for name, rows in {"orders": orders, **tables}.items() if rows is not None}
        files = {name: one for name, one in files.items() if name == "orders" or one[0].num_rows}
        intake = read_files(engine, files, mapping, datetime.now(UTC).date())
        book = intake.book.extracting(cost=chosen.subtract_cost, expense=chosen.subtract_expense)
        last = chosen.as_of or last_day(engine, book.orders.date)
        ledger = open_ledger(engine, book, Calendar(chosen.period, chosen.fiscal_start), last)
        done = forecast_customers(
            engine,
            book,
            ledger,
            tmp_path_factory.mktemp("worked"),
            horizon=chosen.horizon,
            model=chosen.model,
            edges=chosen.amount_edges,
        )
        return Work(book.known(last), ledger, chosen, earlier, forecasted=done)

    return work


def arrow(rows: Rows) -> pa.Table:
    """Rows as an Arrow table; a column missing from a row is empty there."""
    if isinstance(rows, pa.Table):
        return rows
    names = list(dict.fromkeys(name for row in rows for name in row))
    return pa.table({name: [row.get(name) for row in rows] for name in names})


@pytest.fixture(scope="session")
def followed(worked: Callable[..., Work]) -> tuple[Company, Work]:
    """A small company at random, and the same on its way through a run."""
    company = small_company()
    return company, worked(company.orders, as_of=AS_OF, **company.tables)
