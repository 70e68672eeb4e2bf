"""kezhi demo: a company to look at, analysed."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from kezhi.cli.news import news
from kezhi.cli.options import Lang, speak
from kezhi.cli.screen import Heads, say, screen, table, tick, whole
from kezhi.cli.serve import Port, application, at_once
from kezhi.language import KezhiError, Text, preferred_language
from kezhi.progress import Outlook, Stages, part

MAKING = Text("Making the demo company", "生成示例公司")
REFERRALS = Text("Five years of one customer and those sent by them", "一位客户及其推荐的客户：五年的价值")
HELP = "Make a demo company, analyse it, and open it in the web application. / 生成示例公司并分析，打开网页应用。"
THERE = Text("The demo company is there already: {folder}", "示例公司已存在：{folder}")


class Sample(StrEnum):
    """The companies that can be made."""

    teahouse = "teahouse"
    referrals = "referrals"


def command(
    out: Annotated[Path, typer.Option("--out", help="Folder of the demo company. / 示例公司文件夹。")] = Path(
        "demo-company"
    ),
    customers: Annotated[int, typer.Option(min=1, help="How many customers. / 客户数。")] = 5000,
    seed: Annotated[int, typer.Option(help="The same seed makes the same company. / 随机种子。")] = 20251122,
    sample: Annotated[
        Sample,
        typer.Option(
            "--sample", help="Which company: a tea house, or the case 1 = 12 800. / 示例：茶庄或 1=12800 案例。"
        ),
    ] = Sample.teahouse,
    serve: Annotated[
        bool, typer.Option("--serve/--no-serve", help="Open the web application on it. / 是否启动网页应用。")
    ] = True,
    port: Annotated[int | None, Port] = None,
    lang: Lang = None,
) -> None:
    """Files in OUT/files, a workspace around them, a first run, and the web application on it."""
    speak(lang)
    wish: dict[str, Any] = {"sample": sample.value}
    if sample == Sample.teahouse:
        wish |= {"customers": customers, "seed": seed}
    if lang is not None:
        wish["language"] = lang.value
    open_it = _opener(out, port) if serve else None  # a port that is taken is told before the work begins
    if serve and _is_there(out, wish):
        tick(THERE.fill(folder=out))
    else:
        _make(out, wish | {"language": preferred_language()})
    if open_it is not None:
        open_it()


def _is_there(out: Path, wish: Mapping[str, Any]) -> bool:
    """Is there a whole demo company, made as wished?"""
    from kezhi.workspace import DEMO_MARK, Workspace

    try:
        made = json.loads((out / DEMO_MARK).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return wish.items() <= made.items() and Workspace(out).latest_run() is not None


def _opener(out: Path, port: int | None) -> Callable[[], None]:
    """What opens the web application on it; where that is not installed, what says how to get it."""
    try:
        serving = application()
    except KezhiError as error:
        missing = error.text
        return lambda: say(screen(), missing)
    place = serving.Place(out, port=port)
    serving.free(place)
    return lambda: serving.serve_demo(place, at_once)


def _make(out: Path, wish: Mapping[str, Any]) -> None:
    from kezhi.analysis import analyse
    from kezhi.cli.importing import add
    from kezhi.cli.run import show
    from kezhi.sources import TABLES
    from kezhi.workspace import DEMO_MARK, make_demo_folder, write_json

    make_demo_folder(out)
    begun = time.perf_counter()
    with news(programs=False) as tell, _removed_unless_finished(out):
        with Stages(part(tell, 0.0, 0.3, begun), {"make": MAKING}, Outlook(("make",))) as stages, stages("make"):
            case = wish["sample"] == Sample.referrals
            files = _case(out) if case else _teahouse(out, wish["customers"], wish["seed"])
        tables = [one for one in TABLES if one in files]
        for n, name in enumerate(tables):
            first, last = (0.3 + 0.2 * place / len(tables) for place in (n, n + 1))
            add(out, name, [str(files[name])], None, part(tell, first, last, begun))
        done = analyse(workspace=out, progress=part(tell, 0.5, 1.0, begun))
        write_json(out / DEMO_MARK, {"made_by": "kezhi demo", **wish})
    console = screen()
    show(console, done)
    if case:
        console.print(_years(done))
    told = Text(
        "The company's files: {files}\nAnalyse your own: kezhi run YOUR_ORDERS.csv --out results",
        "示例公司的文件：{files}\n分析您自己的数据：kezhi run 您的订单.csv --out results",
    )
    say(console, told.fill(files=out / "files"))


def _teahouse(out: Path, customers: int, seed: int) -> Mapping[str, Path]:
    from kezhi.demo import make_company

    return make_company(out / "files", customers=customers, seed=seed, language=preferred_language()).files


def _case(out: Path) -> Mapping[str, Path]:
    from kezhi.demo import make_referral_case

    case = make_referral_case(out / "files", preferred_language())
    (out / "kezhi.toml").write_text(case.settings, encoding="utf-8")
    return case.files


def _years(done: Any) -> Any:
    """The case's table, from the run: what the customers sold and cost together, year by year."""
    heads: Heads = [
        (Text("year", "年"), "left"),
        (Text("own purchases", "自身购买"), "right"),
        (Text("of those they sent", "被推荐客户购买"), "right"),
        (Text("sales", "销售额"), "right"),
        (Text("cost", "成本费用"), "right"),
        (Text("gross profit", "毛利"), "right"),
        (Text("added up", "累计"), "right"),
    ]
    rows = [
        [
            str(row["period"].year),
            *(whole(row[name]) for name in ("own_amount", "referred_amount", "amount")),
            whole(row["cost"] + row["expense"]),
            *(whole(row[name]) for name in ("value", "cumulative_value")),
        ]
        for row in done.table("referral_periods").to_pylist()
        if row["customer_id"] is None
    ]
    return table(REFERRALS, heads, rows)


@contextmanager
def _removed_unless_finished(folder: Path) -> Iterator[None]:
    """A demo company is made whole or not at all."""
    try:
        yield
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
