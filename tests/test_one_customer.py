"""One customer from all sides, the score sheet, and people's scores (inventory V03, V10, V14)."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import kezhi
from kezhi.analysis import analyse
from kezhi.cli.app import main
from kezhi.engine import Engine
from kezhi.intake import import_table
from kezhi.language import KezhiError
from kezhi.one_customer import CustomerView
from kezhi.workspace import Workspace

NOW = datetime(2025, 7, 1, tzinfo=UTC)
END = date(2025, 6, 30)
FIRST = date(2025, 3, 1)
SETTINGS = """
[points.bought]
per = 1000
[points.arrears]
per = 100
[points.years]
[points.satisfaction]
[points.referrals]
[points.acquisition_cost]
per = 10
[factors]
"""


def days(count: int, step: int = 9) -> list[date]:
    """Days from the first on."""
    return [date.fromordinal(FIRST.toordinal() + step * number) for number in range(count)]


def book() -> dict[str, list[dict[str, Any]]]:
    """Everything about A, and three customers besides."""
    orders = [
        {"customer_id": who, "date": day, "amount": 100.0 + 10 * n, "order_id": f"{who}{n}"}
        for who, count in (("A", 12), ("B", 7), ("C", 5), ("D", 3))
        for n, day in enumerate(days(count))
    ]
    return {
        "orders": [*orders, {"customer_id": "A", "date": END, "amount": -40.0, "order_id": "A3"}],
        "customers": [
            {"customer_id": "A", "name": "Anna", "phone": "+1 201 555 0100", "email": "a@example.com",
             "home_address": "x", "acquired_on": date(2024, 6, 30), "acquisition_cost": 25.0, "referrer_id": None,
             "region": "North"},
            {"customer_id": "B", "name": "Bea", "phone": None, "email": None, "home_address": None,
             "acquired_on": FIRST, "acquisition_cost": 12.0, "referrer_id": "A", "region": "South"},
        ],
        "opportunities": [
            {"opportunity_id": "O1", "customer_id": "A", "amount": 500_000.0,
             "expected_on": date(2025, 9, 1), "stage": "quoted"},
            {"opportunity_id": "O2", "customer_id": "A", "amount": 9_000.0,
             "expected_on": date(2025, 4, 1), "stage": "lost"},
        ],
        "suggestions": [
            {"customer_id": "A", "date": day, "grade": "high" if n < 5 else "ordinary",
             "text": f"idea {n}, call me at 201 555 0199 or a@example.com"} for n, day in enumerate(days(7))
        ],
        "contacts": [{"customer_id": "A", "date": day, "channel": "phone", "note": "greeting"} for day in days(3)],
        "surveys": [{"customer_id": "A", "date": day, "dimension": "price", "score": 3.0 + n} for n, day in
                    enumerate(days(2))],
        "receivables": [
            {"customer_id": "A", "due_on": FIRST, "amount": 150.0, "paid_on": None},
            {"customer_id": "A", "due_on": date(2025, 8, 1), "amount": 99.0, "paid_on": None},
        ],
        "expenses": [{"customer_id": "A", "date": FIRST, "amount": 30.0, "kind": "acquisition"}],
    }  # fmt: skip


def put(engine: Engine, workspace: Workspace, table: str, rows: list[dict[str, Any]]) -> None:
    """Import rows into a table of the book."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    data = pa.table({name: [row.get(name) for row in rows] for name in names})
    import_table(engine, workspace, table, [data], None, NOW.date())


