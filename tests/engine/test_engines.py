"""What every engine promises, asked of DuckDB and of Spark."""

from __future__ import annotations

import gc
import os
import sys
import threading
from concurrent.futures import CancelledError, ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kezhi.analysis import analyse
from kezhi.engine import MONEY, Engine, Spark, open_engine
from kezhi.engine.duckdb import DuckEngine, _give_way
from kezhi.language import KezhiError
from kezhi.ledger import SUM, Calendar, as_sum
from kezhi.sources import read_table

TODAY = date(2026, 11, 22)


@pytest.fixture
def numbers(either: Engine) -> Any:
    data = {
        "x": pa.array([1.00005, 2.5, None, -0.00015, 12.34505, 1e9 + 0.00015]),
        "m": pa.array(
            [Decimal("0.0001"), Decimal("99999999999999.9999"), None, *map(Decimal, ("-5.25", "0", "7"))]
        ).cast(pa.decimal128(18, 4)),
        "n": pa.array([7, -7, 3, None, 0, 2], pa.int64()),
        "s": pa.array(["b", "a", None, "客", "", "b"]),
        "d": pa.array(
            [date(2024, 2, 29), date(1969, 12, 31), None, date(2025, 1, 1), date(2026, 3, 31), date(2000, 1, 1)]
        ),
    }
    return either.table(pa.table(data))


def test_floats_become_the_same_money(either: Engine, numbers: Any) -> None:
    found = either.fetch(numbers.select(m=numbers.x.cast(MONEY), t=numbers.x.try_cast(MONEY)))
    wanted = [*map(Decimal, ("1.0001", "2.5000")), None, *map(Decimal, ("-0.0001", "12.3451", "1000000000.0002"))]
    assert found["m"].to_pylist() == wanted
    assert found["t"].to_pylist() == wanted


def test_sums_and_differences_of_money_keep_every_digit(either: Engine, numbers: Any) -> None:
    total = numbers.m.sum().cast(SUM)
    row = either.row(numbers.aggregate(total=total, twice=as_sum(total + total), less=as_sum(total - total - total)))
    assert row == {
        "total": Decimal("100000000000001.7500"),
        "twice": Decimal("200000000000003.5000"),
        "less": Decimal("-100000000000001.7500"),
    }
    small = numbers.filter(numbers.m < 100).mutate(pieces=ibis.literal(3.0001).cast(MONEY))
    assert either.row(small.aggregate(p=(small.m * small.pieces).sum().cast(SUM)))["p"] == Decimal("5.2505")


def test_numbers_written_with_a_point_are_floats(either: Engine, numbers: Any) -> None:
    factor: Any = ibis.cases((numbers.n > 2, 1.05), (numbers.n > 0, 1e-9), else_=0.1).cast("float64")
    found = either.fetch(numbers.select(square=factor * factor))
    assert found["square"].to_pylist() == [1.05 * 1.05, 0.1 * 0.1, 1.05 * 1.05, 0.1 * 0.1, 0.1 * 0.1, 1e-9 * 1e-9]


def test_infinite_numbers_are_found(either: Engine) -> None:
    given = either.table(pa.table({"n": range(5), "x": [float("inf"), float("-inf"), float("nan"), 1e300, None]}))
    found = either.fetch(given.select("n", infinite=given.x.isinf()).order_by("n"))["infinite"].to_pylist()
    assert found == [True, True, False, False, None]


def test_a_division_by_zero_in_a_row_that_is_not_used_ends_nothing(either: Engine, numbers: Any) -> None:
    share: Any = numbers.x / numbers.m.cast("float64")
    row = either.row(numbers.aggregate(best=share.max(where=numbers.m > 1)))
    assert row["best"] == pytest.approx((1e9 + 0.00015) / 7, rel=1e-15)


def test_periods_are_counted_alike(either: Engine, numbers: Any) -> None:
    calendar = Calendar("quarter", 4)
    starts = either.fetch(numbers.select(numbers.d, start=calendar.starts(calendar.numbers(numbers.d)))).to_pylist()
    assert [row["start"] for row in starts] == [
        calendar.start(calendar.number(row["d"])) if row["d"] else None for row in starts
    ]


def test_statistics_of_columns(either: Engine, numbers: Any) -> None:
    known = numbers.filter(numbers.x < 100)
    row = either.row(
        known.aggregate(
            quantiles=known.x.quantile([0.0, 0.5, 1.0]),
            correlation=known.x.corr(known.n.cast("float64"), how="pop"),
            different=known.s.hash().nunique(),
            latest=either.latest(known.s, known.n.cast("int32"), known.x > 2),
        )
    )
    assert row["quantiles"] == pytest.approx([-0.00015, 1.750025, 12.34505], rel=1e-12)
    assert row["correlation"] == pytest.approx(-0.121693002072883, rel=1e-9)
    assert (row["different"], row["latest"]) == (4, "")


