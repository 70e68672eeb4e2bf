"""kezhi run: from order files or a workspace to a run folder."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kezhi.cli.account import print_columns, print_rows, print_warnings
from kezhi.cli.engines import EngineName, SparkConf, SparkMaster, UsedEngine, chosen
from kezhi.cli.news import news
from kezhi.cli.options import (
    AsJson,
    InWorkspace,
    Lang,
    Mapped,
    MemoryLimit,
    Method,
    Orders,
    Period,
    Threads,
    day,
    speak,
)
from kezhi.cli.screen import Heads, count, print_json, say, screen, table, tick, whole
from kezhi.language import KezhiError, Text, preferred_language
from kezhi.progress import Listener, part

if TYPE_CHECKING:
    from rich.console import Console

NO_SUCH_TABLE = Text(
    "--table wants TABLE=FILE, not {given!r}; the tables are {known}.",
    "--table 需要写成 表名=文件，而不是 {given!r}；可用的表：{known}。",
)
IMPORT_SHARE = 0.25  # of the whole, where files are imported first
HELP = "Value every customer: read, check, forecast, report. / 计算每位客户的价值：读取、检查、预测、报告。"
CALLS = Text(
    "Of {customers} customers {alerted} need a call: the report says why, kezhi alerts lists them.",
    "{customers} 位客户中有 {alerted} 位需要联系：原因见报告，名单用 kezhi alerts 列出。",
)


def command(
    orders: Orders = None,
    workspace: InWorkspace = None,
    out: Annotated[Path | None, typer.Option("--out", help="Folder for the results. / 结果文件夹。")] = None,
    period: Annotated[Period | None, typer.Option(help="Length of a period. / 期的长度。")] = None,
    horizon: Annotated[int | None, typer.Option(help="Periods to forecast (default 3). / 预测期数。")] = None,
    as_of: Annotated[str | None, typer.Option(help="Last day that counts. / 截止日。", metavar="DATE")] = None,
    model: Annotated[Method | None, typer.Option(help="Forecast method. / 预测方法。")] = None,
    mapping: Mapped = None,
    customers: Annotated[list[str] | None, typer.Option(help="Customer table. / 客户表。")] = None,
    products: Annotated[
        list[str] | None, typer.Option(help="Product table with unit costs. / 产品表（含单位成本）。")
    ] = None,
    expenses: Annotated[list[str] | None, typer.Option(help="Relationship expenses. / 关系营销费用表。")] = None,
    margins: Annotated[list[str] | None, typer.Option(help="Company margins by period. / 企业各期毛利率。")] = None,
    more: Annotated[
        list[str] | None,
        typer.Option(
            "--table", metavar="TABLE=FILE", help="Any other table of the book, such as surveys. / 其他表，如 surveys。"
        ),
    ] = None,
    cost: Annotated[
        bool | None, typer.Option("--cost/--no-cost", help="Extract product cost. / 是否提取产品成本。")
    ] = None,
    expense: Annotated[
        bool | None,
        typer.Option("--expense/--no-expense", help="Extract relationship expense. / 是否提取费用。"),
    ] = None,
    fiscal_start: Annotated[int | None, typer.Option(help="Month in which the year begins. / 财年起始月。")] = None,
    threads: Threads = None,
    memory_limit: MemoryLimit = None,
    engine: UsedEngine = EngineName.duckdb,
    spark_master: SparkMaster = None,
    spark_conf: SparkConf = None,
    json: AsJson = False,
    lang: Lang = None,
) -> None:
    """Print what was recognised and rejected, the value table's top, and where the report lies."""
    language = speak(lang, programs=json)
    if (out is None) == (workspace is None):
        raise KezhiError(
            Text(
                "Say where the results go: --out DIR, or --workspace DIR.",
                "请指定结果位置：--out 文件夹，或 --workspace 工作区。",
            )
        )
    computes = chosen(engine, spark_master, spark_conf)
    from kezhi.analysis import analyse
    from kezhi.sources import parse_mapping

    files: dict[str, Any] = {
        name: given
        for name, given in {
            "orders": orders,
            "customers": customers,
            "products": products,
            "expenses": expenses,
            "margins": margins,
        }.items()
        if given
    } | _more(more or [])
    begun, before = time.perf_counter(), 0.0
    with news(programs=json) as tell, _taken_back_if_stopped(workspace) as imported:
        if workspace is not None and files:
            before = IMPORT_SHARE
            tell_part = part(tell, 0.0, before, begun)
            _add_to_book(workspace, files, mapping, imported, tell_part, threads=threads, memory_limit=memory_limit)
            files = {}
        done = analyse(
            **files,
            workspace=workspace,
            out=out,
            mapping=parse_mapping(mapping or []),
            progress=part(tell, before, 1.0, begun),
            period=period.value if period else None,
            horizon=horizon,
            as_of=day(as_of),
            model=model.value if model else None,
            subtract_cost=cost,
            subtract_expense=expense,
            fiscal_start=fiscal_start,
            threads=threads,
            memory_limit=memory_limit,
            language=language,
            engine=computes,
        )
    if json:
        print_json({"folder": str(done.folder), "manifest": done.manifest, "company": done.models["company"]})
        return
    show(screen(), done)


