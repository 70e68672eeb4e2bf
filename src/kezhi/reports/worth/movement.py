"""Movement in the report: who rose, fell, came and went between two days, and what they bring."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from kezhi.engine import Engine
from kezhi.language import Language, Text
from kezhi.reports import numbers
from kezhi.reports.figures import ACCENT, INTERVAL, OBSERVED, plain
from kezhi.reports.markup import Child, Html, Row, bullets, folded, joined, table, tag, who
from kezhi.reports.names import with_names
from kezhi.reports.plot import Drawn, Plot
from kezhi.reports.sections import Canvas, grid, heading
from kezhi.reports.sections import section as titled
from kezhi.segments.movement import FILE, GONE, NOT_YET, SILENT, move_of, titles_of_a_run

SHOWN = 10
ARROWS = {"up": "▲", "down": "▼", "new": "✚", "gone": "✕", "same": "=", "other": "↔"}
MOVES = {
    "up": Text("rose", "上升"),
    "down": Text("fell", "下降"),
    "new": Text("new", "新客户"),
    "gone": Text("no longer in the data", "已不在数据中"),
    "same": Text("stayed", "未变"),
    "other": Text("changed class", "类别变动"),
}
STATES = {
    NOT_YET: Text("Not yet a customer", "尚不是客户"),
    GONE: Text("No longer in the data", "已不在数据中"),
    SILENT: Text("Nothing bought", "没有购买"),
    "none": Text("In no class", "未归类"),
}
LABELS = {
    "runs": Text("Against the run of {first}", "与截至 {first} 的运行结果相比"),
    "log": Text("Within this log: {first} against {last}", "仅据本日志：{first} 与 {last} 相比"),
}
RUNS = Text(
    "The tier that run {run} recorded, as of {first}, against the tier of this run, as of {last}. What they bring is "
    "the gross profit of the last 12 complete months up to each of the two days.",
    "运行结果 {run}（截至 {first}）记录的层级，与本次（截至 {last}）的层级相比。“带来的毛利”为截至两个日期的最近 12 个"
    "完整月的毛利。",
)
MADE_AGAIN = Text(
    "That run recorded no tiers; today's rule was applied to its forecast.",
    "该次运行没有记录层级；此处按今天的规则、用其当时的预测重新分层。",
)
LOG = Text(
    "Customers who bought in the {periods} up to {last}, put into the pyramid by their gross profit of those months, "
    "against the {periods} up to {first}. This needs no earlier run and is not the tier of today's list, which may "
    "look ahead. “{silent}” are customers from before who bought nothing in those months.",
    "将截至 {last} 的 {periods}内有购买的客户，按这段时间的毛利分层，并与截至 {first} 的 {periods}相比。"
    "无需以前的运行结果；与今天名单中的层级（可能按预测划分）不同。“{silent}”指以前买过、但这段时间内没有购买的客户。",
)
FLOWS = Text(
    "Left: the tier on {first}; right: on {last}. Blue rose (▲), orange fell (▼). Who stayed or is new is in the "
    "table only.",
    "左：{first} 的层级；右：{last} 的层级。蓝色为上升（▲），橙色为下降（▼）。未变动的和新客户只列在表中。",
)
DIFFERS = Text(
    "Careful: these settings were different in the earlier run, and part of the movement comes from that: {names}.",
    "请注意：以下设置在以前的运行中不同，部分变动由此产生：{names}。",
)
WHY_NOT = {
    ("runs", "no_run"): Text(
        "There is no earlier run of an earlier day yet. Run again next month, and the tiers recorded today will be "
        "compared with those of then.",
        "尚无更早日期的运行结果。下个月再运行一次，即可与今天记录的层级比较。",
    ),
    ("runs", "no_tiers"): Text(
        "The earlier run recorded no tiers that can be compared with today's.",
        "以前的运行结果没有可与今天比较的层级记录。",
    ),
    ("log", "history"): Text(
        "The log holds fewer than two complete periods with purchases, so that nothing can be compared within it.",
        "日志中完整的期不足两期，无法在日志内比较。",
    ),
}
_CUSTOMERS = Text("Customers", "客户数")
_BEFORE, _NOW = Text("Gross profit before", "此前毛利"), Text("Gross profit now", "现在毛利")
_CHANGE, _FORECAST = Text("Change", "变化"), Text("Forecast", "预测毛利")


@dataclass(frozen=True)
class Matrix:
    """One comparison: its facts, and the customers who matter most in it."""

    facts: dict[str, Any]
    fallen: tuple[dict[str, Any], ...]
    down: tuple[dict[str, Any], ...]
    up: tuple[dict[str, Any], ...]

    @property
    def tiers(self) -> bool:
        """Is it about tiers, which have an order?"""
        return bool(self.facts["by"] == "tier")

    def cell(self, before: str, after: str) -> dict[str, Any] | None:
        """One cell of the matrix; None where nobody is in it."""
        return next((one for one in self.facts["cells"] if (one["before"], one["after"]) == (before, after)), None)


@dataclass(frozen=True)
class Movement:
    """The comparisons, what each group is called, and why one of them is missing."""

    matrices: tuple[Matrix, ...]
    names: dict[str, Text]
    left_out: tuple[tuple[str, str], ...]

    def name(self, state: str) -> Text:
        """A group's name; its code where nobody knows it."""
        return self.names.get(state) or Text(state, state)


