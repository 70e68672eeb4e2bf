"""Tiers of customers in the report: the pyramid, how unequal value is, metals with what to do, tags, core customers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from kezhi.engine import Engine
from kezhi.language import Language, Text
from kezhi.reports import figures, numbers
from kezhi.reports.columns import Column
from kezhi.reports.customer_value import ValueReport
from kezhi.reports.json_values import Json, day, money, number, text
from kezhi.reports.markup import Child, Html, Row, folded, table, tag, who
from kezhi.reports.names import with_names
from kezhi.reports.plot import Drawn, Plot
from kezhi.reports.sections import Canvas, heading
from kezhi.reports.sections import section as part
from kezhi.reports.workbook import Book, Sheet, fill_sheet
from kezhi.segments.value_classes import BASES, TAGS, VALUE_CLASSES
from kezhi.worth.layers import rules_of_a_run, title_of

TITLE = Text("Customer tiers", "客户层级")
SHOWN, SHOWN_CHANGES = 10, 30
_CUSTOMERS = Text("Customers", "客户数")
_OF_ALL = Text("Of all customers", "占客户数")
_VALUE = Text("Profit so far", "累计毛利")
_FORECAST = Text("Forecast profit", "预测毛利")
_SHARE = Text("Share", "占比")
_WHO = Text("Who", "哪些客户")
_CHANGES = {"came": Text("▲ new on the list", "▲ 新进名单"), "stayed": Text("stayed", "保留"),
            "left": Text("▼ left the list", "▼ 退出名单")}  # fmt: skip


@dataclass(frozen=True)
class Group:
    """Customers together: a tier, a metal, a tag or the core; shares of the company."""

    code: str
    title: Text
    customers: int
    value: Decimal
    forecast: Decimal
    amount: Decimal | None = None
    basis: Decimal | None = None
    customer_share: float | None = None
    basis_share: float | None = None
    value_share: float | None = None
    forecast_share: float | None = None
    least: Decimal | None = None
    by_hand: bool = False
    moves: dict[str, int] | None = None


@dataclass(frozen=True)
class Listed:
    """A core customer, or one who was."""

    customer_id: str
    name: str | None
    place: int
    tier: str
    change: str | None
    basis: Decimal
    share: float | None
    cumulative: float | None


@dataclass(frozen=True)
class Tiers:
    """What the run says of its tiers."""

    by: Text
    is_money: bool
    shares: tuple[float, ...]
    limits: tuple[float, ...] | None
    customers: int
    tiers: tuple[Group, ...]
    previous: Json | None
    classes: tuple[Group, ...]
    class_rules: Json
    tags: tuple[Group, ...]
    tag_percents: tuple[float, ...]
    core: Group
    core_percent: float
    came: int | None
    left: int | None
    curve: tuple[tuple[float, float], ...]
    top10: float | None
    top20: float | None
    listed: tuple[Listed, ...]
    changed: tuple[Listed, ...]
    titles: dict[str, Text]


# --- what is read -----------------------------------------------------------------------------------------


def build(engine: Engine, run: Path, facts: Json) -> Tiers | None:
    """The facts as frozen data, with the first of the core customers; None where the run has no tiers."""
    if not facts.get("tiers"):
        return None
    rules = rules_of_a_run(run)
    classes, tags, core = (facts.get(name) or {} for name in ("classes", "tags", "core"))
    titles = {row["tier"]: text(row.get("name")) or title_of(row["tier"], rules) for row in facts["tiers"]}
    return Tiers(
        by=text(facts.get("by_name")) or BASES["forecast_value"],
        is_money=facts.get("by") != "points",
        shares=tuple(facts.get("shares") or ()),
        limits=tuple(facts["limits"]) if facts.get("limits") else None,
        customers=int(facts.get("customers") or 0),
        tiers=tuple(_group(row, row["tier"], titles[row["tier"]]) for row in facts["tiers"]),
        previous=facts.get("previous"),
        classes=tuple(
            _group(row, row["value_class"], VALUE_CLASSES[row["value_class"]].title)
            for row in classes.get("rows") or ()
        ),
        class_rules=classes,
        tags=tuple(_group(row, row["tag"], _tag_title(row)) for row in tags.get("rows") or ()),
        tag_percents=tuple(tags.get("percents") or (20.0, 30.0, 50.0)),
        core=_group(core, "core", TAGS["core"][0]),
        core_percent=float(core.get("percent") or 0),
        came=core.get("came"),
        left=core.get("left"),
        curve=tuple((float(one["customers"]), float(one["value"])) for one in facts.get("concentration") or ()),
        top10=number(facts.get("top10_share")),
        top20=number(facts.get("top20_share")),
        listed=tuple(_listed(row) for row in core_rows(engine, run, SHOWN, ("stayed", "came"))),
        changed=tuple(_listed(row) for row in core_rows(engine, run, SHOWN_CHANGES, ("came", "left")))
        if core.get("came") or core.get("left")
        else (),
        titles=titles,
    )


def _group(row: Json, code: str, title: Text) -> Group:
    moves = {name: int(row[name]) for name in ("risen", "fallen", "new", "left") if row.get(name) is not None}
    shares = {f"{name}_share": number(row.get(f"{name}_share")) for name in ("customer", "basis", "value", "forecast")}
    return Group(
        code,
        title,
        int(row.get("customers") or 0),
        money(row.get("value")) or Decimal(0),
        money(row.get("forecast_value")) or Decimal(0),
        money(row.get("amount")),
        money(row.get("basis")),
        **shares,
        least=money(row.get("least")),
        by_hand=row.get("source") == "by_hand",
        moves=moves if "risen" in moves else None,
    )


def _tag_title(row: Json) -> Text:
    return text(row.get("name")) or Text(str(row["tag"]), str(row["tag"]))


def core_rows(engine: Engine, run: Path, most: int, changes: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """The first rows of core.parquet, all or with these changes (those of a first run have none), with names."""
    if not (run / "core.parquet").exists():
        return []
    rows = engine.read_parquet(run / "core.parquet")
    if changes:
        rows = rows.filter(rows.change.isnull() | rows.change.isin(changes))
    first = rows.order_by("place").limit(most)
    found: list[dict[str, Any]] = engine.fetch(with_names(engine, run, first).order_by("place")).to_pylist()
    return found


def _listed(row: Json) -> Listed:
    return Listed(
        row["customer_id"], row.get("name"), int(row["place"]), row["tier"], row.get("change"), row["basis"],
        number(row.get("share")), number(row.get("cumulative_share")),
    )  # fmt: skip


# --- sentences --------------------------------------------------------------------------------------------


def sentence(found: Tiers) -> Text:
    """What the best tier holds, and how few bring most."""
    best = next((one for one in found.tiers if one.customers), found.tiers[0])
    told = Text(
        "Ranked by {by}, the {number} customers of the tier {tier} ({share} of {all}) hold {held} of it.",
        "按{by}排序，{tier}层共 {number} 位（占 {all} 位客户的 {share}），占其中的 {held}。",
    )
    few = Text(
        " The {core} core customers ({few}) bring {brought} of it.",
        "核心客户 {core} 位（{few}），贡献其中的 {brought}。",
    )
    if best.basis_share is None:
        told = Text(
            "All customers together have no {by} above 0, so that nobody stands out; all of them are in the lowest "
            "tier.",
            "全体客户的{by}合计不大于 0，因此没有突出的客户，不大于 0 的客户都在最低一层。",
        )
    values = {
        "number": numbers.grouped(best.customers), "share": numbers.percent(best.customer_share, 1),
        "all": numbers.grouped(found.customers), "held": numbers.percent(best.basis_share),
        "core": numbers.grouped(found.core.customers), "few": numbers.percent(found.core.customer_share, 1),
        "brought": numbers.percent(found.core.basis_share),
    }  # fmt: skip
    whole = Text(told.en + few.en, told.zh + few.zh) if found.core.customers else told
    return Text(
        whole.en.format(by=found.by.en, tier=best.title.en, **values),
        whole.zh.format(by=found.by.zh, tier=best.title.zh, **values),
    )


def definition(found: Tiers, place: int) -> Text:
    """Who is in the tier at this place, the best first."""
    if found.limits is not None:
        if place < len(found.limits):
            least = numbers.grouped(found.limits[place])
            return Text(f"{found.by.en} of {least} or more", f"{found.by.zh}达到 {least}")
        return Text("all others", "其余客户")
    share = f"{found.shares[place]:g}%"
    if place == len(found.shares) - 1:
        return Text(
            f"the other {share}, and all without any {found.by.en}", f"其余 {share}，以及{found.by.zh}不大于 0 的客户"
        )
    least_of = found.tiers[place].least
    most = Text("the best {share}", "最好的 {share}") if place == 0 else Text("the next {share}", "其次的 {share}")
    told = most.fill(share=share)
    if least_of is None:
        return told
    return Text(f"{told.en}: {numbers.grouped(least_of)} or more", f"{told.zh}：不低于 {numbers.grouped(least_of)}")


def unequal(found: Tiers) -> Text | None:
    """What the best tenth and fifth hold; None where there is nothing to share."""
    if found.top10 is None or found.top20 is None:
        return None
    ten, twenty = numbers.percent(found.top10), numbers.percent(found.top20)
    peak = max((value for _, value in found.curve), default=0.0)
    told = Text(
        f"The best 10% of customers hold {ten} of all {found.by.en}, the best 20% hold {twenty}.",
        f"最好的 10% 客户占全部{found.by.zh}的 {ten}，最好的 20% 占 {twenty}。",
    )
    if peak < 1.005:
        return told
    return Text(
        f"{told.en} The curve rises to {numbers.percent(peak)}: some customers cost more than they bring and take the "
        "rest away again.",
        f"{told.zh}曲线最高达到 {numbers.percent(peak)}：有些客户入不敷出，又抵消了其中一部分。",
    )


# --- the page ---------------------------------------------------------------------------------------------


def section(found: Tiers, report: ValueReport, canvas: Canvas) -> Html:
    """The pyramid with its definition, the curve, metals with advice, tags, and the core customers."""
    return part(
        canvas,
        TITLE,
        tag("p", canvas.say(sentence(found))),
        _pyramid(found, canvas),
        tag("p", canvas.say(_moved(found)), class_="soft"),
        _unequal(found, report, canvas),
        *_metals(found, canvas),
        *_core(found, canvas),
        *_tags(found, canvas),
        name="tiers",
    )


def _table(canvas: Canvas, heads: Sequence[Text], words: int, rows: Iterable[Row]) -> Html:
    """A table whose first columns are words."""
    return table([canvas.say(head) for head in heads], rows, range(words, len(heads)))


def _words(canvas: Canvas, said: Text) -> Html:
    """A sentence in a table, which stays readable on a narrow screen."""
    return tag("span", canvas.say(said), style="display: inline-block; min-width: 11em")


def _pyramid(found: Tiers, canvas: Canvas) -> Html:
    moved = found.previous is not None
    heads = [Text("Tier", "层级"), _WHO, _CUSTOMERS, _OF_ALL, _VALUE, _SHARE, _FORECAST, _SHARE]
    rows = []
    for place, one in enumerate(found.tiers):
        cells: list[Child] = [
            tag("span", canvas.say(one.title), class_="strong"), _words(canvas, definition(found, place)),
            numbers.grouped(one.customers), numbers.percent(one.customer_share, 1),
            numbers.grouped(one.value), numbers.percent(one.value_share),
            numbers.grouped(one.forecast), numbers.percent(one.forecast_share),
        ]  # fmt: skip
        rows.append(Row([*cells, *(_marks(one) if moved else ())]))
    if moved:
        heads += [Text("▲ Risen into it", "▲ 升入"), Text("▼ Fallen into it", "▼ 降入"), Text("New", "新客户"),
                  Text("Left it", "离开该层")]  # fmt: skip
    return _table(canvas, heads, 2, rows)


def _marks(one: Group) -> list[str]:
    moves = one.moves or {}
    return [numbers.grouped(moves.get(name, 0)) for name in ("risen", "fallen", "new", "left")]


def _moved(found: Tiers) -> Text:
    tail = Text(
        "Equals stand in the order of customers; names, shares and limits can be changed under [tiers] in kezhi.toml.",
        "数值相同的按客户先后排列；名称、占比和下限可在 kezhi.toml 的 [tiers] 中修改。",
    )
    if found.previous is None:
        return Text(
            f"No earlier run recorded tiers; from the next run on it is shown who rose and fell. {tail.en}",
            f"以前的运行没有记录层级；从下次运行起会列出升降。{tail.zh}",
        )
    since = day(found.previous.get("as_of"))
    risen, fallen = (numbers.grouped(int(found.previous.get(name) or 0)) for name in ("risen", "fallen"))
    told = Text(
        f"Since the run as of {numbers.day(since, 'en')}, {risen} customers rose and {fallen} fell.",
        f"与截至{numbers.day(since, 'zh')}的运行相比，{risen} 位客户上升，{fallen} 位下降。",
    )
    if not found.previous.get("same_rules"):
        told = Text(
            f"{told.en} That run put customers into tiers by other rules, so that part of the moves is due to these.",
            f"{told.zh}那次运行的分层规则不同，部分升降是规则改变所致。",
        )
    return Text(f"{told.en} {tail.en}", f"{told.zh}{tail.zh}")


def _unequal(found: Tiers, report: ValueReport, canvas: Canvas) -> Html:
    told = unequal(found)
    if told is None:
        return Html("")
    describe = Text(
        "Cumulative share over customers, the best first, with the ends of the tiers.",
        "从最好的客户起的累计占比曲线，标有各层级的边界。",
    )
    figure = canvas.place("figure-tiers", pareto.plain(found, report, canvas.language), describe, "low")
    heads = (Text("Best customers", "最好的客户"), Text("Share", "占比"))
    rows = [Row([numbers.percent(x), numbers.percent(y, 1)]) for x, y in found.curve[:: max(len(found.curve) // 20, 1)]]
    title = Text("How much the best bring", "最好的客户贡献多少")
    return tag(
        "div",
        heading(canvas, title),
        tag("p", canvas.say(told)),
        figure,
        canvas.as_table(_table(canvas, heads, 0, rows)),
    )


@Drawn
def pareto(found: Tiers, report: ValueReport, language: Language) -> Plot:  # noqa: ARG001
    """Cumulative share of the value chosen, the best customers first, with a mark where each tier ends."""
    figure = figures.plain()
    hover = Text(
        "best %{x:.0f}% of customers: %{y:.1f}%<extra></extra>", "最好的 %{x:.0f}% 客户：%{y:.1f}%<extra></extra>"
    )
    figure.add_scatter(
        x=[100 * x for x, _ in found.curve],
        y=[100 * y for _, y in found.curve],
        mode="lines",
        line={"color": figures.ACCENT, "width": 2.5},
        hovertemplate=hover.to(language),
        showlegend=False,
    )
    ends = _ends(found)
    figure.add_scatter(
        x=[x for x, _, _ in ends],
        y=[y for _, y, _ in ends],
        text=[title.to(language) for *_, title in ends],
        mode="markers+text",
        textposition="bottom right",
        marker={"color": figures.INTERVAL, "size": 8},
        hovertemplate="%{text}: %{x:.1f}% → %{y:.1f}%<extra></extra>",
        showlegend=False,
    )
    equal = {"color": figures.OBSERVED, "width": 1, "dash": "dot"}
    figure.add_scatter(x=[0, 100], y=[0, 100], mode="lines", line=equal, hoverinfo="skip", showlegend=False)
    figure.add_hline(y=100, line={"color": figures.OBSERVED, "width": 1})
    figures.axes(
        figure, Text("best customers, % of all", "客户（由高到低），占全部 %"),
        Text(f"% of {found.by.en}", f"占{found.by.zh} %"), language,
    )  # fmt: skip
    figure.update_xaxes(range=[0, 100])
    return figure


def _ends(found: Tiers) -> list[tuple[float, float, Text]]:
    """Where every tier but the lowest ends: per cent of customers and of value up to there."""
    ends, people, worth = [], 0.0, 0.0
    for one in found.tiers[:-1]:
        people += one.customer_share or 0.0
        worth += one.basis_share or 0.0
        if one.customers:
            ends.append((100 * people, 100 * worth, one.title))
    return ends


# --- metals -----------------------------------------------------------------------------------------------


def _metals(found: Tiers, canvas: Canvas) -> list[Html]:
    if not found.classes:
        return []
    heads = (
        Text("Class", "类别"),
        _WHO,
        Text("What to do", "怎么做"),
        _CUSTOMERS,
        Text("Purchases", "购买金额"),
        _VALUE,
    )
    rows = [
        Row([tag("span", canvas.say(one.title), class_="strong"),
             _words(canvas, class_definition(found, one.code)),
             _words(canvas, VALUE_CLASSES[one.code].action),
             numbers.grouped(one.customers), numbers.grouped(one.amount), numbers.grouped(one.value)])
        for one in found.classes
    ]  # fmt: skip
    about = Text(
        "Two questions put every customer into exactly one class: is enough left of what they buy, and do they buy "
        "much? All purchases so far count.",
        "两个问题把每位客户归入且仅归入一类：买的东西留下的利润够不够，买得多不多。计入迄今的全部购买。",
    )
    unknown = Text(
        " Neither product costs nor expenses are known, so that profit equals purchases and hardly anybody is iron or "
        "lead; import costs to see them.",
        "产品成本和费用均未知，毛利等于购买金额，因此几乎没有黑铁和铅；导入成本后才能看出。",
    )
    known = bool(found.class_rules.get("profit_known"))
    told = about if known else Text(about.en + unknown.en, about.zh + unknown.zh)
    title = Text("Platinum, gold, iron and lead", "白金、黄金、黑铁、铅")
    return [heading(canvas, title), tag("p", canvas.say(told), class_="soft"), _table(canvas, heads, 3, rows)]


def class_definition(found: Tiers, code: str) -> Text:
    """Who belongs to a metal, with this company's numbers."""
    rules = found.class_rules
    return VALUE_CLASSES[code].definition.fill(
        platinum=f"{float(rules.get('platinum_percent') or 0):g}",
        margin=numbers.grouped(100 * float(rules.get("low_below") or 0), 1),
        volume=numbers.grouped(number(rules.get("volume_from"))),
    )


