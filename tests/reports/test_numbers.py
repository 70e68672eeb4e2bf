"""Golden: numbers are written as readers of each language expect them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from kezhi.reports import numbers


@pytest.mark.parametrize(
    ("value", "currency", "english", "chinese"),
    [
        (1_234_567, "GBP", "£1.23 million", "123 万英镑"),
        (-1_234_567, "GBP", "−£1.23 million", "−123 万英镑"),
        (Decimal("8911407.904"), "CNY", "¥8.91 million", "891 万元"),
        (123_456_789_012, None, "123 billion", "1,235 亿"),
        (98_765, "USD", "$98,765", "9.88 万美元"),
        (9_876, "XAF", "9,876 XAF", "9,876 XAF"),
        (999, "CNY", "¥999", "999 元"),
        (0.2, None, "0", "0"),
        (-0.2, "GBP", "£0", "0 英镑"),
        (float("nan"), "GBP", "–", "–"),
        (None, "GBP", "–", "–"),
    ],
)
def test_headline(value: float | None, currency: str | None, english: str, chinese: str) -> None:
    assert numbers.headline(value, currency, "en") == english
    assert numbers.headline(value, currency, "zh") == chinese


@pytest.mark.parametrize(
    ("value", "digits", "expected"),
    [(Decimal("1234.505"), 2, "1,234.51"), (-1234, 0, "−1,234"), (-0.001, 2, "0.00"), (None, 2, "–")],
)
def test_grouped(value: float | Decimal | None, digits: int, expected: str) -> None:
    assert numbers.grouped(value, digits) == expected


@pytest.mark.parametrize(
    ("first", "period", "fiscal", "english", "chinese"),
    [
        (date(2011, 3, 1), "month", 1, "Mar 2011", "2011年3月"),
        (date(2011, 3, 1), "month", 4, "Mar 2011", "2011年3月"),
        (date(2011, 7, 1), "quarter", 1, "2011 Q3", "2011年三季度"),
        (date(2011, 1, 1), "year", 1, "2011", "2011年"),
        (date(2011, 11, 1), "quarter", 2, "Nov 2011–Jan 2012", "2011年11月–2012年1月"),
        (date(2011, 4, 1), "year", 4, "Apr 2011–Mar 2012", "2011年4月–2012年3月"),
    ],
)
def test_period_label(first: date, period: str, fiscal: int, english: str, chinese: str) -> None:
    assert numbers.period_label(first, period, fiscal, "en") == english
    assert numbers.period_label(first, period, fiscal, "zh") == chinese


def test_counts_speak_both_languages() -> None:
    assert numbers.count_of_periods(1, "month", "en") == "1 month"
    assert numbers.count_of_periods(3, "quarter", "en") == "3 quarters"
    assert numbers.count_of_periods(3, "quarter", "zh") == "3 个季度"
    assert numbers.count_of_customers(1).en == "1 customer"
    assert numbers.count_of_customers(2000).zh == "2,000 位客户"
