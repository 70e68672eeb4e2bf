"""Customers by what they do and who they are, and the pyramid of value (T09, T10)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from kezhi.engine import Engine
from kezhi.language import Language, Text
from kezhi.reports import figures, numbers
from kezhi.reports.columns import Column
from kezhi.reports.json_values import Json, money, number
from kezhi.reports.markup import Html, Row, folded, tag
from kezhi.reports.plot import Drawn, Plot
from kezhi.reports.sections import Canvas, grid, heading
from kezhi.reports.sections import section as titled
from kezhi.reports.workbook import Book, fill_sheet
from kezhi.reports.worth.names import segment

TITLE = Text("Who the customers are", "客户画像")
FIELDS = {
    "frequency": Text("How often they buy", "购买频率"),
    "region": Text("Region", "地区"),
    "age_band": Text("Age", "年龄段"),
    "sex": Text("Sex", "性别"),
    "income_band": Text("Yearly income", "年收入"),
    "role": Text("Role in the supply chain", "供应链角色"),
    "source": Text("Source", "客户来源"),
    "industry": Text("Industry", "产业"),
    "size": Text("Size of the company", "企业规模"),
}
FREQUENCIES = {
    "high": Text("often", "高频"),
    "low": Text("now and then", "低频"),
    "once": Text("once so far", "仅一次"),
    "never": Text("never yet", "尚未购买"),
}
SEXES = {"female": Text("female", "女"), "male": Text("male", "男")}
LAYERS = {
    "top": Text("Top", "塔尖"),
    "upper": Text("Upper", "上层"),
    "middle": Text("Middle", "中层"),
    "base": Text("Base", "塔基"),
}
MEASURES = {
    "price": Text("Mean amount of a purchase", "平均每次购买金额"),
    "income": Text("Mean income", "平均年收入"),
    "loyalty": Text("Loyalty", "忠诚度"),
    "referred": Text("Brought by referrals", "推荐带来的价值"),
}
FAR = 10  # so far from 100 an index is worth an arrow
ZERO = Decimal(0)


@dataclass(frozen=True)
class Profiles:
    """The groups of each attribute, the layers of the pyramid, and how many of each are in each."""

    frequent: float | None
    groups: tuple[dict[str, Any], ...]
    pyramid: tuple[dict[str, Any], ...]
    layers: tuple[dict[str, Any], ...]

    @property
    def attributes(self) -> list[str]:
        """What customers were put together by."""
        return list(dict.fromkeys(row["attribute"] for row in self.groups))

    def of(self, attribute: str) -> list[dict[str, Any]]:
        """The groups of an attribute."""
        return [row for row in self.groups if row["attribute"] == attribute]

    @property
    def customers(self) -> int:
        """All of them."""
        return sum(row["customers"] for row in self.of("frequency"))


def build(engine: Engine, run: Path, facts: Json) -> Profiles | None:
    """The groups of a run; None where there are no customers."""
    rows = engine.fetch(engine.read_parquet(run / "profiles.parquet")).to_pylist()
    pyramid = facts.get("pyramid") or ()
    layers = engine.fetch(engine.read_parquet(run / "value_pyramid.parquet")).to_pylist() if pyramid else []
    found = Profiles(number(facts.get("frequent")), tuple(rows), tuple(pyramid), tuple(layers))
    return found if found.customers else None


def group_name(attribute: str, group: str) -> Text:
    """A group as people call it; a text of the company's own stays as it is."""
    if attribute == "frequency" and group in FREQUENCIES:
        return FREQUENCIES[group]
    if attribute in {"age_band", "income_band"} and group:
        return _band(group)
    if attribute == "sex" and group.casefold() in SEXES:
        return SEXES[group.casefold()]
    return segment(attribute, group)


def _band(group: str) -> Text:
    low = numbers.grouped(float(group.strip("<+").split("-")[0]))
    if group.startswith("<"):
        return Text(f"under {low}", f"{low} 以下")
    if group.endswith("+"):
        return Text(f"{low} and over", f"{low} 及以上")
    high = numbers.grouped(float(group.split("-")[1]))
    return Text(f"{low}\u2013{high}", f"{low}\u2013{high}")


# --- the page ---------------------------------------------------------------------------------------------


def section(found: Profiles, report: Any, canvas: Canvas) -> Html:  # noqa: ARG001
    """How often they buy, then the pyramid; everything else folded."""
    rest = [name for name in found.attributes if name != "frequency"]
    parts = [folded(canvas.say(FIELDS[name]), _table(found, name, canvas)) for name in rest]
    return titled(
        canvas,
        TITLE,
        tag("p", canvas.say(sentence(found))),
        _table(found, "frequency", canvas),
        tag("p", canvas.say(_meaning(found)), class_="soft"),
        *parts,
        *_pyramid(found, canvas),
        name="profiles",
    )


