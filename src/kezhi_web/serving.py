"""Serving the application: web server and worker as one command, or either alone.

Called by `kezhi serve` and `kezhi demo`. Nothing here touches Django's settings before `ready` has said where the
workspace is.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import subprocess
import sys
import threading
import time
import webbrowser
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kezhi.language import KezhiError, Text
from kezhi_web.runs import lifeline

THREADS = 8  # pages at once; a page takes tens of milliseconds
PATIENCE = 30.0  # seconds that the worker has to stop in good order
SOONEST, LATEST = 1.0, 30.0  # seconds before a worker that has died is started again
SETTLED = 60.0  # one that lived so long died of something new
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104  only asked whether it was given
DEMO_PORTS = 20
M_ARENA_MAX = -8  # malloc.h of the GNU library
WORKER = ["kezhi_web", "work"]
DATABASE = 60.0  # seconds in which a database must answer at the start

TAKEN = Text(
    "Port {port} of {host} is in use, perhaps by another kezhi. Choose another with --port {next}.",
    "{host} 的端口 {port} 已被占用，可能是另一个客值程序。请用 --port {next} 换一个。",
)
NOT_ALLOWED = Text(
    "The system does not let you listen on port {port}; take one above 1023, such as --port 8000.",
    "系统不允许使用端口 {port}；请使用大于 1023 的端口，例如 --port 8000。",
)
NO_ADDRESS = Text(
    "{host} is no address of this machine ({reason}). Use --host 127.0.0.1 for this machine only, or 0.0.0.0 for all.",
    "{host} 不是本机的地址（{reason}）。仅本机使用请写 --host 127.0.0.1，所有地址写 0.0.0.0。",
)
NO_DATABASE = Text(
    "The database of the application cannot be used ({reason}); check DATABASE_URL, or the rights to {folder}.",
    "无法使用应用的数据库（{reason}）；请检查 DATABASE_URL，或文件夹 {folder} 的权限。",
)
NO_PREPARED = Text(
    "The database has not been prepared for this version; start kezhi serve --web first.",
    "数据库尚未升级到此版本；请先启动 kezhi serve --web。",
)
WAITING = Text("Waiting for kezhi serve --web to prepare the database …", "等待 kezhi serve --web 准备数据库……")
SERVING = Text(
    "kezhi serves {folder} at {address} (Ctrl-C stops it)", "客值正在 {address} 提供 {folder}（按 Ctrl-C 停止）"
)
WORKING = Text("kezhi works for {folder} (Ctrl-C stops it)", "客值后台进程正在为 {folder} 工作（按 Ctrl-C 停止）")
FIRST = Text(
    "There is no account yet. Open {address} and make the first with this code: {code}",
    "还没有账号。请打开 {address}，用此代码创建第一个账号：{code}",
)
NAMES = Text(
    "Others reach this machine by a name or address of it: say which in KEZHI_HOSTS, such as "
    "KEZHI_HOSTS=crm.example.com.",
    "其他人通过本机的名称或地址访问：请在 KEZHI_HOSTS 中写明，例如 KEZHI_HOSTS=crm.example.com。",
)
STARTED_AGAIN = Text(
    "The worker ended (code {code}) and is started again.", "后台进程已结束（代码 {code}），正在重新启动。"
)
STOPPING = Text("Stopping …", "正在停止……")

Say = Callable[[Text], None]


@dataclass(frozen=True)
class Place:
    """Where to serve what. port None: the first free one from 8000 on."""

    workspace: Path
    host: str = "127.0.0.1"
    port: int | None = 8000

    def address(self, port: int) -> str:
        """For a browser on this machine."""
        host = "127.0.0.1" if self.host in EVERYWHERE else self.host
        return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


def serve(place: Place, say: Say, *, web: bool = True, worker: bool = True, browser: bool = False) -> None:
    """Serve until Ctrl-C or SIGTERM. say: prints a sentence."""
    if web:
        port = free(place)
        ready(place)
        migrate()
        _serve(place, port, say, worker=worker, browser=browser)
    elif worker:
        ready(place)
        _wait_for_database(say)
        _work(place, say)


def ready(place: Place) -> None:
    """Tell Django's settings where everything is, and load the application."""
    place.workspace.mkdir(parents=True, exist_ok=True)
    os.environ["DJANGO_SETTINGS_MODULE"] = "kezhi_web.settings"
    os.environ["KEZHI_WORKSPACE"] = str(place.workspace.absolute())
    if "KEZHI_HOSTS" not in os.environ and place.host not in (*EVERYWHERE, "127.0.0.1", "::1", "localhost"):
        os.environ["KEZHI_HOSTS"] = f"localhost,127.0.0.1,[::1],{place.host}"
    import django

    django.setup()


