"""Corrections in the report: who changed which forecast figure, why, and what that did to the total."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from kezhi.engine import Engine
from kezhi.language import Text
from kezhi.reports import numbers, sections
from kezhi.reports.markup import Html, Row, folded, table, tag
from kezhi.reports.sections import Canvas

SHOWN, MOST_AUDITED = 10, 20_000
FIGURES = {
    "amount": Text("Purchase amount", "购买金额"),
    "margin": Text("Margin", "毛利率"),
    "expense": Text("Relationship expense", "关系营销费用"),
}
TITLE = Text("Corrections by management", "管理层修正")
_HEADS = (
    Text("Correction", "修正"), Text("For whom", "对象"), Text("Periods", "期间"), Text("Customers", "客户数"),
    Text("Effect on the forecast value", "对预测价值的影响"),
)  # fmt: skip


@dataclass(frozen=True)
class Told:
    """One correction, or several that were written down together."""

    number: int
    count: int
    at: str
    who: str
    why: str
    words: Text
    whom: str
    chosen: str
    first: date
    last: date | None
    customers: int
    before: Decimal
    after: Decimal


@dataclass(frozen=True)
class Found:
    """The company's value as computed and as corrected, and by what."""

    computed: Decimal
    corrected: Decimal
    told: tuple[Told, ...]


def build(engine: Engine, run: Path, facts: Any) -> Found | None:  # noqa: ARG001  all is in the facts
    """The corrections of a run; None where it has none."""
    if not facts.get("applied"):
        return None
    batches: list[list[dict[str, Any]]] = []
    for one in facts["applied"]:
        if batches and _same(batches[-1][0], one):
            batches[-1].append(one)
        else:
            batches.append([one])
    value = [Decimal(str(facts[name]["value"])) for name in ("computed", "corrected")]
    return Found(value[0], value[1], tuple(map(_told, batches)))


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    names = ("at", "who", "why", "whom", "value_before", "value_after")
    return one["whom"] == "customer" and all(one[name] == other[name] for name in names)


def _told(batch: list[dict[str, Any]]) -> Told:
    one, n = batch[0], len(batch)
    words = Text(one["words"]["en"], one["words"]["zh"])
    ends = [item["last"] for item in batch]
    return Told(
        number=one["number"],
        count=n,
        at=one["at"],
        who=one["who"],
        why=one["why"],
        words=words if len({str(item["words"]) for item in batch}) == 1 else Text(f"{n} figures", f"{n} 个数字"),
        whom=one["whom"],
        chosen=one["chosen"],
        first=min(date.fromisoformat(item["first"]) for item in batch),
        last=None if None in ends else max(date.fromisoformat(end) for end in ends),
        customers=len({item["chosen"] for item in batch}) if one["whom"] == "customer" else one["customers"],
        before=Decimal(str(one["value_before"])),
        after=Decimal(str(one["value_after"])),
    )


def section(found: Found, report: Any, canvas: Canvas) -> Html:
    """Every correction in the order in which it was made, with its part in the total."""
    effect = found.corrected - found.computed
    said = Text(
        "Management corrected figures of coming periods: the forecast value is {after} with the corrections and was "
        "{before} as computed ({effect}); the computed figures stand beside the corrected ones in forecast.parquet.",
        "管理层对今后各期的数字作了修正：预测价值修正后为 {after}，计算值为 {before}（{effect}）；"
        "修正前的计算值与修正值一并保存在 forecast.parquet 中。",
    )
    after, before = (numbers.headline(v, report.currency, canvas.language) for v in (found.corrected, found.computed))
    intro = tag("p", canvas.say(said, after=after, before=before, effect=_signed(effect)))
    heads = [canvas.say(head) for head in _HEADS]
    rows = [_row(one, canvas) for one in found.told]
    whole = Row([canvas.say(Text("All corrections", "全部修正")), "", "", "", _signed(effect)], "total")
    first = table(heads, [*rows[:SHOWN], whole], (3, 4))
    rest = None
    if rows[SHOWN:]:
        label = Text("{n} more", "另有 {n} 项").fill(n=len(rows) - SHOWN)
        rest = folded(canvas.say(label), table(heads, rows[SHOWN:], (3, 4)))
    how = Text(
        "Each effect is that on top of the corrections above it. To take one back: kezhi correct --undo NUMBER. "
        "Lifetime value and the other senses of worth follow with the next run.",
        "每项影响是在其上各项修正的基础上计算的。撤销：kezhi correct --undo 编号。"
        "生命周期价值等其他价值在下一次运行时随之更新。",
    )
    return sections.section(
        canvas, TITLE, intro, first, rest, tag("p", canvas.say(how), class_="soft"), name="corrections"
    )


