"""Each preset on a ten-row example as its system exports it."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest

from kezhi.sources import PRESETS, Reading, read_table

EXAMPLES = {path.stem: path.read_text() for path in (Path(__file__).parent / "examples").glob("*.csv")}


@pytest.fixture(scope="module")
def readings(engine) -> Callable[[str], Reading]:
    """Each example read once."""

    @cache
    def read(code: str) -> Reading:
        path = Path(__file__).parent / "examples" / f"{code}.csv"
        return read_table(engine, "orders", [path], today=date(2026, 11, 22))

    return read


def sums(source, reading: Reading) -> dict[str, Decimal]:
    total: Counter[str] = Counter()
    for row in source.rows(reading):
        total[row["order_id"]] += row["amount"]
    return dict(total)


def refused(source, reading: Reading) -> Counter[str]:
    return Counter(row["rule"] for row in source.bad(reading))


@pytest.mark.parametrize("code", PRESETS)
def test_every_preset_knows_its_example_and_accounts_for_each_row(readings, code):
    reading = readings(code)
    assert reading.report.preset == code
    assert (reading.report.read, reading.report.accepted + reading.report.quarantined) == (10, 10)
    assert {match.how for match in reading.report.columns if match.field == "amount"} == {f"preset {code}"}


@pytest.mark.parametrize("code", PRESETS)
def test_order_of_rows_and_columns_changes_nothing(source, readings, code):
    cells = list(csv.reader(io.StringIO(EXAMPLES[code])))
    turned = [list(reversed(row)) for row in [cells[0], *reversed(cells[1:])]]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(turned)

    def content(reading: Reading) -> list[tuple[str, ...]]:
        fields = ("customer_id", "date", "amount", "order_id")
        return sorted(tuple(str(row[field]) for field in fields) for row in source.rows(reading))

    assert content(source.read(text.getvalue())) == content(readings(code))


def test_shopify_lines_add_up_to_the_order(source, readings):
    reading = readings("shopify")
    assert sums(source, reading) == {
        "#1001": Decimal("90.0000"), "#1002": Decimal("75.0000"), "#1003": Decimal("10.0000"),
        "#1006": Decimal(0),
    }  # fmt: skip
    assert refused(source, reading) == {"not_a_sale": 2}
    rows = source.rows(reading)
    first = [row for row in rows if row["order_id"] == "#1001"]
    assert sorted(row["amount"] for row in first) == [Decimal("36.0000"), Decimal("54.0000")]
    assert {(row["customer_id"], row["date"], row["currency"]) for row in first} == {
        ("ann@example.com", date(2025, 3, 1), "USD")
    }
    assert {row["date"] for row in rows if row["order_id"] == "#1003"} == {date(2025, 3, 3)}
    assert reading.report.currency == "USD"


def test_woocommerce_leaves_out_tax_and_shipping(source, readings):
    reading = readings("woocommerce")
    assert sums(source, reading) == {
        "11": Decimal(100), "12": Decimal(50), "16": Decimal(0), "17": Decimal(50), "19": Decimal(30)
    }  # fmt: skip
    assert refused(source, reading) == {"not_a_sale": 4}
    assert {row["customer_id"] for row in source.rows(reading)} == {"7", "guest@example.com", "8", "9"}
    assert {row["date"] for row in source.rows(reading) if row["order_id"] == "19"} == {date(2025, 3, 8)}


def test_stripe_nets_refunds_in_the_settlement_currency(source, readings):
    reading = readings("stripe")
    assert sums(source, reading) == {
        "ch_1": Decimal(100), "ch_3": Decimal(0), "ch_4": Decimal(60), "ch_5": Decimal(99),
        "ch_6": Decimal(30),
        "ch_9": Decimal("25.5"), "ch_10": Decimal(10),
    }  # fmt: skip
    assert refused(source, reading) == {"not_a_sale": 3}
    assert reading.report.currency == "USD"


def test_only_won_deals_are_sales(source, readings):
    reading = readings("hubspot")
    assert sums(source, reading) == {
        "1": Decimal(1000), "3": Decimal("250.5"), "5": Decimal(120), "9": Decimal(78)
    }  # fmt: skip
    assert refused(source, reading) == {"not_a_sale": 4, "missing_amount": 1, "missing_customer": 1}
    assert len(source.rows(readings("salesforce"))) == len(source.rows(readings("zoho"))) == 6


def test_taobao_in_gbk(source):
    reading = source.read(EXAMPLES["taobao"].encode("gbk"))
    assert reading.report.files[0].encoding == "gb18030"
    assert sums(source, reading) == {
        "3456789012345678": Decimal(128), "3456789012345679": Decimal(50), "3456789012345681": Decimal(50),
        "3456789012345683": Decimal(12000), "3456789012345684": Decimal(30),
    }  # fmt: skip
    assert refused(source, reading) == {"not_a_sale": 3, "missing_customer": 1, "unreadable_amount": 1}
    assert [row["seen"] for row in source.bad(reading) if row["rule"] == "unreadable_amount"] == ["待定"]


def test_the_user_overrules_a_preset(source):
    reading = source.read(EXAMPLES["taobao"], mapping={"amount": "总金额"})
    assert sums(source, reading)["3456789012345679"] == Decimal(64)
    assert ("amount", "总金额", "map") in {(m.field, m.column, m.how) for m in reading.report.columns}
