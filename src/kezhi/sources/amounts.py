"""Amounts of money and other numbers as people write them, read as expressions of the table engine."""

from __future__ import annotations

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
    "人民币": "CNY", "元": "CNY", "RMB": "CNY", "¥": "CNY", "€": "EUR", "£": "GBP", "₩": "KRW", "₹": "INR", "$": "USD",
}  # fmt: skip
CODES = (
    "CNY USD EUR GBP JPY HKD TWD KRW SGD AUD CAD NZD CHF SEK NOK DKK INR THB MYR IDR VND PHP BRL MXN RUB TRY ZAR PLN CZK "
    "HUF ILS AED SAR MOP RON BGN CLP COP PEN ARS EGP NGN KES UAH KZT PKR BDT LKR QAR KWD BHD OMR JOD MAD ISK"
).split()
_MARK = "(?:" + "|".join([*(s.replace("$", r"\$") for s in SYMBOLS), *CODES, "圆", "整"]) + ")"
_DIGITS = r"(?:\d+(?:\.\d*)?|\.\d+)(?:E[-+]?\d{1,3})?|\d{1,3}(?:,\d{2,3})*,\d{3}(?:\.\d*)?"
_GROUPED = r"^[^\d]*\d{1,3}(?:[ ']\d{3})+(?:[.,]\d+)?[^\d]*$"


@dataclass(frozen=True)
class Number:
    """A number read from text: its value, null where unreadable, and whether it is beyond what is believed."""

    value: ir.Value
    too_large: ir.BooleanValue


def _tidy(text: ir.StringValue) -> ir.StringValue:
    """Half-width, upper case, without wrappers, currency marks and the spaces or apostrophes between thousands."""
    import ibis

    wide = text.translate(_WIDE, _NARROW).re_replace(r"^[\s=\"']+|[\s\"']+$", "").upper()
    bare = wide.re_replace(r" *" + _MARK + r" *", "")
    together = bare.replace(" ", "").replace("'", "")
    return ibis.ifelse(bare.re_search(_GROUPED), together, bare)


def style_evidence(text: ir.StringValue) -> dict[str, ir.IntegerScalar]:
    """Counts that decide between 1,234.50 and 1.234,50 in a whole column."""
    clean = _tidy(text).re_replace(r"[-+()万亿% ]", "")
    comma = clean.re_search(r"^[^,]*,(?:\d{1,2}|\d{4,})$|\.\d{3},\d|\.\d{3}\.\d{3}")
    point = clean.re_search(r"^[^.]*\.(?:\d{1,2}|\d{4,})$|,\d{3}\.\d|,\d{3},\d{3}")
    return {"comma": (comma & ~point).sum(), "point": (point & ~comma).sum()}


def read_plain_money(text: ir.StringValue) -> Number:
    """An amount that is known to be digits and at most one point; the fast way."""
    value = text.try_cast(MONEY)
    return Number(value, value.abs() > LARGEST)


def read_money(text: ir.StringValue, *, decimal_comma: bool) -> Number:
    """An amount with currency signs, thousands, brackets, 万 or 亿, rounded half away from zero to 4 decimals."""
    import ibis

    digits, sign, unit = _pieces(text, decimal_comma)
    size = digits.try_cast("float64") * unit
    exact = (unit == 1).ifelse(
        digits.try_cast(MONEY),
        (digits.try_cast("decimal(26, 12)") * unit.cast("decimal(9, 0)")).try_cast(MONEY),
    )
    believable = ibis.ifelse(size <= LARGEST, exact * sign, ibis.null(MONEY))
    return Number(believable.cast(MONEY), size > LARGEST)


def read_number(text: ir.StringValue, *, decimal_comma: bool) -> Number:
    """A number that is not money; a percentage becomes a share."""
    import ibis

    percent = text.strip().re_search(r"[%％]$")
    digits, sign, unit = _pieces(text.re_replace(r"\s*[%％]\s*$", ""), decimal_comma)
    value = digits.try_cast("float64") * unit * sign / percent.ifelse(100.0, 1.0)
    finite = ibis.ifelse(value.isinf() | value.isnan(), ibis.null("float64"), value)
    return Number(finite, ibis.literal(False))


def _pieces(
    text: ir.StringValue, decimal_comma: bool
) -> tuple[ir.StringValue, ir.IntegerValue, ir.IntegerValue]:
    """Digits with a decimal point (null where there are none), sign and unit of a written number."""
    import ibis

    clean = _tidy(text)
    if decimal_comma:
        clean = clean.translate(",.", ".,")
    negative = clean.re_search(r"^\(.*\)$|^-|-$")
    bare = clean.re_replace(r"^\((.*)\)$", r"\1").re_replace(r"^[-+] *", "").re_replace(r" *[-+]$", "")
    unit = ibis.cases((bare.endswith("亿"), 100_000_000), (bare.endswith("万"), 10_000), else_=1)
    number = bare.re_replace(r" *[万亿]$", "")
    digits = ibis.ifelse(
        number.re_search("^(?:" + _DIGITS + ")$"), number.replace(",", ""), ibis.null("string")
    )
    return digits, ibis.ifelse(negative, -1, 1), unit.cast("int64")


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

    clean = text.translate("＄￥", "$¥").upper()
    found = clean.re_extract("(" + _MARK + ")", 1)
    named = found.cases(*SYMBOLS.items(), *((code, code) for code in CODES), else_=ibis.null("string"))
    return named.cast("string")


def currency_code(text: ir.StringValue) -> ir.StringValue:
    """A currency column's value as a code of three letters; empty is null, unknown stays as written."""
    import ibis

    clean = text.strip().translate("＄￥", "$¥").upper()
    return clean.cases(("", ibis.null("string")), *SYMBOLS.items(), else_=clean).cast("string")
