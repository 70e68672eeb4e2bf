"""The weekly report on the page: contacts, deals and new customers, line by line (T11)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from kezhi.engine import Engine
from kezhi.language import Language, Text
from kezhi.reports import numbers
from kezhi.reports.figures import ACCENT, OBSERVED, plain
from kezhi.reports.markup import Html, Row, folded, joined, tag
from kezhi.reports.plot import Drawn, Plot
from kezhi.reports.sections import Canvas, grid, heading
from kezhi.reports.sections import section as titled
from kezhi.segments.weekly import means_of
from kezhi.worth.beginnings import OTHERS, UNKNOWN

SHOWN = 12
DRAWN = 53
TITLES = {"week": Text("Weekly report", "周报"), "month": Text("Monthly report", "月报")}
COLUMNS = {
    "contacts": Text("Contacts", "联系"),
    "in": Text("came in", "客户主动"),
    "out": Text("went out", "我方主动"),
    "visit": Text("Visits", "来访与拜访"),
    "call": Text("Calls", "来电与去电"),
    "opened": Text("Opportunities opened", "新开机会"),
    "won": Text("Won", "赢单"),
    "lost": Text("Lost", "输单"),
    "orders": Text("Orders", "订单"),
    "amount": Text("Amount of orders", "订单金额"),
    "new_customers": Text("New customers", "新客户"),
}
SAID = {
    "week": Text(
        "Plain counts of the book's rows by week: in the last full week, from {day}, {contacts} contacts (visits: "
        "{visits}, calls: {calls}), {orders} orders of {amount}, opportunities won: {won}, new customers: {new}.",
        "按周统计台账中的记录。最近一个完整周（自 {day} 起）：联系 {contacts} 次"
        "（来访与拜访 {visits}、来电与去电 {calls}），订单 {orders} 个，金额 {amount}，赢单 {won}，新客户 {new}。",
    ),
    "month": Text(
        "Plain counts of the book's rows by month: in the last full month, from {day}, {contacts} contacts (visits: "
        "{visits}, calls: {calls}), {orders} orders of {amount}, opportunities won: {won}, new customers: {new}.",
        "按月统计台账中的记录。最近一个完整月（自 {day} 起）：联系 {contacts} 次"
        "（来访与拜访 {visits}、来电与去电 {calls}），订单 {orders} 个，金额 {amount}，赢单 {won}，新客户 {new}。",
    ),
}
RULES = Text(
    "A visit or call is a contact whose channel says so. An order is one order number, or a customer's day where there "
    "is none, on the first day of its sales; returns are not taken off. An opportunity counts as won or lost on the "
    "day it was expected to close. A new customer is one with the first purchase in that time.",
    "来访、来电按联系方式判断。一个订单号算一个订单；没有订单号时，一位客户的一天算一个；按首笔销售的日期计，不扣退货。"
    "赢单、输单按预计成交日期计。新客户指在该时段首次购买的客户。",
)
CUT = Text("{day} (not over)", "{day}（未满）")


@dataclass(frozen=True)
class Line:
    """One week or month."""

    begin: date
    counts: Counter[str]
    amount: Decimal
    unfinished: bool = False


@dataclass(frozen=True)
class Weekly:
    """The newest lines, oldest first, and the counts by the columns asked for over the shown ones."""

    by: str
    lines: tuple[Line, ...]
    fields: dict[str, dict[str, Counter[str]]]

    @property
    def full(self) -> Line | None:
        """The newest line that is over."""
        return next((line for line in reversed(self.lines) if not line.unfinished), None)


def build(engine: Engine, run: Path, facts: Mapping[str, Any]) -> Weekly | None:
    """The last year of lines."""
    by, as_of = str(facts["by"]), date.fromisoformat(str(facts["as_of"]))
    begins = _begins(by, as_of, date.fromisoformat(str(facts["first"])))
    rows = engine.read_parquet(run / "weekly.parquet")
    told = engine.fetch(rows.filter(rows.begin >= begins[0])).to_pylist()
    lines = {begin: Line(begin, Counter(), Decimal(0), begin == begins[-1] and facts["cut_short"]) for begin in begins}
    amounts: dict[date, Decimal] = dict.fromkeys(begins, Decimal(0))
    shown = set(begins[-SHOWN:])
    fields: dict[str, dict[str, Counter[str]]] = {}
    for row in told:
        count = row["count"]
        if row["field"] is None:
            lines[row["begin"]].counts.update(dict.fromkeys(_columns(row), count))
            amounts[row["begin"]] += (row["amount"] or 0) if row["what"] == "orders" else 0
        elif row["begin"] in shown:
            name = fields.setdefault(row["field"], {}).setdefault(row["name"] or UNKNOWN, Counter())
            name.update({row["what"]: count})
    done = (Line(one.begin, one.counts, amounts[one.begin], one.unfinished) for one in lines.values())
    return Weekly(by, tuple(done), fields)


def _columns(row: Mapping[str, Any]) -> list[str]:
    """Every column that a line of the file counts in."""
    if row["what"] != "contacts":
        return [row["what"]]
    ways = [row["direction"]] if row["direction"] in ("in", "out") else []
    return ["contacts", *ways, *([means] if (means := means_of(row["channel"])) != "other" else [])]


def _begins(by: str, as_of: date, first: date) -> list[date]:
    """The first days of the newest lines, oldest first, back to the first one that holds anything."""
    day = as_of.replace(day=1) if by == "month" else as_of - timedelta(days=as_of.weekday())
    found = [day]
    while len(found) < DRAWN and found[0] > first:
        before = found[0] - timedelta(days=1)
        found.insert(0, before.replace(day=1) if by == "month" else found[0] - timedelta(days=7))
    return found


# --- the page ---------------------------------------------------------------------------------------------


def section(found: Weekly, report: Any, canvas: Canvas) -> Html:
    """The last full line in words, a year as a figure, the newest lines, then the columns asked for."""
    used = [name for name in COLUMNS if name == "amount" or any(line.counts[name] for line in found.lines)]
    heads = [Text("From", "起始日"), *(COLUMNS[name] for name in used)]
    body = [Row([_begin(line, canvas), *_cells(line, used)], "unfinished" if line.unfinished else None)
            for line in reversed(found.lines[-SHOWN:])]  # fmt: skip
    describe = Text(
        "Contacts and orders over the last year; the newest follow as a table.", "近一年的联系与订单，数据见下表。"
    )
    return titled(
        canvas,
        TITLES[found.by],
        _said(found, report, canvas),
        canvas.place("figure-weekly", history.plain(found, canvas.language), describe),
        grid(canvas, heads, body),
        *(_field(name, parts, canvas) for name, parts in sorted(found.fields.items())),
        folded(canvas.say(Text("How this is counted", "统计方法")), tag("p", canvas.say(RULES), class_="soft")),
        name="weekly",
    )


def _said(found: Weekly, report: Any, canvas: Canvas) -> Html | None:
    line = found.full
    if line is None:
        return None
    count = {name: numbers.grouped(line.counts[name]) for name in ("contacts", "orders", "won")}
    text = canvas.say(
        SAID[found.by],
        day=numbers.day(line.begin, canvas.language),
        visits=numbers.grouped(line.counts["visit"]),
        calls=numbers.grouped(line.counts["call"]),
        new=numbers.grouped(line.counts["new_customers"]),
        amount=numbers.headline(line.amount, report.currency, canvas.language),
        **count,
    )
    return tag("p", text)


def _begin(line: Line, canvas: Canvas) -> str:
    day = numbers.short_day(line.begin)
    return canvas.say(CUT, day=day) if line.unfinished else day


def _cells(line: Line, names: Iterable[str]) -> list[str]:
    return [numbers.grouped(line.amount if name == "amount" else line.counts[name]) for name in names]


@Drawn
def history(found: Weekly, language: Language) -> Plot:
    """Contacts and orders, line by line."""
    figure = plain()
    lines = [line for line in found.lines if not line.unfinished]
    days = [line.begin.isoformat() for line in lines]
    figure.add_bar(
        x=days, y=[line.counts["contacts"] for line in lines], name=COLUMNS["contacts"].to(language),
        marker={"color": OBSERVED}, hovertemplate="%{x}<br>%{y:,}<extra></extra>",
    )  # fmt: skip
    figure.add_scatter(
        x=days, y=[line.counts["orders"] for line in lines], name=COLUMNS["orders"].to(language), mode="lines",
        line={"color": ACCENT, "width": 2.5}, hovertemplate="%{x}<br>%{y:,}<extra></extra>",
    )  # fmt: skip
    figure.update_xaxes(type="date", showgrid=False, tickformat="%Y-%m")
    return figure


def _field(field: str, parts: Mapping[str, Counter[str]], canvas: Canvas) -> Html:
    """Counts by a column that was asked for, over the lines shown above."""
    kinds = [name for name in ("contacts", "opened", "won", "lost", "orders", "new_customers")
             if any(counts[name] for counts in parts.values())]  # fmt: skip
    order = sorted(parts, key=lambda name: (name in (UNKNOWN, OTHERS), -sum(parts[name].values()), name))
    special = {UNKNOWN: Text("not stated", "未填写"), OTHERS: Text("all others", "其他")}
    body = [
        Row([canvas.say(special[name]) if name in special else name, *(numbers.grouped(parts[name][k]) for k in kinds)])
        for name in order
    ]
    title = canvas.say(Text("By {field}, the lines above together", "按 {field}（以上各行合计）"), field=field)
    return joined(
        [heading(canvas, Text(title, title)), grid(canvas, [Text(field, field), *(COLUMNS[k] for k in kinds)], body)]
    )


# --- the workbook -----------------------------------------------------------------------------------------


def sheets(found: Weekly, book: Any, engine: Engine, run: Path, report: Any) -> None:
    """One sheet: the last year, line by line."""
    del engine, run, report
    kinds = ["day", *("money" if name == "amount" else "count" for name in COLUMNS)]
    sheet = book.sheet(TITLES[found.by], [12] + [14] * len(COLUMNS))
    sheet.line(book.say(RULES))
    sheet.heads([book.say(Text("From", "起始日")), *(book.say(title) for title in COLUMNS.values())])
    sheet.sheet.freeze_panes(sheet.next, 1)
    for line in reversed(found.lines):
        values = [line.amount if name == "amount" else line.counts[name] for name in COLUMNS]
        sheet.row([line.begin, *values], kinds)
