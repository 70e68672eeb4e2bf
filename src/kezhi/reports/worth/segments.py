"""Segments by rule (T09, T16): what each is worth, who is in it against the rest, who came and went, overlaps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from kezhi.engine import Engine
from kezhi.language import Language, Text
from kezhi.reports import numbers
from kezhi.reports.columns import Column
from kezhi.reports.json_values import Json, day, money, number
from kezhi.reports.lists import NO, YES
from kezhi.reports.markup import Child, Html, Row, bullets, folded, joined, table, tag
from kezhi.reports.sections import Canvas, grid, heading
from kezhi.reports.sections import section as titled
from kezhi.reports.workbook import Book, fill_sheet
from kezhi.reports.worth import names
from kezhi.segments.over_index import TELLING
from kezhi.segments.vocabulary import names_of, settings_of, title
from kezhi.settings import Settings

TITLE = Text("Segments by rule", "规则分群")
SHOWN_PEOPLE, SHOWN_GROUPS, SHOWN_PAIRS = 3, 2, 10


@dataclass(frozen=True)
class Trait:
    """A value that is more or less frequent in a segment than in the rest, by more than chance."""

    field: str
    value: Text
    group: bool
    customers: int
    share: float
    rest: float
    index: float | None
    bounds: tuple[float, float] | None

    @property
    def more(self) -> bool:
        """More frequent than in the rest?"""
        return self.share >= self.rest


@dataclass(frozen=True)
class Change:
    """Who came and went since the run before."""

    since: date | None
    joined: int
    left: int


@dataclass(frozen=True)
class Segment:
    """A saved segment."""

    name: str
    rule: str
    customers: int
    share: float | None
    value: Decimal
    forecast: Decimal
    share_of_forecast: float | None
    since: date | None
    change: Change | None
    figures: tuple[tuple[str, float | None, float | None], ...]
    traits: tuple[Trait, ...]


@dataclass(frozen=True)
class Segments:
    """All saved segments that could be counted, and pairs of them with customers in common."""

    segments: tuple[Segment, ...]
    overlaps: tuple[tuple[str, str, int], ...]


def build(engine: Engine, run: Path, facts: Json) -> Segments | None:  # noqa: ARG001
    """The facts as frozen data; None where no segment was saved."""
    settings = settings_of(run)
    found = Segments(
        tuple(_segment(one, settings) for one in facts.get("segments") or ()),
        tuple((one["first"], one["second"], int(one["customers"])) for one in facts.get("overlaps") or ()),
    )
    return found if found.segments else None


def _segment(one: Json, settings: Settings) -> Segment:
    then = one.get("previous")
    return Segment(
        str(one["name"]),
        str(one["rule"]),
        int(one["customers"]),
        number(one.get("share")),
        money(one.get("value")) or Decimal(0),
        money(one.get("forecast_value")) or Decimal(0),
        number(one.get("share_of_forecast_value")),
        day(one.get("since")),
        Change(day(then.get("as_of")), int(then["joined"]), int(then["left"])) if then else None,
        tuple((row["figure"], number(row["segment"]), number(row["rest"])) for row in one.get("figures") or ()),
        tuple(_trait(row, settings) for row in one.get("profile") or ()),
    )


def _trait(row: Json, settings: Settings) -> Trait:
    lower, upper = number(row.get("lower")), number(row.get("upper"))
    return Trait(
        str(row["field"]),
        value_text(str(row["field"]), str(row["value"]), settings),
        bool(row.get("group")),
        int(row["customers"]),
        float(row["share"]),
        float(row["rest_share"]),
        number(row.get("index")),
        None if lower is None or upper is None else (lower, upper),
    )


def value_text(field: str, value: str, settings: Settings) -> Text:
    """What a value of a field is called; a text of the company's own stays as it is."""
    if value in ("true", "false"):
        return YES if value == "true" else NO
    return names_of(field, settings).get(value) or names.segment(field, value)


# --- page -------------------------------------------------------------------------------------------------