def sentence(found: Profiles) -> Text:
    """What those who buy often are among all."""
    often = next((row for row in found.of("frequency") if row["group"] == "high"), None)
    if often is None or often["value_share"] is None:
        return Text(
            "Customers by what they do and who they are, each group against the company.",
            "按行为与特征将客户归类，并与全公司比较。",
        )
    said = Text(
        "The {share} of customers who buy often brought {value} of all value so far.",
        "占客户 {share} 的高频购买者贡献了迄今价值的 {value}。",
    )
    return said.fill(share=numbers.percent(often["share"]), value=numbers.percent(often["value_share"]))


_HEADS = (
    Text("Customers", "客户数"),
    Text("Share", "占比"),
    Text("Value so far", "迄今价值"),
    Text("Per customer", "人均价值"),
    Text("Against all = 100", "指数（全体 = 100）"),
    Text("Forecast value", "预测价值"),
)


def _table(found: Profiles, attribute: str, canvas: Canvas) -> Html:
    rows = [
        Row(
            [
                canvas.say(group_name(attribute, row["group"])),
                numbers.grouped(row["customers"]),
                numbers.percent(row["share"]),
                tag("span", numbers.grouped(row["value"]), class_="strong"),
                numbers.grouped(row["value_per_customer"]),
                arrowed(row["index"]),
                numbers.grouped(row["forecast_value"]),
            ]
        )
        for row in found.of(attribute)
    ]
    return grid(canvas, [FIELDS[attribute], *_HEADS], rows)


def arrowed(index: float | None) -> str:
    """An index with an arrow where it is far from 100."""
    if index is None:
        return numbers.grouped(None)
    sign = "▲ " if index >= 100 + FAR else "▼ " if index <= 100 - FAR else ""
    return f"{sign}{numbers.grouped(index)}"


def _meaning(found: Profiles) -> Text:
    index = Text(
        "The index is the value per customer of a group against the company's.",
        "指数 = 该群人均价值 ÷ 全公司人均价值 × 100。",
    )
    if found.frequent is None:
        return index
    often = Text(
        "Often: {n} purchases a year or more since the first one (a first year counts whole). ",
        "高频：自首次购买起每年购买 {n} 次及以上（首年不足一年按一年计）。",
    ).fill(n=numbers.grouped(found.frequent, 1))
    return Text(often.en + index.en, often.zh + index.zh)


# --- the pyramid ------------------------------------------------------------------------------------------


def _pyramid(found: Profiles, canvas: Canvas) -> list[Html]:
    if not found.pyramid:
        return []
    measures = [name for name in MEASURES if name in found.pyramid[0]]
    heads = (
        Text("Layer", "层"),
        _HEADS[0],
        *(MEASURES[name] for name in measures),
        _HEADS[2],
        _HEADS[5],
    )
    rows = [
        Row(
            [
                tag("span", canvas.say(LAYERS[row["layer"]]), class_="strong"),
                numbers.grouped(row["customers"]),
                *(numbers.grouped(number(row[name]), 1 if name == "loyalty" else 0) for name in measures),
                numbers.grouped(money(row["value"])),
                numbers.grouped(money(row["forecast_value"])),
            ]
        )
        for row in found.pyramid
    ]
    total = {
        name: sum((money(row[name]) or ZERO for row in found.pyramid), ZERO) for name in ("value", "forecast_value")
    }
    every = canvas.say(Text("All customers", "全部客户"))
    rows.append(
        Row([every, numbers.grouped(sum(row["customers"] for row in found.pyramid)), *("" for _ in measures),
             numbers.grouped(total["value"]), numbers.grouped(total["forecast_value"])], "total")
    )  # fmt: skip
    describe = Text("How many customers are in each layer of the pyramid.", "金字塔各层的客户数。")
    return [
        heading(canvas, Text("Value pyramid", "价值金字塔")),
        tag("p", canvas.say(_placing(measures)), class_="soft"),
        canvas.place("figure-pyramid", pyramid.plain(found, canvas.language), describe, "short"),
        grid(canvas, heads, rows),
        folded(canvas.say(Text("Layers of each group", "各群的层次构成")), *_within(found, canvas)),
    ]