def migrate() -> None:
    """Bring the application's own tables to this version; a database that has just been started is waited for."""
    from django.conf import settings
    from django.core.management import call_command
    from django.db import DatabaseError, connection

    until = time.monotonic() + (0 if connection.vendor == "sqlite" else DATABASE)
    while True:
        try:
            call_command("migrate", verbosity=0, interactive=False)
            return
        except DatabaseError as error:
            connection.close()
            if time.monotonic() > until:
                reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
                raise KezhiError(NO_DATABASE.fill(reason=reason, folder=settings.OWN)) from None
            time.sleep(1)


def _wait_for_database(say: Say) -> None:
    from django.db import DatabaseError, connection
    from django.db.migrations.executor import MigrationExecutor

    until, told = time.monotonic() + DATABASE, False
    while True:
        try:
            executor = MigrationExecutor(connection)
            if not executor.migration_plan(executor.loader.graph.leaf_nodes()):
                return
        except DatabaseError:
            connection.close()
        if time.monotonic() > until:
            raise KezhiError(NO_PREPARED)
        if not told:
            say(WAITING)
            told = True
        time.sleep(1)


# --- the web server ---------------------------------------------------------------------------------------


def free(place: Place) -> int:
    """The port to listen on; raises KezhiError where it is taken."""
    if place.port is not None:
        _check(place.host, place.port)
        return place.port
    for port in range(8000, 8000 + DEMO_PORTS):
        try:
            _check(place.host, port)
        except KezhiError:
            continue
        return port
    raise KezhiError(TAKEN.fill(port=8000, host=place.host, next=8000 + DEMO_PORTS))