def build(engine: Engine, run: Path, facts: Mapping[str, Any]) -> Movement | None:
    """The matrices with the largest movers; None where nothing was compared."""
    if not facts.get("matrices"):
        return None
    matrices = tuple(_matrix(engine, run, one) for one in facts["matrices"])
    left_out = tuple((one["source"], one["reason"]) for one in facts["left_out"])
    return Movement(matrices, titles_of_a_run(run) | STATES, left_out)


def _matrix(engine: Engine, run: Path, facts: Mapping[str, Any]) -> Matrix:
    if facts["by"] != "tier":
        return Matrix(dict(facts), (), (), ())
    rows = engine.read_parquet(run / FILE)
    mine = rows.filter(rows.source == facts["source"])
    return Matrix(
        dict(facts),
        _most(engine, run, mine.filter(mine.before == "vip")),
        _most(engine, run, mine.filter(mine.direction.isin(("down", "gone")))),
        _most(engine, run, mine.filter(mine.direction == "up"), gained=True),
    )


def _most(engine: Engine, run: Path, rows: Any, *, gained: bool = False) -> tuple[dict[str, Any], ...]:
    """Those who lost most, or gained most, with their names."""
    import ibis

    order = [ibis.desc("change") if gained else ibis.asc("change"), "customer_id"]
    first = rows.filter(rows.change.notnull()).order_by(order).limit(SHOWN)
    told = with_names(engine, run, first).order_by(order)
    wanted = ("customer_id", "name", "before", "after", "value_before", "value", "change", "forecast_value")
    return tuple(engine.fetch(told.select(*wanted)).to_pylist())


# --- the page ---------------------------------------------------------------------------------------------


def section(found: Movement, report: Any, canvas: Canvas) -> Html:
    """Each comparison with its definition, figure and table; then what is missing and why."""
    title = Text("Movement between tiers", "客户层级变动")
    said = Text(
        "Who rose into a better tier and who fell out of one between two days, and what these customers bring: ask "
        "first about those who fell from the top.",
        "两个日期之间，哪些客户升入更高层级、哪些跌落，以及他们带来多少毛利：请先关注从最高层级跌落的客户。",
    )
    parts = [_comparison(one, found, report, canvas) for one in found.matrices if one.tiers]
    parts += [_classes(one, found, canvas) for one in found.matrices if not one.tiers]
    missing = [canvas.say(WHY_NOT[why]) for why in found.left_out if why in WHY_NOT]
    return titled(
        canvas, title, tag("p", canvas.say(said), class_="soft"), *parts, bullets(missing, "soft"), name="movement"
    )


def _days(one: Matrix, canvas: Canvas) -> dict[str, str]:
    days = {"first": one.facts["from"], "last": one.facts["until"]}
    return {name: numbers.day(date.fromisoformat(str(day)), canvas.language) for name, day in days.items()}


def _comparison(one: Matrix, found: Movement, report: Any, canvas: Canvas) -> Html:
    name = f"figure-movement-{one.facts['source']}"
    describe = Text(
        "Flow chart of customers who changed tier; the same figures follow as a table.",
        "层级变动流向图，数据见下表。",
    )
    figure: Child = None
    if _flowing(one):
        drawn = canvas.place(name, flows.plain(found, one, canvas.language), describe, "low")
        figure = joined([drawn, tag("p", canvas.say(FLOWS, **_days(one, canvas)), class_="soft")])
    return joined(
        [
            heading(canvas, _label(one, canvas)),
            tag("p", _definition(one, found, report, canvas), class_="soft"),
            _moves(one, report, canvas),
            figure,
            folded(canvas.say(Text("The figures as a table", "查看数据表")), _grid(one, found, canvas),
                   _worth(one, found, report, canvas)),
            _fallen(one, found, canvas),
            _largest(one, found, canvas),
        ]
    )  # fmt: skip