def test_lists_are_filtered(either: Engine, numbers: Any) -> None:
    codes = [
        ibis.ifelse((numbers.n > 2).coalesce(False), "many", None),
        ibis.ifelse(numbers.s.isnull(), "nobody", None),
    ]
    flags = either.fetch(numbers.select(flags=ibis.array(codes).filter(lambda code: code.notnull())))
    assert flags["flags"].to_pylist() == [["many"], [], ["many", "nobody"], [], [], []]


def test_keys_sort_like_the_ids(either: Engine) -> None:
    ids = either.table(pa.table({"customer_id": ["b", "客户", "B", "a", "10", "9"]}))
    keyed = either.fetch(either.keyed(ids).order_by("customer"))["customer_id"].to_pylist()
    assert keyed == sorted(keyed, key=str.encode) == ["10", "9", "B", "a", "b", "客户"]


def test_what_was_stored_in_passing_is_dropped(either: Engine, numbers: Any) -> None:
    kept = either.store(numbers.select("n"))
    with either.passing():
        dropped = either.store(numbers.select("s"))
        assert either.fetch(dropped).num_rows == 6
    assert either.fetch(kept).num_rows == 6
    with pytest.raises(Exception, match=dropped.get_name().rpartition(".")[2]):
        either.fetch(dropped)


def test_what_is_asked_for_ahead_is_there_when_it_is_wanted(either: Engine, numbers: Any) -> None:
    """One table builds on another that is not there yet; what is stored in passing meanwhile goes without them."""
    first = either.ahead(numbers.select("n", twice=numbers.n * 2))
    second = either.ahead(first.rows.aggregate(total=first.rows.twice.sum()))
    with either.passing():
        either.store(numbers.select("s"))
    stored = second.ready()
    assert either.row(stored)["total"] == 2 * either.row(numbers.aggregate(total=numbers.n.sum()))["total"]
    either.forget(stored, first.ready())
    with pytest.raises(Exception, match=stored.get_name().rpartition(".")[2]):
        either.fetch(stored)


def _threads(engine: DuckEngine) -> int:
    return int(engine.connection.con.execute("SELECT current_setting('threads')").fetchall()[0][0])


@pytest.mark.parametrize(("threads", "left"), [(1, 1), (2, 1), (4, 3)])
def test_a_processor_is_left_to_what_computes_outside_the_engine(threads: int, left: int, tmp_path: Path) -> None:
    with DuckEngine(threads=threads, scratch=tmp_path) as engine:
        with engine.sparing():
            assert _threads(engine) == left
            assert engine.row(engine.table(pa.table({"n": [1, 2]})).agg(n=lambda t: t.n.sum())) == {"n": 3}
        assert _threads(engine) == threads
        with pytest.raises(ZeroDivisionError), engine.sparing():
            raise ZeroDivisionError
        assert _threads(engine) == threads


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a thread has no priority of its own")
def test_what_works_beside_gives_way_and_the_caller_does_not() -> None:
    def priority() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    before = priority()
    with ThreadPoolExecutor(1, initializer=_give_way) as pool:
        assert pool.submit(priority).result() == 19
    assert priority() == before


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a thread has no priority of its own")
def test_where_no_priority_may_be_changed_files_are_written_nevertheless(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "setpriority", forbidden)
    with engine.meanwhile(engine.table(pa.table({"n": [1]})), tmp_path / "n.parquet"):
        pass
    assert pq.read_table(tmp_path / "n.parquet").to_pylist() == [{"n": 1}]


def test_what_goes_wrong_ahead_is_told_when_it_is_wanted(engine: Engine) -> None:
    words = engine.table(pa.table({"word": ["1", "one"]}))
    begun = engine.ahead(words.select(number=words.word.cast("int32")))
    assert engine.row(words.aggregate(rows=words.count()))["rows"] == 2
    with pytest.raises(Exception, match="one"):
        begun.ready()


def test_an_engine_that_is_closed_waits_for_nothing() -> None:
    with open_engine() as other:
        rows = other.table(pa.table({"n": range(100_000)}))
        pairs = rows.cross_join(rows.rename(m="n"))  # ten thousand million
        begun = [other.ahead(pairs.aggregate(total=(pairs.n * pairs.m).sum())) for _ in range(3)]
    with pytest.raises((KeyboardInterrupt, CancelledError)):
        begun[-1].ready()


