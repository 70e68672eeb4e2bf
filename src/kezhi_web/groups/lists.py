"""Numbers that open a list: each is counted by the very filter that its link carries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from kezhi.language import Text
from kezhi.reports import numbers
from kezhi.reports.json_values import day
from kezhi.segments.vocabulary import names_of, settings_of
from kezhi_web.shown import Rows
from kezhi_web.shown.linking import list_of, said
from kezhi_web.shown.rows import quoted

NEW = Text("new since then", "此后新增")
UNKNOWN = Text("none then, or new", "当时没有，或此后新增")
NONE = Text("none", "无")


@dataclass(frozen=True)
class Cell:
    """A number of customers, and the filter that chooses them."""

    customers: int
    query: str
    url: str
    move: str = ""


@dataclass(frozen=True)
class Line:
    """A row of a matrix."""

    title: Text
    cells: tuple[Cell, ...]
    whole: Cell


@dataclass(frozen=True)
class Then:
    """The day with which groups are compared. recorded: an earlier run told of it, not the book's orders up to then.

    same_rules: groups were made then as they are now; where not, part of what moved only moved on paper.
    """

    day: date
    recorded: bool = True
    same_rules: bool = True


@dataclass(frozen=True)
class Matrix:
    """Who was in which group then (rows) and is in which now (columns)."""

    columns: tuple[Text, ...]
    lines: tuple[Line, ...]
    risen: Cell | None
    fallen: Cell | None


def cell(customers: int, query: str, run: str | None, move: str = "") -> Cell:
    """A number with its link."""
    return Cell(customers, query, list_of(query, run), move)


def is_code(column: str, code: str | None) -> str:
    """The filter for a code of a column, or for none."""
    return f"{column} is empty" if code is None else f"{column} = {said(code)}"


def then_of(worth: Mapping[str, Any], column: str) -> Then | None:
    """With which day a run compares a column's groups (`tier`, `rfm_segment`); None where it does not say."""
    facts = (worth.get("tiers" if column == "tier" else "rfm") or {}).get("previous") or {}
    known = day(facts.get("as_of") or facts.get("day"))
    if known is None:
        return None
    return Then(known, facts.get("source") != "book", bool(facts.get("same_rules", True)))


def since(text: Text, known: date | None) -> Text:
    """A text with `{since}`, such as "rose{since}": the day, or nothing where it is not known."""
    if known is None:
        return text.fill(since="")
    return Text(
        text.en.format(since=f" since {numbers.day(known, 'en')}"),
        text.zh.format(since=f"自{numbers.day(known, 'zh')}以来"),
    )


def counted_by(rows: Rows, *columns: str) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Customers, amount, value and forecast of every combination of these columns of customers.parquet."""
    return _counted_by(rows, columns, rows.run.stamp)


@lru_cache(maxsize=128)
def _counted_by(rows: Rows, columns: tuple[str, ...], stamp: int) -> dict[tuple[Any, ...], dict[str, Any]]:  # noqa: ARG001  the stamp says when to count again
    named = ", ".join(map(quoted, columns))
    found = rows.ask(
        f"select {named}, count(*) as customers, sum(amount) as amount, sum(value) as value, "
        f"sum(forecast_value) as forecast from {rows.table('customers')} group by {named}"
    )
    return {tuple(row[one] for one in columns): row for row in found}


def moved(rows: Rows, column: str, order: Sequence[str], run: str | None) -> Matrix | None:
    """The moves of a column (`tier`) since what it was before (`tier_previous`); None where nothing is known of that.

    order: its codes, the best first where they have an order. Whoever is new since has nothing before.
    """
    before = f"{column}_previous"
    if before not in rows.columns("customers"):
        return None
    counts = {pair: row["customers"] for pair, row in counted_by(rows, before, column).items()}
    if not any(then is not None for then, _ in counts):
        return None
    names = names_of(column, settings_of(rows.run.folder))
    ranked = column == "tier"
    now = _states({pair[1] for pair in counts}, order)
    then = _states({pair[0] for pair in counts}, order)
    lines = [_line(counts, column, one, now, names, run, order if ranked else ()) for one in then]
    ends = (_moves(counts, column, order, run, up=True), _moves(counts, column, order, run, up=False))
    risen, fallen = ends if ranked else (None, None)
    return Matrix(tuple(_title(names, one, NONE) for one in now), tuple(lines), risen, fallen)


def _line(
    counts: Mapping[Any, int],
    column: str,
    then: str | None,
    now: Sequence[str | None],
    names: Mapping[str, Text],
    run: str | None,
    order: Sequence[str],
) -> Line:
    was = is_code(f"{column}_previous", then)
    cells = [
        cell(
            counts.get((then, one), 0),
            f"{was} and {is_code(column, one)}",
            run,
            _move(then, one, order),
        )
        for one in now
    ]
    whole = sum(number for (before, _), number in counts.items() if before == then)
    return Line(_title(names, then, NEW if column == "tier" else UNKNOWN), tuple(cells), cell(whole, was, run))


def _moves(counts: Mapping[Any, int], column: str, order: Sequence[str], run: str | None, *, up: bool) -> Cell | None:
    """Everybody who rose, or fell: the pairs that say so, joined."""
    wanted = "▲" if up else "▼"
    pairs = [
        (then, now) for then in order for now in order if _move(then, now, order) == wanted and (then, now) in counts
    ]
    if not pairs:
        return None
    tests = [f"({is_code(f'{column}_previous', then)} and {is_code(column, now)})" for then, now in pairs]
    return cell(sum(counts[pair] for pair in pairs), " or ".join(tests), run, wanted)


def _move(then: str | None, now: str | None, order: Sequence[str]) -> str:
    if then not in order or now not in order or then == now:
        return ""
    return "▲" if order.index(now) < order.index(then) else "▼"


def _states(seen: set[str | None], order: Sequence[str]) -> list[str | None]:
    known: list[str | None] = [one for one in order if one in seen]
    return [*known, *sorted(one for one in seen if one is not None and one not in order), *([None] * (None in seen))]


def _title(names: Mapping[str, Text], code: str | None, otherwise: Text) -> Text:
    return otherwise if code is None else names.get(code) or Text(code, code)
