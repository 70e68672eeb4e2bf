"""Which engine computes the tables, as options say it."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

import typer

from kezhi.language import KezhiError, Text


class EngineName(StrEnum):
    """The engines of the tables."""

    duckdb = "duckdb"
    spark = "spark"


UsedEngine = Annotated[
    EngineName, typer.Option("--engine", help="What computes the tables: this machine, or Spark. / 计算引擎。")
]
SparkMaster = Annotated[
    str | None, typer.Option(metavar="URL", help="Spark's master (default: all cores here). / Spark 主节点地址。")
]
SparkConf = Annotated[
    list[str] | None, typer.Option(metavar="KEY=VALUE", help="A setting of Spark; repeatable. / Spark 设置，可重复。")
]

ONLY_SPARK = Text(
    "--spark-master and --spark-conf mean something only with --engine spark.",
    "--spark-master 和 --spark-conf 只能与 --engine spark 一起使用。",
)
NO_PAIR = Text(
    "`--spark-conf {given}` is not of the form key=value, such as spark.executor.memory=8g.",
    "`--spark-conf {given}` 的写法不对，应为 键=值，例如 spark.executor.memory=8g。",
)


def chosen(engine: EngineName, master: str | None, conf: Sequence[str] | None) -> object:
    """What `analyse` takes as its engine. Raises KezhiError where the options do not fit together."""
    if engine is not EngineName.spark:
        if master or conf:
            raise KezhiError(ONLY_SPARK)
        return engine.value
    from kezhi.engine import Spark

    return Spark(master, dict(_pair(one) for one in conf or ()))


def _pair(given: str) -> tuple[str, str]:
    key, equals, value = given.partition("=")
    if not (key and equals):
        raise KezhiError(NO_PAIR.fill(given=given))
    return key, value
