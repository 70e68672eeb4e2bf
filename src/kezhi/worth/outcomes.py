"""How sales opportunities ended, by their stage as people write it, else by a probability of 1 or 0."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kezhi.worth.point_rows import CLOSED, plain, plain_column

if TYPE_CHECKING:
    import ibis.expr.types as ir

WON = (
    "won", "closed won", "win", "signed", "赢单", "已赢单", "成交", "已成交", "已赢", "成功", "赢", "签约", "已签约",
)  # fmt: skip
# every other stage that ends an opportunity ended it without a sale
LOST = (
    *("lose", "输"),
    *(stage for stage in CLOSED if stage not in WON),
)


def outcome(rows: ir.Table) -> Any:
    """A column: won, lost, or open. Where a stage is given it decides."""
    import ibis

    staged: Any = plain_column(rows.stage) if "stage" in rows.columns else None
    tests = []
    for word, stages, chance in (("won", WON, 1.0), ("lost", LOST, 0.0)):
        if staged is not None:
            tests.append((staged.isin([*map(plain, stages)]), word))
        if "probability" in rows.columns:
            certain: Any = rows.probability.cast("float64") == chance
            tests.append((certain if staged is None else certain & staged.isnull(), word))
    return ibis.cases(*tests, else_="open")


def says_the_outcome(rows: ir.Table | None) -> bool:
    """Does the table of opportunities say how they ended?"""
    return rows is not None and bool({"stage", "probability"} & set(rows.columns))
