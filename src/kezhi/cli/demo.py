"""kezhi demo: a company to look at, analysed."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from kezhi.cli.news import news
from kezhi.cli.options import Lang, speak
from kezhi.cli.screen import say, screen
from kezhi.language import Text, preferred_language
from kezhi.progress import Outlook, Stages, part

MAKING = Text("Making the demo company", "生成示例公司")
HELP = "Make a demo company, analyse it, show the result. / 生成示例公司并分析。"


def command(
    out: Annotated[Path, typer.Option("--out", help="Folder of the demo company. / 示例公司文件夹。")] = Path(
        "demo-company"
    ),
    customers: Annotated[int, typer.Option(min=1, help="How many customers. / 客户数。")] = 5000,
    seed: Annotated[int, typer.Option(help="The same seed makes the same company. / 随机种子。")] = 20251122,
    lang: Lang = None,
) -> None:
    """Files in OUT/files, a workspace around them, and a first run."""
    speak(lang)
    from kezhi.analysis import analyse
    from kezhi.cli.importing import add
    from kezhi.cli.run import show
    from kezhi.demo import make_company
    from kezhi.sources import TABLES
    from kezhi.workspace import make_demo_folder

    make_demo_folder(out)
    begun = time.perf_counter()
    with news(programs=False) as tell, _removed_unless_finished(out):
        with Stages(part(tell, 0.0, 0.3, begun), {"make": MAKING}, Outlook(("make",))) as stages, stages("make"):
            company = make_company(out / "files", customers=customers, seed=seed, language=preferred_language())
        tables = [name for name in TABLES if name in company.files]
        for n, table in enumerate(tables):
            first, last = (0.3 + 0.2 * place / len(tables) for place in (n, n + 1))
            add(out, table, [str(company.files[table])], None, part(tell, first, last, begun))
        done = analyse(workspace=out, progress=part(tell, 0.5, 1.0, begun))
    console = screen()
    show(console, done)
    told = Text(
        "The company's files: {files}\nAnalyse your own: kezhi run YOUR_ORDERS.csv --out results",
        "示例公司的文件：{files}\n分析您自己的数据：kezhi run 您的订单.csv --out results",
    )
    say(console, told.fill(files=out / "files"))


@contextmanager
def _removed_unless_finished(folder: Path) -> Iterator[None]:
    """A demo company is made whole or not at all."""
    try:
        yield
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
