"""What `kezhi compare` found, as the page shows it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from kezhi.language import Text
from kezhi_web.runs.models import Job
from kezhi_web.shown import Shown

FIGURES = {
    "customers": Text("Customers", "客户数"),
    "purchases": Text("Purchases", "购买次数"),
    "amount": Text("Purchase amount", "购买金额"),
    "cost": Text("Product cost", "产品成本"),
    "expense": Text("Relationship expense", "关系营销费用"),
    "value": Text("Gross profit so far", "累计毛利"),
    "forecast_amount": Text("Forecast amount", "预测金额"),
    "forecast_value": Text("Forecast gross profit", "预测毛利"),
}
STATES = {
    "not_yet": Text("not in the first", "第一次中没有"),
    "gone": Text("not in the second", "第二次中没有"),
    "none": Text("in no class", "未归类"),
}
MOST_MOVES = 15


def address(before: Shown, after: Shown) -> str:
    """The page of two runs."""
    return f"{reverse('run-compare')}?{urlencode({'before': before.name, 'after': after.name})}"


def job_of(before: Shown, after: Shown) -> Job | None:
    """The newest job that was asked to compare them."""
    return Job.objects.filter(kind="compare", asked={"before": before.name, "after": after.name}).first()


def as_shown(found: Mapping[str, Any], before: Shown, after: Shown, *, personal: bool) -> dict[str, Any]:
    """Numbers as numbers, groups as grids, and no names where they may not be seen."""
    from kezhi.segments.movement import titles_of_a_run

    titles: dict[str, Text] = {**titles_of_a_run(before.folder), **titles_of_a_run(after.folder), **STATES}
    groups = found["groups"]
    return {
        "notes": found["notes"],
        "settings": found["settings"],
        "totals": [_figure(one) for one in found["totals"]],
        "forecast": [_figure(one) for one in found["forecast"]],
        "tiers": _grid(groups["tier"], titles) if "tier" in groups else None,
        "moves": _moves(groups["rfm_segment"], titles) if "rfm_segment" in groups else [],
        "new": _money(found["new"]),
        "gone": _money(found["gone"]),
        "changes": [
            (_CHANGES[name], [_change(one, personal=personal) for one in found[name]])
            for name in _CHANGES
            if found[name]
        ],
    }


_CHANGES = {
    "value_changes": Text("Gross profit so far: the largest changes", "累计毛利：变化最大的客户"),
    "forecast_changes": Text("Forecast: the largest changes", "预测毛利：变化最大的客户"),
}


def _number(value: Any) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def _figure(one: Mapping[str, Any]) -> dict[str, Any]:
    numbers = {name: _number(one[name]) for name in ("before", "after", "change")}
    return {"name": one["name"], "title": FIGURES.get(one["name"]), "share": one["share"], **numbers}


def _money(sums: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _number(value) for name, value in sums.items()}


def _change(one: Mapping[str, Any], *, personal: bool) -> dict[str, Any]:
    numbers = {name: _number(one[name]) for name in ("before", "after", "change")}
    name = one["name"] if personal else None
    return {"customer_id": one["customer_id"], "name": name, "reasons": one["reasons"], **numbers}


def _said(state: str, titles: Mapping[str, Text]) -> Text:
    return titles.get(state) or Text(state, state)


def _grid(matrix: Mapping[str, Any], titles: Mapping[str, Text]) -> dict[str, Any]:
    columns = [row["state"] for row in matrix["columns"]]
    cells = {(row["before"], row["after"]): row for row in matrix["cells"]}
    rows = [
        {
            "title": _said(row["state"], titles),
            "cells": [(cells.get((row["state"], column)), row["state"] == column) for column in columns],
            "customers": row["customers"],
        }
        for row in matrix["rows"]
    ]
    return {
        "columns": [_said(state, titles) for state in columns],
        "rows": rows,
        "sums": [row["customers"] for row in matrix["columns"]],
        "customers": matrix["customers"],
    }


def _moves(matrix: Mapping[str, Any], titles: Mapping[str, Text]) -> list[dict[str, Any]]:
    moved = [row for row in matrix["cells"] if row["before"] != row["after"]]
    first = sorted(moved, key=lambda row: (-row["customers"], row["before"], row["after"]))[:MOST_MOVES]
    return [row | {"from": _said(row["before"], titles), "to": _said(row["after"], titles)} for row in first]
