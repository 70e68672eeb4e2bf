"""The same company analysed on both engines: the same run folder."""

from __future__ import annotations

import json
import math
import shutil
from csv import DictReader, DictWriter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq
import pytest

from kezhi.analysis import Run, analyse
from kezhi.demo import make_company
from kezhi.intake import BOOK_TABLES
from kezhi.topics import AFTERWARDS, TOPICS
from kezhi.worth import Early

# to plan again after every step costs more than such small steps do; tables are then folders of two parts
ADAPTIVE = "spark.sql.adaptive.enabled"
NOW = datetime(2026, 11, 22, tzinfo=UTC)
LEAST = ("customers", "periods", "forecast", "current_period", "quarantine/orders")
OWN = ("seconds", "versions")  # what two runs need not share
CARRIED = ("rfm", "tiers", "risk", "clusters", "alerts", "segments")  # what a run takes from the one before
SETTINGS: dict[str, Any] = {
    "segments": {
        "reckoned": "value / purchases > 2 * forecast_value and purchases >= 2",
        "quoted": "`club (A.B)` = 'O''Hara' or `club (A.B)` contains '\\'",
        "between": "idle_periods between 1 and 6 and last_purchase >= 2024-01-01",
        "listed": "tier in ('vip', 'Large') or source in ('fair', 'search')",
        "nobody": "region = 'Nowhere'",
    },
    "clusters": {"number": 3},
    "rfm": {"model_based": True},
    "weekly": {"fields": ["region"]},
    "alerts": {"least_value": 0.0, "overdue": 0.6, "contact_tiers": ["vip", "large", "ordinary"]},
}


@pytest.fixture(scope="module")
def runs(spark_session: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Run]:
    """A company with costs, shared expenses, returns and bad lines; the orders in Parquet, as a cluster has them.

    The published rule is asked for: every other method's steps are computed on the way. There is a run of an earlier
    day, so that tiers, alerts, segments and clusters have something to go on from.
    """
    folder = tmp_path_factory.mktemp("company")
    files = make_company(folder, customers=120, dirt=False).files
    beside = {name: str(files[name]) for name in BOOK_TABLES if name in files and name != "orders"}
    orders = folder / "orders.parquet"
    _as_parquet(files["orders"], orders)
    _with_notes(files["customers"])
    given = SETTINGS | {"now": NOW} | beside
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kezhi.analysis.write_report", lambda *_: None)
        earlier = analyse(str(orders), out=folder / "earlier", as_of="2025-06-15", senses=CARRIED, **given).folder
    spark_session.conf.set(ADAPTIVE, "false")
    with pytest.MonkeyPatch.context() as patch:
        # as a workspace would say; to import everything into one first would take as long again
        patch.setattr("kezhi.analysis.Early", lambda *told: Early(*told[:3], (earlier,)))
        made = [
            analyse(str(orders), out=folder / name, model="transition", as_of="2025-09-20", engine=engine, **given)
            for name, engine in (("duckdb", "duckdb"), ("spark", spark_session))
        ]
    spark_session.conf.set(ADAPTIVE, "true")
    return made[0], made[1]


def _with_notes(path: Path) -> None:
    """Columns that companies add to their customers, as people write in them."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(DictReader(file))
    for number, row in enumerate(rows):
        row["tags"] = ("new|sample", "key account", "sample；old", "")[number % 4]
        row["reviewed_on"] = ("2025/1/5", "2024-02-01", "2025", "soon", "")[number % 5]
        row["club (A.B)"] = ("O'Hara", "North\\South", "")[number % 3]
    with path.open("w", encoding="utf-8", newline="") as file:
        table = DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)


def _as_parquet(source: Path, target: Path) -> None:
    """Typed columns, as a warehouse writes them, and a few lines without a customer."""
    table = csv.read_csv(source)
    place = table.schema.get_field_index("customer_id")
    unknown = pa.array([None] * 3, table.field(place).type)
    ids = pa.chunked_array([unknown, *table.column(place).slice(3).chunks])
    pq.write_table(table.set_column(place, "customer_id", ids), target)


def test_tables_are_equal(runs: tuple[Run, Run]) -> None:
    names = [{str(path.relative_to(run.folder)) for path in run.folder.rglob("*.parquet")} for run in runs]
    names = [{name for name in found if "part-" not in name} for found in names]
    assert names[0] == names[1]
    assert {f"{name}.parquet" for name in LEAST} <= names[0]
    for name in sorted(names[0]):
        one, other = (pq.read_table(run.folder / name) for run in runs)
        assert _kinds(one) == _kinds(other), name
        assert one.num_rows == 3 if name == "quarantine/orders.parquet" else one.num_rows > 0
        for column in one.column_names:
            _compare(one[column].to_pylist(), other[column].to_pylist(), f"{name} {column}")


@pytest.mark.parametrize("name", ["models.json", "manifest.json", "worth.json"])
def test_documents_are_equal(runs: tuple[Run, Run], name: str) -> None:
    one, other = (json.loads((run.folder / name).read_text("utf-8")) for run in runs)
    for document in (one, other):
        for key in OWN:
            document.pop(key, None)
    _compare(one, other, name)


def test_every_sense_of_worth_was_compared(runs: tuple[Run, Run]) -> None:
    """Had a topic found nothing, or been left out with a warning, its figures would be equal, and nothing shown."""
    assert [set(run.worth) for run in runs] == [{topic.name for topic in (*TOPICS, *AFTERWARDS)}] * 2
    assert not [one["code"] for one in runs[1].manifest["warnings"] if one["code"].endswith("_left_out")]


def test_the_manifest_names_spark(runs: tuple[Run, Run], spark_session: Any) -> None:
    assert [run.manifest["versions"].get("spark") for run in runs] == [None, spark_session.version]


def test_the_report_is_drawn(runs: tuple[Run, Run]) -> None:
    one, other = (run.report for run in runs)
    assert one.top[0].customer_id == other.top[0].customer_id
    assert all((runs[1].folder / name).stat().st_size > 10_000 for name in ("report.html", "report.xlsx"))


def _kinds(table: pa.Table) -> list[tuple[str, str]]:
    """Names and types; whether a column could hold nothing is the engine's affair."""
    return [(field.name, str(field.type).replace(" not null", "")) for field in table.schema]


def _compare(one: Any, other: Any, where: str) -> None:
    """Floats to nine digits, all else exactly."""
    if isinstance(one, dict):
        assert one.keys() == other.keys(), where
        for key, value in one.items():
            _compare(value, other[key], f"{where}.{key}")
    elif isinstance(one, list):
        assert len(one) == len(other), where
        for number, (left, right) in enumerate(zip(one, other, strict=True)):
            _compare(left, right, f"{where}[{number}]")
    elif isinstance(one, float) and isinstance(other, float):
        assert math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12), f"{where}: {one} and {other}"
    else:
        assert one == other, where


def test_a_table_in_several_parts_is_a_table(runs: tuple[Run, Run], tmp_path: Path) -> None:
    """What Spark writes of a large company: a folder of parts under the file's name."""
    assert (runs[1].folder / "customers.parquet").is_dir()
    whole = runs[1].customers
    shutil.copytree(runs[1].folder, tmp_path / "run")
    path = tmp_path / "run" / "customers.parquet"
    shutil.rmtree(path)
    path.mkdir()
    for number, start in enumerate(range(0, whole.num_rows, 50)):
        pq.write_table(whole.slice(start, 50), path / f"part-{number:05d}.parquet")
    again = Run(tmp_path / "run")
    assert again.customers.equals(whole)
    assert again.report.top == runs[1].report.top