def _row(one: Told, canvas: Canvas) -> Row:
    number = f"{one.number}" if one.count == 1 else f"{one.number}–{one.number + one.count - 1}"
    remark = f"{one.who}, {one.at[:10]}: {one.why}"
    what = tag("span", f"{number}. {canvas.say(one.words)}", tag("span", remark, class_="flags"), class_="who")
    return Row([what, _whom(one, canvas), _span(one), numbers.grouped(one.customers), _signed(one.after - one.before)])


def _whom(one: Told, canvas: Canvas) -> str:
    if one.whom == "all":
        return canvas.say(Text("all customers", "全部客户"))
    if one.whom == "customer" and one.customers > 1:
        return canvas.say(Text("{n} customers by name", "{n} 位指定客户"), n=numbers.grouped(one.customers))
    return one.chosen


def _span(one: Told) -> str:
    return f"{one.first.isoformat()} … {one.last.isoformat() if one.last else ''}".rstrip()


def _signed(value: Decimal) -> str:
    return ("+" if value > 0 else "") + numbers.grouped(value, 0 if abs(value) >= 100 else 2)


def sheets(found: Found, book: Any, engine: Engine, run: Path, report: Any) -> None:  # noqa: ARG001
    """The corrections, and below them each corrected figure beside the computed one."""
    sheet = book.sheet(Text("Corrections", "修正"), (14, 20, 24, 34, 34, 14, 14, 12, 18, 18, 18))
    heads = (
        Text("No.", "编号"), Text("When", "时间"), Text("Who", "修正人"), Text("Why", "原因"), Text("What", "修正"),
        Text("For whom", "对象"), Text("From", "起"), Text("Until", "止"), Text("Customers", "客户数"),
        Text("Value before", "修正前价值"), Text("Value after", "修正后价值"), Text("Effect", "影响"),
    )  # fmt: skip
    kinds = (*["text"] * 6, "day", "day", "count", "money", "money", "money")
    sheet.line(book.say(TITLE), book.heading)
    sheet.heads([book.say(head) for head in heads])
    for one in found.told:
        whom = one.chosen or book.say(Text("all customers", "全部客户"))
        number = f"{one.number}" if one.count == 1 else f"{one.number}–{one.number + one.count - 1}"
        whom = "…" if one.whom == "customer" and one.customers > 1 else whom
        first = [number, one.at, one.who, one.why, book.say(one.words), whom, one.first, one.last, one.customers]
        row = [*first, one.before, one.after, one.after - one.before]
        sheet.row(row, kinds)
    sheet.row([book.say(Text("Total", "合计")), *[None] * 8, found.computed, found.corrected,
               found.corrected - found.computed], kinds, bold=True)  # fmt: skip
    _audit(sheet, book, engine, run)


def _audit(sheet: Any, book: Any, engine: Engine, run: Path) -> None:
    audit = engine.read_parquet(run / "corrections.parquet")
    total = engine.row(audit.aggregate(n=audit.count()))["n"]
    sheet.skip()
    said = Text("{n} figures, of which {shown} are listed", "共 {n} 个数字，列出 {shown} 个")
    title = said.fill(n=f"{total:,}", shown=f"{min(total, MOST_AUDITED):,}")
    sheet.line(book.say(title), book.heading)
    heads = (
        Text("Customer id", "客户编号"), Text("Period", "期"), Text("Figure", "项目"), Text("Computed", "计算值"),
        Text("Corrected", "修正值"), Text("Corrections", "修正编号"),
    )  # fmt: skip
    sheet.heads([book.say(head) for head in heads])
    rows = engine.fetch(audit.order_by("customer_id", "period", "figure").limit(MOST_AUDITED))
    for row in rows.to_pylist():
        kind = "share" if row["figure"] == "margin" else "money"
        cells = [row["customer_id"], row["period"], book.say(FIGURES[row["figure"]]), row["computed"], row["corrected"]]
        sheet.row([*cells, row["corrections"]], ("text", "day", "text", kind, kind, "text"))