@pytest.fixture(scope="module")
def acme(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a run."""
    folder = tmp_path_factory.mktemp("acme")
    (folder / "kezhi.toml").write_text(SETTINGS, encoding="utf-8")
    for table, rows in book().items():
        put(engine, Workspace(folder), table, rows)
    analyse(workspace=folder, model="nbd", as_of=END, now=NOW, senses=["points"])
    return folder


@pytest.fixture(scope="module")
def seen(acme: Path) -> CustomerView:
    """A from all sides."""
    return kezhi.customer("A", acme, last=2)


def test_v10_every_block_has_as_many_rows_as_the_book(seen: CustomerView) -> None:
    counts = {block.table: block.count for block in seen.blocks}
    own = {table: sum(1 for row in rows if row["customer_id"] == "A") for table, rows in book().items()}
    del own["customers"]
    assert counts == own | {"referrals": 1}
    assert all(len(block.rows) == min(block.count, 2) for block in seen.blocks)
    (newest, _) = next(block.rows for block in seen.blocks if block.table == "orders")
    assert (newest["date"], newest["amount"]) == (END, Decimal(-40))
    assert seen.worth["purchases"] == 12
    assert [row["step"] for row in seen.forecast] == [1, 2, 3]
    assert seen.ranking["rank_points"] == 1
    assert seen.facts["region"] == "North"


def test_v10_a_corrected_export_counts_once(acme: Path, engine: Engine, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(acme, copy)
    again = [row for row in book()["opportunities"] if row["opportunity_id"] == "O1"]
    put(engine, Workspace(copy), "opportunities", [{**again[0], "customer_id": "D"}])
    counts = {
        who: next(block.count for block in kezhi.customer(who, copy).blocks if block.table == "opportunities")
        for who in ("A", "D")
    }
    assert counts == {"A": 1, "D": 1}
    sheet = kezhi.score_sheet(copy, "A")
    assert [part.term for part in sheet.parts if not part.complete] == ["open"]


def test_personal_data_is_shown_only_when_asked_for(acme: Path, seen: CustomerView) -> None:
    hidden = str(seen)
    assert not [secret for secret in ("201 555", "example.com", "home_address") if secret in hidden]
    shown = kezhi.customer("A", acme, private=True)
    assert shown.facts["phone"] == "+1 201 555 0100"
    assert "201 555 0199" in str(shown.sheet)


def test_v03_the_score_sheet_adds_up_to_the_last_digit(acme: Path, seen: CustomerView) -> None:
    sheet = kezhi.score_sheet(acme, "A")
    assert seen.sheet is not None
    assert seen.worth["points"] == sheet.points == seen.sheet.points
    parts = {part.term: part for part in sheet.parts}
    assert [part.points for part in parts.values()] == [
        Decimal("18.2"), 5, 54, -15, Decimal("0.9993"), 1, 5, -30
    ]  # fmt: skip
    assert sheet.points == sum(part.points for part in sheet.parts)
    assert all(part.complete for part in sheet.parts)
    for part in sheet.parts:
        if part.term != "satisfaction":
            assert sum(record.points or 0 for record in part.records) == part.points
            assert sum(record.quantity for record in part.records) == part.quantity
    assert len(parts["bought"].records) == 13
    assert [record.text for record in parts["open"].records] == ["O1"]
    assert [record.grade for record in parts["suggestions"].records].count("high") == 5
    assert [record.points for record in parts["satisfaction"].records] == [None, None]
    assert [record.text for record in parts["referrals"].records] == ["B"]
    assert [record.date for record in parts["acquisition_cost"].records] == [FIRST]


def test_what_the_run_knows_without_its_book(acme: Path, tmp_path: Path, seen: CustomerView) -> None:
    alone = tmp_path / "results"
    shutil.copytree(Workspace(acme).run(None), alone)
    bare = kezhi.customer("A", alone)
    assert bare.blocks == ()
    assert bare.sheet is not None
    assert seen.sheet is not None
    assert bare.sheet.points == seen.sheet.points
    assert not any(part.complete for part in bare.sheet.parts)


def test_t06_a_run_without_points_is_ranked_by_turnover(tmp_path: Path) -> None:
    amounts = {"B": Decimal(30), "C": Decimal(50), "D": Decimal(20)}
    people = pa.table({"customer_id": list(amounts), "amount": pa.array(amounts.values(), pa.decimal128(28, 4))})
    pq.write_table(people, tmp_path / "customers.parquet")
    (tmp_path / "manifest.json").write_text("{}")
    table = kezhi.rankings(tmp_path).to_pylist()
    assert [(row["customer_id"], row["rank_amount"]) for row in table] == [("C", 1), ("B", 2), ("D", 3)]
    assert [row["cumulative_share"] for row in table] == pytest.approx([0.5, 0.8, 1.0])


# --- V14: what people think


def test_v14_a_person_s_score_is_kept_with_author_and_date(acme: Path, tmp_path: Path, seen: CustomerView) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(acme, copy)
    assert seen.ranking["profit_score"] == 10
    kezhi.assess(copy, "A", "profit", 2, author="Old", on=date(2025, 1, 1))
    kezhi.assess(copy, "A", "profit", 4, author="李伟", note='says "so, so"', on=date(2025, 7, 2))
    kezhi.assess(copy, "B", "profit", 9, author="Li", on=date(2025, 7, 3))
    kezhi.assess(copy, "A", "category", 8, author="Li", on=date(2025, 7, 3))
    judged = kezhi.customer("A", copy)
    factors = {one.factor: one for one in judged.factors}
    opinion = factors["profit"].subjective
    assert opinion is not None
    assert (opinion.score, opinion.author, opinion.date, opinion.note) == (4, "李伟", date(2025, 7, 2), 'says "so, so"')
    assert factors["profit"].score == 7  # half of each
    assert (factors["category"].objective, factors["category"].score) == (None, 8)  # no roles are known
    assert len(judged.assessments) == 3
    weights = [one.weight for one in judged.factors]
    assert sum(weights) == 1
    assert judged.factor_score == pytest.approx(sum(one.score or 0 for one in judged.factors) / 4)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (("A", "charm", 5, "Li"), "no factor charm"),
        (("A", "profit", 11, "Li"), "0 to 10"),
        (("A", "profit", float("nan"), "Li"), "0 to 10"),
        (("A", "profit", 5, " "), "--by"),
    ],
)
def test_scores_that_cannot_be_kept(given: tuple[Any, ...], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(KezhiError, match=sentence):
        kezhi.assess(tmp_path, *given[:3], author=given[3])
    assert not list(tmp_path.iterdir())


def test_a_damaged_file_of_scores_names_its_row(acme: Path, tmp_path: Path) -> None:
    from kezhi.assessments import assessments

    (tmp_path / "assessments.csv").write_text("customer_id,factor,score,author,date,note\nA,profit,x,Li,2025-01-01,\n")
    with pytest.raises(KezhiError, match=r"Row 2 of assessments\.csv"):
        assessments(tmp_path)


# --- misuse and the command


def test_unknown_customers_and_places(acme: Path, tmp_path: Path) -> None:
    with pytest.raises(KezhiError, match="no customer Z"):
        kezhi.customer("Z", acme)
    with pytest.raises(KezhiError, match="no customer Z"):
        kezhi.score_sheet(acme, "Z")
    with pytest.raises(KezhiError, match="neither a workspace"):
        kezhi.customer("A", tmp_path)


@pytest.mark.parametrize(
    "words", [("en", "Order lines: 13", "suggestions", "Place among"), ("zh", "订单明细：13", "客户建议", "名次")]
)
def test_the_command_prints_the_view(
    seen: CustomerView, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.setattr("kezhi.one_customer.customer", lambda *_, **__: seen)
    main_returns(["customer", "A", "--lang", words[0]])
    shown = capsys.readouterr().out
    assert all(word in shown for word in words[1:])
    assert "39.1993" in shown
    assert "201 555" not in shown


def test_the_command_keeps_a_score_and_prints_json(
    acme: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(acme, copy)
    main_returns(["customer", "A", "--workspace", str(copy), "--assess", "need=9", "--by", "Li", "--note", "new shop",
                  "--json"])  # fmt: skip
    seen = json.loads(capsys.readouterr().out)
    assert seen["assessments"][0]["author"] == "Li"
    assert Decimal(seen["sheet"]["points"]) == Decimal("39.1993")
    assert "A,need,9.0,Li," in (copy / "assessments.csv").read_text(encoding="utf-8-sig")
    with pytest.raises(SystemExit) as ended:
        main(["customer", "A", "--workspace", str(copy), "--assess", "need", "--by", "Li"])
    assert ended.value.code == 2


def main_returns(arguments: list[str]) -> None:
    """Run a command that ends well."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert not ended.value.code


def test_the_run_s_files_are_as_documented(acme: Path) -> None:
    run = Workspace(acme).run(None)
    assert pq.read_schema(run / "points.parquet").names == ["customer_id", "term", "quantity", "records", "points"]
