"""Clusters: known groups are found again, names stay, and data without clusters are said to have none."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pytest

from kezhi.language import KezhiError
from kezhi.segments.cluster_search import LEAD, matched, search
from kezhi.segments.clusters import FEATURES, _features, _sample, measured, outstanding
from kezhi.worth import Found, Work
from worth.small_company import Company

AS_OF = date(2025, 6, 30)
Rows = list[dict[str, Any]]


def company(seed: int = 1, each: int = 30) -> Rows:
    """Three kinds of customers, told by the first letter: rare and dear, steady, gone."""
    chance = random.Random(seed)
    rows: Rows = []
    for kind, number, first, gap, amount in (
        ("dear", 6, 600, 100, 5_000), ("steady", 24, 640, 26, 40), ("gone", 2, 720, 30, 45)
    ):  # fmt: skip
        for place in range(each):
            day = AS_OF - timedelta(days=first + chance.randrange(-15, 15))
            for _ in range(number):
                paid = Decimal(str(round(amount * chance.uniform(0.8, 1.2), 2)))
                rows.append({"customer_id": f"{kind}{place:02d}", "date": day, "amount": paid})
                day += timedelta(days=gap + chance.randrange(-3, 3))
    return rows


def assigned(work: Work, found: Found) -> dict[str, str]:
    assert found.columns is not None
    return {row["customer_id"]: row["cluster"] for row in work.engine.fetch(found.columns.table).to_pylist()}


@pytest.fixture(scope="module")
def three(worked: Callable[..., Work]) -> tuple[Work, Found]:
    work = worked(company(), as_of=AS_OF, clusters={"number": "auto"})
    found = measured(work)
    assert found is not None
    return work, found


def test_known_groups_are_found_again(three: tuple[Work, Found]) -> None:
    work, found = three
    assert found.facts["clear"]
    assert len(found.facts["clusters"]) == 3
    clusters = assigned(work, found)
    kinds = {
        name: {code for who, code in clusters.items() if who.startswith(name)} for name in ("dear", "steady", "gone")
    }
    assert all(len(codes) == 1 for codes in kinds.values())
    assert len(set.union(*kinds.values())) == 3
    said = {row["cluster"]: set(row["outstanding"]) for row in found.facts["clusters"]}
    assert "mean_amount_high" in said[kinds["dear"].pop()]
    assert "purchases_high" in said[kinds["steady"].pop()]
    assert {"days_since_last_high", "purchases_low"} <= said[kinds["gone"].pop()]
    assert sum(row["customers"] for row in found.facts["clusters"]) == 90


def test_everybody_is_in_the_nearest_cluster_by_hand(three: tuple[Work, Found]) -> None:
    """With the scale of all, since a sample of all was drawn."""
    from kezhi.segments.clusters import scale_of

    work, found = three
    rows = [row for row in work.engine.fetch(work.figures).to_pylist() if row["purchases"]]
    raw = np.array(
        [
            [float(row["amount"]) / row["purchases"], row["purchases"], (AS_OF - row["last_purchase"]).days,
             (AS_OF - row["first_purchase"]).days, float(row["forecast_value"])]
            for row in rows
        ]
    )  # fmt: skip
    scale = scale_of(raw)
    centres = {row["cluster"]: np.array([row["centre"][name] for name in FEATURES]) for row in found.facts["clusters"]}
    far = {code: ((scale(raw) - scale(centre[None, :])) ** 2).sum(axis=1) for code, centre in centres.items()}
    clusters = assigned(work, found)
    for place, row in enumerate(rows):
        assert clusters[row["customer_id"]] == min(far, key=lambda code: far[code][place])


def test_the_sample_is_the_same_whatever_the_order(three: tuple[Work, Found]) -> None:
    work = three[0]
    rows = work.engine.store(_features(work))
    turned = work.engine.store(rows.order_by(ibis.desc("customer_id")))
    drawn = _sample(work, rows, 20)
    assert drawn.shape == (20, len(FEATURES))
    assert np.array_equal(drawn, _sample(work, turned, 20))


def test_a_cluster_keeps_its_letter_when_data_move_a_little(three: tuple[Work, Found], tmp_path: Path) -> None:
    """Last time other letters, in another order, and centres a little elsewhere."""
    letters = dict(zip("ABC", "QRS", strict=True))
    facts = json.loads(json.dumps(three[1].facts, default=str))
    for row in facts["clusters"]:
        row["cluster"], row["named"] = letters[row["cluster"]], ["once so"]
        row["centre"] = {name: value * 1.1 for name, value in row["centre"].items()}
    facts["clusters"].reverse()
    (tmp_path / "worth.json").write_text(json.dumps({"clusters": facts}), encoding="utf-8")
    (tmp_path / "manifest.json").write_text(json.dumps({"as_of": "2025-05-31"}), encoding="utf-8")
    later = replace(three[0], earlier=(tmp_path,))
    later.__dict__["figures"] = three[0].engine.store(three[0].figures.order_by(ibis.desc("customer")))
    found = measured(later)
    assert found is not None
    before = {name: letters[code] for name, code in assigned(*three).items()}
    assert assigned(later, found) == before
    assert all(row["named"] == ["once so"] for row in found.facts["clusters"])
    (tmp_path / "worth.json").write_text("{damaged", encoding="utf-8")
    damaged = measured(later)
    assert damaged is not None
    assert assigned(later, damaged) == assigned(*three)
    (tmp_path / "worth.json").write_text(json.dumps({"clusters": facts}), encoding="utf-8")
    (tmp_path / "manifest.json").write_text(json.dumps({"as_of": "2025-07-31"}), encoding="utf-8")
    later = replace(later, earlier=(tmp_path,))
    found = measured(later)  # what a run of a later day says is not known yet
    assert found is not None
    assert assigned(later, found) == assigned(*three)


def test_data_without_structure_are_said_to_have_none() -> None:
    rng = np.random.default_rng(4)
    even = rng.multivariate_normal(np.zeros(3), np.array([[1, 0.7, 0], [0.7, 1, 0], [0, 0, 1]]), size=600)
    found = search(even, None)
    assert len(found.trials) == 7
    assert max(trial.lead for trial in found.trials) < LEAD
    assert not len(found.centres)
    asked = search(even, 4)
    assert len(asked.centres) == 4
    assert not asked.clear
    apart = np.concatenate([even / 6, even / 6 + 3])
    found = search(apart, None)
    assert len(found.centres) == 2
    assert found.clear


def test_limits() -> None:
    alike = np.zeros((80, 5))
    assert not len(search(alike, None).centres)
    assert len(search(alike, 3).centres) == 1
    assert not len(search(np.zeros((3, 5)), None).centres)
    one = search(np.zeros((1, 5)), 2)
    assert (len(one.centres), one.clear) == (1, False)


def test_a_moved_cluster_is_a_new_one() -> None:
    centres = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 9.0]])
    before = np.array([[4.5, 0.0], [0.0, 3.0], [0.1, 0.1]])
    assert matched(centres, before) == [2, 0, None]
    assert matched(centres, before[:0]) == [None, None, None]


def test_words_are_of_what_stands_out() -> None:
    assert outstanding([0.1, -2.0, 0.6, 0.49, 0.7]) == ["purchases_low", "forecast_value_high", "days_since_last_high"]
    assert outstanding([0.1, 0.2, 0.3, 0.4, -0.4]) == []


def test_off_by_default_and_a_sentence_where_it_is_not_installed(
    followed: tuple[Company, Work], monkeypatch: pytest.MonkeyPatch
) -> None:
    work = followed[1]
    assert measured(work) is None
    monkeypatch.setitem(sys.modules, "sklearn.cluster", None)
    asked = replace(work, settings=work.settings.changed(clusters={"number": 2}))
    with pytest.raises(KezhiError, match=r"kezhi\[clusters\]"):
        measured(asked)
