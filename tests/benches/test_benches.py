"""The benchmarks compare what they say they compare."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import jobs
import nightly
import same
from measuring import orders_in
from simulate import make_log

CUSTOMERS = 400


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("benches") / "orders.parquet"
    make_log(CUSTOMERS, 1, path)
    return path


@pytest.mark.parametrize("share", [0.01, 0.3])
def test_the_night_brings_the_newest_days(log: Path, share: float, tmp_path: Path) -> None:
    parts = nightly.cut(log, share, tmp_path)
    known, new = (pq.read_table(path)["date"] for path in (parts.known, parts.new))
    assert len(known) + len(new) == parts.orders == orders_in(log)
    assert pc.max(known).as_py() < pc.min(new).as_py()
    oldest_night = pc.sum(pc.equal(new, pc.min(new))).as_py()
    assert len(new) - oldest_night < share * parts.orders <= len(new)


def test_our_job_writes_one_row_per_customer_with_the_value_of_a_year(log: Path, tmp_path: Path) -> None:
    step = jobs.Steps()
    found, parameters = jobs.kezhi("bg_nbd", str(log), str(tmp_path / "out.parquet"), step)
    written = pq.read_table(tmp_path / "out.parquet")
    assert written.num_rows == CUSTOMERS
    assert set(parameters) == {"r", "alpha", "a", "b"}
    assert set(step.seconds) == {"import", "read and summarise", "fit", "predict", "write"}
    # twelve months are 52.18 weeks; discounting at 1 % a month takes between 1 % and 11.3 % off
    undiscounted = found["purchases_later"] * found["spend"]
    assert ((found["value"] > 0.887 * undiscounted) & (found["value"] < 1.004 * undiscounted)).all()
    assert written["value"].to_pylist() == pytest.approx(list(found["value"]))


def run_folder(folder: Path, amount: float, money: str = "1.10", level: float = 1.0) -> Path:
    folder.mkdir()
    table = pa.table({"customer_id": ["a", "b"], "amount": [1.0, amount], "value": [money, "2.00"]})
    table = table.set_column(2, "value", table["value"].cast(pa.decimal128(10, 2)))
    pq.write_table(table, folder / "customers.parquet")
    models = {"level": level, "seconds": amount, "weights": {"nbd": 0.5}}
    (folder / "models.json").write_text(json.dumps(models), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("other", "differ"),
    [
        ({"amount": 3.0}, []),
        ({"amount": 3.0 * (1 + 1e-12)}, []),
        ({"amount": 3.0 * (1 + 1e-6)}, ["customers.parquet, amount: 1 rows differ"]),
        ({"amount": 3.0, "money": "1.11"}, ["customers.parquet, value: 1 rows differ"]),
        ({"amount": 3.0, "level": 1.5}, ["models.json level (1.0, 1.5) differs"]),
    ],
)
def test_run_folders_are_the_same_or_it_is_said_where_not(tmp_path: Path, other: dict, differ: list[str]) -> None:
    ours, theirs = run_folder(tmp_path / "ours", 3.0), run_folder(tmp_path / "theirs", **other)
    assert list(same.differences(ours, theirs)) == differ


def test_a_missing_row_or_file_is_a_difference(tmp_path: Path) -> None:
    ours, theirs = run_folder(tmp_path / "ours", 3.0), run_folder(tmp_path / "theirs", 3.0)
    pq.write_table(pq.read_table(theirs / "customers.parquet").slice(1), theirs / "customers.parquet")
    pq.write_table(pa.table({"customer_id": ["a"]}), theirs / "periods.parquet")
    found = list(same.differences(ours, theirs))
    assert "customers.parquet, rows missing in the other: 1 rows differ" in found
    assert "periods.parquet is in one folder only" in found