def _more(given: list[str]) -> dict[str, list[str]]:
    """Files of further tables, named as table=file."""
    from kezhi.intake import BOOK_TABLES

    files: dict[str, list[str]] = {}
    for text in given:
        name, equals, path = text.partition("=")
        if not equals or name not in BOOK_TABLES:
            raise KezhiError(NO_SUCH_TABLE.fill(given=text, known=", ".join(BOOK_TABLES)))
        files.setdefault(name, []).append(path)
    return files


Imported = list[tuple[str, list[dict[str, Any]]]]


def _add_to_book(
    workspace: Path,
    files: dict[str, Any],
    mapping: list[str] | None,
    imported: Imported,
    progress: Listener | None,
    **limits: Any,
) -> None:
    """Files given beside a workspace are added to its book first, then the whole book is analysed."""
    from kezhi.cli.importing import add

    begun = time.perf_counter()
    for n, (name, paths) in enumerate(files.items()):
        own = part(progress, n / len(files), (n + 1) / len(files), begun)
        imported.append((name, add(workspace, name, paths, mapping if name == "orders" else None, own, **limits)))


@contextmanager
def _taken_back_if_stopped(workspace: Path | None) -> Iterator[Imported]:
    """A command that is stopped leaves the book as it was."""
    imported: Imported = []
    try:
        yield imported
    except KeyboardInterrupt:
        if workspace is not None:
            from kezhi.intake import take_back
            from kezhi.workspace import Workspace

            for table_name, entries in reversed(imported):
                take_back(Workspace(workspace), table_name, entries)
        raise


def show(console: Console, done: Any) -> None:
    """The printed result of a run."""
    manifest, company = done.manifest, done.models["company"]
    print_columns(console, manifest["inputs"])
    for name, rows in manifest["rows"].items():
        print_rows(console, name, rows)
    print_warnings(console, manifest["warnings"])
    console.print(_periods(company))
    console.print(_top(done))
    say(console, done.models["reason"][preferred_language()])
    alerted = done.worth.get("alerts", {}).get("alerted")
    if alerted:
        say(console, CALLS.fill(alerted=count(alerted), customers=count(manifest["totals"]["customers"])))
    tick(Text("Report: {path}", "报告：{path}").fill(path=done.folder / "report.html"))


def _periods(company: dict[str, Any]) -> Any:
    total = company["total"]
    heads: Heads = [
        (Text("period", "期"), "left"),
        (Text("purchases", "购买金额"), "right"),
        (Text("cost", "产品成本"), "right"),
        (Text("expense", "关系营销费用"), "right"),
        (Text("value", "客户价值"), "right"),
        (Text("80 % interval", "80 % 区间"), "right"),
    ]
    rows = [[_period(row), *_figures(row), ""] for row in company["history"][-6:]]
    if company["current"]:
        rest, expected = company["current"], Text("{period} still expected", "{period} 尚待实现")
        rows.append(
            [str(expected.fill(period=rest["period"])), whole(rest["amount"]), "", "", whole(rest["value"]), ""]
        )
    rows += [
        [f"{row['period']} {Text('forecast', '预测')}", *_figures(row), _interval(row)] for row in company["forecast"]
    ]
    rows.append([str(Text("forecast in all", "预测合计")), *_figures(total), _interval(total)])
    return table(Text("Company: last periods and forecast", "企业：最近各期与预测"), heads, rows)


def _period(row: dict[str, Any]) -> str:
    return str(row["period"]) if row["complete"] else f"{row['period']} {Text('(unfinished)', '（未完）')}"


def _figures(row: dict[str, Any]) -> list[str]:
    return [whole(row[name]) for name in ("amount", "cost", "expense", "value")]


def _interval(row: dict[str, Any]) -> str:
    return f"{whole(row['value_lower'])} … {whole(row['value_upper'])}"


def _top(done: Any, shown: int = 10) -> Any:
    best = done.best(shown)
    heads: Heads = [
        (Text("customer", "客户"), "left"),
        (Text("purchases", "购买次数"), "right"),
        (Text("value so far", "历史价值"), "right"),
        (Text("idle periods", "未成交期数"), "right"),
        (Text("forecast value", "预测价值"), "right"),
        (Text("80 % interval", "80 % 区间"), "right"),
    ]
    rows = [
        [
            row["name"] or row["customer_id"],
            count(row["purchases"]),
            whole(row["value"]),
            count(row["idle_periods"]),
            whole(row["forecast_value"]),
            f"{whole(row['forecast_value_lower'])} … {whole(row['forecast_value_upper'])}",
        ]
        for row in best
    ]
    return table(Text("Customers with the highest forecast value", "预测价值最高的客户"), heads, rows)