_HEADS = (
    Text("Segment", "分群"),
    Text("Customers", "客户数"),
    Text("Came", "新增"),
    Text("Went", "移出"),
    Text("Share", "占比"),
    Text("Value so far", "已有价值"),
    Text("Forecast value", "预测价值"),
    Text("Share of it", "占预测价值"),
)
RULE, APART = Text("Rule", "规则"), Text("What sets them apart", "最突出的特征")
WHO = Text("Who is in them", "分群的规则与特征")
ABOUT = Text(
    "The groups your company has saved as rules, counted in this run. A customer may be in several.",
    "贵公司以规则保存的客户群，按本次运行统计；一位客户可以同时属于多个分群。",
)
HOW = Text(
    "Index: 100 × the share among a segment's members ÷ the share among all other customers, of those whose field is "
    "filled in. 300 means three times as frequent as in the rest. Named is only what chance does not explain and what "
    "is at least {least} more or less frequent at the near end of its 95% interval; fields that the rule itself asks "
    "for are left out.",
    "指数 = 100 × 分群内占比 ÷ 其余客户中的占比（只计该字段已填写的客户）；300 表示是其余客户的三倍。"
    "只列出并非偶然、且 95% 区间靠近 100 的一端仍相差 {least} 以上的特征；规则本身用到的字段不列。",
).fill(least=f"{TELLING - 1:.0%}")
NOTHING = Text("nothing sets them apart beyond chance", "没有超出偶然的差别")
NOBODY = Text("nobody at present", "目前没有客户")
ONLY_HERE = Text("found only here", "仅见于此")
CHANGES = Text(
    "Came and went: since the run as of {day}, by the same rule.", "新增、移出：与截至{day}的运行相比，规则相同。"
)
UNCHANGED = Text(
    "Came and went: shown once an earlier run told of a segment with the same rule.",
    "新增、移出：有按同样规则记录该分群的更早运行时才显示。",
)
LISTS = Text(
    "Lists: kezhi export NAME --to list.xlsx; members of all segments are in segments.parquet.",
    "导出名单：kezhi export 名称 --to list.xlsx；各分群成员见 segments.parquet。",
)


def section(found: Segments, report: Any, canvas: Canvas) -> Html:  # noqa: ARG001
    """What each segment is worth; then its rule and what sets it apart; averages folded; overlaps."""
    return titled(
        canvas,
        TITLE,
        tag("p", canvas.say(ABOUT)),
        grid(canvas, _HEADS, [_row(one) for one in found.segments]),
        tag("p", canvas.say(changes(found)), class_="soft"),
        heading(canvas, WHO),
        bullets([_who(one, canvas) for one in found.segments]),
        tag("p", canvas.say(HOW), class_="soft"),
        folded(
            canvas.say(Text("On average, against all other customers", "与其余客户的平均水平比较")),
            _averages(found, canvas),
        ),
        *_pairs(found, canvas),
        name="segments",
    )


def changes(found: Segments) -> Text:
    """Since when customers came and went, and how to get them."""
    since = next((one.change.since for one in found.segments if one.change and one.change.since), None)
    said = UNCHANGED
    if since is not None:
        days = {language: numbers.day(since, language) for language in ("en", "zh")}
        said = Text(CHANGES.en.format(day=days["en"]), CHANGES.zh.format(day=days["zh"]))
    return Text(f"{said.en} {LISTS.en}", f"{said.zh}{LISTS.zh}")


def _row(one: Segment) -> Row:
    cells: list[Child] = [
        one.name,
        tag("span", numbers.grouped(one.customers), class_="strong"),
        "–" if one.change is None else f"+{numbers.grouped(one.change.joined)}",
        "–" if one.change is None else f"−{numbers.grouped(one.change.left)}",
        numbers.percent(one.share),
        numbers.grouped(one.value),
        numbers.grouped(one.forecast),
        numbers.percent(one.share_of_forecast),
    ]
    return Row(cells)


def _who(one: Segment, canvas: Canvas) -> Html:
    """The rule, and what is more or less frequent than in the rest."""
    people = [trait for trait in one.traits if not trait.group][:SHOWN_PEOPLE]
    groups = [trait for trait in one.traits if trait.group and trait.more][:SHOWN_GROUPS]
    lines = [trait_in_words(trait, canvas.language) for trait in (*people, *groups)]
    told = bullets(lines) if lines else tag("div", canvas.say(NOTHING if one.customers else NOBODY), class_="soft")
    return joined([tag("span", one.name, class_="strong"), " ", tag("code", one.rule), told])