def _placing(measures: Sequence[str]) -> Text:
    """What places a customer in the pyramid."""
    names = [MEASURES[name] for name in measures]
    said = Text(
        "Customers are placed by the mean of their ranks in: {measures}; what is not known of somebody is passed over. "
        "Loyalty is the number of periods with a purchase, times the probability of still being active.",
        "按以下各项名次的平均值排列：{measures}；未知的项目不计。忠诚度 = 有购买的期数 × 仍活跃的概率。",
    )
    return Text(
        said.en.format(measures=", ".join(name.en.lower() for name in names)),
        said.zh.format(measures="、".join(name.zh for name in names)),
    )


def _within(found: Profiles, canvas: Canvas) -> list[Html]:
    """For each attribute, how many of each group are in each layer."""
    counts = {(row["attribute"], row["group"], row["layer"]): row["customers"] for row in found.layers}
    parts = []
    for attribute in found.attributes:
        rows = []
        for row in found.of(attribute):
            own = [counts.get((attribute, row["group"], code), 0) for code in LAYERS]
            upper = numbers.percent((own[0] + own[1]) / row["customers"])
            name = canvas.say(group_name(attribute, row["group"]))
            rows.append(Row([name, *(numbers.grouped(one) for one in own), upper]))
        heads = (FIELDS[attribute], *LAYERS.values(), Text("In the two upper layers", "前两层占比"))
        parts.append(grid(canvas, heads, rows))
    return parts


@Drawn
def pyramid(found: Profiles, language: Language) -> Plot:
    """The layers as bars on one middle line, the top first; the smallest wide enough to be seen."""
    figure = figures.plain()
    rows = list(reversed(found.pyramid))
    counts = [row["customers"] for row in rows]
    most = max(counts)
    widths = [max(count / most, 0.02) for count in counts]
    figure.add_bar(
        x=widths,
        base=[-width / 2 for width in widths],
        y=[LAYERS[row["layer"]].to(language) for row in rows],
        orientation="h",
        text=[numbers.grouped(count) for count in counts],
        textposition="outside",
        cliponaxis=False,
        marker={"color": figures.ACCENT},
        hovertemplate="%{y}: %{text}<extra></extra>",
        showlegend=False,
    )
    figure.update_layout(height=190, bargap=0.12)
    figure.update_xaxes(visible=False, range=[-0.62, 0.72])
    figure.update_yaxes(showgrid=False, type="category")
    return figure


# --- the workbook -----------------------------------------------------------------------------------------

_COLUMNS = (
    Column("attribute_name", Text("Attribute", "特征"), Text("Grouped by.", "分组依据。"), "text"),
    Column("group_name", Text("Group", "客户群"), Text("Its name.", "名称。"), "text"),
    Column("customers", _HEADS[0], Text("How many.", "人数。"), "count"),
    Column("share", _HEADS[1], Text("Of all customers.", "占全部客户。"), "share"),
    Column("value", _HEADS[2], Text("Gross profit so far.", "迄今毛利。"), "money"),
    Column("value_share", Text("Share of value", "价值占比"), Text("Of all value.", "占全部价值。"), "share"),
    Column("value_per_customer", _HEADS[3], Text("Mean.", "平均。"), "money"),
    Column("index", _HEADS[4], Text("Value per customer.", "人均价值指数。"), "number"),
    Column("forecast_value", _HEADS[5], Text("Over the horizon.", "预测期内。"), "money"),
)


def sheets(found: Profiles, book: Book, engine: Engine, run: Path, report: Any) -> None:  # noqa: ARG001
    """Every group with its figures, and how many of it are in each layer."""
    counts: dict[tuple[str, str], dict[str, int]] = {}
    for row in found.layers:
        counts.setdefault((row["attribute"], row["group"]), {})[row["layer"]] = row["customers"]
    columns = [*_COLUMNS]
    if found.pyramid:
        columns += [Column(code, name, Text("Customers.", "客户数。"), "count") for code, name in LAYERS.items()]
    rows: list[Mapping[str, Any]] = [
        {
            **row,
            "attribute_name": book.say(FIELDS[row["attribute"]]),
            "group_name": book.say(group_name(row["attribute"], row["group"])),
            **dict.fromkeys(LAYERS, 0),
            **counts.get((row["attribute"], row["group"]), {}),
        }
        for row in found.groups
    ]
    sheet = book.sheet(TITLE, [column.width for column in columns])
    sheet.line(book.say(sentence(found)))
    sheet.line(book.say(_meaning(found)))
    label = Text("Groups", "客户群")
    fill_sheet(sheet, columns, rows, count=len(rows), label=label, totals={}, shown={})
