"""What a run says of its tiers: plain data for worth.json, made from a few sums."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from kezhi.segments.value_classes import BASES, METALS, TAGS, VALUE_TAGS
from kezhi.settings.tiers import TIERS, Tiers
from kezhi.valuation.company import share_curve

if TYPE_CHECKING:
    from kezhi.segments.tiers import Before, Whole

Rows = list[dict[str, Any]]
MONEY = ("amount", "value", "forecast_value")


def facts_of(
    rules: Tiers, whole: Whole, groups: Rows, curve: Rows, before: Before | None, tags: Rows
) -> dict[str, Any]:
    """Everything of the company; `groups` and `curve` are sums, see `tiers`; `tags` those given by hand."""
    total = whole.sums["basis"]
    return {
        "by": whole.by,
        "by_name": BASES[whole.by].as_dict(),
        "asked": rules.by,
        "shares": list(rules.shares),
        "limits": None if rules.limits is None else list(rules.limits),
        "customers": whole.customers,
        "total": total,
        "tiers": [_tier(code, rules, whole, groups, before) for code in TIERS],
        "previous": None if before is None else _previous(before, groups),
        "classes": {
            "platinum_percent": rules.platinum,
            "low_margin_percent": rules.low_margin,
            "margin": whole.margin,
            "low_below": whole.margin * rules.low_margin / 100.0,
            "volume_from": whole.median,
            "profit_known": whole.profit_known,
            "rows": [{"value_class": code, **_added(_of(groups, "value_class", code))} for code in METALS],
        },
        "tags": {
            "percents": list(rules.tags),
            "rows": [*_automatic(groups), *({**row, "source": "by_hand"} for row in tags)],
        },
        "core": _core(rules, whole, groups, before),
        **share_curve(curve, whole.customers, total),
    }


def _of(rows: Rows, name: str, value: Any) -> Rows:
    return [row for row in rows if row[name] == value]


def _where(rows: Rows, test: Callable[[dict[str, Any]], bool]) -> int:
    return sum(row["customers"] for row in rows if test(row))


def _added(rows: Rows) -> dict[str, Any]:
    return {"customers": sum(row["customers"] for row in rows)} | {name: _sum(rows, name) for name in MONEY}


def _sum(rows: Iterable[dict[str, Any]], name: str) -> Decimal:
    return sum((row[name] for row in rows), Decimal(0))


def _share(part: Decimal, whole: Decimal) -> float | None:
    return float(part / whole) if whole > 0 else None


def _tier(code: str, rules: Tiers, whole: Whole, groups: Rows, before: Before | None) -> dict[str, Any]:
    mine = _of(groups, "tier", code)
    basis = _sum(mine, "basis")
    found = {
        "tier": code,
        "name": rules.titles[code].as_dict(),
        **_added(mine),
        "customer_share": _share(Decimal(sum(row["customers"] for row in mine)), Decimal(whole.customers)),
        "basis": basis,
        "basis_share": _share(basis, whole.sums["basis"]),
        "value_share": _share(_sum(mine, "value"), whole.sums["value"]),
        "forecast_share": _share(_sum(mine, "forecast_value"), _sum(groups, "forecast_value")),
        "least": min((row["least"] for row in mine), default=None),
        "most": max((row["most"] for row in mine), default=None),
    }
    return found | (_moves(code, mine, groups) if before is not None else {})


def _moves(code: str, mine: Rows, groups: Rows) -> dict[str, Any]:
    """Who came into the tier since the earlier run, and who left it."""
    place = TIERS.index
    here = place(code)
    return {
        "risen": _where(mine, lambda row: row["tier_previous"] in TIERS and place(row["tier_previous"]) > here),
        "fallen": _where(mine, lambda row: row["tier_previous"] in TIERS and place(row["tier_previous"]) < here),
        "new": _where(mine, lambda row: row["tier_previous"] is None),
        "left": _where(groups, lambda row: row["tier_previous"] == code and row["tier"] != code),
    }


def _previous(before: Before, groups: Rows) -> dict[str, Any]:
    place = TIERS.index
    known = [row for row in groups if row["tier_previous"] in TIERS]
    return {
        "as_of": before.as_of,
        "same_rules": before.same_rules,
        "risen": _where(known, lambda row: place(row["tier"]) < place(row["tier_previous"])),
        "fallen": _where(known, lambda row: place(row["tier"]) > place(row["tier_previous"])),
        "stayed": _where(known, lambda row: row["tier"] == row["tier_previous"]),
        "new": _where(groups, lambda row: row["tier_previous"] is None),
    }


def _automatic(groups: Rows) -> Rows:
    sets = {tag: _of(groups, "value_tag", tag) for tag in VALUE_TAGS}
    sets |= {tag: _of(groups, tag, True) for tag in ("potential", "core")}
    rows = ({"tag": tag, "name": TAGS[tag][0].as_dict(), **_added(some)} for tag, some in sets.items())
    return [{name: row[name] for name in ("tag", "name", "customers", "value", "forecast_value")}
            | {"source": "automatic"} for row in rows]  # fmt: skip


def _core(rules: Tiers, whole: Whole, groups: Rows, before: Before | None) -> dict[str, Any]:
    """The core customers: how few they are and what they bring; came and left are None without an earlier run."""
    mine = _of(groups, "core", True)
    return {
        "percent": rules.core,
        **_added(mine),
        "customer_share": _share(Decimal(sum(row["customers"] for row in mine)), Decimal(whole.customers)),
        "basis_share": _share(_sum(mine, "basis"), whole.sums["basis"]),
        "value_share": _share(_sum(mine, "value"), whole.sums["value"]),
        "forecast_share": _share(_sum(mine, "forecast_value"), _sum(groups, "forecast_value")),
        "came": None if before is None else _where(mine, lambda row: not row["was_core"]),
        "left": None if before is None else _where(groups, lambda row: bool(row["was_core"]) and not row["core"]),
    }
