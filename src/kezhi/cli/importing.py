"""kezhi import: add files to a workspace's book."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from kezhi.cli.account import print_columns, print_rows, print_warnings
from kezhi.cli.news import news
from kezhi.cli.options import AsJson, Lang, Mapped, Spoken, speak
from kezhi.cli.screen import print_json, say, screen
from kezhi.language import Text
from kezhi.progress import Listener, Outlook, Stages

HELP = (
    "Add files to the workspace's book; the same file twice changes nothing. / "
    "导入工作区，重复导入同一文件不会改变任何内容。"
)
IMPORTING = Text("Importing into the book", "导入台账")


def command(
    table: Annotated[str, typer.Argument(help="orders, customers, products, expenses, ... / 表名。")],
    files: Annotated[list[str] | None, typer.Argument(help="Files, folders or globs. / 文件、文件夹或通配符。")] = None,
    workspace: Annotated[Path, typer.Option("--workspace", help="The company's folder. / 工作区文件夹。")] = Path(),
    mapping: Mapped = None,
    template: Annotated[
        bool, typer.Option("--template", help="Print an example file of this table. / 输出该表的模板。")
    ] = False,
    json: AsJson = False,
    lang: Lang = None,
) -> None:
    """Exit code 1 when rows were rejected, 0 when all are fine."""
    speak(lang, programs=json)
    if template:
        _print_template(table, lang)
        return
    with news(programs=json) as tell:
        entries = add(workspace, table, files or [], mapping, tell)
    if json:
        print_json(entries)
    else:
        _show(entries, table)
    raise typer.Exit(1 if any(entry["rows"]["quarantined"] for entry in entries) else 0)


def add(
    workspace: Path,
    table: str,
    files: list[str],
    mapping: list[str] | None,
    progress: Listener | None = None,
    **given: Any,
) -> list[dict[str, Any]]:
    """Import files into a workspace, one entry of account per file; settings that are `given` win over its own."""
    from kezhi.engine import open_engine
    from kezhi.intake import import_table
    from kezhi.sources import parse_mapping
    from kezhi.workspace import Workspace

    place = Workspace(workspace)
    limits = place.settings().changed(**given)
    with (
        Stages(progress, {"import": IMPORTING}, Outlook(("import",))) as stages,
        open_engine(memory_limit=limits.memory_limit, threads=limits.threads) as engine,
        stages("import"),
    ):
        stages.interrupt = engine.interrupt
        usual = limits.columns if table == "orders" else {}
        told = usual | parse_mapping(mapping or [], table=table)
        return import_table(engine, place, table, files, told, datetime.now(UTC).date())


def _print_template(table: str, lang: Spoken | None) -> None:
    from kezhi.language import preferred_language
    from kezhi.sources import template

    typer.echo(template(table, lang.value if lang else preferred_language()), nl=False)


def _show(entries: list[dict[str, Any]], table: str) -> None:
    console = screen()
    for entry in entries:
        print_columns(console, entry["inputs"])
        if not entry["added"]:
            known = Text("Imported before; nothing changed.", "此前已导入，未作改变。")
            say(console, known)
            continue
        print_rows(console, table, entry["rows"])
        print_warnings(console, entry["warnings"])
