"""Points: terms, rules and their sums (inventory V03, V04, V05, V06, V08)."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kezhi.engine import Engine
from kezhi.language import KezhiError
from kezhi.settings import read_settings
from kezhi.settings.scoring import rules_of
from kezhi.worth import Found, Work
from kezhi.worth.points import measured, points_of

DAY = date(2025, 3, 31)
Rows = list[dict[str, Any]]


def order(customer: str, amount: float, day: date = DAY) -> dict[str, Any]:
    """One order line."""
    return {"customer_id": customer, "date": day, "amount": amount}


def suggestion(customer: str, grade: str | None, day: date = DAY) -> dict[str, Any]:
    """One suggestion."""
    return {"customer_id": customer, "date": day, "grade": grade, "text": "a softer handle"}


def opportunity(number: int, customer: str, amount: float, stage: str | None = "quoted", **more: Any) -> dict[str, Any]:
    """One opportunity."""
    given = {"opened_on": DAY, "expected_on": date(2025, 6, 30), "probability": 0.4} | more
    return {"opportunity_id": f"O{number}", "customer_id": customer, "amount": amount, "stage": stage, **given}


def owed(customer: str, amount: float, due: date, paid: date | None = None) -> dict[str, Any]:
    """One receivable."""
    return {"customer_id": customer, "due_on": due, "amount": amount, "paid_on": paid}


def table(work: Work, name: str) -> Rows:
    """Rows of one of the run's files."""
    rows: Rows = pq.read_table(work.folder / f"{name}.parquet").to_pylist()
    return rows


def scores(work: Work) -> dict[str, Decimal]:
    """Points by customer."""
    return {row["customer_id"]: row["points"] for row in table(work, "rankings")}


def parts(work: Work) -> dict[tuple[str, str], Decimal]:
    """Points by customer and term."""
    return {(row["customer_id"], row["term"]): row["points"] for row in table(work, "points")}


def with_rules(work: Work, **points: Any) -> Work:
    """The same company with other rules."""
    return replace(work, settings=read_settings(work.settings.model_dump() | {"points": points}))


@pytest.fixture(scope="module")
def company(worked: Callable[..., Work]) -> Work:
    """The customers of the mission's examples."""
    return worked(
        [order("mission", 1_000_000), order("three quarters", 750_000), order("large", 1_000_000), order("small", 500),
         order("debtor", 100, date(2025, 1, 15))],
        opportunities=[
            opportunity(1, "mission", 500_000),
            opportunity(2, "mission", 900_000, "Closed-Won"),
            opportunity(3, "mission", 900_000, "输单"),
            opportunity(4, "mission", 900_000, opened_on=DAY + timedelta(days=1)),
        ],
        suggestions=[
            *(suggestion("mission", "high") for _ in range(5)),
            *(suggestion("adviser", grade) for grade in ("High", "高价值", "HIGH ", "高", "high")),
            suggestion("small", "ordinary"),
            suggestion("debtor", "一般"),
            suggestion("debtor", "high", DAY + timedelta(days=1)),
        ],
        receivables=[
            owed("debtor", 120_000, DAY),
            owed("debtor", 80_000, date(2025, 1, 1), DAY + timedelta(days=3)),
            owed("debtor", 500_000, date(2025, 1, 1), DAY),
            owed("debtor", 700_000, DAY + timedelta(days=1)),
        ],
        customers=[
            {"customer_id": "mission", "acquired_on": date(2020, 3, 31), "referrer_id": "large", "role": "Distributor",
             "budget": 7_000.0, "acquisition_cost": 1_000.0},
            {"customer_id": "large", "acquired_on": None, "referrer_id": "large", "role": "agent", "budget": None,
             "acquisition_cost": None},
            {"customer_id": "small", "acquired_on": None, "referrer_id": "large", "role": None,
             "budget": 10.0, "acquisition_cost": 2.0},
            {"customer_id": "later", "acquired_on": DAY + timedelta(days=1), "referrer_id": "large", "role": None,
             "budget": None, "acquisition_cost": None},
            {"customer_id": "adviser", "acquired_on": date(2024, 1, 1), "referrer_id": "nobody", "role": "consumer",
             "budget": 20.0, "acquisition_cost": None},
        ],
        surveys=[
            {"customer_id": "mission", "date": DAY, "dimension": "quality", "score": 5.0},
            {"customer_id": "mission", "date": DAY, "dimension": "price", "score": 4.0},
            {"customer_id": "small", "date": DAY, "dimension": "price", "score": 1.0},
            {"customer_id": "small", "date": DAY, "dimension": "service", "score": None},
        ],
        as_of=DAY,
    )  # fmt: skip