# --- tags and core customers ------------------------------------------------------------------------------


def _tags(found: Tiers, canvas: Canvas) -> list[Html]:
    heads = (Text("Tag", "标签"), Text("Set by", "来源"), _WHO, _CUSTOMERS, _VALUE, _FORECAST)
    rows = [
        Row([tag("span", canvas.say(one.title), class_="strong"), canvas.say(_source(one)),
             _words(canvas, tag_definition(found, one)), numbers.grouped(one.customers),
             numbers.grouped(one.value), numbers.grouped(one.forecast)])
        for one in found.tags
    ]  # fmt: skip
    return [
        heading(canvas, Text("Tags: high, middle and low value, potential", "标签：高、中、低价值与潜力客户")),
        _table(canvas, heads, 3, rows),
    ]


def _source(one: Group) -> Text:
    return Text("people", "人工") if one.by_hand else Text("kezhi", "自动")


def tag_definition(found: Tiers, one: Group) -> Text:
    """Who has a tag."""
    if one.by_hand:
        return Text("as written in the customer table", "客户表中填写")
    high, middle, _ = found.tag_percents
    return TAGS[one.code][1].fill(high=f"{high:g}", middle=f"{middle:g}", core=f"{found.core_percent:g}")


def core_sentence(found: Tiers) -> Text:
    """The size of the list, its share of customers and of profit, and who came and left."""
    if not found.core.customers:
        return Text("There are no core customers: all together bring nothing.", "没有核心客户：全体客户合计没有贡献。")
    values = {
        "number": numbers.grouped(found.core.customers), "few": numbers.percent(found.core.customer_share, 1),
        "target": f"{found.core_percent:g}%", "brought": numbers.percent(found.core.basis_share),
        "profit": numbers.percent(found.core.value_share),
    }  # fmt: skip
    told = Text(
        "The shortest list that brings {target} of the {by}: {number} customers, {few} of all, bring {brought} of it, "
        "and {profit} of the profit so far.",
        "合计贡献{by} {target} 的最短名单：{number} 位客户，占客户数的 {few}，"
        "贡献其中的 {brought}，占累计毛利的 {profit}。",
    )
    said = Text(told.en.format(by=found.by.en, **values), told.zh.format(by=found.by.zh, **values))
    if found.came is None or found.left is None:
        return said
    came, left = numbers.grouped(found.came), numbers.grouped(found.left)
    since = day((found.previous or {}).get("as_of"))
    return Text(
        f"{said.en} Since the run as of {numbers.day(since, 'en')}, {came} came onto the list and {left} left it.",
        f"{said.zh}与截至{numbers.day(since, 'zh')}的运行相比，{came} 位进入名单，{left} 位退出。",
    )