def trait_in_words(trait: Trait, language: Language) -> str:
    """▲ Region Shanghai: 60.0% against 20.0%, index 300 (250–360)."""
    index = "" if trait.index is None else f"{trait.index:,.0f}"
    within = f" ({trait.bounds[0]:,.0f}–{trait.bounds[1]:,.0f})" if trait.bounds else ""
    said = Text(
        "{arrow} {field}: {value}. {share} of them, {rest} of all others, {index}",
        "{arrow} {field}：{value}。分群内 {share}，其余客户 {rest}，{index}",
    )
    known = Text(f"index {index}{within}", f"指数 {index}{within}")
    return said.to(language).format(
        arrow="▲" if trait.more else "▼",
        field=title(trait.field).to(language),
        value=trait.value.to(language),
        share=f"{trait.share:.1%}",
        rest=f"{trait.rest:.1%}",
        index=(ONLY_HERE if trait.index is None else known).to(language),
    )


def _averages(found: Segments, canvas: Canvas) -> Html:
    figures = [name for name, _, _ in found.segments[0].figures]
    heads = [canvas.say(_HEADS[0]), *(canvas.say(title(name)) for name in figures)]
    rows = [
        Row([one.name, *(f"{_mean(name, here)} : {_mean(name, there)}" for name, here, there in one.figures)])
        for one in found.segments
    ]
    about = Text("Per customer: in the segment : among all others.", "每位客户平均：分群内 : 其余客户。")
    return joined([tag("p", canvas.say(about), class_="soft"), table(heads, rows, range(1, len(heads)))])


def _mean(name: str, value: float | None) -> str:
    if name == "p_alive":
        return numbers.percent(value)
    return numbers.grouped(value, 0 if value is not None and abs(value) >= 1000 else 1)


def _pairs(found: Segments, canvas: Canvas) -> list[Child]:
    if not found.overlaps:
        return []
    heads = (Text("Segment", "分群"), Text("and", "与"), Text("Customers in both", "共有客户"))
    rows = [Row([one, other, numbers.grouped(n)]) for one, other, n in found.overlaps[:SHOWN_PAIRS]]
    return [
        heading(canvas, Text("In two segments at once", "同时属于两个分群")),
        table([canvas.say(head) for head in heads], rows, (2,)),
    ]


# --- workbook ---------------------------------------------------------------------------------------------

_COLUMNS = (
    Column("name", _HEADS[0], Text("Its name in kezhi.toml.", "kezhi.toml 中的名称。"), "text"),
    Column("rule", RULE, Text("The filter.", "条件。"), "text"),
    Column("customers", _HEADS[1], Text("How many.", "人数。"), "count"),
    Column("joined", _HEADS[2], Text("Since the run that this one is compared with.", "与所对照的运行相比。"), "count"),
    Column("left", _HEADS[3], Text("Since the run that this one is compared with.", "与所对照的运行相比。"), "count"),
    Column("share", _HEADS[4], Text("Of all customers.", "占全部客户。"), "share"),
    Column("value", _HEADS[5], Text("Gross profit so far.", "迄今毛利。"), "money"),
    Column("forecast", _HEADS[6], Text("Over the horizon.", "预测期内。"), "money"),
    Column("share_of_forecast", _HEADS[7], Text("Of the company's.", "占公司合计。"), "share"),
    Column("traits", APART, HOW, "text"),
)


def sheets(found: Segments, book: Book, engine: Engine, run: Path, report: Any) -> None:  # noqa: ARG001
    """The segments, one row each."""
    shown = ("name", "rule", "customers", "share", "value", "forecast", "share_of_forecast")
    rows: list[dict[str, Any]] = [
        {
            **{name: getattr(one, name) for name in shown},
            "joined": one.change.joined if one.change else None,
            "left": one.change.left if one.change else None,
            "traits": "; ".join(trait_in_words(trait, book.language) for trait in one.traits),
        }
        for one in found.segments
    ]
    sheet = book.sheet(TITLE, [column.width for column in _COLUMNS])
    sheet.line(book.say(ABOUT))
    sheet.line(book.say(HOW))
    fill_sheet(sheet, _COLUMNS, rows, count=len(rows), label=TITLE, totals={}, shown={})
