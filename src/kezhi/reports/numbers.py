"""Numbers as a reader of each language expects them: 1.23 million, 123 万, Mar 2011, 2011年3月."""

from __future__ import annotations

import math
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from kezhi.language import Language, Text

Number = int | float | Decimal

MINUS = "\u2212"
ABSENT = "\u2013"

_SYMBOLS = {
    "CNY": "¥",
    "RMB": "¥",
    "GBP": "£",
    "USD": "$",
    "EUR": "€",
    "JPY": "¥",
    "HKD": "HK$",
    "TWD": "NT$",
}
_UNITS_ZH = {
    "CNY": "元", "RMB": "元", "GBP": "英镑", "USD": "美元", "EUR": "欧元", "JPY": "日元", "HKD": "港元",
    "TWD": "新台币元", "AUD": "澳元", "CAD": "加元", "SGD": "新加坡元", "CHF": "瑞士法郎", "KRW": "韩元",
}  # fmt: skip
_LARGE_EN = ((Decimal(10**9), "billion"), (Decimal(10**6), "million"))
_LARGE_ZH = ((Decimal(10**8), "亿"), (Decimal(10**4), "万"))
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_QUARTERS_ZH = "一二三四"

_PERIODS = {
    "month": (Text("month", "个月"), Text("months", "个月")),
    "quarter": (Text("quarter", "个季度"), Text("quarters", "个季度")),
    "year": (Text("year", "年"), Text("years", "年")),
}


def grouped(value: Number | None, digits: int = 0) -> str:
    """A number with thousands separators and a true minus sign; a dash where there is none."""
    if value is None or not math.isfinite(value):
        return ABSENT
    text = f"{rounded(value, digits):,.{digits}f}"
    return text.replace("-", MINUS)


def rounded(value: Number, digits: int) -> Decimal:
    """Commercial rounding, as a reader with a calculator would do it; never a negative zero."""
    exact = value if isinstance(value, Decimal) else Decimal(str(value))
    return exact.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP) + 0


def percent(share: Number | None, digits: int = 0) -> str:
    """A share as per cent."""
    if share is None or not math.isfinite(share):
        return ABSENT
    return grouped(Decimal(str(share)) * 100, digits) + "%"


def short(value: Number | None, digits: int = 4) -> str:
    """A parameter with a few significant digits."""
    if value is None or not math.isfinite(value):
        return ABSENT
    return f"{float(value):.{digits}g}".replace("-", MINUS)


def headline(value: Number | None, currency: str | None, language: Language) -> str:
    """A sum of money for a sentence: £1.23 million, 123.4 万元."""
    if value is None or not math.isfinite(value):
        return ABSENT
    exact = Decimal(str(value))
    sign = MINUS if rounded(exact, 0) < 0 else ""
    return sign + (_headline_zh if language == "zh" else _headline_en)(abs(exact), currency)


def _headline_en(value: Decimal, currency: str | None) -> str:
    symbol = _SYMBOLS.get(currency or "", "")
    tail = f" {currency}" if currency and not symbol else ""
    for size, word in _LARGE_EN:
        if value >= size:
            return f"{symbol}{_three_digits(value / size)} {word}{tail}"
    return f"{symbol}{grouped(value)}{tail}"


def _headline_zh(value: Decimal, currency: str | None) -> str:
    unit = _UNITS_ZH.get(currency or "", f" {currency}" if currency else "")
    for size, word in _LARGE_ZH:
        if value >= size:
            return f"{_three_digits(value / size)} {word}{unit}"
    return f"{grouped(value)}{unit if unit.startswith(' ') or not unit else ' ' + unit}"


def _three_digits(value: Decimal) -> str:
    return grouped(value, 2 if value < 10 else 1 if value < 100 else 0)


def currency_name(currency: str | None, language: Language) -> str | None:
    """The currency's unit as a table's caption names it."""
    if not currency:
        return None
    return _UNITS_ZH.get(currency, currency) if language == "zh" else currency


def day(value: date | None, language: Language) -> str:
    """One day: 9 Dec 2011, 2011年12月9日."""
    if value is None:
        return ABSENT
    if language == "zh":
        return f"{value.year}年{value.month}月{value.day}日"
    return f"{value.day} {_MONTHS[value.month - 1]} {value.year}"


def short_day(value: date | None) -> str:
    """One day for a table column, the same in both languages: 2011-12-09."""
    return value.isoformat() if value else ABSENT


def period_label(first: date, period: str, fiscal_start: int, language: Language) -> str:
    """A period by its first day: Mar 2011, 2011 Q1, 2011; spelled out where years do not start in January."""
    if period == "month":
        return _month(first, language)
    if fiscal_start != 1:
        return _span(first, 3 if period == "quarter" else 12, language)
    if period == "quarter":
        number = (first.month - 1) // 3
        return f"{first.year}年{_QUARTERS_ZH[number]}季度" if language == "zh" else f"{first.year} Q{number + 1}"
    return f"{first.year}年" if language == "zh" else str(first.year)


def _month(first: date, language: Language) -> str:
    return f"{first.year}年{first.month}月" if language == "zh" else f"{_MONTHS[first.month - 1]} {first.year}"


def month_name(month: int, language: Language) -> str:
    """A month of any year: Mar, 3月."""
    return f"{month}月" if language == "zh" else _MONTHS[month - 1]


def _span(first: date, months: int, language: Language) -> str:
    end = first.month + months - 2
    last = date(first.year + end // 12, end % 12 + 1, 1)
    return f"{_month(first, language)}\u2013{_month(last, language)}"


def count_of_periods(count: int, period: str, language: Language) -> str:
    """3 months, 1 quarter, 3 个月."""
    one, several = _PERIODS.get(period, (Text("period", "期"), Text("periods", "期")))
    return f"{count} {(one if count == 1 else several).to(language)}"


def count_of_customers(count: int) -> Text:
    """1 customer, 60 customers, 60 位客户."""
    word = "customer" if count == 1 else "customers"
    return Text(f"{grouped(count)} {word}", f"{grouped(count)} 位客户")
