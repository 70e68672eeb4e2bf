"""Who looks for price, and who for value, with what to do about each (T08)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from kezhi.engine import Engine
from kezhi.language import Language, Text
from kezhi.reports import numbers
from kezhi.reports.columns import Column
from kezhi.reports.json_values import Json, money, number
from kezhi.reports.markup import Html, Row, bullets, tag
from kezhi.reports.sections import Canvas, grid
from kezhi.reports.sections import section as titled
from kezhi.reports.workbook import Book, fill_sheet

TITLE = Text("Price or value: what customers look for", "需求类型：重价格还是重价值")
NAMES: dict[str | None, Text] = {
    "price_oriented": Text("Price-oriented", "价格取向型"),
    "value_oriented": Text("Value-oriented", "价值取向型"),
    "mixed": Text("Mixed", "复合价值型"),
    None: Text("Not known yet", "尚无法判断"),
}
ADVICE: dict[str | None, Text] = {
    "price_oriented": Text(
        "Offer bundles, quantity prices and last year's goods; look at what a discount leaves before giving it.",
        "用组合装、量价和过季商品吸引；给折扣前先看还剩多少毛利。",
    ),
    "value_oriented": Text(
        "Speak of quality, service and what is new; a discount would only give away what they pay gladly.",
        "多谈品质、服务和新品；打折只会白白让出他们本来愿意付的钱。",
    ),
    "mixed": Text(
        "Let them choose: the good article at its price, and an offer now and then for what they do not buy yet.",
        "让客户自己选：好东西按原价卖，偶尔用优惠引导尝试没买过的品类。",
    ),
    None: Text("Wait for more purchases, or ask them.", "等购买多一些再看，或者直接询问。"),
}


@dataclass(frozen=True)
class Kind:
    """Customers of one need type; code None for those of whom nothing is said."""

    code: str | None
    customers: int
    manual: int
    share: float
    value: Decimal
    forecast: Decimal
    discounted: float | None
    index: float | None


@dataclass(frozen=True)
class NeedTypes:
    """The types, the rules by which they were told, and what prices were compared with."""

    kinds: tuple[Kind, ...]
    rules: Mapping[str, float]
    usual: bool


def build(engine: Engine, run: Path, facts: Json) -> NeedTypes | None:  # noqa: ARG001
    """The facts as frozen data; None where no customer has a type."""
    kinds = tuple(_kind(row) for row in facts.get("types") or ())
    if not any(one.code for one in kinds):
        return None
    names = ("least_lines", "price_discounted", "price_index", "value_discounted", "value_index")
    return NeedTypes(kinds, {name: float(facts[name]) for name in names}, facts["index_against"] == "usual_price")


def _kind(row: Json) -> Kind:
    return Kind(
        row["need_type"],
        int(row["customers"]),
        int(row["manual"]),
        float(row["share"]),
        money(row["value"]) or Decimal(0),
        money(row["forecast_value"]) or Decimal(0),
        number(row.get("discount_share")),
        number(row.get("price_index")),
    )


def definition(code: str | None, rules: Mapping[str, float]) -> Text:
    """What makes a customer one of this type."""
    said = {
        "price_oriented": Text(
            "at least {price_discounted} of the lines discounted, and a price index below {price_index}",
            "打折的订单行占 {price_discounted} 以上，且价格指数低于 {price_index}",
        ),
        "value_oriented": Text(
            "at most {value_discounted} of the lines discounted, and a price index of {value_index} or more",
            "打折的订单行不超过 {value_discounted}，且价格指数不低于 {value_index}",
        ),
        "mixed": Text("everybody between the two", "介于两者之间"),
        None: Text("fewer than {least_lines} lines", "订单行少于 {least_lines} 行"),
    }[code]
    return said.fill(
        price_discounted=numbers.percent(rules["price_discounted"]),
        value_discounted=numbers.percent(rules["value_discounted"]),
        price_index=f"{rules['price_index']:.2f}",
        value_index=f"{rules['value_index']:.2f}",
        least_lines=int(rules["least_lines"]),
    )


def sentence(found: NeedTypes) -> Text:
    """What this part is about, with the price-oriented customers counted."""
    told = {one.code: one for one in found.kinds}
    price, value = (told[code].customers if code in told else 0 for code in ("price_oriented", "value_oriented"))
    return Text(
        f"From discounts and prices paid: {numbers.grouped(price)} customers buy mostly when it is cheap, "
        f"{numbers.grouped(value)} mostly pay the full price.",
        f"从折扣和成交价看，{numbers.grouped(price)} 位客户主要在便宜时购买，"
        f"{numbers.grouped(value)} 位客户大多按原价购买。",
    )


_HEADS = (
    Text("Type", "类型"),
    Text("What makes it", "判断标准"),
    Text("Customers", "客户数"),
    Text("Share", "占比"),
    Text("Value so far", "迄今价值"),
    Text("Forecast value", "预测价值"),
    Text("Lines discounted", "打折行占比"),
    Text("Price index", "价格指数"),
    Text("What to do", "建议"),
)


def section(found: NeedTypes, report: Any, canvas: Canvas) -> Html:  # noqa: ARG001
    """The types with their definitions and what to do; below, what the price index is."""
    rows = [
        Row(
            [
                tag("span", canvas.say(NAMES[one.code]), class_="strong"),
                numbers.grouped(one.customers),
                numbers.percent(one.share),
                numbers.grouped(one.value),
                numbers.grouped(one.forecast),
                numbers.percent(one.discounted),
                numbers.grouped(one.index, 2),
            ]
        )
        for one in found.kinds
    ]
    manual = sum(one.manual for one in found.kinds)
    told = Text(" {n} types are the customer table's own.", "其中 {n} 位的类型由客户表指定。").fill(n=manual)
    return titled(
        canvas,
        TITLE,
        tag("p", canvas.say(sentence(found))),
        grid(canvas, (_HEADS[0], *_HEADS[2:8]), rows),
        bullets(_meaning(one, found, canvas) for one in found.kinds),
        tag("p", canvas.say(index_meaning(usual=found.usual)), canvas.say(told) if manual else "", class_="soft"),
        name="need-types",
    )


def _meaning(one: Kind, found: NeedTypes, canvas: Canvas) -> Html:
    """A type's rule and what to do, in one line."""
    said = Text("{rule}. {advice}", "{rule}。{advice}")
    line = canvas.say(said, rule=canvas.say(definition(one.code, found.rules)), advice=canvas.say(ADVICE[one.code]))
    colon = canvas.say(Text(": ", "："))
    return tag("span", tag("span", canvas.say(NAMES[one.code]), class_="strong"), f"{colon}{line}")


