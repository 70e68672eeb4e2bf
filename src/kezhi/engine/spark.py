"""Apache Spark as the table engine: the same table steps, computed by a cluster's executors."""

from __future__ import annotations

import glob
import itertools
import logging
import os
import re
import secrets
import shutil
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kezhi.engine.base import Engine
from kezhi.engine.duckdb import DuckEngine
from kezhi.language import KezhiError, Text

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

NO_PYSPARK = Text(
    'Spark needs a package that is not installed: pip install "kezhi[spark]"',
    'Spark 引擎需要的软件包尚未安装：pip install "kezhi[spark]"',
)
NO_START = Text(
    "Spark did not start. It needs Java 17: install it, or set JAVA_HOME. ({reason})",
    "Spark 未能启动。它需要 Java 17：请安装，或设置 JAVA_HOME。（{reason}）",
)
NO_SESSION = Text(
    "The engine is duckdb, spark or a classic SparkSession, not {given}.",
    "引擎是 duckdb、spark 或经典的 SparkSession，而不是 {given}。",
)
NOT_READ = Text("Spark cannot read {path} as Parquet: {reason}", "Spark 无法将 {path} 作为 Parquet 读取：{reason}")
UNSEEN = Text(
    "Spark wrote {name}, but it is not to be seen from here. Choose an --out folder on storage that the driver and "
    "all executors see under the same path.",
    "Spark 已写出 {name}，但此处看不到。请把 --out 设为驱动程序和所有执行器以相同路径可见的存储。",
)

# what every session of ours needs to give DuckDB's results; set on a session of its own, never on the user's
EXACT = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",  # an overflow is an error, not a wrong number
    "spark.sql.decimalOperations.allowPrecisionLoss": "false",  # money keeps its digits
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
    "spark.sql.parquet.int96RebaseModeInWrite": "CORRECTED",
    "spark.sql.mapKeyDedupPolicy": "LAST_WIN",
}
_LOGGING = Path(__file__).with_name("log4j2.properties")
# for a session that kezhi opens itself; --spark-conf wins over these
QUIET = {
    "spark.ui.enabled": "false",
    "spark.driver.extraJavaOptions": f"-Dlog4j2.configurationFile={_LOGGING.as_uri()}",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.adaptive.coalescePartitions.parallelismFirst": "false",
}
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Spark:
    """A Spark session to be opened; `master` is by default spark-submit's, or all cores of this machine."""

    master: str | None = None
    conf: Mapping[str, str] = field(default_factory=dict)

    def open(self) -> Any:
        """The session, quiet, in local mode with few partitions. Raises KezhiError where PySpark or Java is missing."""
        builder = _pyspark_session().builder.appName("kezhi")
        if self.master or not _submitted():
            builder = builder.master(self.master or "local[*]")
        for name, value in {**QUIET, **self._for_one_machine(), **self.conf}.items():
            builder = builder.config(name, value)
        handler = signal.getsignal(signal.SIGINT)
        try:
            session = builder.getOrCreate()
        except Exception as error:  # of Py4J or of PySpark, by version
            raise KezhiError(NO_START.fill(reason=str(error).splitlines()[0])) from error
        finally:
            if threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGINT, handler)  # PySpark's own would outlive the session
        logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)  # errors are raised as well
        return session

    def _for_one_machine(self) -> dict[str, str]:
        """Few partitions where there are few cores; a cluster keeps Spark's own numbers."""
        if _submitted() or not (self.master or "local").startswith("local"):
            return {}
        return {
            "spark.sql.shuffle.partitions": str(max(2 * (os.cpu_count() or 1), 4)),
            "spark.driver.host": "localhost",
        }


def _pyspark_session() -> Any:
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        raise KezhiError(NO_PYSPARK) from None
    return SparkSession


def _submitted() -> bool:
    """Did spark-submit start this program? Then it has said where the master is."""
    return "PYSPARK_GATEWAY_PORT" in os.environ


