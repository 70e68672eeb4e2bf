"""kezhi report: the report of a run, in a language and format."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from kezhi.cli.options import Lang, run_folder, speak
from kezhi.cli.screen import print_json, say, screen, tick
from kezhi.language import KezhiError, Text, preferred_language

HELP = "The report of a run as a page or a workbook. / 将某次运行输出为网页或工作簿。"


_CORRECTED = Text(
    "Management's corrections are in its figures (forecast value {effect}); kezhi correct --list tells them.",
    "其中的数字已包含管理层的修正（预测价值 {effect}）；明细见 kezhi correct --list。",
)


class Format(StrEnum):
    """What to write."""

    html = "html"
    xlsx = "xlsx"


def command(
    run: Annotated[
        str | None,
        typer.Option("--run", help="A run's name or folder; default the newest. / 运行名或文件夹。"),
    ] = None,
    workspace: Annotated[Path, typer.Option("--workspace", help="The company's folder. / 工作区文件夹。")] = Path(),
    kind: Annotated[Format, typer.Option("--format", help="html or xlsx. / 格式。")] = Format.html,
    out: Annotated[Path | None, typer.Option("--out", help="File to write. / 输出文件。")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the report's data as JSON. / 输出 JSON。")] = False,
    lang: Lang = None,
) -> None:
    """Runs are never recomputed: the report is drawn from what the run folder holds."""
    speak(lang, programs=json)
    from kezhi import reports
    from kezhi.engine import open_engine

    folder = run_folder(workspace, run)
    with open_engine() as engine:
        made = reports.build(engine, folder)
        if json:
            print_json(asdict(made))
            return
        target = out or Path(f"report-{preferred_language()}.{kind.value}")
        if not target.parent.exists():
            raise KezhiError(Text(f"There is no folder {target.parent}.", f"文件夹 {target.parent} 不存在。"))
        if kind is Format.html:
            reports.write_html(made, target, preferred_language())
        else:
            reports.write_excel(engine, folder, made, target, preferred_language())
    tick(target)
    corrected = made.worth.get("corrections")
    if corrected is not None:
        effect = f"{corrected.corrected - corrected.computed:+,.2f}"
        say(screen(), _CORRECTED.fill(effect=effect))
