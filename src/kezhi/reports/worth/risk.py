"""What is at stake: gross profit lost if customers leave, lives of relationships, customers near loss (R22-R25)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from kezhi.engine import Engine
from kezhi.language import Text
from kezhi.reports import numbers
from kezhi.reports.columns import Column
from kezhi.reports.customer_value import ValueReport
from kezhi.reports.json_values import Json, day, money, number
from kezhi.reports.markup import Child, Html, Row, folded, table, tag, who
from kezhi.reports.names import with_names
from kezhi.reports.sections import Canvas, grid, heading
from kezhi.reports.sections import section as part
from kezhi.reports.workbook import Book, fill_sheet
from kezhi.settings.tiers import Tiers
from kezhi.worth.layers import USUAL, rules_of_a_run, title_of
from kezhi.worth.life_cycle import STATES
from kezhi.worth.near_loss import BASES, DRIVERS, STEPS

TITLE = Text("What is at stake", "客户流失会失去什么")
SHOWN = 10
SHOWN_PERIODS = 24


@dataclass(frozen=True)
class Group:
    """Customers together: a tier, a state, or all."""

    code: str
    customers: int
    value: Decimal
    loss: Decimal


@dataclass(frozen=True)
class Threatened:
    """A customer whose value hangs on a doubt whether they are still there."""

    customer_id: str
    name: str | None
    p_alive: float | None
    value: Decimal
    loss: Decimal


@dataclass(frozen=True)
class NearLoss:
    """A customer who brings next to nothing, with what took the value away."""

    customer_id: str
    name: str | None
    value: Decimal
    forecast: Decimal
    basis: str
    before: Decimal
    after: Decimal
    driver: str
    effect: Decimal


@dataclass(frozen=True)
class Lives:
    """Relationships that began, bought and were lost in a period."""

    period: date | None
    started: int
    active: int
    churned: int


@dataclass(frozen=True)
class Risk:
    """What the run says of the losses that threaten."""

    horizon: int
    churn_after: int
    whole: Group
    tiers: tuple[Group, ...]
    states: tuple[Group, ...]
    lives: tuple[Lives, ...]
    near: Json
    threatened: tuple[Threatened, ...]
    losing: tuple[NearLoss, ...]
    rules: Tiers = USUAL

    @property
    def undecided(self) -> Decimal:
        """The expected loss with customers who do not count as lost yet."""
        return self.whole.loss - sum((one.loss for one in self.states if one.code == "churned"), Decimal(0))


def build(engine: Engine, run: Path, facts: Json) -> Risk | None:
    """The figures of the company, and the customers at the top of both lists."""
    if not facts.get("customers"):
        return None
    return Risk(
        int(facts["horizon"]),
        int(facts["churn_after"]),
        _group(facts, ""),
        tuple(_group(row, "tier") for row in facts.get("tiers") or ()),
        tuple(_group(row, "state") for row in facts.get("states") or ()),
        tuple(
            Lives(day(row.get("period")), *(int(row.get(name) or 0) for name in ("started", "active", "churned")))
            for row in facts.get("life_cycle") or ()
        ),
        facts.get("near_loss") or {},
        tuple(_threatened(row) for row in _first(engine, run, "risk", SHOWN, lost=False)),
        tuple(_near(row) for row in _first(engine, run, "near_loss", SHOWN)),
        rules_of_a_run(run),
    )


def _group(row: Json, name: str) -> Group:
    sums = (money(row.get(field)) or Decimal(0) for field in ("value_at_risk", "expected_loss"))
    return Group(str(row.get(name) or ""), int(row.get("customers") or 0), *sums)


_ORDER = {"risk": (("expected_loss", True), ("value_at_risk", True)), "near_loss": (("value", False),)}


def _first(engine: Engine, run: Path, file: str, most: int, *, lost: bool = True) -> list[dict[str, Any]]:
    """The first rows of one of the run's tables, with the customers' names."""
    import ibis

    rows = engine.read_parquet(run / f"{file}.parquet")
    if not lost:
        rows = rows.filter((rows.state != "churned") & (rows.expected_loss > 0))
    order = [ibis.desc(name) if down else ibis.asc(name) for name, down in _ORDER[file]]
    first = rows.order_by(*order, "customer_id").limit(most)
    ordered = with_names(engine, run, first).order_by(*order, "customer_id")
    found: list[dict[str, Any]] = engine.fetch(ordered).to_pylist()
    return found


def _threatened(row: Json) -> Threatened:
    return Threatened(
        row["customer_id"], row.get("name"), number(row["p_alive"]), row["value_at_risk"], row["expected_loss"]
    )


def _near(row: Json) -> NearLoss:
    return NearLoss(
        row["customer_id"], row.get("name"), row["value"], row["forecast_value"], row["basis"], row["before"],
        row["after"], row["driver"], row[f"{row['driver']}_effect"],
    )  # fmt: skip


def section(found: Risk, report: ValueReport, canvas: Canvas) -> Html:
    """What would be missing, where, with whom; then relationships; then customers near loss."""
    return part(
        canvas,
        TITLE,
        tag("p", canvas.say(sentence(found, report))),
        grid(canvas, _TIER_HEADS, _tiers(found, canvas)),
        *_doubted(found, canvas),
        *_near_loss(found, report, canvas),
        *_relationships(found, report, canvas),
        name="risk",
    )


def sentence(found: Risk, report: ValueReport) -> Text:
    """What would be missing if they left, and what is missing because some may have left."""
    told = Text(
        "If all customers left today, {value} of gross profit would be missing over the next {periods}. The doubt "
        "whether they are all still there costs another {loss}; {undecided} of that is with customers who do not "
        "count as lost yet.",
        "如果客户今天全部离开，未来 {periods}会失去 {value}的毛利。客户可能已悄悄离开，预计另损失 {loss}，"
        "其中 {undecided}来自尚未视为流失的客户。",
    )
    if round(found.whole.loss) <= 0:  # nobody is doubted: a loss of 0 would read like a promise
        told = Text(
            "If all customers left today, {value} of gross profit would be missing over the next {periods}. From the "
            "purchases so far nobody can be told to have left for good, so there is no expected loss.",
            "如果客户今天全部离开，未来 {periods}会失去 {value}的毛利。"
            "从已有购买记录看不出有谁已经离开，因此没有预计损失。",
        )

    def said(language: Any) -> str:
        def amount(value: Decimal) -> str:
            return numbers.headline(value, report.currency, language)

        periods = numbers.count_of_periods(found.horizon, report.period, language)
        shown = {"value": found.whole.value, "loss": found.whole.loss, "undecided": found.undecided}
        return told.to(language).format(periods=periods, **{name: amount(value) for name, value in shown.items()})

    return Text(said("en"), said("zh"))


_TIER_HEADS = (
    Text("Tier", "客户层级"),
    Text("Customers", "客户数"),
    Text("Lost if they left", "若离开将失去"),
    Text("Share", "占比"),
    Text("Expected loss", "预计损失"),
)


def _tiers(found: Risk, canvas: Canvas) -> list[Row]:
    rows = [_tier(one, found, canvas.say(title_of(one.code, found.rules))) for one in found.tiers]
    return [*rows, _tier(found.whole, found, canvas.say(Text("All customers", "全部客户")), "total")]


def _tier(one: Group, found: Risk, label: str, kind: str | None = None) -> Row:
    share = one.value / found.whole.value if found.whole.value > 0 else None
    cells: list[Child] = [
        label,
        numbers.grouped(one.customers),
        tag("span", numbers.grouped(one.value), class_="strong"),
        numbers.percent(share),
        numbers.grouped(one.loss),
    ]
    return Row(cells, kind)


def _doubted(found: Risk, canvas: Canvas) -> list[Html]:
    if not found.threatened:
        return []
    heads = (
        Text("Customer", "客户"),
        Text("Still active", "仍活跃的概率"),
        Text("If surely active", "若确定仍活跃"),
        Text("Forecast", "预测"),
        Text("Expected loss", "预计损失"),
    )
    rows = [
        Row([who(one.customer_id, one.name), numbers.percent(one.p_alive), numbers.grouped(one.value + one.loss),
             numbers.grouped(one.value), tag("span", numbers.grouped(one.loss), class_="strong")])
        for one in found.threatened
    ]  # fmt: skip
    about = Text(
        "Expected loss: what a customer would bring if surely still active, times the probability of having left. The "
        "forecast has already taken it off. Customers who count as lost are not listed.",
        "预计损失 = 若确定仍活跃时的预测毛利 × 已离开的概率；预测值中已扣除这一部分。已视为流失的客户不在此列。",
    )
    title = Text("Ask these first whether they are still there", "最值得先联系的客户")
    return [heading(canvas, title), tag("p", canvas.say(about), class_="soft"), grid(canvas, heads, rows)]


# --- near loss --------------------------------------------------------------------------------------------


def _near_loss(found: Risk, report: ValueReport, canvas: Canvas) -> list[Html]:
    if not found.losing:
        return []
    heads = (
        Text("Customer", "客户"),
        Text("Value so far", "已有价值"),
        Text("Forecast", "预测"),
        Text("Value of a period", "每期价值"),
        Text("Compared with", "比较对象"),
        Text("Main cause", "最主要的原因"),
        Text("Proposed step", "建议"),
    )
    rows = [_near_row(one, canvas) for one in found.losing]
    about = Text(
        "Their value, so far or forecast, is next to nothing or negative. The value of a period is compared with "
        "{basis}, and the difference divided among purchases, amount per purchase, product cost and expense. Nobody is "
        "removed by this list.",
        "这些客户已有的或预测的价值接近零或为负。将其每期价值与{basis}比较，差额分解为购买次数、每次金额、产品成本和费用四部分。"
        "本名单不会删除任何客户。",
    )
    bases = Text(f"{BASES['own'].en} or {BASES['typical'].en}", f"{BASES['own'].zh}或{BASES['typical'].zh}")
    basis = Text(about.en.format(basis=bases.en), about.zh.format(basis=bases.zh))
    return [
        heading(canvas, Text("Customers near loss", "临近亏损的客户")),
        tag("p", canvas.say(near_sentence(found, report))),
        tag("p", canvas.say(basis), class_="soft"),
        table([canvas.say(head) for head in heads], rows, (1, 2, 3)),
        folded(canvas.say(Text("All of them, by cause", "全部，按原因")), _drivers(found, canvas)),
    ]  # fmt: skip


def near_sentence(found: Risk, report: ValueReport) -> Text:
    """How many, and the commonest cause."""
    drivers = found.near.get("drivers") or []
    most = max(drivers, key=lambda row: int(row["customers"]))
    cause = DRIVERS.get(most["driver"]) or Text(most["driver"], most["driver"])
    count = numbers.grouped(int(found.near.get("customers") or 0))
    value = {
        language: numbers.headline(money(found.near.get("value")), report.currency, language)
        for language in ("en", "zh")
    }
    return Text(
        f"{count} customers bring next to nothing or cost more than they bring, {value['en']} together so far; the "
        f"most frequent cause is {cause.en}.",
        f"{count} 位客户几乎没有贡献或入不敷出，至今合计 {value['zh']}；最常见的原因是{cause.zh}。",
    )


def _near_row(one: NearLoss, canvas: Canvas) -> Row:
    driver = canvas.say(DRIVERS.get(one.driver) or Text(one.driver, one.driver))
    step = STEPS.get(one.driver)
    cells: list[Child] = [
        who(one.customer_id, one.name),
        numbers.grouped(one.value),
        numbers.grouped(one.forecast),
        f"{numbers.grouped(one.before)} → {numbers.grouped(one.after)}",
        canvas.say(BASES.get(one.basis) or Text(one.basis, one.basis)),
        f"{driver} ({numbers.grouped(one.effect)})",
        canvas.say(step) if step else "",
    ]
    return Row(cells)


def _drivers(found: Risk, canvas: Canvas) -> Html:
    heads = (
        Text("Largest cause", "主要原因"),
        Text("Customers", "客户数"),
        Text("Taken from a period by this cause", "该原因使每期价值减少"),
        Text("Proposed step", "建议"),
    )
    rows = [
        Row([canvas.say(DRIVERS[row["driver"]]), numbers.grouped(row["customers"]),
             numbers.grouped(money(row.get("effect"))), canvas.say(STEPS[row["driver"]])])
        for row in found.near.get("drivers") or ()
        if row.get("driver") in DRIVERS
    ]  # fmt: skip
    return table([canvas.say(head) for head in heads], rows, (1, 2))


# --- relationships ----------------------------------------------------------------------------------------


def _relationships(found: Risk, report: ValueReport, canvas: Canvas) -> list[Html]:
    title = Text("Relationships that began and ended", "客户关系的开始与结束")
    about = Text(
        "A customer counts as lost after {periods} in a row without a purchase (the setting churn_after); whoever "
        "comes back was not lost.",
        "连续 {periods}没有购买的客户视为流失（设置 churn_after）；之后又来购买的不算流失。",
    )
    periods = {
        language: numbers.count_of_periods(found.churn_after, report.period, language) for language in ("en", "zh")
    }
    told = Text(about.en.format(periods=periods["en"]), about.zh.format(periods=periods["zh"]))
    heads = (Text("State", "状态"), Text("Customers", "客户数"), Text("Forecast", "预测"))
    rows = [
        Row([canvas.say(STATES.get(one.code) or Text(one.code, one.code)), numbers.grouped(one.customers),
             numbers.grouped(one.value)])
        for one in found.states
    ]  # fmt: skip
    lives = folded(canvas.say(Text("By period", "各期")), _lives(found, report, canvas)) if found.lives else Html("")
    return [heading(canvas, title), tag("p", canvas.say(told), class_="soft"), grid(canvas, heads, rows), lives]


def _lives(found: Risk, report: ValueReport, canvas: Canvas) -> Html:
    heads = (
        Text("Period", "期"),
        Text("Began", "新建立"),
        Text("Bought", "有购买"),
        Text("Lost", "流失"),
    )
    rows = [
        Row([numbers.period_label(one.period, report.period, report.fiscal_start, canvas.language),
             numbers.grouped(one.started), numbers.grouped(one.active), numbers.grouped(one.churned)])
        for one in found.lives[-SHOWN_PERIODS:]
        if one.period
    ]  # fmt: skip
    return grid(canvas, heads, rows)


# --- workbook ---------------------------------------------------------------------------------------------

_ID = Column("customer_id", Text("Customer id", "客户编号"), Text("As in the source.", "与源数据一致。"), "text")
_NAME = Column("name", Text("Name", "客户名称"), Text("Where known.", "已知时显示。"), "text")
_RISK = (
    _ID,
    _NAME,
    Column("tier_name", Text("Tier", "层级"), Text("See tiers.", "见客户层级。"), "text"),
    Column("p_alive", Text("P(active)", "仍活跃的概率"), Text("Not left for good.", "尚未离开。"), "share"),
    Column(
        "value_at_risk", Text("Lost if they left", "若离开将失去"), Text("Forecast.", "预测。"), "money", total=True
    ),
    Column("expected_loss", Text("Expected loss", "预计损失"), Text("If left.", "已离开的损失。"), "money", total=True),
    Column("state_name", Text("State", "状态"), Text("Of the relationship.", "关系状态。"), "text"),
    Column("life_start", Text("Life from", "关系开始"), Text("First period.", "首期。"), "day"),
    Column("life_end", Text("Life to", "最近活跃期"), Text("Last period with a purchase.", "最近有购买的期。"), "day"),
    Column("life_periods", Text("Periods", "期数"), Text("From first to last.", "首期到末期。"), "count"),
)
_NEAR = (
    _ID,
    _NAME,
    Column("value", Text("Value so far", "已有价值"), Text("So far.", "至今。"), "money", total=True),
    Column("forecast_value", Text("Forecast value", "预测价值"), Text("Horizon.", "预测期。"), "money", total=True),
    Column("basis_name", Text("Compared with", "比较对象"), Text("Level.", "水平。"), "text"),
    Column("before", Text("Value of a period there", "比较对象每期价值"), Text("Level.", "水平。"), "money"),
    Column("after", Text("Value of a period", "每期价值"), Text("Level.", "水平。"), "money"),
    Column("frequency_effect", Text("By purchases", "购买次数的影响"), Text("Part.", "部分。"), "money"),
    Column("amount_effect", Text("By amount per purchase", "每次金额的影响"), Text("Part.", "部分。"), "money"),
    Column("cost_effect", Text("By product cost", "产品成本的影响"), Text("Part.", "部分。"), "money"),
    Column("expense_effect", Text("By expense", "费用的影响"), Text("Part.", "部分。"), "money"),
    Column("driver_name", Text("Largest cause", "主要原因"), Text("Least part.", "最小部分。"), "text"),
    Column("proposal", Text("Proposed step", "建议"), Text("What to do.", "做什么。"), "text"),
)


def sheets(found: Risk, book: Book, engine: Engine, run: Path, report: ValueReport) -> None:
    """The customers with the largest expected loss, and those near loss."""
    rows = _first(engine, run, "risk", book.listed)
    for row in rows:
        row["tier_name"] = book.say(title_of(row["tier"], found.rules))
        row["state_name"] = book.say(STATES.get(row["state"]) or Text(row["state"], row["state"]))
    _sheet(
        book,
        TITLE,
        sentence(found, report),
        _RISK,
        rows,
        Text("The largest expected losses", "预计损失最大的客户"),
        "risk",
    )
    rows = _first(engine, run, "near_loss", book.listed)
    for row in rows:
        row["basis_name"], row["driver_name"] = book.say(BASES[row["basis"]]), book.say(DRIVERS[row["driver"]])
        row["proposal"] = row[f"proposal_{book.language}"]
    if rows:
        title = Text("Near loss", "临近亏损")
        _sheet(
            book,
            title,
            near_sentence(found, report),
            _NEAR,
            rows,
            Text("Lowest value first", "价值最低的在前"),
            "near_loss",
        )


def _sheet(
    book: Book,
    title: Text,
    told: Text,
    columns: tuple[Column, ...],
    rows: list[dict[str, Any]],
    label: Text,
    file: str,
) -> None:
    sheet = book.sheet(title, [column.width for column in columns])
    sheet.line(book.say(told))
    sheet.cut(len(rows), f"{file}.parquet")
    sums = {
        column.field: sum((row[column.field] for row in rows), Decimal(0)) for column in columns if column.total
    }  # fmt: skip
    fill_sheet(sheet, columns, rows, count=len(rows), label=label, totals=sums, shown=sums)
