"""Contract and input: the files, their bytes, their dirt and what happens with odd arguments."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from kezhi.demo import Company, make_company
from kezhi.demo.words import HEADERS
from kezhi.language import KezhiError

REQUIRED = {
    "orders": ("customer_id", "date", "amount"),
    "customers": ("customer_id",),
    "products": ("product_id",),
    "product_links": ("product_id", "linked_id"),
    "expenses": ("date", "amount"),
    "opportunities": ("opportunity_id", "customer_id", "amount"),
    "suggestions": ("customer_id", "date"),
    "contacts": ("customer_id", "date"),
    "surveys": ("customer_id", "date"),
    "actions": ("customer_id", "date", "action", "arm"),
    "receivables": ("customer_id", "due_on", "amount"),
}


def rows(company: Company, table: str) -> list[dict[str, str]]:
    with company.files[table].open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def fault(row: dict[str, str], last_day: date) -> str:
    """What is wrong with an order row, decided without looking at how the dirt was made."""
    if not any(row.values()):
        return "blank_row"
    if not row["customer_id"]:
        return "missing_customer"
    if not row["date"]:
        return "missing_date"
    if not row["amount"]:
        return "missing_amount"
    if not re.fullmatch(r"-?\d+\.\d\d", row["amount"]):
        return "unreadable_amount"
    try:
        day = date.fromisoformat(row["date"])
    except ValueError:
        return "unreadable_date"
    return "future_date" if day > last_day else "clean"


def test_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    first = make_company(tmp_path / "a", customers=300, seed=7)
    second = make_company(tmp_path / "b", customers=300, seed=7)
    other = make_company(tmp_path / "c", customers=300, seed=8)
    assert {path.name for path in first.files.values()} == {path.name for path in (tmp_path / "a").iterdir()}
    for table, path in first.files.items():
        assert path.read_bytes() == second.files[table].read_bytes(), table
    assert first.files["orders"].read_bytes() != other.files["orders"].read_bytes()


def test_dirt_is_what_was_said(full: Company) -> None:
    found = Counter(fault(row, full.last_day) for row in rows(full, "orders"))
    assert found.pop("clean") == full.truth["clean_order_rows"]
    assert found.pop("blank_row") == full.blank_rows >= 1
    assert dict(found) == dict(full.dirt) == full.truth["dirt"]
    assert full.dirt["missing_customer"] == round(0.005 * full.truth["clean_order_rows"])
    assert min(full.dirt.values()) >= 1


def test_dirt_leaves_the_clean_rows_alone(full: Company, clean: Company) -> None:
    kept = [row for row in rows(full, "orders") if fault(row, full.last_day) == "clean"]
    assert kept == rows(clean, "orders")
    assert not clean.dirt
    assert clean.blank_rows == 0


@pytest.mark.parametrize("table", REQUIRED)
def test_tables_have_their_columns_and_rows(full: Company, table: str) -> None:
    read = rows(full, table)
    assert len(read) == full.counts[table] + (full.blank_rows if table == "orders" else 0) > 0
    assert list(read[0]) == list(HEADERS[table])
    if table != "orders":
        assert all(row[column] for row in read for column in REQUIRED[table])


def test_chinese_files_are_chinese_and_open_in_excel(chinese: Company) -> None:
    for table, headers in HEADERS.items():
        raw = chinese.files[table].read_bytes()
        assert raw.startswith(b"\xef\xbb\xbf"), table
        assert raw.decode("utf-8-sig").splitlines()[0] == ",".join(headers.values())
    names = [row["客户名称"] for row in rows(chinese, "customers")]
    assert all(re.fullmatch(r"[\u4e00-\u9fff]+", name) for name in names)
    assert rows(chinese, "products")[0]["商品名称"].startswith("西湖龙井")


def test_language_changes_words_only(chinese: Company, tmp_path: Path) -> None:
    english = make_company(tmp_path, customers=400)
    assert not english.files["orders"].read_bytes().startswith(b"\xef\xbb\xbf")
    for there, here in (("实付金额", "amount"), ("下单日期", "date"), ("成本", "cost"), ("数量", "quantity")):
        said = {"待确认": "to be confirmed", "待核实": "pending"}
        column = [said.get(row[there], row[there]) for row in rows(chinese, "orders")]
        assert column == [row[here] for row in rows(english, "orders")]


def test_nobody_can_be_reached(full: Company, chinese: Company) -> None:
    people = rows(full, "customers")
    assert all(re.fullmatch(r"\+1 [2-9]\d\d 555 01\d\d", row["phone"]) for row in people)
    assert len({row["phone"] for row in people}) == len(people)
    assert all(row["email"].endswith("@example.com") for row in people)
    assert all(row["电话"].startswith("120") for row in rows(chinese, "customers"))


def test_truth_is_on_disk(full: Company) -> None:
    assert json.loads(full.files["truth"].read_text(encoding="utf-8")) == json.loads(json.dumps(full.truth))
    assert full.truth["groups"][0]["a"] == 4.0
    assert (full.first_day, full.last_day) == (date(2022, 10, 1), date(2025, 9, 30))


@pytest.mark.parametrize("customers", [1, 2, 50])
@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("plain", [False, True])
def test_small_companies(tmp_path: Path, customers: int, language: str, plain: bool) -> None:
    company = make_company(tmp_path, customers=customers, language=language, plain=plain)  # type: ignore[arg-type]
    assert company.counts["customers"] == customers
    assert company.truth["clean_order_rows"] >= customers
    assert bool(company.dirt) is not plain


@pytest.mark.parametrize("years", [1, 9])
def test_other_spans(tmp_path: Path, years: int) -> None:
    company = make_company(tmp_path, customers=60, years=years)
    assert company.first_day == date(2025 - years, 10, 1)
    assert len(company.truth["season"]) == 12 * years
    assert sum(company.truth["season"]) == pytest.approx(12 * years)


@pytest.mark.parametrize(
    "wrong", [{"customers": 0}, {"customers": -5}, {"customers": 10**9}, {"years": 0}, {"years": 40}]
)
def test_impossible_companies_are_refused(tmp_path: Path, wrong: dict[str, int]) -> None:
    with pytest.raises(KezhiError) as refusal:
        make_company(tmp_path / "none", **wrong)  # type: ignore[arg-type]
    name, value = next(iter(wrong.items()))
    assert name in refusal.value.text.en
    assert str(value) in refusal.value.text.zh
    assert not (tmp_path / "none").exists()