def _label(one: Matrix, canvas: Canvas) -> Text:
    said = LABELS[one.facts["source"]].fill(**_days(one, canvas))
    return Text(said.en, said.zh)


def _definition(one: Matrix, found: Movement, report: Any, canvas: Canvas) -> str:
    days = _days(one, canvas)
    if one.facts["source"] == "log":
        periods = numbers.count_of_periods(one.facts["periods"], report.period, canvas.language)
        said = [canvas.say(LOG, **days, periods=periods, silent=canvas.say(found.name(SILENT)))]
    else:
        said = [canvas.say(RUNS, **days, run=one.facts["run"])]
        said += [] if one.facts["recorded"] else [canvas.say(MADE_AGAIN)]
    if one.facts["differs"]:
        listed = canvas.say(Text(", ", "、")).join(one.facts["differs"])
        said.append(canvas.say(DIFFERS, names=listed))
    return canvas.say(Text(" ", "")).join(said)


def _money(value: Any, report: Any, canvas: Canvas) -> str:
    return numbers.headline(None if value is None else Decimal(str(value)), report.currency, canvas.language)


def _less(now: Any, before: Any) -> Decimal | None:
    return None if now is None or before is None else Decimal(str(now)) - Decimal(str(before))


def _signed(value: Decimal | None, shown: str) -> str:
    return f"+{shown}" if value is not None and value > 0 else shown


def _moves(one: Matrix, report: Any, canvas: Canvas) -> Html:
    """How many rose, fell, came and went, and by how much their gross profit changed."""
    rows = []
    for move in one.facts["moves"]:
        change = _less(move["value"], move["value_before"])
        rows.append(
            Row(
                [
                    tag("span", f"{ARROWS[move['move']]} {canvas.say(MOVES[move['move']])}", class_="strong"),
                    numbers.grouped(move["customers"]),
                    numbers.percent(move["customers"] / one.facts["customers"], 1),
                    _money(move["value_before"], report, canvas),
                    _money(move["value"], report, canvas),
                    _signed(change, _money(change, report, canvas)),
                    _money(move["forecast_value"], report, canvas),
                ]
            )
        )
    heads = (Text("Movement", "变动"), _CUSTOMERS, Text("Share of all", "占全部"), _BEFORE, _NOW, _CHANGE, _FORECAST)
    return grid(canvas, heads, rows)


@Drawn
def flows(found: Movement, one: Matrix, language: Language) -> Plot:
    """Who moved from which tier on the left to which on the right; who stayed or is new is left to the table."""
    figure = plain()
    cells = _flowing(one)
    left, right = (
        [row["state"] for row in one.facts[side] if any(cell[end] == row["state"] for cell in cells)]
        for side, end in (("rows", "before"), ("columns", "after"))
    )
    height = 60 + 40 * max(len(left), len(right))
    unit = Text("customers", "位客户").to(language)
    figure.add_sankey(
        arrangement="fixed",
        node={
            "label": [found.name(state).to(language) for state in (*left, *right)],
            "x": [_EDGE] * len(left) + [1 - _EDGE] * len(right),
            "y": _middles(cells, "before", left, _PAD / height) + _middles(cells, "after", right, _PAD / height),
            "color": OBSERVED,
            "pad": _PAD,
            "thickness": 12,
            "line": {"width": 0},
            "hovertemplate": "%{label}: %{value:,}<extra></extra>",
        },
        link={
            "source": [left.index(cell["before"]) for cell in cells],
            "target": [len(left) + right.index(cell["after"]) for cell in cells],
            "value": [cell["customers"] for cell in cells],
            "color": [_COLOURS[_move(one, cell)] for cell in cells],
            "customdata": [ARROWS[_move(one, cell)] for cell in cells],
            "hovertemplate": f"%{{customdata}} %{{source.label}} → %{{target.label}}: %{{value:,}} {unit}"
            "<extra></extra>",
        },
        textfont={"color": "#6f757d", "size": 12, "shadow": "none"},
    )
    figure.update_layout(height=height)
    return figure


_PAD, _EDGE = 16, 0.001


