"""Profiles of customers and the value pyramid, against counting by hand."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import Any

import ibis
import pyarrow.parquet as pq
import pytest

from kezhi.segments.profiles import LAYERS, bands, measured
from kezhi.worth import Work

AS_OF = date(2025, 6, 30)
Rows = list[dict[str, Any]]
Made = tuple[Work, dict[str, Any], Rows, Rows]


def company(seed: int = 8) -> tuple[Rows, Rows]:
    chance = random.Random(seed)
    orders: Rows = []
    people: Rows = []
    for number in range(120):
        name = f"C{number:03d}"
        day = AS_OF - timedelta(days=chance.randrange(700))
        for _ in range(chance.choice([1, 1, 2, 3, 8])):
            if day <= AS_OF:
                orders.append({"customer_id": name, "date": day, "amount": Decimal(chance.randrange(5, 300))})
            day += timedelta(days=chance.randrange(5, 90))
        if number % 10 == 0:
            continue  # nobody wrote anything about this one
        people.append(
            {
                "customer_id": name,
                "region": f"R{number % 25:02d}" if number % 7 else None,
                "birth_year": chance.choice([1950, 1980, 1999, 2007, 2010, 1850, None]),
                "income": Decimal(chance.randrange(20, 200) * 1000) if number % 3 else None,
                "role": chance.choice(["consumer", "agent", "wholesaler"]),
            }
        )
    return orders, people


@pytest.fixture(scope="module")
def made(worked: Callable[..., Work]) -> Made:
    orders, people = company()
    work = worked(orders, customers=people, as_of=AS_OF, profiles={"incomes": [120_000.0, 50_000]})
    return work, measured(work).facts, orders, people


def groups(work: Work, attribute: str) -> dict[str, dict[str, Any]]:
    rows = pq.read_table(work.folder / "profiles.parquet").to_pylist()
    return {row["group"]: row for row in rows if row["attribute"] == attribute}


def frequencies(orders: Rows, edge: float | None = None) -> dict[str, str]:
    days: dict[str, set[date]] = {}
    for row in orders:
        days.setdefault(row["customer_id"], set()).add(row["date"])
    rates = {name: len(own) * 365.25 / max((AS_OF - min(own)).days, 365.25) for name, own in days.items()}
    edge = edge or median(rate for name, rate in rates.items() if len(days[name]) >= 2)
    return {
        name: "once" if len(own) == 1 else "high" if rates[name] >= edge else "low" for name, own in days.items()
    }  # fmt: skip


def test_t09_high_and_low_frequency_region_and_age_bands(made: Made) -> None:
    """T09: high- vs low-frequency buyers; region; age bands."""
    work, _, orders, people = made
    buyers = {row["customer_id"] for row in orders}
    said = {row["customer_id"]: row for row in people}
    counted = {name: row["customers"] for name, row in groups(work, "frequency").items()}
    assert counted == Counter(frequencies(orders).values())
    ages = Counter(_age(said.get(name, {}).get("birth_year")) for name in buyers)
    assert {name: row["customers"] for name, row in groups(work, "age_band").items()} == ages
    assert set(ages) == {"", "<18", "18-24", "25-34", "45-54", "65+"}
    regions = Counter(said.get(name, {}).get("region") or "" for name in buyers)
    told = sorted((name for name in regions if name), key=lambda name: (-regions[name], name))
    wanted = {name: regions[name] for name in ["", *told[:20]]} | {"*": sum(regions[name] for name in told[20:])}
    assert {name: row["customers"] for name, row in groups(work, "region").items()} == wanted


def _age(year: int | None) -> str:
    age = AS_OF.year - year if year else None
    edges = [18, 25, 35, 45, 55, 65]
    return "" if age is None or age > 120 else bands(edges)[bisect_right(edges, age)]


def test_groups_of_every_attribute_add_up_to_the_company(made: Made) -> None:
    work, facts, orders, _ = made
    assert facts["attributes"] == ["frequency", "region", "age_band", "income_band", "role"]
    value = sum((row["amount"] for row in orders), Decimal(0))
    customers = len({row["customer_id"] for row in orders})
    for attribute in facts["attributes"]:
        rows = groups(work, attribute).values()
        assert sum(row["customers"] for row in rows) == customers
        assert sum(row["value"] for row in rows) == value
        for row in rows:
            assert row["index"] == pytest.approx(
                100 * float(row["value"]) / row["customers"] / (float(value) / customers)
            )
    assert list(groups(work, "income_band")) == ["<50000", "50000-119999", "120000+", ""]
    assert list(groups(work, "region"))[-2:] in (["", "*"], ["*", ""])


def test_t10_the_counts_of_the_pyramid_s_layers_add_up(made: Made) -> None:
    """T10: groups, then layers; the layers' counts add up, in all and within each group of each attribute."""
    work, facts, orders, _ = made
    customers = len({row["customer_id"] for row in orders})
    assert sum(row["customers"] for row in facts["pyramid"]) == customers
    counts = [row["customers"] for row in facts["pyramid"]]
    assert counts == sorted(counts)
    layers = pq.read_table(work.folder / "value_pyramid.parquet").to_pylist()
    for attribute in facts["attributes"]:
        for name, row in groups(work, attribute).items():
            mine = [one for one in layers if (one["attribute"], one["group"]) == (attribute, name)]
            assert sum(one["customers"] for one in mine) == row["customers"]
            assert sum(one["value"] for one in mine) == row["value"]
    for row in facts["pyramid"]:
        mine = [one for one in layers if one["attribute"] == "role" and one["layer"] == row["layer"]]
        assert sum(one["customers"] for one in mine) == row["customers"]


