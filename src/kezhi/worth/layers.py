"""Layers of customers by what is forecast of them: the best 1 %, the next 4 %, the next 15 %, the other 80 %."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kezhi.language import Text

if TYPE_CHECKING:
    import ibis.expr.types as ir


@dataclass(frozen=True)
class Layer:
    """A layer, best first: its code in files, its name, and how many of 100 customers are in it or above it."""

    code: str
    title: Text
    until: int


LAYERS = (
    Layer("top_1", Text("the best 1%", "最好的 1%"), 1),
    Layer("next_4", Text("the next 4%", "其次的 4%"), 5),
    Layer("next_15", Text("the next 15%", "再次的 15%"), 20),
    Layer("other_80", Text("the other 80%", "其余 80%"), 100),
)
TITLES = {layer.code: layer.title for layer in LAYERS}


def layered(rows: ir.Table, by: str, key: str, within: tuple[str, ...] = ()) -> ir.Table:
    """Rows with `tier`, the code of their layer by the column `by`; equals in the order of `key`.

    The first of all is in the best layer, however few there are. `within`: columns whose values are ranked apart.
    """
    import ibis

    groups: list[Any] = [rows[name] for name in within]
    order = ibis.window(group_by=groups, order_by=[ibis.desc(rows[by]), rows[key]])
    whole = ibis.window(group_by=groups)
    ranked = rows.mutate(place_of_all=ibis.row_number().over(order), number_of_all=rows.count().over(whole))
    place: Any = ranked.place_of_all.cast("int64") * 100
    number: Any = ranked.number_of_all.cast("int64")
    # not compared as shares: whole numbers have no rounding
    tests = [(place < number * layer.until, layer.code) for layer in LAYERS[:-1]]
    return ranked.mutate(tier=ibis.cases(*tests, else_=LAYERS[-1].code)).drop("place_of_all", "number_of_all")


def rank(tier: Any) -> Any:
    """A column's place in the order of the layers, the best first."""
    import ibis

    return ibis.cases(*((tier == layer.code, place) for place, layer in enumerate(LAYERS)), else_=len(LAYERS))


def in_order(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows with `tier`, the best layer first."""
    codes = [layer.code for layer in LAYERS]
    return sorted(rows, key=lambda row: codes.index(row["tier"]))