def _core(found: Tiers, canvas: Canvas) -> list[Html]:
    head = [heading(canvas, Text("Core customers", "核心客户")), tag("p", canvas.say(core_sentence(found)))]
    if not found.listed:
        return head
    known = any(one.change for one in found.listed)
    by = Text(found.by.en[:1].upper() + found.by.en[1:], found.by.zh)
    heads = [Text("Customer", "客户"), Text("Tier", "层级"), *([Text("Change", "变化")] if known else []),
             by, _SHARE, Text("Added up", "累计占比")]  # fmt: skip
    words = 3 if known else 2
    shown = [_core_row(one, found, canvas, known) for one in found.listed]
    more = Text(
        "The first {n} are shown; core.parquet in the run folder has the whole list.",
        "此处列出前 {n} 位；完整名单见运行文件夹中的 core.parquet。",
    )
    cut = tag("p", canvas.say(more, n=len(shown)), class_="soft") if found.core.customers > len(shown) else Html("")
    moved = Html("")
    if found.changed:
        rows = [_core_row(one, found, canvas, known) for one in found.changed]
        moved = folded(
            canvas.say(Text("Who came and who left", "进入和退出的客户")), _table(canvas, heads, words, rows)
        )
    return [*head, _table(canvas, heads, words, shown), cut, moved]


