"""kezhi lifetime: a customer's continuing value, every term typed in or read from a run."""

from __future__ import annotations

from typing import Annotated

import typer

from kezhi.cli.options import AsJson, InWorkspace, Lang, run_folder, speak
from kezhi.cli.screen import Heads, money, print_json, say, screen, table
from kezhi.language import KezhiError, Text

HELP = "A customer's continuing value, with every term shown. / 客户持续价值，逐项列出。"
TITLE = Text("Continuing value", "客户持续价值")
HEADS: Heads = [(Text("Term", "项目"), "left"), (Text("Value", "数值"), "right")]
TERMS = {
    "purchases": Text("Purchases over the life", "生命周期内购买次数"),
    "mean_amount": Text("Mean amount of a purchase", "平均每次购买金额"),
    "own_amount": Text("Own purchases (narrow view)", "自身购买金额（狭义）"),
    "own_income": Text("What is left after product cost", "扣除产品成本后"),
    "other_cost": Text("To sell, to serve, to keep", "销售、服务与维系成本"),
    "referral_income": Text("Net income from referred customers", "推荐客户净收入"),
    "discount_factor": Text("Discount factor", "折现系数"),
    "acquisition_cost": Text("Cost to acquire", "获取成本"),
    "value": Text("Continuing value (wide view)", "客户持续价值（广义）"),
}
EXACT = ("discount_factor",)
MISSING = Text(
    "Give --purchases and --mean-amount, or --customer (of the workspace here, or of --workspace or --run).",
    "请给出 --purchases 与 --mean-amount，或给出 --customer（取自当前工作区，或 --workspace、--run 指定处）。",
)


def command(
    purchases: Annotated[float | None, typer.Option(help="Purchases over the life. / 生命周期内购买次数。")] = None,
    mean_amount: Annotated[float | None, typer.Option(help="Money of one purchase. / 平均每次购买金额。")] = None,
    acquisition_cost: Annotated[float | None, typer.Option(help="Cost to acquire. / 获取成本。")] = None,
    referral_income: Annotated[
        float | None, typer.Option(help="Net income from referred customers. / 推荐客户净收入。")
    ] = None,
    margin: Annotated[
        float | None, typer.Option(help="Per cent left after product cost; default 100. / 毛利率，百分数。")
    ] = None,
    other_cost: Annotated[
        float | None, typer.Option(help="To sell, to serve, to keep. / 销售、服务与维系成本。")
    ] = None,
    discount_rate: Annotated[
        float | None, typer.Option(help="Per cent a year; default none. / 年折现率，百分数。")
    ] = None,
    years: Annotated[float | None, typer.Option(help="Over which purchases come. / 购买分布的年数。")] = None,
    customer: Annotated[
        str | None, typer.Option(help="Read the terms of this customer from a run. / 从运行结果读取此客户。")
    ] = None,
    workspace: InWorkspace = None,
    run: Annotated[
        str | None, typer.Option("--run", help="A run's name or folder; default the newest. / 运行名或文件夹。")
    ] = None,
    json: AsJson = False,
    lang: Lang = None,
) -> None:
    """Terms that are typed in go before those of the run."""
    speak(lang, programs=json)
    from kezhi.worth.continuing import continuing_value, continuing_value_of

    given = {
        "purchases": purchases,
        "mean_amount": mean_amount,
        "acquisition_cost": acquisition_cost,
        "referral_income": referral_income,
        "margin": None if margin is None else margin / 100,
        "other_cost": other_cost,
        "discount_rate": None if discount_rate is None else discount_rate / 100,
        "years": years,
    }
    if customer is not None:
        found = continuing_value_of(run_folder(workspace, run), customer, given)
    elif purchases is None or mean_amount is None:
        raise KezhiError(MISSING)
    else:
        terms = {name: value for name, value in given.items() if value is not None}
        found = continuing_value(**terms)
    if json:
        print_json(({"customer": customer} if customer else {}) | found.as_dict())
        return
    said = found.as_dict()
    rows = [[str(text), f"{said[name]:.4f}" if name in EXACT else money(said[name])] for name, text in TERMS.items()]
    console = screen()
    console.print(table(TITLE, HEADS, rows))
    say(console, found.sentence)
