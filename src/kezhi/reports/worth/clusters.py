"""Clusters that the data show by themselves, in words, and how their number was chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from kezhi.engine import Engine
from kezhi.language import Text
from kezhi.reports import numbers
from kezhi.reports.columns import Column
from kezhi.reports.json_values import Json, money
from kezhi.reports.markup import Html, Row, folded, tag
from kezhi.reports.sections import Canvas, grid
from kezhi.reports.sections import section as titled
from kezhi.reports.workbook import Book, fill_sheet

TITLE = Text("Clusters found in the data", "自动聚类")
WORDS = {
    "mean_amount_high": Text("large purchases", "单次金额大"),
    "mean_amount_low": Text("small purchases", "单次金额小"),
    "purchases_high": Text("many purchases", "购买次数多"),
    "purchases_low": Text("few purchases", "购买次数少"),
    "days_since_last_high": Text("quiet for long", "久未购买"),
    "days_since_last_low": Text("bought lately", "最近买过"),
    "days_since_first_high": Text("customers of long standing", "老客户"),
    "days_since_first_low": Text("new", "新客户"),
    "forecast_value_high": Text("much still to come", "预测价值高"),
    "forecast_value_low": Text("little still to come", "预测价值低"),
}
AVERAGE = Text("average in everything", "各方面居中")
FEATURES = {
    "mean_amount": Text("Amount of a purchase", "单次金额"),
    "purchases": Text("Purchases", "购买次数"),
    "days_since_last": Text("Days since the last", "距最近购买天数"),
    "days_since_first": Text("Days since the first", "距首次购买天数"),
    "forecast_value": Text("Forecast value", "预测价值"),
}


@dataclass(frozen=True)
class Cluster:
    """A cluster: its letter, what stood out when it got it, what stands out now, and its sums."""

    code: str
    customers: int
    share: float
    value: Decimal
    forecast: Decimal
    named: tuple[str, ...]
    outstanding: tuple[str, ...]
    centre: dict[str, float]


@dataclass(frozen=True)
class Clusters:
    """The clusters, the best first, and what was tried."""

    asked: int | str
    sample: int
    clear: bool
    least: int
    lead: float
    trials: tuple[Json, ...]
    clusters: tuple[Cluster, ...]


def build(engine: Engine, run: Path, facts: Json) -> Clusters | None:  # noqa: ARG001
    """The facts as frozen data."""
    return Clusters(
        facts["asked"],
        int(facts["sample"]),
        bool(facts["clear"]),
        int(facts["least_customers"]),
        float(facts["least_lead"]),
        tuple(facts["trials"]),
        tuple(_cluster(row) for row in facts["clusters"]),
    )


def _cluster(row: Json) -> Cluster:
    return Cluster(
        row["cluster"],
        int(row["customers"]),
        float(row["share"] or 0),
        money(row["value"]) or Decimal(0),
        money(row["forecast_value"]) or Decimal(0),
        tuple(row["named"]),
        tuple(row["outstanding"]),
        {name: float(value) for name, value in row["centre"].items()},
    )


def words(features: Sequence[str]) -> Text:
    """What stands out, as a phrase."""
    said = [WORDS[name] for name in features if name in WORDS] or [AVERAGE]
    return Text(", ".join(one.en for one in said), "、".join(one.zh for one in said))


def _described(one: Cluster) -> Text:
    """What stands out now, and what stood out when the cluster got its letter, where that is something else."""
    now, begun = words(one.outstanding), words(one.named)
    if set(one.named) == set(one.outstanding):
        return now
    return Text(f"{now.en} (first named for: {begun.en})", f"{now.zh}（命名时：{begun.zh}）")


def sentence(found: Clusters) -> Text:
    """How many clusters, and whether they are more than cuts through something even."""
    if not found.clusters and not found.trials:
        return Text(
            f"There are too few customers to look for clusters; {found.least} who have bought are needed.",
            f"客户太少，无法聚类；至少需要 {found.least} 位购买过的客户。",
        )
    if not found.clusters:
        return Text(
            "The data show no clusters: customers differ by degrees, and any line between them would be drawn at will. "
            "Use tiers or RFM instead.",
            "数据中没有明显的客户群：客户之间只是程度不同，任何分界都是人为的。请改用分层或 RFM。",
        )
    number = len(found.clusters)
    if found.clear:
        return Text(
            f"Customers fall into {number} clusters that differ in how much, how often and how lately they buy.",
            f"按购买金额、频率和时间，客户自然分成 {number} 群。",
        )
    return Text(
        f"Customers were cut into {number} as asked, though the data show no clear clusters: take the lines between "
        "them as drawn at will.",
        f"已按要求分成 {number} 群，但数据中没有明显的群：分界只能视为人为划定。",
    )


def section(found: Clusters, report: Any, canvas: Canvas) -> Html:  # noqa: ARG001
    """The clusters in words with typical figures; folded, how the number was chosen."""
    about = Text(
        "Each customer belongs to the cluster whose typical customer is nearest. A letter stays with its cluster from "
        "run to run while the cluster moves only a little.",
        "每位客户归入典型客户与其最相近的一群。只要该群变动不大，各次运行的字母保持不变。",
    )
    return titled(
        canvas,
        TITLE,
        tag("p", canvas.say(sentence(found))),
        _table(found, canvas) if found.clusters else None,
        tag("p", canvas.say(about), class_="soft") if found.clusters else None,
        folded(canvas.say(Text("The typical customer of each", "各群的典型客户")), _typical(found, canvas))
        if found.clusters
        else None,
        folded(canvas.say(Text("How the number was chosen", "群数怎样选定")), *_trials(found, canvas))
        if found.trials
        else None,
        name="clusters",
    )


def _table(found: Clusters, canvas: Canvas) -> Html:
    heads = (
        Text("Cluster", "客户群"),
        Text("Customers", "客户数"),
        Text("Share", "占比"),
        Text("Value so far", "迄今价值"),
        Text("Per customer", "人均价值"),
        Text("Forecast value", "预测价值"),
    )
    rows = [
        Row(
            [
                tag("span", tag("span", f"{one.code}. ", class_="strong"), canvas.say(_described(one))),
                numbers.grouped(one.customers),
                numbers.percent(one.share),
                tag("span", numbers.grouped(one.value), class_="strong"),
                numbers.grouped(float(one.value) / one.customers if one.customers else None),
                numbers.grouped(one.forecast),
            ]
        )
        for one in found.clusters
    ]
    return grid(canvas, heads, rows)


def _typical(found: Clusters, canvas: Canvas) -> Html:
    rows = [
        Row([one.code, *(numbers.grouped(one.centre[name], 1 if name == "purchases" else 0) for name in FEATURES)])
        for one in found.clusters
    ]
    return grid(canvas, (Text("Cluster", "客户群"), *FEATURES.values()), rows)


def _trials(found: Clusters, canvas: Canvas) -> list[Html]:
    heads = (
        Text("Clusters", "群数"),
        Text("Silhouette", "轮廓系数"),
        Text("Without structure", "无结构数据"),
        Text("Lead", "高出"),
    )
    rows = [
        Row([str(one["number"]), *(f"{float(one[name]):.3f}" for name in ("silhouette", "structureless", "lead"))])
        for one in found.trials
    ]
    told = Text(
        "Silhouette: how much nearer customers are to their own cluster than to the next, at most 1. Data without any "
        "clusters have one above 0 too, so it is compared with data drawn without structure; a lead of {lead} is asked "
        "for, and the largest lead decides (last run's number stays if it is nearly as good). Learned from {n} "
        "customers.",
        "轮廓系数：客户离本群比离邻群近多少，最大为 1。毫无结构的数据也会大于 0，因此与随机生成的无结构数据比较；"
        "高出 {lead} 以上才算有群，取高出最多的群数（与上次相差很小时沿用上次的群数）。由 {n} 位客户学得。",
    )
    return [
        grid(canvas, heads, rows),
        tag("p", canvas.say(told, lead=f"{found.lead:g}", n=numbers.grouped(found.sample)), class_="soft"),
    ]


_COLUMNS = (
    Column("code", Text("Cluster", "客户群"), Text("Its letter.", "字母。"), "text"),
    Column("words", Text("What stands out", "特点"), Text("Against all customers.", "与全部客户相比。"), "text"),
    Column("customers", Text("Customers", "客户数"), Text("How many.", "人数。"), "count", total=True),
    Column("share", Text("Share", "占比"), Text("Of all who bought.", "占购买过的客户。"), "share"),
    Column("value", Text("Value so far", "迄今价值"), Text("Gross profit.", "毛利。"), "money", total=True),
    Column("forecast", Text("Forecast value", "预测价值"), Text("Horizon.", "预测期。"), "money", total=True),
    *(
        Column(f"centre_{name}", Text(f"Typical: {title.en.lower()}", f"典型{title.zh}"),
               Text("Of the cluster's centre.", "群中心。"), "number")
        for name, title in FEATURES.items()
    ),
)  # fmt: skip


def sheets(found: Clusters, book: Book, engine: Engine, run: Path, report: Any) -> None:  # noqa: ARG001
    """The clusters, one row each."""
    if not found.clusters:
        return
    rows: list[dict[str, Any]] = [
        {
            **{name: getattr(one, name) for name in ("code", "customers", "share", "value", "forecast")},
            "words": book.say(words(one.outstanding)),
            **{f"centre_{name}": value for name, value in one.centre.items()},
        }
        for one in found.clusters
    ]
    sheet = book.sheet(TITLE, [column.width for column in _COLUMNS])
    sheet.line(book.say(sentence(found)))
    sums = {name: sum((row[name] for row in rows), Decimal(0)) for name in ("customers", "value", "forecast")}
    label = Text("All who have bought", "全部购买过的客户")
    fill_sheet(sheet, _COLUMNS, rows, count=len(rows), label=label, totals=sums, shown=sums)