def test_what_a_cluster_stores_is_kept_and_dropped_alike(spark_session: Any) -> None:
    """Spread over machines, stored rows keep how they were made; on one machine, as in all other tests, they do not."""
    with open_engine(spark_session) as spark:
        spark._one_machine = False  # type: ignore[attr-defined]
        kept = spark.store(spark.store(_counted(spark)).filter(lambda t: t.n < 10))
        with spark.passing():
            dropped = spark.store(kept.mutate(more=kept.n + 1))
            assert spark.row(dropped.aggregate(total=dropped.more.sum()))["total"] == 55
        assert spark.row(kept.aggregate(total=kept.n.sum()))["total"] == 45
        with pytest.raises(Exception, match=dropped.get_name()):
            spark.fetch(dropped)


def test_dropped_rows_leave_the_memory(spark_session: Any) -> None:
    kept = spark_session.sparkContext._jsc.getPersistentRDDs
    with open_engine(spark_session) as spark:
        before = set(kept())
        table = spark.store(_counted(spark))
        assert len(set(kept()) - before) == 1
        spark.forget(table)
        assert set(kept()) <= before


def test_medians_of_some_rows_are_the_same(either: Engine, numbers: Any) -> None:
    row = either.row(
        numbers.aggregate(some=numbers.x.median(where=numbers.n > 0), none=numbers.x.median(where=numbers.n > 9))
    )
    assert row == {"some": pytest.approx((1.00005 + 1e9 + 0.00015) / 2, rel=1e-15), "none": None}


def test_places_have_the_same_type_in_files(either: Engine, numbers: Any, tmp_path: Path) -> None:
    order = ibis.window(order_by=[numbers.n, numbers.s])
    either.write_parquet(numbers.select(at=ibis.row_number().over(order) + 1), tmp_path / "places.parquet")
    found = pq.read_table(tmp_path / "places.parquet")["at"]
    assert found.type == pa.int64()
    assert sorted(found.to_pylist()) == [1, 2, 3, 4, 5, 6]


def test_parquet_is_read_with_file_and_row(either: Engine, tmp_path: Path) -> None:
    for name, values in (("first one.parquet", [1, 2]), ("客户.parquet", [3])):
        pq.write_table(pa.table({"a": pa.array(values, pa.int64()), name[:1]: values}), tmp_path / name)
    rows = either.fetch(either.scan_parquet([str(path) for path in sorted(tmp_path.iterdir())])).to_pylist()
    places = {(row["a"], Path(row["filename"]).name, row["file_row_number"], row["f"], row["客"]) for row in rows}
    assert places == {
        (1, "first one.parquet", 0, 1, None),
        (2, "first one.parquet", 1, 2, None),
        (3, "客户.parquet", 0, None, 3),
    }


def _counted(engine: Engine) -> Any:
    return engine.table(pa.table({"n": pa.array(range(2000), pa.int64()), "v": [Decimal(n % 7) for n in range(2000)]}))


def test_what_was_written_is_read_in_order(either: Engine, tmp_path: Path) -> None:
    path = tmp_path / "out.parquet"
    for _ in range(2):  # the second time over the first
        either.write_parquet(_counted(either).order_by(ibis.desc("n")), path)
    assert pq.read_table(path)["n"].to_pylist() == list(range(1999, -1, -1))
    assert [one.name for one in tmp_path.iterdir()] == ["out.parquet"]
    assert path.is_file()


def test_a_large_table_is_a_folder_of_parts_in_order(spark_session: Any, engine: Engine, tmp_path: Path) -> None:
    setting, path = "spark.sql.adaptive.coalescePartitions.enabled", tmp_path / "out.parquet"
    spark_session.conf.set(setting, "false")  # small parts are not put together: as if they were large
    try:
        with open_engine(spark_session) as spark:
            for _ in range(2):
                spark.write_parquet(_counted(spark).order_by(ibis.desc("n")), path)
            assert spark.row(spark.read_parquet(path).aggregate(n=lambda t: t.n.sum()))["n"] == 1999 * 1000
    finally:
        spark_session.conf.unset(setting)
    assert sorted(one.name[:10] for one in path.glob("*.parquet")) == ["part-00000", "part-00001"]
    falling = list(range(1999, -1, -1))
    assert pq.read_table(path)["n"].to_pylist() == falling
    assert engine.fetch(engine.read_parquet(path).select("n"))["n"].to_pylist() == falling
    assert [one.name for one in tmp_path.iterdir()] == ["out.parquet"]


