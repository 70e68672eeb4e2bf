"""Clusters: groups of customers that the data show by themselves, in how much, how often and how lately they buy.

Learned from a sample of the customers, drawn by a fixed hash of their ids, so that neither the order of rows nor the
size of the company matters; then every customer goes to the nearest centre, in the engine. An option: off unless the
setting `clusters.number` is given.
"""

from __future__ import annotations

import json
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kezhi.ledger import SUM
from kezhi.segments.cluster_search import LEAD, LEAST, Array, Search, matched, search
from kezhi.valuation import Columns
from kezhi.valuation.arrays import to_numpy
from kezhi.worth.work import Found, Work

if TYPE_CHECKING:
    import ibis.expr.types as ir

FEATURES = ("mean_amount", "purchases", "days_since_last", "days_since_first", "forecast_value")
OUTSTANDING = 0.5  # standard deviations from the mean of all that make a feature worth a word
MOST_WORDS = 3


@dataclass(frozen=True)
class Scale:
    """How features become comparable: the logarithm of 1 + value / unit, less its mean, by its standard deviation.

    A unit is a tenth of the median of the values above zero, so that the currency does not matter.
    """

    unit: Array
    mean: Array
    deviation: Array

    def __call__(self, raw: Array) -> Array:
        """Scaled features of rows of raw ones."""
        scaled: Array = (np.log1p(np.maximum(raw, 0.0) / self.unit) - self.mean) / self.deviation
        return scaled

    def back(self, scaled: Array) -> Array:
        """Raw features of scaled ones."""
        raw: Array = np.expm1(scaled * self.deviation + self.mean) * self.unit
        return raw


def measured(work: Work) -> Found | None:
    """Add cluster to customers.parquet, if the settings ask for clusters.

    Raises KezhiError where scikit-learn is not installed.
    """
    rules = work.settings.clusters
    if rules.number is None:
        return None
    engine = work.engine
    rows = engine.store(_features(work))
    raw = _sample(work, rows, rules.sample)
    if not len(raw):
        return None
    scale = scale_of(raw)
    before = _before(work)
    number = None if rules.number == "auto" else rules.number
    found = search(scale(raw), number, len(before) or None)
    facts = {"asked": rules.number, "sample": len(raw), "least_customers": LEAST, "least_lead": LEAD, **_trials(found)}
    if not len(found.centres):
        return Found({**facts, "clusters": []})
    centres = found.centres
    codes = _codes(centres, scale, before)
    stored = engine.store(_assigned(rows, scale, centres, codes))
    clusters = _profiles(work, stored, scale, centres, codes, before)
    return Found({**facts, "clusters": clusters}, Columns(stored, {"cluster": None}))


# --- features and sample ----------------------------------------------------------------------------------


def _features(work: Work) -> ir.Table:
    """Customers who have bought, with their features as plain numbers."""
    import ibis

    figures = work.figures.filter(lambda t: t.purchases > 0)
    today = ibis.literal(work.as_of)
    found: dict[str, Any] = {
        "mean_amount": figures.amount.cast("float64") / figures.purchases,
        "purchases": figures.purchases.cast("float64"),
        "days_since_last": today.delta(figures.last_purchase, unit="day").cast("float64"),
        "days_since_first": today.delta(figures.first_purchase, unit="day").cast("float64"),
        "forecast_value": figures.forecast_value.cast("float64"),
    }
    return figures.select("customer", "customer_id", "amount", "value", forecast="forecast_value", **found)


def _sample(work: Work, rows: ir.Table, most: int) -> Array:
    """Features of at most so many customers, by a hash of their ids: always the same, in an order at random."""
    drawn = rows.mutate(draw=rows.customer_id.hexdigest("md5")).order_by("draw", "customer_id").limit(most)
    table = work.engine.fetch(drawn.select(*FEATURES))
    return np.column_stack([to_numpy(table.column(name)) for name in FEATURES])


def scale_of(raw: Array) -> Scale:
    """The scale of these customers; a feature in which all are alike stays at zero."""
    above = [column[column > 0] for column in raw.T]
    unit = np.array([np.median(some) / 10 if len(some) else 1.0 for some in above])
    logs = np.log1p(np.maximum(raw, 0.0) / unit)
    deviation = logs.std(axis=0)
    return Scale(unit, logs.mean(axis=0), np.where(deviation > 1e-9, deviation, 1.0))