def index_meaning(*, usual: bool) -> Text:
    """What the price index compares."""
    if usual:
        return Text(
            "Price index: what they paid, divided by what the same pieces usually cost in that year (the median price "
            "of a piece over all customers). 0.90 is 10% cheaper than usual.",
            "价格指数 = 实付金额 ÷ 同样商品当年的通常价格（全部客户成交单价的中位数）。0.90 表示比通常便宜 10%。",
        )
    return Text(
        "Price index: what they paid, divided by the list price of the same lines. 0.90 is 10% below list.",
        "价格指数 = 实付金额 ÷ 同样订单行的标价。0.90 表示比标价低 10%。",
    )


_COLUMNS = (
    Column("type", _HEADS[0], Text("By discounts and prices.", "按折扣与价格判断。"), "text"),
    Column("definition", _HEADS[1], Text("The rule.", "规则。"), "text"),
    Column("customers", _HEADS[2], Text("How many.", "人数。"), "count", total=True),
    Column("share", _HEADS[3], Text("Of all customers.", "占全部客户。"), "share"),
    Column("value", _HEADS[4], Text("Gross profit so far.", "迄今毛利。"), "money", total=True),
    Column("forecast", _HEADS[5], Text("Over the horizon.", "预测期内。"), "money", total=True),
    Column("discounted", _HEADS[6], Text("Of their lines.", "占其订单行。"), "share"),
    Column("index", _HEADS[7], Text("Paid / usual.", "实付 ÷ 通常。"), "number"),
    Column("advice", _HEADS[8], Text("What to do.", "做什么。"), "text"),
)


def sheets(found: NeedTypes, book: Book, engine: Engine, run: Path, report: Any) -> None:  # noqa: ARG001
    """The types, one row each."""
    language: Language = book.language
    rows: list[dict[str, Any]] = [
        {
            "type": NAMES[one.code].to(language),
            "definition": definition(one.code, found.rules).to(language),
            **{name: getattr(one, name) for name in ("customers", "share", "value", "forecast", "discounted", "index")},
            "advice": ADVICE[one.code].to(language),
        }
        for one in found.kinds
    ]
    sheet = book.sheet(Text("Need types", "需求类型"), [column.width for column in _COLUMNS])
    sheet.line(book.say(sentence(found)))
    sheet.line(book.say(index_meaning(usual=found.usual)))
    sums = {name: sum((row[name] for row in rows), Decimal(0)) for name in ("customers", "value", "forecast")}
    label = Text("All customers", "全部客户")
    fill_sheet(sheet, _COLUMNS, rows, count=len(rows), label=label, totals=sums, shown=sums)