def _check(host: str, port: int) -> None:
    """Is nobody there, and may we be? Asked by calling first: some systems let two servers have the same port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    called = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    with socket.socket(family) as caller:
        caller.settimeout(0.5)
        try:
            taken = port != 0 and caller.connect_ex((called, port)) == 0
        except OSError:  # no such name
            taken = False
    if taken:
        raise KezhiError(TAKEN.fill(port=port, host=host, next=port + 1))
    with socket.socket(family) as listener:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            raise KezhiError(_refused(error, host, port)) from None


def _refused(error: OSError, host: str, port: int) -> Text:
    if error.errno == errno.EADDRINUSE:
        return TAKEN.fill(port=port, host=host, next=port + 1)
    if isinstance(error, PermissionError):
        return NOT_ALLOWED.fill(port=port)
    return NO_ADDRESS.fill(host=host, reason=error.strerror or error)


def _share_freed_memory() -> None:
    """Two arenas for all threads: on Linux each would keep what it has freed to itself, 12 of 385 MiB in all."""
    import ctypes

    with contextlib.suppress(AttributeError, OSError, TypeError):  # not the GNU library, or not Linux
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 2)


def _serve(place: Place, port: int, say: Say, *, worker: bool, browser: bool) -> None:
    import logging

    from django.conf import settings
    from django.urls import get_resolver
    from waitress.server import create_server

    from kezhi_web.wsgi import application

    _share_freed_memory()
    get_resolver().url_patterns  # noqa: B018  the first page is not to wait for it, and what is broken says so now
    logging.getLogger("waitress").setLevel(logging.ERROR)  # a full queue is no news
    try:
        server: Any = create_server(
            application,
            host=place.host,
            port=port,
            threads=THREADS,
            ident="kezhi",
            clear_untrusted_proxy_headers=False,
            # by itself it would refuse what is above 1 GB
            max_request_body_size=settings.UPLOAD_LIMIT + 2 * settings.DATA_UPLOAD_MAX_MEMORY_SIZE,
        )
    except OSError as error:
        raise KezhiError(_refused(error, place.host, port)) from None
    port = port or int(server.effective_port)
    hand = Hand(say) if worker else None
    try:
        if hand is not None:
            hand.start()
        _welcome(place, port, say, browser=browser)
        threading.Thread(target=_warm, daemon=True).start()
        server.run()  # ends by KeyboardInterrupt, which it keeps to itself
    except KeyboardInterrupt:  # a second one, or one before it runs
        pass
    finally:
        say(STOPPING)
        server.close()
        if hand is not None:
            hand.stop()


def _warm() -> None:
    """What the first filter of a customers list needs takes a second to load: better now than while somebody waits."""
    import ibis.backends.duckdb  # noqa: F401

    import kezhi.segmenting  # noqa: F401


def _welcome(place: Place, port: int, say: Say, *, browser: bool) -> None:
    from kezhi_web.people.first import setup_code

    address = place.address(port)
    say(SERVING.fill(folder=place.workspace, address=address))
    code = setup_code()
    if code is not None:
        say(FIRST.fill(address=f"{address}first", code=code))
    if place.host in EVERYWHERE and "KEZHI_HOSTS" not in os.environ:
        say(NAMES)
    if browser and _has_screen():
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()


def _has_screen() -> bool:
    """A browser that would open in the terminal itself is no help."""
    return sys.platform in ("win32", "darwin") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


# --- the worker -------------------------------------------------------------------------------------------


class Hand:
    """Keeps a worker alive in a process of its own, which ends when this one does, however it ends."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._ended = threading.Event()
        self._process: subprocess.Popen[Any] | None = None
        self._thread = threading.Thread(target=self._keep, name="kezhi-worker", daemon=True)

    def start(self) -> None:
        """Start it, and again whenever it dies."""
        self._process = lifeline.start(WORKER)
        self._thread.start()

    def stop(self) -> None:
        """End it in good order: what it is at waits for the next."""
        self._ended.set()
        if self._process is not None:
            lifeline.let_go(self._process, PATIENCE)

    def _keep(self) -> None:
        pause = SOONEST
        while self._process is not None:
            begun = time.monotonic()
            code = self._process.wait()
            if self._ended.is_set():
                return
            pause = SOONEST if time.monotonic() - begun > SETTLED else min(pause * 2, LATEST)
            self._say(STARTED_AGAIN.fill(code=code))
            if self._ended.wait(pause):
                return
            self._process = lifeline.start(WORKER)


def _work(place: Place, say: Say) -> None:
    from kezhi_web.runs.working import main

    say(WORKING.fill(folder=place.workspace))
    main()


# --- the demo ---------------------------------------------------------------------------------------------


def serve_demo(place: Place, say: Say) -> None:
    """Serve the demo company with accounts for every role, its pages ready; on a terminal in a browser, too."""
    ready(place)
    pages = threading.Thread(target=_prepare, daemon=True)  # a process of its own, beside what follows
    pages.start()
    migrate()
    _cast()
    pages.join()
    port = free(place)
    _serve(place, port, say, worker=True, browser=sys.stdout.isatty())


def _prepare() -> None:
    from kezhi_web.shown.parts import prepare
    from kezhi_web.shown.run import named

    with contextlib.suppress(KezhiError):  # whoever comes first makes them
        prepare(named(None))


def _cast() -> None:
    """The salesperson looks after the customers of whoever has most."""
    from django.contrib.auth import get_user_model

    from kezhi_web.people.demo import CAST, make_cast
    from kezhi_web.shown import Rows
    from kezhi_web.shown.run import named

    if get_user_model().objects.filter(username__in=CAST).count() == len(CAST):
        return
    rows = Rows(named(None), None, False)
    owners: list[dict[str, Any]] = []
    if "owner" in rows.columns("attributes"):
        counted = "where owner is not null group by owner order by count(*) desc, owner limit 1"
        owners = rows.ask(f"select owner from {rows.table('attributes')} {counted}")
    make_cast(owners[0]["owner"] if owners else "")
