"""kezhi alerts: who needs a call today, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from kezhi.cli.options import AsJson, Lang, run_folder, speak
from kezhi.cli.screen import Heads, count, print_json, say, screen, share, table, whole
from kezhi.language import Text, preferred_language

HELP = "Who needs a call today, and why. / 今天该联系谁，为什么。"
SHOWN = 20

NOTHING = Text("No such alert in the run {run}.", "运行 {run} 中没有这样的预警。")
OPEN = Text("Who needs a call, as of run {run}", "需要联系的客户（运行 {run}）")
CLOSED = Text("Alerts closed since the run before, in {run}", "上次运行以来关闭的预警（运行 {run}）")
MORE = Text(
    "{more} more alerts; --limit lists them, --json prints all. ⊘: has not agreed to marketing.",
    "还有 {more} 条预警；用 --limit 可列出更多，--json 输出全部。⊘ 表示未同意营销。",
)


def command(
    run: Annotated[
        str | None, typer.Option("--run", help="A run's name or folder; default the newest. / 运行名或文件夹。")
    ] = None,
    workspace: Annotated[Path, typer.Option("--workspace", help="The company's folder. / 工作区文件夹。")] = Path(),
    cause: Annotated[
        str | None, typer.Option("--cause", metavar="CODE", help="Only this cause, e.g. maybe_gone. / 只列此原因。")
    ] = None,
    owner: Annotated[
        str | None, typer.Option("--owner", metavar="NAME", help="Only this owner's customers. / 只列此负责人的客户。")
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, metavar="N", help="At most so many; default 20. / 最多列几条。")
    ] = None,
    closed: Annotated[
        bool, typer.Option("--closed", help="Those closed since the run before. / 上次运行以来关闭的预警。")
    ] = False,
    json: AsJson = False,
    lang: Lang = None,
) -> None:
    """Alerts are read from a run, the largest expected loss first; --json prints all of them."""
    speak(lang, programs=json)
    from kezhi.segments.alert_causes import why
    from kezhi.segments.alert_lists import alerts
    from kezhi.worth.layers import rules_of_a_run

    folder = run_folder(workspace, run)
    rows = alerts(folder, cause=cause, owner=owner, limit=limit if json else None, closed=closed).to_pylist()
    titles = {str(code): title for code, title in rules_of_a_run(folder).titles.items()}
    if json:
        print_json([row | {f"why_{language}": why(row, titles).to(language) for language in ("en", "zh")}
                    for row in rows])  # fmt: skip
        return
    _print(rows, limit or SHOWN, folder.name, titles, closed=closed)


def _print(rows: list[dict[str, Any]], limit: int, run: str, titles: dict[str, Text], *, closed: bool) -> None:
    console = screen()
    if not rows:
        say(console, NOTHING.fill(run=run))
        return
    shown = rows[:limit]
    made = _closed(shown, run) if closed else _open(shown, run, titles)
    console.print(made)
    if len(rows) > len(shown):
        say(console, MORE.fill(more=count(len(rows) - len(shown))))


def _open(rows: list[dict[str, Any]], run: str, titles: dict[str, Text]) -> Any:
    from kezhi.segments.alert_causes import helps, named, why

    language = preferred_language()
    heads: Heads = [
        (Text("rank", "序"), "right"),
        (Text("customer", "客户"), "left"),
        (Text("expected loss", "预计损失"), "right"),
        (Text("share to be lost", "预计损失比例"), "right"),
        (Text("why → what usually helps", "原因 → 通常有效的做法"), "left"),
        (Text("act by", "处理期限"), "left"),
        (Text("owner", "负责人"), "left"),
    ]
    cells = [
        [
            count(row["rank"]),
            f"{row['name'] or row['customer_id']} {row['customer_id'] if row['name'] else ''}"
            f"{' ⊘' if row['no_marketing'] else ''}",
            whole(row["priority"]),
            share(row["probability"]),
            f"{named(row['cause']).to(language)} ({row['cause']}): {why(row, titles).to(language)} "
            f"→ {helps(row).to(language)}",
            str(row["due_on"]),
            row["owner"] or "–",
        ]
        for row in rows
    ]
    return table(OPEN.fill(run=run), heads, cells)


def _closed(rows: list[dict[str, Any]], run: str) -> Any:
    from kezhi.segments.alert_causes import OUTCOMES, named

    language = preferred_language()
    heads: Heads = [
        (Text("customer", "客户"), "left"),
        (Text("cause", "原因"), "left"),
        (Text("opened", "预警日期"), "left"),
        (Text("why closed", "关闭原因"), "left"),
    ]
    cells = [
        [
            row["name"] or row["customer_id"],
            named(row["cause"]).to(language),
            str(row["opened_on"]),
            (OUTCOMES.get(row["outcome"]) or Text("–", "–")).to(language),
        ]
        for row in rows
    ]
    return table(CLOSED.fill(run=run), heads, cells)
