"""kezhi what-if: a run's forecast with customers who stay longer, higher margins, or lower expenses."""

from __future__ import annotations

from typing import Annotated

import typer

from kezhi.cli.options import AsJson, InWorkspace, Lang, run_folder, speak
from kezhi.cli.screen import Heads, count, print_json, say, screen, share, table, whole
from kezhi.language import Text

HELP = "What if customers stayed longer, margins rose, expenses fell? / 留客、毛利率、费用变化后会怎样？"
TITLE = Text("Gross profit over {periods} periods", "未来 {periods} 期的毛利")
HEADS: Heads = [
    (Text("Customers", "客户"), "left"),
    (Text("Number", "数量"), "right"),
    (Text("As forecast", "按预测"), "right"),
    (Text("Changed", "改变后"), "right"),
    (Text("Effect", "变化"), "right"),
    (Text("Share", "比例"), "right"),
]
NAMES = {
    "retention": Text("retention", "留客率"),
    "margin": Text("margin", "毛利率"),
    "expense": Text("expense", "费用"),
    "amount": Text("amount per purchase", "每次金额"),
}
ALONE = Text("Each alone: {parts}.", "单独作用：{parts}。")


def command(
    workspace: InWorkspace = None,
    run: Annotated[
        str | None, typer.Option("--run", help="A run's name or folder; default the newest. / 运行名或文件夹。")
    ] = None,
    retention: Annotated[
        float, typer.Option(help="Points more who stay each period, in per cent. / 每期留客率提高的百分点。")
    ] = 0.0,
    margin: Annotated[float, typer.Option(help="Points of margin more, in per cent. / 毛利率提高的百分点。")] = 0.0,
    expense: Annotated[
        float, typer.Option(help="Relationship expense, per cent more or less. / 关系营销费用增减的百分比。")
    ] = 0.0,
    amount: Annotated[
        float, typer.Option(help="Amount of a purchase, per cent more or less. / 每次购买金额增减的百分比。")
    ] = 0.0,
    periods: Annotated[
        int | None, typer.Option(metavar="N", help="Periods to look ahead; default the horizon. / 向前看的期数。")
    ] = None,
    json: AsJson = False,
    lang: Lang = None,
) -> None:
    """Nothing is written; the run stays as it is."""
    speak(lang, programs=json)
    from kezhi.worth.what_if import what_if

    folder = run_folder(workspace, run)
    found = what_if(
        folder,
        retention=retention / 100,
        margin=margin / 100,
        expense=expense / 100,
        amount=amount / 100,
        periods=periods,
    )
    if json:
        print_json({"run": folder.name} | found.as_dict())
        return
    console = screen()
    rows = [
        [str(one.title), count(one.customers), whole(one.base), whole(one.changed), whole(one.effect),
         share(one.share, sign=True)]
        for one in (*found.tiers, found.company)
    ]  # fmt: skip
    console.print(table(TITLE.fill(periods=found.periods), HEADS, rows))
    say(console, found.sentence)
    if len(found.levers.moved) > 1:
        alone = [(NAMES[name], whole(value)) for name, value in found.company.alone.items()]
        english = ", ".join(f"{name.en} {value}" for name, value in alone)
        chinese = "、".join(f"{name.zh} {value}" for name, value in alone)
        say(console, Text(ALONE.en.format(parts=english), ALONE.zh.format(parts=chinese)))
    if found.reference:
        say(console, found.reference)
