"""kezhi serve: the web application."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from kezhi.cli.options import Lang, speak
from kezhi.language import KezhiError, Text

HELP = "The web application on this machine: pages, and a worker for runs and imports. / 启动网页应用与后台进程。"
INSTALL = 'pip install "kezhi[web]"'
NOT_INSTALLED = Text(
    "The web application is not installed ({missing} is missing). Install it with: {install}",
    "未安装网页应用（缺少 {missing}）。请执行：{install}",
)
BOTH = Text(
    "Give --web or --worker to start one of the two; without either both are started.",
    "--web 与 --worker 只写其一，只启动对应部分；都不写则同时启动两者。",
)

Port = typer.Option("--port", min=0, max=65535, metavar="N", help="Port to listen on. / 监听端口。")


def command(
    workspace: Annotated[
        Path,
        typer.Option("--workspace", envvar="KEZHI_WORKSPACE", help="The company's folder. / 工作区文件夹。"),
    ] = Path(),
    host: Annotated[
        str, typer.Option("--host", metavar="ADDRESS", help="Address to listen on. / 监听地址。")
    ] = "127.0.0.1",
    port: Annotated[int, Port] = 8000,
    web: Annotated[bool, typer.Option("--web", help="Only the pages. / 只启动网页。")] = False,
    worker: Annotated[bool, typer.Option("--worker", help="Only the worker. / 只启动后台进程。")] = False,
    browser: Annotated[bool, typer.Option("--open", help="Open it in the browser. / 在浏览器中打开。")] = False,
    lang: Lang = None,
) -> None:
    """Serve until Ctrl-C or SIGTERM."""
    speak(lang)
    if web and worker:
        raise KezhiError(BOTH)
    serving = application()
    place = serving.Place(workspace, host, port)
    serving.serve(place, at_once, web=not worker, worker=not web, browser=browser)


def application() -> Any:
    """What serves the web application; it is an extra, and kezhi itself must not need it."""
    try:
        import_module("django")
        import_module("huey")
        import_module("waitress")
        return import_module("kezhi_web.serving")
    except ModuleNotFoundError as error:
        raise KezhiError(NOT_INSTALLED.fill(missing=error.name, install=INSTALL)) from None


def at_once(text: Text) -> None:
    """Print a sentence now, even where nobody reads but a log."""
    typer.echo(str(text))
    sys.stdout.flush()
