"""kezhi correct: what management says of coming periods in place of what was computed."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kezhi.cli.options import AsJson, Lang, speak
from kezhi.cli.screen import Heads, money, print_json, say, screen, table, tick
from kezhi.language import KezhiError, Text, preferred_language

if TYPE_CHECKING:
    from kezhi.correcting import Listed, Outcome

HELP = "Correct margin, expense or amount of coming periods. / 修正今后各期的毛利率、费用或金额。"
CONTEXT = {"ignore_unknown_options": True}  # so that -100 is a change and no option

_INCOMPLETE = Text(
    'Say what to correct and how, such as: kezhi correct margin +2pt --where "region = \'North\'" --why "new prices"',
    '请说明修正什么、如何修正，例如：kezhi correct margin +2pt --where "region = \'华北\'" --why "新价格"',
)
_ONE = Text(
    "Do one thing at a time: correct, --list, --undo, --from or --template.",
    "一次只做一件事：修正、--list、--undo、--from 或 --template。",
)
_NUMBERS = Text(
    "--undo wants numbers such as 3 or 3,5-9, not {given}.", "--undo 需要形如 3 或 3,5-9 的编号，而不是 {given}。"
)
_NO_OPTION = Text(
    "There is no option {given}; see: kezhi correct --help", "没有选项 {given}；请查看：kezhi correct --help"
)


def command(
    figure: Annotated[str | None, typer.Argument(help="margin, expense or amount. / 毛利率、费用或金额。")] = None,
    change: Annotated[
        str | None,
        typer.Argument(help="30% or 12000 sets; +2pt, -100, +10%, *0.9 moves. / 设定或增减。"),
    ] = None,
    customer: Annotated[list[str] | None, typer.Option("--customer", help="A customer's id. / 客户编号。")] = None,
    where: Annotated[
        str | None, typer.Option("--where", help="Customers that a filter chooses. / 以条件筛选客户。")
    ] = None,
    everyone: Annotated[bool, typer.Option("--all", help="All customers. / 全部客户。")] = False,
    period: Annotated[
        str | None,
        typer.Option("--period", help="2026-12, 2026Q4, 2026, 2026-12..2027-02; default all to come. / 期间。"),
    ] = None,
    why: Annotated[str, typer.Option("--why", help="The reason; required. / 原因（必填）。")] = "",
    by: Annotated[str | None, typer.Option("--by", help="Who decided it; default you. / 修正人。")] = None,
    dry: Annotated[bool, typer.Option("--try", help="Say what it would change; write nothing. / 只试算。")] = False,
    listed: Annotated[bool, typer.Option("--list", help="All corrections so far. / 列出全部修正。")] = False,
    undone: Annotated[
        str | None, typer.Option("--undo", help="Take back by number: 3 or 3,5-9. / 按编号撤销。")
    ] = None,
    source: Annotated[Path | None, typer.Option("--from", help="A sheet that was edited. / 已编辑的工作表。")] = None,
    template: Annotated[
        Path | None, typer.Option("--template", help="Write a sheet to edit. / 导出供编辑的工作表。")
    ] = None,
    workspace: Annotated[Path, typer.Option("--workspace", help="The company's folder. / 工作区文件夹。")] = Path(),
    json: AsJson = False,
    lang: Lang = None,
) -> None:
    """Shown in the newest run at once and in every later run; the computed figure stays beside it."""
    speak(lang, programs=json)
    for word in (figure, change):
        if word is not None and word.startswith("--"):
            raise KezhiError(_NO_OPTION.fill(given=word))
    wanted = [figure is not None, listed, undone is not None, source is not None, template is not None]
    if wanted.count(True) > 1:
        raise KezhiError(_ONE)
    from kezhi import correcting

    if listed:
        _list(correcting.corrections_of(workspace), json)
        return
    if template is not None:
        _template(workspace, template, where, json)
        return
    if undone is not None:
        outcome = correcting.undo_correction(workspace, _numbers(undone), why=why, by=by, dry=dry)
    elif source is not None:
        outcome = correcting.correct_from(workspace, source, why=why, by=by, dry=dry)
    elif figure is None or change is None:
        raise KezhiError(_INCOMPLETE)
    else:
        outcome = correcting.correct(
            workspace, figure, change, customer=customer, where=where, everyone=everyone, period=period, why=why, by=by,
            dry=dry,
        )  # fmt: skip
    if json:
        print_json(_as_json(outcome))
    else:
        _tell(outcome, workspace)


def _numbers(text: str) -> list[int]:
    """3,5-9 as numbers."""
    found: list[int] = []
    for part in re.split(r"[,，\s]+", text.strip()):
        ends = re.fullmatch(r"(\d{1,9})(?:-(\d{1,9}))?", part)
        if ends is None or int(ends[2] or ends[1]) - int(ends[1]) not in range(100_000):
            raise KezhiError(_NUMBERS.fill(given=text[:40]))
        found += range(int(ends[1]), int(ends[2] or ends[1]) + 1)
    return found


def _template(workspace: Path, path: Path, where: str | None, json: bool) -> None:
    from kezhi.correcting import write_sheet

    if not path.parent.exists():
        raise KezhiError(Text(f"There is no folder {path.parent}.", f"文件夹 {path.parent} 不存在。"))
    rows = write_sheet(workspace, path, where=where)
    if json:
        print_json({"file": str(path), "rows": rows})
    else:
        tick(Text(f"{path}: {rows:,} rows to edit.", f"{path}：{rows:,} 行可供编辑。"))


# --- what is printed --------------------------------------------------------------------------------------


def _tell(outcome: Outcome, workspace: Path) -> None:
    from kezhi.corrections import Correction

    entries = outcome.entries
    if outcome.unknown:
        text = Text(
            "{n} rows of the sheet are not in the newest run and were passed over.",
            "工作表中有 {n} 行不在最新运行中，已略过。",
        )
        say(screen(), f"! {text.fill(n=f'{outcome.unknown:,}')}")
    if not entries:
        say(screen(), Text("Nothing differs from what the newest run shows.", "与最新运行显示的数字没有差别。"))
        return
    what = _one(entries[0]) if len(entries) == 1 else _several(entries)
    done = all(isinstance(one, Correction) for one in entries)
    effect = Text("forecast value {before} → {after} ({effect})", "预测价值 {before} → {after}（{effect}）").fill(
        before=money(outcome.value_before), after=money(outcome.value_after), effect=f"{outcome.effect:+,.2f}"
    )
    reach = Text(
        f"{outcome.customers:,} customers, {outcome.periods:,} periods; ",
        f"{outcome.customers:,} 位客户，{outcome.periods:,} 个客户期；",
    )
    if done and not outcome.periods:
        reach = Text(
            "no period of the newest run is touched, a later one may be; ",
            "未涉及最新运行的任何一期，以后的运行可能涉及；",
        )
    sentence = Text(
        f"{what.en}: {reach.en if done else ''}{effect.en}.", f"{what.zh}：{reach.zh if done else ''}{effect.zh}。"
    )
    if outcome.dry:
        say(screen(), sentence)
        say(screen(), Text("This was a trial; nothing was written.", "仅为试算，未写入任何内容。"))
        return
    tick(sentence)
    say(screen(), _next(workspace))


def _next(workspace: Path) -> Text:
    return Text(
        f"The newest run shows it now: kezhi report --workspace {workspace}",
        f"最新运行已显示修正后的数字：kezhi report --workspace {workspace}",
    )


def _one(entry: Any) -> Text:
    from kezhi.corrections import Undoing
    from kezhi.corrections.record import in_words

    if isinstance(entry, Undoing):
        return Text(f"Correction {entry.undoes} is taken back", f"已撤销第 {entry.undoes} 号修正")
    words = in_words(entry.change)
    return Text(f"Correction {entry.number}, {words.en}", f"第 {entry.number} 号修正，{words.zh}")


def _several(entries: Any) -> Text:
    from kezhi.corrections import Undoing

    first, last, n = entries[0].number, entries[-1].number, len(entries)
    if isinstance(entries[0], Undoing):
        return Text(f"{n:,} corrections are taken back", f"已撤销 {n:,} 项修正")
    return Text(f"{n:,} corrections, {first} to {last}", f"{n:,} 项修正（{first} 至 {last} 号）")


_STATES = {
    "holding": Text("holds", "生效"),
    "later": Text("holds later", "以后生效"),
    "over": Text("over", "已过期"),
    "undone": Text("taken back", "已撤销"),
}


def _list(found: list[Listed], json: bool) -> None:
    from kezhi.corrections.record import in_words

    if json:
        print_json([_listed_as_json(one) for one in found])
        return
    console = screen()
    if not found:
        say(console, Text("Nothing has been corrected.", "尚无任何修正。"))
        return
    heads: Heads = [
        (Text("No.", "编号"), "right"), (Text("When", "时间"), "left"), (Text("Who", "修正人"), "left"),
        (Text("What", "修正"), "left"), (Text("For whom", "对象"), "left"), (Text("Periods", "期间"), "left"),
        (Text("Why", "原因"), "left"), (Text("State", "状态"), "left"),
    ]  # fmt: skip
    rows = []
    for one in found:
        said = one.correction
        whom = said.chosen or str(Text("all customers", "全部客户"))
        span = f"{said.first}..{said.last or ''}"
        words = in_words(said.change).to(preferred_language())
        rows.append(
            [
                str(said.number),
                said.at[:16].replace("T", " "),
                said.who,
                words,
                whom,
                span,
                said.why,
                str(_STATES[one.state]),
            ]
        )
    console.print(table(Text("Corrections", "修正"), heads, rows))


def _listed_as_json(one: Listed) -> dict[str, Any]:
    made = _entry_as_json(one.correction) | {"state": one.state}
    return made | ({"undone": _entry_as_json(one.undone)} if one.undone is not None else {})


def _entry_as_json(entry: Any) -> dict[str, Any]:
    plain = asdict(entry)
    change = plain.pop("change", None)
    return plain if change is None else plain | change | {"change": str(entry.change)}


def _as_json(outcome: Outcome) -> dict[str, Any]:
    return {
        "entries": [_entry_as_json(one) for one in outcome.entries],
        "run": str(outcome.run),
        "customers": outcome.customers,
        "periods": outcome.periods,
        "value_before": outcome.value_before,
        "value_after": outcome.value_after,
        "effect": outcome.effect,
        "unknown": outcome.unknown,
        "warnings": outcome.warnings,
        "dry": outcome.dry,
    }
