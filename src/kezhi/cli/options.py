"""Options that several commands share."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from kezhi.cli.screen import audience
from kezhi.language import KezhiError, Language, Text, choose_language


class Period(StrEnum):
    """Length of a period."""

    month = "month"
    quarter = "quarter"
    year = "year"


class Method(StrEnum):
    """Forecast method."""

    auto = "auto"
    nbd = "nbd"
    pareto_nbd = "pareto_nbd"
    bg_nbd = "bg_nbd"
    mbg_nbd = "mbg_nbd"
    bg_cnbd_k = "bg_cnbd_k"
    mbg_cnbd_k = "mbg_cnbd_k"
    transition = "transition"


class Tried(StrEnum):
    """What a backtest tries."""

    all = "all"
    auto = "auto"
    nbd = "nbd"
    pareto_nbd = "pareto_nbd"
    bg_nbd = "bg_nbd"
    mbg_nbd = "mbg_nbd"
    bg_cnbd_k = "bg_cnbd_k"
    mbg_cnbd_k = "mbg_cnbd_k"


class Spoken(StrEnum):
    """Language of messages and reports."""

    en = "en"
    zh = "zh"


Orders = Annotated[
    list[str] | None,
    typer.Argument(
        help="Files, folders or globs: CSV, TSV, Excel, Parquet. / 文件、文件夹或通配符。", show_default=False
    ),
]
Mapped = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar="FIELD=COLUMN",
        help="Say which column is which; field==text for a constant. / 指定列。",
    ),
]
InWorkspace = Annotated[Path | None, typer.Option("--workspace", help="The company's folder. / 工作区文件夹。")]
Threads = Annotated[int | None, typer.Option(metavar="N", help="Threads of the table engine. / 引擎线程数。")]
MemoryLimit = Annotated[
    str | None, typer.Option(metavar="SIZE", help="Memory of the table engine, such as 4GB. / 引擎内存上限。")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object. / 输出 JSON。")]
Lang = Annotated[Spoken | None, typer.Option("--lang", help="Language of messages and report. / 语言。")]


def speak(language: Spoken | None, *, programs: bool = False) -> Language | None:
    """Choose the language of this process and who reads it (people, or programs); returns the language for settings."""
    audience.changes(programs=programs)
    chosen: Language | None = language.value if language else None
    choose_language(chosen)
    return chosen


def run_folder(workspace: Path | None, run: str | None) -> Path:
    """A run by its folder, or by its name within the workspace (default here); the newest without a name."""
    from kezhi.workspace import MANIFEST, Workspace

    if run and (Path(run) / MANIFEST).exists():
        return Path(run)
    return Workspace(workspace or Path()).run(run)


def day(text: str | None, option: str = "--as-of") -> date | None:
    """A date written as 2025-12-31."""
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise KezhiError(
            Text(
                f"{option} wants a date such as 2025-12-31, not {text!r}.",
                f"{option} 需要形如 2025-12-31 的日期，而不是 {text!r}。",
            )
        ) from None
