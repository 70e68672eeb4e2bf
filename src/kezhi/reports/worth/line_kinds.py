"""What kind of purchase brought the money: first ones, referrals, upgrades, cross-sales, repeats."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from kezhi.engine import Engine
from kezhi.language import Text
from kezhi.reports import numbers, sections
from kezhi.reports.columns import Column
from kezhi.reports.customer_value import ValueReport
from kezhi.reports.markup import Html, Row, bullets, folded, table, tag
from kezhi.reports.sections import SHOWN_PERIODS, Canvas
from kezhi.reports.workbook import Book, fill_sheet

TITLE = Text("Kinds of purchase", "购买类型")
NAMES = {
    "first": Text("First purchase", "首次购买"),
    "referral": Text("First purchase through a referral", "经推荐的首次购买"),
    "upgrade": Text("Upgrade", "升级购买"),
    "cross_sell": Text("Cross-sale", "交叉购买"),
    "repeat": Text("Repeat", "重复购买"),
    "unknown": Text("Product not known", "产品不明"),
    "return": Text("Returns", "退货"),
}
MEANINGS = {
    "first": Text("the first day on which a customer bought, sent by nobody", "客户第一个购买日的购买，该客户无推荐人"),
    "referral": Text("the same of a customer whom another one sent", "同上，但该客户由其他客户推荐而来"),
    "upgrade": Text(
        "a higher version of something bought before, or what product_links names as its upgrade",
        "曾购产品的更高版本，或 product_links 表中所列的升级产品",
    ),
    "cross_sell": Text(
        "later, a product of a category that the customer had not bought before",
        "此后首次购买的其他类别的产品",
    ),
    "repeat": Text("the same product or category again", "再次购买同一产品或同一类别"),
    "unknown": Text("later lines that name no product", "此后未写明产品的明细"),
    "return": Text("taken off, on the day of their order", "退货，记在原订单当日"),
}
_SENT = Text("of referred customers", "其中被推荐客户")


@dataclass(frozen=True)
class Kinds:
    """The kinds of purchase of a run: totals as in worth.json, and the rows of line_kinds.parquet."""

    facts: Mapping[str, Any]
    rows: tuple[Mapping[str, Any], ...]

    @property
    def kinds(self) -> tuple[str, ...]:
        """Those that occur, in their order."""
        return tuple(row["kind"] for row in self.facts["kinds"])


def build(engine: Engine, run: Path, facts: dict[str, Any]) -> Kinds | None:
    """The kinds of purchase of a run folder."""
    path = run / "line_kinds.parquet"
    if not path.exists():
        return None
    rows = engine.fetch(engine.read_parquet(path).order_by("period", "kind", "referred")).to_pylist()
    return Kinds(facts, tuple(rows))


def section(found: Kinds, report: ValueReport, canvas: Canvas) -> Html:
    """One sentence, the totals, and every period one click away."""
    return sections.section(
        canvas,
        TITLE,
        tag("p", _sentence(found, canvas)),
        _totals(found, canvas),
        folded(canvas.say(Text("Period by period", "各期明细")), _periods(found, report, canvas)),
        folded(canvas.say(Text("What the kinds mean", "各类型的含义")), _meanings(found, canvas)),
        name="line_kinds",
    )


def _meanings(found: Kinds, canvas: Canvas) -> Html:
    said = Text("{name}: {meaning}", "{name}：{meaning}")
    pairs = [(canvas.say(NAMES[kind]), canvas.say(MEANINGS[kind])) for kind in found.kinds]
    return bullets(canvas.say(said, name=name, meaning=meaning) for name, meaning in pairs)


def _sentence(found: Kinds, canvas: Canvas) -> str:
    shares = {row["kind"]: row["share"] for row in found.facts["kinds"]}
    said = Text(
        "Of all sales, {new} came from first purchases, {more} from upgrades and cross-sales to existing customers, "
        "{again} from repeats.",
        "全部销售额中，{new} 来自首次购买，{more} 来自老客户的升级与交叉购买，{again} 来自重复购买。",
    )
    new = shares.get("first", 0.0) + shares.get("referral", 0.0)
    more = shares.get("upgrade", 0.0) + shares.get("cross_sell", 0.0)
    again = shares.get("repeat", 0.0)
    return canvas.say(said, **{k: numbers.percent(v, 1) for k, v in {"new": new, "more": more, "again": again}.items()})


def _totals(found: Kinds, canvas: Canvas) -> Html:
    heads = [Text("Kind", "类型"), Text("Lines", "明细数"), Text("Amount", "金额"), Text("Share of sales", "占销售额")]
    rows = [
        Row(
            [
                canvas.say(NAMES[row["kind"]]),
                numbers.grouped(row["lines"]),
                numbers.grouped(Decimal(row["amount"]), 2),
                numbers.percent(row["share"], 1),
            ]
        )
        for row in found.facts["kinds"]
    ]
    total = sum(row["lines"] for row in found.facts["kinds"])
    amount = numbers.grouped(Decimal(found.facts["amount"]), 2)
    rows.append(Row([canvas.say(Text("Total", "合计")), numbers.grouped(total), amount, ""], "total"))
    return table([*map(canvas.say, heads)], rows, (1, 2, 3))


def _periods(found: Kinds, report: ValueReport, canvas: Canvas) -> Html:
    sums: dict[date, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for row in found.rows:
        sums[row["period"]][row["kind"]] += row["amount"]
        sums[row["period"]]["sent"] += row["amount"] if row["referred"] else Decimal(0)
    shown = sorted(sums)[-SHOWN_PERIODS:]
    whole = all(value == int(value) for period in shown for value in sums[period].values())
    names = [*found.kinds, "sent"]
    rows = [
        Row(
            [
                numbers.period_label(period, report.period, report.fiscal_start, canvas.language),
                *(numbers.grouped(sums[period][name], 0 if whole else 2) for name in names),
            ]
        )
        for period in shown
    ]
    heads = [Text("Period", "期"), *(NAMES[kind] for kind in found.kinds), _SENT]
    return table([*map(canvas.say, heads)], rows, range(1, len(heads)))


# --- the workbook -----------------------------------------------------------------------------------------


def _column(name: str, title: Text, kind: Any, total: bool = False) -> Column:
    return Column(name, title, Text("", ""), kind, total)


_COLUMNS = (
    _column("period", Text("Period", "期"), "day"),
    _column("name", Text("Kind", "类型"), "text"),
    _column("sent", Text("Customer was sent", "由推荐而来"), "text"),
    _column("lines", Text("Lines", "明细数"), "count", total=True),
    _column("amount", Text("Amount", "金额"), "money", total=True),
)


def sheets(found: Kinds, book: Book, engine: Engine, run: Path, report: ValueReport) -> None:  # noqa: ARG001
    """The rows of line_kinds.parquet."""
    yes, no = Text("yes", "是"), Text("no", "否")
    rows = [
        {**row, "name": book.say(NAMES[row["kind"]]), "sent": book.say(yes if row["referred"] else no)}
        for row in found.rows
    ]
    sheet = book.sheet(TITLE, [column.width for column in _COLUMNS])
    sheet.line(_sentence(found, Canvas(book.language)))
    sums = {"lines": sum(row["lines"] for row in rows), "amount": sum((row["amount"] for row in rows), Decimal(0))}
    fill_sheet(sheet, _COLUMNS, rows, count=len(rows), label=Text("All", "全部"), totals=sums, shown=sums)