def test_places_agree_with_ranking_by_hand(made: Made) -> None:
    work, _, _, people = made
    found = measured(work).columns
    assert found is not None
    layer = {
        row["customer_id"]: row["value_layer"] for row in work.engine.fetch(work.ledger.named(found.rows)).to_pylist()
    }
    income = {row["customer_id"]: row["income"] for row in people if row["income"]}
    figures = {row["customer_id"]: row for row in work.engine.fetch(work.figures).to_pylist()}
    assert layer.keys() == figures.keys()
    measures = [
        {name: float(row["amount"]) / row["purchases"] for name, row in figures.items()},
        {name: float(income[name]) for name in figures if name in income},
        {name: row["active_periods"] * (row["p_alive"] or 0) for name, row in figures.items()},
    ]
    places: dict[str, list[float]] = {name: [] for name in figures}
    for measure in measures:
        values = list(measure.values())
        for name, value in measure.items():
            below, equal = sum(one < value for one in values), sum(one == value for one in values)
            low = below / (len(values) - 1)
            places[name].append((low + (below + equal) / len(values)) / 2)
    mean = {name: round(sum(own) / len(own), 9) for name, own in places.items()}
    ranked = sorted(figures, key=lambda name: -mean[name])
    edges = [len(ranked) * share / 100 for share in (1, 5, 20, 100)]
    wanted = {
        name: LAYERS[next(at for at, edge in enumerate(edges) if place < edge)] for place, name in enumerate(ranked)
    }
    differ = [name for name in ranked if wanted[name] != layer[name]]
    assert all(sum(abs(mean[other] - mean[name]) < 1e-8 for other in ranked) > 1 for name in differ)  # equals
    assert len(differ) < 3


def test_a_set_edge_decides_what_often_means_and_orders_alone_are_enough(made: Made, tmp_path: Path) -> None:
    first, _, orders, _ = made
    work = replace(
        first,
        book=replace(first.book, customers=None),
        settings=first.settings.changed(profiles={"frequent": 2.5}),
        forecasted=replace(first.forecasted, folder=tmp_path),
    )
    found = measured(work)
    assert found.facts["attributes"] == ["frequency"]
    assert found.facts["pyramid"] is None
    counted = {name: row["customers"] for name, row in groups(work, "frequency").items()}
    assert counted == Counter(frequencies(orders, 2.5).values())
    assert found.columns is not None
    assert set(found.columns.otherwise) == {"frequency"}
    assert not (tmp_path / "value_pyramid.parquet").exists()


def test_the_order_of_rows_changes_nothing(made: Made, tmp_path: Path) -> None:
    work, facts, *_ = made
    people = work.book.customers
    assert people is not None
    turned = work.engine.store(people.order_by(ibis.desc("customer_id")))
    again = replace(
        work, book=replace(work.book, customers=turned), forecasted=replace(work.forecasted, folder=tmp_path)
    )
    again.__dict__["figures"] = work.engine.store(work.figures.order_by(ibis.desc("customer")))
    assert measured(again).facts == facts
    for name in ("profiles.parquet", "value_pyramid.parquet"):
        assert pq.read_table(tmp_path / name).equals(pq.read_table(work.folder / name))
