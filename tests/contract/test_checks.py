"""Every check, preset and table keeps its promises: both languages, its page, a row that it rejects."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from kezhi.sources import CHECKS, PRESETS, TABLES, read_table

DOCS = Path(__file__).resolve().parents[2] / "docs"
CHINESE = re.compile("[一-鿿]")

BROKEN = {
    "malformed_row": ("orders", "customer,date,amount\na,2025-03-04,1,50\n"),
    "not_a_sale": (
        "orders",
        "Deal Name,Stage,Amount,Closing Date,Account Name\nx,Closed Lost,1,2025-03-04,a\n",
    ),
    "missing_customer": ("orders", "customer,date,amount\n,2025-03-04,1\n"),
    "missing_date": ("orders", "customer,date,amount\na,,1\n"),
    "unreadable_date": ("orders", "customer,date,amount\na,2025-02-30,1\n"),
    "impossible_date": ("orders", "customer,date,amount\na,1949-12-31,1\n"),
    "future_date": ("orders", "customer,date,amount\na,2026-11-23,1\n"),
    "missing_amount": ("orders", "customer,date,amount\na,2025-03-04,\n"),
    "unreadable_amount": ("orders", "customer,date,amount\na,2025-03-04,free\n"),
    "too_large": ("orders", "customer,date,amount\na,2025-03-04,10000000000001\n"),
    "unknown_currency": ("orders", "customer,date,amount,currency\na,2025-03-04,1,shells\n"),
    "unknown_arm": ("actions", "customer,date,action,arm\na,2025-03-04,voucher,perhaps\n"),
    "missing_value": ("product_links", "product_id,linked_id\na,\n"),
    "unreadable_value": ("rates", "date,currency,rate\n2025-03-04,USD,much\n"),
}
FINE = {
    "impossible_date": "customer,date,amount\na,1950-01-01,1\n",
    "future_date": "customer,date,amount\na,2026-11-22,1\n",
    "too_large": "customer,date,amount\na,2025-03-04,10000000000000\n",
}


@pytest.mark.parametrize("code", CHECKS)
def test_a_check_rejects_its_row_and_says_why(code, engine, tmp_path):
    table, text = BROKEN[code]
    path = tmp_path / "rows.csv"
    path.write_text(text)
    reading = read_table(engine, table, [path], today=date(2026, 11, 22))
    assert [(row["rule"], row["row"]) for row in engine.fetch(reading.rejected).to_pylist()] == [(code, 2)]
    assert [rule.rule for rule in reading.report.rules] == [code]


@pytest.mark.parametrize("code", FINE)
def test_the_edge_of_a_check_is_still_fine(code, engine, tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text(FINE[code])
    assert read_table(engine, "orders", [path], today=date(2026, 11, 22)).report.quarantined == 0


@pytest.mark.parametrize("member", [*CHECKS.values(), *PRESETS.values()], ids=lambda member: member.code)
def test_words_in_both_languages(member):
    for text in (member.title, member.sentence):
        assert CHINESE.search(text.zh)
        assert text.en.isascii() or member.code == "taobao"
        assert not text.en.startswith(" ")
    assert member.sentence.en.endswith(".")


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_tables_are_described_in_both_languages(table):
    assert CHINESE.search(table.title.zh)
    assert all(field.text.en.endswith((".", "?")) and CHINESE.search(field.text.zh) for field in table.fields)
    assert table.required
    assert len({field.name for field in table.fields}) == len(table.fields)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_everything_is_on_the_input_page(language):
    page = (DOCS / f"input.{language}.md").read_text(encoding="utf-8")
    for member in (*CHECKS.values(), *PRESETS.values()):
        line = next(line for line in page.splitlines() if line.startswith(f"| `{member.code}` |"))
        assert member.title.to(language) in line
        assert member.sentence.to(language) in line
    for table in TABLES.values():
        section = page.partition(f"### `{table.name}` ")[2].partition("\n### ")[0]
        for field in table.fields:
            assert re.search(rf"^\| \**`{field.name}`\** \|.*{re.escape(field.text.to(language))}", section, re.M)
