"""Amounts of money and other numbers as people write them, read as expressions of the table engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kezhi.engine import MONEY

if TYPE_CHECKING:
    import ibis.expr.types as ir

LARGEST = 10**13  # a larger amount on one line is a slip of the finger or a number of another kind

PLAIN = r"^-?\d{1,13}(?:\.\d+)?$"
_WIDE = "０１２３４５６７８９．，－＋（）＄￥％−–　\u00a0\u202f\u2009’"
_NARROW = "0123456789.,-+()$¥%--    '"
SYMBOLS = {
    "US$": "USD", "HK$": "HKD", "NT$": "TWD", "A$": "AUD", "C$": "CAD", "S$": "SGD", "R$": "BRL",
    "人民币": "CNY", "元": "CNY", "圆": "CNY", "RMB": "CNY", "¥": "CNY", "€": "EUR", "£": "GBP",
    "₩": "KRW", "₹": "INR", "$": "USD",
}  # fmt: skip
CODES = (
    "CNY", "USD", "EUR", "GBP", "JPY", "HKD", "TWD", "KRW", "SGD", "AUD", "CAD", "NZD", "CHF",
    "SEK", "NOK", "DKK", "INR", "THB", "MYR", "IDR", "VND", "PHP", "BRL", "MXN", "RUB", "TRY",
    "ZAR", "PLN", "CZK", "HUF", "ILS", "AED", "SAR", "MOP", "RON", "BGN", "CLP", "COP", "PEN",
    "ARS", "EGP", "NGN", "KES", "UAH", "KZT", "PKR", "BDT", "LKR", "QAR", "KWD", "BHD", "OMR",
    "JOD", "MAD", "ISK",
)  # fmt: skip
_MARK = "(?:" + "|".join([*(s.replace("$", r"\$") for s in SYMBOLS), *CODES]) + ")"
_DIGITS = r"(?:\d+(?:\.\d*)?|\.\d+)(?:E[-+]?\d{1,3})?|\d{1,3}(?:,\d{2,3})*,\d{3}(?:\.\d*)?"
_GROUPED = r"^[^\d]*\d{1,3}(?:[ ']\d{3})+(?:[.,]\d+)?[^\d]*$"


@dataclass(frozen=True)
class Number:
    """A number read from text: its value (null where unreadable) and whether it is too large to believe."""

    value: ir.Value
    too_large: ir.BooleanValue


@dataclass(frozen=True)
class Written:
    """A column of tidy texts: its name, whether a comma is its decimal sign, may it have per cents."""

    column: str
    decimal_comma: bool = False
    percent: bool = False


def split_numbers(rows: ir.Table, columns: Mapping[str, Written]) -> ir.Table:
    """The rows with `__digits_NAME` (with a point, null if unreadable) and `__factor_NAME` (sign x unit).

    Every step is a column of its own: as one expression each would repeat the one before it several times.
    """
    tidied = {name: rows[written.column] for name, written in columns.items()}
    rows = rows.mutate(
        **{f"__bare_{name}": _without_marks(text) for name, text in tidied.items()},
        **{f"__share_{name}": text.endswith("%").ifelse(100.0, 1.0) for name, text in tidied.items()},
    )
    rows = rows.mutate(**{f"__joined_{name}": _without_gaps(rows[f"__bare_{name}"]) for name in columns})
    rows = rows.mutate(
        **{f"__point_{name}": _with_point(rows[f"__joined_{name}"], written) for name, written in columns.items()}
    )
    rows = rows.mutate(**{f"__size_{name}": _without_sign(rows[f"__point_{name}"]) for name in columns})
    rows = rows.mutate(
        **{f"__factor_{name}": _factor(rows[f"__point_{name}"], rows[f"__size_{name}"]) for name in columns},
        **{f"__number_{name}": rows[f"__size_{name}"].re_replace(r" *[万亿]$", "") for name in columns},
    )
    return rows.mutate(**{f"__digits_{name}": _digits(rows[f"__number_{name}"]) for name in columns})


def tidy(text: ir.StringValue) -> ir.StringValue:
    """Half-width and upper case, without the wrappers that exports put around numbers."""
    narrow = text.re_search(f"[{_WIDE}]").ifelse(text.translate(_WIDE, _NARROW), text)  # translate is slow
    return narrow.re_replace(r"^[\s=\"']+|[\s\"']+$", "").upper()


def _without_marks(text: ir.StringValue) -> ir.StringValue:
    return text.re_replace(r" *" + _MARK + r" *", "")


def _without_gaps(text: ir.StringValue) -> ir.StringValue:
    """1 234.50 and 1'234.50 as 1234.50."""
    return text.re_search(_GROUPED).ifelse(text.replace(" ", "").replace("'", ""), text)