MESSY = {
    "Customer": ['="001"', "客户 7 ", "9.0", None, "b", "b", "c", "d", "e", "f"],
    "Order date": [
        "2025-03-04 10:11", "4 March 2025", "20250304", "2025年3月4日", "13/02/2025", "31/02/2025", "2025.3.4", "45720",
        "1741046400", "04/03/2025",
    ],
    "Amount": ["¥1,234.50", "(12.5)", "1.2万", "7", "12,5 €", "-3", "abc", "1e3", "99999999999999999", "5%"],
    "Paid": [True, None, True, True, True, False, True, True, True, True],
}  # fmt: skip


def test_messy_text_in_parquet_is_read_and_refused_alike(engine: Engine, spark: Engine, tmp_path: Path) -> None:
    path = tmp_path / "messy.parquet"
    pq.write_table(pa.table(MESSY), path)
    readings = [read_table(one, "orders", [path], today=TODAY) for one in (engine, spark)]
    by_duckdb, by_spark = (
        [sorted(map(str, one.fetch(table).to_pylist())) for table in (reading.accepted, reading.rejected)]
        for one, reading in zip((engine, spark), readings, strict=True)
    )
    assert by_spark == by_duckdb
    assert len(by_spark[0]) > 3
    assert len(by_spark[1]) > 2
    assert readings[0].report == readings[1].report


def test_addresses_and_paths_only_spark_knows(spark: Engine, tmp_path: Path) -> None:
    path = tmp_path / "a b.parquet"
    pq.write_table(pa.table({"customer_id": ["a"], "date": [date(2025, 1, 2)], "amount": [1.5]}), path)
    reading = read_table(spark, "orders", [f"file://{path}"], today=TODAY)
    assert reading.report.accepted == 1
    assert reading.report.files[0].sha256 is None
    for missing in (f"file://{tmp_path}/nothing", str(tmp_path / "nothing.parquet")):
        with pytest.raises(KezhiError, match="no table at"):
            read_table(spark, "orders", [missing], today=TODAY)


def test_a_session_that_was_given_keeps_its_settings_and_its_life(spark: Engine, spark_session: Any) -> None:
    given = spark_session.createDataFrame(
        [("a", date(2025, 1, 2), 1.5)], "customer_id string, date date, amount double"
    )
    reading = read_table(spark, "orders", [given], today=TODAY)
    assert spark.fetch(reading.accepted).to_pylist() == [
        {"customer_id": "a", "date": date(2025, 1, 2), "amount": Decimal("1.5000")}
    ]
    with open_engine(spark_session) as second:
        second.store(second.table(pa.table({"a": [1]})))
    assert spark_session.conf.get("spark.sql.session.timeZone") == "America/New_York"
    assert spark_session.sql("select 1").collect()[0][0] == 1
    assert not spark_session.catalog.listTables()


@pytest.mark.parametrize("given", ["sparks", 7])
def test_another_engine_is_refused(given: object) -> None:
    with pytest.raises(KezhiError, match="duckdb, spark or a classic SparkSession"):
        open_engine(given)


def test_without_pyspark_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    with pytest.raises(KezhiError) as refused:
        open_engine("spark")
    assert 'pip install "kezhi[spark]"' in refused.value.text.en
    assert 'pip install "kezhi[spark]"' in refused.value.text.zh


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # what PySpark leaves open when Java does not start
def test_without_java_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    monkeypatch.setattr("pyspark.core.context.SparkContext._gateway", None)
    monkeypatch.setattr("pyspark.core.context.SparkContext._active_spark_context", None)
    monkeypatch.setattr("pyspark.sql.SparkSession._instantiatedSession", None)
    with pytest.raises(KezhiError, match="needs Java 17"):
        open_engine("spark")
    gc.collect()


def test_options_of_spark_without_spark_are_refused() -> None:
    from kezhi.cli.engines import EngineName, chosen

    assert chosen(EngineName.duckdb, None, None) == "duckdb"
    assert chosen(EngineName.spark, "yarn", ["a.b=c=d"]) == Spark("yarn", {"a.b": "c=d"})
    with pytest.raises(KezhiError, match="only with --engine spark"):
        chosen(EngineName.duckdb, "yarn", None)
    with pytest.raises(KezhiError, match="key=value"):
        chosen(EngineName.spark, None, ["novalue"])


def test_an_address_is_no_folder_for_results() -> None:
    with pytest.raises(KezhiError, match="is an address"):
        analyse("orders.csv", out="s3a://shop/results")
