"""From what a form says to what kezhi is asked: which figure, how, for whom, and for which periods."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from kezhi.corrections.change import parse_change
from kezhi.corrections.record import FIGURES
from kezhi.corrections.sheet import TITLES
from kezhi.language import KezhiError, Text
from kezhi_web.shown import Rows, workspace
from kezhi_web.typed import number_of
from kezhi_web.words import spoken

HOWS: dict[str, Text] = {
    "move": Text("raise (+) or lower (−) by", "增加（+）或减少（−）"),
    "scale": Text("raise or lower by per cent of itself", "按比例增减（%）"),
    "set": Text("set to", "设为"),
}
WRONG_FIGURE = Text("Choose margin, purchase amount or expense.", "请选择毛利率、购买金额或关系营销费用。")
NO_NUMBER = Text("Write by how much, or to what, the figure is to change.", "请填写修正的数值。")
WRONG_NUMBER = Text(
    "{given} is no number; write it like 2.5 or 1,000.", "“{given}”不是数字，请写成 2.5 或 1,000 这样的形式。"
)
ZERO = Text("By 0 nothing would change.", "数值为 0，不会产生任何变化。")
NOBODY = Text(
    "Say for whom: a customer, a filter or segment, or everybody.", "请说明对象：某位客户、筛选条件或分群，或全部客户。"
)
NO_CUSTOMER = Text("There is no customer {given}.", "没有客户 {given}。")
BACKWARDS = Text("The last period lies before the first.", "结束期早于开始期。")
NOTHING = Text("Nothing was changed.", "没有任何改动。")


def change_of(form: Mapping[str, str]) -> tuple[str, str]:
    """The figure, and its change as kezhi reads it: +2pt, =30%, +10%, -100."""
    figure, how = form.get("figure", ""), form.get("how", "move")
    if figure not in FIGURES or how not in HOWS:
        raise KezhiError(WRONG_FIGURE)
    number = _number(form.get("by", ""))
    if number == 0 and how != "set":
        raise KezhiError(ZERO)
    plain = f"{number:f}"
    signed = plain if plain.startswith("-") else f"+{plain}"
    if how == "scale":
        return figure, f"*{1 + number / 100:f}" if figure == "margin" else f"{signed}%"
    if figure == "margin":
        return figure, f"{signed}pt" if how == "move" else f"={plain}%"
    return figure, signed if how == "move" else f"={plain}"


def whom_of(form: Mapping[str, str], rows: Rows) -> dict[str, Any]:
    """Whom a form means: {"customers": [...]}, {"where": rule, "segment": name} or {"everyone": True}."""
    kind = form.get("whom", "")
    if kind == "all":
        return {"everyone": True}
    if kind == "customer":
        customer = form.get("customer", "").strip()
        if not customer or not rows.sees(customer):
            raise KezhiError(NO_CUSTOMER.fill(given=customer or "–"))
        return {"customers": [customer]}
    query = form.get("where", "").strip()
    if kind != "where" or not query:
        raise KezhiError(NOBODY)
    rows.chosen(query)  # says what is wrong, and where
    saved = workspace().settings().segments
    return {"where": saved[query], "segment": query} if query in saved else {"where": query}


def period_of(form: Mapping[str, str]) -> str:
    """The periods that a form means: from one on, up to another or for good."""
    first, last = _day(form.get("from", "")), _day(form.get("until", ""))
    if first is not None and last is not None and last < first:
        raise KezhiError(BACKWARDS)
    begin = f"{first:%Y-%m}" if first else ""
    return f"{begin}..{last:%Y-%m}" if last else f"{begin}.." if begin else ""


def write_edited(path: Path, customer: str, edited: Mapping[date, Mapping[str, str]]) -> None:
    """What was edited in place, as the sheet that kezhi reads; raises KezhiError where nothing was."""
    import xlsxwriter

    if not any(edited.values()):
        raise KezhiError(NOTHING)
    path.parent.mkdir(parents=True, exist_ok=True)
    book = xlsxwriter.Workbook(str(path), {"strings_to_formulas": False, "strings_to_numbers": False})
    sheet = book.add_worksheet()
    names = ("customer_id", "period", *FIGURES)
    sheet.write_row(0, 0, [TITLES[name].to(spoken()) for name in names])
    days = book.add_format({"num_format": "yyyy-mm-dd"})
    for number, (period, cells) in enumerate(edited.items(), start=1):
        sheet.write_string(number, 0, customer)
        sheet.write_datetime(number, 1, period, days)
        for place, name in enumerate(FIGURES, start=2):
            if cells.get(name):
                sheet.write_string(number, place, cells[name])
    book.close()


def cell_of(figure: str, said: str, shown: str) -> str:
    """A cell of the form as kezhi reads it; nothing where it still says what was shown. A bare margin is per cent.

    With the sign + a margin is raised by so many points; with - it is set, for a margin may be negative.
    """
    said = unicodedata.normalize("NFKC", said).strip()
    if said in ("", shown):
        return ""
    number = number_of(said.removeprefix("="))
    if figure != "margin" or number is None:
        return said
    return f"+{number:f}pt" if said.startswith("+") else f"={number:f}%"


def wrong_cell(figure: str, cell: str) -> Text | None:
    """Why a cell cannot be meant; None where it can, or says nothing."""
    try:
        if cell:
            parse_change(figure, cell)
    except KezhiError as error:
        return error.text
    return None


def shown_cell(figure: str, value: Any) -> str:
    """What a form shows of a figure: a margin in per cent, money with cents."""
    return f"{float(value) * 100:.1f}" if figure == "margin" else f"{float(value):.2f}"


def _number(said: str) -> Decimal:
    if not said.strip():
        raise KezhiError(NO_NUMBER)
    number = number_of(said)
    if number is None:
        raise KezhiError(WRONG_NUMBER.fill(given=said.strip()[:40]))
    return number


def _day(said: str) -> date | None:
    try:
        return date.fromisoformat(said) if said else None
    except ValueError:
        return None
