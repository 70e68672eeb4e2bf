"""kezhi needs: what a customer may need next, and which customers a product may interest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kezhi.cli.options import AsJson, Lang, run_folder, speak
from kezhi.cli.screen import Heads, count, money, print_json, say, screen, share, table, tick
from kezhi.language import KezhiError, Text, preferred_language

if TYPE_CHECKING:
    import pyarrow as pa

HELP = "What a customer may need next, or who may want a product. / 客户未来需求，或某产品适合的客户。"
SHOWN = 20

ONE_OF_TWO = Text("Give either --customer or --product.", "请指定 --customer 或 --product 之一。")
NO_NEEDS = Text(
    "The run {run} holds no needs: its order lines name no product, or 'needs' is not among the setting 'senses'.",
    "运行 {run} 中没有未来需求：订单明细没有产品编号，或设置项 'senses' 未包含 'needs'。",
)
NOTHING = Text("No need is foreseen for this customer.", "没有为该客户推测出需求。")
WRONG_FILE = Text(
    "--to wants a file named .csv or .parquet, not {file}.", "--to 需要 .csv 或 .parquet 文件，而不是 {file}。"
)
NO_FOLDER = Text("There is no folder {folder}.", "文件夹 {folder} 不存在。")


def command(
    customer: Annotated[
        str | None, typer.Option("--customer", metavar="ID", help="The needs of this customer. / 该客户的未来需求。")
    ] = None,
    product: Annotated[
        str | None, typer.Option("--product", metavar="ID", help="Customers for this product. / 该产品适合的客户。")
    ] = None,
    related: Annotated[
        list[str] | None,
        typer.Option("--related", metavar="ID", help="With --product: a product it goes with. / 与之相关的产品。"),
    ] = None,
    workspace: Annotated[Path, typer.Option("--workspace", help="The company's folder. / 工作区文件夹。")] = Path(),
    run: Annotated[str | None, typer.Option("--run", help="A run's name; default the newest. / 运行名。")] = None,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FILE", help="Write the list: .csv or .parquet. / 输出文件。")
    ] = None,
    json: AsJson = False,
    lang: Lang = None,
) -> None:
    """Needs are read from a run; customers for a product are found anew from the workspace's book."""
    speak(lang, programs=json)
    if (customer is None) == (product is None):
        raise KezhiError(ONE_OF_TWO)
    if to is not None:
        _check(to)
    rows = (
        _needs(workspace, run, customer) if customer is not None else _prospects(workspace, run, str(product), related)
    )
    if to is not None:
        _write(rows, to)
    if json:
        print_json(rows.to_pylist())
        return
    _print(rows, customer is not None)
    if to is not None:
        tick(to)


def _check(to: Path) -> None:
    if to.suffix.lower() not in (".csv", ".parquet"):
        raise KezhiError(WRONG_FILE.fill(file=to.name))
    if not to.parent.exists():
        raise KezhiError(NO_FOLDER.fill(folder=to.parent))


def _needs(workspace: Path, run: str | None, customer: str) -> pa.Table:
    from kezhi.engine import open_engine

    folder = run_folder(workspace, run)
    path = folder / "needs.parquet"
    if not path.exists():
        raise KezhiError(NO_NEEDS.fill(run=folder.name))
    with open_engine() as engine:
        needs = engine.read_parquet(path)
        return engine.fetch(needs.filter(needs.customer_id == customer).order_by("rank"))


def _prospects(workspace: Path, run: str | None, product: str, related: list[str] | None) -> pa.Table:
    import kezhi

    place = workspace if run is None else run_folder(workspace, run)
    found: pa.Table = kezhi.customers_for(place, product, related=related or ())
    return found


def _write(rows: pa.Table, to: Path) -> None:
    if to.suffix.lower() == ".csv":
        from pyarrow import csv

        with to.open("wb") as file:
            file.write("\ufeff".encode())  # so that Excel reads it as UTF-8
            csv.write_csv(rows, file)
    else:
        import pyarrow.parquet as pq

        pq.write_table(rows, to, compression="zstd")


def _print(rows: pa.Table, of_customer: bool) -> None:
    from kezhi.worth.needs.words import why

    console = screen()
    if not rows.num_rows:
        say(console, NOTHING)
        return
    shown: list[dict[str, Any]] = rows.slice(0, SHOWN).to_pylist()
    first = (Text("product", "产品"), Text("expected", "预计日期")) if of_customer else (Text("customer", "客户"),)
    heads: Heads = [
        (Text("rank", "序"), "right"),
        *((head, "left") for head in first),
        (Text("chance", "概率"), "right"),
        (Text("expected value", "期望价值"), "right"),
        (Text("why", "原因"), "left"),
    ]
    cells = [
        [
            count(row["rank"]),
            *([row["product_name"] or row["product_id"], str(row["expected_on"] or "–")] if of_customer else []),
            *([] if of_customer else [row["customer_id"]]),
            share(row["probability"]),
            money(row["expected_value"]),
            why(row).to(preferred_language()),
        ]
        for row in shown
    ]
    title = (
        Text("What the customer may need next", "客户未来需求")
        if of_customer
        else Text("Customers for the product: {n}", "该产品适合的客户：{n} 位").fill(n=count(rows.num_rows))
    )
    console.print(table(title, heads, cells))