# --- golden: the mission's numbers


def test_v03_v04_v05_the_parts_of_the_mission_s_customer(company: Work) -> None:
    found = measured(company)
    assert found is not None
    given = parts(company)
    assert scores(company)["mission"] == 65
    assert [given["mission", term] for term in ("bought", "open", "suggestions")] == [10, 5, 50]
    assert ("mission", "needs") not in given
    assert given["three quarters", "bought"] == Decimal("7.5")
    assert given["small", "suggestions"] == given["debtor", "suggestions"] == 2
    assert ("large", "suggestions") not in given
    facts = {term["term"]: term for term in found.facts["terms"]}
    assert facts["suggestions"]["records"] == 12
    assert facts["suggestions"]["points"] == 104
    assert facts["bought"]["rule"]["zh"] == "每 1,000,000 计 10 分，按比例计算"
    assert not found.warnings


def test_v06_who_suggests_may_stand_before_who_buys(company: Work) -> None:
    measured(company)
    rows = {row["customer_id"]: row for row in table(company, "rankings")}
    adviser, large = rows["adviser"], rows["large"]
    assert (adviser["amount"], adviser["points"], large["points"]) == (0, 50, 10)
    assert adviser["rank_points"] < large["rank_points"]
    assert adviser["rank_amount"] > large["rank_amount"]
    assert parts(company)["adviser", "suggestions"] == 50  # the reason, as the score sheet shows it


def test_v08_arrears_and_other_factors(company: Work) -> None:
    work = with_rules(
        company,
        arrears={},
        years={},
        satisfaction={},
        referrals={},
        acquisition_cost={"per": 1000},
        bought={"weight": 0},
    )
    found = measured(work)
    assert found is not None
    given = parts(work)
    assert given["debtor", "arrears"] == -2
    assert scores(work)["debtor"] == Decimal("0.2053")  # 2 for a suggestion, -2, and 75 days
    assert given["mission", "satisfaction"] == 3
    assert given["small", "satisfaction"] == -4
    assert given["large", "referrals"] == 10  # not itself, but one who was won, and one who bought
    assert ("nobody", "referrals") not in given
    assert given["mission", "years"] == Decimal("4.9994")
    assert given["adviser", "years"] == Decimal("1.2457")
    assert given["mission", "acquisition_cost"] == -10
    assert found.facts["negative"] == 1
    assert not any(term == "bought" for _, term in given)


def test_steps_caps_weights_kinds_and_columns(company: Work) -> None:
    work = with_rules(
        company,
        bought={"steps": [[500, 1], [750_000, 5], [1_000_000, 8]], "weight": 2},
        open={"probability": True, "cap": 1.5},
        suggestions={"points": 3},
        kind={"source": "customers.role", "grades": {"distributor": 4, "agent": -1}},
        budget={"source": "customers.budget", "per": 1000, "points": 1, "zero_at": 2000},
    )
    measured(work)
    given = parts(work)
    names = ("debtor", "small", "three quarters", "large")
    assert [given[name, "bought"] for name in names] == [0, 2, 10, 16]
    assert given["mission", "open"] == Decimal("1.5")  # 500 000 x 0.4 are 2
    assert given["adviser", "suggestions"] == 15
    assert (given["mission", "kind"], given["large", "kind"]) == (4, -1)
    assert ("adviser", "kind") not in given
    assert (given["mission", "budget"], given["small", "budget"]) == (5, Decimal("-1.99"))


def test_predicted_needs_count_where_the_run_predicts_them(company: Work, engine: Engine) -> None:
    path = company.folder / "needs.parquet"
    rows = [{"customer_id": "small", "product_id": "P", "expected_value": 250_000.0},
            {"customer_id": "small", "product_id": "Q", "expected_value": None}]  # fmt: skip
    engine.write_parquet(engine.table(pa.Table.from_pylist(rows)), path)
    try:
        measured(company)
        assert parts(company)["small", "needs"] == Decimal("2.5")
    finally:
        path.unlink()


# --- agreement with a slow, obvious way


def random_book(seed: int) -> dict[str, Rows]:
    """A small book of everything that gives points."""
    draw = random.Random(seed)
    ids = [f"C{number:02d}" for number in range(40)]
    day = lambda: date(2024, 1, 1) + timedelta(days=draw.randrange(400))  # noqa: E731
    return {
        "orders": [order(draw.choice(ids[:30]), draw.randrange(-50_00, 900_000_00) / 100, day()) for _ in range(90)],
        "opportunities": [
            opportunity(n, draw.choice(ids), draw.randrange(1, 10**6), draw.choice(("quoted", "won", None)),
                        opened_on=day()) for n in range(60)
        ],
        "suggestions": [suggestion(draw.choice(ids), draw.choice(("high", "ordinary", "odd", None)), day())
                        for _ in range(60)],
        "receivables": [owed(draw.choice(ids), draw.randrange(1, 10**7) / 100, day(), draw.choice((None, day())))
                        for _ in range(60)],
    }  # fmt: skip


