"""kezhi backtest: what the models would have said at a past day, and how near it came."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from kezhi.cli.news import news
from kezhi.cli.options import AsJson, Lang, Mapped, Orders, Period, Tried, day, speak
from kezhi.cli.screen import Heads, count, print_json, say, screen, share, table
from kezhi.language import KezhiError, Text, preferred_language

HELP = "Test the models on the past: forecast from a split day, compare. / 用过去检验模型。"
TITLE = Text(
    "Forecast from {split} to {until}, {customers} customers, {purchases} purchases came",
    "从 {split} 预测至 {until}：{customers} 位客户，实际购买 {purchases} 次",
)
HEADS: Heads = [
    (Text("Model", "模型"), "left"),
    (Text("Total off by", "总量偏差"), "right"),
    (Text("RMSE", "均方根误差"), "right"),
    (Text("MAE of medians", "中位数绝对误差"), "right"),
    (Text("Amounts: Gini", "金额基尼"), "right"),
    (Text("Amounts: best 20 %", "金额前 20 %"), "right"),
    (Text("In the 80 % interval", "落入 80 % 区间"), "right"),
]
WROTE = Text(
    "One row per customer and model: {predictions}. All scores: {scores}.",
    "每位客户、每个模型一行：{predictions}。全部指标：{scores}。",
)


def command(
    orders: Orders = None,
    split: Annotated[str | None, typer.Option(help="Last day the models may see. / 模型可见的最后一天。")] = None,
    until: Annotated[
        str | None, typer.Option(help="Last day compared (default: the newest order). / 比较截止日。")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Folder for the results. / 结果文件夹。")] = None,
    model: Annotated[Tried | None, typer.Option(help="auto, all, or one model. / 自动、全部或某一模型。")] = None,
    period: Annotated[Period | None, typer.Option(help="Period of the amounts. / 金额所用的期。")] = None,
    mapping: Mapped = None,
    json: AsJson = False,
    lang: Lang = None,
) -> None:
    """Print the scores of every model beside the naive ones, and where the files lie."""
    language = speak(lang, programs=json)
    if not orders or split is None or out is None:
        raise KezhiError(
            Text(
                "Say what to test: kezhi backtest ORDERS --split DATE --out DIR.",
                "请说明检验内容：kezhi backtest 订单文件 --split 日期 --out 文件夹。",
            )
        )
    from kezhi.analysis import backtest
    from kezhi.sources import parse_mapping

    with news(programs=json) as tell:
        found = backtest(
            orders,
            split=day(split, "--split"),
            until=day(until, "--until"),
            out=out,
            model=model.value if model else "all",
            period=period.value if period else "month",
            mapping=parse_mapping(mapping or []),
            progress=tell,
        )
    if json:
        print_json({"folder": str(out)} | found)
        return
    _show(found, out, language or preferred_language())


def _show(found: dict[str, Any], out: Path, language: str) -> None:
    console = screen()
    facts = {name: found[name] for name in ("split", "until")}
    title = TITLE.fill(**facts, customers=count(found["customers"]), purchases=count(found["purchases"]))
    rows = sorted(found["models"].items(), key=lambda row: float(row[1]["rmse"]))
    console.print(table(title, HEADS, [_row(name, row) for name, row in rows]))
    if found["auto"]:
        say(console, found["auto"]["explanation"]["zh" if language == "zh" else "en"])
    say(console, WROTE.fill(predictions=out / "predictions.parquet", scores=out / "scores.json"))


def _row(name: str, row: dict[str, Any]) -> list[str]:
    return [
        name,
        share(row["bias"], sign=True),
        f"{row['rmse']:.3f}",
        f"{row['mae_median']:.3f}" if "mae_median" in row else "",
        f"{row['spend_gini']:.3f}" if row["spend_gini"] is not None else "",
        share(row["spend_top20"]),
        share(row.get("coverage")),
    ]
