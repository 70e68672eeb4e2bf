"""What a manager types, `+2pt`, `30%`, `-100`, `2026-12`, as a change and as days; with the limits of each."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from kezhi.corrections.record import FIGURES, Change, Figure
from kezhi.language import KezhiError, Text
from kezhi.ledger import Calendar

MOST_MARGIN = Decimal(1)  # a higher one would be a negative cost; as far below nothing lies the lowest
MOST_MONEY = Decimal(10) ** 12
MOST_TIMES = Decimal(100)

_FIGURE = Text(
    "What can be corrected is margin, expense or amount, not {given}.",
    "可以修正的是 margin（毛利率）、expense（费用）或 amount（金额），而不是 {given}。",
)
_UNREAD = Text(
    "{given} is no change of {figure}; write for example {examples}.",
    "无法识别对 {figure} 的修正 {given}；例如可写 {examples}。",
)
_EXAMPLES = {
    "margin": "+2pt, -1.5pt, 30%, =-5%, *1.1",
    "expense": "-100, +50, 300, +10%, *0.9",
    "amount": "+10%, -5%, +1000, 12000, *1.1",
}
_POINTS = Text(
    "{given} of a margin can mean two things: write {points}pt for percentage points, or *{times} for a share of it.",
    "毛利率的 {given} 有两种含义：百分点请写 {points}pt，按比例请写 *{times}。",
)
_PERCENT = Text(
    "{given} of what? Write +{number}% or -{number}% to change {figure} by a share of it, or a sum of money to set it.",
    "{given} 以什么为基数？按比例调整 {figure} 请写 +{number}% 或 -{number}%；设定数值请写金额。",
)
_MARGIN = Text(
    "A margin of {given} cannot be: it lies between -100% and 100% of the purchase amount (write 30% or 0.3).",
    "毛利率不能是 {given}：应在 -100% 与 100% 之间（请写 30% 或 0.3）。",
)
_MOVED = Text(
    "A margin can be moved by at most 100 points, not by {given}.", "毛利率最多调整 100 个百分点，不能调整 {given}。"
)
_NEGATIVE = Text(
    "The {figure} cannot be set below 0 ({given}). To lower it by so much, leave out the sign =.",
    "{figure} 不能设为负数（{given}）。若要减少这么多，请去掉等号。",
)
_LARGE = Text("{given} is more than can be meant: at most {most}.", "{given} 过大：最多 {most}。")
_TIMES = Text(
    "A figure can be multiplied by 0 to {most}, not by {given}.", "倍数应在 0 到 {most} 之间，而不是 {given}。"
)

_CHANGE = re.compile(
    r"(?P<set>=)?\s*(?P<sign>[+\-*x×])?\s*(?P<number>(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d*)?|\.\d+)\s*"
    r"(?P<unit>%|pts?|pp|points?|个百分点|百分点|点)?",
    re.IGNORECASE,
)


def parse_change(figure: str, given: str | float | Decimal) -> Change:
    """The change that a text names; a number alone sets the figure. Raises KezhiError for what cannot be meant."""
    if figure not in FIGURES:
        raise KezhiError(_FIGURE.fill(given=figure))
    typed = unicodedata.normalize("NFKC", given) if isinstance(given, str) else f"={given}"
    text = typed.strip().translate(str.maketrans("−–", "--"))
    found = _CHANGE.fullmatch(text)
    unread = KezhiError(_UNREAD.fill(given=text[:40], figure=figure, examples=_EXAMPLES[figure]))
    if found is None:
        raise unread
    number = Decimal(found["number"].replace(",", ""))
    sign, unit = (found["sign"] or "").lower().replace("×", "*").replace("x", "*"), (found["unit"] or "").lower()
    if sign == "*":
        if unit or found["set"]:
            raise unread
        return _scaled(figure, number)
    signed = -number if sign == "-" else number
    moved = bool(sign) and not found["set"]
    if figure == "margin":
        return _margin(text, signed, unit, moved=moved)
    if unit not in ("", "%"):
        raise unread
    if unit == "%" and not moved:
        raise KezhiError(_PERCENT.fill(given=text, number=number, figure=figure))
    if unit == "%":
        return _scaled(figure, 1 + signed / 100)
    return _money(figure, text, signed, moved=moved)


def _scaled(figure: Figure, times: Decimal) -> Change:
    if not 0 <= times <= MOST_TIMES:
        raise KezhiError(_TIMES.fill(given=times, most=MOST_TIMES))
    return Change(figure, "scale", times)


def _margin(text: str, signed: Decimal, unit: str, *, moved: bool) -> Change:
    if moved and unit == "%":
        times = (1 + signed / 100).normalize()
        raise KezhiError(_POINTS.fill(given=text, points=text.rstrip("% "), times=f"{times:f}"))
    value = signed / 100 if unit else signed
    if moved:
        if abs(value) > MOST_MARGIN:
            raise KezhiError(_MOVED.fill(given=text))
        return Change("margin", "shift", value)
    if unit not in ("", "%"):
        raise KezhiError(_UNREAD.fill(given=text, figure="margin", examples=_EXAMPLES["margin"]))
    if abs(value) > MOST_MARGIN:
        raise KezhiError(_MARGIN.fill(given=text.lstrip("=")))
    return Change("margin", "set", value)


def _money(figure: Figure, text: str, signed: Decimal, *, moved: bool) -> Change:
    if abs(signed) > MOST_MONEY:
        raise KezhiError(_LARGE.fill(given=text, most=f"{MOST_MONEY:,f}"))
    if not moved and signed < 0:
        raise KezhiError(_NEGATIVE.fill(given=text, figure=figure))
    return Change(figure, "shift" if moved else "set", signed)


# --- periods ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Days:
    """The days within which periods are corrected; without a last one for good."""

    first: date
    last: date | None


_PERIOD = Text(
    "{given} is no period; write 2026-12, 2026Q4, 2026, a stretch such as 2026-12..2027-02, or 2026-12.. for good.",
    "无法识别期间 {given}；请写 2026-12、2026Q4、2026，一段如 2026-12..2027-02，或 2026-12.. 表示一直有效。",
)
_BACKWARDS = Text("The stretch {given} ends before it begins.", "期间 {given} 的结束早于开始。")
_PAST = Text(
    "{given} is over or has begun; the first period that can be corrected is the one of {first}.",
    "{given} 已经过去或已经开始；最早可以修正的是从 {first} 开始的一期。",
)
_NOT_WHOLE = Text(
    "{given} holds no whole {period}, and this company's figures are by {period}.",
    "{given} 不足一个完整的{period_zh}，而本公司的数据按{period_zh}统计。",
)
_ALWAYS = ("", "all", "全部", "future")
PERIOD_ZH = {"month": "月", "quarter": "季", "year": "年"}


def parse_days(given: str | None, calendar: Calendar, next_start: date) -> Days:
    """The days that a text names; without one all from `next_start`, the first day of the first future period."""
    text = (given or "").strip()
    if text.lower() in _ALWAYS:
        return Days(next_start, None)
    begin, dots, end = text.partition("..")
    first = _stretch(begin, text, calendar)[0] if begin.strip() else next_start
    last = _stretch(end if dots else begin, text, calendar)[1] if end.strip() or not dots else None
    if last is not None and last < first:
        raise KezhiError(_BACKWARDS.fill(given=text))
    if last is not None and last < next_start:
        raise KezhiError(_PAST.fill(given=text, first=next_start))
    if last is not None and not _whole(first, last, calendar):
        raise KezhiError(
            _NOT_WHOLE.fill(given=text, period=calendar.period, period_zh=PERIOD_ZH[calendar.period]),
        )
    if last is None and first < next_start:
        first = next_start
    return Days(first, last)


def _whole(first: date, last: date, calendar: Calendar) -> bool:
    number = calendar.number(first)
    number += calendar.start(number) < first
    return calendar.end(number) <= last


def _stretch(text: str, whole: str, calendar: Calendar) -> tuple[date, date]:
    """First and last day of a month, quarter or year of the company's calendar."""
    text = text.strip()
    try:
        if found := re.fullmatch(r"(\d{4})-?[Qq]([1-4])", text):
            return _span(int(found[1]), 3 * (int(found[2]) - 1) + calendar.fiscal_start, 3)
        if found := re.fullmatch(r"(\d{4})", text):
            return _span(int(found[1]), calendar.fiscal_start, 12)
        found = re.fullmatch(r"(\d{4})[-/年](\d{1,2})月?(?:-01)?", text)
        if found and 1 <= int(found[2]) <= 12:
            return _span(int(found[1]), int(found[2]), 1)
    except ValueError:
        pass
    raise KezhiError(_PERIOD.fill(given=whole[:40]))


def _span(year: int, month: int, months: int) -> tuple[date, date]:
    """From the first day of a month, counted from January of a year, over so many months."""

    def day(count: int) -> date:
        return date(year + (count - 1) // 12, (count - 1) % 12 + 1, 1)

    return day(month), day(month + months) - timedelta(days=1)
