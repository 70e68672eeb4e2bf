"""The log maker of the benchmarks: deterministic, in chunks, with the moments of its model."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from pyarrow import parquet


@pytest.fixture(scope="module")
def simulate() -> ModuleType:
    path = Path(__file__).parents[2] / "benches" / "simulate.py"
    spec = importlib.util.spec_from_file_location("simulate", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_same_seed_same_bytes_in_chunks(simulate: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulate, "CHUNK", 400)
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        simulate.make_log(1000, seed, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert (tmp_path / "a").read_bytes() != (tmp_path / "c").read_bytes()
    assert parquet.ParquetFile(tmp_path / "a").num_row_groups == 3
    assert len(set(parquet.read_table(tmp_path / "a")["customer_id"].to_pylist())) == 1000


def test_orders_follow_pareto_nbd_and_gamma_gamma(simulate: ModuleType, tmp_path: Path) -> None:
    customers = 40_000
    orders = simulate.make_log(customers, 3, tmp_path / "log")
    read = parquet.read_table(tmp_path / "log")
    assert read.schema.equals(simulate.SCHEMA)
    r, alpha, s, beta, weeks = (getattr(simulate, name) for name in ("R", "ALPHA", "S", "BETA", "WEEKS"))
    observed = weeks - np.arange(1, 7 * weeks + 1) / 7
    repeats = r * beta / (alpha * (s - 1)) * (1 - (beta / (beta + observed)) ** (s - 1))
    assert orders / customers == pytest.approx(1 + repeats.mean(), rel=0.02)
    assert 2.3 < orders / customers < 2.5
    spent = read["amount"].to_numpy()
    assert spent.mean() == pytest.approx(simulate.P * simulate.GAMMA / (simulate.Q - 1), rel=0.03)
    days = read["date"].to_numpy()
    assert days.min() >= simulate.FIRST_DAY
    assert days.max() < simulate.FIRST_DAY + 7 * weeks