def slow_points(book: dict[str, Rows], end: date) -> dict[str, Decimal]:
    """Points by customer, one record after the other."""
    sums: dict[tuple[str, str], Decimal] = {}

    def add(customer: str, term: str, what: float) -> None:
        sums[customer, term] = sums.get((customer, term), Decimal(0)) + Decimal(str(what))

    for row in book["orders"]:
        if row["date"] <= end:
            add(row["customer_id"], "bought", row["amount"])
    for row in book["opportunities"]:
        if row["opened_on"] <= end and row["stage"] != "won":
            add(row["customer_id"], "open", row["amount"])
    for row in book["suggestions"]:
        if row["date"] <= end and row["grade"] in ("high", "ordinary"):
            add(row["customer_id"], "suggestions", {"high": 10, "ordinary": 2}[row["grade"]])
    for row in book["receivables"]:
        if row["due_on"] <= end and not (row["paid_on"] and row["paid_on"] <= end):
            add(row["customer_id"], "arrears", -row["amount"])
    points: dict[str, Decimal] = {}
    for (customer, term), total in sums.items():
        each = total if term == "suggestions" else total / 100_000
        points[customer] = points.get(customer, Decimal(0)) + each.quantize(Decimal("0.0001"), ROUND_HALF_UP)
    return points


@pytest.fixture(scope="module")
def many(worked: Callable[..., Work]) -> Work:
    """A company of random records, some of them after the last day."""
    return worked(**random_book(5), as_of=date(2024, 12, 31), points={"arrears": {}})


def test_the_engine_adds_up_as_one_would_by_hand(many: Work) -> None:
    found = measured(many)
    assert found is not None
    slow = slow_points(random_book(5), date(2024, 12, 31))
    assert {name: points for name, points in scores(many).items() if points} == {n: p for n, p in slow.items() if p}
    assert found.facts["points"] == sum(slow.values())
    assert found.facts["customers"] == sum(1 for points in slow.values() if points)
    codes = [code for code, _ in found.warnings]
    assert codes == ["points_grade"]


@pytest.mark.parametrize(
    "rule",
    [
        {"points": 7, "per": 3, "zero_at": 5},
        {"steps": [[-5, 1], [0, 2], [10.5, 3]]},
        {"points": -3, "cap": 2, "weight": 3},
    ],
)
def test_a_rule_gives_a_number_what_it_gives_a_column(engine: Engine, rule: dict[str, Any]) -> None:
    from kezhi.worth.points import points_column

    (made,) = (one for one in rules_of(read_settings({"points": {"x": rule}}).points) if one.name == "x")
    draw = random.Random(3)
    quantities = [Decimal(draw.randrange(-300_000, 300_000)).scaleb(-4) for _ in range(300)] + [Decimal("10.5")]
    rows = engine.table(pa.table({"quantity": pa.array(quantities, pa.decimal128(28, 4))}))
    fetched = engine.fetch(rows.select("quantity", points=points_column(rows, made))).to_pylist()
    assert len(fetched) == 301
    assert [row["points"] for row in fetched] == [points_of(made, row["quantity"]) for row in fetched]


# --- invariance


def content(work: Work) -> list[bytes]:
    """The files as they were written."""
    return [(work.folder / f"{name}.parquet").read_bytes() for name in ("points", "rankings")]


def shuffled(work: Work, engine: Engine) -> Work:
    """The same book with its rows in another order."""
    names = ("opportunities", "suggestions", "receivables")
    tables = {}
    for name in names:
        rows = engine.fetch(getattr(work.book, name))
        order = list(range(rows.num_rows))
        random.Random(1).shuffle(order)
        tables[name] = engine.table(rows.take(order))
    return replace(work, book=replace(work.book, **tables))


def test_the_order_of_rows_and_what_comes_later_change_nothing(many: Work, engine: Engine) -> None:
    measured(many)
    before = content(many)
    measured(shuffled(many, engine))
    assert content(many) == before
    late = [row for row in random_book(5)["receivables"] if row["due_on"] > many.as_of]
    assert late
    early = many.book.receivables.filter(many.book.receivables.due_on <= many.as_of)  # type: ignore[union-attr]
    measured(replace(many, book=replace(many.book, receivables=early)))
    assert content(many) == before


