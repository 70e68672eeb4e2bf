"""The printed account of rows: what was recognised, read, accepted and rejected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kezhi.cli.screen import Heads, count, money, say, table
from kezhi.language import Text, preferred_language

if TYPE_CHECKING:
    from rich.console import Console

KINDS = {
    "sale": Text("accepted: sales", "接受：销售"),
    "return": Text("accepted: returns (negative amount)", "接受：退货（负金额）"),
    "cancellation": Text("accepted: cancelled orders (negative amount)", "接受：取消的订单（负金额）"),
    "zero": Text("accepted: amount 0", "接受：金额为 0"),
}


def print_columns(console: Console, inputs: list[dict[str, Any]]) -> None:
    """Which column was taken for which field, once per different layout."""
    seen: set[tuple[str, str]] = set()
    for entry in inputs:
        words = ", ".join(_column(match) for match in entry["columns"])
        if (entry["table"], words) in seen:
            continue
        seen.add((entry["table"], words))
        said = Text("{file}: {n} rows, {format}; columns: {words}", "{file}:{n} 行，{format}；列：{words}")
        say(console, said.fill(file=entry["file"], n=count(entry["rows"]), format=entry["format"], words=words))


def _column(match: dict[str, str]) -> str:
    how = "" if match["how"] == "name" else f" ({match['how']})"
    return f"{match['field']} ← {match['column']}{how}"


def print_rows(console: Console, name: str, rows: dict[str, Any]) -> None:
    """read = accepted + quarantined, with every kind and rule."""
    language = preferred_language()
    lines = [(str(Text("read", "读入")), count(rows["read"]), "", "")]
    lines += [
        (
            str(KINDS.get(kind["kind"], Text(kind["kind"], kind["kind"]))),
            count(kind["rows"]),
            "",
            money(kind["amount"]),
        )
        for kind in rows["kinds"]
        if kind["rows"] and name == "orders"
    ]
    if name != "orders":
        lines.append((str(Text("accepted", "接受")), count(rows["accepted"]), "", ""))
    lines += [
        (
            f"{Text('quarantined', '隔离')}: {rule[language]}",
            count(rule["rows"]),
            _returns(rule),
            money(rule["amount"]),
        )
        for rule in rows["rules"]
        if rule["rows"]
    ]
    total = Text("accepted + quarantined", "接受 + 隔离")
    lines.append((str(total), f"{count(rows['accepted'])} + {count(rows['quarantined'])}", "", ""))
    heads: Heads = [
        (Text("rows of {name}", "{name} 的行").fill(name=name), "left"),
        (Text("rows", "行数"), "right"),
        (Text("of which returns", "其中退货"), "right"),
        (Text("amount", "金额"), "right"),
    ]
    console.print(table(Text("What became of every row", "每一行的去向"), heads, lines))


def _returns(rule: dict[str, Any]) -> str:
    return count(rule["returns"]) if rule.get("returns") else ""


def print_warnings(console: Console, warnings: list[dict[str, str]]) -> None:
    """One line each."""
    from rich.markup import escape

    for warning in warnings:
        console.print(f"[yellow]![/] {escape(warning[preferred_language()])}")
