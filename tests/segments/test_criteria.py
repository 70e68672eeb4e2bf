"""Excellent customers: scores against computing them by hand, and who is eligible."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import ibis
import numpy as np
import pyarrow.parquet as pq
import pytest

from kezhi.engine import Engine
from kezhi.segments.criteria import measured, scored
from kezhi.settings.kinds import Excellent
from kezhi.worth import Work
from worth.small_company import Company


def one(engine: Engine, rules: Excellent, marks: dict[str, float], **row: Any) -> dict[str, Any]:
    """The scores of a customer."""
    usual = {"purchases": 3, "purchases_per_year": 0.0, "years": 0.0, "value": 0.0, "forecast_value": 0.0}
    literals = {name: ibis.literal(value) for name, value in (usual | row).items()}
    table = ibis.literal(1).name("one").as_table().mutate(**literals)
    return engine.row(scored(table, rules, marks, {"region": ["zhejiang"]} if "region" in row else {}))


def test_t13_a_score_of_the_threshold_or_more_is_eligible(engine: Engine) -> None:
    """T13: >= threshold is eligible; a tenth of a point less is not."""
    rules = Excellent(threshold=75.0, history=1, contribution=0)
    marks = {"purchases_per_year": 1000.0}
    assert one(engine, rules, marks, purchases_per_year=750.0)["excellent"]
    below = one(engine, rules, marks, purchases_per_year=749.0)
    assert (below["excellent_score"], below["excellent"]) == (74.9, False)
    never = one(engine, rules, marks, purchases_per_year=2000.0, purchases=0)
    assert (never["excellent_score"], never["excellent"]) == (None, False)


def test_t13_three_groups_are_weighed(engine: Engine) -> None:
    """T13: size, industry, geography; frequency and history; contribution: 20, 40 and 40."""
    marks = {"purchases_per_year": 10.0, "years": 2.0, "value": 1000.0}
    row = {"purchases_per_year": 5.0, "years": 4.0, "value": -50.0, "region": "Zhejiang"}
    found = one(engine, Excellent(), marks, **row)
    assert (found["profile_score"], found["history_score"], found["contribution_score"]) == (100.0, 75.0, 0.0)
    assert found["excellent_score"] == 50.0  # 0.2 x 100 + 0.4 x 75 + 0.4 x 0
    assert one(engine, Excellent(), marks, **row | {"region": "Hubei"})["excellent_score"] == 30.0
    without = {name: value for name, value in row.items() if name != "region"}
    assert one(engine, Excellent(), marks, **without)["excellent_score"] == 37.5


def test_scores_agree_with_computing_by_hand(followed: tuple[Company, Work]) -> None:
    work = followed[1]
    found = measured(work)
    assert found is not None
    assert found.columns is not None
    rows = {row["customer_id"]: row for row in work.engine.fetch(work.ledger.named(found.columns.rows)).to_pylist()}
    figures = work.engine.fetch(work.figures).to_pylist()
    measures = {
        row["customer_id"]: {
            "purchases_per_year": row["purchases"] * 365.25 / max(row["tenure_days"] or 0, 365.25),
            "years": (row["last_purchase"] - row["first_purchase"]).days / 365.25,
            "value": float(row["value"]),
            "forecast_value": float(row["forecast_value"]),
        }
        for row in figures
        if row["purchases"] > 0
    }
    again = [measures[row["customer_id"]] for row in figures if row["purchases"] >= 2]
    marks = {name: float(np.quantile([row[name] for row in again], 0.9)) for name in again[0]}
    assert found.facts["full_marks"] == pytest.approx(marks)
    for name, own in measures.items():
        part = {one: min(max(own[one] / marks[one], 0), 1) for one in marks}
        history = (part["purchases_per_year"] + part["years"]) / 2
        contribution = (part["value"] + part["forecast_value"]) / 2
        assert rows[name]["excellent_score"] == pytest.approx(50 * (history + contribution), abs=0.0501)
    silent = [row["customer_id"] for row in figures if not row["purchases"]]
    assert silent
    assert all(rows[name]["excellent_score"] is None for name in silent)
    assert found.facts["eligible"] == sum(row["excellent"] for row in rows.values())


def test_the_list_holds_exactly_the_eligible_with_the_best_first(worked: Callable[..., Work]) -> None:
    orders = [
        {"customer_id": f"C{n}", "date": date(2025, 1, 1) + timedelta(days=7 * k), "amount": Decimal(10 * n + 10)}
        for n in range(8)
        for k in range(n + 1)
    ]
    people = [{"customer_id": f"C{n}", "region": "Zhejiang " if n % 2 else "Hubei"} for n in range(8)]
    rules = {"regions": ["zhejiang"], "value": 300.0, "threshold": 60.0}
    files = []
    work = worked(orders, customers=people, as_of=date(2025, 4, 1), excellent=rules)
    turned = work.engine.store(work.figures.order_by(ibis.desc("customer")))
    for figures in (work.figures, turned):
        work.__dict__["figures"] = figures
        found = measured(work)
        assert found is not None
        assert found.facts["wanted"] == {"region": ["zhejiang"]}
        assert found.facts["full_marks"]["value"] == 300.0
        assert found.facts["weights"] == {"profile": 0.2, "history": 0.4, "contribution": 0.4}
        files.append(pq.read_table(work.folder / "excellent.parquet").to_pylist())
    assert files[0] == files[1]
    scores = [row["excellent_score"] for row in files[0]]
    assert scores == sorted(scores, reverse=True)
    assert min(scores) >= 60
    assert 0 < len(scores) < 8
    assert found.facts["eligible"] == len(scores)
    assert found.facts["value"] == sum(row["value"] for row in files[0])


def test_without_anything_to_weigh_nobody_has_a_score(engine: Engine) -> None:
    found = one(engine, Excellent(), {})
    assert (found["excellent_score"], found["excellent"]) == (None, False)
    assert one(engine, Excellent(history=0, contribution=0), {"value": 10.0})["excellent_score"] is None
