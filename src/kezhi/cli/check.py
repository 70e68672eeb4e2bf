"""kezhi check: read, map and check only."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from kezhi.cli.account import print_columns, print_rows, print_warnings
from kezhi.cli.options import AsJson, Lang, Mapped, speak
from kezhi.cli.screen import Heads, print_json, screen, table
from kezhi.language import Text

HELP = "Read, map and check only; what would be rejected and why. / 只读取、对应列并检查。"
SHOWN = 20


def command(
    orders: Annotated[list[str], typer.Argument(help="Files, folders or globs. / 文件、文件夹或通配符。")],
    table_name: Annotated[
        str, typer.Option("--table", help="Which table the files hold. / 文件属于哪张表。")
    ] = "orders",
    mapping: Mapped = None,
    json: AsJson = False,
    lang: Lang = None,
) -> None:
    """Exit code 1 when a row would be rejected, 0 when all are fine."""
    speak(lang, programs=json)
    from kezhi.engine import open_engine
    from kezhi.sources import parse_mapping, read_table

    with open_engine() as engine:
        reading = read_table(
            engine,
            table_name,
            orders,
            mapping=parse_mapping(mapping or [], table=table_name),
            today=datetime.now(UTC).date(),
        )
        report = reading.report
        examples = engine.fetch(reading.rejected.limit(SHOWN)).to_pylist() if report.quarantined else []
    warnings = [warning.as_dict() for warning in report.warnings]
    if json:
        print_json({"inputs": report.inputs(), "rows": report.rows(), "warnings": warnings, "rejected": examples})
    else:
        console = screen()
        print_columns(console, report.inputs())
        print_rows(console, table_name, report.rows())
        print_warnings(console, warnings)
        if examples:
            names = ("file", "row", "rule", "column", "seen")
            heads: Heads = [
                (Text(*label), "left")
                for label in (
                    ("file", "文件"),
                    ("row", "行"),
                    ("rule", "规则"),
                    ("column", "列"),
                    ("seen", "所见"),
                )
            ]
            rows = [[str(row[name] if row[name] is not None else "") for name in names] for row in examples]
            console.print(table(Text("First rejected rows", "最先被隔离的行"), heads, rows))
    raise typer.Exit(1 if report.quarantined else 0)
