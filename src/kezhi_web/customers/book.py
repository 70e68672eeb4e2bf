"""One customer's rows of the workspace's book, as it is now: the same rows as `kezhi.intake.current_rows`, by SQL.

kezhi's own reading opens a table engine each time, which takes longer than a page may. That both give the same is
tested. Only for a customer whom the person may see: ask `rows.sees` before.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kezhi.intake import KEYS
from kezhi.one_customer import without_reach
from kezhi_web.shown import Rows
from kezhi_web.shown.rows import literal, quoted
from kezhi_web.shown.run import workspace

PLACE = "kezhi_place"


@dataclass(frozen=True)
class BookOf:
    """What the book holds of one customer, as far as a person may see it."""

    rows: Rows
    customer_id: str

    def columns(self, table: str) -> tuple[str, ...]:
        """The columns of a table of the book; none where there is no such table."""
        return tuple(self._types(table))

    def _types(self, table: str) -> dict[str, str]:
        found: dict[str, str] = {}
        for path in reversed(workspace().book_files(table)):
            found |= types_of(self.rows, path)
        return found

    def table(self, name: str) -> str | None:
        """The customer's rows of a table as a relation with $1 for the id; None where there is none."""
        if "customer_id" not in self.columns(name):
            return None
        return self._narrowed(name, "customer_id = $1")

    def everything(self, name: str) -> str:
        """All rows of a table that says nothing of single customers, as products."""
        if "customer_id" in self.columns(name):
            raise ValueError(name)
        return self._narrowed(name, "true")

    def referred(self) -> str | None:
        """The rows of the customers whom this one sent, likewise; those whom the person may see."""
        if "referrer_id" not in self.columns("customers"):
            return None
        people = self._narrowed("customers", "true")
        seen = "" if self.rows.owner is None else f" and owner = {literal(self.rows.owner)}"
        if seen and "owner" not in self.columns("customers"):
            return None
        return f"(select * from {people} where referrer_id = $1{seen})"

    def _narrowed(self, name: str, condition: str) -> str:
        """The rows of all imports that fit; where a later one brings a key again, the later one counts.

        The condition must be one on the key, or on nothing: the others are chosen afterwards.
        """
        files, key, types = workspace().book_files(name), KEYS.get(name), self._types(name)
        own = key is not None and ("customer_id" in key or condition == "true")
        inner = condition if own or key is None or len(files) == 1 else "true"
        parts = [self._part(path, types, place) for place, path in enumerate(files)]
        union = " union all ".join(f"select * from {part} where {inner}" for part in parts)
        if len(files) == 1 or key is None or key[0] not in types:
            return f"(select * exclude ({PLACE}) from ({union}))"
        sale = ", amount < 0 as is_return" if name == "orders" else ""
        within = ", ".join(quoted(one) for one in key)
        newest = f"{quoted(key[0])} is null or {PLACE} = max({PLACE}) over (partition by {within})"
        rows = f"select * from (select *{sale} from ({union})) qualify {newest}"
        left = f"{PLACE}, is_return" if sale else PLACE
        outer = condition if inner == "true" and condition != "true" else "true"
        return f"(select * exclude ({left}) from ({rows}) where {outer})"

    def _part(self, path: Path, types: dict[str, str], place: int) -> str:
        """One import with the columns of all: missing ones empty, those of another type in that of the first."""
        there = types_of(self.rows, path)
        columns = ", ".join(
            f"cast({quoted(name)} as {kind}) as {quoted(name)}"
            if name in there and there[name] != kind
            else quoted(name)
            if name in there
            else f"null::{kind} as {quoted(name)}"
            for name, kind in types.items()
        )
        return f"(select {columns}, {place} as {PLACE} from read_parquet({literal(str(path))}))"

    # --- asked ---

    def facts(self) -> dict[str, Any]:
        """The customer's row of the customer table; how to reach them only for those who may see it."""
        table = self.table("customers")
        found = self.rows.ask(f"select * from {table} limit 1", [self.customer_id]) if table else []
        return opened(found[0], personal=self.rows.personal) if found else {}

    def newest(self, name: str, day: str, most: int) -> tuple[int, list[dict[str, Any]]]:
        """How many rows of a table are the customer's, and the newest of them."""
        table = self.referred() if name == "referrals" else self.table(name)
        if table is None:
            return 0, []
        known = self.columns("customers" if name == "referrals" else name)
        order = f"{quoted(day)} desc nulls last, " if day in known else ""
        ties = ", ".join(quoted(one) for one in known)
        sql = f"select *, count(*) over () as kezhi_count from {table} order by {order}{ties} limit {int(most)}"
        found = self.rows.ask(sql, [self.customer_id])
        count = int(found[0]["kezhi_count"]) if found else 0
        told = [{name: value for name, value in row.items() if name != "kezhi_count"} for row in found]
        return count, [opened(row, personal=self.rows.personal) for row in told]


@dataclass(frozen=True)
class Everybody:
    """The book's customer table as it is now, as SQL, with its columns as the engine stores them.

    Only to decide who may be in a list: it knows no owner and hides nothing.
    """

    relation: str
    types: dict[str, str]

    def schema(self) -> dict[str, Any]:
        """The same columns with ibis' types."""
        from ibis.backends.sql.datatypes import DuckDBType

        return {name: DuckDBType.from_string(kind) for name, kind in self.types.items()}


def book_now(rows: Rows) -> Everybody | None:
    """The book's customers; None where it has none."""
    book = BookOf(rows, "")
    if "customer_id" not in book.columns("customers"):
        return None
    return Everybody(book._narrowed("customers", "true"), book._types("customers"))


_known: dict[tuple[Path, int], dict[str, str]] = {}


def types_of(rows: Rows, path: Path) -> dict[str, str]:
    """The columns of a file of the book and how they are stored; read once, for such a file never changes."""
    key = path, path.stat().st_mtime_ns
    if key not in _known:
        told = rows.ask(f"describe select * from read_parquet({literal(str(path))})")
        _known[key] = {row["column_name"]: row["column_type"] for row in told}
    return _known[key]


def opened(row: dict[str, Any], *, personal: bool) -> dict[str, Any]:
    """A row as the person may see it: else without the name, ways to reach somebody, and these in free texts."""
    found = without_reach(row, private=personal)
    return found if personal else {name: value for name, value in found.items() if name != "name"}
