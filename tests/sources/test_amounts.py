"""Amounts in all the forms that people write."""

from __future__ import annotations

from decimal import Decimal

import pytest

from kezhi.language import KezhiError

WRITTEN = {
    "1234.5": "1234.5", "¥1,234.50": "1234.5", "￥12": "12", "12元": "12", "CNY 12": "12", "12 CNY": "12",
    "RMB12.3": "12.3",
    "(12.00)": "-12", "(¥1,000)": "-1000", "-12": "-12", "−12": "-12", "12.00-": "-12", "-¥12.5": "-12.5",
    "+7": "7",
    "1.2万": "12000", "1.23456万": "12345.6", "3亿": "300000000", "0.1万元": "1000",
    "１，２３４．５０": "1234.5",
    "1 234.50": "1234.5", "1'234.50": "1234.5", "1,23,456.00": "123456", "1e5": "100000", "1.5E+3": "1500",
    "1.00005": "1.0001", "-1.00005": "-1.0001", ".5": "0.5", "5.": "5", "0": "0",
    "9999999999999": "9999999999999",
}  # fmt: skip
UNREADABLE = [
    "abc",
    "inf",
    "1.2.3",
    "--5",
    "12 34",
    "1,2345",
    "12%",
    "1-2",
    "()",
    "¥",
    "1.2万亿",
    "5e",
    "0x10",
    "1_000",
]
TOO_LARGE = ["99999999999999", "5e20", "-10000000000001", "1000000亿"]


def read(source, cells: list[str]) -> tuple[dict[str, Decimal], dict[str, str]]:
    """The amounts that were accepted and the rules that rejected the others, by what was written."""
    text = "customer,date,amount\n" + "".join(f'{place},2025-03-04,"{cell}"\n' for place, cell in enumerate(cells))
    reading = source.read(text)
    good = {cells[int(row["customer_id"])]: row["amount"] for row in source.rows(reading)}
    bad = {cells[row["row"] - 2]: row["rule"] for row in source.bad(reading)}
    return good, bad


def test_every_usual_form_is_read(source):
    good, bad = read(source, list(WRITTEN))
    assert good == {cell: Decimal(value) for cell, value in WRITTEN.items()}
    assert not bad


def test_what_is_no_amount_goes_to_quarantine(source):
    good, bad = read(source, [*UNREADABLE, *TOO_LARGE, "nan", "", "7"])
    assert good == {"7": Decimal(7)}
    assert bad == dict.fromkeys(UNREADABLE, "unreadable_amount") | dict.fromkeys(TOO_LARGE, "too_large") | {
        "nan": "missing_amount", "": "missing_amount",
    }  # fmt: skip


def test_a_decimal_comma_is_seen_from_the_whole_column(source):
    good, bad = read(source, ["€1.234,50", "12,5", "1 234,50", "1.234", "-3,00 €"])
    assert [str(value) for value in good.values()] == [
        "1234.5000",
        "12.5000",
        "1234.5000",
        "1234.0000",
        "-3.0000",
    ]
    assert not bad


def test_a_lonely_group_of_three_is_thousands_after_a_comma_and_decimals_after_a_point(source):
    assert read(source, ["1,234"])[0] == {"1,234": Decimal(1234)}
    assert read(source, ["1.234"])[0] == {"1.234": Decimal("1.234")}


def test_the_sign_names_the_currency(source):
    text = "customer,date,amount\na,2025-03-04,{}\nb,2025-03-04,2\n"
    assert source.read(text.format("¥1")).report.currency == "CNY"
    assert source.read(text.format("12 EUR")).report.currency == "EUR"
    assert source.read(text.format("1")).report.currency is None


def test_two_currencies_are_refused_with_their_counts(source):
    with pytest.raises(KezhiError, match="CNY: 1, USD: 2"):
        source.read("customer,date,amount\na,2025-03-04,¥1\nb,2025-03-04,$2\nb,2025-03-04,$3\n")
    with pytest.raises(KezhiError, match="CNY: 1, USD: 1"):
        source.read("客户,日期,金额,币种\na,2025-03-04,1,人民币\nb,2025-03-04,2,USD\n")


def test_an_unknown_currency_is_quarantined(source):
    reading = source.read("customer,date,amount,currency\na,2025-03-04,1,CNY\nb,2025-03-04,2,gold\n")
    assert [(row["rule"], row["seen"]) for row in source.bad(reading)] == [("unknown_currency", "gold")]
    assert reading.report.currency == "CNY"
