"""RFM on the page: the eleven groups with what to do about each, the grid, the eight classes, and who moved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from kezhi.engine import Engine
from kezhi.language import Text
from kezhi.reports import numbers
from kezhi.reports.columns import Column
from kezhi.reports.json_values import Json, day, money, number, text
from kezhi.reports.markup import Child, Html, Row, folded, joined, table, tag
from kezhi.reports.sections import Canvas, heading
from kezhi.reports.sections import section as titled
from kezhi.reports.workbook import Book, Sheet, write_rows
from kezhi.reports.worth.rfm_words import ADVICE, CLASS_ADVICE, MEANINGS, MEASURES, MONEY, WHY_TWINS
from kezhi.segments.rfm_grid import CLASS_OF, SCORES, cells_of

TITLE = Text("How recently, how often, how much (RFM)", "最近购买、购买频率与购买金额（RFM）")
_GROUP, _CUSTOMERS, _SHARE = Text("Group", "客户群"), Text("Customers", "客户数"), Text("Share", "占比")
_AMOUNT = Text("Purchases so far", "累计购买金额")
_AMOUNT_SHARE = Text("Share of purchases so far", "占累计购买金额")
_FORECAST = Text("Forecast value", "预测价值")
_CHANGE = Text("Against before", "较之前")
_TO_DO = Text("What to do", "建议")
_EXPLAINED = Text("What to do, and who they are", "建议与含义")
_NEW = Text("not yet a customer", "尚非客户")
_ALL = Text("All buyers", "全部购买者")


@dataclass(frozen=True)
class Group:
    """A group or class, or a cell of the grid: who is in it and what they bring."""

    code: str
    customers: int
    amount: Decimal
    forecast_value: Decimal


@dataclass(frozen=True)
class Score:
    """Who has a score: from which value to which; nobody where both are None."""

    score: int
    customers: int
    first: Decimal | None
    last: Decimal | None


@dataclass(frozen=True)
class Moves:
    """Where customers were at an earlier day, and how that is known."""

    source: str
    day: date | None
    customers: int
    moved: int
    segments: dict[tuple[str | None, str], int]
    classes: dict[tuple[str | None, str], int]

    def change(self, code: str) -> int:
        """How many more customers of those known then a group has now."""
        moves = self.segments | self.classes
        known = [(move, n) for move, n in moves.items() if move[0] is not None and code in move]
        return sum(n for move, n in known if move[1] == code) - sum(n for move, n in known if move[0] == code)


@dataclass(frozen=True)
class Twins:
    """The groups by what the model expects, and how many customers have another name by it."""

    segments: tuple[Group, ...]
    other_name: int
    once: int
    once_other_name: int


@dataclass(frozen=True)
class Rfm:
    """Everything a run knows of RFM."""

    customers: int
    money: str
    own: dict[str, bool]
    scores: dict[str, tuple[Score, ...]]
    cut_by: str
    cuts: dict[str, float]
    segments: tuple[Group, ...]
    classes: tuple[Group, ...]
    grid: dict[tuple[int, int], Group]
    previous: Moves | None
    model: Twins | None
    names: dict[str, Text]

    @property
    def amount(self) -> Decimal:
        """Of all customers with scores."""
        return sum((one.amount for one in self.segments), Decimal(0))


def build(engine: Engine, run: Path, facts: Json) -> Rfm | None:  # noqa: ARG001
    """The facts as frozen data; None where nobody has scores."""
    if not facts.get("customers"):
        return None
    model = facts.get("model")
    return Rfm(
        int(facts["customers"]),
        str(facts["money"]),
        {key: bool(one["own"]) for key, one in facts["scores"].items()},
        {key: tuple(_score(row) for row in one["scores"]) for key, one in facts["scores"].items()},
        str(facts["cuts"]["by"]),
        {key: float(facts["cuts"][key]) for key in "rfm"},
        tuple(map(_group, facts["segments"])),
        tuple(map(_group, facts["classes"])),
        {(int(row["r"]), int(row["fm"])): _group(row) for row in facts["grid"]},
        _moves(facts.get("previous")),
        Twins(
            tuple(map(_group, model["segments"])),
            *(int(model[name]) for name in ("other_name", "once", "once_other_name")),
        )
        if model
        else None,
        {code: text(name) or Text(code, code) for code, name in facts["names"].items()},
    )


def _group(row: Json) -> Group:
    return Group(
        str(row["code"]),
        int(row["customers"]),
        *(money(row[name]) or Decimal(0) for name in ("amount", "forecast_value")),
    )


def _score(row: Json) -> Score:
    return Score(int(row["score"]), int(row["customers"]), money(row["from"]), money(row["to"]))


def _moves(found: Json | None) -> Moves | None:
    if not found:
        return None
    tables = [
        {(row["before"], row["now"]): int(row["customers"]) for row in found[name]} for name in ("segments", "classes")
    ]
    return Moves(
        str(found["source"]), day(found["day"]), int(found["customers"]), int(found["moved"]), tables[0], tables[1]
    )


# --- the page ---------------------------------------------------------------------------------------------


def section(found: Rfm, report: Any, canvas: Canvas) -> Html:
    """The groups first, then the grid they stand on, the classes, and details folded."""
    return titled(
        canvas,
        TITLE,
        tag("p", canvas.say(sentence(found))),
        _previous_note(found, canvas),
        _segments(found, report, canvas),
        heading(canvas, Text("The grid", "网格")),
        tag("p", canvas.say(_GRID_NOTE), class_="soft"),
        _grid(found, canvas),
        folded(canvas.say(Text("Where each score ends", "各档得分的界限")), *_scores(found, canvas)),
        heading(canvas, Text("The eight classes", "八类客户")),
        tag("p", canvas.say(cut_sentence(found)), class_="soft"),
        _classes(found, report, canvas),
        *_movement(found, canvas),
        *_by_model(found, report, canvas),
        name="rfm",
    )


def sentence(found: Rfm) -> Text:
    """What this part is about, and the group that deserves a call first."""
    best = next(one for one in found.segments if one.code == "cant_lose")
    about = Text(
        "Each of the {customers} who ever bought is in exactly one of eleven groups, by how recently they bought (R), "
        "how often (F) and for how much (M), each scored from 1 to 5.",
        "{customers}有过购买，按最近一次购买的远近（R）、购买次数（F）和金额（M）各打 1 到 5 分，"
        "每位客户恰好属于十一个客户群之一。",
    )
    who = numbers.count_of_customers(found.customers)
    said = Text(about.en.format(customers=who.en), about.zh.format(customers=who.zh))
    if not best.customers:
        return said
    many = numbers.count_of_customers(best.customers)
    share = numbers.percent(_share(best.amount, found.amount))
    name = found.names["cant_lose"]
    return Text(
        f"{said.en} Call first: {name.en}, {many.en} with {share} of all purchases so far.",
        f"{said.zh}请先联系“{name.zh}”：{many.zh}，占累计购买金额的 {share}。",
    )


def previous_sentence(moves: Moves) -> Text:
    """How many are in another group than before, and how that is known."""
    said = Text(
        "{moved} of the {customers} who had bought by {day} are in another group now. ",
        "截至 {day} 已有购买的 {customers} 位客户中，{moved} 位现在属于另一个客户群。",
    )
    how = {
        "run": Text(
            "Their group then is the one that the run of that day recorded.", "当时的客户群取自那一天的运行结果。"
        ),
        "book": Text(
            "No earlier run by the same rules recorded a group, so it was worked out from this book, by what was known "
            "that day.",
            "没有按同样规则记录过客户群的更早运行，因此按本账簿中当天已知的情况重新计算。",
        ),
    }[moves.source]
    days = {language: numbers.day(moves.day, language) for language in ("en", "zh")}
    counts = {"moved": numbers.grouped(moves.moved), "customers": numbers.grouped(moves.customers)}
    return Text(said.en.format(day=days["en"], **counts) + how.en, said.zh.format(day=days["zh"], **counts) + how.zh)


_GRID_NOTE = Text(
    "The most recent buyers are on top, the most frequent and largest on the right. FM is half of F + M, rounded down. "
    "In each cell: the group, its customers there, and their share of all purchases so far.",
    "越往上越近期购买，越往右越频繁、金额越高。FM 为 F 与 M 之和的一半，向下取整。"
    "每格依次为：客户群、客户数、占累计购买金额的比例。",
)


def _share(part: Decimal, whole: Decimal) -> Decimal | None:
    return part / whole if whole > 0 else None


def _previous_note(found: Rfm, canvas: Canvas) -> Html:
    return tag("p", canvas.say(previous_sentence(found.previous)), class_="soft") if found.previous else Html("")


def place_of(code: str) -> str:
    """Where on the grid a group stands: R 2, FM 5; R 1, FM 4-5."""
    rows: dict[int, list[int]] = {}
    for r, fm in cells_of(code):
        rows.setdefault(r, []).append(fm)
    merged: dict[tuple[int, int], list[int]] = {}
    for r, columns in rows.items():
        merged.setdefault((min(columns), max(columns)), []).append(r)
    return "; ".join(f"R {_span(min(r), max(r))}, FM {_span(*ends)}" for ends, r in merged.items())


def _span(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}\u2013{last}"


def definition_of(code: str) -> Text:
    """A group's meaning with its place on the grid, or a class's by high and low."""
    if code in MEANINGS:
        place = place_of(code)
        return Text(f"{MEANINGS[code].en} {place}", MEANINGS[code].zh + place.replace(", ", "，").replace("; ", "；"))
    recent, often, much = next(key for key, name in CLASS_OF.items() if name == code)
    signs = "  ".join(f"{name} {'▲' if high else '▽'}" for name, high in zip("RFM", (recent, often, much), strict=True))
    words = (
        Text("bought recently" if recent else "not recently", "最近买过" if recent else "最近没买"),
        Text("often" if often else "seldom", "买得多" if often else "买得少"),
        Text("for much" if much else "for little", "花得多" if much else "花得少"),
    )
    en, zh = ", ".join(word.en for word in words), "、".join(word.zh for word in words)
    return Text(f"{signs}  " + en, f"{signs}  " + zh)


def _name(found: Rfm, code: str, canvas: Canvas) -> Html:
    return tag("span", canvas.say(found.names[code]), class_="strong")


def _explained(code: str, advice: Text, canvas: Canvas) -> Html:
    """What a group is, and below it what to do."""
    return joined([canvas.say(advice), tag("div", canvas.say(definition_of(code)), class_="soft")])


def _segments(found: Rfm, report: Any, canvas: Canvas) -> Html:
    return _groups(found, found.segments, ADVICE, report, canvas)


def _classes(found: Rfm, report: Any, canvas: Canvas) -> Html:
    return _groups(found, found.classes, CLASS_ADVICE, report, canvas)


def _groups(found: Rfm, groups: tuple[Group, ...], advice: Mapping[str, Text], report: Any, canvas: Canvas) -> Html:
    heads = [_GROUP, _CUSTOMERS, _SHARE, _AMOUNT_SHARE, _FORECAST]
    heads += [_CHANGE] if found.previous else []
    rows = []
    for one in groups:
        cells: list[Child] = [_name(found, one.code, canvas), *_figures(found, one, report, canvas)]
        if found.previous:
            cells.append(_signed(found.previous.change(one.code)))
        rows.append(Row([*cells, _explained(one.code, advice[one.code], canvas)]))
    whole = Group("", found.customers, found.amount, sum((one.forecast_value for one in groups), Decimal(0)))
    total: list[Child] = [canvas.say(_ALL), *_figures(found, whole, report, canvas)]
    rows.append(Row([*total, *([""] if found.previous else []), ""], "total"))
    return table([canvas.say(head) for head in (*heads, _EXPLAINED)], rows, range(1, len(heads)))


def _figures(found: Rfm, one: Group, report: Any, canvas: Canvas) -> list[Child]:
    return [
        numbers.grouped(one.customers),
        numbers.percent(one.customers / found.customers),
        numbers.percent(_share(one.amount, found.amount)),
        numbers.headline(one.forecast_value, report.currency, canvas.language),
    ]


def _signed(change: int) -> str:
    if not change:
        return "\u00b1 0"
    return f"{'▲' if change > 0 else '▽'} {numbers.grouped(abs(change))}"


def _grid(found: Rfm, canvas: Canvas) -> Html:
    heads = [canvas.say(Text("R (days)", "R（天数）")), *(f"FM {fm}" for fm in SCORES)]
    rows = []
    for r in reversed(SCORES):
        score = next(one for one in found.scores["r"] if one.score == r)
        label = [tag("span", f"R {r}", class_="strong"), tag("div", _range(score, 0), class_="soft")]
        rows.append(Row([joined(label), *(_cell(found, found.grid[r, fm], canvas) for fm in SCORES)]))
    return table(heads, rows, ())


def _cell(found: Rfm, one: Group, canvas: Canvas) -> Html:
    count = numbers.grouped(one.customers)
    share = numbers.percent(_share(one.amount, found.amount))
    name = canvas.say(found.names[one.code])
    if not one.customers:
        return tag("span", name, class_="soft")
    return joined([name, tag("div", tag("span", count, class_="strong"), f" \u00b7 {share}")])


def _range(one: Score, digits: int) -> str:
    if one.first is None or one.last is None:
        return numbers.ABSENT
    first, last = (numbers.grouped(value, digits) for value in (one.first, one.last))
    return first if first == last else f"{first}\u2013{last}"


def _scores(found: Rfm, canvas: Canvas) -> list[Html]:
    heads = [canvas.say(Text("Score", "得分"))]
    kinds = [(key, {**MEASURES, "m": MONEY[found.money]}[key], 2 if key == "m" else 0) for key in "rfm"]
    for _, title, _ in kinds:
        heads += [canvas.say(title), canvas.say(_CUSTOMERS)]
    rows = []
    for place, score in enumerate(reversed(SCORES)):
        cells: list[Child] = [str(score)]
        for key, _, digits in kinds:
            one = found.scores[key][place]
            cells += [_range(one, digits), numbers.grouped(one.customers)]
        rows.append(Row(cells))
    return [table(heads, rows, range(1, len(heads))), tag("p", canvas.say(scores_sentence(found)), class_="soft")]


def scores_sentence(found: Rfm) -> Text:
    """How the edges came about, and why a score may have nobody."""
    said = Text(
        "Edges part the buyers into fifths where values allow it. Whoever has the same value has the same score, so "
        "fifths need not be equal, and where many have the same value (one purchase, say) a score may have nobody.",
        "界限把购买者尽量五等分。数值相同者得分必相同，因此各档人数不一定相等；许多客户数值相同时（例如都只买过一次），"
        "某些得分可能没有人。",
    )
    own = [key.upper() for key in "rfm" if found.own[key]]
    if not own:
        return said
    listed = ", ".join(own)
    given = Text(f" The edges of {listed} are those of the settings.", f"{listed} 的界限由设置给定。")
    return given if len(own) == len("rfm") else Text(said.en + given.en, said.zh + given.zh)


def cut_sentence(found: Rfm) -> Text:
    """From where on each of the three is high."""
    days = numbers.grouped(found.cuts["r"], 0 if found.cuts["r"] == int(found.cuts["r"]) else 1)
    often = numbers.grouped(found.cuts["f"], 0 if found.cuts["f"] == int(found.cuts["f"]) else 2)
    much = numbers.grouped(found.cuts["m"], 2)
    if found.cut_by == "fixed":
        return Text(
            f"High (▲) is, by the settings: the last purchase at most {days} days ago, at least {often} purchases, "
            f"M of at least {much}.",
            f"高（▲）按设置为：最近一次购买距今不超过 {days} 天，购买不少于 {often} 次，M 不低于 {much}。",
        )
    by = {"mean": Text("mean", "平均值"), "median": Text("median", "中位数")}[found.cut_by]
    return Text(
        f"High (▲) is better than the {by.en} of all buyers: the last purchase at most {days} days ago, more than "
        f"{often} purchases, M above {much}.",
        f"高（▲）指优于全部购买者的{by.zh}：最近一次购买距今不超过 {days} 天，购买多于 {often} 次，M 高于 {much}。",
    )


def _movement(found: Rfm, canvas: Canvas) -> list[Html]:
    moves = found.previous
    if moves is None:
        return []
    codes = [one.code for one in found.segments]
    heads = [canvas.say(Text("Then (down), now (across)", "当时（行），现在（列）"))]
    heads += [canvas.say(found.names[code]) for code in codes]
    rows = []
    for then in (*codes, None):
        label = canvas.say(found.names[then] if then else _NEW)
        counts = [moves.segments.get((then, now), 0) for now in codes]
        if then is None and not any(counts):
            continue
        cells = [
            tag("span", numbers.grouped(n), class_="strong") if then == now else numbers.grouped(n) if n else ""
            for now, n in zip(codes, counts, strict=True)
        ]
        rows.append(Row([label, *cells], "apart" if then is None else None))
    title = Text("Who moved from where to where", "谁从哪个客户群移到了哪个")
    return [folded(canvas.say(title), table(heads, rows, range(1, len(heads))))]


def _by_model(found: Rfm, report: Any, canvas: Canvas) -> list[Html]:
    if found.model is None:
        return []
    twins = found.model
    said = Text(
        "{other} of all buyers, and {once_other} of the {once} one-time buyers, have another group by it.",
        "按此，全部购买者中有 {other} 位、{once} 位一次性购买者中有 {once_other} 位属于另一个客户群。",
    )
    counts = {"other": twins.other_name, "once": twins.once, "once_other": twins.once_other_name}
    title = Text("The groups by what is expected", "按预期划分的客户群")
    heads = [canvas.say(head) for head in (_GROUP, _CUSTOMERS, _SHARE, _AMOUNT_SHARE, _FORECAST)]
    rows = [
        Row([_name(found, one.code, canvas), *_figures(found, one, report, canvas)])
        for one in twins.segments
        if one.customers
    ]
    return [
        heading(canvas, Text("The same groups by what is expected", "按预期划分的同样客户群")),
        tag("p", canvas.say(WHY_TWINS), class_="soft"),
        tag("p", canvas.say(said, **{name: numbers.grouped(value) for name, value in counts.items()})),
        folded(canvas.say(title), table(heads, rows, range(1, 5))),
    ]


# --- the workbook -----------------------------------------------------------------------------------------

_LISTED: tuple[Column, ...] = (
    Column("customer_id", Text("Customer id", "客户编号"), Text("", ""), "text"),
    Column("name", Text("Name", "客户名称"), Text("", ""), "text"),
    Column("r_score", Text("R", "R"), Text("", ""), "count"),
    Column("f_score", Text("F", "F"), Text("", ""), "count"),
    Column("m_score", Text("M", "M"), Text("", ""), "count"),
    Column("rfm_segment", Text("Group", "客户群"), Text("", ""), "text"),
    Column("rfm_segment_previous", Text("Group before", "之前的客户群"), Text("", ""), "text"),
    Column("rfm_class", Text("Class", "类别"), Text("", ""), "text"),
    Column("rfm_class_previous", Text("Class before", "之前的类别"), Text("", ""), "text"),
    Column("last_purchase", Text("Last purchase", "最近购买"), Text("", ""), "day"),
    Column("purchases", Text("Purchases", "购买次数"), Text("", ""), "count"),
    Column("amount", _AMOUNT, Text("", ""), "money"),
    Column("forecast_value", _FORECAST, Text("", ""), "money"),
)
_KINDS = ("text", "count", "share", "money", "share", "money", "text", "text")


def sheets(found: Rfm, book: Book, engine: Engine, run: Path, report: Any) -> None:
    """The groups, the grid and the classes; and the first customers with scores, group and class."""
    del report
    sheet = book.sheet(Text("RFM", "RFM 分群"), [24, 12, 12, 18, 12, 18, 44, 44])
    sheet.line(book.say(sentence(found)))
    if found.previous:
        sheet.line(book.say(previous_sentence(found.previous)))
    _sheet_groups(sheet, found, found.segments, ADVICE)
    _sheet_grid(sheet, found)
    sheet.skip()
    sheet.line(book.say(cut_sentence(found)))
    _sheet_groups(sheet, found, found.classes, CLASS_ADVICE)
    _customers(found, book, engine, run)


def _sheet_groups(sheet: Sheet, found: Rfm, groups: tuple[Group, ...], advice: Mapping[str, Text]) -> None:
    book = sheet.book
    sheet.skip()
    heads = (
        *(_GROUP, _CUSTOMERS, _SHARE, _AMOUNT, _AMOUNT_SHARE, _FORECAST),
        *(Text("What it is", "含义"), _TO_DO),
    )
    sheet.heads(book.say(head) for head in heads)
    for one in groups:
        values = (
            *(book.say(found.names[one.code]), one.customers, one.customers / found.customers),
            *(one.amount, number(_share(one.amount, found.amount)), one.forecast_value),
            *(book.say(definition_of(one.code)), book.say(advice[one.code])),
        )
        sheet.row(values, _KINDS)


def _sheet_grid(sheet: Sheet, found: Rfm) -> None:
    book = sheet.book
    sheet.skip()
    sheet.line(book.say(Text("Customers on the grid; FM is half of F + M, rounded down.",
                             "网格中的客户数；FM 为 F 与 M 之和的一半，向下取整。")))  # fmt: skip
    sheet.heads(["", *(f"FM {fm}" for fm in SCORES)])
    for r in reversed(SCORES):
        sheet.row([f"R {r}", *(found.grid[r, fm].customers for fm in SCORES)], ["text", *["count"] * len(SCORES)])


def _customers(found: Rfm, book: Book, engine: Engine, run: Path) -> None:
    import ibis

    rows = engine.read_parquet(run / "customers.parquet").filter(lambda t: t.rfm_segment.notnull())
    best = rows.order_by([ibis.desc("forecast_value"), "customer_id"]).limit(book.listed)
    listed = engine.fetch(best.select(*(column.field for column in _LISTED))).to_pylist()
    coded = [column.field for column in _LISTED if column.field.startswith("rfm_")]
    sheet = book.sheet(Text("RFM customers", "RFM 客户"), [column.width for column in _LISTED])
    sheet.cut(len(listed), "customers.parquet")
    first = sheet.next
    sheet.heads(column.title.to(book.language) for column in _LISTED)
    sheet.sheet.freeze_panes(sheet.next, 1)
    sheet.sheet.autofilter(first, 0, first + max(len(listed), 1), len(_LISTED) - 1)
    for row in listed:
        row |= {name: book.say(found.names[row[name]]) for name in coded if row[name] is not None}
    write_rows(sheet, _LISTED, listed)
