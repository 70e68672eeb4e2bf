"""kezhi export: a list of customers as Excel, CSV or Parquet; the blacklist and refusals are left out."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kezhi.cli.options import AsJson, Lang, speak
from kezhi.cli.screen import count, print_json, say, screen, tick
from kezhi.cli.segments import place_and_run
from kezhi.language import Text, preferred_language

if TYPE_CHECKING:
    from kezhi.exporting import Exported

HELP = "Write a list of customers: a filter, a segment or all. / 导出客户清单：按条件、分群或全部。"

NOBODY_SAYS = Text(
    "The customers table says nothing of a blacklist or of consent, so nobody was left out. Import it with the columns "
    "excluded and consent before you write to anyone.",
    "客户表没有黑名单或同意营销的信息，因此没有剔除任何人。联系客户之前，请先导入 excluded 和 consent 两列。",
)


def command(
    query: Annotated[
        str,
        typer.Argument(
            metavar="CUSTOMERS", help="A filter such as \"tier = 'vip'\", a segment, or all. / 条件、分群或 all。"
        ),
    ],
    to: Annotated[Path, typer.Option("--to", metavar="FILE", help="list.xlsx, .csv or .parquet. / 输出文件。")],
    columns: Annotated[
        str | None,
        typer.Option("--columns", metavar="A,B,C", help="Fields to write; see segments fields. / 输出哪些字段。"),
    ] = None,
    contact: Annotated[
        bool, typer.Option("--contact", help="With phone and e-mail from the book. / 附上账本中的电话和邮箱。")
    ] = False,
    only_consenting: Annotated[
        bool, typer.Option("--only-consenting", help="Leave out who gave no answer, too. / 仅保留明确同意的客户。")
    ] = False,
    workspace: Annotated[Path, typer.Option("--workspace", help="The company's folder. / 工作区文件夹。")] = Path(),
    run: Annotated[
        str | None, typer.Option("--run", help="A run's name or folder; default the newest. / 运行名或文件夹。")
    ] = None,
    json: AsJson = False,
    lang: Lang = None,
) -> None:
    """No limit to the rows. Who is blacklisted or has refused is left out and counted."""
    speak(lang, programs=json)
    from kezhi.exporting import export

    place, name = place_and_run(workspace, run)
    asked = None if columns is None else columns.replace("，", ",").split(",")
    done = export(
        place, query, to, run=name, columns=asked, contact=contact, only_consenting=only_consenting,
        language=preferred_language(),
    )  # fmt: skip
    if json:
        empty = done.why_empty.as_dict() if done.why_empty else None
        print_json({**asdict(done), "file": str(done.file), "why_empty": empty})
        return
    tick(written(done))
    say(screen(), left_out(done))
    if done.why_empty is not None:
        say(screen(), f"! {done.why_empty}")


def written(done: Exported) -> Text:
    """How many are in the file."""
    sheets = Text("", "")
    if done.sheets > 1:
        sheets = Text(f" on {done.sheets} sheets", f"，分 {done.sheets} 个工作表")
    n = count(done.customers)
    en = f"{done.file}: {n} {'customer' if done.customers == 1 else 'customers'}{sheets.en}."
    zh = f"{done.file}：{n} 位客户{sheets.zh}。"
    return Text(en, zh)


def left_out(done: Exported) -> Text:
    """Who is not in it, and why."""
    if not done.asked:
        return NOBODY_SAYS
    en = [f"{count(done.excluded)} on the blacklist{_why(done, ', ')}", f"{count(done.refused)} who refused contact"]
    zh = [f"{count(done.excluded)} 位在黑名单上{_why(done, '、')}", f"{count(done.refused)} 位不同意营销"]
    kept = Text("", "")
    if done.only_consenting:
        en.append(f"{count(done.unknown)} who gave no answer")
        zh.append(f"{count(done.unknown)} 位未表态")
    elif done.unknown:
        kept = Text(
            f" {count(done.unknown)} in the list gave no answer; --only-consenting leaves them out, too.",
            f"清单中有 {count(done.unknown)} 位未表态；使用 --only-consenting 可一并剔除。",
        )
    who, who_zh = ", ".join(en), "，".join(zh)
    return Text(f"Left out: {who}.{kept.en}", f"未列入：{who_zh}。{kept.zh}")


def _why(done: Exported, comma: str) -> str:
    if not done.reasons:
        return ""
    return f" ({comma.join(f'{reason}: {count(number)}' for reason, number in list(done.reasons.items())[:5])})"
