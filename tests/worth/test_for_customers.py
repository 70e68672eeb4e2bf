"""What customers get, from surveys: delivered value by layer and over time (V23), and the market (V24)."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kezhi.worth import Work
from kezhi.worth.for_customers import kind_of, measured

AS_OF = date(2025, 6, 30)
Asked = Callable[..., tuple[Work, Any]]
KOTLER = {"Product value": 4, "服务价值": 3, "staff_value": 2, "IMAGE": 1,
          "货币成本": 5, "time cost": 1, "精力成本": 1, "体力成本": 1}  # fmt: skip


def orders() -> list[dict[str, Any]]:
    chance = random.Random(2)
    return [
        {"customer_id": f"C{number:02}", "date": date(2025, 1, 1) + timedelta(chance.randrange(180)),
         "amount": 10.0 + number} for number in range(30) for _ in range(3)
    ]  # fmt: skip


SURVEYS = pa.schema([("customer_id", pa.string()), ("date", pa.date32()), ("dimension", pa.string()),
                     ("score", pa.float64())])  # fmt: skip


def answer(customer: str, day: date, dimension: str | None, score: float | None) -> dict[str, Any]:
    return {"customer_id": customer, "date": day, "dimension": dimension, "score": score}


@pytest.fixture(scope="module")
def work(worked: Callable[..., Work]) -> Work:
    return worked(orders(), as_of=AS_OF)


@pytest.fixture
def asked(work: Work, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[Work, Any]]:
    """The company after it asked its customers, and what was found."""

    def ask(surveys: list[dict[str, Any]], **settings: Any) -> tuple[Work, Any]:
        table = pa.Table.from_pylist(surveys, schema=SURVEYS) if surveys else None
        book = replace(work.book, surveys=table if table is None else work.engine.table(table)).known(AS_OF)
        folder = tmp_path_factory.mktemp("asked")
        one = replace(work, book=book, settings=work.settings.changed(**settings),
                      forecasted=replace(work.forecasted, folder=folder))  # fmt: skip
        return one, measured(one)

    return ask


def test_v23_names_of_both_languages_are_known() -> None:
    kinds = [kind_of(name) for name in KOTLER]
    assert kinds == ["product", "service", "staff", "image", "money", "time", "energy", "physical"]
    assert [kind_of(name) for name in ("price", "delivery", "cost", "")] == [None] * 4


def test_v23_delivered_value_from_a_survey(asked: Asked) -> None:
    day = date(2025, 3, 3)
    surveys = [answer("C29", day, name, score) for name, score in KOTLER.items()]
    surveys += [answer("C01", day, "Product value", 2), answer("C01", day, "time cost", 3)]
    work, found = asked(surveys)
    facts = found.facts
    rows = {row["customer_id"]: row for row in pq.read_table(work.folder / "for_customers.parquet").to_pylist()}
    one = rows["C29"]
    assert (one["total_value"], one["total_cost"], one["delivered"], one["ratio"]) == (10, 8, 2, 1.25)
    assert rows["C01"]["product"] == 2
    assert rows["C01"]["delivered"] is None, "parts were not answered"
    parts = facts["delivered"]["parts"]
    assert (parts["product"], parts["time"], parts["image"]) == (3, 2, 1)
    assert facts["delivered"]["difference"] == pytest.approx(9 - 9)
    top = facts["tiers"][0]
    assert top["tier"] == "vip"
    assert top["delivered"]["ratio"] == 1.25


def test_newest_answers_count_and_the_past_is_kept_by_period(asked: Asked) -> None:
    surveys = [answer("C01", date(2025, 2, 3), "product", 1), answer("C01", date(2025, 5, 3), "product", 4),
               answer("C01", date(2025, 5, 3), "product", 5)]  # fmt: skip
    _, found = asked(surveys)
    facts = found.facts
    (dimension,) = facts["dimensions"]
    assert (dimension["mean"], dimension["customers"], facts["answers"]) == (4.5, 1, 3)
    assert [(row["period"], row["mean"]) for row in facts["periods"]] == [
        (date(2025, 2, 1), 1),
        (date(2025, 5, 1), 4.5),
    ]
    assert facts["delivered"] is None, "nobody was asked what it costs them"


def test_means_agree_with_adding_up_by_hand(asked: Asked) -> None:
    chance = random.Random(6)
    surveys = [
        answer(f"C{chance.randrange(34):02}", date(2025, 1, 1) + timedelta(number), chance.choice("xyz"),
               chance.choice([1, 2, 3, 4, 5, None])) for number in range(150)
    ]  # fmt: skip
    work, found = asked(surveys)
    facts = found.facts
    known = [row for row in surveys if row["score"] is not None and row["customer_id"] < "C30"]
    newest: dict[tuple[str, str], float] = {}
    for row in known:  # in the order of their days
        newest[row["dimension"], row["customer_id"]] = row["score"]
    for one in facts["dimensions"]:
        mine = [score for (dimension, _), score in newest.items() if dimension == one["dimension"]]
        assert one["mean"] == pytest.approx(sum(mine) / len(mine))
        assert one["customers"] == len(mine) == sum(tier["customers"] for tier in one["tiers"])
    assert facts["answers"] == len(known)
    assert facts["unknown"] == sum(row["score"] is not None for row in surveys) - len(known)
    random.Random(1).shuffle(surveys)
    later = [answer("C01", date(2025, 7, 9), "x", 1)]
    again, same = asked(surveys + later)
    assert same.facts == facts
    mine, other = (pq.read_table(one.folder / "for_customers.parquet") for one in (work, again))
    assert mine.equals(other)


def test_v24_the_market_takes_our_scores_from_the_survey(asked: Asked) -> None:
    surveys = [answer("C01", date(2025, 2, 3), "quality", 6), answer("C02", date(2025, 2, 3), "support", 4)]
    market = {"weights": {"quality": 0.6, "support": 0.4}, "us": {"price": 105},
              "competitors": {"X": {"price": 100, "scores": {"quality": 5, "support": 4}}}}  # fmt: skip
    _, found = asked(surveys, market=market)
    facts = found.facts
    assert facts["market"]["quality"] == pytest.approx(1.12)
    assert facts["market"]["value"] == pytest.approx(1.067, abs=5e-4)


def test_a_market_without_scores_is_said_and_the_run_goes_on(asked: Asked) -> None:
    market = {"competitors": {"X": {"price": 100, "scores": {"quality": 5}}}}
    _, found = asked([], market=market)
    ((code, text),) = found.warnings
    assert (code, found.facts) == ("market_incomplete", {})
    assert "quality" in text.zh


def test_too_many_dimensions_are_said(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kezhi.worth.for_customers.MOST_DIMENSIONS", 2)
    surveys = [answer("C01", date(2025, 2, 3), name, 3) for name in ("a", "b", "c", None)]
    _, found = asked(surveys)
    assert [code for code, _ in found.warnings] == ["many_dimensions"]
    assert (len(found.facts["dimensions"]), found.facts["unknown"]) == (2, 0)


def test_a_survey_file_is_read_and_one_without_dimensions_too(worked: Callable[..., Work]) -> None:
    rows = [
        {"customer_id": "C01", "date": "2025-02-03", "score": "4"},
        {"customer_id": "C02", "date": "2025-02-03", "score": ""},
    ]
    found = measured(worked(orders(), surveys=rows, as_of=AS_OF))
    assert found is not None
    (dimension,) = found.facts["dimensions"]
    assert (dimension["dimension"], dimension["mean"], dimension["customers"]) == ("overall", 4, 1)


def test_without_surveys_there_is_nothing(asked: Asked) -> None:
    assert asked([])[1] is None
