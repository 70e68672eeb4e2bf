"""Excellent customers: by which criteria, and who is eligible for a programme (T13)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from kezhi.engine import Engine
from kezhi.language import Text
from kezhi.reports import numbers
from kezhi.reports.columns import Column
from kezhi.reports.customer_value import ValueReport
from kezhi.reports.json_values import Json, money
from kezhi.reports.markup import Html, Row, folded, table, tag, who
from kezhi.reports.names import with_names
from kezhi.reports.sections import Canvas, grid
from kezhi.reports.sections import section as titled
from kezhi.reports.workbook import Book, fill_sheet

TITLE = Text("Excellent customers", "优秀客户")
SHOWN = 10
GROUPS = {
    "profile": Text("Size, industry, geography", "规模、产业、地理位置"),
    "history": Text("Frequency and history", "消费频率和历史记录"),
    "contribution": Text("Contribution to the business", "对整体业务的贡献度"),
}
CRITERIA = {
    "purchases_per_year": ("history", Text("purchases a year", "年购买次数")),
    "years": ("history", Text("years from first to last purchase", "首次至最近购买的年数")),
    "value": ("contribution", Text("value so far", "迄今价值")),
    "forecast_value": ("contribution", Text("forecast value", "预测价值")),
}
FIELDS = {"size": Text("size", "规模"), "industry": Text("industry", "产业"), "region": Text("region", "地区")}


@dataclass(frozen=True)
class Eligible:
    """A customer whose score is enough."""

    customer_id: str
    name: str | None
    score: float
    parts: dict[str, float]
    value: Decimal
    forecast: Decimal


@dataclass(frozen=True)
class Excellent:
    """The criteria, how many meet them, and the first of these."""

    customers: int
    eligible: int
    threshold: float
    share_of_value: float | None
    share_of_forecast: float | None
    weights: dict[str, float]
    marks: dict[str, float]
    wanted: dict[str, list[str]]
    first: tuple[Eligible, ...]


def build(engine: Engine, run: Path, facts: Json) -> Excellent | None:
    """The criteria as applied, and the customers with the highest scores; None where nothing could be weighed."""
    if not facts.get("weights"):
        return None
    weights = {name: float(weight) for name, weight in facts["weights"].items()}
    return Excellent(
        int(facts["customers"]),
        int(facts["eligible"]),
        float(facts["threshold"]),
        _share(facts["value"], facts["all_value"]),
        _share(facts["forecast_value"], facts["all_forecast_value"]),
        weights,
        {name: float(mark) for name, mark in facts["full_marks"].items()},
        {name: list(said) for name, said in facts["wanted"].items()},
        tuple(_eligible(row, weights) for row in _rows(engine, run, SHOWN)),
    )


def _share(part: Any, whole: Any) -> float | None:
    of, total = money(part) or Decimal(0), money(whole) or Decimal(0)
    return float(of / total) if total > 0 else None


def _rows(engine: Engine, run: Path, most: int) -> list[dict[str, Any]]:
    import ibis

    rows = engine.read_parquet(run / "excellent.parquet")
    order = [ibis.desc("excellent_score"), ibis.desc("forecast_value"), "customer_id"]
    first = rows.order_by(order).limit(most)
    found: list[dict[str, Any]] = engine.fetch(with_names(engine, run, first).order_by(order)).to_pylist()
    return found


def _eligible(row: dict[str, Any], weights: dict[str, float]) -> Eligible:
    parts = {name: row[f"{name}_score"] for name in weights}
    return Eligible(
        row["customer_id"], row["name"], row["excellent_score"], parts, row["value"], row["forecast_value"]
    )  # fmt: skip


def sentence(found: Excellent) -> Text:
    """How many reach the threshold, and what they bring."""
    told = Text(
        "{eligible} of {customers} customers score {threshold} or more of 100 and are eligible for a programme.",
        "{customers} 位客户中有 {eligible} 位得分不低于 {threshold}（满分 100），可列入优秀客户计划。",
    )
    shown = {"eligible": numbers.grouped(found.eligible), "customers": numbers.grouped(found.customers)}
    first = told.fill(threshold=f"{found.threshold:g}", **shown)
    if found.share_of_value is None or not found.eligible:
        return first
    share = numbers.percent(found.share_of_value)
    return Text(f"{first.en} They brought {share} of all value so far.", f"{first.zh}他们贡献了迄今价值的 {share}。")


def section(found: Excellent, report: ValueReport, canvas: Canvas) -> Html:  # noqa: ARG001
    """The count, the criteria, the first of the list."""
    next_ = Text(
        "Invite them: early access, a named contact, a yearly thank-you. The full list is excellent.parquet in the run "
        "folder, and a sheet of the workbook; weights, threshold and what is wanted are settings (excellent).",
        "邀请他们加入：新品优先、专属联系人、年度答谢。完整名单见运行文件夹的 excellent.parquet 和工作簿；"
        "权重、分数线与优先条件可在设置 excellent 中修改。",
    )
    return titled(
        canvas,
        TITLE,
        tag("p", canvas.say(sentence(found))),
        _criteria(found, canvas),
        tag("p", canvas.say(next_), class_="soft"),
        folded(canvas.say(Text("The first of the list", "名单前列")), _list(found, canvas)) if found.first else None,
        name="excellent",
    )


def _criteria(found: Excellent, canvas: Canvas) -> Html:
    heads = (
        Text("Criteria", "指标"),
        Text("Weight", "权重"),
        Text("Full marks for", "满分标准"),
    )
    rows = [
        Row([tag("span", canvas.say(GROUPS[name]), class_="strong"), numbers.percent(weight),
             _marks(found, name, canvas)])
        for name, weight in found.weights.items()
    ]  # fmt: skip
    return table([canvas.say(head) for head in heads], rows, (1,))


def _marks(found: Excellent, group: str, canvas: Canvas) -> str:
    """What earns full marks in a group, in one line."""
    if group == "profile":
        said = [f"{canvas.say(FIELDS[name])}: {', '.join(texts)}" for name, texts in found.wanted.items()]
        return "; ".join(said)
    some = [(name, mark) for name, mark in found.marks.items() if CRITERIA[name][0] == group]
    return canvas.say(Text("; ", "；")).join(
        f"{canvas.say(CRITERIA[name][1])} ≥ {numbers.grouped(mark, 0 if mark >= 100 else 1)}" for name, mark in some
    )


def _list(found: Excellent, canvas: Canvas) -> Html:
    heads = [
        Text("Customer", "客户"),
        Text("Score", "得分"),
        *(GROUPS[name] for name in found.weights),
        Text("Value so far", "迄今价值"),
        Text("Forecast value", "预测价值"),
    ]
    rows = []
    for one in found.first:
        named = who(one.customer_id, one.name)
        score = tag("span", numbers.grouped(one.score, 1), class_="strong")
        parts = [numbers.grouped(one.parts[name], 1) for name in found.weights]
        rows.append(Row([named, score, *parts, numbers.grouped(one.value), numbers.grouped(one.forecast)]))
    return grid(canvas, heads, rows)


def sheets(found: Excellent, book: Book, engine: Engine, run: Path, report: ValueReport) -> None:  # noqa: ARG001
    """Who is eligible, the highest scores first."""
    rows = _rows(engine, run, book.listed)
    if not rows:
        return
    weighed = Text("0 to 100.", "0 到 100 分。")
    columns = (
        Column("customer_id", Text("Customer id", "客户编号"), Text("As in the source.", "与源数据一致。"), "text"),
        Column("name", Text("Name", "客户名称"), Text("Where known.", "已知时显示。"), "text"),
        Column("excellent_score", Text("Score", "得分"), weighed, "number"),
        *(Column(f"{name}_score", GROUPS[name], weighed, "number") for name in found.weights),
        Column("purchases_per_year", Text("Purchases a year", "年购买次数"), Text("Mean.", "平均。"), "number"),
        Column("years", Text("Years", "年数"), Text("First to last purchase.", "首次至最近购买。"), "number"),
        Column("value", Text("Value so far", "迄今价值"), Text("Gross profit.", "毛利。"), "money", total=True),
        Column("forecast_value", Text("Forecast value", "预测价值"), Text("Horizon.", "预测期。"), "money", total=True),
    )
    sheet = book.sheet(TITLE, [column.width for column in columns])
    sheet.line(book.say(sentence(found)))
    sheet.cut(len(rows), "excellent.parquet")
    sums = {name: sum((row[name] for row in rows), Decimal(0)) for name in ("value", "forecast_value")}
    label = Text("Those listed", "名单合计")
    fill_sheet(sheet, columns, rows, count=len(rows), label=label, totals=sums, shown=sums)