def _flowing(one: Matrix) -> list[dict[str, Any]]:
    """The cells of those who were there before and are somewhere else now."""
    return [cell for cell in one.facts["cells"] if cell["before"] not in (cell["after"], NOT_YET)]


def _middles(cells: list[dict[str, Any]], end: str, states: list[str], pad: float) -> list[float]:
    """Where the groups of one side are, from top to bottom in the order of the tiers; 0 is the top, 1 the bottom."""
    sizes = [sum(cell["customers"] for cell in cells if cell[end] == state) for state in states]
    room, top, found = max(1.0 - pad * (len(states) - 1), 0.1), 0.0, []
    for size in sizes:
        tall = room * size / sum(sizes)
        found.append(min(max(top + tall / 2, _EDGE), 1 - _EDGE))
        top += tall + pad
    return found


_FAINT = 0.45
_COLOURS = {
    move: f"rgba({int(colour[1:3], 16)}, {int(colour[3:5], 16)}, {int(colour[5:7], 16)}, {_FAINT})"
    for move, colour in {
        **dict.fromkeys(("up", "new"), ACCENT),
        **dict.fromkeys(("down", "gone"), INTERVAL),
        **dict.fromkeys(("same", "other"), OBSERVED),
    }.items()
}


def _move(one: Matrix, cell: Mapping[str, Any]) -> str:
    return move_of(cell["before"], cell["after"], ranked=one.tiers)


def _grid(one: Matrix, found: Movement, canvas: Canvas) -> Html:
    """The matrix: customers with their share of the tier at the first day, and of all customers."""
    columns = [row["state"] for row in one.facts["columns"]]
    heads = [canvas.say(Text("from ↓ to →", "从 ↓ 到 →")), *(canvas.say(found.name(state)) for state in columns)]
    heads.append(canvas.say(Text("All", "合计")))
    rows = []
    for row in one.facts["rows"]:
        cells: list[Child] = [_cell(one, row["state"], state) for state in columns]
        rows.append(Row([canvas.say(found.name(row["state"])), *cells, numbers.grouped(row["customers"])]))
    sums = [numbers.grouped(row["customers"]) for row in one.facts["columns"]]
    rows.append(Row([canvas.say(Text("All", "合计")), *sums, numbers.grouped(one.facts["customers"])], "total"))
    said = Text(
        "Customers; below them the share of the line, then of all customers.",
        "客户数；下方依次为占该行的比例和占全部客户的比例。",
    )
    return joined([tag("p", canvas.say(said), class_="soft"), table(heads, rows, range(1, len(heads)))])


def _cell(one: Matrix, before: str, after: str) -> Html | str:
    cell = one.cell(before, after)
    if cell is None:
        return ""
    shares = f"{numbers.percent(cell['share_of_before'])} · {numbers.percent(cell['share_of_all'], 1)}"
    arrow = ARROWS[_move(one, cell)] if one.tiers else ""
    arrow = arrow if arrow in ("▲", "▼") else ""
    return joined([f"{arrow} {numbers.grouped(cell['customers'])}".strip(), tag("div", shares, class_="id")])


def _worth(one: Matrix, found: Movement, report: Any, canvas: Canvas) -> Html:
    """What is at stake in every cell."""
    rows = []
    for cell in one.facts["cells"]:
        change = _less(cell["value"], cell["value_before"])
        move = ARROWS[_move(one, cell)]
        rows.append(
            Row(
                [
                    f"{move} {canvas.say(found.name(cell['before']))} → {canvas.say(found.name(cell['after']))}",
                    numbers.grouped(cell["customers"]),
                    _money(cell["value_before"], report, canvas),
                    _money(cell["value"], report, canvas),
                    _signed(change, _money(change, report, canvas)),
                    _money(cell["forecast_value"], report, canvas),
                ]
            )
        )
    heads = (Text("From and to", "从何到何"), _CUSTOMERS, _BEFORE, _NOW, _CHANGE, _FORECAST)
    return grid(canvas, heads, rows)


def _fallen(one: Matrix, found: Movement, canvas: Canvas) -> Html | None:
    """Who fell out of the best tier, and what they used to bring."""
    if not one.fallen:
        return None
    names = {"tier": canvas.say(found.name("vip")), "first": _days(one, canvas)["first"]}
    said = Text(
        "No longer {tier}: who was in the top tier on {first}, by gross profit lost",
        "不再是“{tier}”：{first} 位于最高层级的客户，按减少的毛利排列",
    )
    return joined([tag("h4", canvas.say(said, **names)), _list(one.fallen, found, canvas)])