def _core_row(one: Listed, found: Tiers, canvas: Canvas, known: bool) -> Row:
    change = [canvas.say(_CHANGES[one.change]) if one.change in _CHANGES else ""] if known else []
    title = found.titles.get(one.tier) or Text(one.tier, one.tier)
    added = numbers.percent(one.cumulative, 1) if one.change != "left" else ""
    cells = [numbers.grouped(one.basis), numbers.percent(one.share, 1), added]
    return Row([who(one.customer_id, one.name), canvas.say(title), *change, *cells])


# --- workbook ---------------------------------------------------------------------------------------------

_PEOPLE = (
    Column("customers", _CUSTOMERS, Text("In the group.", "该组客户数。"), "count"),
    Column("amount", Text("Purchases", "购买金额"), Text("So far.", "累计。"), "money"),
    Column("value", _VALUE, Text("So far.", "累计。"), "money"),
    Column("forecast", _FORECAST, Text("Over the horizon.", "预测期内。"), "money"),
)
_CORE = (
    Column("customer_id", Text("Customer id", "客户编号"), Text("As in the source.", "与源数据一致。"), "text"),
    Column("name", Text("Name", "客户名称"), Text("Where known.", "已知时显示。"), "text"),
    Column("tier_name", Text("Tier", "层级"), Text("Of this run.", "本次运行的层级。"), "text"),
    Column(
        "change_name",
        Text("Change", "变化"),
        Text("Since the run that this one is compared with.", "与所对照的运行相比。"),
        "text",
    ),
    Column("place", Text("Place", "名次"), Text("By the value chosen.", "按所选价值。"), "count"),
    Column("basis", Text("Value chosen", "所选价值"), Text("What the tiers are by.", "分层所用的价值。"), "money"),
    Column("share", _SHARE, Text("Of the whole.", "占全部。"), "share"),
    Column("cumulative_share", Text("Added up", "累计占比"), Text("With all before.", "含之前各位。"), "share"),
    Column("value", _VALUE, Text("So far.", "累计。"), "money"),
    Column("forecast_value", _FORECAST, Text("Over the horizon.", "预测期内。"), "money"),
)


