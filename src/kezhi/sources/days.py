"""Days as people write them, read as expressions of the table engine."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import ibis.expr.types as ir

DayOrder = Literal["dmy", "mdy"]

FIRST = date(1950, 1, 1)  # no order log is older than this; an earlier day is a typing error or an empty date

_WIDE, _NARROW = "０１２３４５６７８９／－．：　", "0123456789/-.: "
_CLOCK = (
    r"(?:[ T,]+|日 ?)(?:上午|下午|[AaPp][Mm])? *\d{1,2}[:时]\d{1,2}(?:[:分]\d{1,2}(?:\.\d+)?)?[分秒]?"
    r" *(?:[AaPp]\.?[Mm]\.?)? *(?:Z|UTC|GMT|[+-]\d{1,2}(?::?\d{2})?)?$"
)
_WEEKDAY = r"^(?:[A-Za-z]{3,9},? +)?"
ISO = r"^\d{4}-\d{2}-\d{2}(?:[ T]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?$"
YEAR_FIRST = r"^(\d{4}) ?[-/.年] ?(\d{1,2}) ?[-/.月] ?(\d{1,2})日?$"
COMPACT = r"^((?:19|20)\d{2})(\d{2})(\d{2})(?:[ T]?\d{6}(?:\d{3})?)?$"
YEAR_LAST = r"^(\d{1,2})[-/.](\d{1,2})[-/.](\d{4}|\d{2})$"
DAY_MONTH_NAME = _WEEKDAY + r"(\d{1,2})(?:st|nd|rd|th)?[- ]([A-Za-z]{3,9})\.?[-, ]+(\d{4}|\d{2})$"
MONTH_NAME_DAY = _WEEKDAY + r"([A-Za-z]{3,9})\.? +(\d{1,2})(?:st|nd|rd|th)?,? +(\d{4})$"
NUMBER = r"^\d{1,16}(?:\.\d+)?$"
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def tidy(text: ir.StringValue) -> ir.StringValue:
    """The text with half-width digits and signs, without an export's wrappers and without a clock."""
    narrow = text.re_search(f"[{_WIDE}]").ifelse(text.translate(_WIDE, _NARROW), text)  # translate is slow
    return narrow.re_replace(r"^[\s=\"']+|[\s\"']+$", "").re_replace(_CLOCK, "")


def order_evidence(clean: ir.StringValue) -> dict[str, ir.IntegerScalar]:
    """Counts that decide between day first and month first in a whole column of tidy texts."""
    import ibis

    numeric = clean.re_search(YEAR_LAST)
    shown = numeric.ifelse(clean, ibis.null("string"))  # casting what is no number is slow
    first = shown.re_extract(YEAR_LAST, 1).cast("int64")
    second = shown.re_extract(YEAR_LAST, 2).cast("int64")
    return {
        "dmy": (numeric & (first > 12) & (first <= 31) & (second <= 12)).sum(),
        "mdy": (numeric & (second > 12) & (second <= 31) & (first <= 12)).sum(),
        "open": (numeric & (first <= 12) & (second <= 12) & (first != second)).sum(),
    }


def read_plain_day(text: ir.StringValue) -> ir.DateValue:
    """The day of a text that is known to be in ISO form; the fast way."""
    return text.try_cast("date")


def read_day(clean: ir.StringValue, order: DayOrder) -> ir.DateValue:
    """The day of a tidy text in any usual form, or null. The written day counts, whatever the time zone."""
    import ibis

    number = clean.re_search(NUMBER).ifelse(clean, ibis.null("string")).try_cast("float64")
    return ibis.coalesce(
        _in_order(clean, YEAR_FIRST),
        _in_order(clean, COMPACT),
        _parts(clean, YEAR_LAST, 3, *((2, 1) if order == "dmy" else (1, 2))),
        _parts(clean, DAY_MONTH_NAME, 3, 2, 1, named=True),
        _parts(clean, MONTH_NAME_DAY, 3, 1, 2, named=True),
        day_of_number(number),
    )


def _in_order(text: ir.StringValue, pattern: str) -> ir.DateValue:
    """The day of a pattern whose three groups are year, month and day."""
    import ibis

    written = text.re_replace(pattern, r"\1-\2-\3")
    return text.re_search(pattern).ifelse(written, ibis.null("string")).try_cast("date")


def _parts(text: ir.StringValue, pattern: str, year: int, month: int, day: int, *, named: bool = False) -> ir.DateValue:
    """The day whose parts are these groups of the pattern; null where the calendar has no such day."""
    import ibis

    month_text = text.re_extract(pattern, month)
    if named:
        months = [(name, f"{number:02d}") for number, name in enumerate(_MONTHS, start=1)]
        month_text = month_text.lower().left(3).cases(*months, else_="")
    parts = [_full_year(text.re_extract(pattern, year)), month_text, text.re_extract(pattern, day)]
    written = parts[0] + "-" + parts[1].lpad(2, "0") + "-" + parts[2].lpad(2, "0")
    return text.re_search(pattern).ifelse(written, ibis.null("string")).try_cast("date")


def _full_year(year: ir.StringValue) -> ir.StringValue:
    """Two digits are 1969 to 2068, as in POSIX."""
    import ibis

    century = (year >= "69").ifelse(ibis.literal("19"), ibis.literal("20"))
    return (year.length() == 2).ifelse(century + year, year)


def day_of_number(number: ir.NumericValue) -> ir.DateValue:
    """The day of a bare number: 20250304, an Excel serial, or Unix seconds, milliseconds or microseconds."""
    import ibis

    value = number.cast("float64")
    written = value.between(19000101, 22001231).ifelse(value, ibis.null("float64")).floor().cast("int64").cast("string")
    compact = written.left(4) + "-" + written.substr(4, 2) + "-" + written.substr(6, 2)
    since_1970 = ibis.cases(
        (value.between(1, 99_999), value - 25_569),  # Excel counts days from 1899-12-30
        (value.between(1e8, 5e9), value / 86_400),
        (value.between(1e11, 5e12), value / 86_400e3),
        (value.between(1e14, 5e15), value / 86_400e6),
    )
    epoch = ibis.literal(date(1970, 1, 1))
    counted = (epoch + since_1970.floor().cast("int64").as_interval("D")).cast("date")
    return ibis.coalesce(compact.try_cast("date"), counted)