class SparkEngine(Engine):
    """The tables in Spark; files on this machine are still read by DuckDB (see `local`)."""

    name = "spark"

    def __init__(
        self, spark: Any, *, memory_limit: str | None = None, threads: int | None = None, scratch: Path | None = None
    ) -> None:
        self._own = isinstance(spark, Spark)
        given = spark.open() if isinstance(spark, Spark) else _checked(spark)
        super().__init__(scratch)
        self._given = given
        self._limits: dict[str, Any] = {"memory_limit": memory_limit, "threads": threads, "scratch": scratch}
        # a session of its own has its own settings and views; executors and stored tables are shared
        self.session = given.newSession()
        for name, value in {**given.conf.getAll, **EXACT}.items():
            if name.startswith("spark.sql.") and self.session.conf.isModifiable(name):
                self.session.conf.set(name, value)
        self.connection = _connect(self.session)
        self._one_machine = given.sparkContext.master.startswith("local")
        self._stored: list[tuple[str, Callable[[], Any]]] = []  # names, and what frees the rows
        self._global: list[str] = []
        self._group, self._interrupted = f"kezhi-{secrets.token_hex(4)}", False
        self._local: Engine | None = None

    def close(self) -> None:
        """Free what was stored; stop the session if it was opened here."""
        self._drop(0)
        for name in self._global:
            self.session.catalog.dropGlobalTempView(name)
        if self._local is not None:
            self._local.close()
        if self._own:
            self._given.stop()
        self._scratch.cleanup()

    def interrupt(self) -> None:
        """Stop the jobs at work, from another thread."""
        self._interrupted = True
        self._given.sparkContext.cancelJobGroup(self._group)

    @property
    def versions(self) -> dict[str, str]:
        """The cluster's Spark, which need not be the PySpark of the driver."""
        return {"spark": self._given.version}

    @property
    def local(self) -> Engine:
        """DuckDB on the driver."""
        if self._local is None:
            self._local = DuckEngine(**self._limits)
        return self._local

    def read_parquet(self, paths: str | Path | Sequence[str | Path]) -> ir.Table:
        """One or more Parquet files or folders as a table, columns matched by name."""
        several = [paths] if isinstance(paths, str | Path) else list(paths)
        frame = self.session.read.option("mergeSchema", len(several) > 1).parquet(*map(_exactly, several))
        return self._view(frame, "read")

    def scan_parquet(self, paths: Sequence[str]) -> ir.Table:
        """The same with `filename`, and `file_row_number` from 0."""
        from pyspark.sql.functions import col, replace, url_decode
        from pyspark.sql.functions import lit as text

        frame = self.session.read.option("mergeSchema", len(paths) > 1).parquet(*map(_exactly, paths))
        name = url_decode(replace(col("_metadata.file_name"), text("+"), text("%2B")))  # given as part of an address
        row = col("_metadata.row_index")
        return self._view(frame.select("*", name.alias("filename"), row.alias("file_row_number")), "read")

    def reads(self, given: object) -> bool:
        """Spark opens addresses of other storage, paths that only the cluster's file system has, and its own frames."""
        if isinstance(given, str | Path):
            return _is_address(given) or not (glob.has_magic(str(given)) or Path(given).expanduser().exists())
        return _is_spark_object(given) and hasattr(given, "createGlobalTempView")

    def open(self, given: Any) -> ir.Table:
        """Parquet at an address, or a Spark DataFrame of any session of the same application.

        Raises FileNotFoundError where nothing is there, KezhiError where it is no Parquet.
        """
        if not isinstance(given, str | Path):
            name = f"kezhi_frame_{next(_numbers)}"
            given.createGlobalTempView(name)
            self._global.append(name)
            return self._view(self.session.table(f"global_temp.{name}"), "given")
        try:
            return self.scan_parquet([str(given)])
        except Exception as error:  # of PySpark, by version
            if "PATH_NOT_FOUND" in str(error):
                raise FileNotFoundError(given) from None
            raise KezhiError(NOT_READ.fill(path=given, reason=str(error).splitlines()[0])) from error

    def table(self, data: pa.Table) -> ir.Table:
        """An Arrow table as a table of the engine."""
        frame = self.session.createDataFrame(data)
        return self._view(frame, "given")

    def keyed(self, ids: ir.Table) -> ir.Table:
        """The ids are their own keys: to number them in order, all would have to pass through one machine."""
        return self.store(ids.mutate(customer=ids.customer_id))

    def latest(self, value: Any, number: Any, where: Any) -> Any:
        """Spark's max_by, without rows that have no value, which DuckDB passes over by itself."""
        return value.argmax(number, where=where & value.notnull())

    def take(self, expression: ir.Table) -> ir.Table:
        """A table of the engine on the driver as a table of Spark.

        By way of a Parquet file where driver and executors are one machine; else it is sent, from the driver's memory.
        """
        if not self._one_machine:
            return self.store(self.table(self.local.fetch(expression)))
        path = self.scratch / f"taken_{next(_numbers)}.parquet"
        self.local.write_parquet(expression, path)
        return self.read_parquet(path)

    def store(self, expression: ir.Table) -> ir.Table:
        """Compute an expression once and keep the result on the executors until the connection ends."""
        from pyspark import StorageLevel

        if self._one_machine:  # with its executors everything is lost: no need to hand every task how rows were made
            return self.settle(expression)
        with self._working():
            frame = self._frame(expression).persist(StorageLevel.MEMORY_AND_DISK)
            frame.count()
        table = self._view(self._afresh(frame), "step")
        self._stored.append((table.get_name(), frame.unpersist))
        return table

    def settle(self, expression: ir.Table) -> ir.Table:
        """Compute an expression and let go of what it was made from: a long line of stored tables, each made from the
        one before, is more than an executor can read. A part lost with an executor is lost.
        """
        with self._working():
            frame = self._frame(expression).localCheckpoint()
        table = self._view(frame, "step")
        self._stored.append((table.get_name(), self._rows_of(frame)))
        return table

    def forget(self, *tables: ir.Table) -> None:
        """Let the executors drop stored tables."""
        names = {table.get_name() for table in tables}
        kept = [one for one in self._stored if one[0] not in names]
        self._stored, gone = kept, [one for one in self._stored if one[0] in names]
        self._free(gone)

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Tables stored within are dropped at the end; only what was fetched or written remains."""
        kept = len(self._stored)
        try:
            yield
        finally:
            self._drop(kept)

    def fetch(self, expression: ir.Table) -> pa.Table:
        """The result of an expression in memory; meant for small results."""
        with self._working():
            return self._frame(expression).toArrow().cast(expression.schema().to_pyarrow())

    def write_parquet(self, expression: ir.Table, path: Path) -> None:
        """Let the executors write an expression: one file, or, where it has several parts, a folder of them in order.

        Raises KezhiError where the executors have written to a disk that is not this machine's.
        """
        written = path.with_name(f".{path.name}-parts")
        with self._working():
            self._frame(expression).write.mode("overwrite").option("compression", "zstd").parquet(_address(written))
        parts = sorted(written.glob("part-*.parquet"))
        if not (written / "_SUCCESS").exists() or not parts:
            shutil.rmtree(written, ignore_errors=True)
            raise KezhiError(UNSEEN.fill(name=path.name))
        _remove(path)
        if len(parts) == 1:
            parts[0].replace(path)
            shutil.rmtree(written)
        else:
            written.replace(path)

    def _afresh(self, frame: Any) -> Any:
        """A stored table without the plan that made it, which Spark would study again with every question asked of it.

        The rows are still those of the store: a part lost with an executor is computed again, unlike a checkpoint's.
        """
        from pyspark.sql import DataFrame

        java = self.session._jsparkSession
        rows = frame._jdf.queryExecution().toRdd()
        return DataFrame(java.internalCreateDataFrame(rows, frame._jdf.schema(), False), self.session)

    @contextmanager
    def _working(self) -> Iterator[None]:
        """Jobs of this engine, which `interrupt` can stop without touching others of the same session."""
        context = self._given.sparkContext
        context.setJobGroup(self._group, "kezhi", interruptOnCancel=True)
        try:
            yield
        except Exception:
            if self._interrupted:
                raise KeyboardInterrupt from None
            raise
        finally:
            context.setLocalProperty("spark.jobGroup.id", None)

    def _frame(self, expression: ir.Table) -> Any:
        self.connection._run_pre_execute_hooks(expression)
        return self.session.sql(self.connection.compile(expression))

    def _view(self, frame: Any, kind: str) -> ir.Table:
        name = f"kezhi_{kind}_{next(_numbers)}"
        frame.createTempView(name)
        return self.connection.table(name)

    def _drop(self, kept: int) -> None:
        gone, self._stored = self._stored[kept:], self._stored[:kept]
        self._free(gone)

    def _rows_of(self, frame: Any) -> Callable[[], Any]:
        """What frees the rows of a checkpoint: to unpersist the frame would leave them where they are."""
        context, number = self._given.sparkContext._jsc.sc(), frame._jdf.queryExecution().logical().rdd().id()
        return lambda: context.unpersistRDD(number, False)

    def _free(self, gone: list[tuple[str, Callable[[], Any]]]) -> None:
        for name, free in gone:
            with suppress(Exception):  # the session may have ended before us
                self.session.catalog.dropTempView(name)
                free()


def _checked(given: Any) -> Any:
    """A session of the classic kind: one that talks to a remote server by Spark Connect has no session to share."""
    if not _is_spark_object(given) or ".connect." in type(given).__module__ or not hasattr(given, "newSession"):
        raise KezhiError(NO_SESSION.fill(given=type(given).__name__ if not isinstance(given, str) else given))
    return given


def _is_spark_object(given: object) -> bool:
    return type(given).__module__.startswith("pyspark.sql")


def _connect(session: Any) -> Any:
    from kezhi.engine.spark_sql import backend

    return backend()(session)


def _is_address(path: str | Path) -> bool:
    """Does it name its storage, as s3a://..., hdfs:/... and file:/... do? (A drive letter is no such name.)"""
    scheme, colon, _ = str(path).partition(":/")
    return bool(colon) and len(scheme) > 1 and scheme.isalnum()


def _address(path: str | Path) -> str:
    """A path as Spark takes it: what this machine has as such, the rest unchanged, for the cluster to find."""
    if _is_address(path) or (isinstance(path, str) and not Path(path).exists()):
        return str(path)
    return f"file://{Path(path).absolute().as_posix()}"  # not as_uri: Spark takes %20 for three characters


def _exactly(path: str | Path) -> str:
    """The address of what is to be read; a file of this machine may have signs in its name that make a pattern."""
    address = _address(path)
    return address if address == str(path) else re.sub(r"([\[\]{}*?\\])", r"\\\1", address)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