def _assigned(rows: ir.Table, scale: Scale, centres: Array, codes: Sequence[str]) -> ir.Table:
    """Rows with the code of the nearest centre; of two equally near the first."""
    import ibis

    scaled = {
        f"scaled_{name}": ((ibis.greatest(rows[name], 0.0) / float(scale.unit[at]) + 1.0).ln() - float(scale.mean[at]))
        / float(scale.deviation[at])
        for at, name in enumerate(FEATURES)
    }
    ready = rows.mutate(**scaled)
    distances = {}
    for place, centre in enumerate(centres):
        parts: list[Any] = [(ready[f"scaled_{name}"] - float(centre[at])) ** 2 for at, name in enumerate(FEATURES)]
        distances[f"distance_{place}"] = sum(parts[1:], start=parts[0])
    measured_ = ready.mutate(**distances)
    nearest = measured_.mutate(nearest=ibis.least(*(measured_[name] for name in distances)))
    tests = [(nearest[name] == nearest.nearest, code) for name, code in zip(distances, codes, strict=True)]
    named = nearest.mutate(cluster=ibis.cases(*tests))
    return named.select("customer", "customer_id", "amount", "value", "forecast", "purchases", "cluster")


# --- names ------------------------------------------------------------------------------------------------


def _before(work: Work) -> list[dict[str, Any]]:
    """The clusters of the newest earlier run that has any."""
    for run in work.past:
        try:
            told = json.loads((run / "worth.json").read_text(encoding="utf-8")).get("clusters") or {}
            clusters: list[dict[str, Any]] = told.get("clusters") or []
            if clusters and all(set(FEATURES) <= set(one["centre"]) for one in clusters):
                return clusters
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
    return []


def _codes(centres: Array, scale: Scale, before: Sequence[Mapping[str, Any]]) -> list[str]:
    """A letter for each centre: the one it had, else the next that is free, the largest forecasts first."""
    found: list[str | None] = [None] * len(centres)
    if before:
        earlier = np.array([[one["centre"][name] for name in FEATURES] for one in before])
        found = [None if at is None else str(before[at]["cluster"]) for at in matched(centres, scale(earlier))]
    free = iter([one for one in string.ascii_uppercase if one not in {str(row["cluster"]) for row in before}])
    spare = iter([one for one in string.ascii_uppercase if one not in found])
    at = FEATURES.index("forecast_value")
    for place in sorted(range(len(centres)), key=lambda one: (-centres[one][at], one)):
        if found[place] is None:
            found[place] = next(free, None) or next(one for one in spare if one not in found)
    return [str(one) for one in found]


def outstanding(centre: Sequence[float]) -> list[str]:
    """What stands out, the most first: `purchases_high`, `days_since_last_low`, ...; none of an average cluster."""
    far = sorted(range(len(FEATURES)), key=lambda at: (-abs(centre[at]), at))
    some = [at for at in far if abs(centre[at]) >= OUTSTANDING][:MOST_WORDS]
    return [f"{FEATURES[at]}_{'high' if centre[at] > 0 else 'low'}" for at in some]


# --- the company ------------------------------------------------------------------------------------------


def _trials(found: Search) -> dict[str, Any]:
    return {
        "clear": found.clear,
        "trials": [
            {
                "number": one.number,
                "silhouette": round(one.silhouette, 6),
                "structureless": round(one.structureless, 6),
                "lead": round(one.lead, 6),
            }
            for one in found.trials
        ],
    }


def _profiles(
    work: Work, rows: ir.Table, scale: Scale, centres: Array, codes: Sequence[str], before: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Each cluster's size, sums, centre in plain units, and what stands out; the most valuable per customer first.

    named: what stood out when its letter was given.
    """
    kinds = {"amount": SUM, "value": SUM, "forecast": SUM}
    sums = {name: rows[name].sum().cast(kind) for name, kind in kinds.items()}
    found = work.engine.fetch(rows.group_by("cluster").aggregate(customers=rows.count(), **sums)).to_pylist()
    by_code = {row["cluster"]: row for row in found}
    named = {str(row["cluster"]): row.get("named") for row in before}
    whole = sum(row["customers"] for row in found)
    plain = scale.back(centres)
    clusters = []
    for place, code in enumerate(codes):
        row = by_code.get(code) or {"customers": 0, **dict.fromkeys(kinds, 0)}
        now = outstanding(centres[place].tolist())
        clusters.append(
            {
                "cluster": code,
                "customers": row["customers"],
                "share": row["customers"] / whole if whole else None,
                "amount": row["amount"],
                "value": row["value"],
                "forecast_value": row["forecast"],
                "named": now if named.get(code) is None else named[code],
                "outstanding": now,
                "centre": {name: float(f"{plain[place][at]:.6g}") for at, name in enumerate(FEATURES)},
            }
        )
    return sorted(clusters, key=lambda one: (-one["value"] / max(one["customers"], 1), one["cluster"]))