def _largest(one: Matrix, found: Movement, canvas: Canvas) -> Html:
    parts: list[Child] = []
    for title, rows in (
        (Text("▼ Lost most gross profit", "▼ 毛利减少最多"), one.down),
        (Text("▲ Gained most gross profit", "▲ 毛利增加最多"), one.up),
    ):
        if rows:
            parts += [heading(canvas, title), _list(rows, found, canvas)]
    return folded(canvas.say(Text("The largest movers", "变动最大的客户")), *parts) if parts else Html("")


def _list(rows: tuple[dict[str, Any], ...], found: Movement, canvas: Canvas) -> Html:
    heads = (Text("Customer", "客户"), Text("From", "从"), Text("To", "到"), _BEFORE, _NOW, _CHANGE, _FORECAST)
    return grid(canvas, heads, [_customer(row, found, canvas) for row in rows])


def _customer(row: Mapping[str, Any], found: Movement, canvas: Canvas) -> Row:
    money = [numbers.grouped(row[name]) for name in ("value_before", "value")]
    change = _signed(row["change"], numbers.grouped(row["change"]))
    states = [canvas.say(found.name(row[name])) for name in ("before", "after")]
    return Row([who(row["customer_id"], row["name"]), *states, *money, change, numbers.grouped(row["forecast_value"])])


def _classes(one: Matrix, found: Movement, canvas: Canvas) -> Html:
    said = Text("RFM classes: {first} against {last}", "RFM 类别变动：{first} 与 {last} 相比")
    return folded(canvas.say(said, **_days(one, canvas)), _grid(one, found, canvas))


# --- the workbook -----------------------------------------------------------------------------------------

_COLUMNS: tuple[tuple[str, Text, int, str], ...] = (
    ("source", Text("Compared", "比较方式"), 14, "source"),
    ("customer_id", Text("Customer id", "客户编号"), 18, "text"),
    ("name", Text("Name", "客户名称"), 20, "text"),
    ("direction", Text("Movement", "变动"), 12, "move"),
    ("before", Text("From", "从"), 16, "state"),
    ("after", Text("To", "到"), 16, "state"),
    ("value_before", _BEFORE, 16, "money"),
    ("value", _NOW, 16, "money"),
    ("change", _CHANGE, 16, "money"),
    ("forecast_before", Text("Forecast then", "当时预测"), 16, "money"),
    ("forecast_value", _FORECAST, 16, "money"),
)
_SOURCES = {"runs": Text("earlier run", "以前的运行"), "log": Text("within the log", "日志之内")}


def sheets(found: Movement, book: Any, engine: Engine, run: Path, report: Any) -> None:
    """One sheet with the customers who moved, those who lost most first."""
    del report
    rows = engine.read_parquet(run / FILE)
    sheet = book.sheet(Text("Movement", "层级变动"), [width for _, _, width, _ in _COLUMNS])
    moved = engine.row(rows.aggregate(customers=rows.count()))["customers"]
    said = Text(
        "{count} of {all} movements, the largest losses of gross profit first. The full table: movement.parquet in the "
        "run folder.",
        "共 {all} 条变动，列出 {count} 条，毛利减少最多者在前。完整数据见运行文件夹中的 movement.parquet。",
    )
    count = min(moved, book.listed)
    sheet.line(book.say(said, count=f"{count:,}", all=f"{moved:,}"))
    first = sheet.next
    sheet.heads([book.say(title) for _, title, _, _ in _COLUMNS])
    sheet.sheet.freeze_panes(sheet.next, 2)
    sheet.sheet.autofilter(first, 0, first + max(count, 1), len(_COLUMNS) - 1)
    order = [rows.change.asc(nulls_first=False), "source", "customer_id"]
    told = with_names(engine, run, rows.order_by(order).limit(book.listed))
    told = told.order_by([told.change.asc(nulls_first=False), "source", "customer_id"])
    words: dict[str, Any] = {
        "source": lambda value: book.say(_SOURCES[value]),
        "move": lambda value: f"{ARROWS[value]} {book.say(MOVES[value])}",
        "state": lambda value: book.say(found.name(value)),
    }
    kinds = [kind if kind == "money" else "text" for *_, kind in _COLUMNS]
    for row in engine.fetch(told.select(*(name for name, *_ in _COLUMNS))).to_pylist():
        values = [words[kind](row[name]) if kind in words else row[name] for name, _, _, kind in _COLUMNS]
        sheet.row(values, kinds)
