"""Recency, frequency and money as scores from 1 to 5, and where each score ends.

A score ends at an edge, and the edge itself belongs to the smaller numbers: F 1 is "up to so many purchases", R 5 "up
to so many days". Edges are values that customers have, not places in a row, so that equals always get the same score.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from math import ceil
from typing import TYPE_CHECKING, Any

from kezhi.engine import Engine
from kezhi.ledger import SUM
from kezhi.segments.rfm_grid import class_places, segment_places
from kezhi.settings.rfm import Rfm

if TYPE_CHECKING:
    import ibis.expr.types as ir

MEASURES = {"r": "days", "f": "purchases", "m": "money"}
# what is expected instead; R by the chance of having left, so that fewer is better as it is with days
TWINS = {"r": "p_gone", "f": "expected_purchases", "m": "expected_money"}
_MONEY = Decimal("0.0001")


@dataclass(frozen=True)
class Scale:
    """Where the scores of one measure end.

    edges: four numbers that do not fall; a value's place is 1 + how many of them are below it. fewer_is_better: place
    1 scores 5 then, else 1. own: given by the settings.
    """

    edges: tuple[float, ...]
    fewer_is_better: bool = False
    own: bool = False

    def score(self, value: Any) -> Any:
        """The score of a number, or of a column of them."""
        places: list[Any] = [(value > edge) * 1 if isinstance(value, int | float) else (value > edge).cast("int32")
                             for edge in self.edges]  # fmt: skip
        above = sum(places[1:], start=places[0])
        return 5 - above if self.fewer_is_better else above + 1


@dataclass(frozen=True)
class Cut:
    """From where on a measure is high: `reached` when its own value already is (else it must be passed)."""

    value: float
    reached: bool


@dataclass(frozen=True)
class Measuring:
    """How the customers of one day are scored: scales and cuts by r, f, m; scales of what is expected, if asked for."""

    customers: int
    scales: Mapping[str, Scale]
    cuts: Mapping[str, Cut]
    twins: Mapping[str, Scale]


def measure_all(engine: Engine, bought: ir.Table, rules: Rfm, *, twins: bool = False) -> Measuring | None:
    """Edges and cuts of a table of buyers (`days`, `purchases`, `money`; with twins those of TWINS too).

    None where it has no row. Edges are exact: of n customers the edge of k fifths is the value of the one in place
    k n / 5, rounded up, smallest first.
    """
    count = engine.row(bought.aggregate(customers=bought.count()))["customers"]
    if not count:
        return None
    names = {f"twin_{key}": column for key, column in TWINS.items()} if twins else {}
    asked = MEASURES | names
    levels = [*(_level(k, count) for k in range(1, 5)), 0.5]
    found = engine.row(
        bought.aggregate(
            **{f"quantiles_{key}": bought[column].cast("float64").quantile(levels) for key, column in asked.items()},
            sum_r=bought.days.sum(),
            sum_f=bought.purchases.sum(),
            sum_m=bought.money.sum().cast(SUM),
        )
    )
    edges = {key: tuple(float(value) for value in found[f"quantiles_{key}"][:4]) for key in asked}
    scales = {
        key: Scale(given or edges[key], fewer_is_better=key == "r", own=given is not None)
        for key, given in rules.edges.items()
    }
    twin_scales = {key: Scale(edges[f"twin_{key}"], fewer_is_better=key == "r") for key in (TWINS if twins else ())}
    return Measuring(count, scales, _cuts(found, count, rules), twin_scales)


def _level(fifths: int, count: int) -> float:
    """The level half way between the value at k fifths and the next: whatever the engine's rounding, it parts them.

    Where both are equal it is their value.
    """
    if count == 1:
        return 0.0
    return min((ceil(Fraction(fifths * count, 5)) - 0.5) / (count - 1), 1.0)


def _cuts(found: Mapping[str, Any], count: int, rules: Rfm) -> dict[str, Cut]:
    if rules.fixed is not None:
        fixed = {"r": rules.fixed.days, "f": rules.fixed.purchases, "m": rules.fixed.money}
        return {key: Cut(value, reached=True) for key, value in fixed.items()}
    if rules.cut == "median":
        values = {key: float(found[f"quantiles_{key}"][4]) for key in MEASURES}
    else:
        money = (Decimal(found["sum_m"]) / count).quantize(_MONEY, ROUND_HALF_UP)
        values = {"r": found["sum_r"] / count, "f": found["sum_f"] / count, "m": float(money)}
    # the same side as with edges: the cut itself belongs to the smaller numbers
    return {key: Cut(value, reached=key == "r") for key, value in values.items()}


def scored(bought: ir.Table, measuring: Measuring) -> ir.Table:
    """Buyers with r_score, f_score, m_score, and their rfm_segment and rfm_class as places among NAMES and CLASS_NAMES.

    With twins also r_model, ..., rfm_segment_model.
    """
    rows = bought.mutate(
        **{
            f"{key}_score": scale.score(bought[MEASURES[key]].cast("float64"))
            for key, scale in measuring.scales.items()
        },
        **{f"{key}_high": _high(bought, key, cut) for key, cut in measuring.cuts.items()},
        **{f"{key}_model": scale.score(bought[TWINS[key]]) for key, scale in measuring.twins.items()},
    )
    names = {"rfm_segment": segment_places(rows.r_score, rows.f_score, rows.m_score)}
    if measuring.twins:
        names["rfm_segment_model"] = segment_places(rows.r_model, rows.f_model, rows.m_model)
    named = rows.mutate(rfm_class=class_places(rows.r_high, rows.f_high, rows.m_high), **names)
    return named.drop("r_high", "f_high", "m_high")


def _high(bought: ir.Table, key: str, cut: Cut) -> Any:
    value = _number(bought, key)
    if key == "r":
        return value <= cut.value
    return value >= cut.value if cut.reached else value > cut.value


def _number(bought: ir.Table, key: str) -> Any:
    return bought[MEASURES[key]].cast("float64")