def _with_point(text: ir.StringValue, written: Written) -> ir.StringValue:
    bare = text.re_replace(r" *%$", "") if written.percent else text
    return bare.translate(",.", ".,") if written.decimal_comma else bare


def _without_sign(text: ir.StringValue) -> ir.StringValue:
    return text.re_replace(r"^\((.*)\)$", r"\1").re_replace(r"^[-+] *", "").re_replace(r" *[-+]$", "")


def _factor(signed: ir.StringValue, size: ir.StringValue) -> ir.IntegerValue:
    """Brackets and a minus on either side make it negative; 万 is ten thousand, 亿 a hundred million."""
    import ibis

    unit = ibis.cases((size.endswith("亿"), 100_000_000), (size.endswith("万"), 10_000), else_=1)
    return (unit * signed.re_search(r"^\(.*\)$|^-|-$").ifelse(-1, 1)).cast("int64")


def _digits(text: ir.StringValue) -> ir.StringValue:
    import ibis

    return text.re_search("^(?:" + _DIGITS + ")$").ifelse(text.replace(",", ""), ibis.null("string"))


def style_evidence(clean: ir.StringValue) -> dict[str, ir.IntegerScalar]:
    """Counts that decide between 1,234.50 and 1.234,50 in a whole column of tidy texts."""
    clean = _without_marks(clean).re_replace(r"[-+()万亿% ]", "")
    comma = clean.re_search(r"^[^,]*,(?:\d{1,2}|\d{4,})$|\.\d{3},\d|\.\d{3}\.\d{3}")
    point = clean.re_search(r"^[^.]*\.(?:\d{1,2}|\d{4,})$|,\d{3}\.\d|,\d{3},\d{3}")
    return {"comma": comma.sum(), "point": point.sum()}


def read_plain_money(text: ir.StringValue) -> Number:
    """An amount that is known to be digits and at most one point; the fast way."""
    value = text.try_cast(MONEY)
    return Number(value, value.abs() > LARGEST)


def money_of(rows: ir.Table, name: str) -> Number:
    """The amount of a split column, rounded half away from zero to 4 decimals."""
    import ibis

    digits, factor = rows[f"__digits_{name}"], rows[f"__factor_{name}"]
    size = (digits.try_cast("float64") * factor).abs()
    fine = digits.try_cast("decimal(26, 12)") * factor.cast("decimal(9, 0)")
    exact = (factor.abs() == 1).ifelse(digits.try_cast(MONEY) * factor.cast("decimal(1, 0)"), fine)
    return Number(ibis.ifelse(size <= LARGEST, exact.try_cast(MONEY), ibis.null(MONEY)), size > LARGEST)


def number_of(rows: ir.Table, name: str) -> ir.FloatingValue:
    """The number of a split column; a percentage becomes a share."""
    import ibis

    whole = rows[f"__digits_{name}"].try_cast("float64") * rows[f"__factor_{name}"]
    value = whole / rows[f"__share_{name}"]
    return value.isinf().ifelse(ibis.null("float64"), value)


def money_of_number(number: ir.NumericValue) -> Number:
    """An amount that the file already stores as a number, rounded half away from zero to 4 decimals."""
    import ibis

    if number.type().is_decimal() or number.type().is_integer():
        size = number.cast("float64").abs()
        return Number(number.try_cast(MONEY), size > LARGEST)
    finite = ibis.ifelse(number.isnan() | number.isinf(), ibis.null("float64"), number.cast("float64"))
    return Number(finite.try_cast(MONEY), finite.abs() > LARGEST)


def currency_mark(text: ir.StringValue) -> ir.StringValue:
    """The currency that an amount's own sign names (¥ is taken as CNY, $ as USD), or null."""
    import ibis

    clean = text.replace("＄", "$").replace("￥", "¥").upper()
    found = clean.re_extract("(" + _MARK + ")", 1)
    return found.cases(("", ibis.null("string")), *SYMBOLS.items(), else_=found).cast("string")


def currency_code(text: ir.StringValue) -> ir.StringValue:
    """A currency column's value as a code of three letters; empty is null, unknown stays as written."""
    import ibis

    clean = text.strip().replace("＄", "$").replace("￥", "¥").upper()
    return clean.cases(("", ibis.null("string")), *SYMBOLS.items(), else_=clean).cast("string")
