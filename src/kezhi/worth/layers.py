"""Tiers of customers: a pyramid by share of customers, the best of whatever they are ranked by at its top."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kezhi.language import KezhiError, Text
from kezhi.settings.tiers import TIERS, WHOLE, Tiers, millionths
from kezhi.valuation import looked_up

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from kezhi.worth.work import Work

USUAL = Tiers()


@dataclass(frozen=True)
class Layer:
    """A tier, best first: its code in files, its name, and how many of a million customers are in it or above it."""

    code: str
    title: Text
    until: int


def layers_of(rules: Tiers = USUAL) -> tuple[Layer, ...]:
    """The tiers by share of customers, the best first."""
    until = millionths(rules.shares)
    return tuple(Layer(code, title, int(most)) for (code, title), most in zip(rules.titles.items(), until, strict=True))


def layered(rows: ir.Table, by: str, key: str, within: tuple[str, ...] = (), rules: Tiers = USUAL) -> ir.Table:
    """Rows with `tier`, the code of their tier by the column `by`; equals in the order of `key`.

    The first of all is in the best tier, however few there are; whoever has nothing above 0 there is in the lowest.
    `within`: columns whose values are ranked apart.
    """
    return in_places(rows, by, key, within, rules).mutate(tier=lambda t: looked_up(TIERS, t.tier))


def in_places(rows: ir.Table, by: str, key: str, within: tuple[str, ...] = (), rules: Tiers = USUAL) -> ir.Table:
    """The same with the tier's place among TIERS for `tier`: a small number, which is faster kept than its code."""
    import ibis

    groups: list[Any] = [rows[name] for name in within]
    order = ibis.window(group_by=groups, order_by=[ibis.desc(rows[by]), rows[key]])
    whole = ibis.window(group_by=groups)
    ranked = rows.mutate(place_of_all=ibis.row_number().over(order), number_of_all=rows.count().over(whole))
    tier = place_at(ranked[by], ranked.place_of_all, ranked.number_of_all, rules)
    return ranked.mutate(tier=tier).drop("place_of_all", "number_of_all")


def place_at(value: Any, place: Any, number: Any, rules: Tiers = USUAL) -> Any:
    """The tier, by its place among TIERS, of whoever is at this place (from 0) of so many (a column or an int)."""
    import ibis

    *upper, _ = layers_of(rules)
    parts: Any = place.cast("int64") * WHOLE
    # a literal would have the least type that holds it, and its product with another none
    of_all: Any = number if isinstance(number, int) else number.cast("int64")
    # not compared as shares: whole numbers have no rounding
    tests = [((value > 0) & (parts < of_all * layer.until), rank) for rank, layer in enumerate(upper)]
    return ibis.cases(*tests, else_=len(upper)).cast("int8")


def tiers_of(work: Work) -> ir.Table:
    """customer and tier of every customer: the run's tiers, or those by forecast where it has none."""
    found = work.found.get("tiers")
    if found is not None and found.columns is not None:
        rows = found.columns.table
        return rows.select("customer", tier=found.columns.column(rows, "tier"))
    rows = work.figures.select("customer", "forecast_value")
    return layered(rows, "forecast_value", "customer", rules=work.settings.tiers).drop("forecast_value")


def tier_of_a_run(known: ir.Table, rules: Tiers) -> ir.Table:
    """The rows of a run's customers.parquet with their tier, by forecast where it says none."""
    return known if "tier" in known.columns else layered(known, "forecast_value", "customer_id", rules=rules)


def rules_of_a_run(run: Path) -> Tiers:
    """How a finished run was to be put into tiers; the usual way where it does not say."""
    try:
        settings = json.loads((run / "manifest.json").read_text(encoding="utf-8"))["settings"]
        return Tiers.model_validate(settings["tiers"])
    except (OSError, ValueError, KeyError, TypeError, KezhiError):
        return USUAL


def title_of(code: str | None, rules: Tiers = USUAL) -> Text:
    """A tier's name; the code itself where nobody knows it."""
    return rules.titles.get(code or "") or Text(code or "", code or "")


def rank(tier: Any) -> Any:
    """A column's place in the order of the tiers, the best first."""
    import ibis

    return ibis.cases(*((tier == code, place) for place, code in enumerate(TIERS)), else_=len(TIERS))


def in_order(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows with `tier`, the best tier first."""
    codes: list[str] = [*TIERS]
    return sorted(rows, key=lambda row: codes.index(row["tier"]))
