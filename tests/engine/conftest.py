"""Both engines, for tests that ask the same of each. One Spark session serves all tests of the process."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from kezhi.engine import Engine, Spark, open_engine

# starting fast matters more than running fast: no second compiler, no generated code, hardly any parallelism
SMALL = {
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.session.timeZone": "America/New_York",  # of the user's session; kezhi's own has UTC
}


@pytest.fixture(scope="session")
def spark_session() -> Iterator[Any]:
    pytest.importorskip("pyspark", reason="PySpark is not installed: pip install -e '.[dev]'")
    if not shutil.which("java") and not os.environ.get("JAVA_HOME"):
        pytest.skip("Spark needs Java 17, and there is no java on this machine")
    session = Spark("local[2]", SMALL).open()
    yield session
    session.stop()


@pytest.fixture(scope="session")
def spark(spark_session: Any) -> Iterator[Engine]:
    with open_engine(spark_session) as made:
        yield made


@pytest.fixture(params=["duckdb", "spark"])
def either(request: pytest.FixtureRequest) -> Engine:
    """One engine after the other."""
    made: Engine = request.getfixturevalue("engine" if request.param == "duckdb" else "spark")
    return made
