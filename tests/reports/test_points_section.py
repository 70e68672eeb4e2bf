"""Points in the report: who has most, why, and the sheet of the workbook."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from python_calamine import load_workbook

from kezhi.engine import Engine
from kezhi.language import Language
from kezhi.reports.sections import Canvas
from kezhi.reports.workbook import Book
from kezhi.reports.worth import points
from kezhi.worth.rankings import RANKED

MONEY = pa.decimal128(28, 4)
TERMS = (("bought", "bought so far", "累计购买金额"), ("suggestions", "suggestions", "客户建议"))


def term(name: str, en: str, zh: str, given: int) -> dict[str, Any]:
    """A term as worth.json has it."""
    rule = {"en": "10 points each", "zh": "每条 10 分"}
    return {
        "term": name,
        "text": {"en": en, "zh": zh},
        "rule": rule,
        "customers": 30,
        "records": 30,
        "points": str(given),
    }


def run_folder(folder: Path, customers: int = 30, suggesting: int = 12) -> dict[str, Any]:
    """Customers of whom the smallest buyers suggest most; the facts of worth.json."""
    rows, parts = [], []
    for number in range(customers):
        bought, suggested = customers - number, 50 * (number >= customers - suggesting)
        ids = {"customer_id": f"C{number:02d}", "name": "<b>one</b>" if number == customers - 1 else None}
        whole = {"amount": bought, "points": bought + suggested, "money_points": bought, "other_points": suggested}
        rows.append(ids | {name: Decimal(value) for name, value in whole.items()})
        parts += [{"customer_id": ids["customer_id"], "term": name, "points": Decimal(value)}
                  for name, value in (("bought", bought), ("suggestions", suggested))]  # fmt: skip
    total = float(sum(row["amount"] for row in rows))
    for row in rows:
        for rank, name in (("rank_amount", "amount"), ("rank_points", "points"), ("rank_other", "other_points")):
            row[rank] = 1 + sum(1 for other in rows if other[name] > row[name])
        row |= {"combined": 1.0, "rank_combined": row["rank_amount"], "share": float(row["amount"]) / total}
        row |= {"cumulative_share": 0.5, "factor_score": 5.0}
    pq.write_table(pa.Table.from_pylist(rows).select([*RANKED, "factor_score"]), folder / "rankings.parquet")
    schema = pa.schema([("customer_id", pa.string()), ("term", pa.string()), ("points", MONEY)])
    pq.write_table(pa.Table.from_pylist(parts, schema=schema), folder / "points.parquet")
    whole_of = [sum(part["points"] for part in parts if part["term"] == name) for name, *_ in TERMS]
    return {
        "terms": [term(*names, int(given)) for names, given in zip(TERMS, whole_of, strict=True)],
        "customers": customers,
        "points": str(sum(whole_of)),
        "ranking": {"by": "rank", "money_weight": 0.5},
        "factors": {"profit": 1.0},
    }


@pytest.fixture
def found(engine: Engine, tmp_path: Path) -> points.Points:
    """The report's data of such a run."""
    made = points.build(engine, tmp_path, run_folder(tmp_path))
    assert made is not None
    return made


def test_the_best_and_what_gave_them_their_points(found: points.Points) -> None:
    assert [one.row["customer_id"] for one in found.best[:2]] == ["C18", "C19"]
    assert found.best[0].parts == {"bought": 12, "suggestions": 50}
    assert [points.mainly(one) for one in found.small_buyers] == ["suggestions"] * 10
    assert found.turnover[0].row["customer_id"] == "C00"


@pytest.mark.parametrize(
    ("language", "why"),
    [
        ("en", "Of the 20 customers with the most points, 10 are not among the 20 largest buyers; they are there "
               "mainly for: suggestions."),
        ("zh", "积分最高的 20 位客户中，有 10 位不在购买最多的 20 位之内，得分主要来自客户建议。"),
    ],
)  # fmt: skip
def test_v06_the_page_says_why_small_buyers_are_important(found: points.Points, language: Language, why: str) -> None:
    page = points.section(found, None, Canvas(language))
    assert why in page
    assert "<b>one" not in page
    assert "%" in page


def test_a_term_that_decides_is_named(engine: Engine, tmp_path: Path) -> None:
    facts = run_folder(tmp_path, suggesting=30)
    page = points.section(points.build(engine, tmp_path, facts), None, Canvas("en"))  # type: ignore[arg-type]
    assert "76% of all points" not in page
    facts["terms"][1]["points"] = "5000"
    page = points.section(points.build(engine, tmp_path, facts), None, Canvas("en"))  # type: ignore[arg-type]
    assert "91% of all points come from one term: suggestions." in page


def test_the_sheet_has_the_parts_as_columns(found: points.Points, engine: Engine, tmp_path: Path) -> None:
    book = Book(tmp_path / "points.xlsx", engine.scratch, "en")
    points.sheets(found, book, engine, tmp_path, None)
    book.close()
    rows = load_workbook(str(tmp_path / "points.xlsx")).get_sheet_by_name("Points").to_python()
    heads = next(row for row in rows if row[0] == "Customer id")
    table = [dict(zip(heads, row, strict=True)) for row in rows[rows.index(heads) + 1 :]]
    assert len(table) == 30
    assert (table[0]["Customer id"], table[0]["Points"], table[0]["Suggestions"]) == ("C18", 62, 50)
    assert sum(row["Points"] for row in table) == rows[1][heads.index("Points")] == float(found.points)


def test_no_points_no_section(engine: Engine, tmp_path: Path) -> None:
    assert points.build(engine, tmp_path, json.loads('{"terms": []}')) is None