# --- limits


def test_purchases_alone_give_no_points_unless_asked_for(company: Work) -> None:
    nothing = dict.fromkeys(("opportunities", "suggestions", "receivables", "surveys", "contacts"))
    bare = replace(company, book=replace(company.book, **nothing))  # type: ignore[arg-type]
    assert measured(bare) is None
    asked = with_rules(bare, bought={"per": 1000})
    found = measured(asked)
    assert found is not None
    assert scores(asked)["small"] == 5
    assert found.facts["factors"] == {}
    weighed = replace(asked, settings=asked.settings.changed(factors={"profit": 0.4, "need": 0.1}))
    again = measured(weighed)
    assert again is not None
    assert again.facts["factors"] == {"profit": 0.4, "category": 0.25, "loyalty": 0.25}  # nothing is known of needs
    best = max(table(weighed, "rankings"), key=lambda row: row["profit_score"])
    assert (best["profit_score"], "need_score" in best) == (7.5, False)  # another bought as much


def test_empty_tables_and_no_term_at_all(company: Work, engine: Engine) -> None:
    book = company.book
    assert book.suggestions is not None
    empty = replace(company, book=replace(book, suggestions=book.suggestions.limit(0), opportunities=None))
    found = measured(empty)
    assert found is not None
    assert found.facts["terms"][2]["customers"] == 0
    switched_off = {name: {"weight": 0} for name in ("bought", "open", "suggestions", "needs")}
    nothing = measured(with_rules(company, **switched_off))
    assert nothing is not None
    assert nothing.facts == {"terms": []}
    assert nothing.columns is None


# --- input


def told(found: Found | None) -> dict[str, str]:
    """Warnings by code, in English; each of them is in Chinese as well."""
    assert found is not None
    assert all(any("一" <= letter <= "鿿" for letter in text.zh) for _, text in found.warnings)
    return {code: text.en for code, text in found.warnings}


def test_what_a_rule_gets_wrong_is_said_and_the_others_count(company: Work) -> None:
    work = with_rules(
        company,
        brand={},
        height={"source": "customers.height", "points": 1},
        role={"source": "customers.role", "points": 1},
        acquisition_cost={},
        suggestions={"grades": {"high": 10}},
    )
    nobody = replace(work, book=replace(work.book, customers=work.book.customers.drop("acquisition_cost")))  # type: ignore[union-attr]
    found = measured(nobody)
    assert scores(work)["mission"] == 65
    said = told(found)
    assert set(said) == {"points_source", "points_column", "points_no_data", "points_grade"}
    assert "'brand'" in said["points_source"]
    assert "customers.COLUMN" in said["points_source"]
    assert "'role'" in said["points_column"]
    assert said["points_grade"].startswith("2 records")
    assert "ordinary" in said["points_grade"]


def test_a_company_of_small_amounts_is_told_to_lower_per(company: Work) -> None:
    thousandth = with_rules(company, bought={"per": 10**9})
    said = told(measured(thousandth))["points_small"]
    assert "only 0.01 points" in said
    assert "points.bought.per = 1000000 it would be 10.0" in said
    lowered = with_rules(company, bought={"per": 1_000_000})
    assert "points_small" not in told(measured(lowered))


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"points": {"bought": {"per": 0}}}, "points.bought.per"),
        ({"points": {"bought": {"pro": 5}}}, "points.bought.pro"),
        ({"points": {"bought": {"points": 1, "steps": [[0, 1]]}}}, "more than one rule"),
        ({"points": {"bought": {"steps": [[5, 1], [0, 2]]}}}, "first numbers rise"),
        ({"points": {"open": {"grades": {"high": 1}}}}, "only suggestions"),
        ({"points": {"x": {"source": "customers.x"}}}, "does not say what customers.x is worth"),
        ({"points": 5}, "points"),
        ({"factors": {"profit": 0.5}}, "add up to 1; they add up to 1.25"),
        ({"ranking": {"money_weight": 2}}, "ranking.money_weight"),
    ],
)
def test_nonsense_in_the_file_is_refused_with_a_sentence(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(KezhiError) as refused:
        read_settings(settings)
    assert sentence in refused.value.text.en
    assert refused.value.text.zh != refused.value.text.en


def test_the_examples_of_the_documentation_can_be_read() -> None:
    import tomllib

    for language in ("en", "zh"):
        page = (Path(__file__).parents[2] / "docs" / "worth" / f"points.{language}.md").read_text(encoding="utf-8")
        examples = [block.split("```", 1)[0] for block in page.split("```toml\n")[1:]]
        assert len(examples) == 3
        for example in examples:
            read_settings(tomllib.loads(example))