def sheets(found: Tiers, book: Book, engine: Engine, run: Path, report: ValueReport) -> None:  # noqa: ARG001
    """The tiers, metals and tags with their definitions; the core customers."""
    sheet = book.sheet(TITLE, [22, 60, *(column.width for column in _PEOPLE)])
    sheet.line(book.say(sentence(found)))
    defined = [definition(found, place) for place in range(len(found.tiers))]
    _block(sheet, Text("Tier", "层级"), list(zip(found.tiers, defined, strict=True)))
    metals = [(one, class_definition(found, one.code)) for one in found.classes]
    _block(sheet, Text("Class", "类别"), metals)
    _block(sheet, Text("Tag", "标签"), [(one, tag_definition(found, one)) for one in found.tags])
    rows = core_rows(engine, run, book.listed)
    if not rows:
        return
    for row in rows:
        row["tier_name"] = book.say(found.titles.get(row["tier"]) or Text(row["tier"], row["tier"]))
        row["change_name"] = book.say(_CHANGES[row["change"]]) if row["change"] in _CHANGES else None
    listed = book.sheet(Text("Core customers", "核心客户"), [column.width for column in _CORE])
    listed.line(book.say(core_sentence(found)))
    listed.cut(len(rows), "core.parquet")
    label = Text("Core customers", "核心客户")
    fill_sheet(listed, _CORE, rows, count=len(rows), label=label, totals={}, shown={})


def _block(sheet: Sheet, title: Text, rows: list[tuple[Group, Text]]) -> None:
    book = sheet.book
    sheet.skip()
    sheet.heads([book.say(title), book.say(_WHO), *(book.say(column.title) for column in _PEOPLE)])
    for one, whom in rows:
        cells = [one.customers, one.amount, one.value, one.forecast]
        sheet.row([book.say(one.title), book.say(whom), *cells], ["text", "text", *(column.kind for column in _PEOPLE)])
