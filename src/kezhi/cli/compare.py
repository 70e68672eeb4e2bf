"""kezhi compare: what changed from one run to another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kezhi.cli.options import AsJson, Lang, speak
from kezhi.cli.screen import Heads, count, print_json, say, screen, share, table, whole
from kezhi.language import Text

if TYPE_CHECKING:
    from kezhi.comparing import Change, Compared, Figure

HELP = "What changed from one run to another: totals, tiers, customers. / 比较两次运行：总额、层级和客户的变化。"
FIGURES = {
    "customers": Text("customers", "客户数"),
    "purchases": Text("purchases", "购买次数"),
    "amount": Text("purchase amount", "购买金额"),
    "cost": Text("product cost", "产品成本"),
    "expense": Text("relationship expense", "关系营销费用"),
    "value": Text("gross profit so far", "累计毛利"),
    "forecast_amount": Text("forecast amount", "预测金额"),
    "forecast_value": Text("forecast gross profit", "预测毛利"),
}
STATES = {
    "not_yet": Text("not in the first", "第一次中没有"),
    "gone": Text("not in the second", "第二次中没有"),
    "none": Text("in no class", "未归类"),
}
HEAD = Text(
    "From {before} (as of {first}) to {after} (as of {last})", "从 {before}（截至 {first}）到 {after}（截至 {last}）"
)
NEW_AND_GONE = Text(
    "{new} customers are in the second run only (gross profit so far {new_value}, forecast {new_forecast}); {gone} are "
    "in the first only (gross profit so far {gone_value}, forecast {gone_forecast}).",
    "仅在第二次运行中的客户 {new} 位（累计毛利 {new_value}，预测 {new_forecast}）；仅在第一次运行中的 {gone} 位"
    "（累计毛利 {gone_value}，预测 {gone_forecast}）。",
)
NOTHING = Text("No setting differs.", "设置没有差别。")
_BOTH: Heads = [(Text("first", "第一次"), "right"), (Text("second", "第二次"), "right")]


def command(
    before: Annotated[str, typer.Argument(help="A run's name, its folder, or latest. / 运行名、文件夹或 latest。")],
    after: Annotated[str, typer.Argument(help="The run to compare it with. / 与之比较的运行。")] = "latest",
    workspace: Annotated[Path, typer.Option("--workspace", help="The company's folder. / 工作区文件夹。")] = Path(),
    top: Annotated[int, typer.Option("--top", metavar="N", help="Customers to list. / 列出多少位客户。")] = 10,
    json: AsJson = False,
    lang: Lang = None,
) -> None:
    """Nothing is written; both runs stay as they are."""
    speak(lang, programs=json)
    from kezhi.comparing import compare

    found = compare(before, after, workspace=workspace, top=top)
    if json:
        print_json(found.as_dict())
        return
    console = screen()
    one, two = found.before, found.after
    say(console, HEAD.fill(before=one.run, first=one.as_of, after=two.run, last=two.as_of))
    for note in found.notes:
        say(console, f"! {note}")
    for printed in _tables(found):
        console.print(printed)
    new = {f"new_{name}": whole(found.new[given]) for name, given in _NAMES}
    gone = {f"gone_{name}": whole(found.gone[given]) for name, given in _NAMES}
    counts = {"new": count(found.new["customers"]), "gone": count(found.gone["customers"])}
    say(console, NEW_AND_GONE.fill(**counts, **new, **gone))
    if not found.settings:
        say(console, NOTHING)


_NAMES = (("value", "value"), ("forecast", "forecast_value"))


def _tables(found: Compared) -> Iterator[Any]:
    if found.settings:
        heads: Heads = [(Text("setting", "设置项"), "left"), (Text("first", "第一次"), "left"),
                        (Text("second", "第二次"), "left")]  # fmt: skip
        rows = [[one.name, _shown(one.before), _shown(one.after)] for one in found.settings]
        yield table(Text("Settings that differ", "不同的设置"), heads, rows)
    yield _figures(Text("Totals", "总额"), found.totals)
    if found.forecast:
        yield _figures(Text("Forecast gross profit of the periods in both", "两次都有的期的预测毛利"), found.forecast)
    titles = {"tier": Text("Tiers: from (rows) to (columns)", "层级：从（行）到（列）"),
              "rfm_segment": Text("RFM classes: from and to", "RFM 类别：从与到")}  # fmt: skip
    for name, matrix in found.groups.items():
        if name == "tier":
            yield _grid(titles[name], matrix, found.names)
        else:
            yield _moved(titles[name], matrix, found.names)
    for title, changes in (
        (Text("Gross profit so far: the largest changes", "累计毛利：变化最大的客户"), found.value_changes),
        (Text("Forecast: the largest changes", "预测毛利：变化最大的客户"), found.forecast_changes),
    ):
        if changes:
            yield _changes(title, changes)


def _shown(value: Any) -> str:
    return "–" if value is None else str(value)


def _figures(title: Text, figures: tuple[Figure, ...]) -> Any:
    heads: Heads = [(Text("", ""), "left"), *_BOTH, (Text("change", "变化"), "right"),
                    (Text("share", "比例"), "right")]  # fmt: skip
    rows = []
    for one in figures:
        shown = count if one.name in ("customers", "purchases") else whole
        cells = [shown(value) for value in (one.before, one.after, one.change)]
        rows.append([str(FIGURES.get(one.name, one.name)), *cells, share(one.share, sign=True)])
    return table(title, heads, rows)


def _name(state: str, names: Mapping[str, Text]) -> str:
    return str(STATES.get(state) or names.get(state) or state)


def _grid(title: Text, matrix: Mapping[str, Any], names: Mapping[str, Text]) -> Any:
    columns = [row["state"] for row in matrix["columns"]]
    cells = {(row["before"], row["after"]): row for row in matrix["cells"]}
    said = [_name(state, names) for state in columns]
    heads: Heads = [(Text("", ""), "left"), *((Text(word, word), "right") for word in said),
                    (Text("all", "合计"), "right")]  # fmt: skip
    rows = []
    for row in matrix["rows"]:
        mine = [cells.get((row["state"], state)) for state in columns]
        shown = [
            "" if cell is None else f"{count(cell['customers'])} ({share(cell['share_of_before'])})" for cell in mine
        ]
        rows.append([_name(row["state"], names), *shown, count(row["customers"])])
    rows.append([str(Text("all", "合计")), *(count(row["customers"]) for row in matrix["columns"]),
                 count(matrix["customers"])])  # fmt: skip
    return table(title, heads, rows)


def _cell(cell: Mapping[str, Any] | None) -> str:
    return "" if cell is None else f"{count(cell['customers'])} ({share(cell['share_of_before'])})"


MOST_MOVES = 15


def _moved(title: Text, matrix: Mapping[str, Any], names: Mapping[str, Text]) -> Any:
    """The most frequent moves of a matrix with many groups."""
    moved = [row for row in matrix["cells"] if row["before"] != row["after"]]
    first = sorted(moved, key=lambda row: (-row["customers"], row["before"], row["after"]))[:MOST_MOVES]
    heads: Heads = [(Text("from", "从"), "left"), (Text("to", "到"), "left"), (Text("customers", "客户数"), "right"),
                    (Text("of the first", "占原类别"), "right"), (Text("of all", "占全部"), "right")]  # fmt: skip
    rows = [[_name(row["before"], names), _name(row["after"], names), count(row["customers"]),
             share(row["share_of_before"]), share(row["share_of_all"])] for row in first]  # fmt: skip
    return table(title, heads, rows)


def _changes(title: Text, changes: tuple[Change, ...]) -> Any:
    heads: Heads = [(Text("customer", "客户"), "left"), *_BOTH, (Text("change", "变化"), "right"),
                    (Text("why", "原因"), "left")]  # fmt: skip
    between = str(Text("; ", "；"))
    rows = [
        [one.name or one.customer_id, whole(one.before), whole(one.after), whole(one.change),
         between.join(map(str, one.reasons))]
        for one in changes
    ]  # fmt: skip
    return table(title, heads, rows)
