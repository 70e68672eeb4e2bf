"""Now and later: customers by what they bring now and by what they may bring, and what to do about each group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from kezhi.engine import Engine
from kezhi.language import Text
from kezhi.reports import numbers
from kezhi.reports.markup import Child, Html, Row, folded, table, tag, who
from kezhi.reports.names import with_names
from kezhi.reports.sections import Canvas, grid, heading
from kezhi.reports.sections import section as titled
from kezhi.worth.standing import ACTIVE

SHOWN = 10
NAMES = {
    "keep": Text("High now, high later", "当前高、潜力高"),
    "grow": Text("Low now, high later", "当前低、潜力高"),
    "hold": Text("High now, low later", "当前高、潜力低"),
    "simple": Text("Low now, low later", "当前低、潜力低"),
}
ACTIONS = {
    "keep": Text(
        "The core of the business: look after them in person and give the best service before they ask.",
        "企业的根基：专人维系，主动提供最好的服务。",
    ),
    "grow": Text(
        "Worth investing in: show them what else there is, make the next purchases easy.",
        "值得继续投入：介绍更多产品，让下一次购买更容易。",
    ),
    "hold": Text(
        "They are about to leave or to buy less: ask why, and act before they are gone.",
        "可能流失或减少购买：尽快了解原因并挽留。",
    ),
    "simple": Text(
        "Serve them well but simply: self-service, no costly visits.",
        "做好基本服务即可：以自助为主，不安排高成本的拜访。",
    ),
}


@dataclass(frozen=True)
class Cell:
    """One of the four groups."""

    name: str
    customers: int
    current: Decimal
    potential: Decimal
    best: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class Standing:
    """The facts, the four groups, and which of the columns for sorting are known."""

    facts: dict[str, Any]
    cells: tuple[Cell, ...]

    @property
    def customers(self) -> int:
        """All of them."""
        return sum(cell.customers for cell in self.cells)


def build(engine: Engine, run: Path, facts: Mapping[str, Any]) -> Standing | None:
    """The four groups with the customers who matter most in each."""
    rows = engine.read_parquet(run / "standing.parquet")
    cells = tuple(
        Cell(
            one["class"],
            one["customers"],
            Decimal(str(one["current"])),
            Decimal(str(one["potential"])),
            _best(engine, run, rows, one["class"]) if one["customers"] else (),
        )
        for one in facts["grid"]
    )
    return Standing(dict(facts), cells) if any(cell.customers for cell in cells) else None


def _best(engine: Engine, run: Path, rows: Any, name: str) -> tuple[dict[str, Any], ...]:
    """The first customers of a group: by what may be lost where they are fading, else by what may come."""
    import ibis

    key = "current" if name == "hold" else "potential"
    first = rows.filter(rows.potential_class == name).order_by([ibis.desc(key), "customer_id"]).limit(SHOWN)
    joined = with_names(engine, run, first).order_by([ibis.desc(key), "customer_id"])
    return tuple(engine.fetch(joined.select("customer_id", "name", "current", "potential", "growth")).to_pylist())


# --- the page ---------------------------------------------------------------------------------------------


def section(found: Standing, report: Any, canvas: Canvas) -> Html:
    """The grid first; how it was cut, pace and activity below."""
    title = Text("Now and later", "当前价值与潜在价值")
    said = Text(
        "Whether to go on investing in a customer depends on both: the gross profit of the last 12 months, and what is "
        "still to come{n}.",
        "是否继续投入，既看客户最近 12 个月带来的毛利，也看{n}预计还会带来的毛利（未来价值）。",
    )
    periods = found.facts["potential_periods"]
    ahead = Text(" as long as they stay", "其今后全部关系期内")
    if periods is not None:
        count = [numbers.count_of_periods(periods, report.period, language) for language in ("en", "zh")]
        ahead = Text(f" in the next {count[0]}", f"今后 {count[1]}内")
    return titled(
        canvas,
        title,
        tag("p", canvas.say(said, n=ahead.to(canvas.language)), class_="soft"),
        _grid(found, report, canvas),
        tag("p", _cuts(found, report, canvas), class_="soft"),
        _pace(found, canvas),
        _customers(found, canvas),
        name="standing",
    )


def _grid(found: Standing, report: Any, canvas: Canvas) -> Html:
    heads = [
        canvas.say(Text("Group", "客户群")),
        canvas.say(Text("Customers", "客户数")),
        canvas.say(Text("Share", "占比")),
        canvas.say(Text("Last 12 months", "最近 12 个月")),
        canvas.say(Text("Still to come", "未来价值")),
        canvas.say(Text("What to do", "建议")),
    ]
    rows = [
        Row(
            [
                tag("span", canvas.say(NAMES[cell.name]), class_="strong"),
                numbers.grouped(cell.customers),
                numbers.percent(cell.customers / found.customers),
                numbers.headline(cell.current, report.currency, canvas.language),
                numbers.headline(cell.potential, report.currency, canvas.language),
                canvas.say(ACTIONS[cell.name]),
            ]
        )
        for cell in found.cells
    ]
    total: list[Child] = [canvas.say(Text("All customers", "全部客户")), numbers.grouped(found.customers), "100%"]
    for name in ("current", "potential"):
        whole = sum((getattr(cell, name) for cell in found.cells), Decimal(0))
        total.append(numbers.headline(whole, report.currency, canvas.language))
    rows.append(Row([*total, ""], "total"))
    return table(heads, rows, range(1, 5))


def _cuts(found: Standing, report: Any, canvas: Canvas) -> str:
    said = Text(
        "High now: {current} or more. High later: {potential} or more. Both are medians of the customers above zero, "
        "so about half of those are high.",
        "当前高：不低于 {current}；潜力高：不低于 {potential}。两者均为正值客户的中位数，因此其中约一半为“高”。",
    )
    shown = {
        name: numbers.headline(found.facts[f"{name}_from"], report.currency, canvas.language)
        for name in ("current", "potential")
    }
    return canvas.say(said, **shown)


_ACTIVE = Text(
    "Activity of {least} or more. Each purchase adds 1 and loses half of its weight every {days} days, the usual time "
    "between two purchases.",
    "活跃指数不低于 {least}。每次购买加 1，其权重每过 {days} 天（通常的购买间隔）减半。",
)
_GROWTH = Text(
    "The last 12 complete months against the 12 before, of the {old} customers who were there all the time; {growing} "
    "of them spent more.",
    "最近 12 个完整月与再之前 12 个月相比，只计两段时间都已是客户的 {old} 位；其中 {growing} 位有增长。",
)
_WALLET = Text(
    "Last 12 months' spend of all that {wallets} customers spend on such products.",
    "{wallets} 位客户最近 12 个月在本企业的购买，占其同类产品总支出的比例。",
)
_BREADTH = Text(
    "Kinds of products bought, of all kinds sold; mean per buyer.", "买过的品类占全部已售品类的比例，按购买者平均。"
)


def _pace(found: Standing, canvas: Canvas) -> Html:
    """Activity, growth, breadth and wallet of the company, each with what it means."""
    facts = found.facts
    above = Text("Above 100% where the others cost more than they bring.", "超过 100% 说明其余客户的价值合计为负。")
    active = canvas.say(_ACTIVE, least=ACTIVE, days=numbers.grouped(facts["half_life_days"]))
    rows = [
        (Text("Active customers", "活跃客户"), numbers.grouped(facts["active"]), active),
        (
            Text("Their share of the last 12 months' value", "其占最近 12 个月价值的比例"),
            numbers.percent(facts["active_value_share"]),
            canvas.say(above),
        ),
    ]
    if facts["growth"] is not None:
        counts = {"old": numbers.grouped(facts["with_growth"]), "growing": numbers.grouped(facts["growing"])}
        growth = canvas.say(_GROWTH, **counts)
        rows.append((Text("Growth of spend", "购买金额增长"), numbers.percent(facts["growth"], 1), growth))
    if facts["breadth"] is not None:
        rows.append((Text("Breadth", "购买品类的广度"), numbers.percent(facts["breadth"]), canvas.say(_BREADTH)))
    if facts["wallet_share"] is not None:
        wallet = canvas.say(_WALLET, wallets=numbers.grouped(facts["wallets"]))
        rows.append((Text("Share of wallet", "钱包份额"), numbers.percent(facts["wallet_share"]), wallet))
    heads = [canvas.say(one) for one in (Text("Measure", "指标"), Text("Figure", "数值"), Text("Meaning", "含义"))]
    body = [Row([canvas.say(name), figure, meaning]) for name, figure, meaning in rows]
    title = Text("Activity, growth, breadth, share of wallet", "活跃度、增长、广度与钱包份额")
    return folded(canvas.say(title), table(heads, body, [1]))


def _customers(found: Standing, canvas: Canvas) -> Html:
    """The first customers of each group."""
    parts: list[Child] = []
    for cell in found.cells:
        if not cell.best or cell.name == "simple":
            continue
        parts.append(heading(canvas, NAMES[cell.name]))
        heads = (
            Text("Customer", "客户"),
            Text("Last 12 months", "最近 12 个月"),
            Text("Still to come", "未来价值"),
            Text("Growth of spend", "购买金额增长"),
        )
        parts.append(grid(canvas, heads, [_customer(row) for row in cell.best]))
    return folded(canvas.say(Text("The first customers of each group", "各客户群的代表客户")), *parts)


def _customer(row: Mapping[str, Any]) -> Row:
    money = [numbers.grouped(row[name], 2) for name in ("current", "potential")]
    return Row([who(row["customer_id"], row["name"]), *money, numbers.percent(row["growth"])])


# --- the workbook -----------------------------------------------------------------------------------------

_COLUMNS: tuple[tuple[str, Text, int, str], ...] = (
    ("customer_id", Text("Customer id", "客户编号"), 18, "text"),
    ("name", Text("Name", "客户名称"), 20, "text"),
    ("potential_class", Text("Group", "客户群"), 22, "class"),
    ("began", Text("Customer since", "建立关系"), 12, "day"),
    ("current", Text("Value, last 12 months", "最近 12 个月价值"), 16, "money"),
    ("potential", Text("Still to come", "未来价值"), 16, "money"),
    ("growth", Text("Growth of spend", "购买金额增长"), 11, "share"),
    ("activity", Text("Activity", "活跃指数"), 11, "number"),
    ("purchases_per_week", Text("Purchases per week", "每周购买次数"), 11, "number"),
    ("purchases_per_month", Text("Purchases per month", "每月购买次数"), 11, "number"),
    ("purchases_per_quarter", Text("Purchases per quarter", "每季购买次数"), 11, "number"),
    ("purchases_per_year", Text("Purchases per year", "每年购买次数"), 11, "number"),
    ("categories", Text("Kinds bought", "购买品类数"), 11, "count"),
    ("breadth", Text("Breadth", "广度"), 10, "share"),
    ("wallet", Text("Wallet", "钱包规模"), 16, "money"),
    ("wallet_share", Text("Share of wallet", "钱包份额"), 11, "share"),
)


def sheets(found: Standing, book: Any, engine: Engine, run: Path, report: Any) -> None:
    """One sheet with the customers of highest potential, all of them where they are few."""
    import ibis

    del report
    rows = engine.read_parquet(run / "standing.parquet")
    wanted = [column for column in _COLUMNS if column[0] in (*rows.columns, "name")]
    sheet = book.sheet(Text("Now and later", "当前与潜力"), [width for _, _, width, _ in wanted])
    said = Text(
        "The {count} customers with the highest potential, of {all}. The full table: standing.parquet in the run "
        "folder.",
        "潜力最高的 {count} 位客户（共 {all} 位）。完整数据见运行文件夹中的 standing.parquet。",
    )
    count = min(found.customers, book.listed)
    sheet.line(book.say(said, count=f"{count:,}", all=f"{found.customers:,}"))
    first = sheet.next
    sheet.heads([book.say(title) for _, title, _, _ in wanted])
    sheet.sheet.freeze_panes(sheet.next, 1)
    sheet.sheet.autofilter(first, 0, first + max(count, 1), len(wanted) - 1)
    order = [ibis.desc("potential"), "customer_id"]
    best = with_names(engine, run, rows.order_by(order).limit(book.listed)).order_by(order)
    for row in engine.fetch(best.select(*(name for name, *_ in wanted))).to_pylist():
        sheet.row([_value(book, row[name], kind) for name, _, _, kind in wanted], _kinds(wanted))


def _kinds(wanted: Sequence[tuple[str, Text, int, str]]) -> list[str]:
    return ["text" if kind == "class" else kind for *_, kind in wanted]


def _value(book: Any, value: Any, kind: str) -> Any:
    return book.say(NAMES[value]) if kind == "class" else value
