"""The RFM grid: R down, F and M together across; each cell counts whom its filter chooses."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from kezhi.language import Text
from kezhi.reports.worth.rfm_words import ADVICE, CLASS_ADVICE
from kezhi.segments.vocabulary import names_of, settings_of
from kezhi_web.groups.lists import Cell, cell, counted_by, is_code
from kezhi_web.shown import Rows

SCORES = (1, 2, 3, 4, 5)


@dataclass(frozen=True)
class Square:
    """One cell of the grid."""

    count: Cell
    name: Text
    share: Decimal | None  # of all purchases so far
    shade: int  # how many customers, in eighths of the fullest cell


@dataclass(frozen=True)
class Group:
    """A segment or class: whom it holds and what they bring."""

    name: Text
    count: Cell
    share: float
    amount_share: Decimal | None
    forecast: Decimal
    advice: Text


@dataclass(frozen=True)
class Grid:
    """The page's tables."""

    rows: tuple[tuple[int, tuple[Square, ...]], ...]
    segments: tuple[Group, ...]
    classes: tuple[Group, ...]
    customers: int
    without: Cell | None  # who never bought has no scores


def grid(rows: Rows, facts: dict[str, Any], run: str | None) -> Grid | None:
    """The grid of a run, from its customers; None where the run has no scores. facts: worth.json's topic rfm."""
    if "r_score" not in rows.columns("customers") or not facts:
        return None
    found = rows.ask(
        "select r_score as r, (f_score + m_score) // 2 as fm, count(*) as customers, sum(amount) as amount "
        f"from {rows.table('customers')} group by 1, 2"
    )
    counts = {(row["r"], row["fm"]): row for row in found}
    scored = {place: row for place, row in counts.items() if place[0] is not None}
    whole = sum((row["amount"] for row in scored.values()), Decimal(0))
    most = max((row["customers"] for row in scored.values()), default=0)
    names = names_of("rfm_segment", settings_of(rows.run.folder))
    codes = {(one["r"], one["fm"]): one["code"] for one in facts.get("grid", ())}
    lines = tuple(
        (r, tuple(_square(scored.get((r, fm)), r, fm, names.get(codes.get((r, fm), "")), whole, most, run)
                  for fm in SCORES))
        for r in reversed(SCORES)
    )  # fmt: skip
    absent = sum(row["customers"] for (r, _), row in counts.items() if r is None)
    return Grid(
        lines,
        _groups(rows, "rfm_segment", [one["code"] for one in facts.get("segments", ())], whole, run),
        _groups(rows, "rfm_class", [one["code"] for one in facts.get("classes", ())], whole, run),
        sum(row["customers"] for row in scored.values()),
        cell(absent, "r_score is empty", run) if absent else None,
    )


def square_query(r: int, fm: int) -> str:
    """The filter of a cell: FM is half of F + M, rounded down."""
    return f"r_score = {r} and f_score + m_score between {2 * fm} and {2 * fm + 1}"


def _square(
    row: dict[str, Any] | None, r: int, fm: int, name: Text | None, whole: Decimal, most: int, run: str | None
) -> Square:
    number = row["customers"] if row else 0
    share = row["amount"] / whole if row and whole > 0 else None
    return Square(cell(number, square_query(r, fm), run), name or Text("", ""), share, -(-8 * number // max(most, 1)))


def _groups(rows: Rows, column: str, codes: list[str], whole: Decimal, run: str | None) -> tuple[Group, ...]:
    names = names_of(column, settings_of(rows.run.folder))
    advice = ADVICE if column == "rfm_segment" else CLASS_ADVICE
    counts = counted_by(rows, column)
    all_of = sum(row["customers"] for (code,), row in counts.items() if code is not None)
    groups = []
    for code in codes:
        row = counts.get((code,)) or {"customers": 0, "amount": Decimal(0), "forecast": Decimal(0)}
        groups.append(
            Group(
                names.get(code) or Text(code, code),
                cell(row["customers"], is_code(column, code), run),
                row["customers"] / max(all_of, 1),
                row["amount"] / whole if whole > 0 else None,
                row["forecast"],
                advice[code],
            )
        )
    return tuple(groups)
