"""A run's tables in SQL, as far as a person may see them.

Everything a page shows of customers is asked for here, so that there is one place that decides who sees whom: a
salesperson sees the rows of their own customers in every table, and names only reach those who may see them.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb
from django.conf import settings

from kezhi.language import KezhiError, Text
from kezhi.one_customer import PRIVATE
from kezhi_web.shown.asking import fields_in, filtered
from kezhi_web.shown.run import Shown

MEMORY = "96MB"  # of the engine in the web process: the process stays under 400 MB; larger sorts go to disk
PERSONAL = ("name", "phone", "email")
OTHERS = ("referrer_id", "root_id")  # columns in which a customer's row names another customer
HIDDEN = Text(
    "You may not see the field {field}, so it cannot be filtered by. An administrator can change that.",
    "您无权查看字段 {field}，因此不能用它筛选。管理员可以调整权限。",
)
NO_TABLE = Text("This run holds no {table}.", "这次运行没有 {table}。")

_lock = threading.Lock()


@lru_cache(maxsize=1)
def _engine() -> duckdb.DuckDBPyConnection:
    # not beside wherever the server was started: it may not write there
    passing = str(Path(settings.OWN) / "engine.tmp")
    return duckdb.connect(config={"memory_limit": MEMORY, "threads": 2, "temp_directory": passing})


def _cursor() -> duckdb.DuckDBPyConnection:
    with _lock:
        return _engine().cursor()


def literal(text: str) -> str:
    """A text within SQL."""
    return "'" + text.replace("'", "''") + "'"


def quoted(name: str) -> str:
    """A column's name within SQL."""
    return '"' + name.replace('"', '""') + '"'


@lru_cache(maxsize=256)
def columns_of(path: Path, stamp: int) -> tuple[str, ...]:  # noqa: ARG001  the stamp says when to look again
    """The columns of a Parquet file."""
    found = _cursor().execute(f"describe select * from read_parquet({literal(str(path))})").fetchall()
    return tuple(row[0] for row in found)


@dataclass(frozen=True)
class Rows:
    """The rows of one run that one person may see.

    owner: only customers of this owner (None: all). personal: with names.
    """

    run: Shown
    owner: str | None
    personal: bool

    def columns(self, table: str) -> tuple[str, ...]:
        """The columns of a table; none where the run has no such table."""
        path = self.run.folder / f"{table}.parquet"
        return columns_of(path, self.run.stamp) if path.exists() else ()

    def table(self, name: str) -> str:
        """A run's table as a relation for SQL: `select ... from {rows.table("customers")} as c where ...`.

        Raises KezhiError where there is none; ask `columns` or `run.has` before.
        """
        columns = self.columns(name)
        if not columns:
            raise KezhiError(NO_TABLE.fill(table=name))
        of_people = "customer_id" in columns  # other tables may call something else a name
        replaced = self.replacing(columns) if of_people else ""
        file = f"read_parquet({literal(str(self.run.folder / f'{name}.parquet'))})"
        if self.owner is None:
            return f"(select *{replaced} from {file})"
        if "customer_id" not in columns:
            raise KezhiError(NO_TABLE.fill(table=name))
        return f"(select *{replaced} from {file} where customer_id in ({self._own}))"

    def replacing(self, columns: Collection[str], *more: str) -> str:
        """What stands behind a `*` so that columns tell only what this person may see: no names, no others' customers.

        more: further replacements, as "lower(a) as a".
        """
        found = [*more]
        if not self.personal:
            found += [f"null::varchar as {one}" for one in PERSONAL if one in columns]
        if self.owner is not None:
            found += [f"case when {one} in ({self._own}) then {one} end as {one}" for one in OTHERS if one in columns]
        return f" replace ({', '.join(found)})" if found else ""

    @property
    def _own(self) -> str:
        """The ids of the person's own customers; nobody where the book names no owners."""
        assert self.owner is not None
        if "owner" not in self.columns("attributes"):
            return "select null where false"
        file = f"read_parquet({literal(str(self.run.folder / 'attributes.parquet'))})"
        return f"select customer_id from {file} where owner = {literal(self.owner)}"

    @property
    def people(self) -> str:
        """customers.parquet with what the book says of each beside it (attributes.parquet): all fields of filters."""
        known, told = self.columns("customers"), self.columns("attributes")
        more = [quoted(one) for one in told if one not in known]
        if not more:
            return self.table("customers")
        kept = ", ".join(more)
        told_of = f"(select customer_id, {kept} from {self.table('attributes')})"
        return f"(select * from {self.table('customers')} left join {told_of} using (customer_id))"

    def chosen(self, query: str) -> str:
        """The customers that a filter or a saved segment chooses ("all": everybody), with all fields, as a relation.

        Raises KezhiError with the place of a mistake, and where it asks for what this person may not see: whom it
        chooses would tell that.
        """
        written = filtered(self.run, query)
        if not self.personal:
            hidden = [one for one in fields_in(self.run, query) if one in PERSONAL or PRIVATE.search(one)]
            if hidden:
                raise KezhiError(HIDDEN.fill(field=min(hidden)))
        return f"(with people as {self.people} {written})"

    def ask(self, sql: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """The answer as dictionaries; `values` fill the question marks."""
        cursor = _cursor()
        try:
            found = cursor.execute(sql, list(values))
            names = [column[0] for column in found.description]
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
        finally:
            cursor.close()

    def row(self, sql: str, values: Sequence[Any] = ()) -> dict[str, Any]:
        """The only row of an answer."""
        [found] = self.ask(sql, values)
        return found

    def sees(self, customer_id: str) -> bool:
        """May this person see this customer, and is there one?"""
        asked = f"select 1 as one from {self.table('customers')} where customer_id = ?"
        return bool(self.ask(asked, [customer_id]))
